//! Handlers of the operations on buckets.

use axum::body::Body;
use http::{Response, StatusCode};

use super::respond::{empty, xml};
use super::{Answer, Call, Oss, OssError};
use crate::domain::acl::BucketAcl;
use crate::domain::code::{self, Code};
use crate::domain::object::StorageClass;
use crate::service::access::{BucketPermit, NewBucketPermit, ServicePermit};
use crate::service::bucket::{Bucket, BucketQuery};
use crate::service::error::Error;
use crate::wire::bucket::{
    Account, BucketList, BucketView, InvalidCreateBucket, Stat, read_create_bucket, write_acl,
    write_bucket_info, write_bucket_list, write_bucket_location, write_bucket_stat,
};
use crate::wire::referer::{InvalidPolicy, max_body_bytes, read_put, write_policy};

/// The most bytes of a small configuration body.
const MAX_CONFIG_BYTES: usize = 64 * 1024;

impl Oss {
    /// What bodies show of the account.
    pub(super) fn account(&self) -> Account<'_> {
        Account { owner: self.app.owner(), region: self.app.region(), endpoint: &self.endpoint }
    }
}

fn view(bucket: &Bucket) -> BucketView<'_> {
    BucketView { name: &bucket.name, created: bucket.created, storage_class: bucket.storage_class }
}

/// `GET /`
pub(super) fn list_all(oss: &Oss, permit: ServicePermit, call: Call) -> Answer {
    let query = &call.head.query;
    let text = |name| query.first(name).unwrap_or_default().to_owned();
    let max_keys = super::list::limit(query, "max-keys", 100, 1000)?;
    let max_keys = usize::try_from(max_keys).unwrap_or(usize::MAX);
    let wanted = BucketQuery { prefix: text("prefix"), marker: text("marker"), max_keys };
    let page = oss.app.list_buckets(&permit, &wanted);
    Ok(xml(write_bucket_list(
        &oss.account(),
        &BucketList {
            prefix: &wanted.prefix,
            marker: &wanted.marker,
            max_keys,
            next: page.next.as_ref(),
            buckets: page.buckets.iter().map(|bucket| view(bucket)).collect(),
        },
    )))
}

/// `PUT /<bucket>`
pub(super) async fn create(oss: &Oss, permit: NewBucketPermit, call: Call) -> Answer {
    let acl = acl_header(&call)?;
    let body = call.read_body(MAX_CONFIG_BYTES, oss).await?;
    let class = read_create_bucket(&body)?.unwrap_or(StorageClass::Standard);
    oss.app.create_bucket(permit, acl, class).await?;
    Ok(empty(StatusCode::OK))
}

/// `DELETE /<bucket>`
pub(super) async fn delete(oss: &Oss, permit: BucketPermit) -> Answer {
    oss.app.delete_bucket(permit).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

/// `GET /<bucket>?bucketInfo`
pub(super) fn get_info(oss: &Oss, permit: &BucketPermit) -> Response<Body> {
    let bucket = permit.bucket();
    xml(write_bucket_info(&oss.account(), &view(bucket), bucket.settings().acl))
}

/// `GET /<bucket>?location`
pub(super) fn get_location(oss: &Oss, _permit: &BucketPermit) -> Response<Body> {
    xml(write_bucket_location(oss.app.region()))
}

/// `GET /<bucket>?stat`
pub(super) async fn get_stat(oss: &Oss, permit: BucketPermit) -> Answer {
    let usage = oss.app.bucket_usage(&permit).await?;
    Ok(xml(write_bucket_stat(Stat {
        bytes: usage.bytes,
        objects: usage.objects,
        uploads: usage.uploads,
        parts: usage.parts,
        part_bytes: usage.part_bytes,
        now: oss.app.clock.now(),
    })))
}

/// `GET /<bucket>?acl`
pub(super) fn get_acl(oss: &Oss, permit: &BucketPermit) -> Response<Body> {
    xml(write_acl(&oss.account(), permit.bucket().settings().acl))
}

/// `PUT /<bucket>?acl`
pub(super) async fn put_acl(oss: &Oss, permit: BucketPermit, call: Call) -> Answer {
    let acl = acl_header(&call)?;
    call.read_body(MAX_CONFIG_BYTES, oss).await?;
    let acl =
        acl.ok_or_else(|| OssError::saying(Code::MissingArgument, "x-oss-acl is missing."))?;
    oss.app.put_bucket_acl(permit, acl).await?;
    Ok(empty(StatusCode::OK))
}

/// Lists of more bytes are read and written where that holds up no other request.
const LONG_LIST_BYTES: usize = 256 * 1024;

/// `GET /<bucket>?referer`
pub(super) async fn get_referer(permit: BucketPermit) -> Answer {
    let settings = permit.bucket().settings();
    if settings.referer.policy().list_bytes() <= LONG_LIST_BYTES {
        return Ok(xml(write_policy(settings.referer.policy())));
    }
    let written = tokio::task::spawn_blocking(move || write_policy(settings.referer.policy()));
    Ok(xml(written.await.map_err(|_| Error::Fault("writing a policy panicked"))?))
}

/// `PUT /<bucket>?referer`
pub(super) async fn put_referer(oss: &Oss, permit: BucketPermit, call: Call) -> Answer {
    let limit = permit.bucket().settings().referer_limit();
    let body = call.read_body(max_body_bytes(limit), oss).await.map_err(|err| {
        // What is too long for a body is too long for the lists in it.
        let too_long = err.code() == Code::EntityTooLarge;
        if too_long { code::REFERER_LISTS_TOO_LARGE.into() } else { err }
    })?;
    let read = if body.len() <= LONG_LIST_BYTES {
        read_put(&body, limit)
    } else {
        let reading = tokio::task::spawn_blocking(move || read_put(&body, limit));
        reading.await.map_err(|_| Error::Fault("reading a policy panicked"))?
    };
    let (policy, absent) = read?;
    oss.app.put_oss_policy(permit, policy, absent).await?;
    Ok(empty(StatusCode::OK))
}

fn acl_header(call: &Call) -> Result<Option<BucketAcl>, OssError> {
    let read = |text: &str| {
        text.parse().map_err(|err| OssError::invalid_argument(format!("x-oss-acl: {err}.")))
    };
    call.head.one("x-oss-acl")?.map(read).transpose()
}

impl From<InvalidPolicy> for OssError {
    fn from(err: InvalidPolicy) -> Self {
        let reason = err.reason();
        Self::from(reason).with_message(format!("{} ({err})", reason.message))
    }
}

impl From<InvalidCreateBucket> for OssError {
    fn from(err: InvalidCreateBucket) -> Self {
        let code = match &err {
            InvalidCreateBucket::Xml(_) | InvalidCreateBucket::Root => Code::MalformedXML,
            InvalidCreateBucket::StorageClass(_) => Code::InvalidArgument,
            InvalidCreateBucket::Archive(_) => Code::NotImplemented,
        };
        Self::saying(code, format!("{} ({err})", code.message()))
    }
}
