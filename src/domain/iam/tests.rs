//! The engine on whole policies. The policies are those of the vendor's examples where there is
//! one.

use std::borrow::Cow;
use std::sync::Arc;

use super::*;
use crate::domain::client::ClientAddress;
use crate::domain::time::UnixMillis;

fn user(text: &str) -> PolicyDocument {
    PolicyDocument::parse(text, Kind::User).unwrap_or_else(|err| panic!("{text}: {err}"))
}

fn bucket(text: &str) -> PolicyDocument {
    PolicyDocument::parse(text, Kind::Bucket).unwrap_or_else(|err| panic!("{text}: {err}"))
}

/// A policy of one statement.
fn one(statement: &str) -> String {
    format!(r#"{{"Version": "1", "Statement": {{{statement}}}}}"#)
}

/// A user's policy of one statement that allows everything under a condition.
fn under(condition: &str) -> PolicyDocument {
    user(&one(&format!(
        r#""Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {{{condition}}}"#
    )))
}

/// 2026-01-02T03:04:05Z, from 203.0.113.5 with TLS.
fn circumstances() -> Circumstances<'static> {
    let client = ClientAddress { address: Some("203.0.113.5".parse().unwrap()), secure: true };
    let referer = Fact::Known(Cow::Borrowed("https://example.com/page"));
    Circumstances { client, now: UnixMillis::from_secs(1_767_323_045), referer, listing: None }
}

fn get(path: &str) -> Asked {
    let (bucket, key) = path.split_once('/').unwrap();
    Asked::of_object("oss:GetObject", &bucket.parse().unwrap(), &key.parse().unwrap())
}

fn on_bucket(permission: &str) -> Asked {
    Asked::of_bucket(permission, &"photos".parse().unwrap())
}

fn alice() -> UserName {
    "alice".parse().unwrap()
}

