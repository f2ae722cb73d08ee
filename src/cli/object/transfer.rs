//! `refgate object put` and `get`: bytes stream, and their checksum is compared.

use std::fs::{File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crc_fast::{CrcAlgorithm, Digest};
use http::HeaderMap;
use tempfile::NamedTempFile;

use crate::cli::Failure;
use crate::cli::client::Client;
use crate::domain::name::{BucketName, ObjectKey};
use crate::domain::object::MAX_OBJECT_BYTES;

/// The checksum of an object that is or was whole.
const CHECKSUM: &str = "x-oss-hash-crc64ecma";

/// Bytes that pass, with their checksum.
struct Checked<R> {
    inner: R,
    digest: Digest,
    bytes: u64,
}

impl<R> Checked<R> {
    fn new(inner: R) -> Self {
        Self { inner, digest: Digest::new(CrcAlgorithm::Crc64Xz), bytes: 0 }
    }

    /// Compares what has passed with what the server has.
    fn check(&self, headers: &HeaderMap, what: &str) -> Result<(), Failure> {
        let told = headers.get(CHECKSUM).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        match told {
            Some(told) if told != self.digest.finalize() => Err(Failure::Other(format!(
                "{what}: the checksum of the server is another, so the bytes were damaged on the way"
            ))),
            Some(_) | None => Ok(()),
        }
    }
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.digest.update(buffer.get(..count).unwrap_or_default());
        self.bytes += count as u64;
        Ok(count)
    }
}

/// Uploads a file.
pub(super) fn put(
    client: &Client,
    (bucket, key): (&BucketName, &ObjectKey),
    file: &Path,
    headers: &[(&'static str, &str)],
) -> Result<(), Failure> {
    let (source, length) = open(file)?;
    if length.is_some_and(|length| length > MAX_OBJECT_BYTES) {
        return Err(Failure::Other(format!(
            "{} has over 5 GiB, the most that is uploaded in one piece: an SDK uploads it in parts",
            file.display()
        )));
    }
    let mut source = Checked::new(source);
    let answer = client.upload((bucket, key), headers, (&mut source, length))?;
    source.check(answer.headers(), &format!("{bucket}/{key}"))?;
    say!("put {bucket}/{key}: {} bytes", source.bytes);
    Ok(())
}

/// A file and its length, or standard input, which has none.
fn open(file: &Path) -> Result<(Box<dyn Read>, Option<u64>), Failure> {
    if file.to_str() == Some("-") {
        return Ok((Box::new(io::stdin().lock()), None));
    }
    let bad = |err| Failure::of(&format!("cannot read {}", file.display()), err);
    let opened = File::open(file).map_err(bad)?;
    let found = opened.metadata().map_err(bad)?;
    if found.is_dir() {
        return Err(Failure::Other(format!("{} is a folder", file.display())));
    }
    let length = found.is_file().then_some(found.len());
    Ok((Box::new(opened), length))
}

/// Downloads an object. A file comes to be when it is complete and right; what was there before
/// stays until then.
pub(super) fn get(
    client: &Client,
    (bucket, key): (&BucketName, &ObjectKey),
    file: &Path,
) -> Result<(), Failure> {
    let answer = client.object(&http::Method::GET, (bucket, key), "", &[])?;
    let (parts, mut body) = answer.into_parts();
    let mut source = Checked::new(body.as_reader());
    let what = format!("{bucket}/{key}");
    if file.to_str() == Some("-") {
        copy(&mut source, &mut io::stdout().lock(), &what)?;
        return source.check(&parts.headers, &what);
    }
    let bad = |err| Failure::of(&format!("cannot write {}", file.display()), err);
    let mut target = draft(file).map_err(bad)?;
    copy(&mut source, &mut target, &what)?;
    source.check(&parts.headers, &what)?;
    target.as_file().sync_all().map_err(bad)?;
    target.persist(file).map_err(|err| bad(err.error))?;
    say!("got {what}: {} bytes", source.bytes);
    Ok(())
}

/// A file of a name of its own beside the one that is to be, for a while: it goes when it is dropped.
fn draft(file: &Path) -> io::Result<NamedTempFile> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    tempfile::Builder::new()
        .prefix(".refgate-")
        .suffix(".part")
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder.unwrap_or(Path::new(".")))
}

fn copy(source: &mut impl Read, target: &mut impl Write, what: &str) -> Result<(), Failure> {
    io::copy(source, target)
        .and_then(|_| target.flush())
        .map_err(|err| Failure::of(&format!("cannot download {what}"), err))
}
