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

/// A playlist of 2 MiB whose links, each a letter, are a hundred times as long once they are signed.
/// With a preview it cannot be cut before it was worked on, as its only segment comes last. However
/// many ask for it at once, what is worked on takes what there is room for, 128 MiB in all.
#[test]
fn playlists_of_long_links_take_the_room_there_is_for_all() {
    const AT_ONCE: usize = 8;
    const KEY: &str = "24FEQmTzro4V5u3D5epW";
    let place = Place::new();
    let server = place.start();
    server.client().open_bucket("/bucket/");
    let folder = format!("/vod/{}/", "%E4%B8%AD".repeat(330));
    let keys = "#EXT-X-KEY:METHOD=NONE,URI=\"a\"\n".repeat(49_990);
    let text = format!("#EXTM3U\n{keys}#EXTINF:10,\ns.ts\n#EXT-X-ENDLIST\n");
    let path = format!("/bucket{folder}i.m3u8");
    server.client().put(&path, text.as_bytes()).unwrap().expect(200);
    let terms = format!(
        r#"{{"bucket":"bucket","signing":{{"scheme":"tencent-vod"}},"keys":{{"primary":"{KEY}"}}}}"#
    );
    let basic = format!("Basic {}", STANDARD.encode(format!("{KEY_ID}:{KEY_SECRET}")));
    let headers = [("authorization", basic.as_str())];
    let domain = "/api/v1/domains/cdn.example.com";
    server.admin().send("PUT", domain, &headers, terms.as_bytes()).unwrap().expect(201);

    let before = server.memory(PEAK);
    // The link ends in 2099.
    for (exper, answers) in [("5", [403, 503]), ("0", [200, 503])] {
        let sign = hex::encode(Md5::digest(format!("{KEY}{folder}f48656ff{exper}0a123456789")));
        let query = format!("t=f48656ff&exper={exper}&rlimit=0&us=a123456789&sign={sign}");
        let ask = || {
            let mut connection = server.client().connect().unwrap();
            let request = format!(
                "GET {folder}i.m3u8?{query} HTTP/1.1\r\nhost: cdn.example.com\r\n\
                 connection: close\r\n\r\n"
            );
            connection.write_all(request.as_bytes()).unwrap();
            let mut connection = BufReader::new(connection);
            let reply = read_head(&mut connection).unwrap();
            let mut body = Vec::new();
            connection.read_to_end(&mut body).unwrap();
            if reply.status == 200 {
                assert!(body == text.as_bytes(), "what is too long is given as it is stored");
            }
            reply.status
        };
        let given = std::thread::scope(|scope| {
            let all: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(ask)).collect();
            all.into_iter().map(|it| it.join().unwrap()).collect::<Vec<_>>()
        });
        assert!(given.iter().all(|status| answers.contains(status)), "{exper}: {given:?}");
        assert!(given.contains(&answers[0]), "{exper}: {given:?}");
    }
    let taken = server.memory(PEAK) - before;
    println!("{AT_ONCE} at once took {:.1} MiB", mib(taken));
    // Each would take 140 MiB if it were worked on to its end, and twice that while it grows.
    assert!(taken < 256 * MIB, "{taken}");
}
