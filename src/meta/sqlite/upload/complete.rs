//! Completing an upload: an object of what the parts name, in one transaction.

use std::collections::HashSet;

use sqlx::SqliteConnection;

use super::Place;
use super::row::{AttributesRow, PartText, attributes, part};
use crate::domain::name::BlobId;
use crate::domain::object::multipart::{Assembly, Part, assemble};
use crate::domain::object::{Attributes, Object, ObjectKind, Overwrite};
use crate::meta::sqlite::corrupt;
use crate::meta::sqlite::object::acls::Acls;
use crate::meta::sqlite::object::named::{released, rows_of};
use crate::meta::sqlite::object::row::ObjectRow;
use crate::meta::sqlite::object::write::{self, Version, replace, there_at};
use crate::meta::sqlite::writer::Operation;
use crate::meta::{Completed, Completion, MetaError};

pub(super) struct CompleteUpload {
    pub(super) place: Place,
    pub(super) completion: Completion,
    pub(super) acls: Acls,
}

impl Operation for CompleteUpload {
    type Answer = Completed;

    /// What is chosen is judged here and not before, so a part that is uploaded anew in the
    /// meantime cannot end up in the object under the tag of the old one.
    async fn run(&self, connection: &mut SqliteConnection) -> Result<Completed, MetaError> {
        let Self { place, completion, .. } = self;
        let Some(attributes) = self.attributes(connection).await? else {
            return Ok(Completed::NoSuchUpload);
        };
        let target = place.object();
        let there = there_at(connection, target).await?;
        if there.is_object() && completion.overwrite == Overwrite::Forbid {
            return Ok(Completed::Exists);
        }
        let parts = self.parts(connection).await?;
        let whole = match assemble(&parts, &completion.selection) {
            Ok(whole) => whole,
            Err(unfit) => return Ok(Completed::Unfit(unfit)),
        };
        let object = self.object(whole, attributes);
        let row = ObjectRow::try_from(&object).map_err(|why| corrupt("parts", place.id, why))?;
        let version = Version { place: target, there, row: &row };
        let mut given_up = replace(connection, &[version], &self.acls).await?.concat();
        given_up.extend(left_out(&parts, &object));
        place.delete(connection).await?;
        let unnamed = released(connection, &given_up).await?;
        Ok(Completed::Done { object: Box::new(object), unnamed })
    }

    fn objects(&self) -> Vec<write::Place<'_>> {
        vec![self.place.object()]
    }

    async fn weight(&self, connection: &mut SqliteConnection) -> Result<usize, MetaError> {
        let replaced = rows_of(connection, &[self.place.object()]).await?;
        Ok(self.place.rows(connection).await? + replaced.iter().sum::<usize>())
    }
}

/// The blobs of parts that are not those of the object now. Most often there are none, and asking
/// about ten thousand that are would take as long as writing them.
fn left_out(parts: &[Part], object: &Object) -> Vec<BlobId> {
    let kept: HashSet<BlobId> = object.extents.iter().map(|extent| extent.blob).collect();
    let blobs = parts.iter().flat_map(|part| &part.extents).map(|extent| extent.blob);
    blobs.filter(|blob| !kept.contains(blob)).collect()
}

impl CompleteUpload {
    fn object(&self, whole: Assembly, attributes: Attributes) -> Object {
        let Assembly { size, etag, crc64, extents } = whole;
        let (kind, modified) = (ObjectKind::Multipart, self.completion.now);
        let acl = self.completion.acl.unwrap_or(attributes.acl);
        let attributes = Attributes { acl, ..attributes };
        Object { size, etag, crc64, md5: None, kind, modified, attributes, extents, link: None }
    }

    /// What the object is to have; `None` if the upload is not there.
    async fn attributes(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<Option<Attributes>, MetaError> {
        const SQL: &str = "
            select storage_class, headers, acl, tags from uploads
            where id = ?1 and bucket_id = ?2 and key = ?3";
        let row: Option<AttributesRow> = sqlx::query_as(SQL)
            .bind(self.place.id.0.as_slice())
            .bind(self.place.bucket.0)
            .bind(self.place.key.as_bytes())
            .fetch_optional(connection)
            .await?;
        let bad = |why| corrupt("uploads", self.place.id, why);
        row.map(|row| attributes(&row)).transpose().map_err(bad)
    }

    /// All parts, in the order of their numbers. They come as one row: there can be 10 000.
    async fn parts(&self, connection: &mut SqliteConnection) -> Result<Vec<Part>, MetaError> {
        const SQL: &str = "
            select json_group_array(
                json_array(p.number, p.size, hex(p.md5), p.crc64, p.modified,
                    json(case when p.blob is not null
                    then json_array(json_array(hex(p.blob), 0, p.size))
                    else (select json_group_array(json_array(hex(e.blob), e.offset, e.length)
                                                  order by e.position)
                          from part_extents e where e.upload = p.upload and e.number = p.number)
                    end))
                order by p.number)
            from parts p where p.upload = ?1";
        let bad = |why: String| corrupt("parts", self.place.id, why);
        let text: String =
            sqlx::query_scalar(SQL).bind(self.place.id.0.as_slice()).fetch_one(connection).await?;
        let parts: Vec<PartText> =
            serde_json::from_str(&text).map_err(|error| bad(error.to_string()))?;
        parts.into_iter().map(|text| part(text).map_err(bad)).collect()
    }
}
