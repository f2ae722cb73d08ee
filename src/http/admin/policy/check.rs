//! Looking through a policy, and taking it from and to other products. Nothing here changes a
//! bucket: what comes out is put, if it is liked, with `PUT …/referer`.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::response::Response;
use http::Uri;
use serde::{Deserialize, Serialize};

use super::{PolicyTag, at_leisure, json, read_candidate, with_etag};
use crate::domain::code::Code;
use crate::domain::referer::lint::{Accept, LintContext, OwnPlace, review};
use crate::domain::referer::{Extras, Policy};
use crate::http::admin::api::{OnBucket, PATIENCE, read_query};
use crate::http::admin::{ApiError, OwnHosts};
use crate::http::body;
use crate::wire::lint::SurveyView;
use crate::wire::policy_formats::{
    Export, Import, Note, export as export_policy, import as import_policy, lost,
};
use crate::wire::referer::PolicyView;
use crate::wire::word::Word;

/// The most bytes of a policy of another product.
const MAX_IMPORT_BYTES: usize = 1 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LintQuery {
    /// Which fixes the policy that is returned has.
    fix: Option<Word<Accept>>,
    /// Places of one's own that must not be denied, with commas between them.
    own: Option<String>,
    /// How many findings are told.
    limit: Option<usize>,
}

/// The most findings that are told: a million rules can have millions.
const MAX_FINDINGS: usize = 10_000;

/// How many are told, unless the client asks for more or less.
const FINDINGS: usize = 1000;

/// What is asked of a lint.
struct Wanted {
    context: LintContext,
    fix: Option<Accept>,
    findings: usize,
}

/// `POST …/referer/lint`: of the policy in the body, or of the bucket's.
pub(super) async fn lint(
    Extension(own): Extension<Arc<OwnHosts>>,
    on: OnBucket,
    uri: Uri,
    body: Body,
) -> Result<Response, ApiError> {
    let query: LintQuery = read_query(&uri)?;
    let bucket = on.permit.bucket();
    let settings = bucket.settings();
    let mut places = own.places(&bucket.name);
    for place in query.own.iter().flat_map(|own| own.split(',')).filter(|it| !it.is_empty()) {
        let place = place.parse::<OwnPlace>().map_err(|err| bad(format!("own: {err}.")))?;
        if !places.contains(&place) {
            places.push(place);
        }
    }
    let findings = query.limit.unwrap_or(FINDINGS);
    if findings > MAX_FINDINGS {
        return Err(bad(format!("limit is {findings}, it may be at most {MAX_FINDINGS}.")));
    }
    let context = LintContext { own: places, extras: Extras::clone(settings.referer.extras()) };
    let wanted = Wanted { context, fix: query.fix.map(|Word(accept)| accept), findings };
    if let Some(policy) = read_candidate(&on.permit, body).await? {
        return at_leisure(move || linted(&policy, &wanted, None)).await;
    }
    let version = settings.referer.version();
    let tag = PolicyTag(bucket.id, version);
    let answer = move || linted(settings.referer.policy(), &wanted, Some(version.0));
    Ok(with_etag(at_leisure(answer).await?, tag))
}

fn bad(sentence: String) -> ApiError {
    ApiError::saying(Code::InvalidArgument, sentence)
}

fn linted(policy: &Policy, wanted: &Wanted, version: Option<i64>) -> Response {
    #[derive(Serialize)]
    struct Linted<'p> {
        /// The version that was looked through, if it is one of the bucket's.
        version: Option<i64>,
        #[serde(flatten)]
        found: SurveyView<'p>,
        #[serde(skip_serializing_if = "Option::is_none")]
        fixed: Option<PolicyView<'p>>,
        /// What is found in the fixed policy.
        #[serde(skip_serializing_if = "Option::is_none")]
        remaining: Option<SurveyView<'p>>,
    }
    let Wanted { context, fix, findings } = wanted;
    let review = review(policy, context, *fix, *findings);
    let fixed = review.fixed.as_ref();
    json(&Linted {
        version,
        found: SurveyView::new(policy, &review.found),
        fixed: fixed.map(|(fixed, _)| PolicyView(fixed)),
        remaining: fixed.map(|(fixed, found)| SurveyView::new(fixed, found)),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ImportQuery {
    from: Word<Import>,
}

/// `POST …/referer/import`: reads the policy of another product.
pub(super) async fn import(_on: OnBucket, uri: Uri, body: Body) -> Result<Response, ApiError> {
    #[derive(Serialize)]
    struct Read<'p> {
        policy: PolicyView<'p>,
        /// How many rules have no counterpart and are not in the policy.
        lost: usize,
        notes: &'p [Note],
    }
    let ImportQuery { from: Word(format) } = read_query(&uri)?;
    let text = body::read(body, MAX_IMPORT_BYTES, PATIENCE).await?;
    let read = at_leisure(move || import_policy(format, &text, MAX_IMPORT_BYTES)).await?;
    let read = read.map_err(|err| bad(format!("The body: {err}.")))?;
    Ok(json(&Read {
        policy: PolicyView(&read.policy),
        lost: lost(&read.notes),
        notes: &read.notes,
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExportQuery {
    to: Word<Export>,
}

/// `GET …/referer/export`: writes the newest version for another product.
pub(super) async fn export(on: OnBucket, uri: Uri) -> Result<Response, ApiError> {
    #[derive(Serialize)]
    struct Written<'p> {
        text: &'p str,
        lost: usize,
        notes: &'p [Note],
    }
    let ExportQuery { to: Word(format) } = read_query(&uri)?;
    let settings = on.permit.bucket().settings();
    at_leisure(move || {
        let referer = &settings.referer;
        let written = export_policy(referer.policy(), referer.extras(), format);
        json(&Written { text: &written.text, lost: lost(&written.notes), notes: &written.notes })
    })
    .await
}
