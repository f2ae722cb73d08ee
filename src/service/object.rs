//! Objects: reading, writing, deleting, listing.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, Stream, StreamExt, TryStreamExt};

use super::App;
use super::access::{BucketPermit, ObjectPermit};
use super::cache::StoredObject;
use super::error::{BodyError, Error};
use crate::blob::{BlobError, BlobReader, Sha256, Written};
use crate::domain::code::Code;
use crate::domain::name::{BlobId, BucketId, ObjectKey};
use crate::domain::object::listing::{ListQuery, Page, Pager};
use crate::domain::object::range::Slice;
use crate::domain::object::{ETag, Extent, Object, ObjectKind, Overwrite, StorageClass};
use crate::domain::secret::Digest;
use crate::meta::Put;

/// What a client says of an object that it uploads.
#[derive(Debug)]
pub struct NewObject {
    /// The headers to store with it, as [`Object::headers`].
    pub headers: Vec<(String, String)>,
    /// Its class; the bucket's if the client does not say.
    pub storage_class: Option<StorageClass>,
    /// Whether it may replace an object.
    pub overwrite: Overwrite,
    /// What the body must be.
    pub announced: Announced,
}

/// The digests of a body that the client announced.
#[derive(Debug, Default)]
pub struct Announced {
    /// `Content-MD5`.
    pub md5: Option<Digest>,
    /// `x-oss-content-sha256`, if it is a digest.
    pub sha256: Option<Digest>,
}

impl Announced {
    /// Reads the value of `Content-MD5`.
    ///
    /// # Errors
    ///
    /// [`Code::InvalidDigest`]: not the base64 of 16 bytes.
    pub fn read_md5(header: &[u8]) -> Result<Digest, Error> {
        use base64::Engine as _;
        let bytes = base64::engine::general_purpose::STANDARD.decode(header);
        let md5: Option<[u8; 16]> = bytes.ok().and_then(|bytes| bytes.try_into().ok());
        md5.map(Digest::new).ok_or(Error::Code(Code::InvalidDigest))
    }

    /// Checks a body that is in memory as a whole.
    ///
    /// # Errors
    ///
    /// [`Code::InvalidDigest`] or [`Code::XContentSha256Mismatch`].
    pub fn check(&self, body: &[u8]) -> Result<(), Error> {
        use md5::Digest as _;
        if let Some(want) = &self.md5 {
            matches(want, md5::Md5::digest(body).as_slice(), Code::InvalidDigest)?;
        }
        if let Some(want) = &self.sha256 {
            let sha256 = sha2::Sha256::digest(body);
            matches(want, sha256.as_slice(), Code::XContentSha256Mismatch)?;
        }
        Ok(())
    }

    fn check_written(&self, written: &Written) -> Result<(), Error> {
        if let Some(want) = &self.md5 {
            matches(want, &written.md5, Code::InvalidDigest)?;
        }
        if let Some(want) = &self.sha256 {
            let sha256 = written.sha256.ok_or(Error::Fault("a digest was not computed"))?;
            matches(want, &sha256, Code::XContentSha256Mismatch)?;
        }
        Ok(())
    }
}

fn matches(want: &Digest, got: &[u8], otherwise: Code) -> Result<(), Error> {
    if want.matches(&Digest::new(got)) { Ok(()) } else { Err(Error::Code(otherwise)) }
}

/// A body on its way in.
pub type Body = BoxStream<'static, Result<Bytes, BodyError>>;

/// An object whose bytes are open. Replacing or deleting the object does not disturb the reader.
pub struct OpenObject {
    /// What is known of it.
    pub stored: Arc<StoredObject>,
    readers: Vec<(Extent, Box<dyn BlobReader>)>,
}

