//! Decisions about referers, as tables. `UG` rows are of the user guide, `EC` rows of the error
//! pages; the others are decided in the module's header. The published examples, whole, are in
//! `tests/vectors/referer.json` and tested where JSON may be read.

use proptest::prelude::*;

use super::*;

/// One row of a decision table. `name` is printed when the row fails, so it states the rule under
/// test and not the input again.
#[derive(Clone, Copy)]
struct Case {
    name: &'static str,
    empty: EmptyReferer,
    compare: Compare,
    allow: &'static [&'static str],
    deny: &'static [&'static str],
    /// The values of the `Referer` lines.
    referer: &'static [&'static [u8]],
    /// `Err` is the `EC` of the refusal.
    want: Result<(), &'static str>,
}

const BASE: Case = Case {
    name: "",
    empty: EmptyReferer::Allow,
    compare: Compare::WithPath,
    allow: &[],
    deny: &[],
    referer: &[],
    want: Ok(()),
};

/// A bucket for `good.com` and its subdomains that also wants a referer.
const STRICT: Case = Case { empty: Deny, allow: &["*://good.com/", "*://*.good.com/"], ..BASE };

const EMPTY: Result<(), &str> = Err("0003-00000501");
const BLACK: Result<(), &str> = Err("0003-00000502");
const OTHER: Result<(), &str> = Err("0003-00000503");

use Compare::{Origin, WithQuery};
use EmptyReferer::Deny;

#[rustfmt::skip]
const EMPTY_REFERERS: &[Case] = &[
    Case { name: "no header passes by default", ..BASE },
    Case { name: "UG: no header passes with a whitelist if empty referers do", allow: &["x"], ..BASE },
    Case { name: "EC: no header is denied with a whitelist", want: EMPTY, ..STRICT },
    Case { name: "EC: an empty value is an empty referer", referer: &[b""], want: EMPTY, ..STRICT },
    Case { name: "blanks are an empty referer", referer: &[b" \t "], want: EMPTY, ..STRICT },
    Case { name: "UG: empty is not asked about without a whitelist", empty: Deny, ..BASE },
    Case { name: "UG: nor with a blacklist only", empty: Deny, deny: &["*"], ..BASE },
    Case { name: "UG: the blacklist does not name the empty referer", allow: &["x"], deny: &["*"], ..BASE },
    Case { name: "a query alone is not an empty referer", referer: &[b"?q"], want: OTHER, ..STRICT },
    Case { name: "a byte that is not UTF-8 is not an empty referer", referer: &[b"\x80"], want: OTHER, ..STRICT },
    Case { name: "nor does it pass as one", allow: &["http://good.com"], referer: &[b"\xff\xfe"], want: OTHER, ..BASE },
    Case { name: "a no-break space is not an empty referer", referer: &["\u{a0}".as_bytes()], want: OTHER, ..STRICT },
    Case { name: "NUL is a character like others", referer: &[b"\0"], want: OTHER, ..STRICT },
    Case { name: "DEL too", referer: &[b"http://good.com\x7f/"], want: OTHER, ..STRICT },
];

