//! How much the lists may hold, and what of it an administrator may put.

use super::*;

#[test]
fn a_limit_can_be_raised() {
    let long = "x".repeat(MAX_LIST_BYTES + 1);
    let body = format!(
        "<RefererConfiguration><AllowEmptyReferer>true</AllowEmptyReferer><RefererList><Referer>{long}</Referer></RefererList></RefererConfiguration>"
    );
    let refused = read_policy(body.as_bytes()).unwrap_err();
    assert_eq!(refused, InvalidPolicy::TooLarge { bytes: 20_481, limit: 20_480 });
    assert!(super::super::read_policy(body.as_bytes(), MAX_LIST_BYTES + 1).is_ok());
    assert!(super::super::read_policy(body.as_bytes(), 0).is_err());
}

/// OSS checks no entry; what an administrator puts by hand is checked, and told by its line.
#[test]
fn rules_of_an_administrator_are_checked() {
    let body = |entry: &str| {
        format!(
            "<?xml version=\"1.0\"?>\n<RefererConfiguration>\r\n<AllowEmptyReferer>true</AllowEmptyReferer>\n\
             <RefererList>\n  <Referer>a</Referer>\n  <Referer>{entry}</Referer>\n</RefererList>\n\
             <RefererBlacklist>\n<Referer>{entry}</Referer></RefererBlacklist></RefererConfiguration>"
        )
    };
    let (good, long) = ("x".repeat(1024), "x".repeat(1025));
    for (entry, want) in [
        (good.as_str(), None),
        ("", None),
        ("<!-- \n -->b", None),
        (&long, Some("line 6, RefererList: the rule has 1025 bytes, it may have 1024")),
        ("a&#9;b", Some("line 6, RefererList: the rule has the control character '\\t'")),
        ("\n\na\u{85}b", Some("line 6, RefererList: the rule has the control character '\\u{85}'")),
    ] {
        let (lenient, strict) = (
            super::super::read_policy(body(entry).as_bytes(), MAX_LIST_BYTES),
            read_strict_policy(body(entry).as_bytes(), MAX_LIST_BYTES, &KnownRules::default()),
        );
        let known = KnownRules::of(lenient.as_ref().unwrap());
        let again = read_strict_policy(body(entry).as_bytes(), MAX_LIST_BYTES, &known);
        assert_eq!(again, lenient, "{entry:.20} is there");
        assert!(lenient.is_ok(), "{entry:.20}");
        let err = strict.as_ref().err().map(ToString::to_string);
        assert_eq!(err.as_deref(), want, "{entry:.20}");
        assert!(strict.is_err() || strict == lenient, "{entry:.20}");
    }
}
