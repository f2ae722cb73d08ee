//! Writing objects: their blobs first, then the row that names them.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, BoxStream, StreamExt, TryStreamExt};

use super::super::App;
use super::super::access::ObjectPermit;
use super::super::cache::StoredObject;
use super::super::error::Error;
use super::super::inflight::Upload;
use super::super::packs::{MAX_BODY, Packed};
use super::{Announced, Content, NewObject, ObjectReader};
use crate::blob::digests::Digests;
use crate::blob::{BlobError, BlobStore, BlobWriter, Digesting, Written};
use crate::domain::name::BlobId;
use crate::domain::object::{ETag, Extent, Object, ObjectKind, Overwrite};
use crate::meta::{MetaError, NewVersion, Put};

/// Bytes that are written before those that a client sends, into the same blob.
pub(super) struct Before {
    /// How many of them are left out of the digests.
    pub(super) length: u64,
    /// The bytes.
    pub(super) bytes: BoxStream<'static, Result<Bytes, BlobError>>,
}

/// Content that is durable and that no row names yet.
pub(in crate::service) struct Received {
    /// Its digests.
    pub(in crate::service) written: Written,
    /// Its blob; none if there are no bytes in it.
    pub(in crate::service) blob: Option<Upload>,
    /// Where it begins in the blob, with the bytes before it.
    offset: u64,
    /// How many bytes there are before it.
    before: u64,
}

impl Received {
    /// Where its bytes are, with those before it.
    pub(in crate::service) fn extents(&self) -> Vec<Extent> {
        let length = self.before + self.written.length;
        let extent = |blob: &Upload| Extent { blob: blob.id, offset: self.offset, length };
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
    /// What it must replace, if it keeps anything of that.
    pub(in crate::service) onto: Option<Arc<StoredObject>>,
}

impl Version {
    /// A version that nobody else's blobs and nothing of the one before it are needed for.
    pub(in crate::service) const fn new(
        stored: Arc<StoredObject>,
        overwrite: Overwrite,
        fresh: Option<Upload>,
    ) -> Self {
        Self { stored, overwrite, fresh, shared: Vec::new(), onto: None }
    }
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
            return Err(Error::Exists);
        }
        let received = self.receive(&permit, content).await?;
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
        let version = Version::new(stored.clone(), overwrite, received.blob);
        self.write_version(permit, version).await?;
        Ok(stored)
    }

    /// Writes content into a blob, and checks that it is what was announced, and that its sender
    /// may still write it. What is small is written with others that wait, if there are any.
    pub(in crate::service) async fn receive(
        &self,
        permit: &ObjectPermit,
        mut content: Content<'_>,
    ) -> Result<Received, Error> {
        match begin(&mut content).await? {
            Beginning::All(bytes) => self.receive_small(permit, bytes, &content.announced).await,
            Beginning::More(bytes) => {
                // None of them is left out of the digests.
                let before = Before { length: 0, bytes: stream::iter([Ok(bytes)]).boxed() };
                self.receive_behind(permit, before, content).await
            }
        }
    }

    /// The same for what others are put beside, which always has a blob of its own: an object of several
    /// that are shared would be looked up in the database whenever it is read.
    pub(in crate::service) async fn receive_alone(
        &self,
        permit: &ObjectPermit,
        content: Content<'_>,
    ) -> Result<Received, Error> {
        let before = Before { length: 0, bytes: stream::empty().boxed() };
        self.receive_behind(permit, before, content).await
    }

    async fn receive_small(
        &self,
        permit: &ObjectPermit,
        bytes: Bytes,
        announced: &Announced,
    ) -> Result<Received, Error> {
        let mut digests = Digests::new(Digesting::all(announced.sha256()));
        digests.update(&bytes);
        let written = digests.finish();
        // Before anything is written: what is wrong costs no file.
        announced.check_written(&written)?;
        let (blob, offset) = if bytes.is_empty() {
            (None, 0)
        } else {
            let Packed { upload, offset } = self.packs.write(self.clock.blob_id(), bytes).await?;
            (Some(upload), offset)
        };
        self.ask_again(permit).await?;
        Ok(Received { written, blob, offset, before: 0 })
    }

    /// The same with bytes of an object that is there, which get a blob of their own.
    pub(in crate::service) async fn receive_copy(
        &self,
        permit: &ObjectPermit,
        source: ObjectReader,
    ) -> Result<Received, Error> {
        // None of them is left out of the digests.
        let all = Before { length: 0, bytes: source.stream() };
        let mut body = stream::empty().boxed();
        let nothing = Content { body: &mut body, announced: Announced::default(), length: Some(0) };
        self.receive_behind(permit, all, nothing).await
    }

    /// The same behind other bytes, in a blob of its own.
    pub(super) async fn receive_behind(
        &self,
        permit: &ObjectPermit,
        Before { length: before, mut bytes }: Before,
        content: Content<'_>,
    ) -> Result<Received, Error> {
        let blob = self.inflight.begin(self.clock.blob_id());
        let digesting = Digesting { sha256: content.announced.sha256(), skip: before };
        let mut writer = Writer { blobs: &*self.blobs, id: blob.id, digesting, begun: None };
        while let Some(bytes) = bytes.try_next().await? {
            writer.write(bytes).await?;
        }
        while let Some(bytes) = content.body.try_next().await? {
            writer.write(bytes).await?;
        }
        let written = writer.finish().await?;
        content.announced.check_written(&written)?;
        self.ask_again(permit).await?;
        let is_empty = before + written.length == 0;
        Ok(Received { written, blob: (!is_empty).then_some(blob), offset: 0, before })
    }

    /// Writes the row of a version, and deletes what the version before it leaves behind.
    ///
    /// # Errors
    ///
    /// [`Error::SourceChanged`] if a shared blob was given up in the meantime or something else is
    /// there than what was to be replaced, or another [`Error`]; the object is then as it was.
    pub(in crate::service) async fn write_version(
        self: &Arc<Self>,
        permit: ObjectPermit,
        version: Version,
    ) -> Result<(), Error> {
        let app = self.clone();
        self.to_the_end(async move {
            let (bucket, key) = (permit.bucket(), permit.key());
            let Version { stored, overwrite, fresh, shared, onto } = version;
            let in_doubt = app.inflight.take_in_doubt();
            let onto = onto.as_ref().map(|onto| &onto.object);
            let new = NewVersion { object: &stored.object, overwrite, shared: &shared, onto };
            let put = app.meta.put_object(bucket.id, key, new).await;
            app.objects.remove(bucket.id, key);
            let done = matches!(put, Ok(Put::Done { .. }));
            app.inflight.settle(in_doubt, done);
            end_upload(fresh, &put, done);
            match put? {
                Put::Done { unnamed } => {
                    app.inflight.give_up(unnamed);
                    Ok(())
                }
                Put::Exists => Err(Error::Exists),
                Put::SourceGone => Err(Error::SourceChanged),
                Put::NoSuchBucket => Err(Error::NoSuchBucket(bucket.name.clone())),
            }
        })
        .await
    }
}

