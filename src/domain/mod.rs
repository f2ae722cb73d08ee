//! Rules and values. Nothing here performs I/O, reads a clock or draws a random number:
//! what can be decided without them is decided here, as pure functions of their arguments.
//!
//! # Modules
//!
//! | module | decides |
//! | --- | --- |
//! | [`name`] | which texts are bucket names, object keys, regions, ids |
//! | [`op`] | what a request names (host and path) and which operation it asks for |
//! | [`auth`] | whether a signature is genuine and in time |
//! | [`referer`] | who may embed an object |
//! | [`setting`] | what is recorded of changes beside those of policies |
//! | [`stats`] | what is counted of requests, and what another policy would have said of them |
//! | [`urlsign`] | whether a URL of a delivery domain is signed, and how one is |
//! | [`iam`] | what policies of users and buckets allow |
//! | [`delivery`] | the terms on which a host name serves a bucket |
//! | [`acl`] | what a bucket ACL grants to whom |
//! | [`cors`] | which pages of other origins may read answers |
//! | [`form`] | what an upload by an HTML form asks for, and what its policy allows |
//! | [`object`] | object metadata, ranges, conditional requests, listings |
//! | [`code`] | error codes, their status and wording |
//! | [`seal`] | how secrets lie in the database |
//! | [`client`] | where a request comes from, behind proxies |
//! | [`json`], [`query`], [`encode`], [`time`], [`secret`], [`word`] | the small values that the rest is made of |

pub mod acl;
pub mod auth;
pub mod client;
pub mod code;
pub mod cors;
pub mod delivery;
pub mod encode;
pub mod form;
pub mod iam;
pub mod json;
pub mod name;
pub mod name_set;
pub mod object;
pub mod op;
pub mod query;
pub mod referer;
pub mod scan;
pub mod seal;
pub mod secret;
pub mod setting;
pub mod stats;
pub mod time;
pub mod urlsign;
pub mod word;
