//! One pattern against one text, without compiling it first.

/// Whether a pattern fits a text from end to end: `*` is any run of characters, `?` exactly one,
/// the others are compared without regard to ASCII case. Takes at most the product of the two
/// lengths, and goes back to the last `*` only.
pub(super) fn fits(pattern: &str, text: &str) -> bool {
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
pub(super) fn fits_start(pattern: &str, text: &str) -> bool {
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
