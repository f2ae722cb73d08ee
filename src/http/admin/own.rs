//! The hosts of the server itself.

use crate::domain::name::BucketName;
use crate::domain::op::{HostRules, is_local};
use crate::domain::referer::lint::OwnPlace;

/// Where clients reach the server, as far as it was told.
#[derive(Clone, Debug, Default)]
pub struct OwnHosts {
    /// Which hosts name a bucket.
    pub rules: HostRules,
    /// The endpoint that listings show, if one is set.
    pub endpoint: Option<String>,
}

impl OwnHosts {
    /// The places under which pages of a bucket are found, but for those that only the machine
    /// itself knows.
    pub(super) fn places(&self, bucket: &BucketName) -> Vec<OwnPlace> {
        let endpoint = self.endpoint.as_deref().unwrap_or_default();
        // Clients reach all hosts by the same port.
        let port = endpoint.rsplit_once(':').map(|(_, port)| port);
        let port = port.filter(|port| port.bytes().all(|b| b.is_ascii_digit()));
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        let hosts = self.rules.hosts_of(bucket).into_iter().map(|host| host + &port);
        let all = hosts.chain(self.endpoint.clone());
        all.filter(|host| !is_local(host)).filter_map(|host| host.parse().ok()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_a_bucket() {
        let places = |domains: &[&str], endpoint: Option<&str>| {
            let cnames = [("img.a.com".parse().unwrap(), "pictures".parse().unwrap())];
            let rules = HostRules::new(domains.iter().map(|it| it.parse().unwrap()), cnames);
            let own = OwnHosts { rules, endpoint: endpoint.map(str::to_owned) };
            let places = own.places(&"pictures".parse().unwrap());
            places.iter().map(|place| place.origins()[0].clone()).collect::<Vec<_>>()
        };
        assert_eq!(places(&["localhost"], None), ["https://img.a.com/"]);
        let own = ["https://img.a.com/", "https://pictures.b.org/", "https://oss.b.org/"];
        assert_eq!(places(&["b.org"], Some("oss.b.org")), own);
        let own = ["https://img.a.com:8443/", "https://10.0.0.1:8443/"];
        assert_eq!(places(&["localhost"], Some("10.0.0.1:8443")), own);
        assert_eq!(places(&["localhost"], Some("[::1]")), ["https://img.a.com/"]);
    }
}
