//! The index answers as the plain matcher does, and lists made to break it do not.

use proptest::prelude::*;

use super::super::patience::{Endless, Short, TakesLong};
use super::super::{
    Compare, Decision, EmptyReferer, Engine, MAX_REFERER_BYTES, Matcher, Pattern, Policy, Referers,
};
use super::*;

const FAST: [Engine; 4] = [Engine::Loop, Engine::Index, Engine::CachedIndex, Engine::Scan];

fn patterns(rules: &[String]) -> Vec<Pattern> {
    rules.iter().filter_map(|rule| Pattern::read(rule)).collect()
}

fn index(rules: &[String]) -> Index {
    Index::new(patterns(rules).iter()).unwrap()
}

/// The place of the first rule that fits, from 0.
fn first(index: &Index, subject: &str) -> Option<usize> {
    let Ok(rank) = index.first_within(subject, Endless);
    rank.map(Rank::before)
}

/// Rules of few letters, so that many fit and more nearly do.
fn short_rule() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ab*?]{1,6}",
        "[abAB./:*?中é]{1,12}",
        "(\\*|http://|https://)?(\\*\\.|www\\?)?[ab]{1,2}\\.(com|cn|\\*)?(/|/\\*|/[ab?*]{1,3})?",
        "\\*?[ab]{6,20}(\\*[ab]{0,9})?",
        "[ab]{1,3}(\\?[ab]{0,2}){1,30}",
    ]
}

fn referer() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        "[ab/?#]{0,8}".prop_map(String::into_bytes),
        "[abAB./:?#中é]{0,14}".prop_map(String::into_bytes),
        "(http|https)://(www\\.|[abAB]\\.)?[ab]{1,2}\\.(com|cn)(:80)?(/[ab?#]{0,4})?"
            .prop_map(String::into_bytes),
        "[ab]{0,60}".prop_map(String::into_bytes),
        prop::collection::vec(prop::sample::select(b"ab./\xe4\xb8\xad\xff".to_vec()), 0..12),
    ]
}

