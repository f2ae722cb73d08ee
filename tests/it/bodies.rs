//! Bodies that are not what their head says, and uploads that are refused: nothing is stored, and
//! what was there is still there.
//!
//! Sources: RFC 9112, section 6 (message bodies); OSS "PutObject"; OSS "Common error codes".

use md5::Md5;
use sha2::{Digest as _, Sha256};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::support::wire::refused;
use crate::support::{Channel, Connection, PUBLIC_READ_WRITE, Request, Server, Signer};

const BUCKET: &str = "bodies";
const KEY: &str = "key";
const OLD: &[u8] = b"what was there";
const NEW: &[u8] = b"what comes";

fn server() -> Server {
    let server = Server::start();
    server.bucket(BUCKET, PUBLIC_READ_WRITE);
    server.done(Request::put(BUCKET, KEY, OLD).header("x-oss-meta-kept", "yes"));
    server
}

/// Names and values.
type Headers<'h> = &'h [(&'h str, &'h str)];

fn put() -> Request {
    Request::put(BUCKET, KEY, NEW)
}

/// Sends the head of an upload by hand, and something behind it.
fn by_hand(server: &Server, fields: &str, body: &[u8]) -> Connection {
    by_hand_at(server, &format!("PUT /{BUCKET}/{KEY}"), fields, body)
}

/// The same with a method and a path.
fn by_hand_at(server: &Server, what: &str, fields: &str, body: &[u8]) -> Connection {
    let head = format!("{what} HTTP/1.1\r\nHost: x\r\n{fields}\r\n");
    let mut connection = server.connect();
    connection.write(&[head.as_bytes(), body].concat());
    connection
}

fn assert_untouched(server: &Server, name: &str) {
    let response = server.done(Request::get(BUCKET, KEY));
    assert_eq!(response.body, OLD, "{name}");
    assert_eq!(response.header("x-oss-meta-kept"), Some("yes"), "{name}");
    assert_eq!(server.keys(BUCKET), [KEY], "{name}");
}

