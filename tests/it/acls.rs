//! ACLs of objects.
//!
//! Sources: OSS "PutObjectACL" (an object's ACL overrules its bucket's, `default` inherits, what
//! counts as reading and writing), "GetObjectACL", the pages of the EC numbers. That an answer does
//! not tell whether an object is there is ours.

use crate::support::server::Start;
use crate::support::wire::refused;
use crate::support::{
    Channel, PRIVATE, PUBLIC_READ, PUBLIC_READ_WRITE, Request, Response, Server, Signer,
};

const BUCKET: &str = "acls";
const KEY: &str = "object";
const DEFAULT: &str = "default";
const BUCKET_ACLS: [&str; 3] = [PRIVATE, PUBLIC_READ, PUBLIC_READ_WRITE];

fn server(acl: &str) -> Server {
    let server = Server::start();
    server.bucket(BUCKET, acl);
    server
}

fn put(acl: &str) -> Request {
    Request::put(BUCKET, KEY, "content").header("x-oss-object-acl", acl)
}

fn put_acl(acl: &str) -> Request {
    let request = Request::object("PUT", BUCKET, KEY).query("acl", "");
    request.header("x-oss-object-acl", acl).body("")
}

fn acl_of(server: &Server, key: &str) -> String {
    let response = server.done(Request::get(BUCKET, key).query("acl", ""));
    response.element("Grant").unwrap()
}

/// The rights of strangers by ACL: reading, and writing.
fn rights(acl: &str) -> (bool, bool) {
    (acl != PRIVATE, acl == PUBLIC_READ_WRITE)
}

#[test]
fn the_acl_of_an_object_overrules_that_of_its_bucket() {
    let server = server(PRIVATE);
    for bucket_acl in BUCKET_ACLS {
        server.bucket(BUCKET, bucket_acl);
        for acl in [DEFAULT, PRIVATE, PUBLIC_READ, PUBLIC_READ_WRITE] {
            let (reads, writes) = rights(if acl == DEFAULT { bucket_acl } else { acl });
            let (bucket_reads, bucket_writes) = rights(bucket_acl);
            #[rustfmt::skip]
            let table = [
                ("GET",    Request::get(BUCKET, KEY),                    reads,  bucket_reads),
                ("HEAD",   Request::object("HEAD", BUCKET, KEY),         reads,  bucket_reads),
                ("PUT",    Request::put(BUCKET, KEY, "a stranger's"),    writes, bucket_writes),
                ("DELETE", Request::object("DELETE", BUCKET, KEY),       writes, bucket_writes),
            ];
            for (method, request, granted, by_bucket) in table {
                // Set in both ways there are.
                server.done(put(DEFAULT));
                server.done(if method == "GET" { put(acl) } else { put_acl(acl) });
                let name = format!("{method} of {acl} in {bucket_acl}");
                let response = server.send(&request);
                if granted {
                    assert!(response.status < 300, "{name}");
                    continue;
                }
                let want = match (by_bucket, method) {
                    (false, _) => "You have no right to access this object because of bucket acl.",
                    (true, "GET" | "HEAD") => "You do not have read permission on this object.",
                    (true, _) => "You do not have write permission on this object.",
                };
                assert_eq!(response.code(), refused(403, "AccessDenied"), "{name}");
                assert_eq!(response.element("Message").as_deref(), Some(want), "{name}");
                assert_eq!(server.content(BUCKET, KEY).as_deref(), Some(&b"content"[..]), "{name}");
            }
        }
    }
}

/// Everything of an answer but what differs from one to the next.
fn without_request_id(response: &Response) -> (u16, Vec<(String, String)>, String) {
    let id = response.header("x-oss-request-id").unwrap();
    let text = response.error().replace(id, "");
    let vary = ["x-oss-request-id", "x-oss-server-time", "date", "x-oss-err"];
    let mut headers = response.headers.clone();
    headers.retain(|(name, _)| !vary.contains(&name.as_str()));
    (response.status, headers, text)
}

