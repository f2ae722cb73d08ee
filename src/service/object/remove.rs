//! Deleting objects.

use std::sync::Arc;

use super::super::App;
use super::super::access::{BucketPermit, ObjectPermit};
use super::super::error::Error;
use crate::domain::name::{BucketId, ObjectKey};
use crate::domain::op::Action;
use crate::meta::Deleted;

impl App {
    /// Deletes an object. One that is not there is deleted as well.
    ///
    /// # Errors
    ///
    /// [`Error`]; the object is then as it was.
    pub async fn delete_object(self: &Arc<Self>, permit: ObjectPermit) -> Result<(), Error> {
        let (bucket, key) = (permit.bucket().id, permit.into_key());
        self.delete_keys(bucket, vec![key]).await
    }

    /// Deletes objects of a bucket. Whether each of them may be is decided here, before the first.
    ///
    /// # Errors
    ///
    /// [`Error`]; the objects are then as they were, but the first ones may be gone if they have
    /// many thousand parts together.
    pub async fn delete_objects(
        self: &Arc<Self>,
        permit: &BucketPermit,
        keys: Vec<ObjectKey>,
    ) -> Result<(), Error> {
        self.grant_each(permit, Action::DeleteMultipleObjects, &keys)?;
        self.delete_keys(permit.bucket().id, keys).await
    }

    async fn delete_keys(
        self: &Arc<Self>,
        bucket: BucketId,
        keys: Vec<ObjectKey>,
    ) -> Result<(), Error> {
        let app = self.clone();
        self.to_the_end(async move {
            let mut left = keys.as_slice();
            while !left.is_empty() {
                let in_doubt = app.inflight.take_in_doubt();
                let deleted = app.meta.delete_objects(bucket, left).await;
                for key in left {
                    app.objects.remove(bucket, key);
                }
                // Deleting what is not there writes nothing.
                app.inflight
                    .settle(in_doubt, deleted.as_ref().is_ok_and(|done| !done.unnamed.is_empty()));
                let Deleted { keys, unnamed } = deleted?;
                app.inflight.give_up(unnamed);
                left = left.get(keys..).unwrap_or_default();
            }
            Ok(())
        })
        .await
    }
}
