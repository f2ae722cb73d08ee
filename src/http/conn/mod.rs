//! Connections: accepting, bounding and draining them. Both planes are served by this loop.

mod headers;
mod plain;
mod reply;
mod request;
mod watched;
mod wire;

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::BoxError;
use axum::body::Body;
use futures_util::FutureExt as _;
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;

use crate::config::Limits;
use crate::service::delivery::LastLink;
use watched::{End, Watched};
use wire::Wire;

pub use headers::Headers;
pub(in crate::http) use reply::fixed;
pub use reply::{Fixed, Reply};
pub use request::{Parts, Request, RequestTarget};
pub use wire::Outgoing;

/// The most bytes that the head of a request can have before the connection is refused without
/// an answer of ours. Heads of up to [`super::MAX_HEAD_BYTES`] are served; what lies between
/// gets an error body. Every connection may come to hold as much.
const MAX_BUFFER_BYTES: usize = 128 * 1024;

/// The most header lines. User metadata of 8 KiB is about 200 small ones.
const MAX_HEADER_LINES: usize = 300;

/// The connection of a request.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Of all its requests: each takes a reference.
    own: Arc<Own>,
    /// Whether it writes the lines of a [`Reply`]. If not, there must be none.
    pub takes_lines: bool,
}

#[derive(Debug)]
struct Own {
    peer: SocketAddr,
    outgoing: Outgoing,
    last_link: LastLink,
}

impl Connection {
    /// One with this client, that takes no lines.
    pub fn new(peer: SocketAddr) -> Self {
        let (outgoing, last_link) = (Outgoing::default(), LastLink::default());
        Self { own: Arc::new(Own { peer, outgoing, last_link }), takes_lines: false }
    }

    /// The client's address.
    pub fn peer(&self) -> SocketAddr {
        self.own.peer
    }

    /// The files that it sends.
    pub fn outgoing(&self) -> &Outgoing {
        &self.own.outgoing
    }

    /// The link that was verified on it last, if it was kept.
    pub fn last_link(&self) -> &LastLink {
        &self.own.last_link
    }
}

/// An answer on its way. In a box from the start: it is some kilobytes, and would be copied by each
/// who hands it on.
pub type Answering = Pin<Box<dyn Future<Output = Reply> + Send>>;

/// Puts the future that is made into a box that was taken before. Then the compiler makes it there;
/// with `Box::pin` it makes it elsewhere and copies all of it, though next to nothing is written to
/// yet.
pub(in crate::http) fn in_place<F>(make: impl FnOnce() -> F) -> Answering
where
    F: Future<Output = Reply> + Send + 'static,
{
    let future: Box<F> = Box::write(Box::new_uninit(), make());
    Box::into_pin(future)
}

/// Serves connections until it is told to stop, then lets running requests end.
///
/// A connection that cannot be served because too many are open waits in the system's queue.
pub async fn serve<S>(listener: TcpListener, limits: Limits, stop: CancellationToken, service: S)
where
    S: Fn(Request, Connection) -> Answering + Clone + Send + Sync + 'static,
{
    let graceful = GracefulShutdown::new();
    let slots = Arc::new(Semaphore::new(limits.max_connections));
    let mut failures = Failures::default();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &slots, &mut failures) => accepted,
            () = stop.cancelled() => break,
        };
        let Some((stream, peer, slot)) = accepted else { continue };
        let connection = Connection::new(peer);
        let wire = Wire::new(stream, connection.outgoing().clone());
        let stream = bounded(wire, limits.body_timeout);
        // A token of its own, so that connections do not wait for each other's.
        let running = Running { limits, watcher: graceful.watcher(), stop: stop.child_token() };
        let served = serve_one(stream, connection, running, service.clone());
        tokio::spawn(async move {
            // A connection that breaks is the client's affair; requests log their own errors.
            if let Err(err) = served.await {
                tracing::debug!(error = %err, "a connection ended early: {err}");
            }
            drop(slot);
        });
    }
    drop(listener);
    if tokio::time::timeout(limits.shutdown_timeout, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still running at the end of the shutdown time");
    }
}

/// What bounds a connection.
struct Running {
    limits: Limits,
    /// Tells hyper that the server stops.
    watcher: Watcher,
    /// The same for the short way.
    stop: CancellationToken,
}

/// Serves one connection: its plain requests in the short way, and what comes after them by hyper.
async fn serve_one<S>(
    mut stream: Bounded,
    connection: Connection,
    Running { limits, watcher, stop }: Running,
    service: S,
) -> Result<(), BoxError>
where
    S: Fn(Request, Connection) -> Answering + Send + Sync + 'static,
{
    let until = (limits.header_timeout, &stop);
    match plain::serve(&mut stream, &connection, until, &service).await? {
        plain::Next::Closed => return Ok(()),
        plain::Next::Other(unread) => stream.as_mut().get_pin_mut().unread(unread),
    }
    let service = service_fn(move |request: http::Request<Incoming>| {
        let (parts, body) = request.into_parts();
        let (body, end) = watched(body);
        let request = http::Request::from_parts(parts, body);
        service(request.into(), connection.clone()).map(move |reply| {
            let mut response = reply.into_response();
            if let Some(end) = end {
                end.tell(&mut response);
            }
            Ok::<_, Infallible>(response)
        })
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(MAX_BUFFER_BYTES)
        .max_headers(MAX_HEADER_LINES)
        .serve_connection(TokioIo::new(stream), service);
    // In a box: most connections never come here.
    Ok(Box::pin(watcher.watch(connection)).await?)
}

/// Takes the next connection, once there is a slot for it.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
    failures: &mut Failures,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let slot = slots.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => {
            // Answers are written whole; waiting for more to send only delays them.
            stream.set_nodelay(true).ok();
            Some((stream, peer, slot))
        }
        Err(err) => {
            failures.report(&err);
            tokio::time::sleep(Failures::PAUSE).await;
            None
        }
    }
}

/// Most requests have no body, and one that is none needs no memory.
fn watched(incoming: Incoming) -> (Body, Option<End>) {
    if incoming.is_end_stream() {
        return (Body::empty(), None);
    }
    let (body, end) = Watched::new(incoming);
    (Body::new(body), Some(end))
}

/// Failures to accept, of which one a second is logged: they come in swarms.
#[derive(Debug, Default)]
struct Failures {
    logged: Option<Instant>,
    silent: u64,
}

impl Failures {
    /// After a failure such as too many open files, trying again at once would only burn the
    /// processor.
    const PAUSE: Duration = Duration::from_millis(50);

    fn report(&mut self, err: &std::io::Error) {
        if self.logged.is_some_and(|logged| logged.elapsed() < Duration::from_secs(1)) {
            self.silent += 1;
            return;
        }
        let silent = std::mem::take(&mut self.silent);
        self.logged = Some(Instant::now());
        tracing::warn!(error = %err, silent, "could not accept a connection: {err}");
    }
}

type Bounded = Pin<Box<TimeoutStream<Wire>>>;

/// A stream that fails when the client takes nothing for so long. Reading has time-outs of its
/// own, by head and by body.
fn bounded(wire: Wire, patience: Duration) -> Bounded {
    let mut stream = TimeoutStream::new(wire);
    stream.set_write_timeout(Some(patience));
    Box::pin(stream)
}
