use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::domain::form::UploadForm;

/// A part with its delimiter.
fn part(name: &str, rest: &str, value: &str) -> String {
    format!("\r\n--b\r\nContent-Disposition: form-data; name=\"{name}\"{rest}\r\n\r\n{value}")
}

fn field(name: &str, value: &str) -> String {
    part(name, "", value)
}

fn file(value: &str) -> String {
    part("file", "; filename=\"f.txt\"\r\nContent-Type: text/plain", value)
}

const END: &str = "\r\n--b--\r\n";

/// Reads a body in pieces of that many bytes: the form and the bytes of its file.
fn read(body: &[u8], pieces: usize) -> Result<(UploadForm, Vec<u8>), InvalidForm> {
    let boundary = Boundary::read("multipart/form-data; boundary=b").unwrap();
    let mut reader = FormReader::new(&boundary);
    let (mut form, mut content, mut over) = (None, Vec::new(), false);
    for piece in body.chunks(pieces) {
        reader.feed(Bytes::copy_from_slice(piece));
        while let Some(step) = reader.advance()? {
            match step {
                Step::Form(found) => assert!(form.replace(found).is_none()),
                Step::Bytes(bytes) => {
                    assert!(form.is_some() && !over && !bytes.is_empty());
                    content.extend_from_slice(&bytes);
                }
                Step::End => over = true,
            }
        }
    }
    reader.finish()?;
    assert!(over, "a form that may end has ended");
    Ok((form.unwrap(), content))
}

/// Reads a body however it is cut, and checks that this makes no difference.
fn read_every_way(body: &str) -> Result<(UploadForm, Vec<u8>), InvalidForm> {
    let whole = read(body.as_bytes(), body.len().max(1));
    for pieces in [1, 2, 3, 5, 7, 64] {
        assert_eq!(read(body.as_bytes(), pieces), whole, "in pieces of {pieces}: {body:.200?}");
    }
    whole
}

#[test]
fn a_form_is_its_fields_and_its_file() {
    let body = field("key", "a.txt") + &field("Policy", "") + &file("hello\r\nworld") + END;
    // The samples of the vendor begin with a line break, browsers do not.
    for body in [&body, body.strip_prefix("\r\n").unwrap()] {
        let (form, content) = read_every_way(body).unwrap();
        let fields: Vec<_> = form.fields.iter().collect();
        assert_eq!(fields, [("key", "a.txt"), ("policy", "")]);
        assert_eq!(form.file.name.as_deref(), Some("f.txt"));
        assert_eq!(form.file.content_type.as_deref(), Some("text/plain"));
        assert_eq!(content, b"hello\r\nworld");
    }
}

#[test]
fn what_is_in_a_file_is_no_boundary() {
    let almost = ["\r\n--", "\r\n--a", "--b", "\n--b\r\n", "\r\r\n--", "\r\n-\r\n--\r\n", "", "\r"];
    for content in almost.map(str::to_owned).into_iter().chain([almost.concat()]) {
        let body = field("key", "a") + &file(&content) + END;
        assert_eq!(read_every_way(&body).unwrap().1, content.as_bytes(), "{content:?}");
    }
}

