//! A link that is known again is one that would be verified.

use std::net::IpAddr;

use refgate::domain::secret::SecretKey;
use refgate::domain::time::UnixMillis;
use refgate::domain::urlsign::{
    Child, Choices, Link, Parent, Profile, Request, Scheme, Settings, Slot, Target, Verified, sign,
    verify,
};

use super::support::{ANY, CLIENT, NOW, all_settings, link, plain, request, settings, with_key};

const AT: UnixMillis = UnixMillis::from_secs(NOW);

/// What is kept of a request that is verified.
fn kept(settings: &Settings, request: &Request<'_>) -> Option<Verified> {
    let mut kept = Verified::default();
    let pass = verify(settings, request, AT).unwrap();
    kept.keep(request, &pass, AT).then_some(kept)
}

#[test]
fn the_same_request_is_known_as_long_as_its_link_is_good() {
    for settings in all_settings() {
        let scheme = settings.scheme();
        let target = link(&settings, "/v/a.mp4");
        let same = request(&target);
        let kept = kept(&settings, &same).unwrap();
        let until = verify(&settings, &same, AT).unwrap().until;
        for now in [AT, UnixMillis::from_secs(NOW + 1), UnixMillis(until * 1000 + 999)] {
            let verified = verify(&settings, &same, now).unwrap();
            assert_eq!(kept.again(&same, now), Some(verified), "{scheme} at {now:?}");
        }
        assert_eq!(kept.again(&same, UnixMillis::from_secs(until + 1)), None, "{scheme}: ended");
        assert_eq!(kept.again(&same, UnixMillis(AT.0 - 1)), None, "{scheme}: the clock went back");
        assert_eq!(Verified::default().again(&same, AT), None, "{scheme}: nothing was kept");
    }
}

#[test]
fn another_request_is_not_known() {
    for settings in all_settings() {
        let scheme = settings.scheme();
        let target = link(&settings, "/v/a.mp4");
        let kept = kept(&settings, &request(&target)).unwrap();
        let other_path = target.replace("a.mp4", "b.mp4");
        let (longer, shorter) = (format!("{target}0"), &target[..target.len() - 1]);
        let (more, empty) = (format!("{target}&x=1"), format!("{target}?"));
        for other in [&other_path, &longer, shorter, &more, &empty, "/v/a.mp4", "/v/a.mp4?", ""] {
            assert_eq!(kept.again(&request(other), AT), None, "{scheme}: {other}");
        }
        let same = request(&target);
        let head = Request { method: "HEAD", ..same };
        assert_eq!(kept.again(&head, AT), None, "{scheme}: HEAD");
        for client in [None, Some(IpAddr::from([192, 0, 2, 8])), Some("::1".parse().unwrap())] {
            assert_eq!(kept.again(&Request { client, ..same }, AT), None, "{scheme}: {client:?}");
        }
    }
}

