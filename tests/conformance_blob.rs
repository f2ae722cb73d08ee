//! What every store of blobs must do, as functions over [`BlobStore`]. A new store adds one line
//! to the end of this file.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the functions that tests consist of may panic as tests may"
)]

use std::collections::BTreeSet;
use std::os::unix::fs::FileExt;

use bytes::Bytes;
use futures_util::future::join_all;
use futures_util::stream::{StreamExt, TryStreamExt};
use refgate::blob::local::LocalBlobs;
use refgate::blob::{BlobError, BlobStore, Digesting, FileSlice, Piece, Sending, Sha256, Written};
use refgate::domain::name::BlobId;
use refgate::domain::object::Extent;
use tempfile::TempDir;
use uuid::Uuid;

/// 2026-01-01, in milliseconds.
const START: u128 = 1_767_225_600_000;

/// An id of version 7 that many milliseconds after the start.
fn id(millis: u128) -> BlobId {
    BlobId(Uuid::from_u128((START + millis) << 80 | 7 << 76 | 2 << 62 | 0xABCD))
}

/// Bytes without a pattern that a wrong offset could keep.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..length).map(|_| next()).collect()
}

async fn write(store: &dyn BlobStore, id: BlobId, pieces: &[&[u8]]) -> Result<Written, BlobError> {
    let mut writer = store.create(id, Digesting::all(Sha256::Wanted)).await?;
    for piece in pieces {
        writer.write(Bytes::copy_from_slice(piece)).await?;
    }
    writer.finish().await
}

async fn read(
    store: &dyn BlobStore,
    id: BlobId,
    at: u64,
    length: u64,
) -> Result<Vec<u8>, BlobError> {
    let pieces = store.open(id).await?.stream(at, length);
    let pieces: Result<Vec<Bytes>, _> = pieces.try_collect().await;
    let sent = sent(store, id, at, length).await;
    let pieces = pieces.inspect_err(|_| assert!(sent.is_err(), "both ways see what is wrong"))?;
    assert!(pieces.iter().all(|piece| (1..=256 * 1024).contains(&piece.len())));
    assert_eq!(pieces.concat(), sent?, "a connection gets the same bytes");
    Ok(pieces.concat())
}

/// What a connection would send.
async fn sent(
    store: &dyn BlobStore,
    id: BlobId,
    at: u64,
    length: u64,
) -> Result<Vec<u8>, BlobError> {
    let pieces = match store.open(id).await?.send(at, length)? {
        Sending::Memory(bytes) => return Ok(bytes.to_vec()),
        Sending::Pieces(pieces) => pieces.try_collect::<Vec<_>>().await?,
    };
    let bytes = |piece| match piece {
        Piece::Bytes(bytes) => bytes,
        Piece::File(FileSlice { bytes, file, offset }) => {
            let mut in_the_file = vec![0; bytes.len()];
            file.read_exact_at(&mut in_the_file, offset).unwrap();
            assert_eq!(bytes, in_the_file, "the slice lies where it says");
            bytes
        }
    };
    Ok(pieces.into_iter().map(bytes).collect::<Vec<_>>().concat())
}

async fn listed(store: &dyn BlobStore) -> BTreeSet<BlobId> {
    let batches: Vec<Vec<BlobId>> = store.list().try_collect().await.unwrap();
    assert!(batches.iter().all(|batch| (1..=1024).contains(&batch.len())));
    let count: usize = batches.iter().map(Vec::len).sum();
    let ids: BTreeSet<BlobId> = batches.into_iter().flatten().collect();
    assert_eq!(ids.len(), count, "each is listed once");
    ids
}

