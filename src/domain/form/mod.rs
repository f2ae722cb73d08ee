//! Uploads by HTML forms (`PostObject`): what a form asks for.
//!
//! The fields of a form stand for the headers of a `PutObject`. Their names have no case. A field
//! that is given twice is refused, whatever it is: of two, one would be checked against the policy
//! and the other acted upon.
//!
//! # Decided here, where the vendor's pages are silent or contradict each other
//!
//! - Fields that the policy does not name are allowed, as in OSS's own samples.
//! - The condition on `content-type` is about the type that is stored. The type may stand in
//!   three places, and a condition on one that does not count would be none.
//! - Conditions on `key` are about the field as it is, with its `${filename}`, as in OSS's own
//!   samples; what it must not be, it must not become either.
//! - `${filename}` in `key` is the last part of the file's name, behind slashes of either kind:
//!   some browsers send whole paths.
//! - `success_action_redirect` is an absolute `http` or `https` URL, or the form is refused.
//!
//! Source: OSS "PostObject" with its appendices.

mod policy;

use std::collections::BTreeMap;

use crate::domain::encode::percent_encode;
use crate::domain::name::{BucketName, InvalidObjectKey, ObjectKey};
use crate::domain::object::ETag;
use crate::domain::referer::{InvalidRedirectUrl, RedirectUrl};

pub use policy::{InvalidPostPolicy, PostPolicy, SizeRange, Unmet};

/// The fields of a form before its file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(BTreeMap<String, String>);

/// What a form says of its file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilePart {
    /// The name that it has where it comes from.
    pub name: Option<String>,
    /// Its `Content-Type`.
    pub content_type: Option<String>,
}

/// A form up to the bytes of its file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UploadForm {
    /// The fields before the file.
    pub fields: Fields,
    /// The file.
    pub file: FilePart,
}

/// What the client gets when the object is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Success {
    /// It is sent there.
    Redirect(RedirectUrl),
    /// 200 without a body.
    Ok,
    /// 201 with the particulars of the object.
    Created,
    /// 204: what OSS answers unless it is told otherwise.
    NoContent,
}

