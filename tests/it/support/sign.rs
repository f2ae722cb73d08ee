//! Signatures, after OSS "Include a V1 signature in the header", "… in a URL", "Include a V4
//! signature in the Authorization header", "… in a URL". Written for the tests alone, on the
//! primitives: a mistake of the server's signer cannot be repeated here.

use std::time::{Duration, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use super::clock;
use super::request::{Request, escape};

/// The owner's access key and the region of the servers under test.
pub(crate) const KEY_ID: &str = "owner-of-the-tests";
pub(crate) const SECRET: &str = "this-secret-must-never-be-seen-in-a-log";
pub(crate) const REGION: &str = "cn-hangzhou";

/// How a request says who sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channel {
    Anonymous,
    V1Header,
    V1Url,
    V4Header,
    V4Url,
}

impl Channel {
    pub(crate) const ALL: [Self; 5] =
        [Self::Anonymous, Self::V1Header, Self::V1Url, Self::V4Header, Self::V4Url];
    pub(crate) const SIGNED: [Self; 4] = [Self::V1Header, Self::V1Url, Self::V4Header, Self::V4Url];

    /// Whether the signature stands in the `Authorization` header.
    pub(crate) fn is_header(self) -> bool {
        matches!(self, Self::V1Header | Self::V4Header)
    }
}

/// Somebody who signs.
#[derive(Clone, Debug)]
pub(crate) struct Signer {
    pub(crate) id: String,
    pub(crate) secret: String,
    /// The security token of temporary credentials.
    pub(crate) token: Option<String>,
    pub(crate) region: String,
    /// When the request is signed, in seconds after the epoch.
    pub(crate) at: i64,
    /// How long a URL is good for, in seconds.
    pub(crate) lifetime: i64,
}

/// The parameters that select an operation or change an answer, of those that the tests use.
const V1_SUB_RESOURCES: &[&str] = &[
    "acl",
    "append",
    "bucketInfo",
    "continuation-token",
    "cors",
    "delete",
    "location",
    "objectMeta",
    "partNumber",
    "position",
    "policy",
    "policyStatus",
    "referer",
    "response-cache-control",
    "response-content-disposition",
    "response-content-type",
    "security-token",
    "stat",
    "symlink",
    "tagging",
    "uploadId",
    "uploads",
    "versionId",
];

impl Signer {
    /// The owner of all buckets, now.
    pub(crate) fn owner() -> Self {
        Self {
            id: KEY_ID.into(),
            secret: SECRET.into(),
            token: None,
            region: REGION.into(),
            at: clock::now(),
            lifetime: 600,
        }
    }

    /// Signs a request. A security token is a part of what is signed.
    pub(crate) fn sign(&self, channel: Channel, request: Request) -> Request {
        let request = match (&self.token, channel) {
            (None, _) | (_, Channel::Anonymous) => request,
            (Some(token), Channel::V1Header | Channel::V4Header) => {
                request.header("x-oss-security-token", token)
            }
            (Some(token), Channel::V1Url) => request.query("security-token", token),
            (Some(token), Channel::V4Url) => request.query("x-oss-security-token", token),
        };
        match channel {
            Channel::Anonymous => request,
            Channel::V1Header => self.v1_header(request),
            Channel::V1Url => self.v1_url(request),
            Channel::V4Header => self.v4_header(request),
            Channel::V4Url => self.v4_url(request),
        }
    }

    fn v1_header(&self, request: Request) -> Request {
        let when = UNIX_EPOCH + Duration::from_secs(self.at.unsigned_abs());
        let request = request.header("Date", httpdate::fmt_http_date(when));
        let date = request.value("Date").unwrap_or_default().to_vec();
        let signature = self.v1_signature(&request, &date);
        request.header("Authorization", format!("OSS {}:{signature}", self.id))
    }

    fn v1_url(&self, request: Request) -> Request {
        let expires = (self.at + self.lifetime).to_string();
        let signature = self.v1_signature(&request, expires.as_bytes());
        request
            .query("OSSAccessKeyId", &self.id)
            .query("Expires", &expires)
            .query("Signature", &signature)
    }

    fn v1_signature(&self, request: &Request, date: &[u8]) -> String {
        let mut text = request.method.clone().into_bytes();
        let value = |name| request.value(name).unwrap_or_default();
        for line in [value("content-md5"), value("content-type"), date] {
            text.push(b'\n');
            text.extend_from_slice(line);
        }
        text.push(b'\n');
        for (name, value) in signed_headers(request, |name| name.starts_with("x-oss-")) {
            text.extend_from_slice(&[name.as_bytes(), b":", &value, b"\n"].concat());
        }
        text.extend_from_slice(request.resource().as_bytes());
        let mut query: Vec<_> = request
            .query
            .iter()
            .filter(|(n, _)| n.starts_with("x-oss-") || V1_SUB_RESOURCES.contains(&n.as_str()))
            .map(|(n, v)| if v.is_empty() { n.clone() } else { format!("{n}={v}") })
            .collect();
        query.sort();
        if !query.is_empty() {
            text.extend_from_slice(format!("?{}", query.join("&")).as_bytes());
        }
        self.v1_of_text(&text)
    }

    /// The version 1 signature of a text.
    pub(crate) fn v1_of_text(&self, text: &[u8]) -> String {
        let mut mac = Hmac::<Sha1>::new_from_slice(self.secret.as_bytes()).unwrap();
        mac.update(text);
        STANDARD.encode(mac.finalize().into_bytes())
    }

    fn v4_header(&self, request: Request) -> Request {
        let mut request = request.header("x-oss-date", self.v4_date());
        if request.value("x-oss-content-sha256").is_none() {
            request = request.header("x-oss-content-sha256", "UNSIGNED-PAYLOAD");
        }
        let signature = self.v4_signature(&request);
        let credential = self.credential();
        let value = format!("OSS4-HMAC-SHA256 Credential={credential},Signature={signature}");
        request.header("Authorization", value)
    }

