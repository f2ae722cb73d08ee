//! Signatures of HTML forms (`PostObject`): over the policy of the form, in its base64, and nothing
//! else. What the form may be, the policy says.
//!
//! | fields | claim |
//! | --- | --- |
//! | none of those below | anonymous |
//! | any of `OSSAccessKeyId`, `Signature` | version 1, or an error |
//! | any of `x-oss-signature-version`, `x-oss-credential`, `x-oss-signature` | version 4, or an error |
//! | `policy` alone | an error |
//! | of both versions, or of another vendor's | an error |
//!
//! A version 4 signature is good from 15 minutes before its `x-oss-date`, and as long as its policy.
//!
//! Sources: OSS "PostObject", appendix "Post Signature"; "POST V4 signature"; the `EC` page
//! 0002-00000702.

use super::claim::{Signature, TOKENS, Token};
use super::credential::Credential;
use super::v4::{ALGORITHM, PRODUCT, Scope};
use super::{AuthError, Channel, KnownKey, MAX_SKEW_MILLIS, Mismatch, Place, v1, v4};
use crate::domain::name::AccessKeyId;
use crate::domain::secret::SecretKey;
use crate::domain::time::{UnixMillis, parse_basic_iso8601};

/// What a form presents as its sender. Nothing of it is proven.
#[derive(Debug)]
pub enum FormClaim {
    /// No signature, nor any part of one.
    Anonymous,
    /// A signature of a known form.
    Signed(SignedForm),
}

/// A form whose signature has been read and not verified.
#[derive(Debug)]
pub struct SignedForm {
    access_key_id: AccessKeyId,
    signature: Signature,
    version: FormVersion,
    policy: String,
    token: Option<Token>,
}

#[derive(Debug)]
enum FormVersion {
    V1,
    V4 { date: String, at: UnixMillis, scope_date: String, scope_region: String },
}

impl FormClaim {
    /// Reads what a form presents, by the table of the module. `field` finds a field by
    /// its name in lower case.
    ///
    /// # Errors
    ///
    /// [`AuthError`]: a form that presents anything that is no complete signature of a known kind.
    /// It is never taken for an anonymous one.
    pub fn read<'f>(field: impl Fn(&str) -> Option<&'f str>) -> Result<Self, AuthError> {
        const V1: [&str; 2] = ["ossaccesskeyid", "signature"];
        const V4: [&str; 3] = ["x-oss-signature-version", "x-oss-credential", "x-oss-signature"];
        const OTHERS: [&str; 4] =
            ["x-oss-access-key-id", "awsaccesskeyid", "x-amz-credential", "x-amz-signature"];

        let any = |names: &[&str]| names.iter().any(|name| field(name).is_some());
        if any(&OTHERS) {
            return Err(AuthError::Unsupported);
        }
        let filled = |name| field(name).filter(|text| !text.is_empty());
        let policy = || filled("policy").ok_or(AuthError::FormPolicyMissing).map(str::to_owned);
        let (access_key_id, signature, version) = match (any(&V1), any(&V4)) {
            (true, true) => return Err(AuthError::TwoSignatures),
            (false, false) if field("policy").is_none() => return Ok(Self::Anonymous),
            (false, true) => read_v4(&field)?,
            (true | false, false) => {
                let id = filled("ossaccesskeyid").ok_or(AuthError::FormKeyMissing)?;
                let signature = filled("signature").ok_or(AuthError::FormSignatureMissing)?;
                let id = id.parse().map_err(|_| AuthError::UnknownAccessKey(id.to_owned()))?;
                (id, Signature(signature.to_owned()), FormVersion::V1)
            }
        };
        let token = token(&field)?;
        let policy = policy()?;
        Ok(Self::Signed(SignedForm { access_key_id, signature, version, policy, token }))
    }
}

/// Reads the security token. Under both of its names it must be the same.
fn token<'f>(field: impl Fn(&str) -> Option<&'f str>) -> Result<Option<Token>, AuthError> {
    let [first, second] = TOKENS.map(&field);
    if let (Some(first), Some(second)) = (first, second)
        && first != second
    {
        return Err(AuthError::Duplicate("x-oss-security-token"));
    }
    Ok(first.or(second).map(|token| Token(token.to_owned())))
}

