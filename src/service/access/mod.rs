//! From what a request presents to the right that it is granted.
//!
//! The order of refusals is fixed here, in one place for all operations:
//!
//! 1. signature or expiry ([`App::identify`])
//! 2. existence of the bucket
//! 3. referer policy, for every operation on an object whose request has no *verified*
//!    `Authorization` header
//! 4. policies of the user and of the bucket; where they neither deny nor allow, the ACL: that of
//!    the object over that of the bucket. A delivery domain gives the owner's right to read instead
//!    of the ACL, or the right of strangers, as its terms say; and where only signed requests may
//!    read what it serves, others are refused by the bucket's own hosts, whatever is allowed
//! 5. the same from 2 on for the object that is copied, of which a copy is a way to read it
//! 6. existence of the object (the use case itself)
//!
//! When the body of a write has come, what was granted is asked for once more: see the module
//! `renewal`.
//!
//! A form is asked for what stands in it: see the module `form`.
//!
//! A preflight is asked for nothing: browsers send it without credentials, and with the parameters
//! of the request that it asks for, a signature among them. It opens nothing either.
//!
//! A [`Permit`] is the only key to a bucket: its fields are private to this module, so a handler
//! that has none has nothing to work on.
//!
//! With the first, a V1 URL for a bucket is refused if it signs any parameter. V1 runs key and
//! parameters together, so a link that an application hands out for an upload to the key
//! `?referer` would also replace the bucket's referer policy, and one for `?x-oss-a` list it.
//!
//! Source: OSS "Configure hotlink protection" (what is exempt); the order is ours.

mod caller;
mod credential;
mod form;
mod grant;
mod permit;
mod policies;
mod renewal;
mod withheld;

use std::ops::Deref;
use std::sync::Arc;

use super::App;
use super::bucket::Bucket;
use super::delivery::Domain;
use super::error::Error;
use super::stats::Asked;
use crate::domain::acl::Access;
use crate::domain::auth::{
    Channel, Claim, Place, Proof, SignedRequest, Version, has_v1_sub_resource,
};
use crate::domain::code;
use crate::domain::cors::CorsRules;
use crate::domain::name::{BucketName, ObjectKey};
use crate::domain::object::copy::CopySource;
use crate::domain::op::{Action, Content, HostName, Level, Target};
use crate::domain::query::Query;
use crate::domain::referer::DependsOn;
use crate::domain::secret::Digest;
use crate::domain::stats::{Outcome, Verdict};

pub(super) use caller::RootKey;
pub use caller::{Ask, Caller, Principal, Visit};
pub use credential::Credential;
pub use permit::{
    Administrator, BucketPermit, CopyPermit, FormPermit, NewBucketPermit, ObjectPermit, Permit,
    PreflightPermit, ServicePermit,
};

/// What a request asks for.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'r> {
    /// The operation.
    pub action: Action,
    /// What it is addressed to.
    pub target: &'r Target,
    /// Operations on the same object that its headers ask for beside it.
    pub also: &'r [Action],
    /// What it copies, if it is an operation that copies.
    pub source: Option<&'r CopySource>,
}

