//! The policy of a bucket.

use std::sync::Arc;

use crate::domain::iam::PolicyDocument;
use crate::meta::{Changed, MetaError};
use crate::service::App;
use crate::service::access::BucketPermit;
use crate::service::bucket::Bucket;
use crate::service::error::Error;

impl App {
    /// Replaces the policy of a bucket, or removes it. It is in force when this returns.
    ///
    /// # Errors
    ///
    /// [`Error::Policy`] for a policy about another region or account, or another [`Error`].
    pub async fn put_bucket_policy(
        self: &Arc<Self>,
        permit: BucketPermit,
        document: Option<Arc<PolicyDocument>>,
    ) -> Result<(), Error> {
        if let Some(document) = &document {
            document.check_realm(self.realm())?;
        }
        let app = self.clone();
        self.to_the_end(async move {
            let bucket = permit.bucket();
            let _changing = bucket.changing().await;
            let now = app.clock.now();
            match app.meta.set_bucket_policy(bucket.id, document.clone(), now).await {
                Ok(Changed::Done) => {
                    let has = if document.is_some() { "has a policy" } else { "has no policy" };
                    tracing::info!(bucket = %bucket.name, "{} {has} of its own now", bucket.name);
                    bucket.replace(|settings| settings.document = document);
                    Ok(())
                }
                Ok(Changed::NoSuchBucket) => Err(Error::NoSuchBucket(bucket.name.clone())),
                Err(err) => app.in_doubt(bucket, err).await,
            }
        })
        .await
    }

    /// Takes what the database has, if a change of the policy may have happened all the same.
    async fn in_doubt(&self, bucket: &Bucket, err: MetaError) -> Result<(), Error> {
        if err.is_in_doubt() {
            let document = self.meta.bucket_policy(bucket.id).await?;
            bucket.replace(|settings| settings.document = document);
        }
        Err(err.into())
    }
}
