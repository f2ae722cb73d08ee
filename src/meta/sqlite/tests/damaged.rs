//! Rows that no type of ours can hold.

use super::*;
use crate::domain::referer::{DenialAnswer, Extras, Mode};
use crate::domain::setting::{Change, ChangedBy, Swap, Way};
use crate::meta::Settings as _;

#[tokio::test]
async fn a_damaged_policy_is_an_error_and_never_a_default() {
    let (folder, meta, bucket) = fresh().await;
    let policy = Policy { allow: vec![Pattern::read("http://a").unwrap()], ..Policy::default() };
    for column in [
        "empty = 'maybe'",
        "compare = ''",
        "whitelist = ''",
        "whitelist = 'null'",
        "whitelist = '{}'",
        "whitelist = '[1]'",
        "whitelist = '[\"\"]'",
        "whitelist = '[\" http://a\"]'",
        "whitelist = '[\"http://a\"'",
        "blacklist = '[null]'",
    ] {
        let record = Record { at: NOW, who: None, how: How::OssPut, note: String::new() };
        let keep = Keep { versions: 1, bytes: 1 };
        let put = meta.put_policy(bucket, Arc::new(policy.clone()), record, keep).await;
        let version = put.unwrap().unwrap();
        damage(&folder, &format!("update referer_versions set {column}")).await;
        let read = meta.all_buckets().await;
        let corrupt = matches!(read, Err(MetaError::Corrupt { table: "referer_versions", .. }));
        assert!(corrupt, "{column}: {read:?}");
        let read = meta.policy_version(bucket, version).await;
        assert!(matches!(read, Err(MetaError::Corrupt { .. })), "{column}: {read:?}");
    }
}

async fn change_extras(meta: &Sqlite, bucket: BucketId, extras: &Extras) {
    let change = Swap { old: Extras::default(), new: extras.clone() };
    let by = ChangedBy { at: NOW, who: "id".parse().unwrap(), how: Way::Api };
    meta.change_setting(bucket, Change::Referer(Box::new(change)), by, 1).await.unwrap();
}

#[tokio::test]
async fn damaged_records_of_changes_are_an_error() {
    let (folder, meta, bucket) = fresh().await;
    for column in [
        "who = ''",
        "how = 'Api'",
        "what = 'else'",
        "what = 'acl'",
        "what = 'referer-limit'",
        "old = ''",
        "new = 'null'",
        "new = '{}'",
        "new = json_set(new, '$.mode', 'Monitor')",
        "new = json_set(new, '$.more', 1)",
    ] {
        change_extras(&meta, bucket, &Extras { mode: Mode::Monitor, ..Extras::default() }).await;
        assert_eq!(meta.setting_changes(bucket, None, 9).await.unwrap().len(), 1, "{column}");
        damage(&folder, &format!("update setting_changes set {column}")).await;
        let read = meta.setting_changes(bucket, None, 9).await;
        let corrupt = matches!(read, Err(MetaError::Corrupt { table: "setting_changes", .. }));
        assert!(corrupt, "{column}: {read:?}");
    }
}

#[tokio::test]
async fn damaged_extras_are_an_error() {
    let (folder, meta, bucket) = fresh().await;
    let denial = DenialAnswer::Redirect("https://a.com/".parse().unwrap());
    let extras = Extras { denial, ..Extras::default() };
    for column in [
        "mode = 'Monitor'",
        "host = ''",
        "missing = 'deny '",
        "malformed = 'x'",
        "denial = 'redirects'",
        "denial = 'forbidden'",
        "denial_to = null",
        "denial_to = 'ftp://a.com/'",
        "denial_to = 'https://a.com/' || char(13, 10)",
        "denial = 'substitute', denial_to = '/a'",
    ] {
        change_extras(&meta, bucket, &extras).await;
        damage(&folder, &format!("update referer_extras set {column}")).await;
        let read = meta.all_buckets().await;
        let corrupt = matches!(read, Err(MetaError::Corrupt { table: "referer_extras", .. }));
        assert!(corrupt, "{column}: {read:?}");
    }
}

#[tokio::test]
async fn damaged_cross_origin_rules_are_an_error() {
    use crate::domain::cors::{CorsMethod, CorsRule, CorsRules, VaryOrigin};
    let (folder, meta, bucket) = fresh().await;
    let rule = CorsRule {
        origins: vec!["*".parse().unwrap()],
        methods: vec![CorsMethod::Get],
        headers: vec![],
        exposed: vec![],
        max_age: None,
    };
    let rules = Arc::new(CorsRules::new(vec![rule], VaryOrigin::Never).unwrap());
    let changed = |from: &str, to: &str| format!("rules = replace(rules, '{from}', '{to}')");
    for column in [
        "rules = '[]'".to_owned(),
        "rules = 'null'".to_owned(),
        "rules = '[{}]'".to_owned(),
        "vary_origin = 2".to_owned(),
        changed("[\"*\"]", "[]"),
        changed("\"*\"", "\"**\""),
        changed("GET", "OPTIONS"),
        changed("\"exposed\":[]", "\"exposed\":[\"a\\r\\nb: c\"]"),
        changed("null", "4000000000"),
        changed("null", "null,\"more\":1"),
    ] {
        meta.set_bucket_cors(bucket, Some(rules.clone()), NOW).await.unwrap();
        damage(&folder, &format!("update bucket_cors set {column}")).await;
        let read = meta.all_buckets().await;
        let corrupt = matches!(read, Err(MetaError::Corrupt { table: "bucket_cors", .. }));
        assert!(corrupt, "{column}: {read:?}");
        let read = meta.bucket_cors(bucket).await;
        assert!(matches!(read, Err(MetaError::Corrupt { .. })), "{column}: {read:?}");
    }
}

