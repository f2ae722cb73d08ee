//! Who sends a form: users and the bearers of temporary credentials, by the same keys, tokens and
//! policies as for every other request.
//!
//! Sources: OSS "PostObject" (`x-oss-security-token`), "Use temporary credentials provided by STS",
//! "Bucket policy"; the `EC` pages 0002-00000003 to 0002-00000007, 0002-00000903 and 0003-….

use serde_json::json;

use super::{BUCKET, KEY, assert_untouched, send, server};
use crate::support::form::{ANYTHING, FILE, Form, Signed, policy};
use crate::support::wire::refused;
use crate::support::{Channel, PRIVATE, PUBLIC_READ_WRITE, Server, Signer};

fn by(signer: &Signer, way: Signed, key: &str) -> Form {
    Form::of(key).signed(signer, way, &policy(3600, ANYTHING))
}

/// The names of objects below a prefix, as policies say it.
fn below(prefix: &str) -> serde_json::Value {
    json!(format!("acs:oss:*:*:{BUCKET}/{prefix}*"))
}

fn is_stored(server: &Server, form: &Form, name: &str) {
    let response = send(server, form);
    assert_eq!(response.status, 204, "{name}: {}", response.error());
}

#[track_caller]
fn is_denied(server: &Server, form: &Form, ec: &str) {
    let response = send(server, form);
    assert_eq!(response.outcome(), (403, "AccessDenied".into(), ec.into()));
}

#[test]
fn a_user_sends_forms_for_what_its_policy_allows() {
    let server = server(PRIVATE);
    let alice = server.user_who_may("alice", &json!("oss:PutObject"), &below("in/"));
    let temporary = server.temporary(&json!({ "user": "alice" }));
    for way in Signed::ALL {
        for (name, signer) in [("a user", &alice), ("its temporary credentials", &temporary)] {
            let key = format!("in/{way:?}");
            is_stored(&server, &by(signer, way, &key), name);
            assert_eq!(server.content(BUCKET, &key).as_deref(), Some(FILE.as_bytes()), "{name}");
            server.done(crate::support::Request::object("DELETE", BUCKET, &key));
            is_denied(&server, &by(signer, way, "out"), "0003-00000001");
            is_denied(&server, &by(signer, way, KEY), "0003-00000001");
            assert_untouched(&server, name);
        }
    }
    let stranger = server.user("stranger");
    is_denied(&server, &by(&stranger, Signed::V4, "in/a"), "0003-00000001");
    assert_untouched(&server, "a user without a policy");
}

#[test]
fn what_a_field_asks_for_beside_is_allowed_for_itself() {
    let server = server(PRIVATE);
    let alice = server.user_who_may("alice", &json!("oss:PutObject"), &below(""));
    let (acl, tags) = (("x-oss-object-acl", "public-read"), ("x-oss-tagging", "a=1"));
    let with = |(name, value): (&str, &str)| by(&alice, Signed::V4, "new").field(name, value);
    assert_eq!(send(&server, &with(acl)).status, 403);
    assert_eq!(send(&server, &with(tags)).status, 403);
    assert_untouched(&server, "more than an upload");
    let both = json!(["oss:PutObject", "oss:PutObjectAcl", "oss:PutObjectTagging"]);
    server.allow("alice", &both, &below(""));
    is_stored(&server, &with(acl), "with an ACL");
    is_stored(&server, &with(tags), "with tags");
}

