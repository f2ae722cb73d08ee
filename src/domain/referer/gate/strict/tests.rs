//! What entries vouch for, and that the compiled list says the same as its entries.

use proptest::prelude::*;

use super::by_definition::vouches as vouches_by_definition;
use super::*;
use crate::domain::referer::patience::{Endless, Short, TakesLong};
use crate::domain::referer::{Allowed, Compare, Decision, Matcher, Referers};

fn policy(allow: &[&str], compare: Compare) -> Policy {
    let allow = allow.iter().map(|text| Pattern::read(text).unwrap()).collect();
    Policy { compare, allow, ..Policy::default() }
}

/// The position of the entry that vouches, as a gate asks for it.
fn vouches(policy: &Policy, referer: &str) -> Option<usize> {
    let matcher = Matcher::new(policy.clone());
    let decision = matcher.decide(&Referers::read([referer.as_bytes()]));
    let Decision::Allow(Allowed::Listed(plain)) = decision else { return None };
    let found = [StrictHosts::new(policy), StrictHosts::provisional(policy)].map(|strict| {
        // The second time it may be remembered.
        let [first, again] = [(); 2].map(|()| {
            let Ok(entry) = strict.find(policy, (referer.as_bytes(), plain), Endless);
            entry.map(|entry| entry.position)
        });
        assert_eq!(first, again, "{referer}");
        first
    });
    assert_eq!(found[0], found[1], "{referer}");
    found[0]
}

/// The position of the first entry that vouches, whichever fits as text.
fn first(strict: &StrictHosts, policy: &Policy, place: &Place<'_>) -> Option<usize> {
    let Ok(rank) = strict.first(policy, place, Endless);
    rank.map(Rank::before)
}

/// `(entry, referer, whether the entry vouches for it)`.
#[rustfmt::skip]
const ROWS: &[(&str, &str, bool)] = &[
    // The whole host.
    ("http://a.com", "http://a.com", true),
    ("http://a.com", "http://a.com/", true),
    ("http://a.com", "http://a.com/x/y", true),
    ("http://a.com", "HTTP://A.COM/X", true),
    ("HTTP://A.com", "http://a.com/", true),
    ("http://a.com/", "http://a.com/x", true),
    ("http://a.com/*", "http://a.com/x", true),
    ("http://a.com", "http://a.com?x", true),
    ("http://a.com", "https://a.com/", false),
    ("http://a.com", "http://a.com.evil.net/", false),
    ("http://a.com", "http://a.com.evil.net", false),
    ("http://a.com", "http://a.community/", false),
    ("http://a.com", "http://a.com.", false),
    ("http://a.com", "http://a.com-evil.net/", false),
    // Subdomains.
    ("*.a.com", "https://x.a.com/", true),
    ("*.a.com", "https://x.y.a.com/p", true),
    ("*.a.com", "https://a.com/", false),
    ("*.a.com", "https://x.a.com.evil.net/", false),
    ("*.a.com", "http://evil.net/x.a.com", false),
    ("*.a.com", "http://evil.net?x.a.com", false),
    ("*.a.com", "http://evil.net#.a.com", false),
    ("http://*.a.com/", "http://x.a.com/", true),
    ("http://*.a.com/", "http://evil.net/.a.com/", false),
    // Whole labels.
    ("*a.com", "https://a.com/", true),
    ("*a.com", "a.com", true),
    ("*a.com", "https://x.a.com/", true),
    ("*a.com", "https://evila.com/", false),
    ("http://*a.com", "http://a.com/", true),
    ("http://*a.com", "http://x.a.com/", true),
    ("http://*a.com", "http://evila.com/", false),
    ("**a.com", "https://evila.com/", false),
    ("*servicewechat.com", "https://servicewechat.com/wx1/1/page-frame.html", true),
    ("*baidu*", "https://www.baidu.com/s", true),
    ("*baidu*", "https://notbaidu.com/", false),
    // A wildcard that says what it means.
    ("*", "https://a.com/", true),
    ("*", "null", true),
    ("http*://a.com", "https://a.com/x", true),
    ("*://a.com", "https://a.com/x", true),
    ("*//a.com", "https://a.com/x", true),
    ("http://www?.a.com", "http://www1.a.com/", true),
    ("http://www?.a.com", "http://www1.a.com.evil.net/", false),
    ("http://a.com*", "http://a.com.evil.net/", true),
    // Ports.
    ("http://a.com", "http://a.com:8080/x", true),
    ("http://a.com", "http://a.com:8080", true),
    ("http://a.com:8080", "http://a.com:8080/", true),
    ("http://a.com:8080", "http://a.com/", false),
    ("http://a.com:80", "http://a.com:8080/", false),
    ("http://[::1]", "http://[::1]:8080/", true),
    ("http://a.com", "http://a.com:99999/", false),
    ("http://a.com", "http://a.com:x/", false),
    // Paths.
    ("http://a.com/dir/", "http://a.com/dir/x", true),
    ("http://a.com/dir/", "http://a.com/", false),
    ("http://*.a.com/dir", "http://x.a.com/directory", true),
    ("http://*/dir/", "http://a.com/dir/x", true),
    ("http://*/dir/", "http://a.com/x/dir/", false),
    ("*.a.com/dir", "http://evil.net/x.a.com/dir", false),
    // What no browser sends.
    ("http://a.com", "http://a.com@evil.net/", false),
    ("http://a.com", "http://a.com:x@evil.net/", false),
    ("*.a.com", "http://evil.net\\x.a.com/", false),
    ("*.a.com", "http://evil.net%2ex.a.com/", false),
    ("*", "https://me@a.com/", false),
    ("*.a.com", "https:\\\\evil.net\\.a.com", false),
    ("*", "file:///home/x", false),
    // No URLs.
    ("mibrowser:home", "mibrowser:home", true),
    ("android-app://com.x", "android-app://com.x/", true),
    ("android-app://com.x", "android-app://com.xyz/", false),
    ("aliyun?.com", "aliyuna.com", true),
    ("aliyun?.com", "aliyuna.com.evil.net", false),
    ("*", "?x", true),
];

