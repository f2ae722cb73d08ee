//! The query of a request, decoded once.

use crate::domain::encode::percent_decode_bytes;

/// The parameters of a query in the order in which they came, decoded. Names are case-sensitive.
/// `+` is a space: SDKs that build queries as HTML forms send it so, and all of them send a
/// literal plus as `%2B`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

/// Why a query cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidQuery {
    /// A `%` without two hexadecimal digits.
    #[error("the query has a '%' that two hexadecimal digits do not follow")]
    Escape,
    /// A decoded name or value that is not UTF-8.
    #[error("the query is not UTF-8")]
    Encoding,
}

impl Query {
    /// Reads what follows the `?` of a request target. Empty parts (`a&&b`) count as absent.
    ///
    /// # Errors
    ///
    /// [`InvalidQuery`].
    pub fn parse(raw: &str) -> Result<Self, InvalidQuery> {
        let decode = |part: &str| {
            let spaced = part.replace('+', "%20");
            let bytes = percent_decode_bytes(&spaced).map_err(|_| InvalidQuery::Escape)?;
            String::from_utf8(bytes.into_owned()).map_err(|_| InvalidQuery::Encoding)
        };
        if raw.is_empty() {
            return Ok(Self(Vec::new()));
        }
        raw.split('&')
            .filter(|part| !part.is_empty())
            .map(|part| {
                let (name, value) = part.split_once('=').unwrap_or((part, ""));
                Ok((decode(name)?, decode(value)?))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The first value of a parameter: OSS takes the first when one is given twice.
    pub fn first(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Whether a parameter is present, with or without a value.
    pub fn has(&self, name: &str) -> bool {
        self.first(name).is_some()
    }

    /// Whether there is no parameter.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How often a parameter is present.
    pub fn count(&self, name: &str) -> usize {
        self.0.iter().filter(|(n, _)| n == name).count()
    }

    /// All parameters in the order of the request.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_decoded_once_and_keep_their_order() {
        let query = Query::parse("referer&prefix=a+b%2Bc&x=%2531&x=2&&=e").unwrap();
        let pairs: Vec<_> = query.pairs().collect();
        let want = [("referer", ""), ("prefix", "a b+c"), ("x", "%31"), ("x", "2"), ("", "e")];
        assert_eq!(pairs, want);
        assert_eq!(query.first("x"), Some("%31"));
        assert_eq!(query.count("x"), 2);
        assert!(query.has("referer") && !query.has("REFERER"));
    }

    #[test]
    fn junk_is_refused() {
        assert_eq!(Query::parse("a=%f"), Err(InvalidQuery::Escape));
        assert_eq!(Query::parse("a=%ff"), Err(InvalidQuery::Encoding));
    }
}
