//! Finding an object and reading its bytes.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt};

use super::super::App;
use super::super::access::ObjectPermit;
use super::super::cache::StoredObject;
use super::super::error::Error;
use crate::blob::{BlobError, BlobReader};
use crate::domain::code::Code;
use crate::domain::object::Extent;
use crate::domain::object::range::Slice;

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
            (length > 0).then(|| reader.stream(extent.offset + offset, length))
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
}
