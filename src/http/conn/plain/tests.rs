use std::future::ready;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use futures_util::stream;
use http::{HeaderValue, Response, StatusCode, header};
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};

use super::super::{Connection, Reply, Wire, bounded};
use super::*;
use crate::service::lines::HeaderLines;
use crate::service::object::FileSlice;

const PATIENCE: Duration = Duration::from_secs(20);
const WHOLE: Kind = Kind { wants_body: true, is_last: false };

/// A connection and the client at its other end.
async fn connected() -> (Bounded, Connection, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (stream, peer) = listener.accept().await.unwrap();
    let connection = Connection::new(peer);
    let wire = Wire::new(stream, connection.outgoing().clone());
    (bounded(wire, PATIENCE), connection, client)
}

/// What the client gets to the end of the connection, with the date left out.
async fn received(mut client: TcpStream) -> String {
    let mut all = Vec::new();
    client.read_to_end(&mut all).await.unwrap();
    let all = String::from_utf8(all).unwrap();
    let lines = all.split_inclusive("\r\n").filter(|line| !line.starts_with("date: "));
    lines.collect()
}

/// An answer, and what is written of it for a request that wants a body or not.
#[tokio::test]
async fn answers_are_framed_as_rfc_9112_has_it() {
    let pieces = |pieces: &'static [&'static str]| {
        Body::from_stream(stream::iter(pieces.iter().map(|it| Ok::<_, io::Error>(*it))))
    };
    let with = |status: u16, headers: &[(http::HeaderName, &'static str)], body: Body| {
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        for (name, value) in headers {
            response.headers_mut().append(name, HeaderValue::from_static(value));
        }
        response
    };
    let five = [(header::CONTENT_LENGTH, "5")];
    let etag = [(header::ETAG, "\"1\"")];
    #[rustfmt::skip]
    let table = [
        ("a body",           true,  with(200, &etag, Body::from("hello")), "HTTP/1.1 200 OK\r\netag: \"1\"\r\ncontent-length: 5\r\n\r\nhello", Ok(After::Open)),
        ("in pieces",        true,  with(206, &five, pieces(&["he", "", "llo"])), "HTTP/1.1 206 Partial Content\r\ncontent-length: 5\r\n\r\nhello", Ok(After::Open)),
        ("without a length", true,  with(200, &[], pieces(&["he", "llo, world!"])), "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\nb\r\nllo, world!\r\n0\r\n\r\n", Ok(After::Open)),
        ("nothing",          true,  with(403, &[], Body::empty()), "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n", Ok(After::Open)),
        ("a HEAD",           false, with(200, &five, Body::empty()), "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", Ok(After::Open)),
        ("a HEAD that tells no length", false, with(200, &etag, Body::empty()), "HTTP/1.1 200 OK\r\netag: \"1\"\r\n\r\n", Ok(After::Open)),
        ("a HEAD with a body", false, with(403, &[], Body::from("hello")), "HTTP/1.1 403 Forbidden\r\ncontent-length: 5\r\n\r\n", Ok(After::Open)),
        ("not modified",     true,  with(304, &etag, Body::empty()), "HTTP/1.1 304 Not Modified\r\netag: \"1\"\r\n\r\n", Ok(After::Open)),
        ("no content",       true,  with(204, &[], Body::empty()), "HTTP/1.1 204 No Content\r\n\r\n", Ok(After::Open)),
        ("the last",         true,  with(200, &[(header::CONNECTION, "close")], Body::from("x")), "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 1\r\n\r\nx", Ok(After::Close)),
        ("too short a body", true,  with(200, &five, pieces(&["he"])), "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhe", Err(io::ErrorKind::UnexpectedEof)),
        ("too long a body",  true,  with(200, &five, pieces(&["hel", "lo!"])), "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel", Err(io::ErrorKind::InvalidData)),
    ];
    for (name, wants_body, response, want, after) in table {
        let (mut stream, _, client) = connected().await;
        let written = Writer::default()
            .write(&mut stream, response.into(), Kind { wants_body, is_last: false })
            .await;
        drop(stream);
        assert_eq!(received(client).await, want, "{name}");
        assert_eq!(written.map_err(|err| err.kind()), after, "{name}");
    }
}

/// A file whose bytes in memory are not those on disk tells which of them were sent.
#[tokio::test]
async fn a_short_piece_of_a_file_is_sent_from_the_file() {
    let (mut stream, connection, client) = connected().await;
    let mut file = tempfile::tempfile().unwrap();
    io::Write::write_all(&mut file, b"disk").unwrap();
    let bytes = Bytes::from_static(b"MEMO");
    let slice = FileSlice { bytes: bytes.clone(), file: Arc::new(file), offset: 0 };
    connection.outgoing().announce(slice);
    let response = Response::new(Body::from(bytes));
    Writer::default().write(&mut stream, response.into(), WHOLE).await.unwrap();
    drop(stream);
    assert_eq!(received(client).await, "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndisk");
}

