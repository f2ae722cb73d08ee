//! `refgate object ls`.

use http::Method;
use serde_json::json;

use crate::cli::Failure;
use crate::cli::client::Client;
use crate::cli::form::Form;
use crate::domain::encode::{percent_decode_bytes, percent_encode};
use crate::domain::name::BucketName;
use crate::wire::xml::{Element, Limits};

/// The most bytes and elements of a page of 1000 keys of 1023 bytes, each of them escaped.
const PAGE: Limits = Limits::new(16 << 20, 40_000);

/// Prints all objects, and what they share up to a delimiter, page by page.
pub(super) fn print(
    client: &Client,
    bucket: &BucketName,
    (prefix, delimiter): (&str, &str),
    form: Form,
) -> Result<(), Failure> {
    let wanted = format!(
        "list-type=2&encoding-type=url&max-keys=1000&prefix={}&delimiter={}",
        percent_encode(prefix),
        percent_encode(delimiter)
    );
    let mut token = String::new();
    loop {
        let mut query = wanted.clone();
        if !token.is_empty() {
            query = format!("{query}&continuation-token={}", percent_encode(&token));
        }
        let body = client.send(&Method::GET, Some(bucket), &query, (&[], Vec::new()))?;
        let page = Element::read(&body, PAGE)
            .map_err(|err| Failure::of("the server's answer is not a list", err))?;
        for object in page.all("Contents") {
            print_object(object, form)?;
        }
        for shared in page.all("CommonPrefixes") {
            print_prefix(&name(shared, "Prefix")?, form);
        }
        text(&page, "NextContinuationToken").clone_into(&mut token);
        if token.is_empty() {
            return Ok(());
        }
    }
}

fn text<'e>(of: &'e Element, name: &str) -> &'e str {
    of.all(name).next().map(Element::text).unwrap_or_default()
}

/// A name, which the answer has escaped.
fn name(of: &Element, element: &str) -> Result<String, Failure> {
    let bad = || Failure::Other("the server's answer has a name that cannot be read".into());
    let bytes = percent_decode_bytes(text(of, element)).map_err(|_| bad())?;
    String::from_utf8(bytes.into_owned()).map_err(|_| bad())
}

fn print_object(object: &Element, form: Form) -> Result<(), Failure> {
    let name = name(object, "Key")?;
    let (modified, size) = (text(object, "LastModified"), text(object, "Size"));
    match form {
        Form::Text => say!("{modified}  {size:>12}  {}", one_line(&name)),
        Form::Json => say!(
            "{}",
            json!({
                "key": name,
                "size": size.parse::<u64>().unwrap_or_default(),
                "last_modified": modified,
                "etag": text(object, "ETag"),
                "type": text(object, "Type"),
            })
        ),
    }
    Ok(())
}

fn print_prefix(prefix: &str, form: Form) {
    match form {
        Form::Text => say!("{:24}  {:>12}  {}", "", "-", one_line(prefix)),
        Form::Json => say!("{}", json!({ "prefix": prefix })),
    }
}

/// A name without anything that a terminal would take for an instruction.
fn one_line(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
