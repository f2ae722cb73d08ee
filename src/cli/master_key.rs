//! The master key, which seals the secrets in the database: made at the first start, kept in a
//! file that only the server's user can read.
//!
//! The file can hold several versions. To replace the key, add one with a higher version: it seals
//! from the next start on, and the others go on opening what they sealed.

use std::collections::BTreeSet;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Failure, private_file};
use crate::domain::seal::{KeyVersion, Keyring, MasterKey};
use crate::service::clock::new_master_key;

/// What stands at the head of the file.
const HEAD: &str = "\
# The master key of refgate. It opens the secrets in the database, which are lost without it.
# Keep a copy apart from the copies of the database. A key with a higher version seals from the
# next start on; those before it still open what they sealed.

";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    keys: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    version: u32,
    /// 32 bytes in base64.
    key: Zeroizing<String>,
}

/// The master keys of a server; one is made now if there is none. `in_use` are the versions that
/// secrets in the database are sealed with.
///
/// # Errors
///
/// [`Failure`]: the file cannot be used, others can read it, or a key in use is not in it.
pub(super) fn read_or_make(path: &Path, in_use: &BTreeSet<KeyVersion>) -> Result<Keyring, Failure> {
    match (read(path)?, in_use.first()) {
        (Some(ring), _) => match in_use.iter().find(|version| !ring.has(**version)) {
            None => Ok(ring),
            Some(version) => Err(Failure::Other(format!(
                "{} has no version {version}, which secrets in the database are sealed with: put it back",
                path.display()
            ))),
        },
        (None, Some(version)) => Err(Failure::Other(format!(
            "{} is missing, and secrets in the database are sealed with version {version} of it: put it back",
            path.display()
        ))),
        (None, None) => make(path),
    }
}

fn read(path: &Path) -> Result<Option<Keyring>, Failure> {
    let shown = path.display();
    let unusable = |why: &dyn std::fmt::Display| Failure::of(&format!("{shown} is unusable"), why);
    if let Some(text) = private_file::read(path)? {
        private_file::refuse_if_shared(path)?;
        // The text of a parse error would quote the line, and with it the key.
        let file: File = toml::from_str(&text)
            .map_err(|_| unusable(&"it is not a list of [[keys]] with a version and a key"))?;
        let keys: Option<Vec<_>> = file.keys.iter().map(Entry::read).collect();
        let keys = keys.ok_or_else(|| unusable(&"a key is not 32 bytes in base64"))?;
        return Keyring::new(keys).map(Some).map_err(|err| unusable(&err));
    }
    Ok(None)
}

fn make(path: &Path) -> Result<Keyring, Failure> {
    let key = new_master_key().map_err(|err| Failure::of("cannot make a master key", err))?;
    let ring = Keyring::new([(KeyVersion(1), key)]);
    let ring = ring.map_err(|err| Failure::of("cannot make a master key", err))?;
    private_file::save(path, &text_of(&ring)?)?;
    Ok(ring)
}

fn text_of(ring: &Keyring) -> Result<Zeroizing<String>, Failure> {
    let file = File { keys: ring.keys().map(Entry::write).collect() };
    let keys = toml::to_string(&file).map(Zeroizing::new);
    let keys = keys.map_err(|err| Failure::of("cannot write a master key", err))?;
    Ok(Zeroizing::new(format!("{HEAD}{}", *keys)))
}

impl Entry {
    fn read(&self) -> Option<(KeyVersion, MasterKey)> {
        let bytes = Zeroizing::new(STANDARD.decode(self.key.as_bytes()).ok()?);
        let mut key = Zeroizing::new([0; crate::domain::seal::KEY_BYTES]);
        if bytes.len() != key.len() {
            return None;
        }
        key.copy_from_slice(&bytes);
        Some((KeyVersion(self.version), MasterKey::new(key)))
    }

    fn write((version, key): (KeyVersion, &MasterKey)) -> Self {
        Self { version: version.0, key: Zeroizing::new(STANDARD.encode(key.expose())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use crate::domain::seal::{Cell, NONCE_BYTES};

    const CELL: Cell<'_> = Cell { table: "t", column: "c", row: "r" };

    /// As at a start with a database without secrets.
    fn read_or_make(path: &Path) -> Result<Keyring, Failure> {
        super::read_or_make(path, &BTreeSet::new())
    }

    #[test]
    fn a_key_that_is_in_use_is_not_made_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master-key.toml");
        let in_use = |version| BTreeSet::from([KeyVersion(version)]);
        let message = super::read_or_make(&path, &in_use(1)).unwrap_err().to_string();
        assert!(message.contains("is missing"), "{message}");
        assert!(!path.exists());
        read_or_make(&path).unwrap();
        assert!(super::read_or_make(&path, &in_use(1)).is_ok());
        let message = super::read_or_make(&path, &in_use(2)).unwrap_err().to_string();
        assert!(message.contains("no version 2"), "{message}");
    }

    /// Writes a file as its owner would, who alone can read it.
    fn write(path: &Path, text: &str) {
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    #[test]
    fn a_key_is_made_once_and_nobody_else_can_read_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master-key.toml");
        let sealed = read_or_make(&path).unwrap().seal(CELL, b"secret", [1; NONCE_BYTES]);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(*read_or_make(&path).unwrap().open(CELL, &sealed).unwrap(), b"secret");
    }

    #[test]
    fn a_key_that_is_added_seals_and_the_old_one_opens() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master-key.toml");
        let sealed = read_or_make(&path).unwrap().seal(CELL, b"secret", [1; NONCE_BYTES]);
        let text = fs::read_to_string(&path).unwrap();
        let key = STANDARD.encode([9; 32]);
        write(&path, &format!("{text}\n[[keys]]\nversion = 2\nkey = \"{key}\"\n"));
        let ring = read_or_make(&path).unwrap();
        assert_eq!(ring.newest(), KeyVersion(2));
        assert_eq!(*ring.open(CELL, &sealed).unwrap(), b"secret");
    }

    #[test]
    fn a_file_that_cannot_be_used_is_an_error_that_does_not_show_the_key() {
        let key = STANDARD.encode([9; 32]);
        let short = STANDARD.encode([9; 31]);
        let entry =
            |version: u32, key: &str| format!("[[keys]]\nversion = {version}\nkey = \"{key}\"\n");
        let table = [
            ("not TOML", format!("keys = {key}"), "is not a list"),
            ("nothing", String::new(), "is not a list"),
            ("no keys", "keys = []".to_owned(), "no key"),
            ("a short key", entry(1, &short), "32 bytes"),
            ("not base64", entry(1, "hunter2!"), "32 bytes"),
            ("version 0", entry(0, &key), "1 or more"),
            ("one version twice", entry(1, &key) + &entry(1, &key), "twice"),
            ("an unknown field", entry(1, &key) + "note = \"mine\"\n", "is not a list"),
        ];
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master-key.toml");
        for (name, text, want) in table {
            write(&path, &text);
            let message = read_or_make(&path).unwrap_err().to_string();
            assert!(message.contains(want), "{name}: {message}");
            assert!(!message.contains(&key) && !message.contains("hunter2"), "{name}: {message}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text, "{name}: it is left alone");
        }
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("master-key.toml");
        read_or_make(&path).unwrap();
        for mode in [0o640, 0o604, 0o620, 0o644] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let message = read_or_make(&path).unwrap_err().to_string();
            assert!(message.contains("chmod 600"), "{mode:o}: {message}");
        }
    }
}
