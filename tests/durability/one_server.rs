//! Two servers in one folder would each believe its own memory.

use crate::support::server::Place;
use crate::support::wait_for;

#[test]
fn a_second_server_refuses_to_start() {
    let place = Place::new();
    let first = place.start();
    first.client().open_bucket("/bucket/");
    let status = place.spawn().end();
    assert_eq!(status.code(), Some(1));
    let folder = place.data().display();
    assert_eq!(place.log(), format!("refgate: another refgate is running on {folder}\n"));
    // The first has not noticed.
    first.client().put("/bucket/object", b"x").unwrap().expect(200);
}

#[test]
fn a_killed_server_leaves_no_lock() {
    let place = Place::new();
    for round in 0..3 {
        let server = place.start();
        let mut client = server.client();
        client.signed("PUT", &format!("/bucket-{round}/"), b"").unwrap().expect(200);
        server.kill();
    }
    let server = place.start();
    for round in 0..3 {
        let acl = format!("/bucket-{round}/?acl");
        server.client().signed("GET", &acl, b"").unwrap().expect(200);
    }
}

/// While a server drains, its folder is still its own.
#[test]
fn a_server_that_is_stopping_keeps_the_lock_until_it_has_ended() {
    use std::io::{Read, Write};

    let place = Place::new();
    let server = place.start();
    let mut client = server.client();
    client.open_bucket("/bucket/");
    let mut upload = client.connect().unwrap();
    let head = crate::support::client::head("PUT", "/bucket/slow", &[], 600_000);
    upload.write_all(head.as_bytes()).unwrap();
    upload.write_all(&vec![b'x'; 590_000]).unwrap();
    // The request is under way once it has made its file.
    wait_for("the upload to begin", || place.blobs().len() == 1);

    let id = server.id().to_string();
    assert!(std::process::Command::new("kill").arg(&id).status().unwrap().success());
    wait_for("the server to stop listening", || client.connect().is_err());
    assert_eq!(place.spawn().end().code(), Some(1));

    upload.write_all(&vec![b'x'; 10_000]).unwrap();
    let mut answer = String::new();
    upload.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(server.end().success());
    let server = place.start();
    let slow = server.client().get("/bucket/slow").unwrap().expect(200);
    assert!(slow.body == vec![b'x'; 600_000]);
}
