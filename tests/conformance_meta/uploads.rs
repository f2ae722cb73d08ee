//! Uploads in parts.

use futures_util::future::join_all;
use refgate::domain::name::UploadId;
use refgate::domain::object::listing::Position;
use refgate::domain::object::multipart::{MIN_PART_BYTES, Part, PartNumber, Selection, Unfit};
use refgate::meta::{Completed, Completion, PutPart, UploadPlace};

use super::*;

fn upload(number: u8) -> UploadId {
    UploadId([number; 16])
}

fn attributes() -> Attributes {
    object(&[]).attributes
}

/// A part of extents `(blob, offset, length)`.
fn part(number: u64, extents: &[(u128, u64, u64)]) -> Part {
    let piece = piece_of(extents);
    Part {
        number: PartNumber::new(number).unwrap(),
        size: piece.size,
        md5: [u8::try_from(number).unwrap(); 16],
        crc64: u64::MAX - number,
        modified: NOW,
        extents: piece.extents,
    }
}

/// An upload under a key, of a number.
struct Place {
    bucket: BucketId,
    key: ObjectKey,
    id: UploadId,
}

impl Place {
    async fn begin(meta: &dyn Meta, bucket: BucketId, name: &str, number: u8) -> Self {
        let place = Self { bucket, key: key(name), id: upload(number) };
        let begun = meta.begin_upload(place.get(), &attributes(), NOW).await.unwrap();
        assert_eq!(begun, Changed::Done);
        place
    }

    const fn get(&self) -> UploadPlace<'_> {
        UploadPlace { bucket: self.bucket, key: &self.key, id: self.id }
    }

    async fn put(&self, meta: &dyn Meta, part: &Part) -> PutPart {
        meta.put_part(self.get(), part, &[]).await.unwrap()
    }

    async fn complete(&self, meta: &dyn Meta, selection: Selection) -> Completed {
        let (overwrite, acl) = (Overwrite::Allow, None);
        let completion = Completion { selection, overwrite, acl, now: NOW };
        meta.complete_upload(self.get(), completion).await.unwrap()
    }
}

fn written(unnamed: &[u128]) -> PutPart {
    PutPart::Done { unnamed: unnamed.iter().copied().map(blob).collect() }
}

const KIB_100: u64 = MIN_PART_BYTES;

pub(super) async fn parts_make_an_object_without_a_new_blob(meta: &dyn Meta) {
    let id = bucket(meta, "complete").await;
    let place = Place::begin(meta, id, "k", 1).await;
    let third = part(9, &[(4, 3, 5), (5, 0, 1), (4, 0, 2)]);
    let parts = [part(1, &[(1, 0, KIB_100)]), part(2, &[(2, 7, KIB_100)]), third, part(10, &[])];
    for part in &parts {
        assert_eq!(place.put(meta, part).await, written(&[]), "{}", part.number);
    }
    let held = Usage { uploads: 1, parts: 4, part_bytes: 2 * KIB_100 + 8, ..Usage::default() };
    assert_eq!(meta.bucket_usage(id).await.unwrap(), held);

    // Of the first three.
    let tag = |at: usize| (parts[at].number, hex::encode(parts[at].md5).into());
    put(meta, id, "k", &object(&[(9, 1)])).await;
    let done = place.complete(meta, Selection::Listed(vec![tag(0), tag(1), tag(2)]));
    let Completed::Done { object, unnamed } = done.await else { panic!("it is not done") };
    assert_eq!(unnamed, [blob(9)], "the object that was there");
    assert_eq!(
        (object.size, object.kind, object.md5),
        (2 * KIB_100 + 8, ObjectKind::Multipart, None)
    );
    assert_eq!((object.attributes.clone(), object.modified), (attributes(), NOW));
    let extents: Vec<_> = parts.iter().flat_map(|part| part.extents.clone()).collect();
    assert_eq!(object.extents, extents);
    assert_eq!(meta.find_object(id, &place.key).await.unwrap(), Some(*object));
    assert_eq!(meta.bucket_usage(id).await.unwrap(), usage(1, 2 * KIB_100 + 8));

    assert_eq!(place.complete(meta, Selection::All).await, Completed::NoSuchUpload);
    assert_eq!(place.put(meta, &parts[0]).await, PutPart::NoSuchUpload);
    assert_eq!(meta.delete_objects(id, &[key("k")]).await.unwrap().unnamed.len(), 4);
}

