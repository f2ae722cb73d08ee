//! What the policies of users and buckets say about a request, before any ACL is asked.

use std::borrow::Cow;
use std::sync::Arc;

use super::{Caller, Principal, Visit, Wish};
use crate::domain::client::ClientAddress;
use crate::domain::code::{self, Reason};
use crate::domain::iam::{
    Asked, Circumstances, Denial, Fact, Listing, Voices, Who, decide, may_do_somewhere,
};
use crate::domain::op::{Action, Level};
use crate::domain::query::Query;
use crate::domain::time::UnixMillis;
use crate::service::App;
use crate::service::bucket::Bucket;
use crate::service::error::Error;

/// What policies that do not deny say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Say {
    /// They grant it, whatever the ACL.
    Granted,
    /// Nothing: the ACL decides.
    Nothing,
}

/// What the owner may always do, so that no policy locks everybody out.
const NEVER_LOCKED: [Action; 4] = [
    Action::GetBucketPolicy,
    Action::PutBucketPolicy,
    Action::DeleteBucketPolicy,
    Action::GetBucketPolicyStatus,
];

impl App {
    /// The sender under the circumstances of the request, if any policy will ask for them.
    pub(super) fn placed<'c>(
        &self,
        (caller, bucket): (&'c Caller, Option<&Bucket>),
        wish: &Wish<'_>,
        visit: &Visit<'_>,
    ) -> Cow<'c, Caller> {
        let has_policy = |bucket: &Bucket| bucket.settings().document.is_some();
        let source = wish.source.and_then(|source| self.buckets.find(&source.bucket));
        let mut buckets = bucket.into_iter().chain(source.as_deref());
        if !caller.principal.brings_policies() && !buckets.any(has_policy) {
            return Cow::Borrowed(caller);
        }
        let circumstances = visit.circumstances(wish.action, self.clock.now());
        let circumstances = Some(Arc::new(circumstances.into_owned()));
        Cow::Owned(Caller { circumstances, ..caller.clone() })
    }

    /// What policies say about an operation on something, which may be a bucket or in one.
    pub(super) fn by_policies(
        &self,
        caller: &Caller,
        action: Action,
        asked: impl FnOnce(&'static str) -> Asked,
        bucket: Option<&Bucket>,
    ) -> Result<Say, Error> {
        let is_owner = matches!(caller.principal, Principal::Owner);
        let document = bucket.and_then(|bucket| bucket.settings().document.clone());
        if document.is_none() && !caller.principal.brings_policies() {
            return Ok(if is_owner { Say::Granted } else { Say::Nothing });
        }
        if is_owner && NEVER_LOCKED.contains(&action) {
            return Ok(Say::Granted);
        }
        let voices = Voices { bucket: document.as_deref(), ..caller.principal.voices() };
        let (who, circumstances) = (caller.principal.who(), self.circumstances_of(caller));
        match decide(voices, who, &asked(action.permission()), &circumstances, false) {
            Ok(()) => Ok(Say::Granted),
            Err(Denial::NotGranted) => Ok(Say::Nothing),
            Err(Denial::ByUserPolicy) => Err(Error::Refused(code::DENIED_BY_USER_POLICY)),
            Err(Denial::BySessionPolicy) => Err(Error::Refused(code::DENIED_BY_SESSION_POLICY)),
            Err(Denial::ByBucketPolicy) => Err(Error::Refused(code::DENIED_BY_BUCKET_POLICY)),
        }
    }

    /// Whether there may be anything in the bucket, or in the account, that the sender may do this
    /// to. What exactly is asked about is not known yet.
    pub(super) fn may_somewhere(
        &self,
        caller: &Caller,
        action: Action,
        bucket: Option<&Bucket>,
    ) -> bool {
        let document = bucket.and_then(|bucket| bucket.settings().document.clone());
        let voices = Voices { bucket: document.as_deref(), ..caller.principal.voices() };
        let asked = Asked::of_account(action.permission());
        may_do_somewhere(voices, caller.principal.who(), &asked, &self.circumstances_of(caller))
    }

    /// The circumstances under which the sender asks. None are known of a request that no policy
    /// was to be asked about when it came; a policy that was put since then denies it if it
    /// depends on them.
    fn circumstances_of<'c>(&self, caller: &'c Caller) -> Cow<'c, Circumstances<'static>> {
        match &caller.circumstances {
            Some(circumstances) => Cow::Borrowed(circumstances),
            None => Cow::Owned(Circumstances {
                client: ClientAddress { address: None, secure: false },
                now: self.clock.now(),
                referer: Fact::Unreadable,
                listing: None,
            }),
        }
    }
}

