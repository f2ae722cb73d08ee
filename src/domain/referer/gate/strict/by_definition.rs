//! Whether an entry vouches for a place, as the table says it: host by host, path by path, with a
//! wildcard matcher that goes back to the last `*`. The compiled patterns have to agree with it on
//! every input. Nothing here may be made clever.

use super::{Place, Rule};

/// Whether an entry vouches for a place.
pub(super) fn vouches(entry: &str, place: &Place<'_>) -> bool {
    let rule = Rule::of(entry);
    let host_fits = |form: &str| {
        let fits = |origin: &str| fits(form, origin);
        fits(place.origin) || place.portless.is_some_and(fits)
    };
    let path_fits = !rule.wants_path() || fits_start(rule.path, place.rest);
    path_fits && rule.forms().any(|form| host_fits(&form))
}

/// Whether a pattern fits a text from end to end: `*` is any run of characters, `?` exactly one,
/// the others are compared without regard to ASCII case.
fn fits(pattern: &str, text: &str) -> bool {
    let (mut rule, mut rest) = (pattern.chars(), text.chars());
    // Where to go on after the last `*`, and what it has not swallowed yet.
    let mut retry: Option<(std::str::Chars<'_>, std::str::Chars<'_>)> = None;
    loop {
        let rest_before = rest.clone();
        match (rule.next(), rest.next()) {
            (None, None) => return true,
            (Some('*'), _) => {
                retry = Some((rule.clone(), rest_before.clone()));
                rest = rest_before;
            }
            (Some('?'), Some(_)) => {}
            (Some(p), Some(t)) if p.eq_ignore_ascii_case(&t) => {}
            (None | Some(_), _) => {
                let Some((after_star, mut unswallowed)) = retry else { return false };
                if unswallowed.next().is_none() {
                    return false;
                }
                rule = after_star.clone();
                rest = unswallowed.clone();
                retry = Some((after_star, unswallowed));
            }
        }
    }
}

/// Whether a pattern fits the beginning of a text.
fn fits_start(pattern: &str, text: &str) -> bool {
    pattern.is_empty() || fits(&format!("{pattern}*"), text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use wildmatch::WildMatch;

    proptest! {
        #[test]
        fn agrees_with_wildmatch(pattern in "[abA*?/.中]{0,8}", text in "[ab/.中]{0,12}") {
            let plain = WildMatch::new(&pattern.to_ascii_lowercase());
            prop_assert_eq!(fits(&pattern, &text), plain.matches(&text));
            let start = WildMatch::new(&format!("{}*", pattern.to_ascii_lowercase()));
            prop_assert_eq!(fits_start(&pattern, &text), start.matches(&text));
        }
    }
}
