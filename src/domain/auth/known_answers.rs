//! Signatures that the vendor published. Each is verified as a whole request at its own time, so
//! a row tests reading, time and scope as well as the digest. An expected value is never the
//! output of our own code.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::v4::{self, Scope};
use super::{AuthError, Claim, KnownKey, Place, SignedRequest};
use crate::domain::op::{Target, Targets};
use crate::domain::query::Query;
use crate::domain::secret::SecretKey;
use crate::domain::time::{UnixMillis, parse_basic_iso8601, parse_http_date};

type Header = (&'static str, &'static str);

fn headers(lines: &[&[Header]]) -> HeaderMap {
    let lines = lines.iter().copied().flatten();
    lines
        .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), HeaderValue::from_static(value)))
        .collect()
}

fn target(bucket: &str, key: Option<&str>) -> Targets {
    let bucket = bucket.parse().unwrap();
    let first = match key {
        Some(key) => Target::Object(bucket, key.parse().unwrap()),
        None => Target::Bucket(bucket),
    };
    Targets { first, second: None }
}

/// Reads and proves a request.
fn prove(
    request: &SignedRequest,
    targets: &Targets,
    now: UnixMillis,
    secret: &str,
) -> Result<(), AuthError> {
    let Claim::Signed(claim) = Claim::read(request.headers, request.query)? else {
        panic!("the request is not anonymous");
    };
    let region = "cn-hangzhou".parse().unwrap();
    let keys = |_: &_, _: Option<&str>| Ok(KnownKey::permanent(SecretKey::new(secret.to_owned())));
    claim.prove(request, targets, &Place { region: &region, now }, keys).map(|_| ())
}

/// A signature with a security token is genuine if the token is all that is wrong.
fn genuine(result: Result<(), AuthError>) -> Result<(), AuthError> {
    match result {
        Err(AuthError::SecurityToken(_)) => Ok(()),
        other => other,
    }
}

struct V1 {
    name: &'static str,
    secret: &'static str,
    method: &'static str,
    bucket: &'static str,
    key: Option<&'static str>,
    query: &'static str,
    headers: &'static [Header],
    signature: &'static str,
}

const DOCUMENTED: &[Header] = &[
    ("content-md5", "ODBGOERFMDMzQTczRUY3NUE3NzA5QzdFNUYzMDQxNEM="),
    ("content-type", "text/html"),
    ("date", "Thu, 17 Nov 2005 18:49:58 GMT"),
    ("x-oss-meta-author", "foo@bar.com"),
    ("x-oss-magic", "abracadabra"),
];
const NELSON: &[Header] = &[
    ("content-md5", "eB5eJF1ptWaXm4bijSPyxw=="),
    ("content-type", "text/html"),
    ("x-oss-date", "Wed, 28 Dec 2022 10:27:41 GMT"),
    ("x-oss-meta-author", "alice"),
    ("x-oss-meta-magic", "abracadabra"),
];
const DATE_ALONE: &[Header] = &[("x-oss-date", "Wed, 28 Dec 2022 10:27:41 GMT")];

/// "OSS docs" is "Add signatures to the header"; the others are the signer tests of
/// alibabacloud-oss-go-sdk-v2 and alibabacloud-oss-v2 (Python).
#[rustfmt::skip]
const V1_HEADER: &[V1] = &[
    V1 { name: "OSS docs: PUT with headers", secret: "OtxrzxIsfpFjA7SwPzILwy8Bw21TLhquhboDYROV",
         method: "PUT", bucket: "oss-example", key: Some("nelson"), query: "", headers: DOCUMENTED,
         signature: "26NBxoKdsyly4EDv6inkoDft/yA=" },
    V1 { name: "SDK v2: PUT with x-oss-date", secret: "sk",
         method: "PUT", bucket: "examplebucket", key: Some("nelson"), query: "", headers: NELSON,
         signature: "kSHKmLxlyEAKtZPkJhG9bZb5k7M=" },
    V1 { name: "SDK v2: a sub-resource", secret: "sk",
         method: "PUT", bucket: "examplebucket", key: Some("nelson"), query: "acl", headers: NELSON,
         signature: "/afkugFbmWDQ967j1vr6zygBLQk=" },
    V1 { name: "SDK v2: a bucket", secret: "sk",
         method: "GET", bucket: "examplebucket", key: None, query: "resourceGroup&non-resousce=null",
         headers: DATE_ALONE, signature: "vkQmfuUDyi1uDi3bKt67oemssIs=" },
    V1 { name: "SDK v2: two sub-resources", secret: "sk",
         method: "GET", bucket: "examplebucket", key: None, query: "resourceGroup&acl",
         headers: DATE_ALONE, signature: "x3E5TgOvl/i7PN618s5mEvpJDYk=" },
];

