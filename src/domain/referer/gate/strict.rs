//! The strict host rule: which entries of a whitelist vouch for the *host* of a subject and not
//! only for the text that it begins with.
//!
//! # What an entry vouches for
//!
//! Entry and subject are split behind the host: `http://*.a.com` and `/dir/`. The first part must
//! fit the host from end to end, the second fits the beginning of the rest. So `*` stays where it
//! was written: in `*.a.com` it never reaches over the `/` in `http://evil.net/x.a.com`.
//!
//! | entry | vouches for | and not for |
//! | --- | --- | --- |
//! | `http://a.com`, `http://a.com/` | `http://a.com/x`, `http://a.com:8080/x` | `http://a.com.evil.net/`, `http://a.community/` |
//! | `*.a.com` | `https://x.y.a.com/` | `https://a.com/`, `http://evil.net/x.a.com` |
//! | `*a.com`, `http://*a.com` | `https://a.com/`, `https://x.a.com/` | `https://evila.com/` |
//! | `http://a.com/dir/` | `http://a.com/dir/x` | `http://a.com/`, `http://a.com.evil.net/dir/` |
//! | `http://a.com:8080` | `http://a.com:8080/` | `http://a.com/`, `http://a.com:80801/` |
//! | `http://a.com*` | `http://a.com.evil.net/`: it says so | |
//! | `*` | every host | |
//!
//! - *Port.* The rule is about hosts, so an entry without a port vouches for all ports of its
//!   host. An entry with one vouches for that port alone.
//! - *A `*` at the beginning of a host*, with a letter or digit behind it, stands for whole labels:
//!   `*a.com` is the short form that OSS documents for a host and all below it, and nobody means
//!   `evila.com` by it.
//! - *What no browser sends* has no host that could be vouched for: user information, escapes or
//!   a backslash in the authority, a port that is none.
//! - *No path* is the path `/`, as for browsers. Whoever asks here has asked the plain rule
//!   before, so this never admits what OSS would not.
//! - *A subject that is no URL* (`mibrowser:home`) is compared up to its first `/`.

use super::super::matcher::Matcher;
use super::super::subject::{before_path, before_query, subject};
use super::super::url::Authority;
use super::super::{Allowed, Compare, Decision, EmptyReferer, Entry, Pattern, Policy, Referers};
use super::glob;

/// A whitelist, compiled for the strict host rule.
#[derive(Debug)]
pub(super) enum StrictHosts {
    /// As a policy is compiled.
    Compiled(Box<Compiled>),
    /// Not at all: every entry is asked. For a policy that is not compiled either.
    Provisional,
}

#[derive(Debug)]
pub(super) struct Compiled {
    /// The entries that want nothing of the path.
    hosts: Hosts,
    /// The hosts of the others; which of them fits is found one by one.
    paths: Hosts,
}

/// Patterns of hosts, answered by a matcher, so that long lists are as fast as a policy's.
#[derive(Debug)]
struct Hosts {
    matcher: Matcher,
    /// Of each pattern of the matcher, the position of its entry in the whitelist, ascending.
    entries: Vec<usize>,
}

impl StrictHosts {
    /// Compiles the whitelist of a policy.
    pub(super) fn new(policy: &Policy) -> Self {
        let split = |pattern: &Pattern| Rule::of(pattern.as_str()).wants_path();
        let (hosts, paths) = (Hosts::new(policy, |p| !split(p)), Hosts::new(policy, split));
        Self::Compiled(Box::new(Compiled { hosts, paths }))
    }

    /// The first entry that vouches for the host of a line. `plain` is the first one that fits
    /// the line as text; usually it is the same.
    pub(super) fn find<'p>(
        &self,
        policy: &'p Policy,
        line: &[u8],
        plain: Entry<'p>,
    ) -> Option<Entry<'p>> {
        let subject = subject(line, policy.compare);
        let place = Place::read(&subject)?;
        if Rule::of(plain.pattern.as_str()).fits(&place) {
            return Some(plain);
        }
        let position = self.first(policy, &place)?;
        Some(Entry { position, pattern: policy.allow.get(position)? })
    }

    fn first(&self, policy: &Policy, place: &Place<'_>) -> Option<usize> {
        let vouches = |pattern: &Pattern| Rule::of(pattern.as_str()).fits(place);
        let Compiled { hosts, paths } = match self {
            Self::Compiled(compiled) => &**compiled,
            Self::Provisional => return policy.allow.iter().position(vouches),
        };
        let with_path = paths.first(place).and_then(|_| {
            let vouches = |at: &&usize| policy.allow.get(**at).is_some_and(vouches);
            paths.entries.iter().find(vouches).copied()
        });
        match (hosts.first(place), with_path) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }
}

