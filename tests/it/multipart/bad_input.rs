//! What is refused, and changes nothing.

use super::*;

#[test]
fn completions_that_do_not_hold() {
    let server = server();
    let (upload, other) = (Upload::begin(&server, KEY), Upload::begin(&server, KEY));
    let [a, b] = [content(1, LEAST), content(2, LEAST - 1)];
    let (a, b, foreign) = (upload.part(1, &a), upload.part(2, &b), other.part(3, &a));
    let before = upload.parts();
    let part = |number: &str, tag: &str| {
        format!("<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>")
    };
    let list = |parts: &str| format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
    #[rustfmt::skip]
    let table = [
        ("no body",                String::new(),                                      400, "MalformedXML",     ""),
        ("not XML",                "1,2".into(),                                       400, "MalformedXML",     ""),
        ("cut off",                list(&part("1", &a)).replace("</Complete", "<"),    400, "MalformedXML",     ""),
        ("another document",       "<Delete></Delete>".into(),                         400, "MalformedXML",     ""),
        ("an entity",              format!("<!DOCTYPE x [<!ENTITY e 'x'>]>{}", list(&part("1", "&e;"))), 400, "MalformedXML", ""),
        ("no parts",               list(""),                                           400, "MalformedXML",     ""),
        ("a part without a tag",   list("<Part><PartNumber>1</PartNumber></Part>"),    400, "MalformedXML",     ""),
        ("number 0",               list(&part("0", &a)),                               400, "InvalidArgument",  ""),
        ("number 10 001",          list(&part("10001", &a)),                           400, "InvalidArgument",  ""),
        ("backwards",              list(&(part("2", &b) + &part("1", &a))),            400, "InvalidPartOrder", "0042-00000209"),
        ("one twice",              list(&(part("1", &a) + &part("1", &a))),            400, "InvalidPartOrder", "0042-00000209"),
        ("one that is not there",  list(&(part("1", &a) + &part("3", &b))),            400, "InvalidPart",      ""),
        ("the tag of another",     list(&part("1", &b)),                               400, "InvalidPart",      ""),
        ("an empty tag",           list(&part("1", "")),                               400, "InvalidPart",      ""),
        ("a part of another upload", list(&part("3", &foreign)),                       400, "InvalidPart",      ""),
        ("two numbers",            list("<Part><PartNumber>1</PartNumber><PartNumber>2</PartNumber><ETag>x</ETag></Part>"), 400, "MalformedXML", ""),
        ("10 001 parts",           list(&part("1", &a).repeat(10_001)),                400, "MalformedXML",     ""),
        ("more than parts need",   list(&" ".repeat(5 << 20)),                         400, "EntityTooLarge",   ""),
        ("too small before another", list(&(part("2", &b) + &part("3", &foreign))),    400, "InvalidPart",      ""),
    ];
    for (name, body, status, code, ec) in table {
        let answer = server.owner(upload.request("POST").body(body));
        assert_eq!(
            answer.outcome(),
            (status, code.into(), ec.into()),
            "{name}: {}",
            answer.error()
        );
        assert_eq!(upload.parts(), before, "{name}");
        assert_eq!(server.content(BUCKET, KEY), None, "{name}");
    }
    let digest = upload.request("POST").header("Content-MD5", "AAAAAAAAAAAAAAAAAAAAAA==");
    let digest = digest.body(list(&part("1", &a)));
    assert_eq!(server.owner(digest).code(), refused(400, "InvalidDigest"));
    assert_eq!(upload.parts(), before);
    upload.part(3, b"more");
    let small = upload.complete(&[(2, b), (3, tag(b"more"))]);
    assert_eq!(small.outcome(), (400, "EntityTooSmall".into(), "0042-00000213".into()));
    assert_eq!(small.element("PartNumber").as_deref(), Some("2"));
    assert_eq!(upload.complete(&[(1, a), (3, tag(b"more"))]).status, 200);
}

#[test]
fn uploads_that_are_not_there() {
    let server = server();
    server.bucket("another", PUBLIC_READ_WRITE);
    let upload = Upload::begin(&server, KEY);
    let etag = upload.part(1, b"part");
    let before = upload.parts();
    let (body, lower) = (completion(&[(1, etag)]), upload.id.to_lowercase());
    // One that is done, and one that was given up.
    let done = Upload::begin(&server, "done");
    let done_etag = done.part(1, b"done");
    assert_eq!(done.complete(&[(1, done_etag)]).status, 200);
    let aborted = Upload::begin(&server, KEY);
    aborted.part(1, b"aborted");
    assert_eq!(aborted.abort().status, 204);
    #[rustfmt::skip]
    let table = [
        ("completed",         BUCKET,    "done",  done.id.as_str()),
        ("aborted",           BUCKET,    KEY,     &aborted.id),
        ("another bucket",    "another", KEY,     upload.id.as_str()),
        ("another key",       BUCKET,    "other", &upload.id),
        ("a prefix of it",    BUCKET,    KEY,     &upload.id[..31]),
        ("its small letters", BUCKET,    KEY,     &lower),
        ("a number",          BUCKET,    KEY,     "1"),
        ("nothing",           BUCKET,    KEY,     ""),
        ("markup",            BUCKET,    KEY,     "<x>&"),
        ("zeros",             BUCKET,    KEY,     "00000000000000000000000000000000"),
    ];
    for (name, bucket, key, id) in table {
        let request = |method| Request::object(method, bucket, key).query("uploadId", id);
        let source = format!("/{BUCKET}/{KEY}").replace(' ', "%20");
        for (request, ec) in [
            (request("PUT").query("partNumber", "1").body("other"), "0042-00000104"),
            (request("POST").body(body.as_str()), "0042-00000002"),
            (request("DELETE"), "0042-00000002"),
            (request("GET"), "0042-00000002"),
            (
                request("PUT")
                    .query("partNumber", "1")
                    .header("x-oss-copy-source", source)
                    .body(""),
                "0042-00000311",
            ),
        ] {
            let answer = server.owner(request);
            let unread = id.len() != 32 || name == "its small letters";
            let ec = if unread { "0042-00000002" } else { ec };
            let want = (404, "NoSuchUpload".into(), ec.into());
            assert_eq!(answer.outcome(), want, "{name}: {}", answer.error());
        }
        assert_eq!(upload.parts(), before, "{name}");
    }
    assert_eq!(server.keys("another"), [""; 0]);
    assert_eq!(server.content(BUCKET, "done").as_deref(), Some(&b"done"[..]));
    wait_for_blobs(&server, 2);
}

