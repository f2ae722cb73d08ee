//! Why a delivery domain cannot be what it was asked to be.

use crate::domain::delivery::InvalidIssue;
use crate::domain::op::{HostName, HostUse};
use crate::domain::time::UnixMillis;
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
        "keys: every scheme needs keys of its own: name those for {after} in place of those for \
         {before}, or have one drawn (`keys` that are empty, --replace-keys)",
        before = named(*.0),
        after = .1
    )]
    OtherScheme(Option<Scheme>, Scheme),
    /// A key of another scheme, or of one that is not known.
    #[error(
        "keys: every scheme needs keys of its own, and one of these is there for {before}",
        before = named(*.0)
    )]
    KeyOfScheme(Option<Scheme>),
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
        "links of the key {key} that it verified, or that were made with it, are good until {end}: \
         wait for it, or say that they are to be refused (`force`, --force)",
        end = moment(*.until)
    )]
    KeyInUse {
        /// Its id.
        key: String,
        /// The last second of the link that ends last, after the epoch.
        until: i64,
    },
    /// There is no secondary key.
    #[error("{0} has no secondary key")]
    NoSecondary(HostName),
}

fn named(scheme: Option<Scheme>) -> &'static str {
    scheme.map_or("a scheme that is not known", Scheme::as_str)
}

/// A second as a date. Some links end at a time that has none.
fn moment(second: i64) -> String {
    let date = UnixMillis::from_secs(second).try_iso8601();
    date.unwrap_or_else(|| format!("{second} seconds after 1970"))
}

impl From<DomainError> for Error {
    fn from(err: DomainError) -> Self {
        Self::Domain(Box::new(err))
    }
}
