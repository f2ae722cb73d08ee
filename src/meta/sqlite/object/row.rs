//! Objects as rows, and back.

use uuid::Uuid;

use crate::domain::acl::ObjectAcl;
use crate::domain::name::{BlobId, ObjectKey};
use crate::domain::object::listing::ListedObject;
use crate::domain::object::tags::Tags;
use crate::domain::object::{Attributes, ETag, Extent, Object, ObjectKind};
use crate::domain::time::UnixMillis;
use crate::meta::sqlite::{count, parsed, storage_class};

/// A row of `objects` with its extents, exactly as SQLite takes and returns it.
#[derive(sqlx::FromRow)]
pub(in crate::meta::sqlite) struct ObjectRow {
    pub(super) size: i64,
    pub(super) etag: String,
    pub(super) crc64: i64,
    pub(super) md5: Option<Vec<u8>>,
    pub(super) kind: String,
    pub(super) storage_class: String,
    pub(super) modified: i64,
    pub(super) headers: String,
    pub(super) acl: Option<String>,
    pub(super) tags: Option<String>,
    pub(super) symlink: Option<Vec<u8>>,
    pub(super) blob: Option<Vec<u8>>,
    /// Where the object begins in `blob`; 0 without one.
    pub(super) blob_offset: i64,
    /// A JSON array of `[hexadecimal id, offset, length]`, if there is no `blob`.
    pub(super) extents: Option<String>,
}

impl ObjectRow {
    /// The extents that are rows of their own, if there are any.
    pub(super) fn rows_of_extents(&self) -> Option<&str> {
        self.extents.as_deref().filter(|extents| *extents != "[]")
    }
}

impl TryFrom<&Object> for ObjectRow {
    type Error = String;

    /// Refuses what could not be read back: sizes that do not add up, and symlinks that stand for
    /// nothing.
    fn try_from(object: &Object) -> Result<Self, String> {
        adds_up(object.size, &object.extents)?;
        if (object.kind == ObjectKind::Symlink) != object.link.is_some() {
            return Err("a symlink stands for an object, and nothing else does".to_owned());
        }
        is_one(object.link.as_ref(), &object.extents)?;
        let attributes = &object.attributes;
        let (blob, offset, extents) = match object.extents.as_slice() {
            [one] => (Some(one.blob.0.as_bytes().to_vec()), one.offset, None),
            several => (None, 0, Some(extents_text(several)?)),
        };
        Ok(Self {
            size: i64::try_from(object.size).map_err(|_| "is too large")?,
            etag: object.etag.as_str().to_owned(),
            crc64: object.crc64.cast_signed(),
            md5: object.md5.map(|md5| md5.to_vec()),
            kind: kind_text(object.kind).to_owned(),
            storage_class: attributes.storage_class.as_str().to_owned(),
            modified: object.modified.0,
            headers: json(&attributes.headers)?,
            acl: acl_text(attributes.acl),
            tags: tags_text(&attributes.tags)?,
            symlink: object.link.as_ref().map(|key| key.as_str().as_bytes().to_vec()),
            blob,
            blob_offset: i64::try_from(offset).map_err(|_| "begins too far behind")?,
            extents,
        })
    }
}

pub(super) fn object(row: ObjectRow) -> Result<Object, String> {
    let (size, offset) = (count(row.size)?, count(row.blob_offset)?);
    let extents = match (row.blob, row.extents) {
        (Some(blob), _) => vec![Extent { blob: blob_id(&blob)?, offset, length: size }],
        (None, Some(several)) => extents(&several)?,
        (None, None) => return Err("has no extents".to_owned()),
    };
    adds_up(size, &extents)?;
    let link = row.symlink.map(|key| link(&key)).transpose()?;
    is_one(link.as_ref(), &extents)?;
    let md5 = |md5: Vec<u8>| md5.try_into().map_err(|_| "md5 has not 16 bytes");
    Ok(Object {
        size,
        etag: ETag::from_stored(&row.etag),
        crc64: row.crc64.cast_unsigned(),
        md5: row.md5.map(md5).transpose()?,
        kind: kind(&row.kind, link.is_some())?,
        modified: UnixMillis(row.modified),
        attributes: Attributes {
            storage_class: storage_class(&row.storage_class)?,
            headers: headers(&row.headers)?,
            acl: acl(row.acl.as_deref())?,
            tags: tags(row.tags.as_deref())?,
        },
        extents,
        link,
    })
}

/// A row of a listing, exactly as SQLite returns it.
#[derive(sqlx::FromRow)]
pub(super) struct ListedRow {
    pub(super) key: Vec<u8>,
    size: i64,
    etag: String,
    kind: String,
    is_symlink: bool,
    storage_class: String,
    modified: i64,
}