/// Prepared lines with a body that tells its length, does not, or has another.
#[tokio::test]
async fn prepared_lines_stand_behind_the_other_headers_and_tell_the_length() {
    let lines = [(header::ETAG, "\"1\""), (header::CONTENT_LENGTH, "2")];
    let lines = lines.map(|(name, value)| (name, HeaderValue::from_static(value)));
    let lines = HeaderLines::new(&lines.into_iter().collect());
    let stream_of =
        |text: &'static str| Body::from_stream(stream::iter([Ok::<_, io::Error>(text)]));
    let table = [
        (Body::from("hi"), "hi", Ok(After::Open)),
        (stream_of("hi"), "hi", Ok(After::Open)),
        (stream_of("h"), "h", Err(io::ErrorKind::UnexpectedEof)),
        (Body::from("hi!"), "", Err(io::ErrorKind::InvalidData)),
    ];
    for (body, want, after) in table {
        let (mut stream, _, client) = connected().await;
        let mut response = Response::new(body);
        response.headers_mut().insert(header::SERVER, HeaderValue::from_static("x"));
        let mut reply = Reply::new(response, true).with_lines(Some(lines.clone()));
        reply.add(header::VIA, &HeaderValue::from_static("y"));
        let written = Writer::default().write(&mut stream, reply, WHOLE).await;
        drop(stream);
        let head =
            "HTTP/1.1 200 OK\r\nserver: x\r\nvia: y\r\netag: \"1\"\r\ncontent-length: 2\r\n\r\n";
        let head = if want.is_empty() { "" } else { head };
        assert_eq!(received(client).await, format!("{head}{want}"));
        assert_eq!(written.map_err(|err| err.kind()), after, "{want}");
    }
}

