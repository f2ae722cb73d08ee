//! Whether the body of a request was read to its end.
//!
//! What nobody read stands in the way of the next request, so the connection ends behind the answer,
//! unless it happens to be there already and is short. That is not known while the answer is made; and a
//! client that is not told of the end may send its next request just before it, and learns nothing of
//! it. So whatever leaves a body unread ends its connection.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use http::{HeaderValue, Response, header};
use http_body::{Body, Frame, SizeHint};

/// A body that remembers its end.
pub(super) struct Watched<B> {
    body: B,
    end: Arc<AtomicBool>,
}

/// The end of a body.
pub(super) struct End(Arc<AtomicBool>);

impl<B: Body> Watched<B> {
    pub(super) fn new(body: B) -> (Self, End) {
        let end = Arc::new(AtomicBool::new(body.is_end_stream()));
        (Self { body, end: end.clone() }, End(end))
    }
}

impl End {
    /// Says that the connection ends behind this answer if the end was not read.
    pub(super) fn tell<T>(&self, response: &mut Response<T>) {
        if !self.0.load(Ordering::Relaxed) {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
        }
    }
}

impl<B: Body + Unpin> Body for Watched<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if frame.is_none() || self.body.is_end_stream() {
            self.end.store(true, Ordering::Relaxed);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::body::Bytes;
    use futures_util::stream;
    use http_body_util::{BodyExt as _, Full, StreamBody};

    use super::*;

    /// What an answer says of its connection when so many frames were asked for.
    async fn told<B: Body + Unpin>(body: B, frames: usize) -> Option<HeaderValue> {
        let (mut body, end) = Watched::new(body);
        for _ in 0..frames {
            body.frame().await;
        }
        let mut response = Response::new(());
        end.tell(&mut response);
        response.headers().get(header::CONNECTION).cloned()
    }

    #[tokio::test]
    async fn who_leaves_something_of_a_body_is_told_the_end_of_the_connection() {
        let close = Some(HeaderValue::from_static("close"));
        let known = || Full::new(Bytes::from_static(b"body"));
        let chunks = || {
            let two = ["bo", "dy"].map(|it| Ok::<_, Infallible>(Frame::data(Bytes::from(it))));
            StreamBody::new(stream::iter(two))
        };
        assert_eq!(told(Full::<Bytes>::default(), 0).await, None, "there is none");
        assert_eq!(told(known(), 0).await, close);
        assert_eq!(told(known(), 1).await, None, "its length tells its end");
        assert_eq!(told(chunks(), 1).await, close);
        assert_eq!(told(chunks(), 2).await, close, "nobody knows yet that it ends here");
        assert_eq!(told(chunks(), 3).await, None);
    }
}
