//! Bodies of uploads in parts.
//!
//! Sources: OSS "InitiateMultipartUpload", "CompleteMultipartUpload", "UploadPartCopy",
//! "ListParts", "ListMultipartUploads". SDKs insist on the markers of the next page on the last page,
//! too, where they name the last entry, as the service answers.

use super::list::Encoding;
use super::xml::{Element, Limits, XmlError, XmlWriter};
use crate::domain::name::{BucketName, ObjectKey, UploadId};
use crate::domain::object::ETag;
use crate::domain::object::listing::{ListQuery, Page};
use crate::domain::object::multipart::{ListedPart, ListedUpload, PartNumber, Selection};
use crate::domain::time::UnixMillis;

/// An object that is uploaded, as the answers name it.
#[derive(Clone, Copy, Debug)]
pub struct Target<'t> {
    /// The bucket.
    pub bucket: &'t BucketName,
    /// The key.
    pub key: &'t ObjectKey,
    /// How the key is written.
    pub encoding: Encoding,
}

impl Target<'_> {
    fn write(&self, x: &mut XmlWriter) {
        let encoding = self.encoding.for_names([self.key.as_str()].into_iter());
        encoding.write(x);
        x.text("Bucket", self.bucket);
        x.text("Key", encoding.name(self.key.as_str()));
    }
}

/// Writes `<InitiateMultipartUploadResult>`.
pub fn write_begun(target: &Target<'_>, id: UploadId) -> Vec<u8> {
    XmlWriter::document("InitiateMultipartUploadResult", |x| {
        target.write(x);
        x.text("UploadId", id);
    })
}

/// Writes `<CompleteMultipartUploadResult>`. `location` is the URL of the object.
pub fn write_completed(target: &Target<'_>, location: &str, etag: &ETag) -> Vec<u8> {
    XmlWriter::document("CompleteMultipartUploadResult", |x| {
        x.text("Location", location);
        target.write(x);
        x.text("ETag", etag.quoted());
    })
}

/// Writes `<CopyPartResult>`.
pub fn write_copied_part(etag: &ETag, modified: UnixMillis) -> Vec<u8> {
    XmlWriter::document("CopyPartResult", |x| {
        x.text("LastModified", modified.to_iso8601());
        x.text("ETag", etag.quoted());
    })
}

/// A page of parts with the request that it answers.
#[derive(Debug)]
pub struct PartList<'l> {
    /// What is uploaded.
    pub target: Target<'l>,
    /// The upload.
    pub id: UploadId,
    /// `part-number-marker` of the request.
    pub after: u64,
    /// `max-parts` of the request.
    pub max_parts: u32,
    /// The parts.
    pub parts: &'l [ListedPart],
    /// Whether there are more.
    pub more: bool,
}

/// Writes `<ListPartsResult>`.
pub fn write_part_list(list: &PartList<'_>) -> Vec<u8> {
    XmlWriter::document("ListPartsResult", |x| {
        list.target.write(x);
        x.text("UploadId", list.id);
        x.text("PartNumberMarker", list.after);
        let next = list.parts.last().map_or(list.after, |part| part.number.get().into());
        x.text("NextPartNumberMarker", next);
        x.text("MaxParts", list.max_parts);
        x.text("IsTruncated", list.more);
        for part in list.parts {
            x.element("Part", |x| {
                x.text("PartNumber", part.number);
                x.text("LastModified", part.modified.to_iso8601());
                x.text("ETag", part.etag.quoted());
                x.text("Size", part.size);
                x.text("HashCrc64ecma", part.crc64);
            });
        }
    })
}

/// A page of uploads with the request that it answers.
#[derive(Debug)]
pub struct UploadList<'l> {
    /// The bucket.
    pub bucket: &'l BucketName,
    /// What was asked for.
    pub query: &'l ListQuery,
    /// `upload-id-marker` of the request.
    pub behind: Option<UploadId>,
    /// How names are written.
    pub encoding: Encoding,
    /// The page.
    pub page: &'l Page<ListedUpload>,
}

