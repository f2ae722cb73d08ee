//! Who signed a form, and what the signer lets it be.
//!
//! Sources: OSS "PostObject", appendices "Post Policy" and "Post Signature"; the `EC` pages 0006-*.

use super::{BUCKET, KEY, OLD, assert_untouched, send, server, signed};
use crate::support::form::{ANYTHING, FILE, Form, Signed, policy};
use crate::support::wire::refused;
use crate::support::{PRIVATE, PUBLIC_READ_WRITE, Server, Signer, clock};

const UNMET: &str = "0006-00000227";

/// A form with all that conditions can be about.
fn form() -> Form {
    Form::of("user/eric/${filename}")
        .field("success_action_status", "200")
        .field("x-oss-meta-level", "gold")
        .field("Cache-Control", "no-store")
}

#[test]
fn conditions_that_hold() {
    let server = server(PRIVATE);
    for condition in [
        r#"{"bucket": "forms"}"#,
        r#"{"key": "user/eric/${filename}"}"#,
        r#"["eq", "$key", "user/eric/\${filename}"]"#,
        r#"["eq", "$bucket", "forms"], ["starts-with", "$key", "user/"]"#,
        r#"["starts-with", "$x-oss-meta-level", ""]"#,
        r#"["in", "$content-type", ["image/png", "image/jpeg"]]"#,
        r#"["not-in", "$cache-control", ["no-cache"]]"#,
        r#"["content-length-range", 20, 20]"#,
        r#"{"Success_Action_Status": "200"}, {"X-OSS-Meta-Level": "gold"}"#,
    ] {
        for way in Signed::ALL {
            let response = send(&server, &signed(form(), way, condition));
            assert_eq!(response.status, 200, "{condition} {way:?}: {}", response.error());
        }
    }
    assert_eq!(server.content(BUCKET, "user/eric/photo.jpg").as_deref(), Some(FILE.as_bytes()));
}

