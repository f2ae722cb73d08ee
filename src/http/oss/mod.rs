//! The data plane: one way for every request.
//!
//! ```text
//! bytes → Head (verb, target, query) → Caller → Action → Permit → handler → Response
//! ```
//!
//! [`Oss::handle`] walks it. Every refusal on the way is an [`OssError`], and every answer, good
//! or bad, leaves through `respond`.

#![expect(clippy::needless_pass_by_value, reason = "a handler spends its permit and its call")]

mod about;
mod append;
mod bucket;
mod copy;
mod cors;
mod denied;
mod error;
mod form;
mod head;
mod list;
mod multipart;
mod object;
mod policy;
mod respond;
mod sending;
mod upload;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::{HeaderName, Response};
use tokio::time::Instant;

use crate::domain::auth::PayloadHash;
use crate::domain::client::TrustedProxies;
use crate::domain::code::{self, Code};
use crate::domain::op::{
    Action, Content, HostRules, Level, Resolution, Target, Verb, implied, resolve, stray_parameter,
    unknown_parameter, unserved_feature,
};
use crate::domain::secret::Digest;
use crate::http::conn::{Connection, Reply, Request};
use crate::http::links::LinkService;
use crate::service::App;
use crate::service::access::{Caller, Permit, Visit, Wish};
use crate::service::object::Announced;

pub(in crate::http) use denied::answer as answer_denied;
pub use error::OssError;
pub(in crate::http) use head::{Head, client_of, host_of, region_of};
pub(in crate::http) use object::TRIES;
pub(in crate::http) use respond::{About, Exchange, Known};

/// The data plane.
#[derive(Debug)]
pub struct Oss {
    /// The use cases.
    pub app: Arc<App>,
    /// Which hosts name a bucket.
    pub hosts: HostRules,
    /// Whose word about the client of a request counts.
    pub proxies: TrustedProxies,
    /// The header in which they say in which region the client is.
    pub region_header: Option<HeaderName>,
    /// The endpoint that clients are told.
    pub endpoint: String,
    /// Whether answers of a bucket with a policy carry `Vary: Referer`.
    pub vary_referer: bool,
    /// How long the next 4 KiB of a body may take.
    pub body_timeout: Duration,
    /// Where links are made, if anywhere.
    pub links: Option<LinkService>,
}

/// A request whose sender is known, with its body.
pub(in crate::http) struct Call {
    pub(in crate::http) head: Box<Head>,
    pub(in crate::http) caller: Caller,
    pub(in crate::http) body: Body,
}

pub(in crate::http) type Answer = Result<Response<Body>, OssError>;

impl Oss {
    /// Answers a request.
    pub async fn handle(self: Arc<Self>, request: Request, connection: Connection) -> Reply {
        let exchange = Exchange::begin(&self, (&request.parts, &connection), Instant::now());
        let mut known = Known::default();
        let Request { parts, body } = request;
        let head = match Head::read((parts, connection), &self.hosts) {
            Ok(head) => head,
            Err((parts, err)) => {
                error::drain_unread(&parts.headers, body).await;
                let bucket = Head::bucket_of(&parts, &self.hosts).map(Target::Bucket);
                known.about = bucket.map(About::Named);
                return exchange.finish(Err(err), known);
            }
        };
        let answer = self.answer(head, body, &mut known).await;
        exchange.finish(answer, known)
    }

    /// Finds out who asks for what, and does it if it is granted. Says what came to be known.
    async fn answer(&self, head: Box<Head>, body: Body, known: &mut Known) -> Answer {
        let (target, caller) = match self.app.identify(&head.ask()) {
            Ok(identified) => identified,
            Err(err) => {
                error::drain_unread(&head.parts.headers, body).await;
                known.about = Some(About::Named(head.targets.first));
                return Err(err.into());
            }
        };
        let mut visit = Visit::new(head.facts(), head.client(&self.proxies), &head.query);
        let granted = self.grant(&head, target, (&caller, &mut visit)).await;
        known.sighting = visit.into_sighting();
        match granted {
            Ok((action, permit)) => {
                known.about = Some(About::of(&permit, target));
                known.note(&self.app, &permit, (&head, &caller)).await;
                let call = Call { head, caller, body };
                self.dispatch(action, permit, call, known).await
            }
            Err(err) => {
                known.about = Some(match &known.sighting {
                    Some(sighting) => About::ObjectOf(Arc::clone(sighting.bucket())),
                    None => About::Named(target.clone()),
                });
                error::drain_unread(&head.parts.headers, body).await;
                Box::pin(denied::answer(self, &head, err, known)).await
            }
        }
    }

