//! Clients that are slow, or do nothing at all. Each holds a connection only so long.
//!
//! The servers here have one slot and a short patience, so that the answer to somebody else shows when
//! the slot is free again.

use std::time::Duration;

use crate::support::clock::wait_until;
use crate::support::server::Start;
use crate::support::wire::refused;
use crate::support::{Connection, PUBLIC_READ_WRITE, Request, Server};

const BUCKET: &str = "slow";
/// The server's patience in seconds. Whoever is not slow must be quicker, also where much else is done.
const PATIENCE: &str = "3";
/// The pace of a slow client, far below it.
const PACE: Duration = Duration::from_millis(100);

fn server() -> Server {
    let server = Start::default()
        .flag("--header-timeout", PATIENCE)
        .flag("--body-timeout", PATIENCE)
        .flag("--max-connections", "1")
        .run();
    server.bucket(BUCKET, PUBLIC_READ_WRITE);
    server
}

/// Another client is served, which it cannot be before the slot is free.
fn assert_served(server: &Server) {
    assert_eq!(server.send(&Request::get(BUCKET, "no-such-key")).status, 404);
}

/// Sends a byte at a time until the server says or does something.
fn trickle(connection: &mut Connection, byte: u8) {
    wait_until("the server has had enough", || {
        connection.write(&[byte]);
        connection.anything_within(PACE)
    });
}

/// What comes of a head that does not end: 408 or nothing, and the end.
fn assert_given_up(connection: &mut Connection) {
    let rest = String::from_utf8_lossy(&connection.rest()).into_owned();
    assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 408"), "{rest}");
}

#[test]
fn a_connection_that_says_nothing_is_closed() {
    let server = server();
    let mut silent = server.connect();
    assert_served(&server);
    assert_given_up(&mut silent);
}

#[test]
fn a_connection_that_says_nothing_more_is_closed() {
    let server = server();
    let mut idle = server.connect();
    idle.write(&Request::get(BUCKET, "key").bytes("x"));
    assert_eq!(idle.answer("GET").unwrap().status, 404);
    assert_served(&server);
    assert_given_up(&mut idle);
}

#[test]
fn a_head_must_arrive_in_time_however_it_trickles() {
    let server = server();
    let mut slow = server.connect();
    slow.write(b"GET /slow/key HTTP/1.1\r\nHost: x\r\nx-slow: ");
    trickle(&mut slow, b'x');
    assert_given_up(&mut slow);
    assert_served(&server);
}

#[test]
fn a_body_must_arrive_in_time_however_it_trickles() {
    let server = server();
    let head = b"PUT /slow/key HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n";
    for stops in [true, false] {
        let mut slow = server.connect();
        slow.write(head);
        if !stops {
            trickle(&mut slow, b'x');
        }
        if let Some(response) = slow.answer("PUT") {
            assert_eq!(response.code(), refused(408, "RequestTimeout"));
        }
        assert!(slow.rest().is_empty(), "the connection ends");
        assert_served(&server);
        assert_eq!(server.content(BUCKET, "key"), None);
    }
}

#[test]
fn the_body_of_a_policy_must_arrive_in_time() {
    let server = server();
    let policy = server.policy_of(BUCKET);
    let request = Request::bucket("PUT", BUCKET).query("referer", "").body("<Referer");
    let signed = crate::support::Signer::owner().sign(crate::support::Channel::V4Header, request);
    let bytes = signed.bytes(&server.data);
    let mut slow = server.connect();
    slow.write(&bytes[..bytes.len() - 1]);
    if let Some(response) = slow.answer("PUT") {
        assert_eq!(response.code(), refused(408, "RequestTimeout"));
    }
    drop(slow);
    assert_eq!(server.policy_of(BUCKET), policy);
}

/// A refused upload is read for a while, so that its sender hears why; but not for ever: at this pace
/// it would take hours.
#[test]
fn a_refused_upload_does_not_hold_its_connection() {
    let server = server();
    let mut slow = server.connect();
    slow.write(b"PUT /no-such-bucket/key HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n");
    trickle(&mut slow, b'x');
    assert_eq!(slow.answer("PUT").unwrap().code(), refused(404, "NoSuchBucket"));
    drop(slow);
    assert_served(&server);
}

#[test]
fn a_client_that_takes_nothing_is_left() {
    let server = server();
    let content = vec![b'x'; 32 << 20];
    server.done(Request::put(BUCKET, "film", &content));
    let mut slow = server.connect();
    slow.write(&Request::get(BUCKET, "film").bytes("x"));
    assert_eq!(slow.head().unwrap().length(), content.len());
    assert_served(&server);
    assert!(slow.rest().len() < content.len(), "what the system had taken, and the end");
}
