//! Databases of earlier versions, with what people have in them.

use std::io;
use std::sync::{LazyLock, Mutex};

use sqlx::migrate::Migrator;

use super::*;
use crate::domain::delivery::Playlists;
use crate::domain::referer::EmptyReferer;
use crate::domain::stats::Day;
use crate::domain::urlsign::Scheme;
use crate::meta::sqlite::migrate::MIGRATIONS;
use crate::meta::{Changed, DeliveryDomains as _, PutDomain, Uploads as _};

/// A database of so many of the first steps, with rows.
async fn earlier(folder: &TempDir, steps: usize, rows: &[&'static str]) {
    let options = SqliteConnectOptions::new()
        .filename(folder.path().join("meta.sqlite3"))
        .create_if_missing(true);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let first: Vec<_> = MIGRATIONS.iter().take(steps).cloned().collect();
    let first = Migrator { migrations: first.into(), ..Migrator::DEFAULT };
    first.run(&mut connection).await.unwrap();
    for sql in rows {
        sqlx::query(*sql).execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
}

/// What the log is told.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// With one subscriber alone, what the thread thinks of an event that comes to it first holds for
/// all threads, and the threads of other tests have none. With a second, which hears nothing, all
/// are asked.
static SECOND: LazyLock<tracing::Dispatch> =
    LazyLock::new(|| tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default()));

impl Log {
    /// Listens as long as the guard lives.
    fn listen(&self) -> tracing::subscriber::DefaultGuard {
        LazyLock::force(&SECOND);
        let log = self.clone();
        let subscriber =
            tracing_subscriber::fmt().with_ansi(false).with_writer(move || log.clone());
        tracing::subscriber::set_default(subscriber.finish())
    }

    fn lines(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let lines = text.lines().filter(|line| line.contains("earlier version"));
        lines.map(str::to_owned).collect()
    }
}

/// The first four steps: buckets, objects and policies, before uploads in parts, attributes, CORS,
/// long lists and users.
const ROWS: &[&str] = &[
    "insert into buckets (name, created, acl, storage_class, referer_max_bytes)
     values ('first', 1000, 'public-read', 'Standard', 50000), ('second', 2000, 'private', 'IA', null)",
    "insert into referer_versions
         (bucket_id, version, at, who, how, note, empty, compare, whitelist_rules, blacklist_rules,
          rule_bytes, whitelist, blacklist)
     values (1, 1, 3000, null, 'found', '', 'deny', 'with-query', 1, 0, 20,
             '[\"https://a.example.com\"]', '[]')",
    "insert into referer_extras (bucket_id, mode, host, missing, malformed, denial, updated)
     values (1, 'monitor', 'strict', 'deny', 'deny', 'forbidden', 3000)",
    "insert into referer_totals (bucket_id, day, verdict, requests, bytes)
     values (1, 19000, 'allowed-listed', 7, 700)",
    "with recursive n (i) as (select 0 union all select i + 1 from n where i < 2999)
     insert into objects (bucket_id, key, size, etag, crc64, md5, kind, storage_class, modified,
                          headers, blob)
     select 1, cast(printf('k%04d', i) as blob), 10, 'E' || i, i, zeroblob(16), 'Normal', 'Standard',
            4000 + i, '[[\"content-type\",\"text/plain\"]]', unhex(printf('%032x', i + 1))
     from n",
    "insert into objects (bucket_id, key, size, etag, crc64, kind, storage_class, modified, headers)
     values (2, cast('of two' as blob), 30, 'E-2', -1, 'Multipart', 'IA', 5000, '[]')",
    "insert into extents (bucket_id, key, position, blob, length)
     values (2, cast('of two' as blob), 0, unhex('000000000000000000000000000f00aa'), 10),
            (2, cast('of two' as blob), 1, unhex('000000000000000000000000000f00bb'), 20)",
];

#[tokio::test]
async fn a_database_of_an_earlier_version_keeps_all_that_is_in_it() {
    let folder = TempDir::new().unwrap();
    earlier(&folder, 4, ROWS).await;
    let log = Log::default();
    let meta = {
        let _guard = log.listen();
        open(&folder).await
    };

    let buckets = meta.all_buckets().await.unwrap();
    let [first, second] = &buckets[..] else { panic!("{buckets:?}") };
    assert_eq!((first.name.as_str(), first.acl), ("first", BucketAcl::PublicRead));
    assert_eq!((first.policy_version.0, first.referer_max_bytes), (1, Some(50_000)));
    assert_eq!(first.policy.empty, EmptyReferer::Deny);
    assert!(first.cors.is_none() && second.policy == Policy::default());
    assert_eq!((second.storage_class, second.created), (StorageClass::IA, UnixMillis(2000)));

    assert_eq!(meta.bucket_usage(first.id).await.unwrap(), usage(3000, 30_000));
    assert_eq!(meta.bucket_usage(second.id).await.unwrap(), usage(1, 30));
    let listed = meta.objects_from(first.id, b"k2990", 1000).await.unwrap();
    assert_eq!(listed.len(), 10);
    let found = meta.find_object(first.id, &key(17)).await.unwrap().unwrap();
    let blob = BlobId(Uuid::from_u128(18));
    assert_eq!(found.extents, [Extent { blob, offset: 0, length: 10 }]);
    assert_eq!((found.etag.as_str(), found.crc64, found.modified.0), ("E17", 17, 4017));
    let name = "of two".parse().unwrap();
    let found = meta.find_object(second.id, &name).await.unwrap().unwrap();
    let runs: Vec<_> =
        found.extents.iter().map(|e| (e.blob.0.as_u128(), e.offset, e.length)).collect();
    assert_eq!((runs, found.crc64), (vec![(0xF_00AA, 0, 10), (0xF_00BB, 0, 20)], u64::MAX));

    // What came since works on it.
    put(&meta, first.id, 17).await.unwrap();
    assert_eq!(meta.set_bucket_cors(second.id, None, NOW).await.unwrap(), Changed::Done);
    assert_eq!(meta.delete_objects(second.id, &[name]).await.unwrap().unnamed.len(), 2);
    let from = crate::domain::object::listing::Position::default();
    assert!(meta.uploads_from(first.id, &from, 10).await.unwrap().is_empty());

    let lines = log.lines();
    let steps = MIGRATIONS.iter().count() - 4;
    assert_eq!(lines.len(), steps, "{lines:?}");
    assert!(lines[0].contains(&format!("step 1 of {steps}, uploads")), "{lines:?}");
    meta.close().await.unwrap();

    // And it is told once.
    let log = Log::default();
    let _guard = log.listen();
    open(&folder).await;
    open(&TempDir::new().unwrap()).await;
    assert_eq!(log.lines(), [""; 0]);
}

/// A database of the first version, whose policy had no history.
#[tokio::test]
async fn a_policy_without_history_becomes_version_one() {
    let folder = TempDir::new().unwrap();
    let rows = [
        "insert into buckets (name, created, acl, storage_class)
         values ('old', 1, 'private', 'Standard'), ('bare', 1, 'private', 'Standard')",
        "insert into referer_policies
         values (1, 'deny', 'origin', '[\"http://a\",\"é\"]', '[\"b\"]', 1234)",
    ];
    earlier(&folder, 1, &rows).await;
    let meta = open(&folder).await;
    let buckets = meta.all_buckets().await.unwrap();
    let versions: Vec<i64> = buckets.iter().map(|bucket| bucket.policy_version.0).collect();
    assert_eq!(versions, [1, 0]);
    let found = meta.policy_versions(BucketId(1), None, 9).await.unwrap();
    let [summary] = found.as_slice() else { panic!("{found:?}") };
    let record = Record { at: UnixMillis(1234), who: None, how: How::Found, note: String::new() };
    assert_eq!(summary.record, record);
    assert_eq!((summary.allow, summary.deny, summary.bytes), (2, 1, 11));
    let (_, policy) = meta.policy_version(BucketId(1), PolicyVersion(1)).await.unwrap().unwrap();
    assert_eq!(policy, buckets[0].policy);
    assert_eq!(policy.compare, Compare::Origin);
}

/// A database in which objects had neither ACLs nor tags.
#[tokio::test]
async fn an_object_of_an_earlier_version_has_nothing_of_its_own() {
    let folder = TempDir::new().unwrap();
    let rows = [
        "insert into buckets (name, created, acl, storage_class)
         values ('old', 1, 'private', 'Standard')",
        "insert into objects (bucket_id, key, size, etag, crc64, kind, storage_class, modified,
                              headers, blob)
         values (1, cast('k0001' as blob), 10, 'E', 1, 'Multipart', 'IA', 1234, '[]',
                 zeroblob(16)),
                (1, cast('k0002' as blob), 10, 'E', 1, 'Multipart', 'IA', 1234, '[]', null)",
        "insert into extents (bucket_id, key, position, blob, offset, length)
         values (1, cast('k0002' as blob), 0, zeroblob(16), 5, 10)",
    ];
    earlier(&folder, 5, &rows).await;
    let meta = open(&folder).await;
    let found = meta.find_object(BucketId(1), &key(1)).await.unwrap().unwrap();
    assert_eq!((found.kind, found.size, found.link), (ObjectKind::Multipart, 10, None));
    assert_eq!(found.attributes.acl, ObjectAcl::Default);
    assert!(found.attributes.tags.is_empty() && !meta.may_hold_acls(BucketId(1)));
    // One that begins in the middle of a blob was named elsewhere.
    let runs = [(1, 0), (2, 5)];
    for (number, offset) in runs {
        let found = meta.find_object(BucketId(1), &key(number)).await.unwrap().unwrap();
        assert_eq!(found.extents, [Extent { blob: BlobId(Uuid::nil()), offset, length: 10 }]);
    }
}

