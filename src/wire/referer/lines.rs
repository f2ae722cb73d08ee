//! A list as lines of text, read piece by piece as it arrives: one rule a line.
//!
//! A line ends with LF or CR LF, the last one with the text. Blank lines are nothing; there are no
//! comments. A byte order mark at the beginning is skipped.

use crate::domain::referer::{InvalidRule, MAX_RULE_BYTES, MAX_RULES, Pattern, read_rule};

/// Space for white space around a rule, beyond which its line is not even kept.
const MAX_LINE_BYTES: usize = MAX_RULE_BYTES + 256;

/// The beginning of a list: what has arrived of it.
#[derive(Debug)]
pub struct Lines {
    rules: Vec<Pattern>,
    bytes: usize,
    max_bytes: usize,
    /// The line that has not ended yet; no more of it than shows that it is too long.
    line: Vec<u8>,
    /// The number of that line, from 1.
    number: usize,
}

/// Why a list is not accepted: a line of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {number}: {reason}")]
pub struct BadLine {
    /// The line, from 1.
    pub number: usize,
    /// What is wrong with it.
    pub reason: BadText,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadText {
    /// It is no rule.
    #[error(transparent)]
    Rule(#[from] InvalidRule),
    /// It is over [`MAX_RULE_BYTES`] by more than is worth counting.
    #[error("the rule has over {MAX_RULE_BYTES} bytes")]
    Endless,
    /// It is not UTF-8.
    #[error("the rule is not UTF-8")]
    Encoding,
    /// With it the rules have too many bytes.
    #[error("the list has over {0} bytes")]
    TooManyBytes(usize),
    /// With it they are too many.
    #[error("the list has over {MAX_RULES} rules")]
    TooManyRules,
}

impl Lines {
    /// A list of which nothing has arrived, and whose rules may have so many bytes.
    pub const fn new(max_bytes: usize) -> Self {
        Self { rules: Vec::new(), bytes: 0, max_bytes, line: Vec::new(), number: 1 }
    }

    /// Takes the next piece.
    ///
    /// # Errors
    ///
    /// [`BadLine`], the first.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), BadLine> {
        let mut pieces = piece.split(|byte| *byte == b'\n');
        // The first goes on with the line that is open; each of the others begins a line.
        self.extend(pieces.next().unwrap_or_default());
        for begun in pieces {
            self.end_line()?;
            self.extend(begun);
        }
        Ok(())
    }

    /// Takes the end, and with it the last line.
    ///
    /// # Errors
    ///
    /// [`BadLine`].
    pub fn finish(mut self) -> Result<Vec<Pattern>, BadLine> {
        self.end_line()?;
        Ok(self.rules)
    }

    fn extend(&mut self, text: &[u8]) {
        let room = (MAX_LINE_BYTES + 1).saturating_sub(self.line.len());
        self.line.extend_from_slice(text.get(..room).unwrap_or(text));
    }

    fn end_line(&mut self) -> Result<(), BadLine> {
        let rule = read_line(&self.line, self.number == 1);
        if let Some(rule) = rule.map_err(|reason| BadLine { number: self.number, reason })? {
            self.bytes += rule.as_str().len();
            self.rules.push(rule);
            let reason = match (self.bytes > self.max_bytes, self.rules.len() > MAX_RULES) {
                (true, _) => Some(BadText::TooManyBytes(self.max_bytes)),
                (_, true) => Some(BadText::TooManyRules),
                (false, false) => None,
            };
            if let Some(reason) = reason {
                return Err(BadLine { number: self.number, reason });
            }
        }
        self.line.clear();
        self.number += 1;
        Ok(())
    }
}

fn read_line(line: &[u8], is_first: bool) -> Result<Option<Pattern>, BadText> {
    if line.len() > MAX_LINE_BYTES {
        return Err(BadText::Endless);
    }
    let text = str::from_utf8(line).map_err(|_| BadText::Encoding)?;
    let text = if is_first { text.trim_start_matches('\u{feff}') } else { text };
    Ok(read_rule(text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&[u8]]) -> Result<Vec<String>, String> {
        let mut lines = Lines::new(2048);
        let pushed = pieces.iter().try_for_each(|piece| lines.push(piece));
        let rules = pushed.and_then(|()| lines.finish()).map_err(|err| err.to_string())?;
        Ok(rules.iter().map(|rule| rule.as_str().to_owned()).collect())
    }

    #[test]
    fn one_rule_a_line() {
        let text = "\u{feff}http://a\r\n\n  \t\n中文 \n# no comment\nlast".as_bytes();
        let want = ["http://a", "中文", "# no comment", "last"];
        assert_eq!(read(&[text]).unwrap(), want);
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(read(&bytes).unwrap(), want, "in pieces of one byte");
        assert_eq!(read(&[]).unwrap(), [""; 0]);
        assert_eq!(read(&[b"\n\n"]).unwrap(), [""; 0]);
    }

    #[test]
    fn a_bad_line_is_numbered() {
        let long = [b"\n".as_slice(), &[b'x'; 1025]].concat();
        let endless = [b'x'; 4000];
        let much = [[b'x'; 1024].as_slice(), b"\n", &[b'y'; 1024], b"\nz"].concat();
        #[rustfmt::skip]
        let table: &[(&[u8], &str)] = &[
            (b"a\n\nb\tc\nd", "line 3: the rule has the control character '\\t'"),
            (b"a\n\x00",      "line 2: the rule has the control character '\\0'"),
            (b"a\rb",         "line 1: the rule has the control character '\\r'"),
            (b"a\n\xff",      "line 2: the rule is not UTF-8"),
            (&long,           "line 2: the rule has 1025 bytes, it may have 1024"),
            (&endless,        "line 1: the rule has over 1024 bytes"),
            (&much,           "line 3: the list has over 2048 bytes"),
        ];
        for (text, want) in table {
            assert_eq!(read(&[text]).unwrap_err(), *want);
        }
    }
}
