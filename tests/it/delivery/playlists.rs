//! Playlists: what is in them is signed as they are given out, and a preview ends early.

use std::thread;

use serde_json::{Value, json};

use super::{BUCKET, HOST, KEY, ask, auth_key, denied, get, link, md5, put, type_a};
use crate::support::clock::{self, wait_until};
use crate::support::{PRIVATE, Request, Response, Server};

const MEDIA: &str = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:10\n\
    #EXT-X-KEY:METHOD=AES-128,URI=\"key.bin\"\n\
    #EXTINF:10,\nseg-1.ts\n#EXTINF:10,\nseg-2.ts?x=1\n#EXTINF:10,\n/vod/sub/seg-3.ts\n\
    #EXTINF:10,\nhttps://elsewhere.example/seg-4.ts\n#EXTINF:10,\n../seg-5.ts\n#EXT-X-ENDLIST\n";
/// Its segments say that they last no time.
const ZERO: &str = "#EXTM3U\n#EXTINF:0,\nseg-1.ts\n#EXTINF:0,\nseg-2.ts\n#EXT-X-ENDLIST\n";
const MASTER: &str = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000\nlow/index.m3u8\n";

fn server() -> Server {
    let server = Server::start();
    server.bucket(BUCKET, PRIVATE);
    for (name, body) in [
        ("vod/index.m3u8", MEDIA),
        ("vod/master.m3u8", MASTER),
        ("vod/low/index.m3u8", MEDIA),
        ("vod/not.m3u8", "no playlist"),
        ("vod/zero.m3u8", ZERO),
        ("vod/seg-1.ts", "1"),
        ("vod/seg-2.ts", "2"),
        ("vod/sub/seg-3.ts", "3"),
        ("seg-5.ts", "5"),
        ("vod/key.bin", "key"),
        ("vod/a.mp4", "mp4"),
    ] {
        let put = Request::put(BUCKET, name, body);
        server.done(
            put.header("Content-Type", "application/vnd.apple.mpegurl").header("x-oss-meta-a", "b"),
        );
    }
    let zipped = Request::put(BUCKET, "vod/zip.m3u8", MEDIA).header("Content-Encoding", "gzip");
    server.done(zipped);
    server
}

/// The whole bucket, signed by type A.
fn whole() -> Value {
    let mut terms = type_a();
    terms["prefix"] = json!("");
    terms
}

fn text(response: &Response) -> String {
    assert_eq!(response.status, 200, "{response:?}");
    String::from_utf8(response.body.clone()).unwrap()
}

fn lines(playlist: &str) -> Vec<&str> {
    playlist.lines().filter(|line| !line.starts_with('#')).collect()
}

