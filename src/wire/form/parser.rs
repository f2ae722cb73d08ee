//! The parts of a `multipart/form-data` body, whatever they mean.

use bytes::{Buf, Bytes, BytesMut};
use memchr::memmem;

use super::head::{Boundary, PartHead};
use super::{InvalidForm, MAX_HEAD_BYTES};

/// The most white space behind a boundary.
const MAX_PADDING: usize = 64;

/// Takes a body apart as it comes.
///
/// # Invariants
///
/// Of what came at most the head of a part, or the begin of a delimiter, is held back. Each byte is
/// looked at a bounded number of times, however small the pieces are.
#[derive(Debug)]
pub(super) struct Parser {
    delimiter: Box<[u8]>,
    /// What came and was not told of yet.
    pending: BytesMut,
    /// So many bytes of it begin nothing that is looked for.
    seen: usize,
    place: Place,
}

/// Where in the body `pending` begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Before the first delimiter.
    Begin,
    /// Behind a delimiter.
    Delimiter,
    /// In the head of a part.
    Head,
    /// In the content of a part.
    Content,
    /// Behind the last delimiter.
    End,
}

/// What is in a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// A part begins.
    Head(PartHead),
    /// Bytes of its content.
    Content(Bytes),
    /// It ends.
    PartEnd,
    /// There is no other.
    End,
}

impl Parser {
    pub(super) fn new(boundary: &Boundary) -> Self {
        // The first delimiter has no line break before it. With one put there it is as the others.
        let pending = BytesMut::from(&b"\r\n"[..]);
        Self { delimiter: boundary.delimiter(), pending, seen: 0, place: Place::Begin }
    }

    /// Takes the next bytes of the body.
    pub(super) fn feed(&mut self, bytes: Bytes) {
        if self.pending.is_empty() {
            self.pending = bytes.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&*shared));
        } else {
            self.pending.extend_from_slice(&bytes);
        }
    }

    /// The next piece, or `None` if it takes more bytes to know.
    pub(super) fn advance(&mut self) -> Result<Option<Piece>, InvalidForm> {
        loop {
            match self.place {
                Place::Begin => match self.begin()? {
                    None => return Ok(None),
                    Some(skipped) => self.skip(skipped, Place::Delimiter),
                },
                Place::Delimiter => match self.behind_delimiter()? {
                    None => return Ok(None),
                    Some((skipped, Place::End)) => {
                        self.skip(skipped, Place::End);
                        return Ok(Some(Piece::End));
                    }
                    Some((skipped, place)) => self.skip(skipped, place),
                },
                Place::Head => return self.head(),
                Place::Content => return Ok(self.content()),
                Place::End => return self.end(),
            }
        }
    }

    /// Whether the body ended where it may.
    pub(super) fn is_over(&self) -> bool {
        self.place == Place::End
    }

    fn skip(&mut self, count: usize, place: Place) {
        self.pending.advance(count);
        self.seen = 0;
        self.place = place;
    }

    fn find_delimiter(&self) -> Option<usize> {
        memmem::find(&self.pending, &self.delimiter)
    }

    /// How many bytes there are up to the end of the first delimiter. Before it there may be one
    /// line break, beside the one that was put there.
    fn begin(&self) -> Result<Option<usize>, InvalidForm> {
        let begin = self.pending.strip_prefix(b"\r\n\r\n").map_or(0, |_| 2);
        let text = self.pending.get(begin..).unwrap_or_default();
        if text.starts_with(&self.delimiter) {
            return Ok(Some(begin + self.delimiter.len()));
        }
        if self.delimiter.starts_with(text) || self.pending.as_ref() == b"\r\n\r" {
            return Ok(None);
        }
        Err(InvalidForm::Delimiter)
    }

    /// How many bytes behind a delimiter belong to it, and what follows.
    fn behind_delimiter(&self) -> Result<Option<(usize, Place)>, InvalidForm> {
        if self.pending.starts_with(b"--") {
            return Ok(Some((2, Place::End)));
        }
        let padding = self.pending.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
        let rest = self.pending.get(padding..).unwrap_or_default();
        if padding > MAX_PADDING {
            return Err(InvalidForm::Delimiter);
        }
        match rest {
            [b'\r', b'\n', ..] => Ok(Some((padding + 2, Place::Head))),
            [] | [b'\r'] => Ok(None),
            [b'-'] if padding == 0 => Ok(None),
            _ => Err(InvalidForm::Delimiter),
        }
    }

    fn head(&mut self) -> Result<Option<Piece>, InvalidForm> {
        const END: &[u8] = b"\r\n\r\n";
        // A head of no lines is its last line break alone.
        if self.pending.starts_with(b"\r\n") {
            return Err(InvalidForm::NoName);
        }
        let from = self.seen.saturating_sub(END.len() - 1);
        let found = memmem::find(self.pending.get(from..).unwrap_or_default(), END);
        let length = found.map(|at| from + at + END.len());
        if length.unwrap_or(self.pending.len()) > MAX_HEAD_BYTES {
            return Err(InvalidForm::HeadTooLong);
        }
        let Some(length) = length else {
            self.seen = self.pending.len();
            return Ok(None);
        };
        let head = PartHead::read(self.pending.get(..length).unwrap_or_default())?;
        self.skip(length, Place::Content);
        Ok(Some(Piece::Head(head)))
    }

    fn content(&mut self) -> Option<Piece> {
        match self.find_delimiter() {
            Some(0) => {
                self.skip(self.delimiter.len(), Place::Delimiter);
                Some(Piece::PartEnd)
            }
            Some(at) => Some(Piece::Content(self.pending.split_to(at).freeze())),
            None => {
                let told = self.pending.len() - self.begun_delimiter();
                (told > 0).then(|| Piece::Content(self.pending.split_to(told).freeze()))
            }
        }
    }

    /// How many bytes at the end of `pending` may be the begin of a delimiter. No other line break is
    /// in one, so it begins at the last.
    fn begun_delimiter(&self) -> usize {
        let from = self.pending.len().saturating_sub(self.delimiter.len() - 1);
        let tail = self.pending.get(from..).unwrap_or_default();
        let begin = memchr::memrchr(b'\r', tail).and_then(|at| tail.get(at..));
        begin.filter(|begin| self.delimiter.starts_with(begin)).map_or(0, <[u8]>::len)
    }

    fn end(&mut self) -> Result<Option<Piece>, InvalidForm> {
        if !self.pending.iter().all(u8::is_ascii_whitespace) {
            return Err(InvalidForm::Delimiter);
        }
        self.pending.clear();
        Ok(None)
    }
}