#[rustfmt::skip]
const LISTS: &[Case] = &[
    Case { name: "no policy allows all", referer: &[b"http://x.com/"], ..BASE },
    Case { name: "no whitelist allows what is not blacklisted", deny: &["http://evil.com"], referer: &[b"http://x.com/"], ..BASE },
    Case { name: "a blacklist denies without a whitelist", deny: &["http://evil.com"], referer: &[b"http://evil.com/"], want: BLACK, ..BASE },
    Case { name: "EC: the blacklist wins over the whitelist", allow: &["http://*.aliyuncs.com"], deny: &["http://abc.aliyuncs.com"], referer: &[b"http://abc.aliyuncs.com"], want: BLACK, ..BASE },
    Case { name: "an entry of both lists denies", allow: &["http://a.com"], deny: &["http://a.com"], referer: &[b"http://a.com"], want: BLACK, ..BASE },
    Case { name: "UG: a pattern is a prefix", allow: &["http://www.aliyun.com"], referer: &[b"http://www.aliyun.com.cn"], ..BASE },
    Case { name: "a prefix lets a longer host in", allow: &["https://good.com"], referer: &[b"https://good.com.evil.net/"], ..BASE },
    Case { name: "a slash at the end does not", allow: &["https://good.com/"], referer: &[b"https://good.com.evil.net/"], want: OTHER, ..BASE },
    Case { name: "UG: the scheme counts", allow: &["http://www.aliyun.com"], referer: &[b"https://www.aliyun.com/123"], want: OTHER, ..BASE },
    Case { name: "UG: a pattern without a scheme fits none", allow: &["b.aliyun.com"], referer: &[b"http://b.aliyun.com"], want: OTHER, ..BASE },
    Case { name: "a scheme alone is a prefix", allow: &["http://"], referer: &[b"http://x.com/"], ..BASE },
    Case { name: "UG: * spans the scheme", allow: &["*.example.com"], referer: &[b"https://help.example.com"], ..BASE },
    Case { name: "* spans what precedes the path", allow: &["*good.com"], referer: &[b"https://evilgood.com"], ..BASE },
    Case { name: "UG: * is everything", allow: &["*"], referer: &[b"about:blank"], ..BASE },
    Case { name: "** is *", allow: &["**"], referer: &[b"about:blank"], ..BASE },
    Case { name: "* fits a referer of which nothing is left", allow: &["*"], referer: &[b"?q"], ..BASE },
    Case { name: "UG: ? is one character", allow: &["http://www.aliyun?.com"], referer: &[b"http://www.aliyunc.com"], ..BASE },
    Case { name: "? is not none", allow: &["http://www.aliyun?.com"], referer: &[b"http://www.aliyun.com"], want: OTHER, ..BASE },
    Case { name: "? at the end is not none either", allow: &["http://a?"], referer: &[b"http://a"], want: OTHER, ..BASE },
    Case { name: "? alone fits all that is not empty", allow: &["?"], referer: &[b"x"], ..BASE },
    Case { name: "? is one character of several bytes", allow: &["http://?.com/"], referer: &["http://中.com/".as_bytes()], ..BASE },
    Case { name: "and not one of its bytes", allow: &["http://???.com/"], referer: &["http://中.com/".as_bytes()], want: OTHER, ..BASE },
    Case { name: "a star in a referer is a character", allow: &["http://a.com/"], referer: &[b"*"], want: OTHER, ..BASE },
    Case { name: "a literal ? cannot be asked for", compare: WithQuery, allow: &["http://a.com/?x"], referer: &[b"http://a.com/yx"], ..BASE },
    Case { name: "scheme and host have no case", referer: &[b"HTTPS://WWW.GOOD.COM/"], ..STRICT },
    Case { name: "nor have patterns", allow: &["HTTP://A.com/Dir"], referer: &[b"http://a.com/dIR"], ..BASE },
    Case { name: "other letters have case", allow: &["http://Ä.com"], referer: &["http://ä.com".as_bytes()], want: OTHER, ..BASE },
    Case { name: "a Kelvin sign is not a k", allow: &["http://k.com"], referer: &["http://\u{212a}.com".as_bytes()], want: OTHER, ..BASE },
    Case { name: "a short URL is a URL", allow: &["http://a.b"], referer: &[b"http://a.b"], ..BASE },
    Case { name: "OSS stores what is no URL, and it matches", allow: &["mibrowser:home"], referer: &[b"mibrowser:home"], ..BASE },
    Case { name: "a pattern keeps the spaces within", allow: &["http://a b"], referer: &[b"http://a b/c"], ..BASE },
    Case { name: "a pattern keeps control and direction marks", allow: &["http://a\u{202e}\u{feff}\0.com"], referer: &[b"http://a.com"], want: OTHER, ..BASE },
    Case { name: "a comma does not part two referers", allow: &["http://good.com/"], referer: &[b"http://evil.com/, http://good.com/"], want: OTHER, ..BASE },
];

