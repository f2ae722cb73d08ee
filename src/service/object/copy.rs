//! Copying objects. A copy names the blobs of its source, so no byte is moved.

use std::sync::Arc;

use super::super::App;
use super::super::access::{CopyPermit, ObjectPermit};
use super::super::cache::StoredObject;
use super::super::error::Error;
use super::NewObject;
use super::write::Version;
use crate::domain::acl::ObjectAcl;
use crate::domain::code::Code;
use crate::domain::object::conditional::{Conditions, Outcome};
use crate::domain::object::copy::{Directive, MAX_COPY_BYTES, kind_of_copy};
use crate::domain::object::{Attributes, Object};
use crate::domain::op::Action;

/// What a client says of a copy.
#[derive(Debug)]
pub struct NewCopy<'c> {
    /// Under which conditions on the source it is made.
    pub conditions: Conditions<'c>,
    /// Whose headers are stored with it.
    pub metadata: Directive,
    /// Whose tags it has.
    pub tagging: Directive,
    /// The ACL that the client asks for.
    pub acl: Option<ObjectAcl>,
    /// What else the client brings.
    pub object: NewObject,
}

/// What came of copying.
#[derive(Debug)]
pub enum Copied {
    /// There is a copy.
    Done(Arc<StoredObject>),
    /// The client has the source as it is, and no copy was made.
    NotModified,
}

impl App {
    /// Copies an object. The copy is of one version of the source, and durable when this returns.
    ///
    /// # Errors
    ///
    /// [`Error`]; the target is then as it was.
    pub async fn copy_object(
        self: &Arc<Self>,
        permit: CopyPermit,
        new: NewCopy<'_>,
    ) -> Result<Copied, Error> {
        /// How often the source may be replaced while it is copied before we give up.
        const TRIES: usize = 10;

        let (from, to) = permit.into_parts();
        let overwrite = new.object.overwrite;
        for _ in 0..TRIES {
            let source = self.find_object(&from).await?;
            match new.conditions.judge(&source.object.etag, source.object.modified) {
                Outcome::Failed => return Err(Error::Code(Code::PreconditionFailed)),
                Outcome::NotModified => return Ok(Copied::NotModified),
                Outcome::Proceed => {}
            }
            self.may_copy_tags(&source.object, (&from, &to), new.tagging).await?;
            let copy = self.copy_of(&source.object, (&from, &to), &new)?;
            let stored = Arc::new(StoredObject::new(copy)?);
            let shared = stored.object.extents.iter().map(|extent| extent.blob).collect();
            // Its ACL may be closed at this moment, which the copy must not undo.
            let onto = is_itself(&from, &to).then_some(source);
            let version = Version { shared, onto, ..Version::new(stored.clone(), overwrite, None) };
            match self.write_version(to.clone(), version).await {
                Ok(()) => return Ok(Copied::Done(stored)),
                // What memory told of the source is not true any more.
                Err(Error::SourceChanged) => self.objects.remove(from.bucket().id, from.key()),
                Err(err) => return Err(err),
            }
        }
        Err(Error::SourceChanged)
    }

    /// Whether tags are copied by somebody who may read the one's and set the other's.
    async fn may_copy_tags(
        &self,
        source: &Object,
        (from, to): (&ObjectPermit, &ObjectPermit),
        tagging: Directive,
    ) -> Result<(), Error> {
        if tagging == Directive::Copy && !source.attributes.tags.is_empty() {
            self.also(from, Action::GetObjectTagging).await?;
            self.also(to, Action::PutObjectTagging).await?;
        }
        Ok(())
    }

    fn copy_of(
        &self,
        source: &Object,
        (from, to): (&ObjectPermit, &ObjectPermit),
        new: &NewCopy<'_>,
    ) -> Result<Object, Error> {
        let in_one_bucket = from.bucket().id == to.bucket().id;
        if !in_one_bucket && source.size > MAX_COPY_BYTES {
            return Err(Error::Code(Code::EntityTooLarge));
        }
        let is_itself = is_itself(from, to);
        let headers = match new.metadata.for_copy(is_itself) {
            Directive::Copy => source.attributes.headers.clone(),
            Directive::Replace => new.object.headers.clone(),
        };
        let tags = match new.tagging {
            Directive::Copy => source.attributes.tags.clone(),
            Directive::Replace => new.object.tags.clone(),
        };
        // Of an object that is copied onto itself, what the client says nothing of stays as it is:
        // whoever changes its headers does not mean to open it.
        let Attributes { storage_class, acl, .. } = source.attributes;
        let (usual_class, usual_acl) = if is_itself {
            (storage_class, acl)
        } else {
            (to.bucket().storage_class, ObjectAcl::default())
        };
        let storage_class = new.object.storage_class.unwrap_or(usual_class);
        let acl = new.acl.unwrap_or(usual_acl);
        Ok(Object {
            kind: kind_of_copy(source.kind, is_itself),
            modified: self.clock.now(),
            attributes: Attributes { storage_class, headers, acl, tags },
            ..source.clone()
        })
    }
}

/// Whether an object is copied onto itself.
fn is_itself(from: &ObjectPermit, to: &ObjectPermit) -> bool {
    from.bucket().id == to.bucket().id && from.key() == to.key()
}
