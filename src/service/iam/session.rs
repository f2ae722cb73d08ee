//! Temporary credentials: a key with a security token, in which all that is to be known of them is
//! sealed. So they are good on every server that has the master key, until they end or their user
//! is deleted, and nothing of them is kept.
//!
//! Source: STS "AssumeRole".

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Directory, User};
use crate::domain::auth::AuthError;
use crate::domain::iam::{Kind, PolicyDocument, UserId, UserName};
use crate::domain::name::AccessKeyId;
use crate::domain::seal::{Cell, Sealed};
use crate::domain::secret::SecretKey;
use crate::domain::time::UnixMillis;
use crate::service::App;
use crate::service::access::Administrator;
use crate::service::clock::new_temporary_key;
use crate::service::error::Error;
use crate::service::vault::Vault;

/// How the ids of temporary keys begin.
pub(in crate::service) const PREFIX: &str = "STS.";

/// How long temporary credentials may be good, in seconds.
pub const SECONDS: std::ops::RangeInclusive<u32> = 900..=43_200;

/// The most bytes of a policy that narrows temporary credentials: with their token it travels in
/// the head of every request.
pub const MAX_SESSION_POLICY_BYTES: usize = 2048;

/// A token has no row; the secret in it is bound to the key by what else is in it.
const CELL: Cell<'static> = Cell { table: "tokens", column: "token", row: "" };

/// Whom temporary credentials are for.
#[derive(Clone, Debug)]
pub enum Grantee {
    /// A user: they may do what it may, and what the policy allows, if there is one.
    User(UserName, Option<Arc<PolicyDocument>>),
    /// Nobody by name, as a role is: they may do what the policy allows.
    Policy(Arc<PolicyDocument>),
}

/// Temporary credentials that were made just now.
#[derive(Debug)]
pub struct Temporary {
    /// The public half of the key.
    pub id: AccessKeyId,
    /// The secret half.
    pub secret: SecretKey,
    /// The security token, which is as secret.
    pub token: SecretKey,
    /// When they end.
    pub end: UnixMillis,
}

/// The bearer of temporary credentials.
#[derive(Debug)]
pub struct Session {
    pub(in crate::service) user: Option<Arc<User>>,
    /// What narrows them or, without a user, all that they may do.
    pub(in crate::service) policy: Option<Arc<PolicyDocument>>,
}

impl Session {
    /// The same with what its user has now.
    ///
    /// # Errors
    ///
    /// [`AuthError::TokenInvalid`]: the user is gone.
    pub(in crate::service) fn renewed(&self, directory: &Directory) -> Result<Self, AuthError> {
        let user = |user: &Arc<User>| directory.user_of_id(user.id).cloned();
        let user = match &self.user {
            Some(known) => Some(user(known).ok_or(AuthError::TokenInvalid)?),
            None => None,
        };
        Ok(Self { user, policy: self.policy.clone() })
    }
}

/// What is in a token.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    id: String,
    secret: Zeroizing<String>,
    /// The last second.
    end: i64,
    user: Option<i64>,
    policy: Option<String>,
}

impl App {
    /// Makes temporary credentials that are good for so many seconds. `None` if there is no such
    /// user.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub fn make_temporary(
        &self,
        by: &Administrator,
        grantee: Grantee,
        seconds: u32,
    ) -> Result<Option<Temporary>, Error> {
        if let Grantee::User(_, Some(policy)) | Grantee::Policy(policy) = &grantee {
            policy.check_realm(self.realm())?;
        }
        let (user, policy) = match grantee {
            Grantee::User(name, policy) => {
                let Some(user) = self.user(by, &name)? else { return Ok(None) };
                tracing::info!(by = %by.access_key_id(), "made temporary credentials of {name}");
                (Some(user.id.0), policy)
            }
            Grantee::Policy(policy) => {
                tracing::info!(by = %by.access_key_id(), "made temporary credentials of nobody");
                (None, Some(policy))
            }
        };
        let (id, secret) = new_temporary_key(PREFIX)?;
        let end = self.clock.now().as_secs().saturating_add(seconds.into());
        let content = Content {
            id: id.clone(),
            secret: Zeroizing::new(secret.expose().to_owned()),
            end,
            user,
            policy: policy.map(|policy| policy.as_str().to_owned()),
        };
        let token = seal(&self.vault, &content)?;
        let id = id.parse().map_err(|_| Error::Fault("a new key has a bad id"))?;
        Ok(Some(Temporary { id, secret, token, end: UnixMillis::from_secs(end) }))
    }
}

