//! Making, changing and deleting delivery domains.

use std::sync::Arc;

use super::keys::{self, KeyPair, NewKeys};
use super::{Domain, DomainError, MAX_DOMAINS};
use crate::domain::delivery::Terms;
use crate::domain::name::{BucketId, BucketName, DomainId};
use crate::domain::op::HostName;
use crate::domain::time::UnixMillis;
use crate::meta::{DeliveryDomain, PutDomain};
use crate::service::App;
use crate::service::access::Administrator;
use crate::service::error::Error;

/// What a delivery domain is to be.
#[derive(Clone, Debug)]
pub struct NewDomain {
    /// The bucket that it serves.
    pub bucket: BucketName,
    /// Its terms.
    pub terms: Terms,
    /// Its keys. `None` leaves those that are there; a domain that has none gets one. For another
    /// scheme there must be others.
    pub keys: Option<NewKeys>,
}

/// Which domain a change may replace.
#[derive(Clone, Debug)]
pub enum Replace {
    /// Whatever is there, or nothing.
    Any,
    /// Nothing: there must be none yet.
    Nothing,
    /// This one alone, as it was read.
    Only(Arc<Domain>),
}

/// A draft of a domain: what is to be stored, but for the sealing of its keys.
#[derive(Debug)]
pub(super) struct Draft {
    /// `None` for a new domain.
    old: Option<(DomainId, UnixMillis)>,
    bucket: (BucketId, BucketName),
    terms: Terms,
    keys: Option<KeyPair>,
}

/// A change that was made.
#[derive(Debug)]
pub struct Change {
    /// What is there now.
    pub domain: Arc<Domain>,
    /// Whether it is new.
    pub made: bool,
}

impl Domain {
    /// The same with other keys.
    pub(super) fn with_keys(&self, keys: KeyPair) -> Draft {
        Draft {
            old: Some((self.id, self.created)),
            bucket: self.bucket.clone(),
            terms: self.terms.clone(),
            keys: Some(keys),
        }
    }
}

impl App {
    /// Makes or replaces a delivery domain. It is in force when this returns; downloads that have
    /// begun go on.
    ///
    /// # Errors
    ///
    /// [`DomainError`], or another [`Error`].
    pub async fn put_domain(
        self: &Arc<Self>,
        by: &Administrator,
        host: HostName,
        new: NewDomain,
        replace: Replace,
    ) -> Result<Change, Error> {
        let by = by.access_key_id().clone();
        let (app, named) = (Arc::clone(self), host.clone());
        let changed = self.change_domain_saying(host, move |old| {
            allowed(&replace, old, &named)?;
            if old.is_none() {
                app.check_new(&named)?;
            }
            let made = old.is_none();
            Ok((app.draft(old, new)?, made))
        });
        let (domain, made) = changed.await?;
        let Domain { host, bucket: (_, bucket), terms, .. } = &*domain;
        let scheme = terms.signing.as_ref().map_or("none", |choices| choices.scheme.as_str());
        let what = if made { "made" } else { "replaced" };
        tracing::info!(
            %host, %bucket, prefix = terms.prefix.as_str(), scheme, by = %by,
            "{what} the delivery domain {host}",
        );
        Ok(Change { domain, made })
    }

    /// Deletes a delivery domain, with its keys and what was counted of it.
    ///
    /// # Errors
    ///
    /// [`DomainError`], or another [`Error`].
    pub async fn delete_domain(
        self: &Arc<Self>,
        by: &Administrator,
        host: HostName,
        replace: Replace,
    ) -> Result<(), Error> {
        let (app, by) = (Arc::clone(self), by.access_key_id().clone());
        self.to_the_end(async move {
            let mut doubt = app.domains.changing.lock().await;
            app.settle_domain(&mut doubt, &host).await?;
            let old = app.domain_of(&host)?;
            allowed(&replace, Some(&old), &host)?;
            let id = old.id;
            match app.meta.delete_domain(id).await {
                Ok(_) => {
                    app.domains.replace(|all| _ = all.remove(&host));
                    app.domains.room.forget(id);
                }
                Err(err) => return Err(app.domain_in_doubt(&mut doubt, &host, err).await),
            }
            tracing::info!(%host, by = %by, "deleted the delivery domain {host}");
            Ok(())
        })
        .await
    }

    /// Changes a domain: works the new one out from what is there, makes it durable, and puts it
    /// into the table.
    pub(super) async fn change_domain(
        self: &Arc<Self>,
        host: HostName,
        draft: impl FnOnce(Option<&Domain>) -> Result<Draft, Error> + Send + 'static,
    ) -> Result<Arc<Domain>, Error> {
        let changed = self.change_domain_saying(host, |old| Ok((draft(old)?, ())));
        Ok(changed.await?.0)
    }

