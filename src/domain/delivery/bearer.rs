//! Answers that are for the bearer of a link alone.
//!
//! A cache that many share asks nobody again: who has another link, another address or another page
//! would be given what the link, its seats and the referer policy refuse him. So an object on a
//! signed domain may be kept by the client that got it, and by no cache between, whatever its owner
//! wrote beside it for other ways to it.
//!
//! Source: RFC 9111, section 5.2.2.

/// What stays of an object's own `Cache-Control`, and whether it has a number of seconds.
const KEPT: [(&str, bool); 10] = [
    ("max-age", true),
    ("stale-while-revalidate", true),
    ("stale-if-error", true),
    ("no-cache", false),
    ("no-store", false),
    ("no-transform", false),
    ("must-revalidate", false),
    ("proxy-revalidate", false),
    ("must-understand", false),
    ("immutable", false),
];

/// The `Cache-Control` of an answer to a signed link, from that of the object, line by line.
///
/// Whatever says how long a client may keep the answer stays. `public` and `s-maxage`, which speak to
/// shared caches, go, and so does all that is not known. An answer that nobody may store is not
/// called private beside that.
pub fn cache_control<'l>(lines: impl IntoIterator<Item = &'l [u8]>) -> String {
    let mut kept: Vec<String> = Vec::new();
    for line in lines {
        let texts = line.split(|byte| *byte == b',').filter_map(|text| str::from_utf8(text).ok());
        kept.extend(texts.filter_map(directive));
    }
    if !kept.iter().any(|text| text == "no-store") {
        kept.insert(0, "private".to_owned());
    }
    kept.join(", ")
}

/// A directive that stays, in one spelling.
fn directive(text: &str) -> Option<String> {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    let name = name.trim();
    let (known, has_seconds) = KEPT.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    if !has_seconds {
        // What would hold for some headers only holds for all of the answer.
        return Some((*known).to_owned());
    }
    let seconds = value.trim().trim_matches('"');
    let digits = !seconds.is_empty() && seconds.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| format!("{known}={seconds}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_shared_cache_is_let_in() {
        #[rustfmt::skip]
        let table: [(&str, &[&[u8]], &str); 19] = [
            ("nothing",                   &[],                                  "private"),
            ("an empty line",             &[b""],                               "private"),
            ("for how long",              &[b"max-age=60"],                     "private, max-age=60"),
            ("public",                    &[b"public, max-age=60"],             "private, max-age=60"),
            ("public alone",              &[b"public"],                         "private"),
            ("for shared caches",         &[b"s-maxage=86400,max-age=60"],      "private, max-age=60"),
            ("their other spellings",     &[b"PUBLIC , S-MaxAge = 5,Max-Age=60"], "private, max-age=60"),
            ("public with a value",       &[b"public=\"x\""],                   "private"),
            ("two lines",                 &[b"max-age=60", b"public"],          "private, max-age=60"),
            ("private already",           &[b"private, max-age=60"],            "private, max-age=60"),
            ("private for one header",    &[b"private=\"set-cookie\""],         "private"),
            ("no-cache for one header",   &[b"no-cache=\"set-cookie, x\""],     "private, no-cache"),
            ("to be stored by nobody",    &[b"no-store"],                       "no-store"),
            ("that, and by everybody",    &[b"public, no-store, s-maxage=9"],   "no-store"),
            ("a number in quotes",        &[b"max-age=\"60\""],                 "private, max-age=60"),
            ("no number",                 &[b"max-age=-1, max-age=x, max-age"], "private"),
            ("what is not known",         &[b"community=\"a, public\", max-age=1"], "private, max-age=1"),
            ("a letter that is none",     &[b"\xff, immutable"],                "private, immutable"),
            ("what clients keep to",      &[b"must-revalidate, no-transform, stale-if-error=9"],
                                          "private, must-revalidate, no-transform, stale-if-error=9"),
        ];
        for (name, lines, want) in table {
            assert_eq!(cache_control(lines.iter().copied()), want, "{name}");
        }
    }
}
