//! Every dependency may be used under the licences that `deny.toml` allows.
//!
//! cargo-deny checks the same and more, but it is not on every machine; this test is.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

#[test]
fn every_dependency_has_an_allowed_licence() {
    let allowed = allowed_licences();
    let refused: Vec<String> = dependencies()
        .into_iter()
        .filter(|(_, licence)| !is_allowed(licence, &allowed))
        .map(|(name, licence)| format!("{name}: {licence}"))
        .collect();
    assert!(refused.is_empty(), "not allowed by deny.toml:\n{}", refused.join("\n"));
}

#[test]
fn no_banned_crate_is_a_dependency() {
    let banned = banned_crates();
    let found: Vec<_> =
        dependencies().into_iter().map(|(name, _)| name).filter(|n| banned.contains(n)).collect();
    assert!(found.is_empty(), "banned by deny.toml: {found:?}");
}

#[test]
fn licence_expressions_are_read_as_spdx_says() {
    let allowed = BTreeSet::from(["MIT".to_owned(), "Zlib".to_owned()]);
    #[rustfmt::skip]
    let table = [
        ("one of the list",                 "MIT",                            true),
        ("none of the list",                "GPL-3.0-only",                   false),
        ("either will do",                  "GPL-3.0-only OR MIT",            true),
        ("an old way to write OR",          "GPL-3.0-only/MIT",               true),
        ("both are needed",                 "MIT AND GPL-3.0-only",           false),
        ("both are there",                  "MIT AND Zlib",                   true),
        ("AND binds tighter than OR",       "MIT OR Zlib AND GPL-3.0-only",   true),
        ("parentheses come first",          "(MIT OR Zlib) AND GPL-3.0-only", false),
        ("an exception only permits more",  "MIT WITH LLVM-exception",        true),
        ("no licence is no permission",     "",                               false),
        ("nor is half an expression",       "MIT AND",                        false),
        ("nor is one with a rest",          "MIT) OR MIT",                    false),
    ];
    for (name, expression, want) in table {
        assert_eq!(is_allowed(expression, &allowed), want, "{name}");
    }
}

/// The names and licence expressions of everything that is built into refgate or its tests.
fn dependencies() -> Vec<(String, String)> {
    let metadata: Value = serde_json::from_slice(&cargo_metadata()).expect("cargo prints JSON");
    let packages = metadata.get("packages").and_then(Value::as_array);
    let row = |package| (text_at(package, "name"), text_at(package, "license"));
    packages.expect("metadata lists packages").iter().map(row).collect()
}

/// The text of a member, empty where there is none.
fn text_at(object: &Value, member: &str) -> String {
    object.get(member).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Asks for this platform's packages only: those are there without a network, having just been
/// compiled into this test.
fn cargo_metadata() -> Vec<u8> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--locked", "--offline"])
        .args(["--filter-platform", &host_platform()])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo starts: it has started this test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn host_platform() -> String {
    let output = Command::new("rustc").arg("-vV").output().expect("rustc is beside cargo");
    let version = String::from_utf8(output.stdout).expect("rustc prints UTF-8");
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.expect("rustc names its host").to_owned()
}

/// A list of `deny.toml`, by its JSON pointer.
fn rules(pointer: &str) -> Vec<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/deny.toml");
    let text = std::fs::read_to_string(path).expect("deny.toml is there");
    let rules: Value = toml::from_str(&text).expect("deny.toml is TOML");
    let list = rules.pointer(pointer).and_then(Value::as_array);
    list.unwrap_or_else(|| panic!("deny.toml has a list at {pointer}")).clone()
}

fn allowed_licences() -> BTreeSet<String> {
    rules("/licenses/allow").iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn banned_crates() -> BTreeSet<String> {
    rules("/bans/deny").iter().map(|row| text_at(row, "crate")).collect()
}

/// Whether an SPDX licence expression can be satisfied from the list.
fn is_allowed(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let mut reader = Reader { words: spaced.split_whitespace().collect(), allowed };
    reader.words.reverse();
    reader.either() == Some(true) && reader.words.is_empty()
}

/// Reads an expression word by word; the next word is the last of `words`.
struct Reader<'a> {
    words: Vec<&'a str>,
    allowed: &'a BTreeSet<String>,
}

impl Reader<'_> {
    /// `a OR b OR …`; `None` when it is no expression.
    fn either(&mut self) -> Option<bool> {
        let mut satisfied = self.both()?;
        while self.take("OR") {
            satisfied |= self.both()?;
        }
        Some(satisfied)
    }

    /// `a AND b AND …`
    fn both(&mut self) -> Option<bool> {
        let mut satisfied = self.one()?;
        while self.take("AND") {
            satisfied &= self.one()?;
        }
        Some(satisfied)
    }

    /// A licence, perhaps with an exception, or an expression in parentheses.
    fn one(&mut self) -> Option<bool> {
        if self.take("(") {
            let satisfied = self.either()?;
            return self.take(")").then_some(satisfied);
        }
        let satisfied = self.allowed.contains(self.words.pop()?);
        if self.take("WITH") {
            self.words.pop()?;
        }
        Some(satisfied)
    }

    fn take(&mut self, word: &str) -> bool {
        let next = self.words.last() == Some(&word);
        if next {
            self.words.pop();
        }
        next
    }
}
