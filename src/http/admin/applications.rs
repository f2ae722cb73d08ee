//! `/api/v1/applications`: programs that may have links made.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::{Router, routing};
use http::{HeaderValue, Response, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};

use super::ApiError;
use super::api::{Admin, read_json};
use crate::domain::code::Code;
use crate::domain::delivery::{Application, ApplicationName};
use crate::service::App;
use crate::service::delivery::{MAX_APPLICATIONS, NotMade};

pub(super) const ALL: &str = "/api/v1/applications";
pub(super) const ONE: &str = "/api/v1/applications/{application}";

/// The most bytes of a body: every scope at its longest, escaped.
const MAX_BODY_BYTES: usize = 256 * 1024;

pub(super) fn router() -> Router<Arc<App>> {
    Router::new().route(ALL, routing::get(list).post(create)).route(ONE, routing::delete(delete))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    name: String,
    #[serde(default)]
    scopes: Vec<String>,
    per_minute: Option<u32>,
}

/// `GET /api/v1/applications`
async fn list(State(app): State<Arc<App>>, Admin(by): Admin) -> Response<Body> {
    let all: Vec<_> = app.applications(&by).iter().map(view).collect();
    answer(StatusCode::OK, &json!({ "applications": all }))
}

/// `POST /api/v1/applications`: makes one. This answer alone has its token.
async fn create(
    State(app): State<Arc<App>>,
    Admin(by): Admin,
    body: Body,
) -> Result<Response<Body>, ApiError> {
    let Wanted { name, scopes, per_minute } = read_json(body, MAX_BODY_BYTES).await?;
    let scopes = scopes.iter().map(|scope| read("scopes", scope)).collect::<Result<_, _>>()?;
    let application = Application {
        name: read("name", &name)?,
        scopes,
        per_minute: per_minute.unwrap_or(Application::PER_MINUTE),
        created: app.clock.now(),
    };
    application.check().map_err(|err| bad(format!("The application: {err}.")))?;
    match app.create_application(&by, application).await? {
        Ok(made) => {
            let mut json = view(&made.application);
            if let Some(json) = json.as_object_mut() {
                json.insert("token".to_owned(), made.token.expose().into());
            }
            Ok(answer(StatusCode::CREATED, &json))
        }
        Err(NotMade::Exists) => {
            Err(ApiError::conflict(format!("There is an application {name} already.")))
        }
        Err(NotMade::TooMany) => Err(ApiError::conflict(format!(
            "There are {MAX_APPLICATIONS} applications, which is all there can be."
        ))),
    }
}

/// `DELETE /api/v1/applications/{application}`: its token is refused from now on.
async fn delete(
    State(app): State<Arc<App>>,
    Admin(by): Admin,
    Path(name): Path<String>,
) -> Result<Response<Body>, ApiError> {
    let found: ApplicationName = read("name", &name)?;
    if app.delete_application(&by, found).await? {
        return Ok(answer(StatusCode::OK, &json!({ "deleted": name })));
    }
    Err(ApiError::not_found(format!("There is no application {name}.")))
}

fn read<T: std::str::FromStr<Err: std::fmt::Display>>(
    field: &str,
    text: &str,
) -> Result<T, ApiError> {
    text.parse().map_err(|err| bad(format!("{field}: {text:?}: {err}.")))
}

fn bad(sentence: String) -> ApiError {
    ApiError::saying(Code::InvalidArgument, sentence)
}

fn view(application: &Application) -> Value {
    let scopes = application.scopes.iter().map(ToString::to_string).collect::<Vec<_>>();
    json!({
        "name": application.name.as_str(),
        "scopes": scopes,
        "per_minute": application.per_minute,
        "created": application.created.to_rfc3339(),
    })
}

/// An answer, which no cache may keep.
fn answer(status: StatusCode, json: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(json.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
