//! Object metadata in memory.
//!
//! The cache is exact: a write removes the key after its commit and before it is acknowledged,
//! and a load that began before the removal cannot put its older value back, because the removal
//! takes the load's placeholder away. It is bounded by bytes.

use std::future::Future;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use quick_cache::sync::Cache;
use quick_cache::{Equivalent, Weighter};

use super::error::Error;
use super::lines::HeaderLines;
use crate::domain::name::{BucketId, ObjectKey};
use crate::domain::object::{Attributes, Object, ObjectKind};

/// An object with the headers of its answers, made once per version.
#[derive(Debug)]
pub struct StoredObject {
    /// What is known of it.
    pub object: Object,
    /// The headers that every answer with the whole of this version has.
    pub lines: HeaderLines,
}

impl StoredObject {
    /// Prepares the headers of an object.
    ///
    /// # Errors
    ///
    /// [`Error::Fault`] if a stored header cannot be one: such headers are refused before they
    /// are stored.
    pub fn new(object: Object) -> Result<Self, Error> {
        let headers = headers(&object).ok_or(Error::Fault("a stored header is not one"))?;
        Ok(Self { object, lines: HeaderLines::new(&headers) })
    }

    /// About how many bytes the object takes in memory.
    fn weight(&self) -> usize {
        let pairs = |pairs: &[(String, String)]| -> usize {
            pairs.iter().map(|(name, value)| name.len() + value.len() + 48).sum()
        };
        let Attributes { headers, tags, storage_class: _, acl: _ } = &self.object.attributes;
        let link = self.object.link.as_ref().map_or(0, |key| key.as_str().len());
        let extents = size_of_val(self.object.extents.as_slice());
        let lines = self.lines.as_bytes().len();
        size_of::<Self>() + lines + pairs(headers) + pairs(tags.pairs()) + link + extents
    }
}

fn headers(object: &Object) -> Option<HeaderMap> {
    use base64::Engine as _;
    const OBJECT_TYPE: HeaderName = HeaderName::from_static("x-oss-object-type");
    const CRC64: HeaderName = HeaderName::from_static("x-oss-hash-crc64ecma");
    const CONTENT_MD5: HeaderName = HeaderName::from_static("content-md5");
    const NEXT_POSITION: HeaderName = HeaderName::from_static("x-oss-next-append-position");
    const STORAGE_CLASS: HeaderName = HeaderName::from_static("x-oss-storage-class");

    let value = |text: String| HeaderValue::try_from(text).ok();
    let Attributes { storage_class, headers: stored, acl: _, tags: _ } = &object.attributes;
    let mut headers = HeaderMap::with_capacity(11 + stored.len());
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    for (name, stored) in stored {
        headers.insert(
            HeaderName::try_from(name).ok()?,
            HeaderValue::from_bytes(stored.as_bytes()).ok()?,
        );
    }
    headers.insert(header::ETAG, value(object.etag.quoted())?);
    headers.insert(header::LAST_MODIFIED, value(object.modified.to_http_date())?);
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(OBJECT_TYPE, HeaderValue::from_static(object.kind.as_str()));
    headers.insert(STORAGE_CLASS, HeaderValue::from_static(storage_class.as_str()));
    headers.insert(CRC64, value(object.crc64.to_string())?);
    if object.kind == ObjectKind::Appendable {
        headers.insert(NEXT_POSITION, HeaderValue::from(object.size));
    }
    if let Some(md5) = &object.md5 {
        let text = base64::engine::general_purpose::STANDARD.encode(md5);
        headers.insert(CONTENT_MD5, value(text)?);
    }
    // An object is what somebody uploaded: a browser must not guess that it is a page or script.
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(object.size));
    Some(headers)
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct CacheKey(BucketId, ObjectKey);

/// A [`CacheKey`] that borrows; it hashes alike.
#[derive(Hash)]
struct CacheKeyRef<'k>(BucketId, &'k ObjectKey);

impl Equivalent<CacheKey> for CacheKeyRef<'_> {
    fn equivalent(&self, key: &CacheKey) -> bool {
        self.0 == key.0 && *self.1 == key.1
    }
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<CacheKey, Arc<StoredObject>> for ByBytes {
    fn weight(&self, key: &CacheKey, stored: &Arc<StoredObject>) -> u64 {
        (size_of::<CacheKey>() + key.1.as_str().len() + stored.weight()) as u64
    }
}

/// Object metadata in memory, bounded by bytes.
pub struct ObjectCache(Cache<CacheKey, Arc<StoredObject>, ByBytes>);

impl ObjectCache {
    /// An empty cache that holds up to so many bytes.
    pub fn new(max_bytes: u64) -> Self {
        /// About what an object with a short key and few headers weighs.
        const TYPICAL_BYTES: u64 = 1024;
        let items = usize::try_from(max_bytes / TYPICAL_BYTES).unwrap_or(usize::MAX).max(16);
        Self(Cache::with_weighter(items, max_bytes, ByBytes))
    }

    /// The object, if it is in memory.
    pub fn get(&self, bucket: BucketId, key: &ObjectKey) -> Option<Arc<StoredObject>> {
        self.0.get(&CacheKeyRef(bucket, key))
    }

    /// The object in memory, or what `load` finds. An object that is not found is not remembered.
    ///
    /// # Errors
    ///
    /// That of `load`.
    pub async fn get_or_load(
        &self,
        bucket: BucketId,
        key: &ObjectKey,
        load: impl Future<Output = Result<Arc<StoredObject>, Error>>,
    ) -> Result<Arc<StoredObject>, Error> {
        self.0.get_or_insert_async(&CacheKey(bucket, key.clone()), load).await
    }

    /// Forgets an object.
    pub fn remove(&self, bucket: BucketId, key: &ObjectKey) {
        self.0.remove(&CacheKeyRef(bucket, key));
    }
}

impl std::fmt::Debug for ObjectCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ObjectCache({} objects, {} bytes)", self.0.len(), self.0.weight())
    }
}
