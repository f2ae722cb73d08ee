//! What a request presents, above all that nothing but the absence of a signature is anonymous.

use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;

use super::super::{AuthError, Channel, Claim};
use super::{NOW_HTTP, Sent};
use crate::domain::query::Query;
use AuthError as E;

const A: &str = "authorization";
const SHA: &str = "x-oss-content-sha256";
const D: &str = "x-oss-date";
const V4: &str = "ak/20221228/cn-hangzhou/oss/aliyun_v4_request";

/// `None` is an anonymous request.
type Read = Result<Option<Channel>, AuthError>;
/// Names and values of headers.
type Lines<'a> = &'a [(&'static str, &'a [u8])];

fn read(lines: Lines, query: &str) -> Read {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, HeaderValue::from_bytes(value).unwrap());
    }
    match Claim::read(&headers, &Query::parse(query).unwrap())? {
        Claim::Anonymous => Ok(None),
        Claim::Signed(claim) => Ok(Some(claim.channel())),
    }
}

#[test]
fn an_authorization_header_is_a_signature_or_an_error() {
    let v4 = |fields: &str| format!("OSS4-HMAC-SHA256 {fields}").into_bytes();
    #[rustfmt::skip]
    let table = [
        ("empty",                      b"".to_vec(),                              E::Unsupported),
        ("white space",                b" \t ".to_vec(),                          E::Unsupported),
        ("garbage",                    b"garbage".to_vec(),                       E::Unsupported),
        ("basic",                      b"Basic YWs6c2s=".to_vec(),                E::Unsupported),
        ("bearer",                     b"Bearer ak".to_vec(),                     E::Unsupported),
        ("version 2",                  b"OSS2 AccessKeyId:ak,Signature:eA==".to_vec(), E::Unsupported),
        ("another case",               b"oss ak:eA==".to_vec(),                   E::Unsupported),
        ("a tab for the space",        b"OSS\tak:eA==".to_vec(),                  E::Unsupported),
        ("not UTF-8",                  b"OSS ak:\xff".to_vec(),                   E::Unsupported),
        ("AWS",                        b"AWS4-HMAC-SHA256 Credential=a".to_vec(), E::Unsupported),
        ("V1: nothing",                b"OSS".to_vec(),                           E::Malformed),
        ("V1: no signature",           b"OSS ak".to_vec(),                        E::Malformed),
        ("V1: an empty signature",     b"OSS ak:".to_vec(),                       E::Malformed),
        ("V1: no key",                 b"OSS :eA==".to_vec(),                     E::Malformed),
        ("V1: two spaces",             b"OSS  ak:eA==".to_vec(),                  E::Malformed),
        ("V1: not a key",              "OSS é:eA==".into(),                       E::Malformed),
        ("V4: nothing",                v4(""),                                    E::Malformed),
        ("V4: no signature",           v4(&format!("Credential={V4}")),           E::Malformed),
        ("V4: an empty signature",     v4(&format!("Credential={V4},Signature=")), E::Malformed),
        ("V4: no credential",          v4("Signature=00"),                        E::Malformed),
        ("V4: two credentials",        v4(&format!("Credential={V4},Credential={V4},Signature=00")), E::Malformed),
        ("V4: two signatures",         v4(&format!("Credential={V4},Signature=00,Signature=00")), E::Malformed),
        ("V4: two additional lists",   v4(&format!("Credential={V4},AdditionalHeaders=host,AdditionalHeaders=host,Signature=00")), E::Malformed),
        ("V4: an unknown field",       v4(&format!("Credential={V4},Signature=00,X=1")), E::Malformed),
        ("V4: a trailing comma",       v4(&format!("Credential={V4},Signature=00,")), E::Malformed),
        ("V4: fields have case",       v4(&format!("credential={V4},Signature=00")), E::Malformed),
        ("V4: four parts",             v4("Credential=ak/20221228/cn-hangzhou/oss,Signature=00"), E::Credential),
        ("V4: six parts",              v4(&format!("Credential=a/{V4},Signature=00")), E::Credential),
        ("V4: an empty key",           v4(&format!("Credential={},Signature=00", &V4[2..])), E::Credential),
        ("V4: another product",        v4("Credential=ak/20221228/cn-hangzhou/oss-cloudbox/aliyun_v4_request,Signature=00"), E::Credential),
        ("V4: another end",            v4("Credential=ak/20221228/cn-hangzhou/oss/aws4_request,Signature=00"), E::Credential),
        ("V4: no x-oss-date, though a Date", v4(&format!("Credential={V4},Signature=00")), E::V4Date(Channel::Header)),
    ];
    for (name, value, want) in table {
        let lines = [("authorization", value.as_slice()), ("date", NOW_HTTP.as_bytes())];
        assert_eq!(read(&lines, ""), Err(want), "{name}");
        // A signed URL beside it does not make it better.
        assert_eq!(read(&lines, "Signature=x"), Err(E::TwoSignatures), "{name}, and a URL");
    }
}

