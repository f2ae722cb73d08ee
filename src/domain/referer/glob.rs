//! Whether one rule fits a subject, in a time that no rule can stretch.
//!
//! A rule is put into a normal form first: ASCII lower case, no `*` at its end (a rule fits the
//! beginning of a subject, so a `*` there adds nothing), and each run of wildcards that has a `*`
//! as its `?`s and then one `*`, which means the same: at least so many characters. Between the
//! `*`s lie *segments*. The first is anchored to the beginning of the subject; each of the others
//! begins with a character that is no wildcard and may lie anywhere behind its predecessor.
//!
//! Since nothing is anchored to the end, the leftmost place of each segment is as good as any: a
//! place further right leaves less for the rest. So nothing is ever tried twice, and a rule takes
//! one pass over the subject.
//!
//! | segment | time on a subject of *n* bytes |
//! | --- | --- |
//! | without `?` | O(*n*), by a substring search |
//! | of *m* characters, with `?` | a few tries, then O(*n* × ⌈*m* / 64⌉) by a bit-parallel search |

use memchr::{memchr, memmem};

/// So many places where the head of a segment occurs but not the rest are tried one by one. A
/// segment that is still not found then goes to the bit-parallel search, which costs more to set
/// up and cannot be drawn out.
const TRIES: usize = 16;

/// Appends the normal form of a rule.
pub(super) fn normalise(pattern: &str, out: &mut Vec<u8>) {
    let mut star = false;
    for byte in pattern.bytes() {
        match byte {
            b'*' => star = true,
            b'?' => out.push(b'?'),
            literal => {
                if star {
                    out.push(b'*');
                    star = false;
                }
                out.push(literal.to_ascii_lowercase());
            }
        }
    }
}

/// Whether a rule in its normal form fits the beginning of a subject. Both are UTF-8, the subject
/// in ASCII lower case.
pub(super) fn fits(rule: &[u8], subject: &[u8]) -> bool {
    let (anchored, mut floating) = split(rule);
    let Some(mut rest) = strip(anchored, subject) else { return false };
    while let Some(segments) = floating {
        let (segment, others) = split(segments);
        match find(segment, rest) {
            Some(behind) => rest = behind,
            None => return false,
        }
        floating = others;
    }
    true
}

/// The first segment, and what follows its `*`.
pub(in crate::domain) fn split(rule: &[u8]) -> (&[u8], Option<&[u8]>) {
    let star = memchr(b'*', rule).and_then(|star| rule.split_at_checked(star));
    match star {
        Some((segment, rest)) => (segment, rest.get(1..)),
        None => (rule, None),
    }
}

/// What follows a segment that a text begins with.
pub(in crate::domain) fn strip<'t>(segment: &[u8], text: &'t [u8]) -> Option<&'t [u8]> {
    if memchr(b'?', segment).is_none() {
        return text.strip_prefix(segment);
    }
    let mut literals = segment.split(|&byte| byte == b'?');
    let mut rest = text.strip_prefix(literals.next()?)?;
    for literal in literals {
        rest = rest.get(char_len(*rest.first()?)..)?.strip_prefix(literal)?;
    }
    Some(rest)
}

/// The length of the character that begins with a byte.
fn char_len(first: u8) -> usize {
    match first {
        0..0xc0 => 1,
        0xc0..0xe0 => 2,
        0xe0..0xf0 => 3,
        0xf0.. => 4,
    }
}

/// What follows the leftmost occurrence of a segment that begins with a literal.
pub(in crate::domain) fn find<'t>(segment: &[u8], text: &'t [u8]) -> Option<&'t [u8]> {
    let Some(wildcard) = memchr(b'?', segment) else {
        return text.get(memmem::find(text, segment)? + segment.len()..);
    };
    let (head, tail) = segment.split_at_checked(wildcard)?;
    let mut rest = text;
    for _ in 0..TRIES {
        rest = rest.get(memmem::find(rest, head)?..)?;
        if let Some(behind) = rest.get(head.len()..).and_then(|behind| strip(tail, behind)) {
            return Some(behind);
        }
        rest = rest.get(1..)?;
    }
    // The last try ended one byte behind the first byte of a character; go to the next character.
    let skipped = rest.iter().take_while(|&&byte| byte & 0xc0 == 0x80).count();
    find_in_parallel(segment, rest.get(skipped..)?)
}

