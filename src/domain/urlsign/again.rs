//! Knowing a link again.
//!
//! A player asks for a video range by range: hundreds of requests by one link, most of them on one
//! connection. What verifying finds depends on the settings, on method, target and client of the
//! request, and on the time. Where all but the time are the same, only the time has to be looked at
//! again.

use core::fmt;
use core::net::IpAddr;

use super::key::Slot;
use super::limits::Limits;
use super::read::Target;
use super::verify::{Pass, Request, has_ended};
use crate::domain::time::UnixMillis;

/// The longest path and query that are kept, in bytes: many connections may keep one each.
const LONGEST: usize = 1024;

/// What was verified of a GET, to know the next one that is the same.
///
/// It holds for the settings that verified it. Which those were, its owner knows.
#[derive(Clone, Default)]
pub struct Verified(Option<Found>);

#[derive(Clone)]
struct Found {
    /// Path and query, as they stood in the request.
    text: String,
    /// How long the path is.
    path: usize,
    /// How much of the path is of the signature: its beginning.
    signature: usize,
    client: Option<IpAddr>,
    at: UnixMillis,
    key: Slot,
    until: i64,
    query_is_signed: bool,
}

impl Verified {
    /// Keeps what was found of a request at that time, in place of what is there. Says whether it
    /// does: not if the link is long, or if there is more to it than a GET of a file, be it limits that
    /// are still to be enforced or a rest of the query.
    pub fn keep(&mut self, request: &Request<'_>, pass: &Pass<'_>, at: UnixMillis) -> bool {
        let Target { path, query } = request.target;
        let length = path.len() + query.map_or(0, |query| 1 + query.len());
        let is_simple = pass.query.is_none() && pass.limits == Limits::default();
        if request.method != "GET" || length > LONGEST || !is_simple {
            return false;
        }
        let Some(signature) = path.strip_suffix(pass.path) else { return false };
        // Its memory serves again.
        let mut text = self.0.take().map(|it| it.text).unwrap_or_default();
        text.clear();
        text.reserve_exact(length);
        text.push_str(path);
        if let Some(query) = query {
            text.push('?');
            text.push_str(query);
        }
        self.0 = Some(Found {
            text,
            path: path.len(),
            signature: signature.len(),
            client: request.client,
            at,
            key: pass.key,
            until: pass.until,
            query_is_signed: pass.query_is_signed,
        });
        true
    }

    /// What verifying this request would find now, if it is the same request and the link has not
    /// ended. After the clock was set back it is to be verified anew.
    pub fn again<'a>(&self, request: &Request<'a>, now: UnixMillis) -> Option<Box<Pass<'a>>> {
        let found = self.0.as_ref()?;
        let Target { path, query } = request.target;
        // The client first: how long texts take to compare is told to nobody but who has the link.
        let is_same = request.client == found.client
            && request.method == "GET"
            && found.text.get(..found.path) == Some(path)
            && found.text.get(found.path + 1..) == query;
        if !is_same || now < found.at || has_ended(found.until, now) {
            return None;
        }
        Some(Box::new(Pass {
            path: path.get(found.signature..)?,
            query: None,
            key: found.key,
            until: found.until,
            query_is_signed: found.query_is_signed,
            limits: Limits::default(),
            target: request.target,
            client: request.client,
        }))
    }
}

/// Not the link, which opens what it is for to whoever reads it.
impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified").finish_non_exhaustive()
    }
}
