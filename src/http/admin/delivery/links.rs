//! Making links of a delivery domain.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use axum::{Router, routing};
use serde::Serialize;

use super::OnHost;
use crate::domain::code::Code;
use crate::domain::time::UnixMillis;
use crate::http::admin::ApiError;
use crate::http::admin::api::read_json;
use crate::http::admin::tags::tagged;
use crate::service::App;
use crate::service::delivery::{CannotLink, LinkOrder, MadeLink};
use crate::wire::delivery::LinksBody;

pub(in crate::http::admin) const SIGN: &str = "/api/v1/domains/{host}/sign";

/// The most links that are made at once.
const MAX_LINKS: usize = 1000;

/// The most bytes of a body: so many URLs of a kilobyte each, and room.
const MAX_BODY_BYTES: usize = 2 << 20;

pub(super) fn router() -> Router<Arc<App>> {
    Router::new().route(SIGN, routing::post(sign))
}

/// What came of a URL: a link, or why there is none.
#[derive(Serialize)]
#[serde(untagged)]
enum Made<'l> {
    Link { url: &'l str, until: String },
    Error { error: Refused },
}

#[derive(Serialize)]
struct Refused {
    code: &'static str,
    message: String,
}

/// `POST …/sign`
async fn sign(State(app): State<Arc<App>>, on: OnHost, body: Body) -> Result<Response, ApiError> {
    #[derive(Serialize)]
    struct Answer<'l> {
        links: Vec<Made<'l>>,
    }
    let body: LinksBody = read_json(body, MAX_BODY_BYTES).await?;
    if body.urls.len() > MAX_LINKS {
        let sentence = format!("urls: at most {MAX_LINKS} links are made at once.");
        return Err(ApiError::saying(Code::InvalidArgument, sentence));
    }
    let order = LinkOrder {
        lifetime: body.lifetime,
        preview: body.preview,
        clients: body.clients,
        random: body.random,
        uid: body.uid,
        lists: [body.whref, body.bkref, body.whreg, body.bkreg],
        directory: body.directory,
        method: body.method,
        client: body.client,
    };
    let made = app.sign_links(&on.admin, &on.host, (&order, &body.urls))?;
    let links = made.iter().map(view).collect();
    Ok(tagged(serde_json::to_string(&Answer { links }).unwrap_or_default()))
}

fn view(made: &Result<MadeLink, CannotLink>) -> Made<'_> {
    match made {
        Ok(MadeLink { url, until }) => {
            Made::Link { url, until: UnixMillis::from_secs(*until).to_rfc3339() }
        }
        Err(err) => {
            let code = match err {
                CannotLink::Random => Code::InternalError,
                CannotLink::NotSigned(_)
                | CannotLink::Url(_)
                | CannotLink::OtherHost(_)
                | CannotLink::Order(_)
                | CannotLink::Sign(_) => Code::InvalidArgument,
            };
            let message = format!("The link: {err}.");
            Made::Error { error: Refused { code: code.as_str(), message } }
        }
    }
}
