//! Listing a bucket: pages, prefixes and delimiters.
//!
//! A page is built by a [`Pager`], which is told of objects in the order of their keys and says
//! where to look next. It skips: once a common prefix is known, the keys under it are jumped
//! over and not read, so a folder of a million objects costs a page one look.
//!
//! Source: OSS "ListObjects (GetBucket)", "ListObjectsV2".

use super::{ETag, ObjectKind, StorageClass};
use crate::domain::name::ObjectKey;
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

/// Which objects a page is to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListQuery {
    /// Only keys that begin with it.
    pub prefix: String,
    /// Keys are grouped up to its first occurrence after the prefix; empty for no groups.
    pub delimiter: String,
    /// Only keys after it, and groups that have such keys; empty for all. A group itself stands for
    /// all of its keys.
    pub after: String,
    /// The most objects and groups on the page.
    pub max_keys: u32,
}

/// A page of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Objects, in order of their keys' bytes.
    pub objects: Vec<ListedObject>,
    /// Groups, in the same order, each with its delimiter.
    pub common_prefixes: Vec<String>,
    /// The last entry, if there are more after it: where the next page begins.
    pub next: Option<String>,
}

/// Builds one page.
#[derive(Debug)]
pub struct Pager {
    query: ListQuery,
    page: Page,
    last: String,
    /// The first key that may still be of interest; `None` when the page is complete.
    from: Option<Vec<u8>>,
    /// How many objects to read next. Behind a group the next object may well be in another one,
    /// and all that is read beside it would be thrown away; so few are read, and twice as many as
    /// long as no group comes.
    stride: u32,
}

impl Pager {
    /// Begins a page.
    pub fn new(query: ListQuery) -> Self {
        let start = query.prefix.clone().into_bytes();
        let after = match query.after.as_str() {
            "" => Some(Vec::new()),
            // A page that ended with a group goes on behind all of the group.
            after if group(&query, after) == Some(after) => successor(after.as_bytes()),
            after => Some([after.as_bytes(), b"\0"].concat()),
        };
        let from = after.map(|after| after.max(start)).filter(|_| query.max_keys > 0);
        let page = Page::default();
        Self { stride: u32::MAX, query, page, last: String::new(), from }
    }

    /// Where to look for more: the first key at or after this one. `None` when the page is
    /// complete.
    pub fn wants(&self) -> Option<&[u8]> {
        self.from.as_deref()
    }

    /// How many objects to read: never more than the page has room for, and one to know that
    /// there are more.
    pub fn wanted(&self) -> u32 {
        self.stride.min(self.room() + 1)
    }

    fn room(&self) -> u32 {
        let used = self.page.objects.len() + self.page.common_prefixes.len();
        self.query.max_keys.saturating_sub(u32::try_from(used).unwrap_or(u32::MAX))
    }

    /// Takes objects that were read from [`Pager::wants`] on, in order. `more` says whether the
    /// bucket has objects behind the last of them.
    pub fn take(&mut self, objects: Vec<ListedObject>, more: bool) {
        self.stride = self.stride.saturating_mul(2);
        for object in objects {
            let Some(from) = &self.from else { return };
            if object.key.as_str().as_bytes() < from.as_slice() {
                continue;
            }
            self.take_one(object);
        }
        if !more {
            self.from = None;
        }
    }