#[rustfmt::skip]
const HOSTS: &[Case] = &[
    Case { name: "a trailing dot is another host", referer: &[b"https://good.com./"], want: OTHER, ..STRICT },
    Case { name: "user information is not the host", compare: Origin, referer: &[b"https://good.com@evil.com/"], want: OTHER, ..STRICT },
    Case { name: "nor with a password", compare: Origin, referer: &[b"https://good.com:x@evil.com/"], want: OTHER, ..STRICT },
    Case { name: "but a prefix without a slash fits it", allow: &["https://good.com"], referer: &[b"https://good.com@evil.com/"], ..BASE },
    Case { name: "an escape is not decoded", referer: &[b"https://good.com%2eevil.net/"], want: OTHER, ..STRICT },
    Case { name: "an escaped NUL ends nothing", referer: &[b"https://good.com%00/"], want: OTHER, ..STRICT },
    Case { name: "an escaped line break ends nothing", referer: &[b"https://good.com%0d%0a/"], want: OTHER, ..STRICT },
    Case { name: "backslashes are not slashes", referer: &[b"https:\\\\good.com\\"], want: OTHER, ..STRICT },
    Case { name: "one slash is not two", referer: &[b"https:/good.com/"], want: OTHER, ..STRICT },
    Case { name: "three slashes are not two", allow: &["https://good.com/"], referer: &[b"https:///good.com/"], want: OTHER, ..BASE },
    Case { name: "no scheme", referer: &[b"//good.com/"], want: OTHER, ..STRICT },
    Case { name: "no scheme, no slashes", referer: &[b"good.com"], want: OTHER, ..STRICT },
    Case { name: "about:blank", referer: &[b"about:blank"], want: OTHER, ..STRICT },
    Case { name: "data:", referer: &[b"data:text/html,x"], want: OTHER, ..STRICT },
    Case { name: "blob: is of its own scheme", allow: &["https://good.com/"], referer: &[b"blob:https://good.com/1"], want: OTHER, ..BASE },
    Case { name: "file:", referer: &[b"file:///good.com/"], want: OTHER, ..STRICT },
    Case { name: "an app that is listed", allow: &["android-app://com.x/"], referer: &[b"android-app://com.x/"], ..BASE },
    Case { name: "an extension", referer: &[b"chrome-extension://abc/"], want: OTHER, ..STRICT },
    Case { name: "null is a text", referer: &[b"null"], want: OTHER, ..STRICT },
    Case { name: "an IPv6 host", allow: &["http://[::1]:8080/"], referer: &[b"http://[::1]:8080/x"], ..BASE },
    Case { name: "an IPv4 host is not calculated", allow: &["http://127.0.0.1/"], referer: &[b"http://2130706433/"], want: OTHER, ..BASE },
    Case { name: "nor from octal numbers", allow: &["http://127.0.0.1/"], referer: &[b"http://0177.0.0.1/"], want: OTHER, ..BASE },
    Case { name: "a Unicode host is not its punycode", allow: &["http://中文.com"], referer: &[b"http://xn--fiq228c.com"], want: OTHER, ..BASE },
    Case { name: "a Unicode host is itself", allow: &["http://中文.com"], referer: &["http://中文.com/".as_bytes()], ..BASE },
    Case { name: "a full-width dot is not a dot", referer: &["http://a\u{3002}good.com/".as_bytes()], want: OTHER, ..STRICT },
    Case { name: "Cyrillic letters are not Latin ones", referer: &["http://g\u{43e}\u{43e}d.com/".as_bytes()], want: OTHER, ..STRICT },
    Case { name: "a default port is another text", referer: &[b"https://good.com:443/"], want: OTHER, ..STRICT },
    Case { name: "port 0", referer: &[b"https://good.com:0/"], want: OTHER, ..STRICT },
    Case { name: "a port that is none", referer: &[b"https://good.com:99999/"], want: OTHER, ..STRICT },
    Case { name: "a prefix without a slash fits a port", allow: &["https://good.com"], referer: &[b"https://good.com:443/"], ..BASE },
];

