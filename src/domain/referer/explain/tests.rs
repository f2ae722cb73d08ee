//! What is explained of requests, as tables by what they present and by what the bucket asks for.

use proptest::prelude::*;

use super::*;
use crate::domain::referer::{
    EmptyReferer, Extras, HostRule, MalformedReferer, MissingReferer, Mode, Pattern, Policy,
    Referers,
};

fn policy() -> Policy {
    let read = |list: &[&str]| list.iter().filter_map(|text| Pattern::read(text)).collect();
    Policy {
        empty: EmptyReferer::Deny,
        allow: read(&["http://b.com/", "http://a.com"]),
        deny: read(&["http://a.com/bad"]),
        ..Policy::default()
    }
}

fn get<'r>(lines: &[&'r str]) -> Asked<'r> {
    Asked {
        method: "GET",
        resource: Resource::Object,
        query: Query::default(),
        signed: Signed::None,
        verified: true,
        facts: Facts::of(Referers::read(lines.iter().map(|line| line.as_bytes()))),
    }
}

fn query(text: &str) -> Query {
    Query::parse(text).unwrap()
}

/// The order of refusals of the data plane: signature, operation, then the referer policy for
/// objects without a verified header.
#[test]
fn whether_the_check_is_made() {
    use Exempt::{NotAnObject, Preflight, SignedByHeader};
    use WhyNot::{Ambiguous, BadSignature, NotAllowed, NotServed};
    let gate = Gate::new(policy(), Extras::default());
    let evil = || get(&["http://c.com/"]);
    let (url, header, bucket) = (Signed::Url, Signed::Header, Resource::Bucket);
    #[rustfmt::skip]
    let table = [
        ("anonymous",                 evil(), None),
        ("any method for an object",  Asked { method: "PUT", ..evil() }, None),
        ("a signed URL",              Asked { signed: url, ..evil() }, None),
        ("a wrong one",               Asked { signed: url, verified: false, ..evil() }, Some(BadSignature)),
        ("a verified header",         Asked { signed: header, ..evil() }, Some(WhyNot::Exempt(SignedByHeader))),
        ("a wrong one",               Asked { signed: header, verified: false, ..evil() }, Some(BadSignature)),
        ("no signature is not wrong", Asked { verified: false, ..evil() }, None),
        ("a listing",                 Asked { resource: bucket, ..evil() }, Some(WhyNot::Exempt(NotAnObject))),
        ("settings",                  Asked { resource: bucket, query: query("referer"), signed: header, ..evil() }, Some(WhyNot::Exempt(NotAnObject))),
        ("a bucket has no HEAD",      Asked { resource: bucket, method: "HEAD", ..evil() }, Some(NotAllowed)),
        ("methods have case",         Asked { method: "get", ..evil() }, Some(NotAllowed)),
        ("a method OSS never uses",   Asked { method: "TRACE", ..evil() }, Some(NotAllowed)),
        ("not served",                Asked { query: query("x-oss-process=a"), ..evil() }, Some(NotServed("ProcessImage"))),
        ("a feature not served",      Asked { query: query("versionId=a"), ..evil() }, Some(NotServed("versioning"))),
        ("two operations",            Asked { query: query("tagging&acl"), ..evil() }, Some(Ambiguous("acl", "tagging"))),
        ("two, neither of them served", Asked { query: query("x-oss-process=a&vod"), ..evil() }, Some(NotServed("GetVodPlaylist"))),
        ("one that nobody knows",     Asked { method: "PUT", query: query("future"), ..evil() }, Some(NotServed("an operation that nobody knows here"))),
        ("a preflight",               Asked { method: "OPTIONS", query: query("versionId=a"), ..evil() }, Some(WhyNot::Exempt(Preflight))),
        ("of a bucket",               Asked { method: "OPTIONS", resource: bucket, ..evil() }, Some(WhyNot::Exempt(Preflight))),
        ("nobody asks who sends it",  Asked { method: "OPTIONS", signed: url, verified: false, ..evil() }, Some(WhyNot::Exempt(Preflight))),
        ("the signature is first",    Asked { method: "get", signed: url, verified: false, ..evil() }, Some(BadSignature)),
    ];
    for (name, asked, want) in table {
        let answer = explain(&gate, &asked);
        assert_eq!(answer.why_not, want, "{name}");
        let exempt = matches!(want, Some(WhyNot::Exempt(_)));
        assert_eq!(answer.is_allowed(), exempt, "{name}");
        assert_eq!(answer.ec(), want.is_none().then_some("0003-00000503"), "{name}");
        assert_eq!(answer.denial(), want.is_none().then_some(&DenialAnswer::Forbidden), "{name}");
        assert_eq!(answer.reasons.step(), Step::Whitelist, "{name}: it is told all the same");
        assert!(!answer.would_deny(), "{name}");
    }
}