#[tokio::test]
async fn a_request_whose_client_has_gone_is_given_up() {
    let (mut stream, connection, mut client) = connected().await;
    client.write_all(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let service = |_, _| -> Answering { Box::pin(std::future::pending()) };
    let stop = CancellationToken::new();
    let serving = serve(&mut stream, &connection, (PATIENCE, &stop), &service);
    let leaving = async {
        sleep(Duration::from_millis(50)).await;
        drop(client);
        std::future::pending::<()>().await;
    };
    let next = tokio::select! { next = serving => next, () = leaving => unreachable!() };
    assert!(matches!(next, Ok(Next::Closed)));
}

#[tokio::test]
async fn what_comes_while_a_request_is_answered_is_next() {
    let (mut stream, connection, mut client) = connected().await;
    client.write_all(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let service = |request: Request, _| -> Answering {
        Box::pin(async move {
            sleep(Duration::from_millis(100)).await;
            Response::new(Body::from(request.parts.target.path().to_owned())).into()
        })
    };
    let stop = CancellationToken::new();
    let serving = async {
        let next = serve(&mut stream, &connection, (PATIENCE, &stop), &service).await.unwrap();
        assert!(matches!(next, Next::Closed));
        drop(stream);
    };
    let asking = async {
        sleep(Duration::from_millis(20)).await;
        let head = format!("GET /b HTTP/1.1\r\nHost: x\r\nCookie: {}\r\n\r\n", "a".repeat(300));
        client.write_all(head.as_bytes()).await.unwrap();
        let mut both = String::new();
        while !both.ends_with("/b") {
            let mut piece = [0; 512];
            let read = client.read(&mut piece).await.unwrap();
            both.push_str(std::str::from_utf8(&piece[..read]).unwrap());
        }
        drop(client);
        both
    };
    let ((), both) = tokio::join!(serving, asking);
    assert!(both.contains("\r\n\r\n/aHTTP/1.1 200 OK\r\n"), "{both}");
}

#[tokio::test]
async fn an_answer_tells_when_it_was_made() {
    let (mut stream, _, mut client) = connected().await;
    Writer::default().write(&mut stream, Reply::default(), WHOLE).await.unwrap();
    drop(stream);
    let mut all = String::new();
    client.read_to_string(&mut all).await.unwrap();
    let date = all.split("date: ").nth(1).unwrap().split("\r\n").next().unwrap();
    let told = httpdate::parse_http_date(date).unwrap();
    assert!(told.elapsed().unwrap() < Duration::from_secs(10), "{date}");
}

/// Serves a client with the paths of its requests; says which, and what became of the connection.
async fn serve_paths(
    (mut stream, connection): (Bounded, Connection),
    (patience, stop): (Duration, &CancellationToken),
) -> (Vec<String>, Vec<SocketAddr>, Next) {
    let seen = Arc::new(Mutex::new((Vec::new(), Vec::new())));
    let service = |request: Request, connection: Connection| -> Answering {
        assert!(connection.takes_lines);
        let mut seen = seen.lock().unwrap();
        seen.0.push(request.parts.target.path().to_owned());
        seen.1.push(connection.peer());
        let path = request.parts.target.path().to_owned();
        Box::pin(ready(Response::new(Body::from(path)).into()))
    };
    let next = serve(&mut stream, &connection, (patience, stop), &service).await.unwrap();
    let (paths, peers) = seen.lock().unwrap().clone();
    (paths, peers, next)
}

#[tokio::test]
async fn requests_that_come_together_are_answered_in_turn_until_one_is_not_plain() {
    let (stream, connection, mut client) = connected().await;
    let peer = client.local_addr().unwrap();
    let rest = "PUT /c HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcGET /d HTTP/1.1\r\n";
    let sent = format!("GET /a HTTP/1.1\r\nHost: x\r\n\r\nHEAD /b HTTP/1.1\r\n\r\n{rest}");
    client.write_all(sent.as_bytes()).await.unwrap();
    let stop = CancellationToken::new();
    let (paths, peers, next) = serve_paths((stream, connection), (PATIENCE, &stop)).await;
    assert_eq!(paths, ["/a", "/b"]);
    assert_eq!(peers, [peer, peer]);
    assert!(matches!(next, Next::Other(unread) if unread == rest));
    let want = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n/aHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n";
    assert_eq!(received(client).await, want);
}

/// Each request has the lines that came with it, also where those of the one before are known.
#[tokio::test]
async fn lines_that_are_known_are_those_of_the_request() {
    let (mut stream, connection, mut client) = connected().await;
    let lines = |referer: &str| format!("Host: x\r\nReferer: {referer}\r\n\r\n");
    let get = |path: &str, referer: &str| format!("GET {path} HTTP/1.1\r\n{}", lines(referer));
    let asked = [("/a", "1"), ("/b", "1"), ("/c", "2"), ("/d", "2"), ("/e", "1"), ("/f", "1")];
    let sent: String = asked.iter().map(|(path, referer)| get(path, referer)).collect();
    client.write_all(sent.as_bytes()).await.unwrap();
    client.write_all(format!("PUT /g HTTP/1.1\r\n{}", lines("1")).as_bytes()).await.unwrap();
    let seen = Mutex::new(Vec::new());
    let service = |Request { parts, .. }: Request, _| -> Answering {
        let referer = parts.headers[header::REFERER].to_str().unwrap().to_owned();
        seen.lock().unwrap().push((parts.target.path().to_owned(), referer));
        Box::pin(ready(Reply::default()))
    };
    let stop = CancellationToken::new();
    let next = serve(&mut stream, &connection, (PATIENCE, &stop), &service).await.unwrap();
    let seen = seen.into_inner().unwrap();
    assert_eq!(seen, asked.map(|(path, referer)| (path.to_owned(), referer.to_owned())));
    assert!(matches!(next, Next::Other(unread) if unread.starts_with(b"PUT /g HTTP/1.1\r\n")));
}

#[tokio::test]
async fn a_head_in_pieces_is_not_plain() {
    let (stream, connection, mut client) = connected().await;
    client.write_all(b"GET /a HTTP/1.1\r\nHo").await.unwrap();
    let stop = CancellationToken::new();
    let (paths, _, next) = serve_paths((stream, connection), (PATIENCE, &stop)).await;
    assert!(paths.is_empty());
    assert!(matches!(next, Next::Other(unread) if *unread == *b"GET /a HTTP/1.1\r\nHo"));
}

#[tokio::test]
async fn a_silent_client_is_left_and_one_that_has_gone_is_too() {
    for gone in [false, true] {
        let (stream, connection, mut client) = connected().await;
        client.write_all(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        if gone {
            client.shutdown().await.unwrap();
        }
        let patience = if gone { PATIENCE } else { Duration::from_millis(50) };
        let stop = CancellationToken::new();
        let (paths, _, next) = serve_paths((stream, connection), (patience, &stop)).await;
        assert_eq!(paths, ["/a"]);
        assert!(matches!(next, Next::Closed));
    }
}

#[tokio::test]
async fn a_server_that_stops_closes_what_waits_and_tells_what_runs() {
    let (stream, connection, client) = connected().await;
    let stop = CancellationToken::new();
    stop.cancel();
    let (paths, _, next) = serve_paths((stream, connection), (PATIENCE, &stop)).await;
    assert!(paths.is_empty() && matches!(next, Next::Closed));
    drop(client);

    let (mut stream, connection, mut client) = connected().await;
    let stop = CancellationToken::new();
    client.write_all(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let service = |_, _| -> Answering {
        stop.cancel();
        Box::pin(ready(Response::new(Body::from("a")).into()))
    };
    let next = serve(&mut stream, &connection, (PATIENCE, &stop), &service).await.unwrap();
    assert!(matches!(next, Next::Closed));
    drop(stream);
    let want = "HTTP/1.1 200 OK\r\ncontent-length: 1\r\nconnection: close\r\n\r\na";
    assert_eq!(received(client).await, want);
}
