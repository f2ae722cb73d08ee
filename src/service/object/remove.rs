//! Deleting objects, and blobs that no row names any more.

use std::sync::Arc;

use super::super::App;
use super::super::access::{BucketPermit, ObjectPermit};
use super::super::error::Error;
use super::super::pins;
use crate::domain::name::{BlobId, BucketId, ObjectKey};
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
                app.settle(in_doubt, deleted.as_ref().is_ok_and(|done| !done.unnamed.is_empty()));
                let Deleted { keys, unnamed } = deleted?;
                app.delete_blobs(unnamed);
                left = left.get(keys..).unwrap_or_default();
            }
            Ok(())
        })
        .await
    }

    /// Deletes blobs that no row names any more, behind the request that made them so. What is
    /// being read stays until it has been.
    pub(in crate::service) fn delete_blobs(self: &Arc<Self>, mut unnamed: Vec<BlobId>) {
        self.pins.give_up(&mut unnamed);
        if !unnamed.is_empty() {
            self.tasks.spawn(pins::delete(self.blobs.clone(), unnamed));
        }
    }

    /// Ends the doubt about blobs whose commits failed, if a later write is durable: the log has
    /// gone on without those commits, or with them, and the database knows which.
    pub(in crate::service) fn settle(
        self: &Arc<Self>,
        in_doubt: Vec<BlobId>,
        later_is_durable: bool,
    ) {
        if in_doubt.is_empty() {
            return;
        }
        if !later_is_durable {
            return self.inflight.doubt(in_doubt);
        }
        let app = self.clone();
        self.tasks.spawn(async move {
            match app.meta.unnamed_blobs(&in_doubt).await {
                Ok(unnamed) => {
                    app.inflight.forget(&in_doubt);
                    app.delete_blobs(unnamed);
                }
                Err(_) => app.inflight.doubt(in_doubt),
            }
        });
    }
}
