//! Writes that fail: that request gets an error, and nothing else happens.

use std::fs;

use crate::support::client::Client;
use crate::support::content::Content;
use crate::support::server::Place;

/// The largest file that the server may write, in the blocks of 512 bytes that `ulimit` counts:
/// 4 MiB.
const LIMIT_BLOCKS: &str = "8192";
const SMALL: u64 = 1 << 20;
const LARGE: u64 = 9 << 20;

/// A server whose writes beyond the limit fail with EFBIG. It would be killed by SIGXFSZ, were
/// that not ignored.
fn limited() -> Place {
    let script = "trap '' XFSZ; ulimit -f $0; exec \"$@\"";
    Place::new().started_by(["sh", "-c", script, LIMIT_BLOCKS])
}

fn content(seed: u64, length: u64) -> Vec<u8> {
    Content { seed, length }.bytes()
}

#[test]
fn a_write_that_fails_is_a_fault_of_that_request_alone() {
    let place = limited();
    let server = place.start();
    let mut client = server.client();
    client.open_bucket("/bucket/");
    client.put("/bucket/object", &content(1, SMALL)).unwrap().expect(200);
    std::thread::scope(|scope| {
        for number in 0..2 {
            let mut client = server.client();
            scope.spawn(move || {
                for _ in 0..4 {
                    let body = content(100 + number, LARGE);
                    client.put("/bucket/object", &body).unwrap().expect_fault();
                    client.put(&format!("/bucket/new-{number}"), &body).unwrap().expect_fault();
                }
            });
        }
        for number in 0..2 {
            let mut client = server.client();
            scope.spawn(move || {
                let path = format!("/bucket/neighbour-{number}");
                for seed in 0..10 {
                    let body = content(seed, SMALL);
                    client.put(&path, &body).unwrap().expect(200);
                    assert!(client.get(&path).unwrap().expect(200).body == body);
                }
            });
        }
    });
    assert!(client.get("/bucket/object").unwrap().expect(200).body == content(1, SMALL));
    client.get("/bucket/new-0").unwrap().expect(404);
    place.wait_for_blobs(3);
    let stat = client.signed("GET", "/bucket/?stat", b"").unwrap().expect(200);
    assert_eq!(stat.element("ObjectCount").as_deref(), Some("3"));
    assert!(server.stop().success());
}

/// The log of the database reaches the limit again and again: commits fail. Their requests do too,
/// and the next one finds the log copied and begun anew.
#[test]
fn a_commit_that_fails_is_a_fault_of_its_requests_alone() {
    const OBJECTS: usize = 20;
    const WRITES: usize = 1500;

    let place = limited();
    let server = place.start();
    let mut client = server.client();
    client.open_bucket("/bucket/");
    let long = "x".repeat(7000);
    let (mut versions, mut failures) = ([None; OBJECTS], Vec::new());
    for number in 0..WRITES {
        let (path, version) = (format!("/bucket/{}", number % OBJECTS), number.to_string());
        let headers = [("x-oss-meta-long", long.as_str()), ("x-oss-meta-version", &version)];
        let reply = client.send("PUT", &path, &headers, b"bytes").unwrap();
        if reply.status == 200 {
            versions[number % OBJECTS] = Some(number);
        } else {
            reply.expect_fault();
            failures.push(number);
        }
        assert_eq!(version_of(&mut client, number % OBJECTS), versions[number % OBJECTS]);
    }
    assert!(failures.len() > 1, "{WRITES} writes did not reach the limit: {failures:?}");
    assert!(failures.windows(2).all(|two| two[1] > two[0] + 1), "no recovery: {failures:?}");
    let seen: Vec<_> = (0..OBJECTS).map(|object| version_of(&mut client, object)).collect();
    assert_eq!(seen, versions);
    place.wait_for_blobs(OBJECTS);

    server.kill();
    let server = place.start();
    let mut client = server.client();
    let seen: Vec<_> = (0..OBJECTS).map(|object| version_of(&mut client, object)).collect();
    assert_eq!(seen, versions);
    server.scrubbed();
    place.wait_for_blobs(OBJECTS);
}

fn version_of(client: &mut Client, object: usize) -> Option<usize> {
    let reply = client.get(&format!("/bucket/{object}")).unwrap();
    reply.header("x-oss-meta-version").map(|version| version.parse().unwrap())
}

/// A folder of blobs cannot be made or entered, because a file is in its place.
#[test]
fn a_folder_that_cannot_be_written_to_is_a_fault_of_writing_alone() {
    let place = Place::new();
    let server = place.start();
    let mut client = server.client();
    client.open_bucket("/bucket/");
    client.put("/bucket/object", b"old").unwrap().expect(200);

    let (blobs, aside) = (place.data().join("blobs"), place.data().join("aside"));
    fs::rename(&blobs, &aside).unwrap();
    fs::write(&blobs, b"in the way").unwrap();
    client.put("/bucket/object", b"new").unwrap().expect_fault();
    client.put("/bucket/other", b"new").unwrap().expect_fault();
    // Rows need no folder.
    client.put("/bucket/empty", b"").unwrap().expect(200);
    client.send("HEAD", "/bucket/object", &[], b"").unwrap().expect(200);
    client.get("/bucket/object").unwrap().expect_fault();

    fs::remove_file(&blobs).unwrap();
    fs::rename(&aside, &blobs).unwrap();
    assert_eq!(client.get("/bucket/object").unwrap().expect(200).body, b"old");
    client.get("/bucket/other").unwrap().expect(404);
    client.put("/bucket/other", b"new").unwrap().expect(200);
    place.wait_for_blobs(2);
}

/// Somebody removes the folders of blobs under a running server.
#[test]
fn folders_that_are_gone_are_made_again() {
    let place = Place::new();
    let server = place.start();
    let mut client = server.client();
    client.open_bucket("/bucket/");
    client.put("/bucket/object", b"old").unwrap().expect(200);
    fs::remove_dir_all(place.data().join("blobs")).unwrap();
    client.get("/bucket/object").unwrap().expect_fault();
    // The first write finds out.
    let written = (0..2).any(|_| client.put("/bucket/other", b"new").unwrap().status == 200);
    assert!(written, "{}", place.log());
    assert_eq!(client.get("/bucket/other").unwrap().expect(200).body, b"new");
    // What is lost can be deleted and replaced.
    client.put("/bucket/object", b"new").unwrap().expect(200);
    assert_eq!(client.get("/bucket/object").unwrap().expect(200).body, b"new");
    client.delete("/bucket/object").unwrap().expect(204);
    place.wait_for_blobs(1);
}
