//! The owner's access key: made once, kept in a file that only the server's user can read.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Failure, private_file};
use crate::domain::name::AccessKeyId;
use crate::domain::secret::SecretKey;
use crate::service::clock::new_access_key;

/// An access key: its id and its secret.
pub(super) type AccessKey = (AccessKeyId, SecretKey);

/// Where an access key came from.
pub(super) enum Origin {
    /// It was made just now and saved here.
    Made(PathBuf),
    /// It was made by an earlier start.
    Kept(PathBuf),
    /// It was set from outside.
    Set,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    access_key_id: String,
    access_key_secret: String,
}

/// The file of the access key in a data folder.
fn file(data_dir: &Path) -> PathBuf {
    data_dir.join("root-credentials.toml")
}

/// Reads the access key of a data folder, if there is one.
///
/// # Errors
///
/// [`Failure`]: the file is there and cannot be used.
pub(super) fn read(data_dir: &Path) -> Result<Option<AccessKey>, Failure> {
    let path = file(data_dir);
    let Some(text) = private_file::read(&path)? else { return Ok(None) };
    // The text of a parse error would quote the line, and with it the secret.
    let bad = || Failure::Other(format!("{} is not a credentials file", path.display()));
    let File { access_key_id, access_key_secret } = toml::from_str(&text).map_err(|_| bad())?;
    let id = access_key_id.parse().map_err(|_| bad())?;
    Ok(Some((id, SecretKey::new(access_key_secret))))
}

/// The access key of a data folder, made now if there is none.
///
/// # Errors
///
/// [`Failure`].
pub(super) fn read_or_make(data_dir: &Path) -> Result<(AccessKey, Origin), Failure> {
    let path = file(data_dir);
    if let Some(key) = read(data_dir)? {
        return Ok((key, Origin::Kept(path)));
    }
    let (id, secret) = new_access_key().map_err(|err| Failure::of("cannot make a key", err))?;
    save(&path, &id, &secret)?;
    let id = id.parse().map_err(|err| Failure::of("cannot make a key", err))?;
    Ok(((id, secret), Origin::Made(path)))
}

fn save(path: &Path, id: &str, secret: &SecretKey) -> Result<(), Failure> {
    let content = File { access_key_id: id.into(), access_key_secret: secret.expose().into() };
    let text = toml::to_string(&content).map_err(|err| Failure::of("cannot save a key", err))?;
    private_file::save(path, &text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_key_is_made_once_and_nobody_else_can_read_it() {
        let dir = tempfile::tempdir().unwrap();
        let ((id, secret), origin) = read_or_make(dir.path()).unwrap();
        let Origin::Made(path) = origin else { panic!("it was made") };
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let ((again, kept), origin) = read_or_make(dir.path()).unwrap();
        assert!(matches!(origin, Origin::Kept(_)));
        assert_eq!((again, kept.expose()), (id, secret.expose()));
    }

    #[test]
    fn a_broken_file_is_an_error_that_does_not_show_the_secret() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(file(dir.path()), "access_key_id = \"a\"\naccess_key_secret = hunter2").unwrap();
        let message = read_or_make(dir.path()).err().unwrap().to_string();
        assert!(!message.contains("hunter2"), "{message}");
    }
}
