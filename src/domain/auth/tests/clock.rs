//! Time: every boundary from both sides.

use super::super::{AuthError, MAX_SKEW_MILLIS};
use super::{NOW, Sent};
use crate::domain::time::UnixMillis;

fn at(offset_millis: i64) -> UnixMillis {
    UnixMillis(NOW.0 + offset_millis)
}

#[test]
fn boundaries() {
    let [(_, v1), (_, v4), (_, v1_url), (_, v4_url)] = Sent::plain().signed_in_each_way();
    let week = Sent::plain().v4_url(604_800);
    let end = UnixMillis::from_secs(NOW.as_secs() + 60);
    let skewed = |offset| Err(AuthError::Skewed { request: NOW, server: at(offset) });
    #[rustfmt::skip]
    let table = [
        ("V1: on time",                      &v1,     0,               Ok(())),
        ("V1: 15 minutes late",              &v1,     900_000,         Ok(())),
        ("V1: a millisecond more",           &v1,     900_001,         skewed(900_001)),
        ("V1: 15 minutes early",             &v1,     -900_000,        Ok(())),
        ("V1: a millisecond more",           &v1,     -900_001,        skewed(-900_001)),
        ("V4: on time",                      &v4,     0,               Ok(())),
        ("V4: 15 minutes late",              &v4,     900_000,         Ok(())),
        ("V4: a millisecond more",           &v4,     900_001,         skewed(900_001)),
        ("V4: 15 minutes early",             &v4,     -900_000,        Ok(())),
        ("V4: a millisecond more",           &v4,     -900_001,        skewed(-900_001)),
        ("V1 URL: long before its end",      &v1_url, -1_000_000_000,  Ok(())),
        ("V1 URL: the second before",        &v1_url, 59_999,          Ok(())),
        ("V1 URL: the last second begins",   &v1_url, 60_000,          Ok(())),
        ("V1 URL: the last second ends",     &v1_url, 60_999,          Ok(())),
        ("V1 URL: the next second",          &v1_url, 61_000,
            Err(AuthError::UrlExpiredV1 { end, server: at(61_000) })),
        ("V4 URL: a week later",             &week,   604_800_000,     Ok(())),
        ("V4 URL: 15 minutes early",         &v4_url, -900_000,        Ok(())),
        ("V4 URL: a millisecond more",       &v4_url, -900_001,
            Err(AuthError::UrlNotYetValid { request: NOW, server: at(-900_001) })),
        ("V4 URL: the last second begins",   &v4_url, 60_000,          Ok(())),
        ("V4 URL: the last second ends",     &v4_url, 60_999,          Ok(())),
        ("V4 URL: the next second",          &v4_url, 61_000,
            Err(AuthError::UrlExpiredV4 { end, server: at(61_000) })),
    ];
    for (name, sent, offset, want) in table {
        assert_eq!(sent.prove_at(at(offset)), want, "{name}");
    }
}

#[test]
fn a_clock_at_either_end_of_time_is_no_trap() {
    for (name, sent) in Sent::plain().signed_in_each_way() {
        assert!(sent.prove_at(UnixMillis(i64::MAX)).is_err(), "{name}");
        let early = sent.prove_at(UnixMillis(i64::MIN));
        assert_eq!(early.is_ok(), name == "V1 URL", "{name}: {early:?}");
    }
}

#[test]
fn expires_of_v1() {
    #[rustfmt::skip]
    let table = [
        ("negative",         "-1"),
        ("a plus",           "%2B1"),
        ("empty",            ""),
        ("not a number",     "tomorrow"),
        ("a fraction",       "1.5"),
        ("hexadecimal",      "0x10"),
        ("a space",          "+1672223262"),
        ("2^63",             "9223372036854775808"),
        ("2^64 + 1",         "18446744073709551617"),
        ("other digits",     "%D9%A3"),
    ];
    for (name, expires) in table {
        let sent = Sent::plain()
            .but(|s| s.query = format!("OSSAccessKeyId=ak&Expires={expires}&Signature=x"));
        assert_eq!(sent.prove(), Err(AuthError::ExpiresInvalid), "{name}");
    }
    let end = |expires: &str| {
        let query = format!("OSSAccessKeyId=ak&Expires={expires}&Signature=x");
        Sent::plain().but(|s| s.query = query).prove()
    };
    assert!(matches!(end("0"), Err(AuthError::UrlExpiredV1 { .. })));
    // The far future is in time, and then the signature counts.
    assert!(matches!(end("9223372036854775807"), Err(AuthError::Mismatch(_))));
}

#[test]
fn expires_of_v4() {
    let seconds = |seconds: &str| {
        let mut sent = Sent::plain().v4_url(60);
        sent.query = sent.query.replace("x-oss-expires=60", &format!("x-oss-expires={seconds}"));
        sent.prove()
    };
    for text in ["", "0", "604801", "-1", "1.5", "x", "9223372036854775808", "%2B60"] {
        assert_eq!(seconds(text), Err(AuthError::ExpiresOutOfRange), "{text:?}");
    }
    for text in ["1", "604800"] {
        assert!(matches!(seconds(text), Err(AuthError::Mismatch(_))), "{text:?}");
    }
    assert_eq!(Sent::plain().v4_url(1).prove(), Ok(()));
    assert_eq!(Sent::plain().v4_url(604_800).prove(), Ok(()));
}

/// The time is judged first, then the scope, and a key is only looked up for what has passed.
#[test]
fn order_of_checks() {
    let late = at(100_000_000);
    for (name, sent) in Sent::plain().signed_in_each_way() {
        let forged = sent.but(|s| s.method = "PUT");
        let got = forged.prove_with(late, |_| panic!("{name}: the key was looked up"));
        let code = got.unwrap_err().reason().code;
        assert!(matches!(code.as_str(), "AccessDenied" | "RequestTimeTooSkewed"), "{name}");
        let unknown = forged.prove_with(NOW, |_| None);
        assert_eq!(unknown.unwrap_err(), AuthError::UnknownAccessKey("ak".into()), "{name}");
    }
    let elsewhere = Sent::plain().v4_url(60).but(|s| {
        s.query = s.query.replace("cn-hangzhou", "cn-beijing");
    });
    let got = elsewhere.prove_with(NOW, |_| panic!("the key was looked up"));
    assert_eq!(got.unwrap_err(), AuthError::Region(super::super::Channel::Url));
}

#[test]
fn a_refusal_for_time_tells_both_clocks() {
    let sent = Sent::plain().v1_header();
    let err = sent.prove_at(at(900_001)).unwrap_err();
    assert_eq!(MAX_SKEW_MILLIS, 900_000);
    assert_eq!(
        err.details(),
        [
            ("MaxAllowedSkewMilliseconds", "900000".to_owned()),
            ("RequestTime", "2022-12-28T10:27:41.000Z".to_owned()),
            ("ServerTime", "2022-12-28T10:42:41.000Z".to_owned()),
        ]
    );
    let err = Sent::plain().v4_url(60).prove_at(at(61_000)).unwrap_err();
    assert_eq!(err.details()[0], ("Expires", "2022-12-28T10:28:41.000Z".to_owned()));
}
