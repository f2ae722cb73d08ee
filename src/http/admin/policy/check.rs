//! Looking through a policy, and taking it from and to other products. Nothing here changes a
//! bucket: what comes out is put, if it is liked, with `PUT …/referer`.

use axum::body::Body;
use axum::response::Response;
use http::Uri;
use serde::{Deserialize, Serialize};

use super::{at_leisure, json, read_policy};
use crate::domain::code::Code;
use crate::domain::referer::Policy;
use crate::domain::referer::lint::{LintContext, Safety, fixed, lint as lint_policy};
use crate::http::admin::ApiError;
use crate::http::admin::api::{OnBucket, PATIENCE, read_query};
use crate::http::body;
use crate::wire::lint::FindingView;
use crate::wire::policy_formats::{
    Export, Import, Note, export as export_policy, import as import_policy,
};
use crate::wire::referer::{PolicyView, write_policy};

/// The most bytes of a policy of another product.
const MAX_IMPORT_BYTES: usize = 1 << 20;

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Accept {
    Same,
    Safe,
    All,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LintQuery {
    /// Which fixes the policy that is returned has.
    fix: Option<Accept>,
    /// Origins of one's own that must not be denied, with commas between them.
    own: Option<String>,
}

/// `POST …/referer/lint`: of the policy in the body, or of the bucket's.
pub(super) async fn lint(on: OnBucket, uri: Uri, body: Body) -> Result<Response, ApiError> {
    #[derive(Serialize)]
    struct Linted<'p> {
        findings: Vec<FindingView<'p>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        fixed: Option<PolicyView<'p>>,
    }
    let query: LintQuery = read_query(&uri)?;
    let policy = candidate(&on, body).await?;
    let own = query.own.unwrap_or_default();
    let own = own.split(',').filter(|it| !it.is_empty()).map(str::to_owned).collect();
    let context = LintContext { own };
    at_leisure(move || {
        let findings = lint_policy(&policy, &context);
        let limit = query.fix.map(|accept| match accept {
            Accept::Same => Safety::SameMeaning,
            Accept::Safe => Safety::Tightens,
            Accept::All => Safety::Widens,
        });
        let fixed = limit.map(|limit| fixed(&policy, &context, |_, safety| safety <= limit));
        json(&Linted {
            findings: findings.iter().map(|it| FindingView::new(&policy, it)).collect(),
            fixed: fixed.as_ref().map(PolicyView),
        })
    })
    .await
}

/// The policy in a body, or the bucket's newest if the body is empty.
async fn candidate(on: &OnBucket, body: Body) -> Result<Policy, ApiError> {
    use http_body::Body as _;
    if body.is_end_stream() {
        return Ok(on.permit.bucket().settings().referer.policy().clone());
    }
    read_policy(body).await
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum From {
    Nginx,
    Cos,
    S3,
    Obs,
    Lines,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ImportQuery {
    from: From,
}

#[derive(Serialize)]
struct NoteView<'n> {
    line: Option<usize>,
    rule: Option<&'n str>,
    effect: &'static str,
    sentence: &'n str,
}

impl<'n> NoteView<'n> {
    fn of(note: &'n Note) -> Self {
        Self {
            line: note.line,
            rule: note.rule.as_deref(),
            effect: note.effect.as_str(),
            sentence: &note.text,
        }
    }
}

/// `POST …/referer/import`: reads the policy of another product.
pub(super) async fn import(_on: OnBucket, uri: Uri, body: Body) -> Result<Response, ApiError> {
    #[derive(Serialize)]
    struct Read<'p> {
        policy: PolicyView<'p>,
        notes: Vec<NoteView<'p>>,
    }
    let query: ImportQuery = read_query(&uri)?;
    let format = match query.from {
        From::Nginx => Import::Nginx,
        From::Cos => Import::Cos,
        From::S3 => Import::S3,
        From::Obs => Import::Obs,
        From::Lines => Import::Lines,
    };
    let text = body::read(body, MAX_IMPORT_BYTES, PATIENCE).await?;
    let read = at_leisure(move || import_policy(format, &text, MAX_IMPORT_BYTES)).await?;
    let read =
        read.map_err(|err| ApiError::saying(Code::InvalidArgument, format!("The body: {err}.")))?;
    Ok(json(&Read {
        policy: PolicyView(&read.policy),
        notes: read.notes.iter().map(NoteView::of).collect(),
    }))
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum To {
    Xml,
    Nginx,
    Lines,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExportQuery {
    to: To,
}

/// `GET …/referer/export`: writes the newest version for another product.
pub(super) async fn export(on: OnBucket, uri: Uri) -> Result<Response, ApiError> {
    #[derive(Serialize)]
    struct Written<'p> {
        text: &'p str,
        notes: Vec<NoteView<'p>>,
    }
    let query: ExportQuery = read_query(&uri)?;
    let settings = on.permit.bucket().settings();
    at_leisure(move || {
        let policy = settings.referer.policy();
        let format = match query.to {
            To::Nginx => Export::Nginx,
            To::Lines => Export::Lines,
            To::Xml => {
                let text = String::from_utf8_lossy(&write_policy(policy)).into_owned();
                return json(&Written { text: &text, notes: Vec::new() });
            }
        };
        let written = export_policy(policy, format);
        json(&Written {
            text: &written.text,
            notes: written.notes.iter().map(NoteView::of).collect(),
        })
    })
    .await
}