/// It was found by a HEAD, is long, or leaves more to be done than to give an object.
#[test]
fn what_is_more_than_a_get_of_a_file_is_not_kept() {
    let own = settings(Scheme::Refgate, ANY);
    let mut choices = Choices::new(Scheme::TencentVod);
    choices.profile = Some(Profile::Compat);
    let vod = with_key(choices, ANY);
    let made = |settings: &Settings, target: &str, choose: &dyn Fn(&mut Link<'_>)| {
        let mut link = plain(settings, target);
        choose(&mut link);
        sign(settings, &link, AT).unwrap().target
    };
    // 1 024 bytes are kept, with the signature.
    let added = link(&own, "/v/").len();
    let path = |length: usize| format!("/v/{}", "a".repeat(length - added));
    let (fits, long) = (path(1024), path(1025));
    assert!(kept(&own, &request(&link(&own, &fits))).is_some());
    #[rustfmt::skip]
    let table = [
        ("a limit of clients", &own, made(&own, "/v/a.mp4", &|link| link.clients = Some(2)), "GET"),
        ("a limit of clients", &vod, made(&vod, "/v/a.mp4", &|link| link.clients = Some(2)), "GET"),
        ("a preview", &vod, made(&vod, "/v/a.mp4", &|link| link.preview = Some(60)), "GET"),
        ("a rest of the query", &own, made(&own, "/v/a.mp4?x=1", &|_| ()), "GET"),
        ("a list", &vod, made(&vod, "/v/a.mp4", &|link| link.lists.whref = Some("a.com")), "GET"),
        ("a long path", &own, made(&own, &long, &|_| ()), "GET"),
        ("a HEAD", &own, made(&own, "/v/a.mp4", &|_| ()), "HEAD"),
    ];
    for (name, settings, target, method) in table {
        let client = Some(CLIENT.into());
        let one = Request { method, target: Target::split(&target), client };
        assert!(kept(settings, &one).is_none(), "{name}: {target}");
        // It does not push out what is there.
        let before = link(settings, "/v/b.mp4");
        let mut kept = kept(settings, &request(&before)).unwrap();
        let pass = verify(settings, &one, AT).unwrap();
        assert!(!kept.keep(&one, &pass, AT), "{name}");
        assert!(kept.again(&request(&before), AT).is_some(), "{name}");
        assert_eq!(kept.again(&one, AT), None, "{name}");
    }
}

#[test]
fn the_last_one_is_kept() {
    let settings = settings(Scheme::AliB, ANY);
    let links = ["/v/a-long-name.mp4", "/v/a.mp4", "/v/another-long-name.mp4"];
    let links = links.map(|path| link(&settings, path));
    let mut kept = Verified::default();
    for now in &links {
        let pass = verify(&settings, &request(now), AT).unwrap();
        assert!(kept.keep(&request(now), &pass, AT));
        for any in &links {
            let known = kept.again(&request(any), AT);
            let want = (any == now).then(|| verify(&settings, &request(any), AT).unwrap());
            assert_eq!(known, want, "{any} after {now}");
        }
    }
}

/// Also links of the key that only verifies, tickets, and links that are good for a while from now on.
#[test]
fn what_is_known_is_what_verifying_finds() {
    let keys = [ANY, "another0123456789abcdefghijklmno"].map(|key| SecretKey::new(key.to_owned()));
    let [old, new] = keys;
    let rotated = Settings::new(Choices::new(Scheme::Refgate), new, Some(old)).unwrap();
    let target = link(&settings(Scheme::Refgate, ANY), "/v/a.mp4");
    let pass = verify(&rotated, &request(&target), AT).unwrap();
    assert_eq!(pass.key, Slot::Secondary);
    assert_eq!(kept(&rotated, &request(&target)).unwrap().again(&request(&target), AT), Some(pass));

    let vod = settings(Scheme::TencentVod, ANY);
    let preview = Link { preview: Some(60), ..plain(&vod, "/v/p.m3u8") };
    let playlist = sign(&vod, &preview, AT).unwrap().target;
    let pass = verify(&vod, &request(&playlist), AT).unwrap();
    let parent = Parent::new(&vod, &pass).unwrap();
    let ticket = parent.sign_child(Child::Media, Target::split("/v/s.ts")).unwrap();
    assert!(ticket.contains("rg-ticket="), "{ticket}");
    let known = kept(&vod, &request(&ticket)).unwrap().again(&request(&ticket), AT);
    assert_eq!(known, Some(verify(&vod, &request(&ticket), AT).unwrap()));

    let mut choices = Choices::new(Scheme::Refgate);
    choices.max_future = Some(1800);
    let near = with_key(choices, ANY);
    let target = link(&near, "/v/a.mp4");
    let kept = kept(&near, &request(&target)).unwrap();
    let before = UnixMillis::from_secs(NOW - 1);
    assert!(verify(&near, &request(&target), before).is_err(), "it is too far ahead");
    assert_eq!(kept.again(&request(&target), before), None);
}