/// Waits until what is done after a drop, off the async threads, has been done.
async fn until_listed(store: &dyn BlobStore, want: &[BlobId]) {
    for _ in 0..3000 {
        if listed(store).await.iter().eq(want) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("{:?} is not {want:?}", listed(store).await);
}

async fn digests_are_the_published_ones(store: &dyn BlobStore) {
    #[rustfmt::skip]
    let published = [
        // RFC 1321, appendix A.5, for the MD5 of nothing; CRC-64/XZ's check value, which is that
        // of "123456789". The others by md5sum, sha256sum and a bitwise CRC.
        ("", "d41d8cd98f00b204e9800998ecf8427e", 0,
         "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("123456789", "25f9e794323b453885f5181f1b624d0b", 0x995D_C9BB_DF19_39FA,
         "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"),
        ("hello", "5d41402abc4b2a76b9719d911017c592", 11_177_612_005_948_864_433,
         "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"),
        ("hello world", "5eb63bbbe01eeed093cb22bb8f5acdc3", 5_981_764_153_023_615_706,
         "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"),
    ];
    for (n, (text, md5, crc64, sha256)) in (0..).zip(published) {
        let bytes: Vec<&[u8]> = text.as_bytes().chunks(2).collect();
        let written = write(store, id(n), &bytes).await.unwrap();
        assert_eq!(written.length, text.len() as u64);
        assert_eq!(hex::encode(written.md5), md5, "{text}");
        assert_eq!(written.crc64, crc64, "{text}");
        assert_eq!(written.sha256.map(hex::encode).as_deref(), Some(sha256), "{text}");
    }
    let unasked = store.create(id(10), Digesting::all(Sha256::Unwanted)).await.unwrap();
    assert_eq!(unasked.finish().await.unwrap().sha256, None);
}

/// What is written before what a client sends is stored, and is not part of the digests.
async fn digests_may_begin_behind_the_beginning(store: &dyn BlobStore) {
    let whole = [noise(600_000), b"123456789".to_vec()].concat();
    for (n, piece) in (0..).zip([1_000, 599_999, 600_001, 700_000]) {
        let digesting = Digesting { sha256: Sha256::Unwanted, skip: 600_000 };
        let mut writer = store.create(id(n), digesting).await.unwrap();
        for piece in whole.chunks(piece) {
            writer.write(Bytes::copy_from_slice(piece)).await.unwrap();
        }
        let written = writer.finish().await.unwrap();
        assert_eq!((written.length, written.crc64), (9, 0x995D_C9BB_DF19_39FA), "{piece}");
        assert_eq!(hex::encode(written.md5), "25f9e794323b453885f5181f1b624d0b", "{piece}");
        assert!(read(store, id(n), 0, 600_009).await.unwrap() == whole, "{piece}");
    }
}

async fn a_large_blob_in_odd_pieces_comes_back(store: &dyn BlobStore) {
    let bytes = noise(20 << 20);
    let mut writer = store.create(id(0), Digesting::all(Sha256::Unwanted)).await.unwrap();
    let (mut rest, mut length) = (bytes.as_slice(), 1);
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(length.min(rest.len()));
        writer.write(Bytes::copy_from_slice(piece)).await.unwrap();
        // 1 byte to 2 MiB, never a multiple of a page for long.
        length = (length * 3 + 1) % (2 << 20);
        rest = after;
    }
    let large = writer.finish().await.unwrap();
    assert_eq!(large.length, 20 << 20);
    assert!(read(store, id(0), 0, 20 << 20).await.unwrap() == bytes);

    let whole = write(store, id(1), &[&bytes]).await.unwrap();
    assert_eq!((whole.md5, whole.crc64), (large.md5, large.crc64));
    assert!(read(store, id(1), 0, 20 << 20).await.unwrap() == bytes);
}

async fn ranges_are_exact(store: &dyn BlobStore) {
    let bytes = noise((1 << 20) + 3);
    let length = bytes.len() as u64;
    write(store, id(0), &[&bytes]).await.unwrap();
    let piece = 256 * 1024;
    for (at, count) in [
        (0, 0),
        (0, 1),
        (length - 1, 1),
        (length, 0),
        (1, length - 1),
        (piece - 1, 2),
        (piece, piece),
        (piece + 1, 2 * piece),
        (7, 2 * piece + 1),
    ] {
        let got = read(store, id(0), at, count).await.unwrap();
        let (at, count) = (usize::try_from(at).unwrap(), usize::try_from(count).unwrap());
        assert!(got == bytes[at..at + count], "{count} at {at}");
    }
}

