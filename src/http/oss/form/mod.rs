//! `PostObject`: an upload by an HTML form.

mod fields;
mod incoming;

use axum::body::Body;
use http::{HeaderValue, Response, StatusCode, header};

use super::error::OssError;
use super::head::Head;
use super::respond::{Known, empty, xml};
use super::upload::{check_length, report};
use super::{Answer, Call, Oss};
use crate::domain::auth::FormClaim;
use crate::domain::code::{self, Code};
use crate::domain::encode::percent_encode_path;
use crate::domain::form::{InvalidUpload, SizeRange, Success, Unmet, UploadForm, redirect_of};
use crate::domain::name::{BucketName, ObjectKey};
use crate::domain::object::{ETag, MAX_OBJECT_BYTES};
use crate::domain::op::{Action, implied};
use crate::domain::secret::Digest;
use crate::http::body;
use crate::service::access::{FormPermit, ObjectPermit, Visit};
use crate::service::error::Error;
use crate::service::object::{self, Announced, Content, NewObject};
use crate::wire::form::{
    Boundary, InvalidForm, InvalidPolicyField, PostResponse, read_post_policy, write_post_response,
};
use incoming::Incoming;

/// The most bytes of a body: those of the largest object, and room for the fields.
const MAX_FORM_BYTES: u64 = MAX_OBJECT_BYTES + (1 << 20);

/// `POST /<bucket>` with a form.
pub(super) async fn post(oss: &Oss, permit: FormPermit, call: Call, known: &mut Known) -> Answer {
    let Call { head, body, .. } = call;
    let mut incoming = match begin(&head) {
        Ok((boundary, md5)) => {
            let bytes = body::stream(body, MAX_FORM_BYTES, oss.body_timeout);
            Incoming::new(bytes, &boundary, md5)
        }
        Err(err) => {
            super::error::drain_unread(&head.parts.headers, body).await;
            return Err(err);
        }
    };
    let accepted = accept(oss, (permit, &head), &mut incoming, known).await;
    let Accepted { permit, new, announced, range, success } = match accepted {
        Ok(accepted) => accepted,
        Err(err) => {
            drain(&head, incoming.into_rest()).await;
            return Err(err);
        }
    };
    let (bucket, key) = (permit.bucket().name.clone(), permit.key().clone());
    let mut file = incoming.into_file(range);
    let content = Content { body: &mut file, announced, length: None };
    let stored = match oss.app.put_object(permit, new, content).await {
        Ok(stored) => stored,
        Err(err) => {
            drain(&head, file).await;
            return Err(err.into());
        }
    };
    let url = location_of(oss, &head, &key);
    let object = (&bucket, &key, url.as_str());
    let mut response = answer(&success, object, &stored.object.etag)?;
    report(&stored, response.headers_mut());
    Ok(response)
}

/// A form that may be carried out, up to its file.
struct Accepted {
    permit: ObjectPermit,
    new: NewObject,
    announced: Announced,
    range: SizeRange,
    success: Success,
}

/// What the head of the request must say before anything is read.
fn begin(head: &Head) -> Result<(Boundary, Option<Digest>), OssError> {
    check_length(head, MAX_FORM_BYTES)?;
    fields::check_features(head)?;
    let boundary = Boundary::read(head.one("content-type")?.unwrap_or_default())?;
    let md5 = head.one("content-md5")?.map(|text| Announced::read_md5(text.as_bytes()));
    Ok((boundary, md5.transpose()?))
}

