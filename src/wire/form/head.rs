//! The heads of forms and of their parts.

use super::InvalidForm;
use crate::domain::encode::percent_decode_bytes;

/// What divides the parts of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Boundary(Box<[u8]>);

impl Boundary {
    /// Reads a `Content-Type`.
    ///
    /// # Errors
    ///
    /// [`InvalidForm::NotAForm`] or [`InvalidForm::Boundary`].
    pub fn read(content_type: &str) -> Result<Self, InvalidForm> {
        let (kind, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
        if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
            return Err(InvalidForm::NotAForm);
        }
        let mut found = None;
        for (name, value) in Parameters::of(parameters).map_err(|()| InvalidForm::Boundary)? {
            if name.eq_ignore_ascii_case("boundary") && found.replace(value).is_some() {
                return Err(InvalidForm::Boundary);
            }
        }
        let text = found.unwrap_or_default();
        // RFC 2046, section 5.1.1: up to 70 of these, the last one not a space.
        let known = |b: u8| b.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&b);
        let valid = (1..=70).contains(&text.len()) && text.bytes().all(known);
        if !valid || text.ends_with(' ') {
            return Err(InvalidForm::Boundary);
        }
        Ok(Self(text.into_bytes().into()))
    }

    /// The delimiter: a line break, two hyphens and the boundary.
    pub(super) fn delimiter(&self) -> Box<[u8]> {
        [b"\r\n--", &*self.0].concat().into()
    }
}

/// What the head of a part says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PartHead {
    /// The name of the field.
    pub(super) name: String,
    /// The name of the file, if it is one.
    pub(super) file_name: Option<String>,
    /// Its type.
    pub(super) content_type: Option<String>,
}

impl PartHead {
    /// Reads a head with the empty line that ends it.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, InvalidForm> {
        /// More lines than any client sends.
        const MAX_LINES: usize = 16;

        let mut lines = [httparse::EMPTY_HEADER; MAX_LINES];
        let parsed = httparse::parse_headers(bytes, &mut lines).map_err(|_| InvalidForm::Head)?;
        let httparse::Status::Complete((_, lines)) = parsed else { return Err(InvalidForm::Head) };
        let line = |wanted: &str| {
            let mut lines = lines.iter().filter(|line| line.name.eq_ignore_ascii_case(wanted));
            match (lines.next(), lines.next()) {
                (first, None) => {
                    let text = first.map(|line| std::str::from_utf8(line.value));
                    text.transpose().map_err(|_| InvalidForm::Encoding)
                }
                (_, Some(_)) => Err(InvalidForm::Head),
            }
        };
        let disposition = line("content-disposition")?.ok_or(InvalidForm::NoName)?;
        let content_type = line("content-type")?.map(str::to_owned);
        Ok(Self { content_type, ..Self::read_disposition(disposition)? })
    }

    fn read_disposition(text: &str) -> Result<Self, InvalidForm> {
        let (kind, parameters) = text.split_once(';').unwrap_or((text, ""));
        if !kind.trim().eq_ignore_ascii_case("form-data") {
            return Err(InvalidForm::Head);
        }
        let [mut name, mut file_name, mut extended] = [None, None, None];
        for (parameter, value) in Parameters::of(parameters).map_err(|()| InvalidForm::Head)? {
            let slot = match parameter.to_ascii_lowercase().as_str() {
                "name" => &mut name,
                "filename" => &mut file_name,
                "filename*" => &mut extended,
                _ => continue,
            };
            if slot.replace(value).is_some() {
                return Err(InvalidForm::Head);
            }
        }
        let name = name.filter(|name| !name.is_empty()).ok_or(InvalidForm::NoName)?;
        let extended = extended.map(|text| decode_extended(&text)).transpose()?;
        Ok(Self { name, file_name: file_name.or(extended), content_type: None })
    }
}

