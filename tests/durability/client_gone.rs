//! Clients that go away in the middle of what they do.

use std::io::{BufReader, Write};

use crate::support::client::{head, read_head};
use crate::support::content::{Content, Random};
use crate::support::server::Place;
use crate::support::wait_for;

const OBJECT: &str = "/bucket/object";

/// Larger than any buffer on the way, so that a part of it reaches the disk.
const LENGTH: u64 = 4 << 20;

fn content(seed: u64) -> Vec<u8> {
    Content { seed, length: LENGTH }.bytes()
}

#[test]
fn a_client_that_goes_in_the_middle_of_an_upload_leaves_nothing() {
    let place = Place::new();
    let server = place.start();
    let mut client = server.client();
    client.open_bucket("/bucket/");
    client.put(OBJECT, &content(1)).unwrap().expect(200);
    let body = content(2);
    let mut random = Random(1);
    for _ in 0..8 {
        let sent = usize::try_from(1 + random.below(LENGTH - 1)).unwrap();
        let mut upload = client.connect().unwrap();
        upload.write_all(head("PUT", OBJECT, &[], LENGTH).as_bytes()).unwrap();
        upload.write_all(&body[..sent]).unwrap();
        if sent > body.len() / 2 {
            // The server is at it, and not only the socket.
            wait_for("the upload to reach the disk", || place.blobs().len() == 2);
        }
        drop(upload);
        place.wait_for_blobs(1);
        assert!(client.get(OBJECT).unwrap().expect(200).body == content(1), "{sent} bytes");
    }
    // One that was never there stays so.
    let mut upload = client.connect().unwrap();
    upload.write_all(head("PUT", "/bucket/other", &[], LENGTH).as_bytes()).unwrap();
    upload.write_all(&body[..1 << 20]).unwrap();
    drop(upload);
    place.wait_for_blobs(1);
    client.get("/bucket/other").unwrap().expect(404);
}

/// What was sent as a whole may be written or not, and memory agrees with the database about it.
#[test]
fn a_client_that_does_not_wait_for_the_answer_confuses_nobody() {
    let place = Place::new();
    let server = place.start();
    let mut client = server.client();
    client.open_bucket("/bucket/");
    let rounds: u64 = 40;
    let mut last = Vec::new();
    for seed in 0..rounds {
        let body = Content { seed, length: 1 + seed * 5000 }.bytes();
        let path = format!("/bucket/{seed}");
        client.put(&path, b"before").unwrap().expect(200);
        let mut upload = client.connect().unwrap();
        upload.write_all(head("PUT", &path, &[], body.len() as u64).as_bytes()).unwrap();
        upload.write_all(&body).unwrap();
        drop(upload);
        let seen = client.get(&path).unwrap().expect(200).body;
        assert!(seen == b"before" || seen == body, "object {seed} is mixed");
        last.push(body);
    }
    server.wait_for_abandoned_requests();
    place.wait_for_named_blobs();
    // Requests that were under way have ended: what memory says now, the database says after a
    // start.
    let seen = |client: &mut crate::support::client::Client| -> Vec<Vec<u8>> {
        let path = |seed| format!("/bucket/{seed}");
        (0..rounds).map(|seed| client.get(&path(seed)).unwrap().expect(200).body).collect()
    };
    let before = seen(&mut client);
    assert!(server.stop().success());
    let server = place.start();
    assert!(seen(&mut server.client()) == before, "memory and database differ");
    for (object, body) in before.iter().zip(&last) {
        assert!(object == b"before" || object == body);
    }
}

/// A reader that takes nothing more does not keep the object from being replaced or deleted.
#[test]
fn a_reader_keeps_the_version_that_it_began_with() {
    let place = Place::new();
    let server = place.start();
    let mut client = server.client();
    client.open_bucket("/bucket/");
    let old = Content { seed: 1, length: 32 << 20 }.bytes();
    client.put(OBJECT, &old).unwrap().expect(200);
    let mut reading = client.connect().unwrap();
    reading.write_all(head("GET", OBJECT, &[], 0).as_bytes()).unwrap();
    let mut reading = BufReader::new(reading);
    assert_eq!(read_head(&mut reading).unwrap().status, 200);

    client.put(OBJECT, &content(2)).unwrap().expect(200);
    place.wait_for_blobs(1);
    let mut body = vec![0; old.len()];
    std::io::Read::read_exact(&mut reading, &mut body).unwrap();
    assert!(body == old, "the reader got a mixture");
}
