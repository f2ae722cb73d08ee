//! What is true of this store alone: where its files are, and what it does when the folders are
//! not as it left them.

use std::fs::File;
use std::os::unix::fs::PermissionsExt;

use bytes::Bytes;
use futures_util::stream::TryStreamExt;
use tempfile::TempDir;
use uuid::Uuid;

use super::*;
use crate::blob::{Sha256, Written};

/// An id whose time makes its folder `ab/cd`.
fn id(low: u128) -> BlobId {
    BlobId(Uuid::from_u128((0x0199_ABCD_0000 << 80) | low))
}

fn fresh() -> (TempDir, LocalBlobs) {
    let folder = TempDir::new().unwrap();
    let store = LocalBlobs::open(folder.path()).unwrap();
    (folder, store)
}

async fn write(store: &LocalBlobs, id: BlobId, length: usize) -> Result<Written, BlobError> {
    let mut writer = store.create(id, Digesting::all(Sha256::Unwanted)).await?;
    writer.write(Bytes::from(vec![7; length])).await?;
    writer.finish().await
}

async fn listed(store: &LocalBlobs) -> Vec<BlobId> {
    let batches: Vec<Vec<BlobId>> = store.list().try_collect().await.unwrap();
    batches.concat()
}

#[tokio::test]
async fn a_folder_holds_a_minute() {
    let (folder, store) = fresh();
    let millis = |millis: u128| BlobId(Uuid::from_u128((0x0199_ABCD_0000 + millis) << 80));
    for (id, want) in [
        (millis(0), "ab/cd"),
        (millis(0xFFFF), "ab/cd"),
        (millis(0x1_0000), "ab/ce"),
        (millis(0x33_0000), "ac/00"),
    ] {
        write(&store, id, 1).await.unwrap();
        assert!(folder.path().join(format!("{want}/{id}")).is_file(), "{want}");
    }
}

#[tokio::test]
async fn only_the_owner_may_read() {
    let (folder, store) = fresh();
    write(&store, id(1), 1).await.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let file = folder.path().join(format!("ab/cd/{}", id(1)));
    assert_eq!(mode(&file), 0o600);
    assert_eq!(mode(file.parent().unwrap()), 0o700);
}

#[tokio::test]
async fn foreign_files_are_neither_listed_nor_touched() {
    let (folder, store) = fresh();
    write(&store, id(1), 1).await.unwrap();
    let foreign = [
        "README".to_owned(),
        "ab/notes".to_owned(),
        format!("ab/{}", id(2)),
        format!("ab/00/{}", id(3)),
        format!("AB/cd/{}", id(4)),
        format!("ab/cd/{}.tmp", id(5)),
        format!("ab/cd/{}", id(6).0.simple()),
        format!("ab/cd/{}", id(7)).to_uppercase().replacen("AB/CD", "ab/cd", 1),
        format!("abc/cd/{}", id(8)),
    ];
    for path in foreign.iter().map(|name| folder.path().join(name)) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "x").unwrap();
    }
    fs::create_dir(folder.path().join(format!("ab/cd/{}", id(9)))).unwrap();
    assert_eq!(listed(&store).await, [id(1)]);
    for name in foreign {
        assert!(folder.path().join(&name).is_file(), "{name}");
    }
}

#[tokio::test]
async fn a_write_error_is_that_writes_alone() {
    let (folder, store) = fresh();
    write(&store, id(1), 1).await.unwrap();
    fs::remove_dir_all(folder.path().join("ab")).unwrap();
    for length in [1, 3 << 20] {
        // A file in the way of the folder fails whoever comes, as root, too.
        fs::write(folder.path().join("ab"), "x").unwrap();
        for n in 2..4 {
            let failed = write(&store, id(n), length).await;
            assert!(matches!(failed, Err(BlobError::Io { .. })), "{failed:?}");
        }
        fs::remove_file(folder.path().join("ab")).unwrap();
        // The folder is made again at the latest by the second.
        let _ = write(&store, id(4), length).await;
        write(&store, id(5), length).await.unwrap();
        fs::remove_dir_all(folder.path().join("ab")).unwrap();
    }
}