#[test]
fn a_refused_upload_leaves_the_object_as_it_was() {
    let megabyte = "x".repeat(8 * 1024);
    let wrong_sha256 = "0".repeat(64);
    let wrong_md5 = STANDARD.encode(Md5::digest(OLD));
    #[rustfmt::skip]
    let table: [(&str, Headers<'_>, u16, &str); 17] = [
        ("a wrong Content-MD5",        &[("Content-MD5", &wrong_md5)],                           400, "InvalidDigest"),
        ("no base64",                  &[("Content-MD5", "*")],                                  400, "InvalidDigest"),
        ("15 bytes",                   &[("Content-MD5", "AAAAAAAAAAAAAAAAAAAA")],               400, "InvalidDigest"),
        ("an empty Content-MD5",       &[("Content-MD5", "")],                                   400, "InvalidDigest"),
        ("a wrong SHA-256",            &[("x-oss-content-sha256", &wrong_sha256)],               400, "XContentSha256Mismatch"),
        ("a short SHA-256",            &[("x-oss-content-sha256", "00")],                        400, "InvalidArgument"),
        ("a word",                     &[("x-oss-content-sha256", "unsigned-payload")],          400, "InvalidArgument"),
        ("a streaming signature",      &[("x-oss-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD")], 400, "InvalidArgument"),
        ("frames of another store",    &[("Content-Encoding", "aws-chunked")],                   400, "InvalidArgument"),
        ("frames around gzip",         &[("Content-Encoding", "gzip, AWS-Chunked")],             400, "InvalidArgument"),
        ("perhaps over another",       &[("x-oss-forbid-overwrite", "yes")],                     400, "InvalidArgument"),
        ("neither yes nor no",         &[("x-oss-forbid-overwrite", "")],                        400, "InvalidArgument"),
        ("not over another",           &[("x-oss-forbid-overwrite", "true")],                    409, "FileAlreadyExists"),
        ("an archive",                 &[("x-oss-storage-class", "Archive")],                    501, "NotImplemented"),
        ("an encrypted object",        &[("x-oss-server-side-encryption", "AES256")],            501, "NotImplemented"),
        ("a callback",                 &[("x-oss-callback", "e30=")],                            501, "NotImplemented"),
        ("over 8 KiB of metadata",     &[("x-oss-meta-a", &megabyte)],                           400, "MetadataTooLarge"),
    ];
    let server = server();
    for (name, headers, status, code) in table {
        let request = headers.iter().fold(put(), |r, (name, value)| r.header(name, value));
        for channel in [Channel::Anonymous, Channel::V1Url, Channel::V4Url] {
            let response = server.send(&Signer::owner().sign(channel, request.clone()));
            assert_eq!(response.code(), refused(status, code), "{name} by {channel:?}");
            assert_untouched(&server, name);
        }
    }
}

/// Of two values nobody could say which one counts, or which one readers will get.
#[test]
fn a_header_that_is_given_twice_leaves_the_object_as_it_was() {
    let md5 = STANDARD.encode(Md5::digest(NEW));
    let table: [(&str, [&[u8]; 2]); 5] = [
        ("Content-MD5", [md5.as_bytes(), md5.as_bytes()]),
        ("Content-Type", [b"a/b", b"c/d"]),
        ("x-oss-meta-a", [b"1", b"2"]),
        ("x-oss-forbid-overwrite", [b"false", b"true"]),
        ("x-oss-object-acl", [b"default", b""]),
    ];
    let server = server();
    for (name, values) in table {
        let request = values.iter().fold(put(), |r, value| r.header(name, value));
        assert_eq!(server.send(&request).code(), refused(400, "InvalidArgument"), "{name}");
        assert_untouched(&server, name);
    }
    let not_text = put().header("x-oss-meta-a", b"\xff\xfe");
    assert_eq!(server.send(&not_text).code(), refused(400, "InvalidArgument"));
    assert_untouched(&server, "metadata that is not UTF-8");
}

#[test]
fn digests_that_fit_are_taken() {
    let server = server();
    let md5 = STANDARD.encode(Md5::digest(NEW));
    let sha256 = hex::encode(Sha256::digest(NEW));
    let table = [
        put().header("Content-MD5", &md5),
        put().header("x-oss-content-sha256", &sha256),
        put().header("x-oss-content-sha256", sha256.to_ascii_uppercase()),
        put().header("x-oss-content-sha256", "UNSIGNED-PAYLOAD"),
        put().header("Content-MD5", &md5).header("x-oss-content-sha256", &sha256),
    ];
    for request in table {
        for channel in Channel::ALL {
            server.done(Request::put(BUCKET, KEY, OLD));
            let response = server.send(&Signer::owner().sign(channel, request.clone()));
            let headers = &request.headers;
            assert_eq!(response.status, 200, "{channel:?}, {headers:x?}: {}", response.error());
            assert_eq!(server.content(BUCKET, KEY).as_deref(), Some(NEW));
        }
    }
}

/// A V4 signature covers the announced digest: nobody can announce another one instead.
#[test]
fn a_signed_digest_cannot_be_replaced() {
    let server = server();
    let digest = |body: &[u8]| hex::encode(Sha256::digest(body));
    let signed = put().header("x-oss-content-sha256", digest(OLD));
    let mut signed = Signer::owner().sign(Channel::V4Header, signed);
    assert_eq!(server.send(&signed).code(), refused(400, "XContentSha256Mismatch"));
    for (name, value) in &mut signed.headers {
        if name == "x-oss-content-sha256" {
            *value = digest(NEW).into_bytes();
        }
    }
    assert_eq!(server.send(&signed).code(), refused(403, "SignatureDoesNotMatch"));
    assert_untouched(&server, "a replaced digest");
}

/// A `GET` has no body, so a digest in it is that of nothing, as alibabacloud-oss-v2 sends it.
#[test]
fn a_digest_of_a_request_without_a_body_is_that_of_nothing() {
    let server = server();
    let ask = |md5| server.send(&Request::get(BUCKET, KEY).header("Content-MD5", md5)).code();
    assert_eq!(ask("1B2M2Y8AsgTpgAmY7PhCfg==").0, 200);
    assert_eq!(ask(STANDARD.encode(Md5::digest(NEW)).as_str()), refused(400, "InvalidDigest"));
}

/// Lengths that are none, or that are contradicted: RFC 9112, 6.3, wants them refused.
#[test]
fn a_length_that_cannot_be_believed_is_refused() {
    #[rustfmt::skip]
    let table = [
        ("no length",         "",                                                   411),
        ("negative",          "Content-Length: -1\r\n",                             400),
        ("a sign",            "Content-Length: +3\r\n",                             400),
        ("hexadecimal",       "Content-Length: 0x3\r\n",                            400),
        ("a word",            "Content-Length: three\r\n",                          400),
        ("nothing",           "Content-Length:\r\n",                                400),
        ("two",               "Content-Length: 3\r\nContent-Length: 4\r\n",         400),
        ("a list of two",     "Content-Length: 3, 4\r\n",                           400),
        ("2^64",              "Content-Length: 18446744073709551616\r\n",           400),
        ("over 5 GiB",        "Content-Length: 5368709121\r\n",                     400),
        ("not chunked",       "Transfer-Encoding: gzip\r\n",                        400),
        ("chunked first",     "Transfer-Encoding: chunked, gzip\r\n",               400),
        ("twice encoded",     "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", 400),
        ("chunk of no size",  "Transfer-Encoding: chunked\r\n",                     400),
    ];
    let server = server();
    for (name, fields, status) in table {
        let response = by_hand(&server, fields, b"zzz\r\n\r\n").answer("PUT");
        assert_eq!(response.unwrap().status, status, "{name}");
        assert_untouched(&server, name);
    }
    let response = by_hand(&server, "", b"").answer("PUT").unwrap();
    assert_eq!(response.code(), refused(411, "MissingContentLength"));
}

#[test]
fn a_body_that_ends_early_is_not_stored() {
    let server = server();
    let table: [(&str, &str, &[u8]); 6] = [
        ("nothing of it", "Content-Length: 10\r\n", b""),
        ("half of it", "Content-Length: 10\r\n", b"12345"),
        ("all but a byte", "Content-Length: 10\r\n", b"123456789"),
        ("half a chunk", "Transfer-Encoding: chunked\r\n", b"a\r\n12345"),
        ("no last chunk", "Transfer-Encoding: chunked\r\n", b"5\r\n12345\r\n"),
        ("half the last chunk", "Transfer-Encoding: chunked\r\n", b"5\r\n12345\r\n0\r\n"),
    ];
    for (name, fields, body) in table {
        let mut connection = by_hand(&server, fields, body);
        connection.finish_writing();
        if let Some(response) = connection.answer("PUT") {
            assert_eq!(response.code(), refused(400, "IncompleteBody"), "{name}");
        }
        assert_untouched(&server, name);
    }
}

/// What follows a body is the next request, and no part of the object.
#[test]
fn a_body_that_is_longer_than_announced_is_cut() {
    let server = server();
    let mut connection = by_hand(&server, "Content-Length: 4\r\n", b"content\r\n\r\n");
    assert_eq!(connection.answer("PUT").unwrap().status, 200);
    assert_eq!(connection.answer("PUT").unwrap().status, 400, "`ent` is no request");
    assert_eq!(server.content(BUCKET, KEY).as_deref(), Some(b"cont".as_slice()));
}

#[test]
fn chunks_become_one_object() {
    let server = server();
    let body = b"5;extension=1\r\n12345\r\n3\r\n678\r\n0\r\nx-trailer: ignored\r\n\r\n";
    let mut connection = by_hand(&server, "Transfer-Encoding: chunked\r\n", body);
    assert_eq!(connection.answer("PUT").unwrap().status, 200);
    assert_eq!(server.content(BUCKET, KEY).as_deref(), Some(b"12345678".as_slice()));
}

/// A part and an append can tell their length as they end, like any body. What does not fit or breaks
/// off leaves nothing.
#[test]
fn chunks_become_parts_and_appends() {
    let server = server();
    let begin = Request::object("POST", BUCKET, "in-parts").query("uploads", "").body("");
    let id = server.done(begin).element("UploadId").unwrap();
    let part = format!("PUT /{BUCKET}/in-parts?partNumber=1&uploadId={id}");
    let append = |position: usize| format!("POST /{BUCKET}/log?append&position={position}");
    let chunks = |md5: &[u8], count: usize| {
        let md5 = STANDARD.encode(Md5::digest(md5));
        let body = "1;a=b\r\nx\r\n".repeat(count) + "0\r\nx-trailer: ignored\r\n\r\n";
        (format!("Transfer-Encoding: chunked\r\nContent-MD5: {md5}\r\n"), body)
    };
    let send = |what: &str, (fields, body): &(String, String), length: usize| {
        let mut connection = by_hand_at(&server, what, fields, &body.as_bytes()[..length]);
        if length < body.len() {
            connection.finish_writing();
        }
        connection.answer("PUT")
    };
    let good = chunks(&b"x".repeat(5000), 5000);
    let other = chunks(b"another", 5000);
    for what in [part.as_str(), &append(0)] {
        let answer = send(what, &other, other.1.len()).unwrap();
        assert_eq!(answer.code(), refused(400, "InvalidDigest"), "{what}");
        for length in [0, 20_000, good.1.len() - 2] {
            if let Some(answer) = send(what, &good, length) {
                assert_eq!(answer.code(), refused(400, "IncompleteBody"), "{what}, {length}");
            }
        }
    }
    assert_untouched(&server, "appends that were refused");
    let list = Request::object("GET", BUCKET, "in-parts").query("uploadId", &id);
    assert_eq!(server.done(list).element("Part"), None);

    for what in [part, append(0), append(5000)] {
        assert_eq!(send(&what, &good, good.1.len()).unwrap().status, 200, "{what}");
    }
    let complete = Request::object("POST", BUCKET, "in-parts").query("uploadId", &id).body("");
    server.done(complete.header("x-oss-complete-all", "yes"));
    for (key, length) in [("in-parts", 5000), ("log", 10_000)] {
        assert_eq!(server.content(BUCKET, key).unwrap(), b"x".repeat(length), "{key}");
    }
    let log = server.done(Request::get(BUCKET, "log"));
    let crc = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Xz, &log.body);
    assert_eq!(log.header("x-oss-hash-crc64ecma"), Some(crc.to_string().as_str()));
}

