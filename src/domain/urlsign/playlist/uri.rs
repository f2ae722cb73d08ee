//! The URIs of a playlist: finding them, and what they lead to.

use super::Place;
use crate::domain::urlsign::path::{directory, escape};

/// A URI on the playlist's own host.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Resolved<'a> {
    /// The scheme and the host, if the URI has them.
    pub(super) origin: &'a str,
    /// The absolute path, without dot segments.
    pub(super) path: String,
    pub(super) query: Option<String>,
    /// With its `#`.
    pub(super) fragment: &'a str,
}

/// The value of the attribute `URI` of a tag, and what stands before and behind it.
pub(super) fn attribute(line: &str) -> Option<(&str, &str, &str)> {
    let mut at = line.find(':')? + 1;
    loop {
        let rest = line.get(at..)?;
        let (name, value) = rest.split_once('=')?;
        let start = at + name.len() + 1;
        let Some(quoted) = value.strip_prefix('"') else {
            at = start + value.find(',')? + 1;
            continue;
        };
        let end = start + 1 + quoted.find('"')?;
        if name.trim() == "URI" {
            return Some((line.get(..=start)?, line.get(start + 1..end)?, line.get(end..)?));
        }
        at = end + 1 + line.get(end + 1..)?.find(',')? + 1;
    }
}

/// What a URI leads to, if that is on the host of the playlist.
pub(super) fn resolve<'a>(uri: &'a str, place: &Place<'_>) -> Option<Resolved<'a>> {
    if uri.contains("{$") || uri.contains('\\') {
        return None;
    }
    let (rest, fragment) = uri.split_at(uri.find('#').unwrap_or(uri.len()));
    let (origin, rest) = split_origin(rest, place)?;
    let (path, query) = match rest.split_once('?') {
        Some((path, query)) => (path, Some(escape(query))),
        None => (rest, None),
    };
    let path = match path.strip_prefix('/') {
        Some(_) => escape(path),
        None if path.is_empty() && origin.is_empty() => {
            query.as_ref()?;
            place.path.to_owned()
        }
        None if path.is_empty() => "/".to_owned(),
        None => format!("{}{}", directory(place.path), escape(path)),
    };
    Some(Resolved { origin, path: without_dots(&path), query, fragment })
}

/// Splits the scheme and the host off, which must be those of the playlist.
fn split_origin<'a>(uri: &'a str, place: &Place<'_>) -> Option<(&'a str, &'a str)> {
    let (scheme, rest) = match uri.find([':', '/', '?']).map(|at| uri.split_at(at)) {
        Some((scheme, rest)) if rest.starts_with(':') => (scheme, rest.get(1..)?),
        Some(_) | None => ("", uri),
    };
    let Some(after) = rest.strip_prefix("//") else {
        return scheme.is_empty().then_some(("", rest));
    };
    let port = match scheme.to_ascii_lowercase().as_str() {
        "http" => ":80",
        "https" => ":443",
        "" => "",
        _ => return None,
    };
    let authority = after.get(..after.find(['/', '?']).unwrap_or(after.len()))?;
    let bare = |host: &str| host.strip_suffix(port).unwrap_or(host).to_ascii_lowercase();
    let length = uri.len() - after.len() + authority.len();
    (bare(authority) == bare(place.host)).then(|| uri.split_at_checked(length)).flatten()
}

/// A path without segments that are `.` or `..` (RFC 3986, section 5.2.4).
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut open = false;
    for segment in path.split('/').skip(1) {
        open = matches!(segment, "." | "..");
        match segment {
            "." => {}
            ".." => {
                kept.pop();
            }
            other => kept.push(other),
        }
    }
    let end = if open { "/" } else { "" };
    let path = kept.join("/");
    if path.is_empty() { "/".to_owned() } else { format!("/{path}{end}") }
}
