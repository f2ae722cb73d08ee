//! Blobs that many objects share, of which what is left is moved.

use std::collections::BTreeMap;

use refgate::domain::name::UploadId;
use refgate::domain::object::multipart::{Part, PartNumber};
use refgate::meta::{Move, Moved, PutPart, UploadPlace};

use super::*;

/// `(blob, offset, length)`
type Run = (u128, u64, u64);

fn extent(&(id, offset, length): &Run) -> Extent {
    Extent { blob: blob(id), offset, length }
}

async fn runs(meta: &dyn Meta, blobs: &[u128]) -> BTreeMap<u128, Vec<(u64, u64)>> {
    let ids: Vec<_> = blobs.iter().copied().map(blob).collect();
    let found = meta.runs_of(&ids).await.unwrap();
    let run = |run: &Extent| (run.offset, run.length);
    found.into_iter().map(|(id, runs)| (id.0.as_u128(), runs.iter().map(run).collect())).collect()
}

/// A move of all that is named of a blob, by ranges `(begins, length, blob, begins there)`.
async fn a_move(meta: &dyn Meta, id: u128, ranges: &[(u64, u64, u128, u64)]) -> Move {
    let runs = meta.runs_of(&[blob(id)]).await.unwrap().remove(&blob(id)).unwrap();
    let place = |&(from, length, to, at): &(u64, u64, u128, u64)| {
        (extent(&(id, from, length)), extent(&(to, at, length)))
    };
    Move { blob: blob(id), runs, places: ranges.iter().map(place).collect() }
}

async fn is_of(meta: &dyn Meta, bucket: BucketId, name: &str, want: &[Run]) {
    let found = meta.find_object(bucket, &key(name)).await.unwrap().unwrap();
    assert_eq!(found, piece_of(want), "{name}");
}

pub(super) async fn runs_are_told_once(meta: &dyn Meta) {
    let id = bucket(meta, "runs").await;
    put(meta, id, "a", &piece_of(&[(1, 0, 10)])).await;
    put(meta, id, "b", &piece_of(&[(1, 20, 5)])).await;
    put(meta, id, "copy of b", &piece_of(&[(1, 20, 5)])).await;
    put(meta, id, "of two", &piece_of(&[(1, 22, 2), (2, 0, 7), (1, 0, 10)])).await;
    put(meta, id, "another", &piece_of(&[(3, 5, 5)])).await;
    let all = [(1, vec![(0, 10), (20, 5), (22, 2)]), (2, vec![(0, 7)]), (3, vec![(5, 5)])];
    assert_eq!(runs(meta, &[1, 2, 3, 4]).await, BTreeMap::from(all.clone()));
    assert_eq!(runs(meta, &[3]).await, BTreeMap::from([all[2].clone()]));
    assert_eq!(runs(meta, &[]).await, BTreeMap::new());
    // What an upload names stays.
    let (upload, target) = (UploadId([1; 16]), key("target"));
    let place = UploadPlace { bucket: id, key: &target, id: upload };
    meta.begin_upload(place, &object(&[]).attributes, NOW).await.unwrap();
    for (number, run) in [(1, (2, 0, 7)), (2, (3, 6, 1))] {
        let piece = piece_of(&[run]);
        let (number, size) = (PartNumber::new(number).unwrap(), piece.size);
        let (md5, extents) = ([0; 16], piece.extents);
        let part = Part { number, size, md5, crc64: 0, modified: NOW, extents };
        let put = meta.put_part(place, &part, &[]).await.unwrap();
        assert_eq!(put, PutPart::Done { unnamed: vec![] });
    }
    assert_eq!(runs(meta, &[1, 2, 3, 4]).await, BTreeMap::from([all[0].clone()]));
}

