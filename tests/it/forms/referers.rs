//! The referer policy and cross-origin rules, for forms. A form has no verified header: OSS exempts
//! those alone.

use super::{BUCKET, KEY, assert_untouched, send, server};
use crate::support::actions::CORS;
use crate::support::form::{FILE, Form};
use crate::support::policy::{BLACK_EC, EMPTY_EC, EVIL, GOOD, OTHER, OTHER_EC, STRICT};
use crate::support::{Channel, PRIVATE, PUBLIC_READ_WRITE, Request, Server, Signer};

fn denied(ec: &str) -> (u16, String, String) {
    (403, "AccessDenied".into(), ec.into())
}

fn from(referer: &str, form: &Form) -> Request {
    form.to(BUCKET).referer(referer)
}

#[test]
fn the_policy_is_asked_about_every_form() {
    for (acl, form) in [(PRIVATE, Form::of(KEY).by_owner()), (PUBLIC_READ_WRITE, Form::of(KEY))] {
        let server = server(acl);
        server.policy(BUCKET, &STRICT);
        assert_eq!(send(&server, &form).outcome(), denied(EMPTY_EC), "{acl}");
        for (referer, ec) in [(EVIL, BLACK_EC), (OTHER, OTHER_EC)] {
            let response = server.send(&from(referer, &form));
            assert_eq!(response.outcome(), denied(ec), "{acl}");
            assert_eq!(response.header("vary"), None, "{acl}");
            for channel in Channel::SIGNED {
                // A header that nobody verifies exempts from nothing.
                let request = Signer::owner().sign(channel, from(referer, &form));
                assert_eq!(server.send(&request).outcome(), denied(ec), "{acl} {channel:?}");
            }
        }
        assert_untouched(&server, acl);
        assert_eq!(server.send(&from(GOOD, &form)).status, 204, "{acl}");
        assert_eq!(server.content(BUCKET, KEY).as_deref(), Some(FILE.as_bytes()), "{acl}");
    }
}

/// What is wrong with the signature or the policy is said first, as for other requests.
#[test]
fn a_good_referer_is_no_permission_and_a_bad_signature_is_worse_than_a_bad_referer() {
    let server = server(PRIVATE);
    server.policy(BUCKET, &STRICT);
    let stranger = server.send(&from(GOOD, &Form::of(KEY)));
    assert_eq!(stranger.outcome(), denied("0003-00000001"));
    let forged = Form::of(KEY).by_owner().without("policy").field("policy", "e30=");
    let forged = server.send(&from(EVIL, &forged));
    assert_eq!(forged.outcome().1, "SignatureDoesNotMatch");
    assert_untouched(&server, "forms without a right");
}

fn set(server: &Server, settings: &str) {
    let settings = serde_json::from_str(settings).unwrap();
    server.api_done("PUT", &format!("buckets/{BUCKET}/referer/settings"), Some(&settings));
}

/// How many requests the report counts under a name.
fn counted(server: &Server, name: &str) -> u64 {
    let report = server.api_done("GET", &format!("buckets/{BUCKET}/referer/report"), None);
    report["totals"][name]["requests"].as_u64().unwrap()
}

/// A monitored bucket refuses no form and says whom it would have refused; each counts once.
#[test]
fn forms_are_counted_and_let_through_where_a_bucket_is_monitored() {
    let server = server(PRIVATE);
    server.policy(BUCKET, &STRICT);
    let form = Form::of(KEY).by_owner();
    assert_eq!(server.send(&from(EVIL, &form)).status, 403);
    assert_eq!(server.send(&from(GOOD, &form)).status, 204);
    // What is wrong before the policy is asked is no decision of it.
    assert_eq!(server.send(&from(EVIL, &Form::empty())).status, 400);
    set(&server, r#"{"mode": "monitor"}"#);
    let response = server.send(&from(EVIL, &form));
    assert_eq!(response.status, 204);
    for (name, want) in [("denied", 1), ("allowed", 1), ("would_deny", 1)] {
        assert_eq!(counted(&server, name), want, "{name}");
    }
}

/// Whoever uploads is not given a picture instead.
#[test]
fn the_answer_to_a_refused_form_is_an_error() {
    let server = server(PRIVATE);
    server.policy(BUCKET, &STRICT);
    let form = from(EVIL, &Form::of(KEY).by_owner());
    for answer in [
        format!(r#"{{"answer": "substitute", "key": "{KEY}"}}"#),
        r#"{"answer": "redirect", "url": "http://a.example/"}"#.to_owned(),
    ] {
        set(&server, &format!(r#"{{"denial": {answer}}}"#));
        assert_eq!(server.send(&form).outcome(), denied(BLACK_EC), "{answer}");
    }
    assert_untouched(&server, "a refused form");
}

#[test]
fn pages_of_other_origins_can_read_the_answers() {
    let server = server(PRIVATE);
    let rules = CORS.replace("<AllowedMethod>PUT<", "<AllowedMethod>POST<");
    server.done(Request::bucket("PUT", BUCKET).query("cors", "").body(rules));
    server.policy(BUCKET, &STRICT);
    let page = |form: Form, referer: &str| {
        server.send(&from(referer, &form).header("Origin", "http://good.example"))
    };
    for (form, referer, status) in [
        (Form::of(KEY).by_owner(), GOOD, 204),
        (Form::of(KEY).by_owner().field("success_action_redirect", "http://a.b/"), GOOD, 303),
        (Form::of(KEY).by_owner(), EVIL, 403),
        (Form::of(KEY), GOOD, 403),
        (Form::empty(), GOOD, 400),
    ] {
        let response = page(form, referer);
        assert_eq!(response.status, status);
        assert_eq!(response.header("access-control-allow-origin"), Some("*"), "{status}");
    }
}
