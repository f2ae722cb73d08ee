//! HTTP: the two planes. Handlers read a request into domain values, call one use case and write
//! its result; they decide nothing.
//!
//! | module | serves |
//! | --- | --- |
//! | [`data`] | the data plane: by its host, a request is one of the next three |
//! | [`oss`] | OSS's protocol |
//! | `delivery` | links on delivery domains |
//! | [`links`] | the distribution service, which makes links |
//! | [`admin`] | the admin plane: the JSON API, health and readiness |
//! | [`conn`] | the connections of both |

pub mod admin;
pub mod body;
pub mod conn;
pub mod data;
mod delivery;
pub mod links;
pub mod oss;

/// The most bytes that the target and the headers of a request can have together. A key takes up
/// to 3 069 bytes when every one of its bytes is escaped, user metadata 8 KiB, a signature and
/// its parameters under 2 KiB.
pub const MAX_HEAD_BYTES: usize = 32 * 1024;