pub(super) async fn what_does_not_fit_changes_nothing(meta: &dyn Meta) {
    let id = bucket(meta, "unfit").await;
    let place = Place::begin(meta, id, "k", 1).await;
    assert_eq!(place.complete(meta, Selection::All).await, Completed::Unfit(Unfit::Nothing));
    place.put(meta, &part(1, &[(1, 0, KIB_100 - 1)])).await;
    place.put(meta, &part(2, &[(2, 0, 1)])).await;
    let small = Unfit::TooSmall { number: PartNumber::new(1).unwrap(), size: KIB_100 - 1 };
    assert_eq!(place.complete(meta, Selection::All).await, Completed::Unfit(small));
    let before = Usage { uploads: 1, parts: 2, part_bytes: KIB_100, ..Usage::default() };
    assert_eq!(meta.bucket_usage(id).await.unwrap(), before);

    put(meta, id, "k", &object(&[(3, 1)])).await;
    let (selection, overwrite) = (Selection::All, Overwrite::Forbid);
    let completion = Completion { selection, overwrite, acl: None, now: NOW };
    let refused = meta.complete_upload(place.get(), completion).await.unwrap();
    assert_eq!(refused, Completed::Exists);
    assert_eq!(meta.find_object(id, &key("k")).await.unwrap(), Some(object(&[(3, 1)])));
    assert_eq!(meta.abort_upload(place.get()).await.unwrap(), Some(vec![blob(1), blob(2)]));
    assert_eq!(meta.bucket_usage(id).await.unwrap(), usage(1, 1));
}

pub(super) async fn a_part_replaces_the_one_of_its_number(meta: &dyn Meta) {
    let id = bucket(meta, "replace-part").await;
    let place = Place::begin(meta, id, "k", 1).await;
    assert_eq!(place.put(meta, &part(1, &[(1, 0, 5)])).await, written(&[]));
    assert_eq!(place.put(meta, &part(1, &[(2, 0, 5), (3, 0, 5)])).await, written(&[1]));
    assert_eq!(place.put(meta, &part(2, &[(4, 0, 5)])).await, written(&[]));
    assert_eq!(place.put(meta, &part(1, &[(3, 1, 4)])).await, written(&[2]));
    let held = Usage { uploads: 1, parts: 2, part_bytes: 9, ..Usage::default() };
    assert_eq!(meta.bucket_usage(id).await.unwrap(), held);
    let listed = meta.parts_after(place.id, None, 10).await.unwrap();
    let sizes: Vec<_> = listed.iter().map(|part| (part.number.get(), part.size)).collect();
    assert_eq!(sizes, [(1, 4), (2, 5)]);
    assert_eq!(listed[0].etag, ETag::of_md5(&[1; 16]));
}

pub(super) async fn an_upload_belongs_to_its_key(meta: &dyn Meta) {
    let (id, other) = (bucket(meta, "mine").await, bucket(meta, "yours").await);
    let place = Place::begin(meta, id, "k", 1).await;
    place.put(meta, &part(1, &[(1, 0, 5)])).await;
    let strangers = [
        Place { bucket: other, key: key("k"), id: place.id },
        Place { bucket: id, key: key("l"), id: place.id },
        Place { bucket: id, key: key("k"), id: upload(2) },
    ];
    for stranger in &strangers {
        assert!(!meta.has_upload(stranger.get()).await.unwrap());
        assert_eq!(stranger.put(meta, &part(1, &[])).await, PutPart::NoSuchUpload);
        assert_eq!(stranger.complete(meta, Selection::All).await, Completed::NoSuchUpload);
        assert_eq!(meta.abort_upload(stranger.get()).await.unwrap(), None);
    }
    assert!(meta.has_upload(place.get()).await.unwrap());
    assert_eq!(meta.parts_after(place.id, None, 10).await.unwrap()[0].size, 5);
    let nowhere = Place { bucket: BucketId(i64::MAX), key: key("k"), id: upload(3) };
    let begun = meta.begin_upload(nowhere.get(), &attributes(), NOW).await.unwrap();
    assert_eq!(begun, Changed::NoSuchBucket);
}