/// Where the upload's id got lost, the object that is there is not made of one part.
#[test]
fn a_part_without_an_upload_replaces_nothing() {
    let server = server();
    server.done(Request::put(BUCKET, KEY, "whole"));
    server.done(Request::put(BUCKET, "source", "a part"));
    let put = |name: &str, value: &str| {
        Request::object("PUT", BUCKET, KEY).query(name, value).body("a part")
    };
    let copy = put("partNumber", "1").header("x-oss-copy-source", "/in-parts/source").body("");
    let table = [
        ("a part", put("partNumber", "1")),
        ("the number of none", put("partNumber", "")),
        ("a copied part", copy),
        ("an append", put("position", "0")),
    ];
    for (name, request) in table {
        let answer = server.owner(request.clone());
        assert_eq!(answer.code(), refused(400, "InvalidArgument"), "{name}: {}", answer.error());
        assert_eq!(server.send(&request).status, 400, "{name}");
        assert_eq!(server.content(BUCKET, KEY).as_deref(), Some(&b"whole"[..]), "{name}");
    }
}

/// S3's frames are refused wherever a request says that the object has them.
#[test]
fn no_object_says_that_it_has_frames() {
    let server = server();
    server.done(Request::put(BUCKET, "source", "content"));
    let object = |method| Request::object(method, BUCKET, KEY).body("");
    let table = [
        ("a beginning", object("POST").query("uploads", "")),
        ("a copy", object("PUT").header("x-oss-copy-source", "/in-parts/source")),
        ("a symlink", object("PUT").query("symlink", "").header("x-oss-symlink-target", "source")),
        ("an append", object("POST").query("append", "").query("position", "0")),
    ];
    let want = (400, "InvalidArgument".to_owned(), "0017-00000804".to_owned());
    for (name, request) in table {
        for value in ["aws-chunked", "gzip, AWS-Chunked"] {
            let answer = server.owner(request.clone().header("Content-Encoding", value));
            assert_eq!(answer.outcome(), want, "{name}: {value}");
        }
        assert_eq!(server.content(BUCKET, KEY), None, "{name}");
    }
    let uploads = server.done(Request::bucket("GET", BUCKET).query("uploads", ""));
    assert_eq!(uploads.element("UploadId"), None);
}

/// A list of parts for nothing is not read.
#[test]
fn a_completion_of_no_upload_is_refused_before_its_body() {
    let server = server();
    let upload = Upload::begin(&server, KEY);
    let no_upload = "0".repeat(32);
    for (id, status) in [(no_upload.as_str(), 404), (upload.id.as_str(), 100)] {
        let request = Request::object("POST", BUCKET, KEY).query("uploadId", id);
        let request = request.header("Content-Length", "1000").header("Expect", "100-continue");
        let mut connection = server.connect();
        connection.write(&request.bytes(&server.data));
        assert_eq!(connection.head().unwrap().status, status, "{id}");
    }
}

#[test]
fn parts_that_are_none() {
    let server = server();
    let upload = Upload::begin(&server, KEY);
    upload.part(1, b"first");
    let before = upload.parts();
    let invalid = |ec: &str| (400, "InvalidArgument".to_owned(), ec.to_owned());
    let put =
        |number: &str| server.owner(upload.request("PUT").query("partNumber", number).body("x"));
    assert_eq!(server.owner(upload.request("PUT").body("x")).outcome(), invalid("0017-00000219"));
    assert_eq!(put("").outcome(), invalid("0017-00000219"));
    for number in ["0", "10001", "-1", "+1", "STR", "1.5", "99999999999999999999"] {
        let answer = put(number);
        assert_eq!(answer.outcome(), invalid("0017-00000220"), "{number}");
        assert_eq!(answer.element("ArgumentValue").as_deref(), Some(number));
    }
    let wrong = upload.part_request(1).header("Content-MD5", "AAAAAAAAAAAAAAAAAAAAAA==").body("x");
    assert_eq!(server.owner(wrong).code(), refused(400, "InvalidDigest"));
    let two = upload.part_request(1).query("uploads", "").body("x");
    assert_eq!(server.owner(two).code(), refused(400, "InvalidArgument"));
    let announced = upload.part_request(2).header("Content-Length", "5368709121");
    let mut connection = server.connect();
    let bytes = announced.header("Expect", "100-continue").bytes(&server.data);
    connection.write(&bytes);
    assert_eq!(connection.answer("PUT").unwrap().code(), refused(400, "EntityTooLarge"));
    assert_eq!(upload.parts(), before);
    assert_eq!(blobs(&server), 1);
}
