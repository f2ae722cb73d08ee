//! The keys of delivery domains: open in memory, sealed in the database.

use std::iter;
use std::sync::Arc;

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
    /// The scheme that they are of, also while URLs are not signed; `None` if that is not known.
    pub scheme: Option<Scheme>,
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
    /// Whether they take the place of those that are there, whose links are refused then.
    pub replace: bool,
}

/// The settings of signing, if URLs are signed.
pub(super) fn settings(
    terms: &Terms,
    keys: Option<&KeyPair>,
) -> Result<Option<Settings>, DomainError> {
    let (Some(choices), Some(keys)) = (&terms.signing, keys) else { return Ok(None) };
    let KeyPair { scheme: _, primary, secondary } = keys.clone();
    Ok(Some(Settings::new(choices.clone(), primary, secondary)?))
}

/// The keys that a domain is to have: of those that are given and those that it has.
///
/// A key that is there goes only if that is said, or with its scheme: none is used for two, because
/// the texts of some are alike, and a signature of one would be one of the other. That holds as well
/// if nothing was signed for a while.
///
/// # Errors
///
/// [`DomainError`].
pub(super) fn to_have(
    scheme: Option<Scheme>,
    given: Option<NewKeys>,
    old: Option<&Domain>,
) -> Result<Option<KeyPair>, Error> {
    let there = old.and_then(|domain| Some((domain, domain.keys.clone()?)));
    match (scheme, there, given) {
        (None, _, Some(_)) => Err(DomainError::KeysWithoutScheme.into()),
        (None, there, None) => Ok(there.map(|(_, keys)| keys)),
        (Some(scheme), None, given) => drawn(scheme, given.unwrap_or_default()).map(Some),
        (Some(scheme), Some((domain, there)), given) => {
            let before = there.scheme;
            let keys = match (before == Some(scheme), given) {
                (true, None) => Ok(there),
                (true, Some(given)) if given.replace => drawn(scheme, given),
                (true, Some(given)) => beside(there, given, &domain.host),
                (false, None) => Err(DomainError::OtherScheme(before, scheme).into()),
                (false, Some(given)) if there.has_any_of(&given) => {
                    Err(DomainError::KeyOfScheme(before).into())
                }
                (false, Some(given)) => drawn(scheme, given),
            };
            keys.map(Some)
        }
    }
}

/// Keys that are given, with one drawn where none signs.
fn drawn(scheme: Scheme, given: NewKeys) -> Result<KeyPair, Error> {
    let NewKeys { primary, secondary, replace: _ } = given;
    let primary = primary.map_or_else(|| draw(scheme), Ok)?;
    Ok(KeyPair { scheme: Some(scheme), primary, secondary })
}

/// Keys that are there, and a secondary if one is given and there is none.
fn beside(there: KeyPair, given: NewKeys, host: &HostName) -> Result<KeyPair, Error> {
    let fits = |there: Option<&SecretKey>, given: Option<&SecretKey>| {
        there.zip(given).is_none_or(|(there, given)| there.matches(given))
    };
    let primary_fits = fits(Some(&there.primary), given.primary.as_ref());
    if !primary_fits || !fits(there.secondary.as_ref(), given.secondary.as_ref()) {
        return Err(DomainError::OtherKeys(host.clone()).into());
    }
    Ok(KeyPair { secondary: there.secondary.or(given.secondary), ..there })
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
    /// Both keys, or one.
    pub(super) fn all(&self) -> impl Iterator<Item = &SecretKey> {
        iter::once(&self.primary).chain(&self.secondary)
    }

    fn has_any_of(&self, given: &NewKeys) -> bool {
        let mut given = given.primary.iter().chain(&given.secondary);
        given.any(|given| self.all().any(|there| there.matches(given)))
    }

    /// Opens the keys of a stored domain.
    pub(super) fn open(stored: &DeliveryDomain, vault: &Vault) -> Result<Option<Self>, Error> {
        let row = stored.id.to_string();
        let open = |column, sealed: &Sealed| {
            let opened = vault.open(cell(column, &row), sealed);
            opened.map_err(|err| Error::Sealed { what: format!("a key of {}", stored.host), err })
        };
        let Some(primary) = &stored.primary else { return Ok(None) };
        let secondary = stored.secondary.as_ref().map(|sealed| open(SECONDARY, sealed));
        let (primary, secondary) = (open(PRIMARY, primary)?, secondary.transpose()?);
        Ok(Some(Self { scheme: stored.key_scheme, primary, secondary }))
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
}
