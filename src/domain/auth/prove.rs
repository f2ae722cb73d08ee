//! Whether a claim is true.

use super::claim::{Form, Signature};
use super::credential::{Lifetime, V4Claim};
use super::{
    AuthError, Channel, MAX_SKEW_MILLIS, Mismatch, PayloadHash, SignedClaim, SignedRequest, v1, v4,
};
use crate::domain::name::{AccessKeyId, Region};
use crate::domain::op::{Target, Targets};
use crate::domain::secret::{Digest, SecretKey};
use crate::domain::time::UnixMillis;

/// Where and when a signature is checked.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The server's region, which a V4 signature must be for.
    pub region: &'a Region,
    /// The server's clock.
    pub now: UnixMillis,
}

/// What is known of an access key.
#[derive(Clone, Debug)]
pub struct KnownKey {
    /// Its secret.
    pub secret: SecretKey,
    /// Whether it is one of temporary credentials, of which a token is a part.
    pub temporary: bool,
}

impl KnownKey {
    /// A key that is good until it is taken away.
    pub const fn permanent(secret: SecretKey) -> Self {
        Self { secret, temporary: false }
    }
}

/// A claim that is true. Only [`SignedClaim::prove`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof<'t> {
    access_key_id: AccessKeyId,
    target: &'t Target,
    channel: Channel,
    version: Version,
    payload: PayloadHash,
}

/// The version of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Version 1. It runs key and sub-resources together, so a link for the key `?referer` is
    /// also one for the bucket's `?referer`.
    V1,
    /// Version 4. What it signs can be read in one way only.
    V4,
}

impl<'t> Proof<'t> {
    /// The access key that signed.
    pub fn access_key_id(&self) -> &AccessKeyId {
        &self.access_key_id
    }

    /// The reading of the request that was signed. It may be the second one, and no other may be
    /// acted upon.
    pub fn target(&self) -> &'t Target {
        self.target
    }

    /// Where the signature stood.
    pub fn channel(&self) -> Channel {
        self.channel
    }

    /// The version of the signature.
    pub fn version(&self) -> Version {
        self.version
    }

    /// What the body must be.
    pub fn payload(&self) -> PayloadHash {
        self.payload
    }
}

/// A signature as it should be, and the texts that led to it.
struct Expected {
    signature: String,
    string_to_sign: Vec<u8>,
    canonical_request: Option<Vec<u8>>,
}

