//! The lists in a link of Tencent VOD: who may embed, and from where it may be watched.

use super::choices::Profile;
use super::denial::Reason;

/// The most entries of a list.
const MAX_ENTRIES: usize = 10;
/// The longest list.
const MAX_BYTES: usize = 1024;

/// The referers of a link (`whref`, `bkref`). Entries have no scheme: `abc.com`, `*.abc.com`,
/// `abc.com/dir`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefererLists<'a> {
    allow: Vec<&'a str>,
    deny: Vec<&'a str>,
    profile: Profile,
}

/// The regions of a link (`whreg`, `bkreg`), as codes of ISO 3166-1 alpha-3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegionLists<'a> {
    allow: Vec<&'a str>,
    deny: Vec<&'a str>,
}

impl<'a> RefererLists<'a> {
    /// Reads the lists of a link; `None` if it has none.
    pub(super) fn read(
        allow: Option<&'a str>,
        deny: Option<&'a str>,
        profile: Profile,
    ) -> Result<Option<Self>, Reason> {
        let allow = entries(allow, "whref", is_referer)?;
        let deny = entries(deny, "bkref", is_referer)?;
        let any = !(allow.is_empty() && deny.is_empty());
        Ok(any.then_some(Self { allow, deny, profile }))
    }

    /// Whether the `Referer` lines of a request pass; all of several must.
    ///
    /// Without a referer a link passes that only shuts out some; one that lists who may embed
    /// does not. A line that no browser sends never passes.
    pub fn allow<'r>(&self, lines: impl IntoIterator<Item = &'r [u8]>) -> bool {
        let mut lines = lines.into_iter().map(<[u8]>::trim_ascii).filter(|it| !it.is_empty());
        let mut any = false;
        let all = lines.all(|line| {
            any = true;
            self.allow_one(line)
        });
        all && (any || self.allow.is_empty())
    }

    fn allow_one(&self, line: &[u8]) -> bool {
        let Some(page) = Page::read(line) else { return false };
        let fits = |entry: &&str| page.fits(entry, self.profile);
        let listed = self.allow.is_empty() || self.allow.iter().any(&fits);
        listed && !self.deny.iter().any(fits)
    }
}

impl<'a> RegionLists<'a> {
    pub(super) fn read(
        allow: Option<&'a str>,
        deny: Option<&'a str>,
    ) -> Result<Option<Self>, Reason> {
        let allow = entries(allow, "whreg", is_region)?;
        let deny = entries(deny, "bkreg", is_region)?;
        let any = !(allow.is_empty() && deny.is_empty());
        Ok(any.then_some(Self { allow, deny }))
    }

    /// Whether a client of that region passes. One whose region is not known, or is told in other
    /// words than a link has for it, does not.
    pub fn allow(&self, region: Option<&str>) -> bool {
        let region = region.filter(|region| is_region(region));
        let has = |list: &[&str]| region.is_some_and(|region| list.contains(&region));
        region.is_some() && (self.allow.is_empty() || has(&self.allow)) && !has(&self.deny)
    }
}

/// The entries of a list. A list that is empty is none.
fn entries<'a>(
    list: Option<&'a str>,
    name: &str,
    good: impl Fn(&str) -> bool,
) -> Result<Vec<&'a str>, Reason> {
    let Some(list) = list.filter(|list| !list.is_empty()) else { return Ok(Vec::new()) };
    let entries: Vec<_> = list.split(',').collect();
    let fits = list.len() <= MAX_BYTES && entries.len() <= MAX_ENTRIES;
    if fits && entries.iter().all(|entry| good(entry)) {
        Ok(entries)
    } else {
        Err(Reason::Argument(name.to_owned()))
    }
}

fn is_region(entry: &str) -> bool {
    entry.len() == 3 && entry.bytes().all(|b| b.is_ascii_uppercase())
}

/// A host name in lower case, `*.` before it, a path behind it.
fn is_referer(entry: &str) -> bool {
    let entry = entry.strip_prefix("*.").unwrap_or(entry);
    let (host, path) = entry.split_at(entry.find('/').unwrap_or(entry.len()));
    let label = |label: &str| {
        let known = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
        !label.is_empty() && label.bytes().all(known)
    };
    let known = |b: u8| b.is_ascii_alphanumeric() || b"/-._%".contains(&b);
    host.contains('.') && host.split('.').all(label) && path.bytes().all(known)
}

/// A referer without its scheme, cut before its query.
struct Page {
    host: String,
    /// With its slash, or empty.
    path: String,
}

impl Page {
    fn read(line: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(line).ok()?;
        let rest = ["http://", "https://"].into_iter().find_map(|scheme| {
            let start = text.get(..scheme.len())?;
            start.eq_ignore_ascii_case(scheme).then(|| text.get(scheme.len()..))?
        })?;
        let rest = rest.split(['?', '#']).next()?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = authority.split_once(':').unwrap_or((authority, "0"));
        let known = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
        let good = !host.is_empty()
            && host.bytes().all(known)
            && !port.is_empty()
            && port.bytes().all(|b| b.is_ascii_digit());
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        good.then(|| Self { host, path: path.to_owned() })
    }

