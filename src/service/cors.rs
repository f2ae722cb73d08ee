//! Cross-origin rules of buckets.

use std::sync::Arc;

use super::App;
use super::access::BucketPermit;
use super::bucket::Bucket;
use super::error::Error;
use crate::domain::code;
use crate::domain::cors::CorsRules;
use crate::meta::Changed;

impl App {
    /// The cross-origin rules of a bucket.
    ///
    /// # Errors
    ///
    /// [`code::NO_CORS_RULES`].
    pub fn bucket_cors(&self, permit: &BucketPermit) -> Result<Arc<CorsRules>, Error> {
        permit.bucket().settings().cors.clone().ok_or(Error::Refused(code::NO_CORS_RULES))
    }

    /// Replaces the cross-origin rules of a bucket as a whole.
    ///
    /// # Errors
    ///
    /// [`Error`]; the rules are then those that the database has.
    pub async fn put_bucket_cors(
        self: &Arc<Self>,
        permit: BucketPermit,
        rules: CorsRules,
    ) -> Result<(), Error> {
        let app = self.clone();
        let rules = Some(Arc::new(rules));
        self.to_the_end(async move { app.change_cors(permit.bucket(), rules).await }).await
    }

    /// Removes the cross-origin rules of a bucket, whether it has any or not.
    ///
    /// # Errors
    ///
    /// [`Error`]; the rules are then those that the database has.
    pub async fn delete_bucket_cors(self: &Arc<Self>, permit: BucketPermit) -> Result<(), Error> {
        let app = self.clone();
        self.to_the_end(async move { app.change_cors(permit.bucket(), None).await }).await
    }

    async fn change_cors(
        &self,
        bucket: &Bucket,
        rules: Option<Arc<CorsRules>>,
    ) -> Result<(), Error> {
        let _changing = bucket.changing().await;
        match self.meta.set_bucket_cors(bucket.id, rules.clone(), self.clock.now()).await {
            Ok(Changed::Done) => {
                bucket.replace(|settings| settings.cors = rules);
                Ok(())
            }
            Ok(Changed::NoSuchBucket) => Err(Error::NoSuchBucket(bucket.name.clone())),
            Err(err) => {
                // It may have happened all the same, and what is shown must be what is stored.
                if err.is_in_doubt()
                    && let Ok(stored) = self.meta.bucket_cors(bucket.id).await
                {
                    bucket.replace(|settings| settings.cors = stored.map(Arc::new));
                }
                Err(err.into())
            }
        }
    }
}