/// Writes a blob of 250 000 bytes that are all there.
fn write_whole(store: &dyn BlobStore, id: BlobId) -> Bytes {
    let bytes = Bytes::from(noise(250_000));
    let pieces: Vec<Bytes> = [0..1, 1..4097, 4097..40_000, 40_000..250_000]
        .map(|range: std::ops::Range<usize>| bytes.slice(range))
        .to_vec();
    store.write_whole(id, &pieces).unwrap();
    assert!(store.write_whole(id, &pieces).is_err(), "an id is used once");
    bytes
}

/// Any run of a blob can be read by itself, whether others share the blob or not.
async fn a_whole_blob_has_runs(store: &dyn BlobStore) {
    for id in [id(0), id(1).shared()] {
        let bytes = write_whole(store, id);
        assert!(read(store, id, 0, 250_000).await.unwrap() == bytes);
        assert_eq!(store.length(id).await.unwrap(), 250_000);
        for (at, count) in [(0, 1), (1, 4096), (1, 16), (4097, 35_903), (249_999, 1), (7, 249_993)]
        {
            let run = Extent { blob: id, offset: at as u64, length: count as u64 };
            // The second time it may be at hand.
            for _ in 0..2 {
                let kept = store.open_kept_run(&run);
                for reader in kept.into_iter().chain([store.open_run(&run).await.unwrap()]) {
                    let got = reader.stream(run.offset, run.length).try_collect::<Vec<_>>().await;
                    assert!(got.unwrap().concat() == bytes[at..at + count], "{count} at {at}");
                }
            }
            let last = store.open_run(&run).await.unwrap().stream(run.offset + run.length - 1, 1);
            let last: Vec<Bytes> = last.try_collect().await.unwrap();
            assert_eq!(last.concat(), bytes[at + count - 1..at + count]);
        }
    }
}

async fn a_run_that_is_not_there_is_an_error(store: &dyn BlobStore) {
    for id in [id(0), id(1).shared()] {
        write_whole(store, id);
        for (offset, length) in [(249_999, 2), (250_000, 1), (1 << 40, 1)] {
            let run = Extent { blob: id, offset, length };
            let error = match store.open_run(&run).await {
                Ok(reader) => reader.stream(offset, length).try_collect::<Vec<_>>().await.err(),
                Err(error) => Some(error),
            };
            let truncated = matches!(error, Some(BlobError::Truncated { length: 250_000, .. }));
            assert!(truncated, "{length} at {offset}: {error:?}");
        }
        store.delete(id).await.unwrap();
        assert!(matches!(store.length(id).await, Err(BlobError::Missing(_))));
        let run = Extent { blob: id, offset: 100_000, length: 3 };
        let missing = store.open_run(&run).await.err();
        assert!(matches!(missing, Some(BlobError::Missing(blob)) if blob == id), "{missing:?}");
    }
    assert!(listed(store).await.is_empty());
}

async fn a_blob_that_is_too_short_is_an_error(store: &dyn BlobStore) {
    let bytes = noise(300_000);
    write(store, id(0), &[&bytes]).await.unwrap();
    for (at, count) in [(0, 300_001), (300_000, 1), (400_000, 1), (1, 1 << 40), (u64::MAX, 2)] {
        let mut pieces = store.open(id(0)).await.unwrap().stream(at, count);
        let mut error = None;
        while let Some(piece) = pieces.next().await {
            assert!(error.is_none(), "nothing comes after the error");
            error = piece.err();
        }
        let error = error.unwrap();
        assert!(
            matches!(error, BlobError::Truncated { blob, length: 300_000 } if blob == id(0))
                || at == u64::MAX,
            "{count} at {at}: {error:?}"
        );
    }
}

