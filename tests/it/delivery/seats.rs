//! Links that only so many clients may use.

use std::thread;

use serde_json::json;

use super::{BUCKET, HOST, admin, ask, denied, furnish, get, md5, put};
use crate::support::clock::wait_until;
use crate::support::policy::{EVIL, GOOD, STRICT};
use crate::support::server::Start;
use crate::support::{Request, Response, Server, clock};

/// The key of the vendor's examples.
const VOD: &str = "24FEQmTzro4V5u3D5epW";
const FULL: &str = "denied by IP ACL = not in whitelist";

/// A server that believes what this machine says of its clients.
fn behind_a_proxy() -> Server {
    let server = Start::default().flag("--trusted-proxy", "127.0.0.0/8").run();
    furnish(&server);
    domain(&server);
    server
}

fn domain(server: &Server) {
    put(
        server,
        HOST,
        &json!({
            "bucket": BUCKET, "signing": { "scheme": "tencent-vod" }, "keys": { "primary": VOD },
        }),
    );
}

/// A link to the folder `vod/`, by the formula of the vendor's page.
fn link(name: &str, rlimit: u8, us: &str) -> String {
    let time = format!("{:08x}", clock::now() + 600);
    let sign = md5(&format!("{VOD}/vod/{time}0{rlimit}{us}"));
    format!("/vod/{name}?t={time}&exper=0&rlimit={rlimit}&us={us}&sign={sign}")
}

fn from(server: &Server, client: &str, target: &str) -> Response {
    ask(server, ("GET", HOST), target, &[("X-Forwarded-For", client)])
}

#[test]
fn a_link_is_for_so_many_clients() {
    let server = behind_a_proxy();
    let target = link("a.mp4", 2, "a123456789");
    #[rustfmt::skip]
    let table = [
        ("the first",                   "192.0.2.1",          200),
        ("the first again",             "192.0.2.1",          200),
        ("the second",                  "2001:db8::1",        200),
        ("its other address",           "2001:db8::ffff:2",   200),
        ("the third",                   "2001:db8:0:1::1",    403),
        ("the third, of IPv4",          "192.0.2.2",          403),
        ("the first in other words",    "::ffff:192.0.2.1",   200),
        ("the first through a port",    "192.0.2.1:4711",     200),
        ("what a client made up",       "192.0.2.1, 192.0.2.9", 403),
        ("who cannot be told",          "unknown",            403),
    ];
    for (name, client, want) in table {
        let given = from(&server, client, &target);
        assert_eq!(given.status, want, "{name}");
        if want == 403 {
            assert_eq!(denied(&given), FULL, "{name}");
        }
    }
    let head = [("X-Forwarded-For", "192.0.2.2"), ("Range", "bytes=0-0")];
    assert_eq!(denied(&ask(&server, ("HEAD", HOST), &target, &head)), FULL);
    // The signature is the link, whichever file of its directory is asked for.
    let other = target.replace("a.mp4", "b.mp4");
    assert_eq!(denied(&from(&server, "192.0.2.2", &other)), FULL);
    assert_eq!(from(&server, "192.0.2.1", &other).status, 404);
    // Another link has seats of its own, and one of 0 has no limit.
    assert_eq!(from(&server, "192.0.2.2", &link("a.mp4", 1, "b123456789")).status, 200);
    for n in 1..12 {
        let client = format!("192.0.2.{n}");
        assert_eq!(from(&server, &client, &link("a.mp4", 0, "c123456789")).status, 200);
    }
}

#[test]
fn who_is_refused_takes_no_seat() {
    let server = behind_a_proxy();
    let target = link("a.mp4", 1, "a123456789");
    let forged = target.replace("rlimit=1", "rlimit=9");
    assert!(denied(&from(&server, "192.0.2.1", &forged)).contains("invalid md5hash"));
    server.policy(BUCKET, &STRICT);
    let referer = [("X-Forwarded-For", "192.0.2.1"), ("Referer", EVIL)];
    assert_eq!(ask(&server, ("GET", HOST), &target, &referer).status, 403);
    let good = [("X-Forwarded-For", "192.0.2.2"), ("Referer", GOOD)];
    assert_eq!(ask(&server, ("GET", HOST), &target, &good).status, 200);
}

#[test]
fn a_restart_takes_no_seat_away() {
    let server = behind_a_proxy();
    let target = link("a.mp4", 1, "a123456789");
    assert_eq!(from(&server, "192.0.2.1", &target).status, 200);
    let (_, folder) = server.stop_for_restart();
    let server = Start::default().flag("--trusted-proxy", "127.0.0.0/8").run_in(folder);
    assert_eq!(denied(&from(&server, "192.0.2.2", &target)), FULL);
    assert_eq!(from(&server, "192.0.2.1", &target).status, 200);
    // A domain that was made again is another, also to links of the same key.
    assert_eq!(admin(&server, ("DELETE", &format!("/{HOST}")), &[], "").0.status, 204);
    domain(&server);
    assert_eq!(from(&server, "192.0.2.2", &target).status, 200);
}

