//! Delivery domains: hosts that give objects to whoever has a link, and do nothing else.
//!
//! ```text
//! bytes → Domain (by Host) → Admitted (signature) → key → Permit → limits of the link → handler
//! ```
//!
//! From the permit on it is the way of every request for an object: the same permit, the same
//! handlers, the same way out. What a signature was made of is gone by then; neither the store nor
//! the log sees it.
//!
//! What the domain refuses, or the referer policy of a request that is signed, is answered as a CDN
//! does, and what else the bucket refuses or does not have as OSS does, as it is when a CDN asks OSS.

mod denied;
mod playlist;
mod room;

use std::sync::Arc;

use axum::body::Body;
use http::{HeaderValue, Method, Response, header};
use http_body::Body as _;
use tokio::time::Instant;

use super::oss::{
    About, Call, Exchange, Head, Known, Oss, OssError, answer_denied, client_of, region_of,
};
use crate::domain::client::ClientAddress;
use crate::domain::code::Code;
use crate::domain::delivery::RefererCheck;
use crate::domain::op::{Action, Target};
use crate::domain::urlsign::{self, Settings};
use crate::http::conn::{Connection, Parts, Reply, Request, RequestTarget};
use crate::service::access::{Caller, ObjectPermit, Permit, Visit, Wish};
use crate::service::delivery::{Admitted, Domain};
use denied::Stop;

/// Answers a request on a delivery domain.
pub(super) async fn handle(
    oss: &Arc<Oss>,
    domain: &Arc<Domain>,
    (request, connection): (Request, Connection),
) -> Reply {
    let mut exchange = Exchange::begin(oss, (&request.parts, &connection), Instant::now());
    if domain.signing().is_some() {
        exchange.is_for_bearer();
    }
    if domain.signing().is_some_and(Settings::signs_in_path) {
        exchange.mask_path();
    }
    let Request { mut parts, body } = request;
    // A client that waits for `100 Continue` has not sent anything.
    let sent = body.is_end_stream() || !parts.headers.contains_key(header::EXPECT);
    let walk = Walk { oss, domain, connection: &connection };
    let mut known = Known::default();
    let walked = match parts.method {
        Method::GET | Method::HEAD => {
            let size = Head::check_size(&parts);
            let target = std::mem::take(&mut parts.target);
            let entered = |()| walk.enter(parts, &target, &mut exchange);
            match size.map_err(Stop::from).and_then(entered) {
                Ok(entered) => walk.go(entered, &mut known).await,
                Err(stop) => Err(stop),
            }
        }
        Method::OPTIONS => Box::pin(walk.preflight(parts, &mut known)).await,
        _ => {
            let allowed = HeaderValue::from_static("GET, HEAD, OPTIONS");
            Err(OssError::from(Code::MethodNotAllowed).with_header(header::ALLOW, allowed).into())
        }
    };
    let answer = match walked {
        Ok(response) => Ok(response),
        Err(stop) => {
            if sent {
                Box::pin(super::body::drain(body)).await;
            }
            stop.answer(&oss.app, domain, &mut known)
        }
    };
    if known.about.is_none() {
        known.about = Some(About::Named(walk.bucket()));
    }
    exchange.finish(answer, known)
}

/// The way of one request.
struct Walk<'w> {
    oss: &'w Oss,
    domain: &'w Arc<Domain>,
    connection: &'w Connection,
}

/// A request that the domain lets in, for an object.
struct Entered<'u> {
    /// Without its signature.
    head: Box<Head>,
    /// As it was sent.
    sent: &'u RequestTarget,
    client: ClientAddress,
    admitted: Admitted<'u>,
}

