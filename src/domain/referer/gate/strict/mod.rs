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

use super::glob;
use crate::domain::referer::subject::{before_path, before_query, subject};
use crate::domain::referer::url::Authority;
use crate::domain::referer::{
    Allowed, Compare, Decision, EmptyReferer, Entry, Matcher, Pattern, Policy, Referers,
};

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

/// Stands between host and path where both are one text. No referer has it.
pub(in crate::domain::referer) const MARK: char = '\u{1}';

/// What an entry vouches for, as patterns of host, [`MARK`] and path that fit the beginning of a
/// subject that is written alike. The mark of the pattern can only meet that of the subject, so no
/// `*` of the host reaches into the path.
pub(in crate::domain::referer) fn marked_forms(entry: &str) -> Vec<String> {
    let rule = Rule::of(entry);
    let path = if rule.wants_path() { rule.path } else { "" };
    rule.forms().map(|form| format!("{form}{MARK}{path}")).collect()
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
mod tests;