    fn v4_url(&self, request: Request) -> Request {
        let request = request
            .query("x-oss-signature-version", "OSS4-HMAC-SHA256")
            .query("x-oss-credential", &self.credential())
            .query("x-oss-date", &self.v4_date())
            .query("x-oss-expires", &self.lifetime.to_string());
        let signature = self.v4_signature(&request);
        request.query("x-oss-signature", &signature)
    }

    fn v4_signature(&self, request: &Request) -> String {
        let mut query: Vec<_> = request
            .query
            .iter()
            .map(|(name, value)| (escape(name, b""), escape(value, b"")))
            .map(|(name, value)| if value.is_empty() { name } else { format!("{name}={value}") })
            .collect();
        query.sort();
        let path = escape(&request.resource(), b"/");
        let mut text = format!("{}\n{path}\n{}\n", request.method, query.join("&")).into_bytes();
        let always = |name: &str| {
            name.starts_with("x-oss-") || ["content-type", "content-md5"].contains(&name)
        };
        for (name, value) in signed_headers(request, always) {
            text.extend_from_slice(&[name.as_bytes(), b":", &value, b"\n"].concat());
        }
        let payload = request.value("x-oss-content-sha256").unwrap_or(b"UNSIGNED-PAYLOAD");
        text.extend_from_slice(&[b"\n\n", payload].concat());
        let digest = hex::encode(Sha256::digest(&text));
        let scope = self.scope();
        self.v4_of_text(&format!("OSS4-HMAC-SHA256\n{}\n{scope}\n{digest}", self.v4_date()))
    }

    /// The version 4 signature of a text.
    pub(crate) fn v4_of_text(&self, text: &str) -> String {
        let key = format!("aliyun_v4{}", self.secret).into_bytes();
        let key = self.scope().split('/').fold(key, |key, part| sha256_mac(&key, part));
        hex::encode(sha256_mac(&key, text))
    }

    /// The moment of signing, as version 4 has it.
    pub(crate) fn v4_date(&self) -> String {
        let at = jiff::Timestamp::from_second(self.at).unwrap();
        at.strftime("%Y%m%dT%H%M%SZ").to_string()
    }

    fn scope(&self) -> String {
        format!("{}/{}/oss/aliyun_v4_request", &self.v4_date()[..8], self.region)
    }

    /// Key and scope, as version 4 has them.
    pub(crate) fn credential(&self) -> String {
        format!("{}/{}", self.id, self.scope())
    }
}

/// The headers that are signed, in lower case, sorted.
fn signed_headers(request: &Request, signed: impl Fn(&str) -> bool) -> Vec<(String, Vec<u8>)> {
    let lower = request.headers.iter().map(|(n, v)| (n.to_ascii_lowercase(), v.clone()));
    let mut headers: Vec<_> = lower.filter(|(name, _)| signed(name)).collect();
    headers.sort();
    headers
}

fn sha256_mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// Examples of the signers of the vendor's SDKs for Go and Python.
#[test]
fn the_signer_of_the_tests_knows_the_vendors_answers() {
    let vendor = Signer {
        id: "ak".into(),
        secret: "sk".into(),
        token: None,
        region: "cn-hangzhou".into(),
        at: 1_699_807_420,
        lifetime: 0,
    };
    let url = Request::get("bucket", "key").query("versionId", "versionId");
    let url = vendor.sign(Channel::V1Url, url);
    assert_eq!(url.query.last().unwrap().1, "dcLTea+Yh9ApirQ8o8dOPqtvJXQ=");

    let date = "Wed, 28 Dec 2022 10:27:41 GMT";
    let header = Request::object("PUT", "examplebucket", "nelson")
        .query("acl", "")
        .header("Content-MD5", "eB5eJF1ptWaXm4bijSPyxw==")
        .header("Content-Type", "text/html")
        .header("x-oss-date", date)
        .header("x-oss-meta-author", "alice")
        .header("x-oss-meta-magic", "abracadabra");
    let signature = vendor.v1_signature(&header, date.as_bytes());
    assert_eq!(signature, "/afkugFbmWDQ967j1vr6zygBLQk=");

    let example = [
        ("param1", "value1"),
        ("+param1", "value3"),
        ("|param1", "value4"),
        ("+param2", ""),
        ("|param2", ""),
        ("param2", ""),
    ]
    .into_iter()
    .fold(Request::object("PUT", "bucket", "1234+-/123/1.txt"), |r, (n, v)| r.query(n, v));
    let header = example
        .clone()
        .header("x-oss-head1", "value")
        .header("abc", "value")
        .header("ZAbc", "value")
        .header("XYZ", "value")
        .header("content-type", "text/plain");
    // 2023-12-16T16:20:57Z
    let header = Signer { at: 1_702_743_657, ..vendor.clone() }.sign(Channel::V4Header, header);
    let authorization = String::from_utf8_lossy(header.value("authorization").unwrap());
    let want = "e21d18daa82167720f9b1047ae7e7f1ce7cb77a31e8203a7d5f4624fa0284afe";
    assert!(authorization.ends_with(want), "{authorization}");

    let url =
        example.header("x-oss-head1", "value").header("content-type", "application/octet-stream");
    // 2023-12-17T02:54:37Z
    let at = Signer { at: 1_702_781_677, lifetime: 599, ..vendor };
    let url = at.sign(Channel::V4Url, url);
    let want = "a39966c61718be0d5b14e668088b3fa07601033f6518ac7b523100014269c0fe";
    assert_eq!(url.query.last().unwrap().1, want);
}
