//! Users, their access keys and policies, and the policies of buckets.

mod change;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use sqlx::SqliteConnection;

use super::bucket::changed;
use super::writer::Operation;
use super::{Sqlite, corrupt, parsed, read_error};
use crate::domain::iam::{Kind, PolicyDocument, PolicyName, UserId};
use crate::domain::name::BucketId;
use crate::domain::seal::{KeyVersion, Sealed};
use crate::domain::time::UnixMillis;
use crate::meta::iam::{AccessKey, Directory, Iam, IamChange, IamChanged, NamedPolicy, User};
use crate::meta::{Changed, MetaError};

#[async_trait]
impl Iam for Sqlite {
    async fn directory(&self) -> Result<Directory, MetaError> {
        const USERS: &str = "select id, name, created from users";
        const KEYS: &str = "select id, user_id, secret, enabled, created from access_keys";
        const POLICIES: &str = "select name, document, updated from policies";
        const ATTACHED: &str = "
            select u.user_id, p.name from user_policies u join policies p on p.id = u.policy_id";
        // One transaction, so that the tables are those of one moment.
        let mut reader = self.readers.begin().await.map_err(read_error)?;
        let users: Vec<UserRow> =
            sqlx::query_as(USERS).fetch_all(&mut *reader).await.map_err(read_error)?;
        let keys: Vec<KeyRow> =
            sqlx::query_as(KEYS).fetch_all(&mut *reader).await.map_err(read_error)?;
        let policies: Vec<PolicyRow> =
            sqlx::query_as(POLICIES).fetch_all(&mut *reader).await.map_err(read_error)?;
        let attached: Vec<(i64, String)> =
            sqlx::query_as(ATTACHED).fetch_all(&mut *reader).await.map_err(read_error)?;
        let attachment = |(user, policy): (i64, String)| {
            let policy = parsed(&policy).map_err(|why| corrupt("policies", &policy, why))?;
            Ok((UserId(user), policy))
        };
        Ok(Directory {
            users: users.into_iter().map(User::try_from).collect::<Result<_, _>>()?,
            keys: keys.into_iter().map(AccessKey::try_from).collect::<Result<_, _>>()?,
            policies: policies.into_iter().map(NamedPolicy::try_from).collect::<Result<_, _>>()?,
            attached: attached.into_iter().map(attachment).collect::<Result<_, MetaError>>()?,
        })
    }

    async fn change_iam(
        &self,
        change: IamChange,
        now: UnixMillis,
    ) -> Result<IamChanged, MetaError> {
        self.writer.submit(change::Change { change, now }).await
    }

    async fn bucket_policy(&self, id: BucketId) -> Result<Option<Arc<PolicyDocument>>, MetaError> {
        const SQL: &str = "select document from bucket_policies where bucket_id = ?1";
        let text: Option<String> = sqlx::query_scalar(SQL)
            .bind(id.0)
            .fetch_optional(&self.readers)
            .await
            .map_err(read_error)?;
        text.map(|text| read_bucket_policy(id.0, &text)).transpose()
    }

    async fn set_bucket_policy(
        &self,
        id: BucketId,
        document: Option<Arc<PolicyDocument>>,
        now: UnixMillis,
    ) -> Result<Changed, MetaError> {
        self.writer.submit(SetBucketPolicy { id, document, now }).await
    }

    async fn master_keys_in_use(&self) -> Result<BTreeSet<KeyVersion>, MetaError> {
        const SQL: &str = "
            select substr(secret, 1, 4) from access_keys
            union select substr(primary_key, 1, 4) from delivery_domains
                  where primary_key is not null
            union select substr(secondary_key, 1, 4) from delivery_domains
                  where secondary_key is not null";
        let versions: Vec<Vec<u8>> =
            sqlx::query_scalar(SQL).fetch_all(&self.readers).await.map_err(read_error)?;
        let version = |bytes: Vec<u8>| {
            let bytes: [u8; 4] =
                bytes.try_into().map_err(|_| corrupt("access_keys", "?", "secret is too short"))?;
            Ok(KeyVersion(u32::from_be_bytes(bytes)))
        };
        versions.into_iter().map(version).collect()
    }
}

