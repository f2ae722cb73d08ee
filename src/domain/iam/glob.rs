//! A pattern with `*` and `?` that fits a text from end to end.
//!
//! Segments between the `*`s are found as those of referer patterns are, each at its leftmost
//! place, in one pass; here the last one has to be the end of the text.

use std::fmt;

use crate::domain::referer::glob::{find, split, strip};

/// A pattern, ready to be asked.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Glob {
    /// Each run of wildcards that has a `*` is its `?`s and then one `*`, which means the same; so
    /// no segment but the first begins with a `?`.
    normal: Box<[u8]>,
}

impl Glob {
    /// A pattern that is compared with regard to case.
    pub(super) fn new(pattern: &str) -> Self {
        let (mut normal, mut star) = (Vec::with_capacity(pattern.len()), false);
        for byte in pattern.bytes() {
            match byte {
                b'*' => star = true,
                b'?' => normal.push(b'?'),
                literal => {
                    if star {
                        normal.push(b'*');
                        star = false;
                    }
                    normal.push(literal);
                }
            }
        }
        if star {
            normal.push(b'*');
        }
        Self { normal: normal.into() }
    }

    /// Whether the pattern fits the text.
    pub(super) fn fits(&self, text: &str) -> bool {
        let (anchored, mut floating) = split(&self.normal);
        let Some(mut rest) = strip(anchored, text.as_bytes()) else { return false };
        while let Some(segments) = floating {
            let (segment, others) = split(segments);
            if others.is_none() {
                return ends_with(segment, rest);
            }
            let Some(behind) = find(segment, rest) else { return false };
            rest = behind;
            floating = others;
        }
        rest.is_empty()
    }
}

/// Whether a text ends with a segment.
fn ends_with(segment: &[u8], text: &[u8]) -> bool {
    let Ok(segment_text) = std::str::from_utf8(segment) else { return false };
    let Ok(text) = std::str::from_utf8(text) else { return false };
    let length = segment_text.chars().count();
    let start = match length.checked_sub(1) {
        None => return true,
        Some(last) => text.char_indices().rev().nth(last).map(|(start, _)| start),
    };
    let tail = start.and_then(|start| text.get(start..));
    tail.is_some_and(|tail| strip(segment, tail.as_bytes()) == Some(b""))
}

impl fmt::Debug for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.normal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use wildmatch::WildMatch;

    #[test]
    fn a_pattern_fits_from_end_to_end() {
        #[rustfmt::skip]
        let table = [
            ("*",               "",                  true),
            ("*",               "a/b",               true),
            ("",                "",                  true),
            ("",                "a",                 false),
            ("photos",          "photos",            true),
            ("photos",          "photos/a",          false),
            ("photos/*",        "photos",            false),
            ("photos/*",        "photos/",           true),
            ("photos*",         "photos-2/a/b",      true),
            ("photos/*.jpg",    "photos/a/b.jpg",    true),
            ("photos/*.jpg",    "photos/b.jpg.exe",  false),
            ("*a*b*",           "xaxbx",             true),
            ("*a*b",            "xbxa",              false),
            ("ab*ba",           "aba",               false),
            ("a?c",             "aäc",               true),
            ("a?c",             "ac",                false),
            ("*?",              "",                  false),
            ("*?",              "中",                true),
            ("*?b",             "b",                 false),
            ("*??.jpg",         "ab.jpg",            true),
            ("*??.jpg",         "b.jpg",             false),
            ("Photos",          "photos",            false),
        ];
        for (pattern, text, want) in table {
            assert_eq!(Glob::new(pattern).fits(text), want, "{pattern} {text}");
        }
    }

    #[test]
    fn no_pattern_takes_long() {
        let text = "a".repeat(1100);
        let pattern = "*a?".repeat(1300) + "b";
        for _ in 0..100 {
            assert!(!Glob::new(&pattern).fits(&text));
        }
    }

    proptest! {
        #[test]
        fn agrees_with_wildmatch(pattern in "[abA*?/中]{0,9}", text in "[abA/中]{0,12}") {
            prop_assert_eq!(Glob::new(&pattern).fits(&text), WildMatch::new(&pattern).matches(&text));
        }
    }
}
