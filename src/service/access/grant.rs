//! Who may do what, once it is proved who asks.

use super::caller::{Caller, Principal};
use super::permit::{Ground, ObjectPermit};
use crate::domain::acl::{Access, BucketAcl, ObjectAcl};
use crate::domain::code::{self, Reason};
use crate::domain::name::ObjectKey;
use crate::domain::object::Object;
use crate::domain::op::Action;
use crate::service::App;
use crate::service::bucket::Bucket;
use crate::service::error::Error;

/// Decides about an operation on the account or a bucket.
pub(super) fn grant(caller: &Caller, action: Action, bucket: Option<&Bucket>) -> Result<(), Error> {
    let acl = bucket.map(|bucket| bucket.settings().acl).unwrap_or_default();
    match caller.principal {
        Principal::Owner => Ok(()),
        Principal::Anonymous | Principal::Visitor(_) if acl.grants(action.access()) => Ok(()),
        Principal::Anonymous | Principal::Visitor(_) => Err(Error::Refused(denial(action, acl))),
    }
}

impl App {
    /// Decides about an operation on an object.
    pub(super) async fn grant_on_object(
        &self,
        caller: &Caller,
        action: Action,
        (bucket, key): (&Bucket, &ObjectKey),
    ) -> Result<(), Error> {
        let acl = match caller.principal {
            Principal::Owner => ObjectAcl::Default,
            Principal::Anonymous | Principal::Visitor(_) => {
                let by_domain = caller.reads_by_domain(action, (bucket, key));
                if !by_domain && self.domains.closes(bucket.id, key) {
                    return Err(Error::Refused(code::SERVED_BY_DOMAIN_ALONE));
                }
                self.acl_of(bucket, key).await?
            }
        };
        decide(caller, action, (bucket, key), acl)
    }

    /// Decides whether whoever has a permit for an object may perform another operation on it. The
    /// referer policy has been asked about this object.
    ///
    /// # Errors
    ///
    /// [`Error`] as it would be for that operation.
    pub async fn also(&self, permit: &ObjectPermit, action: Action) -> Result<(), Error> {
        self.grant_on_object(&permit.caller, action, (&permit.bucket, &permit.key)).await
    }

    /// The right to read the object for which a symlink stands: it takes the right to both.
    pub(in crate::service) async fn permit_target(
        &self,
        permit: &ObjectPermit,
        key: &ObjectKey,
    ) -> Result<ObjectPermit, Error> {
        let action = Action::GetObject;
        self.grant_on_object(&permit.caller, action, (&permit.bucket, key)).await?;
        let ground = Ground::Granted(action);
        Ok(ObjectPermit { key: key.clone(), ground, ..permit.clone() })
    }

    /// The ACL of an object. One that is not there has its bucket's, so that an answer does not tell
    /// whether it is.
    async fn acl_of(&self, bucket: &Bucket, key: &ObjectKey) -> Result<ObjectAcl, Error> {
        if !self.meta.may_hold_acls(bucket.id) {
            return Ok(ObjectAcl::Default);
        }
        match self.known_object(bucket.id, key).await {
            Ok(stored) => Ok(stored.object.attributes.acl),
            Err(Error::NoSuchKey(_)) => Ok(ObjectAcl::Default),
            Err(err) => Err(err),
        }
    }
}

impl ObjectPermit {
    /// Whether the permit is one for this version of its object. The ACL that was asked may have
    /// been another's: between the permit and its use an object can be replaced.
    ///
    /// # Errors
    ///
    /// [`Error`] as it would have been.
    pub(in crate::service) fn check_version(&self, object: &Object) -> Result<(), Error> {
        match self.ground {
            Ground::Granted(action) => {
                decide(&self.caller, action, (&self.bucket, &self.key), object.attributes.acl)
            }
            Ground::ChosenForAll => Ok(()),
        }
    }
}

/// Decides about an operation on an object with that ACL.
fn decide(
    caller: &Caller,
    action: Action,
    (bucket, key): (&Bucket, &ObjectKey),
    acl: ObjectAcl,
) -> Result<(), Error> {
    if caller.reads_by_domain(action, (bucket, key)) {
        return Ok(());
    }
    let of_bucket = bucket.settings().acl;
    let granted = acl.within(of_bucket).grants(action.access());
    match caller.principal {
        Principal::Owner => Ok(()),
        Principal::Anonymous | Principal::Visitor(_) if granted => Ok(()),
        Principal::Anonymous | Principal::Visitor(_) => {
            Err(Error::Refused(denial(action, of_bucket)))
        }
    }
}

/// What a stranger is told. That an object has an ACL of its own shows only where the bucket's
/// would have granted the operation, and with it whether the object is there.
const fn denial(action: Action, of_bucket: BucketAcl) -> Reason {
    match (action, action.access()) {
        (Action::GetObjectAcl, _) => code::DENIED_TO_READ_ACL,
        (Action::PutObjectAcl, _) => code::DENIED_TO_WRITE_ACL,
        (_, Access::Read) if of_bucket.grants(Access::Read) => code::DENIED_TO_READ,
        (_, Access::Write) if of_bucket.grants(Access::Write) => code::DENIED_TO_WRITE,
        (_, Access::Read | Access::Write) => code::DENIED_BY_ACL,
        (_, Access::Own | Access::Anyone) => code::DENIED_TO_STRANGERS,
    }
}