fn read_v4<'f>(
    field: impl Fn(&str) -> Option<&'f str>,
) -> Result<(AccessKeyId, Signature, FormVersion), AuthError> {
    if field("x-oss-signature-version") != Some(ALGORITHM) {
        return Err(AuthError::Unsupported);
    }
    let credential = field("x-oss-credential").ok_or(AuthError::Credential)?;
    let Credential { access_key_id, date: scope_date, region } = Credential::read(credential)?;
    let signature = field("x-oss-signature").filter(|text| !text.is_empty());
    let signature = Signature(signature.ok_or(AuthError::FormSignatureMissing)?.to_owned());
    let date = field("x-oss-date").ok_or(AuthError::V4Date(Channel::Form))?;
    let at = parse_basic_iso8601(date).ok_or(AuthError::V4Date(Channel::Form))?;
    let version = FormVersion::V4 {
        date: date.to_owned(),
        at,
        scope_date: scope_date.to_owned(),
        scope_region: region.to_owned(),
    };
    Ok((access_key_id, signature, version))
}

impl SignedForm {
    /// The policy in base64. Who signed it is proved by [`SignedForm::prove`].
    pub fn policy(&self) -> &str {
        &self.policy
    }

    /// The access key that is said to have signed.
    pub const fn access_key_id(&self) -> &AccessKeyId {
        &self.access_key_id
    }

    /// Checks the signature. `keys` finds the secret of an access key, for temporary credentials
    /// by their token.
    ///
    /// # Errors
    ///
    /// [`AuthError`], the first check that fails in the order of the [module](super).
    pub fn prove(
        &self,
        place: &Place<'_>,
        keys: impl FnOnce(&AccessKeyId, Option<&str>) -> Result<KnownKey, AuthError>,
    ) -> Result<(), AuthError> {
        self.check_scope(place)?;
        let token = self.token.as_ref().map(|token| token.0.as_str());
        let key = keys(&self.access_key_id, token)?;
        if !self.signature.is(&self.expected(&key.secret)) {
            return Err(AuthError::Mismatch(Box::new(Mismatch {
                access_key_id: self.access_key_id.clone(),
                provided: self.signature.0.clone(),
                string_to_sign: self.policy.clone().into_bytes(),
                canonical_request: None,
            })));
        }
        if token.is_some() && !key.temporary {
            return Err(AuthError::SecurityToken(self.access_key_id.clone()));
        }
        Ok(())
    }

    fn check_scope(&self, place: &Place<'_>) -> Result<(), AuthError> {
        let FormVersion::V4 { date, at, scope_date, scope_region } = &self.version else {
            return Ok(());
        };
        if *at > place.now && at.0.abs_diff(place.now.0) > MAX_SKEW_MILLIS {
            return Err(AuthError::UrlNotYetValid { request: *at, server: place.now });
        }
        if scope_region != place.region.as_str() {
            return Err(AuthError::Region(Channel::Form));
        }
        if date.split('T').next() != Some(scope_date.as_str()) {
            return Err(AuthError::V4Date(Channel::Form));
        }
        Ok(())
    }