#[rustfmt::skip]
const V1_URL: &[V1] = &[
    V1 { name: "SDK v2: a URL", secret: "sk",
         method: "GET", bucket: "bucket", key: Some("key"),
         query: "versionId=versionId&OSSAccessKeyId=ak&Expires=1699807420", headers: &[],
         signature: "dcLTea+Yh9ApirQ8o8dOPqtvJXQ=" },
    V1 { name: "SDK v2: a URL with a token", secret: "sk",
         method: "GET", bucket: "bucket", key: Some("key+123"),
         query: "versionId=versionId&security-token=token&OSSAccessKeyId=ak&Expires=1699808204",
         headers: &[], signature: "jzKYRrM5y6Br0dRFPaTGOsbrDhY=" },
];

#[test]
fn v1_by_header() {
    for row in V1_HEADER {
        let mut headers = headers(&[row.headers]);
        headers.insert("authorization", format!("OSS ak:{}", row.signature).parse().unwrap());
        let query = Query::parse(row.query).unwrap();
        let request = SignedRequest { method: row.method, headers: &headers, query: &query };
        let date = headers.get("x-oss-date").unwrap_or_else(|| &headers["date"]);
        let now = parse_http_date(date.to_str().unwrap()).unwrap();
        let got = prove(&request, &target(row.bucket, row.key), now, row.secret);
        assert_eq!(got, Ok(()), "{}", row.name);
    }
}

#[test]
fn v1_by_url() {
    for row in V1_URL {
        let signature = row.signature.replace('+', "%2B");
        let query = Query::parse(&format!("{}&Signature={signature}", row.query)).unwrap();
        let headers = headers(&[row.headers]);
        let request = SignedRequest { method: row.method, headers: &headers, query: &query };
        let now = UnixMillis::from_secs(1_699_807_000);
        let got = prove(&request, &target(row.bucket, row.key), now, row.secret);
        assert_eq!(genuine(got), Ok(()), "{}", row.name);
    }
}

struct V4 {
    name: &'static str,
    date: &'static str,
    /// Beside those of the base request.
    headers: &'static [Header],
    additional: &'static str,
    /// `(bucket, key, query)`
    resource: (&'static str, &'static str, &'static str),
    signature: &'static str,
}

/// The query holds a name with `+` and one with `|`, each with and without a value.
const RESOURCE: (&str, &str, &str) = (
    "bucket",
    "1234+-/123/1.txt",
    "param1=value1&%2Bparam1=value3&%7Cparam1=value4&%2Bparam2&%7Cparam2&param2",
);
const UNSIGNED_HEADERS: &[Header] = &[("abc", "value"), ("ZAbc", "value"), ("XYZ", "value")];
const BY_HEADER: &[Header] = &[
    ("x-oss-head1", "value"),
    ("content-type", "text/plain"),
    ("x-oss-content-sha256", "UNSIGNED-PAYLOAD"),
];
const BY_URL: &[Header] = &[("x-oss-head1", "value"), ("content-type", "application/octet-stream")];
const OF_C: &[Header] = &[
    ("x-oss-head1", "value"),
    ("content-type", "application/octet-stream"),
    ("x-oss-content-sha256", "UNSIGNED-PAYLOAD"),
];
const C_KEY: &str = "test-sign-V4/-!@#$%^&*()/abcdefjhijklmnoqprstuvwxyz/123456789";

/// "SDK v2" are the signer tests of alibabacloud-oss-go-sdk-v2 and alibabacloud-oss-v2 (Python),
/// "C SDK" is aliyun-oss-c-sdk's `test_oss_sign.c`.
#[rustfmt::skip]
const V4_HEADER: &[V4] = &[
    V4 { name: "SDK v2: base", date: "20231216T162057Z", headers: BY_HEADER, additional: "",
         resource: RESOURCE,
         signature: "e21d18daa82167720f9b1047ae7e7f1ce7cb77a31e8203a7d5f4624fa0284afe" },
    V4 { name: "SDK v2: a token", date: "20231217T034736Z", additional: "",
         headers: &[BY_HEADER[0], BY_HEADER[1], BY_HEADER[2], ("x-oss-security-token", "token")],
         resource: RESOURCE,
         signature: "b94a3f999cf85bcdc00d332fbd3734ba03e48382c36fa4d5af5df817395bd9ea" },
    V4 { name: "SDK v2: additional headers", date: "20231216T172512Z", headers: BY_HEADER,
         additional: "abc;zabc", resource: RESOURCE,
         signature: "4a4183c187c07c8947db7620deb0a6b38d9fbdd34187b6dbaccb316fa251212f" },
    V4 { name: "C SDK: no query", date: "20221016T091431Z", headers: OF_C, additional: "",
         resource: ("oss-bucket-test", C_KEY, ""),
         signature: "5028172a0a3806285979896982bee6e36e915cbf428ee7100a809e1f0ff43b64" },
    V4 { name: "C SDK: query", date: "20221016T040719Z", headers: OF_C, additional: "",
         resource: ("oss-bucket-test", C_KEY, RESOURCE.2),
         signature: "16e58322c5aafb55edd82813b02d6521caab8194882c786bf0e77b7987a63979" },
];

#[rustfmt::skip]
const V4_URL: &[V4] = &[
    V4 { name: "SDK v2: URL", date: "20231217T025437Z", headers: BY_URL, additional: "",
         resource: RESOURCE,
         signature: "a39966c61718be0d5b14e668088b3fa07601033f6518ac7b523100014269c0fe" },
    V4 { name: "SDK v2: URL with a token", date: "20231217T035628Z", headers: BY_URL, additional: "",
         resource: ("bucket", "1234+-/123/1.txt",
                    "x-oss-security-token=token&param1=value1&%2Bparam1=value3&%7Cparam1=value4&%2Bparam2&%7Cparam2&param2"),
         signature: "3817ac9d206cd6dfc90f1c09c00be45005602e55898f26f5ddb06d7892e1f8b5" },
    V4 { name: "SDK v2: URL with additional headers", date: "20231217T033009Z", headers: BY_URL,
         additional: "abc;zabc", resource: RESOURCE,
         signature: "6bd984bfe531afb6db1f7550983a741b103a8c58e5e14f83ea474c2322dfa2b7" },
];

impl V4 {
    fn credential(&self) -> String {
        format!("ak/{}/cn-hangzhou/oss/aliyun_v4_request", &self.date[..8])
    }

