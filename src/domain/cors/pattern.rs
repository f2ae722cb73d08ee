//! What cross-origin rules are made of: patterns of origins and of headers.

use std::fmt;
use std::str::FromStr;

/// The text of an origin in which one `*` stands for any run of characters, or `*` alone for
/// everybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginPattern(Text);

/// The name of a header in which one `*` stands for any run of characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderPattern(Text);

/// The name of a header that pages may read.
///
/// It is written into answers, so it can only be a name: no line break, and nothing else that
/// could end a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExposedHeader(Box<str>);

/// Which rule a text breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPattern {
    /// There is no text.
    #[error("it is empty")]
    Empty,
    /// A second `*`.
    #[error("it has more than one '*'")]
    Wildcards,
    /// An origin that names a scheme and no host: `https://*`.
    #[error("it has a scheme and no host")]
    AnyHost,
    /// White space, a control character, or a character that no such name has.
    #[error("it has a character that has no place in it")]
    Character,
}

/// A text with at most one `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Text(Box<str>);

impl Text {
    fn read(text: &str, allowed: impl Fn(u8) -> bool) -> Result<Self, InvalidPattern> {
        if text.is_empty() {
            return Err(InvalidPattern::Empty);
        }
        if !text.bytes().all(|byte| byte == b'*' || allowed(byte)) {
            return Err(InvalidPattern::Character);
        }
        if text.matches('*').count() > 1 {
            return Err(InvalidPattern::Wildcards);
        }
        Ok(Self(text.into()))
    }

    /// Whether another text fits, without regard to case.
    fn fits(&self, other: &str) -> bool {
        let same = |a: &[u8], b: &[u8]| a.eq_ignore_ascii_case(b);
        let (other, text) = (other.as_bytes(), &self.0);
        let Some((before, after)) = text.split_once('*') else {
            return same(text.as_bytes(), other);
        };
        let rest = other.len().checked_sub(after.len()).filter(|rest| *rest >= before.len());
        rest.and_then(|rest| other.split_at_checked(rest)).is_some_and(|(start, end)| {
            same(end, after.as_bytes())
                && start.get(..before.len()).is_some_and(|start| same(start, before.as_bytes()))
        })
    }
}

impl OriginPattern {
    /// Whether it stands for everybody.
    pub fn is_everybody(&self) -> bool {
        &*self.0.0 == "*"
    }

    /// Whether an origin fits.
    pub fn fits(&self, origin: &str) -> bool {
        self.0.fits(origin)
    }

    /// The pattern as it was put.
    pub fn as_str(&self) -> &str {
        &self.0.0
    }
}

impl FromStr for OriginPattern {
    type Err = InvalidPattern;

    fn from_str(text: &str) -> Result<Self, InvalidPattern> {
        // Everything from U+0080 on is a letter of some kind: hosts are written in all of them.
        let text = Text::read(text, |byte| byte.is_ascii_graphic() || !byte.is_ascii())?;
        if text.0.ends_with("://*") || text.0.ends_with("://") {
            return Err(InvalidPattern::AnyHost);
        }
        Ok(Self(text))
    }
}

impl HeaderPattern {
    /// Whether the name of a header fits.
    pub fn fits(&self, name: &str) -> bool {
        self.0.fits(name)
    }

    /// The pattern as it was put.
    pub fn as_str(&self) -> &str {
        &self.0.0
    }
}

impl FromStr for HeaderPattern {
    type Err = InvalidPattern;

    fn from_str(text: &str) -> Result<Self, InvalidPattern> {
        Text::read(text, is_token).map(Self)
    }
}

impl ExposedHeader {
    /// The name as it was put.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ExposedHeader {
    type Err = InvalidPattern;

    /// Reads a name. `&` and `'` could be in one, but OSS takes neither.
    fn from_str(text: &str) -> Result<Self, InvalidPattern> {
        if text.is_empty() {
            return Err(InvalidPattern::Empty);
        }
        let known = |byte| is_token(byte) && !matches!(byte, b'*' | b'&' | b'\'');
        if text.bytes().all(known) { Ok(Self(text.into())) } else { Err(InvalidPattern::Character) }
    }
}

/// `tchar` of RFC 9110, section 5.6.2: what the names of headers are made of.
pub(super) const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

