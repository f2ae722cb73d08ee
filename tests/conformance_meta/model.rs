//! Random histories against a map.

use std::cell::Cell;
use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// A step of a random history.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Put { key: usize, lengths: Vec<u64>, overwrite: Overwrite },
    Delete { keys: Vec<usize> },
    List { from: usize, limit: u32 },
}

const MODEL_KEYS: [&str; 6] = ["a", "A", "a/", "a/b", "é", "b\u{1}"];

pub(super) fn step() -> impl Strategy<Value = Step> {
    let key = 0..MODEL_KEYS.len();
    let overwrite = prop_oneof![3 => Just(Overwrite::Allow), 1 => Just(Overwrite::Forbid)];
    prop_oneof![
        4 => (key.clone(), prop::collection::vec(0..1_000_u64, 0..4), overwrite)
            .prop_map(|(key, lengths, overwrite)| Step::Put { key, lengths, overwrite }),
        2 => prop::collection::vec(key.clone(), 0..4).prop_map(|keys| Step::Delete { keys }),
        1 => (key, 0..8_u32).prop_map(|(from, limit)| Step::List { from, limit }),
    ]
}

/// Any history leaves what the same history leaves in a map, and usage is always exact.
pub(super) async fn history_agrees_with_a_map(
    meta: &dyn Meta,
    name: &str,
    steps: &[Step],
    next: &Cell<u128>,
) {
    let id = bucket(meta, name).await;
    let mut model: BTreeMap<String, Object> = BTreeMap::new();
    let blobs = |object: Option<Object>| -> Vec<BlobId> {
        object.into_iter().flat_map(|object| object.extents).map(|extent| extent.blob).collect()
    };
    for step in steps {
        match step {
            Step::Put { key: k, lengths, overwrite } => {
                let text = MODEL_KEYS[*k];
                let fresh: Vec<_> =
                    lengths.iter().map(|&l| (next.replace(next.get() + 1), l)).collect();
                let new = object(&fresh);
                let version = NewVersion::own(&new, *overwrite);
                let got = meta.put_object(id, &key(text), version).await.unwrap();
                if *overwrite == Overwrite::Forbid && model.contains_key(text) {
                    assert_eq!(got, Put::Exists);
                    continue;
                }
                let Put::Done { mut unnamed } = got else { panic!("{got:?}") };
                unnamed.sort();
                assert_eq!(unnamed, blobs(model.insert(text.to_owned(), new)));
            }
            Step::Delete { keys } => {
                let named: Vec<_> = keys.iter().map(|&k| key(MODEL_KEYS[k])).collect();
                let mut got = meta.delete_objects(id, &named).await.unwrap().unnamed;
                let mut want: Vec<_> =
                    keys.iter().flat_map(|&k| blobs(model.remove(MODEL_KEYS[k]))).collect();
                got.sort();
                want.sort();
                assert_eq!(got, want);
            }
            Step::List { from, limit } => {
                let from = MODEL_KEYS[*from];
                let want: Vec<String> = model
                    .range(from.to_owned()..)
                    .take(*limit as usize)
                    .map(|(k, _)| k.clone())
                    .collect();
                assert_eq!(keys_from(meta, id, from.as_bytes(), *limit).await, want);
            }
        }
        let usage = Usage {
            objects: model.len() as u64,
            bytes: model.values().map(|object| object.size).sum(),
            ..Usage::default()
        };
        assert_eq!(meta.bucket_usage(id).await.unwrap(), usage);
    }
    for text in MODEL_KEYS {
        assert_eq!(meta.find_object(id, &key(text)).await.unwrap().as_ref(), model.get(text));
    }
}