#[test]
fn hosts_end_where_entries_end() {
    for (entry, referer, want) in ROWS.iter().copied() {
        let policy = policy(&[entry], Compare::WithPath);
        assert_eq!(vouches(&policy, referer).is_some(), want, "{entry} {referer}");
    }
}

#[test]
fn the_first_entry_that_vouches_is_named() {
    let list = ["http://a", "http://a.com/dir/", "http://a.com/", "http://*.com"];
    let policy = policy(&list, Compare::WithPath);
    assert_eq!(vouches(&policy, "http://a.com/dir/x"), Some(1));
    assert_eq!(vouches(&policy, "http://a.com/x"), Some(2));
    assert_eq!(vouches(&policy, "http://a.com"), Some(2), "no path is /");
    assert_eq!(vouches(&policy, "http://abc.com/"), Some(3));
    assert_eq!(vouches(&policy, "http://a.net/"), None);
    assert_eq!(vouches(&policy, "http://a:8080/"), Some(0));
}

#[test]
fn all_of_a_referer_is_compared_as_the_policy_says() {
    let with_query = policy(&["*.a.com", "http://b.com/?x=1"], Compare::WithQuery);
    assert_eq!(vouches(&with_query, "http://evil.net/?x=.a.com"), None);
    assert_eq!(vouches(&with_query, "http://b.com/?x=1&y"), Some(1));
    assert_eq!(vouches(&with_query, "http://b.com/?x=2"), None);
    let origin = policy(&["http://a.com/", "http://b.com/dir"], Compare::Origin);
    assert_eq!(vouches(&origin, "http://a.com/dir?x"), Some(0));
    assert_eq!(vouches(&origin, "http://b.com/dir"), None, "a path is never compared");
}

proptest! {
    /// Whatever fits an entry strictly fits it as text, but for the path `/` that is not
    /// written; and a host of plain labels is the one that the entry names, or one below it.
    #[test]
    fn strict_is_narrower(
        entry in "(\\*|\\*\\.|http://|http://\\*\\.)a\\.b(/|/x|:8)?",
        referer in "http://[ab.@:8/x*?]{0,9}(a\\.b)?[ab.@:8/x]{0,6}",
    ) {
        let list = policy(&[&entry], Compare::WithPath);
        let subject = subject(referer.as_bytes(), Compare::WithPath);
        let Some(place) = Place::read(&subject) else { return Ok(()) };
        if Rule::of(&entry).fits(&place) {
            let plain = Matcher::new(list);
            let slashed = format!("{}{}", place.origin, place.rest);
            let portless = format!("{}{}", place.portless.unwrap_or("-"), place.rest);
            let fits = [slashed, portless].iter().any(|text| {
                plain.decide(&Referers::read([text.as_bytes()])).is_allowed()
            });
            prop_assert!(fits, "{entry} {referer}");
            let authority = Authority::parse(place.origin.trim_start_matches("http://"));
            let host = authority.unwrap().host;
            prop_assert!(host == "a.b" || host.ends_with(".a.b"), "{entry} {referer}");
        }
    }

    /// Compiled, one by one, and by definition are the same.
    #[test]
    fn the_index_agrees_with_the_rules(
        entries in prop::collection::vec(entry(), 1..12),
        referers in prop::collection::vec(referer(), 1..8),
        compare in prop::sample::select(
            vec![Compare::WithQuery, Compare::WithPath, Compare::Origin]
        ),
    ) {
        let list: Vec<&str> =
            entries.iter().map(String::as_str).filter(|e| Pattern::read(e).is_some()).collect();
        let policy = policy(&list, compare);
        let compiled = StrictHosts::new(&policy);
        let provisional = StrictHosts::provisional(&policy);
        for referer in referers {
            let subject = subject(referer.as_bytes(), compare);
            let Some(place) = Place::read(&subject) else { continue };
            let want =
                policy.allow.iter().position(|e| vouches_by_definition(e.as_str(), &place));
            prop_assert_eq!(first(&compiled, &policy, &place), want, "{}", subject);
            prop_assert_eq!(first(&provisional, &policy, &place), want, "{}", subject);
        }
    }
}

