//! Replacing a key step by step, while links of both are in use.
//!
//! Whoever takes a step can name the key that is meant by its id. Then a step that was taken already
//! is not taken back when it is asked for again, as after an answer that never came.

use std::sync::Arc;

use super::change::{Replace, allowed};
use super::keys::{KeyPair, draw};
use super::{Domain, DomainError};
use crate::domain::op::HostName;
use crate::domain::secret::SecretKey;
use crate::domain::urlsign::{Settings, Slot};
use crate::service::App;
use crate::service::access::Administrator;
use crate::service::error::Error;

/// A step of replacing a key while links of both are in use.
#[derive(Clone, Debug)]
pub enum KeyStep {
    /// Puts a secondary key, which verifies from then on.
    PutSecondary {
        /// The key; one is drawn if none is given.
        key: Option<SecretKey>,
        /// Whether one that is there may go, whose links are refused then.
        replace: bool,
    },
    /// Has the two keys change places: the secondary signs from then on.
    Swap {
        /// The id of the key that is to sign. If it does already, nothing changes.
        primary: Option<String>,
    },
    /// Takes the secondary key away: its links are refused from then on.
    DropSecondary {
        /// Its id. If there is no secondary key, and this is not the primary, nothing changes.
        key: Option<String>,
        /// Whether it goes though it is in use.
        force: bool,
    },
}

impl KeyStep {
    const fn name(&self) -> &'static str {
        match self {
            Self::PutSecondary { .. } => "put a secondary key of",
            Self::Swap { .. } => "swapped the keys of",
            Self::DropSecondary { .. } => "dropped the secondary key of",
        }
    }
}

impl App {
    /// Takes a step of replacing a key.
    ///
    /// # Errors
    ///
    /// [`DomainError`], or another [`Error`].
    pub async fn change_keys(
        self: &Arc<Self>,
        by: &Administrator,
        host: HostName,
        step: KeyStep,
        replace: Replace,
    ) -> Result<Arc<Domain>, Error> {
        let (what, by) = (step.name(), by.access_key_id().clone());
        let step = self.unless_in_use(&host, step).await?;
        let named = host.clone();
        let changed = self.change_domain(host, move |old| {
            let old = old.ok_or(DomainError::NoSuchDomain(named.clone()))?;
            allowed(&replace, Some(old), &named)?;
            let (Some(settings), Some(keys)) = (old.signing(), old.keys.clone()) else {
                return Err(DomainError::KeysWithoutScheme.into());
            };
            Ok(old.with_keys(take(step, keys, settings, &named)?))
        });
        let domain = changed.await?;
        tracing::info!(host = %domain.host, by = %by, "{what} {}", domain.host);
        Ok(domain)
    }

    /// Looks whether a key that is to go is in use, and names it, so that no other goes instead.
    ///
    /// It is in use as long as a link is good that it verified, or that was made with it: whoever has
    /// that link may come with it.
    async fn unless_in_use(&self, host: &HostName, step: KeyStep) -> Result<KeyStep, Error> {
        let KeyStep::DropSecondary { key, force: false } = &step else { return Ok(step) };
        let domain = self.domain_of(host)?;
        let id = |settings: &Settings| settings.keys().id(Slot::Secondary).map(str::to_owned);
        let Some(id) = domain.signing().and_then(id) else { return Ok(step) };
        if key.as_ref().is_some_and(|key| *key != id) {
            return Ok(step);
        }
        let until = self.end_of_links(&domain, &id).await?;
        let now = self.clock.now().as_secs();
        if let Some(until) = until.filter(|until| *until >= now) {
            return Err(DomainError::KeyInUse { key: id, until }.into());
        }
        Ok(KeyStep::DropSecondary { key: Some(id), force: false })
    }
}

fn take(
    step: KeyStep,
    keys: KeyPair,
    settings: &Settings,
    host: &HostName,
) -> Result<KeyPair, Error> {
    let is = |slot, key: &Option<String>| {
        key.as_deref().is_none_or(|key| settings.keys().id(slot) == Some(key))
    };
    let Some(secondary) = keys.secondary else {
        return match step {
            KeyStep::PutSecondary { key, .. } => {
                let secondary = Some(key.map_or_else(|| draw(settings.scheme()), Ok)?);
                Ok(KeyPair { secondary, ..keys })
            }
            KeyStep::Swap { primary } if primary.is_some() && is(Slot::Primary, &primary) => {
                Ok(keys)
            }
            // It is gone already.
            KeyStep::DropSecondary { key, .. } if !is(Slot::Primary, &key) => Ok(keys),
            KeyStep::Swap { .. } | KeyStep::DropSecondary { .. } => {
                Err(DomainError::NoSecondary(host.clone()).into())
            }
        };
    };
    let KeyPair { scheme, primary, .. } = keys;
    match step {
        KeyStep::PutSecondary { key: Some(key), .. } if key.matches(&secondary) => {
            Ok(KeyPair { scheme, primary, secondary: Some(secondary) })
        }
        KeyStep::PutSecondary { key, replace: true } => {
            let secondary = Some(key.map_or_else(|| draw(settings.scheme()), Ok)?);
            Ok(KeyPair { scheme, primary, secondary })
        }
        KeyStep::PutSecondary { replace: false, .. } => {
            Err(DomainError::SecondaryThere(host.clone()).into())
        }
        KeyStep::Swap { primary: wanted } if is(Slot::Secondary, &wanted) => {
            Ok(KeyPair { scheme, primary: secondary, secondary: Some(primary) })
        }
        KeyStep::Swap { primary: wanted } if is(Slot::Primary, &wanted) => {
            Ok(KeyPair { scheme, primary, secondary: Some(secondary) })
        }
        KeyStep::DropSecondary { key, .. } if is(Slot::Secondary, &key) => {
            Ok(KeyPair { scheme, primary, secondary: None })
        }
        KeyStep::Swap { .. } | KeyStep::DropSecondary { .. } => {
            Err(DomainError::OtherSecondary(host.clone()).into())
        }
    }
}
