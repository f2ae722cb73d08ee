//! Objects and their blobs.

use super::*;

pub(super) async fn an_object_comes_back_exactly(meta: &dyn Meta) {
    let id = bucket(meta, "exact").await;
    let bare = Attributes {
        storage_class: StorageClass::Standard,
        headers: vec![],
        acl: ObjectAcl::Default,
        tags: Tags::default(),
    };
    let plain = Object { md5: None, attributes: bare, crc64: 1, ..object(&[(9, 5)]) };
    let cases = [
        ("no blob", object(&[])),
        ("one blob", object(&[(1, 5)])),
        ("an empty blob", object(&[(2, 0)])),
        ("several, in order", object(&[(5, 10), (3, 20), (4, 0)])),
        ("the beginning of a blob", piece_of(&[(1, 0, 4)])),
        ("the middle of a blob", piece_of(&[(1, 7, 4)])),
        ("far behind in a blob", piece_of(&[(1, u64::MAX >> 2, 4)])),
        (
            "several pieces, two of one blob",
            piece_of(&[(1, 9, 4), (1, 0, 4), (2, u64::MAX >> 1, 0)]),
        ),
        ("without md5 and headers", plain),
        ("a symlink", symlink("no blob")),
        ("every bit of the checksum", Object { crc64: u64::MAX, ..object(&[(6, 1)]) }),
        ("the high bit of the checksum", Object { crc64: 1 << 63, ..object(&[(7, 1)]) }),
    ];
    for (name, object) in &cases {
        put(meta, id, name, object).await;
        let found = meta.find_object(id, &key(name)).await.unwrap();
        assert_eq!(found.as_ref(), Some(object), "{name}");
    }
    assert_eq!(meta.find_object(id, &key("other")).await.unwrap(), None);
    assert_eq!(meta.find_object(BucketId(id.0 + 1), &key("one blob")).await.unwrap(), None);
}

pub(super) async fn replacing_tells_which_blobs_are_left(meta: &dyn Meta) {
    let id = bucket(meta, "replace").await;
    assert_eq!(put(meta, id, "k", &object(&[(1, 5)])).await, []);
    // An append keeps the blobs that it continues.
    assert_eq!(put(meta, id, "k", &object(&[(1, 5), (2, 5)])).await, []);
    assert_eq!(put(meta, id, "k", &object(&[(2, 5), (3, 5)])).await, [blob(1)]);
    assert_eq!(put(meta, id, "k", &object(&[(4, 9)])).await, [blob(2), blob(3)]);
    // A blob that another object names is not given up.
    assert_eq!(put(meta, id, "copy", &object(&[(4, 9)])).await, []);
    assert_eq!(put(meta, id, "k", &object(&[])).await, []);
    assert_eq!(meta.delete_objects(id, &[key("copy")]).await.unwrap().unnamed, [blob(4)]);
    assert_eq!(meta.bucket_usage(id).await.unwrap(), usage(1, 0));
}

/// A copy names the blobs of its source, and only as long as they are there.
pub(super) async fn a_shared_blob_is_there_or_nothing_is_written(meta: &dyn Meta) {
    let id = bucket(meta, "share").await;
    let copy = async |to: &str, object: &Object, shared: &[BlobId]| {
        let version = NewVersion { shared, ..NewVersion::own(object, Overwrite::Allow) };
        meta.put_object(id, &key(to), version).await.unwrap()
    };
    let done = |unnamed: &[BlobId]| Put::Done { unnamed: unnamed.to_vec() };
    put(meta, id, "source", &object(&[(1, 5), (2, 5)])).await;
    let middle = piece_of(&[(1, 3, 2), (2, 0, 1)]);
    assert_eq!(copy("copy", &middle, &[blob(1), blob(2)]).await, done(&[]));
    assert_eq!(copy("copy of the copy", &middle, &[blob(1), blob(2)]).await, done(&[]));
    // Onto itself, where it is itself the only one that names them.
    assert_eq!(meta.delete_objects(id, &[key("source"), key("copy")]).await.unwrap().unnamed, []);
    let first = piece_of(&[(1, 3, 2)]);
    assert_eq!(copy("copy of the copy", &first, &[blob(1)]).await, done(&[blob(2)]));
    // What is not named any more is about to be deleted.
    assert_eq!(copy("late", &middle, &[blob(1), blob(2)]).await, Put::SourceGone);
    assert_eq!(copy("copy of the copy", &middle, &[blob(1), blob(2)]).await, Put::SourceGone);
    assert_eq!(meta.find_object(id, &key("copy of the copy")).await.unwrap(), Some(first));
    assert_eq!(meta.bucket_usage(id).await.unwrap(), usage(1, 2));
}

