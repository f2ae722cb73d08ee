//! Delivery domains as JSON: how the admin API has them.
//!
//! ```json
//! { "bucket": "videos", "prefix": "vod/", "signing": { "scheme": "tencent-vod" },
//!   "distribution": { "t": 1800, "exper": 0, "rlimit": 0 } }
//! ```
//!
//! | field | is |
//! | --- | --- |
//! | `bucket` | the bucket; the only field that must be there |
//! | `prefix` | what stands before the path in every key |
//! | `signing` | how URLs are signed, as [`urlsign`](super::urlsign) has it; without it they are not |
//! | `keys` | `primary` and `secondary`, and `replace`: whether others may go for them; never written |
//! | `referer_policy` | whether the bucket's referer policy applies as well |
//! | `origin_access` | whether objects are read with the owner's right; by default if URLs are signed |
//! | `direct_access` | `by-acl` or `signed-only`: unsigned requests by the bucket's own hosts |
//! | `error_header` | whether refusals say why |
//! | `playlists` | `signed`, `signed-host` or `plain` |
//! | `distribution` | what links have of which nobody says more, by the names of Tencent's how-to: `t` seconds, `exper` seconds of a preview, `rlimit` clients; and `key`, another place for the primary key |
//!
//! A field that is not there has its default; one that is not known is an error.

use core::net::IpAddr;

use serde::de::{Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize};

use super::urlsign::{ChoicesBody, write_choices};
use super::word::Word;
use crate::domain::delivery::{
    DirectAccess, ErrorHeader, Issue, OriginAccess, Playlists, RefererCheck, Terms,
};
use crate::domain::name::BucketName;
use crate::domain::secret::SecretKey;

/// What a delivery domain is to be, as a request has it, read whole or not at all.
#[derive(Debug, Deserialize)]
#[serde(try_from = "DomainJson")]
pub struct DomainBody {
    /// The bucket.
    pub bucket: BucketName,
    /// The terms.
    pub terms: Terms,
    /// The keys, if the request has any.
    pub keys: Option<KeysBody>,
}

/// Keys as a request has them.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeysBody {
    /// The one that signs; it is drawn if there is none.
    #[serde(default)]
    pub primary: Option<KeyText>,
    /// The other.
    #[serde(default)]
    pub secondary: Option<KeyText>,
    /// Whether they take the place of those that are there.
    #[serde(default)]
    pub replace: bool,
}

/// A key as a request has it: text, which no error and no `Debug` shows.
#[derive(Clone, Debug)]
pub struct KeyText(pub SecretKey);

impl<'de> Deserialize<'de> for KeyText {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        /// An error about a wrong type would show the value.
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Value {
            Text(String),
            Other(IgnoredAny),
        }
        match Value::deserialize(from)? {
            Value::Text(text) => Ok(Self(SecretKey::new(text))),
            Value::Other(_) => Err(D::Error::custom("a key is text")),
        }
    }
}

/// Why a text is no domain. The sentence names the field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
struct InvalidDomain(String);

/// A domain as it is in JSON. It lives for one function call and is never passed on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DomainJson {
    bucket: String,
    #[serde(default)]
    prefix: String,
    #[serde(default)]
    signing: Option<ChoicesBody>,
    #[serde(default)]
    keys: Option<KeysBody>,
    #[serde(default)]
    referer_policy: Option<bool>,
    #[serde(default)]
    origin_access: Option<bool>,
    #[serde(default)]
    direct_access: Option<Word<DirectAccess>>,
    #[serde(default)]
    error_header: Option<bool>,
    #[serde(default)]
    playlists: Option<Word<Playlists>>,
    #[serde(default)]
    distribution: Option<DistributionJson>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct DistributionJson {
    #[serde(default)]
    key: Option<KeyText>,
    #[serde(default)]
    t: Option<u32>,
    #[serde(default)]
    exper: u32,
    #[serde(default)]
    rlimit: u8,
}

impl TryFrom<DomainJson> for DomainBody {
    type Error = InvalidDomain;

