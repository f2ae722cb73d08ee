//! Who sends a request, and what it says of itself.

use std::sync::Arc;

use http::HeaderMap;

use crate::domain::auth::{Channel, PayloadHash};
use crate::domain::client::ClientAddress;
use crate::domain::delivery::RefererCheck;
use crate::domain::iam::Circumstances;
use crate::domain::name::{AccessKeyId, ObjectKey};
use crate::domain::op::{Action, Content, Level, Resolution, Targets, Verb, resolve};
use crate::domain::query::Query;
use crate::domain::referer::Facts;
use crate::domain::referer::explain::Exempt;
use crate::domain::secret::SecretKey;
use crate::service::bucket::Bucket;
use crate::service::delivery::Domain;
use crate::service::iam::{Session, User};
use crate::service::stats::Sighting;

/// The owner's access key.
#[derive(Debug)]
pub(in crate::service) struct RootKey {
    pub(super) id: AccessKeyId,
    pub(super) secret: SecretKey,
}

impl RootKey {
    pub(in crate::service) fn new((id, secret): (AccessKeyId, SecretKey)) -> Self {
        Self { id, secret }
    }

    pub(in crate::service) const fn id(&self) -> &AccessKeyId {
        &self.id
    }
}

/// Who a request was proved to come from.
#[derive(Clone, Debug)]
pub enum Principal {
    /// Nobody in particular.
    Anonymous,
    /// The owner of all buckets.
    Owner,
    /// Nobody in particular, by a delivery domain that lets the request in.
    Visitor(Arc<Domain>),
    /// A user, with a key of its own.
    User(Arc<User>),
    /// The bearer of temporary credentials.
    Session(Arc<Session>),
}

/// A request's sender, as far as it was proved.
#[derive(Clone, Debug)]
pub struct Caller {
    pub(super) principal: Principal,
    /// The key that signed.
    pub(super) access_key_id: Option<AccessKeyId>,
    pub(super) channel: Option<Channel>,
    pub(super) payload: PayloadHash,
    /// Under which policies are asked; `None` if there was none to ask when the request came.
    pub(super) circumstances: Option<Arc<Circumstances<'static>>>,
}

impl Caller {
    /// Somebody who presents nothing.
    pub(super) const ANONYMOUS: Self = Self {
        principal: Principal::Anonymous,
        access_key_id: None,
        channel: None,
        payload: PayloadHash::Unsigned,
        circumstances: None,
    };

    /// The owner, who presented the key itself.
    pub(super) fn owner(key: &AccessKeyId) -> Self {
        let access_key_id = Some(key.clone());
        Self { principal: Principal::Owner, access_key_id, ..Self::ANONYMOUS }
    }

    /// Somebody who comes by a delivery domain. What such a request presents beside the signature
    /// of the domain counts for nothing. `query_is_signed` tells whether that signature covers the
    /// rest of the query.
    pub fn visitor(domain: &Arc<Domain>, query_is_signed: bool) -> Self {
        let principal = Principal::Visitor(Arc::clone(domain));
        let channel = query_is_signed.then_some(Channel::Url);
        Self { principal, channel, ..Self::ANONYMOUS }
    }

    /// Whether the request is signed, by header or by URL.
    pub const fn is_signed(&self) -> bool {
        self.channel.is_some()
    }

    /// What the body must be.
    pub const fn payload(&self) -> PayloadHash {
        self.payload
    }

    /// Whether the referer policy is asked about an operation.
    pub(super) fn obeys_referer_policy(&self, action: Action) -> bool {
        let left_out = match &self.principal {
            Principal::Visitor(domain) => domain.terms.referer == RefererCheck::Off,
            Principal::Anonymous
            | Principal::Owner
            | Principal::User(_)
            | Principal::Session(_) => false,
        };
        !left_out && Exempt::of(action, self.channel).is_none()
    }

    /// Whether a delivery domain gives the sender the owner's right to read this object.
    pub(super) fn reads_by_domain(
        &self,
        action: Action,
        (bucket, key): (&Bucket, &ObjectKey),
    ) -> bool {
        match &self.principal {
            Principal::Visitor(domain) => {
                matches!(action, Action::GetObject | Action::HeadObject | Action::GetObjectMeta)
                    && domain.terms.reads_as_owner()
                    && domain.bucket.0 == bucket.id
                    && domain.terms.prefix.holds(key)
            }
            Principal::Anonymous
            | Principal::Owner
            | Principal::User(_)
            | Principal::Session(_) => false,
        }
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

impl Ask<'_> {
    /// Whether who sends the request stands neither in its head nor in its query: a preflight says
    /// nothing of it, and a form says so in its fields.
    pub(super) fn presents_elsewhere(&self) -> bool {
        let is_form = || {
            let of_bucket = self.targets.first.level() == Level::Bucket;
            let resolved = resolve(Verb::Post, Level::Bucket, self.query, Content::Sent);
            of_bucket && resolved == Resolution::Served(Action::PostObject)
        };
        match Verb::parse(self.method) {
            Some(Verb::Options) => true,
            Some(Verb::Post) => is_form(),
            Some(Verb::Get | Verb::Head | Verb::Put | Verb::Delete) | None => false,
        }
    }
}

/// A request as policies see it: where its client comes from, what it asks for and, once it was
/// asked for a permit, that this was counted.
#[derive(Debug)]
pub struct Visit<'r> {
    pub(super) facts: Facts<'r>,
    pub(super) client: ClientAddress,
    pub(super) query: &'r Query,
    sighting: Option<Sighting>,
}

impl<'r> Visit<'r> {
    /// A request of that client, which says this of where it comes from.
    pub const fn new(facts: Facts<'r>, client: ClientAddress, query: &'r Query) -> Self {
        Self { facts, client, query, sighting: None }
    }

    /// A decision about an object of the bucket. A request counts once in each bucket; what it
    /// reads of another than its own goes into a copy and not into the answer.
    pub(super) fn saw(&mut self, bucket: &Bucket, sight: impl FnOnce(&Facts<'r>) -> Sighting) {
        match &self.sighting {
            None => self.sighting = Some(sight(&self.facts)),
            Some(seen) if seen.is_in(bucket) => {}
            Some(_) => drop(sight(&self.facts)),
        }
    }

    /// What was counted: nothing if the request is not for an object of a bucket. It is to be told
    /// of the answer.
    pub fn into_sighting(self) -> Option<Sighting> {
        self.sighting
    }
}
