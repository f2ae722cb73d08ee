//! Places of the server itself.

use std::str::FromStr;

use crate::domain::referer::url::Authority;

/// A place of the server itself, by the referers that its pages send: one for each scheme that it
/// may have. It is denied if all of them are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnPlace(Vec<String>);

/// A text that names no place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no origin such as https://www.example.com, nor a host")]
pub struct InvalidOrigin(Box<str>);

impl OwnPlace {
    /// The referers, none of them empty: `https://oss.example.com/`.
    pub fn origins(&self) -> &[String] {
        &self.0
    }
}

impl FromStr for OwnPlace {
    type Err = InvalidOrigin;

    /// Reads `https://host:port`, or a host that may have either scheme.
    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let lower = text.trim().to_ascii_lowercase();
        let bare = lower.strip_suffix('/').unwrap_or(&lower);
        let (schemes, authority): (&[&str], _) = if let Some(rest) = bare.strip_prefix("https://") {
            (&["https"], rest)
        } else if let Some(rest) = bare.strip_prefix("http://") {
            (&["http"], rest)
        } else {
            (&["https", "http"], bare)
        };
        let good = Authority::parse(authority).is_some();
        let origins = || schemes.iter().map(|scheme| format!("{scheme}://{authority}/")).collect();
        if good { Ok(Self(origins())) } else { Err(InvalidOrigin(text.into())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let read = |text: &str| text.parse::<OwnPlace>().ok().map(|place| place.0.join(" "));
        #[rustfmt::skip]
        let table = [
            ("https://OSS.example.com", Some("https://oss.example.com/")),
            ("http://a.com:8080/",      Some("http://a.com:8080/")),
            ("a.com",                   Some("https://a.com/ http://a.com/")),
            ("[::1]:9000",              Some("https://[::1]:9000/ http://[::1]:9000/")),
            ("", None), ("https://", None), ("https://a.com/b", None), ("ftp://a.com", None),
            ("me@a.com", None), ("a b", None), ("https://a.com//", None), ("*.a.com", None),
        ];
        for (text, want) in table {
            assert_eq!(read(text).as_deref(), want, "{text:?}");
        }
    }
}
