//! The referer policy of a bucket: reading and replacing it.
//!
//! Every answer that shows or makes a version has it as its `ETag`, behind the number of its bucket;
//! every change can name in `If-Match` the version that it is meant for, and is refused with 412 if
//! another is the newest. Buckets' numbers never come again, so a tag of a bucket that was deleted
//! is none of a bucket that has its name since.

mod check;
mod edit;
mod explain;
mod history;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Router, routing};
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use serde::{Deserialize, Serialize};

use super::ApiError;
use super::api::{OnBucket, PATIENCE, read_query};
use super::tags::IfMatch;
use crate::domain::code::Code;
use crate::domain::name::BucketId;
use crate::domain::referer::{How, KnownRules, MAX_LARGE_LIST_BYTES, Policy, PolicyVersion};
use crate::domain::word::words;
use crate::http::body;
use crate::service::App;
use crate::service::access::BucketPermit;
use crate::service::error::Error;
use crate::service::object;
use crate::service::policy::{Expect, Order, Outcome};
use crate::wire::referer::{InvalidPolicy, PolicyView, max_body_bytes, read_arriving_policy_json};
use crate::wire::word::Word;

/// The most bytes of a body that holds no list.
const MAX_SMALL_BYTES: usize = 64 * 1024;

pub(super) fn router() -> Router<Arc<App>> {
    use routing::{get, post, put};
    const REFERER: &str = "/api/v1/buckets/{bucket}/referer";
    let at = |rest: &str| format!("{REFERER}{rest}");
    Router::new()
        .route(REFERER, get(show).put(replace))
        .route(&at("/whitelist"), put(edit::put_whitelist))
        .route(&at("/blacklist"), put(edit::put_blacklist))
        .route(&at("/rules"), post(edit::edit_rules))
        .route(&at("/reset"), post(edit::reset))
        .route(&at("/explain"), post(explain::explain))
        .route(&at("/lint"), post(check::lint))
        .route(&at("/import"), post(check::import))
        .route(&at("/export"), get(check::export))
        .route(&at("/versions"), get(history::list))
        .route(&at("/versions/{version}"), get(history::show))
        .route(&at("/versions/{version}/diff/{to}"), get(history::compare))
        .route(&at("/versions/{version}/rollback"), post(history::roll_back))
}

/// Whether the newest version answers requests.
const fn state(in_force: bool) -> &'static str {
    if in_force { "in-force" } else { "compiling" }
}

/// `GET …/referer`
async fn show(on: OnBucket) -> Result<Response, ApiError> {
    #[derive(Serialize)]
    struct Shown<'p> {
        version: i64,
        state: &'static str,
        answering: i64,
        referer_max_bytes: usize,
        policy: PolicyView<'p>,
    }
    let settings = on.permit.bucket().settings();
    let tag = PolicyTag(on.permit.bucket().id, settings.referer.version());
    let version = settings.referer.version();
    let answer = move || {
        let referer = &settings.referer;
        json(&Shown {
            version: version.0,
            state: state(referer.is_in_force()),
            answering: referer.answering().0.0,
            referer_max_bytes: settings.referer_limit(),
            policy: PolicyView(referer.policy()),
        })
    };
    Ok(with_etag(at_leisure(answer).await?, tag))
}