#[rustfmt::skip]
const TRUNCATION: &[Case] = &[
    Case { name: "the query is cut by default", allow: &["*.example.com"], referer: &[b"http://evil.net/?.example.com"], want: OTHER, ..BASE },
    Case { name: "with the query it counts", compare: WithQuery, allow: &["*.example.com"], referer: &[b"http://evil.net/?.example.com"], ..BASE },
    Case { name: "with the origin alone it does not", compare: Origin, allow: &["*.example.com"], referer: &[b"http://evil.net/?.example.com"], want: OTHER, ..BASE },
    Case { name: "a path counts by default", allow: &["*.example.com"], referer: &[b"http://evil.net/.example.com"], ..BASE },
    Case { name: "with the origin alone it does not count", compare: Origin, allow: &["*.example.com"], referer: &[b"http://evil.net/.example.com"], want: OTHER, ..BASE },
    Case { name: "a URL in the path is a path", referer: &[b"https://evil.com/https://good.com/"], ..STRICT },
    Case { name: "and is cut to the origin", compare: Origin, referer: &[b"https://evil.com/https://good.com/"], want: OTHER, ..STRICT },
    Case { name: "a URL in the query is cut by default", referer: &[b"https://evil.com/?r=https://www.good.com/"], want: OTHER, ..STRICT },
    Case { name: "and counts with the query", compare: WithQuery, referer: &[b"https://evil.com/?r=https://www.good.com/"], ..STRICT },
    Case { name: "a fragment is cut by default", referer: &[b"https://evil.com#.good.com/"], want: OTHER, ..STRICT },
    Case { name: "a fragment counts with the query", compare: WithQuery, referer: &[b"https://evil.com#.good.com/"], ..STRICT },
    Case { name: "a fragment is cut to the origin", compare: Origin, referer: &[b"https://evil.com#.good.com/"], want: OTHER, ..STRICT },
    Case { name: "an origin has a slash", compare: Origin, allow: &["http://a.com/"], referer: &[b"http://a.com"], ..BASE },
    Case { name: "an origin has a slash before a query", compare: Origin, allow: &["http://a.com/"], referer: &[b"http://a.com?q"], ..BASE },
    Case { name: "a path is compared as it is", allow: &["http://a.com/"], referer: &[b"http://a.com"], want: OTHER, ..BASE },
    Case { name: "an origin ends at its slash", compare: Origin, allow: &["http://a.com/"], referer: &[b"http://a.com.evil.net/"], want: OTHER, ..BASE },
    Case { name: "an origin fits no longer pattern", compare: Origin, allow: &["http://a.com/dir/"], referer: &[b"http://a.com/dir/"], want: OTHER, ..BASE },
    Case { name: "a pattern's query cannot match once the query is cut", allow: &["http://a.com/?a=1"], referer: &[b"http://a.com/?a=1"], want: OTHER, ..BASE },
    Case { name: "UG: the query has no case", compare: WithQuery, allow: &["http://www.example.com/?action=nop"], referer: &[b"http://www.example.com/?ACTION=NOP"], ..BASE },
    Case { name: "UG: the query is not decoded", compare: WithQuery, allow: &["http://www.example.com/?job_id=task%2401"], referer: &[b"http://www.example.com/?job_id=task$01"], want: OTHER, ..BASE },
    Case { name: "UG: parameters are not reordered", compare: WithQuery, allow: &["http://example.com/?a=b&b=c"], referer: &[b"http://example.com/?b=c&a=b"], want: OTHER, ..BASE },
];

const GOOD: &[u8] = b"http://good.com/";
const EVIL: &[u8] = b"http://evil.com/";

#[rustfmt::skip]
const LINES: &[Case] = &[
    Case { name: "good, then bad", referer: &[GOOD, EVIL], want: OTHER, ..STRICT },
    Case { name: "bad, then good", referer: &[EVIL, GOOD], want: OTHER, ..STRICT },
    Case { name: "good twice", referer: &[GOOD, GOOD], ..STRICT },
    Case { name: "good, then empty", referer: &[GOOD, b""], want: EMPTY, ..STRICT },
    Case { name: "empty, then good", referer: &[b" ", GOOD], want: EMPTY, ..STRICT },
    Case { name: "an empty line passes if empty referers do", empty: EmptyReferer::Allow, referer: &[b"", GOOD], ..STRICT },
    Case { name: "it does not help the bad one", empty: EmptyReferer::Allow, referer: &[b"", EVIL], want: OTHER, ..STRICT },
    Case { name: "unlisted beside empty", referer: &[b"", EVIL], want: OTHER, ..STRICT },
    Case { name: "blacklisted beside all others", deny: &["http://evil.com"], referer: &[b"", b"x", EVIL, GOOD], want: BLACK, ..STRICT },
    Case { name: "too many good ones", referer: &[GOOD; MAX_LINES + 1], want: OTHER, ..STRICT },
    Case { name: "too many, and a blacklist only", deny: &["x"], referer: &[GOOD; MAX_LINES + 1], want: OTHER, ..BASE },
    Case { name: "too many without lists", empty: Deny, referer: &[b"" as &[u8]; MAX_LINES + 1], ..BASE },
];

fn policy(case: &Case) -> Policy {
    let patterns = |list: &[&str]| list.iter().filter_map(|entry| Pattern::read(entry)).collect();
    Policy {
        empty: case.empty,
        compare: case.compare,
        allow: patterns(case.allow),
        deny: patterns(case.deny),
    }
}