prop_compose! {
    fn policy()(
        empty in prop::sample::select(vec![EmptyReferer::Allow, EmptyReferer::Deny]),
        compare in prop::sample::select(
            vec![Compare::WithQuery, Compare::WithPath, Compare::Origin]
        ),
        allow in prop::collection::vec(short_rule(), 0..24),
        deny in prop::collection::vec(short_rule(), 0..12),
    ) -> Policy {
        Policy { empty, compare, allow: patterns(&allow), deny: patterns(&deny) }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Decision, list, rule and position, for one line and for several.
    #[test]
    fn every_engine_agrees_with_the_plain_matcher(
        policy in policy(),
        requests in prop::collection::vec(prop::collection::vec(referer(), 0..6), 1..12),
    ) {
        let plain = Matcher::with_engine(policy.clone(), Engine::Plain);
        for engine in FAST {
            let matcher = Matcher::with_engine(policy.clone(), engine);
            // The second time a cache answers.
            for lines in requests.iter().chain(&requests) {
                let referers = Referers::read(lines.iter().map(Vec::as_slice));
                let want = plain.explain(&referers);
                prop_assert_eq!(matcher.decide(&referers), want.decision, "{:?}", engine);
                prop_assert_eq!(matcher.explain(&referers), want, "{:?}", engine);
            }
        }
    }

    /// Enough rules that find each other's windows for witnesses to be asked for.
    #[test]
    fn crowded_windows_agree_with_the_plain_matcher(
        rules in prop::collection::vec("\\*?[ab]{1,5}(\\*[abc]{1,4}){0,3}\\??", 100..300),
        subjects in prop::collection::vec("[abc]{0,80}", 1..8),
    ) {
        let (index, plain) = (index(&rules), plain(&rules));
        for subject in subjects {
            prop_assert_eq!(first(&index, &subject), plain.first(&subject).map(Rank::before));
        }
    }
}

fn plain(rules: &[String]) -> super::super::plain::Plain {
    super::super::plain::Plain::new(patterns(rules).iter())
}

/// What [`Matcher`] promises of lists that nobody would write but to slow it down. The times
/// are not asserted; without the bounds these tests would not end.
mod hostile {
    use super::*;

    /// Asks about a subject of the greatest length that repeats `unit`.
    fn ask(rules: &[String], unit: &str) -> (Index, Option<usize>) {
        let index = index(rules);
        let found = first(&index, &unit.repeat(MAX_REFERER_BYTES / unit.len()));
        (index, found)
    }

    #[test]
    fn stars_that_could_end_anywhere() {
        let rules: Vec<_> = (1..200).map(|n| format!("{}*b{n}", "*a".repeat(n))).collect();
        assert_eq!(ask(&rules, "a").1, None);
        assert_eq!(first(&index(&rules), &("a".repeat(4000) + "b3")), Some(2));
    }

    #[test]
    fn question_marks_that_fit_nearly_everywhere() {
        let rules: Vec<_> = (0..1000).map(|n| format!("*{}b{n:04}", "a?".repeat(500))).collect();
        assert_eq!(ask(&rules, "a").1, None);
        let subject = "ab".repeat(1000) + &"a".repeat(1000) + "b0007";
        assert_eq!(first(&index(&rules), &subject), Some(7));
    }

    /// Rules that nothing but the order of a few pieces tells apart, each with an end.
    fn orders_of_pieces(end: &str) -> Vec<String> {
        let piece = |n: usize| ["*aab", "*aba", "*baa", "*bba", "*bab", "*abb"][n % 6];
        (0..6_usize.pow(6))
            .map(|n| (0..6).map(|digit| piece(n / 6_usize.pow(digit))).collect())
            .map(|rule: String| rule + end)
            .collect()
    }

    #[test]
    fn many_rules_with_one_rarest_literal() {
        let rules: Vec<_> = (0..100_000).map(|n| format!("https://www?.a{n:05}?")).collect();
        let index = index(&rules);
        assert_eq!(first(&index, "https://www1.a00042/"), Some(42));
        assert_eq!(first(&index, "https://www1.b00042/"), None);

        assert_eq!(ask(&orders_of_pieces("*c"), "aabbabaaabba").1, None);
    }

    /// Who cannot wait hears of it at once, and of usual lists never.
    #[test]
    fn too_many_rules_for_who_cannot_wait() {
        let shared = index(&orders_of_pieces(""));
        let soon = |index: &Index, subject: &str| {
            index.first_within(subject, Short).map(|rank| rank.map(Rank::before))
        };
        assert_eq!(soon(&shared, &"aabbabaaabba".repeat(4)), Err(TakesLong));
        assert_eq!(soon(&shared, "https://www.c.example/"), Ok(None));
        let usual: Vec<_> = (0..20_000).map(|n| format!("https://*.site-{n}.example/")).collect();
        let usual = index(&usual);
        let host = "https://www.site-19999.example/";
        for subject in [host.to_owned(), host.to_owned() + &"x".repeat(4000)] {
            assert_eq!(soon(&usual, &subject), Ok(Some(19_999)));
        }
    }

    #[test]
    fn rules_that_begin_alike_are_asked_once() {
        let rules: Vec<_> = (9..1000).map(|n| format!("*{}", "a".repeat(n))).collect();
        let (index, found) = ask(&rules, "a");
        assert_eq!((index.entries.len() - 1, found), (1, Some(0)));
    }

    #[test]
    fn rules_of_one_text_are_one() {
        let (index, found) = ask(&vec!["*.a.com/*?b".to_owned(); 100_000], "x.A.com/cb");
        assert_eq!((index.entries.len() - 1, found), (1, None));
        assert_eq!(first(&index, "http://x.a.com/cb"), Some(0));
    }

    #[test]
    fn rules_without_literals() {
        let rules: Vec<_> =
            (0..10_000).rev().map(|n| format!("{}*?", "?".repeat(n % 5000))).collect();
        let index = index(&rules);
        assert_eq!(index.entries.len(), 1, "none is filed");
        assert_eq!(first(&index, ""), None);
        assert_eq!(first(&index, "中"), Some(4999));
        assert_eq!(first(&index, &"a".repeat(5000)), Some(0));
    }

    #[test]
    fn rules_behind_one_that_fits_everything() {
        for all in ["*", "**"] {
            let rules = ["http://a.com", "?", all, "*.b.com", ""].map(str::to_owned);
            let (index, found) = ask(&rules, "http://x.b.com");
            assert_eq!((index.entries.len() - 1, found), (1, Some(1)));
            assert_eq!(first(&index, ""), Some(2));
        }
    }

    /// Each word of a subject is a window that many rules have, and each rule lacks its other
    /// half.
    #[test]
    fn a_subject_full_of_crowded_windows() {
        let word = |n: usize| format!("{:08b}", n % 256).replace('0', "x").replace('1', "y");
        let rules: Vec<_> =
            (0..60_000).map(|n| format!("*{}*{}z", word(n / 256), word(n))).collect();
        let subject: String = (0..256).map(word).collect();
        let index = index(&rules);
        assert_eq!(first(&index, &subject), None);
        assert_eq!(first(&index, &(subject + "xyxyxyxyz")), Some(0x55));
    }
}

#[test]
fn an_index_takes_few_bytes_a_rule() {
    let rules: Vec<_> = (0..50_000).map(|n| format!("*.shop{n}.example")).collect();
    let text: usize = rules.iter().map(String::len).sum();
    let index = index(&rules);
    assert!((index.size_bytes() - text) / rules.len() < 40, "{}", index.size_bytes());
    assert_eq!(first(&index, "https://www.shop777.example/"), Some(777));
    assert_eq!(first(&index, "https://shop777.example/"), None, "the apex");
}

/// Run it in release mode: `cargo test --release -- --ignored a_million_rules`.
#[test]
#[ignore = "takes a while without optimisation"]
fn a_million_rules() {
    let rules: Vec<_> = (0..1_000_000).map(|n| format!("*.shop{n}.example")).collect();
    let index = index(&rules);
    assert_eq!(first(&index, "https://www.shop777777.example/"), Some(777_777));
}

#[test]
fn a_large_policy_is_indexed_and_a_small_one_is_not() {
    let policy = |rules: usize| Policy {
        deny: patterns(&(0..rules).map(|n| format!("*.{n}.com")).collect::<Vec<_>>()),
        ..Policy::default()
    };
    assert_eq!(Engine::best_for(&policy(1)), Engine::Loop);
    assert_eq!(Engine::best_for(&policy(100)), Engine::CachedIndex);
    let matcher = Matcher::new(policy(5000));
    let decision = matcher.decide(&Referers::read([b"http://a.4321.com".as_slice()]));
    assert!(matches!(decision, Decision::Deny(_)));
}
