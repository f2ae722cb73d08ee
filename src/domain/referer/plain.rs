//! The plain matcher: the executable specification of what lists mean.
//!
//! It asks rule after rule with a wildcard matcher that this crate did not write, and the first
//! rule that fits is the answer. Requests are answered by faster engines; each has to agree with
//! this one on every subject, which tests and a fuzz target check. Nothing here may be made clever.

use wildmatch::WildMatch;

use super::{Pattern, Rank};

/// The rules of both lists, to be asked one after the other.
#[derive(Debug)]
pub(super) struct Plain(Vec<Rule>);

/// A pattern matches when it fits the beginning of the subject, so it is compared as if a `*`
/// followed it.
#[derive(Debug)]
enum Rule {
    /// Sound if the pattern has no wildcard but `*` at the end, where it adds nothing.
    Prefix(Box<str>),
    /// Sound for every pattern.
    Wild(WildMatch),
}

impl Plain {
    /// Takes the rules in the order in which they are asked.
    pub(super) fn new<'p>(rules: impl Iterator<Item = &'p Pattern>) -> Self {
        Self(rules.map(Rule::of).collect())
    }

    /// The first rule that fits.
    pub(super) fn first(&self, subject: &str) -> Option<Rank> {
        Rank::of(self.0.iter().position(|rule| rule.fits(subject))?)
    }
}

impl Rule {
    fn of(pattern: &Pattern) -> Self {
        let text = pattern.as_str().to_ascii_lowercase();
        let prefix = text.trim_end_matches('*');
        if prefix.contains(['*', '?']) {
            Self::Wild(WildMatch::new(&format!("{prefix}*")))
        } else {
            Self::Prefix(prefix.into())
        }
    }

    fn fits(&self, subject: &str) -> bool {
        match self {
            Self::Prefix(prefix) => subject.starts_with(&**prefix),
            Self::Wild(wild) => wild.matches(subject),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The prefix strategy is only an optimisation: on every input it agrees with the plain
        /// wildcard matcher.
        #[test]
        fn strategies_agree_with_wildmatch(pattern in "[ab*?/.中]{1,8}", text in "[ab/.中]{0,12}") {
            let rule = Rule::of(&Pattern::read(&pattern).unwrap());
            let plain = WildMatch::new(&format!("{pattern}*"));
            prop_assert_eq!(rule.fits(&text), plain.matches(&text));
        }

        /// `?` is one character, never none; `*` is any run. Checked against a matcher that tries
        /// everything.
        #[test]
        fn wildcards_mean_what_the_page_says(pattern in "[ab*?中]{1,6}", text in "[ab中]{0,7}") {
            fn fits(pattern: &[char], text: &[char]) -> bool {
                match (pattern, text) {
                    ([], _) => true,
                    (['*', rest @ ..], _) => (0..=text.len()).any(|n| fits(rest, &text[n..])),
                    (['?', rest @ ..], [_, tail @ ..]) => fits(rest, tail),
                    ([p, rest @ ..], [t, tail @ ..]) => p == t && fits(rest, tail),
                    (_, []) => false,
                }
            }
            let chars = |s: &str| s.chars().collect::<Vec<_>>();
            let rule = Rule::of(&Pattern::read(&pattern).unwrap());
            prop_assert_eq!(rule.fits(&text), fits(&chars(&pattern), &chars(&text)));
        }
    }

    #[test]
    fn patterns_without_inner_wildcards_are_prefixes() {
        for (pattern, prefix) in
            [("http://A.com", true), ("http://a.com/**", true), ("*", true), ("*.a.com", false)]
        {
            let rule = Rule::of(&Pattern::read(pattern).unwrap());
            assert_eq!(matches!(rule, Rule::Prefix(_)), prefix, "{pattern}");
        }
    }
}