/// RFC 9110, 10.1.1: a client that expects it is told to go on, or why not.
#[test]
fn a_client_that_asks_first_is_told_to_go_on() {
    let server = server();
    let head = |key: &str, more: &str| {
        format!(
            "PUT /{BUCKET}/{key} HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\
             Expect: 100-continue\r\n{more}\r\n"
        )
    };
    let mut connection = server.connect();
    connection.write(head("asked", "").as_bytes());
    assert_eq!(connection.answer("PUT").unwrap().status, 100);
    connection.write(b"yes");
    assert_eq!(connection.answer("PUT").unwrap().status, 200);
    assert_eq!(server.content(BUCKET, "asked").as_deref(), Some(b"yes".as_slice()));
    let mut connection = server.connect();
    connection.write(head("no", "Authorization: garbage\r\n").as_bytes());
    assert_eq!(connection.answer("PUT").unwrap().status, 400);
    assert_eq!(server.content(BUCKET, "no"), None);
}

/// RFC 9112, 9.6: nothing can follow a body that is not read to its end, and the answer says so.
#[test]
fn an_answer_that_ends_its_connection_says_so() {
    const READ_OVER: usize = 1 << 20;
    let server = server();
    for (name, announced, sent, close) in [
        ("read over", READ_OVER, READ_OVER, None),
        ("too long for that", 3 * READ_OVER, READ_OVER + 1, Some("close")),
    ] {
        let fields = format!("Content-Length: {announced}\r\n");
        let body = vec![b'x'; sent];
        let mut connection = by_hand_at(&server, "PUT /no-such-bucket/key", &fields, &body);
        let answer = connection.answer("PUT").unwrap();
        assert_eq!(answer.code(), refused(404, "NoSuchBucket"), "{name}");
        assert_eq!(answer.header("connection"), close, "{name}");
        if close.is_some() {
            assert!(connection.rest().is_empty(), "{name}");
        } else {
            connection.write(&Request::get(BUCKET, KEY).bytes("x"));
            assert_eq!(connection.answer("GET").unwrap().body, OLD, "{name}");
        }
    }
    let mut stranger = Connection::open(&server.admin);
    stranger.write(b"PUT /api/v1/policies/p HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}");
    let answer = stranger.answer("PUT").unwrap();
    assert_eq!((answer.status, answer.header("connection")), (401, Some("close")));
}
