//! Long playlists: what they take of the room that all have, and what a HEAD of them says.

use std::thread;
use std::time::Duration;

use super::{BUCKET, HOST, ask, get, link, put, type_a};
use crate::support::server::Start;
use crate::support::{Connection, PRIVATE, Request, Response, Server, clock};

/// Where a playlist lies whose short links become long ones: about 12 MB of them.
fn long_path() -> String {
    format!("/{}/long.m3u8", "long-name-".repeat(20))
}

const LINKS: usize = 45_000;

/// A server that believes what this machine says of its clients, and has playlists.
fn server() -> Server {
    let server = Start::default().flag("--trusted-proxy", "127.0.0.0/8").run();
    server.bucket(BUCKET, PRIVATE);
    let long = format!("#EXTM3U\n{}", "a\n".repeat(LINKS));
    let live = format!("#EXTM3U\n{}", "#EXTINF:1,\na\n".repeat(9_000));
    for (path, body) in [
        (long_path(), long),
        ("/live.m3u8".to_owned(), live),
        ("/short.m3u8".to_owned(), "#EXTM3U\na\n".to_owned()),
        ("/not.m3u8".to_owned(), "x".repeat(100_000)),
    ] {
        server.done(Request::put(BUCKET, &format!("vod{path}"), body));
    }
    put(&server, HOST, &type_a());
    server
}

fn head(method: &str, target: &str, more: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: {HOST}\r\n{more}\r\n")
}

/// Whoever asks for long playlists and takes nothing of them holds up nobody else.
#[test]
fn a_client_that_reads_nothing_holds_up_no_other() {
    let server = server();
    let target = link(&long_path());
    let from = |client: &str| format!("X-Forwarded-For: {client}\r\n");
    let idle: Vec<Connection> = (0..8)
        .map(|_| {
            let mut connection = server.connect();
            connection.write(head("GET", &target, &from("192.0.2.1")).as_bytes());
            connection
        })
        .collect();
    // Until they have what they can get, which they keep for much longer than anybody waits for it.
    thread::sleep(Duration::from_secs(2));
    let given = ask(&server, ("GET", HOST), &target, &[("X-Forwarded-For", "192.0.2.2")]);
    assert_eq!((given.status, given.torn), (200, false));
    assert_eq!(given.body.windows(9).filter(|it| it == b"auth_key=").count(), LINKS);
    drop(idle);
}

/// The lengths that a HEAD and a GET say, on a connection that stays open.
fn lengths(server: &Server, target: &str, more: &str) -> (Option<String>, usize) {
    let mut connection = server.connect();
    let length = |given: &Response| given.header("content-length").map(str::to_owned);
    connection.write(head("HEAD", target, more).as_bytes());
    let first = connection.answer("HEAD").unwrap();
    assert_eq!(first.status, 200, "{first:?}");
    assert_eq!(first.header("transfer-encoding"), None);
    // What would be a body of the first is no answer to the second.
    connection.write(head("GET", target, more).as_bytes());
    let given = connection.answer("GET").unwrap();
    assert_eq!((given.status, given.torn), (200, false));
    for name in ["content-type", "etag", "cache-control", "accept-ranges"] {
        assert_eq!(first.header(name), given.header(name), "{name}");
    }
    (length(&first), given.body.len())
}

/// A HEAD of a long playlist has no length, because nothing is signed for it: in the short way, in
/// hyper's, and by HTTP/1.0.
#[test]
fn the_head_of_a_long_playlist_has_no_length() {
    let server = server();
    for more in ["", "Connection: keep-alive, TE\r\n"] {
        let (said, is) = lengths(&server, &link(&long_path()), more);
        assert!(said.is_none() && is > 4 << 20, "{said:?} {is}");
        let (said, is) = lengths(&server, &link("/short.m3u8"), more);
        assert_eq!(said, Some(is.to_string()), "a short one is signed");
        let (said, is) = lengths(&server, &link("/not.m3u8"), more);
        assert_eq!((said.as_deref(), is), (Some("100000"), 100_000), "as it is stored");
    }
    let old = head("HEAD", &link(&long_path()), "").replace("HTTP/1.1", "HTTP/1.0");
    let mut connection = server.connect();
    connection.write(old.as_bytes());
    let given = connection.answer("HEAD").unwrap();
    assert_eq!((given.status, given.header("content-length")), (200, None));
    assert!(connection.rest().is_empty());
}

/// What a preview refuses is refused to a HEAD, too.
#[test]
fn the_head_of_a_long_playlist_that_cannot_be_cut_is_refused() {
    const KEY: &str = "24FEQmTzro4V5u3D5epW";
    let server = server();
    let terms = serde_json::json!({
        "bucket": BUCKET, "signing": { "scheme": "tencent-vod" }, "keys": { "primary": KEY },
    });
    put(&server, "vod.example.com", &terms);
    let time = format!("{:08x}", clock::now() + 600);
    let sign = super::md5(&format!("{KEY}/vod/{time}50a123456789"));
    for name in ["live", "not"] {
        let target =
            format!("/vod/{name}.m3u8?t={time}&exper=5&rlimit=0&us=a123456789&sign={sign}");
        for method in ["GET", "HEAD"] {
            let given = ask(&server, (method, "vod.example.com"), &target, &[]);
            assert_eq!(super::denied(&given), "denied by req auth: preview unsupported", "{name}");
        }
    }
    assert_eq!(get(&server, &link("/live.m3u8")).status, 200, "without a preview it is given");
}
