//! What is found and fixed, as tables.

mod promises;

use super::*;
use crate::domain::referer::{
    Compare, EmptyReferer, Facts, Gate, HostRule, MalformedReferer, MissingReferer, Referers,
};
use Compare::{Origin, WithPath, WithQuery};

fn patterns(list: &[impl AsRef<str>]) -> Vec<Pattern> {
    list.iter().filter_map(|text| Pattern::read(text.as_ref())).collect()
}

fn policy(compare: Compare, allow: &[&str], deny: &[&str]) -> Policy {
    let (allow, deny) = (patterns(allow), patterns(deny));
    Policy { empty: EmptyReferer::Deny, compare, allow, deny }
}

fn allows(policy: &Policy, referer: &str) -> bool {
    allows_with(&Extras::default(), policy, referer)
}

fn allows_with(extras: &Extras, policy: &Policy, referer: &str) -> bool {
    decider(extras, policy)(referer)
}

/// A compiled policy.
fn decider(extras: &Extras, policy: &Policy) -> impl Fn(&str) -> bool + use<> {
    let gate = Gate::new(policy.clone(), extras.clone());
    move |referer| {
        let facts = Facts::of(Referers::read([referer.as_bytes()]));
        gate.decide(&facts).refused().is_none()
    }
}

fn with(extras: Extras) -> LintContext {
    LintContext { extras, ..LintContext::default() }
}

fn strict() -> LintContext {
    with(Extras { host: HostRule::Strict, ..Extras::default() })
}

/// `code list number`, with the example if there is one.
fn found(policy: &Policy, context: &LintContext) -> Vec<String> {
    let findings = lint(policy, context);
    let line = |it: &Finding| {
        let place = it.list.map(|list| format!(" {list}")).unwrap_or_default();
        let number = it.position.map(|at| format!(" {}", at + 1)).unwrap_or_default();
        let example = it.example.as_ref().map(|it| format!(" {it}")).unwrap_or_default();
        format!("{}{place}{number}{example}", it.code)
    };
    findings.iter().map(line).collect()
}

