//! A form is read alike however its bytes come, and never holds more than it may.
//!
//! ```text
//! cargo +nightly fuzz run form
//! ```
//!
//! The first two bytes of an input say how long the pieces are in which the rest comes, in turn. `b`
//! is the boundary.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use refgate::domain::form::UploadForm;
use refgate::wire::form::{
    Boundary, FormReader, InvalidForm, MAX_BYTES_BEFORE_FILE, Step, read_post_policy,
};

/// What came of a form.
#[derive(Debug, Default, PartialEq)]
struct Read {
    form: Option<UploadForm>,
    file: Vec<u8>,
    over: bool,
}

fn read<'b>(pieces: impl Iterator<Item = &'b [u8]>) -> Result<Read, InvalidForm> {
    let boundary = Boundary::read("multipart/form-data; boundary=b").expect("it is one");
    let (mut reader, mut read) = (FormReader::new(&boundary), Read::default());
    for piece in pieces {
        reader.feed(Bytes::copy_from_slice(piece));
        while let Some(step) = reader.advance()? {
            assert!(!read.over, "nothing follows the end");
            match step {
                Step::Form(form) => {
                    let bytes: usize = form.fields.iter().map(|(n, v)| n.len() + v.len()).sum();
                    assert!(bytes <= MAX_BYTES_BEFORE_FILE);
                    assert!(read.form.replace(form).is_none(), "there is one file");
                }
                Step::Bytes(bytes) => {
                    assert!(read.form.is_some(), "the fields come first");
                    read.file.extend_from_slice(&bytes);
                }
                Step::End => read.over = true,
            }
        }
    }
    reader.finish()?;
    assert!(read.over, "what may end has ended");
    Ok(read)
}

/// Pieces of two lengths in turn.
fn cut(mut body: &[u8], lengths: [usize; 2]) -> impl Iterator<Item = &[u8]> {
    let mut lengths = lengths.into_iter().cycle();
    std::iter::from_fn(move || {
        let length = lengths.next()?.min(body.len());
        let (piece, rest) = body.split_at_checked(length).filter(|(piece, _)| !piece.is_empty())?;
        body = rest;
        Some(piece)
    })
}

fuzz_target!(|input: &[u8]| {
    let [first, second, body @ ..] = input else { return };
    let whole = read(std::iter::once(body));
    let pieces = [usize::from(*first) + 1, usize::from(*second) + 1];
    assert_eq!(read(cut(body, pieces)), whole);
    // What a form may say is read without a panic, too.
    if let Ok(Read { form: Some(form), .. }) = &whole {
        let _ = (form.key(), form.success(), form.content_type());
        let _ = form.fields.get("policy").map(read_post_policy);
    }
});
