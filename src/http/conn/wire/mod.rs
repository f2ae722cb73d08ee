//! The write side of a connection: slices of files go out without being read.
//!
//! hyper keeps an answer as slices of memory and hands them to the connection together. Where such
//! a slice is a file that was mapped, its bytes need not pass through the program: the connection
//! knows the slices that bodies [announced](Outgoing::announce), finds them by their address, and
//! asks the system to send them from the file. What is not announced is written as usual, so
//! forgetting a slice costs time and nothing else.
//!
//! An error of the disk comes back as an error of sending. Nobody touches the mapping, so it cannot
//! come as a signal.

use std::collections::VecDeque;
use std::io::ErrorKind::{
    BrokenPipe, ConnectionAborted, ConnectionReset, Interrupted, InvalidInput, NotConnected,
    TimedOut, UnexpectedEof, Unsupported, WouldBlock,
};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use rustix::fs::sendfile;
use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

use crate::service::object::FileSlice;

/// The most bytes that one call of the system sends, so that a fast client with a large object
/// does not keep its thread from others.
const MOST_AT_ONCE: usize = 2 << 20;

/// Slices that are remembered. An answer is at work on one or two of them.
const MOST_SLICES: usize = 16;

/// The slices of files that are on their way out over one connection.
#[derive(Clone, Debug, Default)]
pub struct Outgoing(Arc<Announced>);

#[derive(Debug, Default)]
struct Announced {
    slices: Mutex<VecDeque<FileSlice>>,
    /// Whether there can be any: most answers come from memory, and each is looked for three times.
    any: AtomicBool,
}

