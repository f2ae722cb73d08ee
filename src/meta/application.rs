//! Programs that may have links made.

use async_trait::async_trait;

use super::MetaError;
use crate::domain::delivery::{Application, ApplicationName};

/// An application as it is stored: with a digest of its token, from which nobody gets the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredApplication {
    /// What it is.
    pub application: Application,
    /// SHA-256 of its token.
    pub digest: [u8; 32],
}

/// Applications.
#[async_trait]
pub trait Applications: Send + Sync {
    /// All applications, in no order.
    async fn all_applications(&self) -> Result<Vec<StoredApplication>, MetaError>;

    /// Writes a new application. Says whether it was written: not if there is one of its name.
    async fn create_application(&self, new: &StoredApplication) -> Result<bool, MetaError>;

    /// Deletes an application. Says whether it was there.
    async fn delete_application(&self, name: &ApplicationName) -> Result<bool, MetaError>;
}