#[test]
fn findings_of_policies() {
    #[rustfmt::skip]
    let table: &[(&str, Policy, &[&str])] = &[
        ("nothing is wrong", policy(Origin, &["http://a.com/", "https://a.com/"], &[]), &[]),
        ("nothing is there", policy(WithPath, &[], &[]), &["empty-deny-in-vain"]),
        ("a host without an end", policy(WithPath, &["http://a.com", "https://a.com/"], &[]),
            &["look-alike-suffix whitelist 1 http://a.com.evil.net/"]),
        ("its end may be a star", policy(WithPath, &["http://a.com*", "https://a.com/"], &[]),
            &["look-alike-suffix whitelist 1 http://a.com.evil.net/"]),
        ("a port ends a host", policy(WithPath, &["http://a.com:8080"], &[]), &[]),
        ("on the blacklist it is no danger", policy(WithPath, &[], &["http://a.com", "https://a.com"]),
            &["empty-deny-in-vain"]),
        ("a star before a domain", policy(Origin, &["*a.com/"], &[]),
            &["look-alike-prefix whitelist 1 https://evila.com/"]),
        ("a star before a host of a domain", policy(Origin, &["*www.a.com/"], &[]), &[]),
        ("a star that runs into the path", policy(WithPath, &["*://a.com/"], &[]),
            &["look-alike-path whitelist 1 https://evil.net/x://a.com/"]),
        ("a star within the host", policy(WithQuery, &["https://img*.a.com/", "http://img*.a.com/"], &[]),
            &["look-alike-path whitelist 1 https://img.evil.net/x.a.com/", "look-alike-path whitelist 2 http://img.evil.net/x.a.com/"]),
        ("subdomains in every way", policy(WithPath, &["*.a.com"], &[]),
            &["look-alike-suffix whitelist 1 https://www.a.com.evil.net/", "look-alike-path whitelist 1 https://evil.net/x.a.com", "apex whitelist 1 http://a.com/"]),
        ("everything", policy(WithPath, &["*", "http://a.com/"], &[]),
            &["admits-everything whitelist 1", "shadowed whitelist 2"]),
        ("everything but the blacklist", policy(WithPath, &["*"], &["*.b.com", "http://b.com/", "https://b.com/"]), &[]),
        ("no scheme", policy(WithPath, &["a.com", "*://b.com/"], &[]),
            &["no-scheme whitelist 1", "look-alike-path whitelist 2 https://evil.net/x://b.com/"]),
        ("the scheme of an app is one", policy(WithPath, &["android-app://com.x/", "mibrowser:home"], &[]), &[]),
        ("a fragment after the cut", policy(WithPath, &["http://a.com/#b", "https://a.com:1/"], &[]),
            &["never-matches whitelist 1"]),
        ("a path after the cut", policy(Origin, &["https://a.com:1/b", "https://b.com:1/"], &[]),
            &["never-matches whitelist 1"]),
        ("a space", policy(Origin, &["https://a.com:1/ https://b.com:1/"], &[]), &["never-matches whitelist 1"]),
        ("a host in Chinese", policy(Origin, &["https://中.com/"], &[]), &["never-matches whitelist 1"]),
        ("a query after the cut", policy(WithPath, &["https://a.com:1/?b=1", "https://a.com:1/x"], &[]),
            &["question-mark whitelist 1 https://a.com:1/?b=1", "path-not-sent whitelist 1 https://a.com:1/", "path-not-sent whitelist 2 https://a.com:1/"]),
        ("a query that is compared", policy(WithQuery, &["https://a.com:1/?b=1", "https://a.com:1/"], &[]), &["shadowed whitelist 1"]),
        ("twice", policy(Origin, &["https://a.com:1/", "HTTPS://A.com:1/*"], &[]), &["duplicate whitelist 2"]),
        ("covered by a host", policy(Origin, &["https://x.a.com/", "*.a.com/", "*://a.com/"], &[]), &["shadowed whitelist 1"]),
        ("denied all the same", policy(Origin, &["https://x.a.com:1/", "https://b.com:1/"], &["*.a.com", "*a.com"]),
            &["blacklisted whitelist 1", "shadowed blacklist 1"]),
        ("a twin on the blacklist", policy(Origin, &["*"], &["https://a.com/"]), &["scheme-twin blacklist 1 http://a.com/"]),
        ("an apex on the blacklist", policy(Origin, &["*"], &["*.a.com/"]), &["apex blacklist 1 http://a.com/"]),
        ("a path", policy(WithPath, &["https://a.com:1/b/"], &[]), &["path-not-sent whitelist 1 https://a.com:1/"]),
        ("a path beside its origin", policy(WithPath, &["https://a.com:1/b/", "https://a.com:1/"], &[]), &["shadowed whitelist 1"]),
        ("WeChat, as it should be", policy(WithPath, &["https://servicewechat.com/wx1/"], &[]), &[]),
        ("WeChat without a scheme", policy(WithPath, &["servicewechat.com", "https://b.com:1/"], &[]), &["no-scheme whitelist 1"]),
        ("empty referers pass", Policy { empty: EmptyReferer::Allow, ..policy(Origin, &["https://a.com:1/"], &[]) }, &["empty-passes"]),
        ("with a blacklist that is meant", Policy { empty: EmptyReferer::Allow, ..policy(Origin, &[], &["https://a.com:1/"]) }, &[]),
    ];
    for (name, policy, want) in table {
        assert_eq!(found(policy, &LintContext::default()), *want, "{name}");
    }
}

#[test]
fn open_whitelists_and_dead_rules() {
    #[rustfmt::skip]
    let table: &[(&str, Policy, &[&str])] = &[
        ("every host", policy(Origin, &["*://*/"], &[]), &["admits-everything whitelist 1"]),
        ("every page", policy(WithPath, &["*://*/*"], &[]), &["admits-everything whitelist 1"]),
        ("every host with a dot", policy(WithPath, &["*.*"], &[]), &["admits-everything whitelist 1"]),
        ("every host, by its scheme", policy(Origin, &["https://*/", "http://*/"], &[]),
            &["admits-everything whitelist 1", "admits-everything whitelist 2"]),
        ("a fragment that is compared", policy(WithQuery, &["https://a.com/#b", "https://b.com:1/"], &[]),
            &["never-matches whitelist 1"]),
        ("a name before the host", policy(WithPath, &["https://me@a.com/", "http://a.com@evil"], &[]),
            &["never-matches whitelist 1", "never-matches whitelist 2"]),
        ("a query in vain has no twin", policy(WithPath, &["https://b.com/?x=1"], &[]),
            &["question-mark whitelist 1 https://b.com/?x=1", "path-not-sent whitelist 1 https://b.com/"]),
        ("an example is a host", policy(Origin, &["https://*.*.com", "http://*.*.com/"], &[]),
            &["look-alike-suffix whitelist 1 https://www.a.com.evil.net/"]),
        ("empty referers pass, as all do", Policy { empty: EmptyReferer::Allow, ..policy(Origin, &["*://*/"], &["https://a.com:1/"]) }, &[]),
    ];
    for (name, policy, want) in table {
        assert_eq!(found(policy, &LintContext::default()), *want, "{name}");
    }
}