/// What is made of the object that is there replaces that one alone.
pub(super) async fn a_version_replaces_what_it_was_made_of(meta: &dyn Meta) {
    let id = bucket(meta, "onto").await;
    let there = object(&[]);
    let over = async |onto: &Object| {
        let new = object(&[]);
        let version = NewVersion { onto: Some(onto), ..NewVersion::own(&new, Overwrite::Allow) };
        meta.put_object(id, &key("k"), version).await.unwrap()
    };
    assert_eq!(over(&there).await, Put::SourceGone, "nothing is there");
    put(meta, id, "k", &there).await;
    let attributes = there.attributes.clone();
    let (acl, tags) = (ObjectAcl::Own(BucketAcl::Private), Tags::default());
    let others = [
        Object { etag: ETag::of_md5(&[9; 16]), ..there.clone() },
        Object { modified: UnixMillis(NOW.0 + 1), ..there.clone() },
        Object { attributes: Attributes { acl, ..attributes.clone() }, ..there.clone() },
        Object { attributes: Attributes { tags, ..attributes }, ..there.clone() },
    ];
    for other in &others {
        assert_eq!(over(other).await, Put::SourceGone, "{other:?}");
    }
    assert_eq!(over(&there).await, Put::Done { unnamed: Vec::new() });
}

/// An object that grew: it is only written if it is still what it grew from, and what its owner
/// chose for it is not touched.
pub(super) async fn growing_replaces_the_end_and_nothing_else(meta: &dyn Meta) {
    let id = bucket(meta, "grow").await;
    let log = |extents: &[(u128, u64, u64)]| Object {
        kind: ObjectKind::Appendable,
        md5: None,
        etag: ETag::from_stored(&format!("{extents:?}")),
        ..piece_of(extents)
    };
    let grow = async |from: &Object, to: &Object| {
        meta.grow_object(id, &key("k"), Growth { from, to }).await.unwrap()
    };
    let done =
        |unnamed: &[u128]| Grown::Done { unnamed: unnamed.iter().copied().map(blob).collect() };
    // Each with the blobs that it leaves behind.
    #[rustfmt::skip]
    let steps: [(Object, &[u128]); 12] = [
        (log(&[]),                                     &[]),
        (log(&[(1, 0, 5)]),                            &[]),
        (log(&[(1, 0, 5), (2, 0, 5)]),                 &[]),
        (log(&[(1, 0, 5), (2, 0, 5), (3, 0, 1)]),      &[]),
        (log(&[(1, 0, 5), (4, 0, 7)]),                 &[2, 3]),
        (log(&[(1, 0, 5), (4, 0, 7)]),                 &[]),
        (log(&[(1, 0, 5), (4, 0, 7), (1, 2, 3)]),      &[]),
        (log(&[(1, 0, 5), (4, 0, 7), (5, 0, 9)]),      &[]),
        (log(&[(6, 0, 50)]),                           &[1, 4, 5]),
        (log(&[(6, 9, 50)]),                           &[]),
        (log(&[(6, 9, 50), (7, 3, 2)]),                &[]),
        (log(&[(7, 3, 2)]),                            &[6]),
    ];
    put(meta, id, "k", &steps[0].0).await;
    for pair in steps.windows(2) {
        let [(from, _), (to, unnamed)] = pair else { panic!() };
        assert_eq!(grow(from, to).await, done(unnamed), "{to:?}");
        assert_eq!(meta.find_object(id, &key("k")).await.unwrap().as_ref(), Some(to));
        assert_eq!(meta.bucket_usage(id).await.unwrap(), usage(1, to.size));
        for (other, _) in steps.iter().filter(|(other, _)| other.extents != to.extents) {
            assert_eq!(grow(other, to).await, Grown::Changed, "{other:?}");
        }
    }
    let last = &steps[11].0;
    let put_since = Object { kind: ObjectKind::Normal, ..last.clone() };
    put(meta, id, "k", &put_since).await;
    assert_eq!(grow(last, &steps[0].0).await, Grown::Changed);
    put(meta, id, "k", last).await;
    // What is edited meanwhile stays edited.
    let tags = Tags::new(vec![("k".into(), "v".into())]).unwrap();
    meta.edit_object(id, &key("k"), Edit::Tags(tags.clone())).await.unwrap();
    let longer = log(&[(6, 0, 50), (7, 0, 1)]);
    assert_eq!(grow(last, &longer).await, done(&[]));
    let found = meta.find_object(id, &key("k")).await.unwrap().unwrap();
    assert_eq!((found.attributes.tags, found.extents), (tags, longer.extents.clone()));
    assert_eq!(meta.delete_objects(id, &[key("k")]).await.unwrap().unnamed.len(), 2);
    assert_eq!(grow(&longer, last).await, Grown::Changed);
    let growth = Growth { from: last, to: &longer };
    let nowhere = meta.grow_object(BucketId(0), &key("k"), growth).await.unwrap();
    assert_eq!(nowhere, Grown::Changed);
}

