//! Cross-origin resource sharing: which pages may read the answers about a bucket, and what they
//! may send.
//!
//! The rules of a bucket are asked in their order, and the first that fits is the only one that
//! answers. A rule fits a request if one of its origins fits the request's, one of its methods is
//! the request's and, for a preflight, one of its patterns fits each header that the page wants
//! to send.
//!
//! What a rule grants is to read an answer. It never opens an object: whoever may not have it
//! without a browser may not have it with one. And it never lets a page use what a browser keeps
//! for its user: no answer has `Access-Control-Allow-Credentials`.
//!
//! # Decided here, where the vendor's pages are silent
//!
//! - Origins are compared without regard to case, as hosts are.
//! - An origin may be anything without white space and control characters: one without a scheme
//!   fits no browser, and harms nobody.
//! - A preflight may ask for up to [`MAX_ASKED_HEADERS`] headers, more than a request can have.
//!
//! Sources: OSS "PutBucketCors", "Options", "Configure cross-origin resource sharing" and the `EC`
//! pages 0034-*; Fetch Standard, "CORS protocol".

mod pattern;

use std::fmt;

pub use pattern::{ExposedHeader, HeaderPattern, InvalidPattern, OriginPattern};

/// A preflight that asks for more headers is refused: no request can have as many.
pub const MAX_ASKED_HEADERS: usize = 300;

/// The cross-origin rules of a bucket: 1 to [`CorsRules::MAX`] of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorsRules {
    rules: Vec<CorsRule>,
    vary: VaryOrigin,
}

/// A rule, with at least one origin and one method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorsRule {
    /// Whose pages: `AllowedOrigin`.
    pub origins: Vec<OriginPattern>,
    /// What they may do: `AllowedMethod`.
    pub methods: Vec<CorsMethod>,
    /// What they may send beyond what every page may: `AllowedHeader`.
    pub headers: Vec<HeaderPattern>,
    /// What they may read beyond what every page may: `ExposeHeader`.
    pub exposed: Vec<ExposedHeader>,
    /// How long a browser remembers the answer to a preflight: `MaxAgeSeconds`.
    pub max_age: Option<MaxAge>,
}

/// Whether answers say that they depend on the origin: `ResponseVary`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VaryOrigin {
    /// None does.
    #[default]
    Never,
    /// All do, whether they are asked for across origins or not.
    Always,
}

/// A method that a rule can allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "they are the methods of HTTP")]
pub enum CorsMethod {
    Get,
    Put,
    Post,
    Delete,
    Head,
}

/// A number of seconds: 0 to 999 999 999.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxAge(u32);

/// Which rule about rules is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRules {
    /// There is no rule.
    #[error("there is no CORSRule")]
    None,
    /// There are over [`CorsRules::MAX`].
    #[error("there are {0} rules, there may be {max}", max = CorsRules::MAX)]
    TooMany(usize),
    /// A rule, by its position from 1, has no origin.
    #[error("rule {0} has no AllowedOrigin")]
    NoOrigin(usize),
    /// A rule, by its position from 1, has no method.
    #[error("rule {0} has no AllowedMethod")]
    NoMethod(usize),
}

/// What a page asks for.
#[derive(Clone, Copy, Debug)]
pub struct CrossOrigin<'r> {
    /// Where the page is from, as the browser says.
    pub origin: &'r str,
    /// What it does.
    pub method: CorsMethod,
    /// The names of the headers that it wants to send; none but in a preflight.
    pub headers: &'r [&'r str],
}

/// What a rule grants to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Granted<'c> {
    /// Whom it is granted to.
    pub to: GrantedTo,
    /// The rule.
    pub rule: &'c CorsRule,
}

/// Whom something is granted to: `Access-Control-Allow-Origin`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantedTo {
    /// Everybody: the rule says `*`.
    Everybody,
    /// The origin of the request.
    Asking,
}

impl CorsRules {
    /// The most rules that a bucket can have. OSS's guide says 20; some of its older pages say 10.
    pub const MAX: usize = 20;

    /// Takes rules over.
    ///
    /// # Errors
    ///
    /// [`InvalidRules`].
    pub fn new(rules: Vec<CorsRule>, vary: VaryOrigin) -> Result<Self, InvalidRules> {
        match rules.len() {
            0 => return Err(InvalidRules::None),
            count if count > Self::MAX => return Err(InvalidRules::TooMany(count)),
            _ => {}
        }
        for (rule, position) in rules.iter().zip(1..) {
            if rule.origins.is_empty() {
                return Err(InvalidRules::NoOrigin(position));
            }
            if rule.methods.is_empty() {
                return Err(InvalidRules::NoMethod(position));
            }
        }
        Ok(Self { rules, vary })
    }

    /// The rules in their order.
    pub fn rules(&self) -> &[CorsRule] {
        &self.rules
    }

    /// Whether answers say that they depend on the origin.
    pub const fn vary(&self) -> VaryOrigin {
        self.vary
    }

    /// What the first rule that fits a request grants it.
    pub fn find(&self, asked: &CrossOrigin<'_>) -> Option<Granted<'_>> {
        if asked.headers.len() > MAX_ASKED_HEADERS {
            return None;
        }
        self.rules.iter().find_map(|rule| rule.grant(asked))
    }
}

impl CorsRule {
    fn grant(&self, asked: &CrossOrigin<'_>) -> Option<Granted<'_>> {
        let origin = self.origins.iter().find(|origin| origin.fits(asked.origin))?;
        let fits = |header: &&str| self.headers.iter().any(|pattern| pattern.fits(header));
        if !self.methods.contains(&asked.method) || !asked.headers.iter().all(fits) {
            return None;
        }
        let to = if origin.is_everybody() { GrantedTo::Everybody } else { GrantedTo::Asking };
        Some(Granted { to, rule: self })
    }
}

impl CorsMethod {
    /// Every method, for tests.
    pub const ALL: &[Self] = &[Self::Get, Self::Put, Self::Post, Self::Delete, Self::Head];

