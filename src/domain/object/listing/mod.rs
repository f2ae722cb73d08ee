//! Listing a bucket: pages, prefixes and delimiters. Objects are listed so, and uploads.
//!
//! A page is built by a [`Pager`], which is told of entries in the order of their keys and says
//! where to look next. It skips: once a common prefix is known, the keys under it are jumped
//! over and not read, so a folder of a million objects costs a page one look.
//!
//! Source: OSS "ListObjects (GetBucket)", "ListObjectsV2", "ListMultipartUploads".

#[cfg(test)]
mod tests;

use super::multipart::ListedUpload;
use super::{ETag, ObjectKind, StorageClass};
use crate::domain::name::{ObjectKey, UploadId};
use crate::domain::time::UnixMillis;

/// The most entries a page can have: what OSS's `max-keys` can ask for.
pub const MAX_KEYS: u32 = 1000;

/// The entries of a page when the request does not say.
pub const DEFAULT_MAX_KEYS: u32 = 100;

/// What a listing tells of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedObject {
    /// Its name.
    pub key: ObjectKey,
    /// Length in bytes.
    pub size: u64,
    /// Its entity tag.
    pub etag: ETag,
    /// How it was uploaded.
    pub kind: ObjectKind,
    /// Its storage class.
    pub storage_class: StorageClass,
    /// When it was written.
    pub modified: UnixMillis,
}

/// What a bucket is listed as.
pub trait Entry {
    /// The key that it is listed under.
    fn key(&self) -> &ObjectKey;

    /// Where whatever follows it begins.
    fn end(&self) -> Position;

    /// Whether it lies behind a position.
    fn is_behind(&self, position: &Position) -> bool;
}

/// A place between the entries of a bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Behind it are this key and those after it.
    pub key: Vec<u8>,
    /// Of that very key, only the uploads after this one; all if there is none.
    pub upload: Option<UploadId>,
}

impl Position {
    /// The place before a key and all of its uploads.
    const fn before(key: Vec<u8>) -> Self {
        Self { key, upload: None }
    }

    /// The place behind a key and all of its uploads.
    fn behind(name: &str) -> Self {
        Self::before([name.as_bytes(), b"\0"].concat())
    }
}

impl Entry for ListedObject {
    fn key(&self) -> &ObjectKey {
        &self.key
    }

    fn end(&self) -> Position {
        Position::behind(self.key.as_str())
    }

    fn is_behind(&self, position: &Position) -> bool {
        self.key.as_str().as_bytes() >= position.key.as_slice()
    }
}

impl Entry for ListedUpload {
    fn key(&self) -> &ObjectKey {
        &self.key
    }

    fn end(&self) -> Position {
        Position { key: self.key.as_str().into(), upload: Some(self.id) }
    }

    fn is_behind(&self, position: &Position) -> bool {
        let (key, upload) = (self.key.as_str().as_bytes(), Some(self.id));
        (key, upload) > (position.key.as_slice(), position.upload)
    }
}

/// Which entries a page is to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListQuery {
    /// Only keys that begin with it.
    pub prefix: String,
    /// Keys are grouped up to its first occurrence after the prefix; empty for no groups.
    pub delimiter: String,
    /// Only keys after it, and groups that have such keys; empty for all. A group itself stands for
    /// all of its keys.
    pub after: String,
    /// The most entries and groups on the page.
    pub max_keys: u32,
}

/// A page of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<E> {
    /// Entries, in order of their keys' bytes.
    pub entries: Vec<E>,
    /// Groups, in the same order, each with its delimiter.
    pub common_prefixes: Vec<String>,
    /// The last entry, if there are more after it: where the next page begins.
    pub next: Option<String>,
}

impl<E> Default for Page<E> {
    fn default() -> Self {
        Self { entries: Vec::new(), common_prefixes: Vec::new(), next: None }
    }
}