    fn try_from(json: DomainJson) -> Result<Self, InvalidDomain> {
        let bad =
            |field: &str, err: &dyn std::fmt::Display| InvalidDomain(format!("{field}: {err}"));
        let DistributionJson { key, t, exper, rlimit } = json.distribution.unwrap_or_default();
        // The how-to's template has an empty key, to be filled in.
        let key = key.filter(|KeyText(key)| !key.expose().is_empty());
        let mut keys = json.keys;
        if let Some(key) = key {
            let keys = keys.get_or_insert_default();
            if keys.primary.replace(key).is_some() {
                return Err(bad("distribution", &"the primary key is given twice"));
            }
        }
        let terms = Terms {
            prefix: json.prefix.parse().map_err(|err| bad("prefix", &err))?,
            signing: json.signing.map(|ChoicesBody(choices)| choices),
            referer: match json.referer_policy {
                Some(true) | None => RefererCheck::Bucket,
                Some(false) => RefererCheck::Off,
            },
            origin: match json.origin_access {
                None => OriginAccess::WhenSigned,
                Some(true) => OriginAccess::Always,
                Some(false) => OriginAccess::ByAcl,
            },
            direct: json.direct_access.unwrap_or_default().0,
            errors: match json.error_header {
                Some(true) | None => ErrorHeader::Shown,
                Some(false) => ErrorHeader::Hidden,
            },
            playlists: json.playlists.unwrap_or_default().0,
            issue: Issue::new(t, exper, rlimit).map_err(|err| bad("distribution", &err))?,
        };
        Ok(Self { bucket: json.bucket.parse().map_err(|err| bad("bucket", &err))?, terms, keys })
    }
}

/// What is set of a domain, as it can be put again. Keys are not in it.
#[derive(Debug, Serialize)]
pub struct DomainView<'d> {
    bucket: &'d str,
    prefix: &'d str,
    signing: Option<serde_json::Value>,
    referer_policy: bool,
    origin_access: Option<bool>,
    direct_access: Word<DirectAccess>,
    error_header: bool,
    playlists: Word<Playlists>,
    distribution: DistributionView,
}

#[derive(Debug, Serialize)]
struct DistributionView {
    t: Option<u32>,
    exper: u32,
    rlimit: u8,
}

impl<'d> DomainView<'d> {
    /// Shows a domain.
    pub fn new(bucket: &'d BucketName, terms: &'d Terms) -> Self {
        Self {
            bucket: bucket.as_str(),
            prefix: terms.prefix.as_str(),
            signing: terms.signing.as_ref().map(write_choices),
            referer_policy: terms.referer == RefererCheck::Bucket,
            origin_access: match terms.origin {
                OriginAccess::WhenSigned => None,
                OriginAccess::Always => Some(true),
                OriginAccess::ByAcl => Some(false),
            },
            direct_access: Word(terms.direct),
            error_header: terms.errors == ErrorHeader::Shown,
            playlists: Word(terms.playlists),
            distribution: DistributionView {
                t: terms.issue.lifetime(),
                exper: terms.issue.preview(),
                rlimit: terms.issue.clients(),
            },
        }
    }
}

