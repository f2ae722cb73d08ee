//! A client of the admin API for the commands.

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use clap::Args;
use http::{Method, Request, StatusCode, header};
use serde_json::Value;
use ureq::Agent;

use super::Failure;
use super::credentials;
use crate::config::Layer;

/// The most bytes of an answer that are read.
const MAX_ANSWER_BYTES: u64 = 64 << 20;

/// Where the server is and who asks.
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

/// A client of one server's admin API.
pub(super) struct AdminClient {
    agent: Agent,
    endpoint: String,
    authorization: String,
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
        let (id, secret) = match settings.root {
            Some(key) => key,
            None => credentials::read(&settings.data_dir)?.ok_or_else(|| {
                Failure::Other(format!(
                    "no access key in {}: name the server's folder with --data-dir, or set REFGATE_ROOT_ACCESS_KEY_ID and REFGATE_ROOT_ACCESS_KEY_SECRET",
                    settings.data_dir.display(),
                ))
            })?,
        };
        let pair = format!("{id}:{}", secret.expose());
        let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(Duration::from_mins(1)))
            .build();
        Ok(Self {
            agent: agent.into(),
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            authorization: format!("Basic {encoded}"),
        })
    }

    /// Sends a request to a path of the API, with a body if there is one, and returns the JSON of
    /// a good answer.
    ///
    /// # Errors
    ///
    /// [`Failure`]: the server cannot be reached, or it refuses; then with its own words.
    pub(super) fn send(
        &self,
        method: &Method,
        path: &str,
        body: Vec<u8>,
    ) -> Result<Value, Failure> {
        let request = Request::builder()
            .method(method.clone())
            .uri(format!("{}{path}", self.endpoint))
            .header(header::AUTHORIZATION, &self.authorization)
            .header(header::CONTENT_TYPE, "application/json")
            .body(body)
            .map_err(|err| Failure::of("cannot make the request", err))?;
        let unreachable = |err| Failure::of(&format!("cannot reach {}", self.endpoint), err);
        let mut response = self.agent.run(request).map_err(unreachable)?;
        let status = response.status();
        let body = response.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_vec();
        let json = serde_json::from_slice(&body.map_err(unreachable)?);
        if !status.is_success() {
            return Err(refusal(status, &json.unwrap_or_default()));
        }
        json.map_err(|err| Failure::of("the server's answer is not JSON", err))
    }
}

/// What the server said, in one line.
fn refusal(status: StatusCode, answer: &Value) -> Failure {
    let text = |name| answer.pointer(name).and_then(Value::as_str);
    match (text("/error/code"), text("/error/message")) {
        (Some(code), Some(message)) => {
            Failure::Other(format!("{code}: {message} (status {})", status.as_u16()))
        }
        _ => Failure::Other(format!("the server answered {status}")),
    }
}
