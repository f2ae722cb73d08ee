//! Where a request comes from, as far as that can be known behind proxies.
//!
//! What `X-Forwarded-For` says is the word of whoever sent it. So it counts only as far as proxies
//! wrote it that the administrator trusts: each appends the address that it saw, so the list is
//! read from its end, and the first address there that is no trusted proxy's is the client's.
//! Everything before it is whatever the client made up.

use core::net::IpAddr;

use ipnet::IpNet;

/// The most addresses of a chain of proxies that are looked at. A longer chain is nobody's
/// installation.
pub const MAX_HOPS: usize = 16;

/// The client of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress {
    /// Its address; `None` if proxies that are trusted said something that cannot be read.
    pub address: Option<IpAddr>,
    /// Whether the client used TLS. Only a trusted proxy can say so.
    pub secure: bool,
}

/// A network or a single address: `10.0.0.0/8`, `192.0.2.1`, `2001:db8::/32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network(IpNet);

/// A text that is not a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a network is an address, or an address with a length of its prefix: 10.0.0.0/8")]
pub struct InvalidNetwork;

impl Network {
    /// Whether an address lies in the network. An IPv4 address is the same in the form that
    /// IPv6 has for it.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }

    /// Whether the network is so wide that it is no restriction: more than a /8 of IPv4 or a /32
    /// of IPv6.
    ///
    /// Source: OSS "Block public access", which policies count as public.
    pub const fn is_wide(&self) -> bool {
        match self.0 {
            IpNet::V4(net) => net.prefix_len() < 8,
            IpNet::V6(net) => net.prefix_len() < 32,
        }
    }
}

impl std::str::FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self(address.to_canonical().into()));
        }
        let net = text.parse::<IpNet>().map_err(|_| InvalidNetwork)?;
        // `::ffff:10.0.0.0/104` is 10.0.0.0/8: addresses are compared in their IPv4 form.
        match (net.network().to_canonical(), net) {
            (IpAddr::V4(address), IpNet::V6(six)) => {
                let length = six.prefix_len().checked_sub(96).ok_or(InvalidNetwork)?;
                IpNet::new(address.into(), length).map(Self).map_err(|_| InvalidNetwork)
            }
            (IpAddr::V4(_) | IpAddr::V6(_), net) => Ok(Self(net.trunc())),
        }
    }
}

/// The networks of proxies whose word counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<Network>);

impl TrustedProxies {
    /// Trusts these networks.
    pub const fn new(networks: Vec<Network>) -> Self {
        Self(networks)
    }

    /// Whether the word of this peer counts.
    pub fn trusts(&self, peer: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(peer))
    }

    /// Whether there is nobody whose word counts.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Finds the client behind a connection from `peer`. `forwarded_for` and `forwarded_proto` are
    /// the values of all lines of `X-Forwarded-For` and `X-Forwarded-Proto`; they are looked for
    /// only if the word of the peer counts.
    pub fn client<'r, For, Proto>(
        &self,
        peer: IpAddr,
        forwarded_for: impl FnOnce() -> For,
        forwarded_proto: impl FnOnce() -> Proto,
    ) -> ClientAddress
    where
        For: DoubleEndedIterator<Item = &'r [u8]>,
        Proto: Iterator<Item = &'r [u8]>,
    {
        let peer = peer.to_canonical();
        if !self.trusts(peer) {
            return ClientAddress { address: Some(peer), secure: false };
        }
        let secure = is_https(forwarded_proto());
        ClientAddress { address: self.behind(peer, forwarded_for()), secure }
    }

    /// The last address of the list that is no proxy's; the first, if all are.
    fn behind<'r>(
        &self,
        peer: IpAddr,
        lines: impl DoubleEndedIterator<Item = &'r [u8]>,
    ) -> Option<IpAddr> {
        let mut client = peer;
        let entries = lines.rev().flat_map(|line| line.rsplit(|&byte| byte == b','));
        for (hop, entry) in entries.enumerate() {
            client = (hop < MAX_HOPS).then(|| read_address(entry))??;
            if !self.trusts(client) {
                break;
            }
        }
        Some(client)
    }
}

/// Reads an address as proxies write it: with or without a port, an IPv6 address in brackets if
/// it has one.
fn read_address(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry.trim_ascii()).ok()?;
    let address = text
        .parse::<IpAddr>()
        .ok()
        .or_else(|| text.parse::<core::net::SocketAddr>().ok().map(|socket| socket.ip()))
        .or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok())?;
    Some(address.to_canonical())
}