/// Entries of few letters, with marks where nobody would write one.
fn entry() -> impl Strategy<Value = String> {
    prop_oneof![
        "(\\*|http://)?[ab*?.]{1,4}(:8)?(/[x*]{0,2})?",
        "(\\*|\\*:|http|https:|http\\*:)?(//)?[abAB*?.:8/é\u{1}]{0,10}",
        "http://\\*?[ab.]{1,3}\\*?/[ab*?/é\u{1}]{0,9}",
    ]
}

fn referer() -> impl Strategy<Value = String> {
    prop_oneof![
        "(http://)?[ab.]{0,4}(:8)?(/x{0,2})?",
        "(http|https)://[abAB.é]{1,3}(:8|:80|:x)?[/?#]?[abx/?é\u{1}]{0,12}",
        "[ab.:/?#@\u{1}é]{0,12}",
    ]
}

/// Lists that nobody would write but to slow it down, with referers to go with them.
mod hostile {
    use super::*;

    /// Hosts that look alike, and paths of which each nearly fits at every place.
    fn look_alikes(rules: usize) -> (Policy, String) {
        let mut list = vec!["http://a.com".to_owned()];
        let path = "a".repeat(990);
        list.extend((0..rules).map(|n| format!("http://*/*{path}b{n:05}")));
        let list: Vec<&str> = list.iter().map(String::as_str).collect();
        let referer = format!("http://a.com.evil.net/{}", "a".repeat(4000));
        (policy(&list, Compare::WithPath), referer)
    }

    /// Each rule is asked in one pass. The time is not asserted; if each place of a path were tried
    /// with each of the rules, this would not end.
    #[test]
    fn look_alikes_with_paths_are_asked_once() {
        let (policy, referer) = look_alikes(3000);
        let (line, text) = (referer.as_bytes(), Entry::of(&policy.allow, 0).unwrap());
        for strict in [StrictHosts::new(&policy), StrictHosts::provisional(&policy)] {
            let Ok(found) = strict.find(&policy, (line, text), Endless);
            assert_eq!(found, None);
        }
    }

    #[test]
    fn who_cannot_wait_is_told_so_or_answered() {
        let (policy, referer) = look_alikes(300);
        let (line, text) = (referer.as_bytes(), Entry::of(&policy.allow, 0).unwrap());
        let soon = |strict: &StrictHosts| strict.find(&policy, (line, text), Short);
        assert_eq!(soon(&StrictHosts::new(&policy)), Ok(None), "no rule has a piece of it");
        assert_eq!(soon(&StrictHosts::provisional(&policy)), Err(TakesLong));
        // Every rule has all pieces of it.
        let crowded: Vec<String> = (0..300).map(|n| format!("http://*/*a?{n}*a")).collect();
        let mut crowded: Vec<&str> = crowded.iter().map(String::as_str).collect();
        crowded.insert(0, "http://a.com");
        let policy = super::policy(&crowded, Compare::WithPath);
        let text = Entry::of(&policy.allow, 0).unwrap();
        let digits: String = (0..300).map(|n| n.to_string()).collect();
        let referer = format!("http://a.com.evil.net/{digits}{}", "a".repeat(3000));
        let strict = StrictHosts::new(&policy);
        let soon = strict.find(&policy, (referer.as_bytes(), text), Short);
        assert_eq!(soon, Err(TakesLong));
        let Ok(found) = strict.find(&policy, (referer.as_bytes(), text), Endless);
        assert_eq!(found, None);
    }

    /// What was found once is not looked for again.
    #[test]
    fn answers_are_remembered() {
        let policy = policy(&["http://a.com", "http://*.b.com/x"], Compare::Origin);
        let strict = StrictHosts::provisional(&policy);
        let text = Entry::of(&policy.allow, 0).unwrap();
        let line = b"http://a.com.evil.net/".as_slice();
        assert_eq!(strict.find(&policy, (line, text), Short), Err(TakesLong));
        let Ok(found) = strict.find(&policy, (line, text), Endless);
        assert_eq!(strict.find(&policy, (line, text), Short), Ok(found));
    }
}