#[tokio::test]
async fn a_damaged_bucket_is_an_error() {
    for column in ["name = 'A'", "acl = 'public'", "storage_class = ''"] {
        let (folder, meta, _) = fresh().await;
        damage(&folder, &format!("update buckets set {column}")).await;
        let read = meta.all_buckets().await;
        assert!(
            matches!(read, Err(MetaError::Corrupt { table: "buckets", .. })),
            "{column}: {read:?}"
        );
    }
    let (folder, meta, bucket) = fresh().await;
    damage(&folder, "update buckets set byte_count = -1").await;
    assert!(matches!(meta.bucket_usage(bucket).await, Err(MetaError::Corrupt { .. })));
}

#[tokio::test]
async fn a_damaged_object_is_an_error() {
    for sql in [
        "update objects set kind = 'normal'",
        "update objects set storage_class = 'Archive'",
        "update objects set md5 = x'00'",
        "update objects set headers = '[[1, 2]]'",
        "update objects set size = 11",
        "update objects set size = -1",
        "update objects set blob = x'00'",
        "update objects set blob_offset = -1",
        "update objects set acl = 'default'",
        "update objects set tags = '{}'",
        "update objects set tags = '[[\"k\"]]'",
        "update objects set tags = '[[\"k\", \"1\"], [\"k\", \"2\"]]'",
        "update objects set symlink = x'ff'",
        "update objects set symlink = x'6b'",
        "update extents set length = 11 where position = 0",
        "update extents set blob = x'00' where position = 1",
        "update extents set offset = -1 where position = 1",
        "delete from extents where position = 1",
    ] {
        let (folder, meta, bucket) = fresh().await;
        let several = object(&[1, 2]);
        let version = NewVersion::own(&several, Overwrite::Allow);
        meta.put_object(bucket, &key(1), version).await.unwrap();
        damage(&folder, sql).await;
        let read = meta.find_object(bucket, &key(1)).await;
        assert!(
            matches!(read, Err(MetaError::Corrupt { table: "objects", .. })),
            "{sql}: {read:?}"
        );
    }
    let (folder, meta, bucket) = fresh().await;
    put(&meta, bucket, 1).await.unwrap();
    damage(&folder, "update objects set key = x'ff'").await;
    let read = meta.objects_from(bucket, b"", 10).await;
    assert!(matches!(read, Err(MetaError::Corrupt { table: "objects", .. })), "{read:?}");
}

#[tokio::test]
async fn a_damaged_delivery_domain_is_an_error() {
    use crate::domain::delivery::Terms;
    use crate::domain::name::DomainId;
    use crate::domain::seal::Sealed;
    use crate::domain::urlsign::{Choices, Scheme};
    use crate::meta::{DeliveryDomain, DeliveryDomains};
    let (folder, meta, bucket) = fresh().await;
    let domain = DeliveryDomain {
        id: DomainId(Uuid::from_u128(1)),
        host: "cdn.example.com".parse().unwrap(),
        bucket,
        created: NOW,
        updated: NOW,
        terms: Terms { signing: Some(Choices::new(Scheme::AliA)), ..Terms::default() },
        key_scheme: Some(Scheme::AliA),
        primary: Sealed::from_bytes(&[1; 40]),
        secondary: None,
    };
    for column in [
        "host = 'a b'",
        "prefix = '../other/'",
        "referer = 'on'",
        "origin = ''",
        "direct = 'signed'",
        "error_header = 'yes'",
        "playlists = ''",
        "link_lifetime = 0",
        "link_clients = 10",
        "scheme = 'ali-d'",
        "time = 'octal'",
        "algorithm = 'crc32'",
        "form = 'header'",
        "parameters = '[[1, 2]]'",
        "profile = 'lax'",
        "regions = 'maybe'",
        "key_scheme = 'ali-d'",
        "primary_key = x'00'",
        "secondary_key = x'00'",
    ] {
        meta.put_domain(&domain).await.unwrap();
        damage(&folder, &format!("update delivery_domains set {column}")).await;
        let read = meta.all_domains().await;
        let corrupt = matches!(read, Err(MetaError::Corrupt { table: "delivery_domains", .. }));
        assert!(corrupt, "{column}: {read:?}");
        damage(&folder, "update delivery_domains set host = 'cdn.example.com'").await;
    }
}