/// An order of links: the URLs, and what all of them are to have.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinksBody {
    /// The URLs, or paths that begin with `/`.
    pub urls: Vec<String>,
    /// For how many seconds they are good.
    #[serde(default)]
    pub lifetime: Option<u32>,
    /// Seconds of a preview; 0 is the whole.
    #[serde(default)]
    pub preview: Option<u32>,
    /// Clients that may use each; 0 is any number.
    #[serde(default)]
    pub clients: Option<u8>,
    /// `rand`, and `us` of Tencent VOD.
    #[serde(default)]
    pub random: Option<String>,
    /// A user's id.
    #[serde(default)]
    pub uid: Option<String>,
    /// Tencent VOD: referers that may embed.
    #[serde(default)]
    pub whref: Option<String>,
    /// Tencent VOD: referers that may not.
    #[serde(default)]
    pub bkref: Option<String>,
    /// Tencent VOD: regions that may watch.
    #[serde(default)]
    pub whreg: Option<String>,
    /// Tencent VOD: regions that may not.
    #[serde(default)]
    pub bkreg: Option<String>,
    /// refgate: the depth of the directory that is signed.
    #[serde(default)]
    pub directory: Option<usize>,
    /// refgate: the only method that is allowed.
    #[serde(default)]
    pub method: Option<String>,
    /// refgate, nginx: the client to which the links are bound.
    #[serde(default)]
    pub client: Option<IpAddr>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::urlsign::{Choices, Scheme};

    fn read(json: &str) -> Result<DomainBody, String> {
        serde_json::from_str(json).map_err(|err| err.to_string())
    }

    fn written(body: &DomainBody) -> String {
        serde_json::to_string(&DomainView::new(&body.bucket, &body.terms)).unwrap()
    }

    #[test]
    fn a_bucket_alone_has_all_defaults() {
        let body = read(r#"{"bucket":"videos"}"#).unwrap();
        assert_eq!((body.bucket.as_str(), &body.terms), ("videos", &Terms::default()));
        assert!(body.keys.is_none());
        let want = concat!(
            r#"{"bucket":"videos","prefix":"","signing":null,"referer_policy":true,"#,
            r#""origin_access":null,"direct_access":"by-acl","error_header":true,"#,
            r#""playlists":"signed","distribution":{"t":null,"exper":0,"rlimit":0}}"#,
        );
        assert_eq!(written(&body), want);
    }

    #[test]
    fn what_is_written_can_be_read() {
        let json = concat!(
            r#"{"bucket":"videos","prefix":"a/","signing":{"scheme":"tencent-vod"},"#,
            r#""referer_policy":false,"origin_access":false,"direct_access":"signed-only","#,
            r#""error_header":false,"playlists":"signed-host","#,
            r#""distribution":{"t":60,"exper":30,"rlimit":3}}"#,
        );
        let body = read(json).unwrap();
        assert_eq!(body.terms.signing, Some(Choices::new(Scheme::TencentVod)));
        assert_eq!(body.terms.issue, Issue::new(Some(60), 30, 3).unwrap());
        assert_eq!(body.terms.origin, OriginAccess::ByAcl);
        assert_eq!(body.terms.playlists, Playlists::SignedHost);
        let again = read(&written(&body)).unwrap();
        assert_eq!(again.terms, body.terms);
        assert!(read(&json.replace(":false,\"direct", ":true,\"direct")).is_ok());
    }

    /// The template of the how-to, and the same filled in.
    #[test]
    fn the_configuration_of_the_how_to_is_read() {
        let domain = |config: &str| {
            read(&format!(r#"{{"bucket":"videos","distribution":{config}}}"#)).unwrap()
        };
        let empty = domain(r#"{"key":"","t":1800,"exper":0,"rlimit":0}"#);
        assert!(empty.keys.is_none());
        assert_eq!(empty.terms.issue.lifetime(), Some(1800));
        let filled = domain(r#"{"key":"24FEQmTzro4V5u3D5epW","t":1800,"exper":0,"rlimit":0}"#);
        let KeyText(key) = filled.keys.unwrap().primary.unwrap();
        assert_eq!(key.expose(), "24FEQmTzro4V5u3D5epW");
    }

    #[test]
    fn what_cannot_be_read_names_its_field() {
        #[rustfmt::skip]
        let table = [
            ("",                                           "missing field `bucket`"),
            (r#""bucket":"A""#,                            "bucket: "),
            (r#""bucket":"abc","prefix":"../x/""#,         "prefix: a prefix has no segment"),
            (r#""bucket":"abc","prefix":"/x/""#,           "prefix: a prefix does not begin"),
            (r#""bucket":"abc","signing":{"scheme":"ali-d"}"#, "has not published the algorithm of its type D"),
            (r#""bucket":"abc","signing":{}"#,             "missing field `scheme`"),
            (r#""bucket":"abc","direct_access":"open""#,   "\"open\" is none of by-acl, signed-only"),
            (r#""bucket":"abc","playlists":"host""#,       "\"host\" is none of signed, signed-host, plain"),
            (r#""bucket":"abc","origin_access":1"#,        "expected a boolean"),
            (r#""bucket":"abc","distribution":{"t":0}"#,   "distribution: a link is good for 1 to"),
            (r#""bucket":"abc","distribution":{"rlimit":10}"#, "distribution: a link is limited to"),
            (r#""bucket":"abc","distribution":{"us":1}"#,  "unknown field `us`"),
            (r#""bucket":"abc","keys":{"primary":"hunter2","third":"x"}"#, "unknown field `third`"),
            (r#""bucket":"abc","keys":{"primary":"hunter2"},"distribution":{"key":"hunter3"}"#, "given twice"),
            (r#""bucket":"abc","keys":{"primary":4711}"#,  "a key is text"),
            (r#""bucket":"abc","host":"x""#,               "unknown field `host`"),
        ];
        for (fields, want) in table {
            let err = read(&format!("{{{fields}}}")).unwrap_err();
            assert!(err.contains(want), "{fields}: {err}");
            assert!(!err.contains("hunter") && !err.contains("4711"), "{fields}: {err}");
        }
    }
}
