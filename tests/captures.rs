//! Requests that unmodified SDKs sent, verified.
//!
//! The files in `tests/captures` are what oss2 2.19.1, alibabacloud-oss-v2 1.4.1 (both Python)
//! and ali-oss 6.23.0 (Node) put on the wire with the access key `ak`, the secret `sk`, the region
//! `cn-hangzhou` and the bucket `examplebucket`, against an address, `localhost`, a virtual host
//! and a CNAME. `*.stdout.txt` is what the client printed, its presigned URLs among it. The
//! kernel's version in `User-Agent`, which no signature covers, was shortened.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bad capture fails the test")]

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};
use md5::{Digest, Md5};
use refgate::domain::auth::{AuthError, Channel, Claim, KnownKey, Place, Proof, SignedRequest};
use refgate::domain::encode::percent_encode;
use refgate::domain::name::AccessKeyId;
use refgate::domain::op::{HostName, HostRules, Target, Targets};
use refgate::domain::query::Query;
use refgate::domain::secret::SecretKey;
use refgate::domain::time::{UnixMillis, parse_basic_iso8601, parse_http_date};

/// A request as it was on the wire.
#[derive(Clone)]
struct Capture {
    name: String,
    method: String,
    path: String,
    query: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// What came of a request, without the lifetimes of a [`Proof`].
#[derive(Debug, PartialEq)]
struct Proven {
    target: Target,
    channel: Channel,
    second_reading: bool,
}

impl Capture {
    /// Reads a request's head and body.
    fn read(name: String, text: &[u8], body_length: usize) -> Self {
        let head_end = text.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
        let head = std::str::from_utf8(&text[..head_end]).unwrap();
        let (start, lines) = head.split_once("\r\n").unwrap();
        let mut words = start.split(' ');
        let (method, uri) = (words.next().unwrap(), words.next().unwrap());
        let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
        let headers = lines.split("\r\n").map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap())
        });
        Self {
            name,
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: headers.collect(),
            body: text[head_end + 4..][..body_length].to_vec(),
        }
    }

    /// The GET that a URL without its scheme asks for.
    fn of_url(name: String, url: &str) -> Self {
        let (host, rest) = url.split_once('/').unwrap();
        let text = format!("GET /{rest} HTTP/1.1\r\nhost: {host}\r\n\r\n");
        Self::read(name, text.as_bytes(), 0)
    }

    /// The moment at which the request was sent, or for V1 URLs the last second before its end.
    fn time(&self) -> UnixMillis {
        let query = Query::parse(&self.query).unwrap();
        if let Some(expires) = query.first("Expires") {
            return UnixMillis::from_secs(expires.parse::<i64>().unwrap() - 1);
        }
        let header = ["x-oss-date", "date"].iter().find_map(|name| self.headers.get(*name));
        let date = header.map(|h| h.to_str().unwrap()).or(query.first("x-oss-date")).unwrap();
        parse_http_date(date).or_else(|| parse_basic_iso8601(date)).unwrap()
    }

    fn claim(&self) -> Result<Claim, AuthError> {
        Claim::read(&self.headers, &Query::parse(&self.query).unwrap())
    }

    fn prove_at(&self, now: UnixMillis) -> Result<Proven, AuthError> {
        let host = self.headers["host"].to_str().unwrap();
        let targets =
            Targets::read(&rules(), &HostName::of_authority(host).unwrap(), &self.path).unwrap();
        let query = Query::parse(&self.query).unwrap();
        let request = SignedRequest { method: &self.method, headers: &self.headers, query: &query };
        let region = "cn-hangzhou".parse().unwrap();
        let Claim::Signed(claim) = self.claim()? else { panic!("{}: anonymous", self.name) };
        let keys = |id: &AccessKeyId, _: Option<&str>| {
            assert_eq!((claim.access_key_id(), id.as_str()), (id, "ak"));
            Ok(KnownKey::permanent(SecretKey::new("sk".to_owned())))
        };
        let proof: Proof =
            claim.prove(&request, &targets, &Place { region: &region, now }, keys)?;
        Ok(Proven {
            target: proof.target().clone(),
            channel: proof.channel(),
            second_reading: targets.second.as_ref() == Some(proof.target()),
        })
    }

    fn prove(&self) -> Result<Proven, AuthError> {
        self.prove_at(self.time())
    }

    /// The same request with something changed.
    fn but(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut other = self.clone();
        change(&mut other);
        other
    }

    fn set(&mut self, name: &'static str, value: &str) {
        self.headers.insert(name, value.parse().unwrap());
    }

    /// The text of the signature, decoded.
    fn signature(&self) -> String {
        let query = Query::parse(&self.query).unwrap();
        let in_query = query.first("Signature").or(query.first("x-oss-signature"));
        if let Some(signature) = in_query {
            return signature.to_owned();
        }
        let value = self.headers["authorization"].to_str().unwrap();
        let at =
            value.rfind("Signature=").map_or_else(|| value.find(':').unwrap() + 1, |at| at + 10);
        value[at..].to_owned()
    }

    /// The same request with another signature.
    fn with_signature(&self, signature: &str) -> Self {
        let old = self.signature();
        self.but(|c| {
            c.query = c.query.replace(&percent_encode(&old), &percent_encode(signature));
            if let Some(value) = self.headers.get("authorization") {
                c.set("authorization", &value.to_str().unwrap().replace(&old, signature));
            }
        })
    }

    fn has_token(&self) -> bool {
        self.headers.contains_key("x-oss-security-token") || self.query.contains("security-token")
    }
}