    async fn change_domain_saying<R: Send + 'static>(
        self: &Arc<Self>,
        host: HostName,
        draft: impl FnOnce(Option<&Domain>) -> Result<(Draft, R), Error> + Send + 'static,
    ) -> Result<(Arc<Domain>, R), Error> {
        let app = Arc::clone(self);
        self.to_the_end(async move {
            let mut doubt = app.domains.changing.lock().await;
            app.settle_domain(&mut doubt, &host).await?;
            let (draft, said) = draft(app.domains.get(&host).as_deref())?;
            let bucket = draft.bucket.1.clone();
            let stored = app.stored(&host, draft)?;
            let counters = app.domains.counters_of(&host, stored.id);
            let with = (&app.vault, counters);
            let domain = Arc::new(Domain::found(stored.clone(), bucket.clone(), with)?);
            match app.meta.put_domain(&stored).await {
                Ok(PutDomain::Done) => {}
                Ok(PutDomain::NoSuchBucket) => return Err(Error::NoSuchBucket(bucket)),
                Ok(PutDomain::HostTaken) => return Err(DomainError::Changed(host).into()),
                Err(err) => return Err(app.domain_in_doubt(&mut doubt, &host, err).await),
            }
            app.domains.replace(|all| _ = all.insert(host, Arc::clone(&domain)));
            Ok((domain, said))
        })
        .await
    }

    /// What is to be stored. Settings and keys are checked before anything is.
    fn stored(&self, host: &HostName, draft: Draft) -> Result<DeliveryDomain, Error> {
        keys::settings(&draft.terms, draft.keys.as_ref())?;
        draft.terms.check_issue().map_err(DomainError::from)?;
        let now = self.clock.now();
        let key_scheme = draft.keys.as_ref().and_then(|keys| keys.scheme);
        let (id, created) = draft.old.unwrap_or_else(|| (DomainId(self.clock.unique()), now));
        let sealed = draft.keys.map(|keys| keys.seal(id, &self.vault)).transpose()?;
        let (primary, secondary) = match sealed {
            Some((primary, secondary)) => (Some(primary), secondary),
            None => (None, None),
        };
        let bucket = draft.bucket.0;
        let (host, terms, updated) = (host.clone(), draft.terms, now);
        Ok(DeliveryDomain {
            id,
            host,
            bucket,
            created,
            updated,
            terms,
            key_scheme,
            primary,
            secondary,
        })
    }

    fn check_new(&self, host: &HostName) -> Result<(), DomainError> {
        if let Some(used) = self.hosts.use_of(host) {
            return Err(DomainError::Used(host.clone(), used));
        }
        if !host.is_name() {
            return Err(DomainError::NoName(host.clone()));
        }
        if self.domains.len() >= MAX_DOMAINS { Err(DomainError::TooMany) } else { Ok(()) }
    }

    fn draft(&self, old: Option<&Domain>, new: NewDomain) -> Result<Draft, Error> {
        let NewDomain { bucket: name, terms, keys: given } = new;
        let bucket = self.buckets.find(&name).ok_or_else(|| Error::NoSuchBucket(name.clone()))?;
        let scheme = terms.signing.as_ref().map(|choices| choices.scheme);
        let keys = keys::to_have(scheme, given, old)?;
        // What was switched on while something told regions may stay: it is warned of, and whatever
        // else the domain has can be changed.
        let before = old.is_some_and(|domain| domain.terms.asks_for_regions());
        if terms.asks_for_regions() && !before && !self.knows_regions {
            return Err(DomainError::Regions.into());
        }
        let old = old.map(|domain| (domain.id, domain.created));
        Ok(Draft { old, bucket: (bucket.id, name), terms, keys })
    }

    /// Takes what the database has of a domain after a change whose outcome is in doubt. As long
    /// as it cannot be read, memory may be behind it, and nothing is worked out from memory.
    async fn settle_domain(&self, doubt: &mut Vec<HostName>, host: &HostName) -> Result<(), Error> {
        if !doubt.contains(host) {
            return Ok(());
        }
        let found = self.meta.find_domain(host).await?;
        let names = self.buckets.all();
        let bucket = |id| names.iter().find(|bucket| bucket.id == id).map(|it| it.name.clone());
        let found = match found {
            None => None,
            Some(stored) => {
                let name = bucket(stored.bucket).ok_or(Error::Fault("a domain has no bucket"))?;
                let counters = self.domains.counters_of(host, stored.id);
                Some(Arc::new(Domain::found(stored, name, (&self.vault, counters))?))
            }
        };
        self.domains.replace(|all| {
            _ = match found {
                Some(domain) => all.insert(host.clone(), domain),
                None => all.remove(host),
            };
        });
        doubt.retain(|other| other != host);
        Ok(())
    }

    /// Remembers that memory may be behind the database about a domain, and tries to catch up.
    async fn domain_in_doubt(
        &self,
        doubt: &mut Vec<HostName>,
        host: &HostName,
        err: crate::meta::MetaError,
    ) -> Error {
        if err.is_in_doubt() {
            doubt.push(host.clone());
            if let Err(behind) = self.settle_domain(doubt, host).await {
                tracing::warn!(%host, error = %behind, "could not read {host} again: {behind}");
            }
        }
        err.into()
    }
}

/// Whether what is there may be replaced.
pub(super) fn allowed(
    replace: &Replace,
    old: Option<&Domain>,
    host: &HostName,
) -> Result<(), DomainError> {
    match (replace, old) {
        (Replace::Any, _) | (Replace::Nothing, None) => Ok(()),
        (Replace::Nothing, Some(_)) => Err(DomainError::Exists(host.clone())),
        (Replace::Only(read), Some(now)) if std::ptr::eq(Arc::as_ptr(read), now) => Ok(()),
        (Replace::Only(_), _) => Err(DomainError::Changed(host.clone())),
    }
}
