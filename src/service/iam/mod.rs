//! Users beside the owner: their access keys and policies.
//!
//! All of them are in memory, so that a request asks no database who sends it. A change is durable
//! first; then what the database has replaces what is in memory, and then it is acknowledged. So a
//! key that was disabled opens nothing from that moment on, and a change whose outcome is in doubt
//! leaves memory as the database is.
//!
//! Should the database not answer after a change, memory knows nobody: users are refused as
//! unavailable until it answers again, because one of them may just have been disabled.

mod bucket;
mod directory;
mod session;

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::App;
use super::access::Administrator;
use super::clock::new_access_key;
use super::error::Error;
use crate::domain::code;
use crate::domain::iam::{PolicyName, Realm, UserName};
use crate::domain::name::AccessKeyId;
use crate::domain::secret::SecretKey;
use crate::meta::iam::NewKey;

pub use crate::meta::iam::{IamChange, IamChanged, MAX_KEYS, MAX_POLICIES_OF_USER, NamedPolicy};
pub(super) use directory::Directory;
pub use directory::{KeySummary, User};
pub use session::{Grantee, MAX_SESSION_POLICY_BYTES, SECONDS, Session, Temporary};
pub(super) use session::{PREFIX, open as open_token};

/// How long to wait before the database is asked again.
const RETRY: Duration = Duration::from_secs(1);

/// An access key that was made just now. Its secret is not shown again.
#[derive(Debug)]
pub struct MadeKey {
    /// The public half.
    pub id: AccessKeyId,
    /// The secret half.
    pub secret: SecretKey,
}

impl App {
    /// All users, in the order of their names.
    ///
    /// # Errors
    ///
    /// [`code::USERS_UNKNOWN`].
    pub fn users(&self, _by: &Administrator) -> Result<Vec<Arc<User>>, Error> {
        Ok(self.directory()?.users().values().cloned().collect())
    }

    /// A user.
    ///
    /// # Errors
    ///
    /// [`code::USERS_UNKNOWN`].
    pub fn user(&self, _by: &Administrator, name: &UserName) -> Result<Option<Arc<User>>, Error> {
        Ok(self.directory()?.users().get(name).cloned())
    }

    /// All policies of users, in the order of their names.
    ///
    /// # Errors
    ///
    /// [`code::USERS_UNKNOWN`].
    pub fn policies(&self, _by: &Administrator) -> Result<Vec<NamedPolicy>, Error> {
        Ok(self.directory()?.policies().values().cloned().collect())
    }

    /// A policy of users, and the names of those who have it.
    ///
    /// # Errors
    ///
    /// [`code::USERS_UNKNOWN`].
    pub fn policy(
        &self,
        _by: &Administrator,
        name: &PolicyName,
    ) -> Result<Option<(NamedPolicy, Vec<UserName>)>, Error> {
        let directory = self.directory()?;
        let Some(policy) = directory.policies().get(name).cloned() else { return Ok(None) };
        let has = directory.users().values().filter(|user| user.policies.contains(name));
        Ok(Some((policy, has.map(|user| user.name.clone()).collect())))
    }

    /// Whose access key it is.
    ///
    /// # Errors
    ///
    /// [`code::USERS_UNKNOWN`].
    pub fn owner_of_key(
        &self,
        _by: &Administrator,
        id: &AccessKeyId,
    ) -> Result<Option<UserName>, Error> {
        Ok(self.directory()?.key(id).map(|key| key.user.name.clone()))
    }

