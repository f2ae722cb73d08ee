//! Users, their keys and policies, and the policies of buckets.

use std::collections::BTreeSet;

use refgate::domain::iam::{Kind, PolicyDocument, PolicyName, UserName};
use refgate::domain::name::AccessKeyId;
use refgate::domain::seal::{Cell, KeyVersion, Keyring, MasterKey};
use refgate::meta::iam::{Directory, IamChange, IamChanged, NewKey};

use super::*;

fn user(name: &str) -> UserName {
    name.parse().unwrap()
}

fn id(id: &str) -> AccessKeyId {
    id.parse().unwrap()
}

fn policy(name: &str) -> PolicyName {
    name.parse().unwrap()
}

/// A key that is sealed under that version of a master key.
fn new_key(id: &str, version: u32) -> NewKey {
    let ring = Keyring::new([(KeyVersion(version), MasterKey::new([7; 32].into()))]).unwrap();
    let cell = Cell { table: "access_keys", column: "secret", row: id };
    NewKey { id: id.parse().unwrap(), secret: ring.seal(cell, id.as_bytes(), [1; 12]) }
}

fn document(action: &str, kind: Kind) -> Arc<PolicyDocument> {
    let principal = if kind == Kind::Bucket { r#""Principal": "*","# } else { "" };
    let text = format!(
        r#"{{"Version": "1", "Statement": {{"Effect": "Deny", {principal} "Action": "{action}", "Resource": "*"}}}}"#
    );
    Arc::new(PolicyDocument::parse(&text, kind).unwrap())
}

async fn change(meta: &dyn Meta, change: IamChange) -> IamChanged {
    meta.change_iam(change, NOW).await.unwrap()
}

/// The keys of all users with whether they may be used, in the order of their ids.
async fn keys(meta: &dyn Meta) -> Vec<(String, bool)> {
    let Directory { keys, .. } = meta.directory().await.unwrap();
    let mut keys: Vec<_> = keys.iter().map(|key| (key.id.to_string(), key.enabled)).collect();
    keys.sort();
    keys
}

pub(super) async fn what_was_put_comes_back(meta: &dyn Meta) {
    assert_eq!(meta.directory().await.unwrap(), Directory::default());
    let (alice, read) = (user("alice"), policy("read"));
    let made = document("oss:Get*", Kind::User);
    let key = new_key("LTAI1", 3);
    for wanted in [
        IamChange::CreateUser(alice.clone()),
        IamChange::CreateKey(alice.clone(), key.clone()),
        IamChange::PutPolicy(read.clone(), document("oss:Put*", Kind::User)),
        IamChange::PutPolicy(read.clone(), made.clone()),
        IamChange::Attach(alice.clone(), read.clone()),
        IamChange::Attach(alice.clone(), read.clone()),
    ] {
        assert_eq!(change(meta, wanted.clone()).await, IamChanged::Done, "{wanted:?}");
    }
    let Directory { users, keys, policies, attached } = meta.directory().await.unwrap();
    assert_eq!((users.len(), keys.len(), policies.len(), attached.len()), (1, 1, 1, 1));
    assert_eq!((&users[0].name, users[0].created), (&alice, NOW));
    assert_eq!((&keys[0].id, &keys[0].secret, keys[0].enabled), (&key.id, &key.secret, true));
    assert_eq!((keys[0].user, keys[0].created), (users[0].id, NOW));
    assert_eq!(
        (&policies[0].name, &policies[0].document, policies[0].updated),
        (&read, &made, NOW)
    );
    assert_eq!(attached, [(users[0].id, read)]);
    let versions = meta.master_keys_in_use().await.unwrap();
    assert_eq!(versions, BTreeSet::from([KeyVersion(3)]));
}

pub(super) async fn a_user_takes_what_it_has_with_it(meta: &dyn Meta) {
    let (alice, read) = (user("alice"), policy("read"));
    for wanted in [
        IamChange::CreateUser(alice.clone()),
        IamChange::CreateKey(alice.clone(), new_key("LTAI1", 1)),
        IamChange::PutPolicy(read.clone(), document("*", Kind::User)),
        IamChange::Attach(alice.clone(), read.clone()),
    ] {
        assert_eq!(change(meta, wanted).await, IamChanged::Done);
    }
    let first = meta.directory().await.unwrap().users[0].id;
    assert_eq!(change(meta, IamChange::CreateUser(alice.clone())).await, IamChanged::Exists);
    assert_eq!(change(meta, IamChange::DeletePolicy(read.clone())).await, IamChanged::InUse);
    assert_eq!(change(meta, IamChange::DeleteUser(alice.clone())).await, IamChanged::Done);
    assert_eq!(change(meta, IamChange::DeleteUser(alice.clone())).await, IamChanged::NoSuchUser);
    assert_eq!(change(meta, IamChange::CreateUser(alice)).await, IamChanged::Done);
    let Directory { users, keys, attached, .. } = meta.directory().await.unwrap();
    assert_eq!((keys.len(), attached.len()), (0, 0));
    assert_ne!(users[0].id, first, "a number is never used twice");
    assert_eq!(change(meta, IamChange::DeletePolicy(read.clone())).await, IamChanged::Done);
    assert_eq!(change(meta, IamChange::DeletePolicy(read)).await, IamChanged::NoSuchPolicy);
}

pub(super) async fn a_user_has_two_keys_at_most(meta: &dyn Meta) {
    let (alice, bob) = (user("alice"), user("bob"));
    let create = |user: &UserName, id: &str| IamChange::CreateKey(user.clone(), new_key(id, 1));
    assert_eq!(change(meta, create(&alice, "A1")).await, IamChanged::NoSuchUser);
    for name in [&alice, &bob] {
        assert_eq!(change(meta, IamChange::CreateUser(name.clone())).await, IamChanged::Done);
    }
    for (key, want) in
        [("A1", IamChanged::Done), ("A2", IamChanged::Done), ("A3", IamChanged::TooMany)]
    {
        assert_eq!(change(meta, create(&alice, key)).await, want, "{key}");
    }
    // A key is its user's, and nobody reaches it by another.
    for wanted in [
        IamChange::DeleteKey(bob.clone(), id("A1")),
        IamChange::EnableKey(bob.clone(), id("A1"), false),
        IamChange::RotateKey(bob.clone(), id("A1"), new_key("B1", 1)),
    ] {
        assert_eq!(change(meta, wanted).await, IamChanged::NoSuchKey);
    }
    assert_eq!(keys(meta).await, [("A1".into(), true), ("A2".into(), true)]);
    let disable = IamChange::EnableKey(alice.clone(), id("A1"), false);
    assert_eq!(change(meta, disable).await, IamChanged::Done);
    assert_eq!(keys(meta).await, [("A1".into(), false), ("A2".into(), true)]);
    assert_eq!(change(meta, IamChange::DeleteKey(alice, id("A2"))).await, IamChanged::Done);
    assert_eq!(keys(meta).await, [("A1".into(), false)]);
}

pub(super) async fn a_rotated_key_is_disabled(meta: &dyn Meta) {
    let alice = user("alice");
    let rotate =
        |old: &str, new: &str| IamChange::RotateKey(alice.clone(), id(old), new_key(new, 1));
    for wanted in [
        IamChange::CreateUser(alice.clone()),
        IamChange::CreateKey(alice.clone(), new_key("A1", 1)),
    ] {
        assert_eq!(change(meta, wanted).await, IamChanged::Done);
    }
    assert_eq!(change(meta, rotate("A0", "A2")).await, IamChanged::NoSuchKey);
    assert_eq!(change(meta, rotate("A1", "A2")).await, IamChanged::Done);
    assert_eq!(keys(meta).await, [("A1".into(), false), ("A2".into(), true)]);
    // The one that was disabled before makes room.
    assert_eq!(change(meta, rotate("A2", "A3")).await, IamChanged::Done);
    assert_eq!(keys(meta).await, [("A2".into(), false), ("A3".into(), true)]);
    // One that is in use does not.
    let enable = IamChange::EnableKey(alice.clone(), id("A2"), true);
    assert_eq!(change(meta, enable).await, IamChanged::Done);
    assert_eq!(change(meta, rotate("A3", "A4")).await, IamChanged::TooMany);
    assert_eq!(keys(meta).await, [("A2".into(), true), ("A3".into(), true)]);
}

pub(super) async fn a_user_has_so_many_policies(meta: &dyn Meta) {
    let alice = user("alice");
    assert_eq!(change(meta, IamChange::CreateUser(alice.clone())).await, IamChanged::Done);
    for number in 0..=20 {
        let name = policy(&format!("p{number}"));
        let put = IamChange::PutPolicy(name.clone(), document("*", Kind::User));
        assert_eq!(change(meta, put).await, IamChanged::Done);
        let want = if number < 20 { IamChanged::Done } else { IamChanged::TooMany };
        assert_eq!(change(meta, IamChange::Attach(alice.clone(), name)).await, want, "{number}");
    }
    let first = policy("p0");
    for _ in 0..2 {
        let detach = IamChange::Detach(alice.clone(), first.clone());
        assert_eq!(change(meta, detach).await, IamChanged::Done);
    }
    assert_eq!(
        change(meta, IamChange::Attach(alice.clone(), policy("p20"))).await,
        IamChanged::Done
    );
    let missing = policy("missing");
    for wanted in
        [IamChange::Attach(alice.clone(), missing.clone()), IamChange::Detach(alice, missing)]
    {
        assert_eq!(change(meta, wanted).await, IamChanged::NoSuchPolicy);
    }
    let nobody = IamChange::Attach(user("nobody"), first);
    assert_eq!(change(meta, nobody).await, IamChanged::NoSuchUser);
}

pub(super) async fn a_bucket_has_one_policy(meta: &dyn Meta) {
    let id = bucket(meta, "photos").await;
    let own = async || find_bucket(meta, id).await.policy_document;
    for wanted in
        [Some(document("oss:Get*", Kind::Bucket)), Some(document("*", Kind::Bucket)), None]
    {
        let put = meta.set_bucket_policy(id, wanted.clone(), NOW).await.unwrap();
        assert_eq!((put, own().await), (Changed::Done, wanted.clone()));
        assert_eq!(meta.bucket_policy(id).await.unwrap(), wanted);
    }
    assert_eq!(meta.set_bucket_policy(id, None, NOW).await.unwrap(), Changed::Done);
    meta.set_bucket_policy(id, Some(document("*", Kind::Bucket)), NOW).await.unwrap();
    assert_eq!(meta.delete_bucket(id).await.unwrap(), DeletedBucket::Gone);
    for wanted in [Some(document("*", Kind::Bucket)), None] {
        let put = meta.set_bucket_policy(id, wanted, NOW).await.unwrap();
        assert_eq!(put, Changed::NoSuchBucket);
    }
}
