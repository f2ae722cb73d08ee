//! Blobs that two objects share: gone with the last of them and not before, whatever happens at the
//! same time.

use super::*;
use refgate::domain::object::Overwrite;
use refgate::meta::NewVersion;

const SOURCE: &str = "/bucket/source";
const COPY: &str = "/bucket/copy";

const COPYING: (&str, &str) = ("x-oss-copy-source", SOURCE);

fn copying() -> Headers {
    vec![(COPYING.0.to_owned(), COPYING.1.to_owned())]
}

impl House {
    async fn copy(&self) -> u16 {
        self.ask("PUT", COPY, "", &copying()).await.0
    }

    async fn delete(&self, path: &str) -> u16 {
        self.ask("DELETE", path, "", &Vec::new()).await.0
    }

    /// Has the next reading of an object wait after it has read.
    fn slow_read(&self) -> Arc<SlowRead> {
        self.slow_read_of("")
    }

    /// The same for an object with this key alone.
    fn slow_read_of(&self, key: &str) -> Arc<SlowRead> {
        let slow = Arc::new(SlowRead { key: key.to_owned(), ..SlowRead::default() });
        *self.meta.slow.lock().unwrap() = Some(slow.clone());
        slow
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_is_there_until_its_last_object_is_gone() {
    for first in [SOURCE, COPY] {
        let last = if first == SOURCE { COPY } else { SOURCE };
        let house = House::make().await;
        assert_eq!(house.put(SOURCE, "content").await, 200);
        assert_eq!(house.copy().await, 200);
        house.wait_for_files(1).await;
        assert_eq!(house.delete(first).await, 204);
        house.oss.app.scrub().await.unwrap();
        assert_eq!(house.get(last).await.as_deref(), Some("content"), "without {first}");
        assert_eq!(house.put(last, "replaced").await, 200);
        house.wait_for_files(1).await;
        assert_eq!(house.delete(last).await, 204);
        house.wait_for_files(0).await;
    }
}

/// The source goes between the time that it is read and the time that the copy is written.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_what_is_gone_is_none() {
    for replacement in [None, Some("new")] {
        let house = House::make().await;
        assert_eq!(house.put(SOURCE, "old").await, 200);
        let slow = house.slow_read();
        let oss = house.oss.clone();
        let copied = tokio::spawn(async move { ask(oss, "PUT", COPY, "", &copying()).await });
        slow.has_read.notified().await;
        match replacement {
            Some(content) => assert_eq!(house.put(SOURCE, content).await, 200),
            None => assert_eq!(house.delete(SOURCE).await, 204),
        }
        // The old file goes, too, before the copy goes on.
        house.wait_for_files(usize::from(replacement.is_some())).await;
        slow.go_on.notify_one();
        let status = copied.await.unwrap().0;
        assert_eq!(status, if replacement.is_some() { 200 } else { 404 });
        assert_eq!(house.get(COPY).await.as_deref(), replacement);
        house.oss.app.scrub().await.unwrap();
        assert_eq!(house.get(COPY).await.as_deref(), replacement, "after a scrub");
    }
}

/// An object is closed, or gets tags, between the time that it is read to be copied onto itself and the
/// time that this is written.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_onto_itself_undoes_nothing() {
    let tags = "<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tagging>";
    let closing = ("x-oss-object-acl", "private");
    for (edit, own, body, shown) in [
        ("acl", Some(closing), "", "<Grant>private</Grant>"),
        ("tagging", None, tags, "<Key>k</Key><Value>v</Value>"),
    ] {
        for content in ["content", ""] {
            let house = House::make().await;
            assert_eq!(house.put(SOURCE, content).await, 200);
            let slow = house.slow_read();
            let headers = signed_headers("PUT", SOURCE, Some(COPYING), b"");
            let oss = house.oss.clone();
            let copied = tokio::spawn(async move { ask(oss, "PUT", SOURCE, "", &headers).await });
            slow.has_read.notified().await;
            let path = format!("{SOURCE}?{edit}");
            let headers = signed_headers("PUT", &path, own, body.as_bytes());
            assert_eq!(house.ask("PUT", &path, body, &headers).await.0, 200, "{edit}");
            slow.go_on.notify_one();
            assert_eq!(copied.await.unwrap().0, 200, "{edit}");
            let now = house.signed("GET", &path, "").await.1;
            assert!(now.contains(shown), "{edit}: {now}");
        }
    }
}

/// The failed commit of a copy says nothing about its blob, which is its source's.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_in_doubt_is_what_the_database_says() {
    for (commit, there) in [(Commit::Lost, None), (Commit::Kept, Some("content"))] {
        let mut house = House::make().await;
        assert_eq!(house.put(SOURCE, "content").await, 200);
        house.meta.fail_next(commit);
        assert_eq!(house.copy().await, 500);
        assert_eq!(house.get(COPY).await.as_deref(), there, "{commit:?}");
        assert_eq!(house.delete(SOURCE).await, 204);
        house.wait_for_files(usize::from(there.is_some())).await;
        assert_eq!(house.get(COPY).await.as_deref(), there, "{commit:?}");
        house.oss.app.finish().await;
        house.restart().await;
        assert_eq!(house.get(COPY).await.as_deref(), there, "{commit:?}");
        house.wait_for_files(usize::from(there.is_some())).await;
    }
}