    /// What policies call this server.
    fn realm(&self) -> Realm<'_> {
        Realm { region: &self.region, account: self.root.id().as_str() }
    }

    /// Changes users, keys or policies. What comes of it is in force when this returns.
    ///
    /// # Errors
    ///
    /// [`Error::Policy`] for a policy about another region or account, or another [`Error`].
    pub async fn change_iam(
        self: &Arc<Self>,
        by: &Administrator,
        change: IamChange,
    ) -> Result<IamChanged, Error> {
        if let IamChange::PutPolicy(_, document) = &change {
            document.check_realm(self.realm())?;
        }
        let (app, by) = (self.clone(), by.access_key_id().clone());
        self.to_the_end(async move {
            let _changing = app.changing_users.lock().await;
            let what = summary(&change);
            let changed = app.meta.change_iam(change, app.clock.now()).await;
            if changed.as_ref().is_err_and(|err| !err.is_in_doubt()) {
                return Ok(changed?);
            }
            app.read_directory().await?;
            let changed = changed?;
            if changed == IamChanged::Done {
                tracing::info!(by = %by, "{what}");
            }
            Ok(changed)
        })
        .await
    }

    /// Gives a user a new access key. Where none could be given, it says why.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub async fn create_key(
        self: &Arc<Self>,
        by: &Administrator,
        user: UserName,
    ) -> Result<Result<MadeKey, IamChanged>, Error> {
        let (made, new) = self.make_key()?;
        let changed = self.change_iam(by, IamChange::CreateKey(user, new)).await?;
        Ok(if changed == IamChanged::Done { Ok(made) } else { Err(changed) })
    }

    /// Gives a user a new access key in place of one that is disabled with it.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub async fn rotate_key(
        self: &Arc<Self>,
        by: &Administrator,
        (user, old): (UserName, AccessKeyId),
    ) -> Result<Result<MadeKey, IamChanged>, Error> {
        let (made, new) = self.make_key()?;
        let changed = self.change_iam(by, IamChange::RotateKey(user, old, new)).await?;
        Ok(if changed == IamChanged::Done { Ok(made) } else { Err(changed) })
    }

    fn make_key(&self) -> Result<(MadeKey, NewKey), Error> {
        let (id, secret) = new_access_key()?;
        let id: AccessKeyId = id.parse().map_err(|_| Error::Fault("a new key has a bad id"))?;
        let sealed = self.vault.seal(directory::cell(&id), &secret)?;
        Ok((MadeKey { id: id.clone(), secret }, NewKey { id, secret: sealed }))
    }

    /// What is known of users.
    pub(super) fn directory(&self) -> Result<Arc<Directory>, Error> {
        self.users.load_full().ok_or(Error::Refused(code::USERS_UNKNOWN))
    }

    /// Takes what the database has into memory. While it cannot be read, nobody is known.
    async fn read_directory(self: &Arc<Self>) -> Result<(), Error> {
        let read = match self.meta.directory().await {
            Ok(stored) => Directory::open(stored, &self.vault),
            Err(err) => Err(err.into()),
        };
        match read {
            Ok(directory) => {
                self.users.store(Some(Arc::new(directory)));
                Ok(())
            }
            Err(err) => {
                self.users.store(None);
                tracing::error!(error = ?err, "users are refused until they can be read: {err}");
                tokio::spawn(read_again(Arc::downgrade(self)));
                Err(err)
            }
        }
    }
}

/// Reads the directory as soon as it can be read.
async fn read_again(app: Weak<App>) {
    loop {
        tokio::time::sleep(RETRY).await;
        let Some(app) = app.upgrade() else { return };
        let _changing = app.changing_users.lock().await;
        if app.users.load().is_some() {
            return;
        }
        let Ok(stored) = app.meta.directory().await else { continue };
        if let Ok(directory) = Directory::open(stored, &app.vault) {
            app.users.store(Some(Arc::new(directory)));
            tracing::info!("users are known again");
            return;
        }
    }
}

/// A change in words, for the log.
fn summary(change: &IamChange) -> String {
    match change {
        IamChange::CreateUser(user) => format!("created the user {user}"),
        IamChange::DeleteUser(user) => format!("deleted the user {user}"),
        IamChange::CreateKey(user, key) => format!("gave {user} the access key {}", key.id),
        IamChange::EnableKey(user, id, true) => format!("enabled {id} of {user}"),
        IamChange::EnableKey(user, id, false) => format!("disabled {id} of {user}"),
        IamChange::DeleteKey(user, id) => format!("deleted {id} of {user}"),
        IamChange::RotateKey(user, id, new) => {
            format!("replaced {id} of {user} by {}", new.id)
        }
        IamChange::PutPolicy(policy, _) => format!("put the policy {policy}"),
        IamChange::DeletePolicy(policy) => format!("deleted the policy {policy}"),
        IamChange::Attach(user, policy) => format!("gave {user} the policy {policy}"),
        IamChange::Detach(user, policy) => format!("took the policy {policy} from {user}"),
    }
}
