//! Whom a delivery domain lets in.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, Weak};

use super::Domain;
use crate::domain::time::UnixMillis;
use crate::domain::urlsign::{Denial, Pass, Reason, Request, Settings, Verified, verify};
use crate::service::App;
use crate::service::access::Caller;

/// A request that a delivery domain lets in, without its signature.
#[derive(Debug)]
pub struct Admitted<'r> {
    /// The path that was verified: what is looked up.
    pub path: &'r str,
    /// What is left of the query, in its order.
    pub query: Option<Cow<'r, str>>,
    /// Who asks: somebody who came by this domain.
    pub caller: Caller,
    /// What was verified; `None` if URLs are not signed.
    pub pass: Option<Box<Pass<'r>>>,
}

/// The link that was verified last on a connection. A player asks by it again and again, and is let
/// in for less.
#[derive(Debug, Default)]
pub struct LastLink(Mutex<Last>);

#[derive(Debug, Default)]
struct Last {
    /// By which it was verified. Not held, so its keys go when it is changed; and nothing else comes
    /// to lie where it lay as long as this is here.
    domain: Weak<Domain>,
    link: Verified,
}

impl LastLink {
    /// Verifies a request, unless it is the same again.
    fn verify<'r>(
        &self,
        (domain, settings): (&Arc<Domain>, &Settings),
        request: &Request<'r>,
        now: UnixMillis,
    ) -> Result<Box<Pass<'r>>, Denial> {
        // A link whose domain was not written down must not be taken for one of another.
        let Ok(mut last) = self.0.lock() else { return verify(settings, request, now) };
        let is_of_domain = last.domain.as_ptr() == Arc::as_ptr(domain);
        if is_of_domain && let Some(pass) = last.link.again(request, now) {
            return Ok(pass);
        }
        let pass = verify(settings, request, now)?;
        if last.link.keep(request, &pass, now) && !is_of_domain {
            last.domain = Arc::downgrade(domain);
        }
        Ok(pass)
    }
}

impl App {
    /// Verifies the signature of a request, if the domain has URLs signed. That is done once: a
    /// download that has begun is not asked again, and for the link that was verified `last` on the
    /// same connection only the time is.
    ///
    /// # Errors
    ///
    /// [`Denial`].
    pub fn admit<'r>(
        &self,
        domain: &Arc<Domain>,
        request: &Request<'r>,
        last: &LastLink,
    ) -> Result<Admitted<'r>, Denial> {
        let Some(settings) = domain.signing() else {
            let (path, query) = (request.target.path, request.target.query.map(Cow::Borrowed));
            self.count_open(domain);
            let caller = Caller::visitor(domain, false);
            return Ok(Admitted { path, query, caller, pass: None });
        };
        let now = self.clock.now();
        let mut pass = last.verify((domain, settings), request, now)?;
        self.count_verified(domain, &pass, now);
        let query = pass.query.take().map(Cow::Owned);
        let caller = Caller::visitor(domain, pass.query_is_signed);
        Ok(Admitted { path: pass.path, query, caller, pass: Some(pass) })
    }

    /// Decides whether a link that was verified may be used for this request: what it is limited to
    /// beside its path and its time. `region` tells where its client is; if nothing is there to tell
    /// it, a link that asks for it is refused. A preview is cut where the object is given, and clients
    /// are [counted](App::count_client) after everything else that can refuse.
    ///
    /// # Errors
    ///
    /// [`Denial`].
    pub fn check_limits<'l>(
        &self,
        admitted: &Admitted<'_>,
        referers: impl IntoIterator<Item = &'l [u8]>,
        region: impl FnOnce() -> Option<&'l str>,
    ) -> Result<(), Denial> {
        let Some(Pass { limits, .. }) = admitted.pass.as_deref() else { return Ok(()) };
        if limits.regions.is_some() && !self.knows_regions {
            return Err(Reason::Region.into());
        }
        let region = limits.regions.as_ref().and_then(|_| region());
        limits.check_lists(referers, region)
    }
}
