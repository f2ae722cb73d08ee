//! Delivery domains.

use refgate::domain::delivery::{
    Application, ClientNet, Count, DirectAccess, ErrorHeader, Issue, KeyEnd, OriginAccess, Outcome,
    Playlists, RefererCheck, Refusal, Seat, Tally, Terms,
};
use refgate::domain::name::DomainId;
use refgate::domain::seal::Sealed;
use refgate::domain::stats::{Batch, Day, Hour};
use refgate::domain::urlsign::{
    Algorithm, Choices, Form, LinkId, Profile, Regions, Scheme, TimeForm,
};
use refgate::meta::{DeliveryDomain, PutDomain, StoredApplication};

use super::*;

/// A domain with every setting away from its default.
fn domain(id: u128, host: &str, bucket: BucketId) -> DeliveryDomain {
    let choices = Choices {
        validity: Some(1),
        tolerance: Some(2),
        max_future: Some(u32::MAX),
        time: Some(TimeForm::UpperHex),
        algorithm: Some(Algorithm::Sha256),
        form: Some(Form::Path),
        names: vec![("sign".into(), "s".into()), ("t".into(), "é\"".into())],
        profile: Some(Profile::Compat),
        us_length: Some(64),
        regions: Regions::Known,
        expression: Some("$uri $secret".into()),
        ..Choices::new(Scheme::Nginx)
    };
    let sealed = |byte| Sealed::from_bytes(&[byte; 40]);
    DeliveryDomain {
        id: DomainId(Uuid::from_u128(id)),
        host: host.parse().unwrap(),
        bucket,
        created: NOW,
        updated: UnixMillis(NOW.0 + 1),
        terms: Terms {
            prefix: "video/中/".parse().unwrap(),
            signing: Some(choices),
            referer: RefererCheck::Off,
            origin: OriginAccess::ByAcl,
            direct: DirectAccess::SignedOnly,
            errors: ErrorHeader::Hidden,
            playlists: Playlists::SignedHost,
            issue: Issue::new(Some(7), 8, 9).unwrap(),
        },
        key_scheme: Some(Scheme::AliF),
        primary: sealed(1),
        secondary: sealed(2),
    }
}

pub(super) async fn a_domain_comes_back_exactly(meta: &dyn Meta) {
    let id = bucket(meta, "served").await;
    let full = domain(1, "cdn.example.com", id);
    assert_eq!(meta.put_domain(&full).await.unwrap(), PutDomain::Done);
    assert_eq!(meta.find_domain(&full.host).await.unwrap().as_ref(), Some(&full));
    let plain = DeliveryDomain {
        terms: Terms::default(),
        key_scheme: None,
        primary: None,
        secondary: None,
        ..domain(2, "plain.example.com", id)
    };
    assert_eq!(meta.put_domain(&plain).await.unwrap(), PutDomain::Done);
    // Keys outlive the scheme.
    let kept = DeliveryDomain { terms: Terms::default(), ..full.clone() };
    assert_eq!(meta.put_domain(&kept).await.unwrap(), PutDomain::Done);
    let mut all = meta.all_domains().await.unwrap();
    all.sort_by_key(|domain| domain.id);
    assert_eq!(all, [kept.clone(), plain]);
    assert!(meta.delete_domain(kept.id).await.unwrap());
    assert!(!meta.delete_domain(kept.id).await.unwrap());
    assert_eq!(meta.find_domain(&kept.host).await.unwrap(), None);
}

pub(super) async fn a_host_is_of_one_domain(meta: &dyn Meta) {
    let id = bucket(meta, "taken").await;
    let (first, second) = (domain(1, "a.example.com", id), domain(2, "a.example.com", id));
    assert_eq!(meta.put_domain(&first).await.unwrap(), PutDomain::Done);
    assert_eq!(meta.put_domain(&second).await.unwrap(), PutDomain::HostTaken);
    assert_eq!(meta.all_domains().await.unwrap(), [first]);
    let nowhere = domain(3, "b.example.com", BucketId(id.0 + 1));
    assert_eq!(meta.put_domain(&nowhere).await.unwrap(), PutDomain::NoSuchBucket);
}

pub(super) async fn a_bucket_that_is_served_is_not_deleted(meta: &dyn Meta) {
    let id = bucket(meta, "kept").await;
    let domain = domain(1, "a.example.com", id);
    meta.put_domain(&domain).await.unwrap();
    assert_eq!(meta.delete_bucket(id).await.unwrap(), DeletedBucket::Served);
    assert!(meta.delete_domain(domain.id).await.unwrap());
    assert_eq!(meta.delete_bucket(id).await.unwrap(), DeletedBucket::Gone);
}