/// Builds one page.
#[derive(Debug)]
pub struct Pager<E> {
    query: ListQuery,
    page: Page<E>,
    last: String,
    /// Where whatever may still be of interest begins; `None` when the page is complete.
    from: Option<Position>,
    /// How many entries to read next. Behind a group the next entry may well be in another one,
    /// and all that is read beside it would be thrown away; so few are read, and twice as many as
    /// long as no group comes.
    stride: u32,
}

impl<E: Entry> Pager<E> {
    /// Begins a page.
    pub fn new(query: ListQuery) -> Self {
        let after = match query.after.as_str() {
            "" => Some(Position::default()),
            // A page that ended with a group goes on behind all of the group.
            after if group(&query, after) == Some(after) => {
                successor(after.as_bytes()).map(Position::before)
            }
            after => Some(Position::behind(after)),
        };
        Self::from(query, after)
    }

    /// Begins a page behind an upload of the key that the page is to come after.
    pub fn behind_upload(query: ListQuery, upload: UploadId) -> Self {
        let after = Position { key: query.after.clone().into(), upload: Some(upload) };
        Self::from(query, Some(after))
    }

    fn from(query: ListQuery, after: Option<Position>) -> Self {
        let start = query.prefix.as_bytes();
        let first = |after: Position| {
            if after.key.as_slice() < start { Position::before(start.into()) } else { after }
        };
        let from = after.filter(|_| query.max_keys > 0).map(first);
        Self { stride: u32::MAX, page: Page::default(), last: String::new(), from, query }
    }

    /// Where to look for more. `None` when the page is complete.
    pub const fn wants(&self) -> Option<&Position> {
        self.from.as_ref()
    }

    /// How many entries to read: never more than the page has room for, and one to know that
    /// there are more.
    pub fn wanted(&self) -> u32 {
        self.stride.min(self.room() + 1)
    }

    fn room(&self) -> u32 {
        let used = self.page.entries.len() + self.page.common_prefixes.len();
        self.query.max_keys.saturating_sub(u32::try_from(used).unwrap_or(u32::MAX))
    }

    /// Takes entries that were read from [`Pager::wants`] on, in order. `more` says whether the
    /// bucket has entries behind the last of them.
    pub fn take(&mut self, entries: Vec<E>, more: bool) {
        self.stride = self.stride.saturating_mul(2);
        for entry in entries {
            let Some(from) = &self.from else { return };
            if entry.is_behind(from) {
                self.take_one(entry);
            }
        }
        if !more {
            self.from = None;
        }
    }

    fn take_one(&mut self, entry: E) {
        let key = entry.key().as_str();
        if !key.starts_with(&self.query.prefix) {
            self.from = None;
            return;
        }
        if self.room() == 0 {
            self.page.next = Some(std::mem::take(&mut self.last));
            self.from = None;
            return;
        }
        if let Some(group) = group(&self.query, key) {
            self.from = successor(group.as_bytes()).map(Position::before);
            self.stride = 2;
            group.clone_into(&mut self.last);
            self.page.common_prefixes.push(group.to_owned());
        } else {
            self.from = Some(entry.end());
            key.clone_into(&mut self.last);
            self.page.entries.push(entry);
        }
    }

    /// The page.
    pub fn finish(self) -> Page<E> {
        self.page
    }
}

/// The group that a key or a marker falls into: up to and with the first delimiter after the prefix.
fn group<'n>(query: &ListQuery, name: &'n str) -> Option<&'n str> {
    if query.delimiter.is_empty() {
        return None;
    }
    let rest = name.strip_prefix(&query.prefix)?;
    let at = rest.find(&query.delimiter)?;
    name.get(..query.prefix.len() + at + query.delimiter.len())
}

/// The least key that does not begin with the prefix and is greater: `None` if there is none.
fn successor(prefix: &[u8]) -> Option<Vec<u8>> {
    let end = prefix.iter().rposition(|byte| *byte != 0xFF)?;
    let mut next = prefix.get(..=end)?.to_vec();
    if let Some(last) = next.last_mut() {
        *last += 1;
    }
    Some(next)
}
