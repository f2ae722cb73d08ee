//! The answer to a form that asks for one.

use crate::domain::name::{BucketName, ObjectKey};
use crate::domain::object::ETag;
use crate::wire::xml::XmlWriter;

/// What `success_action_status` 201 tells.
#[derive(Debug)]
pub struct PostResponse<'p> {
    /// The bucket.
    pub bucket: &'p BucketName,
    /// The object.
    pub key: &'p ObjectKey,
    /// Its tag.
    pub etag: &'p ETag,
    /// Its URL.
    pub location: &'p str,
}

/// Writes `<PostResponse>`.
///
/// Source: OSS "PostObject", response elements.
pub fn write_post_response(post: &PostResponse<'_>) -> Vec<u8> {
    XmlWriter::document("PostResponse", |x| {
        x.text("Bucket", post.bucket);
        x.text("ETag", post.etag.quoted());
        x.text("Key", post.key);
        x.text("Location", post.location);
    })
}
