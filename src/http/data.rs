//! The data plane: one listener, and what serves a request is decided by its host.

use std::cell::LazyCell;
use std::sync::Arc;

use super::conn::{Answering, Connection, Reply, Request, in_place};
use super::oss::{Oss, host_of};
use super::{delivery, links};
use crate::service::delivery::Domain;

/// Answers a request on the data plane: as a delivery domain or as the distribution service if
/// its host is one, and in OSS's protocol on every other.
pub fn handle(oss: Arc<Oss>, request: Request, connection: Connection) -> Answering {
    // What cannot be read is told in OSS's words. Where no host is another than OSS's, nobody asks.
    let host = LazyCell::new(|| host_of(&request.parts).ok());
    let service = oss.links.as_ref().filter(|it| host.as_deref() == Some(&it.host)).cloned();
    let domain = oss.app.delivery_domain(|| host.as_deref());
    drop(host);
    match (service, domain) {
        (Some(service), _) => {
            in_place(|| async move { links::handle(&oss, &service, (request, connection)).await })
        }
        (None, Some(domain)) => in_place(|| deliver(oss, domain, (request, connection))),
        (None, None) => in_place(|| oss.handle(request, connection)),
    }
}

async fn deliver(oss: Arc<Oss>, domain: Arc<Domain>, asked: (Request, Connection)) -> Reply {
    delivery::handle(&oss, &domain, asked).await
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The size of what a function of three arguments promises.
    const fn promised<A, B, C, F>(_: &impl Fn(A, B, C) -> F) -> usize {
        size_of::<F>()
    }

    /// Memory is taken for the future of every request, and parts of it are moved about in it. What a
    /// download does not need is to be in a box of its own, or every download pays for it.
    #[test]
    fn the_way_of_a_download_is_small() {
        for (size, most) in [(promised(&Oss::handle), 4096), (promised(&deliver), 4608)] {
            assert!(size <= most, "{size}");
        }
    }
}
