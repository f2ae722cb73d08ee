//! Where a preview ends.

use super::InvalidPlaylist;

const MICROS: u64 = 1_000_000;

/// A segment that says to be shorter says nothing: it counts as the longest that it may be. So a
/// preview has at most ten segments a second, whatever they say.
const SHORTEST: u64 = MICROS / 10;

/// A media playlist that ends behind the segment that reaches a length.
#[derive(Debug)]
pub(super) struct Cut {
    limit: u64,
    /// The length of the segments that were kept, in microseconds.
    seen: u64,
    /// That of the next segment.
    next: Option<u64>,
    /// The longest that a segment may be (RFC 8216, section 4.3.3.1).
    target: Option<u64>,
    over: bool,
    /// Where what was written of the segments that were kept ends. What is behind it belongs to a
    /// segment that may be cut off, or to the end.
    kept: usize,
}

impl Cut {
    /// `None` for a playlist of playlists: those are cut, each by itself, and nothing else that it
    /// leads to may be given.
    ///
    /// What is refused would give away more than the preview: a segment that is a range of a file
    /// names the whole file, and a playlist that has not ended moves on.
    pub(super) fn new(text: &str, seconds: u32) -> Result<Option<Self>, InvalidPlaylist> {
        let has = |tag: &str| text.lines().any(|line| line.trim_start().starts_with(tag));
        if !has("#EXTINF") && has("#EXT-X-STREAM-INF") {
            return Ok(None);
        }
        if text.contains("BYTERANGE") {
            return Err(InvalidPlaylist::Preview("its segments are ranges of files"));
        }
        if has("#EXT-X-PART") || has("#EXT-X-PRELOAD-HINT") || has("#EXT-X-SKIP") {
            return Err(InvalidPlaylist::Preview("it is one of low latency"));
        }
        if !has("#EXT-X-ENDLIST") && !has("#EXT-X-PLAYLIST-TYPE") {
            return Err(InvalidPlaylist::Preview("it is live"));
        }
        let limit = u64::from(seconds) * MICROS;
        Ok(Some(Self { limit, seen: 0, next: None, target: None, over: false, kept: 0 }))
    }

    pub(super) fn tag(&mut self, tag: &str) -> Result<(), InvalidPlaylist> {
        if let Some(seconds) = tag.strip_prefix("#EXT-X-TARGETDURATION:") {
            self.target = micros(seconds.trim()).filter(|target| *target >= SHORTEST);
        } else if let Some(info) = tag.strip_prefix("#EXTINF:") {
            let text = info.split(',').next().unwrap_or_default().trim();
            let length = micros(text).ok_or(InvalidPlaylist::Preview("a length is no number"))?;
            self.next = Some(length);
        }
        Ok(())
    }

    /// Whether the preview has ended before the segment that comes now.
    pub(super) fn is_over(&mut self) -> bool {
        self.over = self.seen >= self.limit;
        self.over
    }

    /// Keeps a segment, and what belongs to it: all that is written now.
    pub(super) fn segment(&mut self, written: usize) -> Result<(), InvalidPlaylist> {
        let length = self.next.take();
        let length = length.ok_or(InvalidPlaylist::Preview("a segment has no length"))?;
        let length = if length < SHORTEST { self.target } else { Some(length) };
        let length = length.ok_or(InvalidPlaylist::Preview("a segment says to last no time"))?;
        self.seen = self.seen.saturating_add(length);
        self.kept = written;
        Ok(())
    }

    /// Where the playlist ends, if that is before its own end.
    pub(super) fn end(&self) -> Option<usize> {
        self.over.then_some(self.kept)
    }
}

/// Decimal seconds in microseconds. What is finer than that is dropped.
fn micros(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || whole.len() > 9 || !digits(whole) || !digits(part) {
        return None;
    }
    let part: String = part.chars().chain("000000".chars()).take(6).collect();
    Some(whole.parse::<u64>().ok()? * MICROS + part.parse::<u64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths() {
        #[rustfmt::skip]
        let table = [
            ("10",          Some(10_000_000)), ("10.0",     Some(10_000_000)),
            ("9.009",       Some(9_009_000)),  ("0.1234567", Some(123_456)),
            ("4.",          Some(4_000_000)),  ("0",        Some(0)),
            ("",            None),             (".5",       None),
            ("-1",          None),             ("1e3",      None),
            ("NaN",         None),             ("9999999999", None),
            ("4.x",         None),
        ];
        for (text, want) in table {
            assert_eq!(micros(text), want, "{text}");
        }
    }
}
