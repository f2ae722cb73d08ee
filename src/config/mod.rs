//! Settings: flags over environment over `refgate.toml` over defaults.
//!
//! A setting is declared once, as a field of [`Layer`]: the flag, the environment variable and
//! the key in the file follow from its name. [`Settings`] is what the server gets: complete and
//! checked.

mod check;
mod settings;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde::de::{Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer};

use crate::domain::secret::SecretKey;

pub use settings::{Limits, Settings, Signing};

use check::{
    cnames, connections, kept, open_files, parsed, public_endpoint, region_header, root_key,
    seconds, signing, trusted_proxies, worker_threads,
};

/// The file that is read if no other is named.
pub const DEFAULT_FILE: &str = "refgate.toml";

/// One source of settings. What is `None` is left to the next source.
#[derive(Clone, Debug, Default, Args, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// Folder of the database, the objects and the root credentials [default: ./refgate-data]
    #[arg(long, env = "REFGATE_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// File of the master key, which opens the secrets in the database
    /// [default: master-key.toml in the data folder]
    #[arg(long, env = "REFGATE_MASTER_KEY_FILE", value_name = "FILE")]
    pub master_key_file: Option<PathBuf>,

    /// Address of the data plane, which speaks OSS's protocol [default: 127.0.0.1:9000]
    #[arg(long, env = "REFGATE_LISTEN", value_name = "ADDR:PORT")]
    pub listen: Option<SocketAddr>,

    /// Address of the admin plane: health, metrics, the admin API [default: 127.0.0.1:9001]
    #[arg(long, env = "REFGATE_ADMIN_LISTEN", value_name = "ADDR:PORT")]
    pub admin_listen: Option<SocketAddr>,

    /// Region that V4 signatures are made for [default: cn-hangzhou]
    #[arg(long, env = "REFGATE_REGION")]
    pub region: Option<String>,

    /// Domain under which buckets are virtual hosts, as in photos.NAME; may be repeated
    /// [default: localhost]
    #[arg(
        long = "base-domain",
        env = "REFGATE_BASE_DOMAINS",
        value_name = "NAME",
        value_delimiter = ','
    )]
    pub base_domains: Option<Vec<String>>,

    /// Host that serves a bucket (a CNAME); may be repeated
    #[arg(
        long = "cname",
        env = "REFGATE_CNAMES",
        value_name = "HOST=BUCKET",
        value_delimiter = ','
    )]
    pub cnames: Option<Vec<String>>,

    /// Network of proxies whose X-Forwarded-For and X-Forwarded-Proto count; may be repeated
    #[arg(
        long = "trusted-proxy",
        env = "REFGATE_TRUSTED_PROXIES",
        value_name = "NETWORK",
        value_delimiter = ','
    )]
    pub trusted_proxies: Option<Vec<String>>,

    /// Header in which these proxies say in which region the client is, as ISO 3166-1 alpha-3:
    /// CHN. Links with whreg or bkreg need it [default: none]
    #[arg(long, env = "REFGATE_CLIENT_REGION_HEADER", value_name = "NAME")]
    pub client_region_header: Option<String>,

    /// Endpoint that listings of buckets show to clients [default: the data plane's address]
    #[arg(long, env = "REFGATE_PUBLIC_ENDPOINT", value_name = "HOST[:PORT]")]
    pub public_endpoint: Option<String>,

    /// Host of the distribution service, which signs the URLs that are posted to it [default: none]
    #[arg(long, env = "REFGATE_SIGN_HOST", value_name = "HOST")]
    pub sign_host: Option<String>,

    /// Whether anybody may have URLs signed there, without the token of an application
    /// [default: false]
    #[arg(long, env = "REFGATE_SIGN_OPEN", value_name = "BOOL")]
    pub sign_open: Option<bool>,

    /// Whether answers of a bucket with a referer policy carry `Vary: Referer` [default: true]
    #[arg(long, env = "REFGATE_VARY_REFERER", value_name = "BOOL")]
    pub vary_referer: Option<bool>,

    /// Memory for object metadata, in MiB [default: 128]
    #[arg(long, env = "REFGATE_OBJECT_CACHE_MIB", value_name = "MIB")]
    pub object_cache_mib: Option<u64>,

    /// Memory for the bytes of small objects, in MiB [default: 128]
    #[arg(long, env = "REFGATE_BODY_CACHE_MIB", value_name = "MIB")]
    pub body_cache_mib: Option<u64>,

    /// Files of larger objects that are kept open [default: 1024]
    #[arg(long, env = "REFGATE_OPEN_FILES", value_name = "N")]
    pub open_files: Option<u32>,

    /// Versions that are kept of the referer policy of a bucket [default: 100]
    #[arg(long, env = "REFGATE_REFERER_HISTORY", value_name = "N")]
    pub referer_history: Option<u32>,

    /// Bytes of rules in all of them together, in MiB; the newest is always kept [default: 256]
    #[arg(long, env = "REFGATE_REFERER_HISTORY_MIB", value_name = "MIB")]
    pub referer_history_mib: Option<u64>,

    /// Days that statistics of referers are kept [default: 30]
    #[arg(long, env = "REFGATE_STATS_DAYS", value_name = "DAYS")]
    pub stats_days: Option<u32>,

    /// Hours that the referers themselves are kept, to try policies on them [default: 72]
    #[arg(long, env = "REFGATE_SUBJECT_HOURS", value_name = "HOURS")]
    pub subject_hours: Option<u32>,

    /// Connections that are served at once on the data plane, as far as the limit of open files
    /// allows [default: 10000]
    #[arg(long, env = "REFGATE_MAX_CONNECTIONS", value_name = "N")]
    pub max_connections: Option<usize>,

    /// Threads that serve requests [default: as many as there are processors]
    #[arg(long, env = "REFGATE_WORKER_THREADS", value_name = "N")]
    pub worker_threads: Option<usize>,

    /// Seconds in which the head of a request must arrive [default: 30]
    #[arg(long, env = "REFGATE_HEADER_TIMEOUT", value_name = "SECONDS")]
    pub header_timeout: Option<u64>,

    /// Seconds in which the next 4 KiB of a body must arrive, or the client must take anything of
    /// an answer [default: 60]
    #[arg(long, env = "REFGATE_BODY_TIMEOUT", value_name = "SECONDS")]
    pub body_timeout: Option<u64>,

    /// Seconds that running requests have to end after SIGTERM [default: 30]
    #[arg(long, env = "REFGATE_SHUTDOWN_TIMEOUT", value_name = "SECONDS")]
    pub shutdown_timeout: Option<u64>,

    /// What is logged: error, warn, info, debug, trace, or a filter such as
    /// `info,refgate::access=off` [default: info]
    #[arg(long, env = "REFGATE_LOG", value_name = "FILTER")]
    pub log: Option<String>,

    /// How it is logged: text or json [default: text]
    #[arg(long, env = "REFGATE_LOG_FORMAT", value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,

    /// Access key id of the owner, in place of the generated one
    #[arg(long, env = "REFGATE_ROOT_ACCESS_KEY_ID", value_name = "ID", hide_env_values = true)]
    pub root_access_key_id: Option<String>,

    /// Its secret. There is no flag for it, because other users of a machine see flags.
    #[arg(skip)]
    pub root_access_key_secret: Option<SecretText>,
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs: one JSON object a line.
    Json,
}

