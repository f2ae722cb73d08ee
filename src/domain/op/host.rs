//! Host names: which of them name a bucket.

use std::collections::HashMap;

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
    base_domains: Vec<String>,
    cnames: HashMap<String, BucketName>,
}

/// A text that is not a host name, or an authority with a bad port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the host is not a host name or address with an optional port")]
pub struct InvalidHost;

impl HostRules {
    /// Makes the rules. Base domains and hosts are compared without regard to case; a leading or
    /// trailing dot does not count.
    pub fn new(
        base_domains: impl IntoIterator<Item = String>,
        cnames: impl IntoIterator<Item = (String, BucketName)>,
    ) -> Self {
        let plain = |name: &str| name.trim_matches('.').to_ascii_lowercase();
        Self {
            base_domains: base_domains.into_iter().map(|domain| plain(&domain)).collect(),
            cnames: cnames.into_iter().map(|(host, bucket)| (plain(&host), bucket)).collect(),
        }
    }

    /// The text that stands where a bucket's name stands in the host, or `None` for path style.
    /// It has not been checked yet.
    ///
    /// # Errors
    ///
    /// [`InvalidHost`].
    pub fn bucket_label(&self, authority: &str) -> Result<Option<String>, InvalidHost> {
        let host = host_name(authority)?;
        if let Some(bucket) = self.cnames.get(&host) {
            return Ok(Some(bucket.as_str().to_owned()));
        }
        let configured = self.base_domains.iter().map(String::as_str);
        let label = configured
            .chain(vendor_domain(&host))
            .find_map(|base| host.strip_suffix(base)?.strip_suffix('.'));
        Ok(label.filter(|label| !label.is_empty()).map(str::to_owned))
    }
}

/// The vendor's domain at the end of a host, without what stands before it.
fn vendor_domain(host: &str) -> Option<&str> {
    let before = host.strip_suffix(".aliyuncs.com")?;
    let start = before.rfind('.').map_or(0, |dot| dot + 1);
    let endpoint = before.get(start..)?;
    (endpoint == "oss" || endpoint.starts_with("oss-")).then(|| host.get(start..))?
}

/// The host of an authority in lower case, without its port and a trailing dot.
fn host_name(authority: &str) -> Result<String, InvalidHost> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(_) => {
            let end = authority.find(']').ok_or(InvalidHost)? + 1;
            let (host, rest) = authority.split_at(end);
            match rest {
                "" => (host, None),
                _ => (host, Some(rest.strip_prefix(':').ok_or(InvalidHost)?)),
            }
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let good_port = port.is_none_or(|p| p.len() <= 5 && p.bytes().all(|b| b.is_ascii_digit()));
    let good_host = host
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'[' | b']' | b':'));
    if host.is_empty() || host.len() > 255 || !good_port || !good_host {
        return Err(InvalidHost);
    }
    Ok(host.trim_end_matches('.').to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_hosts_name_a_bucket() {
        let rules = HostRules::new(
            ["localhost".to_owned(), ".s3.Example.org".to_owned()],
            [("Img.Example.com".to_owned(), "pictures".parse().unwrap())],
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
            ("a bad port",                "localhost:80x",                       Err(InvalidHost)),
            ("an unclosed bracket",       "[::1",                                Err(InvalidHost)),
            ("a user",                    "good@evil",                           Err(InvalidHost)),
            ("nothing",                   "",                                    Err(InvalidHost)),
        ];
        for (name, authority, want) in table {
            let want = want.map(|label| label.map(str::to_owned));
            assert_eq!(rules.bucket_label(authority), want, "{name}");
        }
    }
}