pub(super) async fn forbidding_leaves_the_old_version(meta: &dyn Meta) {
    let id = bucket(meta, "forbid").await;
    let (old, new) = (object(&[(1, 5)]), object(&[(2, 6)]));
    let forbid = async |object| {
        meta.put_object(id, &key("k"), NewVersion::own(object, Overwrite::Forbid)).await.unwrap()
    };
    assert_eq!(forbid(&old).await, Put::Done { unnamed: vec![] });
    assert_eq!(forbid(&new).await, Put::Exists);
    assert_eq!(meta.find_object(id, &key("k")).await.unwrap(), Some(old));
    assert_eq!(meta.bucket_usage(id).await.unwrap(), usage(1, 5));
}

/// What is written beside the content changes alone, and goes with the version that had it.
pub(super) async fn edits_change_one_thing(meta: &dyn Meta) {
    let (id, other) = (bucket(meta, "edit").await, bucket(meta, "unedited").await);
    let old = object(&[(1, 5), (2, 6)]);
    put(meta, id, "k", &old).await;
    put(meta, other, "k", &object(&[(3, 1)])).await;
    let found = async || meta.find_object(id, &key("k")).await.unwrap().unwrap();
    let edit = async |edit| meta.edit_object(id, &key("k"), edit).await.unwrap();
    let with = |acl, tags| {
        let attributes = Attributes { acl, tags, ..old.attributes.clone() };
        Object { attributes, ..old.clone() }
    };

    let private = ObjectAcl::Own(BucketAcl::Private);
    assert_eq!(edit(Edit::Acl(private)).await, Edited::Done);
    assert_eq!(found().await, with(private, old.attributes.tags.clone()));
    assert_eq!(edit(Edit::Tags(tags(&[("other", "")]))).await, Edited::Done);
    assert_eq!(found().await, with(private, tags(&[("other", "")])));
    assert_eq!(edit(Edit::Acl(ObjectAcl::Default)).await, Edited::Done);
    assert_eq!(edit(Edit::Tags(Tags::default())).await, Edited::Done);
    assert_eq!(found().await, with(ObjectAcl::Default, Tags::default()));
    assert_eq!(meta.bucket_usage(id).await.unwrap(), usage(1, 11));

    let there = meta.find_object(other, &key("k")).await.unwrap();
    assert_eq!(there, Some(object(&[(3, 1)])), "another bucket's");
    let missing = meta.edit_object(id, &key("l"), Edit::Tags(Tags::default())).await.unwrap();
    assert_eq!(missing, Edited::NoSuchKey);
}

