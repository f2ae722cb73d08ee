use bytes::Bytes;
use tempfile::TempDir;
use uuid::Uuid;

use super::*;
use crate::blob::local::LocalBlobs;
use crate::domain::acl::{BucketAcl, ObjectAcl};
use crate::domain::name::{BucketId, ObjectKey};
use crate::domain::object::tags::Tags;
use crate::domain::object::{
    Attributes, ETag, Extent, Object, ObjectKind, Overwrite, StorageClass,
};
use crate::domain::time::UnixMillis;
use crate::meta::sqlite::Sqlite;
use crate::meta::{Created, NewVersion, Put};

/// A blob of two uploads, as it is when both are written.
struct World {
    _folder: TempDir,
    set: InFlight,
    bucket: BucketId,
    blob: BlobId,
}

fn key(name: &str) -> ObjectKey {
    name.parse().unwrap()
}

impl World {
    async fn make() -> (Self, Upload, Upload) {
        let folder = TempDir::new().unwrap();
        let meta = Sqlite::open(&folder.path().join("meta.sqlite")).await.unwrap();
        let blobs = LocalBlobs::open(folder.path().join("blobs")).unwrap();
        let (meta, blobs): (Arc<dyn Meta>, Arc<dyn BlobStore>) = (Arc::new(meta), Arc::new(blobs));
        let (name, now) = ("bucket".parse().unwrap(), UnixMillis(0));
        let made = meta.create_bucket(&name, BucketAcl::Private, StorageClass::Standard, now).await;
        let Ok(Created::New(bucket)) = made else { panic!("{made:?}") };
        let set = InFlight::new((meta, blobs), Pins::default(), TaskTracker::new());
        let blob = BlobId(Uuid::from_u128(1)).shared();
        let uploads = set.begin_all(blob, 2);
        let bodies = [Bytes::from_static(b"first"), Bytes::from_static(b"second")];
        set.0.blobs.write_whole(blob, &bodies).unwrap();
        let Ok([first, second]) = <[Upload; 2]>::try_from(uploads) else { panic!() };
        (Self { _folder: folder, set, bucket: bucket.id, blob }, first, second)
    }

    /// Writes the row that names a run of the blob.
    async fn name(&self, key_name: &str) {
        let extents = vec![Extent { blob: self.blob, offset: 5, length: 6 }];
        let object = Object {
            size: 6,
            etag: ETag::of_md5(&[0; 16]),
            crc64: 0,
            md5: None,
            kind: ObjectKind::Normal,
            modified: UnixMillis(0),
            attributes: Attributes {
                storage_class: StorageClass::Standard,
                headers: Vec::new(),
                acl: ObjectAcl::Default,
                tags: Tags::default(),
            },
            extents,
            link: None,
        };
        let version = NewVersion::own(&object, Overwrite::Allow);
        let put = self.set.0.meta.put_object(self.bucket, &key(key_name), version).await;
        assert_eq!(put.unwrap(), Put::Done { unnamed: Vec::new() });
    }

    /// Deletes such a row, and says which blobs no row named then.
    async fn unname(&self, key_name: &str) -> Vec<BlobId> {
        let keys = [key(key_name)];
        self.set.0.meta.delete_objects(self.bucket, &keys).await.unwrap().unnamed
    }

    async fn settle(&self) {
        self.set.0.tasks.close();
        self.set.0.tasks.wait().await;
        self.set.0.tasks.reopen();
    }

    async fn is_there(&self) -> bool {
        self.settle().await;
        self.set.0.blobs.open(self.blob).await.is_ok()
    }
}

#[tokio::test]
async fn the_name_of_one_may_go_before_the_other_is_named() {
    let (world, first, second) = World::make().await;
    world.name("first").await;
    first.named();
    let unnamed = world.unname("first").await;
    assert_eq!(unnamed, [world.blob]);
    world.set.give_up(unnamed);
    assert!(world.is_there().await, "the second is on its way");
    world.name("second").await;
    second.named();
    assert!(world.is_there().await, "the second is there");
    world.set.give_up(world.unname("second").await);
    assert!(!world.is_there().await);
}

/// What a transaction said may be out of date when it is heard.
#[tokio::test]
async fn an_answer_from_before_the_last_row_deletes_nothing() {
    let (world, first, second) = World::make().await;
    world.name("first").await;
    first.named();
    let unnamed = world.unname("first").await;
    world.name("second").await;
    second.named();
    world.set.give_up(unnamed);
    assert!(world.is_there().await);
}

#[tokio::test]
async fn a_failure_takes_nothing_from_its_neighbour() {
    for failed_first in [true, false] {
        let (world, first, second) = World::make().await;
        let (failed, other) = if failed_first { (first, second) } else { (second, first) };
        world.name("other").await;
        if failed_first {
            drop(failed);
            assert!(world.is_there().await);
            other.named();
        } else {
            other.named();
            assert!(world.is_there().await);
            drop(failed);
        }
        assert!(world.is_there().await, "{failed_first}");
        world.set.give_up(world.unname("other").await);
        assert!(!world.is_there().await, "{failed_first}");
    }
}

#[tokio::test]
async fn what_all_have_failed_to_name_goes() {
    let (world, first, second) = World::make().await;
    drop(first);
    assert!(world.is_there().await);
    drop(second);
    assert!(!world.is_there().await);
    assert!(world.set.lock().on_their_way.is_empty());
}

#[tokio::test]
async fn a_doubt_about_one_keeps_all() {
    for named in [true, false] {
        let (world, first, second) = World::make().await;
        first.in_doubt();
        drop(second);
        assert!(world.is_there().await);
        let in_doubt = world.set.take_in_doubt();
        assert_eq!(in_doubt, [world.blob]);
        world.set.settle(in_doubt, false);
        assert!(world.is_there().await, "nothing that is durable came after it");
        if named {
            world.name("first").await;
        }
        let in_doubt = world.set.take_in_doubt();
        world.set.settle(in_doubt, true);
        assert_eq!(world.is_there().await, named);
        assert!(world.set.lock().on_their_way.is_empty());
    }
}

#[tokio::test]
async fn a_doubt_about_both_ends_once() {
    let (world, first, second) = World::make().await;
    first.in_doubt();
    second.in_doubt();
    let in_doubt = world.set.take_in_doubt();
    assert_eq!(in_doubt.len(), 2);
    world.set.settle(in_doubt, true);
    assert!(!world.is_there().await);
    assert!(world.set.take_in_doubt().is_empty());
}

/// The scrub leaves what is on its way, however little of it is named.
#[tokio::test]
async fn the_scrub_leaves_what_is_on_its_way() {
    let (world, first, second) = World::make().await;
    first.named();
    let mut ids = vec![world.blob];
    world.set.exclude(&mut ids);
    assert!(ids.is_empty());
    second.named();
    let mut ids = vec![world.blob];
    world.set.exclude(&mut ids);
    assert_eq!(ids, [world.blob]);
}

/// A database that does not answer leaves a blob in doubt.
#[tokio::test]
async fn what_could_not_be_asked_about_is_asked_about_again() {
    let (world, first, second) = World::make().await;
    drop(first);
    world.set.lock().doubt(&[world.blob]);
    drop(second);
    assert!(world.is_there().await);
    world.set.settle(world.set.take_in_doubt(), true);
    assert!(!world.is_there().await);
}
