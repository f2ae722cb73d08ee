//! Bodies that are bytes of an object.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use http_body::Frame;

use crate::http::conn::Outgoing;
use crate::service::object::{BlobError, Piece, Sending};

/// The body of an answer. What is sent from files is announced to the connection.
pub(super) fn body(sending: Sending, outgoing: Outgoing) -> Body {
    match sending {
        Sending::Memory(bytes) => Body::from(bytes),
        Sending::Pieces(pieces) => Body::new(Pieces { pieces, outgoing }),
    }
}

struct Pieces {
    pieces: BoxStream<'static, Result<Piece, BlobError>>,
    outgoing: Outgoing,
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = BlobError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BlobError>>> {
        let piece = ready!(self.pieces.poll_next_unpin(context));
        Poll::Ready(piece.map(|piece| {
            Ok(Frame::data(match piece? {
                Piece::Bytes(bytes) => bytes,
                Piece::File(slice) => {
                    let bytes = slice.bytes.clone();
                    self.outgoing.announce(slice);
                    bytes
                }
            }))
        }))
    }
}
