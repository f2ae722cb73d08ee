//! Buckets and their policies.

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
        extras: Extras::default(),
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
    let gone = meta.put_object(first, &key("k"), &object(&[(1, 1)]), Overwrite::Allow).await;
    assert_eq!(gone.unwrap(), Put::NoSuchBucket);
    assert_eq!(
        meta.set_bucket_acl(first, BucketAcl::Private).await.unwrap(),
        Changed::NoSuchBucket
    );
    let policy = meta.set_referer_policy(first, &Policy::default(), NOW).await;
    assert_eq!(policy.unwrap(), Changed::NoSuchBucket);
    let extras = meta.set_referer_extras(first, &Extras::default(), NOW).await;
    assert_eq!(extras.unwrap(), Changed::NoSuchBucket);
    assert_eq!(meta.bucket_usage(first).await.unwrap(), Usage::default());
    assert_eq!(meta.delete_objects(first, &[key("k")]).await.unwrap(), []);
}

pub(super) async fn a_bucket_with_objects_is_not_deleted(meta: &dyn Meta) {
    let id = bucket(meta, "full").await;
    put(meta, id, "k", &object(&[(1, 1)])).await;
    assert_eq!(meta.delete_bucket(id).await.unwrap(), DeletedBucket::NotEmpty);
    assert_eq!(meta.delete_objects(id, &[key("k")]).await.unwrap(), [blob(1)]);
    assert_eq!(meta.delete_bucket(id).await.unwrap(), DeletedBucket::Gone);
}

pub(super) async fn settings_are_replaced(meta: &dyn Meta) {
    let id = bucket(meta, "set").await;
    for acl in [BucketAcl::PublicReadWrite, BucketAcl::PublicRead, BucketAcl::Private] {
        assert_eq!(meta.set_bucket_acl(id, acl).await.unwrap(), Changed::Done);
        assert_eq!(find_bucket(meta, id).await.acl, acl);
    }
}

pub(super) async fn a_policy_comes_back_exactly(meta: &dyn Meta) {
    let id = bucket(meta, "policy").await;
    let patterns = |list: &[&str]| list.iter().map(|text| Pattern::read(text).unwrap()).collect();
    let list: Vec<Pattern> =
        patterns(&["http://b", "http://a", "http://b", "*.例え.jp", "\"\\\u{1}\u{7f}😀'", "a b"]);
    for empty in [EmptyReferer::Allow, EmptyReferer::Deny] {
        for compare in [Compare::WithQuery, Compare::WithPath, Compare::Origin] {
            for (allow, deny) in [(list.clone(), vec![]), (vec![], list.clone())] {
                let policy = Policy { empty, compare, allow, deny };
                let put = meta.set_referer_policy(id, &policy, NOW).await.unwrap();
                assert_eq!(put, Changed::Done);
                assert_eq!(find_bucket(meta, id).await.policy, policy);
            }
        }
    }
}

pub(super) async fn extras_come_back_and_outlive_policies(meta: &dyn Meta) {
    let id = bucket(meta, "extras").await;
    let denials = [
        DenialAnswer::Redirect("https://a.com/no.png?x".parse().unwrap()),
        DenialAnswer::Substitute(key("no/é '\".png")),
        DenialAnswer::Forbidden,
    ];
    for denial in denials {
        for &missing in MissingReferer::ALL {
            let (mode, host) = (Mode::Monitor, HostRule::Strict);
            let malformed = MalformedReferer::Deny;
            let extras = Extras { mode, host, missing, malformed, denial: denial.clone() };
            let set = meta.set_referer_extras(id, &extras, NOW).await.unwrap();
            assert_eq!(set, Changed::Done);
            meta.set_referer_policy(id, &Policy::default(), NOW).await.unwrap();
            assert_eq!(find_bucket(meta, id).await.extras, extras);
        }
    }
    meta.set_referer_extras(id, &Extras::default(), NOW).await.unwrap();
    assert!(find_bucket(meta, id).await.extras.is_default());
    assert_eq!(meta.delete_bucket(id).await.unwrap(), DeletedBucket::Gone);
}

pub(super) async fn a_policy_of_a_million_rules_comes_back(meta: &dyn Meta) {
    let id = bucket(meta, "long").await;
    let rule = |n| Pattern::read(&format!("http://*.site-{n}.example/")).unwrap();
    let policy = Policy { allow: (0..1_000_000).map(rule).collect(), ..Policy::default() };
    meta.set_referer_policy(id, &policy, NOW).await.unwrap();
    assert!(find_bucket(meta, id).await.policy == policy);
}
