//! How long a page of a large bucket takes, wherever in the bucket it is, and what does not count
//! objects.
//!
//! ```text
//! cargo bench --bench listing  # makes 1 000 000 objects twice
//! ```
//!
//! A page is made as the service makes one: by looks into the database until it is complete. Writing
//! it as XML is not measured.

#![expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a benchmark that cannot go on has nothing to tell"
)]

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use refgate::domain::acl::BucketAcl;
use refgate::domain::name::BucketId;
use refgate::domain::object::StorageClass;
use refgate::domain::object::listing::{ListQuery, ListedObject, Page, Pager};
use refgate::domain::time::UnixMillis;
use refgate::meta::sqlite::Sqlite;
use refgate::meta::{Buckets, Created, DeletedBucket, Objects};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};

const ROUNDS: usize = 50;

/// Objects of a folder of the first bucket.
const IN_A_FOLDER: u64 = 5;

/// Objects of each bucket.
const OBJECTS: u64 = 1_000_000;

struct Bench {
    meta: Sqlite,
    /// Many folders of few objects.
    folders: BucketId,
    /// One folder of all, and a name before and behind it.
    one: BucketId,
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    runtime.block_on(async {
        let bench = Bench::make(folder.path()).await;
        bench.pages().await;
        bench.one_folder().await;
        bench.counters().await;
        bench.meta.close().await.unwrap();
    });
}

impl Bench {
    async fn make(folder: &Path) -> Self {
        let path = folder.join("meta.sqlite");
        let meta = Sqlite::open(&path).await.unwrap();
        let folders = bucket(&meta, "folders").await;
        let one = bucket(&meta, "one-folder").await;
        let begun = Instant::now();
        let options = SqliteConnectOptions::new().filename(&path).pragma("synchronous", "off");
        let mut connection = options.connect().await.unwrap();
        let name = format!("printf('photos/f%06d/%03d.jpg', i / {IN_A_FOLDER}, i % {IN_A_FOLDER})");
        fill(&mut connection, folders, &name, OBJECTS).await;
        fill(&mut connection, one, "printf('big/%08d', i)", OBJECTS).await;
        fill(&mut connection, one, "'a.txt'", 1).await;
        fill(&mut connection, one, "'z.txt'", 1).await;
        connection.close().await.unwrap();
        println!("{OBJECTS} objects in each of two buckets, made in {:.1?}\n", begun.elapsed());
        Self { meta, folders, one }
    }

    async fn page(&self, bucket: BucketId, query: &ListQuery) -> Page<ListedObject> {
        let mut pager = Pager::new(query.clone());
        while let Some(from) = pager.wants() {
            let limit = pager.wanted();
            let found = self.meta.objects_from(bucket, &from.key, limit).await.unwrap();
            let more = found.len() == limit as usize;
            pager.take(found, more);
        }
        pager.finish()
    }

    /// The median of some pages, and the slowest.
    async fn timed(&self, bucket: BucketId, query: &ListQuery) -> (Duration, Duration) {
        let mut times = Vec::with_capacity(ROUNDS);
        for _ in 0..ROUNDS {
            let begun = Instant::now();
            self.page(bucket, query).await;
            times.push(begun.elapsed());
        }
        times.sort_unstable();
        (times[ROUNDS / 2], times[ROUNDS - 1])
    }

    async fn pages(&self) {
        println!("| page | at 1 % | at 50 % | at 99 % | slowest |");
        println!("| --- | --: | --: | --: | --: |");
        for (name, delimiter, max_keys) in [
            ("prefix and delimiter, 100 folders", "/", 100),
            ("prefix and delimiter, 1000 folders", "/", 1000),
            ("prefix, 100 objects", "", 100),
            ("prefix, 1000 objects", "", 1000),
        ] {
            let (mut row, mut slowest) = (format!("| {name} |"), Duration::ZERO);
            for percent in [1, 50, 99] {
                let folder = OBJECTS / IN_A_FOLDER * percent / 100;
                let query = ListQuery {
                    prefix: "photos/".into(),
                    delimiter: delimiter.into(),
                    after: format!("photos/f{folder:06}/"),
                    max_keys,
                };
                let page = self.page(self.folders, &query).await;
                let shown = page.entries.len() + page.common_prefixes.len();
                assert_eq!(shown, max_keys as usize, "{name} at {percent} %");
                let (median, worst) = self.timed(self.folders, &query).await;
                write!(row, " {median:.2?} |").unwrap();
                slowest = slowest.max(worst);
            }
            println!("{row} {slowest:.2?} |");
        }
    }

    async fn one_folder(&self) {
        let query = ListQuery { delimiter: "/".into(), max_keys: 100, ..ListQuery::default() };
        let page = self.page(self.one, &query).await;
        assert_eq!((page.entries.len(), &page.common_prefixes[..]), (2, &["big/".to_owned()][..]));
        let (median, slowest) = self.timed(self.one, &query).await;
        println!("\none folder of {OBJECTS} objects: {median:.2?}, slowest {slowest:.2?}");
        let begun = Instant::now();
        let all = ListQuery { max_keys: u32::MAX - 1, ..ListQuery::default() };
        assert_eq!(self.page(self.one, &all).await.entries.len() as u64, OBJECTS + 2);
        println!("looking at all of them instead: {:.2?}", begun.elapsed());
    }

    async fn counters(&self) {
        let begun = Instant::now();
        let usage = self.meta.bucket_usage(self.folders).await.unwrap();
        assert_eq!(usage.objects, OBJECTS);
        println!("\nwhat the bucket holds: {:.2?}", begun.elapsed());
        let begun = Instant::now();
        let deleted = self.meta.delete_bucket(self.folders).await.unwrap();
        assert_eq!(deleted, DeletedBucket::NotEmpty);
        println!("refusing to delete it: {:.2?}", begun.elapsed());
    }
}

async fn bucket(meta: &Sqlite, name: &str) -> BucketId {
    let (name, class) = (name.parse().unwrap(), StorageClass::Standard);
    let made = meta.create_bucket(&name, BucketAcl::Private, class, UnixMillis(0)).await.unwrap();
    let Created::New(bucket) = made else { panic!("{name} is there") };
    bucket.id
}

/// Writes rows of objects without content, named by an expression of their number `i`.
async fn fill(connection: &mut SqliteConnection, bucket: BucketId, name: &str, count: u64) {
    let sql = format!(
        "with recursive n (i) as (select 0 union all select i + 1 from n where i + 1 < {count})
         insert into objects (bucket_id, key, size, etag, crc64, md5, kind, storage_class,
                              modified, headers)
         select {}, cast({name} as blob), 0, 'D41D8CD98F00B204E9800998ECF8427E', 0, zeroblob(16),
                'Normal', 'Standard', 1700000000000, '[[\"content-type\",\"image/jpeg\"]]'
         from n",
        bucket.0
    );
    sqlx::query(sqlx::AssertSqlSafe(sql)).execute(connection).await.unwrap();
}