#[test]
fn a_key_or_a_token_that_is_not_good_sends_nothing() {
    let server = server(PUBLIC_READ_WRITE);
    let alice = server.user_who_may("alice", &json!("*"), &json!("*"));
    let [one, two] = [(); 2].map(|()| server.temporary(&json!({ "user": "alice" })));
    let bob = server.user_who_may("bob", &json!("*"), &json!("*"));
    server.api_done("PUT", &format!("keys/{}", bob.id), Some(&json!({ "enabled": false })));
    let with = |token: Option<&str>| Signer { token: token.map(str::to_owned), ..one.clone() };
    let real = one.token.as_deref();
    #[rustfmt::skip]
    let table = [
        ("a disabled key",       bob,                                                    "InvalidAccessKeyId",                  "0002-00000903"),
        ("an unknown key",       Signer { id: "LTAInobody".into(), ..alice.clone() },    "InvalidAccessKeyId",                  "0002-00000902"),
        ("a wrong secret",       Signer { secret: "guessed".into(), ..one.clone() },     "SignatureDoesNotMatch",               "0002-00000040"),
        ("no token",             with(None),                                             "InvalidAccessKeyId",                  "0002-00000003"),
        ("another's token",      with(two.token.as_deref()),                             "AccessKeyIdAndSecurityTokenNotMatch", "0002-00000004"),
        ("a token made up",      with(Some("CAIS-made-up")),                             "InvalidSecurityToken",                "0002-00000006"),
        ("an expired token",     server.ended(),                                         "SecurityTokenExpired",                "0002-00000007"),
        ("a token of nobody",    Signer { token: real.map(str::to_owned), ..alice.clone() }, "InvalidAccessKeyId",              ""),
    ];
    for (name, signer, code, ec) in table {
        for way in Signed::ALL {
            let response = send(&server, &by(&signer, way, KEY));
            assert_eq!(response.code(), refused(403, code), "{name} {way:?}");
            assert_eq!(response.element("EC").unwrap_or_default(), ec, "{name} {way:?}");
            // Not even what everybody may do.
            assert_untouched(&server, name);
        }
    }
    let two_tokens = by(&one, Signed::V4, KEY).field("security-token", "another");
    assert_eq!(send(&server, &two_tokens).status, 400);
    assert_untouched(&server, "two tokens");
    let other_name = by(&with(None), Signed::V1, "new").field("security-token", real.unwrap());
    is_stored(&server, &other_name, "the token by its other name");
}

#[test]
fn policies_of_buckets_and_tokens_are_asked_about_forms() {
    let server = server(PRIVATE);
    let put = |statement: serde_json::Value| {
        let document = json!({ "Version": "1", "Statement": [statement] });
        let request = crate::support::Request::bucket("PUT", BUCKET).query("policy", "");
        server.done(request.body(document.to_string()));
    };
    let statement = |effect: &str, principal: &str, condition: serde_json::Value| {
        json!({
            "Effect": effect, "Principal": [principal], "Action": ["oss:PutObject"],
            "Resource": [below("")], "Condition": condition,
        })
    };
    let alice = server.user_who_may("alice", &json!("*"), &json!("*"));
    let here = json!({ "IpAddress": { "acs:SourceIp": "127.0.0.1" } });
    let elsewhere = json!({ "IpAddress": { "acs:SourceIp": "203.0.113.0/24" } });
    let form = || by(&alice, Signed::V4, "new");
    put(statement("Deny", "alice", here.clone()));
    is_denied(&server, &form(), "0003-00000101");
    put(statement("Deny", "alice", elsewhere.clone()));
    is_stored(&server, &form(), "denied elsewhere");
    put(statement("Allow", "*", elsewhere));
    is_denied(&server, &Form::of("new"), "0003-00000001");
    put(statement("Allow", "*", here));
    is_stored(&server, &Form::of("new"), "a stranger who is allowed here");

    let only = json!({ "Effect": "Allow", "Action": "oss:PutObject", "Resource": below("in/") });
    let narrow = json!({ "Version": "1", "Statement": [only] });
    let session = server.temporary(&json!({ "user": "alice", "policy": narrow }));
    is_stored(&server, &by(&session, Signed::V1, "in/a"), "what its policy allows");
    is_denied(&server, &by(&session, Signed::V1, "out"), "0003-00000301");
}

/// Who signs the request around a form has nothing to do with it.
#[test]
fn a_signature_in_the_head_gives_a_form_no_right() {
    let server = server(PRIVATE);
    let alice = server.user("alice");
    for channel in Channel::SIGNED {
        let request = Signer::owner().sign(channel, by(&alice, Signed::V4, KEY).to(BUCKET));
        assert_eq!(server.send(&request).code(), refused(403, "AccessDenied"), "{channel:?}");
    }
    assert_untouched(&server, "the owner's head");
}
