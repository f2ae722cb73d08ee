//! What a bucket's owner can ask for beyond OSS. Everything is off by default, and a bucket whose
//! owner asked for nothing behaves as OSS does. What the settings mean for a request is decided by
//! the [`Gate`](super::Gate).

use std::fmt;
use std::str::FromStr;

use super::url::Authority;
use crate::domain::name::ObjectKey;
use crate::domain::op::Action;
use crate::domain::word::words;

/// The settings of a bucket's referer check that OSS does not have. The default is OSS's
/// behaviour.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extras {
    /// Whether refusals are carried out.
    pub mode: Mode,
    /// How the host of a whitelist's entry is compared.
    pub host: HostRule,
    /// What a request without a referer may do.
    pub missing: MissingReferer,
    /// What a referer that is no URL of a page may do.
    pub malformed: MalformedReferer,
    /// What whoever is refused gets.
    pub denial: DenialAnswer,
}

impl Extras {
    /// Whether nothing was asked for.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

words! {
    /// Whether refusals are carried out.
    #[derive(Default)]
    pub enum Mode {
        /// They are.
        #[default]
        Enforce = "enforce",
        /// Every request passes; what would have been refused is marked.
        Monitor = "monitor",
    }
}

words! {
    /// How the host of a whitelist's entry is compared.
    #[derive(Default)]
    pub enum HostRule {
        /// As the beginning of the subject, as OSS does: `http://a.com` also fits
        /// `http://a.com.evil.net`.
        #[default]
        Prefix = "prefix",
        /// It must end where the host of the subject ends.
        Strict = "strict",
    }
}

words! {
    /// What a request without a referer may do. As for OSS, a `Referer` without a value is none.
    #[derive(Default)]
    pub enum MissingReferer {
        /// What `AllowEmptyReferer` says.
        #[default]
        AsPolicy = "as-policy",
        /// It passes, also where the policy would refuse it.
        Allow = "allow",
        /// It is refused, also where the policy has no whitelist.
        Deny = "deny",
        /// It is refused if the browser says that another site embeds the object: then the page
        /// had its referer removed. Otherwise it is as the policy says.
        DenyCrossSiteEmbeds = "deny-cross-site-embeds",
    }
}

words! {
    /// What a referer that is no URL of a page may do.
    #[derive(Default)]
    pub enum MalformedReferer {
        /// It is compared as it is, like every other text. OSS's behaviour.
        #[default]
        AsText = "as-text",
        /// It is refused.
        Deny = "deny",
    }
}

/// What whoever is refused gets when reading an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DenialAnswer {
    /// OSS's 403.
    #[default]
    Forbidden,
    /// 302 to another URL.
    Redirect(RedirectUrl),
    /// The bytes of another object of the bucket.
    Substitute(ObjectKey),
}

impl DenialAnswer {
    /// What a refused request for an operation gets. Only reading an object has another answer than
    /// the 403; programs that write, or ask for metadata alone, read the error.
    pub fn to(&self, action: Action) -> &Self {
        let reads = matches!(action, Action::GetObject | Action::HeadObject);
        if reads { self } else { &Self::Forbidden }
    }
}

/// Where whoever is refused is sent: an absolute `http` or `https` URL of visible ASCII, without
/// user information. It is a header value as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectUrl(Box<str>);

/// Which rule of [`RedirectUrl`] a text breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRedirectUrl {
    /// Over [`RedirectUrl::MAX_BYTES`].
    #[error("the URL has {0} bytes, it can have up to {max}", max = RedirectUrl::MAX_BYTES)]
    Length(usize),
    /// Not `http://…` or `https://…`.
    #[error("the URL does not begin with http:// or https://")]
    Scheme,
    /// A character that a URL has escaped only.
    #[error("the URL has {0:?}, which must be percent-encoded")]
    Char(char),
    /// No host, or one that cannot be read.
    #[error("the URL has no valid host")]
    Host,
    /// `user@host`.
    #[error("the URL has user information")]
    UserInfo,
}

impl RedirectUrl {
    /// The most bytes that the URL can have: what every browser follows.
    pub const MAX_BYTES: usize = 2048;

    /// The URL as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the URL leads back to this host and path, where the next refusal would wait.
    /// The scheme, the query and a port that only names a scheme make no difference.
    pub fn leads_to(&self, host: &str, path: &str) -> bool {
        let Some((_, rest)) = self.0.split_once("://") else { return false };
        let (authority, rest) = split_at_any(rest, "/?#");
        let own_path = match split_at_any(rest, "?#") {
            ("", _) => "/",
            (path, _) => path,
        };
        bare_host(authority).eq_ignore_ascii_case(bare_host(host)) && own_path == path
    }
}