/// Nothing with an ACL of its own may be found before it is said that there may be.
pub(super) async fn buckets_with_acls_are_known(meta: &dyn Meta) {
    let default = |object: Object| {
        let attributes = Attributes { acl: ObjectAcl::Default, ..object.attributes };
        Object { attributes, ..object }
    };
    let (put_one, edited, none) =
        (bucket(meta, "put").await, bucket(meta, "edited").await, bucket(meta, "none").await);
    for id in [put_one, edited, none] {
        put(meta, id, "k", &default(object(&[(1, 5)]))).await;
        assert!(!meta.may_hold_acls(id));
    }
    put(meta, put_one, "k", &object(&[(1, 5)])).await;
    let acl = ObjectAcl::Own(BucketAcl::PublicRead);
    meta.edit_object(edited, &key("k"), Edit::Acl(acl)).await.unwrap();
    meta.edit_object(none, &key("k"), Edit::Tags(Tags::default())).await.unwrap();
    let got = [put_one, edited, none].map(|id| meta.may_hold_acls(id));
    assert_eq!(got, [true, true, false]);
}

pub(super) async fn an_object_that_does_not_add_up_is_refused(meta: &dyn Meta) {
    let id = bucket(meta, "sum").await;
    for extents in [&[(1, 5)][..], &[(1, 5), (2, 6)], &[]] {
        let wrong = Object { size: 7, ..object(extents) };
        let version = NewVersion::own(&wrong, Overwrite::Allow);
        let put = meta.put_object(id, &key("k"), version).await;
        assert!(matches!(put, Err(MetaError::Corrupt { .. })), "{put:?}");
    }
    let kinds = [
        Object { link: Some(key("k")), ..object(&[]) },
        Object { kind: ObjectKind::Symlink, ..object(&[]) },
    ];
    for wrong in kinds {
        let put = meta.put_object(id, &key("k"), NewVersion::own(&wrong, Overwrite::Allow)).await;
        assert!(matches!(put, Err(MetaError::Corrupt { .. })), "{put:?}");
    }
    assert_eq!(meta.bucket_usage(id).await.unwrap(), Usage::default());
}

pub(super) async fn keys_are_bytes(meta: &dyn Meta) {
    let id = bucket(meta, "bytes").await;
    let other = bucket(meta, "other").await;
    let mut keys: Vec<String> = [
        "README",
        "readme",
        "caf\u{e9}",
        "cafe\u{301}",
        "a",
        "a ",
        "a\u{1}",
        "a\u{1}b",
        "a/",
        "a//",
        "a/b",
        "a.",
        "..",
        "\u{7f}",
        "\u{80}",
        "\u{ffff}",
        "\u{10000}",
        "\"",
        "'",
        "%",
        "_",
        "\t\n",
    ]
    .map(str::to_owned)
    .to_vec();
    keys.push("k".repeat(1023));
    for (n, key) in (0..).zip(&keys) {
        put(meta, id, key, &object(&[(n, 1)])).await;
        put(meta, other, key, &object(&[(1000 + n, 1)])).await;
    }
    keys.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
    assert_eq!(keys_from(meta, id, b"", 1000).await, keys);
    for (n, at) in keys.iter().enumerate() {
        assert_eq!(keys_from(meta, id, at.as_bytes(), 2).await, keys[n..keys.len().min(n + 2)]);
    }
    assert_eq!(keys_from(meta, id, b"\xff", 10).await, [""; 0]);
    assert_eq!(keys_from(meta, id, b"", 0).await, [""; 0]);

    let all: Vec<ObjectKey> = keys.iter().map(|text| key(text)).collect();
    assert_eq!(meta.delete_objects(id, &all).await.unwrap().unnamed.len(), keys.len());
    assert_eq!(meta.bucket_usage(id).await.unwrap(), Usage::default());
    assert_eq!(keys_from(meta, other, b"", 1000).await, keys);
}

pub(super) async fn a_listing_tells_what_was_put(meta: &dyn Meta) {
    let id = bucket(meta, "list").await;
    let object = object(&[(1, 5), (2, 7)]);
    put(meta, id, "k", &object).await;
    let page = meta.objects_from(id, b"", 10).await.unwrap();
    let [listed] = page.as_slice() else { panic!("{page:?}") };
    assert_eq!((listed.key.as_str(), listed.size, &listed.etag), ("k", 12, &object.etag));
    assert_eq!((listed.kind, listed.storage_class), (object.kind, object.attributes.storage_class));
    assert_eq!(listed.modified, object.modified);

    put(meta, id, "k", &symlink("l")).await;
    let page = meta.objects_from(id, b"", 10).await.unwrap();
    assert_eq!(page.first().map(|listed| listed.kind), Some(ObjectKind::Symlink));
}

