//! Uploads in parts.
//!
//! Sources: OSS "InitiateMultipartUpload", "UploadPart", "CompleteMultipartUpload",
//! "AbortMultipartUpload", and the pages of the errors by their EC. What an entity tag and a checksum
//! must be is computed here by other programs' code.

mod acls;
mod bad_input;
mod copy;
mod lists;
mod races;

use std::fs;
use std::path::Path;

use crc_fast::CrcAlgorithm;
use md5::{Digest as _, Md5};

use crate::support::clock::wait_until;
use crate::support::form::Form;
use crate::support::server::Start;
use crate::support::wire::refused;
use crate::support::{PUBLIC_READ_WRITE, Request, Response, Server};

const BUCKET: &str = "in-parts";
const KEY: &str = "a folder/large";

/// The least bytes of a part that has another after it.
const LEAST: usize = 100 * 1024;

fn server() -> Server {
    let server = Server::start();
    server.bucket(BUCKET, PUBLIC_READ_WRITE);
    server
}

/// Text that tells where it is from.
fn content(seed: usize, length: usize) -> Vec<u8> {
    let byte = |at: usize| u8::try_from((at / 7 * (seed + 3) + seed) % 89).unwrap() + b' ';
    (0..length).map(byte).collect()
}

fn tag(bytes: &[u8]) -> String {
    format!("\"{}\"", hex::encode_upper(Md5::digest(bytes)))
}

/// The tag of an object of parts.
fn tag_of_parts<B: AsRef<[u8]>>(parts: &[B]) -> String {
    let digests: Vec<u8> = parts.iter().flat_map(|part| Md5::digest(part.as_ref())).collect();
    format!("\"{}-{}\"", hex::encode_upper(Md5::digest(digests)), parts.len())
}

fn crc(bytes: &[u8]) -> String {
    crc_fast::checksum(CrcAlgorithm::Crc64Xz, bytes).to_string()
}

/// The files of blobs.
fn blobs(server: &Server) -> usize {
    fn below(folder: &Path) -> usize {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.map(|path| if path.is_dir() { below(&path) } else { 1 }).sum()
    }
    below(&server.data_dir().join("blobs"))
}

fn wait_for_blobs(server: &Server, count: usize) {
    wait_until("what is given up is deleted", || blobs(server) == count);
}

/// An upload of [`BUCKET`].
struct Upload<'s> {
    server: &'s Server,
    key: &'s str,
    id: String,
}

impl<'s> Upload<'s> {
    fn begin(server: &'s Server, key: &'s str) -> Self {
        Self::begin_with(server, key, Request::object("POST", BUCKET, key))
    }

    /// Begins with a request that has more headers.
    fn begin_with(server: &'s Server, key: &'s str, request: Request) -> Self {
        let answer = server.done(request.query("uploads", "").body(""));
        let id = answer.element("UploadId").unwrap();
        let digits = id.bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b));
        assert!(id.len() == 32 && digits, "{id}");
        Self { server, key, id }
    }

    fn request(&self, method: &str) -> Request {
        Request::object(method, BUCKET, self.key).query("uploadId", &self.id)
    }

    fn part_request(&self, number: usize) -> Request {
        self.request("PUT").query("partNumber", &number.to_string())
    }

    /// Uploads a part and returns its tag.
    fn part(&self, number: usize, bytes: &[u8]) -> String {
        let answer = self.server.done(self.part_request(number).body(bytes));
        assert_eq!(answer.header("x-oss-hash-crc64ecma"), Some(crc(bytes).as_str()));
        let etag = answer.header("etag").unwrap().to_owned();
        assert_eq!(etag, tag(bytes));
        etag
    }

    fn complete<T: AsRef<str>>(&self, parts: &[(usize, T)]) -> Response {
        self.server.owner(self.request("POST").body(completion(parts)))
    }

    fn abort(&self) -> Response {
        self.server.owner(self.request("DELETE"))
    }

    /// What the upload has: numbers, tags and sizes.
    fn parts(&self) -> Vec<String> {
        let text = String::from_utf8(self.server.done(self.request("GET")).body).unwrap();
        text.split("<Part>").skip(1).map(str::to_owned).collect()
    }
}

fn completion<T: AsRef<str>>(parts: &[(usize, T)]) -> String {
    let part = |(number, tag): &(usize, T)| {
        let tag = tag.as_ref();
        format!("<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag></Part>")
    };
    let parts: String = parts.iter().map(part).collect();
    format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>")
}

