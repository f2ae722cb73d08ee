//! Forms that are none, or not whole, or too much: nothing is stored.
//!
//! Sources: RFC 7578; RFC 2046, section 5.1; OSS "PostObject" and the `EC` pages 0006-*.

use super::{BUCKET, KEY, assert_untouched, send, server};
use crate::support::form::{BOUNDARY, FILE, Form};
use crate::support::wire::refused;
use crate::support::{PRIVATE, PUBLIC_READ_WRITE, Request, Response, Server};

const BEHIND: &str = "0006-00000103";
const INCOMPLETE: &str = "0006-00000104";

fn form() -> Form {
    Form::of(KEY)
}

/// Sends bytes as a form.
fn send_bytes(server: &Server, body: &[u8]) -> Response {
    server.send(&Request { body: Some(body.to_vec()), ..form().to(BUCKET) })
}

#[test]
fn forms_with_wrong_fields() {
    let server = server(PUBLIC_READ_WRITE);
    let long = "x".repeat(32 * 1024 + 1);
    let third = "x".repeat(32 * 1024);
    let two_files = "\r\n--9431149156168\r\nContent-Disposition: form-data; name=\"FILE\"\r\n\r\nx";
    let many = (0..10_000).fold(form(), |form, n| form.field(&format!("x-oss-meta-{n}"), ""));
    #[rustfmt::skip]
    let table = [
        ("nothing",               Form::empty(),                                          "MalformedPOSTRequest", INCOMPLETE),
        ("no file",               Form::empty().field("key", KEY),                        "MalformedPOSTRequest", INCOMPLETE),
        ("no key",                Form::empty().file(FILE),                               "IncorrectNumberOfFilesInPOSTRequest", ""),
        ("the key behind it",     Form::empty().file(FILE).behind("key", KEY),            "IncorrectNumberOfFilesInPOSTRequest", ""),
        ("the policy behind it",  form().behind("policy", "e30="),                        "MalformedPOSTRequest", BEHIND),
        ("an ACL behind it",      form().behind("x-oss-object-acl", "private"),           "MalformedPOSTRequest", BEHIND),
        ("no overwriting behind", form().behind("x-oss-forbid-overwrite", "true"),        "MalformedPOSTRequest", BEHIND),
        ("one behind the button", form().behind("submit", "Upload").behind("key", KEY),   "MalformedPOSTRequest", BEHIND),
        ("two files",             form().file(format!("x{two_files}")),                   "IncorrectNumberOfFilesInPOSTRequest", ""),
        ("two keys",              form().field("key", "another"),                         "InvalidArgument", ""),
        ("two keys of any case",  form().field("KEY", "another"),                         "InvalidArgument", ""),
        ("two policies",          form().field("policy", "a").field("Policy", "a"),       "InvalidArgument", ""),
        ("two that mean nothing", form().field("a", "").field("a", ""),                   "InvalidArgument", ""),
        ("an empty key",          Form::of(""),                                           "InvalidObjectName", ""),
        ("a key with a slash",    Form::of("/a"),                                         "InvalidObjectName", ""),
        ("a key of 1024 bytes",   Form::of(&"k".repeat(1024)),                            "InvalidObjectName", ""),
        ("no name in the key",    Form::of("${filename}").file_as("", FILE),              "InvalidObjectName", ""),
        ("a giant value",         form().field("a", &long),                               "FieldItemTooLong", ""),
        ("a giant button",        form().behind("submit", &long),                         "FieldItemTooLong", ""),
        ("a giant name",          form().field(&"n".repeat(12 * 1024), ""),               "FieldItemTooLong", "0006-00000110"),
        ("a giant file name",     form().file_as(&format!("; filename=\"{long}\""), "x"), "FieldItemTooLong", "0006-00000110"),
        ("three large ones",      form().field("a", &third).field("b", &third).field("c", &third), "MaxPOSTPreDataLengthExceededError", "0006-00000112"),
        ("10 000 fields",         many,                                                   "MaxPOSTPreDataLengthExceededError", "0006-00000112"),
        ("a line break in a name", form().field("a\r\nX-Y: z", ""),                       "MalformedPOSTRequest", ""),
        ("an empty name",         form().field("", ""),                                   "MalformedPOSTRequest", ""),
        ("a quote in a name",     form().field("a\"b", ""),                               "MalformedPOSTRequest", ""),
        ("another name",          form().field("a\"; name=\"key", ""),                    "MalformedPOSTRequest", ""),
        ("two dispositions",      form().file_as("\r\nContent-Disposition: form-data; name=\"a\"", ""), "MalformedPOSTRequest", ""),
        ("a boundary in a value", form().field("a", "x\r\n--9431149156168 x"),            "MalformedPOSTRequest", ""),
        ("an end in a value",     form().field("a", "x\r\n--9431149156168--"),            "MalformedPOSTRequest", INCOMPLETE),
        ("an end in the file",    form().file("x\r\n--9431149156168--"),                  "MalformedPOSTRequest", ""),
    ];
    for (name, form, code, ec) in table {
        let response = send(&server, &form);
        let want = (400, code.to_owned(), ec.to_owned());
        assert_eq!(response.outcome(), want, "{name}: {}", response.error());
        assert_untouched(&server, name);
    }
    assert_eq!(send(&server, &form().behind("submit", "Upload to OSS")).status, 204);
}