#[test]
fn forms() {
    use InvalidForm as E;
    let key = field("key", "a");
    let whole = |inside: &str| format!("{key}{inside}{END}");
    let long = "x".repeat(MAX_VALUE_BYTES);
    #[rustfmt::skip]
    let table = [
        ("a file alone",              file("x") + END,                                              Ok(())),
        ("an empty file",             whole(&file("")),                                             Ok(())),
        ("a file without a name",     whole(&field("File", "x")),                                   Ok(())),
        ("the button behind it",      whole(&(file("x") + &field("submit", "Upload to OSS"))),      Ok(())),
        ("the button before it",      whole(&(field("submit", "Upload") + &file("x"))),             Ok(())),
        ("white space at the end",    whole(&file("x")) + " \r\n\t",                                Ok(())),
        ("no line break at the end",  key.clone() + &file("x") + "\r\n--b--",                       Ok(())),
        ("padding behind a boundary", key.replace("--b", "--b \t ") + &file("x") + END,             Ok(())),
        ("a value as long as may be", whole(&(field("a", &long) + &file("x"))),                     Ok(())),
        ("no form",                   String::new(),                                                Err(E::Incomplete)),
        ("no part",                   "\r\n--b--".into(),                                           Err(E::NoFile)),
        ("no file",                   whole(&field("a", "b")),                                      Err(E::NoFile)),
        ("two files",                 whole(&(file("x") + &file("y"))),                             Err(E::TwoFiles)),
        ("a field behind the file",   whole(&(file("x") + &field("key", "b"))),                     Err(E::BehindFile("key".into()))),
        ("a field behind the button", whole(&(file("x") + &field("submit", "") + &field("key", "b"))), Err(E::BehindFile("key".into()))),
        ("two buttons",               whole(&(file("x") + &field("submit", "") + &field("submit", ""))), Err(E::BehindFile("submit".into()))),
        ("a field twice",             whole(&(field("KEY", "b") + &file("x"))),                     Err(E::Repeated("KEY".into()))),
        ("something before it",       format!("a{key}{}{END}", file("x")),                          Err(E::Delimiter)),
        ("two line breaks before it", format!("\r\n{key}{}{END}", file("x")),                       Err(E::Delimiter)),
        ("another boundary",          "--c\r\n\r\n\r\n--c--".into(),                                Err(E::Delimiter)),
        ("a longer boundary",         whole(&file("x")).replace("--b\r\n", "--bb\r\n"),             Err(E::Delimiter)),
        ("a boundary in a file",      whole(&file("x\r\n--b y")),                                   Err(E::Delimiter)),
        ("an end in a file",          whole(&file("x\r\n--b--")),                                   Err(E::Delimiter)),
        ("a boundary and a hyphen",   whole(&file("x\r\n--b-")),                                    Err(E::Delimiter)),
        ("something behind it",       whole(&file("x")) + "--b",                                    Err(E::Delimiter)),
        ("another form behind it",    whole(&file("x")) + &whole(&file("y")),                       Err(E::Delimiter)),
        ("a part without a head",     format!("--b\r\n\r\nx{END}"),                                 Err(E::NoName)),
        ("a part without a name",     format!("--b\r\nContent-Type: a/b\r\n\r\nx{END}"),            Err(E::NoName)),
        ("a line break in a name",    whole(&part("a\r\nX-Y: z", "", "")),                          Err(E::Head)),
        ("a line feed in a name",     whole(&part("a\nb", "", "")),                                 Err(E::Head)),
        ("line feeds alone",          whole(&file("x")).replace('\r', ""),                          Err(E::Delimiter)),
        ("a value that is too long",  whole(&(field("a", &(long.clone() + "x")) + &file("x"))),     Err(E::ValueTooLong("a".into()))),
        ("a button that is too long", whole(&(file("x") + &field("submit", &(long.clone() + "x")))), Err(E::ValueTooLong("submit".into()))),
        ("a name that is too long",   whole(&field(&"n".repeat(MAX_HEAD_BYTES), "")),               Err(E::HeadTooLong)),
        ("too much",                  whole(&(field("a", &long) + &field("b", &long) + &field("c", &long) + &file("x"))), Err(E::TooLong)),
        ("too many",                  whole(&((0..10_000).map(|n| field(&n.to_string(), "")).collect::<String>() + &file("x"))), Err(E::TooLong)),
        ("cut in a head",             key.clone() + "\r\n--b\r\nContent-Disp",                      Err(E::Incomplete)),
        ("cut in a value",            key.clone(),                                                  Err(E::Incomplete)),
        ("cut in the file",           key.clone() + &file("x"),                                     Err(E::Incomplete)),
        ("cut in the last boundary",  key.clone() + &file("x") + "\r\n--b-",                        Err(E::Incomplete)),
        ("cut before the hyphens",    key.clone() + &file("x") + "\r\n--b",                         Err(E::Incomplete)),
    ];
    for (name, body, want) in table {
        assert_eq!(read_every_way(&body).map(|_| ()), want, "{name}");
    }
    let latin1 = [key.as_bytes(), field("a", "").as_bytes(), b"\xe9", END.as_bytes()].concat();
    assert_eq!(read(&latin1, 4096).map(|_| ()), Err(E::Encoding));
}

#[test]
fn a_head_without_an_end_is_refused_before_it_is_long() {
    let boundary = Boundary::read("multipart/form-data; boundary=b").unwrap();
    let mut reader = FormReader::new(&boundary);
    reader.feed("--b\r\n".into());
    let refused = (0..MAX_HEAD_BYTES).find_map(|_| {
        reader.feed("X-Y: z\r\n".into());
        reader.advance().err()
    });
    assert_eq!(refused, Some(InvalidForm::HeadTooLong));
}

proptest! {
    #[test]
    fn any_content_comes_out_as_it_went_in(
        content in prop::collection::vec(prop::sample::select(b"\r\n-bx".as_slice()), 0..200),
        pieces in 1usize..40,
    ) {
        let begins = |tail: &[u8]| content.windows(tail.len()).any(|window| window == tail);
        prop_assume!(!begins(b"\r\n--b"));
        let head = field("key", "a") + &file("");
        let body = [head.as_bytes(), &content, END.as_bytes()].concat();
        let (_, got) = read(&body, pieces).unwrap();
        prop_assert_eq!(got, content);
    }

    #[test]
    fn how_a_body_is_cut_makes_no_difference(
        words in prop::collection::vec(prop::sample::select(vec![
            "\r\n", "--b", "--", "-", "b", " ", "Content-Disposition: form-data; name=\"",
            "key", "file", "submit", "\"", "; filename=\"x\"", "x",
        ]), 0..40),
        pieces in 1usize..40,
    ) {
        let body = words.concat();
        let whole = read(body.as_bytes(), body.len().max(1));
        prop_assert_eq!(read(body.as_bytes(), pieces), whole);
    }
}
