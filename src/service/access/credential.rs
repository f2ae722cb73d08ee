//! What an access key is worth: the one lookup for every way to sign.

use std::sync::Arc;

use super::Principal;
use crate::domain::auth::{AuthError, KnownKey};
use crate::domain::name::AccessKeyId;
use crate::service::App;
use crate::service::iam::{PREFIX, open_token};

/// An access key that is known, and whose it is.
#[derive(Debug)]
pub struct Credential {
    /// Its secret.
    pub key: KnownKey,
    /// Whose it is, once the signature turns out to be genuine.
    pub principal: Principal,
}

impl App {
    /// Finds an access key, and for a temporary one looks at the security token that came with it.
    /// No database is asked.
    ///
    /// # Errors
    ///
    /// [`AuthError`]: the key is unknown or disabled, or the token is not what it must be.
    pub fn credential(
        &self,
        id: &AccessKeyId,
        token: Option<&str>,
    ) -> Result<Credential, AuthError> {
        if *id == self.root.id {
            let key = KnownKey::permanent(self.root.secret.clone());
            return Ok(Credential { key, principal: Principal::Owner });
        }
        let directory = self.users.load();
        let directory = directory.as_ref().ok_or(AuthError::UsersUnknown)?;
        if let Some(key) = directory.key(id) {
            if !key.enabled {
                return Err(AuthError::KeyDisabled(id.clone()));
            }
            let principal = Principal::User(Arc::clone(&key.user));
            return Ok(Credential { key: KnownKey::permanent(key.secret.clone()), principal });
        }
        if !id.as_str().starts_with(PREFIX) {
            return Err(AuthError::UnknownAccessKey(id.to_string()));
        }
        let token = token.ok_or_else(|| AuthError::TokenMissing(id.clone()))?;
        let opened = open_token(&self.vault, directory, (id, token), self.clock.now());
        let (secret, session) = opened?;
        let key = KnownKey { secret, temporary: true };
        Ok(Credential { key, principal: Principal::Session(Arc::new(session)) })
    }
}