impl OpenObject {
    /// Streams a part of the object.
    pub fn stream(
        self,
        part: Slice,
    ) -> impl Stream<Item = Result<Bytes, BlobError>> + Send + 'static {
        let (mut skip, mut left) = (part.offset, part.length);
        let pieces = self.readers.into_iter().filter_map(move |(extent, reader)| {
            let offset = skip.min(extent.length);
            let length = (extent.length - offset).min(left);
            skip -= offset;
            left -= length;
            (length > 0).then(|| reader.stream(offset, length))
        });
        stream::iter(pieces.collect::<Vec<_>>()).flatten()
    }
}

impl std::fmt::Debug for OpenObject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenObject").field("stored", &self.stored).finish_non_exhaustive()
    }
}

impl App {
    /// Finds an object: in memory, or in the database.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchKey`], or another [`Error`].
    pub async fn find_object(&self, permit: &ObjectPermit) -> Result<Arc<StoredObject>, Error> {
        let (bucket, key) = (permit.bucket().id, permit.key());
        let load = async {
            let object = self.meta.find_object(bucket, key).await?;
            let object = object.ok_or_else(|| Error::NoSuchKey(key.clone()))?;
            StoredObject::new(object).map(Arc::new)
        };
        self.objects.get_or_load(bucket, key, load).await
    }

    /// Opens the bytes of an object that was found. If they have been replaced since, the object
    /// is found again, so what is returned fits together.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchKey`] if it was deleted in the meantime, or another [`Error`].
    pub async fn open_object(
        &self,
        permit: &ObjectPermit,
        mut stored: Arc<StoredObject>,
    ) -> Result<OpenObject, Error> {
        /// How often an object may be replaced between finding and opening before we give up.
        const TRIES: usize = 10;

        for _ in 0..TRIES {
            match self.open_extents(&stored.object.extents).await {
                Ok(readers) => return Ok(OpenObject { stored, readers }),
                Err(BlobError::Missing(blob)) => {
                    self.objects.remove(permit.bucket().id, permit.key());
                    let again = self.find_object(permit).await?;
                    if again.object.extents == stored.object.extents {
                        return Err(BlobError::Missing(blob).into());
                    }
                    stored = again;
                }
                Err(err) => return Err(err.into()),
            }
        }
        Err(Error::Code(Code::ServiceUnavailable))
    }

    async fn open_extents(
        &self,
        extents: &[Extent],
    ) -> Result<Vec<(Extent, Box<dyn BlobReader>)>, BlobError> {
        let mut readers = Vec::with_capacity(extents.len());
        for extent in extents {
            readers.push((*extent, self.blobs.open(extent.blob).await?));
        }
        Ok(readers)
    }