fn seal(vault: &Vault, content: &Content) -> Result<SecretKey, Error> {
    let json = serde_json::to_string(content).map_err(|_| Error::Fault("a token has no form"))?;
    let sealed = vault.seal(CELL, &SecretKey::new(json))?;
    Ok(SecretKey::new(URL_SAFE_NO_PAD.encode(sealed.to_bytes())))
}

/// Opens the token that came with a key: the secret of the key, and whose it is.
pub(in crate::service) fn open(
    vault: &Vault,
    directory: &Directory,
    (id, token): (&AccessKeyId, &str),
    now: UnixMillis,
) -> Result<(SecretKey, Session), AuthError> {
    let content = read(vault, token).ok_or(AuthError::TokenInvalid)?;
    if content.id != id.as_str() {
        return Err(AuthError::TokenOfAnother(id.clone()));
    }
    if now.as_secs() > content.end {
        let end = UnixMillis::from_secs(content.end);
        return Err(AuthError::TokenExpired { end, server: now });
    }
    // A user who is gone takes its temporary credentials with it.
    let user = |id| directory.user_of_id(UserId(id)).cloned().ok_or(AuthError::TokenInvalid);
    let policy = content.policy.map(|text| PolicyDocument::parse(&text, Kind::Session));
    let policy = policy.transpose().map_err(|_| AuthError::TokenInvalid)?;
    let user = content.user.map(user).transpose()?;
    if user.is_none() && policy.is_none() {
        return Err(AuthError::TokenInvalid);
    }
    let session = Session { user, policy: policy.map(Arc::new) };
    Ok((SecretKey::new(content.secret.to_string()), session))
}

fn read(vault: &Vault, token: &str) -> Option<Content> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let opened = vault.open(CELL, &Sealed::from_bytes(&bytes)?).ok()?;
    serde_json::from_str(opened.expose()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::seal::{KeyVersion, Keyring, MasterKey};

    const NOW: UnixMillis = UnixMillis::from_secs(1_700_000_000);

    fn vault(key: u8) -> Vault {
        Vault::new(Keyring::new([(KeyVersion(1), MasterKey::new([key; 32].into()))]).unwrap())
    }

    fn content() -> Content {
        let policy =
            r#"{"Version":"1","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
        Content {
            id: "STS.1".to_owned(),
            secret: Zeroizing::new("s3cr3t".to_owned()),
            end: NOW.as_secs() + 900,
            user: None,
            policy: Some(policy.to_owned()),
        }
    }

    fn opened(content: &Content, id: &str, now: UnixMillis) -> Result<String, AuthError> {
        let token = seal(&vault(1), content).unwrap();
        let id = id.parse().unwrap();
        let opened = open(&vault(1), &Directory::default(), (&id, token.expose()), now);
        opened.map(|(secret, _)| secret.expose().to_owned())
    }

    #[test]
    fn a_token_is_good_for_its_key_to_the_end_of_its_last_second() {
        let last = UnixMillis(NOW.0 + 900_999);
        let after = UnixMillis(NOW.0 + 901_000);
        assert_eq!(opened(&content(), "STS.1", NOW), Ok("s3cr3t".into()));
        assert_eq!(opened(&content(), "STS.1", last), Ok("s3cr3t".into()));
        let end = UnixMillis(NOW.0 + 900_000);
        let expired = AuthError::TokenExpired { end, server: after };
        assert_eq!(opened(&content(), "STS.1", after), Err(expired));
        let other: AccessKeyId = "STS.2".parse().unwrap();
        assert_eq!(opened(&content(), "STS.2", NOW), Err(AuthError::TokenOfAnother(other)));
    }

    #[test]
    fn a_token_of_somebody_gone_or_of_nothing_is_invalid() {
        let of_a_user = Content { user: Some(1), ..content() };
        let of_nothing = Content { policy: None, ..content() };
        let of_a_bad_policy = Content { policy: Some("{}".into()), ..content() };
        for content in [of_a_user, of_nothing, of_a_bad_policy] {
            assert_eq!(opened(&content, "STS.1", NOW), Err(AuthError::TokenInvalid));
        }
    }

    #[test]
    fn what_was_not_sealed_here_is_invalid() {
        let id = "STS.1".parse().unwrap();
        let good = seal(&vault(1), &content()).unwrap().expose().to_owned();
        let other = seal(&vault(2), &content()).unwrap().expose().to_owned();
        let longer = format!("{good}A");
        for token in ["", "token", "AAAA", &other, &good[1..], &longer] {
            let opened = open(&vault(1), &Directory::default(), (&id, token), NOW);
            assert_eq!(opened.unwrap_err(), AuthError::TokenInvalid, "{token}");
        }
    }
}
