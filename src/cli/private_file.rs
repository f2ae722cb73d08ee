//! Files that only the server's user can read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use zeroize::Zeroizing;

use super::Failure;

/// The most bytes of such a file.
const MAX_BYTES: u64 = 1 << 20;

/// Saves a text so that it is there as a whole or not at all, also after a power failure.
pub(super) fn save(path: &Path, text: &str) -> Result<(), Failure> {
    let saved = write(path, text);
    saved.map_err(|err| Failure::of(&format!("cannot save {}", path.display()), err))
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let draft = path.with_extension("new");
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Reads a text, if the file is there.
pub(super) fn read(path: &Path) -> Result<Option<Zeroizing<String>>, Failure> {
    let bad = |err| Failure::of(&format!("cannot read {}", path.display()), err);
    match File::open(path) {
        Ok(file) => contents(file).map(Some).map_err(bad),
        Err(err) if err.kind() == ErrorKind::NotFound => Ok(None),
        Err(err) => Err(bad(err)),
    }
}

fn contents(file: File) -> io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    file.take(MAX_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

/// Refuses a file that others than its owner can read or write.
pub(super) fn refuse_if_shared(path: &Path) -> Result<(), Failure> {
    let found = fs::metadata(path);
    let found =
        found.map_err(|err| Failure::of(&format!("cannot read {}", path.display()), err))?;
    let mode = found.permissions().mode() & 0o777;
    let of_others = mode & 0o077;
    if of_others == 0 {
        return Ok(());
    }
    let shown = path.display();
    Err(Failure::Other(format!(
        "{shown} is open to other users (mode {mode:03o}): chmod 600 {shown}"
    )))
}