#[test]
fn what_else_belongs_to_a_header_signature() {
    let v1: &[u8] = b"OSS ak:eA==";
    let fields = |fields: &str| format!("OSS4-HMAC-SHA256 Credential={V4},{fields}").into_bytes();
    let (v4, with_host) = (fields("Signature=00"), fields("AdditionalHeaders=Host;a,Signature=00"));
    let (empty, blank) =
        (fields("AdditionalHeaders=,Signature=00"), fields("AdditionalHeaders=host;,Signature=00"));
    let hash = "A".repeat(64).into_bytes();
    let (date, date_4): (&[u8], &[u8]) = (NOW_HTTP.as_bytes(), b"20221228T102741Z");
    let header = Ok(Some(Channel::Header));
    #[rustfmt::skip]
    let table: &[(&str, Lines, Read)] = &[
        ("V1: Date",                     &[(A, v1), ("date", date)],                    header.clone()),
        ("V1: x-oss-date",               &[(A, v1), (D, date)],                         header.clone()),
        ("V1: x-oss-date before Date",   &[(A, v1), (D, date), ("date", b"x")],         header.clone()),
        ("V1: no date",                  &[(A, v1)],                                    Err(E::DateMissing)),
        ("V1: an empty date",            &[(A, v1), (D, b"")],                          Err(E::DateInvalid)),
        ("V1: a V4 date",                &[(A, v1), (D, date_4)],                       Err(E::DateInvalid)),
        ("V1: the seconds of a URL",     &[(A, v1), ("date", b"1672223261")],           Err(E::DateInvalid)),
        ("V1: not UTF-8",                &[(A, v1), ("date", b"\xff")],                 Err(E::DateInvalid)),
        ("V4: no payload hash",          &[(A, &v4), (D, date_4)],                      header.clone()),
        ("V4: unsigned payload",         &[(A, &v4), (D, date_4), (SHA, b"UNSIGNED-PAYLOAD")], header.clone()),
        ("V4: a payload hash",           &[(A, &v4), (D, date_4), (SHA, &hash)],        header.clone()),
        ("V4: a short payload hash",     &[(A, &v4), (D, date_4), (SHA, &hash[2..])],   Err(E::ContentSha256)),
        ("V4: an empty payload hash",    &[(A, &v4), (D, date_4), (SHA, b"")],          Err(E::ContentSha256)),
        ("V4: streaming",                &[(A, &v4), (D, date_4), (SHA, b"STREAMING-OSS4-HMAC-SHA256-PAYLOAD")], Err(E::ContentSha256)),
        ("V4: a payload hash in bytes",  &[(A, &v4), (D, date_4), (SHA, b"\xff")],      Err(E::ContentSha256)),
        ("V4: a V1 date",                &[(A, &v4), (D, date)],                        Err(E::V4Date(Channel::Header))),
        ("V4: additional headers",       &[(A, &with_host), (D, date_4), ("host", b"h"), ("a", b"")], header.clone()),
        ("V4: one of them is absent",    &[(A, &with_host), (D, date_4), ("host", b"h")], Err(E::AdditionalHeaders)),
        ("V4: an empty list",            &[(A, &empty), (D, date_4)],                   Err(E::AdditionalHeaders)),
        ("V4: an empty name",            &[(A, &blank), (D, date_4), ("host", b"h")],   Err(E::AdditionalHeaders)),
        ("two Authorization",            &[(A, v1), (A, v1), (D, date)],                Err(E::Duplicate(A))),
        ("two x-oss-date",               &[(A, v1), (D, date), (D, date)],              Err(E::Duplicate(D))),
        ("two Date",                     &[(A, v1), (D, date), ("date", date), ("date", date)], Err(E::Duplicate("date"))),
        ("two payload hashes",           &[(A, &v4), (D, date_4), (SHA, &hash), (SHA, &hash)], Err(E::Duplicate(SHA))),
        ("two tokens",                   &[(A, v1), (D, date), ("x-oss-security-token", b"t"), ("x-oss-security-token", b"t")],
                                                                                        Err(E::Duplicate("x-oss-security-token"))),
    ];
    for (name, lines, want) in table {
        assert_eq!(&read(lines, ""), want, "{name}");
    }
}

