//! Referer policies and their history.

use refgate::domain::setting::{ChangedBy, Way};
use refgate::meta::Reset;

use super::settings::extras;
use super::*;

fn rules(list: &[&str]) -> Vec<Pattern> {
    list.iter().map(|text| Pattern::read(text).unwrap()).collect()
}

fn allowing(rule: &str) -> Policy {
    Policy { allow: rules(&[rule]), ..Policy::default() }
}

async fn put_policy(meta: &dyn Meta, id: BucketId, policy: &Policy, keep: Keep) -> i64 {
    let put = meta.put_policy(id, Arc::new(policy.clone()), record(How::ApiPut, ""), keep).await;
    put.unwrap().unwrap().0
}

async fn numbers(meta: &dyn Meta, id: BucketId) -> Vec<i64> {
    let versions = meta.policy_versions(id, None, 1000).await.unwrap();
    versions.into_iter().map(|summary| summary.version.0).collect()
}

pub(super) async fn a_policy_comes_back_exactly(meta: &dyn Meta) {
    let id = bucket(meta, "policy").await;
    let list =
        rules(&["http://b", "http://a", "http://b", "*.例え.jp", "\"\\\u{1}\u{7f}😀'", "a b"]);
    let mut newest = 0;
    for empty in [EmptyReferer::Allow, EmptyReferer::Deny] {
        for compare in [Compare::WithQuery, Compare::WithPath, Compare::Origin] {
            for (allow, deny) in [(list.clone(), vec![]), (vec![], list.clone())] {
                let policy = Policy { empty, compare, allow, deny };
                newest += 1;
                assert_eq!(put_policy(meta, id, &policy, KEEP).await, newest);
                let found = find_bucket(meta, id).await;
                assert_eq!((found.policy, found.policy_version.0), (policy, newest));
            }
        }
    }
}

pub(super) async fn a_policy_of_a_million_rules_comes_back(meta: &dyn Meta) {
    let id = bucket(meta, "long").await;
    let rule = |n| Pattern::read(&format!("http://*.site-{n}.example/")).unwrap();
    let policy = Policy { allow: (0..1_000_000).map(rule).collect(), ..Policy::default() };
    let version = put_policy(meta, id, &policy, Keep { versions: 100, bytes: 1 }).await;
    assert!(find_bucket(meta, id).await.policy == policy);
    let (_, kept) = meta.policy_version(id, PolicyVersion(version)).await.unwrap().unwrap();
    assert!(kept == policy);
}

pub(super) async fn a_version_is_what_was_recorded(meta: &dyn Meta) {
    let id = bucket(meta, "recorded").await;
    let policies = [allowing("http://a"), Policy { deny: rules(&["é", "b"]), ..allowing("c") }];
    let records: Vec<Record> = How::ALL.iter().map(|how| record(*how, "a \"note\" of é")).collect();
    for (policy, recorded) in policies.iter().cycle().zip(&records) {
        let put = meta.put_policy(id, Arc::new(policy.clone()), recorded.clone(), KEEP).await;
        let version = put.unwrap().unwrap();
        let got = meta.policy_version(id, version).await.unwrap();
        assert_eq!(got, Some((recorded.clone(), policy.clone())));
    }
    let newest = i64::try_from(records.len()).unwrap();
    let all = meta.policy_versions(id, None, 1000).await.unwrap();
    let shown: Vec<Record> = all.iter().rev().map(|summary| summary.record.clone()).collect();
    assert_eq!(shown, records);
    let second = &all[all.len() - 2];
    assert_eq!((second.version.0, second.allow, second.deny, second.bytes), (2, 1, 2, 4));

    let page = meta.policy_versions(id, Some(PolicyVersion(newest)), 2).await.unwrap();
    let page: Vec<i64> = page.iter().map(|summary| summary.version.0).collect();
    assert_eq!(page, [newest - 1, newest - 2]);
    assert_eq!(meta.policy_version(id, PolicyVersion(newest + 1)).await.unwrap(), None);
    assert_eq!(meta.policy_version(id, PolicyVersion(0)).await.unwrap(), None);
}

