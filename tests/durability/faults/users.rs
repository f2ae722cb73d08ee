//! Users and policies whose changes are in doubt, and users who cannot be read.

use refgate::domain::auth::AuthError;
use refgate::domain::name::AccessKeyId;
use refgate::meta::iam::Iam;
use refgate::service::iam::{IamChange, IamChanged};

use super::*;

impl House {
    async fn change_iam(
        &self,
        change: IamChange,
    ) -> Result<IamChanged, refgate::service::error::Error> {
        let app = &self.oss.app;
        let admin = app.administrator(KEY_ID, KEY_SECRET).unwrap();
        app.change_iam(&admin, change).await
    }

    /// A user with a key.
    async fn alice(&self) -> AccessKeyId {
        let alice = "alice".parse().unwrap();
        let created = self.change_iam(IamChange::CreateUser(alice)).await.unwrap();
        assert_eq!(created, IamChanged::Done);
        let admin = self.oss.app.administrator(KEY_ID, KEY_SECRET).unwrap();
        let made = self.oss.app.create_key(&admin, "alice".parse().unwrap()).await;
        made.unwrap().unwrap().id
    }

    /// What a signature with the key would come to.
    fn is_known(&self, id: &AccessKeyId) -> Result<(), AuthError> {
        self.oss.app.credential(id, None).map(drop)
    }

    async fn is_enabled(&self) -> bool {
        self.meta.directory().await.unwrap().keys[0].enabled
    }
}

fn disable(id: &AccessKeyId) -> IamChange {
    IamChange::EnableKey("alice".parse().unwrap(), id.clone(), false)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_in_doubt_is_what_the_database_says() {
    for (commit, enabled) in [(Commit::Lost, true), (Commit::Kept, false)] {
        let mut house = House::make().await;
        let id = house.alice().await;
        house.meta.fail_next(commit);
        house.change_iam(disable(&id)).await.unwrap_err();
        assert_eq!(house.is_enabled().await, enabled, "{commit:?}");
        assert_eq!(house.is_known(&id).is_ok(), enabled, "{commit:?}");
        // Asking again puts it right.
        assert_eq!(house.change_iam(disable(&id)).await.unwrap(), IamChanged::Done);
        assert_eq!(house.is_known(&id), Err(AuthError::KeyDisabled(id.clone())));
        house.restart().await;
        assert_eq!(house.is_known(&id), Err(AuthError::KeyDisabled(id)));
    }
}

/// One of them may just have been disabled.
#[tokio::test(flavor = "multi_thread")]
async fn while_users_cannot_be_read_none_is_known() {
    let house = House::make().await;
    let id = house.alice().await;
    house.meta.blind.store(true, Ordering::SeqCst);
    house.change_iam(disable(&id)).await.unwrap_err();
    assert_eq!(house.is_known(&id), Err(AuthError::UsersUnknown));
    let unknown = "LTAI-of-nobody".parse().unwrap();
    assert_eq!(house.is_known(&unknown), Err(AuthError::UsersUnknown));
    assert_eq!(house.signed("PUT", OBJECT, "x").await.0, 200, "the owner is no user");
    assert_eq!(house.put(OBJECT, "x").await, 200, "nor is a stranger");
    house.meta.blind.store(false, Ordering::SeqCst);
    for _ in 0..1000 {
        if house.is_known(&id) == Err(AuthError::KeyDisabled(id.clone())) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the users are not known again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_policy_in_doubt_is_shown_as_it_is_enforced() {
    let policy = r#"{"Version": "1", "Statement": [{"Effect": "Deny", "Principal": "*",
        "Action": "oss:GetObject", "Resource": "*"}]}"#;
    for (commit, shown, status) in [(Commit::Lost, 404, 200), (Commit::Kept, 200, 403)] {
        let mut house = House::make().await;
        assert_eq!(house.put(OBJECT, "x").await, 200);
        house.meta.fail_next(commit);
        assert_eq!(house.signed("PUT", "/bucket/?policy", policy).await.0, 500);
        let stranger = async |house: &House| house.ask("GET", OBJECT, "", &Vec::new()).await.0;
        assert_eq!(house.signed("GET", "/bucket/?policy", "").await.0, shown, "{commit:?}");
        assert_eq!(stranger(&house).await, status, "{commit:?}");
        house.restart().await;
        assert_eq!(stranger(&house).await, status, "{commit:?}");
        assert_eq!(house.signed("PUT", "/bucket/?policy", policy).await.0, 200);
        assert_eq!(stranger(&house).await, 403);
        house.meta.fail_next(commit);
        assert_eq!(house.signed("DELETE", "/bucket/?policy", "").await.0, 500);
        let still = house.signed("GET", "/bucket/?policy", "").await.0;
        assert_eq!(stranger(&house).await, if still == 200 { 403 } else { 200 }, "{commit:?}");
    }
}