#[test]
fn what_a_playlist_leads_to_is_signed() {
    let server = server();
    put(&server, HOST, &whole());
    let target = link("/vod/index.m3u8");
    let (_, auth) = target.split_once("auth_key=").unwrap();
    let stamp = auth.split('-').next().unwrap();
    let given = get(&server, &target);
    let playlist = text(&given);
    let lines = lines(&playlist);
    assert!(
        lines[0].starts_with(&format!("/vod/seg-1.ts?auth_key={stamp}-"))
            || lines[0].starts_with(&format!("seg-1.ts?auth_key={stamp}-")),
        "{}",
        lines[0]
    );
    let absolute =
        |line: &str| if line.starts_with('/') { line.to_owned() } else { format!("/vod/{line}") };
    for (line, body) in lines.iter().zip(["1", "2", "3"]) {
        let segment = get(&server, &absolute(line));
        assert_eq!((segment.status, segment.body.as_slice()), (200, body.as_bytes()), "{line}");
        // The link of one segment is none of another.
        assert_eq!(get(&server, &absolute(line).replace("/seg-", "/sag-")).status, 403);
    }
    assert!(lines[1].contains("seg-2.ts?x=1&auth_key="), "{}", lines[1]);
    assert_eq!(lines[3], "https://elsewhere.example/seg-4.ts", "another host's");
    assert_eq!(lines[4], "../seg-5.ts", "outside of its directory");
    let key = playlist.split("URI=\"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(get(&server, &absolute(key)).body, b"key");

    assert_eq!(given.header("x-oss-meta-a"), Some("b"));
    assert_eq!(given.header("content-type"), Some("application/vnd.apple.mpegurl"));
    assert_eq!((given.header("etag"), given.header("accept-ranges")), (None, None));
    let head = ask(&server, ("HEAD", HOST), &target, &[]);
    assert_eq!((head.status, head.length()), (200, playlist.len()));
    let part = ask(&server, ("GET", HOST), &target, &[("Range", "bytes=0-3")]);
    assert_eq!(
        (part.status, part.body.len()),
        (200, playlist.len()),
        "a range of what is made is not given"
    );

    let low = text(&get(&server, &link("/vod/master.m3u8")));
    let low = low.lines().last().unwrap();
    let low = text(&get(&server, &absolute(low)));
    assert_eq!(low.matches("auth_key=").count(), 3, "{low}");
}

#[test]
fn what_is_not_to_be_signed_stays_as_it_is_stored() {
    let server = server();
    put(&server, HOST, &whole());
    let zipped = get(&server, &link("/vod/zip.m3u8"));
    assert_eq!((text(&zipped).as_str(), zipped.header("content-encoding")), (MEDIA, Some("gzip")));
    let other = get(&server, &link("/vod/not.m3u8"));
    assert!(text(&other) == "no playlist" && other.header("etag").is_some());
    let mut terms = whole();
    terms["playlists"] = json!("plain");
    put(&server, HOST, &terms);
    assert_eq!(text(&get(&server, &link("/vod/index.m3u8"))), MEDIA);
    put(&server, "open.example.com", &json!({ "bucket": BUCKET, "origin_access": true }));
    assert_eq!(text(&ask(&server, ("GET", "open.example.com"), "/vod/index.m3u8", &[])), MEDIA);
    // What is stored has not changed.
    assert_eq!(server.content(BUCKET, "vod/index.m3u8").as_deref(), Some(MEDIA.as_bytes()));
}

/// A playlist whose links lead out of its directory, to the root and to another host.
const WIDE: &str = "#EXTM3U\n../seg-1.ts\n/seg-5.ts\nhttp://elsewhere.example/s.ts\n";
const VOD: &str = "24FEQmTzro4V5u3D5epW";

/// A link to that playlist: by the scheme of the terms, and for refgate's own to a directory.
fn wide_link(server: &Server, terms: &Value, depth: Option<u8>) -> String {
    let path = "/vod/low/wide.m3u8";
    let key = terms["keys"]["primary"].as_str().unwrap();
    match terms["signing"]["scheme"].as_str().unwrap() {
        "refgate" => {
            let order = json!({ "urls": [path], "lifetime": 60, "directory": depth }).to_string();
            let (_, made) = super::admin(server, ("POST", &format!("/{HOST}/sign")), &[], &order);
            made["links"][0]["url"].as_str().unwrap().to_owned()
        }
        "tencent-vod" => {
            let time = format!("{:08x}", clock::now() + 600);
            let sign = md5(&format!("{key}/vod/low/{time}00a123456789"));
            format!("{path}?t={time}&exper=0&rlimit=0&us=a123456789&sign={sign}")
        }
        _ => format!("{path}?{}", auth_key(key, path, clock::now())),
    }
}

fn unsigned_playlists(server: &Server) -> Vec<String> {
    let mut connection = crate::support::Connection::open(&server.admin);
    connection.write(b"GET /metrics HTTP/1.1\r\nHost: admin\r\n\r\n");
    let metrics = String::from_utf8(connection.answer("GET").unwrap().body).unwrap();
    let lines = metrics.lines();
    let counts = lines.filter_map(|line| line.strip_prefix("refgate_delivery_unsigned_playlists_"));
    counts.map(str::to_owned).collect()
}

/// Which links of a playlist are signed: of its directory, of that which the link to it opens, or on the
/// whole host. What stays unsigned is told.
#[test]
fn links_are_signed_as_far_as_the_link_reaches() {
    let server = server();
    server.done(Request::put(BUCKET, "vod/low/wide.m3u8", WIDE));
    let terms = |scheme: &str, key: &str, playlists: &str| {
        json!({ "bucket": BUCKET, "signing": { "scheme": scheme }, "keys": { "primary": key },
                "playlists": playlists })
    };
    let own = "0123456789abcdefghijklmnopqrstuv";
    #[rustfmt::skip]
    let table = [
        ("its directory",    terms("ali-a", KEY, "signed"),            None,    [false, false]),
        ("the whole host",   terms("ali-a", KEY, "signed-host"),       None,    [true, true]),
        ("plain",            terms("ali-a", KEY, "plain"),             None,    [false, false]),
        ("one file",         terms("refgate", own, "signed"),          None,    [false, false]),
        ("its parent",       terms("refgate", own, "signed"),          Some(1), [true, false]),
        ("all",              terms("refgate", own, "signed"),          Some(0), [true, true]),
        ("one file, all",    terms("refgate", own, "signed-host"),     None,    [true, true]),
        ("tickets",          terms("tencent-vod", VOD, "signed-host"), None,    [true, true]),
        ("tickets of none",  terms("tencent-vod", VOD, "signed"),      None,    [false, false]),
    ];
    for (name, terms, depth, want) in table {
        super::admin(&server, ("DELETE", &format!("/{HOST}")), &[], "");
        put(&server, HOST, &terms);
        let playlist = text(&get(&server, &wide_link(&server, &terms, depth)));
        let lines = lines(&playlist);
        for ((line, plain), want) in lines.iter().zip(["../seg-1.ts", "/seg-5.ts"]).zip(want) {
            assert_eq!(*line != plain, want, "{name}: {line}");
            if want {
                assert_eq!(get(&server, line).status, 200, "{name}: {line}");
                let other = get(&server, &line.replace("seg-1.ts", "a.mp4").replace("seg-5", "x"));
                assert_eq!(other.status == 403, depth.is_none(), "{name}: no other file");
            }
        }
        assert_eq!(lines[2], "http://elsewhere.example/s.ts", "{name}");
    }
    // Of a plain one nothing was to be signed.
    let counts = unsigned_playlists(&server);
    assert_eq!(counts, ["total{what=\"whole\"} 0", "total{what=\"links\"} 4"]);
}

#[test]
fn a_playlist_that_stays_unsigned_is_told() {
    let server = server();
    put(&server, HOST, &whole());
    for name in ["zip", "not", "index"] {
        assert_eq!(get(&server, &link(&format!("/vod/{name}.m3u8"))).status, 200);
    }
    let counts = unsigned_playlists(&server);
    let log = server.stop().log;
    assert_eq!(counts, ["total{what=\"whole\"} 2", "total{what=\"links\"} 1"]);
    for why in [
        "a playlist that stays unsigned: it is compressed",
        "a playlist that stays unsigned: it is no playlist",
        "links that stay unsigned, out of reach: 1",
    ] {
        assert!(log.contains(&format!("why=\"{why}\"")), "{why}: {log}");
    }
}

/// A long one is sent in pieces, by many requests at once, and leaves nothing behind: the room that
/// they take in memory is free again.
#[test]
fn long_playlists_find_room() {
    let server = server();
    let segment = format!("#EXTINF:10,\n{}.ts\n", "long-name-".repeat(20));
    let long = format!("#EXTM3U\n{}#EXT-X-ENDLIST\n", segment.repeat(3000));
    server.done(Request::put(BUCKET, "vod/long.m3u8", &long));
    let endless = format!("#EXTM3U\n{}", "a\n".repeat(60_000));
    server.done(Request::put(BUCKET, "vod/endless.m3u8", &endless));
    put(&server, HOST, &whole());
    for _ in 0..2 {
        thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| {
                    let given = get(&server, &link("/vod/long.m3u8"));
                    assert!(matches!(given.status, 200 | 503), "{}", given.status);
                    if given.status == 200 {
                        let text = text(&given);
                        assert_eq!((given.torn, text.matches("auth_key=").count()), (false, 3000));
                    }
                });
            }
        });
    }
    // Whoever goes away gives the room back.
    for _ in 0..16 {
        let mut gone = server.connect();
        let target = link("/vod/long.m3u8");
        gone.write(format!("GET {target} HTTP/1.1\r\nHost: {HOST}\r\n\r\n").as_bytes());
        assert!(gone.head().is_some());
    }
    wait_until("there is room", || get(&server, &link("/vod/long.m3u8")).status == 200);
    assert_eq!(text(&get(&server, &link("/vod/endless.m3u8"))), endless, "too many links to sign");
}

