//! Tags of objects.
//!
//! Sources: OSS "PutObjectTagging", "CopyObject" (`x-oss-tagging-directive`), the pages of the EC
//! numbers; the SDKs' tests against the real service for codes and characters.

use crate::support::wire::refused;
use crate::support::{PRIVATE, PUBLIC_READ_WRITE, Request, Server};

const BUCKET: &str = "tagged";
const KEY: &str = "object";

fn server(acl: &str) -> Server {
    let server = Server::start();
    server.bucket(BUCKET, acl);
    server
}

fn put(tags: &str) -> Request {
    let request = Request::put(BUCKET, KEY, "content");
    if tags.is_empty() { request } else { request.header("x-oss-tagging", tags) }
}

fn put_tags(tags: &[(&str, &str)]) -> Request {
    let tag =
        |(key, value): &(&str, &str)| format!("<Tag><Key>{key}</Key><Value>{value}</Value></Tag>");
    let tags: String = tags.iter().map(tag).collect();
    let request = Request::object("PUT", BUCKET, KEY).query("tagging", "");
    request.body(format!("<Tagging><TagSet>{tags}</TagSet></Tagging>"))
}

/// The tags as `GetObjectTagging` has them.
fn tags_of(server: &Server, key: &str) -> Vec<(String, String)> {
    let response = server.done(Request::get(BUCKET, key).query("tagging", ""));
    let text = String::from_utf8(response.body).unwrap();
    let between = |text: &str, name: &str| {
        let rest = text.split(&format!("<{name}>")).nth(1);
        rest.and_then(|rest| rest.split('<').next()).unwrap_or_default().to_owned()
    };
    let tags = text.split("<Tag>").skip(1);
    tags.map(|tag| (between(tag, "Key"), between(tag, "Value"))).collect()
}

fn pairs(tags: &[(&str, &str)]) -> Vec<(String, String)> {
    tags.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
}

#[test]
fn tags_are_put_read_and_deleted() {
    let server = server(PRIVATE);
    server.done(put(""));
    assert_eq!(tags_of(&server, KEY), []);
    let (long_key, long_value) = ("k".repeat(128), "v".repeat(256));
    let sets: [&[(&str, &str)]; 4] = [
        &[("b", "2"), ("a", "1")],
        &[(&long_key, &long_value), ("+-.:", "_/"), ("key1=", "value 1+"), (" +/ ", "中文")],
        &[("a", ""), ("A", "x")],
        &[],
    ];
    for tags in sets {
        server.done(put_tags(tags));
        assert_eq!(tags_of(&server, KEY), pairs(tags), "in their order");
    }
    server.done(put_tags(&[("a", "1")]));
    let deleted = server.done(Request::object("DELETE", BUCKET, KEY).query("tagging", ""));
    assert_eq!(deleted.status, 204);
    assert_eq!(tags_of(&server, KEY), []);
    assert_eq!(server.content(BUCKET, KEY).as_deref(), Some(&b"content"[..]));
}

#[test]
fn tags_come_with_an_upload_and_go_with_it() {
    let server = server(PRIVATE);
    server.done(put("TagA=A&TagB=B"));
    assert_eq!(tags_of(&server, KEY), pairs(&[("TagA", "A"), ("TagB", "B")]));
    server.done(put("%2B-/=%3A%2B%3A&k"));
    assert_eq!(tags_of(&server, KEY), pairs(&[("+-/", ":+:"), ("k", "")]));
    server.done(put(""));
    assert_eq!(tags_of(&server, KEY), []);

    let link = Request::object("PUT", BUCKET, "link").query("symlink", "").body("");
    server.done(link.header("x-oss-symlink-target", KEY).header("x-oss-tagging", "of=link"));
    assert_eq!(tags_of(&server, "link"), pairs(&[("of", "link")]));
    assert_eq!(tags_of(&server, KEY), [], "the target's are its own");
}

#[test]
fn tags_are_counted_for_those_who_may_read_them() {
    let server = server(PUBLIC_READ_WRITE);
    let count = |request: &Request, signed: bool| {
        let response = if signed { server.owner(request.clone()) } else { server.send(request) };
        assert_eq!(response.status, 200);
        response.header("x-oss-tagging-count").map(str::to_owned)
    };
    for method in ["GET", "HEAD"] {
        let request = Request::object(method, BUCKET, KEY);
        server.done(put("a=1&b=2"));
        assert_eq!(count(&request, true).as_deref(), Some("2"), "{method}");
        assert_eq!(count(&request, false), None, "{method}");
        server.done(put(""));
        assert_eq!(count(&request, true), None, "{method}");
    }
}

