//! The layers of `ARCHITECTURE.md`, held: who may import whom, and what a file may not become.
//!
//! Code is read as lines, without its comments. That is coarse, and enough: what it cannot see
//! (an import that goes up by `super::` and down again) it refuses by its look.

#![expect(clippy::unwrap_used, reason = "a tree that cannot be read fails the test")]

use std::fs;
use std::path::{Path, PathBuf};

/// The most lines of a file. One that would be longer holds two things.
const MAX_LINES: usize = 400;

type Names = &'static [&'static str];

/// Paths by which the world comes in: files, sockets, the environment, and what stands on them.
const IO: Names = &[
    "tokio::",
    "axum::",
    "hyper::",
    "sqlx::",
    "ureq::",
    "tracing::",
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
];
/// Where time and randomness come from: they are arguments everywhere but in `service::clock`.
const CHANCE: Names =
    &["SystemTime::now", "Instant::now", "Timestamp::now", "getrandom::", "now_v7"];
/// How the wire is written.
const FORMATS: Names = &["serde::", "serde_json::", "quick_xml::", "toml::"];
const WEB: Names = &["axum::", "hyper::"];
const SQL: Names = &["sqlx::"];

/// A layer: its folder, the layers that it may use, and paths that it must not name.
struct Layer(&'static str, Names, &'static [Names]);

#[rustfmt::skip]
const LAYERS: &[Layer] = &[
    Layer("domain",  &["domain"],                                         &[IO, CHANCE, FORMATS]),
    Layer("wire",    &["domain", "wire"],                                 &[IO, CHANCE]),
    Layer("meta",    &["domain", "meta"],                                 &[WEB, CHANCE]),
    Layer("blob",    &["domain", "blob"],                                 &[WEB, SQL, CHANCE]),
    Layer("config",  &["domain", "config"],                               &[WEB, SQL, CHANCE, &["tokio::"]]),
    Layer("service", &["domain", "meta", "blob", "service"],              &[WEB, SQL, &["std::fs", "std::net", "std::env"]]),
    // `config` for the limits of a connection.
    Layer("http",    &["domain", "wire", "service", "config", "http"],    &[SQL, &["std::fs", "std::env", "getrandom::"]]),
    Layer("cli",     &["domain", "wire", "meta", "blob", "service", "http", "config", "cli"], &[SQL]),
];

/// Files at the top of `src`, which belong to no layer.
const ROOT: Names = &["lib.rs", "main.rs"];

/// Names of shelves: a module is named for what it holds.
const SHELVES: Names = &["util", "utils", "helper", "helpers", "common", "misc", "shared", "types"];

/// A line of code and where it stands.
struct Line {
    place: String,
    text: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files below a folder, in a fixed order.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().display().to_string()
}

/// The lines of a layer that are code. What stands behind `//` is a comment, unless the slashes
/// are in a text, as those of a URL are.
fn code_lines(layer: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    for path in rust_files(&root().join("src").join(layer)) {
        for (number, line) in fs::read_to_string(&path).unwrap().lines().enumerate() {
            let code = if line.trim_start().starts_with("//") { "" } else { line };
            let code = code.split(" // ").next().unwrap_or_default();
            lines.push(Line {
                place: format!("{}:{}", shown(&path), number + 1),
                text: code.to_owned(),
            });
        }
    }
    lines
}

/// The modules of the crate that a line names.
fn modules(text: &str) -> impl Iterator<Item = &str> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    text.split("crate::").skip(1).map(move |rest| {
        let end = rest.find(|c: char| !is_name(c)).unwrap_or(rest.len());
        rest.get(..end).unwrap_or_default()
    })
}

/// Whether a line goes up by `super::` and down into a layer, as in `super::super::meta::`.
fn climbs(text: &str) -> bool {
    let mut rests = text.split("super::").skip(1);
    rests.any(|rest| LAYERS.iter().any(|Layer(name, ..)| rest.starts_with(&format!("{name}::"))))
}

fn assert_none(broken: &[String], rule: &str) {
    assert!(broken.is_empty(), "{rule}:\n{}", broken.join("\n"));
}

#[test]
fn layers_use_only_what_lies_below_them() {
    let mut broken = Vec::new();
    for Layer(layer, allowed, banned) in LAYERS {
        for Line { place, text } in code_lines(layer) {
            let upward = modules(&text).any(|module| !allowed.contains(&module));
            let outside = banned.iter().copied().flatten().any(|path| text.contains(path));
            if upward || outside || climbs(&text) {
                broken.push(format!("{place}: {}", text.trim()));
            }
        }
    }
    assert_none(&broken, "against the layering");
}

