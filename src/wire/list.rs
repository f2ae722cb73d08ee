//! Bodies of `ListObjects`, `ListObjectsV2` and `DeleteMultipleObjects`.
//!
//! Names are written as they are, or percent-encoded if the client asked for
//! `encoding-type=url`. A page with a name that XML cannot carry is always encoded, and says so,
//! rather than telling a name that is not there.
//!
//! Sources: OSS "ListObjects (GetBucket)", "ListObjectsV2 (GetBucketV2)", "DeleteMultipleObjects".

use std::borrow::Cow;

use super::xml::{Element, Limits, XmlError, XmlWriter, is_xml_safe};
use crate::domain::encode::percent_encode;
use crate::domain::name::{AccessKeyId, BucketName, InvalidObjectKey, ObjectKey};
use crate::domain::object::listing::{ListQuery, ListedObject, Page};

/// How names are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As they are.
    Plain,
    /// Percent-encoded.
    Url,
}

impl Encoding {
    /// The encoding itself, or [`Encoding::Url`] if one of the names needs it.
    pub(super) fn for_names<'n>(self, mut names: impl Iterator<Item = &'n str>) -> Self {
        if names.all(is_xml_safe) { self } else { Self::Url }
    }

    pub(super) fn name(self, name: &str) -> Cow<'_, str> {
        match self {
            Self::Plain => Cow::Borrowed(name),
            Self::Url => Cow::Owned(percent_encode(name)),
        }
    }

    pub(super) fn write(self, x: &mut XmlWriter) {
        match self {
            Self::Plain => {}
            Self::Url => x.text("EncodingType", "url"),
        }
    }
}

/// Whether objects are shown with their owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchOwner {
    /// They are.
    Yes,
    /// They are not.
    No,
}

/// Which of the two listings a body is for, with what only that one has.
#[derive(Clone, Copy, Debug)]
pub enum Version<'v> {
    /// `ListObjects`.
    V1,
    /// `ListObjectsV2`.
    V2 {
        /// `start-after` of the request.
        start_after: &'v str,
        /// `continuation-token` of the request.
        token: Option<&'v str>,
        /// `fetch-owner` of the request.
        fetch_owner: FetchOwner,
    },
}

/// A page of objects with the request that it answers.
#[derive(Debug)]
pub struct ObjectList<'l> {
    /// The bucket.
    pub bucket: &'l BucketName,
    /// The owner of the objects.
    pub owner: &'l AccessKeyId,
    /// What was asked for.
    pub query: &'l ListQuery,
    /// How names are written.
    pub encoding: Encoding,
    /// Which listing it is.
    pub version: Version<'l>,
    /// The page.
    pub page: &'l Page<ListedObject>,
}

/// Writes `<ListBucketResult>`.
pub fn write_object_list(list: &ObjectList<'_>) -> Vec<u8> {
    let ObjectList { query, page, .. } = *list;
    let asked = [query.prefix.as_str(), &query.delimiter, &query.after];
    let keys = page.entries.iter().map(|object| object.key.as_str());
    let names = keys.chain(page.common_prefixes.iter().map(String::as_str)).chain(asked);
    let encoding = list.encoding.for_names(names);
    XmlWriter::document("ListBucketResult", |x| {
        x.text("Name", list.bucket);
        x.text("Prefix", encoding.name(&query.prefix));
        write_position(x, list, encoding);
        x.text("MaxKeys", query.max_keys);
        x.text("Delimiter", encoding.name(&query.delimiter));
        encoding.write(x);
        x.text("IsTruncated", page.next.is_some());
        let with_owner = !matches!(list.version, Version::V2 { fetch_owner: FetchOwner::No, .. });
        let owner = with_owner.then_some(list.owner);
        for object in &page.entries {
            x.element("Contents", |x| write_object(x, object, encoding, owner));
        }
        for prefix in &page.common_prefixes {
            x.element("CommonPrefixes", |x| x.text("Prefix", encoding.name(prefix)));
        }
    })
}

