//! What is signed is verified, whatever bytes are in it.

use percent_encoding::percent_encode;
use proptest::prelude::*;
use refgate::domain::name::ObjectKey;
use refgate::domain::time::UnixMillis;
use refgate::domain::urlsign::{Link, Settings, Target, path_of, sign, verify};

use super::support::{all_settings, get, plain, request};

fn one_of(parts: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(parts).prop_map(str::to_owned)
}

/// Bytes of every class: letters, marks of URLs, digits, controls, UTF-8 of all lengths.
fn keys() -> impl Strategy<Value = String> {
    let chars = prop_oneof![
        4 => "[a-zA-Z0-9]",
        3 => one_of(&["-", "_", ".", "~", "/", "?", "#", "&", "=", "%", "+", " "]),
        2 => one_of(&["!", "$", "'", "(", ")", "*", ",", ";", ":", "@", "[", "]"]),
        2 => one_of(&["\"", "<", ">", "^", "`", "{", "|", "}", "\u{1}", "\n", "\u{7f}"]),
        2 => "\\PC",
        1 => one_of(&["..", "./", "%2f", "%2e", "%00", "\u{85}", "\u{10ffff}", "中"]),
    ];
    prop::collection::vec(chars, 1..24).prop_map(|parts| parts.concat())
}

/// A path of bytes, as a client may escape it: every byte escaped, or only those that must be.
fn paths() -> impl Strategy<Value = String> {
    let bytes = prop::collection::vec(any::<u8>(), 0..24);
    (bytes, any::<bool>()).prop_map(|(bytes, all)| {
        let bytes: Vec<u8> = bytes.into_iter().filter(|b| !matches!(b, 0 | b'\\' | b'/')).collect();
        let escaped = percent_encode(&bytes, percent_encoding::NON_ALPHANUMERIC).to_string();
        let plain = bytes.iter().all(u8::is_ascii_alphanumeric);
        format!("/d/{}{escaped}", if all || plain { "" } else { "x-" })
    })
}

fn queries() -> impl Strategy<Value = Option<String>> {
    prop::option::of("[a-c0-9%=&+~.;,/?:@!$'()*-]{0,24}")
}

fn has_dots(path: &str) -> bool {
    let undotted = path.replace("%2E", ".").replace("%2e", ".");
    undotted.split('/').any(|segment| matches!(segment, "." | ".."))
}

fn check(settings: &Settings, path: &str, query: Option<&str>, now: i64) {
    let link = Link { target: Target { path, query }, ..plain(settings, "/") };
    let made = sign(settings, &link, UnixMillis::from_secs(now));
    let Ok(made) = made else { panic!("{}: {path}: {made:?}", settings.scheme()) };
    let pass = get(settings, &made.target, now).unwrap();
    assert_eq!((pass.path, pass.query.as_deref()), (path, query));
    assert!(get(settings, &made.target, made.until).is_ok());
    assert!(get(settings, &made.target, made.until + 1).is_err());
}

proptest! {
    #[test]
    fn keys_of_objects(key in keys(), now in 1_000_000i64..4_000_000_000) {
        let Ok(key) = key.parse::<ObjectKey>() else { return Ok(()) };
        let path = path_of(&key);
        let fine = !has_dots(&path) && !key.as_str().contains('\\');
        for settings in all_settings() {
            if fine {
                check(&settings, &path, None, now);
            } else {
                let made = sign(&settings, &plain(&settings, &path), UnixMillis::from_secs(now));
                prop_assert!(made.is_err(), "{path}");
            }
        }
    }

    #[test]
    fn paths_and_queries(path in paths(), query in queries(), now in 1_000_000i64..4_000_000_000) {
        prop_assume!(!has_dots(&path));
        for settings in all_settings() {
            check(&settings, &path, query.as_deref(), now);
        }
    }

    /// One changed byte of a link never opens another path, and changes nothing that was signed.
    #[test]
    fn changed_links(path in "/[a-z/]{1,12}", at in any::<prop::sample::Index>(), to in 0x21u8..0x7f) {
        prop_assume!(!path.contains("//"));
        let now = 1_700_000_000;
        for settings in all_settings() {
            let vod = settings.scheme().as_str() == "tencent-vod";
            let made = sign(&settings, &plain(&settings, &path), UnixMillis::from_secs(now)).unwrap();
            let mut bytes = made.target.clone().into_bytes();
            let at = at.index(bytes.len());
            prop_assume!(bytes[at] != to);
            bytes[at] = to;
            let changed = String::from_utf8(bytes).unwrap();
            if let Ok(pass) = get(&settings, &changed, now) {
                // The file name is not signed there, and every byte of it is free.
                let directory = |path: &str| path.rsplit_once('/').unwrap().0.to_owned();
                let same = if vod { directory(pass.path) == directory(&path) } else { pass.path == path };
                prop_assert!(same, "{changed}");
                prop_assert_eq!(pass.until, made.until);
            }
        }
    }

    /// No request makes the verifier panic, and only genuine ones pass.
    #[test]
    fn junk(target in "[ -~]{0,64}", query in "(auth_key|sign|t|time|md5|expires|KEY1|KEY2|rg-auth|rg-ticket|us|exper|=|&|-|~|[0-9a-f]{8}|[0-9a-f]{32}){0,12}") {
        for settings in all_settings() {
            for text in [target.clone(), format!("/{target}?{query}"), format!("/a?{query}")] {
                let now = UnixMillis::from_secs(1_700_000_000);
                prop_assert!(verify(&settings, &request(&text), now).is_err(), "{text}");
            }
        }
    }
}