/// Writes `<ListMultipartUploadsResult>`.
pub fn write_upload_list(list: &UploadList<'_>) -> Vec<u8> {
    let UploadList { query, page, .. } = *list;
    let asked = [query.prefix.as_str(), &query.delimiter, &query.after];
    let keys = page.entries.iter().map(|upload| upload.key.as_str());
    let names = keys.chain(page.common_prefixes.iter().map(String::as_str)).chain(asked);
    let encoding = list.encoding.for_names(names);
    let (next_key, next_id) = next_markers(page);
    XmlWriter::document("ListMultipartUploadsResult", |x| {
        encoding.write(x);
        x.text("Bucket", list.bucket);
        x.text("KeyMarker", encoding.name(&query.after));
        x.text("UploadIdMarker", list.behind.map(|id| id.to_string()).unwrap_or_default());
        x.text("NextKeyMarker", encoding.name(next_key));
        x.text("NextUploadIdMarker", next_id.map(|id| id.to_string()).unwrap_or_default());
        x.text("Delimiter", encoding.name(&query.delimiter));
        x.text("Prefix", encoding.name(&query.prefix));
        x.text("MaxUploads", query.max_keys);
        x.text("IsTruncated", page.next.is_some());
        for upload in &page.entries {
            x.element("Upload", |x| {
                x.text("Key", encoding.name(upload.key.as_str()));
                x.text("UploadId", upload.id);
                x.text("StorageClass", upload.storage_class.as_str());
                x.text("Initiated", upload.initiated.to_iso8601());
            });
        }
        for prefix in &page.common_prefixes {
            x.element("CommonPrefixes", |x| x.text("Prefix", encoding.name(prefix)));
        }
    })
}

/// The last entry of a page: a key with an upload, or a group.
fn next_markers(page: &Page<ListedUpload>) -> (&str, Option<UploadId>) {
    let upload = page.entries.last();
    let group = page.common_prefixes.last().map(String::as_str);
    match (upload, group) {
        (None, None) => ("", None),
        (None, Some(group)) => (group, None),
        (Some(upload), Some(group)) if group > upload.key.as_str() => (group, None),
        (Some(upload), _) => (upload.key.as_str(), Some(upload.id)),
    }
}

/// Why the body of `CompleteMultipartUpload` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidCompletion {
    /// It is not XML.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// It is XML of another kind, or lacks a part.
    #[error(
        "the body is not a CompleteMultipartUpload with 1 to 10000 Parts of one PartNumber and one \
         ETag each"
    )]
    Shape,
    /// A part has a number that no part can have.
    #[error("{0:?} is not the number of a part")]
    Number(String),
}

/// The most bytes of a body of `CompleteMultipartUpload`: half as much again as 10 000 parts need,
/// indented and with quotes that are escaped.
pub const MAX_COMPLETION_BYTES: usize = 2 * 1024 * 1024;

/// Reads `<CompleteMultipartUpload>`. What else a part has, such as its size, is passed over.
///
/// # Errors
///
/// [`InvalidCompletion`].
pub fn read_completion(body: &[u8]) -> Result<Selection, InvalidCompletion> {
    let most = usize::from(PartNumber::MAX);
    // Each part may have three elements that mean nothing here.
    let root = Element::read(body, Limits::new(MAX_COMPLETION_BYTES, 6 * (most + 1)))?;
    let listed = root.all("Part").map(read_part).collect::<Result<Vec<_>, _>>()?;
    if root.name() != "CompleteMultipartUpload" || !(1..=most).contains(&listed.len()) {
        return Err(InvalidCompletion::Shape);
    }
    Ok(Selection::Listed(listed))
}

