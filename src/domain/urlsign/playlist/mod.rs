//! Playlists whose links carry their own signatures, and playlists that end early.
//!
//! A player resolves what a playlist leads to and asks for it without the playlist's signature, so
//! every URI of it is signed when it is served, as the vendors' `auth_m3u8` does: segments, keys,
//! init sections, media and variant playlists, and whatever else a tag names by `URI`.
//!
//! # What is not signed
//!
//! - what lies on another host, or has a scheme that is not HTTP's
//! - what lies outside the directory that the link opens ([`Parent::directory`]), unless
//!   [`Reach::Host`] says otherwise: whoever may store a playlist could else have any object of the
//!   host signed
//! - what has variables (`{$name}`), escapes that hide a slash or dots, or a signature
//! - what is longer than any URI that a request could have
//! - what a tag names by an attribute of another name, such as `X-ASSET-URI` and `SERVER-URI`
//!
//! Such a line stays as it is, and so does every line that is not understood.
//!
//! # Memory
//!
//! Short links can become long ones, and there can be many in a short playlist. So whoever has a
//! playlist rewritten asks before how long it can get ([`longest`]) and says how long it may get;
//! more is never written.
//!
//! Sources: RFC 8216, sections 4 and 4.3.3.5; Alibaba Cloud CDN `auth_m3u8`.
//!
//! [`Parent::directory`]: super::Parent::directory

mod cut;
mod uri;

use super::heir::Child;
use super::path::escapes;
use super::read::Target;
use cut::Cut;
use uri::{Resolved, attribute, resolve};

/// The most bytes of a playlist.
pub const MAX_BYTES: usize = 8 << 20;
/// The most links of a playlist: a day of segments of two seconds, and more.
pub const MAX_LINKS: usize = 50_000;
/// The most bytes of a playlist once its links are signed.
pub const MAX_SIGNED_BYTES: usize = 4 * MAX_BYTES;
/// The most bytes of a link that is signed, as it stands in the playlist.
const MAX_LINK_BYTES: usize = 8 << 10;
/// A byte order mark, which some editors put before a text.
const MARK: char = '\u{feff}';
/// What ends a playlist that is cut.
const END: &str = "#EXT-X-ENDLIST\n";

/// Where a playlist is.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The host of the request, with its port.
    pub host: &'a str,
    /// The path of the playlist, without a signature.
    pub path: &'a str,
    /// What is signed.
    pub reach: Reach<'a>,
}

/// How far from a playlist the links lie that are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach<'a> {
    /// In this directory, which has both slashes, and below.
    Within(&'a str),
    /// Anywhere on its host. Only where nobody stores playlists who may not read all of it.
    Host,
}

/// Why a playlist cannot be served with signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPlaylist {
    /// It does not begin with `#EXTM3U`.
    #[error("it is no playlist")]
    NotAPlaylist,
    /// It is not UTF-8.
    #[error("a playlist is UTF-8")]
    Encoding,
    /// It is too long, or has too many links, or would be too long with its links signed.
    #[error(
        "a playlist has at most {MAX_BYTES} bytes and {MAX_LINKS} links, and {MAX_SIGNED_BYTES} \
         bytes with its links signed"
    )]
    TooLarge,
    /// It cannot be cut without giving away the rest; the text says why.
    #[error("a preview of this playlist is not possible: {0}")]
    Preview(&'static str),
}

/// A playlist whose links are signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewritten {
    /// The playlist.
    pub text: String,
    /// How many of its links lie on its host, and beyond what is signed.
    pub beyond: usize,
}

/// How many bytes a playlist can get with its links signed, if a signature makes none of them longer
/// than by `signature` bytes. Never more than [`MAX_SIGNED_BYTES`]: beyond that it is refused.
pub fn longest(playlist: &[u8], place: &Place<'_>, signature: usize) -> usize {
    let has_link = |line: &&[u8]| {
        let text = line.trim_ascii_start();
        !text.is_empty() && (!text.starts_with(b"#") || text.windows(3).any(|it| it == b"URI"))
    };
    let links = playlist.split(|byte| *byte == b'\n').filter(has_link).count();
    let longer = links.min(MAX_LINKS) * (place.path.len() + 1 + signature) + escapes(playlist);
    MAX_SIGNED_BYTES.min(playlist.len() + longer + END.len() + 1)
}

/// Signs the links of a playlist, and cuts it behind `preview` seconds, at the end of a segment.
///
/// `sign` gets the path and the query of each link, and `None` from it leaves the link as it is. At
/// most `most` bytes are written.
///
/// # Errors
///
/// [`InvalidPlaylist`]. A playlist that cannot be cut is not to be served whole.
pub fn rewrite(
    playlist: &[u8],
    place: &Place<'_>,
    preview: Option<u32>,
    most: usize,
    sign: impl FnMut(Child, Target<'_>) -> Option<String>,
) -> Result<Rewritten, InvalidPlaylist> {
    if playlist.len() > MAX_BYTES {
        return Err(InvalidPlaylist::TooLarge);
    }
    let text = std::str::from_utf8(playlist).map_err(|_| InvalidPlaylist::Encoding)?;
    let (mark, text) = text.split_at(if text.starts_with(MARK) { MARK.len_utf8() } else { 0 });
    // Some write attributes of their own behind it.
    let first = text.strip_prefix("#EXTM3U");
    if !first.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n'])) {
        return Err(InvalidPlaylist::NotAPlaylist);
    }
    let cut = preview.map(|seconds| Cut::new(text, seconds)).transpose()?.flatten();
    let uncut = preview.is_some() && cut.is_none();
    let out = String::with_capacity(most);
    let mut writer =
        Writer { place, sign, links: 0, beyond: 0, variant: false, cut, uncut, most, out };
    writer.push(mark)?;
    for line in text.split_inclusive('\n') {
        if writer.line(line)? == Next::Stop {
            break;
        }
    }
    writer.finish()
}

