//! Whether a request carries a genuine signature.

use core::net::IpAddr;

use super::denial::{Denial, Echo, Reason};
use super::field::{Field, Fields};
use super::formula::Subject;
use super::key::Slot;
use super::limits::{self, Limits};
use super::path;
use super::read::{Reading, Target, is_presented};
use super::row::First;
use super::settings::Settings;
use crate::domain::time::UnixMillis;

/// What a signature is verified against.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The method, in upper case.
    pub method: &'a str,
    /// The path and the query as they stand in the request, nothing decoded.
    pub target: Target<'a>,
    /// The client's own address, not that of a proxy. Needed for signatures that cover it; without
    /// it they are refused.
    pub client: Option<IpAddr>,
}

/// A request whose signature is genuine and in time, without the signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pass<'a> {
    /// The path that was verified, as it stands in the request: what the store must look up.
    pub path: &'a str,
    /// The query without the signature: what is left, byte for byte and in its order.
    pub query: Option<String>,
    /// Which key verified.
    pub key: Slot,
    /// The last second of the link, after the epoch, tolerance included.
    pub until: i64,
    /// Whether the signature covers the rest of the query.
    pub query_is_signed: bool,
    /// What is still to be enforced.
    pub limits: Limits<'a>,
    /// What was verified, for links that inherit from this one.
    pub(super) target: Target<'a>,
    pub(super) client: Option<IpAddr>,
}

/// Verifies the signature of a request.
///
/// The digest is computed with both keys, whether or not the link is in time and whichever of them
/// fits, and compared in constant time: how long a refusal takes says nothing about its reason.
///
/// # Errors
///
/// [`Denial`].
pub fn verify<'a>(
    settings: &Settings,
    request: &Request<'a>,
    now: UnixMillis,
) -> Result<Box<Pass<'a>>, Denial> {
    path::check(request.target.path).map_err(Reason::Path)?;
    let settings = in_force(settings, request.target);
    let mut reading = Reading::of(request.target);
    reading.find(settings)?;
    let limits = limits::read(settings, &reading.fields, (request.method, reading.path))?;
    let time = in_time(settings, &reading.fields, now);
    let token = genuine(settings, &reading, request.client);
    let (until, key) = match settings.row().first {
        First::Time => (time?, token?),
        First::Token => {
            let key = token?;
            (time.map_err(gone)?, key)
        }
    };
    // In a box: it goes through many hands.
    Ok(Box::new(Pass {
        path: reading.path,
        query: (!reading.rest.is_empty()).then(|| reading.rest.join("&")),
        key,
        until,
        query_is_signed: reading.fields.get(Field::Scope) == "f",
        limits,
        target: request.target,
        client: request.client,
    }))
}

/// The settings for a URL: those for tickets, if it has one.
pub(super) fn in_force<'s>(settings: &'s Settings, target: Target<'_>) -> &'s Settings {
    settings.tickets().filter(|tickets| is_presented(tickets, target)).unwrap_or(settings)
}

/// A genuine link that has expired is gone, not forbidden.
fn gone(denial: Denial) -> Denial {
    match denial.reason {
        Reason::Expired(_) => Denial { status: 410, ..denial },
        Reason::Path(_)
        | Reason::NoArgument(_)
        | Reason::NoSignature
        | Reason::Duplicate(_)
        | Reason::Argument(_)
        | Reason::Time(_)
        | Reason::Token(_)
        | Reason::Method
        | Reason::Region
        | Reason::Referer
        | Reason::ForeignRegion
        | Reason::Clients
        | Reason::Preview => denial,
    }
}

/// The last second of a link that has not ended.
fn in_time(settings: &Settings, fields: &Fields<'_>, now: UnixMillis) -> Result<i64, Denial> {
    let text = fields.get(Field::Stamp);
    let stamp = settings.time.read(text).ok_or_else(|| Reason::Time(Echo::time(text)))?;
    let ahead = stamp.saturating_sub(now.as_secs());
    if settings.max_future.is_some_and(|most| ahead > i64::from(most)) {
        return Err(Reason::Time(Echo::time(text)).into());
    }
    let until = stamp.saturating_add(settings.seconds_beyond());
    if has_ended(until, now) {
        return Err(Reason::Expired(Echo::time(text)).into());
    }
    Ok(until)
}

/// Whether the last second of a link is over.
pub(super) const fn has_ended(until: i64, now: UnixMillis) -> bool {
    until < now.as_secs()
}

/// The key under which the digest is that of the URL.
pub(super) fn genuine(
    settings: &Settings,
    reading: &Reading<'_>,
    client: Option<IpAddr>,
) -> Result<Slot, Denial> {
    let text = reading.fields.get(Field::Token);
    let refused = || Denial::from(Reason::Token(Echo::md5(text)));
    let form = settings.row().token;
    let Reading { fields, path, rest, .. } = reading;
    if client.is_none() && (settings.signs_client() || fields.find(Field::Network) == Some("n")) {
        return Err(refused());
    }
    let subject = Subject { fields, path, rest, client };
    let mut found = None;
    for (slot, key) in settings.keys().all() {
        let digest = settings.algorithm.digest(settings.formula(), &subject, key.bytes());
        let named = fields.find(Field::KeyId).is_none_or(|id| id == key.id());
        if form.says(text, &digest) && named {
            found = found.or(Some(slot));
        }
    }
    found.ok_or_else(refused)
}