/// A link of Tencent VOD for so many seconds: a playlist ends at the segment that reaches them, and
/// nothing else is given, in particular not the whole file.
#[test]
fn a_preview_ends_early() {
    let server = server();
    let terms = json!({
        "bucket": BUCKET, "signing": { "scheme": "tencent-vod" }, "keys": { "primary": VOD },
    });
    put(&server, HOST, &terms);
    let link = |path: &str, exper: &str| {
        let time = format!("{:08x}", clock::now() + 600);
        let sign = md5(&format!("{VOD}/vod/{time}{exper}0a123456789"));
        format!("{path}?t={time}&exper={exper}&rlimit=0&us=a123456789&sign={sign}")
    };
    for (exper, segments) in [("1", 1), ("10", 1), ("11", 2), ("15", 2), ("0", 5)] {
        let playlist = text(&get(&server, &link("/vod/index.m3u8", exper)));
        assert_eq!(lines(&playlist).len(), segments, "{exper}: {playlist}");
    }
    let preview = text(&get(&server, &link("/vod/index.m3u8", "15")));
    let segment = lines(&preview)[0];
    let segment =
        if segment.starts_with('/') { segment.to_owned() } else { format!("/vod/{segment}") };
    assert_eq!(get(&server, &segment).body, b"1");
    assert_eq!(
        get(&server, &segment.replace("seg-1", "seg-2")).status,
        403,
        "one file, not the directory"
    );
    for path in ["/vod/a.mp4", "/vod/seg-1.ts", "/vod/zip.m3u8", "/vod/not.m3u8", "/vod/zero.m3u8"]
    {
        for method in ["GET", "HEAD"] {
            let given = ask(&server, (method, HOST), &link(path, "15"), &[("Range", "bytes=0-0")]);
            assert_eq!(denied(&given), "denied by req auth: preview unsupported", "{path}");
        }
    }
}