/// A database whose domains could not sign what lies on the whole host: what they had, and what was
/// counted of them, stays.
#[tokio::test]
async fn a_domain_keeps_what_it_does_to_playlists() {
    let folder = TempDir::new().unwrap();
    let rows = [
        "insert into buckets (name, created, acl, storage_class)
         values ('old', 1, 'private', 'Standard')",
        "insert into delivery_domains (id, host, bucket_id, created, updated, prefix, referer, origin,
             direct, error_header, playlists, link_preview, link_clients, parameters, regions)
         values (zeroblob(16), 'a.example', 1, 1, 1, '', 'bucket', 'always', 'by-acl', 'shown',
                 'plain', 0, 0, '[]', 'unknown'),
                (cast('0123456789abcdef' as blob), 'b.example', 1, 1, 1, '', 'bucket', 'always',
                 'by-acl', 'shown', 'signed', 0, 0, '[]', 'unknown')",
        "insert into delivery_clients values (zeroblob(16), zeroblob(16), zeroblob(4), 99)",
        "insert into delivery_tallies values (zeroblob(16), 7, 'open', '', 3, 1)",
    ];
    earlier(&folder, 10, &rows).await;
    let meta = open(&folder).await;
    let mut all = meta.all_domains().await.unwrap();
    all.sort_by(|a, b| a.host.cmp(&b.host));
    let kept: Vec<_> = all.iter().map(|domain| domain.terms.playlists).collect();
    assert_eq!(kept, [Playlists::Plain, Playlists::Signed]);
    assert_eq!(meta.seats(1).await.unwrap().len(), 1);
    assert_eq!(meta.tallies_of(all[0].id, Day(1)).await.unwrap().len(), 1);
    all[0].terms.playlists = Playlists::SignedHost;
    assert_eq!(meta.put_domain(&all[0]).await.unwrap(), PutDomain::Done);
    let found = meta.find_domain(&all[0].host).await.unwrap().unwrap();
    assert_eq!(found.terms.playlists, Playlists::SignedHost);
}