/// A secret in a settings file, not shown by `Debug`.
#[derive(Clone)]
pub struct SecretText(String);

/// An error about a wrong type would show the value, so there is one that does not.
impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Value {
            Text(String),
            Other(IgnoredAny),
        }
        match Value::deserialize(from)? {
            Value::Text(text) => Ok(Self(text)),
            Value::Other(_) => Err(D::Error::custom("a secret must be text in quotes")),
        }
    }
}

impl std::fmt::Debug for SecretText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretText(..)")
    }
}

/// A setting that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not TOML, or has an unknown key.
    #[error("{}: {message}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong, with its line.
        message: String,
    },
    /// A value breaks a rule.
    #[error("{name} = {value:?}: {reason}")]
    Value {
        /// The setting.
        name: &'static str,
        /// Its value.
        value: String,
        /// Which rule.
        reason: String,
    },
    /// One half of the access key without the other.
    #[error(
        "root_access_key_id and root_access_key_secret are set both or neither; {missing} is missing"
    )]
    HalfAKey {
        /// The missing half.
        missing: &'static str,
    },
}

/// Calls a macro with the names of all fields of [`Layer`]. Building a `Layer` from them does not
/// compile if one is missing.
macro_rules! all_fields {
    ($then:ident) => {
        $then! {
            data_dir, master_key_file, listen, admin_listen, region, base_domains, cnames, trusted_proxies,
            client_region_header, public_endpoint,
            sign_host, sign_open,
            vary_referer, object_cache_mib, body_cache_mib, open_files, referer_history, referer_history_mib, stats_days,
            subject_hours, max_connections, worker_threads, header_timeout, body_timeout,
            shutdown_timeout, log, log_format, root_access_key_id, root_access_key_secret
        }
    };
}

