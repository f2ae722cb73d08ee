//! What every backend of the metadata must do, as functions over [`Meta`]. A new backend adds one
//! line to the end of this file.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cognitive_complexity,
    reason = "these functions are tests: they may panic, and they await and compare in a row"
)]

mod buckets;
mod domains;
mod iam;
mod model;
mod objects;
mod packs;
mod policies;
mod settings;
mod stats;
mod uploads;

use std::cell::Cell;
use std::sync::Arc;

use proptest::prelude::*;
use refgate::domain::acl::{BucketAcl, ObjectAcl};
use refgate::domain::cors::{CorsMethod, CorsRule, CorsRules, MaxAge, VaryOrigin};
use refgate::domain::name::{BlobId, BucketId, BucketName, ObjectKey};
use refgate::domain::object::tags::Tags;
use refgate::domain::object::{
    Attributes, ETag, Extent, Object, ObjectKind, Overwrite, StorageClass,
};
use refgate::domain::referer::{
    Compare, DenialAnswer, EmptyReferer, Extras, HostRule, How, MalformedReferer, MissingReferer,
    Mode, Pattern, Policy, PolicyVersion, Record,
};
use refgate::domain::time::UnixMillis;
use refgate::meta::sqlite::Sqlite;
use refgate::meta::{
    Bucket, Changed, Created, Deleted, DeletedBucket, Edit, Edited, Grown, Growth, Keep, Meta,
    MetaError, NewVersion, Put, Usage,
};
use tempfile::TempDir;
use uuid::Uuid;

const NOW: UnixMillis = UnixMillis(1_700_000_000_123);

/// More than any test of something else makes.
const KEEP: Keep = Keep { versions: 1000, bytes: 1 << 30 };

/// Objects and no upload.
fn usage(objects: u64, bytes: u64) -> Usage {
    Usage { objects, bytes, ..Usage::default() }
}

fn record(how: How, note: &str) -> Record {
    Record { at: NOW, who: Some("LTAI-1".parse().unwrap()), how, note: note.to_owned() }
}

fn blob(number: u128) -> BlobId {
    BlobId(Uuid::from_u128(number))
}

fn key(text: &str) -> ObjectKey {
    text.parse().unwrap()
}

/// An object of whole blobs `(blob, length)`, with every field away from its default.
fn object(blobs: &[(u128, u64)]) -> Object {
    piece_of(&blobs.iter().map(|&(id, length)| (id, 0, length)).collect::<Vec<_>>())
}

/// The same of extents `(blob, offset, length)`.
fn piece_of(extents: &[(u128, u64, u64)]) -> Object {
    let extent = |&(id, offset, length): &_| Extent { blob: blob(id), offset, length };
    Object {
        size: extents.iter().map(|(.., length)| length).sum(),
        etag: ETag::from_stored("5D41402ABC4B2A76B9719D911017C592"),
        crc64: 0xFFFF_FFFF_0000_0001,
        md5: Some([7; 16]),
        kind: ObjectKind::Multipart,
        modified: NOW,
        attributes: Attributes {
            storage_class: StorageClass::IA,
            headers: vec![
                ("content-type".into(), "text/plain; charset=\"utf-8\"".into()),
                ("x-oss-meta-a".into(), "é\u{1}\\".into()),
                ("x-oss-meta-a".into(), String::new()),
            ],
            acl: ObjectAcl::Own(BucketAcl::PublicRead),
            tags: tags(&[("k", "v"), ("é +", "")]),
        },
        extents: extents.iter().map(extent).collect(),
        link: None,
    }
}

fn tags(pairs: &[(&str, &str)]) -> Tags {
    Tags::new(pairs.iter().map(|&(k, v)| (k.to_owned(), v.to_owned())).collect()).unwrap()
}

/// An object that stands for another.
fn symlink(to: &str) -> Object {
    Object { kind: ObjectKind::Symlink, link: Some(key(to)), md5: None, ..object(&[]) }
}

async fn bucket(meta: &dyn Meta, name: &str) -> BucketId {
    let name: BucketName = name.parse().unwrap();
    match meta.create_bucket(&name, BucketAcl::Private, StorageClass::Standard, NOW).await.unwrap()
    {
        Created::New(bucket) => bucket.id,
        Created::Exists => panic!("{name} is there already"),
    }
}

async fn put(meta: &dyn Meta, bucket: BucketId, name: &str, object: &Object) -> Vec<BlobId> {
    let version = NewVersion::own(object, Overwrite::Allow);
    match meta.put_object(bucket, &key(name), version).await.unwrap() {
        Put::Done { mut unnamed } => {
            unnamed.sort();
            unnamed
        }
        other @ (Put::Exists | Put::SourceGone | Put::NoSuchBucket) => panic!("{name}: {other:?}"),
    }
}

async fn find_bucket(meta: &dyn Meta, id: BucketId) -> Bucket {
    meta.all_buckets().await.unwrap().into_iter().find(|bucket| bucket.id == id).unwrap()
}

