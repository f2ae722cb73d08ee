//! What a signature covers, what it does not, and what a refusal tells.

use super::super::{AuthError, Claim, PayloadHash};
use super::{NOW, Sent, is_mismatch, secret};
use crate::domain::code::Code;
use crate::domain::op::Target;
use http::HeaderValue;

/// A request with something of everything.
fn full() -> Sent {
    Sent::plain().but(|s| {
        s.method = "PUT";
        s.query = "prefix=p&versionId=1&acl&x-oss-process=a%2Fb".into();
        s.set("content-type", "text/plain");
        s.set("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==");
        s.set("x-oss-meta-a", "alpha");
        s.set("user-agent", "test");
    })
}

fn target(bucket: &str, key: &str) -> Target {
    Target::Object(bucket.parse().unwrap(), key.parse().unwrap())
}

/// [`full`] signed in each way; URLs are signed and used without headers.
fn full_in_each_way() -> [(&'static str, Sent); 4] {
    let [v1, v4, ..] = full().signed_in_each_way();
    let [.., v1_url, v4_url] = full().but(|s| s.headers.clear()).signed_in_each_way();
    [v1, v4, v1_url, v4_url]
}

/// One change, and whether V1 and V4 notice. Rows that begin with "header" change what only a
/// request by header has.
#[test]
fn what_is_covered() {
    type Change = fn(&mut Sent);
    #[rustfmt::skip]
    let table: &[(&str, Change, bool, bool)] = &[
        ("nothing",                       |_| {},                                             false, false),
        ("method",                        |s| s.method = "GET",                               true,  true),
        ("bucket",                        |s| s.targets.first = target("abd", "a/b"),         true,  true),
        ("key",                           |s| s.targets.first = target("abc", "a/B"),         true,  true),
        ("key to bucket",                 |s| s.targets.first = Target::Bucket("abc".parse().unwrap()), true, true),
        ("an added sub-resource",         |s| s.query.push_str("&uploads"),                   true,  true),
        ("a removed sub-resource",        |s| s.query = s.query.replace("acl", "prefix"),     true,  true),
        ("a sub-resource's value",        |s| s.query = s.query.replace("Id=1", "Id=2"),      true,  true),
        ("a parameter of OSS's own",      |s| s.query.push_str("&x-oss-traffic-limit=1"),     true,  true),
        ("a second value before",         |s| s.query.insert_str(0, "versionId=2&"),          true,  true),
        ("a second value after",          |s| s.query.push_str("&versionId=2"),               false, true),
        ("another parameter",             |s| s.query.push_str("&marker=m"),                  false, true),
        ("an empty part",                 |s| s.query.push_str("&&"),                         false, false),
        ("= after a bare name",           |s| s.query = s.query.replace("acl", "acl="),       false, false),
        ("another escape of the same",    |s| s.query = s.query.replace("%2F", "/"),          false, false),
        ("content-type",                  |s| s.set("content-type", "text/html"),             true,  true),
        ("header: content-md5",           |s| { s.headers.remove("content-md5"); },           true,  true),
        ("a value of OSS's own",          |s| s.set("x-oss-meta-a", "beta"),                  true,  true),
        ("another of OSS's own",          |s| s.set("x-oss-object-acl", "public-read"),       true,  true),
        ("header: a second line",         |s| { s.headers.append("x-oss-meta-a", HeaderValue::from_static("b")); }, true, true),
        ("header: white space around it", |s| s.set("x-oss-meta-a", " alpha\t"),              false, false),
        ("a header that is not signed",   |s| s.set("user-agent", "other"),                   false, false),
        ("a Referer",                     |s| s.set("referer", "http://a.com/"),              false, false),
    ];
    for (name, change, by_v1, by_v4) in table {
        for (way, sent) in full_in_each_way() {
            if way.ends_with("URL") && name.starts_with("header") {
                continue;
            }
            let covered = if way.starts_with("V1") { *by_v1 } else { *by_v4 };
            let got = sent.but(change).prove();
            assert_eq!(is_mismatch(&got), covered, "{way}, {name}: {got:?}");
            assert_eq!(got.is_ok(), !covered, "{way}, {name}: {got:?}");
        }
    }
}

/// The vendor's design, and the reason to prefer V4 where others choose the keys.
#[test]
fn v1_takes_a_key_with_a_question_mark_for_a_sub_resource() {
    let swap = |sent: Sent| {
        sent.but(|s| {
            s.targets.first = Target::Bucket("abc".parse().unwrap());
            s.query.push_str("&referer");
        })
    };
    let plain = Sent::plain().but(|s| s.targets.first = target("abc", "?referer"));
    assert_eq!(swap(plain.clone().v1_url(u32::MAX)).prove(), Ok(()));
    assert!(is_mismatch(&swap(plain.v4_url(60)).prove()));
}

#[test]
fn an_additional_header_is_covered() {
    let sent = Sent::plain().v4_header();
    let value = sent.headers["authorization"].to_str().unwrap();
    let listed = value.replace(",Signature", ",AdditionalHeaders=user-agent,Signature");
    let sent = sent.but(|s| {
        s.set("user-agent", "x");
        s.set("authorization", &listed);
    });
    assert!(is_mismatch(&sent.prove()), "a header cannot be added to a list");
}

#[test]
fn the_second_reading_counts_if_only_it_fits() {
    for (way, sent) in Sent::plain().signed_in_each_way() {
        let signed = sent.targets.first.clone();
        let other = target("abc", "abc/a/b");
        let second = sent.but(|s| {
            s.targets.second = Some(std::mem::replace(&mut s.targets.first, other.clone()));
        });
        let proven = second.prove_with(NOW, |_| Some(secret())).unwrap();
        assert_eq!(proven.0, signed, "{way}");
        let neither = second.but(|s| s.targets.second = Some(target("abc", "x")));
        assert!(is_mismatch(&neither.prove()), "{way}");
    }
}

#[test]
fn a_token_is_never_passed_over() {
    for (way, sent) in &full().signed_in_each_way()[..2] {
        // Unsigned, as the V1 signer of alibabacloud-oss-v2 sends it.
        let token = sent.but(|s| s.set("security-token", "t"));
        assert!(matches!(token.prove(), Err(AuthError::SecurityToken(_))), "{way}");
        let forged = token.but(|s| s.method = "POST");
        assert!(is_mismatch(&forged.prove()), "{way}");
    }
    let both = full().v1_header().but(|s| {
        s.set("security-token", "t");
        s.query.push_str("&x-oss-security-token=other");
    });
    assert_eq!(both.prove(), Err(AuthError::Duplicate("security-token")));
    let url = Sent::plain().but(|s| s.query = "security-token=t".into()).v1_url(u32::MAX);
    let err = url.prove().unwrap_err();
    assert_eq!(err.reason().code, Code::InvalidAccessKeyId);
    assert_eq!(err.details(), [("OSSAccessKeyId", "ak".to_owned())]);
}

#[test]
fn a_payload_hash_is_handed_on() {
    let hash = "ab".repeat(32);
    let sent = Sent::plain().but(|s| s.set("x-oss-content-sha256", &hash)).v4_header();
    let (_, payload) = sent.prove_with(NOW, |_| Some(secret())).unwrap();
    assert_eq!(payload, PayloadHash::Sha256([0xab; 32]));
    let swapped = sent.but(|s| s.set("x-oss-content-sha256", "UNSIGNED-PAYLOAD"));
    assert!(is_mismatch(&swapped.prove()));
}

/// The signature of a scope is good for its own day and region alone.
#[test]
fn the_scope_must_fit() {
    use super::super::Channel::{Header, Url};
    let change = |old: &str, new: &str| {
        let header = Sent::plain().v4_header().but(|s| {
            let value = s.headers["authorization"].to_str().unwrap().replace(old, new);
            s.set("authorization", &value);
        });
        let url = Sent::plain().v4_url(60).but(|s| {
            let (old, new) = (old.replace('/', "%2F"), new.replace('/', "%2F"));
            s.query = s.query.replace(&old, &new);
        });
        (header.prove().unwrap_err(), url.prove().unwrap_err())
    };
    assert_eq!(
        change("/cn-hangzhou/", "/cn-beijing/"),
        (AuthError::Region(Header), AuthError::Region(Url))
    );
    assert_eq!(
        change("/20221228/", "/20221227/"),
        (AuthError::V4Date(Header), AuthError::V4Date(Url))
    );
    assert_eq!(change("/20221228/", "//"), (AuthError::V4Date(Header), AuthError::V4Date(Url)));
}

#[test]
fn a_mismatch_tells_what_was_signed_and_not_the_signature() {
    let right = Sent::plain().v4_header();
    let forged = right.but(|s| s.method = "PUT");
    let err = forged.prove().unwrap_err();
    let details = err.details();
    let names: Vec<_> = details.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        names,
        [
            "OSSAccessKeyId",
            "SignatureProvided",
            "StringToSign",
            "StringToSignBytes",
            "CanonicalRequest"
        ]
    );
    assert!(details[2].1.starts_with("OSS4-HMAC-SHA256\n20221228T102741Z\n20221228/cn-hangzhou/"));
    assert!(details[3].1.starts_with("4F 53 53 34 2D 48"), "{}", details[3].1);
    assert!(details[4].1.starts_with("PUT\n/abc/a/b\n\nx-oss-content-sha256:UNSIGNED-PAYLOAD\n"));

    let right = Sent::plain().but(|s| s.method = "PUT").v4_header();
    let value = right.headers["authorization"].to_str().unwrap();
    let (_, expected) = value.split_once("Signature=").unwrap();
    let shown = format!("{err} {err:?} {details:?}");
    assert!(!shown.contains(expected) && !shown.contains(secret().expose()), "{shown}");

    let v1 = Sent::plain().v1_header().but(|s| s.method = "PUT").prove().unwrap_err();
    assert_eq!(v1.details().len(), 4, "V1 has no canonical request");
    assert_eq!(v1.reason().code, Code::SignatureDoesNotMatch);
}

#[test]
fn a_claim_does_not_print_its_signature() {
    for (way, sent) in Sent::plain().signed_in_each_way() {
        let Ok(Claim::Signed(claim)) = Claim::read(&sent.headers, &sent.query()) else {
            panic!("{way}");
        };
        let shown = format!("{claim:?}");
        assert!(!shown.contains(&claim.signature.0), "{way}: {shown}");
    }
}