    /// The vendor compares beginnings, so that `abc.com` also lets in `abc.com.evil.net`; the
    /// strict profile compares hosts and whole segments.
    fn fits(&self, entry: &str, profile: Profile) -> bool {
        let (entry, below) = match entry.strip_prefix('*') {
            Some(rest) => (rest, true),
            None => (entry, false),
        };
        let (host, path) = entry.split_at(entry.find('/').unwrap_or(entry.len()));
        let host_fits = match (below, profile) {
            (true, _) => self.host.len() > host.len() && self.host.ends_with(host),
            (false, Profile::Compat) if path.is_empty() => return self.host.starts_with(host),
            (false, Profile::Strict | Profile::Compat) => self.host == host,
        };
        let rest = self.path.strip_prefix(path);
        let path_fits = match profile {
            Profile::Compat => rest.is_some(),
            Profile::Strict => rest.is_some_and(|rest| {
                rest.is_empty() || path.is_empty() || path.ends_with('/') || rest.starts_with('/')
            }),
        };
        host_fits && path_fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lists<'a>(allow: &'a str, deny: &'a str, profile: Profile) -> RefererLists<'a> {
        RefererLists::read(Some(allow), Some(deny), profile).unwrap().unwrap()
    }

    #[test]
    fn who_may_embed() {
        use Profile::{Compat, Strict};
        #[rustfmt::skip]
        let table = [
            ("a listed host",               "abc.com", "", Strict, "http://abc.com/x",        true),
            ("its case does not matter",    "abc.com", "", Strict, "HTTPS://ABC.com",         true),
            ("any port",                    "abc.com", "", Strict, "http://abc.com:8080/",    true),
            ("another host",                "abc.com", "", Strict, "http://evil.net/",        false),
            ("a host below it",             "abc.com", "", Strict, "http://www.abc.com/",     false),
            ("a wildcard",                "*.abc.com", "", Strict, "http://www.abc.com/",     true),
            ("a wildcard is not the apex","*.abc.com", "", Strict, "http://abc.com/",         false),
            ("a wildcard ends with the host","*.abc.com","",Compat,"http://x.abc.com.evil.net/",false),
            ("the vendor's prefix",         "abc.com", "", Compat, "http://abc.com.cn/",      true),
            ("no prefix when strict",       "abc.com", "", Strict, "http://abc.com.cn/",      false),
            ("a path",                  "abc.com/123", "", Strict, "http://abc.com/123/4",    true),
            ("a path is whole segments","abc.com/123", "", Strict, "http://abc.com/1234",     false),
            ("the vendor's path",       "abc.com/123", "", Compat, "http://abc.com/1234",     true),
            ("a user is no host",           "abc.com", "", Compat, "http://abc.com@evil.net/",false),
            ("a query is no host",          "abc.com", "", Compat, "http://evil.net/?abc.com",false),
            ("no URL",                      "abc.com", "", Compat, "abc.com",                 false),
            ("no referer",                  "abc.com", "", Strict, "",                        false),
            ("a banned host",               "", "abc.com", Compat, "http://abc.com/",         false),
            ("not banned",                  "", "abc.com", Compat, "http://other.net/",       true),
            ("nothing is not banned",       "", "abc.com", Compat, "",                        true),
            ("junk is not let through",     "", "abc.com", Compat, "data:x",                  false),
            ("banned wins",          "abc.com", "abc.com", Compat, "http://abc.com/",         false),
        ];
        for (name, allow, deny, profile, referer, want) in table {
            assert_eq!(lists(allow, deny, profile).allow([referer.as_bytes()]), want, "{name}");
        }
        let lists = lists("abc.com", "", Strict);
        assert!(!lists.allow([]), "no line at all");
        let two: [&[u8]; 2] = [b"http://abc.com/", b"http://evil.net/"];
        assert!(!lists.allow(two), "all of several lines must pass");
        assert!(!lists.allow(two.into_iter().rev()), "in any order");
    }

    #[test]
    fn lists_that_cannot_be_read() {
        let long = format!("{}.com", "a".repeat(MAX_BYTES));
        let many = ["a.com"; MAX_ENTRIES + 1].join(",");
        for list in
            ["abc", "ABC.com", "http://a.com", "a.com,", ",", "a..com", "a.com b", &long, &many]
        {
            let read = RefererLists::read(Some(list), None, Profile::Compat);
            assert_eq!(read, Err(Reason::Argument("whref".into())), "{list}");
        }
        assert_eq!(RefererLists::read(Some(""), None, Profile::Compat), Ok(None));
        for list in ["chn", "CN", "CHN,", "CHNA"] {
            assert!(RegionLists::read(None, Some(list)).is_err(), "{list}");
        }
    }

    #[test]
    fn from_where() {
        let read = |allow, deny| RegionLists::read(Some(allow), Some(deny)).unwrap().unwrap();
        assert!(read("CHN,USA", "").allow(Some("USA")));
        assert!(!read("CHN,USA", "").allow(Some("FRA")));
        assert!(!read("", "CHN").allow(Some("CHN")));
        assert!(read("", "CHN").allow(Some("FRA")));
        assert!(!read("", "CHN").allow(None), "a region that is not known passes nothing");
        for other in ["CN", "chn", "", "XX"] {
            assert!(!read("", "CHN").allow(Some(other)), "{other:?} is no region of a link");
        }
    }
}
