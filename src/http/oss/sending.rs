//! Bodies that are bytes of an object.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use http_body::{Frame, SizeHint};

use crate::http::conn::{Connection, Outgoing};
use crate::service::object::{BlobError, Piece, Sending};

/// The body of an answer, of so many bytes. What is sent from files is announced to the connection.
pub(super) fn body(sending: Sending, length: u64, connection: &Connection) -> Body {
    match sending {
        Sending::Memory(bytes) => Body::from(bytes),
        Sending::Pieces(stream) => {
            Body::new(Pieces { stream, length, outgoing: connection.outgoing().clone() })
        }
    }
}

struct Pieces {
    stream: BoxStream<'static, Result<Piece, BlobError>>,
    /// What is still to come.
    length: u64,
    outgoing: Outgoing,
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = BlobError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BlobError>>> {
        let Some(piece) = ready!(self.stream.poll_next_unpin(context)) else {
            return Poll::Ready(None);
        };
        let bytes = match piece? {
            Piece::Bytes(bytes) => bytes,
            Piece::File(slice) => {
                let bytes = slice.bytes.clone();
                self.outgoing.announce(slice);
                bytes
            }
        };
        self.length = self.length.saturating_sub(bytes.len() as u64);
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }
}
