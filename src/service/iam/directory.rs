//! Users in memory: immutable, replaced as a whole.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::domain::iam::{PolicyDocument, PolicyName, UserId, UserName};
use crate::domain::name::AccessKeyId;
use crate::domain::seal::Cell;
use crate::domain::secret::SecretKey;
use crate::domain::time::UnixMillis;
use crate::meta::iam::{self as stored, NamedPolicy};
use crate::service::error::Error;
use crate::service::vault::Vault;

/// A user.
#[derive(Debug)]
pub struct User {
    /// Its number.
    pub id: UserId,
    /// Its name.
    pub name: UserName,
    /// When it was created.
    pub created: UnixMillis,
    /// Its access keys without their secrets, in the order of their creation.
    pub keys: Vec<KeySummary>,
    /// The names of its policies, in order.
    pub policies: Vec<PolicyName>,
    pub(in crate::service) documents: Vec<Arc<PolicyDocument>>,
}

/// What may be shown of an access key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySummary {
    /// The public half.
    pub id: AccessKeyId,
    /// Whether it may be used.
    pub enabled: bool,
    /// When it was created.
    pub created: UnixMillis,
}

/// An access key of a user, ready to check signatures.
#[derive(Debug)]
pub(in crate::service) struct Key {
    pub(in crate::service) secret: SecretKey,
    pub(in crate::service) enabled: bool,
    pub(in crate::service) user: Arc<User>,
}

/// All users, their keys and policies.
#[derive(Debug, Default)]
pub(in crate::service) struct Directory {
    users: BTreeMap<UserName, Arc<User>>,
    by_id: HashMap<UserId, Arc<User>>,
    keys: HashMap<AccessKeyId, Key>,
    policies: BTreeMap<PolicyName, NamedPolicy>,
}

/// Where the secret of an access key lies in the database.
pub(super) fn cell(id: &AccessKeyId) -> Cell<'_> {
    Cell { table: "access_keys", column: "secret", row: id.as_str() }
}

impl Directory {
    /// Makes the directory of what is stored.
    pub(in crate::service) fn open(all: stored::Directory, vault: &Vault) -> Result<Self, Error> {
        let policies: BTreeMap<_, _> =
            all.policies.into_iter().map(|policy| (policy.name.clone(), policy)).collect();
        let mut summaries: HashMap<UserId, Vec<KeySummary>> = HashMap::new();
        for stored::AccessKey { id, user, enabled, created, .. } in &all.keys {
            let summary = KeySummary { id: id.clone(), enabled: *enabled, created: *created };
            summaries.entry(*user).or_default().push(summary);
        }
        let mut attached: HashMap<UserId, Vec<PolicyName>> = HashMap::new();
        for (user, policy) in all.attached {
            attached.entry(user).or_default().push(policy);
        }
        let user = |stored::User { id, name, created }| {
            let mut keys = summaries.remove(&id).unwrap_or_default();
            keys.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
            let mut names = attached.remove(&id).unwrap_or_default();
            names.sort();
            let document = |name| policies.get(name).map(|policy| Arc::clone(&policy.document));
            let documents = names.iter().filter_map(document).collect();
            Arc::new(User { id, name, created, keys, policies: names, documents })
        };
        let by_id: HashMap<_, _> = all.users.into_iter().map(user).map(|u| (u.id, u)).collect();
        let keys = all.keys.into_iter().map(|key| open_key(key, &by_id, vault));
        let keys = keys.collect::<Result<_, Error>>()?;
        let users = by_id.values().map(|user| (user.name.clone(), Arc::clone(user))).collect();
        Ok(Self { users, by_id, keys, policies })
    }

    pub(in crate::service) fn key(&self, id: &AccessKeyId) -> Option<&Key> {
        self.keys.get(id)
    }

    pub(in crate::service) fn user_of_id(&self, id: UserId) -> Option<&Arc<User>> {
        self.by_id.get(&id)
    }

    pub(super) const fn users(&self) -> &BTreeMap<UserName, Arc<User>> {
        &self.users
    }

    pub(super) const fn policies(&self) -> &BTreeMap<PolicyName, NamedPolicy> {
        &self.policies
    }
}

fn open_key(
    key: stored::AccessKey,
    users: &HashMap<UserId, Arc<User>>,
    vault: &Vault,
) -> Result<(AccessKeyId, Key), Error> {
    let secret = vault.open(cell(&key.id), &key.secret);
    let what = || format!("the secret of the access key {}", key.id);
    let secret = secret.map_err(|err| Error::Sealed { what: what(), err })?;
    let user = users.get(&key.user).ok_or(Error::Fault("an access key without a user"))?;
    Ok((key.id, Key { secret, enabled: key.enabled, user: Arc::clone(user) }))
}
