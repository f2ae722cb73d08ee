//! Policies on their way in: what cannot be one changes nothing, what is one counts at once.
//!
//! Sources: OSS "PutBucketReferer", the pages of the EC numbers 0033-00000001 to -00000005. That
//! `DELETE ?referer` is not allowed follows from there being no such operation.

use crate::support::policy::{EVIL, GOOD, OPEN, OTHER_EC, STRICT};
use crate::support::wire::refused;
use crate::support::{Channel, Connection, PUBLIC_READ, Request, Server, Signer};

const BUCKET: &str = "policies";

fn server() -> Server {
    let server = Server::start();
    server.bucket(BUCKET, PUBLIC_READ);
    server.policy(BUCKET, &STRICT);
    server.done(Request::put(BUCKET, "key", "content"));
    server
}

fn put_referer(body: impl AsRef<[u8]>) -> Request {
    Request::bucket("PUT", BUCKET).query("referer", "").body(body)
}

fn with(inside: &str) -> String {
    format!(
        "<RefererConfiguration><AllowEmptyReferer>true</AllowEmptyReferer><RefererList/>{inside}\
         </RefererConfiguration>"
    )
}

fn entries(count: usize, length: usize) -> String {
    let entry = format!("<Referer>{}</Referer>", "x".repeat(length));
    with("")
        .replace("<RefererList/>", &format!("<RefererList>{}</RefererList>", entry.repeat(count)))
}

