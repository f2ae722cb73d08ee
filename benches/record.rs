//! What counting costs a request, and what it does to memory.
//!
//! ```sh
//! cargo bench --bench record
//! ```

#![expect(clippy::disallowed_methods, reason = "a measurement looks at the clock")]

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use refgate::domain::acl::BucketAcl;
use refgate::domain::name::{BucketId, ObjectKey};
use refgate::domain::object::StorageClass;
use refgate::domain::referer::{Extras, Facts, Policy, PolicyVersion, Referers};
use refgate::domain::stats::{Count, Hour, Lists, Requests, Sight, Subject, SubjectKind, Verdict};
use refgate::domain::time::UnixMillis;
use refgate::meta;
use refgate::service::bucket::Bucket;
use refgate::service::stats::{Asked, Keep, Recorder};
use uuid::Uuid;

const REFERER: &str = "https://www.example.com/articles/2026/a-page-of-usual-length.html";
const ROUNDS: u32 = 2_000_000;

fn bucket() -> Arc<Bucket> {
    Arc::new(Bucket::from(meta::Bucket {
        id: BucketId(1),
        name: "bucket".parse().expect("a bucket name"),
        created: UnixMillis(0),
        acl: BucketAcl::Private,
        storage_class: StorageClass::Standard,
        policy: Policy::default(),
        policy_version: PolicyVersion::default(),
        policy_document: None,
        referer_max_bytes: None,
        cors: None,
        extras: Extras::default(),
    }))
}

fn recorder() -> Arc<Recorder> {
    Arc::new(Recorder::new(Keep { days: 30, hours: 72 }, Uuid::nil()))
}

/// Records so many requests and returns the time of one.
fn record(recorder: &Arc<Recorder>, bucket: &Arc<Bucket>, verdict: Verdict, rounds: u32) -> f64 {
    let key: ObjectKey = "pictures/2026/08/cat.jpg".parse().expect("a key");
    let start = Instant::now();
    for round in 0..rounds {
        let facts = Facts::of(Referers::read([black_box(REFERER).as_bytes()]));
        let asked = Asked { key: &key, facts: &facts, at: UnixMillis(0) };
        recorder.sight(bucket, verdict, &asked).answered(u64::from(round));
    }
    start.elapsed().as_secs_f64() * 1e9 / f64::from(rounds)
}

/// The time of one request as its thread sees it, without what moves the queue: it is emptied
/// between rounds that fit into it.
fn alone(verdict: Verdict) -> f64 {
    const FIT: u32 = 128;
    let (recorder, bucket) = (recorder(), bucket());
    let mut sum = 0.0;
    for _ in 0..ROUNDS / FIT {
        sum += record(&recorder, &bucket, verdict, FIT);
        while recorder.move_some() > 0 {}
    }
    sum / f64::from(ROUNDS / FIT)
}

/// The time of one request while as many threads record, and one more moves the queue as the
/// server does.
fn crowded(threads: usize) -> f64 {
    let (recorder, bucket) = (recorder(), bucket());
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                while recorder.move_some() > 0 {}
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let workers: Vec<_> = (0..threads)
            .map(|_| scope.spawn(|| record(&recorder, &bucket, Verdict::AllowedListed, ROUNDS)))
            .collect();
        let times: Vec<f64> = workers.into_iter().filter_map(|w| w.join().ok()).collect();
        ended.store(true, Ordering::Relaxed);
        times.iter().sum::<f64>() / f64::from(u32::try_from(threads).unwrap_or(1))
    })
}

/// A million referers of which no two are alike: time to list one, and the most memory.
fn random() -> (f64, usize) {
    let mut lists = Lists::new(32 << 20);
    let (mut number, mut most) = (0_u64, 0);
    let start = Instant::now();
    for _ in 0..1_000_000 {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let text = format!("https://x{number:x}.example/{number:0200x}");
        lists.record(&Sight {
            bucket: BucketId(1),
            hour: Hour(0),
            verdict: Verdict::DeniedNotListed,
            answered: Count::one(300),
            wanted: Requests::one(Some(40_000)),
            subject: Subject { kind: SubjectKind::Whole, text: text.into() },
            object: "pictures/2026/08/cat.jpg",
        });
        most = most.max(lists.memory_bytes());
    }
    (start.elapsed().as_secs_f64() * 1e3, most)
}

fn main() {
    println!("one thread, listed        {:7.1} ns", alone(Verdict::AllowedListed));
    println!("one thread, not checked   {:7.1} ns", alone(Verdict::NotChecked));
    for threads in [1, 2, 4] {
        println!("{threads} threads and the mover   {:7.1} ns", crowded(threads));
    }
    let (nanos, bytes) = random();
    println!("a random referer          {nanos:7.1} ns in the background, {bytes} bytes at most");
}