fn write_position(x: &mut XmlWriter, list: &ObjectList<'_>, encoding: Encoding) {
    let next = list.page.next.as_deref();
    match list.version {
        Version::V1 => {
            x.text("Marker", encoding.name(&list.query.after));
            if let Some(next) = next {
                x.text("NextMarker", encoding.name(next));
            }
        }
        Version::V2 { start_after, token, .. } => {
            x.text("StartAfter", encoding.name(start_after));
            if let Some(token) = token {
                x.text("ContinuationToken", token);
            }
            if let Some(next) = next {
                x.text("NextContinuationToken", write_token(next));
            }
            x.text("KeyCount", list.page.entries.len() + list.page.common_prefixes.len());
        }
    }
}

fn write_object(
    x: &mut XmlWriter,
    object: &ListedObject,
    encoding: Encoding,
    owner: Option<&AccessKeyId>,
) {
    x.text("Key", encoding.name(object.key.as_str()));
    x.text("LastModified", object.modified.to_iso8601());
    x.text("ETag", object.etag.quoted());
    x.text("Type", object.kind.as_str());
    x.text("Size", object.size);
    x.text("StorageClass", object.storage_class.as_str());
    if let Some(owner) = owner {
        x.element("Owner", |x| {
            x.text("ID", owner);
            x.text("DisplayName", owner);
        });
    }
}

/// A continuation token: the last name of a page in hexadecimal, so that no layer between has a
/// reason to touch it.
pub fn write_token(last: &str) -> String {
    hex::encode(last)
}

/// Reads a continuation token. `None` if it is not one of ours.
pub fn read_token(token: &str) -> Option<String> {
    String::from_utf8(hex::decode(token).ok()?).ok()
}

/// What `DeleteMultipleObjects` asks for.
#[derive(Debug, PartialEq, Eq)]
pub struct DeleteRequest {
    /// The objects.
    pub keys: Vec<ObjectKey>,
    /// Whether the answer names what was deleted.
    pub answer: DeleteAnswer,
}

/// Whether the answer to `DeleteMultipleObjects` names what was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeleteAnswer {
    /// It names all of it.
    Verbose,
    /// It is empty.
    Quiet,
}

/// Why the body of `DeleteMultipleObjects` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidDelete {
    /// It is not XML.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// It is XML of another kind, or lacks a part.
    #[error("the body is not a Delete with 1 to 1000 Objects of one Key each")]
    Shape,
    /// An object has a name that no object can have.
    #[error(transparent)]
    Key(#[from] InvalidObjectKey),
    /// A version is named.
    #[error("versions are not implemented")]
    Version,
}

/// The most objects that one request deletes.
pub const MAX_DELETES: usize = 1000;

/// The most bytes of a body of `DeleteMultipleObjects`.
pub const MAX_DELETE_BYTES: usize = 2 * 1024 * 1024;

/// Reads `<Delete>`. White space in a key is part of the key.
///
/// # Errors
///
/// [`InvalidDelete`].
pub fn read_delete(body: &[u8]) -> Result<DeleteRequest, InvalidDelete> {
    // Each object has a key and may have a version, and one more than allowed is seen here.
    let root = Element::read(body, Limits::new(MAX_DELETE_BYTES, 3 * (MAX_DELETES + 2)))?;
    let quiet: Vec<_> = root.all("Quiet").map(|e| e.text().to_ascii_lowercase()).collect();
    let answer = match quiet.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] | ["false"] => DeleteAnswer::Verbose,
        ["true"] => DeleteAnswer::Quiet,
        _ => return Err(InvalidDelete::Shape),
    };
    let keys = root.all("Object").map(read_deleted_key).collect::<Result<Vec<_>, _>>()?;
    if root.name() != "Delete" || !(1..=MAX_DELETES).contains(&keys.len()) {
        return Err(InvalidDelete::Shape);
    }
    Ok(DeleteRequest { keys, answer })
}