/// Why a form cannot be carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUpload {
    /// There is no field `key`.
    #[error("the form has no field 'key' before the file")]
    NoKey,
    /// The name of the object breaks a rule.
    #[error(transparent)]
    Key(#[from] InvalidObjectKey),
    /// The URL to go to breaks a rule.
    #[error("success_action_redirect: {0}")]
    Redirect(#[from] InvalidRedirectUrl),
}

impl Fields {
    /// The value of a field. `name` is in lower case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Adds a field. False if it is there already.
    #[must_use]
    pub fn insert(&mut self, name: &str, value: String) -> bool {
        self.0.insert(name.to_ascii_lowercase(), value).is_none()
    }

    /// All fields, their names in lower case, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl UploadForm {
    /// The type that is stored with the object: `x-oss-content-type` over that of the file, which
    /// browsers set, over `Content-Type`.
    pub fn content_type(&self) -> Option<&str> {
        let of_file = self.file.content_type.as_deref();
        let fields = |name| self.fields.get(name);
        let given = [fields("x-oss-content-type"), of_file, fields("content-type")];
        given.into_iter().flatten().find(|text| !text.is_empty())
    }

    /// The name of the object.
    ///
    /// # Errors
    ///
    /// [`InvalidUpload`].
    pub fn key(&self) -> Result<ObjectKey, InvalidUpload> {
        Ok(self.key_text().ok_or(InvalidUpload::NoKey)?.parse()?)
    }

    /// The name of the object, whether it may be one or not.
    fn key_text(&self) -> Option<String> {
        const FILE_NAME: &str = "${filename}";

        let path = self.file.name.as_deref().unwrap_or_default();
        let name = path.rsplit(['/', '\\']).next().unwrap_or_default();
        Some(self.fields.get("key")?.replace(FILE_NAME, name))
    }

    /// What the client gets when the object is written. A status that OSS does not know is the
    /// default.
    ///
    /// # Errors
    ///
    /// [`InvalidUpload`].
    pub fn success(&self) -> Result<Success, InvalidUpload> {
        let redirect = self.fields.get("success_action_redirect");
        if let Some(url) = redirect.filter(|url| !url.is_empty()) {
            return Ok(Success::Redirect(url.parse()?));
        }
        Ok(match self.fields.get("success_action_status") {
            Some("200") => Success::Ok,
            Some("201") => Success::Created,
            None | Some(_) => Success::NoContent,
        })
    }
}

/// The URL to which a client is sent that has written an object: with `bucket`, `key` and `etag` in
/// its query, the tag in quotes.
pub fn redirect_of(
    url: &RedirectUrl,
    (bucket, key): (&BucketName, &ObjectKey),
    etag: &ETag,
) -> String {
    let (before, fragment) = match url.as_str().split_once('#') {
        Some((before, fragment)) => (before, format!("#{fragment}")),
        None => (url.as_str(), String::new()),
    };
    let mark = if before.contains('?') { '&' } else { '?' };
    let (key, etag) = (percent_encode(key.as_str()), percent_encode(&etag.quoted()));
    format!("{before}{mark}bucket={bucket}&key={key}&etag={etag}{fragment}")
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn form(fields: &[(&str, &str)], file: (Option<&str>, Option<&str>)) -> UploadForm {
        let mut form = UploadForm::default();
        for (name, value) in fields {
            assert!(form.fields.insert(name, (*value).to_owned()));
        }
        form.file.name = file.0.map(str::to_owned);
        form.file.content_type = file.1.map(str::to_owned);
        form
    }

    #[test]
    fn names_of_fields_have_no_case() {
        let mut fields = Fields::default();
        assert!(fields.insert("Key", "a".into()));
        assert!(!fields.insert("kEY", "b".into()));
        assert_eq!(fields.get("key"), Some("b"));
    }

    #[test]
    fn keys() {
        #[rustfmt::skip]
        let table = [
            ("as it is",         "a/b.jpg",             Some("c.jpg"),         Ok("a/b.jpg")),
            ("a file's name",    "a/${filename}",       Some("c.jpg"),         Ok("a/c.jpg")),
            ("twice",            "${filename}-${filename}", Some("c"),         Ok("c-c")),
            ("a path",           "a/${filename}",       Some("/etc/c.jpg"),    Ok("a/c.jpg")),
            ("a path of Windows", "a/${filename}",      Some("C:\\d\\c.jpg"),  Ok("a/c.jpg")),
            ("up and up",        "a/${filename}",       Some("../../c.jpg"),   Ok("a/c.jpg")),
            ("no file name",     "a/${filename}",       None,                  Ok("a/")),
            ("case counts",      "${Filename}",         Some("c"),             Ok("${Filename}")),
            ("no name at all",   "${filename}",         None,                  Err(InvalidObjectKey::Length(0))),
            ("a leading slash",  "/a",                  None,                  Err(InvalidObjectKey::Edge)),
            ("NUL",              "a\0",                 None,                  Err(InvalidObjectKey::Nul)),
        ];
        for (name, key, file, want) in table {
            let got = form(&[("key", key)], (file, None)).key();
            let want = want.map(|key| key.parse().unwrap()).map_err(InvalidUpload::Key);
            assert_eq!(got, want, "{name}");
        }
        assert_eq!(UploadForm::default().key(), Err(InvalidUpload::NoKey));
    }

    #[test]
    fn types() {
        type Text = Option<&'static str>;
        #[rustfmt::skip]
        let table: [(&str, [Text; 3], Text); 6] = [
            // What is said by the form, by the file, by OSS's field; and which of them counts.
            ("none",            [None, None, None],                      None),
            ("of the form",     [Some("a/b"), None, None],               Some("a/b")),
            ("of the file",     [Some("a/b"), Some("c/d"), None],        Some("c/d")),
            ("of OSS's field",  [Some("a/b"), Some("c/d"), Some("e/f")], Some("e/f")),
            ("an empty field",  [None, Some("c/d"), Some("")],           Some("c/d")),
            ("an empty file's", [Some("a/b"), Some(""), None],           Some("a/b")),
        ];
        for (name, [of_form, of_file, of_oss], want) in table {
            let fields = [("Content-Type", of_form), ("x-oss-content-type", of_oss)];
            let fields: Vec<_> = fields.iter().filter_map(|(n, v)| Some((*n, (*v)?))).collect();
            assert_eq!(form(&fields, (None, of_file)).content_type(), want, "{name}");
        }
    }

    #[test]
    fn what_the_client_gets() {
        let success = |name, value| form(&[(name, value)], (None, None)).success();
        for (status, want) in [
            ("200", Success::Ok),
            ("201", Success::Created),
            ("204", Success::NoContent),
            ("302", Success::NoContent),
            ("", Success::NoContent),
        ] {
            assert_eq!(success("success_action_status", status), Ok(want), "{status}");
        }
        assert_eq!(UploadForm::default().success(), Ok(Success::NoContent));
        let url = "https://a.com/done?x=1#top";
        let redirect = success("success_action_redirect", url);
        assert_eq!(redirect, Ok(Success::Redirect(url.parse().unwrap())));
        for url in ["javascript:alert(1)", "/done", "http://a.com/\r\nSet-Cookie: a=b"] {
            let refused = success("success_action_redirect", url);
            assert!(matches!(refused, Err(InvalidUpload::Redirect(_))), "{url:?}: {refused:?}");
        }
        let both =
            [("success_action_redirect", "https://a.com/"), ("success_action_status", "201")];
        let both = form(&both, (None, None)).success();
        assert!(matches!(both, Ok(Success::Redirect(_))), "{both:?}");
    }

    #[test]
    fn redirects_say_what_was_written() {
        let etag = ETag::of_md5(&[0xab; 16]);
        let tag = "%22ABABABABABABABABABABABABABABABAB%22";
        let to = |url: &str| {
            let (bucket, key) = ("bucket".parse().unwrap(), "a/b &c".parse().unwrap());
            redirect_of(&url.parse().unwrap(), (&bucket, &key), &etag)
        };
        let query = format!("bucket=bucket&key=a%2Fb%20%26c&etag={tag}");
        assert_eq!(to("https://a.com/done"), format!("https://a.com/done?{query}"));
        assert_eq!(to("https://a.com/?x=1#y"), format!("https://a.com/?x=1&{query}#y"));
    }
}