#[test]
fn a_private_bucket_does_not_tell_what_it_holds() {
    let server = server(PRIVATE);
    server.done(Request::put(BUCKET, "open", "content").header("x-oss-object-acl", PUBLIC_READ));
    for acl in [DEFAULT, PRIVATE] {
        server.done(put(acl));
        for method in ["GET", "HEAD", "PUT", "DELETE"] {
            let ask = |key| {
                let request = Request::object(method, BUCKET, key);
                server.send(&if method == "PUT" { request.body("") } else { request })
            };
            let (there, missing) = (ask(KEY), ask("absent"));
            let shown = (without_request_id(&there), without_request_id(&missing));
            assert_eq!(shown.0, shown.1, "{method} of {acl}");
            assert_eq!(there.header("x-oss-ec"), Some("0003-00000001"), "{method} of {acl}");
        }
    }
    assert_eq!(server.send(&Request::get(BUCKET, "open")).status, 200);
}

#[test]
fn an_acl_goes_with_the_version_that_had_it() {
    let server = server(PRIVATE);
    let copy = || {
        let request = Request::object("PUT", BUCKET, KEY).body("");
        request.header("x-oss-copy-source", "/acls/source")
    };
    server.done(Request::put(BUCKET, "source", "content").header("x-oss-object-acl", PUBLIC_READ));
    let link = Request::object("PUT", BUCKET, KEY).query("symlink", "").body("");
    let link = link.header("x-oss-symlink-target", "source");
    for (name, write) in [
        ("an upload", Request::put(BUCKET, KEY, "new")),
        ("a copy, which has not its source's", copy()),
        ("a symlink", link),
    ] {
        server.done(put(PUBLIC_READ_WRITE));
        assert_eq!(acl_of(&server, KEY), PUBLIC_READ_WRITE);
        server.done(write.clone());
        assert_eq!(acl_of(&server, KEY), DEFAULT, "{name}");
        assert_eq!(server.send(&Request::get(BUCKET, KEY)).status, 403, "{name}");
        server.done(write.header("x-oss-object-acl", PUBLIC_READ));
        assert_eq!(acl_of(&server, KEY), PUBLIC_READ, "{name}");
    }
    // Deleted, and made anew.
    server.done(put(PUBLIC_READ));
    server.done(Request::object("DELETE", BUCKET, KEY));
    server.done(Request::put(BUCKET, KEY, "new"));
    assert_eq!(acl_of(&server, KEY), DEFAULT);
}

/// SDKs change the headers of an object by copying it onto itself: that does not open it.
#[test]
fn an_object_that_is_copied_onto_itself_keeps_its_acl() {
    let server = server(PUBLIC_READ_WRITE);
    let itself = || {
        let request = Request::object("PUT", BUCKET, KEY).header("x-oss-meta-a", "new").body("");
        request.header("x-oss-copy-source", "/acls/object")
    };
    for acl in [DEFAULT, PRIVATE, PUBLIC_READ, PUBLIC_READ_WRITE] {
        server.done(put(acl));
        let changed = server.done(itself());
        assert_eq!(changed.status, 200);
        assert_eq!(acl_of(&server, KEY), acl);
        let shown = server.done(Request::get(BUCKET, KEY));
        assert_eq!(shown.header("x-oss-meta-a"), Some("new"), "{acl}");
        let reads = server.send(&Request::get(BUCKET, KEY)).status == 200;
        assert_eq!(reads, acl != PRIVATE, "{acl}");
    }
    for acl in [PRIVATE, DEFAULT, PUBLIC_READ] {
        server.done(put(PUBLIC_READ_WRITE));
        server.done(itself().header("x-oss-object-acl", acl));
        assert_eq!(acl_of(&server, KEY), acl, "the request's own");
    }
}

