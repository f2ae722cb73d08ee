//! Why a delivery domain cannot be what it was asked to be.

use crate::domain::delivery::InvalidIssue;
use crate::domain::op::{HostName, HostUse};
use crate::domain::urlsign::{InvalidSettings, Scheme};
use crate::service::error::Error;

/// Why a delivery domain cannot be what it was asked to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DomainError {
    /// There is none of that host.
    #[error("there is no delivery domain {0}")]
    NoSuchDomain(HostName),
    /// The host is there for something else.
    #[error("{0} cannot be a delivery domain: it {1}")]
    Used(HostName, HostUse),
    /// The host is none that a client could ask for.
    #[error("{0} is no name of a host")]
    NoName(HostName),
    /// There is one of that host already, and it was not to be replaced.
    #[error("{0} is a delivery domain already")]
    Exists(HostName),
    /// It is another than the one that was to be replaced.
    #[error("the delivery domain {0} has changed; read it again")]
    Changed(HostName),
    /// There are too many.
    #[error("there are {} delivery domains, which is all there can be", super::MAX_DOMAINS)]
    TooMany,
    /// Settings of signing that cannot be.
    #[error("signing: {0}")]
    Signing(#[from] InvalidSettings),
    /// Links that the scheme cannot say.
    #[error("distribution: {0}")]
    Issue(#[from] InvalidIssue),
    /// It is not known where clients are.
    #[error(
        "signing: regions cannot be switched on: there is nothing that tells where a client is \
         (the server's setting client_region_header)"
    )]
    Regions,
    /// Keys without a scheme, by whose rules they could be checked.
    #[error("keys: there are none without a signing scheme")]
    KeysWithoutScheme,
    /// Keys that would take the place of others.
    #[error(
        "keys: {0} has other keys, whose links would be refused: put one beside them \
         (keys/secondary, refgate domain add-key), or say that they are to be replaced \
         (`replace`, --replace-keys)"
    )]
    OtherKeys(HostName),
    /// Another scheme without other keys.
    #[error(
        "keys: every scheme needs keys of its own: name those for {1} in place of those for {0}, or \
         have one drawn (`keys` that are empty, --replace-keys)"
    )]
    OtherScheme(Scheme, Scheme),
    /// A key of another scheme.
    #[error("keys: every scheme needs keys of its own, and one of these is there for {0}")]
    KeyOfScheme(Scheme),
    /// There is a secondary key already.
    #[error(
        "{0} has a secondary key, whose links would be refused: drop it, or say that it is to be \
         replaced (`replace`, --replace)"
    )]
    SecondaryThere(HostName),
    /// The secondary key is another than the one that was named.
    #[error("the secondary key of {0} is another one")]
    OtherSecondary(HostName),
    /// The key is needed.
    #[error(
        "the key {key} verified a request {ago} seconds ago, and links are good for {good_for}: \
         wait until nobody comes with one, or say that they are to be refused (`force`, --force)"
    )]
    KeyInUse {
        /// Its id.
        key: String,
        /// How many seconds ago it verified the last.
        ago: i64,
        /// For how many seconds links are good.
        good_for: i64,
    },
    /// There is no secondary key.
    #[error("{0} has no secondary key")]
    NoSecondary(HostName),
}

impl From<DomainError> for Error {
    fn from(err: DomainError) -> Self {
        Self::Domain(Box::new(err))
    }
}