#[test]
fn what_decided() {
    let long = "x".repeat(5000);
    let off = Extras::default;
    let strict = || Extras { host: HostRule::Strict, ..off() };
    let missing = |missing| Extras { missing, ..off() };
    let malformed = || Extras { malformed: MalformedReferer::Deny, ..off() };
    let embed = Asked {
        facts: Facts {
            sec_fetch_site: Some(b"cross-site"),
            sec_fetch_dest: Some(b"image"),
            ..get(&[]).facts
        },
        ..get(&[])
    };
    let (white, black) = (|at| Some((List::Allow, at)), |at| Some((List::Deny, at)));
    let ec = |number: u32| Some(format!("0003-00000{number}"));
    let same = |text: &str| Some(text.to_owned());
    let (allow, deny) = (MissingReferer::Allow, MissingReferer::Deny);
    #[rustfmt::skip]
    let table = [
        ("whitelisted",     off(),     get(&["HTTP://b.com/x?y"]),            Step::Whitelist, white(0), None, same("http://b.com/x")),
        ("not whitelisted", off(),     get(&["http://c.com/"]),               Step::Whitelist, None, ec(503), same("http://c.com/")),
        ("blacklisted",     off(),     get(&["http://a.com/bad"]),            Step::Blacklist, black(0), ec(502), same("http://a.com/bad")),
        ("empty",           off(),     get(&[]),                              Step::Empty, None, ec(501), None),
        ("too long",        off(),     get(&[&long]),                          Step::Length, None, ec(503), None),
        ("too many lines",  off(),     get(&["http://b.com/"; 5]),            Step::Lines, None, ec(503), None),
        ("of two the worse", off(),    get(&["http://b.com/", "http://a.com/bad"]), Step::Blacklist, black(0), ec(502), same("http://a.com/bad")),
        ("a look-alike",    off(),     get(&["http://a.com.evil.net/"]),      Step::Whitelist, white(1), None, same("http://a.com.evil.net/")),
        ("strictly",        strict(),  get(&["http://A.com.evil.net/?x"]),    Step::StrictHost, white(1), ec(503), same("http://a.com.evil.net/")),
        ("its host",        strict(),  get(&["http://a.com/"]),               Step::Whitelist, white(1), None, same("http://a.com/")),
        ("missing",         missing(deny),  get(&[""]),                       Step::Missing, None, ec(501), None),
        ("let through",     missing(allow), get(&[]),                         Step::Missing, None, None, None),
        ("an embed",        missing(MissingReferer::DenyCrossSiteEmbeds), embed, Step::CrossSiteEmbed, None, ec(501), None),
        ("no embed",        missing(MissingReferer::DenyCrossSiteEmbeds), get(&[]), Step::Empty, None, ec(501), None),
        ("malformed",       malformed(), get(&["http://a.com@evil.net/"]),    Step::Malformed, None, ec(503), same("http://a.com@evil.net/")),
        ("twice the same",  malformed(), get(&["http://b.com/", "http://b.com/"]), Step::SeveralLines, None, ec(503), None),
    ];
    for (name, extras, asked, step, rule, ec, subject) in table {
        for mode in [Mode::Enforce, Mode::Monitor] {
            let gate = Gate::new(policy(), Extras { mode, ..extras.clone() });
            let answer = explain(&gate, &asked);
            let monitored = mode == Mode::Monitor;
            assert_eq!(answer.is_allowed(), ec.is_none() || monitored, "{name}");
            assert_eq!(answer.would_deny(), ec.is_some() && monitored, "{name}");
            assert_eq!(answer.denial().is_some(), ec.is_some() && !monitored, "{name}");
            assert_eq!(answer.ec(), ec.as_deref(), "{name}");
            assert_eq!(answer.reasons.step(), step, "{name}");
            let named = answer.reasons.rule().map(|(list, entry)| (list, entry.position));
            assert_eq!(named, rule, "{name}");
            assert_eq!(answer.reasons.subject, subject, "{name}");
        }
    }
}

#[test]
fn only_readers_are_sent_elsewhere() {
    let url = DenialAnswer::Redirect("https://a.com/no.png".parse().unwrap());
    let gate = Gate::new(policy(), Extras { denial: url.clone(), ..Extras::default() });
    for (method, query_text, want) in [
        ("GET", "", &url),
        ("HEAD", "", &url),
        ("HEAD", "objectMeta", &DenialAnswer::Forbidden),
        ("PUT", "", &DenialAnswer::Forbidden),
        ("DELETE", "", &DenialAnswer::Forbidden),
    ] {
        let asked = Asked { method, query: query(query_text), ..get(&["http://c.com/"]) };
        assert_eq!(explain(&gate, &asked).denial(), Some(want), "{method} {query_text}");
    }
}

proptest! {
    /// What is explained is what is decided.
    #[test]
    fn an_explanation_is_of_the_decision(
        lines in prop::collection::vec("(http://)?[ab@]{0,2}(a\\.com|b\\.com)?(/bad|\\.net/)?", 0..6),
        strict in any::<bool>(), malformed in any::<bool>(), monitor in any::<bool>(),
        missing in prop::sample::select(MissingReferer::ALL.to_vec()),
        site in prop::option::of(Just(b"cross-site".as_slice())),
    ) {
        let extras = Extras {
            mode: if monitor { Mode::Monitor } else { Mode::Enforce },
            host: if strict { HostRule::Strict } else { HostRule::Prefix },
            malformed: if malformed { MalformedReferer::Deny } else { MalformedReferer::AsText },
            missing,
            ..Extras::default()
        };
        let gate = Gate::new(policy(), extras);
        let facts = Facts {
            sec_fetch_site: site,
            sec_fetch_dest: Some(b"image"),
            ..Facts::of(Referers::read(lines.iter().map(String::as_bytes)))
        };
        prop_assert_eq!(gate.explain(&facts).verdict, gate.decide(&facts));
    }
}
