//! Uploads and their parts as rows, and back.

use crate::domain::name::{ObjectKey, UploadId};
use crate::domain::object::multipart::{ListedPart, ListedUpload, Part, PartNumber};
use crate::domain::object::{Attributes, ETag};
use crate::domain::time::UnixMillis;
use crate::meta::sqlite::object::row::{
    ExtentText, acl, acl_text, adds_up, extent, extents_text, headers, json, tags, tags_text,
};
use crate::meta::sqlite::{count, storage_class};

/// What an object will have, as in the row of its upload, exactly as SQLite takes and returns it.
#[derive(sqlx::FromRow)]
pub(super) struct AttributesRow {
    pub(super) storage_class: String,
    pub(super) headers: String,
    pub(super) acl: Option<String>,
    pub(super) tags: Option<String>,
}

impl TryFrom<&Attributes> for AttributesRow {
    type Error = String;

    fn try_from(attributes: &Attributes) -> Result<Self, String> {
        Ok(Self {
            storage_class: attributes.storage_class.as_str().to_owned(),
            headers: json(&attributes.headers)?,
            acl: acl_text(attributes.acl),
            tags: tags_text(&attributes.tags)?,
        })
    }
}

pub(super) fn attributes(row: &AttributesRow) -> Result<Attributes, String> {
    Ok(Attributes {
        storage_class: storage_class(&row.storage_class)?,
        headers: headers(&row.headers)?,
        acl: acl(row.acl.as_deref())?,
        tags: tags(row.tags.as_deref())?,
    })
}

/// A row of `parts` with its extents, exactly as SQLite takes it.
pub(super) struct PartRow {
    pub(super) number: u16,
    pub(super) size: i64,
    pub(super) md5: [u8; 16],
    pub(super) crc64: i64,
    pub(super) modified: i64,
    pub(super) blob: Option<Vec<u8>>,
    /// A JSON array of `[hexadecimal id, offset, length]`, if there is no `blob`.
    pub(super) extents: Option<String>,
}

impl TryFrom<&Part> for PartRow {
    type Error = String;

    /// Refuses what could not be read back: sizes that do not add up.
    fn try_from(part: &Part) -> Result<Self, String> {
        adds_up(part.size, &part.extents)?;
        let (blob, extents) = match part.extents.as_slice() {
            [one] if one.offset == 0 => (Some(one.blob.0.as_bytes().to_vec()), None),
            several => (None, Some(extents_text(several)?)),
        };
        Ok(Self {
            number: part.number.get(),
            size: i64::try_from(part.size).map_err(|_| "is too large")?,
            md5: part.md5,
            crc64: part.crc64.cast_signed(),
            modified: part.modified.0,
            blob,
            extents,
        })
    }
}

/// A part as the query of all parts of an upload tells it: number, size, hexadecimal MD5,
/// checksum, time, extents.
pub(super) type PartText = (u64, u64, String, i64, i64, Vec<ExtentText>);

/// Reads a part.
pub(super) fn part(text: PartText) -> Result<Part, String> {
    let (at, size, digest, crc64, modified, extents) = text;
    let mut md5 = [0; 16];
    hex::decode_to_slice(&digest, &mut md5).map_err(|_| "md5 has not 16 bytes")?;
    let extents = extents.into_iter().map(extent).collect::<Result<Vec<_>, _>>()?;
    adds_up(size, &extents)?;
    Ok(Part {
        number: number(at)?,
        size,
        md5,
        crc64: crc64.cast_unsigned(),
        modified: UnixMillis(modified),
        extents,
    })
}

/// A row of a listing of parts, exactly as SQLite returns it.
#[derive(sqlx::FromRow)]
pub(super) struct ListedPartRow {
    number: i64,
    size: i64,
    md5: Vec<u8>,
    crc64: i64,
    modified: i64,
}

pub(super) fn listed_part(row: ListedPartRow) -> Result<ListedPart, String> {
    let md5 = row.md5.try_into().map_err(|_| "md5 has not 16 bytes")?;
    Ok(ListedPart {
        number: number(count(row.number)?)?,
        size: count(row.size)?,
        etag: ETag::of_md5(&md5),
        crc64: row.crc64.cast_unsigned(),
        modified: UnixMillis(row.modified),
    })
}

/// A row of a listing of uploads, exactly as SQLite returns it.
#[derive(sqlx::FromRow)]
pub(super) struct ListedUploadRow {
    key: Vec<u8>,
    id: Vec<u8>,
    storage_class: String,
    initiated: i64,
}

pub(super) fn listed_upload(row: ListedUploadRow) -> Result<ListedUpload, String> {
    Ok(ListedUpload {
        key: ObjectKey::from_bytes(&row.key).map_err(|error| error.to_string())?,
        id: UploadId(row.id.try_into().map_err(|_| "id has not 16 bytes")?),
        storage_class: storage_class(&row.storage_class)?,
        initiated: UnixMillis(row.initiated),
    })
}

fn number(number: u64) -> Result<PartNumber, String> {
    PartNumber::new(number).ok_or_else(|| format!("{number} is no number of a part"))
}
