//! Signed URLs: verifying and making them.
//!
//! Every scheme is one row of a table ([`Scheme`]): where its fields stand in a URL, which text is
//! hashed, how, and how the time is written. The engine reads rows and knows no vendors.
//!
//! # Order of checks
//!
//! 1. the path: what can be read in two ways is refused before anything is computed
//! 2. the form of every field; each has one spelling, and none may be there twice
//! 3. time and digest; both are always computed, with both keys, and compared in constant time.
//!    Which failure is named is a matter of the row: nginx names a forged link before an expired one
//!
//! What is hashed is the path as it stands in the request, not decoded; `secure_link` alone decodes
//! it. So the digest of a secret before a text cannot be extended: the padding of such an
//! extension has bytes that no path can have.
//!
//! # Stricter than the vendors
//!
//! - A parameter of a signature that is there twice is refused, and so is one whose name is written
//!   with escapes. nginx takes the first of two, and names in any case.
//! - Digests are lower-case hexadecimal, or base64 without `=` and without spare bits. nginx reads
//!   several spellings of one digest.
//! - `//` stays as it is. nginx hashes `/`, so that one link opens two objects here.
//! - Times have one width; see [`TimeForm`].
//!
//! # As weak as the vendors
//!
//! What a signer that exists computes is taken, and said to be weak ([`Weakness`]): short keys; the
//! compat profile of Tencent VOD, where limits can be taken off a link; and the expression of nginx's
//! manual, where nothing parts the path from the address of the client, so that a link of `/v/s` for
//! 19.0.0.1 is one of `/v/s1` for 9.0.0.1. No text has the host in it, so domains need keys of their
//! own.
//!
//! # Decided here, where the vendors' pages are silent
//!
//! - A link is good to the end of its last second. The time is named before the digest.
//! - `rand` has at most 100 letters and digits, `uid` 1 to 64, `us` at most 64.
//! - `rlimit=0` and `exper=0` are no limits, and are hashed as `0`. The link of a limit of clients
//!   is its digest.
//! - Times far ahead are good, because they are signed, unless `max_future` says otherwise.
//!
//! # What this module does not decide
//!
//! Who may embed (both the referer policy and a signature must pass), what a [`Limits`] asks for
//! (addresses of clients are counted elsewhere), and anything about a download that has begun: a
//! signature is checked when a request begins, and never again.
//!
//! Sources: Alibaba Cloud CDN "Type A signing", "Type B signing", "Type C signing",
//! "Authentication method F"; ApsaraVideo Live "URL signing"; Tencent Cloud VOD "Key hotlink
//! protection"; Tencent Cloud CDN and EdgeOne "Authentication method A" to "D"; Volcengine CDN
//! "Type A"; Huawei Cloud Live "URL validation"; Qiniu "Hotlink protection by time stamps";
//! nginx `ngx_http_secure_link_module`.

mod again;
mod choices;
mod denial;
mod explain;
mod expression;
mod field;
mod formula;
mod heir;
mod key;
mod limits;
mod lists;
mod path;
pub mod playlist;
mod read;
mod row;
mod scheme;
mod scope;
mod settings;
mod sign;
mod stamp;
mod verify;
mod weakness;

pub use again::Verified;
pub use choices::{Choices, Form, Profile, Regions};
pub use denial::{Denial, Echo, Reason};
pub use explain::{Explanation, explain};
pub use expression::InvalidExpression;
pub use formula::Algorithm;
pub use heir::{Child, Parent};
pub use key::{Charset, InvalidKey, KeyRule, Keys, Slot};
pub use limits::{Clients, Limits, LinkId};
pub use lists::{RefererLists, RegionLists};
pub use path::{InvalidPath, escape};
pub use read::Target;
pub use scheme::{Scheme, UnknownScheme};
pub use scope::Scope;
pub use settings::{InvalidSettings, Settings};
pub use sign::{CannotSign, Link, Lists, Signed, path_of, sign};
pub use stamp::TimeForm;
pub use verify::{Pass, Request, verify};
pub use weakness::Weakness;
