//! Delivery domains: host names that serve a bucket under terms of their own.
//!
//! A delivery domain is what a CDN's domain is: it gives objects and nothing else, and only to
//! requests whose URL is signed as its [`Terms`] say. What a request on it goes through, in this
//! order:
//!
//! 1. its method: GET, HEAD or OPTIONS
//! 2. its signature, if URLs are signed ([`urlsign`](super::urlsign))
//! 3. the key: the prefix of the domain and the path that was verified, decoded once
//! 4. the referer policy of the bucket, unless the domain leaves it out
//! 5. the right to read the object: the owner's, or what the ACL gives to strangers
//! 6. the limits of the link: referers, clients, a preview
//!
//! Sources: Alibaba Cloud CDN "URL signing" and "Back-to-origin to private buckets"; Tencent Cloud
//! VOD "Key hotlink protection". Where the vendors are silent the rule is ours.

mod application;
mod bearer;
mod prefix;
mod seats;
mod tally;
mod terms;
mod url;
mod warning;

pub use application::{
    Application, ApplicationName, InvalidApplication, InvalidApplicationName, InvalidScope,
    LinkScope, Pace,
};
pub use bearer::cache_control;
pub use prefix::{InvalidPrefix, Prefix};
pub use seats::{ClientNet, Seat, Seating, Seats};
pub use tally::{Count, KeyEnd, Outcome, Refusal, Tally, Unsigned};
pub use terms::{
    DirectAccess, ErrorHeader, InvalidIssue, Issue, OriginAccess, Playlists, RefererCheck, Terms,
};
pub use url::{InvalidUrl, LinkUrl};
pub use warning::{Everybody, Surroundings, warnings};
