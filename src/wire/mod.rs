//! Bytes to domain values and back. The only place that knows the XML and JSON of OSS; pure like
//! [`domain`](crate::domain).
//!
//! # Modules
//!
//! | module | reads and writes |
//! | --- | --- |
//! | [`xml`] | XML in general, within limits |
//! | [`referer`] | referer policies, as XML and as JSON |

pub mod referer;
pub mod xml;
