//! Uploads by HTML forms.
//!
//! Source: OSS "PostObject" with its appendices.

mod policies;
mod referers;
mod senders;
mod shapes;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};

use crate::support::form::{ANYTHING, FILE, Form, Signed, policy};
use crate::support::wire::refused;
use crate::support::{
    Channel, PRIVATE, PUBLIC_READ, PUBLIC_READ_WRITE, Request, Response, Server, Signer,
};

const BUCKET: &str = "forms";
const KEY: &str = "photo.jpg";
const OLD: &str = "what was there";

/// A server with an object that no refused form may change.
fn server(acl: &str) -> Server {
    let server = Server::start();
    server.bucket(BUCKET, acl);
    server.done(Request::put(BUCKET, KEY, OLD).header("x-oss-meta-kept", "yes"));
    server
}

fn send(server: &Server, form: &Form) -> Response {
    server.send(&form.to(BUCKET))
}

fn assert_untouched(server: &Server, name: &str) {
    let response = server.done(Request::get(BUCKET, KEY));
    assert_eq!(response.body, OLD.as_bytes(), "{name}");
    assert_eq!(response.header("x-oss-meta-kept"), Some("yes"), "{name}");
    assert_eq!(server.keys(BUCKET), [KEY], "{name}");
}

fn signed(form: Form, signed: Signed, conditions: &str) -> Form {
    form.signed(&Signer::owner(), signed, &policy(3600, conditions))
}

#[test]
fn a_form_is_stored_with_all_that_it_says() {
    let server = server(PRIVATE);
    let form = Form::of("a/${filename}")
        .field("Content-Type", "text/plain")
        .field("Cache-Control", "no-cache")
        .field("Content-Disposition", "attachment; filename=a.jpg")
        .field("Content-Encoding", "identity")
        .field("Expires", "Wed, 21 Oct 2037 07:28:00 GMT")
        .field("x-oss-meta-author", "Zoë")
        .field("x-oss-storage-class", "IA")
        .field("x-oss-object-acl", "public-read")
        .field("x-oss-tagging", "a=1&b=2")
        .field("a-field-that-means-nothing", "to OSS")
        .field("submit", "Upload");
    for way in Signed::ALL {
        let response = send(&server, &signed(form.clone(), way, ANYTHING));
        assert_eq!(response.status, 204, "{way:?}: {}", response.error());
        let tag = format!("\"{}\"", hex::encode_upper(Md5::digest(FILE)));
        assert_eq!(response.header("etag"), Some(tag.as_str()), "{way:?}");
        assert!(response.header("x-oss-hash-crc64ecma").is_some(), "{way:?}");

        // The ACL of the object lets everybody read it.
        let stored = server.send(&Request::get(BUCKET, "a/photo.jpg"));
        assert_eq!((stored.status, &stored.body[..]), (200, FILE.as_bytes()), "{way:?}");
        for (name, want) in [
            ("etag", tag.as_str()),
            // The browser knows it better than the page.
            ("content-type", "image/jpeg"),
            ("cache-control", "no-cache"),
            ("content-disposition", "attachment; filename=a.jpg"),
            ("content-encoding", "identity"),
            ("expires", "Wed, 21 Oct 2037 07:28:00 GMT"),
            ("x-oss-storage-class", "IA"),
        ] {
            assert_eq!(stored.header(name), Some(want), "{way:?}: {name}");
        }
        let author = stored.header("x-oss-meta-author").unwrap();
        assert_eq!(author, "Zoë", "{way:?}");
        let tags = server.done(Request::get(BUCKET, "a/photo.jpg").query("tagging", ""));
        assert!(tags.error().contains("<Key>b</Key><Value>2</Value>"), "{way:?}");
        server.done(Request::object("DELETE", BUCKET, "a/photo.jpg"));
    }
}

#[test]
fn a_file_has_any_bytes_and_any_name() {
    let server = server(PUBLIC_READ_WRITE);
    let delimiter = b"\r\n--9431149156168";
    let table: [(&str, Vec<u8>); 5] = [
        ("nothing", Vec::new()),
        ("all bytes", (0..=255).cycle().take(300_000).collect()),
        ("nearly a delimiter", [&delimiter[..delimiter.len() - 1], b"\r\n--"].concat()),
        ("line breaks", b"\r\n".repeat(1000)),
        ("a delimiter without its line break", delimiter[2..].repeat(1000)),
    ];
    for (name, content) in table {
        let form = Form::of("new").file(&content);
        assert_eq!(send(&server, &form).status, 204, "{name}");
        assert!(server.done(Request::get(BUCKET, "new")).body == content, "{name}");
    }
    for (head, key) in [
        ("; filename=\"Straße %22x%22.jpg\"", "Straße %22x%22.jpg"),
        ("; filename=\"C:\\pictures\\a.jpg\"", "a.jpg"),
        ("; filename=\"../../etc/b.jpg\"", "b.jpg"),
    ] {
        let form = Form::of("${filename}").file_as(head, "x");
        assert_eq!(send(&server, &form).status, 204, "{head}");
        assert!(server.content(BUCKET, key).is_some(), "{head}");
    }
}

