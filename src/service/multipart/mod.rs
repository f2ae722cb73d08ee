//! Uploads in parts: beginning, completing, ending and listing them. [`part`] writes the parts.
//!
//! What is known of an upload is in the database alone. Whether it is still there is asked in the
//! same transaction that writes a part or completes it, so of two that end an upload one finds it
//! gone, and a part that comes too late leaves nothing behind.

pub mod part;

use std::sync::Arc;

use super::App;
use super::access::{BucketPermit, ObjectPermit};
use super::cache::StoredObject;
use super::error::Error;
use super::object::NewObject;
use crate::domain::acl::ObjectAcl;
use crate::domain::code::{self, Reason};
use crate::domain::name::UploadId;
use crate::domain::object::Overwrite;
use crate::domain::object::listing::{ListQuery, Page, Pager};
use crate::domain::object::multipart::{ListedPart, ListedUpload, PartNumber, Selection};
use crate::meta::{Changed, Completed, Completion, UploadPlace};

/// The parts of an upload, or some of them.
#[derive(Debug)]
pub struct PartPage {
    /// The parts, in the order of their numbers.
    pub parts: Vec<ListedPart>,
    /// Whether there are more after them.
    pub more: bool,
}

/// What a client says of an upload that it completes.
#[derive(Debug)]
pub struct Ending {
    /// Of which parts the object is made.
    pub selection: Selection,
    /// Whether it may replace one that is there.
    pub overwrite: Overwrite,
    /// Its ACL, if it is another than was said at the beginning.
    pub acl: Option<ObjectAcl>,
}

/// Which upload an id names under a key. It need not be there.
fn place(permit: &ObjectPermit, id: UploadId) -> UploadPlace<'_> {
    UploadPlace { bucket: permit.bucket().id, key: permit.key(), id }
}

/// The error for an upload that is not there; each operation has a number of its own for it.
fn gone(reason: Reason, id: UploadId) -> Error {
    Error::NoSuchUpload { reason, id: id.to_string() }
}

impl App {
    /// Begins an upload.
    ///
    /// # Errors
    ///
    /// [`Error::Exists`] if an object is there and must not be replaced, or another
    /// [`Error`].
    pub async fn begin_upload(
        &self,
        permit: ObjectPermit,
        new: NewObject,
    ) -> Result<UploadId, Error> {
        if new.overwrite == Overwrite::Forbid && self.find_object(&permit).await.is_ok() {
            return Err(Error::Exists);
        }
        let id = self.clock.upload_id().map_err(|_| Error::Fault("there is no randomness"))?;
        let attributes = new.attributes(permit.bucket());
        let now = self.clock.now();
        match self.meta.begin_upload(place(&permit, id), &attributes, now).await? {
            Changed::Done => Ok(id),
            Changed::NoSuchBucket => Err(Error::NoSuchBucket(permit.bucket().name.clone())),
        }
    }

    /// Checks that an upload is there.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchUpload`] or another [`Error`].
    pub async fn check_upload(&self, permit: &ObjectPermit, id: UploadId) -> Result<(), Error> {
        let there = self.meta.has_upload(place(permit, id)).await?;
        if there { Ok(()) } else { Err(gone(code::NO_SUCH_UPLOAD, id)) }
    }

    /// Makes an object of parts and ends the upload. No byte is moved.
    ///
    /// # Errors
    ///
    /// [`Error::Unfit`], [`Error::NoSuchUpload`] or another [`Error`]; the object and the upload
    /// are then as they were.
    pub async fn complete_upload(
        self: &Arc<Self>,
        permit: ObjectPermit,
        id: UploadId,
        ending: Ending,
    ) -> Result<Arc<StoredObject>, Error> {
        self.ask_again(&permit).await?;
        let app = self.clone();
        self.to_the_end(async move {
            let (bucket, key) = (permit.bucket().id, permit.key());
            let Ending { selection, overwrite, acl } = ending;
            let completion = Completion { selection, overwrite, acl, now: app.clock.now() };
            let in_doubt = app.inflight.take_in_doubt();
            let completed = app.meta.complete_upload(place(&permit, id), completion).await;
            app.objects.remove(bucket, key);
            app.inflight.settle(in_doubt, matches!(completed, Ok(Completed::Done { .. })));
            match completed? {
                Completed::Done { object, unnamed } => {
                    app.inflight.give_up(unnamed);
                    StoredObject::new(*object).map(Arc::new)
                }
                Completed::Unfit(unfit) => Err(Error::Unfit(unfit)),
                Completed::Exists => Err(Error::Exists),
                Completed::NoSuchUpload => Err(gone(code::NO_SUCH_UPLOAD, id)),
            }
        })
        .await
    }

    /// Ends an upload and deletes its parts.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchUpload`] or another [`Error`].
    pub async fn abort_upload(
        self: &Arc<Self>,
        permit: ObjectPermit,
        id: UploadId,
    ) -> Result<(), Error> {
        let app = self.clone();
        self.to_the_end(async move {
            let in_doubt = app.inflight.take_in_doubt();
            let aborted = app.meta.abort_upload(place(&permit, id)).await;
            app.inflight.settle(in_doubt, matches!(aborted, Ok(Some(_))));
            let unnamed = aborted?.ok_or_else(|| gone(code::NO_SUCH_UPLOAD, id))?;
            app.inflight.give_up(unnamed);
            Ok(())
        })
        .await
    }

    /// Lists up to `limit` parts of an upload, after the one of that number.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchUpload`] or another [`Error`].
    pub async fn list_parts(
        &self,
        permit: &ObjectPermit,
        id: UploadId,
        after: Option<PartNumber>,
        limit: u32,
    ) -> Result<PartPage, Error> {
        self.check_upload(permit, id).await?;
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut parts = self.meta.parts_after(id, after, limit.saturating_add(1)).await?;
        let more = limit > 0 && parts.len() > wanted;
        parts.truncate(wanted);
        Ok(PartPage { parts, more })
    }

    /// Lists the uploads of a bucket that are open: those after a key or, of that very key, after
    /// an upload.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub async fn list_uploads(
        &self,
        permit: &BucketPermit,
        query: ListQuery,
        behind: Option<UploadId>,
    ) -> Result<Page<ListedUpload>, Error> {
        let mut pager = match behind {
            Some(id) if !query.after.is_empty() => Pager::behind_upload(query, id),
            Some(_) | None => Pager::new(query),
        };
        while let Some(from) = pager.wants() {
            let limit = pager.wanted();
            let found = self.meta.uploads_from(permit.bucket().id, from, limit).await?;
            let more = found.len() == usize::try_from(limit).unwrap_or(usize::MAX);
            pager.take(found, more);
        }
        Ok(pager.finish())
    }
}
