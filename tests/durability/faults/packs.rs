//! Small objects that are written together share a blob: each is there as long as its row is, whatever
//! becomes of the others, and of what no row names nothing is left.

use super::*;
use std::collections::HashSet;

use crate::support::content::Random;
use base64::Engine as _;
use futures_util::future::join_all;
use md5::{Digest as _, Md5};

/// What is shared needs others that wait.
pub(super) const TASKS: u64 = 64;

/// A content that its number determines, and that says which it is.
pub(super) fn content(number: u64) -> String {
    let length = match number % 8 {
        0 => 1 + number % 7,
        1 => 16 * 1024,
        // Too long to be written with others.
        2 => 16 * 1024 + 1,
        _ => 64 + number * 37 % 6000,
    };
    let line = format!("{number} ");
    line.chars().cycle().take(usize::try_from(length).unwrap()).collect()
}

/// Whether a body is one of the contents, as a whole. Those of a few bytes may be of several.
pub(super) fn is_whole(body: &str) -> bool {
    let number = body.split(' ').next().unwrap_or_default().parse();
    number.is_ok_and(|number: u64| body.len() < 8 || content(number) == body)
}

fn md5_of(body: &str) -> Headers {
    let md5 = base64::engine::general_purpose::STANDARD.encode(Md5::digest(body));
    vec![("content-md5".to_owned(), md5)]
}

impl House {
    /// Writes objects at the same time, of which many share a blob.
    pub(super) async fn put_together(&self, count: u64) {
        let put = |number: u64| {
            let (path, body) = (format!("/bucket/{number}"), content(3 + number * 8));
            async move { assert_eq!(self.put(&path, &body).await, 200) }
        };
        join_all((0..count).map(put)).await;
    }

