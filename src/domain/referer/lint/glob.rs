//! Patterns compared with patterns, and with all the URLs that a browser could send.
//!
//! All patterns here are *normal*: in lower case, without `*` at the end, where it adds nothing. One
//! pattern text then stands for one set of subjects: those that it fits the beginning of.

use crate::domain::referer::Compare;

/// The normal form of a pattern.
pub(super) fn normal(pattern: &str) -> String {
    let mut text = pattern.to_ascii_lowercase();
    text.truncate(text.trim_end_matches('*').len());
    text
}

/// Whether a normal pattern has no wildcard, so that it is a plain beginning.
pub(super) fn is_plain(pattern: &str) -> bool {
    !pattern.contains(['*', '?'])
}

/// Whether `wide` matches whatever `narrow` matches, as far as that can be told within `steps`.
///
/// `true` is certain. `narrow` is read as a text in which its wildcards are letters of their own:
/// a `*` of it can only be taken in by a `*`, a `?` by `*` or `?`. What it then matches, whatever
/// stands for those letters, `wide` matches too. `false` may be a mistake in rare cases
/// (`a*?` and `a?*`), and is one when `steps` ran out, which leaves them at 0.
pub(super) fn covers(wide: &str, narrow: &str, steps: &mut u64) -> bool {
    let (mut w, mut n) = (wide.chars(), narrow.chars());
    let mut retry = None;
    loop {
        *steps = steps.saturating_sub(1);
        if *steps == 0 {
            return false;
        }
        let fits = match w.next() {
            None => return true,
            Some('*') => {
                retry = Some((w.clone(), n.clone()));
                continue;
            }
            Some('?') => n.next().map(|c| c != '*'),
            Some(literal) => n.next().map(|c| c == literal),
        };
        match fits {
            Some(true) => {}
            // The text is used up: giving more of it to an earlier star leaves even less.
            None => return false,
            Some(false) => match &mut retry {
                None => return false,
                Some((behind_star, from)) => {
                    from.next();
                    (w, n) = (behind_star.clone(), from.clone());
                }
            },
        }
    }
}

/// Whether a normal pattern matches the subject of at least one `http` or `https` URL, of any length,
/// as a browser writes it: in visible ASCII.
pub(super) fn matches_some_url(pattern: &str, compare: Compare) -> bool {
    ["http://", "https://"].iter().any(|scheme| Urls { scheme, compare }.meet(pattern))
}

/// The subjects of all URLs of a scheme, as an automaton: one state for each character of the
/// scheme, one for the host with its port, and one for what follows the slash behind it. A set of
/// states is a set of bits.
struct Urls {
    scheme: &'static str,
    compare: Compare,
}

impl Urls {
    /// What follows the scheme.
    fn host(&self) -> u32 {
        1 << self.scheme.len()
    }

    /// What can be followed by anything else of its kind: of an origin the slash is the end.
    fn endless(&self) -> u32 {
        match self.compare {
            Compare::Origin => self.host(),
            Compare::WithPath | Compare::WithQuery => self.host() | self.host() << 1,
        }
    }

    fn meet(&self, pattern: &str) -> bool {
        let everything = (self.host() << 2) - 1;
        let mut states = 1_u32;
        for c in pattern.chars() {
            states = match c {
                // From the earliest state on, every later one is within reach.
                '*' => everything & !((states & states.wrapping_neg()) - 1),
                '?' => ((states << 1) | (states & self.endless())) & everything,
                c => self.step(states, c),
            };
            if states == 0 {
                return false;
            }
        }
        true
    }