impl Outgoing {
    /// Tells the connection of a slice that it will be given next.
    pub fn announce(&self, slice: FileSlice) {
        let mut slices = self.lock();
        if slices.len() == MOST_SLICES {
            slices.pop_front();
        }
        slices.push_back(slice);
        self.0.any.store(true, Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<FileSlice>> {
        self.0.slices.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The slices, if there can be any.
    fn some(&self) -> Option<MutexGuard<'_, VecDeque<FileSlice>>> {
        self.0.any.load(Ordering::Acquire).then(|| self.lock())
    }

    fn forget(&self) {
        if let Some(mut slices) = self.some() {
            slices.clear();
            self.0.any.store(false, Ordering::Release);
        }
    }
}

/// Where some bytes lie in the file of a slice.
struct Place {
    slice: FileSlice,
    offset: u64,
}

/// The place of bytes that are part of an announced slice.
fn place_of(bytes: &[u8], slices: &VecDeque<FileSlice>) -> Option<Place> {
    let wanted = bytes.as_ptr_range();
    slices.iter().find_map(|slice| {
        let range = slice.bytes.as_ptr_range();
        if bytes.is_empty() || wanted.start < range.start || range.end < wanted.end {
            return None;
        }
        let skipped = wanted.start.addr() - range.start.addr();
        Some(Place { slice: slice.clone(), offset: slice.offset + skipped as u64 })
    })
}

/// What to do with the slices that hyper wants to have written.
enum Next {
    /// Write this many of them; there is more to come.
    Some(usize),
    /// Send the first that is not empty from its file: so many bytes.
    Send(Place, usize),
    /// Write all of them.
    All,
}

fn next(slices: &VecDeque<FileSlice>, buffers: &[IoSlice<'_>]) -> Next {
    if slices.is_empty() {
        return Next::All;
    }
    let place =
        |(at, buffer): (usize, &IoSlice<'_>)| Some((at, place_of(buffer, slices)?, buffer.len()));
    let Some((at, place, length)) = buffers.iter().enumerate().find_map(place) else {
        return Next::All;
    };
    if buffers.iter().take(at).all(|buffer| buffer.is_empty()) {
        Next::Send(place, length)
    } else {
        Next::Some(at)
    }
}

/// A TCP connection that sends announced slices from their files.
#[derive(Debug)]
pub(super) struct Wire {
    stream: TcpStream,
    outgoing: Outgoing,
    /// What was read and put back.
    unread: Bytes,
}

impl Wire {
    pub(super) fn new(stream: TcpStream, outgoing: Outgoing) -> Self {
        Self { stream, outgoing, unread: Bytes::new() }
    }

    /// Puts back what was read last: it is read again, before anything else.
    pub(super) fn unread(self: Pin<&mut Self>, bytes: Bytes) {
        self.get_mut().unread = bytes;
    }

    /// Whether bytes are part of a file that goes out over this connection.
    pub(super) fn is_announced(&self, bytes: &[u8]) -> bool {
        self.outgoing.some().is_some_and(|slices| place_of(bytes, &slices).is_some())
    }

    /// Does something when the socket takes bytes.
    fn poll_when_writable(
        &self,
        context: &mut Context<'_>,
        act: impl Fn() -> rustix::io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.stream.poll_write_ready(context))?;
            let done = self.stream.try_io(Interest::WRITABLE, || act().map_err(io::Error::from));
            match done {
                Err(err) if matches!(err.kind(), WouldBlock | Interrupted) => {}
                done => return Poll::Ready(done),
            }
        }
    }

    /// Hands over buffers together, of which hyper gives 64 at most. The system has a longer way for
    /// `writev`.
    fn poll_sendmsg(
        &self,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
        flags: SendFlags,
    ) -> Poll<io::Result<usize>> {
        let ancillary = SendAncillaryBuffer::default;
        self.poll_when_writable(context, || sendmsg(&self.stream, buffers, &mut ancillary(), flags))
    }

    /// Sends the first bytes of the buffers, which lie in a file.
    fn poll_send(
        &mut self,
        context: &mut Context<'_>,
        (place, length): (&Place, usize),
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let length = length.min(MOST_AT_ONCE);
        let sent = ready!(self.poll_when_writable(context, || {
            let mut offset = place.offset;
            sendfile(&self.stream, &place.slice, Some(&mut offset), length)
        }));
        match sent {
            Ok(0) => {
                tracing::error!("a stored file is shorter than it was");
                Poll::Ready(Err(UnexpectedEof.into()))
            }
            // Not every file system can: then the bytes go through the program after all.
            Err(err) if matches!(err.kind(), InvalidInput | Unsupported) => {
                self.outgoing.forget();
                Pin::new(&mut self.stream).poll_write_vectored(context, buffers)
            }
            Err(err) if !is_of_the_client(&err) => {
                tracing::error!(error = %err, "could not send from a stored file: {err}");
                Poll::Ready(Err(err))
            }
            sent => Poll::Ready(sent),
        }
    }
}

/// Whether a connection failed because its client went away.
fn is_of_the_client(err: &io::Error) -> bool {
    let kinds = [BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, TimedOut];
    kinds.contains(&err.kind())
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let next = self.outgoing.some().map_or(Next::All, |slices| next(&slices, buffers));
        match next {
            Next::All => {
                let mut full = buffers.iter().filter(|buffer| !buffer.is_empty());
                match (full.next(), full.next()) {
                    // The system has a shorter way for one buffer.
                    (Some(only), None) => Pin::new(&mut self.stream).poll_write(context, only),
                    _ => self.poll_sendmsg(context, buffers, SendFlags::NOSIGNAL),
                }
            }
            Next::Send(place, length) => self.poll_send(context, (&place, length), buffers),
            Next::Some(count) => {
                let before = buffers.get(..count).unwrap_or(buffers);
                // The file follows at once, and shares the segment.
                self.poll_sendmsg(context, before, SendFlags::MORE | SendFlags::NOSIGNAL)
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// Everything that was handed over has been sent, and so no announced slice is left.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.outgoing.forget();
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.unread.is_empty() {
            let length = self.unread.len().min(buffer.remaining());
            buffer.put_slice(&self.unread.split_to(length));
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

#[cfg(test)]
mod tests;