#[test]
fn every_folder_is_a_layer_of_the_table() {
    let layers: Vec<_> = LAYERS.iter().map(|Layer(name, ..)| *name).collect();
    let entries = fs::read_dir(root().join("src")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let (mut unknown, mut seen) = (Vec::new(), Vec::new());
    for name in names {
        if layers.contains(&name.as_str()) {
            seen.push(name);
        } else if !ROOT.contains(&name.as_str()) {
            unknown.push(name);
        }
    }
    assert_none(&unknown, "in src and in no row of the table");
    assert_eq!(seen.len(), layers.len(), "rows of the table that are no folder");
}

/// The only clock and the only randomness.
#[test]
fn chance_has_one_source() {
    let lines = code_lines("service").into_iter();
    let others = lines.filter(|line| !line.place.starts_with("src/service/clock.rs"));
    let asked = others.filter(|line| {
        let text = line.text.trim_start();
        CHANCE.iter().any(|path| text.contains(path))
    });
    let broken: Vec<_> = asked.map(|line| format!("{}: {}", line.place, line.text)).collect();
    assert_none(&broken, "time or randomness that is not taken from service::clock");
}

/// A name that was checked has a type. A text that is called a name has not been checked.
#[test]
fn names_are_no_texts() {
    let mut broken = Vec::new();
    for Layer(layer, ..) in LAYERS.iter().filter(|Layer(layer, ..)| *layer != "wire") {
        for Line { place, text } in parameters(layer) {
            let bare = ["bucket: &str", "key: &str", "bucket: String", "key: String"];
            let text = without_lifetimes(&text);
            if bare.iter().any(|parameter| has_word(&text, parameter)) {
                broken.push(format!("{place}: {}", text.trim()));
            }
        }
    }
    assert_none(&broken, "a bucket or a key as text");
}

/// The heads of functions outside of tests. One that is broken into lines is put together.
fn parameters(layer: &str) -> Vec<Line> {
    let mut heads: Vec<Line> = Vec::new();
    let (mut open, mut in_tests) = (false, "");
    let lines = code_lines(layer);
    for Line { place, text } in &lines {
        let file = place.split(':').next().unwrap_or_default();
        if text.trim() == "mod tests {" || file.contains("/tests") || file.contains("known_answers")
        {
            in_tests = file;
        }
        if in_tests == file {
            continue;
        }
        if open {
            if let Some(head) = heads.last_mut() {
                head.text += text;
            }
        } else if has_word(text, "fn") {
            heads.push(Line { place: place.clone(), text: text.clone() });
            open = true;
        }
        if text.contains('{') || text.contains(';') {
            open = false;
        }
    }
    heads
}

/// `&'a str` as `&str`.
fn without_lifetimes(text: &str) -> String {
    let mut parts = text.split("&'");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| {
        all + "&" + part.split_once(' ').map_or(part, |(_lifetime, rest)| rest)
    })
}

/// Whether a text contains another that is not the end of a longer name.
fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(start, _)| {
        let before = text.get(..start).and_then(|before| before.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

#[test]
fn no_file_is_too_long() {
    let mut broken = Vec::new();
    for folder in ["src", "tests"] {
        for path in rust_files(&root().join(folder)) {
            let lines = fs::read_to_string(&path).unwrap().lines().count();
            if lines > MAX_LINES {
                broken.push(format!("{}: {lines}", shown(&path)));
            }
        }
    }
    assert_none(&broken, "files of more than 400 lines");
}

#[test]
fn no_module_is_named_for_its_shelf() {
    let stem = |path: &Path| path.file_stem().unwrap().to_string_lossy().into_owned();
    let mut broken = Vec::new();
    for path in rust_files(&root().join("src")) {
        let folder = path.parent().map(stem).unwrap_or_default();
        if SHELVES.contains(&stem(&path).as_str()) || SHELVES.contains(&folder.as_str()) {
            broken.push(shown(&path));
        }
    }
    assert_none(&broken, "modules that are shelves");
}

/// The rules above see what they should: a test of a rule that never fails proves nothing.
#[test]
fn the_rules_see_what_they_should() {
    let named: Vec<_> = modules("use crate::meta::Meta; let x = crate::service::App").collect();
    assert_eq!(named, ["meta", "service"]);
    assert_eq!(modules("use crate::{meta, blob};").collect::<Vec<_>>(), [""], "and so refused");
    assert!(climbs("use super::super::meta::Meta;") && !climbs("use super::metadata::Row;"));
    assert!(has_word("fn f(key: &str)", "key: &str") && !has_word("(sub_key: &str)", "key: &str"));
    assert_eq!(without_lifetimes("(a: &'k str, b: &str)"), "(a: &str, b: &str)");
    let heads = parameters("domain");
    assert!(heads.iter().any(|head| head.text.contains("percent_encode(")), "functions are found");
}
