//! For whom a command prints.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::domain::word::{Words, words};

words! {
    /// For whom the answer is.
    #[derive(Default)]
    pub(super) enum Form {
        /// For people.
        #[default]
        Text = "text",
        /// For scripts.
        Json = "json",
    }
}

words! {
    /// A setting that is there or not.
    pub(super) enum Switch {
        On = "on",
        Off = "off",
    }
}

/// The form of what a command prints.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct FormArgs {
    /// For people or for scripts
    #[arg(long, value_parser = word::<Form>(), value_name = "FORM", default_value_t)]
    pub(super) format: Form,
}

/// Reads a value by its word. Help and errors list the words.
pub(super) fn word<T: Words + Clone + Send + Sync + 'static>() -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(T::WORDS).try_map(|text| text.parse::<T>())
}
