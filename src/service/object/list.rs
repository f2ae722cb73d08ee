//! Listing a bucket.

use super::super::App;
use super::super::access::BucketPermit;
use super::super::error::Error;
use crate::domain::object::listing::{ListQuery, ListedObject, Page, Pager};

impl App {
    /// Lists a bucket.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub async fn list_objects(
        &self,
        permit: &BucketPermit,
        query: ListQuery,
    ) -> Result<Page<ListedObject>, Error> {
        let mut pager = Pager::new(query);
        while let Some(from) = pager.wants() {
            let limit = pager.wanted();
            let found = self.meta.objects_from(permit.bucket().id, &from.key, limit).await?;
            let more = found.len() == usize::try_from(limit).unwrap_or(usize::MAX);
            pager.take(found, more);
        }
        Ok(pager.finish())
    }
}