#[test]
fn what_the_client_gets() {
    let server = server(PUBLIC_READ_WRITE);
    let etag = format!("\"{}\"", hex::encode_upper(Md5::digest(FILE)));
    let form = || Form::of("a/b &c.jpg");
    for (status, want) in [("200", 200), ("204", 204), ("404", 204), ("", 204), ("2000", 204)] {
        let response = send(&server, &form().field("success_action_status", status));
        assert_eq!((response.status, response.body.len()), (want, 0), "{status:?}");
        assert_eq!(response.header("etag"), Some(etag.as_str()), "{status:?}");
    }

    let response = send(&server, &form().field("success_action_status", "201"));
    assert_eq!(response.status, 201);
    assert_eq!(response.header("content-type"), Some("application/xml"));
    assert_eq!(response.element("Bucket").as_deref(), Some(BUCKET));
    assert_eq!(response.element("Key").as_deref(), Some("a/b &amp;c.jpg"));
    assert_eq!(response.element("ETag"), Some(etag));
    let location = format!("http://{}/{BUCKET}/a/b%20%26c.jpg", server.data);
    assert_eq!(response.element("Location"), Some(location));

    let to = |url: &str| form().field("success_action_redirect", url);
    let digest = hex::encode_upper(Md5::digest(FILE));
    let said = format!("bucket={BUCKET}&key=a%2Fb%20%26c.jpg&etag=%22{digest}%22");
    for (url, want) in [
        ("http://page.example/done", format!("http://page.example/done?{said}")),
        ("https://page.example/done?a=b#c", format!("https://page.example/done?a=b&{said}#c")),
    ] {
        // It is the last word, and nothing else counts.
        let response = send(&server, &to(url).field("success_action_status", "201"));
        assert_eq!((response.status, response.body.len()), (303, 0), "{url}");
        assert_eq!(response.header("location"), Some(want.as_str()));
    }
    server.done(Request::object("DELETE", BUCKET, "a/b &c.jpg"));
    for url in
        ["javascript:alert(1)", "/done", "//a.com/", "ftp://a.com/", "http://", "http://a/\u{0}"]
    {
        assert_eq!(send(&server, &to(url)).code(), refused(400, "InvalidArgument"), "{url:?}");
    }
    for url in ["http://a.com/\r\nSet-Cookie: a=b", "http://a.com/\nx", "http://a.com/ x"] {
        assert_eq!(send(&server, &to(url)).code(), refused(400, "InvalidArgument"), "{url:?}");
    }
    assert_untouched(&server, "redirects");
}