/// [`find`] by the shift-and method: bit *i* of a state says that the characters up to here end
/// with the first *i* + 1 of the segment, and one step moves all bits.
fn find_in_parallel<'t>(segment: &[u8], text: &'t [u8]) -> Option<&'t [u8]> {
    let wanted: Vec<char> = std::str::from_utf8(segment).ok()?.chars().collect();
    let text_str = std::str::from_utf8(text).ok()?;
    let masks = Masks::of(&wanted);
    let last = 1 << (wanted.len().checked_sub(1)? % 64);
    let mut state = vec![0_u64; wanted.len().div_ceil(64)];
    for (at, c) in text_str.char_indices() {
        let mut carry = 1;
        for (word, mask) in state.iter_mut().zip(masks.get(c)) {
            let moved = (*word << 1) | carry;
            carry = *word >> 63;
            *word = moved & mask;
        }
        if state.last().is_some_and(|word| word & last != 0) {
            return text.get(at + c.len_utf8()..);
        }
    }
    None
}

/// Where in a segment a character may stand: a row of bits for each character of the segment.
struct Masks {
    /// The characters of the segment, in order.
    chars: Vec<char>,
    /// Their rows, and then the row of any other character.
    rows: Vec<u64>,
    words: usize,
}

impl Masks {
    fn of(segment: &[char]) -> Self {
        let mut chars = segment.to_vec();
        chars.sort_unstable();
        chars.dedup();
        let fits = |row: Option<&char>, c: char| c == '?' || row == Some(&c);
        let rows = (0..=chars.len())
            .flat_map(|row| {
                let row = chars.get(row);
                segment.chunks(64).map(move |chunk| {
                    chunk.iter().rev().fold(0, |bits, &c| bits << 1 | u64::from(fits(row, c)))
                })
            })
            .collect();
        Self { chars, rows, words: segment.len().div_ceil(64) }
    }

    fn get(&self, c: char) -> &[u64] {
        let row = self.chars.binary_search(&c).unwrap_or(self.chars.len());
        self.rows.get(row * self.words..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Pattern, plain::Plain};
    use super::*;
    use proptest::prelude::*;

    fn normal(pattern: &str) -> String {
        let mut out = Vec::new();
        normalise(pattern, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn normal_forms() {
        #[rustfmt::skip]
        let table = [
            ("a star at the end adds nothing", "http://A.com/**", "http://a.com/"),
            ("stars alone are nothing", "***", ""),
            ("a question mark at the end stays", "a?*", "a?"),
            ("stars in a row are one", "a**b", "a*b"),
            ("question marks come before the star", "a*?*?b", "a??*b"),
            ("also at the beginning", "*?a", "?*a"),
            ("only ASCII letters have a case", "*Ä", "*Ä"),
        ];
        for (name, pattern, want) in table {
            assert_eq!(normal(pattern), want, "{name}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn agrees_with_the_specification(
            pattern in "[ab*?/中]{1,14}",
            text in "[ab/中]{0,40}",
        ) {
            let plain = Plain::new([Pattern::read(&pattern).unwrap()].iter());
            let rule = normal(&pattern);
            prop_assert_eq!(
                fits(rule.as_bytes(), text.as_bytes()), plain.first(&text).is_some(), "{}", rule
            );
        }

        /// Segments of over 64 characters need more than one word of bits.
        #[test]
        fn both_searches_find_the_same(
            (segment, text) in ("[ab]{1,3}", "[ab?]{0,90}", "[abé]{0,300}", 0..300_usize)
                .prop_map(|(head, tail, text, cut)| {
                    let cut = text.char_indices().nth(cut).map_or(0, |(at, _)| at);
                    let planted = tail.replace('?', "é");
                    (format!("{head}{tail}"), [&text[..cut], &head, &planted, &text[cut..]].concat())
                }),
        ) {
            let (segment, text) = (segment.as_bytes(), text.as_bytes());
            let one_by_one = (0..text.len())
                .filter(|&at| text[at] & 0xc0 != 0x80)
                .find_map(|at| strip(segment, &text[at..]));
            prop_assert_eq!(find_in_parallel(segment, text), one_by_one);
            prop_assert_eq!(find(segment, text), one_by_one);
        }
    }
}