fn read_deleted_key(object: &Element) -> Result<ObjectKey, InvalidDelete> {
    if object.all("VersionId").any(|version| !matches!(version.text(), "" | "null")) {
        return Err(InvalidDelete::Version);
    }
    let mut keys = object.all("Key");
    match (keys.next(), keys.next()) {
        (Some(key), None) => Ok(key.raw_text().parse()?),
        _ => Err(InvalidDelete::Shape),
    }
}

/// Writes `<DeleteResult>`.
pub fn write_delete_result(keys: &[ObjectKey], encoding: Encoding) -> Vec<u8> {
    let encoding = encoding.for_names(keys.iter().map(ObjectKey::as_str));
    XmlWriter::document("DeleteResult", |x| {
        encoding.write(x);
        for key in keys {
            x.element("Deleted", |x| x.text("Key", encoding.name(key.as_str())));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deletions() {
        let keys = |names: &[&str]| names.iter().map(|n| n.parse().unwrap()).collect::<Vec<_>>();
        let read = |body: &str| read_delete(body.as_bytes());
        let got = read(
            "<?xml version=\"1.0\"?><Delete><Quiet>false</Quiet><Object><Key>a&amp;b</Key></Object>\
             <Object><Key> c </Key><VersionId>null</VersionId></Object></Delete>",
        );
        let want = DeleteRequest { keys: keys(&["a&b", " c "]), answer: DeleteAnswer::Verbose };
        assert_eq!(got.unwrap(), want);
        assert_eq!(
            read("<Delete><Object><Key>a</Key></Object><Quiet>TRUE</Quiet></Delete>")
                .unwrap()
                .answer,
            DeleteAnswer::Quiet
        );
    }

    #[test]
    fn refused_deletions() {
        let object = "<Object><Key>a</Key></Object>";
        let many = format!("<Delete>{}</Delete>", object.repeat(1001));
        #[rustfmt::skip]
        let table = [
            ("no object",        "<Delete></Delete>".to_owned()),
            ("another root",     format!("<Remove>{object}</Remove>")),
            ("two keys",         "<Delete><Object><Key>a</Key><Key>b</Key></Object></Delete>".into()),
            ("no key",           "<Delete><Object/></Delete>".into()),
            ("a bad key",        "<Delete><Object><Key>/a</Key></Object></Delete>".into()),
            ("a version",        "<Delete><Object><Key>a</Key><VersionId>v</VersionId></Object></Delete>".into()),
            ("too many",         many),
            ("a strange quiet",  format!("<Delete><Quiet>1</Quiet>{object}</Delete>")),
            ("two quiets",       format!("<Delete><Quiet>true</Quiet><Quiet>false</Quiet>{object}</Delete>")),
            ("not XML",          "Delete".into()),
        ];
        for (name, body) in table {
            assert!(read_delete(body.as_bytes()).is_err(), "{name}");
        }
        let most = format!("<Delete>{}</Delete>", object.repeat(1000));
        assert_eq!(read_delete(most.as_bytes()).unwrap().keys.len(), 1000);
    }

    #[test]
    fn names_that_xml_cannot_carry_are_encoded_and_it_says_so() {
        let keys = ["a\u{1}b".parse().unwrap()];
        let body = String::from_utf8(write_delete_result(&keys, Encoding::Plain)).unwrap();
        assert!(body.contains("<EncodingType>url</EncodingType>"), "{body}");
        assert!(body.contains("<Key>a%01b</Key>"), "{body}");
    }

    #[test]
    fn tokens_hold_any_name() {
        for name in ["a", "é/ \u{1}&", ""] {
            assert_eq!(read_token(&write_token(name)).as_deref(), Some(name));
        }
        assert_eq!(read_token("xyz"), None);
    }
}
