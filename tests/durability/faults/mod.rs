//! Failures that no disk can be asked for: the service over metadata and blobs that fail on
//! demand. A commit that fails may have happened all the same, so nothing may be concluded from
//! it: neither is memory right, nor is a blob anybody's or nobody's.

mod appends;
mod applications;
mod blobs;
mod copies;
mod delivery;
mod domains;
mod meta;
mod moves;
mod packs;
mod parts;
mod resets;
mod settings;
mod stats;
mod users;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Body;
use futures_util::TryStreamExt;
use http::Request;
use http_body_util::BodyExt;
use refgate::blob::BlobStore;
use refgate::blob::local::LocalBlobs;
use refgate::domain::acl::BucketAcl;
use refgate::domain::client::TrustedProxies;
use refgate::domain::name::BlobId;
use refgate::domain::object::StorageClass;
use refgate::domain::op::HostRules;
use refgate::domain::seal::{KeyVersion, Keyring, MasterKey};
use refgate::domain::secret::SecretKey;
use refgate::domain::time::UnixMillis;
use refgate::http::conn::Connection;
use refgate::http::oss::Oss;
use refgate::meta::sqlite::Sqlite;
use refgate::meta::{Buckets, Keep, Objects};
use refgate::service::clock::Clock;
use refgate::service::stats::Keep as KeepStats;
use refgate::service::{App, Parts};
use tempfile::TempDir;

use crate::support::client::{KEY_ID, KEY_SECRET, signed_headers};
use crate::support::server::files_below;
use blobs::{Fault, FaultyBlobs};
use meta::{Commit, FaultyMeta, SlowRead};

const OBJECT: &str = "/bucket/object";

/// A server in this process, with a bucket that everybody may write to.
struct House {
    folder: TempDir,
    meta: Arc<FaultyMeta>,
    blobs: Arc<FaultyBlobs>,
    oss: Arc<Oss>,
}

impl House {
    async fn make() -> Self {
        let folder = TempDir::new().unwrap();
        let meta = Sqlite::open(&folder.path().join("meta.sqlite")).await.unwrap();
        let (name, acl) = ("bucket".parse().unwrap(), BucketAcl::PublicReadWrite);
        let now = UnixMillis(1_700_000_000_000);
        meta.create_bucket(&name, acl, StorageClass::Standard, now).await.unwrap();
        let meta = Arc::new(FaultyMeta::new(meta));
        let blobs = LocalBlobs::open(folder.path().join("blobs")).unwrap();
        let blobs = Arc::new(FaultyBlobs::new(blobs));
        let oss = serve(meta.clone(), blobs.clone()).await;
        Self { folder, meta, blobs, oss }
    }

    /// Goes on without anything that was in memory, and scrubs.
    async fn restart(&mut self) {
        self.meta.recover().await;
        self.oss = serve(self.meta.clone(), self.blobs.clone()).await;
        assert!(self.oss.app.scrub().await.unwrap().finished);
    }

    fn files(&self) -> Vec<PathBuf> {
        files_below(&self.folder.path().join("blobs")).unwrap()
    }

    async fn wait_for_files(&self, count: usize) {
        // Deletions go on behind the requests.
        for _ in 0..10_000 {
            if self.files().len() == count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("waited in vain for {count} files: {:?}", self.files());
    }

    /// Waits until some row names each file. Several objects may share one.
    async fn wait_for_named_files(&self) {
        for _ in 0..10_000 {
            let ids: Vec<Vec<BlobId>> = self.blobs.list().try_collect().await.unwrap();
            let unnamed = self.meta.unnamed_blobs(&ids.concat()).await.unwrap();
            if unnamed.is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("waited in vain for a row of each file: {:?}", self.files());
    }

    async fn ask(&self, method: &str, path: &str, body: &str, headers: &Headers) -> (u16, String) {
        ask(self.oss.clone(), method, path, body, headers).await
    }

    async fn put(&self, path: &str, body: &str) -> u16 {
        self.ask("PUT", path, body, &Vec::new()).await.0
    }

    async fn signed(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let headers = signed_headers(method, path, None, body.as_bytes());
        self.ask(method, path, body, &headers).await
    }

    /// What an object holds, if it is there.
    async fn get(&self, path: &str) -> Option<String> {
        let (status, body) = self.ask("GET", path, "", &Vec::new()).await;
        assert!(status == 200 || status == 404, "{status}: {body}");
        (status == 200).then_some(body)
    }
}

type Headers = Vec<(String, String)>;

async fn ask(
    oss: Arc<Oss>,
    method: &str,
    path: &str,
    body: &str,
    headers: &Headers,
) -> (u16, String) {
    let mut request = Request::builder().method(method).uri(path).header("host", "127.0.0.1");
    for (name, value) in headers {
        request = request.header(name, value);
    }
    if method != "GET" {
        request = request.header("content-length", body.len());
    }
    let connection = Connection::new(([127, 0, 0, 1], 1).into());
    let request = request.body(Body::from(body.to_owned())).unwrap();
    let response = oss.handle(request.into(), connection).await.response;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.into()).unwrap())
}

