//! What one signature of refgate's own scheme is good for.

use super::path::ancestor;

/// The deepest directory that can be signed.
const MAX_DEPTH: usize = 99;

/// What a signature is good for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// One file, with its query: `f`.
    #[default]
    File,
    /// Every file below the first so many directories of the path, with any query: `d2`.
    Directory(usize),
}

impl Scope {
    pub(super) fn read(text: &str) -> Option<Self> {
        if text == "f" {
            return Some(Self::File);
        }
        let digits = text.strip_prefix('d')?;
        let canonical = digits == "0" || !digits.starts_with('0');
        let decimal = digits.bytes().all(|b| b.is_ascii_digit());
        let depth = (canonical && decimal).then(|| digits.parse().ok()).flatten()?;
        (depth <= MAX_DEPTH).then_some(Self::Directory(depth))
    }

    pub(super) fn write(self) -> String {
        match self {
            Self::File => "f".to_owned(),
            Self::Directory(depth) => format!("d{depth}"),
        }
    }

    /// The path that is signed. `None` if the path is not below so many directories.
    pub(super) fn path(self, path: &str) -> Option<&str> {
        match self {
            Self::File => Some(path),
            Self::Directory(depth) => ancestor(path, depth),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_has_one_spelling() {
        for scope in [Scope::File, Scope::Directory(0), Scope::Directory(2), Scope::Directory(99)] {
            assert_eq!(Scope::read(&scope.write()), Some(scope));
        }
        for text in
            ["", "F", "ff", "d", "d00", "d02", "d-1", "d+1", "d100", "d99999999999999999999"]
        {
            assert_eq!(Scope::read(text), None, "{text}");
        }
    }
}