fn ec(decision: Decision<'_>) -> Result<(), &'static str> {
    match decision {
        Decision::Allow(_) => Ok(()),
        Decision::Deny(denied) => Err(denied.reason().ec.unwrap()),
    }
}

#[test]
fn decision_tables() {
    for case in [EMPTY_REFERERS, LISTS, HOSTS, TRUNCATION, LINES].concat() {
        let matcher = Matcher::new(policy(&case));
        let referers = Referers::read(case.referer.iter().copied());
        let decision = matcher.decide(&referers);
        assert_eq!(ec(decision), case.want, "{}", case.name);
        assert_eq!(matcher.explain(&referers).decision, decision, "{}", case.name);
    }
}

#[test]
fn the_limit_of_length() {
    let open = Matcher::new(Policy::default());
    let listed = Matcher::new(policy(&Case { allow: &["http://a.com/"], ..BASE }));
    let black = Matcher::new(policy(&Case { deny: &["x"], ..BASE }));
    for (length, want) in [(4096, Ok(())), (4097, OTHER), (8192, OTHER), (65_536, OTHER)] {
        let line = format!(" http://a.com/{}\t", "a".repeat(length - "http://a.com/".len()));
        let referers = Referers::read([line.as_bytes()]);
        assert_eq!(ec(listed.decide(&referers)), want, "{length}");
        assert_eq!(ec(black.decide(&referers)), want, "{length}, blacklist only");
        assert_eq!(ec(open.decide(&referers)), Ok(()), "{length}, without lists");
    }
}

#[test]
fn a_decision_names_the_first_entry_that_matches() {
    let case =
        Case { allow: &["x", "http://*", "http://a"], deny: &["y", "y", "http://b"], ..BASE };
    let matcher = Matcher::new(policy(&case));
    let decide = |line: &'static str| matcher.explain(&Referers::read([line.as_bytes()]));

    let entry = Entry { position: 1, pattern: &matcher.policy().allow[1] };
    let passed = decide("HTTP://a.com/b?c");
    assert_eq!(passed.decision, Decision::Allow(Allowed::Listed(entry)));
    assert_eq!(passed.subject.as_deref(), Some("http://a.com/b"));

    let entry = Entry { position: 2, pattern: &matcher.policy().deny[2] };
    assert_eq!(decide("http://b/").decision, Decision::Deny(Denied::Listed(entry)));
    assert_eq!(decide("").subject, None);
}

#[test]
fn no_entry_makes_a_decision_slow() {
    // Every star could end anywhere: a matcher that tries all combinations takes longer than the
    // age of the universe.
    let many = ["*a".repeat(20) + "*b", "?*".repeat(30) + "b", "a".repeat(4000) + "*b"];
    let deny = many.iter().filter_map(|entry| Pattern::read(entry)).collect();
    let matcher = Matcher::new(Policy { deny, ..Policy::default() });
    let line = "a".repeat(MAX_REFERER_BYTES);
    let decision = matcher.decide(&Referers::read([line.as_bytes()]));
    assert_eq!(decision, Decision::Allow(Allowed::NoWhitelist));
}

prop_compose! {
    fn some_policy()(
        deny_empty in any::<bool>(),
        compare in prop::sample::select(vec![WithQuery, Compare::WithPath, Origin]),
        allow in prop::collection::vec("[ab/?*]{1,3}", 0..3),
        deny in prop::collection::vec("[ab/?*]{1,3}", 0..3),
    ) -> Policy {
        let patterns = |list: Vec<String>| list.iter().filter_map(|e| Pattern::read(e)).collect();
        let empty = if deny_empty { Deny } else { EmptyReferer::Allow };
        Policy { empty, compare, allow: patterns(allow), deny: patterns(deny) }
    }
}

proptest! {
    #[test]
    fn the_order_of_lines_does_not_matter(
        policy in some_policy(),
        (lines, shuffled) in prop::collection::vec("[ab/? ]{0,3}", 0..6)
            .prop_flat_map(|lines| (Just(lines.clone()), Just(lines).prop_shuffle())),
    ) {
        let matcher = Matcher::new(policy);
        let read = |lines: &[String]| -> Explanation<'_> {
            matcher.explain(&Referers::read(lines.iter().map(String::as_bytes)))
        };
        prop_assert_eq!(read(&lines), read(&shuffled));
    }

    #[test]
    fn more_lines_never_help(policy in some_policy(), a in "[ab/?]{0,3}", b in "[ab/?]{0,3}") {
        let matcher = Matcher::new(policy);
        let allowed = |lines: &[&str]| {
            matcher.decide(&Referers::read(lines.iter().map(|line| line.as_bytes()))).is_allowed()
        };
        prop_assert_eq!(allowed(&[&a, &b]), allowed(&[&a]) && allowed(&[&b]));
    }

    #[test]
    fn any_bytes_are_decided(policy in some_policy(), line in any::<Vec<u8>>()) {
        let referers = Referers::read([line.as_slice()]);
        let matcher = Matcher::new(policy);
        prop_assert_eq!(matcher.decide(&referers), matcher.explain(&referers).decision);
    }
}