#[test]
fn parts_become_an_object_and_no_byte_moves() {
    let server = server();
    let request = Request::object("POST", BUCKET, KEY).header("Content-Type", "video/mp4");
    let request = request.header("x-oss-meta-title", "large").header("Cache-Control", "no-cache");
    let upload = Upload::begin_with(&server, KEY, request.header("x-oss-storage-class", "IA"));
    let parts = [content(1, LEAST), content(2, LEAST + 1), content(3, 10)];
    // In any order, with numbers left out, and one of them twice.
    upload.part(9, &parts[2]);
    upload.part(2, &content(4, LEAST));
    let second = upload.part(5, &parts[1]);
    let first = upload.part(2, &parts[0]);
    upload.part(7, b"left out");
    assert_eq!(server.content(BUCKET, KEY), None, "it is not there before its end");
    wait_for_blobs(&server, 4);

    let list =
        [(2, first.to_lowercase()), (5, second.trim_matches('"').into()), (9, tag(&parts[2]))];
    let answer = upload.complete(&list);
    let (whole, etag) = (parts.concat(), tag_of_parts(&parts));
    assert_eq!(answer.status, 200, "{}", answer.error());
    assert_eq!(answer.element("ETag"), Some(etag.clone()));
    assert_eq!(answer.element("Key").as_deref(), Some(KEY));
    assert_eq!(answer.element("Bucket").as_deref(), Some(BUCKET));
    let location = format!("http://{}/{BUCKET}/a%20folder/large", server.data);
    assert_eq!(answer.element("Location"), Some(location));
    assert_eq!(answer.header("x-oss-hash-crc64ecma"), Some(crc(&whole).as_str()));
    wait_for_blobs(&server, 3);

    let object = server.done(Request::get(BUCKET, KEY));
    assert!(object.body == whole);
    for (name, want) in [
        ("etag", Some(etag.as_str())),
        ("x-oss-hash-crc64ecma", Some(&crc(&whole))),
        ("x-oss-object-type", Some("Multipart")),
        ("x-oss-storage-class", Some("IA")),
        ("content-type", Some("video/mp4")),
        ("cache-control", Some("no-cache")),
        ("x-oss-meta-title", Some("large")),
        ("content-md5", None),
    ] {
        assert_eq!(object.header(name), want, "{name}");
    }
    for (from, to) in
        [(0, 0), (LEAST - 1, LEAST), (5, 2 * LEAST + 5), (2 * LEAST + 1, 2 * LEAST + 10)]
    {
        let range = format!("bytes={from}-{to}");
        let part = server.done(Request::get(BUCKET, KEY).header("Range", &range));
        assert_eq!(part.status, 206);
        assert!(part.body == whole[from..=to], "{range}");
    }
    server.done(Request::object("DELETE", BUCKET, KEY));
    wait_for_blobs(&server, 0);
}

#[test]
fn all_parts_are_taken_without_a_list() {
    let server = server();
    let upload = Upload::begin(&server, KEY);
    let all = || upload.request("POST").header("x-oss-complete-all", "yes");
    assert_eq!(server.owner(all().body("")).code(), refused(400, "InvalidPart"));
    let parts = [content(1, LEAST), content(2, 3)];
    upload.part(4, &parts[1]);
    let first = upload.part(3, &parts[0]);
    let with_list = server.owner(all().body(completion(&[(3, first)])));
    assert_eq!(with_list.outcome(), (400, "InvalidArgument".into(), "0042-00000216".into()));
    let other = upload.request("POST").header("x-oss-complete-all", "no").body("");
    assert_eq!(server.owner(other).code(), refused(400, "InvalidArgument"));
    let done = server.done(all().body(""));
    assert_eq!(done.element("ETag"), Some(tag_of_parts(&parts)));
    assert_eq!(server.content(BUCKET, KEY), Some(parts.concat()));
}

