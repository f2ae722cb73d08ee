//! Settings whose commits are in doubt: what is shown and enforced is what is stored, and what
//! follows is written.

use refgate::domain::referer::{Extras, MissingReferer};
use refgate::domain::setting::Change;
use refgate::meta::Settings as _;
use refgate::service::access::BucketPermit;
use refgate::service::settings::Replace;

use super::*;

/// A setting, and the value that it does not have at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Setting {
    Acl,
    Extras,
    Limit,
}

const ALL: [Setting; 3] = [Setting::Acl, Setting::Extras, Setting::Limit];

impl House {
    pub(super) fn permit(&self) -> BucketPermit {
        let app = &self.oss.app;
        let admin = app.administrator(KEY_ID, KEY_SECRET).unwrap();
        app.manage(&admin, &"bucket".parse().unwrap()).unwrap()
    }

    /// Gives a setting its other value, or the one that it had at first. Says whether that is
    /// acknowledged.
    async fn set(&self, setting: Setting, other: bool) -> bool {
        let app = &self.oss.app;
        let admin = app.administrator(KEY_ID, KEY_SECRET).unwrap();
        let permit = self.permit();
        let done = match setting {
            Setting::Acl => {
                let acl = if other { BucketAcl::Private } else { BucketAcl::PublicReadWrite };
                app.put_bucket_acl(permit, acl).await
            }
            Setting::Extras => {
                let missing = if other { MissingReferer::Deny } else { MissingReferer::AsPolicy };
                let extras = Extras { missing, ..Extras::default() };
                app.put_referer_extras(&admin, permit, extras, Replace::Any).await
            }
            Setting::Limit => {
                let bytes = other.then_some(1);
                app.set_referer_max_bytes(&admin, permit, bytes, Replace::Any).await
            }
        };
        done.is_ok()
    }

    /// Whether a setting has its other value: as it is shown, and as it is enforced.
    async fn has(&self, setting: Setting) -> (bool, bool) {
        let settings = self.permit().bucket().settings();
        let get = self.ask("GET", OBJECT, "", &Vec::new()).await.0;
        match setting {
            Setting::Acl => (settings.acl == BucketAcl::Private, get == 403),
            Setting::Extras => {
                (settings.referer.extras().missing == MissingReferer::Deny, get == 403)
            }
            Setting::Limit => {
                let policy = "<RefererConfiguration><AllowEmptyReferer>true</AllowEmptyReferer>\
                              <RefererList><Referer>two</Referer></RefererList>\
                              </RefererConfiguration>";
                let put = self.signed("PUT", "/bucket/?referer", policy).await.0;
                (settings.referer_max_bytes == Some(1), put == 400)
            }
        }
    }

    async fn recorded(&self) -> Vec<Change> {
        let id = self.permit().bucket().id;
        let all = self.meta.setting_changes(id, None, 100).await.unwrap();
        all.into_iter().map(|it| it.change).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_in_doubt_is_what_the_database_says() {
    for setting in ALL {
        for (commit, other) in [(Commit::Lost, false), (Commit::Kept, true)] {
            let mut house = House::make().await;
            assert_eq!(house.put(OBJECT, "x").await, 200);
            house.meta.fail_next(commit);
            assert!(!house.set(setting, true).await);
            assert_eq!(house.has(setting).await, (other, other), "{setting:?} {commit:?}");
            house.restart().await;
            assert_eq!(house.has(setting).await, (other, other), "{setting:?} {commit:?}, later");
            assert_eq!(house.recorded().await.len(), usize::from(other));
            // Asking again puts it right.
            assert!(house.set(setting, true).await);
            assert_eq!(house.has(setting).await, (true, true), "{setting:?} {commit:?}, again");
            assert_eq!(house.recorded().await.len(), 1, "{setting:?} {commit:?}");
        }
    }
}

/// Who is told of a failure and puts what was there before must not hear that it is there already:
/// the failed change may turn up at the next start.
#[tokio::test(flavor = "multi_thread")]
async fn what_follows_a_setting_in_doubt_is_written() {
    for setting in ALL {
        for commit in [Commit::Lost, Commit::Kept] {
            let house = House::make().await;
            house.meta.fail_next(commit);
            assert!(!house.set(setting, true).await);
            // Were nothing written, nothing could fail.
            house.meta.fail_next(Commit::Lost);
            assert!(!house.set(setting, false).await, "{setting:?} {commit:?}");
            assert!(house.set(setting, false).await);
            house.meta.fail_next(Commit::Lost);
            assert!(house.set(setting, false).await, "the doubt is over, and nothing is written");
            let changes = house.recorded().await;
            let kept = if commit == Commit::Kept { 2 } else { 0 };
            assert_eq!(changes.len(), kept, "{setting:?} {commit:?}: {changes:?}");
        }
    }
}
