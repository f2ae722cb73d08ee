//! Who may do what, once it is proved who asks: policies first, and where they say nothing, the ACL.

use super::caller::Caller;
use super::permit::{BucketPermit, Ground, NewBucketPermit, ObjectPermit, ServicePermit};
use super::policies::Say;
use crate::domain::acl::{Access, BucketAcl, ObjectAcl};
use crate::domain::code;
use crate::domain::iam::Asked;
use crate::domain::name::{BucketName, ObjectKey};
use crate::domain::object::Object;
use crate::domain::op::Action;
use crate::service::App;
use crate::service::bucket::Bucket;
use crate::service::error::Error;

impl App {
    /// Decides about an operation on a bucket, or on the account if there is none.
    pub(super) fn grant(
        &self,
        caller: &Caller,
        action: Action,
        bucket: Option<&Bucket>,
    ) -> Result<(), Error> {
        let asked = |permission| match bucket {
            Some(bucket) => Asked::of_bucket(permission, &bucket.name),
            None => Asked::of_account(permission),
        };
        if self.by_policies(caller, action, asked, bucket)? == Say::Granted {
            return Ok(());
        }
        let acl = bucket.map(|bucket| bucket.settings().acl).unwrap_or_default();
        if acl.grants(action.access()) { Ok(()) } else { Err(denial(caller, action, acl)) }
    }

    /// Decides about an operation on a bucket that need not be there.
    pub(super) fn grant_on_name(
        &self,
        caller: &Caller,
        action: Action,
        name: &BucketName,
    ) -> Result<(), Error> {
        let bucket = self.buckets.find(name);
        let asked = |permission| Asked::of_bucket(permission, name);
        match self.by_policies(caller, action, asked, bucket.as_deref())? {
            Say::Granted => Ok(()),
            Say::Nothing => Err(Error::Refused(caller.principal.refusal())),
        }
    }

    /// Decides about an operation on many things, which are named later: whether there may be any
    /// that is granted.
    pub(super) fn grant_somewhere(
        &self,
        caller: &Caller,
        action: Action,
        bucket: Option<&Bucket>,
    ) -> Result<(), Error> {
        if self.may_somewhere(caller, action, bucket) {
            return Ok(());
        }
        Err(Error::Refused(caller.principal.refusal()))
    }

    /// Decides about each of many objects of a bucket. One that is not granted refuses all, before
    /// anything is done.
    ///
    /// # Errors
    ///
    /// [`Error::Denied`] names the object; [`Error::Auth`] if the sender's key is none any more.
    pub(in crate::service) fn grant_each(
        &self,
        permit: &BucketPermit,
        action: Action,
        keys: &[ObjectKey],
    ) -> Result<(), Error> {
        // The body that names them may have taken its time.
        let (caller, bucket) = (&self.renewed(&permit.caller)?, permit.bucket());
        for key in keys {
            let asked = |permission| Asked::of_object(permission, &bucket.name, key);
            let reason = match self.by_policies(caller, action, asked, Some(bucket)) {
                Ok(Say::Granted) if self.closed_to(caller, bucket, key) => {
                    code::SERVED_BY_DOMAIN_ALONE
                }
                Ok(Say::Granted) => continue,
                Ok(Say::Nothing) => caller.principal.refusal(),
                Err(_) => code::DENIED_IN_BATCH,
            };
            return Err(Error::Denied { reason, key: key.clone() });
        }
        Ok(())
    }

    /// Whether a delivery domain alone serves the object to somebody of whom nothing is known,
    /// whatever policies and ACLs grant.
    fn closed_to(&self, caller: &Caller, bucket: &Bucket, key: &ObjectKey) -> bool {
        !caller.principal.is_known() && self.domains.closes(bucket.id, key)
    }

    /// Whether the bucket shows in a listing of buckets.
    pub(in crate::service) fn may_see(&self, permit: &ServicePermit, bucket: &Bucket) -> bool {
        let asked = |permission| Asked::of_bucket(permission, &bucket.name);
        let said = self.by_policies(&permit.caller, Action::ListBuckets, asked, Some(bucket));
        matches!(said, Ok(Say::Granted))
    }

