//! Programs that may have links made, and making them.
//!
//! All applications are in memory, by the digest of their token. The token itself is shown once and
//! kept nowhere. A change is durable, then in memory, then acknowledged.

use std::collections::HashMap;
use std::sync::{Arc, Mutex as Lock, PoisonError};

use arc_swap::ArcSwap;
use sha2::{Digest as _, Sha256};
use tokio::sync::Mutex;

use super::sign::{CannotLink, LinkOrder, MadeLink};
use crate::domain::delivery::{Application, ApplicationName, InvalidUrl, LinkUrl, Pace};
use crate::domain::op::HostName;
use crate::domain::secret::SecretKey;
use crate::meta::{MetaError, StoredApplication};
use crate::service::App;
use crate::service::access::Administrator;
use crate::service::clock::new_application_token;
use crate::service::error::Error;

/// The most applications: each is in memory.
pub const MAX_APPLICATIONS: usize = 1000;

/// All applications, and what those may have who need no token.
#[derive(Debug, Default)]
pub(in crate::service) struct Applications {
    now: ArcSwap<HashMap<[u8; 32], Arc<Known>>>,
    /// Held while they change. Whether memory may be behind the database.
    changing: Mutex<bool>,
    /// The pace of everybody without a token together.
    open: Lock<Pace>,
}

#[derive(Debug)]
struct Known {
    application: Application,
    pace: Lock<Pace>,
}

impl Applications {
    /// Takes over what was stored. Who was there keeps its pace.
    pub(in crate::service) fn load(&self, stored: Vec<StoredApplication>) {
        let before = self.now.load();
        let known = |stored: StoredApplication| {
            let pace = before.get(&stored.digest).map(|known| taken(&known.pace, |pace| *pace));
            let pace = Lock::new(pace.unwrap_or_default());
            (stored.digest, Arc::new(Known { application: stored.application, pace }))
        };
        self.now.store(Arc::new(stored.into_iter().map(known).collect()));
    }
}