fn split_at_any<'t>(text: &'t str, marks: &str) -> (&'t str, &'t str) {
    text.split_at(text.find(|c| marks.contains(c)).unwrap_or(text.len()))
}

fn bare_host(authority: &str) -> &str {
    let bare = authority.strip_suffix(":80").or_else(|| authority.strip_suffix(":443"));
    bare.unwrap_or(authority)
}

impl FromStr for RedirectUrl {
    type Err = InvalidRedirectUrl;

    fn from_str(text: &str) -> Result<Self, InvalidRedirectUrl> {
        /// The characters of RFC 3986 that are neither letters nor digits. A browser reads `\` as
        /// `/`, and a line break would begin a header of its own.
        const MARKS: &str = "-._~:/?#[]@!$&'()*+,;=%";

        if text.len() > Self::MAX_BYTES {
            return Err(InvalidRedirectUrl::Length(text.len()));
        }
        let known = |c: char| c.is_ascii_alphanumeric() || MARKS.contains(c);
        if let Some(c) = text.chars().find(|&c| !known(c)) {
            return Err(InvalidRedirectUrl::Char(c));
        }
        let (scheme, rest) = text.split_once("://").ok_or(InvalidRedirectUrl::Scheme)?;
        if !["http", "https"].iter().any(|known| known.eq_ignore_ascii_case(scheme)) {
            return Err(InvalidRedirectUrl::Scheme);
        }
        let (authority, _) = split_at_any(rest, "/?#");
        if authority.contains('@') {
            return Err(InvalidRedirectUrl::UserInfo);
        }
        Authority::parse(authority).ok_or(InvalidRedirectUrl::Host)?;
        Ok(Self(text.into()))
    }
}

impl fmt::Display for RedirectUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_oss() {
        let extras = Extras::default();
        assert!(extras.is_default());
        let words = [extras.mode.as_str(), extras.host.as_str(), extras.missing.as_str()];
        assert_eq!(words, ["enforce", "prefix", "as-policy"]);
        assert_eq!(extras.malformed.as_str(), "as-text");
        assert_eq!(extras.denial, DenialAnswer::Forbidden);
    }

    #[test]
    fn redirect_urls() {
        use InvalidRedirectUrl as E;
        let long = format!("https://a.com/{}", "x".repeat(RedirectUrl::MAX_BYTES));
        #[rustfmt::skip]
        let table = [
            ("https://a.com/no.png?x=1#y", None),
            ("http://a.com", None),
            ("HTTP://[::1]:8080/%20", None),
            ("", Some(E::Scheme)),
            ("/no.png", Some(E::Scheme)),
            ("//a.com/no.png", Some(E::Scheme)),
            ("ftp://a.com/", Some(E::Scheme)),
            ("javascript:alert(1)", Some(E::Scheme)),
            ("javascript://a.com/", Some(E::Scheme)),
            ("https://", Some(E::Host)),
            ("https:///no.png", Some(E::Host)),
            ("https://:443/", Some(E::Host)),
            ("https://a.com:99999/", Some(E::Host)),
            ("https://a.com:x/", Some(E::Host)),
            ("https://me@a.com/", Some(E::UserInfo)),
            ("https://me:pw@a.com/", Some(E::UserInfo)),
            ("https://a.com/\r\nSet-Cookie: a=b", Some(E::Char('\r'))),
            ("https://a.com/\n", Some(E::Char('\n'))),
            ("https://a.com/a b", Some(E::Char(' '))),
            ("https://a.com\\@b.com/", Some(E::Char('\\'))),
            ("https://a.com/\u{7f}", Some(E::Char('\u{7f}'))),
            ("https://a.com/ä", Some(E::Char('ä'))),
            ("https://a.com/<script>", Some(E::Char('<'))),
            (&long, Some(E::Length(long.len()))),
        ];
        for (text, want) in table {
            assert_eq!(text.parse::<RedirectUrl>().err(), want, "{text:?}");
        }
    }

    #[test]
    fn a_redirect_knows_where_it_leads() {
        let url: RedirectUrl = "https://CDN.a.com/b/no.png?x".parse().unwrap();
        assert!(url.leads_to("cdn.a.com", "/b/no.png"));
        assert!(url.leads_to("cdn.a.com:443", "/b/no.png"));
        assert!(!url.leads_to("cdn.a.com:9000", "/b/no.png"));
        assert!(!url.leads_to("cdn.a.com", "/b/other.png"));
        assert!(!url.leads_to("a.com", "/b/no.png"));
        let root: RedirectUrl = "https://a.com".parse().unwrap();
        assert!(root.leads_to("a.com", "/"), "an empty path is /");
    }
}