    /// Decides whether whoever may create a bucket may give it an ACL.
    ///
    /// # Errors
    ///
    /// [`Error`] as it would be for `PutBucketAcl`.
    pub(in crate::service) fn may_set_acl(&self, permit: &NewBucketPermit) -> Result<(), Error> {
        self.grant_on_name(&permit.caller, Action::PutBucketAcl, permit.name())
    }

    /// Decides about an operation on an object, and says why it is granted.
    pub(super) async fn grant_on_object(
        &self,
        caller: &Caller,
        action: Action,
        (bucket, key): (&Bucket, &ObjectKey),
    ) -> Result<Ground, Error> {
        if self.grant_without_acl(caller, action, (bucket, key))? == Say::Granted {
            return Ok(Ground::GrantedByPolicy(action));
        }
        let acl = self.acl_of(bucket, key).await?;
        decide(caller, action, (bucket, key), acl)?;
        Ok(Ground::Granted(action))
    }

    /// Whether an operation on an object would be granted if the object had that ACL.
    pub(super) fn would_grant(
        &self,
        caller: &Caller,
        action: Action,
        object: (&Bucket, &ObjectKey),
        acl: ObjectAcl,
    ) -> bool {
        match self.grant_without_acl(caller, action, object) {
            Ok(Say::Granted) => true,
            Ok(Say::Nothing) => decide(caller, action, object, acl).is_ok(),
            Err(_) => false,
        }
    }

    /// Decides about an operation on an object without its ACL, which decides if nothing is said.
    fn grant_without_acl(
        &self,
        caller: &Caller,
        action: Action,
        (bucket, key): (&Bucket, &ObjectKey),
    ) -> Result<Say, Error> {
        let asked = |permission| Asked::of_object(permission, &bucket.name, key);
        let said = self.by_policies(caller, action, asked, Some(bucket))?;
        if !caller.reads_by_domain(action, (bucket, key)) && self.closed_to(caller, bucket, key) {
            return Err(Error::Refused(code::SERVED_BY_DOMAIN_ALONE));
        }
        Ok(said)
    }

    /// Decides whether whoever has a permit for an object may perform another operation on it. The
    /// referer policy has been asked about this object.
    ///
    /// # Errors
    ///
    /// [`Error`] as it would be for that operation.
    pub async fn also(&self, permit: &ObjectPermit, action: Action) -> Result<(), Error> {
        let object = (&*permit.bucket, &permit.key);
        self.grant_on_object(&permit.caller, action, object).await.map(drop)
    }

    /// The same for all operations that a request asks for beside its own.
    pub(super) async fn permit_also(
        &self,
        permit: ObjectPermit,
        also: &[Action],
    ) -> Result<ObjectPermit, Error> {
        for &action in also {
            self.also(&permit, action).await?;
        }
        Ok(ObjectPermit { also: also.to_vec(), ..permit })
    }

    /// The right to read the object for which a symlink stands: it takes the right to both.
    pub(in crate::service) async fn permit_target(
        &self,
        permit: &ObjectPermit,
        key: &ObjectKey,
    ) -> Result<ObjectPermit, Error> {
        let object = (&*permit.bucket, key);
        let ground = self.grant_on_object(&permit.caller, Action::GetObject, object).await?;
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
            Ground::GrantedByPolicy(_) | Ground::ChosenForAll => Ok(()),
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
    if acl.within(of_bucket).grants(action.access()) {
        return Ok(());
    }
    Err(denial(caller, action, of_bucket))
}

/// What somebody is told whom neither a policy nor an ACL grants an operation. That an object has
/// an ACL of its own shows only where the bucket's would have granted the operation, and with it
/// whether the object is there.
const fn denial(caller: &Caller, action: Action, of_bucket: BucketAcl) -> Error {
    Error::Refused(match (action, action.access()) {
        (Action::GetObjectAcl, _) => code::DENIED_TO_READ_ACL,
        (Action::PutObjectAcl, _) => code::DENIED_TO_WRITE_ACL,
        (_, Access::Read) if of_bucket.grants(Access::Read) => code::DENIED_TO_READ,
        (_, Access::Write) if of_bucket.grants(Access::Write) => code::DENIED_TO_WRITE,
        (_, Access::Read | Access::Write) => code::DENIED_BY_ACL,
        (_, Access::Own | Access::Anyone) => caller.principal.refusal(),
    })
}
