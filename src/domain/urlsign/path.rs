//! Which paths can be signed and verified.
//!
//! A signature covers the path as it stands in the request, byte for byte. That is safe only if
//! the same bytes cannot be read as another path further on, so what proxies and stores read in
//! two ways is refused before anything is computed: `/a/..%2f..%2fb` has the directory `/a/`,
//! whatever it decodes to.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// Why a path is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPath {
    /// It does not begin with `/`.
    #[error("the path does not begin with '/'")]
    NotAbsolute,
    /// It has a space, a control byte, a byte that is not ASCII, or one of `\`, `?`, `#`.
    #[error("the path has a byte that must be escaped, at {0}")]
    Byte(usize),
    /// A `%` without two hexadecimal digits.
    #[error("the path has a '%' that two hexadecimal digits do not follow, at {0}")]
    Escape(usize),
    /// `%00`, `%2f` or `%5c`.
    #[error("the path has an escaped NUL, slash or backslash, at {0}")]
    Ambiguous(usize),
    /// A segment that is `.` or `..`, escaped or not.
    #[error("the path has a segment '.' or '..'")]
    Dots,
}

/// What a client escapes before it asks for a URL: all that is not visible ASCII, and marks that no
/// URL has.
const ESCAPED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'`');

/// Escapes in a path or a query what a client would. Escapes that are there stay.
pub fn escape(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

/// By how many bytes [`escape`] makes a text longer.
pub(super) fn escapes(text: &[u8]) -> usize {
    let escaped =
        |byte: &&u8| !byte.is_ascii_graphic() || matches!(byte, b'"' | b'<' | b'>' | b'`');
    2 * text.iter().filter(escaped).count()
}

/// Checks a path as it stands in a request.
pub(super) fn check(path: &str) -> Result<(), InvalidPath> {
    if !path.starts_with('/') {
        return Err(InvalidPath::NotAbsolute);
    }
    let bytes = path.as_bytes();
    // Almost all paths are of letters.
    if !bytes.iter().all(|byte| is_plain(*byte)) {
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                b'%' => check_escape(bytes, at)?,
                other if !is_plain(*other) => return Err(InvalidPath::Byte(at)),
                _ => {}
            }
        }
    }
    // A segment of dots begins with one.
    let may_be_dots = bytes.windows(2).any(|pair| matches!(pair, [b'/', b'.' | b'%']));
    if may_be_dots && path.split('/').any(is_dots) { Err(InvalidPath::Dots) } else { Ok(()) }
}

/// Whether a byte stands for itself in a path.
const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'?' | b'#' | b'%')
}

fn check_escape(bytes: &[u8], at: usize) -> Result<(), InvalidPath> {
    let digits = bytes.get(at + 1..at + 3).and_then(|pair| <[u8; 2]>::try_from(pair).ok());
    match digits {
        Some([a, b]) if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => {
            let pair = [a.to_ascii_lowercase(), b.to_ascii_lowercase()];
            if [*b"00", *b"2f", *b"5c"].contains(&pair) {
                Err(InvalidPath::Ambiguous(at))
            } else {
                Ok(())
            }
        }
        _ => Err(InvalidPath::Escape(at)),
    }
}

/// Whether a segment is `.` or `..`, with any of the dots escaped.
fn is_dots(segment: &str) -> bool {
    let mut rest = segment;
    let mut dots = 0;
    while let Some(next) = rest
        .strip_prefix('.')
        .or_else(|| rest.strip_prefix("%2e"))
        .or_else(|| rest.strip_prefix("%2E"))
    {
        rest = next;
        dots += 1;
    }
    rest.is_empty() && (1..=2).contains(&dots)
}

/// The directory of a path, with both of its slashes: `/a/b/` of `/a/b/c`.
pub(super) fn directory(path: &str) -> &str {
    path.rfind('/').and_then(|slash| path.get(..=slash)).unwrap_or("/")
}

/// The first `depth` directories of a path, with both slashes: `/a/` of `/a/b/c` for 1. `None` if
/// the path is not below that many.
pub(super) fn ancestor(path: &str, depth: usize) -> Option<&str> {
    let (slash, _) = path.match_indices('/').nth(depth)?;
    path.get(..=slash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_paths_are_refused() {
        use InvalidPath::{Ambiguous, Byte, Dots, Escape, NotAbsolute};
        #[rustfmt::skip]
        let table = [
            ("the root",                          "/",               Ok(())),
            ("letters that are escaped",          "/%E9%98%BF.jpg",  Ok(())),
            ("marks that need no escape",         "/a+b&c=d;e,f@g:h!$'()*~", Ok(())),
            ("an escaped percent sign",           "/%252f",          Ok(())),
            ("an empty segment is a name",        "/a//b",           Ok(())),
            ("three dots are a name",             "/.../a",          Ok(())),
            ("dots within a name",                "/a..b/.c",        Ok(())),
            ("not absolute",                      "a",               Err(NotAbsolute)),
            ("nothing",                           "",                Err(NotAbsolute)),
            ("a space",                           "/a b",            Err(Byte(2))),
            ("a control byte",                    "/a\tb",           Err(Byte(2))),
            ("DEL",                               "/a\x7f",          Err(Byte(2))),
            ("a letter that is not escaped",      "/é",              Err(Byte(1))),
            ("a backslash",                       "/a\\b",           Err(Byte(2))),
            ("an escaped backslash",              "/a%5Cb",          Err(Ambiguous(2))),
            ("an escaped slash",                  "/a/..%2f..%2fb",  Err(Ambiguous(5))),
            ("an escaped slash in upper case",    "/a%2Fb",          Err(Ambiguous(2))),
            ("an escaped NUL",                    "/a%00",           Err(Ambiguous(2))),
            ("half an escape",                    "/a%4",            Err(Escape(2))),
            ("no escape",                         "/a%zz",           Err(Escape(2))),
            ("a fragment",                        "/a#b",            Err(Byte(2))),
            ("one dot",                           "/a/./b",          Err(Dots)),
            ("two dots",                          "/a/../b",         Err(Dots)),
            ("two dots at the end",               "/a/..",           Err(Dots)),
            ("an escaped dot",                    "/a/%2e/b",        Err(Dots)),
            ("two dots, one escaped",             "/a/.%2E/b",       Err(Dots)),
            ("two escaped dots",                  "/%2e%2e/b",       Err(Dots)),
        ];
        for (name, path, want) in table {
            assert_eq!(check(path), want, "{name}");
        }
    }

    #[test]
    fn how_much_longer_an_escaped_text_is() {
        for text in ["", "/a/b.ts", "a b", "\u{4e2d} \"<>`\\\t\x7f", "%41", "é?x=1&y"] {
            assert_eq!(escape(text).len(), text.len() + escapes(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn directories() {
        assert_eq!(directory("/dir1/dir2/a.mp4"), "/dir1/dir2/");
        assert_eq!(directory("/root.mp4"), "/");
        assert_eq!(ancestor("/a/b/c", 0), Some("/"));
        assert_eq!(ancestor("/a/b/c", 2), Some("/a/b/"));
        assert_eq!(ancestor("/a/b/c", 3), None);
    }
}
