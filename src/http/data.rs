//! The data plane: one listener, and what serves a request is decided by its host.

use std::sync::Arc;

use super::conn::{Answering, Connection, Request, in_place};
use super::oss::{Oss, authority};
use super::{delivery, links};

/// Answers a request on the data plane: as a delivery domain or as the distribution service if
/// its host is one, and in OSS's protocol on every other.
pub fn handle(oss: Arc<Oss>, request: Request, connection: Connection) -> Answering {
    if oss.links.is_none() && !oss.app.has_delivery_domains() {
        return in_place(|| oss.handle(request, connection));
    }
    let host = authority(&request.parts);
    // What cannot be read is told in OSS's words.
    let host = host.ok();
    if let Some(service) = &oss.links
        && host.is_some_and(|host| service.host.is_named_by(host))
    {
        let service = service.clone();
        return in_place(
            || async move { links::handle(&oss, &service, (request, connection)).await },
        );
    }
    match host.and_then(|host| oss.app.delivery_domain(host)) {
        Some(domain) => {
            in_place(|| async move { delivery::handle(&oss, &domain, (request, connection)).await })
        }
        None => in_place(|| oss.handle(request, connection)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The size of what a function of three arguments promises.
    const fn promised<A, B, C, F>(_: &impl Fn(A, B, C) -> F) -> usize {
        size_of::<F>()
    }

    /// The future of a request is copied to where it runs. Whatever a download does not need is
    /// to be boxed, or every download pays for it.
    #[test]
    fn the_way_of_a_download_is_small() {
        assert!(promised(&Oss::handle) <= 4096, "{}", promised(&Oss::handle));
    }
}
