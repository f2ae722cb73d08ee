//! Which blobs are there.
//!
//! Files with names that are not ours are passed over: a store never touches what it has not made.

use std::fs::{self, DirEntry, ReadDir};
use std::io;
use std::path::PathBuf;

use futures_util::stream::{self, BoxStream, StreamExt};
use uuid::Uuid;

use super::blocking;
use super::folder::segments;
use crate::blob::BlobError;
use crate::domain::name::BlobId;

/// The most ids of one batch.
const BATCH: usize = 1024;

/// Streams the ids of all files below `root`. Memory is bounded by a batch and three open folders.
pub(super) fn list(root: PathBuf) -> BoxStream<'static, Result<Vec<BlobId>, BlobError>> {
    let start = Some(Walk { root, open: Vec::new(), begun: false });
    stream::unfold(start, |walk| async {
        let mut walk = walk?;
        let read = blocking(move || {
            let batch = walk.batch()?;
            Ok((batch, walk))
        });
        match read.await {
            Ok((batch, _)) if batch.is_empty() => None,
            Ok((batch, walk)) => Some((Ok(batch), Some(walk))),
            Err(error) => Some((Err(BlobError::Folder(error)), None)),
        }
    })
    .boxed()
}

/// A walk through the folders, depth first.
struct Walk {
    root: PathBuf,
    /// The folders that are being read: the root, one of `aa`, one of `bb`.
    open: Vec<Level>,
    begun: bool,
}

struct Level {
    entries: ReadDir,
    /// The names of the folders between the root and here.
    names: Vec<u8>,
}

impl Walk {
    /// The next ids, none at the end. Blocks.
    fn batch(&mut self) -> io::Result<Vec<BlobId>> {
        if !self.begun {
            self.begun = true;
            let entries = fs::read_dir(&self.root)?;
            self.open.push(Level { entries, names: Vec::new() });
        }
        let mut batch = Vec::new();
        while batch.len() < BATCH
            && let Some(level) = self.open.last_mut()
        {
            let Some(entry) = level.entries.next().transpose()? else {
                self.open.pop();
                continue;
            };
            match level.names.as_slice() {
                &[aa, bb] => batch.extend(blob_of(&entry, [aa, bb])),
                above => {
                    let below = level_of(&entry, above)?;
                    self.open.extend(below);
                }
            }
        }
        Ok(batch)
    }
}

/// Opens a folder of ours. `None` if it is not one, or has gone in the meantime.
fn level_of(entry: &DirEntry, above: &[u8]) -> io::Result<Option<Level>> {
    let Some(name) = entry.file_name().to_str().and_then(hexadecimal) else { return Ok(None) };
    if !entry.file_type()?.is_dir() {
        return Ok(None);
    }
    let Some(entries) = found(fs::read_dir(entry.path()))? else { return Ok(None) };
    let names = above.iter().copied().chain([name]).collect();
    Ok(Some(Level { entries, names }))
}

/// A file in the folder `aa/bb`, if it is a blob, and in the folder where a blob of that id is
/// looked for.
fn blob_of(entry: &DirEntry, folder: [u8; 2]) -> Option<BlobId> {
    let name = entry.file_name();
    let id = BlobId(Uuid::try_parse(name.to_str()?).ok()?);
    let ours = name.to_str() == Some(&id.to_string()) && segments(id) == folder;
    (ours && entry.file_type().is_ok_and(|kind| kind.is_file())).then_some(id)
}

/// A name of two digits in lower case.
fn hexadecimal(name: &str) -> Option<u8> {
    let byte = u8::from_str_radix(name, 16).ok()?;
    (format!("{byte:02x}") == name).then_some(byte)
}

/// Absence as `None`.
fn found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
