//! Parts that are copied of an object of many runs of bytes, or of a pack: how many runs they have
//! themselves, and what a failure leaves of them.

use super::packs::{TASKS, content};
use super::*;
use refgate::domain::name::{BucketId, ObjectKey};
use refgate::domain::object::{Extent, Object, ObjectKind, Overwrite};
use refgate::meta::NewVersion;

const TARGET: &str = "/bucket/target";

/// The runs of the source.
const RUNS: usize = 600;

/// The bytes of each.
const RUN: usize = 300;

/// The bytes of the source.
const SIZE: usize = RUNS * RUN;

fn run(number: usize) -> String {
    format!("{number:0RUN$}")
}

impl House {
    pub(super) async fn only_bucket(&self) -> BucketId {
        self.meta.all_buckets().await.unwrap()[0].id
    }

    pub(super) async fn object(&self, key: &str) -> Object {
        let key: ObjectKey = key.parse().unwrap();
        self.meta.find_object(self.only_bucket().await, &key).await.unwrap().unwrap()
    }

    /// Makes `source`, of `even` and `odd`, which take turns. Returns its content.
    async fn make_source(&self) -> String {
        for (path, first) in [("/bucket/even", 0), ("/bucket/odd", 1)] {
            let content: String = (first..RUNS).step_by(2).map(run).collect();
            assert_eq!(self.put(path, &content).await, 200);
        }
        let [even, odd] = [self.object("even").await, self.object("odd").await];
        let blobs = [even.extents[0].blob, odd.extents[0].blob];
        let extent = |number: usize| Extent {
            blob: blobs[number % 2],
            offset: (number / 2 * RUN) as u64,
            length: RUN as u64,
        };
        let extents = (0..RUNS).map(extent).collect();
        let (size, kind) = (SIZE as u64, ObjectKind::Multipart);
        let source = Object { size, kind, md5: None, extents, ..even };
        let version = NewVersion::own(&source, Overwrite::Allow);
        let (bucket, key) = (self.only_bucket().await, "source".parse().unwrap());
        self.meta.put_object(bucket, &key, version).await.unwrap();
        (0..RUNS).map(run).collect()
    }

    pub(super) async fn begin_upload(&self) -> String {
        let path = format!("{TARGET}?uploads");
        let (status, answer) = self.ask("POST", &path, "", &Vec::new()).await;
        assert_eq!(status, 200, "{answer}");
        let (_, id) = answer.split_once("<UploadId>").unwrap();
        id.split_once('<').unwrap().0.to_owned()
    }

    /// Copies the bytes from one up to another.
    pub(super) async fn copy_part(
        &self,
        part: (&str, usize),
        key: &str,
        (from, to): (usize, usize),
    ) -> u16 {
        let path = format!("{TARGET}?uploadId={}&partNumber={}", part.0, part.1);
        let (source, range) = (format!("/bucket/{key}"), format!("bytes={from}-{}", to - 1));
        let headers = [("x-oss-copy-source", source), ("x-oss-copy-source-range", range)];
        let headers = headers.map(|(name, value)| (name.to_owned(), value));
        self.ask("PUT", &path, "", &headers.into()).await.0
    }

    pub(super) async fn complete(&self, upload: &str) -> u16 {
        let path = format!("{TARGET}?uploadId={upload}");
        let all = [("x-oss-complete-all".to_owned(), "yes".to_owned())];
        self.ask("POST", &path, "", &all.into()).await.0
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_an_object_of_many_runs_is_one_run() {
    let house = House::make().await;
    let source = house.make_source().await;
    assert_eq!(house.object("source").await.extents.len(), RUNS);
    assert_eq!(house.put("/bucket/plain", &source).await, 200);

    let upload = house.begin_upload().await;
    // The last two go on in the one run of their source.
    let copies = [
        ("source", (0, SIZE)),
        ("source", (RUN, SIZE)),
        ("source", (RUN / 2, SIZE - RUN / 2)),
        ("plain", (0, 110_000)),
        ("plain", (110_000, SIZE)),
    ];
    let mut want = String::new();
    for (at, (key, range)) in copies.into_iter().enumerate() {
        assert_eq!(house.copy_part((&upload, at + 1), key, range).await, 200, "{key} {range:?}");
        want.push_str(&source[range.0..range.1]);
    }
    house.wait_for_files(3 + 3).await;
    assert_eq!(house.complete(&upload).await, 200);
    let object = house.object("target").await;
    assert_eq!(object.extents.len(), 4);
    let crc64 = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Xz, want.as_bytes());
    assert_eq!((object.size, object.crc64), (want.len() as u64, crc64));
    for key in ["source", "even", "odd", "plain"] {
        assert_eq!(house.ask("DELETE", &format!("/bucket/{key}"), "", &Vec::new()).await.0, 204);
    }
    house.wait_for_files(4).await;
    assert!(house.get(TARGET).await.unwrap() == want);
}

impl House {
    /// Makes objects, of which one at least shares a blob. Returns the key of such, and its content.
    async fn make_packed_source(&self) -> (String, String) {
        self.put_together(TASKS).await;
        for number in 0..TASKS {
            let key = number.to_string();
            if self.object(&key).await.extents[0].blob.is_shared() {
                return (key, content(3 + number * 8));
            }
        }
        panic!("none of {TASKS} objects shares a blob");
    }
}

/// What was written anew goes with what was to name it.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_fails_leaves_nothing() {
    for of_pack in [false, true] {
        let house = House::make().await;
        let (key, source) = if of_pack {
            house.make_packed_source().await
        } else {
            ("source".to_owned(), house.make_source().await)
        };
        let files = house.files().len();
        let upload = house.begin_upload().await;
        let copy = async || house.copy_part((&upload, 1), &key, (0, source.len())).await;
        house.blobs.fail_next(Fault::Writing);
        assert_eq!(copy().await, 500);
        house.wait_for_files(files).await;
        house.meta.fail_next(Commit::Lost);
        assert_eq!(copy().await, 500);
        assert_eq!(house.files().len(), files + 1, "it is in doubt");
        assert_eq!(copy().await, 200);
        house.wait_for_files(files + 1).await;
        assert_eq!(house.complete(&upload).await, 200);
        assert!(house.get(TARGET).await.unwrap() == source);
    }
}