/// A segment among playlists is none of them: it is cut with them or not given.
#[test]
fn a_preview_gives_no_segment_of_a_playlist_of_playlists() {
    let server = server();
    let mixed = format!("{MASTER}seg-1.ts\n#EXT-X-MAP:URI=\"a.mp4\"\n");
    server.done(Request::put(BUCKET, "vod/mixed.m3u8", mixed));
    let terms = json!({
        "bucket": BUCKET, "signing": { "scheme": "tencent-vod" }, "keys": { "primary": VOD },
    });
    put(&server, HOST, &terms);
    let time = format!("{:08x}", clock::now() + 600);
    for (exper, want) in [("5", 403), ("0", 200)] {
        let sign = md5(&format!("{VOD}/vod/{time}{exper}0a123456789"));
        let target =
            format!("/vod/mixed.m3u8?t={time}&exper={exper}&rlimit=0&us=a123456789&sign={sign}");
        let playlist = text(&get(&server, &target));
        let map = playlist.split("URI=\"").nth(1).unwrap().split('"').next().unwrap();
        let [variant, segment] = lines(&playlist)[..] else { panic!("{playlist}") };
        for (name, path) in [("segment", segment), ("file", map)] {
            let given = get(&server, path);
            assert_eq!(given.status, want, "{name} {exper}");
            if want == 403 {
                assert_eq!(denied(&given), "denied by req auth: preview unsupported", "{name}");
            }
        }
        let segments = lines(&text(&get(&server, variant))).len();
        assert_eq!(segments, if exper == "5" { 1 } else { 5 }, "the variant is cut by itself");
    }
}

/// A signature is looked at when a request begins, and never again: not when it ends, not when the
/// settings change, not when the domain goes.
#[test]
fn a_download_that_has_begun_goes_on() {
    const SIZE: usize = 64 << 20;
    const VALIDITY: i64 = 10;
    let server = Server::start();
    server.bucket(BUCKET, PRIVATE);
    let body: Vec<u8> = (0..SIZE).map(|n| u8::try_from(n / 4096 % 251).unwrap()).collect();
    server.done(Request::put(BUCKET, "vod/live.flv", &body));
    let mut terms = type_a();
    terms["signing"] = json!({ "scheme": "ali-live", "validity": VALIDITY });
    put(&server, HOST, &terms);
    let target = link("/live.flv");
    let made = clock::now();
    let mut watching: Vec<_> = (0..2)
        .map(|_| {
            let mut connection = server.connect();
            let head =
                format!("GET {target} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n");
            connection.write(head.as_bytes());
            let head = connection.head().unwrap();
            assert_eq!((head.status, head.length()), (200, SIZE));
            connection
        })
        .collect();
    wait_until("the link has ended", || clock::now() > made + VALIDITY + 1);
    assert!(denied(&get(&server, &target)).contains("expired timestamp="), "a new request fails");
    assert!(watching.remove(0).take(SIZE) == body, "it ran past its end");
    terms["keys"] = json!({ "primary": "anotherkey1234567", "replace": true });
    put(&server, HOST, &terms);
    let query = auth_key(KEY, "/live.flv", clock::now());
    assert_eq!(get(&server, &format!("/live.flv?{query}")).status, 403, "in force at once");
    assert_eq!(super::admin(&server, ("DELETE", &format!("/{HOST}")), &[], "").0.status, 204);
    assert!(watching.remove(0).take(SIZE) == body, "the domain is gone, and the download is whole");
}
