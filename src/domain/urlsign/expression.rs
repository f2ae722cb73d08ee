//! The expression of nginx's `secure_link_md5`.

use std::borrow::Cow;

use super::field::Field;
use super::formula::Part;

/// The expression of nginx's manual, with `$secret` where it has the secret itself.
pub(super) const MANUAL: &str = "$secure_link_expires$uri$remote_addr $secret";

/// The longest expression.
const MAX_BYTES: usize = 256;

#[rustfmt::skip]
const VARIABLES: &[(&str, Part)] = &[
    ("secure_link_expires", Part::Field(Field::Stamp)),
    ("arg_expires",         Part::Field(Field::Stamp)),
    ("uri",                 Part::DecodedPath),
    ("remote_addr",         Part::Client),
    ("secret",              Part::Key),
];

/// Why an expression cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidExpression {
    /// It is too long, or has bytes that cannot be seen.
    #[error("an expression has at most {MAX_BYTES} visible characters of ASCII and spaces")]
    Text,
    /// It names a variable that is not known here.
    #[error(
        "an expression can have $secure_link_expires, $uri, $remote_addr and $secret, and not ${0}"
    )]
    Variable(String),
    /// It does not sign the time.
    #[error("an expression without $secure_link_expires would sign links that never end")]
    NoTime,
    /// It does not sign the path.
    #[error("an expression without $uri would sign every path at once")]
    NoPath,
    /// It has no place for the key.
    #[error("an expression needs $secret where the secret stands")]
    NoSecret,
    /// A digit, or a variable, stands where the time would run into it.
    #[error("$secure_link_expires runs into what stands beside it: put a mark between them")]
    Slides,
}

/// Reads an expression.
///
/// The time has no fixed width here, so what follows it must not be a digit: else one digest would
/// be good for two times. A path and an address that run into each other are taken, because nginx's
/// own expression has them; the settings [say so](super::Weakness).
pub(super) fn read(text: &str) -> Result<Vec<Part>, InvalidExpression> {
    if text.len() > MAX_BYTES || !text.bytes().all(|b| b.is_ascii_graphic() || b == b' ') {
        return Err(InvalidExpression::Text);
    }
    let mut pieces = text.split('$');
    let mut parts = vec![literal(pieces.next().unwrap_or_default())];
    for piece in pieces {
        let (variable, rest) = split_name(piece);
        let found = VARIABLES.iter().find(|(name, _)| *name == variable);
        let (_, part) = found.ok_or_else(|| InvalidExpression::Variable(variable.to_owned()))?;
        parts.extend([part.clone(), literal(rest)]);
    }
    parts.retain(|part| *part != Part::Text(Cow::Borrowed("")));
    let has = |wanted: &Part| parts.contains(wanted);
    if !has(&Part::Field(Field::Stamp)) {
        return Err(InvalidExpression::NoTime);
    }
    if !has(&Part::DecodedPath) {
        return Err(InvalidExpression::NoPath);
    }
    if !has(&Part::Key) {
        return Err(InvalidExpression::NoSecret);
    }
    let slides = |pair: &[Part]| {
        matches!(pair, [Part::Field(_), next] if !is_mark(next))
            || matches!(pair, [before, Part::Field(_)] if !is_mark_before(before))
    };
    if parts.windows(2).any(slides) { Err(InvalidExpression::Slides) } else { Ok(parts) }
}

/// Whether the end of the path could be the beginning of the address behind it. nginx's own
/// expression is so.
///
/// One character between them that no address has is enough, also if paths have it: the address is
/// what stands behind the last of them.
pub(super) fn runs_into_address(parts: &[Part]) -> bool {
    let of_address = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b'.' | b':');
    let mut after_path = false;
    parts.iter().any(|part| {
        let found = after_path && *part == Part::Client;
        let no_mark = matches!(part, Part::Text(text) if text.bytes().all(of_address));
        after_path = *part == Part::DecodedPath || (after_path && no_mark);
        found
    })
}

/// `name…` and `{name}…`
fn split_name(piece: &str) -> (&str, &str) {
    if let Some((name, rest)) = piece.strip_prefix('{').and_then(|it| it.split_once('}')) {
        return (name, rest);
    }
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    piece.split_at(piece.find(|c| !is_name(c)).unwrap_or(piece.len()))
}

fn literal(text: &str) -> Part {
    Part::Text(Cow::Owned(text.to_owned()))
}

/// Whether a part cannot begin with a digit. A path begins with `/`.
fn is_mark(part: &Part) -> bool {
    match part {
        Part::DecodedPath => true,
        Part::Text(text) => !text.starts_with(|c: char| c.is_ascii_digit()),
        Part::Key
        | Part::Path
        | Part::Directory
        | Part::ScopedPath
        | Part::ScopedQuery
        | Part::Client
        | Part::Network
        | Part::Field(_) => false,
    }
}

/// Whether a part cannot end with a digit.
fn is_mark_before(part: &Part) -> bool {
    matches!(part, Part::Text(text) if !text.ends_with(|c: char| c.is_ascii_digit()))
}