    fn step(&self, states: u32, c: char) -> u32 {
        let in_scheme = self.scheme.chars().enumerate();
        let mut next: u32 = in_scheme
            .filter(|&(at, expected)| states & (1 << at) != 0 && expected == c)
            .map(|(at, _)| 1 << (at + 1))
            .sum();
        // Browsers send neither users' names nor fragments.
        if states & self.host() != 0 {
            next |= match c {
                '/' => self.host() << 1,
                '@' | '#' => 0,
                '!'..='~' => self.host(),
                _ => 0,
            };
        }
        if states & self.endless() & !self.host() != 0 && c != '#' && matches!(c, '!'..='~') {
            next |= self.host() << 1;
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::referer::{Matcher, Pattern, Policy, Referers};
    use proptest::prelude::*;

    fn admits(pattern: &str, compare: Compare, referer: &str) -> bool {
        let allow = Pattern::read(pattern).into_iter().collect();
        let matcher = Matcher::new(Policy { compare, allow, ..Policy::default() });
        matcher.decide(&Referers::read([referer.as_bytes()])).is_allowed()
    }

    #[test]
    fn wide_and_narrow() {
        #[rustfmt::skip]
        let table = [
            ("a beginning", "http://a.com", "http://a.com/b", true),
            ("not the other way", "http://a.com/b", "http://a.com", false),
            ("itself", "http://*.a.com/", "http://*.a.com/", true),
            ("a star takes in text", "http://*.a.com/", "http://x.y.a.com/z", true),
            ("a star takes in a star", "http://*a.com/", "http://*.a.com/", true),
            ("a question mark takes in no star", "http://?.a.com/", "http://*.a.com/", false),
            ("a question mark takes in one character", "http://?.a.com/", "http://x.a.com/", true),
            ("not none", "http://?.a.com/", "http://.a.com/", false),
            ("the end may be missing", "http://a?", "http://a", false),
            ("everything", "", "x", true),
            ("a second try", "*ab", "aab", true),
        ];
        for (name, wide, narrow, want) in table {
            assert_eq!(covers(wide, narrow, &mut 1_000), want, "{name}");
        }
    }

    #[test]
    fn steps_run_out() {
        let mut steps = 10;
        assert!(!covers("*a*a*a*b", &"a".repeat(100), &mut steps));
        assert_eq!(steps, 0);
    }

    #[test]
    fn urls_that_a_pattern_can_meet() {
        use Compare::{Origin, WithPath, WithQuery};
        #[rustfmt::skip]
        let table = [
            ("http://a.com", [true, true, true]),
            ("a.com", [false, false, false]),
            ("*a.com", [true, true, true]),
            ("?ttps:/", [true, true, true]),
            ("?.a.com", [false, false, false]),
            ("http://a.com/?x=1", [true, true, false]),
            ("http://a.com/#x", [false, false, false]),
            ("*#", [false, false, false]),
            ("http://a.com@evil", [false, false, false]),
            ("https://user@q.com/", [false, false, false]),
            ("*://*@", [true, true, false]),
            ("http://a.com/@b", [true, true, false]),
            ("http://a.com/b", [true, true, false]),
            ("http://a.com/", [true, true, true]),
            ("http://a.com/*b", [true, true, false]),
            ("http://a.com*/", [true, true, true]),
            ("http://a.com?", [true, true, true]),
            ("http://a.com??????????/?", [true, true, false]),
            ("http://a b", [false, false, false]),
            ("http://中.com", [false, false, false]),
            ("ftp://a.com", [false, false, false]),
            ("htt*a", [true, true, true]),
        ];
        for (pattern, want) in table {
            let meets = [WithQuery, WithPath, Origin].map(|c| matches_some_url(pattern, c));
            assert_eq!(meets, want, "{pattern}");
        }
    }

    const COMPARES: [Compare; 3] = [Compare::WithQuery, Compare::WithPath, Compare::Origin];

    proptest! {
        #[test]
        fn what_is_covered_is_matched(
            wide in "[ab/*?]{1,6}", narrow in "[ab/*?]{1,6}", text in "[ab/]{1,8}",
        ) {
            let certain = covers(&normal(&wide), &normal(&narrow), &mut 10_000);
            if certain && admits(&narrow, Compare::WithQuery, &text) {
                prop_assert!(admits(&wide, Compare::WithQuery, &text));
            }
        }

        #[test]
        fn what_meets_no_url_matches_no_url(
            pattern in "[hts:/*?]{0,4}[/:]{0,2}[a/*?#@]{1,5}",
            url in "https?://[a:]{0,3}(/[a/@]{0,3}([?][a/?@]{0,3})?)?",
            compare in prop::sample::select(COMPARES.to_vec()),
        ) {
            if admits(&pattern, compare, &url) && Pattern::read(&pattern).is_some() {
                prop_assert!(matches_some_url(&normal(&pattern), compare));
            }
        }
    }
}