#[test]
fn bodies_that_are_no_forms() {
    let server = server(PUBLIC_READ_WRITE);
    let whole = form().bytes();
    let text = String::from_utf8(whole.clone()).unwrap();
    let changed = |from: &str, to: &str| text.replace(from, to).into_bytes();
    let latin1 = [
        &b"--9431149156168\r\nContent-Disposition: form-data; name=\"\xe9\"\r\n\r\n\r\n"[..],
        &whole,
    ]
    .concat();
    let line_feeds = changed("\r\n", "\n");
    #[rustfmt::skip]
    let table: [(&str, Vec<u8>, &str); 10] = [
        ("no bytes",                   Vec::new(),                                        INCOMPLETE),
        ("something else",             b"{\"key\": \"photo.jpg\"}".to_vec(),              ""),
        ("something before it",        [b"x", &whole[..]].concat(),                       ""),
        ("something behind it",        [&whole[..], b"x"].concat(),                       ""),
        ("a second form behind it",    [&whole[..], &whole[..]].concat(),                 ""),
        ("line feeds alone",           line_feeds,                                        ""),
        ("another boundary",           changed(BOUNDARY, "9431149156169"),                ""),
        ("not UTF-8",                  latin1,                                            ""),
        ("no disposition",             changed("Content-Disposition", "X-Disposition"),   ""),
        ("no form data",               changed("form-data", "attachment"),                ""),
    ];
    for (name, body, ec) in table {
        let response = send_bytes(&server, &body);
        let want = (400, "MalformedPOSTRequest".to_owned(), ec.to_owned());
        assert_eq!(response.outcome(), want, "{name}: {}", response.error());
        assert_untouched(&server, name);
    }
    // Wherever it is cut, it is not whole.
    for end in (0..whole.len() - 4).step_by(7) {
        let response = send_bytes(&server, &whole[..end]);
        let want = (400, "MalformedPOSTRequest".to_owned(), INCOMPLETE.to_owned());
        assert_eq!(response.outcome(), want, "cut at {end}");
    }
    assert_untouched(&server, "forms that were cut");
}

