//! What decides beside policies, and the records of its changes.

use refgate::domain::setting::{Change, ChangeNumber, ChangedBy, RecordedChange, Swap, Way};
use refgate::meta::StoredSettings;

use super::*;

/// More than any test of something else makes.
const ALL: u32 = 1000;

pub(super) fn acl(old: BucketAcl, new: BucketAcl) -> Change {
    Change::Acl(Swap { old, new })
}

pub(super) fn extras(old: &Extras, new: &Extras) -> Change {
    Change::Referer(Box::new(Swap { old: old.clone(), new: new.clone() }))
}

pub(super) fn limit(old: Option<u32>, new: Option<u32>) -> Change {
    Change::RefererLimit(Swap { old, new })
}

pub(super) async fn change(meta: &dyn Meta, id: BucketId, change: Change) -> Changed {
    meta.change_setting(id, change, by(Way::Api), ALL).await.unwrap()
}

fn by(how: Way) -> ChangedBy {
    ChangedBy { at: NOW, who: "LTAI-1".parse().unwrap(), how }
}

async fn changes(meta: &dyn Meta, id: BucketId) -> Vec<Change> {
    let all = meta.setting_changes(id, None, ALL).await.unwrap();
    all.into_iter().map(|recorded| recorded.change).collect()
}

pub(super) async fn settings_are_replaced(meta: &dyn Meta) {
    let id = bucket(meta, "set").await;
    let mut old = BucketAcl::Private;
    for new in [BucketAcl::PublicReadWrite, BucketAcl::PublicRead, BucketAcl::Private] {
        assert_eq!(change(meta, id, acl(old, new)).await, Changed::Done);
        assert_eq!(find_bucket(meta, id).await.acl, new);
        old = new;
    }
    let mut old = None;
    for new in [Some(64 << 20), Some(0), None] {
        assert_eq!(change(meta, id, limit(old, new)).await, Changed::Done);
        let found = find_bucket(meta, id).await;
        assert_eq!(found.referer_max_bytes, new);
        let StoredSettings { acl, extras, referer_max_bytes } =
            meta.settings_of(id).await.unwrap().unwrap();
        assert_eq!((acl, extras), (found.acl, found.extras));
        assert_eq!(referer_max_bytes, new);
        old = new;
    }
}

pub(super) async fn extras_come_back_and_outlive_policies(meta: &dyn Meta) {
    let id = bucket(meta, "extras").await;
    let denials = [
        DenialAnswer::Redirect("https://a.com/no.png?x".parse().unwrap()),
        DenialAnswer::Substitute(key("no/é '\".png")),
        DenialAnswer::Forbidden,
    ];
    let mut old = Extras::default();
    for denial in denials {
        for &missing in MissingReferer::ALL {
            let (mode, host) = (Mode::Monitor, HostRule::Strict);
            let malformed = MalformedReferer::Deny;
            let new = Extras { mode, host, missing, malformed, denial: denial.clone() };
            assert_eq!(change(meta, id, extras(&old, &new)).await, Changed::Done);
            let reset = record(How::Reset, "");
            meta.put_policy(id, Policy::default().into(), reset, KEEP).await.unwrap();
            assert_eq!(find_bucket(meta, id).await.extras, new);
            assert_eq!(changes(meta, id).await[0], extras(&old, &new));
            old = new;
        }
    }
    change(meta, id, extras(&old, &Extras::default())).await;
    assert!(find_bucket(meta, id).await.extras.is_default());
    assert_eq!(meta.settings_of(id).await.unwrap().unwrap().extras, Extras::default());
    assert_eq!(meta.delete_bucket(id).await.unwrap(), DeletedBucket::Gone);
    assert_eq!(meta.settings_of(id).await.unwrap(), None);
    assert_eq!(changes(meta, id).await, [], "the records go with the bucket");
}

pub(super) async fn a_change_is_recorded_with_who_made_it(meta: &dyn Meta) {
    use BucketAcl::{Private, PublicRead};
    let (id, other) = (bucket(meta, "told").await, bucket(meta, "other").await);
    let made = [
        (acl(Private, PublicRead), Way::PutBucketAcl),
        (limit(None, Some(7)), Way::Api),
        (extras(&Extras::default(), &Extras::default()), Way::Reset),
        (acl(PublicRead, Private), Way::PutBucket),
    ];
    for (change, how) in &made {
        let changed = meta.change_setting(id, change.clone(), by(*how), ALL).await;
        assert_eq!(changed.unwrap(), Changed::Done);
        self::change(meta, other, limit(None, Some(1))).await;
    }
    let all = meta.setting_changes(id, None, ALL).await.unwrap();
    let shown: Vec<_> = all.iter().map(|it| (it.change.clone(), it.by.clone())).collect();
    let of = |place: usize| (made[place].0.clone(), by(made[place].1));
    assert_eq!(shown, [of(3), of(1), of(0)], "what is the same is not recorded");
    assert!(all.is_sorted_by(|a, b| a.number > b.number));

    let page = |before, limit| meta.setting_changes(id, before, limit);
    let numbers = |page: Vec<RecordedChange>| page.iter().map(|it| it.number).collect::<Vec<_>>();
    let [last, middle, first] = [0, 1, 2].map(|place: usize| all[place].number);
    assert_eq!(numbers(page(None, 2).await.unwrap()), [last, middle]);
    assert_eq!(numbers(page(Some(middle), 2).await.unwrap()), [first]);
    assert_eq!(page(Some(ChangeNumber(0)), 2).await.unwrap(), []);
}

pub(super) async fn records_are_bounded(meta: &dyn Meta) {
    let (id, other) = (bucket(meta, "bounded").await, bucket(meta, "unbounded").await);
    for n in 0..20_u32 {
        change(meta, other, limit(Some(n), Some(n + 1))).await;
        let changed = limit(Some(n), Some(n + 1));
        meta.change_setting(id, changed, by(Way::Api), 3).await.unwrap();
    }
    let newest = [19, 18, 17].map(|n| limit(Some(n), Some(n + 1)));
    assert_eq!(changes(meta, id).await, newest);
    assert_eq!(changes(meta, other).await.len(), 20);
    meta.change_setting(id, limit(None, Some(1)), by(Way::Api), 0).await.unwrap();
    assert_eq!(changes(meta, id).await, []);
}
