//! Bodies of the operations on buckets, the referer policy apart.
//!
//! Sources: OSS "ListBuckets (GetService)", "PutBucket", "GetBucketInfo", "GetBucketLocation",
//! "GetBucketStat", "GetBucketAcl". SDKs insist on more elements than the pages call required:
//! both endpoints, the location, the storage class and the grant.

use std::fmt::Display;

use super::xml::{Element, Limits, XmlError, XmlWriter};
use crate::domain::acl::BucketAcl;
use crate::domain::name::{AccessKeyId, BucketName, Region};
use crate::domain::object::StorageClass;
use crate::domain::time::UnixMillis;

/// A bucket as listings and `GetBucketInfo` show it.
#[derive(Debug)]
pub struct BucketView<'b> {
    /// Its name.
    pub name: &'b BucketName,
    /// When it was created.
    pub created: UnixMillis,
    /// The class of objects that are uploaded without one.
    pub storage_class: StorageClass,
}

/// What all bodies about buckets have in common.
#[derive(Debug)]
pub struct Account<'a> {
    /// The owner's id.
    pub owner: &'a AccessKeyId,
    /// The server's region.
    pub region: &'a Region,
    /// The endpoint that clients are told, without a scheme.
    pub endpoint: &'a str,
}

impl Account<'_> {
    fn write_owner(&self, x: &mut XmlWriter) {
        x.element("Owner", |x| {
            x.text("ID", self.owner);
            x.text("DisplayName", self.owner);
        });
    }

    fn write_bucket(&self, x: &mut XmlWriter, bucket: &BucketView<'_>) {
        x.text("CreationDate", bucket.created.to_iso8601());
        x.text("ExtranetEndpoint", self.endpoint);
        x.text("IntranetEndpoint", self.endpoint);
        x.text("Location", self.region.location());
        x.text("Name", bucket.name);
        x.text("Region", self.region);
        x.text("StorageClass", bucket.storage_class.as_str());
    }
}

/// A page of `ListBuckets`.
#[derive(Debug)]
pub struct BucketList<'l> {
    /// `prefix` of the request.
    pub prefix: &'l str,
    /// `marker` of the request.
    pub marker: &'l str,
    /// `max-keys` of the request.
    pub max_keys: usize,
    /// Where the next page begins, if there is one.
    pub next: Option<&'l BucketName>,
    /// The buckets.
    pub buckets: Vec<BucketView<'l>>,
}

/// Writes `<ListAllMyBucketsResult>`.
pub fn write_bucket_list(account: &Account<'_>, list: &BucketList<'_>) -> Vec<u8> {
    XmlWriter::document("ListAllMyBucketsResult", |x| {
        account.write_owner(x);
        x.text("Prefix", list.prefix);
        x.text("Marker", list.marker);
        x.text("MaxKeys", list.max_keys);
        x.text("IsTruncated", list.next.is_some());
        if let Some(next) = list.next {
            x.text("NextMarker", next);
        }
        x.element("Buckets", |x| {
            for bucket in &list.buckets {
                x.element("Bucket", |x| account.write_bucket(x, bucket));
            }
        });
    })
}

/// Writes `<BucketInfo>`.
pub fn write_bucket_info(
    account: &Account<'_>,
    bucket: &BucketView<'_>,
    acl: BucketAcl,
) -> Vec<u8> {
    XmlWriter::document("BucketInfo", |x| {
        x.element("Bucket", |x| {
            account.write_bucket(x, bucket);
            x.text("DataRedundancyType", "LRS");
            x.text("TransferAcceleration", "Disabled");
            x.text("CrossRegionReplication", "Disabled");
            x.text("Versioning", "Disabled");
            account.write_owner(x);
            x.element("AccessControlList", |x| x.text("Grant", acl));
            x.element("ServerSideEncryptionRule", |x| x.text("SSEAlgorithm", "None"));
            x.element("BucketPolicy", |x| {
                x.text("LogBucket", "");
                x.text("LogPrefix", "");
            });
        });
    })
}