    /// Reads a method. `None` for one that no rule can allow.
    pub fn parse(method: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|known| known.as_str() == method)
    }

    /// The method as HTTP writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Put => "PUT",
            Self::Post => "POST",
            Self::Delete => "DELETE",
            Self::Head => "HEAD",
        }
    }
}

impl MaxAge {
    /// A number of seconds, if it is one that a rule can have.
    pub fn new(seconds: u32) -> Option<Self> {
        (seconds <= 999_999_999).then_some(Self(seconds))
    }

    /// The seconds.
    pub const fn seconds(self) -> u32 {
        self.0
    }
}

impl fmt::Display for CorsMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(origins: &[&str], methods: &[CorsMethod], headers: &[&str]) -> CorsRule {
        CorsRule {
            origins: origins.iter().map(|text| text.parse().unwrap()).collect(),
            methods: methods.to_vec(),
            headers: headers.iter().map(|text| text.parse().unwrap()).collect(),
            exposed: Vec::new(),
            max_age: None,
        }
    }

    /// The position of the rule, and whom it grants something.
    type Want = Option<(usize, GrantedTo)>;

    #[test]
    fn the_first_rule_that_fits_answers() {
        use CorsMethod::{Delete, Get, Put};
        let rules = vec![
            rule(&["http://a.com"], &[Get], &[]),
            rule(&["http://a.com", "https://*.b.com"], &[Put, Get], &["x-oss-*", "Content-Type"]),
            rule(&["*"], &[Get], &["*"]),
        ];
        let rules = CorsRules::new(rules, VaryOrigin::Never).unwrap();
        #[rustfmt::skip]
        let table: &[(&str, &str, CorsMethod, &[&str], Want)] = &[
            ("a plain request",                "http://a.com",     Get,    &[],               Some((0, GrantedTo::Asking))),
            ("the first does not have PUT",    "http://a.com",     Put,    &[],               Some((1, GrantedTo::Asking))),
            ("nor any header",                 "http://a.com",     Get,    &["content-type"], Some((1, GrantedTo::Asking))),
            ("a subdomain",                    "https://x.b.com",  Put,    &["X-OSS-Date"],   Some((1, GrantedTo::Asking))),
            ("whoever it is",                  "http://c.com",     Get,    &["anything"],     Some((2, GrantedTo::Everybody))),
            ("a page that hides",              "null",             Get,    &[],               Some((2, GrantedTo::Everybody))),
            ("a header of the third rule alone", "http://a.com",   Get,    &["x-other"],      Some((2, GrantedTo::Everybody))),
            ("one header of two",              "https://x.b.com",  Put,    &["content-type", "x-other"], None),
            ("a method of no rule",            "http://a.com",     Delete, &[],               None),
            ("a method of another's rule",     "http://c.com",     Put,    &[],               None),
        ];
        for (name, origin, method, headers, want) in table {
            let found = rules.find(&CrossOrigin { origin, method: *method, headers });
            let want = want.map(|(at, to)| Granted { to, rule: &rules.rules()[at] });
            assert_eq!(found, want, "{name}");
        }
    }

    #[test]
    fn a_preflight_for_more_headers_than_a_request_can_have_is_refused() {
        let rules = vec![rule(&["*"], &[CorsMethod::Get], &["*"])];
        let rules = CorsRules::new(rules, VaryOrigin::Never).unwrap();
        let find = |count| {
            let headers = vec!["a"; count];
            let asked =
                CrossOrigin { origin: "http://a.com", method: CorsMethod::Get, headers: &headers };
            rules.find(&asked).is_some()
        };
        assert!(find(MAX_ASKED_HEADERS) && !find(MAX_ASKED_HEADERS + 1));
    }

    #[test]
    fn rules_about_rules() {
        let good = rule(&["*"], &[CorsMethod::Get], &[]);
        let new = |rules| CorsRules::new(rules, VaryOrigin::Never).map(|_| ());
        let no_origin = CorsRule { origins: Vec::new(), ..good.clone() };
        let no_method = CorsRule { methods: Vec::new(), ..good.clone() };
        let table = [
            ("none", vec![], Err(InvalidRules::None)),
            ("as many as may be", vec![good.clone(); 20], Ok(())),
            ("one more", vec![good.clone(); 21], Err(InvalidRules::TooMany(21))),
            ("no origin", vec![good.clone(), no_origin], Err(InvalidRules::NoOrigin(2))),
            ("no method", vec![no_method, good], Err(InvalidRules::NoMethod(1))),
        ];
        for (name, rules, want) in table {
            assert_eq!(new(rules), want, "{name}");
        }
    }

    #[test]
    fn methods_and_seconds() {
        for method in CorsMethod::ALL {
            assert_eq!(CorsMethod::parse(method.as_str()), Some(*method));
        }
        for other in ["get", "OPTIONS", "", "TEST", "GET "] {
            assert_eq!(CorsMethod::parse(other), None, "{other:?}");
        }
        assert_eq!(MaxAge::new(999_999_999).map(MaxAge::seconds), Some(999_999_999));
        assert_eq!(MaxAge::new(1_000_000_000), None);
    }
}
