//! Settings and requests in few words.

use refgate::domain::secret::SecretKey;
use refgate::domain::time::UnixMillis;
use refgate::domain::urlsign::{Choices, Denial, Pass, Request, Scheme, Settings, Target, verify};

/// Settings with one key.
pub(crate) fn with_key(choices: Choices, key: &str) -> Settings {
    Settings::new(choices, SecretKey::new(key.to_owned()), None).unwrap()
}

/// The default settings of a scheme with a key.
pub(crate) fn settings(scheme: Scheme, key: &str) -> Settings {
    with_key(Choices::new(scheme), key)
}

/// Verifies a GET of a path with a query.
pub(crate) fn get<'a>(settings: &Settings, target: &'a str, now: i64) -> Result<Pass<'a>, Denial> {
    let request = Request { method: "GET", target: Target::split(target), client: None };
    verify(settings, &request, UnixMillis::from_secs(now))
}
