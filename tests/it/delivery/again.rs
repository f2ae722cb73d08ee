//! Requests by one link on one connection: each is decided by what holds when it comes.

use serde_json::json;

use super::keys::{OTHER, show};
use super::{BUCKET, HOST, KEY, admin, auth_key, denied, furnish, head, link, md5, put, type_a};
use crate::support::clock::wait_until;
use crate::support::policy::{EVIL, GOOD, STRICT};
use crate::support::server::Start;
use crate::support::{Connection, Request, Response, Server, clock};

/// A server that leaves a connection open however long the next request takes.
fn server(flags: &[(&str, &str)]) -> Server {
    let patient = Start::default().flag("--header-timeout", "600");
    let start = flags.iter().fold(patient, |start, (name, value)| start.flag(name, value));
    let server = start.run();
    furnish(&server);
    server
}

fn get(
    connection: &mut Connection,
    (host, target): (&str, &str),
    headers: &[(&str, &str)],
) -> Response {
    connection.write(&head(("GET", host), target, headers));
    connection.answer("GET").expect("the connection stays open")
}

#[test]
fn every_request_is_counted() {
    let server = server(&[]);
    let mut terms = type_a();
    terms["keys"] = json!({ "primary": OTHER, "secondary": KEY });
    put(&server, HOST, &terms);
    let (mut connection, target) = (server.connect(), link("/a.mp4"));
    for _ in 0..5 {
        assert_eq!(get(&mut connection, (HOST, &target), &[]).status, 200);
    }
    let report = show(&server, "/report?days=2");
    let secondary = &show(&server, "")["key_ids"]["secondary"];
    let keys = report["keys"].as_array().unwrap();
    let requests = keys.iter().filter(|it| it["id"] == *secondary).map(|it| &it["requests"]);
    assert_eq!(requests.collect::<Vec<_>>(), [&json!(5)], "{report}");
}

#[test]
fn a_change_counts_for_the_next_request() {
    let server = server(&[]);
    put(&server, HOST, &type_a());
    let target = format!("/a.mp4?{}", auth_key(KEY, "/a.mp4", clock::now() - 60));
    let mut connection = server.connect();
    let mut status = |host: &str| get(&mut connection, (host, &target), &[]).status;
    #[rustfmt::skip]
    let table = [
        ("another key",      "ali-a", 1800, OTHER),
        ("another validity", "ali-a", 30,   KEY),
        ("another scheme",   "ali-b", 1800, OTHER),
    ];
    for (name, scheme, validity, key) in table {
        let serve = |scheme, validity, key| {
            let mut terms = type_a();
            terms["signing"] = json!({ "scheme": scheme, "validity": validity });
            terms["keys"] = json!({ "primary": key, "replace": true });
            put(&server, HOST, &terms);
        };
        assert_eq!(status(HOST), 200, "before: {name}");
        serve(scheme, validity, key);
        assert_eq!(status(HOST), 403, "{name}");
        serve("ali-a", 1800, KEY);
    }
    // The same path under another domain, and its own link.
    let theirs = format!("/a.mp4?{}", auth_key(OTHER, "/a.mp4", clock::now()));
    let other = |connection: &mut _, host: &str| get(connection, (host, &theirs), &[]).status;
    let mut terms = type_a();
    terms["keys"] = json!({ "primary": OTHER });
    put(&server, "other.example.com", &terms);
    assert_eq!(status(HOST), 200);
    assert_eq!(status("other.example.com"), 403);
    assert_eq!(status(HOST), 200);
    assert_eq!(other(&mut connection, "other.example.com"), 200);
    assert_eq!(other(&mut connection, HOST), 403);
    let mut status = |host: &str| get(&mut connection, (host, &target), &[]).status;
    assert_eq!(status("other.example.com"), 403);
    assert_eq!(status(HOST), 200);
    let (deleted, json) = admin(&server, ("DELETE", &format!("/{HOST}")), &[], "");
    assert_eq!(deleted.status, 204, "{json}");
    assert_eq!(status(HOST), 400, "the path of a bucket, and no name of one");
    put(&server, HOST, &terms);
    assert_eq!(status(HOST), 403, "a domain of the same name with another key");
}

#[test]
fn what_else_decides_is_asked_each_time() {
    let server = server(&[]);
    put(&server, HOST, &type_a());
    server.policy(BUCKET, &STRICT);
    let (mut connection, target) = (server.connect(), link("/a.mp4"));
    let mut from = |referer: &str| get(&mut connection, (HOST, &target), &[("Referer", referer)]);
    assert_eq!(from(GOOD).status, 200);
    assert_eq!(denied(&from(EVIL)), "denied by Referer ACL");
    assert_eq!(from(GOOD).status, 200);
    server.done(Request::put(BUCKET, "vod/a.mp4", "another body"));
    assert_eq!(from(GOOD).body, b"another body");
    server.done(Request::object("DELETE", BUCKET, "vod/a.mp4"));
    assert_eq!(from(GOOD).status, 404);
}

#[test]
fn a_link_ends_while_its_connection_stays() {
    let server = server(&[]);
    put(&server, HOST, &type_a());
    let mut connection = server.connect();
    // Type A is good for 1 800 seconds. On a busy machine a link can end before it was used at all.
    let sign = || format!("/a.mp4?{}", auth_key(KEY, "/a.mp4", clock::now() - 1797));
    let (mut target, mut was_good) = (sign(), false);
    let mut last = None;
    wait_until("a link that was good has ended", || {
        let given = get(&mut connection, (HOST, &target), &[]);
        let has_ended = given.status == 403;
        if has_ended && !was_good {
            target = sign();
            return false;
        }
        was_good = true;
        last = Some(given);
        has_ended
    });
    assert!(denied(&last.unwrap()).contains("expired timestamp="));
}

/// A proxy sends the requests of many clients over one connection.
#[test]
fn a_limit_of_clients_is_counted_on_one_connection() {
    let server = server(&[("--trusted-proxy", "127.0.0.0/8")]);
    put(
        &server,
        HOST,
        &json!({
            "bucket": BUCKET, "signing": { "scheme": "tencent-vod" }, "keys": { "primary": KEY },
        }),
    );
    let time = format!("{:08x}", clock::now() + 600);
    let link = |rlimit| {
        let sign = md5(&format!("{KEY}/vod/{time}0{rlimit}a123456789"));
        format!("/vod/a.mp4?t={time}&exper=0&rlimit={rlimit}&us=a123456789&sign={sign}")
    };
    let (mut connection, one, any) = (server.connect(), link(1), link(0));
    let mut status = |target: &str, client: &str| {
        get(&mut connection, (HOST, target), &[("X-Forwarded-For", client)]).status
    };
    for round in 0..2 {
        assert_eq!(status(&one, "192.0.2.1"), 200, "{round}");
        // Its link was good, and it came too late: that is so for its next request as well.
        assert_eq!(status(&one, "192.0.2.2"), 403, "{round}");
        assert_eq!(status(&one, "192.0.2.2"), 403, "{round}");
        assert_eq!(status(&any, "192.0.2.2"), 200, "{round}");
    }
}
