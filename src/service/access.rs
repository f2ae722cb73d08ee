//! From what a request presents to the right that it is granted.
//!
//! The order of refusals is fixed here, in one place for all operations:
//!
//! 1. signature or expiry ([`App::identify`])
//! 2. existence of the bucket
//! 3. referer policy, for every operation on an object whose request has no *verified*
//!    `Authorization` header
//! 4. ACL
//! 5. existence of the object (the use case itself)
//!
//! A [`Permit`] is the only key to a bucket: its fields are private to this module, so a handler
//! that has none has nothing to work on.
//!
//! With the first, a V1 URL for a bucket is refused if it signs any parameter. V1 runs key and
//! parameters together, so a link that an application hands out for an upload to the key
//! `?referer` would also replace the bucket's referer policy, and one for `?x-oss-a` list it.
//!
//! Source: OSS "Configure hotlink protection" (what is exempt); the order is ours.

use std::sync::Arc;

use http::HeaderMap;

use super::App;
use super::bucket::Bucket;
use super::error::Error;
use super::gate::{RefererDenial, check_referer};
use super::stats::{Asked, Sighting};
use crate::domain::acl::Access;
use crate::domain::auth::{
    Channel, Claim, PayloadHash, Place, Proof, SignedRequest, Version, has_v1_sub_resource,
};
use crate::domain::code;
use crate::domain::name::{AccessKeyId, BucketName, ObjectKey};
use crate::domain::op::{Action, Level, Target, Targets};
use crate::domain::query::Query;
use crate::domain::referer::{DependsOn, Facts};
use crate::domain::secret::{Digest, SecretKey};
use crate::domain::stats::Verdict;

/// The owner's access key.
#[derive(Debug)]
pub(super) struct RootKey {
    id: AccessKeyId,
    secret: SecretKey,
}

impl RootKey {
    pub(super) fn new((id, secret): (AccessKeyId, SecretKey)) -> Self {
        Self { id, secret }
    }

    pub(super) const fn id(&self) -> &AccessKeyId {
        &self.id
    }
}

/// Who a request was proved to come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Principal {
    /// Nobody in particular.
    Anonymous,
    /// The owner of all buckets.
    Owner,
}

/// A request's sender, as far as it was proved.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    principal: Principal,
    channel: Option<Channel>,
    payload: PayloadHash,
}

impl Caller {
    /// Whether the request is signed, by header or by URL.
    pub const fn is_signed(&self) -> bool {
        self.channel.is_some()
    }

    /// What the body must be.
    pub const fn payload(&self) -> PayloadHash {
        self.payload
    }

    /// Whether the referer policy is asked: not for a request with a verified header.
    fn obeys_referer_policy(self) -> bool {
        self.channel != Some(Channel::Header)
    }
}

/// The parts of a request that say who sends it.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'r> {
    /// The method, as it was sent.
    pub method: &'r str,
    /// The headers.
    pub headers: &'r HeaderMap,
    /// The query.
    pub query: &'r Query,
    /// What host and path name.
    pub targets: &'r Targets,
}

/// A request as the referer policy sees it: where its client comes from and, once it was asked
/// for a permit, that this was counted.
#[derive(Debug)]
pub struct Visit<'r> {
    facts: Facts<'r>,
    sighting: Option<Sighting>,
}

impl<'r> Visit<'r> {
    /// A request that says this of where it comes from.
    pub const fn new(facts: Facts<'r>) -> Self {
        Self { facts, sighting: None }
    }

    /// What was counted: nothing if the request is not for an object of a bucket. It is to be told
    /// of the answer.
    pub fn into_sighting(self) -> Option<Sighting> {
        self.sighting
    }
}

/// The right to an operation on the account.
#[derive(Debug)]
pub struct ServicePermit(());

/// The right to create a bucket of that name.
#[derive(Debug)]
pub struct NewBucketPermit(BucketName);

