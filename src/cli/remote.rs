//! The policy of a bucket, in the JSON API.

use http::{HeaderName, HeaderValue, Method, header};
use serde_json::Value;

use super::Failure;
use super::client::{Client, ClientArgs};
use super::form::Form;
use crate::domain::name::BucketName;
use crate::domain::referer::lint::List;
use crate::domain::referer::{MAX_LARGE_LIST_BYTES, Pattern, Policy, PolicyVersion};
use crate::wire::referer::{read_policy_json, write_policy_json};

/// The policy of a bucket on a server.
pub(super) struct Remote {
    client: Client,
    bucket: BucketName,
}

impl Remote {
    /// Finds the server.
    ///
    /// # Errors
    ///
    /// [`Failure`].
    pub(super) fn new(client: ClientArgs, bucket: BucketName) -> Result<Self, Failure> {
        Ok(Self { client: Client::new(client)?, bucket })
    }

    /// The server.
    pub(super) const fn client(&self) -> &Client {
        &self.client
    }

    /// The bucket.
    pub(super) const fn bucket(&self) -> &BucketName {
        &self.bucket
    }

    /// Reads what is at `rest`, behind the path of the policy.
    pub(super) fn get(&self, rest: &str) -> Result<Value, Failure> {
        self.client.api(&Method::GET, &self.path(rest), (&[], Vec::new()))
    }

    /// Posts JSON, or nothing.
    pub(super) fn post(&self, rest: &str, body: Option<&Value>) -> Result<Value, Failure> {
        let body = body.map(Value::to_string).unwrap_or_default();
        self.client.api(&Method::POST, &self.path(rest), (&[json()], body.into_bytes()))
    }

    /// The newest policy, and its version.
    pub(super) fn read(&self) -> Result<(PolicyVersion, Policy), Failure> {
        let shown = self.get("")?;
        let version = shown.get("version").and_then(Value::as_i64).unwrap_or_default();
        Ok((PolicyVersion(version), policy(&shown, "policy")?))
    }

    /// Replaces the policy, if its newest version is still this one; `how` is recorded.
    pub(super) fn put(
        &self,
        policy: &Policy,
        how: &str,
        version: Option<PolicyVersion>,
    ) -> Result<Value, Failure> {
        let mut headers = vec![json()];
        let tag = version.and_then(|version| HeaderValue::try_from(format!("\"{version}\"")).ok());
        headers.extend(tag.map(|tag| (header::IF_MATCH, tag)));
        let body = write_policy_json(policy).into_bytes();
        self.client.api(&Method::PUT, &self.path(&format!("?how={how}")), (&headers, body))
    }

    /// Replaces a list by lines; by none only if it may become empty.
    pub(super) fn put_lines(
        &self,
        list: List,
        lines: Vec<u8>,
        empty: bool,
    ) -> Result<Value, Failure> {
        let text = HeaderValue::from_static("text/plain");
        let headers = [(header::CONTENT_TYPE, text)];
        self.client.api(
            &Method::PUT,
            &self.path(&format!("/{list}?empty={empty}")),
            (&headers, lines),
        )
    }

    /// Sets the limit of `PutBucketReferer`.
    pub(super) fn put_limit(&self, limit: &Value) -> Result<Value, Failure> {
        let body = limit.to_string().into_bytes();
        self.client.api(&Method::PUT, &self.path("/limit"), (&[json()], body))
    }

    fn path(&self, rest: &str) -> String {
        format!("buckets/{}/referer{rest}", self.bucket)
    }

    /// Says what came of a change.
    pub(super) fn print_outcome(&self, done: &Value, form: Form) {
        match form {
            Form::Text => say!("{}: {}", self.bucket, outcome(done)),
            Form::Json => say!("{done:#}"),
        }
    }
}

/// What came of a change, in words.
pub(super) fn outcome(done: &Value) -> String {
    let version = number(done, "version");
    if done.get("changed").and_then(Value::as_bool) == Some(false) {
        format!("nothing to change, the policy is version {version}")
    } else if text(done, "state") == "in-force" {
        format!("version {version} is in force")
    } else {
        format!("version {version} is kept and comes into force within seconds")
    }
}

fn json() -> (HeaderName, HeaderValue) {
    (header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
}

/// The policy in a field of an answer.
pub(super) fn policy(answer: &Value, name: &str) -> Result<Policy, Failure> {
    let json = answer.get(name).map(Value::to_string).unwrap_or_default();
    read_policy_json(json.as_bytes(), MAX_LARGE_LIST_BYTES)
        .map_err(|err| Failure::of("the server's answer is not a policy", err))
}

/// A list in an answer.
pub(super) fn array<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// A text in an answer.
pub(super) fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A number in an answer.
pub(super) fn number(value: &Value, name: &str) -> u64 {
    value.get(name).and_then(Value::as_u64).unwrap_or_default()
}

/// A text on one line, without anything that a terminal would take for an instruction.
pub(super) fn printable(text: &str) -> String {
    Pattern::read(text).map(|text| text.to_string()).unwrap_or_default()
}