async fn absence_is_told(store: &dyn BlobStore) {
    let missing = store.open(id(0)).await.err();
    assert!(matches!(missing, Some(BlobError::Missing(blob)) if blob == id(0)), "{missing:?}");
    store.delete(id(0)).await.unwrap();
    write(store, id(0), &[b"x"]).await.unwrap();
    store.delete(id(0)).await.unwrap();
    store.delete(id(0)).await.unwrap();
    assert!(matches!(store.open(id(0)).await.err(), Some(BlobError::Missing(_))));
    assert!(listed(store).await.is_empty());
}

async fn an_open_blob_outlives_its_deletion(store: &dyn BlobStore) {
    let bytes = noise(1 << 20);
    write(store, id(0), &[&bytes]).await.unwrap();
    let mut pieces = store.open(id(0)).await.unwrap().stream(0, 1 << 20);
    let mut got = pieces.next().await.unwrap().unwrap().to_vec();
    store.delete(id(0)).await.unwrap();
    while let Some(piece) = pieces.next().await {
        got.extend_from_slice(&piece.unwrap());
    }
    assert!(got == bytes);
}

async fn an_unfinished_writer_leaves_nothing(store: &dyn BlobStore) {
    write(store, id(9), &[b"kept"]).await.unwrap();
    for (n, length) in [0, 1, 512 * 1024, 5 << 20].into_iter().enumerate() {
        let mut writer =
            store.create(id(n as u128), Digesting::all(Sha256::Unwanted)).await.unwrap();
        writer.write(Bytes::from(noise(length))).await.unwrap();
        drop(writer);
    }
    // One that is dropped while it finishes was never acknowledged.
    let mut writer = store.create(id(4), Digesting::all(Sha256::Unwanted)).await.unwrap();
    writer.write(Bytes::from(noise(1 << 20))).await.unwrap();
    assert!(futures_util::future::poll_immediate(writer.finish()).await.is_none());
    until_listed(store, &[id(9)]).await;
}

async fn an_id_is_used_once(store: &dyn BlobStore) {
    write(store, id(0), &[b"first"]).await.unwrap();
    let second = write(store, id(0), &[b"second"]).await;
    assert!(matches!(second, Err(BlobError::Io { .. })), "{second:?}");
    assert_eq!(read(store, id(0), 0, 5).await.unwrap(), b"first");
}

async fn all_blobs_are_listed(store: &dyn BlobStore) {
    assert!(listed(store).await.is_empty());
    // Most within a minute, some days apart.
    let ids: Vec<BlobId> = (0..1500).chain((1..20).map(|days| days * 86_400_000)).map(id).collect();
    for group in ids.chunks(100) {
        for written in join_all(group.iter().map(|&id| write(store, id, &[b"x"]))).await {
            written.unwrap();
        }
    }
    assert_eq!(listed(store).await, ids.iter().copied().collect());
    let mut writer = store.create(id(5000), Digesting::all(Sha256::Unwanted)).await.unwrap();
    writer.write(Bytes::from(noise(1 << 20))).await.unwrap();
    writer.write(Bytes::from(noise(1 << 20))).await.unwrap();
    assert!(listed(store).await.contains(&id(5000)), "unfinished ones, too");
}

/// Runs the suite against a store. `$open` makes an empty one and what must outlive it.
macro_rules! conformance {
    ($store:ident, $open:path: $($case:ident),* $(,)?) => {
        mod $store {
            use super::*;

            $(#[tokio::test]
            async fn $case() {
                let (_kept, store) = $open();
                super::$case(&store).await;
            })*
        }
    };
}

fn local() -> (TempDir, LocalBlobs) {
    let folder = TempDir::new().unwrap();
    let store = LocalBlobs::open(folder.path().join("deep/blobs")).unwrap();
    (folder, store)
}

conformance!(in_a_local_folder, local:
    digests_may_begin_behind_the_beginning,
    digests_are_the_published_ones,
    a_large_blob_in_odd_pieces_comes_back,
    ranges_are_exact,
    a_whole_blob_has_runs,
    a_run_that_is_not_there_is_an_error,
    a_blob_that_is_too_short_is_an_error,
    absence_is_told,
    an_open_blob_outlives_its_deletion,
    an_unfinished_writer_leaves_nothing,
    an_id_is_used_once,
    all_blobs_are_listed,
);