impl Hosts {
    fn new(policy: &Policy, wanted: impl Fn(&Pattern) -> bool) -> Self {
        let (mut allow, mut entries) = (Vec::new(), Vec::new());
        for (position, pattern) in policy.allow.iter().enumerate().filter(|(_, p)| wanted(p)) {
            for form in Rule::of(pattern.as_str()).forms() {
                allow.extend(Pattern::read(&(form + "/")));
                entries.push(position);
            }
        }
        let (empty, compare) = (EmptyReferer::Deny, Compare::Origin);
        Self { matcher: Matcher::new(Policy { empty, compare, allow, deny: Vec::new() }), entries }
    }

    /// The first entry whose host fits, with the port or without it.
    fn first(&self, place: &Place<'_>) -> Option<usize> {
        let exact = self.find(place.origin);
        match (exact, place.portless.and_then(|origin| self.find(origin))) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    fn find(&self, origin: &str) -> Option<usize> {
        let line = format!("{origin}/");
        match self.matcher.decide(&Referers::read([line.as_bytes()])) {
            Decision::Allow(Allowed::Listed(entry)) => self.entries.get(entry.position).copied(),
            Decision::Allow(Allowed::EmptyReferer | Allowed::NoWhitelist) | Decision::Deny(_) => {
                None
            }
        }
    }
}

/// A subject, split behind its host.
#[derive(Clone, Copy, Debug)]
struct Place<'s> {
    /// `scheme://host:port`
    origin: &'s str,
    /// The same without the port, if it has one.
    portless: Option<&'s str>,
    /// The path and what follows it; never empty.
    rest: &'s str,
}

impl<'s> Place<'s> {
    /// Splits a subject; `None` is one that nothing can vouch for.
    fn read(subject: &'s str) -> Option<Self> {
        let origin = before_path(before_query(subject));
        let rest = subject.get(origin.len()..).filter(|rest| !rest.is_empty()).unwrap_or("/");
        let Some((_, authority)) = origin.split_once("://") else {
            let bad = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '@' | '\\');
            return (!origin.contains(bad)).then_some(Self { origin, portless: None, rest });
        };
        let port = Authority::parse(authority)?.port;
        let portless = port.and_then(|port| origin.strip_suffix(port)?.strip_suffix(':'));
        Some(Self { origin, portless, rest })
    }
}

/// An entry of the whitelist, split behind its host.
#[derive(Clone, Copy, Debug)]
struct Rule<'p> {
    scheme: &'p str,
    host: &'p str,
    path: &'p str,
}

impl<'p> Rule<'p> {
    fn of(pattern: &'p str) -> Self {
        let (scheme, rest) = split_scheme(pattern);
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        Self { scheme, host, path }
    }

    /// Whether the entry says more of the path than that it begins.
    fn wants_path(&self) -> bool {
        !self.path.strip_prefix('/').unwrap_or_default().trim_matches('*').is_empty()
    }

    /// The host that stands behind a `*` which stands for whole labels.
    fn below(&self) -> Option<&'p str> {
        let tail = self.host.trim_start_matches('*');
        let is_name = |c: char| c.is_ascii_alphanumeric() || !c.is_ascii();
        (tail.len() < self.host.len() && tail.starts_with(is_name)).then_some(tail)
    }

    /// The patterns of hosts that the entry stands for.
    fn forms(&self) -> impl Iterator<Item = String> + use<'p> {
        let Self { scheme, host, .. } = *self;
        let forms = match self.below() {
            None => [Some(format!("{scheme}{host}")), None, None],
            Some(tail) => [
                Some(format!("{scheme}{tail}")),
                Some(format!("{scheme}*.{tail}")),
                // Without a scheme in the entry, the `*` also stands for any.
                scheme.is_empty().then(|| format!("*/{tail}")),
            ],
        };
        forms.into_iter().flatten()
    }

    fn fits(&self, place: &Place<'_>) -> bool {
        let host_fits = |form: &str| {
            let fits = |origin: &str| glob::fits(form, origin);
            fits(place.origin) || place.portless.is_some_and(fits)
        };
        let path_fits = || !self.wants_path() || glob::fits_start(self.path, place.rest);
        path_fits() && self.forms().any(|form| host_fits(&form))
    }
}