/// Writes `<AccessControlPolicy>` of a bucket or an object.
pub fn write_acl(account: &Account<'_>, acl: impl Display) -> Vec<u8> {
    XmlWriter::document("AccessControlPolicy", |x| {
        account.write_owner(x);
        x.element("AccessControlList", |x| x.text("Grant", acl));
    })
}

/// Writes `<LocationConstraint>`.
pub fn write_bucket_location(region: &Region) -> Vec<u8> {
    XmlWriter::text_document("LocationConstraint", region.location())
}

/// Writes `<PolicyStatus>`: whether a bucket's policy lets everybody in.
pub fn write_policy_status(public: bool) -> Vec<u8> {
    XmlWriter::document("PolicyStatus", |w| {
        w.text("IsPublic", public);
    })
}

/// What `GetBucketStat` tells.
#[derive(Clone, Copy, Debug)]
pub struct Stat {
    /// The sum of the objects' sizes in bytes.
    pub bytes: u64,
    /// The number of objects.
    pub objects: u64,
    /// The number of open uploads.
    pub uploads: u64,
    /// The number of their parts.
    pub parts: u64,
    /// The sum of the parts' sizes in bytes.
    pub part_bytes: u64,
    /// The clock, for `LastModifiedTime`: the figures are of this moment.
    pub now: UnixMillis,
}

/// Writes `<BucketStat>`. All objects count for the standard class: all are stored alike. The
/// storage is that of objects and parts together.
pub fn write_bucket_stat(stat: Stat) -> Vec<u8> {
    XmlWriter::document("BucketStat", |x| {
        x.text("Storage", stat.bytes + stat.part_bytes);
        x.text("ObjectCount", stat.objects);
        x.text("MultipartUploadCount", stat.uploads);
        x.text("MultipartPartCount", stat.parts);
        x.text("MultipartPartStorage", stat.part_bytes);
        x.text("LiveChannelCount", 0);
        x.text("LastModifiedTime", stat.now.as_secs());
        x.text("StandardStorage", stat.bytes);
        x.text("StandardObjectCount", stat.objects);
    })
}

/// Why the body of `PutBucket` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidCreateBucket {
    /// It is not XML.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// It is XML of another kind.
    #[error("the body is not one CreateBucketConfiguration")]
    Root,
    /// A class that is not one.
    #[error("{0:?} is not a storage class")]
    StorageClass(String),
    /// A class that needs a restore before reading.
    #[error("storage class {0} is not implemented")]
    Archive(String),
}

/// Reads the body of `PutBucket`: empty, or `<CreateBucketConfiguration>`. The redundancy type is
/// passed over: there is one.
///
/// # Errors
///
/// [`InvalidCreateBucket`].
pub fn read_create_bucket(body: &[u8]) -> Result<Option<StorageClass>, InvalidCreateBucket> {
    if body.is_empty() {
        return Ok(None);
    }
    let root = Element::read(body, Limits::new(64 * 1024, 100))?;
    if root.name() != "CreateBucketConfiguration" {
        return Err(InvalidCreateBucket::Root);
    }
    let mut classes = root.all("StorageClass").map(Element::text);
    match (classes.next(), classes.next()) {
        (None, _) => Ok(None),
        (Some(class), None) => read_storage_class(class).map(Some),
        (Some(_), Some(_)) => Err(InvalidCreateBucket::Root),
    }
}

/// Reads a storage class, and tells those that OSS has from those that nobody has.
///
/// # Errors
///
/// [`InvalidCreateBucket`].
pub fn read_storage_class(text: &str) -> Result<StorageClass, InvalidCreateBucket> {
    match (StorageClass::parse(text), text) {
        (Some(class), _) => Ok(class),
        (None, "Archive" | "ColdArchive" | "DeepColdArchive") => {
            Err(InvalidCreateBucket::Archive(text.to_owned()))
        }
        (None, _) => Err(InvalidCreateBucket::StorageClass(text.to_owned())),
    }
}