/// `UTF-8''…` of RFC 5987, which some libraries send for names that are not ASCII.
fn decode_extended(text: &str) -> Result<String, InvalidForm> {
    let (charset, rest) = text.split_once('\'').ok_or(InvalidForm::Head)?;
    let (_language, rest) = rest.split_once('\'').ok_or(InvalidForm::Head)?;
    if !charset.eq_ignore_ascii_case("utf-8") {
        return Err(InvalidForm::Encoding);
    }
    let bytes = percent_decode_bytes(rest).map_err(|_| InvalidForm::Head)?;
    String::from_utf8(bytes.into_owned()).map_err(|_| InvalidForm::Encoding)
}

/// `name=value; name="value"`, in their order.
struct Parameters;

impl Parameters {
    fn of(text: &str) -> Result<Vec<(&str, String)>, ()> {
        let (mut found, mut rest) = (Vec::new(), text);
        loop {
            rest = rest.trim_start_matches([' ', '\t', ';']);
            if rest.is_empty() {
                return Ok(found);
            }
            let (name, after) = rest.split_once('=').ok_or(())?;
            let name = name.trim_matches([' ', '\t']);
            let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic());
            if !is_name || name.contains([';', '"', ',']) {
                return Err(());
            }
            let after = after.trim_start_matches([' ', '\t']);
            let (value, after) = if let Some(quoted) = after.strip_prefix('"') {
                unquote(quoted).ok_or(())?
            } else {
                let (value, after) = after.split_at(after.find(';').unwrap_or(after.len()));
                (value.trim_end_matches([' ', '\t']).to_owned(), after)
            };
            rest = after.trim_start_matches([' ', '\t']);
            if !rest.is_empty() && !rest.starts_with(';') {
                return Err(());
            }
            found.push((name, value));
        }
    }
}