/// Whether all that is said is that TLS was used.
fn is_https<'r>(lines: impl Iterator<Item = &'r [u8]>) -> bool {
    let mut said = lines.flat_map(|line| line.split(|&byte| byte == b',')).peekable();
    said.peek().is_some() && said.all(|word| word.trim_ascii().eq_ignore_ascii_case(b"https"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn proxies() -> TrustedProxies {
        TrustedProxies::new(
            ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"].map(|n| n.parse().unwrap()).to_vec(),
        )
    }

    #[test]
    fn the_client_is_the_last_hop_that_is_no_trusted_proxy() {
        let long = vec!["10.0.0.9"; 1000].join(",");
        #[rustfmt::skip]
        let table: &[(&str, &str, &[&str], Option<&str>)] = &[
            ("no proxy at all",                 "203.0.113.5",     &[],                               Some("203.0.113.5")),
            ("a stranger who writes the header", "203.0.113.5",    &["10.1.1.1"],                     Some("203.0.113.5")),
            ("a proxy that adds nothing",       "10.0.0.1",        &[],                               Some("10.0.0.1")),
            ("one proxy",                       "10.0.0.1",        &["203.0.113.5"],                  Some("203.0.113.5")),
            ("what the client made up before",  "10.0.0.1",        &["1.1.1.1, 203.0.113.5"],         Some("203.0.113.5")),
            ("in a line of its own",            "10.0.0.1",        &["1.1.1.1", "203.0.113.5"],       Some("203.0.113.5")),
            ("two proxies",                     "10.0.0.1",        &["203.0.113.5, 192.0.2.7"],       Some("203.0.113.5")),
            ("a client inside",                 "10.0.0.1",        &["10.9.9.9"],                     Some("10.9.9.9")),
            ("a port",                          "10.0.0.1",        &["203.0.113.5:4711"],             Some("203.0.113.5")),
            ("IPv6",                            "2001:db8::1",     &["2001:470::5"],                  Some("2001:470::5")),
            ("IPv6 with a port",                "10.0.0.1",        &["[2001:470::5]:443"],            Some("2001:470::5")),
            ("IPv6 in brackets",                "10.0.0.1",        &["[2001:470::5]"],                Some("2001:470::5")),
            ("IPv4 in the form of IPv6",        "::ffff:10.0.0.1", &["::ffff:203.0.113.5"],           Some("203.0.113.5")),
            ("what cannot be read",             "10.0.0.1",        &["203.0.113.5, unknown"],         None),
            ("what cannot be read further on",  "10.0.0.1",        &["unknown, 203.0.113.5"],         Some("203.0.113.5")),
            ("an empty entry",                  "10.0.0.1",        &["203.0.113.5,"],                 None),
            ("a thousand hops",                 "10.0.0.1",        &[&long],                          None),
        ];
        for (name, peer, lines, want) in table {
            let lines = lines.iter().map(|line| line.as_bytes());
            let got = proxies().client(address(peer), || lines, std::iter::empty);
            assert_eq!(got.address, want.map(address), "{name}");
            assert!(!got.secure, "{name}");
        }
    }

    #[test]
    fn only_a_trusted_proxy_says_that_tls_was_used() {
        #[rustfmt::skip]
        let table: &[(&str, &str, &[&str], bool)] = &[
            ("a proxy",            "10.0.0.1",    &["https"],          true),
            ("capitals",           "10.0.0.1",    &[" HTTPS "],        true),
            ("two proxies",        "10.0.0.1",    &["https, https"],   true),
            ("nothing",            "10.0.0.1",    &[],                 false),
            ("without TLS",        "10.0.0.1",    &["http"],           false),
            ("without TLS inside", "10.0.0.1",    &["https, http"],    false),
            ("two lines",          "10.0.0.1",    &["https", "http"],  false),
            ("a stranger",         "203.0.113.5", &["https"],          false),
        ];
        for (name, peer, lines, want) in table {
            let lines = lines.iter().map(|line| line.as_bytes());
            let got = proxies().client(address(peer), std::iter::empty, || lines);
            assert_eq!(got.secure, *want, "{name}");
        }
    }

    #[test]
    fn networks() {
        #[rustfmt::skip]
        let table = [
            ("10.0.0.0/8",           "10.255.0.1",       true),
            ("10.1.2.3/8",           "10.255.0.1",       true),
            ("10.0.0.0/8",           "11.0.0.1",         false),
            ("10.0.0.0/8",           "::ffff:10.0.0.1",  true),
            ("::ffff:10.0.0.0/104",  "10.255.0.1",       true),
            ("::ffff:10.0.0.0/104",  "11.0.0.1",         false),
            ("192.0.2.1",            "192.0.2.1",        true),
            ("192.0.2.1",            "192.0.2.2",        false),
            ("2001:db8::/32",        "2001:db8:1::1",    true),
            ("0.0.0.0/0",            "203.0.113.5",      true),
            ("0.0.0.0/0",            "2001:db8::1",      false),
        ];
        for (network, of, want) in table {
            let network: Network = network.parse().unwrap();
            assert_eq!(network.contains(address(of)), want, "{network:?} {of}");
        }
        for text in ["", "10.0.0.0/33", "10.0.0", "example.com", "10.0.0.0/8 "] {
            assert_eq!(text.parse::<Network>(), Err(InvalidNetwork), "{text}");
        }
    }
}
