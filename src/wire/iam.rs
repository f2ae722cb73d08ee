//! Policies of users and buckets as Alibaba Cloud writes them, in JSON.

use crate::domain::iam::{InvalidPolicy, Kind, MAX_POLICY_BYTES, PolicyDocument};
use crate::domain::json::Json;

impl PolicyDocument {
    /// Reads a policy from its text.
    ///
    /// # Errors
    ///
    /// [`InvalidPolicy`].
    pub fn parse(text: &str, kind: Kind) -> Result<Self, InvalidPolicy> {
        if text.len() > MAX_POLICY_BYTES {
            return Err(InvalidPolicy::TooLarge(text.len()));
        }
        let json: Json =
            serde_json::from_str(text).map_err(|err| InvalidPolicy::NotJson(err.to_string()))?;
        Self::read(text, &json, kind)
    }
}
