//! Writing objects: their blobs first, then the row that names them.

use std::sync::Arc;

use futures_util::TryStreamExt;

use super::super::App;
use super::super::access::ObjectPermit;
use super::super::cache::StoredObject;
use super::super::error::Error;
use super::super::inflight::Upload;
use super::{Body, Content, NewObject};
use crate::blob::{Sha256, Written};
use crate::domain::code::Code;
use crate::domain::name::BlobId;
use crate::domain::object::{ETag, Extent, Object, ObjectKind, Overwrite};
use crate::meta::{MetaError, NewVersion, Put};

/// Content that is durable and that no row names yet.
pub(in crate::service) struct Received {
    /// Its digests.
    pub(in crate::service) written: Written,
    /// Its blob; none if there were no bytes.
    pub(in crate::service) blob: Option<Upload>,
}

impl Received {
    /// Where its bytes are.
    pub(in crate::service) fn extents(&self) -> Vec<Extent> {
        let extent =
            |blob: &Upload| Extent { blob: blob.id, offset: 0, length: self.written.length };
        self.blob.iter().map(extent).collect()
    }
}

/// A version of an object that is ready to be written.
pub(in crate::service) struct Version {
    /// What it is.
    pub(in crate::service) stored: Arc<StoredObject>,
    /// Whether it may replace one that is there.
    pub(in crate::service) overwrite: Overwrite,
    /// The blob that was made for it.
    pub(in crate::service) fresh: Option<Upload>,
    /// Its blobs that were there before.
    pub(in crate::service) shared: Vec<BlobId>,
}

impl App {
    /// Writes an object. It is visible as a whole or not at all, and durable when this returns.
    ///
    /// # Errors
    ///
    /// [`Error`]; the object is then as it was, and some of the body may not have been read.
    pub async fn put_object(
        self: &Arc<Self>,
        permit: ObjectPermit,
        new: NewObject,
        content: Content<'_>,
    ) -> Result<Arc<StoredObject>, Error> {
        let overwrite = new.overwrite;
        if overwrite == Overwrite::Forbid && self.find_object(&permit).await.is_ok() {
            return Err(Error::Code(Code::FileAlreadyExists));
        }
        let received = self.receive(content).await?;
        let Written { length, md5, crc64, .. } = received.written;
        let object = Object {
            size: length,
            etag: ETag::of_md5(&md5),
            crc64,
            md5: Some(md5),
            kind: ObjectKind::Normal,
            modified: self.clock.now(),
            attributes: new.attributes(permit.bucket()),
            extents: received.extents(),
            link: None,
        };
        let stored = Arc::new(StoredObject::new(object)?);
        let (fresh, shared) = (received.blob, Vec::new());
        let version = Version { stored: stored.clone(), overwrite, fresh, shared };
        self.write_version(permit, version).await?;
        Ok(stored)
    }

    /// Writes content into a blob, and checks that it is what was announced.
    pub(in crate::service) async fn receive(
        &self,
        content: Content<'_>,
    ) -> Result<Received, Error> {
        let blob = self.inflight.begin(self.clock.blob_id(), self.blobs.clone());
        let sha256 = content.announced.sha256();
        let written = self.write_blob(blob.id, sha256, content.body).await?;
        content.announced.check_written(&written)?;
        Ok(Received { written, blob: (written.length > 0).then_some(blob) })
    }

    /// Writes a body into a blob. An empty body makes none.
    async fn write_blob(
        &self,
        id: BlobId,
        sha256: Sha256,
        body: &mut Body,
    ) -> Result<Written, Error> {
        let mut writer = None;
        while let Some(bytes) = body.try_next().await? {
            if bytes.is_empty() {
                continue;
            }
            let writer = match &mut writer {
                Some(writer) => writer,
                none => none.insert(self.blobs.create(id, sha256).await?),
            };
            writer.write(bytes).await?;
        }
        match writer {
            Some(writer) => Ok(writer.finish().await?),
            None => Ok(Written::NOTHING),
        }
    }

    /// Writes the row of a version, and deletes what the version before it leaves behind.
    ///
    /// # Errors
    ///
    /// [`Error::SourceChanged`] if a shared blob was given up in the meantime, or another
    /// [`Error`]; the object is then as it was.
    pub(in crate::service) async fn write_version(
        self: &Arc<Self>,
        permit: ObjectPermit,
        version: Version,
    ) -> Result<(), Error> {
        let app = self.clone();
        self.to_the_end(async move {
            let (bucket, key) = (permit.bucket(), permit.key());
            let Version { stored, overwrite, fresh, shared } = version;
            let in_doubt = app.inflight.take_in_doubt();
            let new = NewVersion { object: &stored.object, overwrite, shared: &shared };
            let put = app.meta.put_object(bucket.id, key, new).await;
            app.objects.remove(bucket.id, key);
            let done = matches!(put, Ok(Put::Done { .. }));
            app.settle(in_doubt, done);
            end_upload(fresh, &put, done);
            match put? {
                Put::Done { unnamed } => {
                    app.delete_blobs(unnamed);
                    Ok(())
                }
                Put::Exists => Err(Error::Code(Code::FileAlreadyExists)),
                Put::SourceGone => Err(Error::SourceChanged),
                Put::NoSuchBucket => Err(Error::NoSuchBucket(bucket.name.clone())),
            }
        })
        .await
    }
}

/// Ends an upload with what came of writing the row that was to name its blob: `named` says
/// whether it does now. A blob that it does not name is deleted.
pub(in crate::service) fn end_upload<T>(
    fresh: Option<Upload>,
    written: &Result<T, MetaError>,
    named: bool,
) {
    let Some(upload) = fresh else { return };
    match written {
        Ok(_) if named => upload.named(),
        Err(err) if err.is_in_doubt() => upload.in_doubt(),
        Ok(_) | Err(_) => drop(upload),
    }
}
