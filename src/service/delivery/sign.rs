//! Making links of delivery domains.

use core::net::IpAddr;

use super::Domain;
use crate::domain::delivery::{InvalidIssue, InvalidUrl, Issue, LinkUrl};
use crate::domain::op::HostName;
use crate::domain::urlsign::{CannotSign, Link, Lists, Scheme, Scope, Target, escape, sign};
use crate::service::App;
use crate::service::access::Administrator;
use crate::service::clock::link_id;
use crate::service::error::Error;

/// What a link is to have. What is `None` is what the domain has for links of which nobody says more.
#[derive(Clone, Debug, Default)]
pub struct LinkOrder {
    /// For how many seconds it is good.
    pub lifetime: Option<u32>,
    /// Seconds of a preview; 0 is the whole.
    pub preview: Option<u32>,
    /// Clients that may use it; 0 is any number.
    pub clients: Option<u8>,
    /// `rand`, and `us` of Tencent VOD; one is drawn for every link if there is none.
    pub random: Option<String>,
    /// A user's id.
    pub uid: Option<String>,
    /// The lists of Tencent VOD: `whref`, `bkref`, `whreg`, `bkreg`.
    pub lists: [Option<String>; 4],
    /// refgate: the depth of the directory that is signed.
    pub directory: Option<usize>,
    /// refgate: the only method that is allowed.
    pub method: Option<String>,
    /// refgate, nginx: the client to which the link is bound.
    pub client: Option<IpAddr>,
}

/// A link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeLink {
    /// The URL, or the path if a path was given.
    pub url: String,
    /// The last second in which it is good, after the epoch.
    pub until: i64,
}

/// Why there is no link.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotLink {
    /// The domain has no URLs signed.
    #[error("URLs of {0} are not signed")]
    NotSigned(HostName),
    /// The URL cannot be read.
    #[error(transparent)]
    Url(#[from] InvalidUrl),
    /// The URL is of another host.
    #[error("the URL is not one of {0}")]
    OtherHost(HostName),
    /// What the link is to have cannot be.
    #[error(transparent)]
    Order(#[from] InvalidIssue),
    /// The scheme cannot say it.
    #[error(transparent)]
    Sign(#[from] CannotSign),
    /// There is no randomness.
    #[error("the system's random generator failed")]
    Random,
}

impl App {
    /// Signs URLs of a delivery domain, or paths. What cannot be signed is told of each.
    ///
    /// # Errors
    ///
    /// [`super::DomainError::NoSuchDomain`].
    pub fn sign_links(
        &self,
        by: &Administrator,
        host: &HostName,
        (order, urls): (&LinkOrder, &[String]),
    ) -> Result<Vec<Result<MadeLink, CannotLink>>, Error> {
        let domain = self.domain(by, host)?;
        tracing::info!(
            %host, by = %by.access_key_id(), links = urls.len(),
            "signs {} links of {host}", urls.len(),
        );
        Ok(urls.iter().map(|url| self.make_link(&domain, order, url)).collect())
    }

    /// Signs a URL of a delivery domain, or a path.
    pub(super) fn make_link(
        &self,
        domain: &Domain,
        order: &LinkOrder,
        url: &str,
    ) -> Result<MadeLink, CannotLink> {
        let settings = domain.signing();
        let settings = settings.ok_or_else(|| CannotLink::NotSigned(domain.host.clone()))?;
        let url = LinkUrl::read(url)?;
        if url.host()?.is_some_and(|host| host != domain.host) {
            return Err(CannotLink::OtherHost(domain.host.clone()));
        }
        let issue = order.issue(domain.terms.issue)?;
        let random = match &order.random {
            Some(random) => random.clone(),
            None => link_id(random_length(domain)).map_err(|_| CannotLink::Random)?,
        };
        let Target { path, query } = url.target();
        let (path, query) = (escape(path), query.map(escape));
        let target = Target { path: &path, query: query.as_deref() };
        let lists = order.lists.each_ref().map(|list| list.as_deref());
        let link = Link {
            lifetime: issue.lifetime(),
            random: Some(&random),
            uid: order.uid.as_deref(),
            preview: Some(issue.preview()).filter(|seconds| *seconds > 0),
            clients: Some(issue.clients()).filter(|clients| *clients > 0),
            lists: lists_of(lists),
            scope: order.directory.map_or(Scope::File, Scope::Directory),
            method: order.method.as_deref(),
            client: order.client,
            ..Link::new(target)
        };
        let signed = sign(settings, &link, self.clock.now())?;
        domain.made_link(signed.until);
        Ok(MadeLink { url: format!("{}{}", url.origin, signed.target), until: signed.until })
    }
}

impl LinkOrder {
    /// What a link has, with what the domain has where nothing is said.
    fn issue(&self, default: Issue) -> Result<Issue, InvalidIssue> {
        Issue::new(
            self.lifetime.or(default.lifetime()),
            self.preview.unwrap_or(default.preview()),
            self.clients.unwrap_or(default.clients()),
        )
    }
}

fn lists_of([allowed, refused, within, without]: [Option<&str>; 4]) -> Lists<'_> {
    Lists { whref: allowed, bkref: refused, whreg: within, bkreg: without }
}

/// How long the random text of a link is.
fn random_length(domain: &Domain) -> usize {
    const VOD: u8 = 10;
    const OTHERS: usize = 32;

    let settings = domain.signing();
    match settings.filter(|settings| settings.scheme() == Scheme::TencentVod) {
        Some(settings) => settings.effective().us_length.unwrap_or(VOD).into(),
        None => OTHERS,
    }
}
