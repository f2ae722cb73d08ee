//! Writing XML.

use std::fmt::{self, Display, Write};

use super::is_xml_char;
use crate::domain::scan::none_is;

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// About what an error or a short answer has.
const USUAL_BYTES: usize = 512;

/// The tags of an element whose name is part of the program. Made by `tag!`.
#[derive(Clone, Copy, Debug)]
pub struct Tag {
    pub(in crate::wire) open: &'static str,
    pub(in crate::wire) close: &'static str,
}

/// The [`Tag`] of a name.
macro_rules! tag {
    ($name:literal) => {
        $crate::wire::xml::Tag { open: concat!("<", $name, ">"), close: concat!("</", $name, ">") }
    };
}
pub(in crate::wire) use tag;

/// Writes a document, element by element, without a namespace and without white space: that is what
/// every SDK can read.
///
/// What it writes is well-formed, whatever it is given: text is escaped, and a character that XML
/// cannot carry becomes U+FFFD. Where such a character matters, ask
/// [`is_xml_safe`](super::is_xml_safe) first.
///
/// ```
/// use refgate::wire::xml::XmlWriter;
///
/// let xml = XmlWriter::document("RefererConfiguration", |x| {
///     x.text("AllowEmptyReferer", true);
///     x.element("RefererList", |x| x.text("Referer", "http://a.com/?b&c"));
///     x.empty("RefererBlacklist");
/// });
/// let want = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
///     <RefererConfiguration><AllowEmptyReferer>true</AllowEmptyReferer>\
///     <RefererList><Referer>http://a.com/?b&amp;c</Referer></RefererList>\
///     <RefererBlacklist/></RefererConfiguration>";
/// assert_eq!(String::from_utf8(xml).unwrap(), want);
/// ```
#[derive(Debug)]
pub struct XmlWriter {
    out: String,
}

impl XmlWriter {
    /// Writes a document of one root element. Names are part of the program, so they are taken to
    /// be names.
    pub fn document(root: &'static str, content: impl FnOnce(&mut Self)) -> Vec<u8> {
        let mut writer = Self { out: String::with_capacity(USUAL_BYTES) };
        writer.raw(&[DECLARATION]);
        writer.element(root, content);
        writer.out.into_bytes()
    }

    /// Writes a document whose root holds text.
    pub fn text_document(root: &'static str, text: impl Display) -> Vec<u8> {
        let mut writer = Self { out: DECLARATION.into() };
        writer.text(root, text);
        writer.out.into_bytes()
    }

    /// Writes an element with other elements in it. Without any it is `<Name/>`.
    pub fn element(&mut self, name: &'static str, content: impl FnOnce(&mut Self)) {
        let start = self.out.len();
        self.raw(&["<", name, ">"]);
        let inside = self.out.len();
        content(self);
        if self.out.len() == inside {
            self.out.truncate(start);
            self.empty(name);
        } else {
            self.raw(&["</", name, ">"]);
        }
    }

    /// Writes an element with text in it.
    pub fn text(&mut self, name: &'static str, text: impl Display) {
        self.raw(&["<", name, ">"]);
        // A `Display` that fails, against its contract, has written a part; the document stays
        // well-formed.
        write!(Escaped(&mut self.out), "{text}").unwrap_or_default();
        self.raw(&["</", name, ">"]);
    }

    /// The same for what is text already, which takes a tenth of the time.
    pub fn string(&mut self, name: &'static str, text: &str) {
        self.raw(&["<", name, ">"]);
        self.escaped(text);
        self.raw(&["</", name, ">"]);
    }

    /// The same for an element whose tags are there in full: they are copied as one piece each.
    #[inline]
    pub fn tagged(&mut self, tag: Tag, text: &str) {
        self.out.push_str(tag.open);
        self.escaped(text);
        self.out.push_str(tag.close);
    }

    /// The same for words of the program, which need no escape.
    #[inline]
    pub fn words(&mut self, tag: Tag, words: &[&'static str]) {
        debug_assert!(words.iter().all(|word| stands(word)), "{tag:?}: {words:?}");
        self.out.push_str(tag.open);
        self.raw(words);
        self.out.push_str(tag.close);
    }

    /// Writes an element with nothing in it.
    pub fn empty(&mut self, name: &'static str) {
        self.raw(&["<", name, "/>"]);
    }

    fn escaped(&mut self, text: &str) {
        Escaped(&mut self.out).write_str(text).unwrap_or_default();
    }

    fn raw(&mut self, parts: &[&str]) {
        self.out.extend(parts.iter().copied());
    }
}

/// Whether a text is ASCII that stands in XML as it is.
fn stands(text: &str) -> bool {
    none_is(text, |b| {
        // `<` and `>` differ in this bit.
        u8::from(b.wrapping_sub(b' ') > b'~' - b' ') | u8::from(b == b'&') | u8::from(b | 2 == b'>')
    })
}

/// Escapes what it is given on the way to a text.
struct Escaped<'o>(&'o mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // Nearly all text is this, and every refusal has some.
        if stands(text) {
            self.0.push_str(text);
            return Ok(());
        }
        for c in text.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                // As itself, a reader would take it for a line feed (XML 1.0, section 2.11).
                '\r' => self.0.push_str("&#13;"),
                c if is_xml_char(c) => self.0.push(c),
                _ => self.0.push(char::REPLACEMENT_CHARACTER),
            }
        }
        Ok(())
    }
}