impl SignedClaim {
    /// Checks the claim in the order that the [module](super) gives. `keys` finds the secret of
    /// an access key, for temporary credentials by their token, and is asked only for a claim that
    /// is in time. `request` must be the request that the claim was read from.
    ///
    /// Of two readings of a request the first that fits the signature is proven.
    ///
    /// # Errors
    ///
    /// [`AuthError`], the first check that fails. A mismatch tells the texts of the first
    /// reading.
    pub fn prove<'t>(
        &self,
        request: &SignedRequest,
        targets: &'t Targets,
        place: &Place,
        keys: impl FnOnce(&AccessKeyId, Option<&str>) -> Result<KnownKey, AuthError>,
    ) -> Result<Proof<'t>, AuthError> {
        self.check_time(place.now)?;
        self.check_scope(place.region)?;
        let key = keys(&self.access_key_id, self.token())?;
        let target = self.signed_target(request, targets, &key.secret)?;
        if self.token.is_some() && !key.temporary {
            return Err(AuthError::SecurityToken(self.access_key_id.clone()));
        }
        Ok(Proof {
            access_key_id: self.access_key_id.clone(),
            target,
            channel: self.channel(),
            version: self.version(),
            payload: self.payload(),
        })
    }

    fn check_time(&self, now: UnixMillis) -> Result<(), AuthError> {
        match &self.form {
            Form::V1Header { at, .. } => check_skew(*at, now),
            Form::V1Url { end, .. } if now.as_secs() > end.as_secs() => {
                Err(AuthError::UrlExpiredV1 { end: *end, server: now })
            }
            Form::V1Url { .. } => Ok(()),
            Form::V4(claim) => claim.check_time(now),
        }
    }

    fn check_scope(&self, region: &Region) -> Result<(), AuthError> {
        match &self.form {
            Form::V1Header { .. } | Form::V1Url { .. } => Ok(()),
            Form::V4(claim) => claim.check_scope(region),
        }
    }

    fn version(&self) -> Version {
        match &self.form {
            Form::V1Header { .. } | Form::V1Url { .. } => Version::V1,
            Form::V4(_) => Version::V4,
        }
    }

    fn payload(&self) -> PayloadHash {
        match &self.form {
            Form::V1Header { .. } | Form::V1Url { .. } => PayloadHash::Unsigned,
            Form::V4(claim) => claim.payload,
        }
    }

    /// The reading whose signature is the one presented.
    fn signed_target<'t>(
        &self,
        request: &SignedRequest,
        targets: &'t Targets,
        secret: &SecretKey,
    ) -> Result<&'t Target, AuthError> {
        let expected = self.expected(request, &targets.first, secret);
        if self.signature.is(&expected.signature) {
            return Ok(&targets.first);
        }
        if let Some(second) = &targets.second
            && self.signature.is(&self.expected(request, second, secret).signature)
        {
            return Ok(second);
        }
        Err(AuthError::Mismatch(Box::new(Mismatch {
            access_key_id: self.access_key_id.clone(),
            provided: self.signature.0.clone(),
            string_to_sign: expected.string_to_sign,
            canonical_request: expected.canonical_request,
        })))
    }

    fn expected(&self, request: &SignedRequest, target: &Target, secret: &SecretKey) -> Expected {
        let v1 = |date: &[u8]| {
            let string_to_sign = v1::string_to_sign(request, target, date);
            let signature = v1::sign(secret, &string_to_sign);
            Expected { signature, string_to_sign, canonical_request: None }
        };
        match &self.form {
            Form::V1Header { date, .. } => v1(date),
            Form::V1Url { expires, .. } => v1(expires.as_bytes()),
            Form::V4(claim) => claim.expected(request, target, secret),
        }
    }
}

impl V4Claim {
    fn check_time(&self, now: UnixMillis) -> Result<(), AuthError> {
        let Lifetime::Seconds(seconds) = self.lifetime else { return check_skew(self.at, now) };
        if self.at > now && self.at.0.abs_diff(now.0) > MAX_SKEW_MILLIS {
            return Err(AuthError::UrlNotYetValid { request: self.at, server: now });
        }
        let end = UnixMillis::from_secs(self.at.as_secs().saturating_add(seconds));
        if now.as_secs() > end.as_secs() {
            return Err(AuthError::UrlExpiredV4 { end, server: now });
        }
        Ok(())
    }

    fn check_scope(&self, region: &Region) -> Result<(), AuthError> {
        let scope = self.scope();
        if scope.region != region.as_str() {
            return Err(AuthError::Region(self.channel()));
        }
        if self.date.split('T').next() != Some(scope.date) {
            return Err(AuthError::V4Date(self.channel()));
        }
        Ok(())
    }

    fn expected(&self, request: &SignedRequest, target: &Target, secret: &SecretKey) -> Expected {
        let canonical =
            v4::canonical_request(request, target, &self.additional, &self.payload_line);
        let scope = self.scope();
        let string_to_sign = v4::string_to_sign(&self.date, &scope, &canonical);
        Expected {
            signature: v4::sign(secret, &scope, &string_to_sign),
            string_to_sign: string_to_sign.into_bytes(),
            canonical_request: Some(canonical),
        }
    }
}

impl Signature {
    /// Whether the signature is the expected one, in constant time.
    pub(super) fn is(&self, expected: &str) -> bool {
        Digest::new(self.0.as_bytes()).matches(&Digest::new(expected))
    }
}

fn check_skew(request: UnixMillis, server: UnixMillis) -> Result<(), AuthError> {
    if request.0.abs_diff(server.0) > MAX_SKEW_MILLIS {
        return Err(AuthError::Skewed { request, server });
    }
    Ok(())
}