#[test]
fn a_copy_has_the_tags_of_its_source_or_its_own() {
    let server = server(PRIVATE);
    server.done(put("of=source"));
    let copy = |to: &str, directive: Option<&str>, tags: Option<&str>| {
        let request = Request::object("PUT", BUCKET, to).body("");
        let request = request.header("x-oss-copy-source", format!("/{BUCKET}/{KEY}"));
        let request = directive
            .into_iter()
            .fold(request, |r, text| r.header("x-oss-tagging-directive", text));
        tags.into_iter().fold(request, |r, text| r.header("x-oss-tagging", text))
    };
    let (source, request) = (pairs(&[("of", "source")]), pairs(&[("of", "request")]));
    #[rustfmt::skip]
    let table = [
        ("by default",    copy("1", None, None),                         "1", source.clone()),
        ("copied",        copy("2", Some("Copy"), Some("of=request")),   "2", source.clone()),
        ("replaced",      copy("3", Some("REPLACE"), Some("of=request")), "3", request.clone()),
        ("by none",       copy("4", Some("Replace"), None),              "4", vec![]),
        ("itself",        copy(KEY, None, None),                         KEY, source),
        ("itself anew",   copy(KEY, Some("Replace"), Some("of=request")), KEY, request),
    ];
    for (name, request, key, want) in table {
        server.done(request);
        assert_eq!(tags_of(&server, key), want, "{name}");
    }
    let wrong = server.owner(copy("5", Some("Keep"), None));
    assert_eq!(wrong.code(), refused(400, "InvalidArgument"));
}

#[test]
fn tags_that_are_none() {
    let server = server(PRIVATE);
    server.done(put("kept=yes"));
    let (long_key, long_value) = ("k".repeat(129), "v".repeat(257));
    let many: Vec<String> = (0..11).map(|n| format!("k{n}")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|key| (key.as_str(), "v")).collect();
    let many_text: Vec<String> = many.iter().map(|(key, _)| format!("{key}=v")).collect();
    let body = |text: &str| Request { body: Some(text.into()), ..put_tags(&[]) };
    #[rustfmt::skip]
    let table = [
        ("a long key",          put_tags(&[(&long_key, "v")]),     "InvalidTag",      "0010-00000209"),
        ("a long value",        put_tags(&[("k", &long_value)]),   "InvalidTag",      "0010-00000217"),
        ("a character",         put_tags(&[("%@abc", "v")]),       "InvalidTag",      ""),
        ("one in a value",      put_tags(&[("k", "%abc")]),        "InvalidTag",      "0010-00000217"),
        ("an empty key",        put_tags(&[("", "v")]),            "InvalidTag",      ""),
        ("twice",               put_tags(&[("a", "1"), ("a", "2")]), "InvalidTag",    "0010-00000210"),
        ("eleven",              put_tags(&many),                   "BadRequest",      "0010-00000218"),
        ("not XML",             body("tags"),                      "MalformedXML",    ""),
        ("another root",        body("<Tags/>"),                   "MalformedXML",    ""),
        ("no body",             body(""),                          "MalformedXML",    ""),
        ("too much",            body(&"x".repeat(70_000)),         "EntityTooLarge",  ""),
        ("header: another form", put("aa=bb=cc"),                  "InvalidArgument", "0010-00000219"),
        ("header: twice",       put("a=1&a=2"),                    "InvalidArgument", ""),
        ("header: a character", put("key1%26=v"),                  "InvalidTag",      ""),
        ("header: eleven",      put(&many_text.join("&")),         "BadRequest",      "0010-00000218"),
    ];
    for (name, request, code, ec) in table {
        let got = server.owner(request).outcome();
        assert_eq!(got, (400, code.to_owned(), ec.to_owned()), "{name}");
        assert_eq!(tags_of(&server, KEY), pairs(&[("kept", "yes")]), "{name}");
    }
    for method in ["GET", "PUT", "DELETE"] {
        let absent = Request::object(method, BUCKET, "absent").query("tagging", "");
        let body = put_tags(&[]).body;
        let absent = if method == "PUT" { Request { body, ..absent } } else { absent };
        assert_eq!(server.owner(absent).code(), refused(404, "NoSuchKey"), "{method}");
    }
}

#[test]
fn strangers_neither_see_nor_set_tags() {
    let server = server(PUBLIC_READ_WRITE);
    server.done(put("kept=yes"));
    let copy = |to: &str| {
        let request = Request::object("PUT", BUCKET, to).body("");
        request.header("x-oss-copy-source", format!("/{BUCKET}/{KEY}"))
    };
    #[rustfmt::skip]
    let table = [
        ("read",               Request::get(BUCKET, KEY).query("tagging", "")),
        ("set",                put_tags(&[("a", "b")])),
        ("deleted",            Request::object("DELETE", BUCKET, KEY).query("tagging", "")),
        ("with an upload",     put("a=b")),
        ("with a copy",        copy(KEY).header("x-oss-tagging-directive", "Replace").header("x-oss-tagging", "a=b")),
        ("copied",             copy("other")),
    ];
    for (name, request) in table {
        assert_eq!(server.send(&request).code(), refused(403, "AccessDenied"), "{name}");
        assert_eq!(tags_of(&server, KEY), pairs(&[("kept", "yes")]), "{name}");
    }
    let bare = copy("other").header("x-oss-tagging-directive", "Replace");
    assert_eq!(server.send(&bare).status, 200, "without the tags it may be copied");
}

#[test]
fn changing_tags_changes_nothing_else() {
    let server = server(PRIVATE);
    server.done(put("").header("x-oss-meta-kept", "yes").header("x-oss-object-acl", "public-read"));
    let seen = || {
        let response = server.done(Request::get(BUCKET, KEY));
        let names = ["etag", "last-modified", "x-oss-meta-kept", "content-type"];
        names.map(|name| response.header(name).map(str::to_owned))
    };
    let before = seen();
    server.done(put_tags(&[("a", "b")]));
    assert_eq!(seen(), before);
    assert_eq!(server.send(&Request::get(BUCKET, KEY)).status, 200, "its ACL, too");
}