    fn take_one(&mut self, object: ListedObject) {
        let key = object.key.as_str();
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
            self.from = successor(group.as_bytes());
            self.stride = 2;
            group.clone_into(&mut self.last);
            self.page.common_prefixes.push(group.to_owned());
        } else {
            self.from = Some([key.as_bytes(), b"\0"].concat());
            key.clone_into(&mut self.last);
            self.page.objects.push(object);
        }
    }

    /// The page.
    pub fn finish(self) -> Page {
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn object(key: &str) -> ListedObject {
        ListedObject {
            key: key.parse().unwrap(),
            size: 1,
            etag: ETag::from_stored("X"),
            kind: ObjectKind::Normal,
            storage_class: StorageClass::Standard,
            modified: UnixMillis(0),
        }
    }

    /// Reads a page from sorted keys, `chunk` at a time. Returns it with the number of keys read.
    fn page(keys: &[&str], query: &ListQuery, chunk: usize) -> (Page, usize) {
        let mut pager = Pager::new(query.clone());
        let mut read = 0;
        while let Some(from) = pager.wants() {
            let chunk = chunk.min(pager.wanted() as usize);
            let rest = keys.iter().filter(|key| key.as_bytes() >= from);
            let found: Vec<_> = rest.clone().take(chunk).map(|key| object(key)).collect();
            read += found.len();
            let more = rest.count() > chunk;
            pager.take(found, more);
        }
        (pager.finish(), read)
    }

    fn names(page: &Page) -> (Vec<&str>, Vec<&str>, Option<&str>) {
        (
            page.objects.iter().map(|o| o.key.as_str()).collect(),
            page.common_prefixes.iter().map(String::as_str).collect(),
            page.next.as_deref(),
        )
    }

    /// The example of OSS's "ListObjects" page.
    const KEYS: &[&str] = &["fun/movie/001.avi", "fun/movie/007.avi", "fun/test.jpg", "oss.jpg"];

    /// The objects, groups and next marker of a page.
    type Entries<'e> = (&'e [&'e str], &'e [&'e str], Option<&'e str>);

    #[test]
    fn the_example_of_the_manual() {
        let query = |prefix: &str, delimiter: &str, after: &str, max_keys| ListQuery {
            prefix: prefix.into(),
            delimiter: delimiter.into(),
            after: after.into(),
            max_keys,
        };
        #[rustfmt::skip]
        let table: [(&str, ListQuery, Entries<'_>); 8] = [
            ("all",                 query("", "", "", 100),         (KEYS, &[], None)),
            ("a prefix",            query("fun/", "", "", 100),     (&KEYS[..3], &[], None)),
            ("a folder",            query("fun/", "/", "", 100),    (&["fun/test.jpg"], &["fun/movie/"], None)),
            ("the root",            query("", "/", "", 100),        (&["oss.jpg"], &["fun/"], None)),
            ("a full page",         query("", "", "", 2),           (&KEYS[..2], &[], Some("fun/movie/007.avi"))),
            ("exactly full",        query("", "", "", 4),           (KEYS, &[], None)),
            ("behind a group",      query("", "/", "fun/", 100),    (&["oss.jpg"], &[], None)),
            ("a group fills it",    query("", "/", "", 1),          (&[], &["fun/"], Some("fun/"))),
        ];
        for (name, query, want) in table {
            let (got, _) = page(KEYS, &query, 1000);
            let (objects, prefixes, next) = names(&got);
            assert_eq!((objects.as_slice(), prefixes.as_slice(), next), want, "{name}");
        }
    }

    #[test]
    fn folders_of_many_objects_are_skipped() {
        let mut keys: Vec<String> = (0..10_000).map(|n| format!("{:02}/{n:05}", n / 100)).collect();
        keys.push("b".into());
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let query = ListQuery { delimiter: "/".into(), max_keys: 1000, ..ListQuery::default() };
        let (got, read) = page(&keys, &query, usize::MAX);
        assert_eq!((got.objects.len(), got.common_prefixes.len(), got.next), (1, 100, None));
        assert!(read <= 1001 + 2 * 100, "read {read} keys of {}", keys.len());
    }

    #[test]
    fn a_marker_within_a_group_does_not_hide_what_is_left_of_it() {
        let query = ListQuery {
            delimiter: "/".into(),
            after: "fun/movie/001.avi".into(),
            max_keys: 10,
            ..ListQuery::default()
        };
        assert_eq!(names(&page(KEYS, &query, 10).0), (vec!["oss.jpg"], vec!["fun/"], None));
    }

    #[test]
    fn max_keys_of_zero_is_an_empty_page() {
        assert_eq!(page(KEYS, &ListQuery::default(), 10).0, Page::default());
    }

    proptest! {
        /// Walking pages of any size gives what one look at all keys gives.
        #[test]
        fn pages_add_up(
            keys in prop::collection::btree_set("[ab/é]{1,6}", 0..40),
            prefix in "[ab/]{0,2}",
            delimiter in "(/|ab|)",
            max_keys in 1_u32..5,
            chunk in 1_usize..6,
        ) {
            let keys: Vec<&str> =
                keys.iter().map(String::as_str).filter(|k| !k.starts_with('/')).collect();
            let mut want: Vec<String> = Vec::new();
            for key in keys.iter().filter(|key| key.starts_with(&prefix)) {
                let rest = &key[prefix.len()..];
                let entry = match rest.find(&delimiter) {
                    Some(at) if !delimiter.is_empty() =>
                        format!("{prefix}{}{delimiter}", &rest[..at]),
                    _ => (*key).to_owned(),
                };
                if want.last() != Some(&entry) {
                    want.push(entry);
                }
            }
            // Keys equal to a group's name fall into the group, so entries are unique.
            want.dedup();
            let mut query = ListQuery { prefix, delimiter, after: String::new(), max_keys };
            let mut got = Vec::new();
            for _ in 0..=keys.len() {
                let (page, _) = page(&keys, &query, chunk);
                let mut entries: Vec<String> =
                    page.objects.iter().map(|o| o.key.to_string()).collect();
                entries.extend(page.common_prefixes.iter().cloned());
                entries.sort();
                prop_assert!(entries.len() <= max_keys as usize);
                got.extend(entries);
                match page.next {
                    Some(next) => query.after = next,
                    None => break,
                }
            }
            prop_assert_eq!(got, want);
        }
    }
}
