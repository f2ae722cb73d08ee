//! Enums whose values have a word each: the one word that JSON, queries, the command line and the
//! database use. `words!` declares such an enum with its words, so that no second list of them can
//! differ.

/// A text that is none of the words of an enum.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is none of {}", .words.join(", "))]
pub struct InvalidWord {
    text: Box<str>,
    words: &'static [&'static str],
}

impl InvalidWord {
    /// The text that is none of these.
    pub(crate) fn new(text: &str, words: &'static [&'static str]) -> Self {
        Self { text: text.into(), words }
    }
}

/// An enum whose values have a word each.
pub trait Words: std::str::FromStr<Err = InvalidWord> + std::fmt::Display {
    /// The words, in the order of the values.
    const WORDS: &'static [&'static str];
}

/// Declares an enum whose values have a word each.
macro_rules! words {
    ($(#[$meta:meta])* $vis:vis enum $name:ident {
        $($(#[$variant_meta:meta])* $variant:ident = $word:literal),+ $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        $vis enum $name {
            $($(#[$variant_meta])* $variant),+
        }

        impl $name {
            /// All values.
            $vis const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word for the value.
            $vis const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }
        }

        impl $crate::domain::word::Words for $name {
            const WORDS: &'static [&'static str] = &[$($word),+];
        }

        impl std::str::FromStr for $name {
            type Err = $crate::domain::word::InvalidWord;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let found = Self::ALL.iter().copied().find(|value| value.as_str() == text);
                let words = <Self as $crate::domain::word::Words>::WORDS;
                found.ok_or_else(|| $crate::domain::word::InvalidWord::new(text, words))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

pub(crate) use words;

#[cfg(test)]
mod tests {
    use super::Words as _;

    super::words! {
        /// Colours.
        enum Colour {
            /// As the sea.
            Blue = "blue",
            /// As grass.
            Green = "sea-green",
        }
    }

    #[test]
    fn a_word_is_read_back_and_others_are_told_the_words() {
        for &colour in Colour::ALL {
            assert_eq!(colour.to_string().parse(), Ok(colour));
        }
        assert_eq!(Colour::WORDS, ["blue", "sea-green"]);
        let err = "Blue".parse::<Colour>().unwrap_err();
        assert_eq!(err.to_string(), r#""Blue" is none of blue, sea-green"#);
    }
}
