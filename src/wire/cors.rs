//! Cross-origin rules as XML (`PutBucketCors`, `GetBucketCors`).
//!
//! | in the XML | is read as |
//! | --- | --- |
//! | no `AllowedHeader`, or an empty one | nothing |
//! | no `ExposeHeader`, or an empty one | nothing |
//! | no `ResponseVary` | `false` |
//! | `MaxAgeSeconds` twice in a rule, `ResponseVary` twice | an error |
//! | any order, unknown elements, namespaces | of no importance |
//!
//! Sources: OSS "PutBucketCors", "GetBucketCors", and the pages of `EC` 0034-00000001 to -13. They
//! do not say which code goes with which number: what is missing is `MalformedXML` here, and a
//! value that breaks a rule `InvalidArgument`.

use super::xml::{Element, Limits, XmlError, XmlWriter};
use crate::domain::code::{
    CORS_BAD_EXPOSED_HEADER, CORS_BAD_HEADER, CORS_BAD_MAX_AGE, CORS_BAD_METHOD, CORS_BAD_ORIGIN,
    CORS_NO_RULE, CORS_TOO_MANY_RULES, CORS_XML_MALFORMED, Reason,
};
use crate::domain::cors::{
    CorsMethod, CorsRule, CorsRules, InvalidPattern, InvalidRules, MaxAge, VaryOrigin,
};

/// The most bytes of a body: OSS's limit.
pub const MAX_CORS_BYTES: usize = 16 * 1024;

/// More elements than a body of that many bytes can have.
const MAX_ELEMENTS: usize = 4096;

const CONFIGURATION: &str = "CORSConfiguration";
const RULE: &str = "CORSRule";
const ORIGIN: &str = "AllowedOrigin";
const METHOD: &str = "AllowedMethod";
const HEADER: &str = "AllowedHeader";
const EXPOSED: &str = "ExposeHeader";
const MAX_AGE: &str = "MaxAgeSeconds";
const VARY: &str = "ResponseVary";

/// Why cross-origin rules are not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCors {
    /// Not XML, or too much of it.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// The root has another name.
    #[error("the root element is not CORSConfiguration")]
    Root,
    /// An element that may be there once is there again.
    #[error("{0} is given more than once")]
    Repeated(&'static str),
    /// A boolean is neither `true` nor `false`.
    #[error("ResponseVary must be true or false")]
    NotBoolean,
    /// There are too few rules, too many, or one lacks what it must have.
    #[error(transparent)]
    Rules(#[from] InvalidRules),
    /// An origin.
    #[error("AllowedOrigin {0:?}: {1}")]
    Origin(String, InvalidPattern),
    /// A method.
    #[error("AllowedMethod {0:?} is not GET, PUT, POST, DELETE or HEAD")]
    Method(String),
    /// A header that pages may send.
    #[error("AllowedHeader {0:?}: {1}")]
    Header(String, InvalidPattern),
    /// A header that pages may read.
    #[error("ExposeHeader {0:?}: {1}")]
    Exposed(String, InvalidPattern),
    /// A number of seconds.
    #[error("MaxAgeSeconds {0:?} is not 0 to 999999999")]
    MaxAge(String),
}

impl InvalidCors {
    /// The refusal as the client sees it.
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Rules(InvalidRules::None) => CORS_NO_RULE,
            Self::Rules(InvalidRules::TooMany(_)) => CORS_TOO_MANY_RULES,
            Self::Origin(..) => CORS_BAD_ORIGIN,
            Self::Method(_) => CORS_BAD_METHOD,
            Self::Header(..) => CORS_BAD_HEADER,
            Self::Exposed(..) => CORS_BAD_EXPOSED_HEADER,
            Self::MaxAge(_) => CORS_BAD_MAX_AGE,
            Self::Rules(InvalidRules::NoOrigin(_) | InvalidRules::NoMethod(_))
            | Self::Xml(_)
            | Self::Root
            | Self::Repeated(_)
            | Self::NotBoolean => CORS_XML_MALFORMED,
        }
    }
}

/// Reads the body of `PutBucketCors`.
///
/// # Errors
///
/// [`InvalidCors`].
pub fn read_cors(xml: &[u8]) -> Result<CorsRules, InvalidCors> {
    let root = Element::read(xml, Limits::new(MAX_CORS_BYTES, MAX_ELEMENTS))?;
    if root.name() != CONFIGURATION {
        return Err(InvalidCors::Root);
    }
    let vary = match one(&root, VARY)?.map(Element::text) {
        None => VaryOrigin::Never,
        Some(text) if text.eq_ignore_ascii_case("true") => VaryOrigin::Always,
        Some(text) if text.eq_ignore_ascii_case("false") => VaryOrigin::Never,
        Some(_) => return Err(InvalidCors::NotBoolean),
    };
    let rules = root.all(RULE).map(read_rule).collect::<Result<_, _>>()?;
    Ok(CorsRules::new(rules, vary)?)
}

