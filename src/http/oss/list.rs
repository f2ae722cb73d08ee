//! Handlers of the operations on many objects of a bucket.

use http::StatusCode;

use super::respond::{empty, xml};
use super::{Answer, Call, Oss, OssError};
use crate::domain::code::Code;
use crate::domain::object::listing::{DEFAULT_MAX_KEYS, ListQuery, MAX_KEYS};
use crate::domain::query::Query;
use crate::service::access::BucketPermit;
use crate::wire::list::{
    DeleteAnswer, Encoding, FetchOwner, InvalidDelete, MAX_DELETE_BYTES, ObjectList, Version,
    read_delete, read_token, write_delete_result, write_object_list,
};

/// `GET /<bucket>`
pub(super) async fn list_v1(oss: &Oss, permit: BucketPermit, call: Call) -> Answer {
    let query = &call.head.query;
    let wanted = list_query(query, name(query, "marker")?)?;
    list(oss, permit, query, (wanted, Version::V1)).await
}

/// `GET /<bucket>?list-type=2`
pub(super) async fn list_v2(oss: &Oss, permit: BucketPermit, call: Call) -> Answer {
    let query = &call.head.query;
    if query.first("list-type") != Some("2") {
        return Err(OssError::invalid_argument("list-type must be 2."));
    }
    let start_after = name(query, "start-after")?;
    let token = query.first("continuation-token").filter(|token| !token.is_empty());
    let bad_token = || OssError::invalid_argument("The continuation-token is not valid.");
    let after = match token {
        Some(token) => read_token(token).ok_or_else(bad_token)?,
        None => start_after.clone(),
    };
    let fetch_owner = match query.first("fetch-owner") {
        Some("true") => FetchOwner::Yes,
        _ => FetchOwner::No,
    };
    let wanted = list_query(query, after)?;
    let version = Version::V2 { start_after: &start_after, token, fetch_owner };
    list(oss, permit, query, (wanted, version)).await
}

async fn list(
    oss: &Oss,
    permit: BucketPermit,
    query: &Query,
    (wanted, version): (ListQuery, Version<'_>),
) -> Answer {
    let encoding = encoding(query)?;
    let page = oss.app.list_objects(&permit, wanted.clone()).await?;
    Ok(xml(write_object_list(&ObjectList {
        bucket: &permit.bucket().name,
        owner: oss.app.owner(),
        query: &wanted,
        encoding,
        version,
        page: &page,
    })))
}

fn list_query(query: &Query, after: String) -> Result<ListQuery, OssError> {
    Ok(ListQuery {
        prefix: name(query, "prefix")?,
        delimiter: name(query, "delimiter")?,
        after,
        max_keys: limit(query, "max-keys", DEFAULT_MAX_KEYS, MAX_KEYS)?,
    })
}

/// A parameter that is compared with names, and so is no longer than one: OSS's limit is 1 024
/// bytes for each.
pub(super) fn name(query: &Query, parameter: &str) -> Result<String, OssError> {
    let text = query.first(parameter).unwrap_or_default();
    if text.len() > 1024 {
        return Err(OssError::invalid_argument(format!("{parameter} is over 1024 bytes.")));
    }
    Ok(text.to_owned())
}

/// The most entries that a listing is to have, by the parameter that says so.
///
/// # Errors
///
/// `InvalidArgument` if it is not a number from 0 to `most`.
pub(super) fn limit(
    query: &Query,
    parameter: &str,
    default: u32,
    most: u32,
) -> Result<u32, OssError> {
    let Some(text) = query.first(parameter).filter(|text| !text.is_empty()) else {
        return Ok(default);
    };
    text.parse().ok().filter(|number| *number <= most).ok_or_else(|| {
        OssError::invalid_argument(format!("{parameter} must be a number from 0 to {most}."))
    })
}

/// The encoding of names that the request asks for.
pub(super) fn encoding(query: &Query) -> Result<Encoding, OssError> {
    match query.first("encoding-type") {
        None | Some("") => Ok(Encoding::Plain),
        Some("url") => Ok(Encoding::Url),
        Some(_) => Err(OssError::invalid_argument("encoding-type must be url.")),
    }
}

/// `POST /<bucket>?delete`
pub(super) async fn delete(oss: &Oss, permit: BucketPermit, call: Call) -> Answer {
    let encoding = encoding(&call.head.query)?;
    let body = call.read_body(MAX_DELETE_BYTES, oss).await?;
    let request = read_delete(&body)?;
    oss.app.delete_objects(&permit, request.keys.clone()).await?;
    Ok(match request.answer {
        DeleteAnswer::Quiet => empty(StatusCode::OK),
        DeleteAnswer::Verbose => xml(write_delete_result(&request.keys, encoding)),
    })
}

impl From<InvalidDelete> for OssError {
    fn from(err: InvalidDelete) -> Self {
        let code = match &err {
            InvalidDelete::Xml(_) | InvalidDelete::Shape => Code::MalformedXML,
            InvalidDelete::Key(_) => Code::InvalidObjectName,
            InvalidDelete::Version => Code::NotImplemented,
        };
        Self::saying(code, format!("{} ({err})", code.message()))
    }
}