impl Walk<'_> {
    /// Lets a GET or a HEAD in, or not.
    fn enter<'u>(
        &self,
        parts: Parts,
        sent: &'u RequestTarget,
        exchange: &mut Exchange,
    ) -> Result<Entered<'u>, Stop> {
        let client = client_of((&parts, self.connection), &self.oss.proxies);
        let request = urlsign::Request {
            method: if parts.method == Method::GET { "GET" } else { "HEAD" },
            target: urlsign::Target { path: sent.path(), query: sent.query() },
            client: client.address,
        };
        let admitted = self.oss.app.admit(self.domain, &request, self.connection.last_link())?;
        exchange.log_path(admitted.path);
        let head = self.read(parts, (sent, &admitted))?;
        Ok(Entered { head, sent, client, admitted })
    }

    /// From the permit on.
    async fn go(&self, entered: Entered<'_>, known: &mut Known) -> Result<Response<Body>, Stop> {
        let Entered { mut head, sent, client, admitted } = entered;
        let (action, permit) = match self.grant(&head, client, (&admitted.caller, known)).await {
            Ok(granted) => granted,
            Err(err) => {
                head.parts.target = unsigned(sent, &admitted)?;
                return Err(Box::pin(self.refused(&head, err, known)).await);
            }
        };
        // Looked for if they are asked for.
        let referers = || head.parts.headers.get_all(header::REFERER);
        let referers = std::iter::once_with(referers).flatten().map(HeaderValue::as_bytes);
        self.oss.app.check_limits(&admitted, referers, || {
            let header = self.oss.region_header.as_ref()?;
            region_of((&head.parts, self.connection), &self.oss.proxies, header)
        })?;
        if let Some(link) = admitted.counted() {
            let counted = self.oss.app.count_client(self.domain, link, client.address);
            if let Some(denial) = Box::pin(counted).await? {
                return Err(denial.into());
            }
        }
        // The query can ask for other things of an object than its bytes.
        if !matches!(action, Action::GetObject | Action::HeadObject | Action::GetObjectMeta) {
            return Err(OssError::from(Code::MethodNotAllowed).into());
        }
        let permit = permit.object()?;
        if let Some(playlist) = playlist::of(self.domain, &permit, &admitted) {
            head.parts.target = unsigned(sent, &admitted)?;
            let served = Box::pin(playlist.serve(self.oss, &permit, (&head, known))).await?;
            if let (Some(response), Some(pass)) = (served, &admitted.pass) {
                self.domain.made_playlist(pass);
                return Ok(response);
            }
        }
        let call = Call { head, caller: admitted.caller, body: Body::empty() };
        Ok(self.oss.dispatch(action, Permit::Object(permit), call, known).await?)
    }

    /// The head of the request for the object that it names, without its signature.
    ///
    /// Of the rest of the target only the query is asked for on the way to an object, so it is only
    /// [put together](unsigned) if there is one, or for who asks for more.
    fn read(
        &self,
        mut parts: Parts,
        (sent, admitted): (&RequestTarget, &Admitted<'_>),
    ) -> Result<Box<Head>, Stop> {
        let key = self.domain.terms.prefix.key_at(admitted.path).map_err(OssError::from)?;
        let key = key.ok_or(Code::NoSuchKey).map_err(OssError::from)?;
        if admitted.query.is_some() {
            parts.target = unsigned(sent, admitted)?;
        }
        let target = Target::Object(self.domain.bucket.1.clone(), key);
        Ok(Head::addressed((parts, self.connection), target)?)
    }

    /// Decides whether the object may be read, by the referer policy and by rights.
    async fn grant(
        &self,
        head: &Head,
        client: ClientAddress,
        (caller, known): (&Caller, &mut Known),
    ) -> Result<(Action, Permit), OssError> {
        let target = &head.targets.first;
        let mut visit = Visit::new(head.facts(), client, &head.query);
        let granted = self.oss.grant(head, target, (caller, &mut visit)).await;
        known.sighting = visit.into_sighting();
        if let Ok((_, permit)) = &granted {
            known.would = permit.objects().find_map(ObjectPermit::would_refuse).cloned();
        }
        if self.domain.terms.referer == RefererCheck::Bucket {
            known.about = Some(match &granted {
                Ok((_, permit)) => About::of(permit, target),
                Err(_) => About::Named(target.clone()),
            });
        }
        granted
    }

    /// What the bucket's owner chose to give instead, or the refusal.
    async fn refused(&self, head: &Head, err: OssError, known: &mut Known) -> Stop {
        let answer = answer_denied(self.oss, head, err, known).await;
        answer.map_or_else(Stop::from, |it| Stop::Answered(Box::new(it)))
    }

    /// What a browser asks before a request that a page could not send without scripts. It brings no
    /// signature that would count, and learns nothing of objects.
    async fn preflight(&self, parts: Parts, known: &mut Known) -> Result<Response<Body>, Stop> {
        let target = self.bucket();
        let head = Head::addressed((parts, self.connection), target.clone())?;
        let action = Action::OptionBucket;
        let wish = Wish { action, target: &target, also: &[], source: None };
        let caller = Caller::visitor(self.domain, false);
        let mut visit = Visit::new(head.facts(), head.client(&self.oss.proxies), &head.query);
        let permit = self.oss.app.permit(&wish, &caller, &mut visit).await?;
        drop(visit);
        let call = Call { head, caller, body: Body::empty() };
        Ok(self.oss.dispatch(action, permit, call, known).await?)
    }

    fn bucket(&self) -> Target {
        Target::Bucket(self.domain.bucket.1.clone())
    }
}

/// The target of a request without its signature.
fn unsigned(sent: &RequestTarget, admitted: &Admitted<'_>) -> Result<RequestTarget, Stop> {
    if admitted.pass.is_none() {
        return Ok(sent.clone());
    }
    let target = sent.leading_to(admitted.path, admitted.query.as_deref());
    Ok(target.map_err(|_| OssError::invalid_argument("The path cannot be read."))?)
}