#[test]
fn what_a_query_presents() {
    let v1 = "OSSAccessKeyId=ak&Expires=1&Signature=x";
    let v4 = format!(
        "x-oss-signature-version=OSS4-HMAC-SHA256&x-oss-credential={V4}&x-oss-date=20221228T102741Z\
         &x-oss-expires=60&x-oss-signature=00"
    );
    let url = Ok(Some(Channel::Url));
    let without = |part: &str| {
        let parts: Vec<_> = v4.split('&').filter(|p| !p.starts_with(part)).collect();
        parts.join("&")
    };
    #[rustfmt::skip]
    let table = [
        ("nothing",                     String::new(),                       Ok(None)),
        ("parameters of no signature",  "acl&x-oss-process=a&security-token=t&x-oss-date=1&x-oss-expires=1".into(), Ok(None)),
        ("names have case",             "signature=x&ossaccesskeyid=ak".into(), Ok(None)),
        ("V1",                          v1.into(),                           url.clone()),
        ("V1: no key",                  "Expires=1&Signature=x".into(),      Err(E::UrlParameterMissing)),
        ("V1: no end",                  "OSSAccessKeyId=ak&Signature=x".into(), Err(E::UrlParameterMissing)),
        ("V1: no signature",            "OSSAccessKeyId=ak&Expires=1".into(), Err(E::UrlParameterMissing)),
        ("V1: one, and empty",          "Signature".into(),                  Err(E::UrlParameterMissing)),
        ("V1: a text that is no key",   "OSSAccessKeyId=%3A&Expires=1&Signature=x".into(), Err(E::UnknownAccessKey(":".into()))),
        ("V1: two keys",                format!("{v1}&OSSAccessKeyId=ak"),   Err(E::Duplicate("OSSAccessKeyId"))),
        ("V1: two ends",                format!("{v1}&Expires=1"),           Err(E::Duplicate("Expires"))),
        ("V1: two signatures",          format!("Signature=y&{v1}"),         Err(E::Duplicate("Signature"))),
        ("V1: two tokens",              format!("security-token&{v1}&security-token"), Err(E::Duplicate("security-token"))),
        ("V4",                          v4.clone(),                          url.clone()),
        ("V4: no version",              without("x-oss-signature-version"),  Err(E::Unsupported)),
        ("V4: no credential",           without("x-oss-credential"),         Err(E::Credential)),
        ("V4: no signature",            without("x-oss-signature="),         Err(E::Malformed)),
        ("V4: no date",                 without("x-oss-date"),               Err(E::V4Date(Channel::Url))),
        ("V4: no lifetime",             without("x-oss-expires"),            Err(E::ExpiresOutOfRange)),
        ("V4: another version",         v4.replace("OSS4-", "OSS5-"),        Err(E::Unsupported)),
        ("V4: an impossible date",      v4.replace("20221228T1", "20221328T1"), Err(E::V4Date(Channel::Url))),
        ("V4: another product",         v4.replace("/oss/", "/s3/"),         Err(E::Credential)),
        ("V4: an additional header that is absent", format!("{v4}&x-oss-additional-headers=host"), Err(E::AdditionalHeaders)),
        ("V4: an empty additional list", format!("{v4}&x-oss-additional-headers="), Err(E::AdditionalHeaders)),
        ("V4: two dates",               format!("{v4}&x-oss-date=20221228T102741Z"), Err(E::Duplicate("x-oss-date"))),
        ("V4: two signatures",          format!("x-oss-signature=00&{v4}"),  Err(E::Duplicate("x-oss-signature"))),
        ("version 2",                   "x-oss-signature-version=OSS2&x-oss-expires=1&x-oss-access-key-id=ak&x-oss-signature=x".into(), Err(E::Unsupported)),
        ("version 2: the key alone",    "x-oss-access-key-id=ak".into(),     Err(E::Unsupported)),
        ("V1 and V4",                   format!("{v1}&{v4}"),                Err(E::TwoSignatures)),
        ("V1 and a part of V4",         format!("{v1}&x-oss-signature=00"),  Err(E::TwoSignatures)),
    ];
    for (name, query, want) in table {
        assert_eq!(read(&[], &query), want, "{name}");
    }
}

#[test]
fn a_header_and_a_url_are_never_both_looked_at() {
    let signed = Sent::plain().signed_in_each_way();
    for (one, header) in &signed[..2] {
        for (other, url) in &signed[2..] {
            let both = header.but(|s| s.query.clone_from(&url.query));
            assert_eq!(both.claim().unwrap_err(), E::TwoSignatures, "{one} and {other}");
        }
    }
}

proptest! {
    #[test]
    fn any_authorization_header_is_not_anonymous(
        words in "(OSS|OSS2|OSS4-HMAC-SHA256|[ -~]{0,6})[ ,]?([A-Za-z]{0,10}[:=][ -~]{0,12},? ?){0,4}",
        noise in proptest::collection::vec(any::<u8>(), 0..40),
        dates in proptest::collection::vec("[ -~]{0,30}", 0..3),
    ) {
        for value in [words.as_bytes(), &noise] {
            let Ok(value) = HeaderValue::from_bytes(value) else { continue };
            let mut headers = HeaderMap::new();
            headers.insert("authorization", value);
            for date in &dates {
                headers.append("x-oss-date", date.parse().unwrap());
            }
            let claim = Claim::read(&headers, &Query::default());
            prop_assert!(!matches!(claim, Ok(Claim::Anonymous)));
        }
    }

    #[test]
    fn any_part_of_a_signed_url_is_not_anonymous(
        name in "(OSSAccessKeyId|Expires|Signature|x-oss-signature(-version)?|x-oss-credential)",
        value in "(=[!-~&&[^%+&]]{0,8})?",
        rest in "(&[A-Za-z-]{0,6}=?[!-~&&[^%+]]{0,8}){0,6}",
    ) {
        let query = Query::parse(&format!("{name}{value}{rest}"));
        prop_assume!(query.is_ok());
        let claim = Claim::read(&HeaderMap::new(), &query.unwrap());
        prop_assert!(!matches!(claim, Ok(Claim::Anonymous)));
    }
}
