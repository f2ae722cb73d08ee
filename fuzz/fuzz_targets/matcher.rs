//! Every engine gives the answers of the plain matcher. With strict hosts, compiled lists answer like
//! those that are not compiled, admit nothing that the policy refuses, and who cannot wait gets the
//! same answer or none.
//!
//! ```text
//! cargo +nightly fuzz run matcher
//! ```
//!
//! An input is text in lines. The first byte says how referers are compared and whether empty ones
//! pass; `+` begins an entry of the whitelist, `-` one of the blacklist, any other line is a
//! referer.

#![no_main]

use libfuzzer_sys::fuzz_target;
use refgate::domain::referer::{
    Compare, EmptyReferer, Engine, Extras, Facts, Gate, HostRule, MalformedReferer, Matcher,
    Pattern, Policy, Referers,
};

fuzz_target!(|input: &[u8]| {
    let Some((&options, text)) = input.split_first() else { return };
    let mut policy = Policy {
        empty: if options & 4 == 0 { EmptyReferer::Allow } else { EmptyReferer::Deny },
        compare: match options & 3 {
            0 => Compare::WithQuery,
            1 => Compare::Origin,
            _ => Compare::WithPath,
        },
        ..Policy::default()
    };
    let mut referers = Vec::new();
    for line in text.split(|byte| *byte == b'\n') {
        let entry = || Pattern::read(&String::from_utf8_lossy(line.get(1..).unwrap_or_default()));
        match line.first() {
            Some(b'+') => policy.allow.extend(entry()),
            Some(b'-') => policy.deny.extend(entry()),
            _ => referers.push(line),
        }
    }
    let plain = Matcher::with_engine(policy.clone(), Engine::Plain);
    for engine in [Engine::Loop, Engine::Index, Engine::CachedIndex, Engine::Scan] {
        let matcher = Matcher::with_engine(policy.clone(), engine);
        // Each alone, the second time perhaps from a cache; then all at once.
        let alone = referers.iter().chain(&referers).map(std::slice::from_ref);
        for lines in alone.chain([referers.as_slice()]) {
            let request = Referers::read(lines.iter().copied());
            assert_eq!(matcher.explain(&request), plain.explain(&request), "{engine:?}");
            assert_eq!(matcher.decide(&request), plain.decide(&request), "{engine:?}");
        }
    }
    let malformed =
        if options & 8 == 0 { MalformedReferer::AsText } else { MalformedReferer::Deny };
    let extras = Extras { host: HostRule::Strict, malformed, ..Extras::default() };
    let strict = Gate::new(policy.clone(), extras.clone());
    let provisional = Gate::provisional(policy, extras);
    let alone = referers.iter().chain(&referers).map(std::slice::from_ref);
    for lines in alone.chain([referers.as_slice()]) {
        let facts = Facts::of(Referers::read(lines.iter().copied()));
        let verdict = strict.decide(&facts);
        assert_eq!(verdict, provisional.decide(&facts));
        assert!(!verdict.passes() || plain.decide(&facts.referers).is_allowed());
        for soon in [&strict, &provisional].map(|gate| gate.decide_soon(&facts)) {
            assert!(soon.is_none_or(|soon| soon == verdict));
        }
    }
});
