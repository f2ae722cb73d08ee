//! What a request says of where it comes from.

use super::super::{MAX_LINES, MAX_REFERER_BYTES, Referers};

/// What a request says of where it comes from, as it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts<'r> {
    /// The lines of `Referer`.
    pub referers: Referers<'r>,
    /// `Sec-Fetch-Site`, if it is there once.
    pub sec_fetch_site: Option<&'r [u8]>,
    /// `Sec-Fetch-Dest`, if it is there once.
    pub sec_fetch_dest: Option<&'r [u8]>,
}

/// The destinations that only a page causes. `empty` is among them: it is what `fetch` and
/// `XMLHttpRequest` send, and with them players load the segments of a video. `document` is not:
/// it is a person who follows a link. A value that is not known here says nothing.
///
/// Source: Fetch Standard, "destination".
const EMBEDS: [&[u8]; 19] = [
    b"audio",
    b"audioworklet",
    b"embed",
    b"empty",
    b"fencedframe",
    b"font",
    b"frame",
    b"iframe",
    b"image",
    b"json",
    b"manifest",
    b"object",
    b"paintworklet",
    b"script",
    b"sharedworker",
    b"style",
    b"track",
    b"video",
    b"worker",
];

/// [`Facts`] to keep after their request is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactsBuf {
    /// Cut so that nothing that is decided changes: no longer line is compared, and no more lines
    /// are looked at.
    lines: Vec<Box<[u8]>>,
    sec_fetch_site: Option<Box<[u8]>>,
    sec_fetch_dest: Option<Box<[u8]>>,
}

impl FactsBuf {
    /// Takes what a request says.
    pub fn of(facts: &Facts<'_>) -> Self {
        let lines = match facts.referers.lines() {
            Some(lines) => lines.iter().map(|line| cut(line)).collect(),
            None => vec![Box::default(); MAX_LINES + 1],
        };
        Self {
            lines,
            sec_fetch_site: facts.sec_fetch_site.map(cut),
            sec_fetch_dest: facts.sec_fetch_dest.map(cut),
        }
    }

    /// The bytes of the lines.
    pub fn bytes(&self) -> usize {
        self.lines.iter().map(|line| line.len()).sum()
    }

    /// The facts.
    pub fn get(&self) -> Facts<'_> {
        Facts {
            referers: Referers::read(self.lines.iter().map(|line| &**line)),
            sec_fetch_site: self.sec_fetch_site.as_deref(),
            sec_fetch_dest: self.sec_fetch_dest.as_deref(),
        }
    }
}

/// The beginning of a value, which shows that it is too long if it is.
fn cut(value: &[u8]) -> Box<[u8]> {
    value.get(..=MAX_REFERER_BYTES).unwrap_or(value).into()
}

impl<'r> Facts<'r> {
    /// The facts of a request of which only the referer is known.
    pub const fn of(referers: Referers<'r>) -> Self {
        Self { referers, sec_fetch_site: None, sec_fetch_dest: None }
    }

    /// Whether a browser says that a page of another site embeds what it asks for. `same-site` is
    /// another host of the same owner.
    pub fn is_cross_site_embed(&self) -> bool {
        let dest = self.sec_fetch_dest.unwrap_or_default();
        self.sec_fetch_site == Some(b"cross-site") && EMBEDS.contains(&dest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_says_the_same() {
        let long = vec![b'x'; 3 * MAX_REFERER_BYTES];
        let lines: [&[&[u8]]; 4] = [&[], &[b" http://a.com/ "], &[b"", b"b"], &[&long]];
        for lines in lines {
            let mut facts = Facts::of(Referers::read(lines.iter().copied()));
            facts.sec_fetch_dest = Some(b"image");
            let kept = FactsBuf::of(&facts);
            let sole = facts.referers.sole().map(|l| l.get(..=MAX_REFERER_BYTES).unwrap_or(l));
            assert_eq!(kept.get().referers.sole(), sole);
            assert_eq!(kept.get().sec_fetch_dest, Some(b"image".as_slice()));
            assert_eq!(kept.get().sec_fetch_site, None);
        }
        let many = Facts::of(Referers::read([b"a".as_slice(); MAX_LINES + 1]));
        assert_eq!(FactsBuf::of(&many).get().referers.lines(), None);
    }

    /// What browsers send: a page of another site that embeds, one of the same site, a link, the
    /// address bar; and what programs and old browsers send.
    #[test]
    fn cross_site_embeds() {
        #[rustfmt::skip]
        let table: [(Option<&str>, Option<&str>, bool); 18] = [
            (Some("cross-site"), Some("image"), true),
            (Some("cross-site"), Some("video"), true),
            (Some("cross-site"), Some("audio"), true),
            (Some("cross-site"), Some("track"), true),
            (Some("cross-site"), Some("font"), true),
            (Some("cross-site"), Some("style"), true),
            (Some("cross-site"), Some("script"), true),
            (Some("cross-site"), Some("iframe"), true),
            (Some("cross-site"), Some("empty"), true),
            (Some("cross-site"), Some("document"), false),
            (Some("cross-site"), Some("something-new"), false),
            (Some("cross-site"), None, false),
            (Some("same-site"), Some("image"), false),
            (Some("same-origin"), Some("image"), false),
            (Some("none"), Some("document"), false),
            (Some("none"), Some("image"), false),
            (None, Some("image"), false),
            (None, None, false),
        ];
        for (site, dest, want) in table {
            let facts = Facts {
                sec_fetch_site: site.map(str::as_bytes),
                sec_fetch_dest: dest.map(str::as_bytes),
                ..Facts::of(Referers::read([]))
            };
            assert_eq!(facts.is_cross_site_embed(), want, "{site:?} {dest:?}");
        }
    }
}