#[test]
fn content_types() {
    let server = server(PUBLIC_READ_WRITE);
    let send = |kinds: &[&str]| {
        let mut request = form().to(BUCKET);
        request.headers.clear();
        server
            .send(&kinds.iter().fold(request, |request, kind| request.header("Content-Type", kind)))
    };
    let none = "RequestIsNotMultiPartContent";
    let malformed = "MalformedPOSTRequest";
    let long = format!("multipart/form-data; boundary={}", "b".repeat(71));
    #[rustfmt::skip]
    let table: [(&str, &[&str], &str); 11] = [
        ("none",              &[],                                                    none),
        ("of a plain form",   &["application/x-www-form-urlencoded"],                 none),
        ("of another kind",   &["multipart/mixed; boundary=9431149156168"],           none),
        ("a longer name",     &["multipart/form-database; boundary=9431149156168"],   none),
        ("no boundary",       &["multipart/form-data"],                               malformed),
        ("an empty boundary", &["multipart/form-data; boundary="],                    malformed),
        ("a long boundary",   &[&long],                                               malformed),
        ("two boundaries",    &["multipart/form-data; boundary=a; boundary=9431149156168"], malformed),
        ("an open quote",     &["multipart/form-data; boundary=\"9431149156168"],     malformed),
        ("a comma",           &["multipart/form-data, boundary=9431149156168"],       none),
        ("two types",         &["multipart/form-data; boundary=a", "multipart/form-data; boundary=9431149156168"], "InvalidArgument"),
    ];
    for (name, kinds, code) in table {
        assert_eq!(send(kinds).code(), refused(400, code), "{name}");
        assert_untouched(&server, name);
    }
    for kind in [
        "multipart/form-data; boundary=\"9431149156168\"",
        "Multipart/Form-Data;boundary=9431149156168",
        "multipart/form-data; charset=utf-8; BOUNDARY=9431149156168",
    ] {
        assert_eq!(send(&[kind]).status, 204, "{kind}");
    }
}

/// A form that needs no right tells no stranger more than one that has it.
#[test]
fn what_is_wrong_is_said_before_who_may() {
    let server = server(PRIVATE);
    let response = send(&server, &Form::empty().field("key", KEY));
    assert_eq!(response.code(), refused(400, "MalformedPOSTRequest"));
    assert_eq!(send(&server, &form()).code(), refused(403, "AccessDenied"));
    assert_untouched(&server, "a stranger's form");
}

/// Whether the client goes on listening, or has nothing more to say.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Open,
    Torn,
}

/// A head by hand, and something behind it.
fn by_hand(server: &Server, (fields, body): (&str, &[u8]), ending: Ending) -> Option<Response> {
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    let head =
        format!("POST /{BUCKET}/ HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\n{fields}\r\n");
    let mut connection = server.connect();
    connection.write(&[head.as_bytes(), body].concat());
    if ending == Ending::Torn {
        connection.finish_writing();
    }
    connection.answer("POST")
}

#[test]
fn lengths() {
    let server = server(PUBLIC_READ_WRITE);
    let whole = form().bytes();
    let answer =
        |fields: &str, body: &[u8]| by_hand(&server, (fields, body), Ending::Open).unwrap();
    let torn = |fields: &str, body: &[u8]| {
        // There may be nobody left to tell.
        let response = by_hand(&server, (fields, body), Ending::Torn);
        assert!(response.is_none_or(|response| response.status == 400), "{fields}");
        assert_untouched(&server, "a form that was torn");
    };
    assert_eq!(answer("", b"").code(), refused(411, "MissingContentLength"));
    let length = format!("Content-Length: {}\r\n", (5_u64 << 30) + (1 << 20) + 1);
    assert_eq!(answer(&length, b"").code(), refused(400, "EntityTooLarge"));
    assert_untouched(&server, "lengths");
    torn(&format!("Content-Length: {}\r\n", whole.len() + 1), &whole);

    let chunk =
        |bytes: &[u8]| [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
    let chunks: Vec<u8> = whole.chunks(7).flat_map(chunk).collect();
    let chunked = "Transfer-Encoding: chunked\r\n";
    torn(chunked, &chunks);
    let response = answer(chunked, &[&chunks[..], b"0\r\n\r\n"].concat());
    assert_eq!(response.status, 204, "{}", response.error());
    assert_eq!(server.content(BUCKET, KEY).as_deref(), Some(FILE.as_bytes()));
}
