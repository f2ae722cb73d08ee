//! Writing a version of an object.

use sqlx::SqliteConnection;

use super::acls::Acls;
use super::named::unnamed;
use super::row::{ObjectRow, acl_text, tags_text};
use super::write::{present, replace};
use crate::domain::name::{BlobId, BucketId};
use crate::domain::object::{Object, Overwrite};
use crate::meta::sqlite::writer::Operation;
use crate::meta::{MetaError, Put};

pub(super) struct PutObject {
    pub(super) bucket: BucketId,
    pub(super) key: Box<str>,
    pub(super) row: ObjectRow,
    pub(super) overwrite: Overwrite,
    pub(super) shared: Vec<BlobId>,
    pub(super) onto: Option<Onto>,
    pub(super) acls: Acls,
}

/// What is there now, as far as it is compared.
pub(super) struct Onto {
    etag: String,
    modified: i64,
    acl: Option<String>,
    tags: Option<String>,
}

impl TryFrom<&Object> for Onto {
    type Error = String;

    fn try_from(object: &Object) -> Result<Self, String> {
        Ok(Self {
            etag: object.etag.as_str().to_owned(),
            modified: object.modified.0,
            acl: acl_text(object.attributes.acl),
            tags: tags_text(&object.attributes.tags)?,
        })
    }
}

impl Operation for PutObject {
    type Answer = Put;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Put, MetaError> {
        let place = (self.bucket, &*self.key);
        match (present(connection, place).await?, self.overwrite) {
            (None, _) => return Ok(Put::NoSuchBucket),
            (Some(true), Overwrite::Forbid) => return Ok(Put::Exists),
            (Some(true), Overwrite::Allow) | (Some(false), _) => {}
        }
        // Asked before the old version goes: it may be the one that shares its blobs.
        if !self.is_as_expected(connection).await?
            || !unnamed(&mut *connection, &self.shared).await?.is_empty()
        {
            return Ok(Put::SourceGone);
        }
        let replaced = replace(connection, place, (&self.row, &self.acls)).await?;
        // Asked last: a version may keep blobs of the one that it replaces.
        Ok(Put::Done { unnamed: unnamed(connection, &replaced).await? })
    }
}

impl PutObject {
    async fn is_as_expected(&self, connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
        const SQL: &str = "
            select exists (
                select 1 from objects where bucket_id = ?1 and key = ?2 and etag = ?3
                and modified = ?4 and acl is ?5 and tags is ?6)";
        let Some(onto) = &self.onto else { return Ok(true) };
        sqlx::query_scalar(SQL)
            .bind(self.bucket.0)
            .bind(self.key.as_bytes())
            .bind(onto.etag.as_str())
            .bind(onto.modified)
            .bind(onto.acl.as_deref())
            .bind(onto.tags.as_deref())
            .fetch_one(connection)
            .await
    }
}