/// With strict hosts no rule admits a look-alike unless it says so, and none covers another host.
#[test]
fn findings_with_strict_hosts() {
    #[rustfmt::skip]
    let table: &[(&str, Policy, &[&str])] = &[
        ("a host without an end", policy(WithPath, &["http://a.com", "https://a.com/"], &[]), &[]),
        ("an end that is a star", policy(WithPath, &["http://a.com*", "https://a.com/"], &[]),
            &["look-alike-suffix whitelist 1 http://a.com.evil.net/"]),
        ("a star before a domain", policy(WithPath, &["*a.com"], &[]), &[]),
        ("a star that runs into the path", policy(WithPath, &["*.a.com", "*://a.com/"], &[]), &[]),
        ("another host that begins alike", policy(WithPath, &["*://a.com", "*://a.com.cn/"], &[]), &[]),
        ("a host below", policy(WithPath, &["*.a.com/", "*://a.com/", "http://x.a.com/"], &[]), &["shadowed whitelist 3"]),
        ("the same host in a path", policy(WithPath, &["*.a.com/", "*://a.com/", "*://b.com/.a.com/"], &[]),
            &["path-not-sent whitelist 3 https://b.com/"]),
        ("a path of the host", policy(WithPath, &["*://a.com/", "*://a.com/b"], &[]), &["shadowed whitelist 2"]),
        ("all ports beside one", policy(WithPath, &["http://a.com:8", "http://a.com", "https://a.com"], &[]), &[]),
        ("not quite twice", policy(WithPath, &["*://a.com", "*://a.com*"], &[]),
            &["look-alike-suffix whitelist 2 https://a.com.evil.net/"]),
        ("a host that is denied under one port", policy(WithPath, &["*://a.com/", "*://a.co"], &["*://a.com/"]), &[]),
        ("an origin that is denied with its slash", policy(WithPath, &["*://a.com:8/", "*://a.com:8"], &["*://a.com:8/"]),
            &["shadowed whitelist 1"]),
        ("a host that is denied under all ports", policy(WithPath, &["*://a.com/", "*://a.co"], &["*://a.com/", "*://a.com:"]), &[]),
        ("IPv6 has colons without a port", policy(WithPath, &["*://[::1]/", "*://[::1]:8"], &["*://[::1]/"]), &[]),
        ("the blacklist keeps the wider rule", policy(WithPath, &["*://a.com.cn/"], &["*://a.com"]), &["blacklisted whitelist 1"]),
    ];
    for (name, policy, want) in table {
        assert_eq!(found(policy, &strict()), *want, "{name}");
    }
}

#[test]
fn findings_with_settings_for_missing_and_malformed_referers() {
    use MissingReferer::{Allow, AsPolicy, Deny, DenyCrossSiteEmbeds};
    let rules: &[&str] = &["*://a.com:1/", "android-app://com.x/"];
    let policies =
        [(EmptyReferer::Allow, rules), (EmptyReferer::Deny, rules), (EmptyReferer::Deny, &[])];
    #[rustfmt::skip]
    let table = [
        (AsPolicy,            [vec!["empty-passes"], vec![],               vec!["empty-deny-in-vain"]]),
        (Allow,               [vec!["empty-passes"], vec!["empty-passes"], vec![]]),
        (Deny,                [vec![],               vec![],               vec![]]),
        (DenyCrossSiteEmbeds, [vec![],               vec![],               vec!["empty-deny-in-vain"]]),
    ];
    for (missing, wanted) in table {
        for ((empty, allow), want) in policies.iter().zip(wanted) {
            let policy = Policy { empty: *empty, ..policy(Origin, allow, &[]) };
            let context = with(Extras { missing, ..Extras::default() });
            assert_eq!(found(&policy, &context), want, "{missing} {empty:?} {allow:?}");
        }
    }
    let context = with(Extras { malformed: MalformedReferer::Deny, ..Extras::default() });
    assert_eq!(found(&policy(Origin, rules, &[]), &context), ["never-matches whitelist 2"]);
}

