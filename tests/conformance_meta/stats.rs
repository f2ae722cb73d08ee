//! What was counted of requests.

use refgate::domain::stats::{
    Batch, Count, Counted, Day, Hour, Ledger, Outcome, Requests, Totals, Verdict,
};

use super::*;

const WRITER: Uuid = Uuid::from_u128(7);

/// A ledger of one denied request in an hour, from an origin.
fn ledger(hour: i64, origin: &str) -> Ledger {
    let mut totals = Totals::default();
    totals.add(Verdict::DeniedListed, Count::one(10));
    let mut ledger = Ledger::default();
    ledger.add_counted(Hour(hour), &Counted { totals, withheld: 70 });
    let day = ledger.days.get_mut(&Hour(hour).day()).unwrap();
    day.top_mut(Outcome::Denied).add(origin, Requests::one(Some(10)), || "é\u{1}\"".into());
    let hour = ledger.hours.get_mut(&Hour(hour)).unwrap();
    hour.subjects.add(&format!("={origin}/"), Requests::one(Some(70)), Box::default);
    hour.subjects.add(&format!("={origin}/"), Requests::one(None), Box::default);
    ledger
}

async fn add(meta: &dyn Meta, number: u64, ledgers: Vec<(BucketId, Ledger)>) {
    let batch = Batch { writer: WRITER, number, ledgers, tallies: Vec::new() };
    meta.add_stats(Arc::new(batch)).await.unwrap();
}

async fn denied(meta: &dyn Meta, bucket: BucketId, first: i64) -> Vec<(i64, u64)> {
    let days = meta.stats_of_days(bucket, Day(first)).await.unwrap();
    days.iter().map(|(day, s)| (day.0, s.totals.of(Verdict::DeniedListed).requests)).collect()
}

pub(crate) async fn what_was_counted_adds_up(meta: &dyn Meta) {
    let id = bucket(meta, "counted").await;
    let other = bucket(meta, "other").await;
    add(meta, 1, vec![(id, ledger(23, "http://a")), (other, ledger(23, "http://b"))]).await;
    add(meta, 2, vec![(id, ledger(23, "http://a"))]).await;
    add(meta, 3, vec![(id, ledger(24, "http://c"))]).await;

    assert_eq!(denied(meta, id, 0).await, [(0, 2), (1, 1)], "by day");
    assert_eq!(denied(meta, id, 1).await, [(1, 1)]);
    assert_eq!(denied(meta, other, 0).await, [(0, 1)]);
    let days = meta.stats_of_days(id, Day(0)).await.unwrap();
    let origins: Vec<_> = days[&Day(0)].denied.entries().collect();
    assert_eq!(origins.len(), 1);
    let first = &origins[0];
    assert_eq!((&*first.key, first.count, first.error, first.bytes), ("http://a", 2, 0, 20));
    assert_eq!(&*first.sample, "é\u{1}\"");
    assert!(days[&Day(0)].allowed.is_empty());

    let hours = meta.stats_of_hours(id, Hour(23)).await.unwrap();
    assert_eq!(hours[&Hour(23)].checked, Count { requests: 2, bytes: 140 });
    assert_eq!(hours[&Hour(23)].subjects.seen(), Count { requests: 4, bytes: 140 });
    assert_eq!(hours[&Hour(23)].subjects.entries().next().unwrap().unmeasured, 2);
    assert_eq!(&*hours[&Hour(24)].subjects.entries().next().unwrap().key, "=http://c/");
    assert_eq!(meta.stats_of_hours(id, Hour(24)).await.unwrap().len(), 1);
}

pub(crate) async fn a_batch_that_is_given_twice_is_added_once(meta: &dyn Meta) {
    let id = bucket(meta, "twice").await;
    assert_eq!(meta.last_stats(WRITER).await.unwrap(), 0);
    for number in [1, 1, 2, 1, 2] {
        add(meta, number, vec![(id, ledger(0, "http://a"))]).await;
    }
    assert_eq!(denied(meta, id, 0).await, [(0, 2)]);
    assert_eq!(meta.last_stats(WRITER).await.unwrap(), 2);
    // Another writer has numbers of its own.
    let (writer, ledgers) = (Uuid::from_u128(8), vec![(id, ledger(0, "x"))]);
    let batch = Batch { writer, number: 1, ledgers, tallies: Vec::new() };
    meta.add_stats(Arc::new(batch)).await.unwrap();
    assert_eq!(denied(meta, id, 0).await, [(0, 3)]);
}

pub(crate) async fn what_is_old_is_deleted(meta: &dyn Meta) {
    let id = bucket(meta, "old").await;
    for (number, hour) in [(1, 10), (2, 24), (3, 48)] {
        add(meta, number, vec![(id, ledger(hour, "http://a"))]).await;
    }
    meta.prune_stats(Day(1), Hour(48)).await.unwrap();
    assert_eq!(denied(meta, id, 0).await, [(1, 1), (2, 1)]);
    let days = meta.stats_of_days(id, Day(0)).await.unwrap();
    assert!(days.values().all(|day| !day.denied.is_empty()));
    let hours = meta.stats_of_hours(id, Hour(0)).await.unwrap();
    assert_eq!(hours.into_keys().collect::<Vec<_>>(), [Hour(48)]);
    assert_eq!(meta.last_stats(WRITER).await.unwrap(), 3, "a writer that may still run is kept");
}

pub(crate) async fn a_bucket_takes_its_statistics_with_it(meta: &dyn Meta) {
    let id = bucket(meta, "gone").await;
    add(meta, 1, vec![(id, ledger(0, "http://a"))]).await;
    meta.delete_bucket(id).await.unwrap();
    // What was on its way when it was deleted, beside a bucket that is there.
    let kept = bucket(meta, "kept").await;
    add(meta, 2, vec![(id, ledger(0, "http://a")), (kept, ledger(0, "http://a"))]).await;
    assert!(denied(meta, id, 0).await.is_empty());
    assert!(meta.stats_of_hours(id, Hour(0)).await.unwrap().is_empty());
    assert_eq!(denied(meta, kept, 0).await, [(0, 1)]);
}