/// Splits `scheme://` off a pattern. `*//a.com` has one too: `https:` is what the `*` is for.
fn split_scheme(pattern: &str) -> (&str, &str) {
    let slash = pattern.find('/').unwrap_or(pattern.len());
    let (before, after) = pattern.split_at(slash);
    if before.ends_with([':', '*']) && after.starts_with("//") {
        pattern.split_at(slash + "//".len())
    } else {
        ("", pattern)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn policy(allow: &[&str], compare: Compare) -> Policy {
        let allow = allow.iter().map(|text| Pattern::read(text).unwrap()).collect();
        Policy { compare, allow, ..Policy::default() }
    }

    /// The position of the entry that vouches, as a gate asks for it.
    fn vouches(policy: &Policy, referer: &str) -> Option<usize> {
        let matcher = Matcher::new(policy.clone());
        let decision = matcher.decide(&Referers::read([referer.as_bytes()]));
        let Decision::Allow(Allowed::Listed(plain)) = decision else { return None };
        let strict = StrictHosts::new(policy);
        strict.find(policy, referer.as_bytes(), plain).map(|entry| entry.position)
    }

    /// `(entry, referer, whether the entry vouches for it)`.
    #[rustfmt::skip]
    const ROWS: &[(&str, &str, bool)] = &[
        // The whole host.
        ("http://a.com", "http://a.com", true),
        ("http://a.com", "http://a.com/", true),
        ("http://a.com", "http://a.com/x/y", true),
        ("http://a.com", "HTTP://A.COM/X", true),
        ("HTTP://A.com", "http://a.com/", true),
        ("http://a.com/", "http://a.com/x", true),
        ("http://a.com/*", "http://a.com/x", true),
        ("http://a.com", "http://a.com?x", true),
        ("http://a.com", "https://a.com/", false),
        ("http://a.com", "http://a.com.evil.net/", false),
        ("http://a.com", "http://a.com.evil.net", false),
        ("http://a.com", "http://a.community/", false),
        ("http://a.com", "http://a.com.", false),
        ("http://a.com", "http://a.com-evil.net/", false),
        // Subdomains.
        ("*.a.com", "https://x.a.com/", true),
        ("*.a.com", "https://x.y.a.com/p", true),
        ("*.a.com", "https://a.com/", false),
        ("*.a.com", "https://x.a.com.evil.net/", false),
        ("*.a.com", "http://evil.net/x.a.com", false),
        ("*.a.com", "http://evil.net?x.a.com", false),
        ("*.a.com", "http://evil.net#.a.com", false),
        ("http://*.a.com/", "http://x.a.com/", true),
        ("http://*.a.com/", "http://evil.net/.a.com/", false),
        // Whole labels.
        ("*a.com", "https://a.com/", true),
        ("*a.com", "a.com", true),
        ("*a.com", "https://x.a.com/", true),
        ("*a.com", "https://evila.com/", false),
        ("http://*a.com", "http://a.com/", true),
        ("http://*a.com", "http://x.a.com/", true),
        ("http://*a.com", "http://evila.com/", false),
        ("**a.com", "https://evila.com/", false),
        ("*servicewechat.com", "https://servicewechat.com/wx1/1/page-frame.html", true),
        ("*baidu*", "https://www.baidu.com/s", true),
        ("*baidu*", "https://notbaidu.com/", false),
        // A wildcard that says what it means.
        ("*", "https://a.com/", true),
        ("*", "null", true),
        ("http*://a.com", "https://a.com/x", true),
        ("*://a.com", "https://a.com/x", true),
        ("*//a.com", "https://a.com/x", true),
        ("http://www?.a.com", "http://www1.a.com/", true),
        ("http://www?.a.com", "http://www1.a.com.evil.net/", false),
        ("http://a.com*", "http://a.com.evil.net/", true),
        // Ports.
        ("http://a.com", "http://a.com:8080/x", true),
        ("http://a.com", "http://a.com:8080", true),
        ("http://a.com:8080", "http://a.com:8080/", true),
        ("http://a.com:8080", "http://a.com/", false),
        ("http://a.com:80", "http://a.com:8080/", false),
        ("http://[::1]", "http://[::1]:8080/", true),
        ("http://a.com", "http://a.com:99999/", false),
        ("http://a.com", "http://a.com:x/", false),
        // Paths.
        ("http://a.com/dir/", "http://a.com/dir/x", true),
        ("http://a.com/dir/", "http://a.com/", false),
        ("http://*.a.com/dir", "http://x.a.com/directory", true),
        ("http://*/dir/", "http://a.com/dir/x", true),
        ("http://*/dir/", "http://a.com/x/dir/", false),
        ("*.a.com/dir", "http://evil.net/x.a.com/dir", false),
        // What no browser sends.
        ("http://a.com", "http://a.com@evil.net/", false),
        ("http://a.com", "http://a.com:x@evil.net/", false),
        ("*.a.com", "http://evil.net\\x.a.com/", false),
        ("*.a.com", "http://evil.net%2ex.a.com/", false),
        ("*", "https://me@a.com/", false),
        ("*.a.com", "https:\\\\evil.net\\.a.com", false),
        ("*", "file:///home/x", false),
        // No URLs.
        ("mibrowser:home", "mibrowser:home", true),
        ("android-app://com.x", "android-app://com.x/", true),
        ("android-app://com.x", "android-app://com.xyz/", false),
        ("aliyun?.com", "aliyuna.com", true),
        ("aliyun?.com", "aliyuna.com.evil.net", false),
        ("*", "?x", true),
    ];

    #[test]
    fn hosts_end_where_entries_end() {
        for (entry, referer, want) in ROWS.iter().copied() {
            let policy = policy(&[entry], Compare::WithPath);
            assert_eq!(vouches(&policy, referer).is_some(), want, "{entry} {referer}");
        }
    }

    #[test]
    fn the_first_entry_that_vouches_is_named() {
        let list = ["http://a", "http://a.com/dir/", "http://a.com/", "http://*.com"];
        let policy = policy(&list, Compare::WithPath);
        assert_eq!(vouches(&policy, "http://a.com/dir/x"), Some(1));
        assert_eq!(vouches(&policy, "http://a.com/x"), Some(2));
        assert_eq!(vouches(&policy, "http://a.com"), Some(2), "no path is /");
        assert_eq!(vouches(&policy, "http://abc.com/"), Some(3));
        assert_eq!(vouches(&policy, "http://a.net/"), None);
        assert_eq!(vouches(&policy, "http://a:8080/"), Some(0));
    }

    #[test]
    fn all_of_a_referer_is_compared_as_the_policy_says() {
        let with_query = policy(&["*.a.com", "http://b.com/?x=1"], Compare::WithQuery);
        assert_eq!(vouches(&with_query, "http://evil.net/?x=.a.com"), None);
        assert_eq!(vouches(&with_query, "http://b.com/?x=1&y"), Some(1));
        assert_eq!(vouches(&with_query, "http://b.com/?x=2"), None);
        let origin = policy(&["http://a.com/", "http://b.com/dir"], Compare::Origin);
        assert_eq!(vouches(&origin, "http://a.com/dir?x"), Some(0));
        assert_eq!(vouches(&origin, "http://b.com/dir"), None, "a path is never compared");
    }

    proptest! {
        /// Whatever fits an entry strictly fits it as text, but for the path `/` that is not
        /// written; and a host of plain labels is the one that the entry names, or one below it.
        #[test]
        fn strict_is_narrower(
            entry in "(\\*|\\*\\.|http://|http://\\*\\.)a\\.b(/|/x|:8)?",
            referer in "http://[ab.@:8/x*?]{0,9}(a\\.b)?[ab.@:8/x]{0,6}",
        ) {
            let list = policy(&[&entry], Compare::WithPath);
            let subject = subject(referer.as_bytes(), Compare::WithPath);
            let Some(place) = Place::read(&subject) else { return Ok(()) };
            if Rule::of(&entry).fits(&place) {
                let plain = Matcher::new(list);
                let slashed = format!("{}{}", place.origin, place.rest);
                let portless = format!("{}{}", place.portless.unwrap_or("-"), place.rest);
                let fits = [slashed, portless].iter().any(|text| {
                    plain.decide(&Referers::read([text.as_bytes()])).is_allowed()
                });
                prop_assert!(fits, "{entry} {referer}");
                let authority = Authority::parse(place.origin.trim_start_matches("http://"));
                let host = authority.unwrap().host;
                prop_assert!(host == "a.b" || host.ends_with(".a.b"), "{entry} {referer}");
            }
        }

        /// Compiled and one by one are the same.
        #[test]
        fn the_index_agrees_with_the_rules(
            entries in prop::collection::vec("(\\*|http://)?[ab*?.]{1,4}(:8)?(/[x*]{0,2})?", 1..5),
            referer in "(http://)?[ab.]{0,4}(:8)?(/x{0,2})?",
        ) {
            let list: Vec<&str> = entries.iter().map(String::as_str).collect();
            let policy = policy(&list, Compare::WithPath);
            let subject = subject(referer.as_bytes(), Compare::WithPath);
            let Some(place) = Place::read(&subject) else { return Ok(()) };
            let one_by_one = StrictHosts::Provisional.first(&policy, &place);
            prop_assert_eq!(StrictHosts::new(&policy).first(&policy, &place), one_by_one);
        }
    }
}
