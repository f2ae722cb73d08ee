//! Writing a version of an object.

use sqlx::SqliteConnection;

use super::acls::Acls;
use super::named::{released, released_of_each, rows_of, unnamed};
use super::row::{ObjectRow, acl_text, tags_text};
use super::write::{Place, There, Version, replace, there, there_at};
use crate::domain::name::{BlobId, BucketId};
use crate::domain::object::{Object, Overwrite};
use crate::meta::sqlite::writer::{LIGHT, Operation};
use crate::meta::{MetaError, Put};

pub(super) struct PutObject {
    pub(super) bucket: BucketId,
    pub(super) key: Box<str>,
    pub(super) row: ObjectRow,
    /// Of how many runs of blobs it is.
    pub(super) runs: usize,
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
        let there = there_at(connection, self.place()).await?;
        if let Some(refusal) = self.refusal(there) {
            return Ok(refusal);
        }
        // Asked before the old version goes: it may be the one that shares its blobs.
        if !self.is_as_expected(connection).await?
            || !unnamed(&mut *connection, &self.shared).await?.is_empty()
        {
            return Ok(Put::SourceGone);
        }
        let replaced = replace(connection, &[self.version(there)], &self.acls).await?.concat();
        // Asked last: a version may keep blobs of the one that it replaces.
        Ok(Put::Done { unnamed: released(connection, &replaced).await? })
    }

    /// What has to be compared with what is there is written alone.
    fn subject(&self) -> Option<Place<'_>> {
        (self.onto.is_none() && self.shared.is_empty()).then(|| self.place())
    }

    fn objects(&self) -> Vec<Place<'_>> {
        vec![self.place()]
    }

    async fn weight(&self, connection: &mut SqliteConnection) -> Result<usize, MetaError> {
        Ok(self.runs + rows_of(connection, &[self.place()]).await?.iter().sum::<usize>())
    }

    /// A blob that one gives up and one behind it names anew is told as unnamed by nobody, and by
    /// the one who gave it up if they are run one by one.
    async fn run_joined(
        group: &[&Self],
        connection: &mut SqliteConnection,
    ) -> Result<Option<Vec<Put>>, MetaError> {
        let Some(first) = group.first() else { return Ok(None) };
        let places: Vec<_> = group.iter().map(|put| put.place()).collect();
        let there = there(connection, &places).await?;
        if group.iter().zip(&there).any(|(put, there)| put.runs + there.extents() > LIGHT) {
            return Ok(None);
        }
        let (mut answers, mut versions) = (Vec::new(), Vec::new());
        for (put, there) in group.iter().zip(there) {
            let refusal = put.refusal(there);
            if refusal.is_none() {
                versions.push(put.version(there));
            }
            answers.push(refusal);
        }
        let replaced = replace(connection, &versions, &first.acls).await?;
        let unnamed = released_of_each(connection, &replaced).await?;
        let mut done = unnamed.into_iter().map(|unnamed| Put::Done { unnamed });
        Ok(Some(
            answers.into_iter().filter_map(|refusal| refusal.or_else(|| done.next())).collect(),
        ))
    }
}

impl PutObject {
    const fn place(&self) -> Place<'_> {
        (self.bucket, &self.key)
    }

    const fn version(&self, there: There) -> Version<'_> {
        Version { place: self.place(), there, row: &self.row }
    }

    fn refusal(&self, there: There) -> Option<Put> {
        match there {
            There::NoBucket => Some(Put::NoSuchBucket),
            There::Nothing => None,
            There::OfOne(_) | There::OfExtents(_) => {
                (self.overwrite == Overwrite::Forbid).then_some(Put::Exists)
            }
        }
    }

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
