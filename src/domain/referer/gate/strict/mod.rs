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

//!
//! # How the first entry is found
//!
//! Each entry is written as patterns of host, [`MARK`] and path, and so is the subject. There is
//! one mark in a subject, so that of a pattern can only meet this one, and a text that fits is a
//! host that fits and a path that fits. So one index over the patterns answers, within its bounds.

use crate::domain::referer::cache::Cache;
use crate::domain::referer::compiled::Compiled;
use crate::domain::referer::glob::{fits, normalise};
use crate::domain::referer::patience::Patience;
use crate::domain::referer::subject::{before_path, before_query, subject};
use crate::domain::referer::url::Authority;
use crate::domain::referer::{Engine, Entry, Pattern, Policy, Rank};

/// A whitelist for the strict host rule. It remembers answers as a matcher does.
#[derive(Debug)]
pub(super) struct StrictHosts {
    /// `None` asks every entry: for a policy that is not compiled either.
    forms: Option<Forms>,
    /// The positions of answers in the whitelist, as ranks.
    cache: Cache,
}

/// The patterns of all entries, compiled.
#[derive(Debug)]
struct Forms {
    rules: Compiled,
    /// Of each pattern the position of its entry in the whitelist, ascending.
    entries: Box<[Rank]>,
}

impl StrictHosts {
    /// Compiles the whitelist of a policy, which takes as long as compiling the policy.
    pub(super) fn new(policy: &Policy) -> Self {
        Self { forms: Some(Forms::new(policy)), cache: Cache::new(policy.allow.len()) }
    }

    /// Takes a policy as it is.
    pub(super) fn provisional(policy: &Policy) -> Self {
        Self { forms: None, cache: Cache::new(policy.allow.len()) }
    }

    /// The first entry that vouches for the host of a line. `plain` is the first one that fits
    /// the line as text; usually it is the same.
    pub(super) fn find<'p, P: Patience>(
        &self,
        policy: &'p Policy,
        (line, plain): (&[u8], Entry<'p>),
        patience: P,
    ) -> Result<Option<Entry<'p>>, P::Over> {
        let subject = subject(line, policy.compare);
        let found = self.cache.get_or(&subject, || {
            let Some(place) = Place::read(&subject) else { return Ok(None) };
            if Rule::of(plain.pattern.as_str()).fits(&place) {
                return Ok(Rank::of(plain.position));
            }
            self.first(policy, &place, patience)
        })?;
        Ok(found.and_then(|rank| Entry::of(&policy.allow, rank.before())))
    }

    fn first<P: Patience>(
        &self,
        policy: &Policy,
        place: &Place<'_>,
        patience: P,
    ) -> Result<Option<Rank>, P::Over> {
        match &self.forms {
            // A second mark comes in no request, only from people who ask why.
            Some(forms) if !place.rest.contains(MARK) => forms.first(place, patience),
            Some(_) | None => {
                patience.bear(usize::MAX, place.rest)?;
                let vouches = |entry: &Pattern| Rule::of(entry.as_str()).fits(place);
                Ok(policy.allow.iter().position(vouches).and_then(Rank::of))
            }
        }
    }
}

impl Forms {
    fn new(policy: &Policy) -> Self {
        let (mut patterns, mut entries) = (Vec::new(), Vec::new());
        for (position, entry) in policy.allow.iter().enumerate() {
            for form in marked_forms(entry.as_str()) {
                patterns.extend(Pattern::read(&form));
                entries.extend(Rank::of(position));
            }
        }
        let rules = Compiled::new(|| patterns.iter(), Engine::Index);
        Self { rules, entries: entries.into() }
    }

    /// The first entry that vouches for a host, with its port or without it.
    fn first<P: Patience>(&self, place: &Place<'_>, patience: P) -> Result<Option<Rank>, P::Over> {
        let mut best: Option<Rank> = None;
        for host in place.hosts() {
            let found = self.rules.first(&format!("{host}{}", place.rest), patience)?;
            let entry = found.and_then(|form| self.entries.get(form.before()).copied());
            best = best.into_iter().chain(entry).min();
        }
        Ok(best)
    }
}

/// A subject, split behind its host.
#[derive(Clone, Copy, Debug)]
struct Place<'s> {
    /// `scheme://host:port`, which has no [`MARK`].
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

    /// The host, with its port and without it, before the mark.
    fn hosts(&self) -> impl Iterator<Item = String> {
        [Some(self.origin), self.portless].into_iter().flatten().map(|it| format!("{it}{MARK}"))
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

    /// Whether the entry vouches for a place: what the compiled patterns answer, for one entry.
    fn fits(&self, place: &Place<'_>) -> bool {
        if self.wants_path() && !fits(&normal(self.path), place.rest.as_bytes()) {
            return false;
        }
        // A pattern fits the beginning of a text; the mark is the end of this one.
        let hosts: Vec<String> = place.hosts().collect();
        self.forms().any(|form| {
            let form = normal(&format!("{form}{MARK}"));
            hosts.iter().any(|host| fits(&form, host.as_bytes()))
        })
    }
}

fn normal(pattern: &str) -> Vec<u8> {
    let mut normal = Vec::with_capacity(pattern.len());
    normalise(pattern, &mut normal);
    normal
}

/// Stands between host and path where both are one text. No referer of a request has it.
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
mod by_definition;
#[cfg(test)]
mod tests;