/// The text up to the closing quote, and what follows it. A backslash escapes a quote and itself;
/// before anything else it is one, as in the paths that some browsers send.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, text.get(at + 1..)?)),
            '\\' => match chars.next_if(|(_, next)| matches!(next, '"' | '\\')) {
                Some((_, escaped)) => value.push(escaped),
                None => value.push('\\'),
            },
            _ => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types() {
        use InvalidForm::{Boundary as Bad, NotAForm};
        let long = format!("multipart/form-data; boundary={}", "x".repeat(71));
        #[rustfmt::skip]
        let table = [
            ("multipart/form-data; boundary=----WebKitFormBoundaryW0D", Ok("----WebKitFormBoundaryW0D")),
            ("Multipart/Form-Data;charset=utf-8;BOUNDARY=\"a b:c\"",    Ok("a b:c")),
            ("multipart/form-data; boundary=a; charset=utf-8",          Ok("a")),
            ("multipart/form-data ;boundary = a ",                      Ok("a")),
            ("multipart/form-data;",                                    Err(Bad)),
            ("multipart/form-data",                                     Err(Bad)),
            ("multipart/form-data; boundary=",                          Err(Bad)),
            ("multipart/form-data; boundary=\"\"",                      Err(Bad)),
            ("multipart/form-data; boundary=\"a \"",                    Err(Bad)),
            ("multipart/form-data; boundary=\"a",                       Err(Bad)),
            ("multipart/form-data; boundary=a; boundary=b",             Err(Bad)),
            ("multipart/form-data; boundary=a\"b",                      Err(Bad)),
            ("multipart/form-data; boundary=é",                         Err(Bad)),
            (long.as_str(),                                             Err(Bad)),
            ("multipart/mixed; boundary=a",                             Err(NotAForm)),
            ("application/x-www-form-urlencoded",                       Err(NotAForm)),
            ("multipart/form-data2; boundary=a",                        Err(NotAForm)),
            ("",                                                        Err(NotAForm)),
        ];
        for (text, want) in table {
            let want = want.map(|boundary: &str| Boundary(boundary.as_bytes().into()));
            assert_eq!(Boundary::read(text), want, "{text}");
        }
    }

    #[test]
    fn heads() {
        use InvalidForm::{Encoding, Head, NoName};
        let field = |name: &str| Ok((name.to_owned(), None, None));
        let file = |name: &str, file: &str| Ok((name.to_owned(), Some(file.to_owned()), None));
        let many = "X: y\r\n".repeat(17) + "Content-Disposition: form-data; name=a";
        #[rustfmt::skip]
        let table = [
            ("Content-Disposition: form-data; name=\"key\"",               field("key")),
            ("content-disposition:FORM-DATA;NAME=key",                     field("key")),
            ("X-Other: y\r\nContent-Disposition: form-data; name=\"a b\"", field("a b")),
            ("Content-Disposition: form-data; name=\"中文\"",               field("中文")),
            ("Content-Disposition: form-data; name=\"a\\\"b\\\\c\\d\"",    field("a\"b\\c\\d")),
            ("Content-Disposition: form-data; name=\"a;b=c\"",             field("a;b=c")),
            ("Content-Disposition: form-data; name=\"f\"; filename=\"C:\\d\\e.png\"", file("f", "C:\\d\\e.png")),
            ("Content-Disposition: form-data; name=\"f\"; filename=\"\"",  file("f", "")),
            ("Content-Disposition: form-data; name=\"f\"; filename*=UTF-8''%C3%A9.png", file("f", "é.png")),
            ("Content-Disposition: form-data; name=\"f\"; filename=\"e\"; filename*=UTF-8''%C3%A9", file("f", "e")),
            ("Content-Disposition: form-data; name=\"f\"\r\nContent-Type: image/png; a=b", Ok(("f".to_owned(), None, Some("image/png; a=b".to_owned())))),
            ("Content-Type: image/png",                                    Err(NoName)),
            ("Content-Disposition: form-data",                             Err(NoName)),
            ("Content-Disposition: form-data; name=\"\"",                  Err(NoName)),
            ("Content-Disposition: attachment; name=\"a\"",                Err(Head)),
            ("Content-Disposition: form-data; name=\"a\"; name=\"b\"",     Err(Head)),
            ("Content-Disposition: form-data; name=\"a\"; filename=\"b\"; filename=\"c\"", Err(Head)),
            ("Content-Disposition: form-data; name=\"a",                   Err(Head)),
            ("Content-Disposition: form-data; name=\"a\"b",                Err(Head)),
            ("Content-Disposition: form-data; name",                       Err(Head)),
            ("Content-Disposition: form-data; name=\"a\"\r\nContent-Disposition: form-data; name=\"b\"", Err(Head)),
            ("Content-Disposition: form-data;\r\n name=\"folded\"",        Err(Head)),
            ("Content-Disposition: form-data; name=\"a\nb\"",              Err(Head)),
            ("Content-Disposition: form-data; name=\"a\0b\"",              Err(Head)),
            ("Content Disposition: form-data; name=\"a\"",                 Err(Head)),
            ("no head",                                                    Err(Head)),
            ("",                                                           Err(NoName)),
            (many.as_str(),                                                Err(Head)),
            ("Content-Disposition: form-data; name=f; filename*=latin1''%E9", Err(Encoding)),
            ("Content-Disposition: form-data; name=f; filename*=UTF-8''%FF",  Err(Encoding)),
            ("Content-Disposition: form-data; name=f; filename*=%41",      Err(Head)),
        ];
        for (text, want) in table {
            let head = PartHead::read(format!("{text}\r\n\r\n").as_bytes());
            let got = head.map(|head| (head.name, head.file_name, head.content_type));
            assert_eq!(got, want, "{text:.100}");
        }
        let latin1 = b"Content-Disposition: form-data; name=\"\xe9\"\r\n\r\n";
        assert_eq!(PartHead::read(latin1), Err(Encoding));
    }
}
