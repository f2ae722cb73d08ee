//! Changing users, keys and policies.

use sqlx::SqliteConnection;

use crate::domain::iam::{PolicyDocument, PolicyName, UserName};
use crate::domain::name::AccessKeyId;
use crate::domain::time::UnixMillis;
use crate::meta::MetaError;
use crate::meta::iam::{
    IamChange, IamChanged, MAX_KEYS, MAX_POLICIES_OF_USER, MAX_USERS_OR_POLICIES, NewKey,
};
use crate::meta::sqlite::writer::Operation;

/// A change at a moment.
pub(super) struct Change {
    pub(super) change: IamChange,
    pub(super) now: UnixMillis,
}

type Outcome = Result<IamChanged, MetaError>;

impl Operation for Change {
    type Answer = IamChanged;

    async fn run(&self, connection: &mut SqliteConnection) -> Outcome {
        let at = self.now.0;
        match &self.change {
            IamChange::CreateUser(name) => create_user(connection, name, at).await,
            IamChange::PutPolicy(name, document) => {
                put_policy(connection, (name, document), at).await
            }
            IamChange::DeletePolicy(name) => delete_policy(connection, name).await,
            IamChange::DeleteUser(name) => {
                const SQL: &str = "delete from users where name = ?1";
                let query = sqlx::query(SQL).bind(name.as_str());
                let deleted = query.execute(connection).await?.rows_affected();
                Ok(if deleted == 0 { IamChanged::NoSuchUser } else { IamChanged::Done })
            }
            IamChange::CreateKey(user, _)
            | IamChange::EnableKey(user, ..)
            | IamChange::DeleteKey(user, _)
            | IamChange::RotateKey(user, ..)
            | IamChange::Attach(user, _)
            | IamChange::Detach(user, _) => match user_id(connection, user).await? {
                Some(user) => self.of_user(connection, user).await,
                None => Ok(IamChanged::NoSuchUser),
            },
        }
    }
}

impl Change {
    /// Changes what belongs to a user.
    async fn of_user(&self, connection: &mut SqliteConnection, user: i64) -> Outcome {
        match &self.change {
            IamChange::CreateKey(_, key) => create_key(connection, user, key, self.now.0).await,
            IamChange::EnableKey(_, id, enabled) => enable(connection, user, id, *enabled).await,
            IamChange::DeleteKey(_, id) => delete_key(connection, user, id).await,
            IamChange::RotateKey(_, id, new) => {
                rotate_key(connection, (user, id), new, self.now.0).await
            }
            IamChange::Attach(_, policy) => attach(connection, user, policy).await,
            IamChange::Detach(_, policy) => detach(connection, user, policy).await,
            IamChange::CreateUser(_)
            | IamChange::DeleteUser(_)
            | IamChange::PutPolicy(..)
            | IamChange::DeletePolicy(_) => Ok(IamChanged::NoSuchUser),
        }
    }
}

async fn user_id(
    connection: &mut SqliteConnection,
    name: &UserName,
) -> Result<Option<i64>, MetaError> {
    const SQL: &str = "select id from users where name = ?1";
    Ok(sqlx::query_scalar(SQL).bind(name.as_str()).fetch_optional(connection).await?)
}

async fn policy_id(
    connection: &mut SqliteConnection,
    name: &PolicyName,
) -> Result<Option<i64>, MetaError> {
    const SQL: &str = "select id from policies where name = ?1";
    Ok(sqlx::query_scalar(SQL).bind(name.as_str()).fetch_optional(connection).await?)
}

/// Whether as many rows are counted as there may be.
fn is_full(count: i64, most: usize) -> bool {
    usize::try_from(count).is_ok_and(|count| count >= most)
}

async fn create_user(connection: &mut SqliteConnection, name: &UserName, at: i64) -> Outcome {
    const COUNT: &str = "select count(*) from users";
    const SQL: &str = "
        insert into users (name, created) values (?1, ?2) on conflict (name) do nothing";
    let count = sqlx::query_scalar(COUNT).fetch_one(&mut *connection).await?;
    if is_full(count, MAX_USERS_OR_POLICIES) {
        return Ok(IamChanged::TooMany);
    }
    let query = sqlx::query(SQL).bind(name.as_str()).bind(at);
    let created = query.execute(connection).await?.rows_affected();
    Ok(if created == 0 { IamChanged::Exists } else { IamChanged::Done })
}

async fn create_key(
    connection: &mut SqliteConnection,
    user: i64,
    key: &NewKey,
    at: i64,
) -> Outcome {
    const COUNT: &str = "select count(*) from access_keys where user_id = ?1";
    const SQL: &str = "
        insert into access_keys (id, user_id, secret, enabled, created) values (?1, ?2, ?3, 1, ?4)";
    let count = sqlx::query_scalar(COUNT).bind(user).fetch_one(&mut *connection).await?;
    if is_full(count, MAX_KEYS) {
        return Ok(IamChanged::TooMany);
    }
    let query = sqlx::query(SQL).bind(key.id.as_str()).bind(user).bind(key.secret.to_bytes());
    query.bind(at).execute(connection).await?;
    Ok(IamChanged::Done)
}