/// The beginning of a body.
enum Beginning {
    /// This is all of it, and it is small.
    All(Bytes),
    /// There is more, or may be.
    More(Bytes),
}

/// Reads a body, unless it is known to be long, until it ends or turns out to be long.
async fn begin(content: &mut Content<'_>) -> Result<Beginning, Error> {
    let mut bytes = BytesMut::new();
    if content.length.is_some_and(|length| length > MAX_BODY as u64) {
        return Ok(Beginning::More(bytes.freeze()));
    }
    while let Some(next) = content.body.try_next().await? {
        bytes.extend_from_slice(&next);
        if bytes.len() > MAX_BODY {
            return Ok(Beginning::More(bytes.freeze()));
        }
    }
    Ok(Beginning::All(bytes.freeze()))
}

/// A blob that is made when there is a first byte for it.
struct Writer<'b> {
    blobs: &'b dyn BlobStore,
    id: BlobId,
    digesting: Digesting,
    begun: Option<Box<dyn BlobWriter>>,
}

impl Writer<'_> {
    async fn write(&mut self, bytes: Bytes) -> Result<(), BlobError> {
        if bytes.is_empty() {
            return Ok(());
        }
        let writer = match &mut self.begun {
            Some(writer) => writer,
            none => none.insert(self.blobs.create(self.id, self.digesting).await?),
        };
        writer.write(bytes).await
    }

    async fn finish(self) -> Result<Written, BlobError> {
        match self.begun {
            Some(writer) => writer.finish().await,
            None => Ok(Written::NOTHING),
        }
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