/// What a form asks for that a stranger may not, or that is not there, is not passed over.
#[test]
fn fields_that_are_refused() {
    let server = server(PUBLIC_READ_WRITE);
    let md5 = STANDARD.encode(Md5::digest(OLD));
    let metadata = "x".repeat(8 * 1024);
    #[rustfmt::skip]
    let table = [
        ("another MD5",         "Content-MD5",                     md5.as_str(),  400, "InvalidDigest",      ""),
        ("no MD5",              "Content-MD5",                     "*",           400, "InvalidDigest",      ""),
        ("no overwriting",      "x-oss-forbid-overwrite",          "true",        409, "FileAlreadyExists",  ""),
        ("neither yes nor no",  "x-oss-forbid-overwrite",          "yes",         400, "InvalidArgument",    "0006-00000117"),
        ("encryption",          "x-oss-server-side-encryption",    "AES256",      501, "NotImplemented",     ""),
        ("a callback",          "callback",                        "e30=",        501, "NotImplemented",     ""),
        ("OSS's other name",    "x-oss-callback",                  "e30=",        501, "NotImplemented",     ""),
        ("for a callback",      "callback-var",                    "e30=",        501, "NotImplemented",     ""),
        ("an archive",          "x-oss-storage-class",             "Archive",     501, "NotImplemented",     ""),
        ("no class",            "X-OSS-Storage-Class",             "Cheap",       501, "NotImplemented",     ""),
        ("an ACL",              "x-oss-object-acl",                "private",     403, "AccessDenied",       "0003-00000008"),
        ("no ACL",              "x-oss-object-acl",                "everybody",   403, "AccessDenied",       "0003-00000008"),
        ("a tag",               "x-oss-tagging",                   "a=b",         403, "AccessDenied",       ""),
        ("much metadata",       "x-oss-meta-a",                    &metadata,     400, "MetadataTooLarge",   ""),
        ("a header in a value", "x-oss-meta-a",                    "b\r\nC: d",   400, "InvalidArgument",    ""),
        ("a header in a type",  "x-oss-content-type",              "a/b\r\nC: d", 400, "InvalidArgument",    ""),
        ("no name of a header", "x-oss-meta-a b",                  "c",           400, "InvalidArgument",    ""),
        ("a control character", "Cache-Control",                   "a\u{7f}b",    400, "InvalidArgument",    ""),
    ];
    for (name, field, value, status, code, ec) in table {
        let response = send(&server, &Form::of(KEY).field(field, value));
        let want = (status, code.to_owned(), ec.to_owned());
        assert_eq!(response.outcome(), want, "{name}: {}", response.error());
        assert_untouched(&server, name);
    }
    // Of the head of the request, too, and what counts for a page counts for the object.
    let form = || Form::of(KEY).to(BUCKET);
    let md5 = STANDARD.encode(Md5::digest(FILE));
    for (name, request, status, code) in [
        (
            "encryption in the head",
            form().header("x-oss-server-side-encryption", "KMS"),
            501,
            "NotImplemented",
        ),
        ("a callback in the query", form().query("callback", "e30="), 501, "NotImplemented"),
        ("an ACL in the head", form().header("x-oss-object-acl", "private"), 403, "AccessDenied"),
        (
            "the MD5 of the file in the head",
            form().header("Content-MD5", &md5),
            400,
            "InvalidDigest",
        ),
    ] {
        assert_eq!(server.send(&request).code(), refused(status, code), "{name}");
        assert_untouched(&server, name);
    }
}

#[test]
fn digests_that_fit_are_taken() {
    let server = server(PUBLIC_READ_WRITE);
    let of_file = STANDARD.encode(Md5::digest(FILE));
    let form = Form::of("new").field("Content-MD5", &of_file);
    let of_body = STANDARD.encode(Md5::digest(form.bytes()));
    // Of the head it is the digest of the body, as in any request.
    let response = server.send(&form.to(BUCKET).header("Content-MD5", &of_body));
    assert_eq!(response.status, 204, "{}", response.error());
    assert_eq!(response.header("content-md5"), Some(of_file.as_str()));
}

#[test]
fn an_acl_may_stand_in_the_head_and_the_policy_is_asked_about_it() {
    let server = server(PRIVATE);
    let private = r#"["eq", "$x-oss-object-acl", "private"]"#;
    let form = signed(Form::of("new"), Signed::V1, private);
    let with = |acl: &str| form.to(BUCKET).header("x-oss-object-acl", acl);
    assert_eq!(server.send(&with("public-read")).outcome().2, "0006-00000227");
    assert_eq!(server.send(&with("private")).status, 204);
    let acl = server.done(Request::get(BUCKET, "new").query("acl", ""));
    assert_eq!(acl.element("Grant").as_deref(), Some("private"));
}

/// Who may write may send a form; who may not, may not; and a key in its fields is the only one.
#[test]
fn strangers_need_a_bucket_that_everybody_may_write() {
    for (acl, status) in [(PRIVATE, 403), (PUBLIC_READ, 403), (PUBLIC_READ_WRITE, 204)] {
        let server = server(acl);
        let response = send(&server, &Form::of("new"));
        assert_eq!(response.status, status, "{acl}");
        if status == 403 {
            assert_eq!(response.outcome().2, "0003-00000001", "{acl}");
            assert_untouched(&server, acl);
        }
        for channel in Channel::SIGNED {
            let request = Signer::owner().sign(channel, Form::of("by-head").to(BUCKET));
            assert_eq!(server.send(&request).status, status, "{acl}, {channel:?}");
        }
        // The page's own token is nothing that OSS knows, or minds.
        let request = Form::of("new").by_owner().to(BUCKET).header("Authorization", "Bearer x");
        assert_eq!(server.send(&request).status, 204, "{acl}");
    }
}

#[test]
fn the_bucket_is_looked_for_before_the_form_is_read() {
    let server = server(PRIVATE);
    let response = server.send(&Form::of("a").by_owner().to("nowhere"));
    assert_eq!(response.code(), refused(404, "NoSuchBucket"));
    // A form goes to a bucket: an object has its key in the path already.
    let to_object = Request { key: Some(KEY.into()), ..Form::of("a").by_owner().to(BUCKET) };
    assert_eq!(server.send(&to_object).status, 405);
    assert_untouched(&server, "a form for an object");
}