pub(super) async fn tallies_add_up_and_go_with_their_domain(meta: &dyn Meta) {
    let id = bucket(meta, "tallied").await;
    let domain = domain(1, "a.example.com", id);
    meta.put_domain(&domain).await.unwrap();
    let tally = |day, outcome: Outcome, requests, latest| Tally {
        day: Day(day),
        outcome,
        count: Count { requests, latest: UnixMillis(latest) },
    };
    let verified = || Outcome::Verified("0123abcd".into());
    let refused = || Outcome::Refused(Refusal::Expired);
    let add = async |number, tallies: Vec<Tally>| {
        let tallies = tallies.into_iter().map(|tally| (domain.id, tally)).collect();
        let writer = Uuid::from_u128(9);
        let batch = Batch { writer, number, ledgers: Vec::new(), tallies };
        meta.add_stats(Arc::new(batch)).await.unwrap();
    };
    let first =
        [tally(1, verified(), 3, 20), tally(1, refused(), 1, 5), tally(2, Outcome::Open, 1, 1)];
    add(1, first.to_vec()).await;
    add(1, first.to_vec()).await;
    add(2, vec![tally(1, verified(), 2, 10), tally(2, verified(), 1, 30)]).await;
    let found = async |first| {
        let mut found = meta.tallies_of(domain.id, Day(first)).await.unwrap();
        found.sort_by(|a, b| (a.day, &a.outcome).cmp(&(b.day, &b.outcome)));
        found
    };
    let second = [tally(2, verified(), 1, 30), tally(2, Outcome::Open, 1, 1)];
    let all = [vec![tally(1, verified(), 5, 20), tally(1, refused(), 1, 5)], second.to_vec()];
    assert_eq!(found(0).await, all.concat());
    assert_eq!(found(2).await, second);
    meta.prune_stats(Day(2), Hour(0)).await.unwrap();
    assert_eq!(found(0).await, second);
    assert!(meta.delete_domain(domain.id).await.unwrap());
    assert_eq!(found(0).await, []);
    add(3, first.to_vec()).await;
    assert_eq!(found(0).await, [], "a domain that is gone is not counted");
}

pub(super) async fn seats_come_back_until_their_link_ends(meta: &dyn Meta) {
    let id = bucket(meta, "seated").await;
    let domain = domain(1, "a.example.com", id);
    meta.put_domain(&domain).await.unwrap();
    let seat = |link, client: &str, until| Seat {
        domain: domain.id,
        link: LinkId([link; 16]),
        client: ClientNet::of(client.parse().unwrap()),
        until,
    };
    let (four, six) = (seat(1, "192.0.2.1", 50), seat(1, "2001:db8::1", 50));
    let late = seat(2, "192.0.2.1", i64::MAX);
    for seat in [&four, &six, &late, &four] {
        meta.put_seat(seat).await.unwrap();
    }
    let gone = Seat { domain: DomainId(Uuid::from_u128(2)), ..four };
    meta.put_seat(&gone).await.unwrap();
    let found = async |now| {
        let mut found = meta.seats(now).await.unwrap();
        found.sort_by_key(|seat| (seat.link, seat.client));
        found
    };
    assert_eq!(found(50).await, [four, six, late]);
    assert_eq!(found(51).await, [late]);
    meta.prune_seats(50).await.unwrap();
    assert_eq!(found(0).await.len(), 3);
    meta.prune_seats(51).await.unwrap();
    assert_eq!(found(0).await, [late]);
    // A link that ends later keeps all of its clients.
    let (before, after) = (seat(3, "192.0.2.1", 70), seat(3, "192.0.2.2", 90));
    for seat in [&before, &after] {
        meta.put_seat(seat).await.unwrap();
    }
    assert_eq!(found(0).await, [late, Seat { until: 90, ..before }, after]);
    meta.put_seat(&before).await.unwrap();
    assert_eq!(found(90).await.len(), 3, "and not shorter again");
    assert!(meta.delete_domain(domain.id).await.unwrap());
    assert_eq!(found(0).await, []);
}

pub(super) async fn the_last_end_of_a_key_stays_until_then(meta: &dyn Meta) {
    let id = bucket(meta, "ended").await;
    let domain = domain(1, "a.example.com", id);
    meta.put_domain(&domain).await.unwrap();
    let end = |key: &str, until| KeyEnd { domain: domain.id, key: key.into(), until };
    let gone = KeyEnd { domain: DomainId(Uuid::from_u128(2)), ..end("aa", 70) };
    meta.put_key_ends(vec![end("aa", 50), end("bb", i64::MAX), gone.clone()]).await.unwrap();
    meta.put_key_ends(vec![end("aa", 60), end("aa", 40)]).await.unwrap();
    let found = async |key: &str| meta.key_end(domain.id, key).await.unwrap();
    assert_eq!((found("aa").await, found("bb").await), (Some(60), Some(i64::MAX)));
    assert_eq!(found("cc").await, None);
    assert_eq!(meta.key_end(gone.domain, "aa").await.unwrap(), None);
    meta.prune_key_ends(60).await.unwrap();
    assert_eq!(found("aa").await, Some(60));
    meta.prune_key_ends(61).await.unwrap();
    assert_eq!((found("aa").await, found("bb").await), (None, Some(i64::MAX)));
    assert!(meta.delete_domain(domain.id).await.unwrap());
    assert_eq!(found("bb").await, None);
}

pub(super) async fn an_application_comes_back_exactly(meta: &dyn Meta) {
    let made = |name: &str, digest, scopes: &[&str]| StoredApplication {
        application: Application {
            name: name.parse().unwrap(),
            scopes: scopes.iter().map(|scope| scope.parse().unwrap()).collect(),
            per_minute: 1_000_000,
            created: NOW,
        },
        digest: [digest; 32],
    };
    let one = made("one", 1, &["cdn.example.com/a/", "b.example.com"]);
    let two = made("two", 2, &[]);
    assert!(meta.create_application(&one).await.unwrap());
    assert!(meta.create_application(&two).await.unwrap());
    assert!(!meta.create_application(&made("one", 3, &[])).await.unwrap(), "the name is taken");
    let mut all = meta.all_applications().await.unwrap();
    all.sort_by_key(|application| application.digest);
    assert_eq!(all, [one.clone(), two.clone()]);
    assert!(meta.delete_application(&one.application.name).await.unwrap());
    assert!(!meta.delete_application(&one.application.name).await.unwrap());
    assert_eq!(meta.all_applications().await.unwrap(), [two]);
}