/// What [`rewrite`] would say of a playlist, without a signature: how many of its links lie beyond what
/// is signed. That it would be too long with its links signed is not found out.
///
/// # Errors
///
/// [`InvalidPlaylist`].
pub fn survey(
    playlist: &[u8],
    place: &Place<'_>,
    preview: Option<u32>,
) -> Result<usize, InvalidPlaylist> {
    let most = playlist.len() + END.len() + 1;
    rewrite(playlist, place, preview, most, |_, _| None).map(|rewritten| rewritten.beyond)
}

/// Whether the rest of a playlist is still wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Line,
    Stop,
}

struct Writer<'p, S> {
    place: &'p Place<'p>,
    sign: S,
    links: usize,
    /// How many of them lie out of reach.
    beyond: usize,
    /// The next link is that of a variant playlist.
    variant: bool,
    cut: Option<Cut>,
    /// There is a preview, and this is a playlist of playlists: whatever it leads to is given as a
    /// playlist, so that a segment among them is not given at all.
    uncut: bool,
    most: usize,
    out: String,
}

impl<S: FnMut(Child, Target<'_>) -> Option<String>> Writer<'_, S> {
    fn line(&mut self, line: &str) -> Result<Next, InvalidPlaylist> {
        let content = line.trim_end_matches(['\r', '\n']);
        let end = line.get(content.len()..).unwrap_or_default();
        let text = content.trim();
        if text.is_empty() || (text.starts_with('#') && !text.starts_with("#EXT")) {
            self.push(line)?;
        } else if text.starts_with('#') {
            self.variant |= text.starts_with("#EXT-X-STREAM-INF");
            if let Some(cut) = &mut self.cut {
                cut.tag(text)?;
            }
            self.tag(content)?;
            self.push(end)?;
        } else {
            if self.cut.as_mut().is_some_and(Cut::is_over) {
                return Ok(Next::Stop);
            }
            let playlist = std::mem::take(&mut self.variant) || self.uncut;
            let signed = self.link(playlist, text)?;
            self.push(signed.as_deref().unwrap_or(content))?;
            self.push(end)?;
            if let Some(cut) = &mut self.cut {
                cut.segment(self.out.len())?;
            }
        }
        Ok(Next::Line)
    }

    /// Writes a tag, with its URI signed.
    fn tag(&mut self, line: &str) -> Result<(), InvalidPlaylist> {
        const PLAYLISTS: [&str; 4] = [
            "#EXT-X-MEDIA:",
            "#EXT-X-I-FRAME-STREAM-INF:",
            "#EXT-X-IMAGE-STREAM-INF:",
            "#EXT-X-RENDITION-REPORT:",
        ];
        // The keys and the texts of a playlist of playlists.
        const OF_SESSION: &str = "#EXT-X-SESSION-";
        let Some((before, uri, after)) = attribute(line) else { return self.push(line) };
        let is = |tag: &str| line.trim_start().starts_with(tag);
        let playlist = PLAYLISTS.into_iter().any(is) || (self.uncut && !is(OF_SESSION));
        let signed = self.link(playlist, uri)?;
        self.push(before)?;
        self.push(signed.as_deref().unwrap_or(uri))?;
        self.push(after)
    }

    /// A URI, signed as that of a playlist or of media.
    fn link(&mut self, playlist: bool, uri: &str) -> Result<Option<String>, InvalidPlaylist> {
        self.links += 1;
        if self.links > MAX_LINKS {
            return Err(InvalidPlaylist::TooLarge);
        }
        if uri.len() > MAX_LINK_BYTES {
            return Ok(None);
        }
        let Some(Resolved { origin, path, query, fragment }) = resolve(uri, self.place) else {
            return Ok(None);
        };
        let near = match self.place.reach {
            Reach::Within(directory) => path.starts_with(directory),
            Reach::Host => true,
        };
        if !near {
            self.beyond += 1;
            return Ok(None);
        }
        let playlist = playlist || path.to_ascii_lowercase().ends_with(".m3u8");
        let child = if playlist { Child::Playlist } else { Child::Media };
        let signed = (self.sign)(child, Target { path: &path, query: query.as_deref() });
        // A quotation mark would end the attribute.
        let signed = signed.filter(|signed| !signed.contains('"'));
        Ok(signed.map(|signed| format!("{origin}{signed}{fragment}")))
    }

    /// Writes a piece, if it may still be written.
    fn push(&mut self, piece: &str) -> Result<(), InvalidPlaylist> {
        if self.out.len() + piece.len() > self.most {
            return Err(InvalidPlaylist::TooLarge);
        }
        self.out.push_str(piece);
        Ok(())
    }

    fn finish(mut self) -> Result<Rewritten, InvalidPlaylist> {
        if let Some(end) = self.cut.as_ref().and_then(Cut::end) {
            self.out.truncate(end);
            if !self.out.ends_with('\n') {
                self.push("\n")?;
            }
            self.push(END)?;
        }
        Ok(Rewritten { text: self.out, beyond: self.beyond })
    }
}

#[cfg(test)]
mod tests;