/// The server's names at the time of the captures.
fn rules() -> HostRules {
    HostRules::new(
        ["oss-cn-hangzhou.test".parse().unwrap()],
        [("img.cname.test".parse().unwrap(), "examplebucket".parse().unwrap())],
    )
}

/// All requests of all files, and all URLs that clients printed.
fn captures() -> Vec<Capture> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/captures");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    let mut captures = Vec::new();
    for path in files {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let bytes = fs::read(&path).unwrap();
        if name.ends_with(".stdout") {
            let text = String::from_utf8(bytes).unwrap();
            let urls = text.split_whitespace().filter_map(|word| word.strip_prefix("http://"));
            captures.extend(urls.map(|url| Capture::of_url(format!("{name}: {url}"), url)));
        } else {
            captures.extend(requests(name, &bytes));
        }
    }
    captures
}

/// The requests of one file, each between `##### request N #####` and
/// `##### end request N (body M bytes) #####`.
fn requests(file: &str, bytes: &[u8]) -> Vec<Capture> {
    const START: &[u8] = b"##### request ";
    let starts = bytes.windows(START.len()).enumerate().filter(|(_, w)| *w == START);
    let mut requests = Vec::new();
    for (start, _) in starts {
        let text = &bytes[start..];
        let request = text.iter().position(|b| *b == b'\n').unwrap() + 1;
        let end = text.windows(17).position(|w| w == b"##### end request").unwrap();
        let trailer = String::from_utf8_lossy(&text[end..][..60.min(text.len() - end)]);
        let length = trailer.split("(body ").nth(1).unwrap().split(' ').next().unwrap();
        let name = format!("{file}, request {}", requests.len() + 1);
        requests.push(Capture::read(name, &text[request..end], length.parse().unwrap()));
    }
    requests
}

/// The signed requests that are served: V1 and V4.
fn signed() -> Vec<Capture> {
    let served = |c: &Capture| matches!(c.claim(), Ok(Claim::Signed(_)));
    captures().into_iter().filter(served).collect()
}

#[test]
fn every_request_is_read_for_what_it_is() {
    let (mut by_header, mut by_url, mut anonymous, mut version_2) = (0, 0, 0, 0);
    for capture in captures() {
        match capture.claim() {
            Ok(Claim::Signed(claim)) if claim.channel() == Channel::Header => by_header += 1,
            Ok(Claim::Signed(_)) => by_url += 1,
            Ok(Claim::Anonymous) => anonymous += 1,
            Err(AuthError::Unsupported) => version_2 += 1,
            Err(err) => panic!("{}: {err}", capture.name),
        }
    }
    // 87 signed requests on the wire, of which four are URLs, and 13 printed URLs. Signature
    // version 2 is one header and one URL of oss2's AuthV2.
    assert_eq!((by_header, by_url, anonymous, version_2), (83, 17, 1, 2));
}

#[test]
fn every_signature_verifies() {
    let mut tokens = 0;
    for capture in signed() {
        match capture.prove() {
            // The token is looked at last, so the signature is genuine.
            Err(AuthError::SecurityToken(_)) if capture.has_token() => tokens += 1,
            Err(err) => panic!("{}: {err}\n{:#?}", capture.name, err.details()),
            Ok(proven) => {
                assert!(!capture.has_token(), "{}", capture.name);
                let bucket = proven.target.bucket().unwrap().as_str();
                assert_eq!(bucket, "examplebucket", "{}", capture.name);
                let key = proven.target.key().map_or("", |key| key.as_str());
                assert!(["", "k", "a/b c+d.txt"].contains(&key), "{}: {key}", capture.name);
                // Path style under a forged virtual host: only the signature tells it apart.
                let forged = capture.name.starts_with("ali-oss_6.23.0_path");
                assert_eq!(proven.second_reading, forged, "{}", capture.name);
            }
        }
    }
    assert_eq!(tokens, 2, "oss2 with a token, by header and by URL");
}

