//! Objects as rows, and back.

use uuid::Uuid;

use crate::domain::name::{BlobId, ObjectKey};
use crate::domain::object::listing::ListedObject;
use crate::domain::object::{Attributes, ETag, Extent, Object, ObjectKind};
use crate::domain::time::UnixMillis;
use crate::meta::sqlite::{count, storage_class};

/// A row of `objects` with its extents, exactly as SQLite takes and returns it.
#[derive(sqlx::FromRow)]
pub(super) struct ObjectRow {
    pub(super) size: i64,
    pub(super) etag: String,
    pub(super) crc64: i64,
    pub(super) md5: Option<Vec<u8>>,
    pub(super) kind: String,
    pub(super) storage_class: String,
    pub(super) modified: i64,
    pub(super) headers: String,
    pub(super) blob: Option<Vec<u8>>,
    /// A JSON array of `[hexadecimal id, offset, length]`, if there is no `blob`.
    pub(super) extents: Option<String>,
}

impl TryFrom<&Object> for ObjectRow {
    type Error = String;

    /// Refuses what could not be read back: sizes that do not add up.
    fn try_from(object: &Object) -> Result<Self, String> {
        adds_up(object.size, &object.extents)?;
        let (blob, extents) = match object.extents.as_slice() {
            [one] if one.offset == 0 => (Some(one.blob.0.as_bytes().to_vec()), None),
            several => (None, Some(extents_text(several)?)),
        };
        Ok(Self {
            size: i64::try_from(object.size).map_err(|_| "is too large")?,
            etag: object.etag.as_str().to_owned(),
            crc64: object.crc64.cast_signed(),
            md5: object.md5.map(|md5| md5.to_vec()),
            kind: object.kind.as_str().to_owned(),
            storage_class: object.attributes.storage_class.as_str().to_owned(),
            modified: object.modified.0,
            headers: json(&object.attributes.headers)?,
            blob,
            extents,
        })
    }
}

pub(super) fn object(row: ObjectRow) -> Result<Object, String> {
    let size = count(row.size)?;
    let extents = match (row.blob, row.extents) {
        (Some(blob), _) => vec![Extent { blob: blob_id(&blob)?, offset: 0, length: size }],
        (None, Some(several)) => extents(&several)?,
        (None, None) => return Err("has no extents".to_owned()),
    };
    adds_up(size, &extents)?;
    let md5 = |md5: Vec<u8>| md5.try_into().map_err(|_| "md5 has not 16 bytes");
    Ok(Object {
        size,
        etag: ETag::from_stored(&row.etag),
        crc64: row.crc64.cast_unsigned(),
        md5: row.md5.map(md5).transpose()?,
        kind: kind(&row.kind)?,
        modified: UnixMillis(row.modified),
        attributes: attributes(&row.storage_class, &row.headers)?,
        extents,
    })
}

/// A row of a listing, exactly as SQLite returns it.
#[derive(sqlx::FromRow)]
pub(super) struct ListedRow {
    pub(super) key: Vec<u8>,
    size: i64,
    etag: String,
    kind: String,
    storage_class: String,
    modified: i64,
}

pub(super) fn listed(row: &ListedRow) -> Result<ListedObject, String> {
    Ok(ListedObject {
        key: ObjectKey::from_bytes(&row.key).map_err(|error| error.to_string())?,
        size: count(row.size)?,
        etag: ETag::from_stored(&row.etag),
        kind: kind(&row.kind)?,
        storage_class: storage_class(&row.storage_class)?,
        modified: UnixMillis(row.modified),
    })
}

fn adds_up(size: u64, extents: &[Extent]) -> Result<(), String> {
    let sum = extents.iter().try_fold(0_u64, |sum, extent| {
        extent.offset.checked_add(extent.length).and_then(|_| sum.checked_add(extent.length))
    });
    if sum == Some(size) { Ok(()) } else { Err(format!("{size} is not the sum of its extents")) }
}

fn attributes(class: &str, headers: &str) -> Result<Attributes, String> {
    let headers = serde_json::from_str(headers).map_err(|why| format!("headers: {why}"))?;
    Ok(Attributes { storage_class: storage_class(class)?, headers })
}

/// An extent as it is passed to SQLite and back: `[hexadecimal id, offset, length]`.
type ExtentText = (String, u64, u64);

fn extents_text(extents: &[Extent]) -> Result<String, String> {
    let text = |e: &Extent| -> ExtentText { (e.blob.0.simple().to_string(), e.offset, e.length) };
    json(&extents.iter().map(text).collect::<Vec<_>>())
}

fn extents(text: &str) -> Result<Vec<Extent>, String> {
    let texts: Vec<ExtentText> =
        serde_json::from_str(text).map_err(|error| format!("extents: {error}"))?;
    let extent = |(blob, offset, length): ExtentText| {
        let blob = hex::decode(&blob).map_err(|error| format!("extents: {error}"))?;
        Ok(Extent { blob: blob_id(&blob)?, offset, length })
    };
    texts.into_iter().map(extent).collect()
}

pub(super) fn blob_id(bytes: &[u8]) -> Result<BlobId, String> {
    Uuid::from_slice(bytes).map(BlobId).map_err(|error| format!("blob: {error}"))
}

fn kind(text: &str) -> Result<ObjectKind, String> {
    ObjectKind::parse(text).ok_or_else(|| format!("{text:?} is no kind of object"))
}

fn json(value: &impl serde::Serialize) -> Result<String, String> {
    serde_json::to_string(value).map_err(|error| error.to_string())
}
