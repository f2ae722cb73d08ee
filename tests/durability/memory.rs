//! Bodies are streamed: what a server holds in memory does not grow with an object.
//!
//! The largest object that can be uploaded in one piece takes 5 GiB of disk and some minutes, so
//! it is measured by hand:
//!
//! ```text
//! cargo test --release --test durability five_gib -- --ignored --nocapture
//! ```

use std::io::{BufReader, Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use tokio::time::Instant;

use crate::support::client::{KEY_ID, KEY_SECRET, head, read_head};
use crate::support::content::Content;
use crate::support::server::{Place, Server};

const MIB: u64 = 1 << 20;
const OBJECT: &str = "/bucket/large";

/// An object that has every buffer of the server used once.
const WARM_UP: u64 = 32 * MIB;

/// What a larger object may add, which is less than an eighth of the smallest one tried.
const GROWTH: u64 = 24 * MIB;

/// The most that a server ever had in memory.
const PEAK: &str = "VmHWM:";

#[test]
fn a_quarter_gib_up_and_down_takes_no_more_than_an_eighth_of_it() {
    up_and_down(256 * MIB);
}

#[test]
#[ignore = "takes 5 GiB of disk and minutes"]
fn five_gib_up_and_down_take_no_more_than_a_small_part_of_it() {
    up_and_down(5 * 1024 * MIB);
}

/// What the server's own code, its connections and its buffers take is the same for a small object:
/// it is measured first, and what counts is the growth.
fn up_and_down(length: u64) {
    let place = Place::new();
    let server = place.start();
    server.client().open_bucket("/bucket/");
    let small = peak_of(&server, Content { seed: 4, length: WARM_UP });
    let large = peak_of(&server, Content { seed: 5, length });
    assert!(large <= small + GROWTH, "{small} bytes in memory, then {large}");
}

/// Uploads and downloads an object. Returns the most that the server ever had in memory, in bytes.
fn peak_of(server: &Server, content: Content) -> u64 {
    let start = Instant::now();
    let etag = upload(server, content);
    let (up, after_up) = (start.elapsed(), server.memory(PEAK));
    let start = Instant::now();
    download(server, content, &etag);
    let (down, after_down) = (start.elapsed(), server.memory(PEAK));
    println!(
        "{} MiB: up in {:.1} s with a peak of {:.1} MiB, down in {:.1} s with {:.1} MiB in all",
        content.length / MIB,
        up.as_secs_f64(),
        mib(after_up),
        down.as_secs_f64(),
        mib(after_down),
    );
    after_down
}

/// Uploads what is made on the way. Returns the tag that the server gave it.
fn upload(server: &Server, content: Content) -> String {
    let mut upload = server.client().connect().unwrap();
    upload.write_all(head("PUT", OBJECT, &[], content.length).as_bytes()).unwrap();
    let mut md5 = Md5::new();
    for piece in content.pieces() {
        md5.update(&piece);
        upload.write_all(&piece).unwrap();
    }
    let reply = read_head(&mut BufReader::new(upload)).unwrap().expect(200);
    let etag = format!("\"{}\"", hex::encode_upper(md5.finalize()));
    assert_eq!(reply.header("etag"), Some(etag.as_str()));
    etag
}

fn download(server: &Server, content: Content, etag: &str) {
    let mut connection = server.client().connect().unwrap();
    connection.write_all(head("GET", OBJECT, &[], 0).as_bytes()).unwrap();
    let mut connection = BufReader::with_capacity(1 << 20, connection);
    let reply = read_head(&mut connection).unwrap().expect(200);
    assert_eq!(reply.header("content-length"), Some(content.length.to_string().as_str()));
    assert_eq!(reply.header("etag"), Some(etag));
    let mut seen = Vec::new();
    for piece in content.pieces() {
        seen.resize(piece.len(), 0);
        connection.read_exact(&mut seen).unwrap();
        assert!(seen == piece, "the object came back with other bytes");
    }
}

#[expect(clippy::cast_precision_loss, reason = "for people to read")]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / MIB as f64
}

/// A list of 60 MiB is read as it arrives: what is kept of it is the list. The last rule is none, so
/// nothing but reading happens.
#[test]
fn a_long_list_takes_its_own_memory() {
    const RULES: usize = 60_000;
    let place = Place::new();
    let server = place.start();
    server.client().open_bucket("/bucket/");
    let before = server.memory(PEAK);
    let rule = |n: usize| format!("\"http://{n:0>1000}/\",");
    let mut json = r#"{"allow_empty_referer":true,"whitelist":["#.to_owned();
    json.extend((0..RULES).map(rule));
    json += "\n\"a\\tb\"]}";
    let path = "/api/v1/buckets/bucket/referer";
    let basic = format!("Basic {}", STANDARD.encode(format!("{KEY_ID}:{KEY_SECRET}")));
    let headers = [("authorization", basic.as_str())];
    let refused = server.admin().send("PUT", path, &headers, json.as_bytes()).unwrap().expect(400);
    let words = format!("whitelist[{RULES}]: the rule has the control character '\\\\t' at line 2");
    assert!(refused.text().contains(&words), "{}", refused.text());
    let taken = server.memory(PEAK) - before;
    println!("a list of {:.1} MiB took {:.1} MiB", mib(json.len() as u64), mib(taken));
    assert!(taken < json.len() as u64 * 3 / 2, "{taken}");
}
