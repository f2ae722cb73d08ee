//! What a request's host and path name.

use super::Level;
use super::host::{HostName, HostRules, InvalidHost};
use crate::domain::encode::{InvalidEscape, lossy, percent_decode_bytes};
use crate::domain::name::{BucketName, InvalidBucketName, InvalidObjectKey, ObjectKey};

/// The resource that a request is addressed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The account.
    Service,
    /// A bucket.
    Bucket(BucketName),
    /// An object.
    Object(BucketName, ObjectKey),
}

/// Why host and path name nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "each variant is explained by the error it carries")]
pub enum InvalidTarget {
    #[error(transparent)]
    Host(#[from] InvalidHost),
    #[error(transparent)]
    Escape(#[from] InvalidEscape),
    #[error(transparent)]
    Bucket(#[from] InvalidBucketName),
    #[error(transparent)]
    Key(#[from] InvalidObjectKey),
    #[error("the request target is not a path")]
    NotAPath,
}

/// The readings of one request.
///
/// There is one, but for a request by virtual host whose path begins with the same bucket once
/// more: ali-oss sends such requests in path style with a forged host
/// (`Host: b.oss-cn-hangzhou.aliyuncs.com`, path `/b/key`). Only the signature can tell them
/// from a key that really begins with the bucket's name, so both readings are kept until it is
/// checked, and a request without a signature means the first. Where the first breaks a rule of
/// names, the second is the only one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Targets {
    /// What the rules of hosts say.
    pub first: Target,
    /// The same path read in path style.
    pub second: Option<Target>,
}

impl Target {
    /// The level of the resource.
    pub const fn level(&self) -> Level {
        match self {
            Self::Service => Level::Service,
            Self::Bucket(_) => Level::Bucket,
            Self::Object(..) => Level::Object,
        }
    }

    /// The bucket, unless the service is named.
    pub const fn bucket(&self) -> Option<&BucketName> {
        match self {
            Self::Service => None,
            Self::Bucket(bucket) | Self::Object(bucket, _) => Some(bucket),
        }
    }

    /// The key, if an object is named.
    pub const fn key(&self) -> Option<&ObjectKey> {
        match self {
            Self::Service | Self::Bucket(_) => None,
            Self::Object(_, key) => Some(key),
        }
    }
}

impl Targets {
    /// Reads a host and a path, still percent-encoded. The path is decoded once; neither
    /// `//` nor dot segments are folded, and `%2F` is a slash.
    ///
    /// # Errors
    ///
    /// [`InvalidTarget`] says what about host or path breaks a rule.
    pub fn read(rules: &HostRules, host: &HostName, path: &str) -> Result<Self, InvalidTarget> {
        let decoded = percent_decode_bytes(path)?;
        let rest = decoded.strip_prefix(b"/").ok_or(InvalidTarget::NotAPath)?;
        match rules.bucket_label(host) {
            None => Ok(Self { first: path_style(rest)?, second: None }),
            Some(label) => {
                let bucket: BucketName = label.parse()?;
                let second = path_style(rest).ok().filter(|t| t.bucket() == Some(&bucket));
                match (in_bucket(bucket, rest), second) {
                    (Ok(first), second) => Ok(Self { first, second }),
                    (Err(_), Some(only)) => Ok(Self { first: only, second: None }),
                    (Err(err), None) => Err(err),
                }
            }
        }
    }
}

impl Targets {
    /// The bucket that a host and a path name, also if the key behind it breaks a rule.
    pub fn bucket(rules: &HostRules, host: &HostName, path: &str) -> Option<BucketName> {
        if let Some(label) = rules.bucket_label(host) {
            return label.parse().ok();
        }
        let decoded = percent_decode_bytes(path).ok()?;
        let name = decoded.strip_prefix(b"/")?.split(|byte| *byte == b'/').next()?;
        lossy(name).parse().ok()
    }
}

fn path_style(rest: &[u8]) -> Result<Target, InvalidTarget> {
    if rest.is_empty() {
        return Ok(Target::Service);
    }
    let slash = memchr::memchr(b'/', rest).unwrap_or(rest.len());
    let (bucket, key) = rest.split_at(slash);
    let bucket = lossy(bucket).parse()?;
    in_bucket(bucket, key.strip_prefix(b"/").unwrap_or_default())
}

fn in_bucket(bucket: BucketName, key: &[u8]) -> Result<Target, InvalidTarget> {
    if key.is_empty() {
        return Ok(Target::Bucket(bucket));
    }
    Ok(Target::Object(bucket, ObjectKey::from_bytes(key)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const IP: &str = "127.0.0.1:9000";
    const VHOST: &str = "abc.oss-cn-hangzhou.aliyuncs.com";

    fn show(target: &Target) -> String {
        match target {
            Target::Service => "service".into(),
            Target::Bucket(b) => format!("{b}"),
            Target::Object(b, k) => format!("{b}|{k}"),
        }
    }

    #[test]
    fn readings() {
        #[rustfmt::skip]
        let table = [
            ("the service",                     IP,    "/",               "service",  None),
            ("a bucket, with slash",            IP,    "/abc/",           "abc",      None),
            ("a bucket, without",               IP,    "/abc",            "abc",      None),
            ("an object",                       IP,    "/abc/a/b",        "abc|a/b",  None),
            ("oss2 escapes slashes in keys",    IP,    "/abc/a%2Fb%20c%2Bd.txt", "abc|a/b c+d.txt", None),
            ("dot segments are not folded",     IP,    "/abc/a/../%2e%2e/b", "abc|a/../../b", None),
            ("slashes are not folded",          IP,    "/abc/a//b",       "abc|a//b", None),
            ("decoded once",                    IP,    "/abc/%252e",      "abc|%2e",  None),
            ("a virtual host's bucket",         VHOST, "/",               "abc",      None),
            ("a virtual host's object",         VHOST, "/k",              "abc|k",    None),
            ("ali-oss with sldEnable, bucket",  VHOST, "/abc/",           "abc|abc/", Some("abc")),
            ("ali-oss with sldEnable, object",  VHOST, "/abc/k",          "abc|abc/k", Some("abc|k")),
            ("another bucket's name is a key",  VHOST, "/abcd/k",         "abc|abcd/k", None),
        ];
        for (name, host, path, first, second) in table {
            let rules = HostRules::default();
            let host = HostName::of_authority(host).unwrap();
            let got = Targets::read(&rules, &host, path).unwrap();
            assert_eq!(show(&got.first), first, "{name}");
            assert_eq!(got.second.as_ref().map(show).as_deref(), second, "{name}");
        }
    }

    #[test]
    fn a_bucket_is_named_beside_a_bad_key() {
        #[rustfmt::skip]
        let table = [
            ("a bad key",                   IP,    "/abc//k",     Some("abc")),
            ("not UTF-8",                   IP,    "/abc/%ff",    Some("abc")),
            ("an escaped slash",            IP,    "/abc%2F%2Fk", Some("abc")),
            ("in a virtual host",           VHOST, "//k",         Some("abc")),
            ("whose path cannot be read",   VHOST, "/%f",         Some("abc")),
            ("in a path that cannot",       IP,    "/abc/%f",     None),
            ("the service",                 IP,    "/",           None),
            ("a bad bucket",                IP,    "/_vod/x",     None),
            ("two labels",                  "a.b.oss-x.aliyuncs.com", "/", None),
        ];
        for (name, host, path, want) in table {
            let host = HostName::of_authority(host).unwrap();
            let got = Targets::bucket(&HostRules::default(), &host, path);
            assert_eq!(got, want.map(|bucket| bucket.parse().unwrap()), "{name}");
        }
    }

    #[test]
    fn refusals() {
        use crate::domain::name::{InvalidBucketName as B, InvalidObjectKey as K};
        #[rustfmt::skip]
        let table = [
            ("a reserved segment",      IP,    "/_vod/x",     InvalidTarget::Bucket(B::Char('_'))),
            ("an escaped NUL",          IP,    "/abc/a%00",   InvalidTarget::Key(K::Nul)),
            ("a key with a leading /",  IP,    "/abc//k",     InvalidTarget::Key(K::Edge)),
            ("escaped, the same",       IP,    "/abc/%2Fk",   InvalidTarget::Key(K::Edge)),
            ("a leading backslash",     IP,    "/abc/%5Ck",   InvalidTarget::Key(K::Edge)),
            ("not UTF-8",               IP,    "/abc/%ff",    InvalidTarget::Key(K::Encoding)),
            ("a lone percent",          IP,    "/abc/%f",     InvalidTarget::Escape(InvalidEscape(5))),
            ("an asterisk",             IP,    "*",           InvalidTarget::NotAPath),
            ("two labels",              "a.b.oss-x.aliyuncs.com", "/", InvalidTarget::Bucket(B::Char('.'))),
        ];
        for (name, host, path, want) in table {
            let host = HostName::of_authority(host).unwrap();
            let got = Targets::read(&HostRules::default(), &host, path);
            assert_eq!(got, Err(want), "{name}");
        }
    }
}
