//! What a URL is, and what a browser would send as a referer.

use super::MAX_REFERER_BYTES;

/// The host and the port of a URL, as browsers write them: no user information, nothing escaped.
/// Whatever else stands between `//` and the path can make two programs see two hosts, so nothing
/// vouches for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Authority<'a> {
    /// The host, not empty.
    pub(super) host: &'a str,
    /// The port, 0 to 65535.
    pub(super) port: Option<&'a str>,
}

impl<'a> Authority<'a> {
    /// Reads an authority; `None` is one that no browser sends.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let end = if text.starts_with('[') { text.find(']')? + 1 } else { host_bytes(text) };
        let (host, rest) = text.split_at_checked(end)?;
        let good = if text.starts_with('[') { is_ipv6(host) } else { is_name(host) };
        let port = match rest {
            "" => None,
            rest => Some(rest.strip_prefix(':').filter(|port| is_port(port))?),
        };
        good.then_some(Self { host, port })
    }
}

fn host_bytes(authority: &str) -> usize {
    authority.find(':').unwrap_or(authority.len())
}

fn is_ipv6(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let known = |b: u8| b.is_ascii_hexdigit() || matches!(b, b':' | b'.');
    host.len() == address.len() + 2 && !address.is_empty() && address.bytes().all(known)
}

fn is_name(host: &str) -> bool {
    let known = |b: u8| b.is_ascii_alphanumeric() || b >= 0x80 || b"-._".contains(&b);
    !host.is_empty() && host.bytes().all(known)
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

/// Whether a line that is not empty is no URL that a browser sends as a referer: `http` or
/// `https`, a host, no user information and no fragment (RFC 9110, 10.1.3), no blanks and no
/// control characters, and not over [`MAX_REFERER_BYTES`]. Bytes that are not ASCII are let
/// through behind the host: old browsers send them.
pub(super) fn is_malformed(line: &[u8]) -> bool {
    is_page(line).is_none()
}

fn is_page(line: &[u8]) -> Option<()> {
    let starts = |scheme: &&[u8]| {
        line.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    let scheme = [b"http://".as_slice(), b"https://"].into_iter().find(starts)?;
    let rest = line.get(scheme.len()..)?;
    let end = rest.iter().position(|b| b"/?#".contains(b)).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end)?;
    Authority::parse(std::str::from_utf8(authority).ok()?)?;
    let bad = |b: &u8| *b <= b' ' || *b == 0x7f || *b == b'#';
    (line.len() <= MAX_REFERER_BYTES && !path.iter().any(bad)).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities() {
        let read = |text| Authority::parse(text).map(|a| (a.host, a.port));
        #[rustfmt::skip]
        let table = [
            ("a.com", Some(("a.com", None))),
            ("a.com:8080", Some(("a.com", Some("8080")))),
            ("a.com:0", Some(("a.com", Some("0")))),
            ("localhost", Some(("localhost", None))),
            ("10.0.0.1:80", Some(("10.0.0.1", Some("80")))),
            ("[::1]", Some(("[::1]", None))),
            ("[::ffff:10.0.0.1]:8080", Some(("[::ffff:10.0.0.1]", Some("8080")))),
            ("中。文", Some(("中。文", None))),
            ("a_b-c.com.", Some(("a_b-c.com.", None))),
            ("", None), (":80", None), ("a.com:", None), ("a.com:99999", None), ("a.com:+80", None),
            ("a.com:80:80", None), ("a.com:b", None), ("a@b.com", None), ("a:b@b.com", None),
            ("a.com\\b", None), ("a.com%2eb.net", None), ("a.com b", None), ("a,b", None),
            ("[]", None), ("[::1", None), ("::1]", None), ("[::1]80", None), ("[::1]:x", None),
            ("[g::]", None), ("x[::1]", None), ("[x", None), ("a[b", None), ("[::1]].com", None),
        ];
        for (text, want) in table {
            assert_eq!(read(text), want, "{text:?}");
        }
    }

    #[test]
    fn pages_and_what_is_none() {
        for good in [
            "http://a.b",
            "HTTPS://WWW.GOOD.COM/",
            "http://a.com:8080/x?y=http://b.com/",
            "https://good.com.",
            "http://[::1]:8080/",
            "https://evil.com/https://good.com/",
            "http://xn--fiq228c.com/%E4%B8%AD",
            "http://中。文/",
            "http://a.com?x",
            "http://a.com/中",
        ] {
            assert!(!is_malformed(good.as_bytes()), "{good}");
        }
        assert!(!is_malformed(b"http://a.com/\xd6\xd0"), "bytes behind the host");
        for bad in [
            "good.com",
            "//good.com/",
            "null",
            "about:blank",
            "data:,x",
            "blob:https://good.com/x",
            "file:///home",
            "android-app://com.x/",
            "chrome-extension://abc/",
            "https:\\\\good.com",
            "https:/good.com",
            "https:///good.com",
            "http://",
            "https://good.com@evil.com/",
            "https://good.com:x@evil.com/",
            "https://evil.com#.good.com",
            "https://good.com/#x",
            "https://good.com%2eevil.net/",
            "https://good.com%00/",
            "https://good.com:99999/",
            "http://good.com/, http://evil.com/",
            "http://good.com/a\tb",
            "http://good.com/\u{7f}",
        ] {
            assert!(is_malformed(bad.as_bytes()), "{bad}");
        }
        assert!(is_malformed(b"http://\xd6\xd0.com/"), "bytes in the host");
        let long = |bytes: usize| format!("http://a.com/{}", "x".repeat(bytes - 13));
        assert!(!is_malformed(long(MAX_REFERER_BYTES).as_bytes()));
        assert!(is_malformed(long(MAX_REFERER_BYTES + 1).as_bytes()));
    }
}