impl Principal {
    /// Who it is for policies.
    pub(super) fn who(&self) -> Who<'_> {
        match self {
            Self::Anonymous | Self::Visitor(_) => Who::Anonymous,
            Self::Owner => Who::Owner,
            Self::User(user) => Who::User(&user.name),
            Self::Session(session) => match &session.user {
                Some(user) => Who::User(&user.name),
                None => Who::Unnamed,
            },
        }
    }

    /// Whether it is known by an access key.
    pub(super) const fn is_known(&self) -> bool {
        match self {
            Self::Anonymous | Self::Visitor(_) => false,
            Self::Owner | Self::User(_) | Self::Session(_) => true,
        }
    }

    /// Whether it may have policies of its own.
    const fn brings_policies(&self) -> bool {
        match self {
            Self::Anonymous | Self::Visitor(_) | Self::Owner => false,
            Self::User(_) | Self::Session(_) => true,
        }
    }

    /// The policies that it brings with it.
    fn voices(&self) -> Voices<'_> {
        let of_user = |documents| Voices { user: documents, ..Voices::default() };
        match self {
            Self::Anonymous | Self::Visitor(_) | Self::Owner => Voices::default(),
            Self::User(user) => of_user(user.documents.as_slice()),
            Self::Session(session) => match &session.user {
                Some(user) => {
                    let session = session.policy.as_deref();
                    Voices { session, ..of_user(user.documents.as_slice()) }
                }
                // A role: its policy is all that it has.
                None => of_user(session.policy.as_slice()),
            },
        }
    }

    /// What somebody is told whom nothing grants an operation that no ACL can grant.
    pub(super) const fn refusal(&self) -> Reason {
        match self {
            Self::Anonymous | Self::Visitor(_) | Self::Owner => code::DENIED_TO_STRANGERS,
            Self::User(_) | Self::Session(_) => code::DENIED_WITHOUT_POLICY,
        }
    }
}

impl Visit<'_> {
    /// The circumstances of the request.
    fn circumstances(&self, action: Action, now: UnixMillis) -> Circumstances<'_> {
        let referer = match self.facts.referers.sole() {
            Some(b"") => Fact::Missing,
            Some(line) => match std::str::from_utf8(line) {
                Ok(text) => Fact::Known(Cow::Borrowed(text)),
                Err(_) => Fact::Unreadable,
            },
            None => Fact::Unreadable,
        };
        let lists = action.level() == Level::Bucket && action.permission().starts_with("oss:List");
        let listing = lists.then(|| listing(self.query));
        Circumstances { client: self.client, now, referer, listing }
    }
}

/// What a listing asks for. A parameter that is absent is empty.
fn listing(query: &Query) -> Listing<'_> {
    let text = |name| Cow::Borrowed(query.first(name).unwrap_or_default());
    let max_keys = match query.first("max-keys").map(str::parse) {
        None => Fact::Known(DEFAULT_MAX_KEYS),
        Some(Ok(number)) => Fact::Known(number),
        Some(Err(_)) => Fact::Unreadable,
    };
    Listing { prefix: text("prefix"), delimiter: text("delimiter"), max_keys }
}

/// How many keys a listing has that does not say how many it wants.
///
/// Source: OSS "ListObjects".
const DEFAULT_MAX_KEYS: i64 = 100;
