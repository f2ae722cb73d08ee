//! Why a request is refused, as the vendors say it.

use std::fmt;

use super::path::InvalidPath;

/// The longest text of a request that is repeated to its sender.
const MAX_ECHO: usize = 20;

/// A refusal. What is shown of it holds texts of the request alone, and only such as have the
/// form that they should: neither the key nor the right digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// Why.
    pub reason: Reason,
    /// The status of the answer: 403, or 410 for a genuine link of nginx that has expired.
    pub status: u16,
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The path can be read in two ways.
    Path(InvalidPath),
    /// A parameter of the signature is missing.
    NoArgument(String),
    /// There is no signature, by path or by query.
    NoSignature,
    /// A parameter of the signature is there twice, or in a spelling with escapes.
    Duplicate(String),
    /// A parameter of the signature cannot be read.
    Argument(String),
    /// The time cannot be read, or lies too far ahead.
    Time(Option<Echo>),
    /// The link has expired.
    Expired(Option<Echo>),
    /// The digest is not of this URL.
    Token(Option<Echo>),
    /// The signature is for another method.
    Method,
    /// The signature asks for the regions of clients, which are not known.
    Region,
    /// The link is genuine, and for pages of other sites.
    Referer,
    /// The link is genuine, and for clients of other regions.
    ForeignRegion,
    /// The link is genuine, and as many clients use it as may.
    Clients,
    /// The link is genuine, and for a preview of something that cannot be cut.
    Preview,
}

/// A text of the request that may be repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Echo(String);

impl Echo {
    /// A time: letters, digits and `_`, at most 20.
    pub(super) fn time(text: &str) -> Option<Self> {
        let harmless = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let fits = (1..=MAX_ECHO).contains(&text.len()) && harmless;
        fits.then(|| Self(text.to_owned()))
    }

    /// A digest in hexadecimal: 32 lower-case digits.
    pub(super) fn md5(text: &str) -> Option<Self> {
        let digits = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        (text.len() == 32 && digits).then(|| Self(text.to_owned()))
    }
}

impl Denial {
    pub(super) const fn new(reason: Reason) -> Self {
        Self { reason, status: 403 }
    }

    /// The value of `X-Tengine-Error`: `denied by req auth: expired timestamp=1439469547`.
    pub fn header(&self) -> String {
        match self.reason {
            Reason::Referer => "denied by Referer ACL".to_owned(),
            Reason::Clients => "denied by IP ACL = not in whitelist".to_owned(),
            Reason::Path(_)
            | Reason::NoArgument(_)
            | Reason::NoSignature
            | Reason::Duplicate(_)
            | Reason::Argument(_)
            | Reason::Time(_)
            | Reason::Expired(_)
            | Reason::Token(_)
            | Reason::Method
            | Reason::Region
            | Reason::ForeignRegion
            | Reason::Preview => format!("denied by req auth: {}", self.reason),
        }
    }
}

impl Reason {
    /// A sentence for whoever runs the domain. It says no more than the request itself does.
    pub fn why(&self) -> String {
        let text = match self {
            Self::Path(err) => return err.to_string(),
            Self::NoArgument(name) => return format!("the parameter {name} is missing"),
            Self::NoSignature => "there is no signature, in the path or in the query",
            Self::Duplicate(name) => {
                return format!("the parameter {name} is there twice, or its name has escapes");
            }
            Self::Argument(name) => return format!("the parameter {name} cannot be read"),
            Self::Time(_) => "the time is not written as the scheme wants it, or is too far ahead",
            Self::Expired(_) => "the link has expired",
            Self::Token(_) => "the digest is not that of this URL under any of the keys",
            Self::Method => "the link is for another method",
            Self::Region => "the link asks for regions of clients, which are not known",
            Self::Referer => "the link is not for pages of that site",
            Self::ForeignRegion => "the link is not for clients of that region",
            Self::Clients => "as many clients use the link as may",
            Self::Preview => "the link is for a preview, and this cannot be cut",
        };
        text.to_owned()
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let with = |f: &mut fmt::Formatter<'_>, what: &str, echo: &Option<Echo>| match echo {
            Some(Echo(text)) => write!(f, "{what}={text}"),
            None => f.write_str(what),
        };
        match self {
            Self::Path(_) => f.write_str("invalid uri"),
            Self::NoArgument(name) => write!(f, "no url arg {name}"),
            Self::NoSignature => f.write_str("no <encoded> or <plain>"),
            Self::Duplicate(name) => write!(f, "duplicate url arg {name}"),
            Self::Argument(name) => write!(f, "invalid url arg {name}"),
            Self::Time(echo) => with(f, "invalid timestamp", echo),
            Self::Expired(echo) => with(f, "expired timestamp", echo),
            Self::Token(echo) => with(f, "invalid md5hash", echo),
            Self::Method => f.write_str("invalid method"),
            Self::Region => f.write_str("unsupported url arg whreg or bkreg"),
            Self::Referer => f.write_str("invalid referer"),
            Self::ForeignRegion => f.write_str("invalid region"),
            Self::Clients => f.write_str("too many clients"),
            Self::Preview => f.write_str("preview unsupported"),
        }
    }
}

impl From<Reason> for Denial {
    fn from(reason: Reason) -> Self {
        Self::new(reason)
    }
}