pub(super) async fn deleting_a_thousand_counts_each_once(meta: &dyn Meta) {
    let id = bucket(meta, "thousand").await;
    for n in 0..10 {
        put(meta, id, &format!("k{n}"), &object(&[(2 * n, 3), (2 * n + 1, 4)])).await;
    }
    // Each of ten keys a hundred times, and only nine of them are there.
    let keys: Vec<ObjectKey> = (0..1000).map(|n| key(&format!("k{}", n % 10 + 1))).collect();
    let mut unnamed = meta.delete_objects(id, &keys).await.unwrap().unnamed;
    unnamed.sort();
    assert_eq!(unnamed, (2..20).map(blob).collect::<Vec<_>>());
    assert_eq!(meta.bucket_usage(id).await.unwrap(), usage(1, 7));
    assert_eq!(meta.delete_objects(id, &[]).await.unwrap().unnamed, []);
}

/// Objects of many extents go a few at a time, however many are asked for at once.
pub(super) async fn what_has_many_extents_is_deleted_in_turns(meta: &dyn Meta) {
    let id = bucket(meta, "in-turns").await;
    let of = |extents: u64| object(&(0..extents).map(|n| (n.into(), 1)).collect::<Vec<_>>());
    for (name, extents) in [("a", 5000), ("b", 4998), ("c", 1), ("e", 1), ("f", 12_000)] {
        put(meta, id, name, &of(extents)).await;
    }
    // The fourth is not there.
    let keys = ["a", "b", "c", "d", "e", "f", "a"].map(key);
    let mut left = &keys[..];
    for want in [(4, 0), (1, 0), (1, 12_000), (1, 0)] {
        let Deleted { keys, unnamed } = meta.delete_objects(id, left).await.unwrap();
        assert_eq!((keys, unnamed.len()), want);
        left = &left[keys..];
    }
    assert_eq!(left, []);
    assert_eq!(meta.bucket_usage(id).await.unwrap(), Usage::default());
}

pub(super) async fn unnamed_blobs_are_those_of_no_row(meta: &dyn Meta) {
    let id = bucket(meta, "scrub").await;
    put(meta, id, "one", &object(&[(1, 1)])).await;
    put(meta, id, "two", &object(&[(2, 1), (3, 1)])).await;
    let asked: Vec<BlobId> = (0..1024).map(blob).collect();
    let mut unnamed = meta.unnamed_blobs(&asked).await.unwrap();
    unnamed.sort();
    let want: Vec<BlobId> = (0..1024).filter(|n| !(1..=3).contains(n)).map(blob).collect();
    assert_eq!(unnamed, want);
    assert_eq!(meta.unnamed_blobs(&[]).await.unwrap(), []);
}

pub(super) async fn ten_thousand_extents_are_one_object(meta: &dyn Meta) {
    let id = bucket(meta, "parts").await;
    let extents: Vec<(u128, u64)> = (0..10_000).map(|n| (n, 5 << 30)).collect();
    let large = object(&extents);
    put(meta, id, "k", &large).await;
    assert_eq!(meta.find_object(id, &key("k")).await.unwrap(), Some(large));
    assert_eq!(meta.bucket_usage(id).await.unwrap().bytes, 10_000 * (5 << 30));
    assert_eq!(put(meta, id, "k", &object(&[(9_999, 1)])).await.len(), 9_999);
}

pub(super) async fn concurrent_writers_all_succeed(meta: Arc<dyn Meta>) {
    let id = bucket(&*meta, "crowd").await;
    let tasks: Vec<_> = (0..200)
        .map(|n| {
            let meta = Arc::clone(&meta);
            tokio::spawn(async move {
                // Pairs of tasks fight for a key.
                put(&*meta, id, &format!("k{}", n / 2), &object(&[(n, 3)])).await
            })
        })
        .collect();
    let mut given_up = Vec::new();
    for task in tasks {
        given_up.extend(task.await.unwrap());
    }
    assert_eq!(given_up.len(), 100, "of each pair one blob is left");
    assert_eq!(meta.bucket_usage(id).await.unwrap(), usage(100, 300));
}
