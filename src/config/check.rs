//! The rules of single settings.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use http::HeaderName;

use super::{SecretText, SettingError, Signing};
use crate::domain::client::TrustedProxies;
use crate::domain::name::{AccessKeyId, BucketName};
use crate::domain::op::HostName;
use crate::domain::secret::SecretKey;

/// Checks an access key that is set from outside.
///
/// # Errors
///
/// [`SettingError`].
pub(super) fn root_key(
    id: Option<String>,
    secret: Option<SecretText>,
) -> Result<Option<(AccessKeyId, SecretKey)>, SettingError> {
    let (id, secret) = match (id, secret) {
        (None, None) => return Ok(None),
        (Some(id), Some(SecretText(secret))) => (id, secret),
        (Some(_), None) => {
            return Err(SettingError::HalfAKey { missing: "root_access_key_secret" });
        }
        (None, Some(_)) => return Err(SettingError::HalfAKey { missing: "root_access_key_id" }),
    };
    if secret.is_empty() || secret.len() > 128 {
        return Err(SettingError::Value {
            name: "root_access_key_secret",
            value: "(hidden)".into(),
            reason: "a secret has 1 to 128 bytes".into(),
        });
    }
    Ok(Some((parsed("root_access_key_id", &id)?, SecretKey::new(secret))))
}

pub(super) fn parsed<T>(name: &'static str, value: &str) -> Result<T, SettingError>
where
    T: FromStr,
    T::Err: Display,
{
    value.parse().map_err(|err: T::Err| SettingError::Value {
        name,
        value: value.into(),
        reason: err.to_string(),
    })
}

/// A number that has to lie in a range.
fn within<T: PartialOrd + Display>(
    name: &'static str,
    value: T,
    range: &RangeInclusive<T>,
) -> Result<T, SettingError> {
    if range.contains(&value) {
        return Ok(value);
    }
    let reason = format!("must be {} to {}", range.start(), range.end());
    Err(SettingError::Value { name, value: value.to_string(), reason })
}

pub(super) fn connections(value: Option<usize>) -> Result<usize, SettingError> {
    within("max_connections", value.unwrap_or(10_000), &(1..=1_000_000))
}

pub(super) fn worker_threads(value: usize) -> Result<usize, SettingError> {
    within("worker_threads", value, &(1..=1024))
}

/// Files that are kept open. Each is mapped, and systems allow about 65 000 mappings.
pub(super) fn open_files(value: Option<u32>) -> Result<u32, SettingError> {
    within("open_files", value.unwrap_or(1024), &(0..=32_768))
}

/// A time for which something is kept, with its default and its most.
pub(super) fn kept(
    name: &'static str,
    value: Option<u32>,
    (default, most): (u32, u32),
) -> Result<u32, SettingError> {
    within(name, value.unwrap_or(default), &(1..=most))
}

pub(super) fn seconds(
    name: &'static str,
    value: Option<u64>,
    default: u64,
) -> Result<Duration, SettingError> {
    let seconds = value.unwrap_or(default);
    if !(1..=86_400).contains(&seconds) {
        let reason = "must be 1 to 86400 seconds".into();
        return Err(SettingError::Value { name, value: seconds.to_string(), reason });
    }
    Ok(Duration::from_secs(seconds))
}

pub(super) fn cnames(entries: &[String]) -> Result<BTreeMap<HostName, BucketName>, SettingError> {
    let bad = |entry: &str, reason: &str| SettingError::Value {
        name: "cnames",
        value: entry.into(),
        reason: reason.into(),
    };
    let mut map = BTreeMap::new();
    for entry in entries {
        let (host, bucket) =
            entry.split_once('=').ok_or_else(|| bad(entry, "must be HOST=BUCKET"))?;
        let (host, bucket) = (parsed("cnames", host)?, parsed("cnames", bucket)?);
        if map.insert(host, bucket).is_some() {
            return Err(bad(entry, "the host is given twice"));
        }
    }
    Ok(map)
}

/// Headers that say something else: whoever read a region from them would read what a client said, or
/// nothing.
#[rustfmt::skip]
const NO_REGIONS: &[&str] = &[
    "authorization", "cache-control", "client-ip", "connection", "cookie", "date", "early-data",
    "expect", "forwarded", "from", "host", "keep-alive", "max-forwards", "origin", "pragma", "prefer",
    "priority", "range", "referer", "te", "trailer", "transfer-encoding", "true-client-ip", "upgrade",
    "user-agent", "via", "warning", "x-client-ip", "x-forwarded-by", "x-forwarded-for",
    "x-forwarded-host", "x-forwarded-port", "x-forwarded-prefix", "x-forwarded-proto",
    "x-forwarded-scheme", "x-forwarded-server", "x-forwarded-ssl", "x-real-ip", "x-requested-with",
];

/// The same of all headers that begin so.
const NO_REGIONS_OF: &[&str] =
    &["accept", "access-control-", "content-", "if-", "proxy-", "sec-", "upgrade-", "x-oss-"];

/// A header that only trusted proxies may set: there must be some, and it must be there for nothing
/// else.
pub(super) fn region_header(
    name: Option<String>,
    proxies: &TrustedProxies,
) -> Result<Option<HeaderName>, SettingError> {
    const SETTING: &str = "client_region_header";
    let Some(name) = name else { return Ok(None) };
    if proxies.is_empty() {
        let reason = "nobody is trusted to say it: trusted_proxies is empty".into();
        return Err(SettingError::Value { name: SETTING, value: name, reason });
    }
    let header: HeaderName = parsed(SETTING, &name)?;
    let text = header.as_str();
    if NO_REGIONS.contains(&text) || NO_REGIONS_OF.iter().any(|kind| text.starts_with(kind)) {
        let reason = "this header says something else: name one of your proxies' own".into();
        return Err(SettingError::Value { name: SETTING, value: name, reason });
    }
    Ok(Some(header))
}

pub(super) fn trusted_proxies(entries: &[String]) -> Result<TrustedProxies, SettingError> {
    let networks = entries.iter().map(|entry| parsed("trusted_proxies", entry));
    Ok(TrustedProxies::new(networks.collect::<Result<_, _>>()?))
}

/// An endpoint stands in XML and in clients' settings as `HOST[:PORT]`.
pub(super) fn public_endpoint(text: String) -> Result<String, SettingError> {
    let host = text.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok());
    parsed::<HostName>("public_endpoint", host.map_or(text.as_str(), |(host, _)| host))?;
    Ok(text)
}

/// Where URLs are signed. To open what is nowhere is a mistake.
pub(super) fn signing(host: Option<String>, open: bool) -> Result<Option<Signing>, SettingError> {
    match host {
        Some(host) => Ok(Some(Signing { host: parsed("sign_host", &host)?, open })),
        None if open => Err(SettingError::Value {
            name: "sign_open",
            value: "true".into(),
            reason: "there is no sign_host".into(),
        }),
        None => Ok(None),
    }
}
