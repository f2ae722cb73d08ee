//! Which objects those are about that wait for their turn.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use super::Place;

/// The objects of operations that wait, so that nothing overtakes them. They are known by hashes: if
/// two of these are equal, something waits that need not.
#[derive(Debug, Default)]
pub(super) struct Held {
    hashing: RandomState,
    /// How often each is held.
    objects: HashMap<u64, usize>,
}

impl Held {
    pub(super) fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    pub(super) fn holds(&self, objects: &[Place<'_>]) -> bool {
        objects.iter().any(|object| self.objects.contains_key(&self.hashing.hash_one(object)))
    }

    pub(super) fn hold(&mut self, objects: &[Place<'_>]) {
        for object in objects {
            *self.objects.entry(self.hashing.hash_one(object)).or_default() += 1;
        }
    }

    pub(super) fn release(&mut self, objects: &[Place<'_>]) {
        for object in objects {
            let hash = self.hashing.hash_one(object);
            let left = self.objects.get(&hash).map_or(0, |times| times.saturating_sub(1));
            if left == 0 {
                self.objects.remove(&hash);
            } else {
                self.objects.insert(hash, left);
            }
        }
    }
}
