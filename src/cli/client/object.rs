//! The client for objects, whose bodies may have any length.

use std::io::Read;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::{Method, Request, Response, header};
use ureq::{Body, SendBody};

use super::{Client, MAX_ANSWER_BYTES, agent, refusal};
use crate::cli::Failure;
use crate::domain::encode::percent_encode_path;
use crate::domain::name::{BucketName, ObjectKey};
use crate::domain::op::Target;

impl Client {
    /// Sends a request about an object and returns a good answer, whose body is still to be read.
    ///
    /// # Errors
    ///
    /// [`Failure`]: the server cannot be reached, or it refuses; then with its own words.
    pub(in crate::cli) fn object(
        &self,
        method: &Method,
        object: (&BucketName, &ObjectKey),
        query: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Response<Body>, Failure> {
        let request = self.about_object(method, object, query, headers)?;
        self.granted(agent(None).run(request.map(|()| SendBody::none())))
    }

    /// Uploads an object. Without a length, its end is where the source ends.
    ///
    /// # Errors
    ///
    /// [`Failure`]: the server cannot be reached, or it refuses; then with its own words.
    pub(in crate::cli) fn upload(
        &self,
        object: (&BucketName, &ObjectKey),
        headers: &[(&'static str, &str)],
        (source, length): (&mut dyn Read, Option<u64>),
    ) -> Result<Response<Body>, Failure> {
        let mut request = self.about_object(&Method::PUT, object, "", headers)?;
        if let Some(length) = length {
            request.headers_mut().insert(header::CONTENT_LENGTH, length.into());
        }
        let mut source = source;
        let body = SendBody::from_reader(&mut source);
        self.granted(agent(None).run(request.map(|()| body)))
    }

    /// Makes a URL for an object that is good for so many seconds.
    pub(in crate::cli) fn sign(
        &self,
        method: &str,
        (bucket, key): (&BucketName, &ObjectKey),
        seconds: u32,
    ) -> String {
        let target = Target::Object(bucket.clone(), key.clone());
        let query = self.signer().presign_v4(method, &target, &[], seconds);
        format!("{}/{bucket}/{}?{query}", self.endpoint, percent_encode_path(key.as_str()))
    }

    /// Reads the rest of an answer.
    ///
    /// # Errors
    ///
    /// [`Failure`].
    pub(in crate::cli) fn read(&self, answer: &mut Response<Body>) -> Result<Vec<u8>, Failure> {
        let body = answer.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_vec();
        body.map_err(|err| Failure::of(&format!("cannot reach {}", self.endpoint), err))
    }

    /// A signed request about an object.
    fn about_object(
        &self,
        method: &Method,
        (bucket, key): (&BucketName, &ObjectKey),
        query: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Request<()>, Failure> {
        let target = Target::Object(bucket.clone(), key.clone());
        let signed = self.signed_headers(method, &target, query, headers)?;
        let mark = if query.is_empty() { "" } else { "?" };
        let path = percent_encode_path(key.as_str());
        let mut request = Request::builder()
            .method(method.clone())
            .uri(format!("{}/{bucket}/{path}{mark}{query}", self.endpoint))
            .body(())
            .map_err(|err| Failure::of("cannot make the request", err))?;
        *request.headers_mut() = signed;
        Ok(request)
    }

    /// A good answer, or why it is none.
    fn granted(
        &self,
        answer: Result<Response<Body>, ureq::Error>,
    ) -> Result<Response<Body>, Failure> {
        let unreachable = |err| Failure::of(&format!("cannot reach {}", self.endpoint), err);
        let mut answer = answer.map_err(unreachable)?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let body = self.read(&mut answer)?;
        Err(refusal_of(&answer, &body))
    }
}

/// What the server said. Where an answer has no body, two headers tell it.
fn refusal_of(answer: &Response<Body>, body: &[u8]) -> Failure {
    let text = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok());
    let error = text("x-oss-err").and_then(|err| BASE64.decode(err).ok());
    match (body, error) {
        ([], Some(error)) => refusal(answer.status(), &error),
        _ => refusal(answer.status(), body),
    }
}