/// A tolerance that is raised makes links end later: whoever has a seat keeps it, and nobody gets
/// another one.
#[test]
fn a_link_that_ends_later_keeps_its_clients() {
    let server = behind_a_proxy();
    let tolerance = |seconds: u32| {
        let signing = json!({ "scheme": "tencent-vod", "tolerance": seconds });
        put(&server, HOST, &json!({ "bucket": BUCKET, "signing": signing }));
    };
    tolerance(0);
    let time = clock::now() + 10;
    let sign = md5(&format!("{VOD}/vod/{time:08x}01a123456789"));
    let target = format!("/vod/a.mp4?t={time:08x}&exper=0&rlimit=1&us=a123456789&sign={sign}");
    assert_eq!(from(&server, "192.0.2.1", &target).status, 200);
    tolerance(600);
    assert_eq!(from(&server, "192.0.2.1", &target).status, 200);
    wait_until("the link would have ended", || clock::now() > time + 1);
    assert_eq!(denied(&from(&server, "192.0.2.2", &target)), FULL);
    let (_, folder) = server.stop_for_restart();
    let server = Start::default().flag("--trusted-proxy", "127.0.0.0/8").run_in(folder);
    assert_eq!(denied(&from(&server, "192.0.2.2", &target)), FULL);
    assert_eq!(from(&server, "192.0.2.1", &target).status, 200);
}

#[test]
fn a_stranger_cannot_say_that_he_is_another() {
    let server = Server::start();
    furnish(&server);
    domain(&server);
    let target = link("a.mp4", 1, "a123456789");
    for client in ["192.0.2.1", "192.0.2.2"] {
        assert_eq!(from(&server, client, &target).status, 200, "the peer is the same");
    }
}

#[test]
fn the_last_seat_is_given_once() {
    const CLIENTS: u8 = 24;
    let server = behind_a_proxy();
    for round in 0..6 {
        let target = link("a.mp4", 3, &format!("a12345678{round}"));
        let given = thread::scope(|scope| {
            let all: Vec<_> = (0..CLIENTS)
                .map(|n| {
                    let (server, target) = (&server, &target);
                    scope.spawn(move || from(server, &format!("192.0.2.{n}"), target).status)
                })
                .collect();
            all.into_iter().map(|it| it.join().unwrap()).collect::<Vec<_>>()
        });
        assert_eq!(given.iter().filter(|status| **status == 200).count(), 3, "{given:?}");
        assert_eq!(given.iter().filter(|status| **status == 403).count(), 21, "{given:?}");
    }
}

/// What a playlist leads to counts towards the link of the playlist, also with a preview.
#[test]
fn a_playlist_has_no_seats_of_its_own() {
    const MEDIA: &str = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\na.mp4\n\
        #EXTINF:10,\nb.mp4\n#EXT-X-ENDLIST\n";
    let server = behind_a_proxy();
    server.done(Request::put(BUCKET, "vod/i.m3u8", MEDIA));
    for (exper, us) in [("0", "a123456789"), ("5", "b123456789")] {
        let time = format!("{:08x}", clock::now() + 600);
        let sign = md5(&format!("{VOD}/vod/{time}{exper}1{us}"));
        let target = format!("/vod/i.m3u8?t={time}&exper={exper}&rlimit=1&us={us}&sign={sign}");
        let given = from(&server, "192.0.2.1", &target);
        assert_eq!(given.status, 200);
        let text = String::from_utf8(given.body).unwrap();
        let line = text.lines().find(|line| line.contains("a.mp4")).unwrap();
        let segment = format!("/vod/{}", line.trim_start_matches("/vod/"));
        assert_eq!(denied(&from(&server, "192.0.2.2", &segment)), FULL, "{exper} {segment}");
        assert_eq!(from(&server, "192.0.2.1", &segment).status, 200);
    }
    assert_eq!(get(&server, "/vod/a.mp4").status, 403);
}

/// Variants lie in folders, and a signature of the scheme is one of a folder: theirs count all the
/// same towards the link that was given out, and who has its seat is not driven from it.
#[test]
fn a_variant_in_a_folder_has_no_seats_of_its_own() {
    const MASTER: &str = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=2\n720/i.m3u8\n\
        #EXT-X-STREAM-INF:BANDWIDTH=1\n480/i.m3u8\n";
    const MEDIA: &str = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\ns0.ts\n\
        #EXTINF:10,\ns1.ts\n#EXT-X-ENDLIST\n";
    let server = behind_a_proxy();
    for (name, body) in [
        ("vod/master.m3u8", MASTER),
        ("vod/720/i.m3u8", MEDIA),
        ("vod/480/i.m3u8", MEDIA),
        ("vod/720/s0.ts", "0"),
        ("vod/720/s1.ts", "1"),
    ] {
        server.done(Request::put(BUCKET, name, body));
    }
    let links = |given: Response| {
        let text = String::from_utf8(given.body).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    for (exper, us, segments) in [("0", "a123456789", 2), ("5", "b123456789", 1)] {
        let time = format!("{:08x}", clock::now() + 600);
        let sign = md5(&format!("{VOD}/vod/{time}{exper}1{us}"));
        let query = format!("t={time}&exper={exper}&rlimit=1&us={us}&sign={sign}");
        let master = from(&server, "192.0.2.1", &format!("/vod/master.m3u8?{query}"));
        let variants = links(master);
        assert_eq!(variants.len(), 2, "{variants:?}");
        for (stranger, variant) in ["192.0.2.2", "192.0.2.3"].iter().zip(&variants) {
            assert_eq!(denied(&from(&server, stranger, variant)), FULL, "{exper} {variant}");
        }
        let kept = links(from(&server, "192.0.2.1", &variants[0]));
        assert_eq!(kept.len(), segments, "{exper} {kept:?}");
        assert_eq!(from(&server, "192.0.2.1", &variants[1]).status, 200, "{exper}");
        for segment in &kept {
            assert_eq!(denied(&from(&server, "192.0.2.2", segment)), FULL, "{exper} {segment}");
            assert_eq!(from(&server, "192.0.2.1", segment).status, 200, "{exper} {segment}");
        }
        let first = &kept[0];
        let other = first.replace("/s0.ts", "/s1.ts");
        assert_eq!(from(&server, "192.0.2.1", &other).status, 403, "one file, not the folder");
    }
}
