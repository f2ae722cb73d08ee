//! JSON with tokens of bounded length, so that reading it as it arrives takes bounded memory.

use std::io::{self, Read};

/// No text of ours is longer: a rule of 1024 bytes, each of them escaped, with white space around it.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// Passes JSON on up to a token, a text or a word, of over [`MAX_TOKEN_BYTES`]: whoever parses it
/// has to keep the token as a whole.
#[derive(Debug)]
pub(super) struct ShortTokens<R> {
    inner: R,
    /// The line that is read, from 1.
    line: usize,
    /// The bytes of the token that is read.
    length: usize,
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Outside,
    Text,
    /// Behind the backslash in a text.
    Escape,
}

impl<R> ShortTokens<R> {
    pub(super) const fn new(inner: R) -> Self {
        Self { inner, line: 1, length: 0, place: Place::Outside }
    }

    fn pass(&mut self, byte: u8) -> io::Result<()> {
        self.line += usize::from(byte == b'\n');
        self.length += 1;
        let between = matches!(
            byte,
            b' ' | b'\t' | b'\r' | b'\n' | b',' | b':' | b'[' | b']' | b'{' | b'}' | b'"'
        );
        if matches!((self.place, byte), (Place::Text, b'"'))
            || self.place == Place::Outside && between
        {
            self.length = 0;
        }
        self.place = match (self.place, byte) {
            (Place::Outside, b'"') | (Place::Escape, _) => Place::Text,
            (Place::Text, b'"') | (Place::Outside, _) => Place::Outside,
            (Place::Text, b'\\') => Place::Escape,
            (Place::Text, _) => Place::Text,
        };
        if self.length > MAX_TOKEN_BYTES {
            let line = self.line;
            return Err(io::Error::other(format!(
                "line {line} has a text of over {MAX_TOKEN_BYTES} bytes"
            )));
        }
        Ok(())
    }
}

impl<R: Read> Read for ShortTokens<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        for byte in buffer.iter().take(read) {
            self.pass(*byte)?;
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<String, String> {
        let mut read = String::new();
        let done = ShortTokens::new(json.as_bytes()).read_to_string(&mut read);
        done.map(|_| read).map_err(|err| err.to_string())
    }

    #[test]
    fn what_has_short_tokens_passes() {
        let text = "x".repeat(MAX_TOKEN_BYTES);
        let escaped = "\\\"".repeat(MAX_TOKEN_BYTES / 2);
        let many = format!("[\"{text}\",\n \"{escaped}\", {}true, 1]", " ".repeat(100_000));
        assert_eq!(read(&many), Ok(many.clone()));
        assert_eq!(read(""), Ok(String::new()));
    }

    #[test]
    fn an_endless_token_does_not() {
        let long = "x".repeat(MAX_TOKEN_BYTES + 1);
        let want = Err("line 2 has a text of over 16384 bytes".to_owned());
        for json in [
            format!("[\n\"{long}\"]"),
            format!("[\n\"\\\\{long}\"]"),
            format!("{{\n\"{long}\": 1}}"),
            format!("[\n1{}]", "0".repeat(MAX_TOKEN_BYTES)),
            format!("\n\"{}", "\\\"".repeat(MAX_TOKEN_BYTES)),
        ] {
            assert_eq!(read(&json), want, "{json:.20}");
        }
    }
}