    async fn blobs_of(&self, keys: impl IntoIterator<Item = u64>) -> HashSet<BlobId> {
        let bucket = self.meta.all_buckets().await.unwrap()[0].id;
        let mut blobs = HashSet::new();
        for key in keys {
            let key = key.to_string().parse().unwrap();
            let object = self.meta.find_object(bucket, &key).await.unwrap().unwrap();
            blobs.extend(object.extents.iter().map(|extent| extent.blob));
        }
        blobs
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_that_are_put_together_share_files() {
    let house = House::make().await;
    house.put_together(TASKS).await;
    let blobs = house.blobs_of(0..TASKS).await;
    assert_eq!(blobs.len(), house.files().len());
    assert!(blobs.len() < 32, "{} files for {TASKS} objects", blobs.len());
    for number in 0..TASKS {
        let (path, want) = (format!("/bucket/{number}"), content(3 + number * 8));
        assert_eq!(house.get(&path).await.as_ref(), Some(&want), "{number}");
        // A part of it, which is not to be taken for one of a neighbour.
        let range = vec![("range".to_owned(), "bytes=1-5".to_owned())];
        let (status, part) = house.ask("GET", &path, "", &range).await;
        assert_eq!((status, part.as_str()), (206, &want[1..6]), "{number}");
    }
    for number in 0..TASKS {
        assert_eq!(house.ask("DELETE", &format!("/bucket/{number}"), "", &Vec::new()).await.0, 204);
        for left in (number + 1..TASKS).step_by(7) {
            assert!(house.get(&format!("/bucket/{left}")).await.is_some(), "{left}");
        }
    }
    house.wait_for_files(0).await;
}

/// Another start finds what is named where it is, and leaves it there.
#[tokio::test(flavor = "multi_thread")]
async fn the_scrub_leaves_what_one_object_names() {
    let mut house = House::make().await;
    house.put_together(TASKS).await;
    for number in (0..TASKS).filter(|number| number % 16 != 0) {
        assert_eq!(house.ask("DELETE", &format!("/bucket/{number}"), "", &Vec::new()).await.0, 204);
    }
    house.oss.app.finish().await;
    house.restart().await;
    for number in (0..TASKS).step_by(16) {
        let want = content(3 + number * 8);
        assert_eq!(house.get(&format!("/bucket/{number}")).await, Some(want), "{number}");
    }
    house.wait_for_named_files().await;
}

/// A disk that fails under a pack fails whoever is in it, and takes nothing from the others.
#[tokio::test(flavor = "multi_thread")]
async fn a_pack_that_fails_leaves_nothing() {
    for fault in [Fault::Creation, Fault::Writing, Fault::Fsync] {
        let house = House::make().await;
        house.put_together(TASKS).await;
        let before: Vec<_> = join_all((0..TASKS).map(|n| house.put_another(n))).await;
        assert!(before.iter().all(|status| *status == 200));
        house.blobs.fail_next(fault);
        let after: Vec<_> = join_all((0..TASKS).map(|n| house.put_another(n))).await;
        let failed = after.iter().filter(|status| **status == 500).count();
        assert!(failed > 0 && after.iter().all(|s| [200, 500].contains(s)), "{after:?}");
        for number in 0..TASKS {
            let body = house.get(&format!("/bucket/{number}")).await.unwrap();
            assert_eq!(body, content(5), "{fault:?} {number}");
        }
        house.wait_for_named_files().await;
        for number in 0..TASKS {
            assert_eq!(
                house.ask("DELETE", &format!("/bucket/{number}"), "", &Vec::new()).await.0,
                204
            );
        }
        house.wait_for_files(0).await;
    }
}

impl House {
    async fn put_another(&self, number: u64) -> u16 {
        self.put(&format!("/bucket/{number}"), &content(5)).await
    }
}

/// A commit fails under objects that share a blob with others that are fine.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_in_doubt_keeps_what_its_neighbours_share() {
    for commit in [Commit::Lost, Commit::Kept] {
        let mut house = House::make().await;
        house.meta.fail_next(commit);
        let put = |number: u64| {
            let path = format!("/bucket/{number}");
            let house = &house;
            async move { house.put(&path, &content(3 + number * 8)).await }
        };
        let put: Vec<_> = join_all((0..TASKS).map(put)).await;
        assert_eq!(put.iter().filter(|status| **status == 500).count(), 1, "{put:?}");
        for (number, status) in (0..).zip(put) {
            let found = house.get(&format!("/bucket/{number}")).await;
            let is_there = status == 200 || commit == Commit::Kept;
            assert_eq!(found, is_there.then(|| content(3 + number * 8)), "{commit:?} {number}");
        }
        // The next durable write ends the doubt.
        assert_eq!(house.put("/bucket/after", "after").await, 200);
        house.wait_for_named_files().await;
        house.oss.app.finish().await;
        house.restart().await;
        for path in (0..TASKS).map(|number| number.to_string()).chain(["after".to_owned()]) {
            assert_eq!(
                house.ask("DELETE", &format!("/bucket/{path}"), "", &Vec::new()).await.0,
                204
            );
        }
        house.wait_for_files(0).await;
    }
}

/// The objects to which everything happens at once.
const KEYS: u64 = 24;

fn paths() -> impl Iterator<Item = String> {
    (0..KEYS).map(|key| format!("/bucket/k{key}"))
}

impl House {
    /// Has many do all kinds of things to few objects. What is there is whole at every moment.
    pub(super) async fn at_once(&self, round: u64) {
        const STEPS: u64 = 40;
        let seed = getrandom::u64().unwrap();
        println!("seed {seed}");
        let tasks = (0..TASKS).map(|task| {
            let oss = self.oss.clone();
            tokio::spawn(async move {
                let mut random = Random(seed ^ task);
                for step in 0..STEPS {
                    let number = ((round * TASKS + task) * STEPS + step) * 8 + random.below(8);
                    let drawn = [random.below(12), random.below(KEYS), random.below(KEYS)];
                    turn(oss.clone(), number, drawn).await;
                }
            })
        });
        for task in join_all(tasks).await {
            task.unwrap();
        }
        for path in paths() {
            if let Some(body) = self.get(&path).await {
                assert!(is_whole(&body), "{path}: {body:.40}");
            }
        }
    }

    /// Deletes the objects. Then no file is left, without a start.
    pub(super) async fn remove_all(&self) {
        self.wait_for_named_files().await;
        for path in paths() {
            assert_eq!(self.ask("DELETE", &path, "", &Vec::new()).await.0, 204);
        }
        self.wait_for_files(0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_at_once_objects_are_whole_and_nothing_is_left() {
    let house = House::make().await;
    house.at_once(0).await;
    house.remove_all().await;
}

async fn turn(oss: Arc<Oss>, number: u64, [action, key, other]: [u64; 3]) {
    let (path, body) = (format!("/bucket/k{key}"), content(number));
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let (method, body, headers, allowed): (_, _, _, &[u16]) = match action {
        0..4 => ("PUT", body, md5_of(&content(number)), &[200]),
        4 => ("PUT", body, vec![header("x-oss-forbid-overwrite", "true")], &[200, 409]),
        5 => ("PUT", body, md5_of("something else"), &[400]),
        6 | 7 => ("DELETE", String::new(), vec![], &[204]),
        8 | 9 => {
            let source = header("x-oss-copy-source", &format!("/bucket/k{other}"));
            // A source that is replaced again and again is not copied.
            ("PUT", String::new(), vec![source], &[200, 404, 503])
        }
        _ => ("GET", String::new(), vec![], &[200, 404]),
    };
    let (status, text) = ask(oss, method, &path, &body, &headers).await;
    assert!(allowed.contains(&status), "{action} on {path}: {status} {text:.400}");
    if method == "GET" && status == 200 {
        assert!(is_whole(&text), "{path}: {text:.40}");
    }
}