#[test]
fn changing_an_acl_changes_nothing_else() {
    let server = server(PRIVATE);
    server.done(put(DEFAULT).header("x-oss-meta-kept", "yes").header("x-oss-tagging", "a=b"));
    let before = server.done(Request::get(BUCKET, KEY));
    server.done(put_acl(PUBLIC_READ));
    let after = server.done(Request::get(BUCKET, KEY));
    assert_eq!(without_request_id(&before), without_request_id(&after));
    assert_eq!(before.body, after.body);
    let response = server.done(Request::get(BUCKET, KEY).query("acl", ""));
    assert_eq!(response.element("ID"), response.element("DisplayName"));
    assert_eq!(response.header("content-type"), Some("application/xml"));
}

#[test]
fn acls_that_are_none() {
    let server = server(PRIVATE);
    server.done(put(PUBLIC_READ));
    let bare = Request::object("PUT", BUCKET, KEY).query("acl", "").body("");
    #[rustfmt::skip]
    let table = [
        ("no header",        bare,                   400, "MissingArgument", "0017-00000105"),
        ("an empty one",     put_acl(""),            400, "MissingArgument", "0017-00000105"),
        ("another word",     put_acl("public"),      400, "InvalidArgument", ""),
        ("in capitals",      put_acl("Private"),     400, "InvalidArgument", ""),
        ("on an upload",     put("public"),          400, "InvalidArgument", ""),
    ];
    for (name, request, status, code, ec) in table {
        let got = server.owner(request).outcome();
        assert_eq!(got, (status, code.to_owned(), ec.to_owned()), "{name}");
        assert_eq!(acl_of(&server, KEY), PUBLIC_READ, "{name}");
    }
    for request in [
        Request::get(BUCKET, "absent").query("acl", ""),
        Request { key: Some("absent".into()), ..put_acl(PRIVATE) },
    ] {
        assert_eq!(server.owner(request).code(), refused(404, "NoSuchKey"));
    }
}

/// Whoever may write an object may not say who else may: that is the owner's.
#[test]
fn strangers_neither_see_nor_set_acls() {
    let server = server(PUBLIC_READ_WRITE);
    server.done(put(PUBLIC_READ_WRITE));
    let denied = |ec: &str| (403, "AccessDenied".to_owned(), ec.to_owned());
    let ask = |request: Request| server.send(&request).outcome();
    assert_eq!(ask(Request::get(BUCKET, KEY).query("acl", "")), denied("0003-00000007"));
    assert_eq!(ask(put_acl(PRIVATE)), denied("0003-00000008"));
    assert_eq!(ask(put(PRIVATE)), denied("0003-00000008"), "with an upload");
    let copy = Request::object("PUT", BUCKET, KEY).header("x-oss-copy-source", "/acls/object");
    let copy = copy.header("x-oss-object-acl", PRIVATE).body("");
    assert_eq!(ask(copy), denied("0003-00000008"), "with a copy");
    assert_eq!(acl_of(&server, KEY), PUBLIC_READ_WRITE);
    assert_eq!(server.send(&put(DEFAULT)).status, 200, "which is what it would have anyway");
}

#[test]
fn acls_are_for_strangers() {
    let server = server(PUBLIC_READ_WRITE);
    server.done(put(PRIVATE));
    for channel in Channel::SIGNED {
        let response = server.send(&Signer::owner().sign(channel, Request::get(BUCKET, KEY)));
        assert_eq!(response.status, 200, "{channel:?}");
    }
}

/// What is remembered of a bucket's objects is read at the start.
#[test]
fn acls_outlive_the_server() {
    let server = server(PUBLIC_READ);
    server.bucket("closed", PRIVATE);
    server.done(put(PRIVATE));
    let open = Request::put("closed", KEY, "content");
    server.done(open.header("x-oss-object-acl", PUBLIC_READ));
    let (_, folder) = server.stop_for_restart();
    let server = Start::default().run_in(folder);
    assert_eq!(server.send(&Request::get(BUCKET, KEY)).status, 403);
    assert_eq!(server.send(&Request::get("closed", KEY)).status, 200);
}
