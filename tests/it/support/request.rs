//! A request, and its bytes.

use std::fmt::Write as _;

/// A request. Names and parameters are kept decoded, for signing; [`Request::bytes`] escapes them.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) bucket: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Option<Vec<u8>>,
}

impl Request {
    /// A request about the account.
    pub(crate) fn service(method: &str) -> Self {
        Self {
            method: method.into(),
            bucket: None,
            key: None,
            query: Vec::new(),
            headers: Vec::new(),
            body: None,
        }
    }

    /// A request about a bucket.
    pub(crate) fn bucket(method: &str, bucket: &str) -> Self {
        Self { bucket: Some(bucket.into()), ..Self::service(method) }
    }

    /// A request about an object.
    pub(crate) fn object(method: &str, bucket: &str, key: &str) -> Self {
        Self { key: Some(key.into()), ..Self::bucket(method, bucket) }
    }

    pub(crate) fn get(bucket: &str, key: &str) -> Self {
        Self::object("GET", bucket, key)
    }

    pub(crate) fn put(bucket: &str, key: &str, body: impl AsRef<[u8]>) -> Self {
        Self::object("PUT", bucket, key).body(body)
    }

    #[must_use]
    pub(crate) fn query(mut self, name: &str, value: &str) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }

    #[must_use]
    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.into(), value.as_ref().to_vec()));
        self
    }

    #[must_use]
    pub(crate) fn referer(self, value: impl AsRef<[u8]>) -> Self {
        self.header("Referer", value)
    }

    #[must_use]
    pub(crate) fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = Some(body.as_ref().to_vec());
        self
    }

    /// The value of a header, if it is there.
    pub(crate) fn value(&self, name: &str) -> Option<&[u8]> {
        let found = self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_slice())
    }

    /// The path, decoded, as it is signed: a bucket's ends with a slash.
    pub(crate) fn resource(&self) -> String {
        match (&self.bucket, &self.key) {
            (Some(bucket), Some(key)) => format!("/{bucket}/{key}"),
            (Some(bucket), None) => format!("/{bucket}/"),
            (None, _) => "/".into(),
        }
    }

    /// The request target, in path style.
    pub(crate) fn target(&self) -> String {
        let mut text = escape(&self.resource(), b"/");
        for (i, (name, value)) in self.query.iter().enumerate() {
            let mark = if i == 0 { '?' } else { '&' };
            write!(text, "{mark}{}", escape(name, b"")).unwrap();
            if !value.is_empty() {
                write!(text, "={}", escape(value, b"")).unwrap();
            }
        }
        text
    }

    /// The request as it goes over the wire.
    pub(crate) fn bytes(&self, host: &str) -> Vec<u8> {
        let mut bytes =
            format!("{} {} HTTP/1.1\r\nHost: {host}\r\n", self.method, self.target()).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        }
        if let Some(body) = &self.body {
            bytes.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(self.body.as_deref().unwrap_or_default());
        bytes
    }
}

/// Percent-encodes all but the unreserved characters of RFC 3986 and those of `keep`.
pub(crate) fn escape(text: &str, keep: &[u8]) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || keep.contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            write!(escaped, "%{byte:02X}").unwrap();
        }
    }
    escaped
}
