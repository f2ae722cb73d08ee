//! Bytes to domain values and back. The only place that knows the XML and JSON of OSS; pure like
//! [`domain`](crate::domain).
//!
//! # Modules
//!
//! | module | reads and writes |
//! | --- | --- |
//! | [`xml`] | XML in general, within limits |
//! | [`bucket`] | the bodies of operations on buckets |
//! | [`changes`] | changes of settings, as they were recorded |
//! | [`copy`] | the bodies of operations that copy |
//! | [`cors`] | cross-origin rules |
//! | [`delivery`] | delivery domains, and orders of links |
//! | [`tagging`] | tags of objects |
//! | [`form`] | HTML forms that upload, and their policies |
//! | [`list`] | listings, and deletions of many objects |
//! | [`multipart`] | uploads in parts |
//! | [`error_body`] | errors |
//! | [`iam`] | policies of users and buckets |
//! | [`json`] | JSON as a tree |
//! | [`explain`] | questions about requests, and their answers |
//! | [`lint`] | findings of the lint |
//! | [`referer`] | referer policies, as XML and as JSON |
//! | [`urlsign`] | settings of signed URLs |
//! | [`policy_formats`] | referer policies as other products write them |
//! | [`word`] | words of closed sets |

pub mod bucket;
pub mod changes;
pub mod copy;
pub mod cors;
pub mod delivery;
pub mod error_body;
pub mod explain;
pub mod form;
pub mod iam;
pub mod json;
pub mod lint;
pub mod list;
pub mod multipart;
pub mod policy_formats;
pub mod referer;
pub mod tagging;
pub mod urlsign;
pub mod word;
pub mod xml;
