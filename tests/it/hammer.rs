//! Reads while everything changes: no torn body, and no answer that was wrong at both ends of the
//! time that it took.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use md5::{Digest as _, Md5};

use crate::support::clock::wait_until;
use crate::support::policy::{OPEN, OTHER, STRICT};
use crate::support::{PRIVATE, PUBLIC_READ, Request, Response, Server};

const BUCKET: &str = "hammer";
const KEY: &str = "key";
const CHANGES: usize = 60;
const READERS: usize = 3;

/// Something that changes in steps: which step was begun, and which was acknowledged.
#[derive(Default)]
struct Steps {
    begun: AtomicUsize,
    acknowledged: AtomicUsize,
}

impl Steps {
    fn take(&self, number: usize, change: impl FnOnce()) {
        self.begun.store(number, Ordering::SeqCst);
        change();
        self.acknowledged.store(number, Ordering::SeqCst);
    }
}

/// Numbers in a version that the server sends from a file, and in one that it keeps in memory.
const LARGE: usize = 8 * 1024;
const SMALL: usize = 100;

/// A large version of the object.
fn version(number: usize) -> Vec<u8> {
    version_of(LARGE, number)
}

/// A version of the object: its number all over, in a length of its own.
fn version_of(numbers: usize, number: usize) -> Vec<u8> {
    format!("{number:08}").repeat(numbers + number).into_bytes()
}

/// The version that a body is, which must be whole and described by its head.
fn whole_version(numbers: usize, response: &Response) -> usize {
    assert!(!response.torn, "the body is shorter than announced");
    let number = std::str::from_utf8(&response.body[..8]).unwrap().parse().unwrap();
    assert!(response.body == version_of(numbers, number), "a mixture");
    let md5 = hex::encode_upper(Md5::digest(&response.body));
    assert_eq!(response.header("etag"), Some(format!("\"{md5}\"").as_str()));
    number
}

/// Ends the readers, also if a change fails: the test would wait for them for ever.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Makes all changes, numbered from 1, while readers read. Between two changes at least one of
/// them gets an answer.
fn read_during(change: impl Fn(usize), read: impl Fn() + Sync) {
    let done = AtomicBool::new(false);
    let answers = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..READERS {
            scope.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    read();
                    answers.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        let _end = End(&done);
        for number in 1..=CHANGES {
            let before = answers.load(Ordering::SeqCst);
            change(number);
            wait_until("a reader is answered", || answers.load(Ordering::SeqCst) > before);
        }
    });
}

fn server() -> Server {
    let server = Server::start();
    server.bucket(BUCKET, PUBLIC_READ);
    server.done(Request::put(BUCKET, KEY, version(0)));
    server
}

#[test]
fn overwrites_of_large_objects_are_seen_whole_and_in_order() {
    overwrites_are_seen_whole_and_in_order(LARGE);
}

#[test]
fn overwrites_of_small_objects_are_seen_whole_and_in_order() {
    overwrites_are_seen_whole_and_in_order(SMALL);
}

fn overwrites_are_seen_whole_and_in_order(numbers: usize) {
    let (server, steps) = (server(), Steps::default());
    server.done(Request::put(BUCKET, KEY, version_of(numbers, 0)));
    let write = |number| {
        steps.take(number, || {
            server.done(Request::put(BUCKET, KEY, version_of(numbers, number)));
        });
    };
    read_during(write, || {
        let before = steps.acknowledged.load(Ordering::SeqCst);
        let response = server.send(&Request::get(BUCKET, KEY));
        let after = steps.begun.load(Ordering::SeqCst);
        assert_eq!(response.status, 200);
        let seen = whole_version(numbers, &response);
        assert!((before..=after).contains(&seen), "{seen} is not in {before} to {after}");
    });
}

#[test]
fn parts_of_an_object_are_of_one_version() {
    let server = server();
    let write = |number| {
        server.done(Request::put(BUCKET, KEY, version(number)));
    };
    read_during(write, || {
        let request = Request::get(BUCKET, KEY).header("Range", "bytes=32760-32783");
        let response = server.send(&request);
        assert_eq!((response.status, response.torn), (206, false));
        let number: usize = std::str::from_utf8(&response.body[..8]).unwrap().parse().unwrap();
        assert_eq!(response.body, format!("{number:08}").repeat(3).as_bytes());
        let total = version(number).len();
        let range = format!("bytes 32760-32783/{total}");
        assert_eq!(response.header("content-range"), Some(range.as_str()));
    });
}

