//! The keys of a delivery domain: shown on request, and replaced one after the other while links of
//! both are in use.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use axum::{Router, routing};
use http::{HeaderMap, Uri};
use serde::{Deserialize, Serialize};

use super::{OnHost, replace, shown};
use crate::domain::urlsign::Slot;
use crate::http::admin::ApiError;
use crate::http::admin::api::{read_json, read_query};
use crate::http::admin::tags::tagged;
use crate::service::App;
use crate::service::delivery::{Domain, KeyStep};
use crate::wire::delivery::KeyText;

pub(in crate::http::admin) const KEYS: &str = "/api/v1/domains/{host}/keys";
pub(in crate::http::admin) const SECONDARY: &str = "/api/v1/domains/{host}/keys/secondary";
pub(in crate::http::admin) const SWAP: &str = "/api/v1/domains/{host}/keys/swap";

/// The most bytes of a body with a key.
const MAX_BODY_BYTES: usize = 4096;

pub(super) fn router() -> Router<Arc<App>> {
    use routing::{get, post, put};
    Router::new()
        .route(KEYS, get(reveal))
        .route(SECONDARY, put(put_secondary).delete(drop_secondary))
        .route(SWAP, post(swap))
}

#[derive(Serialize)]
struct ShownKeys<'d> {
    host: &'d str,
    primary: Option<ShownKey<'d>>,
    secondary: Option<ShownKey<'d>>,
}

#[derive(Serialize)]
struct ShownKey<'d> {
    /// There is none as long as URLs are not signed.
    id: Option<&'d str>,
    key: &'d str,
}

/// `GET …/keys`: the keys themselves.
async fn reveal(State(app): State<Arc<App>>, on: OnHost) -> Result<Response, ApiError> {
    let (domain, keys) = app.reveal_keys(&on.admin, &on.host)?;
    let id = |slot| domain.signing().and_then(|settings| settings.keys().id(slot));
    let secondary = keys.as_ref().and_then(|keys| keys.secondary.as_ref());
    let shown = ShownKeys {
        host: domain.host.as_str(),
        primary: keys
            .as_ref()
            .map(|keys| ShownKey { id: id(Slot::Primary), key: keys.primary.expose() }),
        secondary: secondary.map(|key| ShownKey { id: id(Slot::Secondary), key: key.expose() }),
    };
    Ok(tagged(serde_json::to_string(&shown).unwrap_or_default()))
}

/// `PUT …/keys/secondary`: another key, which verifies from now on. It is drawn if the body has
/// none, and takes the place of another only if the body says so.
async fn put_secondary(
    State(app): State<Arc<App>>,
    on: OnHost,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Key {
        #[serde(default)]
        key: Option<KeyText>,
        #[serde(default)]
        replace: bool,
    }
    let Key { key, replace } = read_json(body, MAX_BODY_BYTES).await?;
    let step = KeyStep::PutSecondary { key: key.map(|KeyText(key)| key), replace };
    change(&app, (on, &headers), step).await
}

/// `DELETE …/keys/secondary?key=&force=`: its links are refused from now on. One that is in use stays
/// unless it is forced.
async fn drop_secondary(
    State(app): State<Arc<App>>,
    on: OnHost,
    (uri, headers): (Uri, HeaderMap),
) -> Result<Response, ApiError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Which {
        key: Option<String>,
        #[serde(default)]
        force: bool,
    }
    let Which { key, force } = read_query(&uri)?;
    change(&app, (on, &headers), KeyStep::DropSecondary { key, force }).await
}

/// `POST …/keys/swap?primary=`: the secondary key signs from now on, and the primary verifies as well.
async fn swap(
    State(app): State<Arc<App>>,
    on: OnHost,
    (uri, headers): (Uri, HeaderMap),
) -> Result<Response, ApiError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Which {
        primary: Option<String>,
    }
    let Which { primary } = read_query(&uri)?;
    change(&app, (on, &headers), KeyStep::Swap { primary }).await
}

async fn change(
    app: &Arc<App>,
    (on, headers): (OnHost, &HeaderMap),
    step: KeyStep,
) -> Result<Response, ApiError> {
    let replace = replace(app, &on, headers)?;
    let domain: Arc<Domain> = app.change_keys(&on.admin, on.host, step, replace).await?;
    Ok(tagged(shown(app, &domain)))
}