pub(super) fn listed(row: &ListedRow) -> Result<ListedObject, String> {
    Ok(ListedObject {
        key: ObjectKey::from_bytes(&row.key).map_err(|error| error.to_string())?,
        size: count(row.size)?,
        etag: ETag::from_stored(&row.etag),
        kind: kind(&row.kind, row.is_symlink)?,
        storage_class: storage_class(&row.storage_class)?,
        modified: UnixMillis(row.modified),
    })
}

pub(in crate::meta::sqlite) fn adds_up(size: u64, extents: &[Extent]) -> Result<(), String> {
    let sum = extents.iter().try_fold(0_u64, |sum, extent| {
        extent.offset.checked_add(extent.length).and_then(|_| sum.checked_add(extent.length))
    });
    if sum == Some(size) { Ok(()) } else { Err(format!("{size} is not the sum of its extents")) }
}

/// An object has bytes, or stands for one that has.
fn is_one(link: Option<&ObjectKey>, extents: &[Extent]) -> Result<(), String> {
    if link.is_some() && !extents.is_empty() {
        return Err("a symlink has no bytes".to_owned());
    }
    Ok(())
}

pub(in crate::meta::sqlite) fn headers(text: &str) -> Result<Vec<(String, String)>, String> {
    serde_json::from_str(text).map_err(|why| format!("headers: {why}"))
}

fn link(key: &[u8]) -> Result<ObjectKey, String> {
    ObjectKey::from_bytes(key).map_err(|why| format!("symlink: {why}"))
}

/// An ACL as it is stored: nothing for that of the bucket.
pub(in crate::meta::sqlite) fn acl_text(acl: ObjectAcl) -> Option<String> {
    match acl {
        ObjectAcl::Default => None,
        ObjectAcl::Own(own) => Some(own.as_str().to_owned()),
    }
}

pub(in crate::meta::sqlite) fn acl(text: Option<&str>) -> Result<ObjectAcl, String> {
    text.map_or(Ok(ObjectAcl::Default), |text| parsed(text).map(ObjectAcl::Own))
}

/// Tags as they are stored: nothing for none.
pub(in crate::meta::sqlite) fn tags_text(tags: &Tags) -> Result<Option<String>, String> {
    (!tags.is_empty()).then(|| json(&tags.pairs())).transpose()
}

pub(in crate::meta::sqlite) fn tags(text: Option<&str>) -> Result<Tags, String> {
    let Some(text) = text else { return Ok(Tags::default()) };
    let pairs = serde_json::from_str(text).map_err(|why| format!("tags: {why}"))?;
    Tags::new(pairs).map_err(|why| format!("tags: {why}"))
}

/// An extent as it is passed to SQLite and back: `[hexadecimal id, offset, length]`.
pub(in crate::meta::sqlite) type ExtentText = (String, u64, u64);

pub(in crate::meta::sqlite) fn extents_text(extents: &[Extent]) -> Result<String, String> {
    let text = |e: &Extent| -> ExtentText { (e.blob.0.simple().to_string(), e.offset, e.length) };
    json(&extents.iter().map(text).collect::<Vec<_>>())
}

pub(in crate::meta::sqlite) fn extents(text: &str) -> Result<Vec<Extent>, String> {
    let texts: Vec<ExtentText> =
        serde_json::from_str(text).map_err(|error| format!("extents: {error}"))?;
    texts.into_iter().map(extent).collect()
}

pub(in crate::meta::sqlite) fn extent(
    (blob, offset, length): ExtentText,
) -> Result<Extent, String> {
    let blob = hex::decode(&blob).map_err(|error| format!("extents: {error}"))?;
    Ok(Extent { blob: blob_id(&blob)?, offset, length })
}

pub(in crate::meta::sqlite) fn blob_id(bytes: &[u8]) -> Result<BlobId, String> {
    Uuid::from_slice(bytes).map(BlobId).map_err(|error| format!("blob: {error}"))
}

/// The kind of an object in its row, where a symlink is told by its own column.
const fn kind_text(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Symlink => ObjectKind::Normal.as_str(),
        ObjectKind::Normal | ObjectKind::Multipart | ObjectKind::Appendable => kind.as_str(),
    }
}

fn kind(text: &str, is_symlink: bool) -> Result<ObjectKind, String> {
    match (ObjectKind::parse(text), is_symlink) {
        (Some(ObjectKind::Normal), true) => Ok(ObjectKind::Symlink),
        (
            Some(kind @ (ObjectKind::Normal | ObjectKind::Multipart | ObjectKind::Appendable)),
            false,
        ) => Ok(kind),
        (None | Some(_), _) => Err(format!("{text:?} is no kind of object")),
    }
}

pub(in crate::meta::sqlite) fn json(value: &impl serde::Serialize) -> Result<String, String> {
    serde_json::to_string(value).map_err(|error| error.to_string())
}
