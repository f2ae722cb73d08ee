//! What was counted is counted once, whatever becomes of commits.

use refgate::domain::stats::Outcome;

use super::*;

impl House {
    /// What a report says was allowed today: requests in the totals, and on the list.
    async fn allowed(&self) -> (u64, u64) {
        let app = &self.oss.app;
        let admin = app.administrator(KEY_ID, KEY_SECRET).unwrap();
        let permit = app.manage(&admin, &"bucket".parse().unwrap()).unwrap();
        // Two days, because midnight may come in between.
        let report = app.referer_report(&permit, 2).await.unwrap();
        let totals = report.sum.totals.sum(Some(Outcome::Allowed));
        (totals.requests, report.sum.allowed.seen().requests)
    }

    async fn ask_times(&self, count: usize) {
        for _ in 0..count {
            let referer = ("referer".to_owned(), "https://a.example/".to_owned());
            self.ask("GET", OBJECT, "", &vec![referer]).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_in_doubt_is_counted_once() {
    for (commit, after_crash) in [(Commit::Lost, 4), (Commit::Kept, 7)] {
        let mut house = House::make().await;
        house.ask_times(4).await;
        house.oss.app.flush_stats().await.unwrap();
        house.ask_times(3).await;
        house.meta.fail_next(commit);
        house.oss.app.flush_stats().await.unwrap_err();
        assert_eq!(house.allowed().await, (7, 7), "{commit:?}, in doubt");
        house.ask_times(2).await;
        assert_eq!(house.allowed().await, (9, 9), "{commit:?}, in doubt and in memory");
        let broken = serve(house.meta.clone(), house.blobs.clone()).await;
        let healthy = std::mem::replace(&mut house.oss, broken);
        assert_eq!(house.allowed().await, (after_crash, after_crash), "{commit:?}, after a crash");
        house.oss = healthy;
        house.oss.app.flush_stats().await.unwrap();
        assert_eq!(house.allowed().await, (9, 9), "{commit:?}, written");
        house.ask_times(1).await;
        house.oss.app.finish().await;
        house.restart().await;
        assert_eq!(house.allowed().await, (10, 10), "{commit:?}, after an orderly end");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_and_writing_neither_lose_nor_repeat_a_request() {
    const EACH: usize = 200;
    let house = Arc::new(House::make().await);
    house.oss.app.start_stats();
    let askers: Vec<_> = (0..4)
        .map(|_| {
            let house = house.clone();
            tokio::spawn(async move { house.ask_times(EACH).await })
        })
        .collect();
    let mut last = 0;
    while !askers.iter().all(tokio::task::JoinHandle::is_finished) {
        let (requests, listed) = house.allowed().await;
        assert!(requests >= last && listed <= requests, "{last}, {requests}, {listed}");
        last = requests;
        house.oss.app.flush_stats().await.unwrap();
    }
    for asker in askers {
        asker.await.unwrap();
    }
    assert_eq!(house.allowed().await, (4 * EACH as u64, 4 * EACH as u64));
}

/// A client that goes away while it is answered was decided about all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_counts() {
    let house = House::make().await;
    let slow = Arc::new(SlowRead::default());
    *house.meta.slow.lock().unwrap() = Some(slow.clone());
    let oss = house.oss.clone();
    let request = tokio::spawn(async move { ask(oss, "GET", OBJECT, "", &Vec::new()).await });
    slow.has_read.notified().await;
    request.abort();
    assert!(request.await.unwrap_err().is_cancelled());
    assert_eq!(house.allowed().await, (1, 1));
}
