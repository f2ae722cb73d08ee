//! Which links an application may have.

use std::fmt;
use std::str::FromStr;

use crate::domain::op::HostName;

/// The longest directory.
const MAX_BYTES: usize = 1024;

/// A host, or a directory of it: `cdn.example.com`, `cdn.example.com/shop/`.
///
/// Some schemes sign the directory of a path and not its file, so a scope ends where a directory
/// does, and a link within it opens nothing outside.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkScope {
    host: HostName,
    /// With both of its slashes.
    directory: String,
}

/// A text that is no scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a scope is a host, or a host and a directory that ends with '/': cdn.example.com/shop/")]
pub struct InvalidScope;

impl LinkScope {
    /// Whether a path of a host is in it. The path is as it stands in the URL: one that is escaped
    /// otherwise than the scope is not in it.
    pub(super) fn holds(&self, host: &str, path: &str) -> bool {
        self.host.as_str() == host && path.starts_with(&self.directory)
    }
}

impl FromStr for LinkScope {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        let (host, directory) = text.split_at(text.find('/').unwrap_or(text.len()));
        let directory = if directory.is_empty() { "/" } else { directory };
        let visible =
            |b: u8| b.is_ascii_graphic() && !matches!(b, b'?' | b'#' | b'\\' | b'"' | b'<' | b'>');
        let dots = directory.split('/').any(|segment| matches!(segment, "." | ".."));
        let fits = directory.len() <= MAX_BYTES && directory.ends_with('/');
        // A delivery domain has a name, and a scope no port.
        if !fits || dots || host.contains(':') || !directory.bytes().all(visible) {
            return Err(InvalidScope);
        }
        let host = host.parse().map_err(|_| InvalidScope)?;
        Ok(Self { host, directory: directory.to_owned() })
    }
}

impl fmt::Display for LinkScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.directory.as_str() {
            "/" => write!(f, "{}", self.host),
            directory => write!(f, "{}{directory}", self.host),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_a_scope() {
        #[rustfmt::skip]
        let table = [
            ("a.com",      "a.com", "/x/y.mp4",     true),
            ("A.com.",     "a.com", "/x/y.mp4",     true),
            ("a.com",      "b.com", "/x/y.mp4",     false),
            ("a.com/x/",   "a.com", "/x/y.mp4",     true),
            ("a.com/x/",   "a.com", "/x/z/y.mp4",   true),
            ("a.com/x/",   "a.com", "/x",           false),
            ("a.com/x/",   "a.com", "/xy/z.mp4",    false),
            ("a.com/x/",   "a.com", "/X/y.mp4",     false),
            ("a.com/x/",   "a.com", "/%78/y.mp4",   false),
            ("a.com/x/",   "a.com.evil.net", "/x/", false),
        ];
        for (scope, host, path, want) in table {
            let scope: LinkScope = scope.parse().unwrap();
            assert_eq!(scope.holds(host, path), want, "{scope} {host} {path}");
            assert_eq!(scope.to_string().parse(), Ok(scope));
        }
    }

    #[test]
    fn what_is_no_scope() {
        let long = format!("a.com/{}/", "a".repeat(MAX_BYTES));
        for text in [
            "",
            "/",
            "/x/",
            "a.com/x",
            "http://a.com/",
            "a.com:80/",
            "a b.com",
            "a.com/x y/",
            "a.com/../",
            "a.com/./",
            "a.com/é/",
            "a.com/?/",
            "a.com/#/",
            "a.com/\\/",
            "u@a.com",
            &long,
        ] {
            assert_eq!(text.parse::<LinkScope>(), Err(InvalidScope), "{text}");
        }
    }
}