    /// Decides whether the sender may do what a request asks for.
    pub(in crate::http) async fn grant(
        &self,
        head: &Head,
        target: &Target,
        (caller, visit): (&Caller, &mut Visit<'_>),
    ) -> Result<(Action, Permit), OssError> {
        let action = action_of(head, target)?;
        check_bodyless(head, caller)?;
        let source = match action.content() {
            Content::Sent => None,
            Content::Copied => Some(copy::source(head)?),
        };
        let also = implied(action, &head.parts.headers);
        let wish = Wish { action, target, also: &also, source: source.as_ref() };
        Ok((action, self.app.permit(&wish, caller, visit).await?))
    }

    /// Hands a granted request to its handler. The `match` has no wildcard arm, so an operation
    /// without a handler does not compile.
    ///
    /// Downloads are what the server is for: their handler is part of this future, and that of all
    /// others, which is many times larger and would be copied with it, is not.
    pub(in crate::http) async fn dispatch(
        &self,
        action: Action,
        permit: Permit,
        call: Call,
        known: &mut Known,
    ) -> Answer {
        if action == Action::GetObject {
            return object::get(self, permit.object()?, (call, known)).await;
        }
        Box::pin(self.dispatch_any(action, permit, call, known)).await
    }

    #[allow(
        clippy::cognitive_complexity,
        clippy::too_many_lines,
        reason = "an arm for each operation, and nothing else"
    )]
    async fn dispatch_any(
        &self,
        action: Action,
        permit: Permit,
        call: Call,
        known: &mut Known,
    ) -> Answer {
        match action {
            Action::ListBuckets => bucket::list_all(self, permit.service()?, call),
            Action::PutBucket => bucket::create(self, permit.new_bucket()?, call).await,
            Action::DeleteBucket => bucket::delete(self, permit.bucket()?).await,
            Action::GetBucketInfo => Ok(bucket::get_info(self, &permit.bucket()?)),
            Action::GetBucketLocation => Ok(bucket::get_location(self, &permit.bucket()?)),
            Action::GetBucketStat => bucket::get_stat(self, permit.bucket()?).await,
            Action::GetBucketAcl => Ok(bucket::get_acl(self, &permit.bucket()?)),
            Action::PutBucketAcl => bucket::put_acl(self, permit.bucket()?, call).await,
            Action::GetBucketReferer => bucket::get_referer(permit.bucket()?).await,
            Action::PutBucketReferer => bucket::put_referer(self, permit.bucket()?, call).await,
            Action::GetBucketCors => cors::get(self, &permit.bucket()?),
            Action::PutBucketCors => cors::put(self, permit.bucket()?, call).await,
            Action::DeleteBucketCors => cors::delete(self, permit.bucket()?).await,
            Action::OptionBucket | Action::OptionObject => {
                cors::preflight(&permit.preflight()?, &call)
            }
            Action::GetBucketPolicy => policy::get(&permit.bucket()?),
            Action::PutBucketPolicy => policy::put(self, permit.bucket()?, call).await,
            Action::DeleteBucketPolicy => policy::delete(self, permit.bucket()?).await,
            Action::GetBucketPolicyStatus => Ok(policy::get_status(&permit.bucket()?)),
            Action::ListObjects => list::list_v1(self, permit.bucket()?, call).await,
            Action::ListObjectsV2 => list::list_v2(self, permit.bucket()?, call).await,
            Action::DeleteMultipleObjects => list::delete(self, permit.bucket()?, call).await,
            Action::PostObject => form::post(self, permit.form()?, call, known).await,
            Action::PutObject => upload::put(self, permit.object()?, call).await,
            Action::CopyObject => copy::copy(self, *permit.copy()?, call).await,
            Action::AppendObject => append::append(self, permit.object()?, call).await,
            Action::InitiateMultipartUpload => multipart::begin(self, permit.object()?, call).await,
            Action::UploadPart => multipart::upload_part(self, permit.object()?, call).await,
            Action::UploadPartCopy => multipart::copy_part(self, *permit.copy()?, call).await,
            Action::CompleteMultipartUpload => {
                multipart::complete(self, permit.object()?, call).await
            }
            Action::AbortMultipartUpload => multipart::abort(self, permit.object()?, call).await,
            Action::ListParts => multipart::list_parts(self, permit.object()?, call).await,
            Action::ListMultipartUploads => {
                multipart::list_uploads(self, permit.bucket()?, call).await
            }
            Action::GetObject => object::get(self, permit.object()?, (call, known)).await,
            Action::HeadObject => object::head(self, permit.object()?, call).await,
            Action::GetObjectMeta => object::get_meta(self, permit.object()?, call).await,
            Action::DeleteObject => object::delete(self, permit.object()?).await,
            Action::GetObjectAcl => about::get_acl(self, permit.object()?).await,
            Action::PutObjectAcl => about::put_acl(self, permit.object()?, call).await,
            Action::GetSymlink => about::get_symlink(self, permit.object()?).await,
            Action::PutSymlink => about::put_symlink(self, permit.object()?, call).await,
            Action::GetObjectTagging => about::get_tags(self, permit.object()?).await,
            Action::PutObjectTagging => about::put_tags(self, permit.object()?, call).await,
            Action::DeleteObjectTagging => about::delete_tags(self, permit.object()?).await,
        }
    }
}

