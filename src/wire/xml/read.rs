//! Reading XML within limits.

use quick_xml::Reader;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesDecl, BytesRef, BytesStart, Event};

use super::{BLANK, is_xml_char, is_xml_safe};

/// An element, with what OSS's bodies make use of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    name: Box<str>,
    text: String,
    children: Vec<Self>,
    line: usize,
}

/// How much of a body is read before it is refused. The caller knows what its body may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the body.
    pub bytes: usize,
    /// Elements within each other, the root included.
    pub depth: usize,
    /// Elements altogether.
    pub elements: usize,
}

/// Why a body is not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// Over [`Limits::bytes`].
    #[error("the body has {0} bytes, which is over the limit")]
    TooLarge(usize),
    /// Over [`Limits::elements`].
    #[error("the body has over {0} elements")]
    TooManyElements(usize),
    /// Over [`Limits::depth`].
    #[error("elements are nested over {0} deep")]
    TooDeep(usize),
    /// The bytes are not UTF-8, or the declaration says that they are not.
    #[error("the body is not UTF-8")]
    Encoding,
    /// A character that XML 1.0 does not know.
    #[error("the body has a character that XML cannot carry")]
    Character,
    /// `<!DOCTYPE ...>`.
    #[error("document types are not allowed")]
    Doctype,
    /// `<?...?>`, or a declaration that is not the first thing.
    #[error("processing instructions are not allowed")]
    ProcessingInstruction,
    /// The body has no element. Above all, it is empty.
    #[error("the body has no element")]
    NoRoot,
    /// Text or an element beside the root.
    #[error("there is text or an element beside the root element")]
    BesideRoot,
    /// The body ends within an element.
    #[error("the body ends within an element")]
    Unclosed,
    /// Not well-formed in another way.
    #[error("the XML is not well-formed: {0}")]
    Malformed(String),
}

impl Limits {
    /// Limits for a body of at most that many bytes and elements whose schema is a few levels deep,
    /// as all of OSS's are.
    pub const fn new(bytes: usize, elements: usize) -> Self {
        Self { bytes, depth: 16, elements }
    }
}

impl Element {
    /// Reads a body and returns its root. See the [module](super) for what is tolerated.
    ///
    /// Takes time and memory in proportion to the body, whatever it is.
    ///
    /// # Errors
    ///
    /// [`XmlError`].
    pub fn read(body: &[u8], limits: Limits) -> Result<Self, XmlError> {
        if body.len() > limits.bytes {
            return Err(XmlError::TooLarge(body.len()));
        }
        let text = str::from_utf8(body).map_err(|_| XmlError::Encoding)?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if !is_xml_safe(text) {
            return Err(XmlError::Character);
        }
        let mut reader = Reader::from_str(text);
        reader.config_mut().allow_dangling_amp = true;
        let mut tree = Tree::new(limits);
        let mut read = 0;
        loop {
            let event = reader.read_event().map_err(|err| malformed(&err))?;
            let until = usize::try_from(reader.buffer_position()).unwrap_or(text.len());
            let piece = text.as_bytes().get(read..until).unwrap_or_default();
            tree.line += memchr::memchr_iter(b'\n', piece).count();
            read = until;
            match event {
                Event::Start(tag) => tree.open(&tag)?,
                Event::End(_) => tree.close()?,
                Event::Empty(tag) => {
                    tree.open(&tag)?;
                    tree.close()?;
                }
                Event::Text(text) => tree.text(&text.xml10_content())?,
                Event::CData(text) => tree.text_of_root(&text.xml10_content())?,
                Event::GeneralRef(reference) => tree.text_of_root(&resolve(&reference)?)?,
                Event::Comment(_) => tree.begun = true,
                Event::Decl(declaration) => tree.declare(&declaration)?,
                Event::PI(_) => return Err(XmlError::ProcessingInstruction),
                Event::DocType(_) => return Err(XmlError::Doctype),
                Event::Eof => return tree.finish(),
            }
        }
    }

    /// The name, without the namespace prefix.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text directly within the element, in one piece, without white space around it.
    pub fn text(&self) -> &str {
        self.text.trim_matches(BLANK)
    }

    /// The same text with the white space around it, for names of which white space is a part.
    pub fn raw_text(&self) -> &str {
        &self.text
    }

    /// The elements directly within the element, in their order.
    pub fn children(&self) -> &[Self] {
        &self.children
    }

    /// The line on which the element's first tag ends, from 1.
    pub const fn line(&self) -> usize {
        self.line
    }

    /// The children of a name.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &Self> {
        self.children.iter().filter(move |child| child.name() == name)
    }
}

/// The part of a body that has been read.
#[derive(Debug)]
struct Tree {
    limits: Limits,
    /// The elements that are still open, from the root inwards.
    open: Vec<Element>,
    root: Option<Element>,
    elements: usize,
    /// The line that has been read last.
    line: usize,
    /// Whether anything but white space has come, after which a declaration is too late.
    begun: bool,
}

