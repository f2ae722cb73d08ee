//! SIGTERM: what runs may end, nothing new begins, and the exit status is 0.

use std::net::TcpStream;

use crate::support::clock::wait_until;
use crate::support::server::Start;
use crate::support::{Connection, PUBLIC_READ_WRITE, Request, Server};

const BUCKET: &str = "shutdown";

fn begin_download(server: &Server, length: usize) -> Connection {
    server.bucket(BUCKET, PUBLIC_READ_WRITE);
    server.done(Request::put(BUCKET, "film", vec![b'x'; length]));
    let mut connection = server.connect();
    connection.write(&Request::get(BUCKET, "film").bytes("x"));
    assert_eq!(connection.head().unwrap().length(), length);
    connection
}

fn wait_until_closed(address: &str) {
    wait_until("the server takes no connections", || TcpStream::connect(address).is_err());
}

#[test]
fn a_running_download_may_end() {
    const LENGTH: usize = 32 << 20;
    let mut server = Server::start();
    let mut running = begin_download(&server, LENGTH);
    server.terminate();
    wait_until_closed(&server.data);
    assert!(running.take(LENGTH) == vec![b'x'; LENGTH]);
    assert!(running.rest().is_empty(), "the connection ends behind it");
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn a_running_upload_may_end_and_is_kept() {
    let mut server = Server::start();
    server.bucket(BUCKET, PUBLIC_READ_WRITE);
    let mut running = server.connect();
    running.write(
        b"PUT /shutdown/key HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\nExpect: 100-continue\r\n\r\n",
    );
    assert_eq!(running.answer("PUT").unwrap().status, 100, "the handler reads");
    server.terminate();
    wait_until_closed(&server.data);
    running.write(b"whole.");
    assert_eq!(running.answer("PUT").unwrap().status, 200);
    assert_eq!(server.wait().code(), Some(0));
    let again = Start::default().run_in(server.into_folder());
    assert_eq!(again.content(BUCKET, "key").as_deref(), Some(b"whole.".as_slice()));
}

/// Somebody who keeps a connection open, or never takes his download, does not keep the server.
#[test]
fn nobody_can_keep_the_server_from_ending() {
    const LENGTH: usize = 32 << 20;
    let mut server = Start::default().flag("--shutdown-timeout", "1").run();
    let _idle = server.connect();
    let mut stuck = begin_download(&server, LENGTH);
    server.terminate();
    assert_eq!(server.wait().code(), Some(0));
    assert!(stuck.rest().len() < LENGTH);
}
