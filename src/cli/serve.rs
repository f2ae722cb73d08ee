//! `refgate serve`.

use std::cell::Cell;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{Response, StatusCode};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::credentials::{self, AccessKey, Origin};
use super::threads::Threads;
use super::{Failure, ServeArgs, log, master_key, open_files};
use crate::blob;
use crate::blob::local::LocalBlobs;
use crate::config::{Layer, Limits, Settings, Signing};
use crate::domain::op::{HostName, HostRules};
use crate::http::admin::{self, OwnHosts};
use crate::http::conn::Reply;
use crate::http::links::LinkService;
use crate::http::oss::Oss;
use crate::http::{conn, data};
use crate::meta::Keep;
use crate::meta::iam::Iam;
use crate::meta::sqlite::Sqlite;
use crate::service::clock::Clock;
use crate::service::stats;
use crate::service::{App, Parts};

/// How many events of connections a thread takes from the system at once. What it takes is worked on
/// before it looks for more, mostly by itself: of a thousand the last waits for all, while the next
/// thread waits for something to do. With 512 connections 32 and 64 have the lowest 99th percentile;
/// 16 cost requests, and 128 are as slow as tokio's 1 024.
const EVENTS_AT_ONCE: usize = 32;

/// Serves until SIGTERM or SIGINT, then lets running requests end.
///
/// # Errors
///
/// [`Failure`]: a setting is wrong, or the server cannot start.
pub(super) fn run(args: ServeArgs) -> Result<ExitCode, Failure> {
    let file = Layer::from_file(args.config.as_deref())?;
    let settings = args.layer.with_secret_from_environment().or(file).settings()?;
    let _log = log::start(&settings.log, settings.log_format)?;
    let threads = Arc::new(Threads::default());
    let runtime = start_runtime(&threads, settings.worker_threads);
    let runtime = runtime.map_err(|err| Failure::of("cannot start the runtime", err))?;
    let served = runtime.block_on(serve(settings, threads));
    // All that must end has ended. A large policy may still be compiling, for nobody.
    runtime.shutdown_timeout(Duration::from_secs(1));
    served?;
    Ok(ExitCode::SUCCESS)
}

/// Starts so many threads, or one for every processor. Each gets to be known when it first has nothing to
/// do.
fn start_runtime(threads: &Arc<Threads>, number: Option<usize>) -> io::Result<Runtime> {
    thread_local! {
        static KNOWN: Cell<bool> = const { Cell::new(false) };
    }

    let threads = threads.clone();
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Some(number) = number {
        builder.worker_threads(number);
    }
    builder
        .enable_all()
        .max_io_events_per_tick(EVENTS_AT_ONCE)
        .on_thread_park(move || {
            if !KNOWN.get() {
                KNOWN.set(threads.join());
            }
        })
        .build()
}

async fn serve(settings: Settings, threads: Arc<Threads>) -> Result<(), Failure> {
    let _lock = claim_folder(&settings.data_dir)?;
    let (key, origin) = match settings.root.clone() {
        Some(key) => (key, Origin::Set),
        None => credentials::read_or_make(&settings.data_dir)?,
    };
    let data = listen("listen", settings.listen).await?;
    let admin = listen("admin_listen", settings.admin_listen).await?;
    let meta = Arc::new(open_meta(&settings.data_dir).await?);
    let app = start_app(&settings, meta.clone(), key.clone()).await?;
    check_signing(&settings, &app)?;
    check_domains(&settings, &app)?;
    warn_of_regions(&app);
    let stop = stop_signal()?;
    welcome(&settings, &(address(&data)?, address(&admin)?), &key, &origin);
    app.start_scrub();
    app.start_moving();
    app.start_stats();
    let asked = app.clone();
    let supervisor = tokio::spawn(threads.supervise(move || asked.clock.requests()));
    serve_planes((data, admin), &app, &settings, stop).await?;
    supervisor.abort();
    app.finish().await;
    let closed = meta.close().await;
    closed.map_err(|err| Failure::caused("cannot close the database", &err))?;
    tracing::info!("stopped");
    Ok(())
}

/// Serves both planes until they are told to stop and have come to rest.
async fn serve_planes(
    (data, admin): (TcpListener, TcpListener),
    app: &Arc<App>,
    settings: &Settings,
    stop: CancellationToken,
) -> Result<(), Failure> {
    let listening = address(&data)?;
    let hosts = host_rules(settings);
    let own = OwnHosts { rules: hosts.clone(), endpoint: settings.public_endpoint.clone() };
    let oss = Arc::new(Oss {
        app: app.clone(),
        hosts,
        proxies: settings.trusted_proxies.clone(),
        region_header: settings.client_region_header.clone(),
        endpoint: settings.public_endpoint.clone().unwrap_or(listening),
        vary_referer: settings.vary_referer,
        body_timeout: settings.limits.body_timeout,
        links: settings
            .signing
            .as_ref()
            .map(|it| LinkService { host: it.host.clone(), open: it.open }),
    });
    let router = admin::router(app.clone(), own);
    let (data_limits, admin_limits) = limits(settings.limits, settings.open_files);
    tokio::join!(
        conn::serve(data, data_limits, stop.clone(), move |request, connection| {
            data::handle(oss.clone(), request, connection)
        }),
        conn::serve(admin, admin_limits, stop, move |request, _| {
            Box::pin(answer(router.clone(), request))
        }),
    );
    Ok(())
}

