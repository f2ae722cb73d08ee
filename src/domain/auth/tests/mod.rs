//! Requests that the tests of this folder sign, change and check.

mod changed;
mod clock;
mod reading;
mod round_trip;

use http::{HeaderMap, HeaderValue};

use super::{
    AuthError, Claim, KnownKey, PayloadHash, Place, SignedClaim, SignedRequest, Signer, v1,
};
use crate::domain::name::{AccessKeyId, Region};
use crate::domain::op::{Target, Targets};
use crate::domain::query::Query;
use crate::domain::secret::SecretKey;
use crate::domain::time::UnixMillis;

/// 2022-12-28 10:27:41 UTC.
const NOW: UnixMillis = UnixMillis::from_secs(1_672_223_261);
const NOW_HTTP: &str = "Wed, 28 Dec 2022 10:27:41 GMT";

/// A request as a server sees it.
#[derive(Clone, Debug)]
struct Sent {
    method: &'static str,
    targets: Targets,
    query: String,
    headers: HeaderMap,
}

impl Sent {
    /// `GET /abc/a/b` without a signature.
    fn plain() -> Self {
        let first = Target::Object("abc".parse().unwrap(), "a/b".parse().unwrap());
        let targets = Targets { first, second: None };
        Self { method: "GET", targets, query: String::new(), headers: HeaderMap::new() }
    }

    fn but(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut other = self.clone();
        change(&mut other);
        other
    }

    fn set(&mut self, name: &'static str, value: &str) {
        self.headers.insert(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }

    fn query(&self) -> Query {
        Query::parse(&self.query).unwrap()
    }

    fn v1_header(mut self) -> Self {
        self.set("x-oss-date", NOW_HTTP);
        let query = self.query();
        let request = SignedRequest { method: self.method, headers: &self.headers, query: &query };
        let text = v1::string_to_sign(&request, &self.targets.first, NOW_HTTP.as_bytes());
        let signature = v1::sign(&secret(), &text);
        self.set("authorization", &format!("OSS ak:{signature}"));
        self
    }

    fn v4_header(mut self) -> Self {
        let query = self.query();
        with_signer(|signer| {
            signer.sign_v4_header(self.method, &self.targets.first, &query, &mut self.headers);
        });
        self
    }

    fn v1_url(mut self, expires: u32) -> Self {
        let query = self.query();
        let pairs: Vec<_> = query.pairs().collect();
        let signed =
            with_signer(|s| s.presign_v1(self.method, &self.targets.first, &pairs, expires));
        self.query = signed;
        self
    }

    fn v4_url(mut self, seconds: u32) -> Self {
        let query = self.query();
        let pairs: Vec<_> = query.pairs().collect();
        let signed =
            with_signer(|s| s.presign_v4(self.method, &self.targets.first, &pairs, seconds));
        self.query = signed;
        self
    }

    /// The request signed in each of the four ways. URLs are good for a minute.
    fn signed_in_each_way(&self) -> [(&'static str, Self); 4] {
        let end = u32::try_from(NOW.as_secs()).unwrap() + 60;
        [
            ("V1 header", self.clone().v1_header()),
            ("V4 header", self.clone().v4_header()),
            ("V1 URL", self.clone().v1_url(end)),
            ("V4 URL", self.clone().v4_url(60)),
        ]
    }

    fn claim(&self) -> Result<SignedClaim, AuthError> {
        match Claim::read(&self.headers, &self.query())? {
            Claim::Signed(claim) => Ok(claim),
            Claim::Anonymous => panic!("anonymous: {self:?}"),
        }
    }

    fn prove_with(
        &self,
        now: UnixMillis,
        keys: impl FnOnce(&AccessKeyId) -> Option<SecretKey>,
    ) -> Result<(Target, PayloadHash), AuthError> {
        let query = self.query();
        let request = SignedRequest { method: self.method, headers: &self.headers, query: &query };
        let (region, claim) = (region(), self.claim()?);
        let keys = |id: &AccessKeyId, _: Option<&str>| {
            let unknown = || AuthError::UnknownAccessKey(id.to_string());
            keys(id).map(KnownKey::permanent).ok_or_else(unknown)
        };
        let place = Place { region: &region, now };
        let proof = claim.prove(&request, &self.targets, &place, keys)?;
        assert_eq!(proof.access_key_id().as_str(), "ak");
        Ok((proof.target().clone(), proof.payload()))
    }

    fn prove_at(&self, now: UnixMillis) -> Result<(), AuthError> {
        self.prove_with(now, |_| Some(secret())).map(|_| ())
    }

    fn prove(&self) -> Result<(), AuthError> {
        self.prove_at(NOW)
    }
}

fn secret() -> SecretKey {
    SecretKey::new("s3cr3t".to_owned())
}

fn region() -> Region {
    "cn-hangzhou".parse().unwrap()
}

fn with_signer<T>(use_it: impl FnOnce(&Signer) -> T) -> T {
    let (access_key_id, secret, region) = ("ak".parse().unwrap(), secret(), region());
    use_it(&Signer { access_key_id: &access_key_id, secret: &secret, region: &region, now: NOW })
}

fn is_mismatch(result: &Result<(), AuthError>) -> bool {
    matches!(result, Err(AuthError::Mismatch(_)))
}