impl App {
    /// Finds out who sends a request, and which of its readings was meant.
    ///
    /// # Errors
    ///
    /// [`Error::Auth`]: what the request presents is not true. It is then refused, and never
    /// treated as anonymous.
    pub fn identify<'t>(&self, ask: &Ask<'t>) -> Result<(&'t Target, Caller), Error> {
        if ask.presents_elsewhere() {
            return Ok((&ask.targets.first, Caller::ANONYMOUS));
        }
        match Claim::read(ask.headers, ask.query)? {
            Claim::Anonymous => Ok((&ask.targets.first, Caller::ANONYMOUS)),
            Claim::Signed(claim) => {
                let Ask { method, headers, query, targets } = *ask;
                let request = SignedRequest { method, headers, query };
                let place = Place { region: &self.region, now: self.clock.now() };
                let mut principal = Principal::Anonymous;
                let proof = claim.prove(&request, targets, &place, |id, token| {
                    let credential = self.credential(id, token)?;
                    principal = credential.principal;
                    Ok(credential.key)
                })?;
                if may_mean_an_object(&proof, query) {
                    return Err(Error::Refused(code::V1_URL_FOR_SETTINGS));
                }
                let caller = Caller {
                    principal,
                    access_key_id: Some(proof.access_key_id().clone()),
                    channel: Some(proof.channel()),
                    payload: proof.payload(),
                    circumstances: None,
                };
                Ok((proof.target(), caller))
            }
        }
    }

    /// Decides whether the sender may perform the operation.
    ///
    /// # Errors
    ///
    /// [`Error`], the first refusal in the order that the [module](self) gives.
    pub async fn permit(
        &self,
        wish: &Wish<'_>,
        caller: &Caller,
        visit: &mut Visit<'_>,
    ) -> Result<Permit, Error> {
        let action = wish.action;
        let found = wish.target.bucket().and_then(|name| self.buckets.find(name));
        let placed = self.placed((caller, found.as_deref()), wish, visit);
        let caller = &*placed;
        match wish.target {
            Target::Service => {
                // What a listing shows is asked about each bucket.
                self.grant_somewhere(caller, action, None)?;
                Ok(Permit::Service(ServicePermit { caller: caller.clone() }))
            }
            Target::Bucket(name) | Target::Object(name, _) if action.access() == Access::Anyone => {
                Ok(Permit::Preflight(PreflightPermit(there(found, name)?)))
            }
            Target::Bucket(name) if action == Action::PutBucket => {
                self.grant_on_name(caller, action, name)?;
                let (name, caller) = (name.clone(), caller.clone());
                Ok(Permit::NewBucket(NewBucketPermit { name, caller }))
            }
            Target::Bucket(name) if action == Action::PostObject => {
                Ok(Permit::Form(FormPermit(there(found, name)?)))
            }
            Target::Bucket(name) => {
                let bucket = there(found, name)?;
                if action == Action::DeleteMultipleObjects {
                    // What it names is asked about when it has been read.
                    self.grant_somewhere(caller, action, Some(&bucket))?;
                } else {
                    self.grant(caller, action, Some(&bucket))?;
                }
                Ok(Permit::Bucket(BucketPermit { bucket, caller: caller.clone() }))
            }
            Target::Object(name, key) => {
                let object = (there(found, name)?, key);
                let target = self.permit_object((action, action), object, caller, visit).await?;
                let target = self.permit_also(target, wish.also).await?;
                match (action.content(), wish.source) {
                    (Content::Sent, _) => Ok(Permit::Object(target)),
                    (Content::Copied, Some(source)) => {
                        let read = (action, Action::GetObject);
                        let source = (self.existing(&source.bucket)?, &source.key);
                        let source = self.permit_object(read, source, caller, visit).await?;
                        Ok(Permit::Copy(Box::new(CopyPermit { source, target })))
                    }
                    (Content::Copied, None) => Err(Error::Fault("a copy without a source")),
                }
            }
        }
    }

    /// Decides about one of the objects of a request: whether the sender may do what the second
    /// action says, as a part of the first.
    async fn permit_object(
        &self,
        (wished, action): (Action, Action),
        (bucket, key): (Arc<Bucket>, &ObjectKey),
        caller: &Caller,
        visit: &mut Visit<'_>,
    ) -> Result<ObjectPermit, Error> {
        let (verdict, checked) = if caller.obeys_referer_policy(wished) {
            self.check_referer(&bucket, (wished, key), &visit.facts).await
        } else {
            (Verdict::NotChecked, Ok(None))
        };
        visit.saw(&bucket, |facts| {
            let asked = Asked { key, facts, at: self.clock.now() };
            let sighting = self.stats.sight(&bucket, verdict, &asked);
            match verdict.outcome() {
                Some(Outcome::Denied) => {
                    let withheld = self.withheld(caller, (wished, action), (&bucket, key));
                    sighting.withholding(withheld)
                }
                Some(Outcome::Allowed | Outcome::WouldDeny) | None => sighting,
            }
        });
        let would_refuse = checked?.map(Box::new);
        let ground = self.grant_on_object(caller, action, (&bucket, key)).await?;
        let (key, caller) = (key.clone(), caller.clone());
        Ok(ObjectPermit { bucket, key, would_refuse, caller, ground, also: Vec::new() })
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
        administrator: &Administrator,
        bucket: &BucketName,
    ) -> Result<BucketPermit, Error> {
        let bucket = self.existing(bucket)?;
        Ok(BucketPermit { bucket, caller: Caller::owner(administrator.access_key_id()) })
    }

    /// Whether the ACL or the policy of a bucket lets everybody read objects, wherever they come
    /// from, for people who are told of it.
    pub fn is_open(&self, name: &BucketName) -> bool {
        self.lets_everybody(name, (Access::Read, Action::GetObject))
    }

    /// The same about writing them.
    pub fn is_writable(&self, name: &BucketName) -> bool {
        self.lets_everybody(name, (Access::Write, Action::PutObject))
    }

    fn lets_everybody(&self, name: &BucketName, (access, action): (Access, Action)) -> bool {
        self.buckets.find(name).is_some_and(|bucket| {
            bucket.settings().acl.grants(access)
                || self.may_somewhere(&Caller::ANONYMOUS, action, Some(&bucket))
        })
    }

    /// The delivery domain of a host, if it is one. The host is only asked for if there is any domain.
    pub fn delivery_domain<H: Deref<Target = HostName>>(
        &self,
        host: impl FnOnce() -> Option<H>,
    ) -> Option<Arc<Domain>> {
        self.domains.get_if_any(host)
    }

    /// What the answers about this target depend on, as [`Bucket::answers_depend_on`] has it.
    pub fn answers_depend_on(&self, target: &Target) -> (DependsOn, Option<Arc<CorsRules>>) {
        match target.bucket().and_then(|name| self.buckets.find(name)) {
            Some(bucket) => bucket.answers_depend_on(target.level()),
            None => (DependsOn::Nothing, None),
        }
    }

    fn existing(&self, name: &BucketName) -> Result<Arc<Bucket>, Error> {
        there(self.buckets.find(name), name)
    }
}

fn there(found: Option<Arc<Bucket>>, name: &BucketName) -> Result<Arc<Bucket>, Error> {
    found.ok_or_else(|| Error::NoSuchBucket(name.clone()))
}

/// Whether a signature for a bucket is also one for an object with such a key.
fn may_mean_an_object(proof: &Proof<'_>, query: &Query) -> bool {
    (proof.version(), proof.channel()) == (Version::V1, Channel::Url)
        && proof.target().level() == Level::Bucket
        && has_v1_sub_resource(query)
}