#[test]
fn own_endpoints_that_are_denied() {
    let own = ["https://oss.me.com", "http://127.0.0.1:9000/"].map(|it| it.parse().unwrap());
    let context = LintContext { own: own.to_vec(), ..LintContext::default() };
    let before = policy(Origin, &["https://oss.me.com/", "http://oss.me.com/"], &[]);
    let findings = lint(&before, &context);
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].example.as_deref(), Some("http://127.0.0.1:9000/"));
    let after = fixed(&before, &context, |_, _| true);
    assert!(allows(&after, "http://127.0.0.1:9000/player.html"));
    let denied = policy(Origin, &[], &["https://oss.me.com", "http://oss.me.com"]);
    let findings = lint(&denied, &context);
    let own: Vec<_> = findings.iter().filter(|it| it.code == Code::OwnEndpoint).collect();
    assert!(own.len() == 1 && own[0].fix.is_none(), "what denies it, its owner must say");
}

/// A host whose scheme nobody knows is denied if both of its origins are.
#[test]
fn own_hosts_that_are_denied() {
    let denied = |extras: Extras, allow: &[&str], host: &str| {
        let context = LintContext { own: vec![host.parse().unwrap()], extras };
        let findings = lint(&policy(Origin, allow, &[]), &context);
        findings.into_iter().find(|it| it.code == Code::OwnEndpoint)
    };
    let off = Extras::default;
    assert_eq!(denied(off(), &["http://b.me.com/"], "b.me.com"), None);
    assert_eq!(denied(off(), &["https://b.me.com/"], "b.me.com"), None);
    let found = denied(off(), &["https://me.com/"], "b.me.com:81").unwrap();
    let rules = patterns(&["https://b.me.com:81/", "http://b.me.com:81/"]);
    assert_eq!(found.fix, Some(Fix { safety: Safety::Widens, edit: Edit::Add(rules) }));
    assert_eq!(denied(off(), &["https://b.me"], "b.me.com"), None);
    assert!(denied(strict().extras, &["https://b.me"], "b.me.com").is_some());
}

#[test]
fn fixes_of_policies() {
    const SAME: &[Safety] = &[Safety::SameMeaning];
    const TIGHT: &[Safety] = &[Safety::SameMeaning, Safety::Tightens];
    const ALL: &[Safety] = &[Safety::SameMeaning, Safety::Tightens, Safety::Widens];
    type Row = (&'static str, &'static [Safety], Policy, Policy);
    #[rustfmt::skip]
    let table: &[Row] = &[
        ("a slash", TIGHT, policy(WithPath, &["http://a.com"], &[]), policy(WithPath, &["http://a.com/"], &[])),
        ("not if it may change nothing", SAME, policy(WithPath, &["http://a.com"], &[]), policy(WithPath, &["http://a.com"], &[])),
        ("a twin", ALL, policy(WithPath, &["http://a.com"], &[]), policy(WithPath, &["http://a.com/", "https://a.com/"], &[])),
        ("subdomains are cut to their origin", TIGHT, policy(WithPath, &["http://*.a.com"], &[]), policy(Origin, &["http://*.a.com/"], &[])),
        ("not beside a path", TIGHT, policy(WithPath, &["http://*.a.com", "http://b.com/c"], &[]), policy(WithPath, &["http://*.a.com/", "http://b.com/c"], &[])),
        ("another site that only seemed to be superfluous stays", TIGHT, policy(WithPath, &["http://a.com", "http://a.com.cn/"], &[]), policy(WithPath, &["http://a.com/", "http://a.com.cn/"], &[])),
        ("also while nothing may change", SAME, policy(WithPath, &["http://a.com", "http://a.com.cn/"], &[]), policy(WithPath, &["http://a.com", "http://a.com.cn/"], &[])),
        ("a star before a domain", TIGHT, policy(Origin, &["*a.com"], &[]), policy(Origin, &["http://a.com/", "https://a.com/", "http://*.a.com/", "https://*.a.com/"], &[])),
        ("an apex", ALL, policy(Origin, &["*.a.com/"], &[]), policy(Origin, &["*.a.com/", "http://a.com/", "https://a.com/"], &[])),
        ("a scheme", ALL, policy(Origin, &["a.com"], &[]), policy(Origin, &["https://a.com/", "http://a.com/"], &[])),
        ("WeChat's scheme", ALL, policy(WithPath, &["servicewechat.com"], &[]), policy(WithPath, &["https://servicewechat.com/"], &[])),
        ("the superfluous", SAME, policy(Origin, &["http://a.com/", "HTTP://a.com/", "http://a.com/*"], &[]), policy(Origin, &["http://a.com/"], &[])),
        ("the whitelist keeps a rule", TIGHT, policy(WithPath, &["http://a.com/#b", "http://b.com/#c"], &[]), policy(WithPath, &["http://a.com/#b"], &[])),
        ("the blacklist need not", SAME, policy(WithPath, &["*"], &["http://a.com/#b"]), policy(WithPath, &["*"], &[])),
        ("the blacklist gets the twin", TIGHT, policy(WithPath, &["*"], &["http://a.com"]), policy(WithPath, &["*"], &["http://a.com", "https://a.com"])),
        ("a path becomes its origin", ALL, policy(WithPath, &["*://a.com/b/"], &[]), policy(Origin, &["*://a.com/"], &[])),
    ];
    for (name, safeties, before, after) in table {
        let context = LintContext::default();
        let got = fixed(before, &context, |_, safety| safeties.contains(&safety));
        assert_eq!(got, *after, "{name}");
    }
}

