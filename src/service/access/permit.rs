//! Rights, of which each is made in one place: where it was decided.

use std::sync::Arc;

use super::caller::Caller;
use crate::domain::cors::CorsRules;
use crate::domain::name::{AccessKeyId, BucketName, ObjectKey};
use crate::domain::op::Action;
use crate::service::bucket::Bucket;
use crate::service::error::Error;
use crate::service::gate::RefererDenial;

/// The right to an operation on the account.
#[derive(Debug)]
pub struct ServicePermit {
    /// Whose right it is.
    pub(super) caller: Caller,
}

/// The right to create a bucket of that name.
#[derive(Debug)]
pub struct NewBucketPermit {
    pub(super) name: BucketName,
    /// Whose right it is.
    pub(super) caller: Caller,
}

impl NewBucketPermit {
    /// The name.
    pub const fn name(&self) -> &BucketName {
        &self.name
    }
}

/// The right to an operation on a bucket.
#[derive(Debug)]
pub struct BucketPermit {
    pub(super) bucket: Arc<Bucket>,
    /// Whose right it is.
    pub(super) caller: Caller,
}

impl BucketPermit {
    /// The bucket.
    pub fn bucket(&self) -> &Bucket {
        &self.bucket
    }

    /// The access key of whoever has the right, if they presented one, for the record.
    pub(in crate::service) const fn who(&self) -> Option<&AccessKeyId> {
        self.caller.access_key_id.as_ref()
    }

    /// The bucket, to keep.
    pub(in crate::service) fn into_bucket(self) -> Arc<Bucket> {
        self.bucket
    }
}

/// The right to an operation on an object. Whether there is such an object it does not say.
#[derive(Clone, Debug)]
pub struct ObjectPermit {
    pub(super) bucket: Arc<Bucket>,
    pub(super) key: ObjectKey,
    pub(super) would_refuse: Option<Box<RefererDenial>>,
    /// Whose right it is.
    pub(super) caller: Caller,
    /// Why it is.
    pub(super) ground: Ground,
    /// Operations on the same object that are asked for beside it.
    pub(super) also: Vec<Action>,
}

/// Why there is a right to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ground {
    /// The ACL lets the sender perform this operation.
    Granted(Action),
    /// A policy does, whatever the ACL, or the sender is the owner.
    GrantedByPolicy(Action),
    /// The bucket's owner chose the object for everybody, whatever its ACL.
    ChosenForAll,
}

impl ObjectPermit {
    /// The right that everybody has to the object which the bucket's owner chose for those whom
    /// the referer check refuses. It is no right to what a symlink in its place stands for.
    pub(in crate::service) fn of_substitute(bucket: &Arc<Bucket>, key: &ObjectKey) -> Self {
        Self {
            bucket: Arc::clone(bucket),
            key: key.clone(),
            would_refuse: None,
            caller: Caller::ANONYMOUS,
            ground: Ground::ChosenForAll,
            also: Vec::new(),
        }
    }

    /// The bucket.
    pub fn bucket(&self) -> &Bucket {
        &self.bucket
    }

    /// The bucket, to keep beside the permit.
    pub fn share_bucket(&self) -> Arc<Bucket> {
        Arc::clone(&self.bucket)
    }

    /// The object's name.
    pub const fn key(&self) -> &ObjectKey {
        &self.key
    }

    /// What refuses this request as soon as the bucket is no longer only monitored.
    pub fn would_refuse(&self) -> Option<&RefererDenial> {
        self.would_refuse.as_deref()
    }

    /// The object's name, to keep.
    pub fn into_key(self) -> ObjectKey {
        self.key
    }
}

/// The right to write an object with the content of another, which the sender may read.
#[derive(Debug)]
pub struct CopyPermit {
    pub(super) source: ObjectPermit,
    pub(super) target: ObjectPermit,
}

impl CopyPermit {
    /// The right to read the source, and the right to write the target.
    pub fn into_parts(self) -> (ObjectPermit, ObjectPermit) {
        (self.source, self.target)
    }
}

/// The right to send a form to a bucket, and to be told what is wrong with it. Whether it may write
/// anything shows when it has been read.
#[derive(Debug)]
pub struct FormPermit(pub(super) Arc<Bucket>);

impl FormPermit {
    /// The bucket.
    pub fn bucket(&self) -> &Bucket {
        &self.0
    }
}

/// The right to ask which pages of other origins a bucket's answers are for.
#[derive(Debug)]
pub struct PreflightPermit(pub(super) Arc<Bucket>);

impl PreflightPermit {
    /// The rules, if the bucket has any.
    pub fn rules(&self) -> Option<Arc<CorsRules>> {
        self.0.settings().cors.clone()
    }
}

/// The right to administer the server: whoever presented the owner's key on the admin plane.
#[derive(Debug)]
pub struct Administrator(pub(super) AccessKeyId);

impl Administrator {
    /// The access key, for the record of who changed what.
    pub const fn access_key_id(&self) -> &AccessKeyId {
        &self.0
    }
}

/// The right to one operation.
#[derive(Debug)]
pub enum Permit {
    /// On the account.
    Service(ServicePermit),
    /// On a bucket that need not be there.
    NewBucket(NewBucketPermit),
    /// On a bucket.
    Bucket(BucketPermit),
    /// On an object.
    Object(ObjectPermit),
    /// On an object, with the content of another.
    Copy(Box<CopyPermit>),
    /// On what a form will name.
    Form(FormPermit),
    /// On nothing but cross-origin rules.
    Preflight(PreflightPermit),
}

macro_rules! permit_of_level {
    ($(#[$doc:meta])* $name:ident $variant:ident $permit:ty) => {
        $(#[$doc])*
        ///
        /// # Errors
        ///
        /// [`Error::Fault`] for a permit of another level: the table of actions and the handlers
        /// contradict each other.
        pub fn $name(self) -> Result<$permit, Error> {
            match self {
                Self::$variant(permit) => Ok(permit),
                _ => Err(Error::Fault(concat!("an operation needs a ", stringify!($permit)))),
            }
        }
    };
}

impl Permit {
    permit_of_level! {
        /// The right to an operation on the account.
        service Service ServicePermit
    }
    permit_of_level! {
        /// The right to create a bucket.
        new_bucket NewBucket NewBucketPermit
    }
    permit_of_level! {
        /// The right to an operation on a bucket.
        bucket Bucket BucketPermit
    }
    permit_of_level! {
        /// The right to an operation on an object.
        object Object ObjectPermit
    }
    permit_of_level! {
        /// The right to write an object with the content of another.
        copy Copy Box<CopyPermit>
    }
    permit_of_level! {
        /// The right to send a form.
        form Form FormPermit
    }
    permit_of_level! {
        /// The right to ask for cross-origin rules.
        preflight Preflight PreflightPermit
    }

    /// The objects that are permitted: first the one that is asked for, then the one that is
    /// copied.
    pub fn objects(&self) -> impl Iterator<Item = &ObjectPermit> {
        let (target, source) = match self {
            Self::Service(_)
            | Self::NewBucket(_)
            | Self::Bucket(_)
            | Self::Form(_)
            | Self::Preflight(_) => (None, None),
            Self::Object(permit) => (Some(permit), None),
            Self::Copy(permit) => (Some(&permit.target), Some(&permit.source)),
        };
        target.into_iter().chain(source)
    }
}