/// Parts and objects name the same blobs, and the last of them decides.
pub(super) async fn blobs_of_parts_are_named(meta: &dyn Meta) {
    let id = bucket(meta, "named").await;
    let place = Place::begin(meta, id, "k", 1).await;
    put(meta, id, "source", &object(&[(1, 5)])).await;
    let copy = part(1, &[(1, 2, 2)]);
    assert_eq!(meta.put_part(place.get(), &copy, &[blob(1)]).await.unwrap(), written(&[]));
    place.put(meta, &part(2, &[(2, 0, 1), (3, 0, 1)])).await;
    let asked: Vec<_> = (1..6).map(blob).collect();
    assert_eq!(meta.unnamed_blobs(&asked).await.unwrap(), [blob(4), blob(5)]);
    assert_eq!(meta.delete_objects(id, &[key("source")]).await.unwrap().unnamed, []);
    // The part alone names it now, and is a source itself; what nobody names is none.
    let again = part(3, &[(1, 0, 1)]);
    assert_eq!(meta.put_part(place.get(), &again, &[blob(1)]).await.unwrap(), written(&[]));
    let gone = meta.put_part(place.get(), &again, &[blob(1), blob(4)]).await.unwrap();
    assert_eq!(gone, PutPart::SourceGone);
    let mut unnamed = meta.abort_upload(place.get()).await.unwrap().unwrap();
    unnamed.sort();
    assert_eq!(unnamed, [blob(1), blob(2), blob(3)]);
}

pub(super) async fn a_bucket_with_uploads_is_not_deleted(meta: &dyn Meta) {
    let id = bucket(meta, "open").await;
    let place = Place::begin(meta, id, "k", 1).await;
    assert_eq!(meta.delete_bucket(id).await.unwrap(), DeletedBucket::NotEmpty);
    assert_eq!(meta.abort_upload(place.get()).await.unwrap(), Some(vec![]));
    assert_eq!(meta.delete_bucket(id).await.unwrap(), DeletedBucket::Gone);
}

pub(super) async fn uploads_are_listed_in_order(meta: &dyn Meta) {
    let (id, other) = (bucket(meta, "listed").await, bucket(meta, "other").await);
    for (name, number) in [("b", 2), ("a", 3), ("a", 1), ("é", 4), ("a/", 5)] {
        Place::begin(meta, id, name, number).await;
    }
    Place::begin(meta, other, "a", 6).await;
    let list = async |from: &str, behind: Option<u8>, limit| {
        let from = Position { key: from.into(), upload: behind.map(upload) };
        let found = meta.uploads_from(id, &from, limit).await.unwrap();
        found.iter().map(|found| (found.key.to_string(), found.id.0[0])).collect::<Vec<_>>()
    };
    let all = [("a", 1), ("a", 3), ("a/", 5), ("b", 2), ("é", 4)].map(|(k, n)| (k.to_owned(), n));
    assert_eq!(list("", None, 10).await, all);
    assert_eq!(list("", None, 2).await, all[..2]);
    assert_eq!(list("a", None, 10).await, all);
    assert_eq!(list("a", Some(1), 10).await, all[1..]);
    assert_eq!(list("a", Some(2), 10).await, all[1..]);
    assert_eq!(list("a", Some(3), 10).await, all[2..]);
    assert_eq!(list("a\0", None, 10).await, all[2..]);
    let first = &meta.uploads_from(id, &Position::default(), 1).await.unwrap()[0];
    assert_eq!((first.storage_class, first.initiated), (StorageClass::IA, NOW));
}

pub(super) async fn ten_thousand_parts_are_one_object(meta: &dyn Meta) {
    let id = bucket(meta, "many-parts").await;
    let place = Place::begin(meta, id, "k", 1).await;
    let parts = (1..=10_000_u64).map(async |number| {
        let extents = piece_of(&[(number.into(), 0, 5 << 30)]).extents;
        let number = PartNumber::new(number).unwrap();
        let part = Part { number, size: 5 << 30, extents, ..part(1, &[]) };
        assert_eq!(place.put(meta, &part).await, written(&[]));
    });
    // At once, so that they share transactions.
    join_all(parts).await;
    let page = meta.parts_after(place.id, PartNumber::new(9_990), 1000).await.unwrap();
    assert_eq!(page.len(), 10);
    let done = place.complete(meta, Selection::All).await;
    let Completed::Done { object, unnamed } = done else { panic!("{done:?}") };
    assert_eq!((object.size, object.extents.len(), unnamed.len()), (10_000 * (5 << 30), 10_000, 0));
    assert!(object.etag.as_str().ends_with("-10000"));
    assert_eq!(meta.bucket_usage(id).await.unwrap(), usage(1, 10_000 * (5 << 30)));
}