/// Behind a proxy that speaks TLS, the object's URL is one of TLS.
#[test]
fn the_object_is_where_its_client_found_us() {
    let server = Start::default().flag("--trusted-proxy", "127.0.0.0/8").run();
    server.bucket(BUCKET, PUBLIC_READ_WRITE);
    for (proto, scheme) in [(Some("https"), "https"), (Some("http"), "http"), (None, "http")] {
        let upload = Upload::begin(&server, "k");
        let list = completion(&[(1, upload.part(1, b"content"))]);
        let with = |request: Request| match proto {
            Some(proto) => request.header("X-Forwarded-Proto", proto),
            None => request,
        };
        let done = server.done(with(upload.request("POST")).body(list));
        let url = |key: &str| Some(format!("{scheme}://{}/{BUCKET}/{key}", server.data));
        assert_eq!(done.element("Location"), url("k"), "{proto:?}");
        let form = Form::of("form").field("success_action_status", "201");
        let posted = server.send(&with(form.to(BUCKET)));
        assert_eq!(posted.element("Location"), url("form"), "{proto:?}");
    }
}

#[test]
fn an_object_may_be_forbidden_to_be_replaced() {
    let server = server();
    let upload = Upload::begin(&server, KEY);
    let etag = upload.part(1, b"new");
    server.done(Request::put(BUCKET, KEY, "old"));
    let forbid = |request: Request| request.header("x-oss-forbid-overwrite", "true");
    let begin = Request::object("POST", BUCKET, KEY).query("uploads", "").body("");
    assert_eq!(server.owner(forbid(begin)).code(), refused(409, "FileAlreadyExists"));
    let complete = forbid(upload.request("POST")).body(completion(&[(1, &etag)]));
    assert_eq!(server.owner(complete.clone()).code(), refused(409, "FileAlreadyExists"));
    assert_eq!(server.content(BUCKET, KEY).as_deref(), Some(&b"old"[..]));
    server.done(Request::object("DELETE", BUCKET, KEY));
    assert_eq!(server.owner(complete).status, 200, "the upload is still there");
    assert_eq!(server.content(BUCKET, KEY).as_deref(), Some(&b"new"[..]));
}

#[test]
fn an_aborted_upload_leaves_nothing() {
    let server = server();
    let upload = Upload::begin(&server, KEY);
    upload.part(1, &content(1, 300_000));
    upload.part(2, b"");
    assert_eq!(upload.abort().status, 204);
    wait_for_blobs(&server, 0);
    assert_eq!(upload.abort().outcome(), (404, "NoSuchUpload".into(), "0042-00000002".into()));
    server.done(Request::bucket("DELETE", BUCKET));
}

#[test]
fn uploads_count_and_keep_their_bucket() {
    let server = server();
    let stat = || {
        let answer = server.done(Request::bucket("GET", BUCKET).query("stat", ""));
        let figure = |name: &str| answer.element(name).unwrap().parse::<usize>().unwrap();
        [
            "Storage",
            "ObjectCount",
            "MultipartUploadCount",
            "MultipartPartCount",
            "MultipartPartStorage",
        ]
        .map(figure)
    };
    let (one, other) = (Upload::begin(&server, KEY), Upload::begin(&server, KEY));
    one.part(1, b"12345");
    one.part(2, b"678");
    one.part(1, b"1");
    assert_eq!(stat(), [4, 0, 2, 2, 4]);
    server.done(Request::put(BUCKET, "beside", "0123456789"));
    assert_eq!(stat(), [14, 1, 2, 2, 4]);
    server.done(Request::object("DELETE", BUCKET, "beside"));
    let refusal = server.owner(Request::bucket("DELETE", BUCKET));
    assert_eq!(refusal.outcome(), (409, "BucketNotEmpty".into(), "0015-00000301".into()));
    assert_eq!(other.abort().status, 204);
    assert_eq!(one.complete(&[(2, tag(b"678"))]).status, 200);
    assert_eq!(stat(), [3, 1, 0, 0, 0]);
}

/// What the head of a completion says is refused once its list is out of the way: the connection goes
/// on.
#[test]
fn a_refused_completion_leaves_its_connection_usable() {
    let server = server();
    let list = vec![b' '; 100 << 10];
    let bad = Request::object("POST", BUCKET, KEY)
        .query("uploadId", "none")
        .header("x-oss-complete-all", "perhaps")
        .body(list);
    let mut connection = server.connect();
    connection.write(&bad.bytes(&server.data));
    assert_eq!(connection.answer("POST").unwrap().status, 404);
    connection.write(&Request::get(BUCKET, "none").bytes(&server.data));
    assert!(connection.answer("GET").is_some());
}
