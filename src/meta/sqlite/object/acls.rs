//! Which buckets may hold objects with ACLs of their own: nearly none does, and where none does, the
//! ACL of an object is known without looking.

use std::sync::Arc;

use papaya::HashSet;
use sqlx::SqliteConnection;

use crate::domain::name::BucketId;

/// The buckets that hold such an object, or did at some time since the start.
#[derive(Clone, Debug)]
pub(in crate::meta::sqlite) struct Acls(Arc<HashSet<BucketId>>);

impl Acls {
    /// Reads which buckets hold such objects.
    pub(in crate::meta::sqlite) async fn load(
        connection: &mut SqliteConnection,
    ) -> Result<Self, sqlx::Error> {
        // By an index of such objects alone: all others are many.
        const SQL: &str = "
            select id from buckets where exists (
                select 1 from objects indexed by objects_with_own_acl
                where bucket_id = id and acl is not null)";
        let ids: Vec<i64> = sqlx::query_scalar(SQL).fetch_all(connection).await?;
        Ok(Self(Arc::new(ids.into_iter().map(BucketId).collect())))
    }

    /// Such an object is about to be written there. Said before it is, so that nobody who sees it
    /// can miss its ACL.
    pub(super) fn expect_in(&self, bucket: BucketId) {
        self.0.pin().insert(bucket);
    }

    pub(super) fn may_be_in(&self, bucket: BucketId) -> bool {
        self.0.pin().contains(&bucket)
    }
}
