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

/// A link that was verified on a connection: the last of those that are [kept](Verified::keep). A player
/// asks by it again and again, and is let in for less.
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
        // A thread that panicked with it may have left the link of one domain beside another domain.
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
    /// download that has begun is not asked again. If the request is the one of the `last` link of its
    /// connection, it is only verified that the link has not ended.
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

#[cfg(test)]
mod tests {
    use super::super::tally::{ByKey, Counters};
    use super::*;
    use crate::domain::delivery::Terms;
    use crate::domain::name::{BucketId, DomainId};
    use crate::domain::secret::SecretKey;
    use crate::domain::urlsign::{Choices, Link, Scheme, Target, sign};

    const NOW: UnixMillis = UnixMillis::from_secs(1_700_000_000);

    fn domain() -> Arc<Domain> {
        Arc::new(Domain {
            id: DomainId(uuid::Uuid::nil()),
            host: "cdn.example.com".parse().unwrap(),
            bucket: (BucketId(1), "videos".parse().unwrap()),
            created: NOW,
            updated: NOW,
            terms: Terms::default(),
            keys: None,
            signing: None,
            counters: Arc::new(Counters::default()),
            by_key: ByKey::default(),
        })
    }

    fn settings(key: &str) -> Settings {
        Settings::new(Choices::new(Scheme::AliA), SecretKey::new(key.to_owned()), None).unwrap()
    }

    fn link(settings: &Settings, target: &str) -> String {
        sign(settings, &Link::new(Target::split(target)), NOW).unwrap().target
    }

    /// Whether a GET is let in; with settings of another key only if it is known again.
    fn passes(last: &LastLink, by: (&Arc<Domain>, &Settings), target: &str) -> bool {
        let request = Request { method: "GET", target: Target::split(target), client: None };
        last.verify(by, &request, NOW).is_ok()
    }

    #[test]
    fn a_link_is_known_again_by_its_domain_and_by_no_other() {
        let (one, other) = (domain(), domain());
        let (key, no_key) = (settings("aliyuncdnexp1234"), settings("anotherkey5678901"));
        let (first, second) = (link(&key, "/a"), link(&key, "/b"));
        let last = LastLink::default();
        assert!(!passes(&last, (&one, &no_key), &first), "it was never verified");
        assert!(passes(&last, (&one, &key), &first));
        assert!(passes(&last, (&one, &no_key), &first), "it is known");
        assert!(!passes(&last, (&other, &no_key), &first), "it was verified by one domain");
        assert!(passes(&last, (&other, &key), &second));
        assert!(
            passes(&last, (&other, &no_key), &second),
            "the other domain is that of the link now"
        );
        assert!(!passes(&last, (&one, &no_key), &second));
        assert!(!passes(&last, (&other, &no_key), &first), "and the first link is forgotten");
        // What is not kept leaves link and domain as they are.
        let query = link(&key, "/a?x=1");
        assert!(passes(&last, (&one, &key), &query));
        assert!(!passes(&last, (&one, &no_key), &second));
        assert!(passes(&last, (&other, &no_key), &second));
    }

    #[test]
    fn a_domain_in_the_place_of_another_is_another() {
        let key = settings("aliyuncdnexp1234");
        let (last, target) = (LastLink::default(), link(&key, "/a"));
        let gone = domain();
        assert!(passes(&last, (&gone, &key), &target));
        drop(gone);
        let no_key = settings("anotherkey5678901");
        for _ in 0..100 {
            assert!(!passes(&last, (&domain(), &no_key), &target));
        }
    }
}
