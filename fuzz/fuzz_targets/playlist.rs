//! No playlist makes the rewriter panic; lines that are no links stay as they are; a preview never
//! has a segment that the whole has not; what comes out is never longer than was foretold.
//!
//! ```text
//! cargo +nightly fuzz run playlist
//! ```
//!
//! The first byte of an input is the length of the preview; what follows is behind `#EXTM3U`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use refgate::domain::urlsign::Target;
use refgate::domain::urlsign::playlist::{MAX_SIGNED_BYTES, Place, Reach, longest, rewrite};

fuzz_target!(|input: &[u8]| {
    let Some((&seconds, rest)) = input.split_first() else { return };
    let text = [b"#EXTM3U\n", rest].concat();
    let reach = if seconds % 2 == 0 { Reach::Within("/v/1/") } else { Reach::Host };
    let place = Place { host: "cdn.example.com", path: "/v/1/index.m3u8", reach };
    let mut signed = 0;
    let most = longest(&text, &place, "?signed".len());
    let whole = rewrite(&text, &place, None, MAX_SIGNED_BYTES, |_, target: Target<'_>| {
        assert!(target.path.starts_with('/'));
        if let Reach::Within(directory) = reach {
            assert!(target.path.starts_with(directory), "{target:?}");
        }
        signed += 1;
        Some(format!("{}?signed", target.path))
    });
    let Ok(whole) = whole.map(|it| it.text) else { return };
    assert!(whole.len() <= most, "{} bytes, and {most} were foretold", whole.len());
    let text = std::str::from_utf8(&text).expect("it was read");
    assert_eq!(whole.split('\n').count(), text.split('\n').count());
    assert!(whole.matches("?signed").count() >= signed);
    let kept = rewrite(text.as_bytes(), &place, None, most, |_, _| None).expect("it was read before");
    assert_eq!(kept.text, text);
    let preview = rewrite(text.as_bytes(), &place, Some(seconds.into()), most, |_, target| {
        Some(format!("{}?signed", target.path))
    });
    if let Ok(preview) = preview.map(|it| it.text) {
        assert!(preview.matches("?signed").count() <= whole.matches("?signed").count());
    }
});
