//! A referer as it is recorded, so that another policy can be asked about it later.

use std::borrow::Cow;

use super::origin::{MALFORMED, origin};
use crate::domain::encode::lossy;
use crate::domain::referer::{
    Compare, Facts, Gate, HostRule, MAX_REFERER_BYTES, MalformedReferer, MissingReferer, Referers,
    is_settled,
};

/// So many bytes of a referer are kept. Longer ones are rare: browsers send the origin alone to
/// other sites.
pub const MAX_SUBJECT_BYTES: usize = 1024;

/// So many bytes of the name of a sample object are kept.
pub const MAX_SAMPLE_BYTES: usize = 256;

/// How a referer was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SubjectKind {
    /// As a whole.
    Whole,
    /// The first [`MAX_SUBJECT_BYTES`] of one that has more.
    Cut,
    /// Not at all: it has over [`MAX_REFERER_BYTES`], and no policy looks at such a text.
    TooLong,
    /// Not at all: the request has several `Referer` lines.
    Several,
    /// There is none, and the browser says that a page of another site embeds the object.
    Embed,
}

/// A recorded referer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject<'s> {
    /// How it was recorded.
    pub kind: SubjectKind,
    /// The text: empty for an absent or empty referer, and where none is recorded. What is not
    /// UTF-8 is U+FFFD, as for a matcher.
    pub text: Cow<'s, str>,
}

impl SubjectKind {
    const ALL: [Self; 5] = [Self::Whole, Self::Cut, Self::TooLong, Self::Several, Self::Embed];

    /// What is to be recorded of a request: the kind, and so much of the referer.
    pub fn of<'r>(facts: &Facts<'r>) -> (Self, &'r [u8]) {
        match facts.referers.sole() {
            None => (Self::Several, b""),
            Some(b"") if facts.is_cross_site_embed() => (Self::Embed, b""),
            Some(line) if line.len() > MAX_REFERER_BYTES => (Self::TooLong, b""),
            Some(line) => match line.get(..MAX_SUBJECT_BYTES) {
                Some(start) if start.len() < line.len() => (Self::Cut, start),
                _ => (Self::Whole, line),
            },
        }
    }

    const fn mark(self) -> char {
        match self {
            Self::Whole => '=',
            Self::Cut => '<',
            Self::TooLong => '>',
            Self::Several => '&',
            Self::Embed => '!',
        }
    }
}

impl<'s> Subject<'s> {
    /// Takes what was recorded.
    pub fn new(kind: SubjectKind, bytes: &'s [u8]) -> Self {
        Self { kind, text: lossy(bytes) }
    }

    /// The [`origin`](super::origin()) that it is counted under; `(malformed)` if the referer was
    /// not recorded.
    pub fn origin(&self) -> String {
        match self.kind {
            SubjectKind::Whole | SubjectKind::Cut | SubjectKind::Embed => origin(&self.text),
            SubjectKind::TooLong | SubjectKind::Several => MALFORMED.to_owned(),
        }
    }

    /// The key of its entry in a list.
    pub fn key(&self) -> String {
        let mut key = String::with_capacity(self.text.len() + 1);
        key.push(self.kind.mark());
        key.push_str(&self.text);
        key
    }

    /// The subject of a key.
    pub fn of_key(entry: &'s str) -> Option<Self> {
        let mark = entry.chars().next()?;
        let kind = SubjectKind::ALL.into_iter().find(|kind| kind.mark() == mark)?;
        Some(Self { kind, text: entry.get(mark.len_utf8()..)?.into() })
    }

    /// Whether a bucket's rules let the request pass, monitored or not; `None` if what was
    /// recorded does not tell. What a cut text tells depends on how much of it is compared.
    pub fn is_allowed(&self, gate: &Gate) -> Option<bool> {
        let ask = |line: &[u8]| {
            let facts = Facts::of(Referers::read([line]));
            Some(gate.decide(&facts).refused().is_none())
        };
        let text = self.text.as_bytes();
        match self.kind {
            SubjectKind::Whole => ask(text),
            SubjectKind::Embed => {
                let browser = Facts {
                    sec_fetch_site: Some(b"cross-site"),
                    sec_fetch_dest: Some(b"image"),
                    ..Facts::of(Referers::read([]))
                };
                Some(gate.decide(&browser).refused().is_none())
            }
            SubjectKind::TooLong => ask(&[b'x'; MAX_REFERER_BYTES + 1]),
            SubjectKind::Cut if is_cut_enough(text, gate) => ask(text),
            SubjectKind::Several if denies_nothing(gate) => Some(true),
            SubjectKind::Cut | SubjectKind::Several => None,
        }
    }
}

/// Whether all that a bucket's rules look at is in the beginning of a referer.
fn is_cut_enough(beginning: &[u8], gate: &Gate) -> bool {
    let policy = gate.policy();
    let host = match gate.extras().host {
        HostRule::Prefix => true,
        HostRule::Strict => is_settled(beginning, Compare::Origin),
    };
    // A referer may be malformed at its very end.
    gate.extras().malformed == MalformedReferer::AsText
        && host
        && (!policy.has_lists() || is_settled(beginning, policy.compare))
}