async fn serve(meta: Arc<FaultyMeta>, blobs: Arc<FaultyBlobs>) -> Arc<Oss> {
    let app = App::start(Parts {
        meta,
        blobs,
        clock: Clock::system().unwrap(),
        region: "cn-hangzhou".parse().unwrap(),
        hosts: HostRules::new(["localhost".parse().unwrap()], []),
        knows_regions: false,
        root: (KEY_ID.parse().unwrap(), SecretKey::new(KEY_SECRET.into())),
        master_keys: Keyring::new([(KeyVersion(1), MasterKey::new([7; 32].into()))]).unwrap(),
        object_cache_bytes: 1 << 20,
        keep: Keep { versions: 100, bytes: 1 << 20 },
        keep_stats: KeepStats { days: 30, hours: 72 },
    });
    Arc::new(Oss {
        app: app.await.unwrap(),
        hosts: HostRules::new(["localhost".parse().unwrap()], []),
        proxies: TrustedProxies::default(),
        region_header: None,
        endpoint: "127.0.0.1".into(),
        vary_referer: true,
        body_timeout: Duration::from_secs(10),
        links: None,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_put_in_doubt_is_what_the_database_says() {
    for (commit, now, later) in
        [(Commit::Lost, "old", "old"), (Commit::Kept, "new", "new"), (Commit::Late, "old", "new")]
    {
        let mut house = House::make().await;
        assert_eq!(house.put(OBJECT, "old").await, 200);
        assert_eq!(house.get(OBJECT).await.unwrap(), "old", "and it is in memory now");
        house.meta.fail_next(commit);
        assert_eq!(house.put(OBJECT, "new").await, 500);
        assert_eq!(house.get(OBJECT).await.unwrap(), now, "{commit:?}");
        // Neither of the blobs is deleted on the strength of the failure, nor by the scrub.
        assert_eq!(house.files().len(), 2, "{commit:?}");
        house.oss.app.scrub().await.unwrap();
        assert_eq!(house.get(OBJECT).await.unwrap(), now, "{commit:?}");
        house.oss.app.finish().await;
        house.restart().await;
        assert_eq!(house.get(OBJECT).await.unwrap(), later, "{commit:?}");
        house.wait_for_files(1).await;
        assert_eq!(house.put(OBJECT, "newest").await, 200);
        assert_eq!(house.get(OBJECT).await.unwrap(), "newest");
        house.wait_for_files(1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_durable_write_ends_the_doubt() {
    for (commit, blobs) in [(Commit::Lost, 1), (Commit::Kept, 2)] {
        for delete in [false, true] {
            let house = House::make().await;
            assert_eq!(house.put("/bucket/other", "other").await, 200);
            house.meta.fail_next(commit);
            assert_eq!(house.put(OBJECT, "new").await, 500);
            assert_eq!(house.files().len(), 2);
            // What changes nothing proves nothing.
            house.ask("DELETE", "/bucket/nothing", "", &Vec::new()).await;
            house.meta.fail_next(Commit::Lost);
            assert_eq!(house.put("/bucket/empty", "").await, 500);
            assert_eq!(house.files().len(), 2);
            if delete {
                house.ask("DELETE", "/bucket/other", "", &Vec::new()).await;
                house.wait_for_files(blobs - 1).await;
            } else {
                assert_eq!(house.put("/bucket/empty", "").await, 200);
                house.wait_for_files(blobs).await;
            }
            assert_eq!(house.get(OBJECT).await.is_some(), commit == Commit::Kept);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_in_doubt_is_what_the_database_says() {
    for (commit, there) in [(Commit::Lost, true), (Commit::Kept, false)] {
        let mut house = House::make().await;
        assert_eq!(house.put(OBJECT, "old").await, 200);
        assert!(house.get(OBJECT).await.is_some());
        house.meta.fail_next(commit);
        assert_eq!(house.ask("DELETE", OBJECT, "", &Vec::new()).await.0, 500);
        assert_eq!(house.get(OBJECT).await.is_some(), there, "{commit:?}");
        assert_eq!(house.files().len(), 1, "a blob in doubt is left to the scrub");
        assert_eq!(house.ask("DELETE", OBJECT, "", &Vec::new()).await.0, 204);
        assert_eq!(house.get(OBJECT).await, None);
        house.restart().await;
        house.wait_for_files(0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_in_doubt_are_shown_as_they_are_enforced() {
    let policy = "<RefererConfiguration><AllowEmptyReferer>false</AllowEmptyReferer>\
                  <RefererList><Referer>https://good.example/</Referer></RefererList>\
                  </RefererConfiguration>";
    for (commit, later) in [(Commit::Lost, 200), (Commit::Kept, 403)] {
        let mut house = House::make().await;
        assert_eq!(house.put(OBJECT, "x").await, 200);
        house.meta.fail_next(commit);
        assert_eq!(house.signed("PUT", "/bucket/?referer", policy).await.0, 500);
        let shown = house.signed("GET", "/bucket/?referer", "").await.1;
        let open = shown.contains("<AllowEmptyReferer>true</AllowEmptyReferer>");
        let status = house.ask("GET", OBJECT, "", &Vec::new()).await.0;
        assert_eq!(status, if open { 200 } else { 403 }, "{commit:?}: {shown}");
        house.restart().await;
        assert_eq!(house.ask("GET", OBJECT, "", &Vec::new()).await.0, later, "{commit:?}");
        // Asking again puts it right.
        assert_eq!(house.signed("PUT", "/bucket/?referer", policy).await.0, 200);
        assert_eq!(house.ask("GET", OBJECT, "", &Vec::new()).await.0, 403);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cross_origin_rules_in_doubt_are_shown_as_they_are_stored() {
    let rules = "<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin>\
                 <AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>";
    for (commit, later) in [(Commit::Lost, 404), (Commit::Kept, 200)] {
        let mut house = House::make().await;
        house.meta.fail_next(commit);
        assert_eq!(house.signed("PUT", "/bucket/?cors", rules).await.0, 500);
        assert_eq!(house.signed("GET", "/bucket/?cors", "").await.0, later, "{commit:?}");
        house.restart().await;
        assert_eq!(house.signed("GET", "/bucket/?cors", "").await.0, later, "{commit:?}");
        // Asking again puts it right.
        assert_eq!(house.signed("PUT", "/bucket/?cors", rules).await.0, 200);
        assert_eq!(house.signed("GET", "/bucket/?cors", "").await.0, 200);
    }
}

/// Who is told of a failure and puts what was there before must not hear that it is there already:
/// the failed change may turn up at the next start.
#[tokio::test(flavor = "multi_thread")]
async fn what_follows_a_policy_in_doubt_is_written() {
    let reset = "<RefererConfiguration><AllowEmptyReferer>true</AllowEmptyReferer><RefererList/>\
                 </RefererConfiguration>";
    let policy = reset.replace("true", "false");
    for commit in [Commit::Lost, Commit::Kept] {
        let house = House::make().await;
        house.meta.fail_next(commit);
        assert_eq!(house.signed("PUT", "/bucket/?referer", &policy).await.0, 500);
        let before = house.meta.all_buckets().await.unwrap()[0].policy_version;
        assert_eq!(house.signed("PUT", "/bucket/?referer", reset).await.0, 200);
        let after = house.meta.all_buckets().await.unwrap()[0].policy_version;
        assert!(after > before, "{commit:?}: {after:?}");
        // The doubt is over: the same again is no version.
        assert_eq!(house.signed("PUT", "/bucket/?referer", reset).await.0, 200);
        assert_eq!(house.meta.all_buckets().await.unwrap()[0].policy_version, after);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_in_doubt_can_be_made_and_dropped_again() {
    for commit in [Commit::Lost, Commit::Kept] {
        let house = House::make().await;
        house.meta.fail_next(commit);
        assert_eq!(house.signed("PUT", "/new-bucket/", "").await.0, 500);
        assert_eq!(house.signed("PUT", "/new-bucket/", "").await.0, 200, "{commit:?}");
        assert_eq!(house.signed("PUT", "/new-bucket/object", "x").await.0, 200);
        assert_eq!(house.signed("DELETE", "/new-bucket/object", "").await.0, 204);
        house.meta.fail_next(commit);
        assert_eq!(house.signed("DELETE", "/new-bucket/", "").await.0, 500);
        let again = house.signed("DELETE", "/new-bucket/", "").await.0;
        assert!(again == 204 || again == 404, "{commit:?}: {again}");
        assert_eq!(house.signed("GET", "/new-bucket/?acl", "").await.0, 404);
        assert_eq!(house.signed("PUT", "/new-bucket/", "").await.0, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fails_is_a_fault_of_that_request_alone() {
    for fault in [Fault::Creation, Fault::Writing, Fault::Fsync] {
        let house = House::make().await;
        assert_eq!(house.put(OBJECT, "old").await, 200);
        house.blobs.fail_next(fault);
        assert_eq!(house.put(OBJECT, "new").await, 500, "{fault:?}");
        assert_eq!(house.get(OBJECT).await.unwrap(), "old", "{fault:?}");
        house.wait_for_files(1).await;
        assert_eq!(house.put(OBJECT, "newer").await, 200, "{fault:?}");
        assert_eq!(house.get(OBJECT).await.unwrap(), "newer", "{fault:?}");
        house.wait_for_files(1).await;
    }
    let mut house = House::make().await;
    assert_eq!(house.put(OBJECT, "old").await, 200);
    house.blobs.fail_next(Fault::Opening);
    assert_eq!(house.ask("GET", OBJECT, "", &Vec::new()).await.0, 500);
    assert_eq!(house.get(OBJECT).await.unwrap(), "old");
    // An object is gone when its row is. The file is the next scrub's.
    house.blobs.fail_next(Fault::Deletion);
    assert_eq!(house.ask("DELETE", OBJECT, "", &Vec::new()).await.0, 204);
    assert_eq!(house.get(OBJECT).await, None);
    house.oss.app.finish().await;
    assert_eq!(house.files().len(), 1);
    house.restart().await;
    house.wait_for_files(0).await;
}

/// A read that began before a write must not bring the old version back into memory after it.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_read_does_not_bring_back_what_was_replaced() {
    for delete in [false, true] {
        let house = House::make().await;
        assert_eq!(house.put(OBJECT, "old").await, 200);
        let slow = Arc::new(SlowRead::default());
        *house.meta.slow.lock().unwrap() = Some(slow.clone());
        let oss = house.oss.clone();
        let reading = tokio::spawn(async move { ask(oss, "GET", OBJECT, "", &Vec::new()).await });
        slow.has_read.notified().await;
        let want = if delete {
            house.ask("DELETE", OBJECT, "", &Vec::new()).await;
            None
        } else {
            assert_eq!(house.put(OBJECT, "new").await, 200);
            Some("new".to_owned())
        };
        // Also for those who ask while the old read is still on its way.
        assert_eq!(house.get(OBJECT).await, want);
        slow.go_on.notify_one();
        let (status, body) = reading.await.unwrap();
        assert!(status == 404 || body == "old" || Some(body) == want, "{status}");
        assert_eq!(house.get(OBJECT).await, want);
    }
}
