//! Operations that a header asks for beside the operation itself.
//!
//! An upload with `x-oss-object-acl` does what `PutObjectAcl` does. It takes the right to that as
//! well, or whoever is denied the operation would have the header instead.
//!
//! Source: OSS "PutObject", permissions (for tags); for ACLs the rule is ours.

use http::HeaderMap;

use super::{Action, Level, Verb};

/// Headers, the values with which they ask for nothing, and the operations whose work they do.
const HEADERS: &[(&str, &[&str], Action)] = &[
    ("x-oss-object-acl", &["", "default"], Action::PutObjectAcl),
    ("x-oss-tagging", &[""], Action::PutObjectTagging),
];

/// The operations on the same object whose rights a request needs beside that to its own.
pub fn implied(action: Action, headers: &HeaderMap) -> Vec<Action> {
    let writes = matches!(action.verb(), Verb::Put | Verb::Post);
    if !writes || action.level() != Level::Object {
        return Vec::new();
    }
    let asks = |name: &str, idle: &[&str]| {
        let mut values = headers.get_all(name).iter();
        values.any(|value| !idle.iter().any(|word| word.as_bytes() == value.as_bytes()))
    };
    let asked = HEADERS.iter().filter(|(name, idle, also)| *also != action && asks(name, idle));
    asked.map(|(.., also)| *also).collect()
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn headers_take_the_right_to_what_they_do() {
        #[rustfmt::skip]
        let table: [(Action, &str, &[&str], &[Action]); 9] = [
            (Action::PutObject,    "x-oss-object-acl", &["private"],            &[Action::PutObjectAcl]),
            (Action::PutObject,    "x-oss-object-acl", &["default"],            &[]),
            (Action::PutObject,    "x-oss-object-acl", &["default", "private"], &[Action::PutObjectAcl]),
            (Action::CopyObject,   "x-oss-tagging",    &["a=b"],                &[Action::PutObjectTagging]),
            (Action::PutSymlink,   "x-oss-tagging",    &["a=b"],                &[Action::PutObjectTagging]),
            (Action::PutObject,    "x-oss-tagging",    &[""],                   &[]),
            (Action::PutObjectAcl, "x-oss-object-acl", &["private"],            &[]),
            (Action::GetObject,    "x-oss-object-acl", &["private"],            &[]),
            (Action::PutBucket,    "x-oss-object-acl", &["private"],            &[]),
        ];
        for (action, name, values, want) in table {
            let mut headers = HeaderMap::new();
            for value in values {
                let name = HeaderName::from_static(name);
                headers.append(name, HeaderValue::from_static(value));
            }
            assert_eq!(implied(action, &headers), want, "{action:?} {values:?}");
        }
    }
}
