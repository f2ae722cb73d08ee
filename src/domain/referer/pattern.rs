//! One entry of a list.

use std::fmt;

/// A pattern of referers, as the bucket's owner wrote it, without white space around it. Never
/// empty. It cannot be matched against: compile the policy into a [`Matcher`](super::Matcher).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Box<str>);

/// White space as XML knows it. A no-break or ideographic space is text: OSS gives such entries
/// back as they were put.
const BLANK: [char; 4] = [' ', '\t', '\r', '\n'];

impl Pattern {
    /// Takes an entry of a list. OSS trims entries, drops empty ones and checks nothing more:
    /// `mibrowser:home` is a pattern. `None` is an entry to drop; above all, the empty `<Referer/>`
    /// that some SDKs send must not become a pattern that every referer begins with.
    pub fn read(entry: &str) -> Option<Self> {
        let entry = entry.trim_matches(BLANK);
        (!entry.is_empty()).then(|| Self(entry.into()))
    }

    /// The pattern as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The pattern on one line: what a terminal or a log could take for an instruction is escaped.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '\'' | '"' | '\\' => write!(f, "{c}"),
            c => write!(f, "{}", c.escape_debug()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_trimmed_and_empty_ones_dropped() {
        let read = |entry| Pattern::read(entry).map(|pattern| pattern.as_str().to_owned());
        assert_eq!(read(""), None);
        assert_eq!(read(" \t\r\n"), None);
        assert_eq!(read("\n http://a.com \n").as_deref(), Some("http://a.com"));
        assert_eq!(read("mibrowser:home").as_deref(), Some("mibrowser:home"));
        assert_eq!(read("\u{3000}").as_deref(), Some("\u{3000}"), "an ideographic space is text");
    }

    #[test]
    fn a_pattern_prints_on_one_line() {
        let pattern = Pattern::read("http://a.com/\n\u{1b}[0m'\u{202e}中").unwrap();
        assert_eq!(pattern.to_string(), "http://a.com/\\n\\u{1b}[0m'\\u{202e}中");
    }
}
