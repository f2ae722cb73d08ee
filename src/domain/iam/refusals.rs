//! What is no policy: refused by the name of what is wrong with it.

use super::*;

const GOOD: &str = r#""Effect": "Allow", "Action": "oss:GetObject", "Resource": "acs:oss:*:*:a""#;

fn refusal(text: &str, kind: Kind) -> InvalidPolicy {
    match PolicyDocument::parse(text, kind) {
        Ok(_) => panic!("{text} was read"),
        Err(err) => err,
    }
}

#[test]
fn what_is_not_known_is_refused_by_name() {
    let condition = |condition: &str| format!(r#"{GOOD}, "Condition": {{{condition}}}"#);
    let statement = |text: &str| format!(r#"{{"Version": "1", "Statement": [{{{text}}}]}}"#);
    #[rustfmt::skip]
    let table = [
        ("not JSON",             "{".to_owned(),                                             "EOF"),
        ("a list",               "[]".to_owned(),                                            "is a list"),
        ("an unknown member",    format!(r#"{{"Version": "1", "Statement": {{{GOOD}}}, "Id": "x"}}"#), "Id"),
        ("no version",           format!(r#"{{"Statement": {{{GOOD}}}}}"#),                  "no Version"),
        ("a version as number",  format!(r#"{{"Version": 1, "Statement": {{{GOOD}}}}}"#),    "Version is a number"),
        ("another version",      format!(r#"{{"Version": "2", "Statement": {{{GOOD}}}}}"#),  "\"2\""),
        ("a member twice",       format!(r#"{{"Version": "1", "version": "1", "Statement": {{{GOOD}}}}}"#), "twice"),
        ("no statements",        r#"{"Version": "1", "Statement": []}"#.to_owned(),          "no statement"),
        ("a statement as text",  r#"{"Version": "1", "Statement": ["x"]}"#.to_owned(),       "Statement 1 is a text"),
        ("no effect",            statement(r#""Action": "*", "Resource": "*""#),             "no Effect"),
        ("another effect",       statement(r#""Effect": "allow", "Action": "*", "Resource": "*""#), "\"allow\""),
        ("no action",            statement(r#""Effect": "Allow", "Resource": "*""#),         "no Action"),
        ("no resource",          statement(r#""Effect": "Allow", "Action": "*""#),           "no Resource"),
        ("an empty list",        statement(r#""Effect": "Allow", "Action": [], "Resource": "*""#), "empty Action"),
        ("a number in a list",   statement(r#""Effect": "Allow", "Action": ["*", 1], "Resource": "*""#), "a number in Action"),
        ("another service",      statement(r#""Effect": "Allow", "Action": "ecs:*", "Resource": "*""#), "ecs:*"),
        ("half an action",       statement(r#""Effect": "Allow", "Action": "oss:", "Resource": "*""#), "no name of an operation"),
        ("another resource",     statement(r#""Effect": "Allow", "Action": "*", "Resource": "photos/*""#), "photos/*"),
        ("an empty resource",    statement(r#""Effect": "Allow", "Action": "*", "Resource": "acs:oss:*:*:""#), "names nothing"),
        ("both of a pair",       statement(&format!(r#"{GOOD}, "NotAction": "oss:PutObject""#)), "NotAction"),
        ("an unknown element",   statement(&format!(r#"{GOOD}, "Sid": "x""#)),               "Sid"),
        ("a principal",          statement(&format!(r#"{GOOD}, "Principal": "*""#)),         "Principal"),
        ("an unknown operator",  statement(&condition(r#""StringMatches": {"acs:Referer": "x"}"#)), "StringMatches"),
        ("an unknown key",       statement(&condition(r#""StringEquals": {"acs:UserAgent": "x"}"#)), "acs:UserAgent"),
        ("what does not fit",    statement(&condition(r#""StringEquals": {"acs:SourceIp": "10.0.0.1"}"#)), "acs:SourceIp by StringEquals"),
        ("no network",           statement(&condition(r#""IpAddress": {"acs:SourceIp": ["10.0.0.0/8", "x"]}"#)), "\"x\""),
        ("no date",              statement(&condition(r#""DateLessThan": {"acs:CurrentTime": "tomorrow"}"#)), "tomorrow"),
        ("no boolean",           statement(&condition(r#""Bool": {"acs:SecureTransport": "yes"}"#)), "yes"),
        ("no number",            statement(&condition(r#""NumericLessThan": {"oss:MaxKeys": "many"}"#)), "many"),
        ("no value",             statement(&condition(r#""StringEquals": {"acs:Referer": []}"#)), "no value for acs:Referer"),
        ("no key",               statement(&condition(r#""StringEquals": {}"#)),             "nothing under StringEquals"),
        ("a condition as text",  statement(&format!(r#"{GOOD}, "Condition": "x""#)),         "a text as Condition"),
    ];
    for (name, text, want) in table {
        let message = refusal(&text, Kind::User).to_string();
        assert!(message.contains(want), "{name}: {message}");
        assert!(!message.contains('\n'), "{name}: {message}");
    }
}

#[test]
fn what_bucket_policies_have_besides() {
    let with =
        |principal: &str| format!(r#"{{"Version": "1", "Statement": [{{{GOOD}, {principal}}}]}}"#);
    let without = format!(r#"{{"Version": "1", "Statement": [{{{GOOD}}}]}}"#);
    #[rustfmt::skip]
    let table = [
        ("no principal",       without,                                     "no Principal"),
        ("no name",            with(r#""Principal": ["a b"]"#),             "a b"),
        ("an object",          with(r#""Principal": {"RAM": "alice"}"#),    "an object in Principal"),
        ("nobody",             with(r#""NotPrincipal": "*""#),              "nobody"),
        ("both",               with(r#""Principal": "*", "NotPrincipal": "alice""#), "NotPrincipal"),
    ];
    for (name, text, want) in table {
        let message = refusal(&text, Kind::Bucket).to_string();
        assert!(message.contains(want), "{name}: {message}");
    }
}

#[test]
fn the_numbers_of_the_vendors_pages() {
    let text = |resource: &str| {
        format!(
            r#"{{"Version": "1", "Statement": {{"Effect": "Allow", "Action": "oss:GetObject", "Principal": "*", "Resource": "acs:oss:*:*:{resource}"}}}}"#
        )
    };
    #[rustfmt::skip]
    let table = [
        ("too large",     text(&"a".repeat(MAX_POLICY_BYTES)), "0030-00000001"),
        ("version",       text("a").replace("\"1\"", "\"2\""), "0030-00000002"),
        ("a long text",   text(&"a".repeat(4096)),             "0030-00000003"),
        ("invalid",       text("a").replace("\"1\"", "1"),     "0030-00000005"),
        ("not JSON",      "{".to_owned(),                      "0030-00000005"),
        ("two stars",     text("a/**"),                        "0030-00000007"),
    ];
    for (name, text, want) in table {
        assert_eq!(refusal(&text, Kind::Bucket).reason().ec, Some(want), "{name}");
    }
    // The vendor says so of bucket policies alone; two stars mean what one means.
    let user = text("a/**").replace(r#""Principal": "*", "#, "");
    assert!(PolicyDocument::parse(&user, Kind::User).is_ok());
}

proptest::proptest! {
    /// Whatever is put is refused in one line, or means the same when it is read again.
    #[test]
    fn a_text_is_a_policy_or_is_refused(
        at in 0_usize..200,
        gone in 0_usize..40,
        put in r#"[\[\]{}",:*?a-eS01 ]{0,12}|"Deny"|"Principal": "\*",|null|1e9|"\\ud800""#,
    ) {
        let condition = r#""Condition": {"Bool": {"acs:SecureTransport": true}}"#;
        let good = format!(r#"{{"Version": "1", "Statement": [{{{GOOD}, {condition}}}]}}"#);
        let head: String = good.chars().take(at).collect();
        let tail: String = good.chars().skip(at + gone).collect();
        let text = format!("{head}{put}{tail}");
        for kind in [Kind::User, Kind::Bucket, Kind::Session] {
            match PolicyDocument::parse(&text, kind) {
                Ok(policy) => {
                    let again = PolicyDocument::parse(policy.as_str(), kind);
                    proptest::prop_assert_eq!(again.as_ref(), Ok(&policy));
                }
                Err(err) => proptest::prop_assert!(!err.to_string().contains('\n')),
            }
        }
    }
}
