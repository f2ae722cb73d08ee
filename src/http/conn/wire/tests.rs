use std::io::Write;
use std::time::Duration;

use bytes::Bytes;
use rustix::fs::{Mode, OFlags};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// A connection and the client at its other end.
async fn connected() -> (Wire, TcpStream, Outgoing) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let outgoing = Outgoing::default();
    let (server, _) = listener.accept().await.unwrap();
    (Wire::new(server, outgoing.clone()), client, outgoing)
}

/// A slice of a file whose range of addresses holds other bytes than the file: what arrives tells
/// which of them was sent.
fn slice(in_file: &[u8], offset: usize, in_memory: &[u8]) -> FileSlice {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(in_file).unwrap();
    FileSlice {
        bytes: Bytes::copy_from_slice(in_memory),
        file: Arc::new(file),
        offset: offset as u64,
    }
}

/// Writes buffers to their end, as hyper does.
async fn write_all(wire: &mut Wire, buffers: &[&[u8]]) -> io::Result<()> {
    let mut done = 0;
    let total: usize = buffers.iter().map(|buffer| buffer.len()).sum();
    while done < total {
        let mut skip = done;
        let rest: Vec<_> = buffers
            .iter()
            .map(|buffer| {
                let skipped = skip.min(buffer.len());
                skip -= skipped;
                IoSlice::new(&buffer[skipped..])
            })
            .collect();
        done += wire.write_vectored(&rest).await?;
    }
    wire.flush().await
}

async fn received(mut client: TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    client.read_to_end(&mut all).await.unwrap();
    all
}

#[tokio::test]
async fn an_announced_slice_is_sent_from_its_file_and_the_rest_from_memory() {
    let (mut wire, client, outgoing) = connected().await;
    let (one, two) = (slice(b"..one..", 2, b"ONE"), slice(b"two", 0, b"TWO"));
    let (first, second) = (one.bytes.clone(), two.bytes.clone());
    outgoing.announce(one);
    outgoing.announce(two);
    // A part of a slice is in the file where the slice is, and as much further on.
    let buffers: [&[u8]; 6] = [b"head ", &first, b"", b" and ", &second[1..], b" tail"];
    write_all(&mut wire, &buffers).await.unwrap();
    drop(wire);
    assert_eq!(received(client).await, b"head one and wo tail");
}

#[tokio::test]
async fn what_is_not_announced_is_written() {
    let (mut wire, client, outgoing) = connected().await;
    let announced = slice(b"file", 0, b"FILE");
    let other = slice(b"file", 0, b"MEMORY");
    let announced_bytes = announced.bytes.clone();
    outgoing.announce(announced);
    write_all(&mut wire, &[&other.bytes]).await.unwrap();
    // The flush was the end of the slice, too.
    write_all(&mut wire, &[&announced_bytes]).await.unwrap();
    drop(wire);
    assert_eq!(received(client).await, b"MEMORYFILE");
}

#[tokio::test]
async fn a_large_file_arrives_whole_at_a_slow_client() {
    let content: Vec<u8> = (0..3_000_000_u32).flat_map(|n| (n / 7).to_le_bytes()).collect();
    let (mut wire, mut client, outgoing) = connected().await;
    let whole = slice(&content, 0, &vec![0; content.len()]);
    let bytes = whole.bytes.clone();
    outgoing.announce(whole);
    let reader = tokio::spawn(async move {
        let mut all = Vec::new();
        let mut piece = vec![0; 300_000];
        loop {
            let read = client.read(&mut piece).await.unwrap();
            if read == 0 {
                return all;
            }
            all.extend_from_slice(&piece[..read]);
            if all.len() < 3_000_000 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    });
    write_all(&mut wire, &[b"head", &bytes]).await.unwrap();
    drop(wire);
    let all = reader.await.unwrap();
    assert_eq!(all.len(), content.len() + 4);
    assert!(all.starts_with(b"head") && all.ends_with(&content[content.len() - 1000..]));
    assert!(all[4..] == content);
}

#[tokio::test]
async fn a_file_that_was_cut_off_is_an_error() {
    let (mut wire, _client, outgoing) = connected().await;
    let cut = slice(b"12345678", 0, b"abcdefgh");
    let bytes = cut.bytes.clone();
    cut.file.set_len(4).unwrap();
    outgoing.announce(cut);
    let failed = write_all(&mut wire, &[&bytes]).await.unwrap_err();
    assert_eq!(failed.kind(), UnexpectedEof);
}

#[tokio::test]
async fn a_file_that_cannot_be_sent_is_written_from_memory() {
    let (mut wire, client, outgoing) = connected().await;
    // A folder can be opened, and no system sends it.
    let folder = rustix::fs::open("/", OFlags::RDONLY, Mode::empty()).unwrap();
    let folder = FileSlice { file: Arc::new(folder.into()), ..slice(b"", 0, b"memory") };
    let bytes = folder.bytes.clone();
    outgoing.announce(folder);
    write_all(&mut wire, &[b"from ", &bytes]).await.unwrap();
    drop(wire);
    assert_eq!(received(client).await, b"from memory");
}

#[tokio::test]
async fn a_client_that_went_away_is_an_error() {
    let (mut wire, client, outgoing) = connected().await;
    drop(client);
    let content = vec![7; 30_000_000];
    let whole = slice(&content, 0, &content);
    let bytes = whole.bytes.clone();
    outgoing.announce(whole);
    let failed = write_all(&mut wire, &[&bytes]).await.unwrap_err();
    assert!(is_of_the_client(&failed), "{failed:?}");
}

#[tokio::test]
async fn what_is_put_back_is_read_first() {
    let (mut wire, mut client, _) = connected().await;
    client.write_all(b"second").await.unwrap();
    Pin::new(&mut wire).unread(Bytes::from_static(b"first "));
    drop(client);
    let mut piece = [0; 4];
    wire.read_exact(&mut piece).await.unwrap();
    let mut rest = String::new();
    wire.read_to_string(&mut rest).await.unwrap();
    assert_eq!((&piece, rest.as_str()), (b"firs", "t second"));
}