#[test]
fn every_content_md5_is_that_of_the_body() {
    let mut checked = 0;
    for capture in captures() {
        if let Some(given) = capture.headers.get("content-md5") {
            assert_eq!(given.as_bytes(), STANDARD.encode(Md5::digest(&capture.body)).as_bytes());
            checked += 1;
        }
    }
    assert_eq!(checked, 35);
}

#[test]
fn a_changed_request_is_refused() {
    for capture in signed() {
        let method = if capture.method == "GET" { "PUT" } else { "GET" };
        let by_header = capture.headers.contains_key("authorization");
        let mut changes = vec![
            ("method", capture.but(|c| c.method = method.to_owned())),
            ("key", capture.but(|c| c.path.push('x'))),
            ("signed header", capture.but(|c| c.set("x-oss-meta-a", "1"))),
            ("content type", capture.but(|c| c.set("content-type", "text/x"))),
            ("sub-resource", capture.but(|c| c.query.push_str("&versionId=1"))),
        ];
        if by_header {
            let later = UnixMillis(capture.time().0 + 1000);
            let date = later.to_http_date();
            let basic = later.to_iso8601().replace(".000", "").replace(['-', ':'], "");
            changes.push((
                "date",
                match capture.headers.get("x-oss-date").map(HeaderValue::len) {
                    None => capture.but(|c| c.set("date", &date)),
                    Some(16) => capture.but(|c| c.set("x-oss-date", &basic)),
                    Some(_) => capture.but(|c| c.set("x-oss-date", &date)),
                },
            ));
        }
        for (what, changed) in changes {
            let got = changed.prove_at(capture.time());
            assert!(
                matches!(got, Err(AuthError::Mismatch(_))),
                "{}, {what}: {got:?}",
                capture.name
            );
        }
    }
}

#[test]
fn a_signature_with_one_digit_changed_is_refused() {
    for capture in signed() {
        let signature = capture.signature();
        assert!(matches!(signature.len(), 28 | 64), "{}", capture.name);
        for at in 0..signature.len() {
            let digit = if signature[at..].starts_with('0') { "1" } else { "0" };
            let mut changed = signature.clone();
            changed.replace_range(at..=at, digit);
            let got = capture.with_signature(&changed).prove();
            assert!(matches!(got, Err(AuthError::Mismatch(_))), "{}, {at}: {got:?}", capture.name);
        }
    }
}

#[test]
fn parameters_may_come_in_any_order() {
    for capture in signed().iter().filter(|c| !c.has_token()) {
        let mut parts: Vec<_> = capture.query.split('&').collect();
        parts.reverse();
        let reordered = capture.but(|c| c.query = parts.join("&"));
        assert_eq!(reordered.prove(), capture.prove(), "{}", capture.name);
    }
}

#[test]
fn another_secret_or_region_or_an_unknown_key_is_refused() {
    for capture in signed() {
        let query = Query::parse(&capture.query).unwrap();
        let request =
            SignedRequest { method: &capture.method, headers: &capture.headers, query: &query };
        let host = capture.headers["host"].to_str().unwrap();
        let targets =
            Targets::read(&rules(), &HostName::of_authority(host).unwrap(), &capture.path).unwrap();
        let Ok(Claim::Signed(claim)) = capture.claim() else { panic!("{}", capture.name) };
        let is_v4 = capture.signature().len() == 64;
        let ask = |region: &str, secret: Option<&str>| {
            let region = region.parse().unwrap();
            let place = Place { region: &region, now: capture.time() };
            let key = secret.map(|s| KnownKey::permanent(SecretKey::new(s.to_owned())));
            let unknown = || AuthError::UnknownAccessKey("ak".to_owned());
            claim.prove(&request, &targets, &place, |_, _| key.ok_or_else(unknown)).unwrap_err()
        };
        assert!(matches!(ask("cn-hangzhou", Some("sK")), AuthError::Mismatch(_)));
        assert_eq!(ask("cn-hangzhou", None), AuthError::UnknownAccessKey("ak".to_owned()));
        let elsewhere = ask("cn-beijing", None);
        assert_eq!(matches!(elsewhere, AuthError::Region(_)), is_v4, "{elsewhere:?}");
    }
}
