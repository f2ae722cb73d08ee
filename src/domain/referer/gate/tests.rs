//! The module's table, row by row.

use super::super::{Compare, DenialAnswer, Denied, EmptyReferer, Pattern};
use super::*;
use proptest::prelude::*;

const EC_EMPTY: &str = "0003-00000501";
const EC_BLACK: &str = "0003-00000502";
const EC_WHITE: &str = "0003-00000503";

fn policy(empty: EmptyReferer, allow: &[&str], deny: &[&str]) -> Policy {
    let list = |texts: &[&str]| texts.iter().map(|text| Pattern::read(text).unwrap()).collect();
    Policy { empty, allow: list(allow), deny: list(deny), ..Policy::default() }
}

fn guarded(empty: EmptyReferer) -> Policy {
    policy(empty, &["https://good.com"], &["https://good.com/bad"])
}

fn facts<'r>(lines: &[&'r str], fetch: Option<(&'r str, &'r str)>) -> Facts<'r> {
    Facts {
        referers: Referers::read(lines.iter().map(|line| line.as_bytes())),
        sec_fetch_site: fetch.map(|(site, _)| site.as_bytes()),
        sec_fetch_dest: fetch.map(|(_, dest)| dest.as_bytes()),
    }
}

fn ec(gate: &Gate, facts: &Facts<'_>) -> Option<&'static str> {
    gate.decide(facts).refused().and_then(|rule| rule.reason().ec)
}

#[test]
fn a_missing_referer() {
    use MissingReferer::{Allow, AsPolicy, Deny, DenyCrossSiteEmbeds};
    const EMBED: Option<(&str, &str)> = Some(("cross-site", "image"));
    const LINK: Option<(&str, &str)> = Some(("cross-site", "document"));
    const BAR: Option<(&str, &str)> = Some(("none", "document"));
    let open = || guarded(EmptyReferer::Allow);
    let shut = || guarded(EmptyReferer::Deny);
    #[rustfmt::skip]
    let table = [
        (AsPolicy, open(), EMBED, None),
        (AsPolicy, shut(), None, Some(EC_EMPTY)),
        (Allow, shut(), None, None),
        (Allow, shut(), EMBED, None),
        (Deny, open(), None, Some(EC_EMPTY)),
        (Deny, open(), BAR, Some(EC_EMPTY)),
        (Deny, Policy::default(), None, Some(EC_EMPTY)),
        (Deny, policy(EmptyReferer::Deny, &[], &["http://b"]), None, Some(EC_EMPTY)),
        (DenyCrossSiteEmbeds, open(), EMBED, Some(EC_EMPTY)),
        (DenyCrossSiteEmbeds, open(), LINK, None),
        (DenyCrossSiteEmbeds, open(), BAR, None),
        (DenyCrossSiteEmbeds, open(), None, None),
        (DenyCrossSiteEmbeds, shut(), None, Some(EC_EMPTY)),
        (DenyCrossSiteEmbeds, shut(), BAR, Some(EC_EMPTY)),
        (DenyCrossSiteEmbeds, Policy::default(), EMBED, Some(EC_EMPTY)),
        (DenyCrossSiteEmbeds, Policy::default(), LINK, None),
    ];
    for (missing, policy, fetch, want) in table {
        let gate = Gate::new(policy, Extras { missing, ..Extras::default() });
        for lines in [[].as_slice(), &[""], &[" \t"]] {
            assert_eq!(ec(&gate, &facts(lines, fetch)), want, "{missing:?} {fetch:?} {lines:?}");
        }
    }
}

#[test]
fn purposes_do_not_matter_with_a_referer() {
    let missing = MissingReferer::DenyCrossSiteEmbeds;
    let gate = Gate::new(guarded(EmptyReferer::Allow), Extras { missing, ..Extras::default() });
    let embed = Some(("cross-site", "image"));
    assert_eq!(ec(&gate, &facts(&["https://good.com/"], embed)), None);
    assert_eq!(ec(&gate, &facts(&["https://thief.com/"], embed)), Some(EC_WHITE));
}

#[test]
fn a_malformed_referer() {
    let extras = Extras { malformed: MalformedReferer::Deny, ..Extras::default() };
    let any = policy(EmptyReferer::Allow, &["*"], &["*evil*"]);
    let (any, none) = (Gate::new(any, extras.clone()), Gate::new(Policy::default(), extras));
    let long = format!("https://good.com/{}", "x".repeat(5000));
    #[rustfmt::skip]
    let table: [(&[&str], Option<&str>, Option<&str>); 13] = [
        (&["https://good.com/"], None, None),
        (&[], None, None),
        (&["null"], Some(EC_WHITE), Some(EC_WHITE)),
        (&["good.com"], Some(EC_WHITE), Some(EC_WHITE)),
        (&["android-app://com.x/"], Some(EC_WHITE), Some(EC_WHITE)),
        (&["https://good.com@b.com/"], Some(EC_WHITE), Some(EC_WHITE)),
        (&["https:\\\\good.com"], Some(EC_WHITE), Some(EC_WHITE)),
        (&[&long], Some(EC_WHITE), Some(EC_WHITE)),
        (&["https://good.com/", "https://good.com/"], Some(EC_WHITE), Some(EC_WHITE)),
        (&["https://good.com/", ""], Some(EC_WHITE), Some(EC_WHITE)),
        (&["https://a.b/"; 5], Some(EC_WHITE), Some(EC_WHITE)),
        // The blacklist names it, so that is what the number says.
        (&["evil"], Some(EC_BLACK), Some(EC_WHITE)),
        (&["https://good.com/", "https://evil.com/"], Some(EC_BLACK), Some(EC_WHITE)),
    ];
    for (lines, with_lists, without) in table {
        let shown = lines.first().map(|line| line.chars().take(30).collect::<String>());
        assert_eq!(ec(&any, &facts(lines, None)), with_lists, "{shown:?}");
        assert_eq!(ec(&none, &facts(lines, None)), without, "{shown:?}, no lists");
    }
}

#[test]
fn a_host_that_only_begins_like_an_entry() {
    let extras = Extras { host: HostRule::Strict, ..Extras::default() };
    let gate = Gate::new(
        policy(EmptyReferer::Deny, &["https://good.com"], &["https://good.com.bad"]),
        extras,
    );
    let verdict = |referer| gate.decide(&facts(&[referer], None));
    assert!(verdict("https://good.com/x").passes());
    let refused = verdict("https://good.com.evil.net/");
    assert_eq!(
        refused.to_string(),
        "denied: the host of the referer is not that of rule 1 `https://good.com` (strict hosts)"
    );
    assert_eq!(refused.refused().unwrap().reason().ec, Some(EC_WHITE));
    let blacklisted = verdict("https://good.com.badly.net/");
    assert!(
        matches!(blacklisted.refused(), Some(Refused::Policy(Denied::Listed(_)))),
        "the blacklist keeps the prefix rule"
    );
    let black_only = Extras { host: HostRule::Strict, ..Extras::default() };
    let gate = Gate::new(policy(EmptyReferer::Allow, &[], &["http://bad"]), black_only);
    assert_eq!(ec(&gate, &facts(&["http://a@b/"], None)), None, "there is no whitelist");
}

#[test]
fn the_strictest_line_stands() {
    let extras =
        Extras { host: HostRule::Strict, missing: MissingReferer::Allow, ..Extras::default() };
    let gate = Gate::new(guarded(EmptyReferer::Deny), extras);
    #[rustfmt::skip]
    let table = [
        (["https://good.com/", "https://good.com.evil.net/"], Some(EC_WHITE)),
        (["https://good.com/bad", "https://thief.com/"], Some(EC_BLACK)),
        (["https://good.com/", ""], None),
        (["", "https://thief.com/"], Some(EC_WHITE)),
    ];
    for ([a, b], want) in table {
        let one = gate.decide(&facts(&[a, b], None));
        assert_eq!(one, gate.decide(&facts(&[b, a], None)), "{a} {b}");
        assert_eq!(one.refused().and_then(|rule| rule.reason().ec), want, "{a} {b}");
    }
}

#[test]
fn what_waits_for_nothing_before_a_policy_is_compiled() {
    let long = "x".repeat(5000);
    let strict = Extras { host: HostRule::Strict, ..Extras::default() };
    #[rustfmt::skip]
    let table: [(&[&str], bool); 6] = [
        (&[],                       true),
        (&[" "],                    true),
        (&[&long],                  true),
        (&["http://a/"; 5],         true),
        (&["https://good.com/"],    false),
        (&["", "https://thief.com"], false),
    ];
    for (lines, quick) in table {
        let facts = facts(lines, None);
        let plain = Gate::provisional(guarded(EmptyReferer::Deny), Extras::default());
        let strict = Gate::provisional(guarded(EmptyReferer::Deny), strict.clone());
        let compiled = Gate::new(guarded(EmptyReferer::Deny), Extras::default());
        let shown = lines.first().map(|line| line.get(..20).unwrap_or(line));
        let soon = |gate: &Gate| gate.decide_soon(&facts).is_some();
        assert_eq!(soon(&plain), quick, "{shown:?}");
        assert_eq!(soon(&strict), quick, "{shown:?}, strict");
        assert_eq!(compiled.decide_soon(&facts), Some(compiled.decide(&facts)), "{shown:?}");
        assert_eq!(plain.decide(&facts), compiled.decide(&facts), "{shown:?}");
        assert!(soon(&plain), "{shown:?} is remembered");
        strict.decide(&facts);
        assert!(soon(&strict), "{shown:?} is remembered, strict");
    }
    let open = Gate::provisional(Policy::default(), Extras::default());
    let any = open.decide_soon(&facts(&["https://good.com/"], None));
    assert!(any.is_some(), "there is nothing to go through");
}

/// A long list is not compiled again for a change of another setting.
#[test]
fn strict_hosts_are_compiled_once() {
    let strict = Extras { host: HostRule::Strict, ..Extras::default() };
    let monitored = Extras { mode: Mode::Monitor, ..strict.clone() };
    let prefix = Gate::new(guarded(EmptyReferer::Deny), Extras::default());
    assert!(prefix.must_compile_for(&strict));
    assert!(!prefix.must_compile_for(&Extras { mode: Mode::Monitor, ..Extras::default() }));
    let gate = prefix.with_extras(strict.clone());
    assert!(!gate.must_compile_for(&monitored));
    let after = gate.with_extras(monitored);
    let list = |gate: &Gate| gate.strict.as_ref().map(Arc::as_ptr);
    assert_eq!(list(&gate), list(&after));
    assert!(list(&gate).is_some());
    let off = after.with_extras(Extras::default());
    assert!(list(&off).is_none() && off.must_compile_for(&strict));
    let provisional = Gate::provisional(guarded(EmptyReferer::Deny), Extras::default());
    assert!(!provisional.must_compile_for(&strict), "nothing is compiled");
    let other = after.with_policy(Arc::clone(gate.matcher()));
    assert_ne!(list(&other), list(&after), "a list is of its policy");
}

#[test]
fn monitoring_marks_and_passes() {
    let monitor = Extras { mode: Mode::Monitor, ..Extras::default() };
    let gate = Gate::new(guarded(EmptyReferer::Deny), monitor);
    let verdict = gate.decide(&facts(&["https://thief.com/"], None));
    assert!(verdict.passes());
    assert_eq!(verdict.to_string(), "monitored, would be denied: not on the whitelist");
    assert_eq!(verdict.refused().unwrap().reason().ec, Some(EC_WHITE));
    assert!(gate.decide(&facts(&["https://good.com/"], None)).refused().is_none());
}

#[test]
fn a_refusal_carries_its_answer() {
    let answer = DenialAnswer::Substitute("no.png".parse().unwrap());
    let extras = Extras { denial: answer.clone(), ..Extras::default() };
    let gate = Gate::new(guarded(EmptyReferer::Deny), extras);
    let Verdict::Refuse { answer: got, .. } = gate.decide(&facts(&[], None)) else {
        panic!("it is refused")
    };
    assert_eq!(*got, answer);
}

#[test]
fn what_answers_depend_on() {
    let depends = |policy, missing, malformed| {
        Gate::new(policy, Extras { missing, malformed, ..Extras::default() }).depends_on()
    };
    let (none, guard) = (Policy::default, || guarded(EmptyReferer::Allow));
    let (as_policy, as_text) = (MissingReferer::AsPolicy, MalformedReferer::AsText);
    assert_eq!(depends(none(), as_policy, as_text), DependsOn::Nothing);
    assert_eq!(depends(guard(), as_policy, as_text), DependsOn::Referer);
    assert_eq!(depends(none(), as_policy, MalformedReferer::Deny), DependsOn::Referer);
    assert_eq!(depends(none(), MissingReferer::Deny, as_text), DependsOn::Referer);
    let embeds = MissingReferer::DenyCrossSiteEmbeds;
    assert_eq!(depends(none(), embeds, as_text), DependsOn::RefererAndPurpose);
}

proptest! {
    /// A gate without settings is the policy; a strict one never admits more.
    #[test]
    fn the_default_is_the_policy_and_strict_is_narrower(
        allow in prop::collection::vec("(\\*|http://)?[ab*.]{1,4}/?", 0..4),
        deny in prop::collection::vec("(\\*|http://)[ab*.]{1,4}", 0..2),
        lines in prop::collection::vec("(http://)?[ab.@/?]{0,6}", 0..3),
        compare in prop::sample::select(vec![
            Compare::WithQuery, Compare::WithPath, Compare::Origin,
        ]),
    ) {
        let texts = |list: &[String]| list.iter().filter_map(|text| Pattern::read(text)).collect();
        let policy = Policy {
            empty: EmptyReferer::Deny, compare, allow: texts(&allow), deny: texts(&deny),
        };
        let provisional = Matcher::provisional(policy.clone());
        let matcher = Arc::new(Matcher::new(policy));
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let facts = facts(&lines, None);
        let decision = matcher.decide(&facts.referers);
        let plain = Gate::of(Arc::clone(&matcher), Extras::default());
        prop_assert_eq!(plain.decide(&facts).passes(), decision.is_allowed());
        let extras = Extras { host: HostRule::Strict, ..Extras::default() };
        let strict = plain.with_extras(extras.clone());
        prop_assert!(decision.is_allowed() || !strict.decide(&facts).passes());
        let provisional = Gate::of(Arc::new(provisional), extras);
        prop_assert_eq!(provisional.decide(&facts), strict.decide(&facts));
        let soon = strict.decide_soon(&facts);
        prop_assert_eq!(soon, Some(strict.decide(&facts)), "few rules are asked soon");
    }
}
