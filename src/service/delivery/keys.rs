//! The keys of delivery domains: open in memory, sealed in the database.

use std::sync::Arc;

use super::change::{Replace, allowed};
use super::{Domain, DomainError};
use crate::domain::delivery::Terms;
use crate::domain::name::DomainId;
use crate::domain::op::HostName;
use crate::domain::seal::{Cell, Sealed};
use crate::domain::secret::SecretKey;
use crate::domain::urlsign::{Scheme, Settings};
use crate::meta::DeliveryDomain;
use crate::service::App;
use crate::service::access::Administrator;
use crate::service::clock::new_url_key;
use crate::service::error::Error;
use crate::service::vault::Vault;

/// How many characters a key has that is drawn at random, if the scheme allows so many. 32 of 62
/// characters are 190 bits.
const KEY_CHARS: usize = 32;

/// The keys of a domain: the one that signs, and another that verifies as well.
#[derive(Clone, Debug)]
pub struct KeyPair {
    /// The one that signs.
    pub primary: SecretKey,
    /// The other, if there is one.
    pub secondary: Option<SecretKey>,
}

/// Keys that are given to a domain.
#[derive(Clone, Debug, Default)]
pub struct NewKeys {
    /// The one that signs; one is drawn at random if there is none.
    pub primary: Option<SecretKey>,
    /// The other.
    pub secondary: Option<SecretKey>,
}

/// A step of replacing a key while links of both are in use.
#[derive(Clone, Debug)]
pub enum KeyStep {
    /// Puts a secondary key, which verifies from then on; one is drawn if none is given.
    PutSecondary(Option<SecretKey>),
    /// Has the two keys change places: the secondary signs from then on.
    Swap,
    /// Takes the secondary key away: its links are refused from then on.
    DropSecondary,
}

impl KeyStep {
    const fn name(&self) -> &'static str {
        match self {
            Self::PutSecondary(_) => "put a secondary key of",
            Self::Swap => "swapped the keys of",
            Self::DropSecondary => "dropped the secondary key of",
        }
    }
}

/// The settings of signing, if URLs are signed.
pub(super) fn settings(
    terms: &Terms,
    keys: Option<&KeyPair>,
) -> Result<Option<Settings>, DomainError> {
    let (Some(choices), Some(keys)) = (&terms.signing, keys) else { return Ok(None) };
    let KeyPair { primary, secondary } = keys.clone();
    Ok(Some(Settings::new(choices.clone(), primary, secondary)?))
}

/// Draws a key for a scheme.
pub(super) fn draw(scheme: Scheme) -> Result<SecretKey, Error> {
    let length = KEY_CHARS.min(scheme.key_rule().max);
    new_url_key(length).map_err(|_| Error::Fault("the system's random generator failed"))
}

fn cell<'a>(column: &'static str, row: &'a str) -> Cell<'a> {
    Cell { table: "delivery_domains", column, row }
}

const PRIMARY: &str = "primary_key";
const SECONDARY: &str = "secondary_key";

impl KeyPair {
    /// Opens the keys of a stored domain.
    pub(super) fn open(stored: &DeliveryDomain, vault: &Vault) -> Result<Option<Self>, Error> {
        let row = stored.id.to_string();
        let open = |column, sealed: &Sealed| {
            let opened = vault.open(cell(column, &row), sealed);
            opened.map_err(|err| Error::Sealed { what: format!("a key of {}", stored.host), err })
        };
        let Some(primary) = &stored.primary else { return Ok(None) };
        let secondary = stored.secondary.as_ref().map(|sealed| open(SECONDARY, sealed));
        Ok(Some(Self { primary: open(PRIMARY, primary)?, secondary: secondary.transpose()? }))
    }

    /// Seals the keys for a domain.
    pub(super) fn seal(
        &self,
        id: DomainId,
        vault: &Vault,
    ) -> Result<(Sealed, Option<Sealed>), Error> {
        let row = id.to_string();
        let seal = |column, key: &SecretKey| {
            let sealed = vault.seal(cell(column, &row), key);
            sealed.map_err(|_| Error::Fault("the system's random generator failed"))
        };
        let secondary = self.secondary.as_ref().map(|key| seal(SECONDARY, key)).transpose()?;
        Ok((seal(PRIMARY, &self.primary)?, secondary))
    }
}

impl App {
    /// The keys of a delivery domain themselves. That they were asked for is logged.
    ///
    /// # Errors
    ///
    /// [`DomainError::NoSuchDomain`].
    pub fn reveal_keys(
        &self,
        by: &Administrator,
        host: &HostName,
    ) -> Result<(Arc<Domain>, Option<KeyPair>), Error> {
        let domain = self.domain(by, host)?;
        tracing::info!(%host, by = %by.access_key_id(), "showed the keys of {host}");
        let keys = domain.keys.clone();
        Ok((domain, keys))
    }

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
        let named = host.clone();
        let changed = self.change_domain(host, move |old| {
            let old = old.ok_or(DomainError::NoSuchDomain(named.clone()))?;
            allowed(&replace, Some(old), &named)?;
            let (Some(choices), Some(keys)) = (&old.terms.signing, old.keys.clone()) else {
                return Err(DomainError::KeysWithoutScheme.into());
            };
            let keys = take(step, keys, choices.scheme, &named)?;
            Ok(old.with_keys(keys))
        });
        let domain = changed.await?;
        tracing::info!(host = %domain.host, by = %by, "{what} {}", domain.host);
        Ok(domain)
    }
}

fn take(step: KeyStep, keys: KeyPair, scheme: Scheme, host: &HostName) -> Result<KeyPair, Error> {
    let none = || Error::from(DomainError::NoSecondary(host.clone()));
    match step {
        KeyStep::PutSecondary(given) => {
            let secondary = Some(given.map_or_else(|| draw(scheme), Ok)?);
            Ok(KeyPair { secondary, ..keys })
        }
        KeyStep::Swap => {
            let KeyPair { primary, secondary } = keys;
            Ok(KeyPair { primary: secondary.ok_or_else(none)?, secondary: Some(primary) })
        }
        KeyStep::DropSecondary => {
            keys.secondary.ok_or_else(none)?;
            Ok(KeyPair { primary: keys.primary, secondary: None })
        }
    }
}
