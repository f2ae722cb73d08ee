//! A form: its fields, then its file.

use bytes::{Bytes, BytesMut};

use super::head::{Boundary, PartHead};
use super::parser::{Parser, Piece};
use super::{InvalidForm, MAX_BYTES_BEFORE_FILE, MAX_VALUE_BYTES};
use crate::domain::form::{Fields, FilePart, UploadForm};

/// Reads a form as it comes.
///
/// ```
/// use refgate::wire::form::{Boundary, FormReader, Step};
///
/// let boundary = Boundary::read("multipart/form-data; boundary=b").unwrap();
/// let mut reader = FormReader::new(&boundary);
/// reader.feed("--b\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\na.txt\r\n".into());
/// assert!(reader.advance().unwrap().is_none());
/// reader.feed("--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nhello\r\n--b--".into());
/// let Some(Step::Form(form)) = reader.advance().unwrap() else { panic!("the file begins") };
/// assert_eq!(form.fields.get("key"), Some("a.txt"));
/// assert_eq!(reader.advance().unwrap(), Some(Step::Bytes("hello".into())));
/// assert_eq!(reader.advance().unwrap(), Some(Step::End));
/// assert!(reader.finish().is_ok());
/// ```
#[derive(Debug)]
pub struct FormReader {
    parser: Parser,
    stage: Stage,
    /// The fields so far.
    fields: Fields,
    /// How many bytes they and their heads take.
    bytes: usize,
}

#[derive(Debug)]
enum Stage {
    /// Between fields, before the file.
    Fields,
    /// In the value of a field.
    Value(String, BytesMut),
    /// In the file.
    File,
    /// Behind the file.
    Behind,
    /// In the button by which the form was sent, of which so many bytes came.
    Button(usize),
    /// Behind the button.
    BehindButton,
    /// Behind the form.
    End,
}

/// What came of a form.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// The file begins: this is the form.
    Form(UploadForm),
    /// Bytes of the file.
    Bytes(Bytes),
    /// The form is over. Only now it is known to be one.
    End,
}

impl FormReader {
    /// A form of which nothing has come.
    pub fn new(boundary: &Boundary) -> Self {
        let parser = Parser::new(boundary);
        Self { parser, stage: Stage::Fields, fields: Fields::default(), bytes: 0 }
    }

    /// Takes the next bytes of the body. To be asked for what is in them before there are more.
    pub fn feed(&mut self, bytes: Bytes) {
        self.parser.feed(bytes);
    }

    /// The next step, or `None` if it takes more bytes.
    ///
    /// # Errors
    ///
    /// [`InvalidForm`]; nothing more is to be read then.
    pub fn advance(&mut self) -> Result<Option<Step>, InvalidForm> {
        while let Some(piece) = self.parser.advance()? {
            if let Some(step) = self.take(piece)? {
                return Ok(Some(step));
            }
        }
        Ok(None)
    }

    /// Checks that the body may end here.
    ///
    /// # Errors
    ///
    /// [`InvalidForm::Incomplete`].
    pub fn finish(&self) -> Result<(), InvalidForm> {
        if self.parser.is_over() { Ok(()) } else { Err(InvalidForm::Incomplete) }
    }

    fn take(&mut self, piece: Piece) -> Result<Option<Step>, InvalidForm> {
        match (&mut self.stage, piece) {
            (Stage::Fields, Piece::Head(head)) if is_file(&head) => {
                self.stage = Stage::File;
                let fields = std::mem::take(&mut self.fields);
                let file = FilePart { name: head.file_name, content_type: head.content_type };
                return Ok(Some(Step::Form(UploadForm { fields, file })));
            }
            (Stage::Fields, Piece::Head(head)) => {
                self.spend(head.name.len() + PER_FIELD)?;
                self.stage = Stage::Value(head.name, BytesMut::new());
            }
            (Stage::Fields, Piece::End) => return Err(InvalidForm::NoFile),
            (Stage::Value(name, value), Piece::Content(bytes)) => {
                if value.len() + bytes.len() > MAX_VALUE_BYTES {
                    return Err(InvalidForm::ValueTooLong(cut(name)));
                }
                value.extend_from_slice(&bytes);
                self.spend(bytes.len())?;
            }
            (Stage::Value(name, value), Piece::PartEnd) => {
                let text = std::str::from_utf8(value).map_err(|_| InvalidForm::Encoding)?;
                if !self.fields.insert(name, text.to_owned()) {
                    return Err(InvalidForm::Repeated(cut(name)));
                }
                self.stage = Stage::Fields;
            }
            (Stage::File, Piece::Content(bytes)) => return Ok(Some(Step::Bytes(bytes))),
            (Stage::File, Piece::PartEnd) => self.stage = Stage::Behind,
            (Stage::Behind, Piece::Head(head)) if head.name.eq_ignore_ascii_case("submit") => {
                self.stage = Stage::Button(0);
            }
            (Stage::Button(came), Piece::Content(bytes)) => {
                *came += bytes.len();
                if *came > MAX_VALUE_BYTES {
                    return Err(InvalidForm::ValueTooLong("submit".to_owned()));
                }
            }
            (Stage::Button(_), Piece::PartEnd) => self.stage = Stage::BehindButton,
            (Stage::Behind | Stage::BehindButton, Piece::Head(head)) => {
                return Err(too_late(&head));
            }
            (Stage::Behind | Stage::BehindButton, Piece::End) => {
                self.stage = Stage::End;
                return Ok(Some(Step::End));
            }
            // The parser tells of a part from its head to its end, and of nothing behind the end.
            (
                Stage::Fields
                | Stage::Value(..)
                | Stage::File
                | Stage::Behind
                | Stage::Button(_)
                | Stage::BehindButton
                | Stage::End,
                _,
            ) => return Err(InvalidForm::Delimiter),
        }
        Ok(None)
    }

    fn spend(&mut self, bytes: usize) -> Result<(), InvalidForm> {
        self.bytes += bytes;
        if self.bytes > MAX_BYTES_BEFORE_FILE { Err(InvalidForm::TooLong) } else { Ok(()) }
    }
}

/// What a field costs beside its name and value: the lines of its head, and memory.
const PER_FIELD: usize = 64;

fn is_file(head: &PartHead) -> bool {
    head.name.eq_ignore_ascii_case("file")
}

/// What is wrong with a part behind the file.
fn too_late(head: &PartHead) -> InvalidForm {
    if is_file(head) { InvalidForm::TwoFiles } else { InvalidForm::BehindFile(cut(&head.name)) }
}

/// As much of a name as an error can bear.
fn cut(name: &str) -> String {
    name.chars().take(64).collect()
}