impl Layer {
    /// Reads a settings file. The default file may be missing; one that was named may not.
    ///
    /// # Errors
    ///
    /// [`SettingError`].
    pub fn from_file(named: Option<&Path>) -> Result<Self, SettingError> {
        let path = named.unwrap_or(Path::new(DEFAULT_FILE));
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(err) if named.is_none() && err.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(source) => return Err(SettingError::Unreadable { path: path.into(), source }),
        };
        toml::from_str(&text).map_err(|err| {
            let line = err.span().map_or(1, |span| {
                text.get(..span.start).map_or(1, |before| before.matches('\n').count() + 1)
            });
            let message = format!("line {line}: {}", err.message().replace('\n', " "));
            SettingError::File { path: path.into(), message }
        })
    }

    /// These settings, and where they have none, those of the other source.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        macro_rules! first {
            ($($field:ident),*) => { Self { $($field: self.$field.or(other.$field)),* } };
        }
        all_fields!(first)
    }

    /// Adds what only the environment can set.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "settings enter here")]
    pub fn with_secret_from_environment(mut self) -> Self {
        if let Ok(secret) = std::env::var("REFGATE_ROOT_ACCESS_KEY_SECRET") {
            self.root_access_key_secret = Some(SecretText(secret));
        }
        self
    }

    /// Fills in the defaults and checks every value.
    ///
    /// # Errors
    ///
    /// [`SettingError`] names the setting, its value and the rule that it breaks.
    pub fn settings(self) -> Result<Settings, SettingError> {
        let local = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let root = root_key(self.root_access_key_id, self.root_access_key_secret)?;
        let domains = self.base_domains.unwrap_or_else(|| vec!["localhost".into()]);
        let data_dir = self.data_dir.unwrap_or_else(|| "./refgate-data".into());
        let proxies = trusted_proxies(&self.trusted_proxies.unwrap_or_default())?;
        let beside = || data_dir.join("master-key.toml");
        Ok(Settings {
            master_key_file: self.master_key_file.unwrap_or_else(beside),
            data_dir,
            listen: self.listen.unwrap_or(local(9000)),
            admin_listen: self.admin_listen.unwrap_or(local(9001)),
            region: parsed("region", &self.region.unwrap_or_else(|| "cn-hangzhou".into()))?,
            base_domains: domains
                .iter()
                .map(|domain| parsed("base_domains", domain))
                .collect::<Result<_, _>>()?,
            cnames: cnames(&self.cnames.unwrap_or_default())?,
            client_region_header: region_header(self.client_region_header, &proxies)?,
            trusted_proxies: proxies,
            public_endpoint: self.public_endpoint.map(public_endpoint).transpose()?,
            signing: signing(self.sign_host, self.sign_open.unwrap_or(false))?,
            vary_referer: self.vary_referer.unwrap_or(true),
            object_cache_bytes: self.object_cache_mib.unwrap_or(128).saturating_mul(1 << 20),
            body_cache_bytes: self.body_cache_mib.unwrap_or(128).saturating_mul(1 << 20),
            open_files: open_files(self.open_files)?,
            referer_history: self.referer_history.unwrap_or(100),
            referer_history_bytes: self.referer_history_mib.unwrap_or(256).saturating_mul(1 << 20),
            stats_days: kept("stats_days", self.stats_days, (30, 3660))?,
            subject_hours: kept("subject_hours", self.subject_hours, (72, 2400))?,
            worker_threads: self.worker_threads.map(worker_threads).transpose()?,
            limits: Limits {
                max_connections: connections(self.max_connections)?,
                header_timeout: seconds("header_timeout", self.header_timeout, 30)?,
                body_timeout: seconds("body_timeout", self.body_timeout, 60)?,
                shutdown_timeout: Duration::from_secs(self.shutdown_timeout.unwrap_or(30)),
            },
            log: self.log.unwrap_or_else(|| "info".into()),
            log_format: self.log_format.unwrap_or(LogFormat::Text),
            root,
        })
    }
}

/// A secret that a command takes from the environment.
#[expect(clippy::disallowed_methods, reason = "settings enter here")]
pub fn secret_from_environment(variable: &str) -> Option<SecretKey> {
    std::env::var(variable).ok().map(SecretKey::new)
}

#[cfg(test)]
mod tests;