    /// Writes an object. It is visible as a whole or not at all, and durable when this returns.
    ///
    /// # Errors
    ///
    /// [`Error`]; the object is then as it was, and some of the body may not have been read.
    pub async fn put_object(
        self: &Arc<Self>,
        permit: ObjectPermit,
        new: NewObject,
        body: &mut Body,
    ) -> Result<Arc<StoredObject>, Error> {
        if new.overwrite == Overwrite::Forbid && self.find_object(&permit).await.is_ok() {
            return Err(Error::Code(Code::FileAlreadyExists));
        }
        let upload = self.inflight.begin(self.clock.blob_id(), self.blobs.clone());
        let sha256 = if new.announced.sha256.is_some() { Sha256::Wanted } else { Sha256::Unwanted };
        let written = self.write_blob(upload.id, sha256, body).await?;
        new.announced.check_written(&written)?;

        let extents = match written.length {
            0 => Vec::new(),
            length => vec![Extent { blob: upload.id, length }],
        };
        let object = Object {
            size: written.length,
            etag: ETag::of_md5(&written.md5),
            crc64: written.crc64,
            md5: Some(written.md5),
            kind: ObjectKind::Normal,
            storage_class: new.storage_class.unwrap_or(permit.bucket().storage_class),
            modified: self.clock.now(),
            headers: new.headers,
            extents,
        };
        let stored = Arc::new(StoredObject::new(object)?);

        let (app, answer) = (self.clone(), stored.clone());
        self.to_the_end(async move {
            let (bucket, key) = (permit.bucket(), permit.key());
            let in_doubt = app.inflight.take_in_doubt();
            let put = app.meta.put_object(bucket.id, key, &stored.object, new.overwrite).await;
            app.objects.remove(bucket.id, key);
            app.settle(in_doubt, matches!(put, Ok(Put::Done { .. })));
            match put {
                Err(err) => {
                    if err.is_in_doubt() && !stored.object.extents.is_empty() {
                        upload.in_doubt();
                    }
                    Err(err.into())
                }
                Ok(Put::Done { unnamed }) => {
                    if !stored.object.extents.is_empty() {
                        upload.named();
                    }
                    app.delete_blobs(unnamed);
                    Ok(())
                }
                Ok(Put::Exists) => Err(Error::Code(Code::FileAlreadyExists)),
                Ok(Put::NoSuchBucket) => Err(Error::NoSuchBucket(bucket.name.clone())),
            }
        })
        .await?;
        Ok(answer)
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

    /// Deletes an object. One that is not there is deleted as well.
    ///
    /// # Errors
    ///
    /// [`Error`]; the object is then as it was.
    pub async fn delete_object(self: &Arc<Self>, permit: ObjectPermit) -> Result<(), Error> {
        let (bucket, key) = (permit.bucket().id, permit.into_key());
        self.delete_keys(bucket, vec![key]).await
    }

    /// Deletes objects of a bucket, all or none.
    ///
    /// # Errors
    ///
    /// [`Error`]; the objects are then as they were.
    pub async fn delete_objects(
        self: &Arc<Self>,
        permit: &BucketPermit,
        keys: Vec<ObjectKey>,
    ) -> Result<(), Error> {
        self.delete_keys(permit.bucket().id, keys).await
    }

    async fn delete_keys(
        self: &Arc<Self>,
        bucket: BucketId,
        keys: Vec<ObjectKey>,
    ) -> Result<(), Error> {
        let app = self.clone();
        self.to_the_end(async move {
            let in_doubt = app.inflight.take_in_doubt();
            let unnamed = app.meta.delete_objects(bucket, &keys).await;
            for key in &keys {
                app.objects.remove(bucket, key);
            }
            // Deleting what is not there writes nothing.
            app.settle(in_doubt, unnamed.as_ref().is_ok_and(|unnamed| !unnamed.is_empty()));
            app.delete_blobs(unnamed?);
            Ok(())
        })
        .await
    }

    /// Deletes blobs that no row names any more, behind the request that made them so.
    pub(super) fn delete_blobs(self: &Arc<Self>, unnamed: Vec<BlobId>) {
        if unnamed.is_empty() {
            return;
        }
        let blobs = self.blobs.clone();
        self.tasks.spawn(async move {
            for id in unnamed {
                if let Err(err) = blobs.delete(id).await {
                    tracing::warn!(blob = %id, error = %err, "could not delete unnamed blob {id}");
                }
            }
        });
    }

    /// Ends the doubt about blobs whose commits failed, if a later write is durable: the log has
    /// gone on without those commits, or with them, and the database knows which.
    fn settle(self: &Arc<Self>, in_doubt: Vec<BlobId>, later_is_durable: bool) {
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

    /// Lists a bucket.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub async fn list_objects(
        &self,
        permit: &BucketPermit,
        query: ListQuery,
    ) -> Result<Page, Error> {
        let mut pager = Pager::new(query);
        while let Some(from) = pager.wants() {
            let limit = pager.wanted();
            let found = self.meta.objects_from(permit.bucket().id, from, limit).await?;
            let more = found.len() == usize::try_from(limit).unwrap_or(usize::MAX);
            pager.take(found, more);
        }
        Ok(pager.finish())
    }
}