impl NewBucketPermit {
    /// The name.
    pub const fn name(&self) -> &BucketName {
        &self.0
    }
}

/// The right to an operation on a bucket.
#[derive(Debug)]
pub struct BucketPermit(Arc<Bucket>);

impl BucketPermit {
    /// The bucket.
    pub fn bucket(&self) -> &Bucket {
        &self.0
    }

    /// The bucket, to keep.
    pub(super) fn into_bucket(self) -> Arc<Bucket> {
        self.0
    }
}

/// The right to an operation on an object. Whether there is such an object it does not say.
#[derive(Debug)]
pub struct ObjectPermit {
    bucket: Arc<Bucket>,
    key: ObjectKey,
    would_refuse: Option<Box<RefererDenial>>,
}

impl ObjectPermit {
    /// The right that everybody has to the object which the bucket's owner chose for those whom
    /// the referer check refuses.
    pub(super) fn of_substitute(bucket: &Arc<Bucket>, key: &ObjectKey) -> Self {
        Self { bucket: Arc::clone(bucket), key: key.clone(), would_refuse: None }
    }

    /// The bucket.
    pub fn bucket(&self) -> &Bucket {
        &self.bucket
    }

    /// The object's name.
    pub const fn key(&self) -> &ObjectKey {
        &self.key
    }

    /// What refuses this request as soon as the bucket is no longer only monitored.
    pub fn would_refuse(&self) -> Option<&RefererDenial> {
        self.would_refuse.as_deref()
    }

    /// What would refuse such a request from somebody who did not sign it, for people who ask
    /// why. Nothing comes of it.
    pub fn explain_denial(&self, facts: &Facts<'_>) -> Option<RefererDenial> {
        let settings = self.bucket.settings();
        let (_, gate) = settings.referer.answering().ok()?;
        gate.decide(facts).refused().map(RefererDenial::of)
    }

    /// The object's name, to keep.
    pub fn into_key(self) -> ObjectKey {
        self.key
    }
}

/// The right to administer the server: whoever presented the owner's key on the admin plane.
#[derive(Debug)]
pub struct Administrator(AccessKeyId);

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
}