fn read_rule(rule: &Element) -> Result<CorsRule, InvalidCors> {
    let max_age = one(rule, MAX_AGE)?.map(Element::text);
    let method = |text: &str| CorsMethod::parse(text).ok_or_else(|| InvalidCors::Method(cut(text)));
    Ok(CorsRule {
        origins: texts(rule, ORIGIN)
            .map(|text| text.parse().map_err(|err| InvalidCors::Origin(cut(text), err)))
            .collect::<Result<_, _>>()?,
        methods: texts(rule, METHOD).map(method).collect::<Result<_, _>>()?,
        headers: present(rule, HEADER)
            .map(|text| text.parse().map_err(|err| InvalidCors::Header(cut(text), err)))
            .collect::<Result<_, _>>()?,
        exposed: present(rule, EXPOSED)
            .map(|text| text.parse().map_err(|err| InvalidCors::Exposed(cut(text), err)))
            .collect::<Result<_, _>>()?,
        max_age: max_age.map(read_max_age).transpose()?,
    })
}

fn read_max_age(text: &str) -> Result<MaxAge, InvalidCors> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = digits.then(|| text.parse().ok()).flatten();
    seconds.and_then(MaxAge::new).ok_or_else(|| InvalidCors::MaxAge(cut(text)))
}

/// Writes the answer of `GetBucketCors`.
pub fn write_cors(cors: &CorsRules) -> Vec<u8> {
    XmlWriter::document(CONFIGURATION, |x| {
        for rule in cors.rules() {
            x.element(RULE, |x| {
                rule.origins.iter().for_each(|origin| x.text(ORIGIN, origin));
                rule.methods.iter().for_each(|method| x.text(METHOD, method));
                rule.headers.iter().for_each(|header| x.text(HEADER, header));
                rule.exposed.iter().for_each(|header| x.text(EXPOSED, header));
                if let Some(max_age) = rule.max_age {
                    x.text(MAX_AGE, max_age.seconds());
                }
            });
        }
        x.text(VARY, cors.vary() == VaryOrigin::Always);
    })
}

/// The child of a name that may be there once.
fn one<'x>(parent: &'x Element, name: &'static str) -> Result<Option<&'x Element>, InvalidCors> {
    let mut found = parent.all(name);
    match (found.next(), found.next()) {
        (first, None) => Ok(first),
        (_, Some(_)) => Err(InvalidCors::Repeated(name)),
    }
}

fn texts<'x>(rule: &'x Element, name: &'static str) -> impl Iterator<Item = &'x str> {
    rule.all(name).map(Element::text)
}

fn present<'x>(rule: &'x Element, name: &'static str) -> impl Iterator<Item = &'x str> {
    texts(rule, name).filter(|text| !text.is_empty())
}

