//! Black-box tests: the real program on a folder of its own, asked over TCP.
//!
//! What a client library would not send is sent by hand ([`support::wire`]), and what is signed is
//! signed by the tests' own signer ([`support::sign`]), which shares nothing with the server's.
//! Expected values are OSS's documentation or an RFC.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what is missing in an answer fails the test"
)]

mod acls;
mod administrators;
mod append;
mod bodies;
mod bucket_policies;
mod copies;
mod cors;
mod coverage;
mod delivery;
mod forms;
mod hammer;
mod heads;
mod metadata;
mod multipart;
mod names;
mod order;
mod policies;
mod referer;
mod settings;
mod shutdown;
mod signatures;
mod slow;
mod strangers;
mod support;
mod symlinks;
mod tags;
mod taken_back;
mod temporary;
mod two_ways;
mod users;
mod ways_out;