/// Does something with a pace.
fn taken<T>(pace: &Lock<Pace>, work: impl FnOnce(&mut Pace) -> T) -> T {
    // It is a number, and whole between two steps.
    work(&mut pace.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Who has links made by the distribution service.
#[derive(Clone, Copy, Debug)]
pub enum Asker<'t> {
    /// Whoever has this token.
    Token(&'t str),
    /// Anybody, where that is allowed.
    Anybody,
}

/// Why an application, or anybody, gets no link.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoLink {
    /// There is no such token.
    #[error("the token is not one of an application")]
    Unknown,
    /// It had as many in the last minute as it may.
    #[error("there were too many in the last minute")]
    TooMany,
    /// The host is no delivery domain, or not one that the application may have links of.
    #[error("the application may have no link to this")]
    NotAllowed,
    /// There is none for anybody.
    #[error(transparent)]
    Link(#[from] CannotLink),
}

/// A new application. Its token is shown once.
#[derive(Debug)]
pub struct MadeApplication {
    /// What was made.
    pub application: Application,
    /// Its token.
    pub token: SecretKey,
}

/// Why there is no new application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotMade {
    /// There is one of its name.
    Exists,
    /// There are too many.
    TooMany,
}

impl App {
    /// Makes a link to a URL of a delivery domain, as its terms say.
    ///
    /// # Errors
    ///
    /// [`NoLink`].
    pub fn distribute(&self, asker: Asker<'_>, url: &str) -> Result<MadeLink, NoLink> {
        let known = match asker {
            Asker::Token(token) => Some(self.application_of(token).ok_or(NoLink::Unknown)?),
            Asker::Anybody => None,
        };
        let now = self.clock.now();
        let (pace, per_minute) =
            known.as_deref().map_or((&self.applications.open, Application::PER_MINUTE), |known| {
                (&known.pace, known.application.per_minute)
            });
        if !taken(pace, |pace| pace.take(per_minute, now)) {
            return Err(NoLink::TooMany);
        }
        let read = LinkUrl::read(url).map_err(CannotLink::from)?;
        let host = read.host().map_err(CannotLink::from)?;
        let host = host.ok_or(CannotLink::Url(InvalidUrl::Form))?;
        let may = |known: &Known| known.application.may_link(host.as_str(), read.target().path);
        let domain = self.domains.get(&host).filter(|domain| domain.signing().is_some());
        let domain = domain.filter(|_| known.as_deref().is_none_or(may));
        let domain = domain.ok_or(NoLink::NotAllowed)?;
        Ok(self.make_link(&domain, &LinkOrder::default(), url)?)
    }

    fn application_of(&self, token: &str) -> Option<Arc<Known>> {
        // What the look-up of a digest takes tells nothing of a token.
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        self.applications.now.load().get(&digest).cloned()
    }

    /// All applications in the order of their names.
    pub fn applications(&self, _by: &Administrator) -> Vec<Application> {
        let now = self.applications.now.load();
        let mut all: Vec<_> = now.values().map(|known| known.application.clone()).collect();
        all.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// Makes an application. Its token is good when this returns.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub async fn create_application(
        self: &Arc<Self>,
        by: &Administrator,
        application: Application,
    ) -> Result<Result<MadeApplication, NotMade>, Error> {
        let token = new_application_token()?;
        let digest = Sha256::digest(token.expose().as_bytes()).into();
        let new = StoredApplication { application: application.clone(), digest };
        let (app, by) = (Arc::clone(self), by.access_key_id().clone());
        self.to_the_end(async move {
            let mut doubt = app.applications.changing.lock().await;
            app.settle_applications(&mut doubt).await?;
            if app.applications.now.load().len() >= MAX_APPLICATIONS {
                return Ok(Err(NotMade::TooMany));
            }
            let made = app.meta.create_application(&new).await;
            if !app.known_after(&mut doubt, made).await? {
                return Ok(Err(NotMade::Exists));
            }
            let name = &application.name;
            tracing::info!(application = %name, by = %by, "made the application {name}");
            Ok(Ok(MadeApplication { application, token }))
        })
        .await
    }

    /// Deletes an application, whose token is refused when this returns. Says whether it was there.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub async fn delete_application(
        self: &Arc<Self>,
        by: &Administrator,
        name: ApplicationName,
    ) -> Result<bool, Error> {
        let (app, by) = (Arc::clone(self), by.access_key_id().clone());
        self.to_the_end(async move {
            let mut doubt = app.applications.changing.lock().await;
            app.settle_applications(&mut doubt).await?;
            let deleted = app.meta.delete_application(&name).await;
            let there = app.known_after(&mut doubt, deleted).await?;
            if there {
                tracing::info!(application = %name, by = %by, "deleted the application {name}");
            }
            Ok(there)
        })
        .await
    }

    /// Takes a change that may have been made into memory.
    async fn known_after(
        &self,
        doubt: &mut bool,
        changed: Result<bool, MetaError>,
    ) -> Result<bool, Error> {
        *doubt = match &changed {
            Ok(changed) => *changed,
            Err(err) => err.is_in_doubt(),
        };
        let settled = self.settle_applications(doubt).await;
        let changed = changed?;
        settled?;
        Ok(changed)
    }

    /// Has memory be what the database is. While that cannot be read, nobody is known.
    async fn settle_applications(&self, doubt: &mut bool) -> Result<(), Error> {
        if *doubt {
            match self.meta.all_applications().await {
                Ok(stored) => self.applications.load(stored),
                Err(err) => {
                    self.applications.load(Vec::new());
                    tracing::error!(error = %err, "applications are refused until they can be read: {err}");
                    return Err(err.into());
                }
            }
            *doubt = false;
        }
        Ok(())
    }

    /// Whether a host is a delivery domain.
    pub fn serves(&self, host: &HostName) -> bool {
        self.domains.get(host).is_some()
    }
}