/// The limits of the data plane and of the admin plane, as far as the limit of open files allows.
fn limits(wanted: Limits, kept_open: u32) -> (Limits, Limits) {
    let fitting = open_files::connections_that_fit(kept_open);
    let max_connections = wanted.max_connections.min(fitting);
    if max_connections < wanted.max_connections {
        tracing::info!(
            max_connections,
            "serving {max_connections} connections at once: the limit of open files allows no more",
        );
    }
    let few = max_connections.div_ceil(4);
    (Limits { max_connections, ..wanted }, Limits { max_connections: few, ..wanted })
}

async fn answer(router: Router, request: conn::Request) -> Reply {
    // Every target that comes so far is one of a URI.
    let Ok(request) = http::Request::<Body>::try_from(request) else {
        let mut refused = Response::default();
        *refused.status_mut() = StatusCode::BAD_REQUEST;
        return refused.into();
    };
    match router.oneshot(request).await {
        Ok(response) => response.into(),
        Err(never) => match never {},
    }
}

/// Makes the data folder and locks it: two servers on one folder would each believe its memory.
fn claim_folder(folder: &Path) -> Result<File, Failure> {
    let shown = folder.display();
    let mut builder = fs::DirBuilder::new();
    let made = builder.recursive(true).mode(0o700).create(folder);
    made.map_err(|err| Failure::of(&format!("cannot make the data folder {shown}"), err))?;
    let lock = File::options().create(true).truncate(false).write(true).open(folder.join("LOCK"));
    let lock = lock.map_err(|err| Failure::of(&format!("cannot lock {shown}"), err))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(fs::TryLockError::WouldBlock) => {
            Err(Failure::Other(format!("another refgate is running on {shown}")))
        }
        Err(fs::TryLockError::Error(err)) => Err(Failure::of(&format!("cannot lock {shown}"), err)),
    }
}

async fn listen(setting: &str, wanted: std::net::SocketAddr) -> Result<TcpListener, Failure> {
    let listener = TcpListener::bind(wanted).await;
    listener.map_err(|err| Failure::of(&format!("cannot listen on {setting} = {wanted}"), err))
}

fn address(listener: &TcpListener) -> Result<String, Failure> {
    let address = listener.local_addr().map_err(|err| Failure::of("cannot listen", err))?;
    Ok(address.to_string())
}

async fn open_meta(data_dir: &Path) -> Result<Sqlite, Failure> {
    let path = data_dir.join("meta.sqlite");
    let opened = Sqlite::open(&path).await;
    opened.map_err(|err| Failure::caused(&format!("cannot open {}", path.display()), &err))
}

async fn start_app(
    settings: &Settings,
    meta: Arc<Sqlite>,
    root: AccessKey,
) -> Result<Arc<App>, Failure> {
    let folder = settings.data_dir.join("blobs");
    let kept = blob::local::Limits {
        memory: settings.body_cache_bytes,
        files: settings.open_files as usize,
    };
    let blobs = LocalBlobs::keeping(&folder, kept)
        .map_err(|err| Failure::caused(&format!("cannot open {}", folder.display()), &err))?;
    let clock = Clock::system().map_err(|err| Failure::of("cannot start", err))?;
    let in_use = meta.master_keys_in_use().await;
    let in_use = in_use.map_err(|err| Failure::caused("cannot read the database", &err))?;
    let app = App::start(Parts {
        master_keys: master_key::read_or_make(&settings.master_key_file, &in_use)?,
        meta,
        blobs: Arc::new(blobs),
        clock,
        region: settings.region.clone(),
        hosts: host_rules(settings),
        knows_regions: settings.client_region_header.is_some(),
        root,
        object_cache_bytes: settings.object_cache_bytes,
        keep: Keep { versions: settings.referer_history, bytes: settings.referer_history_bytes },
        keep_stats: stats::Keep { days: settings.stats_days, hours: settings.subject_hours },
    });
    app.await.map_err(|err| Failure::caused("cannot load buckets and users", &err))
}

/// The rules by which a host names a bucket.
fn host_rules(settings: &Settings) -> HostRules {
    let endpoint = settings.public_endpoint.as_deref();
    // It was checked with the settings.
    let endpoint = endpoint.and_then(|authority| HostName::of_authority(authority).ok());
    let rules = HostRules::new(settings.base_domains.clone(), settings.cnames.clone());
    let signing = settings.signing.as_ref();
    rules.with_endpoint(endpoint).with_links(signing.map(|signing| signing.host.clone()))
}

