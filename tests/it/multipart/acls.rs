//! The ACL of an object of parts: that of its beginning, or that of its end.
//!
//! Source: OSS's SDKs, whose requests for CompleteMultipartUpload have `x-oss-object-acl`.

use super::*;

const ACL: &str = "x-oss-object-acl";

fn acl_of(server: &Server) -> String {
    let answer = server.done(Request::get(BUCKET, KEY).query("acl", ""));
    answer.element("Grant").unwrap()
}

#[test]
fn an_acl_at_the_end_counts_over_that_of_the_beginning() {
    let server = server();
    #[rustfmt::skip]
    let table = [
        ("at neither",              None,                None,                "default",     200),
        ("at the beginning",        Some("private"),     None,                "private",     403),
        ("at the end",              None,                Some("private"),     "private",     403),
        ("at both",                 Some("public-read"), Some("private"),     "private",     403),
        ("taken back at the end",   Some("private"),     Some("default"),     "default",     200),
        ("opened at the end",       Some("private"),     Some("public-read"), "public-read", 200),
    ];
    for (name, beginning, end, want, status) in table {
        let with = |request: Request, acl: Option<&str>| {
            acl.into_iter().fold(request, |request, acl| request.header(ACL, acl))
        };
        let begin = with(Request::object("POST", BUCKET, KEY), beginning);
        let upload = Upload::begin_with(&server, KEY, begin);
        let part = upload.part(1, b"content");
        server.done(with(upload.request("POST"), end).body(completion(&[(1, part)])));
        assert_eq!(acl_of(&server), want, "{name}");
        assert_eq!(server.send(&Request::get(BUCKET, KEY)).status, status, "{name}");
    }
}

#[test]
fn an_acl_that_is_none_or_not_granted_completes_nothing() {
    let server = server();
    let upload = Upload::begin(&server, KEY);
    let part = upload.part(1, b"content");
    let complete =
        |acl: &str| upload.request("POST").header(ACL, acl).body(completion(&[(1, &part)]));
    for acl in ["public", "Private", ""] {
        assert_eq!(server.owner(complete(acl)).code(), refused(400, "InvalidArgument"), "{acl:?}");
    }
    let stranger = server.send(&complete("private")).outcome();
    assert_eq!(stranger, (403, "AccessDenied".into(), "0003-00000008".into()));
    assert_eq!(server.content(BUCKET, KEY), None);
    assert_eq!(upload.parts().len(), 1);
    assert_eq!(server.send(&complete("default")).status, 200);
}