    fn prove(&self, headers: &HeaderMap, query: &str) -> Result<(), AuthError> {
        let query = Query::parse(query).unwrap();
        let request = SignedRequest { method: "PUT", headers, query: &query };
        let (bucket, key, _) = self.resource;
        let now = parse_basic_iso8601(self.date).unwrap();
        genuine(prove(&request, &target(bucket, Some(key)), now, "sk"))
    }
}

#[test]
fn v4_by_header() {
    for row in V4_HEADER {
        let (credential, signature) = (row.credential(), row.signature);
        let additional = match row.additional {
            "" => String::new(),
            list => format!("AdditionalHeaders={list},"),
        };
        // The ways in which SDKs order and separate the fields, and a list out of order.
        let unsorted = additional.replace("abc;zabc", "ZAbc;abc");
        for fields in [
            format!("Credential={credential},{additional}Signature={signature}"),
            format!("Credential={credential}, {additional} Signature={signature}"),
            format!("Credential={credential}, Signature={signature}, {additional}")
                .trim_end_matches([',', ' '])
                .to_owned(),
            format!("{unsorted}Signature={signature},Credential={credential}"),
        ] {
            let mut headers = headers(&[row.headers, UNSIGNED_HEADERS]);
            headers.insert("x-oss-date", HeaderValue::from_static(row.date));
            let value = format!("OSS4-HMAC-SHA256 {fields}").parse().unwrap();
            headers.insert("authorization", value);
            assert_eq!(row.prove(&headers, row.resource.2), Ok(()), "{}: {fields}", row.name);
        }
    }
}

#[test]
fn v4_by_url() {
    for row in V4_URL {
        let additional = match row.additional {
            "" => String::new(),
            list => format!("&x-oss-additional-headers={}", list.replace(';', "%3B")),
        };
        let query = format!(
            "{}&x-oss-signature-version=OSS4-HMAC-SHA256&x-oss-credential={}&x-oss-date={}\
             &x-oss-expires=599{additional}&x-oss-signature={}",
            row.resource.2,
            row.credential(),
            row.date,
            row.signature
        );
        let headers = headers(&[row.headers, UNSIGNED_HEADERS]);
        assert_eq!(row.prove(&headers, &query), Ok(()), "{}", row.name);
    }
}

/// The canonical request of the base case, as the vendor's signer tests print it, and what a
/// cloud box signs, whose product and region are others.
#[test]
fn v4_canonical_request_and_another_product() {
    let mut headers = headers(&[BY_HEADER, UNSIGNED_HEADERS]);
    headers.insert("x-oss-date", HeaderValue::from_static("20231216T162057Z"));
    let (bucket, key, query) = RESOURCE;
    let query = Query::parse(query).unwrap();
    let request = SignedRequest { method: "PUT", headers: &headers, query: &query };
    let canonical = v4::canonical_request(
        &request,
        &target(bucket, Some(key)).first,
        &[],
        v4::UNSIGNED_PAYLOAD,
    );
    assert_eq!(
        String::from_utf8(canonical.clone()).unwrap(),
        "PUT\n/bucket/1234%2B-/123/1.txt\n\
         %2Bparam1=value3&%2Bparam2&%7Cparam1=value4&%7Cparam2&param1=value1&param2\n\
         content-type:text/plain\nx-oss-content-sha256:UNSIGNED-PAYLOAD\n\
         x-oss-date:20231216T162057Z\nx-oss-head1:value\n\n\nUNSIGNED-PAYLOAD"
    );

    let scope = Scope { date: "20231216", region: "cb-123", product: "oss-cloudbox" };
    let string_to_sign = v4::string_to_sign("20231216T162057Z", &scope, &canonical);
    let digest = "f4613657f1b108998e8dbd10a1aa5da621dc2c6e02c9ddec0f163664848704c4";
    assert!(string_to_sign.ends_with(digest), "{string_to_sign}");
    assert_eq!(
        v4::sign(&SecretKey::new("sk".into()), &scope, &string_to_sign),
        "94ce1f12c17d148ea681030275a94449d3357f5b5b21133996eec80af3e08a43"
    );
}