#[test]
fn actions_and_resources() {
    use Opinion::{Allows, Silent};
    let (read, list) = (get("photos/a/b.jpg"), on_bucket("oss:ListObjects"));
    #[rustfmt::skip]
    let table = [
        ("one action",          r#""Action": "oss:GetObject", "Resource": "acs:oss:*:*:photos/*""#,        &read, Allows),
        ("a list",              r#""Action": ["oss:PutObject", "oss:Get*"], "Resource": ["acs:oss:*:*:photos/*"]"#, &read, Allows),
        ("another case",        r#""Action": "OSS:getOBJECT", "Resource": "*""#,                           &read, Allows),
        ("one character",       r#""Action": "oss:?etObject", "Resource": "*""#,                           &read, Allows),
        ("another action",      r#""Action": "oss:GetObjectAcl", "Resource": "*""#,                        &read, Silent),
        ("all actions",         r#""Action": "*", "Resource": "acs:oss:*:*:photos/a/*""#,                  &read, Allows),
        ("all but one",         r#""NotAction": "oss:PutObject", "Resource": "*""#,                        &read, Allows),
        ("all but this",        r#""NotAction": "oss:Get*", "Resource": "*""#,                             &read, Silent),
        ("another prefix",      r#""Action": "*", "Resource": "acs:oss:*:*:photos/b/*""#,                  &read, Silent),
        ("a suffix",            r#""Action": "*", "Resource": "acs:oss:*:*:photos/*.jpg""#,                &read, Allows),
        ("case of a key counts", r#""Action": "*", "Resource": "acs:oss:*:*:photos/A/*""#,                 &read, Silent),
        ("the bucket is not its objects", r#""Action": "*", "Resource": "acs:oss:*:*:photos""#,            &read, Silent),
        ("objects are not the bucket", r#""Action": "*", "Resource": "acs:oss:*:*:photos/*""#,             &list, Silent),
        ("the bucket",          r#""Action": "oss:List*", "Resource": "acs:oss:*:*:photos""#,              &list, Allows),
        ("a bucket that begins so", r#""Action": "*", "Resource": "acs:oss:*:*:phot""#,                    &list, Silent),
        ("every bucket",        r#""Action": "*", "Resource": "acs:oss:*:*:*""#,                           &list, Allows),
        ("with region and account", r#""Action": "*", "Resource": "acs:oss:oss-cn-hangzhou:1234567890123456:photos""#, &list, Allows),
        ("all but a folder",    r#""Action": "*", "NotResource": "acs:oss:*:*:photos/b/*""#,               &read, Allows),
        ("all but this folder", r#""Action": "*", "NotResource": ["acs:oss:*:*:photos/a/*"]"#,             &read, Silent),
    ];
    for (name, statement, asked, want) in table {
        let policy = user(&one(&format!(r#""Effect": "Allow", {statement}"#)));
        let got = policy.opinion(Who::User(&alice()), asked, &circumstances());
        assert_eq!(got, want, "{name}");
    }
}

#[test]
fn conditions() {
    let now = circumstances();
    let plain = Circumstances {
        client: ClientAddress { secure: false, ..now.client },
        referer: Fact::Missing,
        ..now.clone()
    };
    let listing = Circumstances {
        listing: Some(Listing {
            prefix: "hangzhou/2015/".into(),
            delimiter: "".into(),
            max_keys: Fact::Known(100),
        }),
        ..now.clone()
    };
    #[rustfmt::skip]
    let table = [
        ("address in a network",       r#""IpAddress": {"acs:SourceIp": ["10.0.0.0/8", "203.0.113.0/24"]}"#,   &now,     true),
        ("address",                    r#""IpAddress": {"acs:SourceIp": "203.0.113.5"}"#,                      &now,     true),
        ("another address",            r#""IpAddress": {"acs:SourceIp": "203.0.113.6"}"#,                      &now,     false),
        ("address not in a network",   r#""NotIpAddress": {"acs:SourceIp": ["10.0.0.0/8"]}"#,                  &now,     true),
        ("address in one of those not", r#""NotIpAddress": {"acs:SourceIp": ["10.0.0.0/8", "203.0.113.5"]}"#,  &now,     false),
        ("TLS",                        r#""Bool": {"acs:SecureTransport": "true"}"#,                           &now,     true),
        ("TLS as a boolean",           r#""Bool": {"acs:SecureTransport": true}"#,                             &plain,   false),
        ("no TLS",                     r#""Bool": {"acs:SecureTransport": ["false"]}"#,                        &plain,   true),
        ("before a date",              r#""DateLessThan": {"acs:CurrentTime": "2026-01-02T11:04:06+08:00"}"#,  &now,     true),
        ("at that date",               r#""DateLessThan": {"acs:CurrentTime": "2026-01-02T03:04:05Z"}"#,       &now,     false),
        ("not after that date",        r#""DateLessThanEquals": {"acs:CurrentTime": "2026-01-02T03:04:05Z"}"#, &now,     true),
        ("after a date",               r#""DateGreaterThan": {"acs:CurrentTime": "2026-01-02T03:04:04Z"}"#,    &now,     true),
        ("the referer",                r#""StringLike": {"acs:Referer": "https://example.com/*"}"#,            &now,     true),
        ("the referer as it is",       r#""StringEquals": {"acs:Referer": "https://example.com/*"}"#,          &now,     false),
        ("in another case",            r#""StringEqualsIgnoreCase": {"acs:Referer": "HTTPS://example.com/page"}"#, &now, true),
        ("another referer",            r#""StringNotLike": {"acs:Referer": ["https://example.com/*"]}"#,       &now,     false),
        ("no referer",                 r#""StringLike": {"acs:Referer": "*"}"#,                                &plain,   false),
        ("no referer is another",      r#""StringNotEquals": {"acs:Referer": "https://example.com/"}"#,        &plain,   true),
        ("a prefix",                   r#""StringLike": {"oss:Prefix": ["", "hangzhou/2015/*"]}"#,             &listing, true),
        ("another prefix",             r#""StringLike": {"oss:Prefix": "hangzhou/2016/*"}"#,                   &listing, false),
        ("no delimiter",               r#""StringEquals": {"oss:Delimiter": ""}"#,                             &listing, true),
        ("so many keys",               r#""NumericLessThanEquals": {"oss:MaxKeys": "100"}"#,                   &listing, true),
        ("fewer keys",                 r#""NumericLessThan": {"oss:MaxKeys": 100}"#,                           &listing, false),
        ("a prefix of no listing",     r#""StringLike": {"oss:Prefix": "*"}"#,                                 &now,     false),
        ("two keys",                   r#""IpAddress": {"acs:SourceIp": "203.0.113.5"}, "Bool": {"acs:SecureTransport": "true"}"#,  &now, true),
        ("one of two keys",            r#""IpAddress": {"acs:SourceIp": "203.0.113.6"}, "Bool": {"acs:SecureTransport": "true"}"#,  &now, false),
    ];
    for (name, condition, circumstances, want) in table {
        let got = under(condition).opinion(Who::Unnamed, &get("photos/a"), circumstances);
        assert_eq!(got == Opinion::Allows, want, "{name}");
    }
}

/// Nobody gains by making something unreadable.
#[test]
fn what_cannot_be_read_denies_and_does_not_allow() {
    let client = ClientAddress { address: None, secure: false };
    let unknown = Circumstances { client, referer: Fact::Unreadable, ..circumstances() };
    for condition in [
        r#""IpAddress": {"acs:SourceIp": "203.0.113.5"}"#,
        r#""NotIpAddress": {"acs:SourceIp": "203.0.113.5"}"#,
        r#""StringLike": {"acs:Referer": "https://example.com/*"}"#,
        r#""StringNotLike": {"acs:Referer": "https://example.com/*"}"#,
    ] {
        for (effect, want) in [("Allow", Opinion::Silent), ("Deny", Opinion::Denies)] {
            let policy = user(&one(&format!(
                r#""Effect": "{effect}", "Action": "*", "Resource": "*", "Condition": {{{condition}}}"#
            )));
            let got = policy.opinion(Who::Unnamed, &get("photos/a"), &unknown);
            assert_eq!(got, want, "{effect} {condition}");
        }
    }
}

#[test]
fn whom_a_bucket_policy_means() {
    let (alice, bob) = (alice(), "bob".parse::<UserName>().unwrap());
    let all = [Who::Anonymous, Who::Owner, Who::User(&alice), Who::User(&bob), Who::Unnamed];
    let condition = r#", "Condition": {"IpAddress": {"acs:SourceIp": "203.0.113.0/24"}}"#;
    #[rustfmt::skip]
    let table = [
        //                                                       anonymous owner alice  bob    unnamed
        ("everybody",             r#""Principal": ["*"]"#,          "",        [true,  false, true,  true,  true]),
        ("everybody, as a text",  r#""Principal": "*""#,            "",        [true,  false, true,  true,  true]),
        ("everybody from there",  r#""Principal": ["*"]"#,          condition, [true,  true,  true,  true,  true]),
        ("alice",                 r#""Principal": ["alice"]"#,      "",        [false, false, true,  false, false]),
        ("two users",             r#""Principal": ["bob","alice"]"#, "",       [false, false, true,  true,  false]),
        ("a stranger's number",   r#""Principal": ["1234567890123456"]"#, "",  [false, false, false, false, false]),
        ("the owner",             r#""Principal": ["root"]"#,       "",        [false, true,  false, false, false]),
        ("all but alice",         r#""NotPrincipal": ["alice"]"#,   "",        [true,  false, false, true,  true]),
        ("all but alice, there",  r#""NotPrincipal": ["alice"]"#,   condition, [true,  true,  false, true,  true]),
        ("all but the owner",     r#""NotPrincipal": ["root"]"#,    condition, [true,  false, true,  true,  true]),
    ];
    for (name, principal, condition, want) in table {
        let policy = bucket(&one(&format!(
            r#""Effect": "Deny", "Action": "oss:*", {principal}, "Resource": "acs:oss:*:*:photos/*"{condition}"#
        )));
        let got = all
            .map(|who| policy.opinion(who, &get("photos/a"), &circumstances()) == Opinion::Denies);
        assert_eq!(got, want, "{name}");
    }
}

/// A name; who asks; policies of the user, of the session, of the bucket; the ACL; the decision.
type Row<'a> = (
    &'static str,
    Who<'a>,
    Vec<&'a Arc<PolicyDocument>>,
    Option<&'a PolicyDocument>,
    Option<&'a PolicyDocument>,
    bool,
    Result<(), Denial>,
);

#[test]
fn decisions() {
    use Denial::{ByBucketPolicy, BySessionPolicy, ByUserPolicy, NotGranted};
    let says = |effect: &str, principal: &str| {
        one(&format!(
            r#""Effect": "{effect}", {principal} "Action": "oss:GetObject", "Resource": "*""#
        ))
    };
    let both = |effect: &str| {
        let everybody = r#""Principal": "*","#;
        (Arc::new(user(&says(effect, ""))), bucket(&says(effect, everybody)))
    };
    let ((allow, allow_in), (deny, deny_in)) = (both("Allow"), both("Deny"));
    let alice = alice();
    let (named, owner) = (Who::User(&alice), Who::Owner);
    let yes = Some(&allow_in);
    #[rustfmt::skip]
    let table: &[Row<'_>] = &[
        ("nothing says anything",            named,          vec![],               None,         None,           false, Err(NotGranted)),
        ("the ACL",                          named,          vec![],               None,         None,           true,  Ok(())),
        ("the user's policy",                named,          vec![&allow],         None,         None,           false, Ok(())),
        ("the bucket's policy",              named,          vec![],               None,         yes,            false, Ok(())),
        ("a stranger, by the bucket",        Who::Anonymous, vec![],               None,         yes,            false, Ok(())),
        ("a deny of the user's wins",        named,          vec![&allow, &deny],  None,         yes,            true,  Err(ByUserPolicy)),
        ("a deny of the bucket's wins",      named,          vec![&allow],         None,         Some(&deny_in), true,  Err(ByBucketPolicy)),
        ("a stranger is denied",             Who::Anonymous, vec![],               None,         Some(&deny_in), true,  Err(ByBucketPolicy)),
        ("the owner is not meant",           owner,          vec![],               None,         Some(&deny_in), false, Ok(())),
        ("the owner needs nothing",          owner,          vec![],               None,         None,           false, Ok(())),
        ("a session allows, the user not",   named,          vec![],               Some(&allow), None,           false, Err(NotGranted)),
        ("both allow",                       named,          vec![&allow],         Some(&allow), None,           false, Ok(())),
        ("a session denies",                 named,          vec![&allow],         Some(&deny),  None,           true,  Err(BySessionPolicy)),
    ];
    for (name, who, users, session, in_bucket, acl, want) in table {
        let users: Vec<_> = users.iter().map(|document| Arc::clone(document)).collect();
        let voices = Voices { user: &users, session: *session, bucket: *in_bucket };
        let got = decide(voices, *who, &get("photos/a"), &circumstances(), *acl);
        assert_eq!(got, *want, "{name}");
    }
    // What a session does not mention it does not allow, not even to whom the ACL would.
    let voices = Voices { session: Some(&allow), user: std::slice::from_ref(&allow), bucket: None };
    let put = on_bucket("oss:PutObject");
    assert_eq!(decide(voices, named, &put, &circumstances(), true), Err(BySessionPolicy));
}

#[test]
fn what_may_be_done_somewhere() {
    let alice = alice();
    let policy = Arc::new(user(&one(
        r#""Effect": "Allow", "Action": "oss:DeleteObject", "Resource": "acs:oss:*:*:photos/old/*""#,
    )));
    let voices = Voices { user: std::slice::from_ref(&policy), ..Voices::default() };
    let may =
        |who, permission| may_do_somewhere(voices, who, &on_bucket(permission), &circumstances());
    assert!(may(Who::User(&alice), "oss:DeleteObject"));
    assert!(!may(Who::User(&alice), "oss:PutObject"));
    assert!(may(Who::Owner, "oss:PutObject"));
    let session = user(&one(r#""Effect": "Allow", "Action": "oss:GetObject", "Resource": "*""#));
    let voices = Voices { session: Some(&session), ..voices };
    let asked = on_bucket("oss:DeleteObject");
    assert!(!may_do_somewhere(voices, Who::User(&alice), &asked, &circumstances()));
}

#[test]
fn which_bucket_policies_are_public() {
    #[rustfmt::skip]
    let table = [
        ("everybody",            r#""Effect": "Allow", "Principal": "*""#,                                                             true),
        ("denied",               r#""Effect": "Deny",  "Principal": "*""#,                                                             false),
        ("a user",               r#""Effect": "Allow", "Principal": "alice""#,                                                         false),
        ("all but a user",       r#""Effect": "Allow", "NotPrincipal": "alice""#,                                                      true),
        ("from an office",       r#""Effect": "Allow", "Principal": "*", "Condition": {"IpAddress": {"acs:SourceIp": "192.0.2.0/24"}}"#, false),
        ("from half the world",  r#""Effect": "Allow", "Principal": "*", "Condition": {"IpAddress": {"acs:SourceIp": "128.0.0.0/1"}}"#, true),
        ("not from an office",   r#""Effect": "Allow", "Principal": "*", "Condition": {"NotIpAddress": {"acs:SourceIp": "192.0.2.0/24"}}"#, true),
        ("from a page",          r#""Effect": "Allow", "Principal": "*", "Condition": {"StringLike": {"acs:Referer": "https://a/*"}}"#, true),
    ];
    for (name, statement, want) in table {
        let policy = bucket(&one(&format!(r#"{statement}, "Action": "oss:*", "Resource": "*""#)));
        assert_eq!(policy.is_public(), want, "{name}");
    }
}

#[test]
fn a_resource_elsewhere_is_refused() {
    let region = "cn-hangzhou".parse().unwrap();
    let realm = Realm { region: &region, account: "LTAIowner" };
    #[rustfmt::skip]
    let table = [
        ("*",                                     true),
        ("acs:oss:*:*:photos",                    true),
        ("acs:oss:::photos",                      true),
        ("acs:oss:cn-hangzhou:LTAIowner:photos",  true),
        ("acs:oss:oss-cn-hangzhou:123456:photos", true),
        ("acs:oss:cn-*:*:photos",                 true),
        ("acs:oss:cn-beijing:*:photos",           false),
        ("acs:oss:*:somebody:photos",             false),
    ];
    for (resource, want) in table {
        let policy = user(&one(&format!(
            r#""Effect": "Deny", "Action": "oss:*", "Resource": ["acs:oss:*:*:a", "{resource}"]"#
        )));
        let checked = policy.check_realm(realm);
        assert_eq!(checked.is_ok(), want, "{resource}");
        if let Err(err) = checked {
            assert!(err.to_string().contains(resource), "{err}");
        }
    }
}
