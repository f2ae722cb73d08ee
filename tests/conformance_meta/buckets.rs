//! Buckets.

use super::*;

pub(super) async fn a_bucket_is_found_as_it_was_made(meta: &dyn Meta) {
    let name: BucketName = "one".parse().unwrap();
    let create = || meta.create_bucket(&name, BucketAcl::PublicRead, StorageClass::IA, NOW);
    let Created::New(made) = create().await.unwrap() else { panic!("it is new") };
    assert_eq!(create().await.unwrap(), Created::Exists);
    let want = Bucket {
        id: made.id,
        name: name.clone(),
        created: NOW,
        acl: BucketAcl::PublicRead,
        storage_class: StorageClass::IA,
        policy: Policy::default(),
        policy_version: PolicyVersion::default(),
        extras: Extras::default(),
        policy_document: None,
        referer_max_bytes: None,
        cors: None,
    };
    assert_eq!(made, want);
    assert_eq!(meta.all_buckets().await.unwrap(), [want]);
}

pub(super) async fn a_bucket_id_is_never_used_again(meta: &dyn Meta) {
    let first = bucket(meta, "again").await;
    assert_eq!(meta.delete_bucket(first).await.unwrap(), DeletedBucket::Gone);
    assert_eq!(meta.delete_bucket(first).await.unwrap(), DeletedBucket::NoSuchBucket);
    let second = bucket(meta, "again").await;
    assert_ne!(first, second);
    let object = object(&[(1, 1)]);
    let version = NewVersion::own(&object, Overwrite::Allow);
    let gone = meta.put_object(first, &key("k"), version).await;
    assert_eq!(gone.unwrap(), Put::NoSuchBucket);
    let policy = meta.put_policy(first, Policy::default().into(), record(How::Reset, ""), KEEP);
    assert_eq!(policy.await.unwrap(), None);
    let monitor = Extras { mode: Mode::Monitor, ..Extras::default() };
    for change in [
        settings::acl(BucketAcl::Private, BucketAcl::PublicRead),
        settings::extras(&Extras::default(), &monitor),
        settings::limit(None, Some(1)),
    ] {
        assert_eq!(settings::change(meta, first, change).await, Changed::NoSuchBucket);
    }
    let rules = Some(Arc::new(cors_rules(VaryOrigin::Never)));
    assert_eq!(meta.set_bucket_cors(first, rules, NOW).await.unwrap(), Changed::NoSuchBucket);
    assert_eq!(meta.set_bucket_cors(first, None, NOW).await.unwrap(), Changed::NoSuchBucket);
    assert_eq!(meta.bucket_usage(first).await.unwrap(), Usage::default());
    assert_eq!(meta.delete_objects(first, &[key("k")]).await.unwrap().unnamed, []);
}

pub(super) async fn a_bucket_with_objects_is_not_deleted(meta: &dyn Meta) {
    let id = bucket(meta, "full").await;
    put(meta, id, "k", &object(&[(1, 1)])).await;
    assert_eq!(meta.delete_bucket(id).await.unwrap(), DeletedBucket::NotEmpty);
    assert_eq!(meta.delete_objects(id, &[key("k")]).await.unwrap().unnamed, [blob(1)]);
    assert_eq!(meta.delete_bucket(id).await.unwrap(), DeletedBucket::Gone);
}

fn cors_rules(vary: VaryOrigin) -> CorsRules {
    let texts = CorsRule {
        origins: vec!["https://*.a.com".parse().unwrap(), "http://例え.jp".parse().unwrap()],
        methods: CorsMethod::ALL.to_vec(),
        headers: vec!["x-oss-*".parse().unwrap(), "Authorization".parse().unwrap()],
        exposed: vec!["ETag".parse().unwrap()],
        max_age: MaxAge::new(100),
    };
    let plain = CorsRule {
        origins: vec!["*".parse().unwrap()],
        methods: vec![CorsMethod::Get],
        headers: vec![],
        exposed: vec![],
        max_age: None,
    };
    CorsRules::new(vec![texts, plain], vary).unwrap()
}

pub(super) async fn cors_rules_come_back_exactly(meta: &dyn Meta) {
    let id = bucket(meta, "cors").await;
    assert_eq!(meta.bucket_cors(id).await.unwrap(), None);
    for rules in [Some(VaryOrigin::Never), None, None, Some(VaryOrigin::Always)] {
        let rules = rules.map(cors_rules);
        let set = meta.set_bucket_cors(id, rules.clone().map(Arc::new), NOW).await.unwrap();
        assert_eq!(set, Changed::Done);
        assert_eq!(meta.bucket_cors(id).await.unwrap(), rules);
        assert_eq!(find_bucket(meta, id).await.cors, rules);
    }
    assert_eq!(meta.delete_bucket(id).await.unwrap(), DeletedBucket::Gone);
    assert_eq!(meta.bucket_cors(id).await.unwrap(), None);
}
