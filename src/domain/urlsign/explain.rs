//! Why a request passes or not, for whoever holds the keys.

use super::denial::Denial;
use super::field::Field;
use super::formula::{Subject, masked};
use super::key::Slot;
use super::path;
use super::read::read;
use super::settings::Settings;
use super::verify::{Request, genuine, in_force, verify};
use crate::domain::time::UnixMillis;

/// What became of a request, step by step. Not for strangers: it says whether a digest is right
/// although the link has expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The path and the query without the signature, if one was found.
    pub unsigned: Option<(String, Option<String>)>,
    /// The text that was hashed, with `{key}` where the key stands.
    pub hashed: Option<String>,
    /// The time in the link, after the epoch.
    pub stamp: Option<i64>,
    /// The last second of the link, after the epoch, tolerance included.
    pub until: Option<i64>,
    /// The key under which the digest is right, whatever else is wrong.
    pub genuine: Option<Slot>,
    /// What [`verify`] says.
    pub verdict: Result<Slot, Denial>,
}

/// Says what becomes of a request, and why.
pub fn explain(settings: &Settings, request: &Request<'_>, now: UnixMillis) -> Explanation {
    let mut found = Explanation {
        unsigned: None,
        hashed: None,
        stamp: None,
        until: None,
        genuine: None,
        verdict: verify(settings, request, now).map(|pass| pass.key),
    };
    let settings = in_force(settings, request.target);
    if path::check(request.target.path).is_err() {
        return found;
    }
    let Ok(reading) = read(settings, request.target) else { return found };
    let subject = Subject {
        fields: &reading.fields,
        path: reading.path,
        rest: &reading.rest,
        client: request.client,
    };
    let rest = (!reading.rest.is_empty()).then(|| reading.rest.join("&"));
    found.unsigned = Some((reading.path.to_owned(), rest));
    found.hashed = Some(masked(settings.formula(), &subject));
    found.stamp = settings.time.read(reading.fields.get(Field::Stamp));
    found.until = found.stamp.map(|stamp| stamp.saturating_add(settings.seconds_beyond()));
    found.genuine = genuine(settings, &reading, request.client).ok();
    found
}