fn utf16(text: &str) -> Vec<u8> {
    "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

/// Bodies that are no policy, with the code and the EC of the answer.
fn no_policies() -> Vec<(&'static str, Vec<u8>, &'static str, &'static str)> {
    const XML: &str = "MalformedXML";
    let bomb = "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\">\
                <!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\"><!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;\">]>";
    let deep = |count: usize| format!("{}{}", "<a>".repeat(count), "</a>".repeat(count));
    let ours = with("");
    #[rustfmt::skip]
    let table = [
        ("nothing",                    String::new(),                                         XML, "0033-00000001"),
        ("no XML",                     "policy".into(),                                       XML, "0033-00000001"),
        ("JSON",                       "{\"allow_empty_referer\":true}".into(),               XML, "0033-00000001"),
        ("another root",               "<Delete/>".into(),                                    XML, "0033-00000001"),
        ("unclosed",                   ours.replace("</RefererConfiguration>", ""),           XML, "0033-00000001"),
        ("a document type",            format!("<!DOCTYPE RefererConfiguration>{ours}"),      XML, "0033-00000001"),
        ("an entity bomb",             format!("{bomb}{}", ours.replace("true", "&c;")),      XML, "0033-00000001"),
        ("an entity of a file",        format!("<!DOCTYPE x [<!ENTITY f SYSTEM \"file:///etc/passwd\">]>{}", ours.replace("true", "&f;")), XML, "0033-00000001"),
        ("a parameter entity",         format!("<!DOCTYPE x [<!ENTITY % f SYSTEM \"http://127.0.0.1:1/\">%f;]>{ours}"), XML, "0033-00000001"),
        ("100 000 deep",               with(&deep(100_000)),                                  XML, "0033-00000001"),
        ("100 000 deep, never closed", "<a>".repeat(100_000),                                 XML, "0033-00000001"),
        ("two roots",                  format!("{ours}{ours}"),                               XML, "0033-00000001"),
        ("declared as UTF-16",         format!("<?xml version=\"1.0\" encoding=\"UTF-16\"?>{ours}"), XML, "0033-00000001"),
        ("declared as Latin-1",        format!("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>{ours}"), XML, "0033-00000001"),
        ("no AllowEmptyReferer",       "<RefererConfiguration><RefererList/></RefererConfiguration>".into(), XML, "0033-00000002"),
        ("the manual's example of a bad one", ours.replace("true", "32"),                     XML, "0033-00000003"),
        ("an empty AllowEmptyReferer", ours.replace("true", ""),                              XML, "0033-00000003"),
        ("no list",                    ours.replace("<RefererList/>", ""),                    XML, "0033-00000005"),
        ("20 481 bytes of entries",    entries(1, 20_481),                                    "InlineDataTooLarge", ""),
        ("many short entries",         entries(20_481, 1),                                    "InlineDataTooLarge", ""),
        ("1 MiB and a byte",           format!("{ours}{}", " ".repeat((1 << 20) + 1 - ours.len())), "InlineDataTooLarge", ""),
    ];
    let mut bodies: Vec<_> = Vec::new();
    bodies.extend(
        table.into_iter().map(|(name, text, code, ec)| (name, text.into_bytes(), code, ec)),
    );
    bodies.push(("UTF-16", utf16(&ours), XML, "0033-00000001"));
    bodies.push(("not UTF-8", [ours.as_bytes(), b"\xff"].concat(), XML, "0033-00000001"));
    bodies.push(("a NUL", [ours.as_bytes(), b"\0"].concat(), XML, "0033-00000001"));
    bodies
}

#[test]
fn what_is_no_policy_leaves_the_policy_as_it_was() {
    let server = server();
    let policy = server.policy_of(BUCKET);
    for (name, body, code, ec) in no_policies() {
        let got = server.owner(put_referer(body)).outcome();
        assert_eq!(got, (400, code.into(), ec.into()), "{name}");
        assert_eq!(server.policy_of(BUCKET), policy, "{name}");
    }
    assert_eq!(server.send(&Request::get(BUCKET, "key").referer(EVIL)).status, 403);
}

#[test]
fn the_limits_are_reached_and_not_passed() {
    let server = server();
    let body = with("");
    server.done(put_referer(entries(1, 20_480)));
    server.done(put_referer(entries(20_480, 1)));
    server.done(put_referer(format!("{body}{}", " ".repeat((1 << 20) - body.len()))));
}

/// A policy that does not arrive, or that is not what was signed for, is none.
#[test]
fn a_body_that_is_not_what_it_should_be_changes_nothing() {
    let server = server();
    let policy = server.policy_of(BUCKET);
    let open = || put_referer(OPEN.xml());
    let wrong_md5 = "1B2M2Y8AsgTpgAmY7PhCfg==";
    let table = [
        ("a wrong Content-MD5", open().header("Content-MD5", wrong_md5), "InvalidDigest"),
        ("no Content-MD5", open().header("Content-MD5", "!"), "InvalidDigest"),
        (
            "a wrong SHA-256",
            open().header("x-oss-content-sha256", "0".repeat(64)),
            "XContentSha256Mismatch",
        ),
        (
            "a streaming signature",
            open().header("x-oss-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
            "InvalidArgument",
        ),
        ("two operations", open().query("acl", ""), "InvalidArgument"),
    ];
    for (name, request, code) in table {
        assert_eq!(server.owner(request).code(), refused(400, code), "{name}");
        assert_eq!(server.policy_of(BUCKET), policy, "{name}");
    }
    let signed = Signer::owner().sign(Channel::V4Header, open()).bytes(&server.data);
    let mut connection = server.connect();
    connection.write(&signed[..signed.len() - 1]);
    connection.finish_writing();
    if let Some(response) = connection.answer("PUT") {
        assert_eq!(response.code(), refused(400, "IncompleteBody"));
    }
    assert_eq!(server.policy_of(BUCKET), policy);
}

/// OSS has Put and Get of `?referer`, and nothing else.
#[test]
fn a_policy_is_put_and_got_and_nothing_else() {
    let server = server();
    let policy = server.policy_of(BUCKET);
    for method in ["DELETE", "POST", "HEAD", "BREW"] {
        let response = server.owner(Request::bucket(method, BUCKET).query("referer", "").body(""));
        assert_eq!(response.code(), refused(405, "MethodNotAllowed"), "{method}");
    }
    for method in ["GET", "PUT"] {
        for (one, other) in [("referer", "acl"), ("acl", "referer")] {
            let request = Request::bucket(method, BUCKET).query(one, "").query(other, "").body("");
            assert_eq!(server.owner(request).code(), refused(400, "InvalidArgument"), "{method}");
        }
    }
    assert_eq!(server.policy_of(BUCKET), policy);
}

#[test]
fn a_policy_counts_for_the_very_next_request() {
    let server = server();
    let mut reader = server.connect();
    let request = Request::get(BUCKET, "key").referer("http://other.example/").bytes(&server.data);
    for _ in 0..50 {
        for (policy, want) in [(OPEN, (200, "")), (STRICT, (403, OTHER_EC))] {
            server.policy(BUCKET, &policy);
            reader.write(&request);
            let (status, _, ec) = reader.answer("GET").unwrap().outcome();
            assert_eq!((status, ec.as_str()), want);
        }
    }
}

#[test]
fn an_acl_counts_for_the_very_next_request() {
    let server = server();
    let request = Request::get(BUCKET, "key").referer(GOOD);
    for _ in 0..20 {
        for (acl, want) in [("private", 403), ("public-read", 200)] {
            let put = Request::bucket("PUT", BUCKET).query("acl", "").header("x-oss-acl", acl);
            server.done(put.body(""));
            assert_eq!(server.send(&request).status, want, "{acl}");
        }
    }
}

/// Who was let in is not thrown out.
#[test]
fn a_running_download_goes_on_after_a_change() {
    let server = server();
    server.policy(BUCKET, &OPEN);
    let content: Vec<u8> = (0..32_u32 << 20).map(|i| (i / 1024).to_le_bytes()[0]).collect();
    server.done(Request::put(BUCKET, "film", &content));
    let request = Request::get(BUCKET, "film").referer(EVIL);
    let mut running: Vec<Connection> = (0..3).map(|_| server.connect()).collect();
    for connection in &mut running {
        connection.write(&request.bytes(&server.data));
        assert_eq!(connection.head().unwrap().length(), content.len());
    }
    server.policy(BUCKET, &STRICT);
    assert_eq!(server.send(&request).status, 403);
    assert!(running[0].take(content.len()) == content, "after a policy");
    server.done(Request::put(BUCKET, "film", "a shorter one"));
    assert!(running[1].take(content.len()) == content, "after an overwrite");
    server.done(Request::object("DELETE", BUCKET, "film"));
    assert!(running[2].take(content.len()) == content, "after a delete");
}