/// The policies of those buckets that have one.
pub(super) async fn bucket_policies(
    snapshot: &mut SqliteConnection,
) -> Result<HashMap<i64, Arc<PolicyDocument>>, MetaError> {
    const SQL: &str = "select bucket_id, document from bucket_policies";
    let rows: Vec<(i64, String)> =
        sqlx::query_as(SQL).fetch_all(snapshot).await.map_err(read_error)?;
    let read = |(bucket, text): (i64, String)| Ok((bucket, read_bucket_policy(bucket, &text)?));
    rows.into_iter().map(read).collect()
}

fn read_bucket_policy(bucket: i64, text: &str) -> Result<Arc<PolicyDocument>, MetaError> {
    let document = PolicyDocument::parse(text, Kind::Bucket);
    document.map(Arc::new).map_err(|why| corrupt("bucket_policies", bucket, why))
}

struct SetBucketPolicy {
    id: BucketId,
    document: Option<Arc<PolicyDocument>>,
    now: UnixMillis,
}

impl Operation for SetBucketPolicy {
    type Answer = Changed;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Changed, MetaError> {
        const PUT: &str = "
            insert into bucket_policies (bucket_id, document, updated)
            select id, ?2, ?3 from buckets where id = ?1
            on conflict (bucket_id) do update set
                document = excluded.document, updated = excluded.updated";
        const DELETE: &str = "delete from bucket_policies where bucket_id = ?1";
        const EXISTS: &str = "select count(*) from buckets where id = ?1";
        let Some(document) = &self.document else {
            sqlx::query(DELETE).bind(self.id.0).execute(&mut *connection).await?;
            let buckets: i64 =
                sqlx::query_scalar(EXISTS).bind(self.id.0).fetch_one(connection).await?;
            return Ok(changed(buckets.unsigned_abs()));
        };
        let query = sqlx::query(PUT).bind(self.id.0).bind(document.as_str()).bind(self.now.0);
        Ok(changed(query.execute(connection).await?.rows_affected()))
    }
}

#[derive(sqlx::FromRow)]
struct UserRow {
    id: i64,
    name: String,
    created: i64,
}

impl TryFrom<UserRow> for User {
    type Error = MetaError;

    fn try_from(row: UserRow) -> Result<Self, MetaError> {
        let name = parsed(&row.name).map_err(|why| corrupt("users", row.id, why))?;
        Ok(Self { id: UserId(row.id), name, created: UnixMillis(row.created) })
    }
}

#[derive(sqlx::FromRow)]
struct KeyRow {
    id: String,
    user_id: i64,
    secret: Vec<u8>,
    enabled: bool,
    created: i64,
}

impl TryFrom<KeyRow> for AccessKey {
    type Error = MetaError;

    fn try_from(row: KeyRow) -> Result<Self, MetaError> {
        let bad = |why: String| corrupt("access_keys", &row.id, why);
        let secret = Sealed::from_bytes(&row.secret).ok_or_else(|| bad("too short".into()))?;
        Ok(Self {
            id: parsed(&row.id).map_err(bad)?,
            user: UserId(row.user_id),
            secret,
            enabled: row.enabled,
            created: UnixMillis(row.created),
        })
    }
}

#[derive(sqlx::FromRow)]
struct PolicyRow {
    name: String,
    document: String,
    updated: i64,
}

impl TryFrom<PolicyRow> for NamedPolicy {
    type Error = MetaError;

    fn try_from(row: PolicyRow) -> Result<Self, MetaError> {
        let bad = |why: String| corrupt("policies", &row.name, why);
        let name: PolicyName = parsed(&row.name).map_err(bad)?;
        let document = PolicyDocument::parse(&row.document, Kind::User);
        let document = document.map_err(|why| bad(why.to_string()))?;
        Ok(Self { name, document: Arc::new(document), updated: UnixMillis(row.updated) })
    }
}