#[test]
fn deletes_and_writes_are_seen_in_order() {
    let (server, steps) = (server(), Steps::default());
    // Even steps write, odd ones delete.
    let write = |number| {
        let request = match number % 2 {
            0 => Request::put(BUCKET, KEY, version(number)),
            _ => Request::object("DELETE", BUCKET, KEY),
        };
        steps.take(number, || {
            server.done(request);
        });
    };
    read_during(write, || {
        let before = steps.acknowledged.load(Ordering::SeqCst);
        let response = server.send(&Request::get(BUCKET, KEY));
        let after = steps.begun.load(Ordering::SeqCst);
        match response.status {
            200 => {
                let seen = whole_version(LARGE, &response);
                assert!((before..=after).contains(&seen), "{seen} in {before} to {after}");
            }
            404 => assert!((before..=after).any(|n| n % 2 == 1), "missing, {before} to {after}"),
            other => panic!("{other}"),
        }
    });
}

#[test]
fn a_policy_is_obeyed_as_soon_as_it_is_acknowledged() {
    let (server, steps) = (server(), Steps::default());
    // Even steps let everybody in, odd ones do not.
    let toggle = |number: usize| {
        let policy = if number.is_multiple_of(2) { OPEN } else { STRICT };
        steps.take(number, || server.policy(BUCKET, &policy));
    };
    read_during(toggle, || {
        let before = steps.acknowledged.load(Ordering::SeqCst);
        let response = server.send(&Request::get(BUCKET, KEY).referer(OTHER));
        let after = steps.begun.load(Ordering::SeqCst);
        let step = match response.status {
            200 => 0,
            403 => 1,
            other => panic!("{other}"),
        };
        let possible = (before..=after).any(|number| number % 2 == step);
        assert!(possible, "{} between {before} and {after}", response.status);
    });
}

/// What is private was never shown, and what is public always is.
#[test]
fn content_and_acl_change_as_one() {
    let (server, steps) = (server(), Steps::default());
    // Even versions are for everybody, odd ones are not.
    let write = |number: usize| {
        let acl = if number.is_multiple_of(2) { PUBLIC_READ } else { PRIVATE };
        steps.take(number, || {
            let request = Request::put(BUCKET, KEY, version(number));
            server.done(request.header("x-oss-object-acl", acl));
        });
    };
    read_during(write, || {
        let before = steps.acknowledged.load(Ordering::SeqCst);
        let response = server.send(&Request::get(BUCKET, KEY));
        let after = steps.begun.load(Ordering::SeqCst);
        if response.status == 200 {
            let seen = whole_version(LARGE, &response);
            assert!((before..=after).contains(&seen) && seen.is_multiple_of(2), "{seen}");
        } else {
            assert_eq!(response.status, 403);
            assert!((before..=after).any(|n| n % 2 == 1), "denied, {before} to {after}");
        }
    });
}

/// A deletion that was granted before the bucket was deleted and made again must not take the new
/// one away: what was acknowledged last holds.
#[test]
fn a_late_deletion_does_not_take_the_successor_of_a_bucket() {
    const ROUNDS: usize = 12;
    let server = Server::start();
    for round in 0..ROUNDS {
        server.owner(Request::bucket("PUT", "successor").body(""));
        thread::scope(|scope| {
            for turn in 0..8 {
                let method = if turn % 2 == 0 { "DELETE" } else { "PUT" };
                let server = &server;
                scope.spawn(move || server.owner(Request::bucket(method, "successor").body("")));
            }
        });
        server.done(Request::bucket("PUT", "successor").body(""));
        let stat = server.owner(Request::bucket("GET", "successor").query("stat", ""));
        assert_eq!(stat.status, 200, "round {round}: {}", stat.error());
        let listed = server.owner(Request::service("GET")).error();
        assert!(listed.contains("<Name>successor</Name>"), "round {round}: {listed}");
    }
}
