//! Settings and requests in few words.

use refgate::domain::secret::SecretKey;
use refgate::domain::time::UnixMillis;
use refgate::domain::urlsign::{Choices, Denial, Pass, Request, Scheme, Settings, Target, verify};

/// The choices of a scheme with a key.
pub(crate) fn choices(scheme: Scheme, key: &str) -> Choices {
    Choices::new(scheme, SecretKey::new(key.to_owned()))
}

/// The default settings of a scheme with a key.
pub(crate) fn settings(scheme: Scheme, key: &str) -> Settings {
    Settings::new(choices(scheme, key)).unwrap()
}

/// Verifies a GET of a path with a query.
pub(crate) fn get<'a>(settings: &Settings, target: &'a str, now: i64) -> Result<Pass<'a>, Denial> {
    let request = Request { method: "GET", target: Target::split(target), client: None };
    verify(settings, &request, UnixMillis::from_secs(now))
}
