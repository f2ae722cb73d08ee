//! Time: the second at which a link ends, and the zone of type B.

use refgate::domain::time::UnixMillis;
use refgate::domain::urlsign::{Choices, Reason, Request, Scheme, Target, verify};

use super::support::{ALI, ANY, VOD, all_settings, denied, get, link, settings, with_key};

/// 2015-08-15 08:00 in UTC+8, the moment of the vendors' examples of types B, C and F.
const AUGUST: i64 = 1_439_596_800;
/// 2015-10-10 08:00 in UTC+8, the moment of the examples of type A.
const OCTOBER: i64 = 1_444_435_200;

/// Links of the vendors' pages, the time in them, and for how many seconds they are good after it.
#[rustfmt::skip]
const LINKS: &[(Scheme, &str, &str, i64, i64)] = &[
    (Scheme::AliA, ALI, "/video/standard/1K.html?auth_key=1444435200-0-0-80cd3862d699b7118eed99103f2a3a4f", OCTOBER, 1800),
    (Scheme::AliB, ALI, "/201508150800/9044548ef1527deadafa49a890a377f0/4/44/44c0909bcfc20a01afaf256ca99a8b8b.mp3", AUGUST, 1800),
    (Scheme::AliC, ALI, "/a37fa50a5fb8f71214b1e7c95ec7a1bd/55CE8100/test.flv", AUGUST, 1800),
    (Scheme::AliC, ALI, "/test.flv?KEY1=a37fa50a5fb8f71214b1e7c95ec7a1bd&KEY2=55CE8100", AUGUST, 1800),
    (Scheme::AliF, ALI, "/test.flv?sign=a37fa50a5fb8f71214b1e7c95ec7a1bd&time=55CE8100", AUGUST, 1800),
    (Scheme::AliLive, "aliyunliveexp1234", "/video/standard?auth_key=1622194197-0-0-5552ff52b5e4e20387c6dc18afce206b", 1_622_194_197, 86_400),
    (Scheme::Qiniu, "9388f4ba63b89bba5b9b84aa70a92eaac099d39b", "/DIR1/%E4%B8%AD%E6%96%87/vodfile.mp4?sign=b4b7f94dd7817ce0283b5491861c3936&t=55bb9b80", 0x55bb_9b80, 0),
];

#[test]
fn a_link_is_good_to_the_end_of_its_last_second() {
    for (scheme, key, target, stamp, validity) in LINKS {
        let settings = settings(*scheme, key);
        let last = stamp + validity;
        assert_eq!(get(&settings, target, last).unwrap().until, last, "{target}");
        let denial = get(&settings, target, last + 1).unwrap_err();
        assert!(matches!(denial.reason, Reason::Expired(_)), "{target}: {denial:?}");
        assert_eq!(denial.status, 403, "{target}");
        // Part of a second is that second.
        let at = |millis| {
            verify(
                &settings,
                &Request { method: "GET", target: Target::split(target), client: None },
                UnixMillis(millis),
            )
            .is_ok()
        };
        assert!(at(last * 1000 + 999) && !at(last * 1000 + 1000), "{target}");
        // The vendors check no beginning.
        assert!(get(&settings, target, 0).is_ok(), "{target}");
    }
}

#[test]
fn tencent_vod_is_good_for_300_seconds_more() {
    let mut choices = Choices::new(Scheme::TencentVod);
    choices.profile = Some(refgate::domain::urlsign::Profile::Compat);
    let target =
        "/dir1/dir2/myVideo.mp4?t=5a71afc0&us=72d4cd1101&sign=3d8488faeb37d52d6bf63b63c1b171c3";
    let at = |choices: &Choices, now| get(&with_key(choices.clone(), VOD), target, now).is_ok();
    let end = 0x5a71_afc0;
    assert!(at(&choices, end + 300) && !at(&choices, end + 301));
    choices.tolerance = Some(0);
    assert!(at(&choices, end) && !at(&choices, end + 1));
}

/// The reason names the time that the client sent, as the vendor's pages show it.
#[test]
fn what_is_said_of_an_expired_link() {
    let settings = settings(Scheme::AliA, ALI);
    let target = "/video/standard/1K.html?auth_key=1444435200-0-0-80cd3862d699b7118eed99103f2a3a4f";
    let want = "denied by req auth: expired timestamp=1444435200";
    assert_eq!(denied(&settings, target, NOW_LONG_AFTER), want);
    // Time comes first, so a forged link that has expired is no oracle.
    assert_eq!(denied(&settings, &target.replace("80cd", "90cd"), NOW_LONG_AFTER), want);
}

const NOW_LONG_AFTER: i64 = 1_700_000_000;

/// nginx names a forged link before an expired one, and a genuine one that has expired is gone.
#[test]
fn nginx_tells_expired_links_from_forged_ones() {
    let settings = settings(Scheme::Nginx, ANY);
    let target = link(&settings, "/s/link");
    let until = get(&settings, &target, 0).unwrap().until;
    assert!(get(&settings, &target, until).is_ok());
    assert_eq!(get(&settings, &target, until + 1).unwrap_err().status, 410);
    let forged = target.replace("/s/link", "/s/other");
    assert_eq!(get(&settings, &forged, until + 1).unwrap_err().status, 403);
    assert_eq!(get(&settings, &forged, until).unwrap_err().status, 403);
}

/// Times far ahead are good, because they are signed, unless the settings say how far is too far.
#[test]
fn far_futures() {
    for settings in all_settings() {
        let target = link(&settings, "/a/b");
        assert!(get(&settings, &target, 1_000_000_000).is_ok(), "{}", settings.scheme());
        let mut choices = settings.choices().clone();
        choices.max_future = Some(3600);
        let capped = with_key(choices, ANY);
        let reason = get(&capped, &target, 1_000_000_000).unwrap_err().reason;
        assert!(matches!(reason, Reason::Time(_)), "{}", settings.scheme());
        assert!(get(&capped, &target, super::support::NOW).is_ok(), "{}", settings.scheme());
    }
}

#[test]
fn clocks_before_and_behind_all_time_do_not_break_anything() {
    for settings in all_settings() {
        let target = link(&settings, "/a/b");
        assert!(get(&settings, &target, i64::MIN / 1000).is_ok());
        assert!(get(&settings, &target, i64::MAX / 1000).is_err());
    }
}

/// Minutes are those of UTC+8 wherever the machine stands: this test runs itself in other zones.
#[test]
fn type_b_is_in_utc_plus_8_in_every_zone() {
    let (scheme, key, target, stamp, _) = LINKS[1];
    assert_eq!(scheme, Scheme::AliB);
    let settings = settings(scheme, key);
    assert!(get(&settings, target, stamp + 1800).is_ok());
    assert!(get(&settings, target, stamp + 1801).is_err());
    let signed = super::support::signed(&settings, "/a", stamp).unwrap();
    assert!(signed.target.starts_with("/201508150800/"), "{}", signed.target);
    if std::env::var_os("URL_SIGNING_ZONE").is_some() {
        return;
    }
    for zone in ["America/New_York", "Asia/Shanghai", "Pacific/Kiritimati", "UTC", "Nowhere/None"] {
        let name = "clock::type_b_is_in_utc_plus_8_in_every_zone";
        let status = std::process::Command::new(std::env::current_exe().unwrap())
            .args([name, "--exact", "--quiet"])
            .env("TZ", zone)
            .env("URL_SIGNING_ZONE", "1")
            .stdout(std::process::Stdio::null())
            .status();
        assert!(status.unwrap().success(), "{zone}");
    }
}