/// The operation that a request asks for.
fn action_of(head: &Head, target: &Target) -> Result<Action, OssError> {
    let not_allowed = || OssError::from(Code::MethodNotAllowed);
    let verb = head.verb.ok_or_else(not_allowed)?;
    let copies = head.has(copy::COPY_SOURCE);
    let content = if copies { Content::Copied } else { Content::Sent };
    match resolve(verb, target.level(), &head.query, content) {
        Resolution::Served(action) => {
            check_features(head, target)?;
            if let Some(name) = unknown_parameter(verb, target.level(), &head.query) {
                return Err(OssError::not_implemented(name));
            }
            match stray_parameter(action, &head.query) {
                None => Ok(action),
                Some((name, selector)) => Err(OssError::invalid_argument(format!(
                    "The parameter {name} has no meaning without {selector}."
                ))),
            }
        }
        Resolution::Unserved(name) => Err(OssError::not_implemented(name)),
        Resolution::NotAllowed => Err(not_allowed()),
        Resolution::Ambiguous(one, other) => Err(OssError::invalid_argument(format!(
            "The parameters {one} and {other} select two operations."
        ))),
    }
}

fn check_features(head: &Head, target: &Target) -> Result<(), OssError> {
    // What a preflight asks for is not asked for yet.
    if target.level() != Level::Object || head.verb == Some(Verb::Options) {
        return Ok(());
    }
    match unserved_feature(&head.parts.headers, &head.query) {
        Some(name) => Err(OssError::not_implemented(name)),
        None => Ok(()),
    }
}

/// Checks the digests of a request whose body is never read: they must be those of nothing.
fn check_bodyless(head: &Head, caller: &Caller) -> Result<(), OssError> {
    if !matches!(head.verb, Some(Verb::Get | Verb::Head | Verb::Delete)) {
        return Ok(());
    }
    announced(head, caller)?.check(b"")?;
    Ok(())
}

/// What a request says its body is.
fn announced(head: &Head, caller: &Caller) -> Result<Announced, OssError> {
    let md5 = head.one("content-md5")?.map(|text| Announced::read_md5(text.as_bytes()));
    let sha256 = match caller.payload() {
        PayloadHash::Unsigned => head.unsigned_payload_hash()?,
        PayloadHash::Sha256(digest) => Some(Digest::new(digest)),
    };
    Ok(Announced { md5: md5.transpose()?, sha256 })
}

impl Call {
    /// Reads the body as a whole, and checks it against what the request says of it, and that its
    /// sender's key is still one.
    async fn read_body(self, max: usize, oss: &Oss) -> Result<bytes::Bytes, OssError> {
        let announced = announced(&self.head, &self.caller)?;
        if self.head.content_length()?.is_some_and(|length| length > max as u64) {
            error::drain_unread(&self.head.parts.headers, self.body).await;
            return Err(code::Reason::of(Code::EntityTooLarge).into());
        }
        let body = super::body::read_in_room(self.body, max, oss.body_timeout).await?;
        announced.check(&body)?;
        oss.app.check_key(&self.caller)?;
        Ok(body)
    }
}