#[tokio::test]
async fn a_writer_that_failed_stays_failed() {
    let (folder, store) = fresh();
    fs::write(folder.path().join("ab"), "x").unwrap();
    let mut writer = store.create(id(1), Digesting::all(Sha256::Unwanted)).await.unwrap();
    let megabyte = || Bytes::from(vec![7; 1 << 20]);
    assert!(writer.write(megabyte()).await.is_err());
    fs::remove_file(folder.path().join("ab")).unwrap();
    assert!(writer.write(megabyte()).await.is_err());
    assert!(writer.finish().await.is_err(), "a blob with a hole is never finished");
    assert!(listed(&store).await.is_empty());
}

#[tokio::test]
async fn a_folder_that_fails_to_sync_costs_the_blob() {
    let (folder, store) = fresh();
    let mut writer = store.create(id(1), Digesting::all(Sha256::Unwanted)).await.unwrap();
    for _ in 0..3 {
        writer.write(Bytes::from(vec![7; 512 * 1024])).await.unwrap();
    }
    // The file is open, and its folder is gone from where it was.
    fs::rename(folder.path().join("ab"), folder.path().join("elsewhere")).unwrap();
    let failed = writer.finish().await;
    assert!(
        matches!(failed, Err(BlobError::Io { action: "fsync of the folder", .. })),
        "{failed:?}"
    );
}

#[tokio::test]
async fn a_truncated_file_is_told_with_its_length() {
    let (folder, store) = fresh();
    write(&store, id(1), 600_000).await.unwrap();
    let path = folder.path().join(format!("ab/cd/{}", id(1)));
    File::options().write(true).open(path).unwrap().set_len(300_000).unwrap();
    let read: Result<Vec<Bytes>, BlobError> =
        store.open(id(1)).await.unwrap().stream(0, 600_000).try_collect().await;
    assert!(matches!(read, Err(BlobError::Truncated { length: 300_000, .. })), "{read:?}");
}

#[tokio::test]
async fn a_store_opens_again() {
    let (folder, store) = fresh();
    write(&store, id(1), 10).await.unwrap();
    drop(store);
    let store = LocalBlobs::open(folder.path()).unwrap();
    write(&store, id(2), 10).await.unwrap();
    assert_eq!(listed(&store).await.len(), 2);
}

#[test]
fn a_root_that_cannot_be_made_is_an_error() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "x").unwrap();
    assert!(matches!(LocalBlobs::open(file.join("blobs")), Err(BlobError::Folder(_))));
}

/// Six at once, of which one goes in the middle: what the others are told is about their own bytes, and
/// nothing of it is left.
#[tokio::test(flavor = "multi_thread")]
async fn uploads_side_by_side() {
    let (_folder, store) = fresh();
    let store = Arc::new(store);
    let upload = |number: u8| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let length = 900_000 + 70_000 * usize::from(number);
            let text: Vec<u8> =
                (0..=250).cycle().take(length).map(|byte: u8| byte ^ number).collect();
            let digesting = Digesting { sha256: Sha256::Unwanted, skip: 1000 * u64::from(number) };
            let mut writer = store.create(id(number.into()), digesting).await.unwrap();
            for piece in text.chunks(70_000) {
                writer.write(Bytes::copy_from_slice(piece)).await.unwrap();
            }
            if number == 0 {
                return;
            }
            let counted = &text[1000 * usize::from(number)..];
            let md5: [u8; 16] = <md5::Md5 as md5::Digest>::digest(counted).into();
            let written = writer.finish().await.unwrap();
            assert_eq!((written.md5, written.length), (md5, counted.len() as u64), "{number}");
        })
    };
    for upload in (0..6).map(upload).collect::<Vec<_>>() {
        upload.await.unwrap();
    }
    for _ in 0..500 {
        if listed(&store).await.len() == 5 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("what was given up is still there");
}