/// Checks that the host where URLs are signed is there for nothing else.
fn check_signing(settings: &Settings, app: &App) -> Result<(), Failure> {
    let Some(Signing { host, open }) = &settings.signing else { return Ok(()) };
    let bad = |why: String| Failure::Usage(format!("sign_host = {host}: the host {why}"));
    match host_rules(settings).with_links(None).use_of(host) {
        Some(used) => return Err(bad(used.to_string())),
        None if app.serves(host) => return Err(bad("is a delivery domain".to_owned())),
        None => {}
    }
    if *open {
        tracing::warn!(
            %host,
            "{host} signs URLs for anybody (sign_open): whoever reaches it gets every object of \
             every delivery domain",
        );
    }
    Ok(())
}

/// Checks that no delivery domain has a host that settings have made something else since then: one of
/// the two would be shadowed without a word.
fn check_domains(settings: &Settings, app: &App) -> Result<(), Failure> {
    let rules = host_rules(settings);
    let mut used = app.delivery_hosts().into_iter();
    let used = used.find_map(|host| rules.use_of(&host).map(|used| (host, used)));
    used.map_or(Ok(()), |(host, used)| {
        Err(Failure::Usage(format!(
            "{host} is a delivery domain, and by the settings (base_domains, cnames, \
             public_endpoint) {used}: change them, or start without them and delete the domain",
        )))
    })
}

/// Tells of links that are refused because a setting is gone.
fn warn_of_regions(app: &App) {
    const FEW: usize = 3;
    let hosts = app.hosts_without_regions();
    let (count, named) = (hosts.len(), hosts.iter().take(FEW).map(HostName::as_str));
    let named = named.collect::<Vec<_>>().join(", ");
    let more = if count > FEW { ", ..." } else { "" };
    if count > 0 {
        tracing::warn!(
            count,
            "links with whreg or bkreg are refused on {named}{more}: there is nothing that tells where \
             a client is (client_region_header)",
        );
    }
}

/// A token that SIGTERM or SIGINT cancels.
fn stop_signal() -> Result<CancellationToken, Failure> {
    let on = |kind| signal(kind).map_err(|err| Failure::of("cannot wait for signals", err));
    let (mut terminate, mut interrupt) =
        (on(SignalKind::terminate())?, on(SignalKind::interrupt())?);
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: running requests may end; a second signal ends them");
        stopped.cancel();
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        // What was acknowledged is durable, so there is nothing to lose.
        std::process::exit(1);
    });
    Ok(stop)
}

/// Says where the server is and how to try it: to a person, so on standard output.
fn welcome(settings: &Settings, addresses: &(String, String), key: &AccessKey, origin: &Origin) {
    let (data, admin) = addresses;
    say!("refgate {}", env!("CARGO_PKG_VERSION"));
    say!("  data   http://{data}");
    say!("  admin  http://{admin}");
    say!("  files  {}", settings.data_dir.display());
    match origin {
        Origin::Set => say!("  owner  {}", key.0),
        Origin::Kept(path) => say!("  owner  {} (secret in {})", key.0, path.display()),
        Origin::Made(path) => {
            say!("\nThe owner's access key, shown this once and kept in {}:", path.display());
            say!("  id      {}", key.0);
            say!("  secret  {}", key.1.expose());
        }
    }
    walk_through(settings, addresses);
}

/// Lines to paste. They name what is not at its default, and an address that a client can reach.
fn walk_through(settings: &Settings, (data, admin): &(String, String)) {
    let near = |address: &str| address.replace("0.0.0.0:", "127.0.0.1:").replace("[::]:", "[::1]:");
    let (data, admin) = (near(data), near(admin));
    let folder = settings.data_dir.display();
    let flags: String = [
        (data != "127.0.0.1:9000", format!(" --endpoint http://{data}")),
        (admin != "127.0.0.1:9001", format!(" --admin-endpoint http://{admin}")),
        (settings.data_dir != Path::new("./refgate-data"), format!(" --data-dir '{folder}'")),
        (settings.region.as_str() != "cn-hangzhou", format!(" --region {}", settings.region)),
    ]
    .into_iter()
    .filter_map(|(differs, flag)| differs.then_some(flag))
    .collect();
    let program = program();
    say!(
        "
Try it in another terminal, in this folder:
  {program} bucket create try-me --acl public-read-write{flags}
  echo hello | curl -T - -H 'Content-Type: text/plain' http://{data}/try-me/hello.txt
  echo '{{\"allow_empty_referer\": false, \"whitelist\": [\"https://good.example/\"]}}' |
    {program} referer put try-me -{flags}
  curl -i http://{data}/try-me/hello.txt
  curl -i -H 'Referer: https://good.example/page' http://{data}/try-me/hello.txt
  {program} referer check try-me --referer https://thief.example/{flags}
  {program} referer reset try-me{flags}
"
    );
}

/// The program as it is called from this folder.
fn program() -> String {
    let Ok(path) = std::env::current_exe() else { return "refgate".into() };
    let here = std::env::current_dir().ok();
    let near = here.and_then(|here| path.strip_prefix(here).ok().map(Path::to_path_buf));
    near.map_or_else(|| path.display().to_string(), |near| format!("./{}", near.display()))
}