    fn expected(&self, secret: &SecretKey) -> String {
        match &self.version {
            FormVersion::V1 => v1::sign(secret, self.policy.as_bytes()),
            FormVersion::V4 { scope_date, scope_region, .. } => {
                let scope = Scope { date: scope_date, region: scope_region, product: PRODUCT };
                v4::sign(secret, &scope, &self.policy)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::name::Region;

    /// What ali-oss 6.23.0 makes of `ak` and `sk` at 2023-12-16T16:20:57Z.
    const POLICY: &str = "eyJleHBpcmF0aW9uIjoiMjAxMy0xMi0wMVQxMjowMDowMFoiLCJjb25kaXRpb25zIjpbWyJjb250ZW50LWxlbmd0aC1yYW5nZSIsMCwxMDQ4NTc2MF0seyJidWNrZXQiOiJhaGFoYSJ9LHsiQSI6ImEifSx7ImtleSI6IkFCQyJ9XX0=";
    const V1_SIGNATURE: &str = "Eqyk9OARGFiFnOaZv/uJQhWcLgw=";
    const V4_SIGNATURE: &str = "18760261719cc7d3fa80ed0e7d4a22068ac5e952a85c1b2dc82c314e87a48eb9";
    const DATE: &str = "20231216T162057Z";
    const NOW: UnixMillis = UnixMillis::from_secs(1_702_743_657);

    type Fields = Vec<(&'static str, String)>;

    fn fields(list: &[(&'static str, &str)]) -> Fields {
        list.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
    }

    fn v1() -> Fields {
        fields(&[("ossaccesskeyid", "ak"), ("policy", POLICY), ("signature", V1_SIGNATURE)])
    }

    fn v4() -> Fields {
        fields(&[
            ("policy", POLICY),
            ("x-oss-signature-version", ALGORITHM),
            ("x-oss-credential", "ak/20231216/cn-hangzhou/oss/aliyun_v4_request"),
            ("x-oss-date", DATE),
            ("x-oss-signature", V4_SIGNATURE),
        ])
    }

    fn with(mut fields: Fields, name: &'static str, value: &str) -> Fields {
        fields.retain(|(given, _)| *given != name);
        fields.push((name, value.to_owned()));
        fields
    }

    fn without(mut fields: Fields, name: &str) -> Fields {
        fields.retain(|(given, _)| *given != name);
        fields
    }

    /// What a form comes to: nothing for an anonymous one.
    fn prove(fields: &Fields, now: UnixMillis) -> Option<Result<(), AuthError>> {
        let field = |name: &str| {
            fields.iter().find(|(given, _)| *given == name).map(|(_, value)| value.as_str())
        };
        let region: Region = "cn-hangzhou".parse().unwrap();
        let secret = SecretKey::new("sk".to_owned());
        let keys = |id: &AccessKeyId, token: Option<&str>| match (id.as_str(), token) {
            ("ak", None | Some("t")) => Ok(KnownKey::permanent(secret)),
            ("ak", Some("of a user")) => Ok(KnownKey { secret, temporary: true }),
            ("ak", Some(_)) => Err(AuthError::TokenInvalid),
            _ => Err(AuthError::UnknownAccessKey(id.to_string())),
        };
        match FormClaim::read(field) {
            Ok(FormClaim::Anonymous) => None,
            Ok(FormClaim::Signed(claim)) => {
                assert_eq!(Some(claim.policy()), field("policy"));
                Some(claim.prove(&Place { region: &region, now }, keys))
            }
            Err(err) => Some(Err(err)),
        }
    }

    #[test]
    fn what_ali_oss_signs_is_genuine() {
        assert_eq!(prove(&v1(), NOW), Some(Ok(())));
        assert_eq!(prove(&v4(), NOW), Some(Ok(())));
        // The policy says how long: neither has an end of its own.
        let later = UnixMillis(NOW.0 + 30 * 24 * 3_600_000);
        assert_eq!(prove(&v1(), later), Some(Ok(())));
        assert_eq!(prove(&v4(), later), Some(Ok(())));
    }

    #[test]
    fn temporary_credentials_sign_forms_with_their_token() {
        for name in ["x-oss-security-token", "security-token"] {
            assert_eq!(prove(&with(v1(), name, "of a user"), NOW), Some(Ok(())), "{name}");
            assert_eq!(prove(&with(v4(), name, "of a user"), NOW), Some(Ok(())), "{name}");
        }
        let both = with(v4(), "x-oss-security-token", "of a user");
        assert_eq!(prove(&with(both, "security-token", "of a user"), NOW), Some(Ok(())));
    }

    #[test]
    fn forms_without_a_signature_are_anonymous() {
        let anonymous =
            fields(&[("key", "a"), ("x-oss-date", DATE), ("x-oss-security-token", "t")]);
        assert_eq!(prove(&anonymous, NOW), None);
    }

    #[test]
    fn half_a_signature_is_none_and_an_error() {
        use AuthError as E;
        let other_day = "ak/20231217/cn-hangzhou/oss/aliyun_v4_request";
        let other_region = "ak/20231216/cn-beijing/oss/aliyun_v4_request";
        let unknown = E::UnknownAccessKey("other".to_owned());
        #[rustfmt::skip]
        let table = [
            ("V1 without a key",          without(v1(), "ossaccesskeyid"),             E::FormKeyMissing),
            ("V1 with an empty key",      with(v1(), "ossaccesskeyid", ""),            E::FormKeyMissing),
            ("V1 without a signature",    without(v1(), "signature"),                  E::FormSignatureMissing),
            ("V1 without a policy",       without(v1(), "policy"),                     E::FormPolicyMissing),
            ("V1 with an empty policy",   with(v1(), "policy", ""),                    E::FormPolicyMissing),
            ("a policy alone",            fields(&[("policy", POLICY)]),               E::FormKeyMissing),
            ("an unknown key",            with(v1(), "ossaccesskeyid", "other"),       unknown.clone()),
            ("V1 with a token",           with(v1(), "x-oss-security-token", "t"),     E::SecurityToken("ak".parse().unwrap())),
            ("V1 with another's token",   with(v1(), "x-oss-security-token", "other"), E::TokenInvalid),
            ("V4 with two tokens",        with(with(v4(), "x-oss-security-token", "of a user"), "security-token", "t"), E::Duplicate("x-oss-security-token")),
            ("V4 without a policy",       without(v4(), "policy"),                     E::FormPolicyMissing),
            ("V4 without a version",      without(v4(), "x-oss-signature-version"),    E::Unsupported),
            ("V4 of another version",     with(v4(), "x-oss-signature-version", "OSS2"), E::Unsupported),
            ("V4 without a credential",   without(v4(), "x-oss-credential"),           E::Credential),
            ("V4 with half a credential", with(v4(), "x-oss-credential", "ak/20231216"), E::Credential),
            ("V4 without a signature",    without(v4(), "x-oss-signature"),            E::FormSignatureMissing),
            ("V4 without a date",         without(v4(), "x-oss-date"),                 E::V4Date(Channel::Form)),
            ("V4 without a time",         with(v4(), "x-oss-date", "20231216"),        E::V4Date(Channel::Form)),
            ("V4 of another day",         with(v4(), "x-oss-credential", other_day),   E::V4Date(Channel::Form)),
            ("V4 of another region",      with(v4(), "x-oss-credential", other_region), E::Region(Channel::Form)),
            ("V4 of another key",         with(v4(), "x-oss-credential", "other/20231216/cn-hangzhou/oss/aliyun_v4_request"), unknown),
            ("both versions",             with(v4(), "signature", V1_SIGNATURE),       E::TwoSignatures),
            ("version 2",                 with(v1(), "x-oss-access-key-id", "ak"),     E::Unsupported),
            ("another vendor's",          fields(&[("policy", POLICY), ("awsaccesskeyid", "ak")]), E::Unsupported),
        ];
        for (name, fields, want) in table {
            assert_eq!(prove(&fields, NOW), Some(Err(want)), "{name}");
        }
    }

    #[test]
    fn what_is_changed_is_not_genuine() {
        let changed = POLICY.replace("eyJl", "eyJm");
        for fields in [
            with(v1(), "policy", &changed),
            with(v4(), "policy", &changed),
            with(v1(), "policy", &format!("{POLICY} ")),
            with(v1(), "signature", V4_SIGNATURE),
            with(v1(), "signature", &V1_SIGNATURE.to_lowercase()),
            with(v4(), "x-oss-signature", &V4_SIGNATURE.to_uppercase()),
        ] {
            let proved = prove(&fields, NOW);
            assert!(matches!(proved, Some(Err(AuthError::Mismatch(_)))), "{fields:?}: {proved:?}");
        }
    }

    #[test]
    fn a_date_is_at_most_15_minutes_ahead() {
        let quarter = 900_000;
        assert_eq!(prove(&v4(), UnixMillis(NOW.0 - quarter)), Some(Ok(())));
        let early = prove(&v4(), UnixMillis(NOW.0 - quarter - 1));
        assert!(matches!(early, Some(Err(AuthError::UrlNotYetValid { .. }))), "{early:?}");
    }
}
