//! A client of the admin API for the commands, with the owner's key.

use std::path::PathBuf;

use base64::Engine as _;
use clap::Args;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use serde::Deserialize;
use ureq::Agent;

use super::Failure;
use super::client::{agent, check_endpoint, owner_key};
use crate::config::Layer;
use crate::domain::name::BucketName;

/// The most bytes of an answer that are read.
const MAX_ANSWER_BYTES: u64 = 64 << 20;

/// Where the server's admin plane is and who asks.
#[derive(Debug, Args)]
pub(super) struct AdminArgs {
    /// The server's admin plane [default: http:// and the `admin_listen` setting]
    #[arg(long, env = "REFGATE_ADMIN_ENDPOINT", value_name = "URL")]
    admin_endpoint: Option<String>,

    /// Settings file [default: refgate.toml, if there is one]
    #[arg(short, long, env = "REFGATE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,

    /// Folder where the owner's access key is kept [default: ./refgate-data]
    #[arg(long, env = "REFGATE_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,

    /// The owner's access key id; its secret is in REFGATE_ROOT_ACCESS_KEY_SECRET
    #[arg(long, env = "REFGATE_ROOT_ACCESS_KEY_ID", value_name = "ID", hide_env_values = true)]
    root_access_key_id: Option<String>,
}

/// A client of one server's admin plane.
pub(super) struct AdminClient {
    agent: Agent,
    endpoint: String,
    authorization: HeaderValue,
}

/// The form of every error of the admin plane.
#[derive(Deserialize)]
struct Refusal {
    error: RefusalText,
}

#[derive(Deserialize)]
struct RefusalText {
    code: String,
    message: String,
}

impl AdminClient {
    /// Finds the server and the key.
    ///
    /// # Errors
    ///
    /// [`Failure`].
    pub(super) fn new(args: AdminArgs) -> Result<Self, Failure> {
        let file = Layer::from_file(args.config.as_deref())?;
        let flags = Layer {
            data_dir: args.data_dir,
            root_access_key_id: args.root_access_key_id,
            ..Layer::default()
        };
        let settings = flags.with_secret_from_environment().or(file).settings()?;
        let endpoint = args.admin_endpoint;
        let endpoint = endpoint.unwrap_or_else(|| format!("http://{}", settings.admin_listen));
        check_endpoint(&endpoint)?;
        let (id, secret) = owner_key(settings)?;
        let basic = format!("{id}:{}", secret.expose());
        let basic = base64::engine::general_purpose::STANDARD.encode(basic);
        let authorization = HeaderValue::try_from(format!("Basic {basic}"));
        let mut authorization =
            authorization.map_err(|err| Failure::of("cannot make the request", err))?;
        authorization.set_sensitive(true);
        let endpoint = endpoint.trim_end_matches('/').to_owned();
        Ok(Self { agent: agent(), endpoint, authorization })
    }

    /// Sends a request about a bucket and returns the headers and the body of a good answer.
    /// `path` is what follows the bucket's name.
    ///
    /// # Errors
    ///
    /// [`Failure`]: the server cannot be reached, or it refuses; then with its own words.
    pub(super) fn send(
        &self,
        method: &Method,
        bucket: &BucketName,
        path: &str,
        (headers, body): (&[(HeaderName, HeaderValue)], Vec<u8>),
    ) -> Result<(HeaderMap, Vec<u8>), Failure> {
        let mut request = Request::builder()
            .method(method.clone())
            .uri(format!("{}/api/v1/buckets/{bucket}/{path}", self.endpoint))
            .body(body)
            .map_err(|err| Failure::of("cannot make the request", err))?;
        request.headers_mut().extend(headers.iter().cloned());
        request.headers_mut().insert(header::AUTHORIZATION, self.authorization.clone());
        let unreachable = |err| Failure::of(&format!("cannot reach {}", self.endpoint), err);
        let response = self.agent.run(request).map_err(unreachable)?;
        let (parts, mut body) = response.into_parts();
        let body = body.with_config().limit(MAX_ANSWER_BYTES).read_to_vec().map_err(unreachable)?;
        answer(Response::from_parts(parts, body))
    }
}

fn answer(response: Response<Vec<u8>>) -> Result<(HeaderMap, Vec<u8>), Failure> {
    let (parts, body) = response.into_parts();
    if parts.status.is_success() {
        return Ok((parts.headers, body));
    }
    Err(refusal(parts.status, &body))
}

/// What the server said, in one line.
fn refusal(status: StatusCode, body: &[u8]) -> Failure {
    match serde_json::from_slice(body) {
        Ok(Refusal { error: RefusalText { code, message } }) => {
            Failure::Other(format!("{code}: {message} (status {})", status.as_u16()))
        }
        Err(_) => Failure::Other(format!("the server answered {status}")),
    }
}