/// A database that had neither the scheme of keys that are kept nor the ends of their links.
#[tokio::test]
async fn keys_get_the_scheme_and_the_ends_that_they_had() {
    let folder = TempDir::new().unwrap();
    let rows = [
        "insert into buckets (name, created, acl, storage_class)
         values ('old', 1, 'private', 'Standard')",
        "insert into delivery_domains (id, host, bucket_id, created, updated, prefix, referer, origin,
             direct, error_header, playlists, link_lifetime, link_preview, link_clients, scheme,
             validity, tolerance, parameters, regions, primary_key)
         values (unhex(printf('%032x', 1)), 'a.example', 1, 1, 1, '', 'bucket', 'always', 'by-acl',
                 'shown', 'plain', null, 0, 0, 'ali-live', null, null, '[]', 'unknown', zeroblob(40)),
                (unhex(printf('%032x', 2)), 'b.example', 1, 1, 1, '', 'bucket', 'always', 'by-acl',
                 'shown', 'plain', 5000, 0, 0, 'ali-a', 60, 7, '[]', 'unknown', zeroblob(40)),
                (unhex(printf('%032x', 3)), 'c.example', 1, 1, 1, '', 'bucket', 'always', 'by-acl',
                 'shown', 'plain', null, 0, 0, null, null, null, '[]', 'unknown', zeroblob(40))",
        "insert into delivery_tallies
         select id, day, 'verified', '0123abcd', 1, day * 1000000
         from delivery_domains, (select 1 as day union all select 2)",
    ];
    earlier(&folder, 11, &rows).await;
    let meta = open(&folder).await;
    let mut all = meta.all_domains().await.unwrap();
    all.sort_by(|a, b| a.host.cmp(&b.host));
    let schemes: Vec<_> = all.iter().map(|domain| domain.key_scheme).collect();
    assert_eq!(schemes, [Some(Scheme::AliLive), Some(Scheme::AliA), None]);
    for (domain, want) in all.iter().zip([2000 + 86_400 + 300, 2000 + 5000 + 7, 2000 + 1800 + 300])
    {
        let end = meta.key_end(domain.id, "0123abcd").await.unwrap();
        assert_eq!(end, Some(want), "{}", domain.host);
    }
}

/// Every version there was can be opened.
#[tokio::test]
async fn databases_of_all_earlier_versions_are_opened() {
    for steps in 1..MIGRATIONS.iter().count() {
        let folder = TempDir::new().unwrap();
        let bucket = "insert into buckets (name, created, acl, storage_class)
                      values ('old', 1, 'private', 'Standard')";
        earlier(&folder, steps, &[bucket]).await;
        let meta = open(&folder).await;
        assert_eq!(meta.all_buckets().await.unwrap().len(), 1, "{steps}");
        put(&meta, BucketId(1), 1).await.unwrap();
    }
}