impl Tree {
    const fn new(limits: Limits) -> Self {
        Self { limits, open: Vec::new(), root: None, elements: 0, line: 1, begun: false }
    }

    fn open(&mut self, tag: &BytesStart<'_>) -> Result<(), XmlError> {
        self.begun = true;
        self.elements += 1;
        if self.root.is_some() {
            return Err(XmlError::BesideRoot);
        }
        if self.elements > self.limits.elements {
            return Err(XmlError::TooManyElements(self.limits.elements));
        }
        if self.open.len() >= self.limits.depth {
            return Err(XmlError::TooDeep(self.limits.depth));
        }
        check_tag(tag)?;
        let name = tag.local_name().as_ref().into();
        let (text, children, line) = (String::new(), Vec::new(), self.line);
        self.open.push(Element { name, text, children, line });
        Ok(())
    }

    /// Closes the innermost element. The reader has checked that the names agree.
    fn close(&mut self) -> Result<(), XmlError> {
        let closed = self.open.pop().ok_or(XmlError::BesideRoot)?;
        match self.open.last_mut() {
            Some(parent) => parent.children.push(closed),
            None => self.root = Some(closed),
        }
        Ok(())
    }

    /// Adds text. Beside the root there may be white space.
    fn text(&mut self, text: &str) -> Result<(), XmlError> {
        if self.open.is_empty() && text.chars().all(|c| BLANK.contains(&c)) {
            return Ok(());
        }
        self.text_of_root(text)
    }

    /// Adds text that has no place beside the root, not even when it is blank.
    fn text_of_root(&mut self, text: &str) -> Result<(), XmlError> {
        let element = self.open.last_mut().ok_or(XmlError::BesideRoot)?;
        element.text.push_str(text);
        Ok(())
    }

    fn declare(&mut self, declaration: &BytesDecl<'_>) -> Result<(), XmlError> {
        if self.begun {
            return Err(XmlError::ProcessingInstruction);
        }
        self.begun = true;
        let encoding = declaration.encoding().transpose().map_err(|err| malformed(&err))?;
        let known = encoding.is_none_or(|encoding| {
            ["utf-8", "utf8", "us-ascii", "ascii"]
                .iter()
                .any(|it| encoding.eq_ignore_ascii_case(it))
        });
        if known { Ok(()) } else { Err(XmlError::Encoding) }
    }

    fn finish(self) -> Result<Element, XmlError> {
        if !self.open.is_empty() {
            return Err(XmlError::Unclosed);
        }
        self.root.ok_or(XmlError::NoRoot)
    }
}

/// Tells what the reader found. It quotes the body, so the text is cut to what a log line can bear.
fn malformed(err: &impl ToString) -> XmlError {
    XmlError::Malformed(err.to_string().chars().take(200).collect())
}

/// Checks what the reader takes on trust: that a tag's name is a name and its attributes are
/// attributes. A bare `<` in text opens a "tag" that fails here. Attributes are not checked for
/// being given twice: nothing reads them, and the check would take quadratic time.
fn check_tag(tag: &BytesStart<'_>) -> Result<(), XmlError> {
    let name = tag.name();
    if !is_name(name.as_ref()) || tag.attributes_raw().contains('<') {
        return Err(XmlError::Malformed("a '<' does not begin a tag".into()));
    }
    let broken = tag.attributes().with_checks(false).find_map(Result::err);
    broken.map_or(Ok(()), |err| Err(malformed(&err)))
}

/// `Name` of XML 1.0, section 2.3, but for rare characters outside ASCII that it leaves out.
fn is_name(name: &str) -> bool {
    let initial = |c: char| c.is_ascii_alphabetic() || matches!(c, '_' | ':') || !c.is_ascii();
    let further = |c: char| initial(c) || c.is_ascii_digit() || matches!(c, '-' | '.');
    name.starts_with(initial) && name.chars().all(further)
}

/// The text of what stands between a `&` and the next `;`. If it is no reference, the `&` was a
/// character, and so is all that follows it.
fn resolve(reference: &BytesRef<'_>) -> Result<String, XmlError> {
    let name = reference.xml10_content();
    if let Some(text) = resolve_xml_entity(&name) {
        return Ok(text.into());
    }
    let Some((digits, radix)) = char_reference(&name) else {
        return Ok(format!("&{name};"));
    };
    let known = u32::from_str_radix(digits, radix).ok().and_then(char::from_u32);
    let known = known.filter(|&c| is_xml_char(c));
    known.map(String::from).ok_or(XmlError::Character)
}

/// The digits of `#42` or `#x2a`, and their radix.
fn char_reference(name: &str) -> Option<(&str, u32)> {
    let number = name.strip_prefix('#')?;
    let (digits, radix) = number.strip_prefix('x').map_or((number, 10), |hex| (hex, 16));
    let well_formed = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
    well_formed.then_some((digits, radix))
}
