//! Policies whose commits fail, and resets: what was there stays as a whole, or goes as a whole.

use async_trait::async_trait;
use refgate::domain::name::BucketId;
use refgate::domain::referer::{
    Extras, MissingReferer, Policy, PolicyVersion, Record, VersionSummary,
};
use refgate::meta::{MetaError, Policies, Reset, Settings as _};
use refgate::service::policy::{Expect, Order};
use refgate::service::settings::Replace;

use super::*;

#[async_trait]
impl Policies for FaultyMeta {
    async fn put_policy(
        &self,
        id: BucketId,
        policy: Arc<Policy>,
        record: Record,
        keep: Keep,
    ) -> Result<Option<PolicyVersion>, MetaError> {
        self.change(self.take(), self.inner.put_policy(id, policy, record, keep)).await
    }

    async fn reset_policy(
        &self,
        id: BucketId,
        reset: Reset,
    ) -> Result<Option<PolicyVersion>, MetaError> {
        self.change(self.take(), self.inner.reset_policy(id, reset)).await
    }

    async fn policy_versions(
        &self,
        id: BucketId,
        before: Option<PolicyVersion>,
        limit: u32,
    ) -> Result<Vec<VersionSummary>, MetaError> {
        self.inner.policy_versions(id, before, limit).await
    }

    async fn policy_version(
        &self,
        id: BucketId,
        version: PolicyVersion,
    ) -> Result<Option<(Record, Policy)>, MetaError> {
        self.inner.policy_version(id, version).await
    }
}

impl House {
    /// Gives the bucket a policy that refuses, or none, and settings that do, or none.
    async fn refuse(&self, (by_policy, by_settings): (bool, bool)) {
        if by_policy {
            let policy = "<RefererConfiguration><AllowEmptyReferer>false</AllowEmptyReferer>\
                          <RefererList><Referer>https://good.example/</Referer></RefererList>\
                          </RefererConfiguration>";
            assert_eq!(self.signed("PUT", "/bucket/?referer", policy).await.0, 200);
        }
        if by_settings {
            let app = &self.oss.app;
            let admin = app.administrator(KEY_ID, KEY_SECRET).unwrap();
            let extras = Extras { missing: MissingReferer::Deny, ..Extras::default() };
            let put = app.put_referer_extras(&admin, self.permit(), extras, Replace::Any);
            put.await.unwrap();
        }
    }

    async fn reset(&self) -> bool {
        let order = Order { who: KEY_ID.parse().unwrap(), expect: Expect::Any };
        self.oss.app.reset_policy(self.permit(), order).await.is_ok()
    }

    /// Whether the policy is empty, and whether the settings refuse nobody: in memory, and as they
    /// are stored.
    async fn is_open(&self) -> [(bool, bool); 2] {
        let id = self.permit().bucket().id;
        let now = self.permit().bucket().settings();
        let as_policy = |extras: &Extras| extras.missing == MissingReferer::AsPolicy;
        let shown = (now.referer.policy().is_default(), as_policy(now.referer.extras()));
        let newest = self.meta.policy_versions(id, None, 1).await.unwrap();
        let policy = match newest.first() {
            Some(newest) => self.meta.policy_version(id, newest.version).await.unwrap().unwrap().1,
            None => Policy::default(),
        };
        let stored = self.meta.settings_of(id).await.unwrap().unwrap();
        [shown, (policy.is_default(), as_policy(&stored.extras))]
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_in_doubt_is_whole_or_nothing() {
    for (by_policy, by_settings) in [(true, true), (true, false), (false, true)] {
        for commit in [Commit::Lost, Commit::Kept] {
            let name = format!("{by_policy} {by_settings} {commit:?}");
            let mut house = House::make().await;
            assert_eq!(house.put(OBJECT, "x").await, 200);
            house.refuse((by_policy, by_settings)).await;
            assert_eq!(house.ask("GET", OBJECT, "", &Vec::new()).await.0, 403, "{name}");
            house.meta.fail_next(commit);
            assert!(!house.reset().await, "{name}");
            let lost = commit == Commit::Lost;
            let want = if lost { (!by_policy, !by_settings) } else { (true, true) };
            assert_eq!(house.is_open().await, [want; 2], "{name}");
            if lost {
                house.restart().await;
                assert_eq!(house.is_open().await, [want; 2], "{name}, later");
            } else {
                // Were nothing written, nothing could fail.
                house.meta.fail_next(Commit::Lost);
                assert!(!house.reset().await, "{name}: the doubt is not over");
            }
            assert!(house.reset().await, "{name}, again");
            assert_eq!(house.is_open().await, [(true, true); 2], "{name}, again");
            assert_eq!(house.ask("GET", OBJECT, "", &Vec::new()).await.0, 200, "{name}, again");
            house.meta.fail_next(Commit::Lost);
            assert!(house.reset().await, "{name}: nothing is written any more");
            let id = house.permit().bucket().id;
            let opened = house.meta.setting_changes(id, None, 100).await.unwrap();
            assert_eq!(opened.len(), 2 * usize::from(by_settings), "{name}: {opened:?}");
        }
    }
}
