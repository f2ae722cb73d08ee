//! A client for the commands: of OSS's protocol, signed with the owner's key, and of the JSON API,
//! to which the key itself is shown.

mod object;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use clap::Args;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use ureq::Agent;

use super::Failure;
use super::credentials::{self, AccessKey};
use crate::config::{self, Layer, Settings};
use crate::domain::auth::Signer;
use crate::domain::name::{BucketName, Region};
use crate::domain::op::Target;
use crate::domain::query::Query;
use crate::domain::time::UnixMillis;
use crate::wire::xml::{Element, Limits};

/// The most bytes of an answer that are read.
const MAX_ANSWER_BYTES: u64 = 512 << 20;

/// How long an answer may take, but for the bytes of objects, of which there may be any number. A
/// list of a million rules takes its time.
const PATIENCE: Duration = Duration::from_mins(10);

/// Of each argument, and not of the whole: that would be of what follows, too.
const SERVER: &str = "Server";

/// Where the server is and who asks.
#[derive(Debug, Args)]
pub(super) struct ClientArgs {
    /// The server's data plane [default: http:// and the `listen` setting]
    #[arg(long, env = "REFGATE_ENDPOINT", value_name = "URL", help_heading = SERVER)]
    endpoint: Option<String>,

    /// The server's admin plane [default: http:// and the `admin_listen` setting]
    #[arg(long, env = "REFGATE_ADMIN_ENDPOINT", value_name = "URL", help_heading = SERVER)]
    admin_endpoint: Option<String>,

    /// As for `serve`, whose environment may be that of a command, too
    #[arg(long, env = "REFGATE_LISTEN", value_name = "ADDRESS", hide = true)]
    listen: Option<SocketAddr>,

    /// The same
    #[arg(long, env = "REFGATE_ADMIN_LISTEN", value_name = "ADDRESS", hide = true)]
    admin_listen: Option<SocketAddr>,

    /// Settings file [default: refgate.toml, if there is one]
    #[arg(short, long, env = "REFGATE_CONFIG", value_name = "FILE", help_heading = SERVER)]
    config: Option<PathBuf>,

    /// Folder where the owner's access key is kept [default: ./refgate-data]
    #[arg(long, env = "REFGATE_DATA_DIR", value_name = "DIR", help_heading = SERVER)]
    data_dir: Option<PathBuf>,

    /// The server's region [default: cn-hangzhou]
    #[arg(long, env = "REFGATE_REGION", help_heading = SERVER)]
    region: Option<String>,

    /// The owner's access key id; its secret is in REFGATE_ROOT_ACCESS_KEY_SECRET
    #[arg(
        long,
        env = "REFGATE_ROOT_ACCESS_KEY_ID",
        value_name = "ID",
        hide_env_values = true,
        help_heading = SERVER
    )]
    root_access_key_id: Option<String>,
}

/// A client of one server.
pub(super) struct Client {
    agent: Agent,
    endpoint: String,
    admin_endpoint: String,
    region: Region,
    key: AccessKey,
}

impl Client {
    /// Finds the server and the key.
    ///
    /// # Errors
    ///
    /// [`Failure`].
    pub(super) fn new(args: ClientArgs) -> Result<Self, Failure> {
        let file = Layer::from_file(args.config.as_deref())?;
        let flags = Layer {
            data_dir: args.data_dir,
            listen: args.listen,
            admin_listen: args.admin_listen,
            region: args.region,
            root_access_key_id: args.root_access_key_id,
            ..Layer::default()
        };
        let settings = flags.with_secret_from_environment().or(file).settings()?;
        let endpoint = args.endpoint.unwrap_or_else(|| format!("http://{}", settings.listen));
        let admin_endpoint =
            args.admin_endpoint.unwrap_or_else(|| format!("http://{}", settings.admin_listen));
        check_endpoint("endpoint", &endpoint)?;
        check_endpoint("admin_endpoint", &admin_endpoint)?;
        let region = settings.region.clone();
        let key = owner_key(settings)?;
        let bare = |url: String| url.trim_end_matches('/').to_owned();
        Ok(Self {
            agent: agent(Some(PATIENCE)),
            endpoint: bare(endpoint),
            admin_endpoint: bare(admin_endpoint),
            region,
            key,
        })
    }