/// Whether every request passes, whatever its referer lines.
fn denies_nothing(gate: &Gate) -> bool {
    let (extras, policy) = (gate.extras(), gate.policy());
    let missing = matches!(extras.missing, MissingReferer::AsPolicy | MissingReferer::Allow);
    !policy.has_lists() && missing && extras.malformed == MalformedReferer::AsText
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::referer::{Extras, Mode, Pattern, Policy};

    fn whitelist(pattern: &str, compare: Compare) -> Gate {
        let allow = vec![Pattern::read(pattern).unwrap()];
        Gate::new(Policy { compare, allow, ..Policy::default() }, Extras::default())
    }

    fn recorded(lines: &[&[u8]]) -> String {
        let referers = Referers::read(lines.iter().copied());
        let (kind, bytes) = SubjectKind::of(&Facts::of(referers));
        Subject::new(kind, bytes).key()
    }

    #[test]
    fn what_is_recorded() {
        let line = |length: usize| vec![b'x'; length];
        assert_eq!(recorded(&[]), "=");
        assert_eq!(recorded(&[b" http://a.com "]), "=http://a.com");
        assert_eq!(recorded(&[b"\xff"]), "=\u{fffd}");
        assert_eq!(recorded(&[b"a", b"a"]), "&");
        assert_eq!(recorded(&[&line(1024)]), format!("={}", "x".repeat(1024)));
        assert_eq!(recorded(&[&line(1025)]), format!("<{}", "x".repeat(1024)));
        assert_eq!(recorded(&[&line(4097)]), ">");
    }

    #[test]
    fn what_browsers_say_of_a_missing_referer_is_recorded() {
        let said = |lines: &[&[u8]], dest: &str| {
            let facts = Facts {
                sec_fetch_site: Some(b"cross-site"),
                sec_fetch_dest: Some(dest.as_bytes()),
                ..Facts::of(Referers::read(lines.iter().copied()))
            };
            let (kind, bytes) = SubjectKind::of(&facts);
            Subject::new(kind, bytes).key()
        };
        assert_eq!(said(&[], "image"), "!");
        assert_eq!(said(&[b" "], "video"), "!");
        assert_eq!(said(&[], "document"), "=");
        assert_eq!(said(&[b"http://a.com/"], "image"), "=http://a.com/");
        assert_eq!(said(&[b"", b""], "image"), "&");
    }

    #[test]
    fn a_key_gives_its_subject_back() {
        for key in ["=", "=http://a.com/", "<http://中", ">", "&", "!"] {
            assert_eq!(Subject::of_key(key).unwrap().key(), key);
        }
        assert_eq!(Subject::of_key(""), None);
        assert_eq!(Subject::of_key("x"), None);
    }

    #[test]
    fn what_is_not_recorded_has_no_origin() {
        let origin = |key| Subject::of_key(key).unwrap().origin();
        assert_eq!(origin("="), "(none)");
        assert_eq!(origin("!"), "(none)");
        assert_eq!(origin("<http://A.com/x"), "http://a.com");
        assert_eq!(origin(">"), "(malformed)");
        assert_eq!(origin("&"), "(malformed)");
    }

    #[test]
    fn a_cut_text_tells_as_much_as_the_policy_needs() {
        let cut = format!("<http://a.com/{}", "p".repeat(1011));
        let query = format!("<http://a.com/?{}", "q".repeat(1010));
        let host = format!("<http://{}", "h".repeat(1017));
        #[rustfmt::skip]
        let table = [
            ("a path, compared whole",    &cut,   Compare::WithQuery, None),
            ("a path, compared to query", &cut,   Compare::WithPath,  None),
            ("a path, origin compared",   &cut,   Compare::Origin,    Some(true)),
            ("a query, compared whole",   &query, Compare::WithQuery, None),
            ("a query, compared to it",   &query, Compare::WithPath,  Some(true)),
            ("a host, origin compared",   &host,  Compare::Origin,    None),
        ];
        for (name, key, compare, want) in table {
            let subject = Subject::of_key(key).unwrap();
            assert_eq!(subject.is_allowed(&whitelist("http://a.com/", compare)), want, "{name}");
        }
        let anything = Gate::new(Policy::default(), Extras::default());
        assert_eq!(Subject::of_key(&cut).unwrap().is_allowed(&anything), Some(true));
        assert_eq!(Subject::of_key("&").unwrap().is_allowed(&anything), Some(true));
        let listed = whitelist("*", Compare::WithPath);
        assert_eq!(Subject::of_key("&").unwrap().is_allowed(&listed), None);
        assert_eq!(Subject::of_key(">").unwrap().is_allowed(&listed), Some(false), "too long");
        assert_eq!(Subject::of_key("=").unwrap().is_allowed(&listed), Some(true), "empty");
    }

    #[test]
    fn settings_beyond_oss_are_asked_too() {
        #[rustfmt::skip]
        let table = [
            ("monitored, by its rules",  "=http://b.com/", Extras { mode: Mode::Monitor, ..Extras::default() }, Some(false)),
            ("a look-alike",             "=http://a.com.b.com/", Extras::default(), Some(true)),
            ("a look-alike, strict",     "=http://a.com.b.com/", Extras { host: HostRule::Strict, ..Extras::default() }, Some(false)),
            ("missing, denied",          "=", Extras { missing: MissingReferer::Deny, ..Extras::default() }, Some(false)),
            ("missing, from a program",  "=", Extras { missing: MissingReferer::DenyCrossSiteEmbeds, ..Extras::default() }, Some(true)),
            ("removed by a page",        "!", Extras { missing: MissingReferer::DenyCrossSiteEmbeds, ..Extras::default() }, Some(false)),
            ("removed, and no matter",   "!", Extras::default(), Some(true)),
            ("malformed as text",        "=http://a.com#", Extras::default(), Some(true)),
            ("malformed",                "=http://a.com#", Extras { malformed: MalformedReferer::Deny, ..Extras::default() }, Some(false)),
        ];
        for (name, key, extras, want) in table {
            let allow = vec![Pattern::read("http://a.com").unwrap()];
            let gate = Gate::new(Policy { allow, ..Policy::default() }, extras);
            assert_eq!(Subject::of_key(key).unwrap().is_allowed(&gate), want, "{name}");
        }
    }
}
