//! What must hold of every finding and every fix.

use proptest::prelude::*;

use super::*;

fn rule() -> impl Strategy<Value = String> {
    let lead = "(http://|https://|\\*://|\\*|\\?|\\?ttp://|\\*s://|)";
    let host = "(\\*\\.|\\*|www\\.|x\\*\\.|)(a\\.com|b\\.com|a\\.com\\.cn|a\\.co\\.uk|\\[::1\\]|[ab?*]{1,3})";
    (lead, host, "(:80|)(/|/b/?|/\\?b=[ab]|/\\*|#b|\\*|)")
        .prop_map(|(a, b, c)| format!("{a}{b}{c}"))
}

prop_compose! {
    fn some_policy()(
        allow in prop::collection::vec(rule(), 0..6),
        deny in prop::collection::vec(rule(), 0..3),
        compare in prop::sample::select(vec![WithQuery, WithPath, Origin]),
    ) -> Policy {
        let (allow, deny) = (patterns(&allow), patterns(&deny));
        Policy { empty: EmptyReferer::Deny, compare, allow, deny }
    }
}

fn url() -> impl Strategy<Value = String> {
    let host = "(www\\.|x\\.|evil|b\\.)?(a\\.com|b\\.com|a\\.com\\.cn|a\\.co\\.uk|[ab]{1,2})(\\.evil\\.net)?";
    ("https?://", prop_oneof![9 => host, 1 => "\\[::1\\]"], "(:80)?(/[ab./]{0,5})?(\\?b=[ab])?")
        .prop_map(|(a, b, c)| format!("{a}{b}{c}"))
}

/// The rule alone, as a whitelist.
fn alone(policy: &Policy, list: List, position: usize) -> Policy {
    let allow = vec![list.of(policy)[position].clone()];
    Policy { allow, deny: Vec::new(), ..policy.clone() }
}

fn some_context() -> impl Strategy<Value = LintContext> {
    let host = prop::sample::select(HostRule::ALL.to_vec());
    let malformed = prop::sample::select(MalformedReferer::ALL.to_vec());
    (host, malformed)
        .prop_map(|(host, malformed)| with(Extras { host, malformed, ..Extras::default() }))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn findings_are_true(
        policy in some_policy(), context in some_context(), urls in prop::collection::vec(url(), 16),
    ) {
        let decider = |policy: &Policy| decider(&context.extras, policy);
        let all = decider(&policy);
        for finding in lint(&policy, &context) {
            let Some((list, position)) = finding.list.zip(finding.position) else { continue };
            let rule = decider(&alone(&policy, list, position));
            match finding.code {
                Code::LookAlikeSuffix | Code::LookAlikePrefix | Code::LookAlikePath => {
                    prop_assert!(rule(finding.example.as_deref().unwrap()), "{finding:?}");
                }
                Code::NeverMatches | Code::NoScheme => {
                    prop_assert!(urls.iter().all(|url| !rule(url)), "{finding:?}");
                }
                Code::PathNotSent | Code::QuestionMark => {
                    prop_assert!(!rule(finding.example.as_deref().unwrap()), "{finding:?}");
                }
                Code::Blacklisted => {
                    let denied = urls.iter().filter(|url| rule(url)).all(|url| !all(url));
                    prop_assert!(denied, "{finding:?}");
                }
                Code::Shadowed | Code::Duplicate => {
                    let mut without = policy.clone();
                    let rules = if list == List::Allow { &mut without.allow } else { &mut without.deny };
                    rules.remove(position);
                    let without = decider(&without);
                    let same = urls.iter().all(|url| without(url) == all(url));
                    prop_assert!(same, "{finding:?}");
                }
                Code::AdmitsEverything => {
                    let site = |url: &String| url.split('/').nth(2).is_some_and(|it| it.contains('.'))
                        && url.matches('/').count() > 2;
                    let all_of = |scheme: &str| {
                        urls.iter().filter(|it| it.starts_with(scheme) && site(it)).all(|it| rule(it))
                    };
                    prop_assert!(all_of("http:") || all_of("https:"), "{finding:?}");
                }
                Code::SchemeTwin | Code::Apex | Code::EmptyPasses | Code::EmptyDenyInVain
                | Code::OwnEndpoint | Code::SearchCut => {}
            }
        }
    }

    #[test]
    fn fixes_keep_their_promise(
        policy in some_policy(), context in some_context(), urls in prop::collection::vec(url(), 16),
    ) {
        let decider = |policy: &Policy| decider(&context.extras, policy);
        let with = |limit: Safety| fixed(&policy, &context, |_, safety| safety <= limit);
        let (same, tight) = (with(Safety::SameMeaning), with(Safety::Tightens));
        // Cutting to the origin makes one of all pages of a site.
        let site = tight.compare != policy.compare;
        let (before, same, tight) = (decider(&policy), decider(&same), decider(&tight));
        for url in &urls {
            prop_assert_eq!(same(url), before(url), "same: {}", url);
            prop_assert!(!tight(url) || before(url) || site, "tight: {}", url);
        }
    }

    #[test]
    fn fixes_come_to_an_end(policy in some_policy(), context in some_context()) {
        for limit in [Safety::SameMeaning, Safety::Tightens, Safety::Widens] {
            let accepts = |_: &Finding, safety: Safety| safety <= limit;
            let once = fixed(&policy, &context, accepts);
            prop_assert_eq!(&fixed(&once, &context, accepts), &once);
            prop_assert_eq!(once.allow.is_empty(), policy.allow.is_empty());
            let rest = lint(&once, &context);
            let open = rest.iter().filter(|it| it.fix.as_ref().is_some_and(|fix| fix.safety <= limit));
            prop_assert_eq!(apply(&once, &open.cloned().collect::<Vec<_>>()), once);
        }
    }
}