pub(super) async fn a_bucket_has_its_own_history(meta: &dyn Meta) {
    let (one, two) = (bucket(meta, "one").await, bucket(meta, "two").await);
    assert_eq!(put_policy(meta, one, &allowing("a"), KEEP).await, 1);
    assert_eq!(put_policy(meta, one, &allowing("b"), KEEP).await, 2);
    assert_eq!(put_policy(meta, two, &allowing("c"), KEEP).await, 1);
    assert_eq!(find_bucket(meta, one).await.policy, allowing("b"));
    assert_eq!(meta.delete_bucket(one).await.unwrap(), DeletedBucket::Gone);
    assert_eq!(numbers(meta, one).await, [0; 0]);
    assert_eq!(numbers(meta, two).await, [1]);
}

pub(super) async fn history_is_bounded(meta: &dyn Meta) {
    let id = bucket(meta, "bounded").await;
    for n in 0..5 {
        put_policy(meta, id, &allowing(&format!("rule-{n}")), KEEP).await;
    }
    let few = Keep { versions: 3, ..KEEP };
    assert_eq!(put_policy(meta, id, &allowing("rule-5"), few).await, 6);
    assert_eq!(numbers(meta, id).await, [6, 5, 4]);
    // Of six bytes each, two fit.
    let small = Keep { bytes: 17, ..KEEP };
    assert_eq!(put_policy(meta, id, &allowing("rule-6"), small).await, 7);
    assert_eq!(numbers(meta, id).await, [7, 6]);
    let none = Keep { versions: 0, bytes: 0 };
    assert_eq!(put_policy(meta, id, &allowing("rule-7"), none).await, 8);
    assert_eq!(numbers(meta, id).await, [8], "the newest is always kept");
    assert_eq!(put_policy(meta, id, &allowing("rule-8"), none).await, 9, "numbers go on");
    assert_eq!(find_bucket(meta, id).await.policy, allowing("rule-8"));
}

pub(super) async fn a_reset_is_a_version_and_a_change(meta: &dyn Meta) {
    let id = bucket(meta, "reset").await;
    let (old, new) = (
        Extras { missing: MissingReferer::Deny, ..Extras::default() },
        Extras { mode: Mode::Monitor, ..Extras::default() },
    );
    let change = extras(&old, &new);
    let by = ChangedBy { at: NOW, who: "LTAI-1".parse().unwrap(), how: Way::Reset };
    let record = record(How::Reset, "");
    let reset =
        Reset { record: record.clone(), keep: KEEP, change: change.clone(), by: by.clone() };
    assert_eq!(put_policy(meta, id, &allowing("a"), KEEP).await, 1);
    let version = meta.reset_policy(id, reset.clone()).await.unwrap();
    assert_eq!(version, Some(PolicyVersion(2)));
    let found = find_bucket(meta, id).await;
    assert_eq!(
        (found.policy, found.policy_version, found.extras),
        (Policy::default(), PolicyVersion(2), new)
    );
    let got = meta.policy_version(id, PolicyVersion(2)).await.unwrap();
    assert_eq!(got, Some((record, Policy::default())));
    let changes = meta.setting_changes(id, None, 10).await.unwrap();
    let changes: Vec<_> = changes.into_iter().map(|it| (it.change, it.by)).collect();
    assert_eq!(changes, [(change, by)]);

    let nowhere = BucketId(i64::MAX);
    assert_eq!(meta.reset_policy(nowhere, reset).await.unwrap(), None);
    assert_eq!(numbers(meta, nowhere).await, [0; 0]);
    assert_eq!(meta.setting_changes(nowhere, None, 10).await.unwrap(), []);
}

/// Whoever writes at once, each gets a number of its own and the greatest is the policy.
pub(super) async fn concurrent_changes_are_one_history(meta: Arc<dyn Meta>) {
    let id = bucket(&*meta, "at-once").await;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..32 {
        let meta = Arc::clone(&meta);
        tasks.spawn(async move {
            let policy = allowing(&n.to_string());
            (put_policy(&*meta, id, &policy, KEEP).await, policy)
        });
    }
    let mut made = tasks.join_all().await;
    made.sort_by_key(|(version, _)| *version);
    let versions: Vec<i64> = made.iter().map(|(version, _)| *version).collect();
    assert_eq!(versions, (1..=32).collect::<Vec<_>>());
    assert_eq!(find_bucket(&*meta, id).await.policy, made.last().unwrap().1);
    for (version, policy) in made {
        let (_, kept) = meta.policy_version(id, PolicyVersion(version)).await.unwrap().unwrap();
        assert_eq!(kept, policy);
    }
}