pub(super) async fn all_that_names_a_run_is_moved(meta: &dyn Meta) {
    let (first, second) = (bucket(meta, "first").await, bucket(meta, "second").await);
    put(meta, first, "a", &piece_of(&[(1, 0, 10)])).await;
    put(meta, second, "copy of a", &piece_of(&[(1, 0, 10)])).await;
    put(meta, first, "within a", &piece_of(&[(1, 3, 2)])).await;
    put(meta, first, "b", &piece_of(&[(1, 90, 10)])).await;
    put(meta, first, "of three", &piece_of(&[(1, 95, 5), (2, 1, 7), (3, 50, 1)])).await;
    put(meta, first, "another", &piece_of(&[(2, 1, 7)])).await;
    let one = a_move(meta, 1, &[(0, 10, 9, 500), (90, 10, 9, 30)]).await;
    let two = a_move(meta, 3, &[(50, 1, 9, 0)]).await;
    let Moved { mut keys, mut unnamed } = meta.move_runs(vec![one, two]).await.unwrap();
    keys.sort();
    unnamed.sort_unstable();
    let of_first = ["a", "b", "of three", "within a"].map(|name| (first, key(name)));
    assert_eq!(keys, [of_first.to_vec(), vec![(second, key("copy of a"))]].concat());
    assert_eq!(unnamed, [blob(1), blob(3)]);
    is_of(meta, first, "a", &[(9, 500, 10)]).await;
    is_of(meta, second, "copy of a", &[(9, 500, 10)]).await;
    is_of(meta, first, "within a", &[(9, 503, 2)]).await;
    is_of(meta, first, "b", &[(9, 30, 10)]).await;
    is_of(meta, first, "of three", &[(9, 35, 5), (2, 1, 7), (9, 0, 1)]).await;
    is_of(meta, first, "another", &[(2, 1, 7)]).await;
    assert_eq!(meta.bucket_usage(first).await.unwrap(), usage(5, 10 + 10 + 13 + 7 + 2));
    assert_eq!(runs(meta, &[1, 3]).await, BTreeMap::new());
}

/// Rows that came or went since the bytes were copied.
pub(super) async fn what_is_named_otherwise_is_not_moved(meta: &dyn Meta) {
    let id = bucket(meta, "otherwise").await;
    let changes: [(&str, Option<Run>); 3] =
        [("a", None), ("c", Some((1, 5, 5))), ("a", Some((2, 0, 1)))];
    for (name, change) in changes {
        put(meta, id, "a", &piece_of(&[(1, 0, 10)])).await;
        put(meta, id, "b", &piece_of(&[(1, 20, 5)])).await;
        put(meta, id, "good", &piece_of(&[(3, 7, 5)])).await;
        let moved = a_move(meta, 1, &[(0, 10, 9, 0), (20, 5, 9, 10)]).await;
        let good = a_move(meta, 3, &[(7, 5, 9, 15)]).await;
        match change {
            None => drop(meta.delete_objects(id, &[key(name)]).await.unwrap()),
            Some(run) => drop(put(meta, id, name, &piece_of(&[run])).await),
        }
        let done = meta.move_runs(vec![moved, good]).await.unwrap();
        // The other is moved all the same.
        assert_eq!(done.keys, [(id, key("good"))]);
        assert_eq!(done.unnamed, [blob(3)]);
        is_of(meta, id, "b", &[(1, 20, 5)]).await;
        is_of(meta, id, "good", &[(9, 15, 5)]).await;
        let all: Vec<_> = ["a", "b", "c", "good"].map(key).to_vec();
        meta.delete_objects(id, &all).await.unwrap();
    }
}

/// A copy that names what has been moved is told that its source has changed.
pub(super) async fn a_copy_of_what_was_moved_begins_anew(meta: &dyn Meta) {
    let id = bucket(meta, "copies").await;
    put(meta, id, "a", &piece_of(&[(1, 4, 10)])).await;
    let moved = a_move(meta, 1, &[(4, 10, 9, 0)]).await;
    meta.move_runs(vec![moved]).await.unwrap();
    let (old, shared) = (piece_of(&[(1, 4, 10)]), [blob(1)]);
    let version = NewVersion { shared: &shared, ..NewVersion::own(&old, Overwrite::Allow) };
    assert_eq!(meta.put_object(id, &key("copy"), version).await.unwrap(), Put::SourceGone);
    let (new, shared) = (piece_of(&[(9, 0, 10)]), [blob(9)]);
    let version = NewVersion { shared: &shared, ..NewVersion::own(&new, Overwrite::Allow) };
    let put = meta.put_object(id, &key("copy"), version).await.unwrap();
    assert_eq!(put, Put::Done { unnamed: vec![] });
}

/// All rows of a blob change while other writes wait.
pub(super) async fn what_very_many_name_stays(meta: &dyn Meta) {
    let id = bucket(meta, "many").await;
    for number in 0..101 {
        assert_eq!(runs(meta, &[1]).await.len(), usize::from(number > 0), "{number}");
        put(meta, id, &format!("k{number}"), &piece_of(&[(1, 4, 10)])).await;
    }
    assert_eq!(runs(meta, &[1]).await, BTreeMap::new());
}
