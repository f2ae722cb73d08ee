//! Applications whose changes are in doubt: whose token is good is what the database says.

use refgate::domain::delivery::Application;
use refgate::service::delivery::{MadeApplication, NotMade};
use refgate::service::error::Error;

use super::*;

impl House {
    async fn make_application(&self) -> Result<Result<MadeApplication, NotMade>, Error> {
        let app = &self.oss.app;
        let admin = app.administrator(KEY_ID, KEY_SECRET).unwrap();
        let (name, created) = ("shop".parse().unwrap(), UnixMillis(0));
        let new = Application { name, scopes: Vec::new(), per_minute: 1, created };
        app.create_application(&admin, new).await
    }

    async fn delete_application(&self) -> Result<bool, Error> {
        let app = &self.oss.app;
        let admin = app.administrator(KEY_ID, KEY_SECRET).unwrap();
        app.delete_application(&admin, "shop".parse().unwrap()).await
    }

    fn has_application(&self) -> bool {
        let app = &self.oss.app;
        !app.applications(&app.administrator(KEY_ID, KEY_SECRET).unwrap()).is_empty()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_in_doubt_is_what_the_database_says() {
    for (commit, happened) in [(Commit::Lost, false), (Commit::Kept, true)] {
        let mut house = House::make().await;
        house.meta.fail_next(commit);
        house.make_application().await.unwrap_err();
        assert_eq!(house.has_application(), happened, "{commit:?}");
        let again = house.make_application().await.unwrap();
        assert_eq!(again.err(), happened.then_some(NotMade::Exists), "{commit:?}");
        house.meta.fail_next(commit);
        house.delete_application().await.unwrap_err();
        assert_eq!(house.has_application(), !happened, "{commit:?}");
        house.restart().await;
        assert_eq!(house.has_application(), !happened, "{commit:?}");
        assert_eq!(house.delete_application().await.unwrap(), !happened, "{commit:?}");
    }
}