    /// The server's address, without a slash at the end.
    pub(super) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Sends a request about the account or a bucket and returns the body of a good answer.
    ///
    /// # Errors
    ///
    /// [`Failure`]: the server cannot be reached, or it refuses; then with its own words.
    pub(super) fn send(
        &self,
        method: &Method,
        bucket: Option<&BucketName>,
        query: &str,
        (headers, body): (&[(&'static str, &str)], Vec<u8>),
    ) -> Result<Vec<u8>, Failure> {
        let bad = |err| Failure::of("cannot make the request", err);
        let target = bucket.map_or(Target::Service, |name| Target::Bucket(name.clone()));
        let signed = self.signed_headers(method, &target, query, headers)?;
        let path = bucket.map_or(String::new(), |name| format!("{name}/"));
        let mark = if query.is_empty() { "" } else { "?" };
        let mut request = Request::builder()
            .method(method.clone())
            .uri(format!("{}/{path}{mark}{query}", self.endpoint))
            .body(body)
            .map_err(bad)?;
        *request.headers_mut() = signed;
        let (parts, body) = self.answer(&self.endpoint, request)?.into_parts();
        if parts.status.is_success() { Ok(body) } else { Err(refusal(parts.status, &body)) }
    }

    /// The ACL in an answer that tells one.
    ///
    /// # Errors
    ///
    /// [`Failure`].
    pub(super) fn grant(&self, body: &[u8]) -> Result<String, Failure> {
        let bad = || Failure::Other(format!("{} gave an answer that is no ACL", self.endpoint));
        let answer = Element::read(body, Limits::new(1 << 20, 100)).map_err(|_| bad())?;
        let list = answer.all("AccessControlList").next().ok_or_else(bad)?;
        Ok(list.all("Grant").next().ok_or_else(bad)?.text().to_owned())
    }

    /// Sends a request to the JSON API and returns a good answer.
    ///
    /// # Errors
    ///
    /// [`Failure`]: the server cannot be reached, or it refuses; then with its own words.
    pub(super) fn api(
        &self,
        method: &Method,
        path: &str,
        sent: (&[(HeaderName, HeaderValue)], Vec<u8>),
    ) -> Result<serde_json::Value, Failure> {
        let (_, body) = self.admin(method, path, sent)?;
        serde_json::from_slice(&body).map_err(|_| self.not_refgate("an answer that is no JSON"))
    }

    /// Sends a request to the JSON API and returns the headers and the body of a good answer.
    /// `path` is what follows `/api/v1/`.
    ///
    /// # Errors
    ///
    /// [`Failure`]: the server cannot be reached, or it refuses; then with its own words.
    pub(super) fn admin(
        &self,
        method: &Method,
        path: &str,
        sent: (&[(HeaderName, HeaderValue)], Vec<u8>),
    ) -> Result<(HeaderMap, Vec<u8>), Failure> {
        let (parts, body) = self.ask_admin(method, path, sent)?.into_parts();
        if parts.status.is_success() {
            return Ok((parts.headers, body));
        }
        Err(self.refused(parts.status, &body))
    }

    /// The same for what need not be there.
    ///
    /// # Errors
    ///
    /// [`Failure`].
    pub(super) fn find(&self, path: &str) -> Result<Option<(HeaderMap, Vec<u8>)>, Failure> {
        let (parts, body) = self.ask_admin(&Method::GET, path, (&[], Vec::new()))?.into_parts();
        match parts.status {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => Ok(Some((parts.headers, body))),
            status => Err(self.refused(status, &body)),
        }
    }

    fn ask_admin(
        &self,
        method: &Method,
        path: &str,
        (headers, body): (&[(HeaderName, HeaderValue)], Vec<u8>),
    ) -> Result<Response<Vec<u8>>, Failure> {
        let (id, secret) = (self.key.0.as_str(), self.key.1.expose());
        let basic = BASE64.encode(format!("{id}:{secret}"));
        let mut request = Request::builder()
            .method(method.clone())
            .uri(format!("{}/api/v1/{path}", self.admin_endpoint))
            .header(header::AUTHORIZATION, format!("Basic {basic}"))
            .body(body)
            .map_err(|err| Failure::of("cannot make the request", err))?;
        request.headers_mut().extend(headers.iter().cloned());
        self.answer(&self.admin_endpoint, request)
    }

    /// What the JSON API said against a request.
    fn refused(&self, status: StatusCode, body: &[u8]) -> Failure {
        let answer: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |name: &str| answer.pointer(name).and_then(|it| it.as_str());
        match (text("/error/code"), text("/error/message")) {
            (Some(code), Some(message)) => {
                Failure::Other(format!("{code}: {message} (status {})", status.as_u16()))
            }
            _ => self.not_refgate(&format!("status {status}")),
        }
    }

    /// Something else listens where the admin plane was looked for.
    fn not_refgate(&self, gave: &str) -> Failure {
        Failure::Other(format!(
            "{} is not refgate's admin plane (it gave {gave}); name that with --admin-endpoint",
            self.admin_endpoint,
        ))
    }

    fn answer(
        &self,
        endpoint: &str,
        request: Request<Vec<u8>>,
    ) -> Result<Response<Vec<u8>>, Failure> {
        let unreachable = |err| Failure::of(&format!("cannot reach {endpoint}"), err);
        let (parts, mut body) = self.agent.run(request).map_err(unreachable)?.into_parts();
        let body = body.with_config().limit(MAX_ANSWER_BYTES).read_to_vec().map_err(unreachable)?;
        Ok(Response::from_parts(parts, body))
    }

    /// The headers of a request, and those that sign it.
    fn signed_headers(
        &self,
        method: &Method,
        target: &Target,
        query: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<HeaderMap, Failure> {
        let bad = |err: &dyn std::fmt::Display| Failure::of("cannot make the request", err);
        let query = Query::parse(query).map_err(|err| bad(&err))?;
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            let value = HeaderValue::from_str(value).map_err(|err| bad(&err))?;
            all.insert(HeaderName::from_static(name), value);
        }
        self.signer().sign_v4_header(method.as_str(), target, &query, &mut all);
        Ok(all)
    }

    /// What signs requests and URLs at this moment.
    #[expect(clippy::disallowed_methods, reason = "a command has no service and so no clock of it")]
    pub(super) fn signer(&self) -> Signer<'_> {
        Signer {
            access_key_id: &self.key.0,
            secret: &self.key.1,
            region: &self.region,
            now: UnixMillis::from_system_time(SystemTime::now()),
        }
    }
}

/// An HTTP client that gives every answer back as it is.
fn agent(patience: Option<Duration>) -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        // The owner's requests go to the server that was named and to nobody else.
        .proxy(None)
        .timeout_connect(Some(Duration::from_secs(30)))
        .timeout_global(patience);
    config.build().into()
}

/// The owner's key: the one that is set, or the one that the server made.
///
/// # Errors
///
/// [`Failure`] if there is none.
fn owner_key(settings: Settings) -> Result<AccessKey, Failure> {
    if let Some(key) = settings.root {
        return Ok(key);
    }
    credentials::read(&settings.data_dir)?.ok_or_else(|| {
        Failure::Other(format!(
            "no access key in {}: name the server's folder with --data-dir, or set REFGATE_ROOT_ACCESS_KEY_ID and REFGATE_ROOT_ACCESS_KEY_SECRET",
            settings.data_dir.display(),
        ))
    })
}

/// Checks that an endpoint is a URL.
///
/// # Errors
///
/// [`Failure::Setting`].
fn check_endpoint(name: &'static str, endpoint: &str) -> Result<(), Failure> {
    let good = ["http://", "https://"]
        .iter()
        .any(|scheme| endpoint.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()));
    if good {
        return Ok(());
    }
    Err(Failure::Setting(config::SettingError::Value {
        name,
        value: endpoint.into(),
        reason: "must be a URL such as http://127.0.0.1:9000".into(),
    }))
}

/// What the server said, in one line.
fn refusal(status: StatusCode, body: &[u8]) -> Failure {
    let Ok(error) = Element::read(body, Limits::new(1 << 20, 100)) else {
        return Failure::Other(format!("the server answered {status}"));
    };
    let text = |name| error.all(name).next().map(Element::text).unwrap_or_default();
    let (code, message, id) = (text("Code"), text("Message"), text("RequestId"));
    let ec = match text("EC") {
        "" => String::new(),
        ec => format!(", EC {ec}"),
    };
    Failure::Other(format!("{code}: {message} (status {}{ec}, request {id})", status.as_u16()))
}