async fn enable(
    connection: &mut SqliteConnection,
    user: i64,
    id: &AccessKeyId,
    enabled: bool,
) -> Outcome {
    const SQL: &str = "update access_keys set enabled = ?3 where id = ?1 and user_id = ?2";
    let query = sqlx::query(SQL).bind(id.as_str()).bind(user).bind(enabled);
    Ok(key_changed(query.execute(connection).await?.rows_affected()))
}

async fn delete_key(connection: &mut SqliteConnection, user: i64, id: &AccessKeyId) -> Outcome {
    const SQL: &str = "delete from access_keys where id = ?1 and user_id = ?2";
    let query = sqlx::query(SQL).bind(id.as_str()).bind(user);
    Ok(key_changed(query.execute(connection).await?.rows_affected()))
}

fn key_changed(rows: u64) -> IamChanged {
    if rows == 0 { IamChanged::NoSuchKey } else { IamChanged::Done }
}

async fn rotate_key(
    connection: &mut SqliteConnection,
    (user, old): (i64, &AccessKeyId),
    new: &NewKey,
    at: i64,
) -> Outcome {
    const FIND: &str = "select count(*) from access_keys where user_id = ?1 and id = ?2";
    const IN_USE: &str = "
        select count(*) from access_keys where user_id = ?1 and id <> ?2 and enabled = 1";
    const DISCARD: &str = "delete from access_keys where user_id = ?1 and id <> ?2";
    let count = async |connection: &mut SqliteConnection, sql: &'static str| {
        let query = sqlx::query_scalar::<_, i64>(sql).bind(user).bind(old.as_str());
        query.fetch_one(connection).await
    };
    if count(connection, FIND).await? == 0 {
        return Ok(IamChanged::NoSuchKey);
    }
    if count(connection, IN_USE).await? > 0 {
        return Ok(IamChanged::TooMany);
    }
    sqlx::query(DISCARD).bind(user).bind(old.as_str()).execute(&mut *connection).await?;
    enable(connection, user, old, false).await?;
    create_key(connection, user, new, at).await
}

async fn put_policy(
    connection: &mut SqliteConnection,
    (name, document): (&PolicyName, &PolicyDocument),
    at: i64,
) -> Outcome {
    const COUNT: &str = "select count(*) from policies where name <> ?1";
    const SQL: &str = "
        insert into policies (name, document, updated) values (?1, ?2, ?3)
        on conflict (name) do update set
            document = excluded.document, updated = excluded.updated";
    let others = sqlx::query_scalar(COUNT).bind(name.as_str()).fetch_one(&mut *connection).await?;
    if is_full(others, MAX_USERS_OR_POLICIES) {
        return Ok(IamChanged::TooMany);
    }
    let query = sqlx::query(SQL).bind(name.as_str()).bind(document.as_str()).bind(at);
    query.execute(connection).await?;
    Ok(IamChanged::Done)
}

async fn delete_policy(connection: &mut SqliteConnection, name: &PolicyName) -> Outcome {
    const USED: &str = "select count(*) from user_policies where policy_id = ?1";
    const SQL: &str = "delete from policies where id = ?1";
    let Some(id) = policy_id(connection, name).await? else {
        return Ok(IamChanged::NoSuchPolicy);
    };
    let users: i64 = sqlx::query_scalar(USED).bind(id).fetch_one(&mut *connection).await?;
    if users > 0 {
        return Ok(IamChanged::InUse);
    }
    sqlx::query(SQL).bind(id).execute(connection).await?;
    Ok(IamChanged::Done)
}

async fn attach(connection: &mut SqliteConnection, user: i64, policy: &PolicyName) -> Outcome {
    const COUNT: &str = "
        select count(*) from user_policies where user_id = ?1 and policy_id <> ?2";
    const SQL: &str = "
        insert into user_policies (user_id, policy_id) values (?1, ?2) on conflict do nothing";
    let Some(policy) = policy_id(connection, policy).await? else {
        return Ok(IamChanged::NoSuchPolicy);
    };
    let others =
        sqlx::query_scalar(COUNT).bind(user).bind(policy).fetch_one(&mut *connection).await?;
    if is_full(others, MAX_POLICIES_OF_USER) {
        return Ok(IamChanged::TooMany);
    }
    sqlx::query(SQL).bind(user).bind(policy).execute(connection).await?;
    Ok(IamChanged::Done)
}

async fn detach(connection: &mut SqliteConnection, user: i64, policy: &PolicyName) -> Outcome {
    const SQL: &str = "delete from user_policies where user_id = ?1 and policy_id = ?2";
    let Some(policy) = policy_id(connection, policy).await? else {
        return Ok(IamChanged::NoSuchPolicy);
    };
    sqlx::query(SQL).bind(user).bind(policy).execute(connection).await?;
    Ok(IamChanged::Done)
}