/// As much of a text as an error can bear.
fn cut(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The second rule of the example of "PutBucketCors", with its stray blank.
    const EXAMPLE: &str = "<CORSConfiguration>
        <CORSRule>
          <AllowedOrigin>*</AllowedOrigin>
          <AllowedMethod>PUT</AllowedMethod>
          <AllowedMethod>GET</AllowedMethod>
          <AllowedHeader>Authorization</AllowedHeader>
        </CORSRule>
        <CORSRule>
          <AllowedOrigin>http://www.a.com</AllowedOrigin>
          <AllowedOrigin>http://www.b.com</AllowedOrigin>
          <AllowedMethod>GET</AllowedMethod>
          <AllowedHeader> Authorization</AllowedHeader>
          <ExposeHeader>x-oss-test</ExposeHeader>
          <ExposeHeader>x-oss-test1</ExposeHeader>
          <MaxAgeSeconds>100</MaxAgeSeconds>
        </CORSRule>
        <ResponseVary>false</ResponseVary>
    </CORSConfiguration >";

    #[test]
    fn the_example_of_the_manual() {
        let want = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<CORSConfiguration><CORSRule>\
            <AllowedOrigin>*</AllowedOrigin><AllowedMethod>PUT</AllowedMethod>\
            <AllowedMethod>GET</AllowedMethod><AllowedHeader>Authorization</AllowedHeader>\
            </CORSRule><CORSRule><AllowedOrigin>http://www.a.com</AllowedOrigin>\
            <AllowedOrigin>http://www.b.com</AllowedOrigin><AllowedMethod>GET</AllowedMethod>\
            <AllowedHeader>Authorization</AllowedHeader><ExposeHeader>x-oss-test</ExposeHeader>\
            <ExposeHeader>x-oss-test1</ExposeHeader><MaxAgeSeconds>100</MaxAgeSeconds></CORSRule>\
            <ResponseVary>false</ResponseVary></CORSConfiguration>";
        let rules = read_cors(EXAMPLE.as_bytes()).unwrap();
        let written = write_cors(&rules);
        assert_eq!(String::from_utf8(written.clone()).unwrap(), want);
        assert_eq!(read_cors(&written), Ok(rules));
    }

    #[test]
    fn bodies() {
        const OK: &str = "<AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod>";
        let rule = |inside: &str| format!("<CORSRule>{inside}</CORSRule>");
        let with = |more: &str| rule(&format!("{OK}{more}"));
        #[rustfmt::skip]
        let table = [
            ("as little as may be",       rule(OK),                                            Ok(())),
            ("empty headers",             with("<AllowedHeader/><ExposeHeader></ExposeHeader>"), Ok(())),
            ("what nobody knows",         with("<ID>1</ID>"),                                  Ok(())),
            ("as many as may be",         rule(OK).repeat(20),                                 Ok(())),
            ("one more",                  rule(OK).repeat(21),                                 Err(CORS_TOO_MANY_RULES)),
            ("no rule",                   String::new(),                                       Err(CORS_NO_RULE)),
            ("a rule of nothing",         "<CORSRule/>".into(),                                Err(CORS_XML_MALFORMED)),
            ("no origin",                 rule("<AllowedMethod>GET</AllowedMethod>"),          Err(CORS_XML_MALFORMED)),
            ("no method",                 rule("<AllowedOrigin>*</AllowedOrigin>"),            Err(CORS_XML_MALFORMED)),
            ("an empty origin",           with("<AllowedOrigin/>"),                            Err(CORS_BAD_ORIGIN)),
            ("two wildcards",             with("<AllowedOrigin>http://*.a.*</AllowedOrigin>"), Err(CORS_BAD_ORIGIN)),
            ("a line break in an origin", with("<AllowedOrigin>http://a&#13;&#10;X: y</AllowedOrigin>"), Err(CORS_BAD_ORIGIN)),
            ("an empty method",           with("<AllowedMethod></AllowedMethod>"),             Err(CORS_BAD_METHOD)),
            ("a method of no rule",       with("<AllowedMethod>OPTIONS</AllowedMethod>"),      Err(CORS_BAD_METHOD)),
            ("two wildcards in a header", with("<AllowedHeader>x-*-*</AllowedHeader>"),        Err(CORS_BAD_HEADER)),
            ("a wildcard to read",        with("<ExposeHeader>x-oss-*</ExposeHeader>"),        Err(CORS_BAD_EXPOSED_HEADER)),
            ("a header in a header",      with("<ExposeHeader>a&#13;&#10;Set-Cookie: b</ExposeHeader>"), Err(CORS_BAD_EXPOSED_HEADER)),
            ("no seconds",                with("<MaxAgeSeconds/>"),                            Err(CORS_BAD_MAX_AGE)),
            ("seconds below zero",        with("<MaxAgeSeconds>-1</MaxAgeSeconds>"),           Err(CORS_BAD_MAX_AGE)),
            ("too many seconds",          with("<MaxAgeSeconds>99999999999</MaxAgeSeconds>"),  Err(CORS_BAD_MAX_AGE)),
            ("seconds twice",             with(&"<MaxAgeSeconds>1</MaxAgeSeconds>".repeat(2)), Err(CORS_XML_MALFORMED)),
            ("vary twice",                rule(OK) + &"<ResponseVary>true</ResponseVary>".repeat(2), Err(CORS_XML_MALFORMED)),
            ("vary perhaps",              rule(OK) + "<ResponseVary>perhaps</ResponseVary>",   Err(CORS_XML_MALFORMED)),
        ];
        for (name, inside, want) in table {
            let body = format!("<CORSConfiguration>{inside}</CORSConfiguration>");
            let got = read_cors(body.as_bytes()).map(|_| ()).map_err(|err| err.reason());
            assert_eq!(got, want, "{name}");
        }
        for body in ["", "<CORSRule/>", "<CORSConfiguration>", "<!DOCTYPE a><CORSConfiguration/>"] {
            let got = read_cors(body.as_bytes()).map_err(|err| err.reason());
            assert_eq!(got, Err(CORS_XML_MALFORMED), "{body}");
        }
    }

    #[test]
    fn vary_is_kept() {
        let body = EXAMPLE.replace("false", " True ");
        assert_eq!(read_cors(body.as_bytes()).unwrap().vary(), VaryOrigin::Always);
        let body = EXAMPLE.replace("<ResponseVary>false</ResponseVary>", "");
        assert_eq!(read_cors(body.as_bytes()).unwrap().vary(), VaryOrigin::Never);
    }
}
