//! HTML forms, as browsers and scripts send them, and their signatures.
//!
//! Sources: RFC 7578; OSS "PostObject", appendix "Post Signature"; OSS "POST V4 signature".

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::clock;
use super::request::Request;
use super::sign::Signer;

pub(crate) const BOUNDARY: &str = "9431149156168";

/// The bytes of the file, unless a test says otherwise.
pub(crate) const FILE: &str = "what the form brings";

/// A form. It is what a test makes of it, well-formed or not.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    fields: Vec<(String, String)>,
    /// The head of the file's part behind its name, and its content.
    file: Option<(String, Vec<u8>)>,
    /// What stands behind the file.
    behind: Vec<(String, String)>,
}

/// How a form says who sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signed {
    V1,
    V4,
}

impl Signed {
    pub(crate) const ALL: [Self; 2] = [Self::V1, Self::V4];
}

impl Form {
    /// A form with a key and a file.
    pub(crate) fn of(key: &str) -> Self {
        Self::empty().field("key", key).file(FILE)
    }

    /// A form with nothing in it.
    pub(crate) fn empty() -> Self {
        Self { fields: Vec::new(), file: None, behind: Vec::new() }
    }

    /// Adds a field before the file.
    #[must_use]
    pub(crate) fn field(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.into(), value.into()));
        self
    }

    /// Adds a field behind the file.
    #[must_use]
    pub(crate) fn behind(mut self, name: &str, value: &str) -> Self {
        self.behind.push((name.into(), value.into()));
        self
    }

    /// Takes fields away.
    #[must_use]
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(given, _)| given != name);
        self
    }

    /// The value of a field.
    pub(crate) fn value(&self, name: &str) -> &str {
        &self.fields.iter().find(|(given, _)| given == name).unwrap().1
    }

    /// A file of that content, with the name and the type that a browser gives it.
    #[must_use]
    pub(crate) fn file(self, content: impl AsRef<[u8]>) -> Self {
        self.file_as("; filename=\"photo.jpg\"\r\nContent-Type: image/jpeg", content)
    }

    /// A file of that content, with something else behind its name.
    #[must_use]
    pub(crate) fn file_as(mut self, head: &str, content: impl AsRef<[u8]>) -> Self {
        self.file = Some((head.into(), content.as_ref().to_vec()));
        self
    }

    /// Lets somebody sign a policy.
    #[must_use]
    pub(crate) fn signed(self, signer: &Signer, way: Signed, policy: &str) -> Self {
        let policy = STANDARD.encode(policy);
        let mut form = self.field("policy", &policy);
        if let Some(token) = &signer.token {
            form = form.field("x-oss-security-token", token);
        }
        match way {
            Signed::V1 => form
                .field("OSSAccessKeyId", &signer.id)
                .field("Signature", &signer.v1_of_text(policy.as_bytes())),
            Signed::V4 => form
                .field("x-oss-signature-version", "OSS4-HMAC-SHA256")
                .field("x-oss-credential", &signer.credential())
                .field("x-oss-date", &signer.v4_date())
                .field("x-oss-signature", &signer.v4_of_text(&policy)),
        }
    }

    /// Lets the owner sign a policy that allows everything for an hour.
    #[must_use]
    pub(crate) fn by_owner(self) -> Self {
        self.signed(&Signer::owner(), Signed::V4, &policy(3600, ANYTHING))
    }

    /// The bytes of the form.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut part = |name: &str, head: &str, value: &[u8]| {
            let disposition = format!("Content-Disposition: form-data; name=\"{name}\"{head}");
            let head = format!("--{BOUNDARY}\r\n{disposition}\r\n\r\n");
            bytes.extend_from_slice(&[head.as_bytes(), value, b"\r\n"].concat());
        };
        self.fields.iter().for_each(|(name, value)| part(name, "", value.as_bytes()));
        if let Some((head, content)) = &self.file {
            part("file", head, content);
        }
        self.behind.iter().for_each(|(name, value)| part(name, "", value.as_bytes()));
        bytes.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        bytes
    }

    /// The request that sends the form to a bucket.
    pub(crate) fn to(&self, bucket: &str) -> Request {
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        Request::bucket("POST", bucket).header("Content-Type", kind).body(self.bytes())
    }
}

/// A condition that all forms meet.
pub(crate) const ANYTHING: &str = r#"["content-length-range", 0, 1000000]"#;

/// A policy that ends in so many seconds.
pub(crate) fn policy(seconds: i64, conditions: &str) -> String {
    let end = jiff::Timestamp::from_second(clock::now() + seconds).unwrap();
    let end = end.strftime("%Y-%m-%dT%H:%M:%S.000Z");
    format!(r#"{{"expiration": "{end}", "conditions": [{conditions}]}}"#)
}

/// Answers of the vendor's SDK for JavaScript.
#[test]
fn the_signer_of_the_tests_knows_the_answers_for_forms() {
    // ali-oss 6.23.0, `calculatePostSignature` and `signPostObjectPolicyV4`.
    let policy = "{\"expiration\":\"2013-12-01T12:00:00Z\",\"conditions\":[[\"content-length-range\",0,10485760],{\"bucket\":\"ahaha\"},{\"A\":\"a\"},{\"key\":\"ABC\"}]}";
    let vendor = Signer {
        id: "ak".into(),
        secret: "sk".into(),
        token: None,
        region: "cn-hangzhou".into(),
        // 2023-12-16T16:20:57Z
        at: 1_702_743_657,
        lifetime: 0,
    };
    let v1 = Form::of("a").signed(&vendor, Signed::V1, policy);
    assert_eq!(v1.value("Signature"), "Eqyk9OARGFiFnOaZv/uJQhWcLgw=");
    let v4 = Form::of("a").signed(&vendor, Signed::V4, policy);
    let want = "18760261719cc7d3fa80ed0e7d4a22068ac5e952a85c1b2dc82c314e87a48eb9";
    assert_eq!(v4.value("x-oss-signature"), want);
}