macro_rules! permit_of_level {
    ($(#[$doc:meta])* $name:ident $variant:ident $permit:ident) => {
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
}

impl App {
    /// Finds out who sends a request, and which of its readings was meant.
    ///
    /// # Errors
    ///
    /// [`Error::Auth`]: what the request presents is not true. It is then refused, and never
    /// treated as anonymous.
    pub fn identify<'t>(&self, ask: &Ask<'t>) -> Result<(&'t Target, Caller), Error> {
        match Claim::read(ask.headers, ask.query)? {
            Claim::Anonymous => {
                let payload = PayloadHash::Unsigned;
                let caller = Caller { principal: Principal::Anonymous, channel: None, payload };
                Ok((&ask.targets.first, caller))
            }
            Claim::Signed(claim) => {
                let Ask { method, headers, query, targets } = *ask;
                let request = SignedRequest { method, headers, query };
                let place = Place { region: &self.region, now: self.clock.now() };
                let proof = claim.prove(&request, targets, &place, |id| self.secret_of(id))?;
                if may_mean_an_object(&proof, query) {
                    return Err(Error::Refused(code::V1_URL_FOR_SETTINGS));
                }
                let caller = Caller {
                    principal: Principal::Owner,
                    channel: Some(proof.channel()),
                    payload: proof.payload(),
                };
                Ok((proof.target(), caller))
            }
        }
    }

    fn secret_of(&self, id: &AccessKeyId) -> Option<SecretKey> {
        (*id == self.root.id).then(|| self.root.secret.clone())
    }

    /// Decides whether the sender may perform the operation.
    ///
    /// # Errors
    ///
    /// [`Error`], the first refusal in the order that the [module](self) gives.
    pub fn permit(
        &self,
        action: Action,
        target: &Target,
        caller: &Caller,
        visit: &mut Visit<'_>,
    ) -> Result<Permit, Error> {
        match target {
            Target::Service => {
                grant(caller, action, None)?;
                Ok(Permit::Service(ServicePermit(())))
            }
            Target::Bucket(name) if action == Action::PutBucket => {
                grant(caller, action, None)?;
                Ok(Permit::NewBucket(NewBucketPermit(name.clone())))
            }
            Target::Bucket(name) => {
                let bucket = self.existing(name)?;
                grant(caller, action, Some(&bucket))?;
                Ok(Permit::Bucket(BucketPermit(bucket)))
            }
            Target::Object(name, key) => {
                let bucket = self.existing(name)?;
                let (verdict, checked) = if caller.obeys_referer_policy() {
                    check_referer(&bucket, (action, key), &visit.facts)?
                } else {
                    (Verdict::NotChecked, Ok(None))
                };
                let asked = Asked { key, referers: &visit.facts.referers, at: self.clock.now() };
                visit.sighting = Some(self.stats.sight(&bucket, verdict, &asked));
                let would_refuse = checked?.map(Box::new);
                grant(caller, action, Some(&bucket))?;
                Ok(Permit::Object(ObjectPermit { bucket, key: key.clone(), would_refuse }))
            }
        }
    }

    /// Decides whether somebody who presents a key itself may administer the server.
    ///
    /// # Errors
    ///
    /// [`code::NOT_AN_ADMINISTRATOR`], whichever half is wrong. Both halves are compared in
    /// constant time, so the answer does not tell them apart either.
    pub fn administrator(&self, id: &str, secret: &str) -> Result<Administrator, Error> {
        let same = |a: &str, b: &str| Digest::new(a).matches(&Digest::new(b));
        let known = same(id, self.root.id.as_str()) & same(secret, self.root.secret.expose());
        if known {
            Ok(Administrator(self.root.id.clone()))
        } else {
            Err(Error::Refused(code::NOT_AN_ADMINISTRATOR))
        }
    }

    /// The administrator's right to any operation on a bucket.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchBucket`].
    pub fn manage(
        &self,
        _administrator: &Administrator,
        bucket: &BucketName,
    ) -> Result<BucketPermit, Error> {
        self.existing(bucket).map(BucketPermit)
    }

    /// What of a request the answers about this target depend on, so that a cache must keep them
    /// apart.
    pub fn answers_depend_on(&self, target: &Target) -> DependsOn {
        let bucket = target.key().and(target.bucket()).and_then(|name| self.buckets.find(name));
        bucket.map_or(DependsOn::Nothing, |bucket| bucket.settings().referer.depends_on())
    }

    fn existing(&self, name: &BucketName) -> Result<Arc<Bucket>, Error> {
        self.buckets.find(name).ok_or_else(|| Error::NoSuchBucket(name.clone()))
    }
}

/// Whether a signature for a bucket is also one for an object with such a key.
fn may_mean_an_object(proof: &Proof<'_>, query: &Query) -> bool {
    (proof.version(), proof.channel()) == (Version::V1, Channel::Url)
        && proof.target().level() == Level::Bucket
        && has_v1_sub_resource(query)
}

fn grant(caller: &Caller, action: Action, bucket: Option<&Bucket>) -> Result<(), Error> {
    let acl = bucket.map(|bucket| bucket.settings().acl).unwrap_or_default();
    match (caller.principal, action.access()) {
        (Principal::Owner, _) => Ok(()),
        (Principal::Anonymous, access) if acl.grants(access) => Ok(()),
        (Principal::Anonymous, Access::Read | Access::Write) => {
            Err(Error::Refused(code::DENIED_BY_ACL))
        }
        (Principal::Anonymous, Access::Own) => Err(Error::Refused(code::DENIED_TO_STRANGERS)),
    }
}