/// Whatever else holds, one that does not is enough.
#[test]
fn conditions_that_do_not_hold() {
    let server = server(PUBLIC_READ_WRITE);
    let over = "0006-00000003";
    #[rustfmt::skip]
    let table = [
        ("another bucket",        r#"{"bucket": "form"}"#,                                403, UNMET),
        ("another key",           r#"{"key": "photo.jpg"}"#,                              403, UNMET),
        ("a key not made yet",    r#"["eq", "$key", "user/eric/photo.jpg"]"#,             403, UNMET),
        ("another begin",         r#"["starts-with", "$key", "user/john/"]"#,             403, UNMET),
        ("another case",          r#"["starts-with", "$key", "User/"]"#,                  403, UNMET),
        ("what is not there",     r#"["eq", "$x-oss-meta-none", ""]"#,                    403, UNMET),
        ("a begin not there",     r#"["starts-with", "$x-oss-meta-none", ""]"#,           403, UNMET),
        ("not the stored type",   r#"{"content-type": "text/plain"}"#,                    403, UNMET),
        ("not in the list",       r#"["in", "$cache-control", ["no-cache"]]"#,            403, UNMET),
        ("in the list",           r#"["not-in", "$cache-control", ["no-store"]]"#,        403, UNMET),
        ("one of many",           r#"{"bucket": "forms"}, ["starts-with", "$key", "user/"], {"success_action_status": "201"}"#, 403, UNMET),
        ("a byte too long",       r#"["content-length-range", 0, 19]"#,                   400, over),
        ("a byte too short",      r#"["content-length-range", 21, 100]"#,                 400, "0006-00000004"),
        ("the narrower range",    r#"["content-length-range", 0, 100], ["content-length-range", 0, 19]"#, 400, over),
        ("no list of conditions", r#"["content-length-range", 0, "many"]"#,               400, "0006-00000221"),
        ("a range of nothing",    r#"["content-length-range", 10, 1]"#,                   400, "0006-00000219"),
        ("a way not known",       r#"["ends-with", "$key", ".jpg"]"#,                     400, "0006-00000216"),
        ("half a condition",      r#"["eq", "$key"]"#,                                    400, "0006-00000218"),
        ("a number for a text",   r#"["eq", "$success_action_status", 200]"#,             400, "0006-00000224"),
        ("two in one",            r#"{"bucket": "forms", "key": "a"}"#,                   400, ""),
        ("no condition",          "",                                                     400, "0006-00000215"),
        ("no condition either",   "\"bucket\"",                                           400, "0006-00000222"),
        ("no JSON",               r#"{"bucket": "forms""#,                                400, "0006-00000201"),
    ];
    for (name, condition, status, ec) in table {
        for way in Signed::ALL {
            let response = send(&server, &signed(form(), way, condition));
            let (got, code, got_ec) = response.outcome();
            assert_eq!((got, got_ec.as_str()), (status, ec), "{name} {way:?}: {code}");
            let want = match ec {
                UNMET => "AccessDenied",
                "0006-00000003" => "EntityTooLarge",
                "0006-00000004" => "EntityTooSmall",
                _ => "InvalidPolicyDocument",
            };
            assert_eq!(code, want, "{name} {way:?}");
            assert_untouched(&server, name);
        }
    }
}

/// The wording of OSS's page of "0006-00000227".
#[test]
fn the_condition_that_fails_is_named() {
    let server = server(PRIVATE);
    let condition = r#"["eq", "$success_action_status", "201"]"#;
    let response = send(&server, &signed(form(), Signed::V4, condition));
    let message = response.element("Message").unwrap().replace("&quot;", "\"");
    let want = format!("Invalid according to Policy: Policy Condition failed: {condition}");
    assert_eq!(message, want);
}

/// A form, and what comes of it.
struct Row {
    name: &'static str,
    form: Form,
    status: u16,
    code: &'static str,
    ec: &'static str,
}

/// Forms that somebody else than the owner made, or that are no longer the owner's.
fn forgeries() -> Vec<Row> {
    let owner = Signer::owner();
    let by =
        |signer: &Signer, way: Signed| Form::of(KEY).signed(signer, way, &policy(3600, ANYTHING));
    let [v1, v4] = Signed::ALL.map(|way| by(&owner, way));
    let changed =
        |form: &Form, name: &str, value: &str| form.clone().without(name).field(name, value);
    let other_policy = v1.value("policy").replace('e', "f");
    let wrong = Signer { secret: "guessed".into(), ..owner.clone() };
    let nobody = Signer { id: "nobody".into(), ..owner.clone() };
    let beijing = Signer { region: "cn-beijing".into(), ..owner.clone() };
    let tomorrow = Signer { at: clock::now() + 86_400, ..owner.clone() };
    let ended = |way| Form::of(KEY).signed(&owner, way, &policy(-2, ANYTHING));
    let mut rows = Vec::new();
    let mut row = |name, form, (status, code, ec)| rows.push(Row { name, form, status, code, ec });

    let mismatch = (403, "SignatureDoesNotMatch", "0002-00000040");
    let argument = |ec| (400, "InvalidArgument", ec);
    for way in Signed::ALL {
        row("a wrong secret", by(&wrong, way), mismatch);
        row("an unknown key", by(&nobody, way), (403, "InvalidAccessKeyId", "0002-00000902"));
        row("an ended policy", ended(way), (403, "AccessDenied", "0006-00000213"));
    }
    row("V1 over another policy", changed(&v1, "policy", &other_policy), mismatch);
    row("V4 over another policy", changed(&v4, "policy", &other_policy), mismatch);
    row("V1 of V4", changed(&v1, "Signature", v4.value("x-oss-signature")), mismatch);
    row("an empty V1", changed(&v1, "Signature", ""), argument(""));
    row("V1 without a key", v1.clone().without("OSSAccessKeyId"), argument(""));
    row("V1 without a signature", v1.clone().without("Signature"), argument(""));
    row("V1 without a policy", v1.clone().without("policy"), argument("0002-00000702"));
    row("V1 with an empty policy", changed(&v1, "policy", ""), argument("0002-00000702"));
    row("a policy alone", Form::of(KEY).field("policy", v1.value("policy")), argument(""));
    row("V4 without a policy", v4.clone().without("policy"), argument("0002-00000702"));
    row(
        "V4 without its version",
        v4.clone().without("x-oss-signature-version"),
        argument("0002-00000002"),
    );
    row(
        "V4 without a credential",
        v4.clone().without("x-oss-credential"),
        argument("0002-00000213"),
    );
    row("V4 without a date", v4.clone().without("x-oss-date"), argument(""));
    row("V4 of another region", by(&beijing, Signed::V4), argument(""));
    row("V4 of tomorrow", by(&tomorrow, Signed::V4), (403, "AccessDenied", "0002-00000235"));
    row("both", v4.clone().field("Signature", v1.value("Signature")), argument(""));
    row("another vendor's", v1.field("AWSAccessKeyId", "a"), argument("0002-00000002"));
    rows
}

/// Also where everybody may write: a signature that is there must hold.
#[test]
fn a_signature_that_does_not_hold_opens_nothing() {
    for acl in [PRIVATE, PUBLIC_READ_WRITE] {
        let server = server(acl);
        for Row { name, form, status, code, ec } in forgeries() {
            let want = (status, code.to_owned(), ec.to_owned());
            assert_eq!(send(&server, &form).outcome(), want, "{name} on {acl}");
            assert_untouched(&server, name);
        }
    }
}

/// What the owner signed for one bucket is no key to another, if it says so.
#[test]
fn a_form_for_one_bucket_is_none_for_another() {
    let server = server(PRIVATE);
    server.bucket("another", PRIVATE);
    let form =
        signed(Form::of(KEY), Signed::V4, r#"{"bucket": "another"}, ["starts-with", "$key", ""]"#);
    assert_eq!(send(&server, &form).code(), refused(403, "AccessDenied"));
    assert_untouched(&server, "a form for another bucket");
    assert_eq!(server.send(&form.to("another")).status, 204);
    assert_eq!(server.content(BUCKET, KEY).as_deref(), Some(OLD.as_bytes()));
}

/// None of a file that is too long is kept. Most clients listen when they have sent everything, so
/// it is read all the same.
#[test]
fn a_file_that_is_too_long_leaves_nothing() {
    let server = server(PRIVATE);
    let file = vec![b'x'; 4 << 20];
    let form =
        signed(Form::of("new").file(file), Signed::V1, r#"["content-length-range", 0, 100000]"#);
    assert_eq!(send(&server, &form).code(), refused(400, "EntityTooLarge"));
    assert_untouched(&server, "too long");
    assert_eq!(blobs(&server), 1);
}

/// How many files hold contents.
fn blobs(server: &Server) -> usize {
    fn files(folder: &std::path::Path) -> usize {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
    }
    files(&server.data_dir().join("blobs"))
}
