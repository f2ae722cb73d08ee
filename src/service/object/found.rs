//! Finding an object, and what a symlink stands for.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::super::App;
use super::super::access::ObjectPermit;
use super::super::cache::StoredObject;
use super::super::error::Error;
use super::super::lines::HeaderLines;
use crate::domain::code::{self, Code};
use crate::domain::name::{BucketId, ObjectKey};
use crate::domain::object::ETag;
use crate::domain::time::UnixMillis;

/// The headers of an answer that speak of its bytes.
const OF_CONTENT: [HeaderName; 4] = [
    header::ETAG,
    header::CONTENT_LENGTH,
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("x-oss-hash-crc64ecma"),
];

/// An object that was found for reading, and the one whose bytes it has: itself, or what a symlink
/// stands for.
#[derive(Clone, Debug)]
pub struct FoundObject {
    /// What was asked for.
    pub named: Arc<StoredObject>,
    /// What it stands for, if it is a symlink.
    target: Option<(ObjectKey, Arc<StoredObject>)>,
}

impl FoundObject {
    /// An object that is no symlink.
    pub(super) const fn itself(named: Arc<StoredObject>) -> Self {
        Self::of(named, None)
    }

    /// An object, with what it stands for if it is a symlink.
    pub(in crate::service) const fn of(
        named: Arc<StoredObject>,
        target: Option<(ObjectKey, Arc<StoredObject>)>,
    ) -> Self {
        Self { named, target }
    }

    /// The object whose bytes are read.
    pub fn content(&self) -> &StoredObject {
        self.target.as_ref().map_or(&self.named, |(_, target)| target)
    }

    /// The length in bytes.
    pub fn size(&self) -> u64 {
        self.content().object.size
    }

    /// The entity tag.
    pub fn etag(&self) -> &ETag {
        &self.content().object.etag
    }

    /// When it was written: of a symlink and its target, whichever is later.
    pub fn modified(&self) -> UnixMillis {
        self.named.object.modified.max(self.content().object.modified)
    }

    /// The headers of an answer with all of its bytes, if they are those of one object: those of a
    /// symlink are not.
    pub fn lines(&self) -> Option<&HeaderLines> {
        self.target.is_none().then_some(&self.named.lines)
    }

    /// The headers of an answer. Of a symlink, those that speak of the bytes are its target's, and
    /// all else is its own.
    ///
    /// Source: OSS "GetObject", response headers.
    pub fn headers(&self) -> HeaderMap {
        /// How many headers answers get beside these.
        const MORE: usize = 6;
        let mut headers = self.named.lines.to_map(MORE);
        if self.target.is_some() {
            for name in OF_CONTENT.into_iter().chain([header::LAST_MODIFIED]) {
                match self.header(&name) {
                    Some(value) => headers.insert(name, value),
                    None => headers.remove(name),
                };
            }
        }
        headers
    }

    /// One of the [headers](Self::headers).
    pub fn header(&self, name: &HeaderName) -> Option<HeaderValue> {
        let Some((_, target)) = &self.target else { return self.named.lines.get(name) };
        if *name == header::LAST_MODIFIED {
            return HeaderValue::try_from(self.modified().to_http_date()).ok();
        }
        let of_content = OF_CONTENT.contains(name);
        if of_content { &target.lines } else { &self.named.lines }.get(name)
    }

    /// Whether two have their bytes in the same places.
    pub(super) fn has_bytes_of(&self, other: &Self) -> bool {
        let (a, b) = (self.content(), other.content());
        std::ptr::eq(a, b) || a.object.extents == b.object.extents
    }
}

impl App {
    /// Finds an object itself, be it a symlink: in memory, or in the database.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchKey`]; the refusal of the ACL, if the object has been replaced by one that
    /// the permit does not cover; or another [`Error`].
    pub async fn find_object(&self, permit: &ObjectPermit) -> Result<Arc<StoredObject>, Error> {
        let stored = self.known_object(permit.bucket().id, permit.key()).await?;
        permit.check_version(&stored.object)?;
        Ok(stored)
    }

    /// The same for whoever has yet to decide whether there is a permit.
    pub(in crate::service) async fn known_object(
        &self,
        bucket: BucketId,
        key: &ObjectKey,
    ) -> Result<Arc<StoredObject>, Error> {
        if let Some(stored) = self.objects.get(bucket, key) {
            return Ok(stored);
        }
        let load = async {
            let object = self.meta.find_object(bucket, key).await?;
            let object = object.ok_or_else(|| Error::NoSuchKey(key.clone()))?;
            StoredObject::new(object).map(Arc::new)
        };
        Box::pin(self.objects.get_or_load(bucket, key, load)).await
    }

    /// Finds an object whose bytes are to be read. Those of a symlink are its target's, which the
    /// sender must be allowed to read as well.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchKey`]; [`code::SYMLINK_TARGET_MISSING`]; [`Code::InvalidTargetType`] for a
    /// symlink that stands for a symlink; or another [`Error`].
    pub async fn find_content(&self, permit: &ObjectPermit) -> Result<FoundObject, Error> {
        let named = self.find_object(permit).await?;
        if named.object.link.is_none() {
            return Ok(FoundObject { named, target: None });
        }
        Box::pin(self.follow(permit, named)).await
    }

    async fn follow(
        &self,
        permit: &ObjectPermit,
        named: Arc<StoredObject>,
    ) -> Result<FoundObject, Error> {
        let Some(key) = &named.object.link else { return Ok(FoundObject { named, target: None }) };
        let target = self.permit_target(permit, key).await?;
        let stored = match self.find_object(&target).await {
            Ok(stored) if stored.object.link.is_some() => {
                return Err(Error::Code(Code::InvalidTargetType));
            }
            Err(Error::NoSuchKey(_)) => return Err(Error::Refused(code::SYMLINK_TARGET_MISSING)),
            found => found?,
        };
        let target = Some((target.into_key(), stored));
        Ok(FoundObject { named, target })
    }

    /// Finds it again after a blob of it was missing: what memory told is not true any more.
    pub(in crate::service) async fn find_anew(
        &self,
        permit: &ObjectPermit,
        found: &FoundObject,
    ) -> Result<FoundObject, Error> {
        let key = found.target.as_ref().map_or(permit.key(), |(key, _)| key);
        self.objects.remove(permit.bucket().id, key);
        self.find_content(permit).await
    }
}