/// The limit is OSS's, and is of copies into another bucket alone. No byte is read, so none is there.
#[tokio::test(flavor = "multi_thread")]
async fn five_gibibytes_are_copied_into_another_bucket() {
    const GIB: u64 = 1 << 30;
    for (size, elsewhere) in [(5 * GIB, 200), (5 * GIB + 1, 400)] {
        let house = House::make().await;
        assert_eq!(house.signed("PUT", "/another-bucket/", "").await.0, 200);
        assert_eq!(house.put("/bucket/small", "content").await, 200);
        let buckets = house.meta.all_buckets().await.unwrap();
        let bucket = buckets.iter().find(|bucket| bucket.name.as_str() == "bucket").unwrap().id;
        let small = house.meta.find_object(bucket, &"small".parse().unwrap()).await.unwrap();
        let mut large = small.unwrap();
        large.size = size;
        large.extents[0].length = size;
        let version = NewVersion::own(&large, Overwrite::Allow);
        house.meta.put_object(bucket, &"source".parse().unwrap(), version).await.unwrap();

        assert_eq!(house.copy().await, 200, "within the bucket");
        let headers = signed_headers("PUT", "/another-bucket/copy", Some(COPYING), b"");
        let got = house.ask("PUT", "/another-bucket/copy", "", &headers).await;
        assert_eq!(got.0, elsewhere, "{}", got.1);
        assert_eq!(got.1.contains("EntityTooLarge"), elsewhere == 400);
    }
}

/// Copies, deletions and uploads of the same few objects at once: what is there can be read, and
/// what cannot be named is gone.
#[tokio::test(flavor = "multi_thread")]
async fn copies_and_deletions_at_once_leave_only_whole_objects() {
    const KEYS: usize = 4;
    let house = House::make().await;
    let path = |key: usize| format!("/bucket/k{}", key % KEYS);
    let turn = |n: usize| {
        let (oss, to, from) = (house.oss.clone(), path(n / 5), path(n / 7 + 1));
        tokio::spawn(async move {
            let from = vec![("x-oss-copy-source".to_owned(), from)];
            let (status, text) = match n % 5 {
                0 => ask(oss, "PUT", &to, &format!("content {n}"), &Vec::new()).await,
                1 => ask(oss, "DELETE", &to, "", &Vec::new()).await,
                2 => ask(oss, "GET", &to, "", &Vec::new()).await,
                _ => ask(oss, "PUT", &to, "", &from).await,
            };
            // A source that is replaced again and again is not copied.
            let known =
                matches!((n % 5, status), (0, 200) | (1, 204) | (2..=4, 200 | 404) | (3.., 503));
            assert!(known, "{n}: {status} {text}");
        })
    };
    for round in 0..20 {
        let turns: Vec<_> = (0..50).map(|n| turn(round * 50 + n)).collect();
        for turn in turns {
            turn.await.unwrap();
        }
    }
    for key in 0..KEYS {
        house.get(&path(key)).await;
    }
    house.wait_for_named_files().await;
    for key in 0..KEYS {
        assert_eq!(house.delete(&path(key)).await, 204);
    }
    house.wait_for_files(0).await;
}

/// An object is replaced by one that is not for everybody, between the permit to read it and the
/// reading.
#[tokio::test(flavor = "multi_thread")]
async fn a_permit_is_for_the_version_that_was_asked_about() {
    const LINK: &str = "/bucket/link";
    let ways = [("GET", SOURCE, None), ("GET", LINK, None), ("PUT", COPY, Some(copying()))];
    for (method, path, headers) in ways {
        let house = House::make().await;
        let owner = async |path: &str, body: &str, own: (&str, &str)| {
            let headers = signed_headers("PUT", path, Some(own), body.as_bytes());
            assert_eq!(house.ask("PUT", path, body, &headers).await.0, 200, "{path}");
        };
        assert_eq!(house.put(SOURCE, "for all").await, 200);
        let target = vec![("x-oss-symlink-target".to_owned(), "source".to_owned())];
        assert_eq!(house.ask("PUT", "/bucket/link?symlink", "", &target).await.0, 200);
        // From now on ACLs of objects are asked about.
        owner("/bucket/other", "", ("x-oss-object-acl", "private")).await;
        // So that what is read slowly is the source.
        assert_eq!(house.ask("GET", "/bucket/link?symlink", "", &Vec::new()).await.0, 200);
        assert_eq!(house.ask("GET", COPY, "", &Vec::new()).await.0, 404);

        let slow = house.slow_read_of("source");
        let (oss, headers) = (house.oss.clone(), headers.unwrap_or_default());
        let asked = tokio::spawn(async move { ask(oss, method, path, "", &headers).await });
        slow.has_read.notified().await;
        owner(SOURCE, "secret", ("x-oss-object-acl", "private")).await;
        slow.go_on.notify_one();
        let (status, body) = asked.await.unwrap();
        assert_eq!(status, 403, "{method} {path}: {body}");
        assert_eq!(house.get(COPY).await, None, "{method} {path}");
    }
}
