//! XML bodies: read within limits, written well-formed.
//!
//! A body is read into a small tree ([`Element::read`]), which the modules beside this one take
//! apart. Answers are written by [`XmlWriter`].
//!
//! # What is tolerated
//!
//! - Order, white space, comments, CDATA, a byte order mark, a missing declaration.
//! - Namespaces and attributes are ignored: SDKs put `xmlns` or nothing, and OSS gives neither a
//!   meaning.
//! - A `&` that begins neither one of the five predefined entities nor a character reference is
//!   itself. The SDKs for Java, C++ and Node.js do not escape text, and the Java SDK's own tests put
//!   a bare `&&` and read it back.
//!
//! # What is refused
//!
//! - A document type, and with it every way of defining entities; processing instructions.
//! - Bodies beyond the [`Limits`].
//! - All encodings but UTF-8 and its part ASCII, whether declared or found. Characters that XML 1.0
//!   does not know, as themselves or as references.
//! - What is not well-formed otherwise: a bare `<`, two roots, text beside the root, tags that do not
//!   pair.
//!
//! # Sources
//!
//! W3C "Extensible Markup Language (XML) 1.0". OSS describes its bodies by example only.

mod read;
mod write;

pub use read::{Element, Limits, XmlError};
pub(in crate::wire) use write::tag;
pub use write::{Tag, XmlWriter};

#[cfg(test)]
mod tests;

/// White space as XML knows it.
pub const BLANK: [char; 4] = [' ', '\t', '\r', '\n'];

/// Whether XML 1.0 can carry a text. It cannot carry most control characters, not even as
/// references.
pub fn is_xml_safe(text: &str) -> bool {
    text.chars().all(is_xml_char)
}

/// `Char` of XML 1.0, section 2.2. Rust's `char` leaves out the surrogates already.
const fn is_xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}
