//! Long lists: put, kept, in force, without holding up anybody.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::support::{BUCKET, Server, send, server};
use crate::versions::oss;

/// Without optimisation, and beside much else, it takes its time: how long it may take is measured with
/// a million.
#[test]
fn a_hundred_thousand_rules_come_into_force() {
    rules_come_into_force(100_000, Duration::from_mins(5));
}

/// `cargo test --release --test policy_api -- --ignored --nocapture`
#[test]
#[ignore = "takes a minute without optimisation"]
fn a_million_rules_come_into_force() {
    rules_come_into_force(1_000_000, Duration::from_secs(30));
}

fn rules_come_into_force(count: usize, at_most: Duration) {
    let (_folder, server) = server();
    server.run(&["bucket", "create", "other", "--acl", "public-read-write"]);
    assert_eq!(send(&server.data, ("PUT", "/other/dog.txt"), &[], b"dog").status, 200);
    server.api(
        "PUT",
        BUCKET,
        r#"{"allow_empty_referer":false,"whitelist":["http://first/"]}"#,
        200,
    );
    let lines = lines(count);
    let last = format!("https://www.site-{}.example/", count - 1);

    let stop = AtomicBool::new(false);
    let (slowest, put) = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut slowest = Duration::ZERO;
            while !stop.load(Ordering::Relaxed) {
                let began = Instant::now();
                let put = send(&server.data, ("PUT", "/other/new.txt"), &[], b"new");
                assert_eq!(put.status, 200);
                slowest = slowest.max(began.elapsed());
            }
            slowest
        });
        let watch = scope.spawn(|| {
            let mut slowest = Duration::ZERO;
            while !stop.load(Ordering::Relaxed) {
                let began = Instant::now();
                assert_eq!(server.get("/other/dog.txt", None).status, 200);
                let status = server.get("/pictures/cat.txt", None).status;
                assert_eq!(status, 403, "both versions refuse it");
                slowest = slowest.max(began.elapsed());
            }
            slowest
        });
        let began = Instant::now();
        let put = server.api("PUT", &format!("{BUCKET}/whitelist"), &lines, 200);
        let durable = began.elapsed();
        assert_eq!(put["version"], 2);
        server.wait_in_force(at_most);
        println!(
            "{count} rules: durable after {durable:.2?}, in force after {:.2?}",
            began.elapsed()
        );
        stop.store(true, Ordering::Relaxed);
        (watch.join().unwrap(), writer.join().unwrap())
    });
    println!(
        "{count} rules: two other requests took at most {slowest:.2?} meanwhile, a PUT {put:.2?}"
    );
    assert_eq!(server.get("/pictures/cat.txt", Some(&last)).status, 200);

    let server = every_request_is_decided_after_a_restart(server, (count, &last), at_most);

    let xml = oss(&server, "GET", "");
    assert!(xml.body.len() > count * 30);
    // A small policy is in force at once, also when it follows a large one.
    server.api("POST", &format!("{BUCKET}/reset"), "", 200);
    assert_eq!(server.get("/pictures/cat.txt", Some("http://evil.example/")).status, 200);
    assert_eq!(server.api("GET", BUCKET, "", 200)["state"], "in-force");
}

/// From the first request on the answers are those of the list, whether it is compiled or not, and
/// each is counted.
fn every_request_is_decided_after_a_restart(
    server: Server,
    (count, last): (usize, &str),
    at_most: Duration,
) -> Server {
    let began = Instant::now();
    let server = server.restart();
    let started = began.elapsed();
    let not_before = server.report("/totals/not_checked/requests");
    let before = [allowed(&server), denied(&server)];
    let (mut rounds, mut slowest) = (0, Duration::ZERO);
    loop {
        let in_force = server.is_in_force();
        // One that never came before, so that no answer to it is remembered.
        let random = format!("https://x{rounds}.evil.example/");
        let far = format!("https://www.site-{}.example/{rounds}", count / 2);
        for (referer, status) in
            [(None, 403), (Some(random.as_str()), 403), (Some(last), 200), (Some(&far), 200)]
        {
            let asked = Instant::now();
            let answer = server.get("/pictures/cat.txt", referer);
            assert_eq!(answer.status, status, "{referer:?}, in force: {in_force}");
            slowest = slowest.max(asked.elapsed());
        }
        rounds += 1;
        if in_force {
            break;
        }
        assert!(began.elapsed() < at_most, "still not in force");
    }
    println!(
        "{count} rules: serving {started:.2?} after a restart, in force after {:.2?}; until then \
         {rounds} rounds, the slowest request took {slowest:.2?}",
        began.elapsed()
    );
    assert!(rounds > 1, "it was asked before the list was compiled");
    assert_eq!([allowed(&server), denied(&server)], before.map(|count| count + 2 * rounds));
    assert_eq!(server.report("/totals/not_ready/requests"), 0);
    assert_eq!(server.report("/totals/not_checked/requests"), not_before);
    assert_eq!(server.get("/other/dog.txt", None).status, 200);
    assert_eq!(oss(&server, "GET", "").status, 200, "the owner is let in");
    server
}

fn allowed(server: &Server) -> u64 {
    server.report("/totals/allowed/requests")
}

fn denied(server: &Server) -> u64 {
    server.report("/totals/denied/requests")
}

/// A small policy that is put while a large one is compiled is in force when it is answered, and
/// stays so when the large one is ready.
#[test]
fn a_small_policy_overtakes_a_large_one() {
    let (_folder, server) = server();
    let lines = lines(100_000);
    server.api("PUT", &format!("{BUCKET}/whitelist"), &lines, 200);
    server.api("PUT", BUCKET, r#"{"allow_empty_referer":true,"whitelist":["http://small/"]}"#, 200);
    let small = || server.get("/pictures/cat.txt", Some("http://small/")).status;
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(3) {
        assert_eq!(small(), 200);
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(server.api("GET", BUCKET, "", 200)["state"], "in-force");
}

fn lines(count: usize) -> String {
    (0..count).fold(String::new(), |lines, n| lines + "*.site-" + &n.to_string() + ".example\n")
}
