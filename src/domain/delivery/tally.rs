//! What is counted of requests on a delivery domain: by day of UTC, and exactly.
//!
//! - *verified* by a key: its signature was genuine and in time. What became of the request then does
//!   not matter.
//! - *refused* by the domain, for its signature or for what its link is limited to. Who was refused by
//!   a limit was verified before, and is in both.
//! - *open*: let in by a domain whose URLs are not signed.
//!
//! A download in many ranges is as many requests. What the bucket says of a request, its referer
//! policy above all, is counted with the bucket.

use crate::domain::name::DomainId;
use crate::domain::stats::Day;
use crate::domain::time::UnixMillis;
use crate::domain::urlsign::Reason;
use crate::domain::word::words;

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// The key of this id verified its signature.
    Verified(String),
    /// It was refused.
    Refused(Refusal),
    /// URLs are not signed.
    Open,
}

words! {
    /// Why a request was refused.
    #[derive(PartialOrd, Ord)]
    pub enum Refusal {
        /// Its path has two readings.
        Path = "path",
        /// It has no signature, or not all of one.
        Missing = "missing",
        /// A parameter of the signature is there twice.
        Duplicate = "duplicate",
        /// A parameter of the signature cannot be read.
        Argument = "argument",
        /// The time cannot be read, or lies too far ahead.
        Time = "time",
        /// The link has expired.
        Expired = "expired",
        /// The digest is not of this URL.
        Signature = "signature",
        /// The link is for another method.
        Method = "method",
        /// The link is for other referers.
        Referer = "referer",
        /// The link is for other regions, or asks for regions that are not known.
        Region = "region",
        /// As many clients use the link as may.
        Clients = "clients",
        /// The link is for a preview of something that cannot be cut.
        Preview = "preview",
    }
}

words! {
    /// What of a playlist is given out without signatures, where they were to be signed.
    pub enum Unsigned {
        /// All of it: it is given as it is stored.
        Whole = "whole",
        /// Links on the host that lie beyond what is signed.
        Links = "links",
    }
}

impl From<&Reason> for Refusal {
    fn from(reason: &Reason) -> Self {
        match reason {
            Reason::Path(_) => Self::Path,
            Reason::NoArgument(_) | Reason::NoSignature => Self::Missing,
            Reason::Duplicate(_) => Self::Duplicate,
            Reason::Argument(_) => Self::Argument,
            Reason::Time(_) => Self::Time,
            Reason::Expired(_) => Self::Expired,
            Reason::Token(_) => Self::Signature,
            Reason::Method => Self::Method,
            Reason::Referer => Self::Referer,
            Reason::Region | Reason::ForeignRegion => Self::Region,
            Reason::Clients => Self::Clients,
            Reason::Preview => Self::Preview,
        }
    }
}

impl Refusal {
    /// Its place in [`Refusal::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// How many requests, and when the last of them was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// How many.
    pub requests: u64,
    /// When the last was.
    pub latest: UnixMillis,
}

impl Default for Count {
    fn default() -> Self {
        Self { requests: 0, latest: UnixMillis(0) }
    }
}

impl std::ops::AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.requests = self.requests.saturating_add(other.requests);
        self.latest = self.latest.max(other.latest);
    }
}

/// What was counted of one outcome on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// The day.
    pub day: Day,
    /// What became of the requests.
    pub outcome: Outcome,
    /// How many.
    pub count: Count,
}

/// Until when links of a key are good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyEnd {
    /// The domain.
    pub domain: DomainId,
    /// The id of the key.
    pub key: String,
    /// The last second of the link that ends last, after the epoch.
    pub until: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_in_their_order() {
        for (index, refusal) in Refusal::ALL.iter().enumerate() {
            assert_eq!(refusal.index(), index);
        }
    }
}