#[test]
fn a_long_rule_can_never_match() {
    let long = format!("http://a.com/{}", "x".repeat(4100));
    let policy = policy(WithPath, &[&long, "*"], &[]);
    let findings = lint(&policy, &LintContext::default());
    assert_eq!((findings[0].code, findings[0].position), (Code::NeverMatches, Some(0)));
    assert!(findings[0].sentence.contains("4096 bytes"), "{}", findings[0].sentence);
}

#[test]
fn no_fix_makes_a_rule_that_cannot_be_put() {
    let full = format!("http://{}.com", "x".repeat(1013));
    let findings = lint(&policy(WithPath, &[&full], &[]), &LintContext::default());
    assert_eq!(findings[0].code, Code::LookAlikeSuffix);
    assert!(findings.iter().all(|it| it.fix.is_none()), "{findings:?}");
}

/// A list is compared with itself in less than quadratic time: quadratic would be minutes.
#[test]
fn long_lists_are_linted() {
    let allow: Vec<String> = (0..30_000)
        .map(|n| match n % 4 {
            0 => format!("http://*.site{n}.com/"),
            1 => format!("https://img.site{}.com/", n - 1),
            2 => format!("http://img.site{}.com/", n - 2),
            _ => format!("https://www.shop-{n}.example/"),
        })
        .collect();
    let policy = Policy { allow: patterns(&allow), ..policy(Origin, &[], &["http://*.site8.com"]) };
    let findings = lint(&policy, &LintContext::default());
    let count = |code| findings.iter().filter(|it| it.code == code).count();
    assert_eq!((count(Code::Shadowed), count(Code::SearchCut)), (7_500, 0));
    assert_eq!(count(Code::Blacklisted), 2);
    let first = survey(&policy, &LintContext::default(), 10);
    assert_eq!((first.findings.as_slice(), first.total()), (&findings[..10], findings.len()));
    assert_eq!(first.counts[&Code::Shadowed], 7_500);
}

/// However often lists are gone through, it is one search that ends.
#[test]
fn hostile_lists_share_what_time_there_is() {
    let hard = |n| format!("*aaaaa*{}b{n}", "ab*".repeat(100));
    let policy = Policy {
        allow: patterns(&(0..300).map(hard).collect::<Vec<_>>()),
        ..policy(Origin, &[], &[])
    };
    for context in [LintContext::default(), strict()] {
        let budget = Budget::of(1_000_000);
        let review = review_within(&policy, &context, (Some(Accept::All), 10), &budget);
        let (_, remaining) = review.fixed.unwrap();
        for survey in [&review.found, &remaining] {
            assert_eq!(survey.counts.get(&Code::SearchCut), Some(&2), "{survey:?}");
        }
    }
}

/// Also of a policy of which only the first finding is told.
#[test]
fn the_first_rule_stays_where_all_would_go() {
    let policy = policy(WithPath, &["http://a.com/#b", "http://b.com/#c"], &[]);
    let told = survey(&policy, &LintContext::default(), 1);
    assert_eq!((told.findings[0].fix.as_ref(), told.total()), (None, 2));
}

#[test]
fn names_of_codes_are_unique_and_in_kebab_case() {
    let mut names: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Code::ALL.len());
    let kebab = |name: &&str| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    assert!(names.iter().all(kebab));
}

#[test]
fn every_finding_says_something() {
    let policies = [
        policy(
            WithPath,
            &["*.a.com", "a.com", "*a.com", "http://b.com/?c=d", "x", "x"],
            &["*b.com"],
        ),
        policy(Origin, &["http://b.com/c"], &[]),
    ];
    for finding in policies.iter().flat_map(|policy| lint(policy, &LintContext::default())) {
        assert!(finding.sentence.ends_with('.'), "{finding:?}");
    }
}