macro_rules! display_as_str {
    ($($name:ident),*) => {
        $(impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        })*
    };
}

display_as_str!(OriginPattern, HeaderPattern, ExposedHeader);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins() {
        use InvalidPattern::{AnyHost, Character, Empty, Wildcards};
        /// What fits, and what does not.
        type Cases = (&'static [&'static str], &'static [&'static str]);
        #[rustfmt::skip]
        let table: &[(&str, Result<Cases, InvalidPattern>)] = &[
            ("*",                     Ok((&["http://a.com", "null", ""], &[]))),
            ("http://a.com",          Ok((&["http://a.com", "HTTP://A.com"], &["https://a.com", "http://a.com:80", "http://a.com.evil.com", "http://xa.com", "null", ""]))),
            ("https://*.example.com", Ok((&["https://x.example.com", "https://x.y.example.com"], &["https://example.com", "https://xexample.com", "http://x.example.com", "https://x.example.com.evil.com", "https://x.example.com:8443"]))),
            ("http://localhost:*",    Ok((&["http://localhost:8080", "http://localhost:"], &["http://localhost", "https://localhost:8080"]))),
            ("http*://a.com",         Ok((&["http://a.com", "https://a.com"], &["ftp://a.com"]))),
            ("aa*a",                  Ok((&["aaa", "aaaa"], &["aa", "a"]))),
            ("example.com",           Ok((&["example.com"], &["http://example.com"]))),
            ("http://例え.jp",        Ok((&["http://例え.jp"], &["http://例.jp"]))),
            ("",                      Err(Empty)),
            ("https://*",             Err(AnyHost)),
            ("https://",              Err(AnyHost)),
            ("https://*.example.*",   Err(Wildcards)),
            ("**",                    Err(Wildcards)),
            ("http://a b",            Err(Character)),
            ("http://a\r\nX-Y: z",    Err(Character)),
            ("http://a\u{7f}",        Err(Character)),
        ];
        for (text, want) in table {
            let pattern: Result<OriginPattern, _> = text.parse();
            match want {
                Err(err) => assert_eq!(pattern, Err(*err), "{text:?}"),
                Ok((yes, no)) => {
                    let pattern = pattern.unwrap();
                    for origin in *yes {
                        assert!(pattern.fits(origin), "{text:?} {origin:?}");
                    }
                    for origin in *no {
                        assert!(!pattern.fits(origin), "{text:?} {origin:?}");
                    }
                    assert_eq!(pattern.is_everybody(), *text == "*");
                    assert_eq!(pattern.to_string(), *text);
                }
            }
        }
    }

    #[test]
    fn headers() {
        use InvalidPattern::{Character, Empty, Wildcards};
        let pattern = |text: &str| text.parse::<HeaderPattern>().map(|pattern| pattern.to_string());
        #[rustfmt::skip]
        let table = [
            ("*",           Ok(())),
            ("x-oss-*",     Ok(())),
            ("X-Oss-Meta",  Ok(())),
            ("x-*-*",       Err(Wildcards)),
            ("",            Err(Empty)),
            ("a b",         Err(Character)),
            ("a:",          Err(Character)),
            ("a\r\nb",      Err(Character)),
            ("é",           Err(Character)),
        ];
        for (text, want) in table {
            assert_eq!(pattern(text), want.map(|()| text.to_owned()), "{text:?}");
        }
        let pattern: HeaderPattern = "x-oss-*".parse().unwrap();
        assert!(pattern.fits("X-OSS-Date") && pattern.fits("x-oss-"));
        assert!(!pattern.fits("x-os") && !pattern.fits("ax-oss-date"));
    }

    #[test]
    fn exposed_headers() {
        let exposed = |text: &str| text.parse::<ExposedHeader>().map(|header| header.to_string());
        assert_eq!(exposed("x-oss-Request-id"), Ok("x-oss-Request-id".to_owned()));
        assert_eq!(exposed(""), Err(InvalidPattern::Empty));
        for text in ["*", "x-oss-*", "a&b", "a'b", "a\"b", "<a>", "a b", "a\r\nSet-Cookie: b", "é"]
        {
            assert_eq!(exposed(text), Err(InvalidPattern::Character), "{text:?}");
        }
    }
}
