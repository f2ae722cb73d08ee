//! Changing what an object has beside its content, and making symlinks, which have none.

use std::sync::Arc;

use super::super::App;
use super::super::access::ObjectPermit;
use super::super::cache::StoredObject;
use super::super::error::Error;
use super::NewObject;
use super::write::Version;
use crate::domain::acl::ObjectAcl;
use crate::domain::name::ObjectKey;
use crate::domain::object::tags::Tags;
use crate::domain::object::{ETag, Object, ObjectKind};
use crate::meta::{Edit, Edited};

impl App {
    /// Replaces an object's ACL.
    ///
    /// # Errors
    ///
    /// [`Error`]; the ACL is then as it was.
    pub async fn put_object_acl(
        self: &Arc<Self>,
        permit: ObjectPermit,
        acl: ObjectAcl,
    ) -> Result<(), Error> {
        self.edit(permit, Edit::Acl(acl)).await
    }

    /// Replaces the tags of an object.
    ///
    /// # Errors
    ///
    /// [`Error`]; the tags are then as they were.
    pub async fn put_object_tags(
        self: &Arc<Self>,
        permit: ObjectPermit,
        tags: Tags,
    ) -> Result<(), Error> {
        self.ask_again(&permit).await?;
        self.edit(permit, Edit::Tags(tags)).await
    }

    async fn edit(self: &Arc<Self>, permit: ObjectPermit, edit: Edit) -> Result<(), Error> {
        let app = self.clone();
        self.to_the_end(async move {
            let (bucket, key) = (permit.bucket().id, permit.key());
            let in_doubt = app.inflight.take_in_doubt();
            let edited = app.meta.edit_object(bucket, key, edit).await;
            app.objects.remove(bucket, key);
            app.inflight.settle(in_doubt, matches!(edited, Ok(Edited::Done)));
            match edited? {
                Edited::Done => Ok(()),
                Edited::NoSuchKey => Err(Error::NoSuchKey(permit.into_key())),
            }
        })
        .await
    }

    /// Makes an object that stands for another, whether that is there or not.
    ///
    /// # Errors
    ///
    /// [`Error`]; the object is then as it was.
    pub async fn put_symlink(
        self: &Arc<Self>,
        permit: ObjectPermit,
        new: NewObject,
        target: ObjectKey,
    ) -> Result<Arc<StoredObject>, Error> {
        use md5::Digest as _;
        let overwrite = new.overwrite;
        let object = Object {
            size: 0,
            etag: ETag::of_md5(&md5::Md5::digest(target.as_str().as_bytes()).into()),
            crc64: 0,
            md5: None,
            kind: ObjectKind::Symlink,
            modified: self.clock.now(),
            attributes: new.attributes(permit.bucket()),
            extents: Vec::new(),
            link: Some(target),
        };
        let stored = Arc::new(StoredObject::new(object)?);
        self.write_version(permit, Version::new(stored.clone(), overwrite, None)).await?;
        Ok(stored)
    }
}
