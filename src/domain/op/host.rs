//! Host names: which of them name a bucket.

use core::net::IpAddr;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use crate::domain::name::BucketName;

/// The rules by which a host names a bucket.
///
/// | host | addresses |
/// | --- | --- |
/// | one of the CNAME map | its bucket |
/// | `<bucket>.<base domain>` | that bucket |
/// | `<bucket>.oss-<region>[-internal].aliyuncs.com`, `<bucket>.oss.aliyuncs.com` | that bucket |
/// | anything else: an IP address, a base domain itself, any other name | nothing: path style |
///
/// The third row is there because SDKs forge the vendor's own host even when they connect to
/// another endpoint (ali-oss with an IP endpoint).
#[derive(Clone, Debug, Default)]
pub struct HostRules {
    base_domains: Vec<HostName>,
    cnames: HashMap<String, BucketName>,
    endpoint: Option<HostName>,
    links: Option<HostName>,
}

/// The name or address of a host, in lower case, without a port or a dot at its end.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostName(String);

impl FromStr for HostName {
    type Err = InvalidHost;

    /// Reads a host. A dot before it, as some write domains, does not count.
    fn from_str(text: &str) -> Result<Self, InvalidHost> {
        let text = text.strip_prefix('.').unwrap_or(text);
        let name = host_name(text)?;
        // `host_name` has cut a port off, and there is none to have here.
        if name.is_empty() || name.len() + 1 < text.len() {
            Err(InvalidHost)
        } else {
            Ok(Self(name.into_owned()))
        }
    }
}

impl HostName {
    /// The host that an authority names, whatever its case, its port or a dot at its end.
    ///
    /// # Errors
    ///
    /// [`InvalidHost`].
    pub fn of_authority(authority: &str) -> Result<Self, InvalidHost> {
        Ok(Self(host_name(authority)?.into_owned()))
    }

