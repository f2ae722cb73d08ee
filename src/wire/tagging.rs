//! The bodies of `PutObjectTagging` and `GetObjectTagging`.
//!
//! Source: OSS "PutObjectTagging", "GetObjectTagging".

use super::xml::{Element, Limits, XmlError, XmlWriter};
use crate::domain::object::tags::{InvalidTags, Tags};

/// The most bytes of a body of tags: ten of the longest, escaped, are under 20 KiB.
pub const MAX_TAGGING_BYTES: usize = 64 * 1024;

/// Why the body of `PutObjectTagging` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidTagging {
    /// It is not XML.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// It is XML of another kind, or lacks a part.
    #[error("the body is not a Tagging with one TagSet of Tags with a Key and a Value")]
    Shape,
    /// What it holds are no tags.
    #[error(transparent)]
    Tags(#[from] InvalidTags),
}

/// Reads `<Tagging>`. White space in a key or a value is part of it; a value may be missing.
///
/// # Errors
///
/// [`InvalidTagging`].
pub fn read_tagging(body: &[u8]) -> Result<Tags, InvalidTagging> {
    let root = Element::read(body, Limits::new(MAX_TAGGING_BYTES, 1000))?;
    let mut sets = root.all("TagSet");
    let (Some(set), None, "Tagging") = (sets.next(), sets.next(), root.name()) else {
        return Err(InvalidTagging::Shape);
    };
    let pairs = set.all("Tag").map(read_tag).collect::<Result<_, _>>()?;
    Ok(Tags::new(pairs)?)
}

fn read_tag(tag: &Element) -> Result<(String, String), InvalidTagging> {
    let one = |name: &str| {
        let mut found = tag.all(name).map(Element::raw_text);
        match (found.next(), found.next()) {
            (text, None) => Ok(text.map(str::to_owned)),
            (_, Some(_)) => Err(InvalidTagging::Shape),
        }
    };
    let key = one("Key")?.ok_or(InvalidTagging::Shape)?;
    Ok((key, one("Value")?.unwrap_or_default()))
}

/// Writes `<Tagging>`.
pub fn write_tagging(tags: &Tags) -> Vec<u8> {
    XmlWriter::document("Tagging", |x| {
        x.element("TagSet", |x| {
            for (key, value) in tags.pairs() {
                x.element("Tag", |x| {
                    x.text("Key", key);
                    x.text("Value", value);
                });
            }
        });
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The documentation's example.
    const EXAMPLE: &str = "<Tagging>\n  <TagSet>\n    <Tag>\n      <Key>a</Key>\n      \
        <Value>1</Value>\n    </Tag>\n    <Tag>\n      <Key>b</Key>\n      \
        <Value>2</Value>\n    </Tag>\n  </TagSet>\n</Tagging>";

    #[test]
    fn what_is_written_is_read() {
        let tags = read_tagging(EXAMPLE.as_bytes()).unwrap();
        let pairs = [("a", "1"), ("b", "2")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(tags.pairs(), pairs);
        assert_eq!(read_tagging(&write_tagging(&tags)).unwrap(), tags);

        let odd = Tags::new(vec![(" +/ ".into(), String::new())]).unwrap();
        assert_eq!(read_tagging(&write_tagging(&odd)).unwrap(), odd);
        assert!(
            String::from_utf8(write_tagging(&Tags::default()))
                .unwrap()
                .ends_with("<Tagging><TagSet/></Tagging>")
        );
    }

    #[test]
    fn refused_bodies() {
        let tag = |key: &str| format!("<Tag><Key>{key}</Key><Value>v</Value></Tag>");
        let set = |tags: &str| format!("<Tagging><TagSet>{tags}</TagSet></Tagging>");
        #[rustfmt::skip]
        let table = [
            ("nothing",           String::new()),
            ("another root",      "<Tags><TagSet/></Tags>".into()),
            ("no set",            "<Tagging></Tagging>".into()),
            ("two sets",          "<Tagging><TagSet/><TagSet/></Tagging>".into()),
            ("no key",            set("<Tag><Value>v</Value></Tag>")),
            ("two keys",          set("<Tag><Key>a</Key><Key>b</Key><Value>v</Value></Tag>")),
            ("two values",        set("<Tag><Key>a</Key><Value>1</Value><Value>2</Value></Tag>")),
            ("twice",             set(&(tag("a") + &tag("a")))),
            ("eleven",            set(&(0..11).map(|n| tag(&format!("k{n}"))).collect::<String>())),
            ("another character", set(&tag("%@abc"))),
            ("an empty key",      set(&tag(""))),
            ("a document type",   format!("<!DOCTYPE Tagging>{}", set(""))),
        ];
        for (name, body) in table {
            assert!(read_tagging(body.as_bytes()).is_err(), "{name}");
        }
    }
}
