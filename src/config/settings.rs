//! What the server gets: every setting, complete and checked.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use http::HeaderName;

use super::LogFormat;
use crate::domain::client::TrustedProxies;
use crate::domain::name::{AccessKeyId, BucketName, Region};
use crate::domain::op::HostName;
use crate::domain::secret::SecretKey;

/// Complete, checked settings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Folder of everything that is kept.
    pub data_dir: PathBuf,
    /// File of the master key.
    pub master_key_file: PathBuf,
    /// Address of the data plane.
    pub listen: SocketAddr,
    /// Address of the admin plane.
    pub admin_listen: SocketAddr,
    /// Region that signatures are made for.
    pub region: Region,
    /// Domains under which buckets are virtual hosts.
    pub base_domains: Vec<HostName>,
    /// Hosts that serve a bucket.
    pub cnames: BTreeMap<HostName, BucketName>,
    /// Networks of proxies that say whom they speak for.
    pub trusted_proxies: TrustedProxies,
    /// Header in which they say in which region the client is.
    pub client_region_header: Option<HeaderName>,
    /// Endpoint that listings of buckets show; the address of the data plane if there is none.
    pub public_endpoint: Option<String>,
    /// Where URLs are signed, if anywhere.
    pub signing: Option<Signing>,
    /// Whether answers of a bucket with a policy carry `Vary: Referer`.
    pub vary_referer: bool,
    /// Memory for object metadata, in bytes.
    pub object_cache_bytes: u64,
    /// Memory for the bytes of small objects, in bytes.
    pub body_cache_bytes: u64,
    /// Files of larger objects that are kept open.
    pub open_files: u32,
    /// Versions that are kept of a bucket's referer policy.
    pub referer_history: u32,
    /// The most bytes of rules in all of them together.
    pub referer_history_bytes: u64,
    /// Days that statistics of referers are kept.
    pub stats_days: u32,
    /// Hours that the referers themselves are kept.
    pub subject_hours: u32,
    /// Threads that serve requests; as many as there are processors if it is not set.
    pub worker_threads: Option<usize>,
    /// What a connection may take.
    pub limits: Limits,
    /// The filter of the log.
    pub log: String,
    /// The form of log lines.
    pub log_format: LogFormat,
    /// The owner's access key, if it is set from outside.
    pub root: Option<(AccessKeyId, SecretKey)>,
}

/// Where URLs are signed.
#[derive(Clone, Debug)]
pub struct Signing {
    /// The host.
    pub host: HostName,
    /// Whether anybody may have them signed.
    pub open: bool,
}

/// What a connection may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at once, on each plane.
    pub max_connections: usize,
    /// Time in which a head must arrive.
    pub header_timeout: Duration,
    /// Time in which the next 4 KiB of a body must arrive, or anything of an answer be taken.
    pub body_timeout: Duration,
    /// Time that running requests have to end after SIGTERM.
    pub shutdown_timeout: Duration,
}