    /// The host as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is a name that DNS can hold: labels of 1 to 63 letters, digits, `-` and `_`, with no
    /// `-` at their ends (RFC 1035, section 2.3.4; names of services have `_`).
    pub fn is_name(&self) -> bool {
        let label = |label: &str| {
            let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
            (1..=63).contains(&label.len())
                && label.bytes().all(allowed)
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        self.0.len() <= 253 && self.0.split('.').all(label)
    }

    fn is_address(&self) -> bool {
        self.0.starts_with('[') || self.0.parse::<IpAddr>().is_ok()
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a host is there for already.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostUse {
    /// It is an address and no name.
    #[error("is an address: clients of OSS use it")]
    Address,
    /// It is the public endpoint.
    #[error("is the public endpoint")]
    Endpoint,
    /// It is where links are made.
    #[error("is the host of the distribution service")]
    Links,
    /// It is a base domain, or one of the vendor's.
    #[error("is a domain below which buckets are")]
    BaseDomain,
    /// It is where a bucket is: by CNAME, or below a base domain.
    #[error("is a host of the bucket {0:?}")]
    Bucket(String),
}

/// A text that is not a host name, or an authority with a bad port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the host is not a host name or address with an optional port")]
pub struct InvalidHost;

impl HostRules {
    /// Makes the rules.
    pub fn new(
        base_domains: impl IntoIterator<Item = HostName>,
        cnames: impl IntoIterator<Item = (HostName, BucketName)>,
    ) -> Self {
        Self {
            base_domains: base_domains.into_iter().collect(),
            cnames: cnames.into_iter().map(|(host, bucket)| (host.0, bucket)).collect(),
            endpoint: None,
            links: None,
        }
    }

    /// The same rules where clients are told this endpoint.
    #[must_use]
    pub fn with_endpoint(mut self, endpoint: Option<HostName>) -> Self {
        self.endpoint = endpoint;
        self
    }

    /// The same rules where links are made on this host.
    #[must_use]
    pub fn with_links(mut self, host: Option<HostName>) -> Self {
        self.links = host;
        self
    }

    /// What a host is there for, if OSS's protocol is spoken on it by these rules and not only for
    /// want of another.
    pub fn use_of(&self, host: &HostName) -> Option<HostUse> {
        if host.is_address() {
            return Some(HostUse::Address);
        }
        if self.endpoint.as_ref() == Some(host) {
            return Some(HostUse::Endpoint);
        }
        if self.links.as_ref() == Some(host) {
            return Some(HostUse::Links);
        }
        if let Some(label) = self.bucket_label(host) {
            return Some(HostUse::Bucket(label.to_owned()));
        }
        let bases = self.base_domains.iter().map(HostName::as_str);
        let mut bases = bases.chain(vendor_domain(&host.0));
        bases.any(|base| base == host.0).then_some(HostUse::BaseDomain)
    }

    /// The text that stands where a bucket's name stands in the host, or `None` for path style.
    /// It has not been checked yet.
    pub fn bucket_label<'h>(&'h self, HostName(host): &'h HostName) -> Option<&'h str> {
        if let Some(bucket) = self.cnames.get(host) {
            return Some(bucket.as_str());
        }
        let bases =
            || self.base_domains.iter().map(|domain| domain.0.as_str()).chain(vendor_domain(host));
        if bases().any(|base| base == host) {
            return None;
        }
        // Of domains within each other the nearest leaves the shortest label.
        let labels = bases().filter_map(|base| host.strip_suffix(base)?.strip_suffix('.'));
        labels.min_by_key(|label| label.len())
    }

    /// The hosts that name a bucket, in a fixed order.
    pub fn hosts_of(&self, bucket: &BucketName) -> Vec<String> {
        let virtual_hosts = self.base_domains.iter().map(|base| format!("{bucket}.{}", base.0));
        let cnames = self.cnames.iter().filter(|(_, of)| *of == bucket);
        let mut hosts: Vec<String> =
            virtual_hosts.chain(cnames.map(|(host, _)| host.clone())).collect();
        hosts.sort_unstable();
        hosts
    }
}

/// Whether only the machine itself knows a host by that name or address: no page in the world is
/// found under it.
pub fn is_local(authority: &str) -> bool {
    let Ok(host) = host_name(authority) else { return false };
    host == "localhost"
        || host.ends_with(".localhost")
        || host.starts_with("127.")
        || ["0.0.0.0", "[::1]", "[::]"].contains(&&*host)
}

/// The vendor's domain at the end of a host, without what stands before it.
fn vendor_domain(host: &str) -> Option<&str> {
    let before = host.strip_suffix(".aliyuncs.com")?;
    let start = before.rfind('.').map_or(0, |dot| dot + 1);
    let endpoint = before.get(start..)?;
    (endpoint == "oss" || endpoint.starts_with("oss-")).then(|| host.get(start..))?
}

/// The host of an authority in lower case, without its port and a trailing dot.
fn host_name(authority: &str) -> Result<Cow<'_, str>, InvalidHost> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(_) => {
            let end = authority.find(']').ok_or(InvalidHost)? + 1;
            let (host, rest) = authority.split_at(end);
            match rest {
                "" => (host, None),
                _ => (host, Some(rest.strip_prefix(':').ok_or(InvalidHost)?)),
            }
        }
        None => match memchr::memchr(b':', authority.as_bytes()) {
            Some(at) => (authority.get(..at).unwrap_or_default(), authority.get(at + 1..)),
            None => (authority, None),
        },
    };
    let good_port = port.is_none_or(|p| p.len() <= 5 && p.bytes().all(|b| b.is_ascii_digit()));
    let mut is_lower = true;
    let good_host = host.bytes().all(|b| {
        is_lower &= !b.is_ascii_uppercase();
        matches!(b, b'a'..=b'z' | b'A'..=b'Z' | b'-'..=b'.' | b'0'..=b':' | b'_' | b'[' | b']')
    });
    if host.is_empty() || host.len() > 255 || !good_port || !good_host {
        return Err(InvalidHost);
    }
    let host = host.trim_end_matches('.');
    // Clients send it in lower case.
    Ok(if is_lower { Cow::Borrowed(host) } else { Cow::Owned(host.to_ascii_lowercase()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_host_is_there_for() {
        let name = |text: &str| text.parse::<HostName>().unwrap();
        let rules = HostRules::new(
            [name("localhost"), name("oss.example.org")],
            [(name("img.example.com"), "pictures".parse().unwrap())],
        )
        .with_endpoint(Some(name("files.example.net")))
        .with_links(Some(name("sign.example.com")));
        let bucket = |label: &str| Some(HostUse::Bucket(label.to_owned()));
        #[rustfmt::skip]
        let table = [
            ("nothing",                    "cdn.example.com",    None),
            ("nothing, though near",       "example.org",        None),
            ("an address",                 "127.0.0.1",          Some(HostUse::Address)),
            ("an IPv6 address",            "[::1]",              Some(HostUse::Address)),
            ("the endpoint",               "Files.Example.net.", Some(HostUse::Endpoint)),
            ("where links are made",       "sign.example.com",   Some(HostUse::Links)),
            ("a base domain",              "localhost",          Some(HostUse::BaseDomain)),
            ("the vendor's domain",        "oss-cn-hangzhou.aliyuncs.com", Some(HostUse::BaseDomain)),
            ("a bucket below one",         "cdn.oss.example.org", bucket("cdn")),
            ("two labels below one",       "a.b.localhost",      bucket("a.b")),
            ("a bucket by CNAME",          "IMG.example.com",    bucket("pictures")),
            ("a bucket at the vendor's",   "b-1.oss-cn-hangzhou.aliyuncs.com", bucket("b-1")),
        ];
        for (test, host, want) in table {
            assert_eq!(rules.use_of(&name(host)), want, "{test}");
        }
    }

    #[test]
    fn which_hosts_name_a_bucket() {
        let rules = HostRules::new(
            ["localhost", ".s3.Example.org", "oss.s3.example.org"]
                .map(|name| name.parse().unwrap()),
            [("Img.Example.com".parse().unwrap(), "pictures".parse().unwrap())],
        );
        #[rustfmt::skip]
        let table = [
            ("an address",                "127.0.0.1:9000",                      Ok(None)),
            ("an IPv6 address",           "[::1]:9000",                          Ok(None)),
            ("a base domain itself",      "localhost:9000",                      Ok(None)),
            ("a bucket before it",        "Photos.localhost:9000",               Ok(Some("photos"))),
            ("two labels are no bucket, and not silently one", "a.b.localhost",  Ok(Some("a.b"))),
            ("a name that only ends alike", "notlocalhost",                      Ok(None)),
            ("an entry of the CNAME map", "img.example.com.",                    Ok(Some("pictures"))),
            ("the vendor's domain",       "b-1.oss-cn-hangzhou.aliyuncs.com",    Ok(Some("b-1"))),
            ("inside the vendor's net",   "b-1.oss-cn-hangzhou-internal.aliyuncs.com", Ok(Some("b-1"))),
            ("without a region",          "b-1.oss.aliyuncs.com:80",             Ok(Some("b-1"))),
            ("the vendor's service",      "oss-cn-hangzhou.aliyuncs.com",        Ok(None)),
            ("another of the vendor's",   "b-1.ecs.aliyuncs.com",                Ok(None)),
            ("a look-alike of the vendor","b-1.oss-x.aliyuncs.com.evil.net",     Ok(None)),
            ("a base domain in another",  "oss.s3.example.org",                  Ok(None)),
            ("a bucket before the inner", "b-1.oss.s3.example.org",              Ok(Some("b-1"))),
            ("a bad port",                "localhost:80x",                       Err(InvalidHost)),
            ("an unclosed bracket",       "[::1",                                Err(InvalidHost)),
            ("a user",                    "good@evil",                           Err(InvalidHost)),
            ("nothing",                   "",                                    Err(InvalidHost)),
        ];
        for (name, authority, want) in table {
            let host = HostName::of_authority(authority);
            let label = host.as_ref().map(|host| rules.bucket_label(host));
            assert_eq!(label, want.as_ref().copied(), "{name}");
        }
    }

    #[test]
    fn hosts_of_a_bucket() {
        let rules = HostRules::new(
            ["localhost", "oss.example.org"].map(|name| name.parse().unwrap()),
            [("img.example.com", "pictures"), ("www.example.com", "pages")]
                .map(|(host, bucket)| (host.parse().unwrap(), bucket.parse().unwrap())),
        );
        let want = ["img.example.com", "pictures.localhost", "pictures.oss.example.org"];
        assert_eq!(rules.hosts_of(&"pictures".parse().unwrap()), want);
    }

    #[test]
    fn hosts_that_only_the_machine_knows() {
        for (authority, want) in [
            ("localhost:9000", true),
            ("Photos.localhost", true),
            ("127.0.0.1:80", true),
            ("[::1]:9000", true),
            ("0.0.0.0", true),
            ("notlocalhost", false),
            ("oss.example.com", false),
            ("10.0.0.1", false),
            ("", false),
        ] {
            assert_eq!(is_local(authority), want, "{authority}");
        }
    }
}