fn read_part(part: &Element) -> Result<(PartNumber, Box<str>), InvalidCompletion> {
    let once = |name| {
        let mut all = part.all(name).map(Element::text);
        all.next().filter(|_| all.next().is_none()).ok_or(InvalidCompletion::Shape)
    };
    let (number, tag) = (once("PartNumber")?, once("ETag")?);
    let wrong = || InvalidCompletion::Number(number.to_owned());
    let number = PartNumber::parse(number).ok_or_else(wrong)?;
    Ok((number, tag.trim_matches('"').into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(body: Vec<u8>) -> String {
        let text = String::from_utf8(body).unwrap();
        text.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n").unwrap().to_owned()
    }

    fn id(text: &str) -> UploadId {
        text.parse().unwrap()
    }

    #[test]
    fn completions() {
        // Pretty, quoted by a reference, with an element that nobody knows.
        let body = "<?xml version=\"1.0\"?>\n<CompleteMultipartUpload>\n <Part>\n\
            <PartNumber>1</PartNumber> <ETag>&quot;3349DC70&quot;</ETag></Part>\
            <Part><ETag>\"8efda8be\"</ETag><PartNumber>5</PartNumber><Size>3</Size></Part>\
            <Part><PartNumber>8</PartNumber><ETag>8C315065</ETag></Part>\
            </CompleteMultipartUpload>";
        let number = |number| PartNumber::new(number).unwrap();
        let want = Selection::Listed(vec![
            (number(1), "3349DC70".into()),
            (number(5), "8efda8be".into()),
            (number(8), "8C315065".into()),
        ]);
        assert_eq!(read_completion(body.as_bytes()).unwrap(), want);
    }

    #[test]
    fn refused_completions() {
        let part = |number: &str| {
            format!("<Part><PartNumber>{number}</PartNumber><ETag>\"x\"</ETag></Part>")
        };
        let whole =
            |parts: &str| format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
        #[rustfmt::skip]
        let table = [
            ("nothing",             String::new()),
            ("not XML",             "parts".into()),
            ("cut off",             whole(&part("1")).replace("</CompleteMultipartUpload>", "")),
            ("another root",        format!("<Complete>{}</Complete>", part("1"))),
            ("no part",             whole("")),
            ("no number",           whole("<Part><ETag>\"x\"</ETag></Part>")),
            ("no tag",              whole("<Part><PartNumber>1</PartNumber></Part>")),
            ("two numbers",         whole("<Part><PartNumber>1</PartNumber><PartNumber>2</PartNumber><ETag>x</ETag></Part>")),
            ("number zero",         whole(&part("0"))),
            ("a number too large",  whole(&part("10001"))),
            ("no number at all",    whole(&part("one"))),
            ("a document type",     format!("<!DOCTYPE x>{}", whole(&part("1")))),
            ("too many parts",      whole(&part("1").repeat(10_001))),
        ];
        for (name, body) in table {
            assert!(read_completion(body.as_bytes()).is_err(), "{name}");
        }
        let most: String = (1..=10_000).map(|number| part(&number.to_string())).collect();
        assert!(read_completion(whole(&most).as_bytes()).is_ok());
    }

    /// The documentation's examples, but for their line breaks and the order of two elements.
    #[test]
    fn the_examples_of_the_manual() {
        let (bucket, key) =
            ("multipart-upload".parse().unwrap(), "multipart.data".parse().unwrap());
        let target = Target { bucket: &bucket, key: &key, encoding: Encoding::Plain };
        let upload = id("0004B9894A22E5B1888A1E29F8236E2D");
        assert_eq!(
            text(write_begun(&target, upload)),
            "<InitiateMultipartUploadResult><Bucket>multipart-upload</Bucket>\
             <Key>multipart.data</Key><UploadId>0004B9894A22E5B1888A1E29F8236E2D</UploadId>\
             </InitiateMultipartUploadResult>"
        );
        let etag = ETag::from_stored("B864DB6A936D376F9F8D3ED3BBE540DD-3");
        let location = "http://oss-example.oss-cn-hangzhou.aliyuncs.com/multipart.data";
        assert_eq!(
            text(write_completed(&target, location, &etag)),
            "<CompleteMultipartUploadResult><Location>http://oss-example.oss-cn-hangzhou.\
             aliyuncs.com/multipart.data</Location><Bucket>multipart-upload</Bucket>\
             <Key>multipart.data</Key><ETag>\"B864DB6A936D376F9F8D3ED3BBE540DD-3\"</ETag>\
             </CompleteMultipartUploadResult>"
        );
        let modified = UnixMillis::from_secs(1_311_130_026);
        let etag = ETag::from_stored("5B3C1A2E053D763E1B002CC607C5A0FE");
        assert_eq!(
            text(write_copied_part(&etag, modified)),
            "<CopyPartResult><LastModified>2011-07-20T02:47:06.000Z</LastModified>\
             <ETag>\"5B3C1A2E053D763E1B002CC607C5A0FE\"</ETag></CopyPartResult>"
        );
    }

    #[test]
    fn a_page_of_parts_names_its_last() {
        let (bucket, key) = ("multipart-upload".parse().unwrap(), "a\u{1}".parse().unwrap());
        let target = Target { bucket: &bucket, key: &key, encoding: Encoding::Plain };
        let part = |number| ListedPart {
            number: PartNumber::new(number).unwrap(),
            size: 102_400,
            etag: ETag::from_stored("3349DC700140D7F86A0784842780"),
            crc64: 11_051_210_869_376_104_954,
            modified: UnixMillis::from_secs(1_330_066_120),
        };
        let parts = [part(1), part(5)];
        let upload = id("0004B999EF5A239BB9138C6227D69F95");
        let list =
            PartList { target, id: upload, after: 0, max_parts: 2, parts: &parts, more: true };
        assert_eq!(
            text(write_part_list(&list)),
            "<ListPartsResult><EncodingType>url</EncodingType><Bucket>multipart-upload</Bucket>\
             <Key>a%01</Key><UploadId>0004B999EF5A239BB9138C6227D69F95</UploadId>\
             <PartNumberMarker>0</PartNumberMarker>\
             <NextPartNumberMarker>5</NextPartNumberMarker><MaxParts>2</MaxParts>\
             <IsTruncated>true</IsTruncated>\
             <Part><PartNumber>1</PartNumber><LastModified>2012-02-24T06:48:40.000Z</LastModified>\
             <ETag>\"3349DC700140D7F86A0784842780\"</ETag><Size>102400</Size>\
             <HashCrc64ecma>11051210869376104954</HashCrc64ecma></Part>\
             <Part><PartNumber>5</PartNumber><LastModified>2012-02-24T06:48:40.000Z</LastModified>\
             <ETag>\"3349DC700140D7F86A0784842780\"</ETag><Size>102400</Size>\
             <HashCrc64ecma>11051210869376104954</HashCrc64ecma></Part>\
             </ListPartsResult>"
        );
        let none = PartList { after: 7, parts: &[], more: false, ..list };
        let none = text(write_part_list(&none));
        assert!(none.contains("<NextPartNumberMarker>7</NextPartNumberMarker>"), "{none}");
    }

    #[test]
    fn the_markers_of_a_page_are_its_last_entry() {
        let upload = |key: &str| ListedUpload {
            key: key.parse().unwrap(),
            id: id("0004B999EF518A1FE585B0C9360DC4C8"),
            storage_class: crate::domain::object::StorageClass::Standard,
            initiated: UnixMillis(0),
        };
        #[rustfmt::skip]
        let table: [(&[&str], &[&str], &str, &str); 5] = [
            (&[],         &[],           "",     ""),
            (&["a", "b"], &[],           "b",    "0004B999EF518A1FE585B0C9360DC4C8"),
            (&[],         &["a/", "b/"], "b/",   ""),
            (&["c"],      &["b/"],       "c",    "0004B999EF518A1FE585B0C9360DC4C8"),
            (&["a"],      &["b/"],       "b/",   ""),
        ];
        for (keys, groups, key, upload_id) in table {
            let page = Page {
                entries: keys.iter().map(|key| upload(key)).collect(),
                common_prefixes: groups.iter().map(|group| (*group).to_owned()).collect(),
                next: None,
            };
            let bucket = "bucket".parse().unwrap();
            let query = ListQuery::default();
            let (behind, encoding) = (None, Encoding::Plain);
            let list = UploadList { bucket: &bucket, query: &query, behind, encoding, page: &page };
            let body = text(write_upload_list(&list));
            let want = format!(
                "<NextKeyMarker>{key}</NextKeyMarker><NextUploadIdMarker>{upload_id}</NextUploadIdMarker>"
            );
            assert!(body.contains(&want), "{body}");
        }
    }
}