words! {
    /// Where a policy comes from that is put.
    enum Made {
        Hand = "api-put",
        Lint = "lint-fix",
        Import = "import",
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PutQuery {
    how: Option<Word<Made>>,
}

/// `PUT …/referer`
async fn replace(
    State(app): State<Arc<App>>,
    on: OnBucket,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let query: PutQuery = read_query(&uri)?;
    let how = match query.how.map(|Word(made)| made) {
        None | Some(Made::Hand) => How::ApiPut,
        Some(Made::Lint) => How::LintFix,
        Some(Made::Import) => How::Import,
    };
    let (order, bucket) = order(&on, &headers)?;
    let policy = read_policy(&on.permit, policy_body(body)).await?;
    Ok(changed(bucket, &app.put_policy(on.permit, order, (policy, how)).await?))
}

/// A body for a policy, whose lists may be large.
fn policy_body(body: Body) -> object::Body {
    body::stream(body, max_body_bytes(MAX_LARGE_LIST_BYTES) as u64, PATIENCE)
}

/// Reads a policy. A rule that no administrator may put is taken if the bucket has it: what was read
/// can be put back.
async fn read_policy(permit: &BucketPermit, pieces: object::Body) -> Result<Policy, ApiError> {
    let settings = permit.bucket().settings();
    let read = move |json| {
        let known = KnownRules::of(settings.referer.policy());
        read_arriving_policy_json(json, MAX_LARGE_LIST_BYTES, &known)
    };
    Ok(body::read_arriving(pieces, read).await??)
}

/// Reads a policy, if there is one.
pub(super) async fn read_candidate(
    permit: &BucketPermit,
    body: Body,
) -> Result<Option<Policy>, ApiError> {
    match body::unless_empty(policy_body(body)).await? {
        Some(pieces) => read_policy(permit, pieces).await.map(Some),
        None => Ok(None),
    }
}

/// What came of a change.
fn changed(bucket: BucketId, outcome: &Outcome) -> Response {
    #[derive(Serialize)]
    struct Done {
        version: i64,
        state: &'static str,
        changed: bool,
    }
    let answer = json(&Done {
        version: outcome.version.0,
        state: state(outcome.in_force),
        changed: outcome.changed,
    });
    with_etag(answer, PolicyTag(bucket, outcome.version))
}

/// Who asks for a change of which bucket, and for which version it is meant.
fn order(on: &OnBucket, headers: &HeaderMap) -> Result<(Order, BucketId), ApiError> {
    let bucket = on.permit.bucket().id;
    let order = Order { who: on.admin.access_key_id().clone(), expect: expect(bucket, headers)? };
    Ok((order, bucket))
}

/// The versions that `If-Match` names. A tag that is no version of this bucket fits nothing.
fn expect(bucket: BucketId, headers: &HeaderMap) -> Result<Expect, ApiError> {
    Ok(match IfMatch::read(headers)? {
        IfMatch::Anything => Expect::Any,
        IfMatch::OneOf(tags) => {
            let version = |tag: &String| PolicyTag::version(tag, bucket);
            Expect::OneOf(tags.iter().filter_map(version).collect())
        }
    })
}

/// The tag of a version of a bucket's policy.
#[derive(Clone, Copy, Debug)]
struct PolicyTag(BucketId, PolicyVersion);

impl PolicyTag {
    /// The version of that bucket that a tag without its quotes names. A number alone is the version
    /// of whichever bucket has the name: who has it from a body and not from an `ETag` means that.
    fn version(tag: &str, bucket: BucketId) -> Option<PolicyVersion> {
        let version = match tag.split_once('-') {
            Some((of, version)) => (of.parse() == Ok(bucket.0)).then_some(version)?,
            None => tag,
        };
        version.parse().ok().map(PolicyVersion)
    }
}

/// An answer whose body is written now. It is never kept by a cache.
pub(super) fn json(body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => {
            let mut response = Response::new(Body::from(bytes));
            let headers = response.headers_mut();
            let value = HeaderValue::from_static;
            headers.insert(header::CONTENT_TYPE, value("application/json"));
            headers.insert(header::CACHE_CONTROL, value("no-store"));
            response
        }
        // Numbers, texts and lists of them have a form in JSON.
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn with_etag(mut response: Response, PolicyTag(bucket, version): PolicyTag) -> Response {
    if let Ok(tag) = HeaderValue::try_from(format!("\"{}-{version}\"", bucket.0)) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// Does work that takes time in proportion to a list where it holds up no request.
async fn at_leisure<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ApiError> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|_| Error::Fault("work on a policy panicked"))?)
}

impl From<InvalidPolicy> for ApiError {
    fn from(err: InvalidPolicy) -> Self {
        let too_large = err.reason().code == Code::InlineDataTooLarge;
        let code = if too_large { Code::InlineDataTooLarge } else { Code::InvalidArgument };
        Self::saying(code, format!("The body: {err}."))
    }
}