/// Reads a form up to its file and asks for the right to carry it out, in the order that
/// [`access`](crate::service::access) gives.
async fn accept(
    oss: &Oss,
    (permit, head): (FormPermit, &Head),
    incoming: &mut Incoming,
    known: &mut Known,
) -> Result<Accepted, OssError> {
    let mut form = incoming.form().await?;
    fields::take_from_head(&mut form, head)?;
    let claim = FormClaim::read(|name| form.fields.get(name));
    let claim = claim.map_err(Error::from)?;
    let sender = oss.app.identify_form(&claim)?;
    let range = check_policy(oss, &permit, &claim, &form)?;
    let key = form.key()?;

    let headers = fields::as_headers(&form)?;
    let also = implied(Action::PutObject, &headers);
    let mut visit = Visit::new(head.facts(), head.client(&oss.proxies), &head.query);
    let granted = oss.app.permit_form(permit, &sender, (&key, &also), &mut visit).await;
    known.sighting = visit.into_sighting();
    let permit = granted?;
    known.would = permit.would_refuse().cloned();

    let (new, announced) = fields::read(&form, &headers)?;
    Ok(Accepted { permit, new, announced, range, success: form.success()? })
}

/// Asks the policy of a form that has one.
fn check_policy(
    oss: &Oss,
    permit: &FormPermit,
    claim: &FormClaim,
    form: &UploadForm,
) -> Result<SizeRange, OssError> {
    let most = SizeRange { most: MAX_OBJECT_BYTES, ..SizeRange::ANY };
    let FormClaim::Signed(signed) = claim else { return Ok(most) };
    let policy = read_post_policy(signed.policy())?;
    let allowed = oss.app.check_form(permit, &policy, form)?;
    Ok(SizeRange { most: allowed.most.min(most.most), ..allowed })
}

/// What the client gets that has written an object.
fn answer(
    success: &Success,
    (bucket, key, location): (&BucketName, &ObjectKey, &str),
    etag: &ETag,
) -> Answer {
    Ok(match success {
        Success::Ok => empty(StatusCode::OK),
        Success::NoContent => empty(StatusCode::NO_CONTENT),
        Success::Created => created(&PostResponse { bucket, key, etag, location }),
        Success::Redirect(url) => {
            let url = HeaderValue::try_from(redirect_of(url, (bucket, key), etag));
            let mut response = empty(StatusCode::SEE_OTHER);
            let url = url.map_err(|_| Code::InternalError)?;
            response.headers_mut().insert(header::LOCATION, url);
            response
        }
    })
}

fn created(post: &PostResponse<'_>) -> Response<Body> {
    let mut response = xml(write_post_response(post));
    *response.status_mut() = StatusCode::CREATED;
    response
}

/// The URL of an object in the way in which its form was addressed.
fn location_of(oss: &Oss, head: &Head, key: &ObjectKey) -> String {
    let path = head.parts.target.path().trim_end_matches('/');
    let (scheme, key) = (head.scheme(&oss.proxies), percent_encode_path(key.as_str()));
    format!("{scheme}://{}{path}/{key}", head.host())
}

/// Reads the rest of a form that is refused, unless its sender waits for `100 Continue` and
/// listens.
async fn drain(head: &Head, rest: object::Body) {
    if !head.parts.headers.contains_key(header::EXPECT) {
        body::drain_rest(rest).await;
    }
}

impl From<InvalidForm> for OssError {
    fn from(err: InvalidForm) -> Self {
        let reason = err.reason();
        Self::from(reason).with_message(format!("{} ({err})", reason.message))
    }
}

impl From<InvalidPolicyField> for OssError {
    fn from(err: InvalidPolicyField) -> Self {
        Self::from(err.reason()).with_message(format!("Invalid Policy: {err}"))
    }
}

impl From<Unmet> for OssError {
    fn from(err: Unmet) -> Self {
        let reason = match err {
            Unmet::Expired => code::POST_POLICY_EXPIRED,
            Unmet::Condition(_) => code::POST_POLICY_UNMET,
        };
        Self::from(reason).with_message(format!("Invalid according to Policy: {err}"))
    }
}

impl From<InvalidUpload> for OssError {
    fn from(err: InvalidUpload) -> Self {
        match err {
            InvalidUpload::NoKey => code::FORM_WITHOUT_KEY.into(),
            InvalidUpload::Key(err) => {
                let code = Code::InvalidObjectName;
                Self::saying(code, format!("{} ({err})", code.message()))
            }
            InvalidUpload::Redirect(_) => Self::invalid_argument(format!("{err}.")),
        }
    }
}
