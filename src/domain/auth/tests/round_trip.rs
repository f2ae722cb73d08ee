//! What our own signer signs verifies, whatever the names, values and bytes.

use http::HeaderValue;
use proptest::collection::vec;
use proptest::prelude::*;

use super::{Sent, is_mismatch};
use crate::domain::encode::percent_encode;
use crate::domain::name::ObjectKey;
use crate::domain::op::Target;

/// Texts with the characters that separate parts of a canonical form, control characters, and
/// anything else of Unicode.
fn text() -> impl Strategy<Value = String> {
    let special =
        prop::sample::select(" +%&=?/;:,\n\r\t\"<>\u{7f}\u{1}|~*'()\\".chars().collect::<Vec<_>>());
    vec(prop_oneof![special, any::<char>()], 0..12).prop_map(|chars| chars.into_iter().collect())
}

/// Every byte that HTTP lets into a value, UTF-8 or not.
fn header_value() -> impl Strategy<Value = HeaderValue> {
    let byte = prop_oneof![Just(b'\t'), b' '..=b'~', 128..=255_u8];
    vec(byte, 0..20).prop_map(|bytes| HeaderValue::from_bytes(&bytes).unwrap())
}

fn encoded(pairs: &[(String, String)]) -> String {
    let parts: Vec<_> =
        pairs.iter().map(|(n, v)| format!("{}={}", percent_encode(n), percent_encode(v))).collect();
    parts.join("&")
}

proptest! {
    #[test]
    fn what_is_signed_verifies(
        key in text().prop_filter_map("a key", |key| key.parse::<ObjectKey>().ok()),
        pairs in vec((text(), text()), 0..5),
        value in header_value(),
    ) {
        let plain = Sent::plain().but(|s| {
            s.targets.first = Target::Object("abc".parse().unwrap(), key);
            s.query = encoded(&pairs);
        });
        let with_header = plain.but(|s| { s.headers.insert("x-oss-meta-a", value); });
        let [(_, v1), (_, v4), ..] = with_header.signed_in_each_way();
        let [.., (_, v1_url), (_, v4_url)] = plain.signed_in_each_way();
        for sent in [v1, v4, v1_url, v4_url] {
            prop_assert_eq!(sent.prove(), Ok(()));
            let other = sent.but(|s| s.method = "DELETE");
            prop_assert!(is_mismatch(&other.prove()));
            let reordered = sent.but(|s| {
                let mut parts: Vec<_> = s.query.split('&').collect();
                // Stable, so that of two values the first one stays the first.
                parts.sort_by_key(|part| std::cmp::Reverse(part.split('=').next()));
                s.query = parts.join("&");
            });
            prop_assert_eq!(reordered.prove(), Ok(()));
        }
    }

    /// V4 tells every two requests apart that differ in key or query.
    #[test]
    fn v4_confuses_nothing(one in text(), other in text()) {
        prop_assume!(one != other);
        let pairs = |value: &str| encoded(&[("a".to_owned(), value.to_owned())]);
        let sent = Sent::plain().but(|s| s.query = pairs(&one)).v4_header();
        prop_assert!(is_mismatch(&sent.but(|s| s.query = pairs(&other)).prove()));
        if let (Ok(one), Ok(other)) = (one.parse(), other.parse()) {
            let on = |key| Target::Object("abc".parse().unwrap(), key);
            let sent = Sent::plain().but(|s| s.targets.first = on(one)).v4_header();
            prop_assert!(is_mismatch(&sent.but(|s| s.targets.first = on(other)).prove()));
        }
    }
}
