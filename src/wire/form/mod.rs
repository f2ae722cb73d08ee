//! Forms of `PostObject`: `multipart/form-data`, read while it comes.
//!
//! [`FormReader`] is fed with bytes as they come and says what is in them: first the form as a
//! whole up to its file, then the bytes of the file, and at the very end that the form is over. It
//! never holds more than the fields and the head of a part, however the bytes are cut.
//!
//! # What is tolerated
//!
//! - A line break before the first boundary, which the vendor's samples send; white space behind the
//!   last.
//! - A field `submit` behind the file, in which browsers send the button; the vendor's samples have
//!   it. It is read and forgotten.
//!
//! # What is refused
//!
//! - Any other field behind the file, and a second file: what they say would come too late.
//! - A field given twice, a part without a name, text that is not UTF-8.
//! - What is not well-formed in any other way, and a form that ends early.
//! - Names, values and heads that are too long: [`MAX_VALUE_BYTES`], [`MAX_BYTES_BEFORE_FILE`]. OSS
//!   takes values of 2 MiB and 8 MiB before the file; each connection would have to be given as
//!   much memory.
//!
//! Sources: RFC 7578 and RFC 2046, section 5.1; OSS "PostObject" and the `EC` pages 0006-*; the
//! HTML Standard, "multipart/form-data", for how names are escaped.

mod head;
mod parser;
mod policy;
mod reader;
mod response;
#[cfg(test)]
mod tests;

use crate::domain::code::{
    Code, FORM_FIELD_BEHIND_FILE, FORM_INCOMPLETE, FORM_MALFORMED, FORM_NAME_TOO_LONG,
    FORM_TOO_LONG, FORM_VALUE_TOO_LONG, Reason,
};

pub use head::Boundary;
pub use policy::{InvalidPolicyField, read_post_policy};
pub use reader::{FormReader, Step};
pub use response::{PostResponse, write_post_response};

/// The most bytes of the head of a part: a name of up to 8 KiB, OSS's limit, and a file's name.
const MAX_HEAD_BYTES: usize = 12 * 1024;

/// The most bytes of a field's value.
pub const MAX_VALUE_BYTES: usize = 32 * 1024;

/// The most bytes of all heads and values before the file. A policy takes a few hundred, a security
/// token one or two thousand, user metadata 8 KiB.
pub const MAX_BYTES_BEFORE_FILE: usize = 96 * 1024;

/// Why a form is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidForm {
    /// `Content-Type` is not `multipart/form-data`.
    #[error("the content type is not multipart/form-data")]
    NotAForm,
    /// `Content-Type` has no boundary that could be one.
    #[error("the content type has no valid boundary")]
    Boundary,
    /// Something stands where a boundary should, or behind the last one.
    #[error("a boundary is missing or has something beside it")]
    Delimiter,
    /// The head of a part is too long.
    #[error("the head of a part has over {max} bytes", max = MAX_HEAD_BYTES)]
    HeadTooLong,
    /// The head of a part cannot be read.
    #[error("the head of a part is not one")]
    Head,
    /// A part has no name, or two.
    #[error("a part has no name")]
    NoName,
    /// A name or a value is not UTF-8.
    #[error("a name or a value is not UTF-8")]
    Encoding,
    /// A value is too long: the field's name.
    #[error("field {0:?} has over {max} bytes", max = MAX_VALUE_BYTES)]
    ValueTooLong(String),
    /// Too much before the file.
    #[error("there are over {max} bytes before the file", max = MAX_BYTES_BEFORE_FILE)]
    TooLong,
    /// A field is given twice.
    #[error("field {0:?} is given more than once")]
    Repeated(String),
    /// There is no file.
    #[error("the form has no field 'file'")]
    NoFile,
    /// There are two.
    #[error("the form has more than one field 'file'")]
    TwoFiles,
    /// A field stands behind the file: its name.
    #[error("field {0:?} stands behind the file")]
    BehindFile(String),
    /// The form ends early.
    #[error("the form ends before its last boundary")]
    Incomplete,
}

impl InvalidForm {
    /// The refusal as the client sees it.
    pub const fn reason(&self) -> Reason {
        match self {
            Self::NotAForm => Reason::of(Code::RequestIsNotMultiPartContent),
            Self::HeadTooLong => FORM_NAME_TOO_LONG,
            Self::ValueTooLong(_) => FORM_VALUE_TOO_LONG,
            Self::TooLong => FORM_TOO_LONG,
            Self::TwoFiles => Reason::of(Code::IncorrectNumberOfFilesInPOSTRequest),
            Self::BehindFile(_) => FORM_FIELD_BEHIND_FILE,
            Self::NoFile | Self::Incomplete => FORM_INCOMPLETE,
            Self::Repeated(_) => Reason::of(Code::InvalidArgument),
            Self::Boundary | Self::Delimiter | Self::Head | Self::NoName | Self::Encoding => {
                FORM_MALFORMED
            }
        }
    }
}
