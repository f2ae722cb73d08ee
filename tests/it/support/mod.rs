//! What the tests share.
//!
//! | module | holds |
//! | --- | --- |
//! | [`server`] | a running refgate |
//! | [`request`] | a request, and its bytes |
//! | [`wire`] | a connection, and what comes back on it |
//! | [`sign`] | signatures, version 1 and 4, in the header and in the URL |
//! | [`form`] | HTML forms, and their signatures |
//! | [`admin`] | the admin API: users, their keys and policies |
//! | [`actions`] | an example of every operation |
//! | [`policy`] | referer policies |
//! | [`clock`] | time, and waiting for something |

pub(crate) mod actions;
pub(crate) mod admin;
pub(crate) mod clock;
pub(crate) mod form;
pub(crate) mod policy;
pub(crate) mod request;
pub(crate) mod server;
pub(crate) mod sign;
pub(crate) mod wire;

pub(crate) use request::Request;
pub(crate) use server::Server;
pub(crate) use sign::{Channel, Signer};
pub(crate) use wire::{Connection, Response};

/// ACLs as OSS names them.
pub(crate) const PRIVATE: &str = "private";
pub(crate) const PUBLIC_READ: &str = "public-read";
pub(crate) const PUBLIC_READ_WRITE: &str = "public-read-write";
