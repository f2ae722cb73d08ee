//! JSON as a tree, for rules that look at it. How the text is read is decided in `wire`, which
//! makes this type readable by `serde`.

/// A JSON value, exactly as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, as text.
    Number(String),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Self>),
    /// An object: its members in their order, no name twice.
    Object(Vec<(String, Self)>),
}

impl Json {
    /// The text that it is.
    pub fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// Its values, if it is a list; otherwise itself, as a list of one.
    pub fn many(&self) -> &[Self] {
        if let Self::List(values) = self { values } else { std::slice::from_ref(self) }
    }

    /// What kind of value it is, for messages.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}
