//! Rules without a literal, such as `??` and `?*?`.

use super::Rank;

/// A rule without a literal fits every subject of at least so many characters. One that asks for
/// as many as an earlier one, or more, is never the first; so the others ask for fewer and fewer,
/// and the first that fits is found by halving.
#[derive(Debug, Default)]
pub(super) struct Bare(Vec<(Rank, usize)>);

impl Bare {
    /// Adds a rule that comes behind those that were added and asks for so many characters.
    pub(super) fn add(&mut self, rank: Rank, chars: usize) {
        if self.0.last().is_none_or(|(_, least)| chars < *least) {
            self.0.push((rank, chars));
        }
    }

    /// The first rule that fits a subject, in UTF-8.
    pub(super) fn first(&self, subject: &[u8]) -> Option<Rank> {
        if self.0.is_empty() {
            return None;
        }
        let chars = subject.iter().filter(|&&byte| byte & 0xc0 != 0x80).count();
        let first = self.0.partition_point(|(_, least)| *least > chars);
        self.0.get(first).map(|(rank, _)| *rank)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_that_asks_for_no_more_than_there_is() {
        let mut bare = Bare::default();
        for (rank, chars) in [5, 7, 3, 3, 0, 1].into_iter().enumerate() {
            bare.add(Rank::of(rank).unwrap(), chars);
        }
        let first = |subject: &str| bare.first(subject.as_bytes()).map(Rank::before);
        assert_eq!(first("abcdefgh"), Some(0));
        assert_eq!(first("中中中中"), Some(2));
        assert_eq!(first(""), Some(4));
    }
}