async fn keys_from(meta: &dyn Meta, bucket: BucketId, from: &[u8], limit: u32) -> Vec<String> {
    let page = meta.objects_from(bucket, from, limit).await.unwrap();
    page.into_iter().map(|listed| listed.key.as_str().to_owned()).collect()
}

/// Runs the suite against a backend. `$open` makes an empty one and what must outlive it.
macro_rules! conformance {
    ($backend:ident, $open:path: $($module:ident::$case:ident),* $(,)?) => {
        mod $backend {
            use super::*;

            $(#[tokio::test]
            async fn $case() {
                let (_kept, meta) = $open().await;
                $module::$case(&meta).await;
            })*

            #[tokio::test(flavor = "multi_thread")]
            async fn concurrent_writers_all_succeed() {
                let (_kept, meta) = $open().await;
                objects::concurrent_writers_all_succeed(Arc::new(meta)).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn concurrent_changes_are_one_history() {
                let (_kept, meta) = $open().await;
                policies::concurrent_changes_are_one_history(Arc::new(meta)).await;
            }

            #[test]
            fn history_agrees_with_a_map() {
                let runtime = tokio::runtime::Runtime::new().unwrap();
                let (_kept, meta) = runtime.block_on($open());
                // Proptest calls a `Fn`, and each history wants a bucket and blobs of its own.
                let (buckets, blobs) = (Cell::new(0), Cell::new(0));
                let cases = ProptestConfig::with_cases(64);
                proptest!(cases, |(steps in prop::collection::vec(model::step(), 1..24))| {
                    buckets.set(buckets.get() + 1);
                    let name = format!("model-{}", buckets.get());
                    let run = model::history_agrees_with_a_map(&meta, &name, &steps, &blobs);
                    runtime.block_on(run);
                });
            }
        }
    };
}

async fn sqlite() -> (TempDir, Sqlite) {
    let folder = TempDir::new().unwrap();
    let meta = Sqlite::open(&folder.path().join("meta.sqlite3")).await.unwrap();
    (folder, meta)
}

conformance!(on_sqlite, sqlite:
    buckets::a_bucket_is_found_as_it_was_made,
    buckets::a_bucket_id_is_never_used_again,
    buckets::a_bucket_with_objects_is_not_deleted,
    settings::settings_are_replaced,
    settings::extras_come_back_and_outlive_policies,
    settings::a_change_is_recorded_with_who_made_it,
    settings::records_are_bounded,
    buckets::cors_rules_come_back_exactly,
    domains::a_domain_comes_back_exactly,
    domains::a_host_is_of_one_domain,
    domains::a_bucket_that_is_served_is_not_deleted,
    domains::tallies_add_up_and_go_with_their_domain,
    domains::seats_come_back_until_their_link_ends,
    domains::the_last_end_of_a_key_stays_until_then,
    domains::an_application_comes_back_exactly,
    policies::a_policy_comes_back_exactly,
    policies::a_policy_of_a_million_rules_comes_back,
    policies::a_version_is_what_was_recorded,
    policies::a_bucket_has_its_own_history,
    policies::history_is_bounded,
    policies::a_reset_is_a_version_and_a_change,
    objects::an_object_comes_back_exactly,
    objects::replacing_tells_which_blobs_are_left,
    objects::a_shared_blob_is_there_or_nothing_is_written,
    objects::a_version_replaces_what_it_was_made_of,
    objects::edits_change_one_thing,
    objects::buckets_with_acls_are_known,
    objects::growing_replaces_the_end_and_nothing_else,
    objects::forbidding_leaves_the_old_version,
    objects::an_object_that_does_not_add_up_is_refused,
    objects::keys_are_bytes,
    objects::a_listing_tells_what_was_put,
    objects::deleting_a_thousand_counts_each_once,
    objects::what_has_many_extents_is_deleted_in_turns,
    objects::unnamed_blobs_are_those_of_no_row,
    objects::ten_thousand_extents_are_one_object,
    packs::runs_are_told_once,
    packs::all_that_names_a_run_is_moved,
    packs::what_is_named_otherwise_is_not_moved,
    packs::a_copy_of_what_was_moved_begins_anew,
    packs::what_very_many_name_stays,
    uploads::parts_make_an_object_without_a_new_blob,
    uploads::what_does_not_fit_changes_nothing,
    uploads::a_part_replaces_the_one_of_its_number,
    uploads::an_upload_belongs_to_its_key,
    uploads::blobs_of_parts_are_named,
    uploads::a_bucket_with_uploads_is_not_deleted,
    uploads::uploads_are_listed_in_order,
    uploads::ten_thousand_parts_are_one_object,
    iam::what_was_put_comes_back,
    iam::a_user_takes_what_it_has_with_it,
    iam::a_user_has_two_keys_at_most,
    iam::a_rotated_key_is_disabled,
    iam::a_user_has_so_many_policies,
    iam::a_bucket_has_one_policy,
    stats::what_was_counted_adds_up,
    stats::a_batch_that_is_given_twice_is_added_once,
    stats::what_is_old_is_deleted,
    stats::a_bucket_takes_its_statistics_with_it,
);
