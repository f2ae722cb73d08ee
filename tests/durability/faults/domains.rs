//! Delivery domains whose commits are in doubt: what is shown and decides is what is stored, and
//! what was counted is counted once.

use refgate::domain::delivery::Terms;
use refgate::domain::op::HostName;
use refgate::domain::urlsign::{Choices, Request, Scheme, Slot, Target};
use refgate::service::access::Administrator;
use refgate::service::delivery::{KeyStep, LastLink, NewDomain, Replace};

use super::*;

const HOST: &str = "cdn.example.com";

fn host() -> HostName {
    HOST.parse().unwrap()
}

const ADD: KeyStep = KeyStep::PutSecondary { key: None, replace: false };
const SWAP: KeyStep = KeyStep::Swap { primary: None };
const DROP: KeyStep = KeyStep::DropSecondary { key: None, force: false };

/// What is shown of a domain: its prefix, and the ids of its keys.
type Shown = Option<(String, Vec<String>)>;

impl House {
    fn owner(&self) -> Administrator {
        self.oss.app.administrator(KEY_ID, KEY_SECRET).unwrap()
    }

    /// Makes or changes the domain. Says whether that is acknowledged.
    async fn put_domain(&self, prefix: &str, scheme: Option<Scheme>) -> bool {
        let signing = scheme.map(Choices::new);
        let terms = Terms { prefix: prefix.parse().unwrap(), signing, ..Terms::default() };
        let new = NewDomain { bucket: "bucket".parse().unwrap(), terms, keys: None };
        self.oss.app.put_domain(&self.owner(), host(), new, Replace::Any).await.is_ok()
    }

    async fn step(&self, step: KeyStep) -> bool {
        self.oss.app.change_keys(&self.owner(), host(), step, Replace::Any).await.is_ok()
    }

    /// The domain as it is shown, which must be the one that decides.
    fn domain(&self) -> Shown {
        let host = host();
        let shown = self.oss.app.domain(&self.owner(), &host).ok();
        let decides = self.oss.app.delivery_domain(|| Some(&host));
        assert_eq!(shown.as_ref().map(Arc::as_ptr), decides.as_ref().map(Arc::as_ptr));
        let domain = shown?;
        let keys = domain.signing().map(refgate::domain::urlsign::Settings::keys);
        let id = |slot| Some(keys?.id(slot)?.to_owned());
        let ids = [Slot::Primary, Slot::Secondary].into_iter().filter_map(id).collect();
        Some((domain.terms.prefix.to_string(), ids))
    }

    /// Lets so many requests in.
    fn admit(&self, times: usize) {
        let host = host();
        let domain = self.oss.app.delivery_domain(|| Some(&host)).unwrap();
        let request = Request { method: "GET", target: Target::split("/a"), client: None };
        for _ in 0..times {
            self.oss.app.admit(&domain, &request, &LastLink::default()).unwrap();
        }
    }

    /// How many a report has.
    async fn admitted(&self) -> u64 {
        // Two days, because midnight may come in between.
        let report = self.oss.app.domain_report(&self.owner(), &host(), 2).await.unwrap();
        report.tallies.iter().map(|tally| tally.count.requests).sum()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_in_doubt_is_what_the_database_says() {
    for (commit, kept) in [(Commit::Lost, false), (Commit::Kept, true)] {
        let mut house = House::make().await;
        house.meta.fail_next(commit);
        assert!(!house.put_domain("a/", Some(Scheme::AliA)).await);
        assert_eq!(house.domain().is_some(), kept, "{commit:?}, made");
        let before = house.domain();
        house.restart().await;
        assert_eq!(house.domain(), before, "{commit:?}, made, later");

        assert!(house.put_domain("a/", Some(Scheme::AliA)).await);
        let (_, ids) = house.domain().unwrap();
        house.meta.fail_next(commit);
        assert!(!house.put_domain("b/", Some(Scheme::AliA)).await);
        let prefix = if kept { "b/" } else { "a/" };
        assert_eq!(house.domain(), Some((prefix.to_owned(), ids)), "{commit:?}, changed");

        house.meta.fail_next(commit);
        assert!(!house.step(ADD).await);
        let (_, ids) = house.domain().unwrap();
        assert_eq!(ids.len(), if kept { 2 } else { 1 }, "{commit:?}, a key");
        let before = house.domain();
        house.restart().await;
        assert_eq!(house.domain(), before, "{commit:?}, a key, later: it opens");

        house.meta.fail_next(commit);
        let deleted = house.oss.app.delete_domain(&house.owner(), host(), Replace::Any).await;
        assert!(deleted.is_err());
        assert_eq!(house.domain().is_none(), kept, "{commit:?}, deleted");
        house.restart().await;
        assert_eq!(house.domain().is_none(), kept, "{commit:?}, deleted, later");
    }
}

/// A step that was refused because of the disk is taken once when it is asked for again.
#[tokio::test(flavor = "multi_thread")]
async fn keys_are_replaced_with_a_disk_that_fails() {
    let house = House::make().await;
    assert!(house.put_domain("", Some(Scheme::AliA)).await);
    let old = house.domain().unwrap().1;
    assert!(house.step(ADD).await);
    let both = house.domain().unwrap().1;
    house.meta.fail_next(Commit::Lost);
    assert!(!house.step(SWAP).await);
    assert_eq!(house.domain().unwrap().1, both);
    assert!(house.step(SWAP).await);
    assert_eq!(house.domain().unwrap().1, [both[1].clone(), old[0].clone()]);
    house.meta.fail_next(Commit::Kept);
    assert!(!house.step(DROP).await);
    assert_eq!(house.domain().unwrap().1, [both[1].clone()], "it was dropped all the same");
    assert!(!house.step(DROP).await, "there is none to drop");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_on_a_domain_are_counted_once() {
    for (commit, after_crash) in [(Commit::Lost, 4), (Commit::Kept, 7)] {
        let mut house = House::make().await;
        assert!(house.put_domain("", None).await);
        house.admit(4);
        house.oss.app.flush_stats().await.unwrap();
        house.admit(3);
        house.meta.fail_next(commit);
        house.oss.app.flush_stats().await.unwrap_err();
        assert_eq!(house.admitted().await, 7, "{commit:?}, in doubt");
        assert!(house.put_domain("a/", None).await);
        house.admit(2);
        assert_eq!(house.admitted().await, 9, "{commit:?}, in doubt and in memory");
        let crashed = serve(house.meta.clone(), house.blobs.clone()).await;
        let healthy = std::mem::replace(&mut house.oss, crashed);
        assert_eq!(house.admitted().await, after_crash, "{commit:?}, after a crash");
        house.oss = healthy;
        house.oss.app.flush_stats().await.unwrap();
        assert_eq!(house.admitted().await, 9, "{commit:?}, written");
        house.admit(1);
        house.oss.app.finish().await;
        house.restart().await;
        assert_eq!(house.admitted().await, 10, "{commit:?}, after an orderly end");
    }
}
