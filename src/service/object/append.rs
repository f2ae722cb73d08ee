//! Appending to objects.

use std::sync::Arc;

use super::super::App;
use super::super::access::ObjectPermit;
use super::super::cache::StoredObject;
use super::super::error::Error;
use super::super::inflight::Upload;
use super::write::{Before, Version, end_upload};
use super::{Content, FoundObject, NewObject, Opened};
use crate::blob::Written;
use crate::domain::object::append::{Tail, grown, judge, rewritten, tag};
use crate::domain::object::range::Slice;
use crate::domain::object::{Object, ObjectKind, Overwrite};
use crate::meta::{Grown, Growth};

impl App {
    /// Appends to an object at its end, or makes one that can be appended to. Of two that append at
    /// one position, one is told that the object has grown.
    ///
    /// # Errors
    ///
    /// [`Error::Unappendable`] or another [`Error`]; the object is then as it was, and some of the
    /// body may not have been read.
    pub async fn append_object(
        self: &Arc<Self>,
        permit: ObjectPermit,
        position: u64,
        new: NewObject,
        content: Content<'_>,
    ) -> Result<Arc<StoredObject>, Error> {
        match self.appendable(&permit, position).await? {
            None => self.append_first(permit, new, content).await,
            Some(found) => self.append_more(permit, found, content).await,
        }
    }

    /// What is there to append to at that position, if anything is.
    async fn appendable(
        &self,
        permit: &ObjectPermit,
        position: u64,
    ) -> Result<Option<FoundObject>, Error> {
        let named = match self.find_object(permit).await {
            Ok(named) => Some(named),
            Err(Error::NoSuchKey(_)) => None,
            Err(err) => return Err(err),
        };
        judge(named.as_ref().map(|named| &named.object), position)?;
        Ok(named.map(FoundObject::itself))
    }

    async fn append_first(
        self: &Arc<Self>,
        permit: ObjectPermit,
        new: NewObject,
        content: Content<'_>,
    ) -> Result<Arc<StoredObject>, Error> {
        let received = self.receive_alone(&permit, content).await?;
        let Written { length, md5, crc64, .. } = received.written;
        let object = Object {
            size: length,
            etag: tag(None, &md5),
            crc64,
            md5: None,
            kind: ObjectKind::Appendable,
            modified: self.clock.now(),
            attributes: new.attributes(permit.bucket()),
            extents: received.extents(),
            link: None,
        };
        let stored = Arc::new(StoredObject::new(object)?);
        let version = Version::new(stored.clone(), Overwrite::Forbid, received.blob);
        match self.write_version(permit.clone(), version).await {
            // Somebody else was first.
            Err(Error::Exists) => Err(self.grown_meanwhile(&permit, 0).await),
            written => written.map(|()| stored),
        }
    }

    async fn append_more(
        self: &Arc<Self>,
        permit: ObjectPermit,
        found: FoundObject,
        content: Content<'_>,
    ) -> Result<Arc<StoredObject>, Error> {
        let base = found.named.clone();
        let taken = rewritten(&base.object.extents, content.length);
        let before = self.end_of(&permit, &found, taken).await?;
        let received = self.receive_behind(&permit, before, content).await?;
        let Written { length, md5, crc64, .. } = received.written;
        let extents = received.extents();
        let tail = Tail {
            length,
            md5: &md5,
            crc64,
            rewritten: taken,
            extents: &extents,
            at: self.clock.now(),
        };
        let stored = Arc::new(StoredObject::new(grown(&base.object, &tail))?);
        self.write_growth(permit, base, (stored.clone(), received.blob)).await?;
        Ok(stored)
    }

    /// The runs at the end of an object that are to be written anew.
    async fn end_of(
        &self,
        permit: &ObjectPermit,
        found: &FoundObject,
        taken: usize,
    ) -> Result<Before, Error> {
        let object = &found.named.object;
        let length = object.extents.iter().rev().take(taken).map(|extent| extent.length).sum();
        let end = Slice { offset: object.size - length, length };
        match self.open_object(permit, found, end).await? {
            Opened::Reader(reader) => Ok(Before { length, bytes: reader.stream() }),
            Opened::Replaced(_) => Err(self.grown_meanwhile(permit, object.size).await),
        }
    }

    /// The error for an object that is not what it was any more.
    async fn grown_meanwhile(&self, permit: &ObjectPermit, position: u64) -> Error {
        match self.appendable(permit, position).await {
            Err(err) => err,
            // It has another content of the same length. Whoever appends to it should know.
            Ok(_) => Error::SourceChanged,
        }
    }

    /// Writes the row of an object that has grown, if it is still what it grew from.
    async fn write_growth(
        self: &Arc<Self>,
        permit: ObjectPermit,
        base: Arc<StoredObject>,
        (stored, fresh): (Arc<StoredObject>, Option<Upload>),
    ) -> Result<(), Error> {
        let app = self.clone();
        self.to_the_end(async move {
            let (bucket, key) = (permit.bucket().id, permit.key());
            let in_doubt = app.inflight.take_in_doubt();
            let growth = Growth { from: &base.object, to: &stored.object };
            let written = app.meta.grow_object(bucket, key, growth).await;
            app.objects.remove(bucket, key);
            let done = matches!(written, Ok(Grown::Done { .. }));
            app.inflight.settle(in_doubt, done);
            end_upload(fresh, &written, done);
            match written? {
                Grown::Done { unnamed } => {
                    app.inflight.give_up(unnamed);
                    Ok(())
                }
                Grown::Changed => Err(app.grown_meanwhile(&permit, base.object.size).await),
            }
        })
        .await
    }
}
