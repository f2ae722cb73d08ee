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
fn page(keys: &[&str], query: &ListQuery, chunk: usize) -> (Page<ListedObject>, usize) {
    let mut pager = Pager::new(query.clone());
    let mut read = 0;
    while let Some(from) = pager.wants() {
        let chunk = chunk.min(pager.wanted() as usize);
        let rest = keys.iter().filter(|key| key.as_bytes() >= from.key.as_slice());
        let found: Vec<_> = rest.clone().take(chunk).map(|key| object(key)).collect();
        read += found.len();
        let more = rest.count() > chunk;
        pager.take(found, more);
    }
    (pager.finish(), read)
}

fn names(page: &Page<ListedObject>) -> (Vec<&str>, Vec<&str>, Option<&str>) {
    (
        page.entries.iter().map(|o| o.key.as_str()).collect(),
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
    assert_eq!((got.entries.len(), got.common_prefixes.len(), got.next), (1, 100, None));
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
                page.entries.iter().map(|o| o.key.to_string()).collect();
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

fn upload(key: &str, id: u8) -> ListedUpload {
    ListedUpload {
        key: key.parse().unwrap(),
        id: UploadId([id; 16]),
        storage_class: StorageClass::Standard,
        initiated: UnixMillis(0),
    }
}

/// Uploads of one key are listed one by one; a page can end between them.
#[test]
fn uploads_of_one_key_follow_each_other() {
    let all = [upload("a", 1), upload("a", 2), upload("b/c", 1), upload("b/d", 9), upload("e", 0)];
    let list = |after: &str, behind: Option<u8>, delimiter: &str| {
        let query = ListQuery {
            delimiter: delimiter.into(),
            after: after.into(),
            max_keys: 2,
            ..ListQuery::default()
        };
        let mut pager = match behind {
            None => Pager::new(query),
            Some(id) => Pager::behind_upload(query, UploadId([id; 16])),
        };
        while let Some(from) = pager.wants() {
            let limit = pager.wanted() as usize;
            let found: Vec<_> =
                all.iter().filter(|upload| upload.is_behind(from)).cloned().collect();
            pager.take(found.iter().take(limit).cloned().collect(), found.len() > limit);
        }
        let page = pager.finish();
        let entries = page.entries.iter().map(|found| format!("{} {}", found.key, found.id.0[0]));
        let shown = entries.chain(page.common_prefixes).collect::<Vec<_>>().join(", ");
        page.next.map_or(shown.clone(), |next| format!("{shown}; {next}"))
    };
    #[rustfmt::skip]
    let table = [
        ("the first page",                  "",   None,    "",  "a 1, a 2; a"),
        ("behind a key",                    "a",  None,    "",  "b/c 1, b/d 9; b/d"),
        ("behind an upload of it",          "a",  Some(1), "",  "a 2, b/c 1; b/c"),
        ("behind an upload that has gone",  "a",  Some(0), "",  "a 1, a 2; a"),
        ("behind the last upload of a key", "a",  Some(2), "/", "e 0, b/"),
        ("behind a group",                  "b/", None,    "/", "e 0"),
        ("behind everything",               "e",  Some(0), "",  ""),
    ];
    for (name, after, behind, delimiter, want) in table {
        assert_eq!(list(after, behind, delimiter), want, "{name}");
    }
}
