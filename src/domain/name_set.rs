//! Sets of header names that answer faster than they are exact.

use http::HeaderName;

/// Which names there are, as a set that may claim too many: most of the headers that are asked for are
/// not there, and this tells without searching for them.
///
/// ```
/// use http::{HeaderName, header};
/// use refgate::domain::name_set::NameSet;
///
/// let names = NameSet::of([&header::HOST, &header::REFERER]);
/// assert!(names.may_have("host"));
/// assert!(!names.may_have("range"));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct NameSet([u64; 4]);

impl NameSet {
    /// The set of these.
    pub fn of<'n>(names: impl IntoIterator<Item = &'n HeaderName>) -> Self {
        let mut set = Self::default();
        for name in names {
            let (word, bit) = Self::place(name.as_str());
            if let Some(word) = set.0.get_mut(word) {
                *word |= bit;
            }
        }
        set
    }

    /// `false` if there is no such name. It is in lower case, as that of every [`HeaderName`].
    pub fn may_have(self, name: &str) -> bool {
        let (word, bit) = Self::place(name);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }

    /// The word and the bit of a name, by its length, its last byte and the one in the middle.
    fn place(name: &str) -> (usize, u64) {
        let byte = |at: usize| name.as_bytes().get(at).map_or(0, |byte| usize::from(*byte));
        let (middle, last) = (byte(name.len() / 2), byte(name.len().wrapping_sub(1)));
        let hash = name.len().wrapping_mul(37) ^ last.wrapping_mul(11) ^ middle.wrapping_mul(5);
        (hash / 64 % 4, 1 << (hash % 64))
    }
}
