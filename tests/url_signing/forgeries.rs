//! The known forgeries of these schemes: links that nobody signed and whose digests fit all the
//! same, if one reads them as the vendors' pages suggest.

use refgate::domain::time::UnixMillis;
use refgate::domain::urlsign::{
    Choices, Form, Link, Profile, Reason, Request, Scheme, Settings, Target, sign, verify,
};

use super::support::{
    ALI, ANY, NOW, VOD, denied, get, link, marked_nginx, md5_bytes, md5_hex, settings, signed,
    with_key,
};

/// Before the links of Tencent's examples end.
const JANUARY: i64 = 0x5a71_afc0 - 60;

fn vod(profile: Profile, us_length: Option<u8>) -> Settings {
    let mut choices = Choices::new(Scheme::TencentVod);
    (choices.profile, choices.us_length) = (Some(profile), us_length);
    with_key(choices, VOD)
}

/// Examples 1 to 3 of Tencent's page, and what can be made of them without the key.
#[rustfmt::skip]
const SLIDES: &[(&str, &str, &str)] = &[
    ("t absorbs us",           "t=5a71afc072d4cd1101",           "3d8488faeb37d52d6bf63b63c1b171c3"),
    ("t absorbs a digit of us","t=5a71afc07&us=2d4cd1101",       "3d8488faeb37d52d6bf63b63c1b171c3"),
    ("t absorbs exper",        "t=5a71afc0300&us=72d4cd1101",    "547d98c4b91e81b5ea55c95cef63223f"),
    ("us absorbs t",           "t=5a71afc&us=072d4cd1101",       "3d8488faeb37d52d6bf63b63c1b171c3"),
    ("the limit of clients goes", "t=5a71afc0&us=372d4cd1101",   "c5214f0d5961b13acd558b4957c4dfc5"),
    ("the preview goes",       "t=5a71afc0&us=30072d4cd1101",    "547d98c4b91e81b5ea55c95cef63223f"),
    ("the preview grows",      "t=5a71afc0&exper=3007&us=2d4cd1101", "547d98c4b91e81b5ea55c95cef63223f"),
    ("the preview is a limit", "t=5a71afc0&rlimit=3&us=0072d4cd1101", "547d98c4b91e81b5ea55c95cef63223f"),
];

#[test]
fn fields_of_tencent_vod_that_slide_into_each_other() {
    let strict = vod(Profile::Strict, None);
    let fixed = vod(Profile::Compat, Some(10));
    for (name, query, sign) in SLIDES {
        let text: String = query.split('&').map(|part| part.split_once('=').unwrap().1).collect();
        assert_eq!(md5_hex(&format!("{VOD}/dir1/dir2/{text}")), *sign, "{name}: the digest fits");
        let target = format!("/dir1/dir2/myVideo.mp4?{query}&sign={sign}");
        assert_eq!(get(&strict, &target, JANUARY).unwrap_err().status, 403, "{name}");
        assert_eq!(get(&fixed, &target, JANUARY).unwrap_err().status, 403, "{name}");
    }
}

/// A time that does not have 8 digits is refused as a time in every profile, and no time is too
/// large for the reader.
#[test]
fn a_time_has_its_width_in_every_profile() {
    let compat = vod(Profile::Compat, None);
    for (name, query, sign) in
        SLIDES.iter().filter(|(_, query, _)| query.split('&').next().unwrap().len() != 10)
    {
        let target = format!("/dir1/dir2/myVideo.mp4?{query}&sign={sign}");
        let reason = get(&compat, &target, JANUARY).unwrap_err().reason;
        assert!(matches!(reason, Reason::Time(_)), "{name}: {reason:?}");
    }
}

/// A strict link has one reading: whatever is moved from one field to the next, it is refused.
#[test]
fn a_strict_link_of_tencent_vod_has_one_reading() {
    let settings = vod(Profile::Strict, None);
    let mut link = Link::new(Target::split("/v/a.mp4"));
    (link.preview, link.clients, link.random) = (Some(300), Some(3), Some("a2d4cd1101"));
    let lists = [None, Some("abc.com"), Some("1a.com,b.com")];
    for whref in lists {
        link.lists.whref = whref;
        let target = sign(&settings, &link, UnixMillis::from_secs(NOW)).unwrap().target;
        let (path, query) = target.split_once('?').unwrap();
        let (query, token) = query.rsplit_once("&sign=").unwrap();
        let values: Vec<_> = query.split('&').map(|part| part.split_once('=').unwrap().1).collect();
        let text = values.concat();
        let mut readings = 0;
        for cuts in cuts(text.len(), 5) {
            let parts: Vec<_> = cuts.windows(2).map(|at| &text[at[0]..at[1]]).collect();
            let [t, exper, rlimit, us, whref] = parts[..] else { unreachable!() };
            let query = format!("t={t}&exper={exper}&rlimit={rlimit}&us={us}&whref={whref}");
            let forged = format!("{path}?{query}&sign={token}");
            if let Ok(pass) = get(&settings, &forged, NOW) {
                readings += 1;
                assert_eq!(pass.limits.preview, Some(300));
                assert_eq!(pass.limits.clients.map(|it| it.max), Some(3));
                assert_eq!(us, "a2d4cd1101");
            }
        }
        assert_eq!(readings, 1, "{whref:?}");
    }
}

/// All ways to cut a text of that length into so many pieces, which may be empty.
fn cuts(length: usize, pieces: usize) -> Vec<Vec<usize>> {
    let mut all = vec![vec![0]];
    for _ in 1..pieces {
        all = all
            .into_iter()
            .flat_map(|cut| {
                (*cut.last().unwrap()..=length).map(move |at| [cut.clone(), vec![at]].concat())
            })
            .collect();
    }
    all.into_iter().map(|cut| [cut, vec![length]].concat()).collect()
}

/// What the strict profile cannot tell apart it does not have.
#[test]
fn lists_that_swap_are_refused_when_strict() {
    let settings = vod(Profile::Strict, None);
    let mut link = Link::new(Target::split("/v/a.mp4"));
    (link.random, link.lists.bkref) = (Some("a2d4cd1101"), Some("evil.net"));
    assert!(sign(&settings, &link, UnixMillis::from_secs(NOW)).is_err());
    let compat = vod(Profile::Compat, Some(10));
    let target = sign(&compat, &link, UnixMillis::from_secs(NOW)).unwrap().target;
    let swapped = target.replace("bkref", "whref");
    assert!(get(&compat, &swapped, NOW).is_ok(), "as the vendor: this profile is the weaker one");
    assert!(get(&settings, &swapped, NOW).is_err());
}

#[test]
fn path_and_time_that_slide_into_each_other() {
    let digest = md5_hex(&format!("{ALI}/v/1255ce8100"));
    #[rustfmt::skip]
    let table = [
        ("Alibaba C by path",  Scheme::AliC,     format!("/{digest}/255ce8100/v/1")),
        ("Alibaba C by query", Scheme::AliC,     format!("/v/1?KEY1={digest}&KEY2=255ce8100")),
        ("Alibaba F",          Scheme::AliF,     format!("/v/1?sign={digest}&time=255ce8100")),
        ("Tencent C",          Scheme::TencentC, format!("/{digest}/255ce8100/v/1")),
        ("Qiniu",              Scheme::Qiniu,    format!("/v/1?sign={digest}&t=255ce8100")),
        ("shorter, too",       Scheme::AliF,     format!("/v/1255?sign={digest}&time=ce8100")),
    ];
    for (name, scheme, target) in table {
        let reason = get(&settings(scheme, ALI), &target, 1_439_596_800).unwrap_err().reason;
        assert!(matches!(reason, Reason::Time(_)), "{name}: {reason:?}");
    }
    let digest = md5_hex(&format!("{ALI}/v/11439596800"));
    let mut choices = Choices::new(Scheme::AliF);
    choices.time = Some(refgate::domain::urlsign::TimeForm::Decimal);
    for (path, time) in [("/v/1", "1439596800"), ("/v/", "11439596800"), ("/v/11", "439596800")] {
        let target = format!("{path}?sign={digest}&time={time}");
        let good = get(&with_key(choices.clone(), ALI), &target, 1_439_596_800).is_ok();
        assert_eq!(good, time.len() == 10, "{target}");
    }
    let digest = md5_hex(&format!("{ALI}201508150800/v"));
    for (time, good) in [("201508150800", true), ("2015081508000", false), ("20150815080", false)] {
        let target = format!("/{time}/{digest}/v");
        assert_eq!(get(&settings(Scheme::AliB, ALI), &target, 1_439_596_800).is_ok(), good);
    }
}

/// Type A is safe because `-` cannot be in `rand`, `uid` or key, and there are four fields.
#[test]
fn type_a_with_a_dash_in_a_field() {
    let settings = settings(Scheme::AliA, ALI);
    let digest = md5_hex(&format!("/v/a-1444435200-1-2-0-{ALI}"));
    for target in [
        format!("/v/a?auth_key=1444435200-1-2-0-{digest}"),
        format!("/v/a?auth_key=1444435200-1-2-{digest}"),
        format!("/v/a-1444435200?auth_key=1-2-0-{digest}"),
        format!("/v/a?auth_key=1444435200-1%2D2-0-{digest}"),
    ] {
        assert_eq!(get(&settings, &target, 1_444_435_200).unwrap_err().status, 403, "{target}");
    }
}

/// What MD5 appends to a text of that length before the last of its blocks.
fn padding(length: usize) -> Vec<u8> {
    let zeros = (55 - length.cast_signed()).rem_euclid(64).cast_unsigned();
    let bits = (length as u64 * 8).to_le_bytes();
    [vec![0x80], vec![0; zeros], bits.to_vec()].concat()
}

/// A digest of a secret before a text can be extended by whoever knows one link and the length of
/// the key: the text, the padding and more have a digest that follows from the link's.
///
/// Here it is computed with the key, which gives the same. It fits the path once its escapes are
/// undone, so a verifier that decodes before it hashes lets it through.
#[test]
fn digests_cannot_be_extended() {
    /// All but what a path has of itself.
    const SET: &percent_encoding::AsciiSet =
        &percent_encoding::NON_ALPHANUMERIC.remove(b'/').remove(b'.');
    /// The text of the link that is known, and where in it the path begins; what the attacker adds
    /// behind the padding, to the path and behind it; and the forged link.
    struct Known(Scheme, (&'static str, usize), (&'static str, &'static str), &'static str);
    let (c, secret) = (("/a.mp355ce8100", 0), ("/x/../../secret.txt", "ffffffff"));
    let vod = (("/d/55ce810000a123456789", 0), ("/../../", "ffffffff00a123456789"));
    let vod_link = "{path}s.mp4?t=ffffffff&exper=0&rlimit=0&us=a123456789&sign={digest}";
    let links = [
        Known(
            Scheme::AliB,
            ("201508150800/a.mp3", 12),
            ("/../../s", ""),
            "/201508150800/{digest}{path}",
        ),
        Known(Scheme::AliC, c, secret, "/{digest}/ffffffff{path}"),
        Known(Scheme::AliF, c, secret, "{path}?sign={digest}&time=ffffffff"),
        Known(Scheme::Qiniu, c, secret, "{path}?sign={digest}&t=ffffffff"),
        Known(Scheme::TencentVod, vod.0, vod.1, vod_link),
    ];
    for Known(scheme, (text, start), (more, tail), link) in links {
        let padding = padding(ALI.len() + text.len());
        let added = [&padding, more.as_bytes()].concat();
        let digest =
            md5_bytes(&[ALI.as_bytes(), text.as_bytes(), &added, tail.as_bytes()].concat());
        let path = format!("{}{}", &text[start..], percent_encoding::percent_encode(&added, SET));
        let target = link.replace("{path}", &path).replace("{digest}", &digest);
        assert!(target.contains("%80%00"), "every padding has bytes that no path has: {target}");
        let reason = get(&settings(scheme, ALI), &target, 1_439_596_800).unwrap_err().reason;
        assert!(matches!(reason, Reason::Path(_)), "{target}: {reason:?}");
    }
}

/// The padding is the one of MD5: a digest of a text can be gone on with from its padding.
#[test]
fn the_padding_is_right() {
    for length in [0, 1, 54, 55, 56, 63, 64, 200] {
        assert_eq!((length + padding(length).len()) % 64, 0, "{length}");
        assert!(padding(length).len() >= 9);
    }
}

/// A signature of Tencent VOD opens a directory, and nothing that only decodes out of it.
#[test]
fn a_directory_of_tencent_vod_is_not_left() {
    let settings = vod(Profile::Compat, None);
    let query = "t=5a71afc0&us=72d4cd1101&sign=3d8488faeb37d52d6bf63b63c1b171c3";
    let at =
        |path: &str| get(&settings, &format!("{path}?{query}"), JANUARY).map(|pass| pass.until);
    assert!(at("/dir1/dir2/myVideo.mp4").is_ok());
    assert!(at("/dir1/dir2/another.ts").is_ok(), "the file name is not signed");
    for path in [
        "/dir1/dir2/..%2f..%2fsecret.mp4",
        "/dir1/dir2/..%2F..%2Fsecret.mp4",
        "/dir1/dir2/..%5c..%5csecret.mp4",
        "/dir1/dir2/..\\..\\secret.mp4",
        "/dir1/dir2/../secret.mp4",
        "/dir1/dir2/%2e%2e/secret.mp4",
        "/dir1/dir2/..",
        "/dir1/dir2/x%00/secret.mp4",
        "/dir1/dir2/sub/a.mp4",
        "/dir1/a.mp4",
        "/dir1//dir2/a.mp4",
    ] {
        assert!(at(path).is_err(), "{path}");
    }
}

/// Signatures of C, F, Qiniu and Tencent D are the same text: another domain wants another key.
#[test]
fn a_link_of_one_domain_is_none_of_another() {
    let (c, f) = (settings(Scheme::AliC, ALI), settings(Scheme::AliF, ANY));
    let target = signed(&c, "/v", NOW).unwrap().target;
    let parts: Vec<_> = target.split('/').collect();
    let replay = format!("/v?sign={}&time={}", parts[1], parts[2]);
    assert!(get(&f, &replay, NOW).is_err());
    assert!(get(&settings(Scheme::AliF, ALI), &replay, NOW).is_ok(), "the formula is one");
}

/// An object whose name looks like a signature: one signature is taken off, never two.
#[test]
fn objects_that_look_like_signatures() {
    let settings = settings(Scheme::AliB, ALI);
    let inner = link(&settings, "/x");
    let outer = link(&settings, &inner);
    assert_eq!(get(&settings, &outer, NOW).unwrap().path, inner);
    assert_eq!(get(&settings, &inner, NOW).unwrap().path, "/x");
    let mut choices = Choices::new(Scheme::AliC);
    choices.form = Some(Form::Query);
    let both = with_key(choices, ALI);
    let by_path = link(&super::support::settings(Scheme::AliC, ALI), "/x");
    let twice = link(&both, &by_path);
    assert_eq!(get(&both, &twice, NOW).unwrap().path, by_path, "the query is read first");
}

/// The right digest is never told, and what is told has a form that cannot carry anything.
#[test]
fn no_denial_shows_more_than_the_client_sent() {
    let settings = settings(Scheme::AliA, ALI);
    let genuine = "80cd3862d699b7118eed99103f2a3a4f";
    let path = "/video/standard/1K.html";
    let say = |auth: &str| denied(&settings, &format!("{path}?{auth}"), 1_444_435_200);
    let zeros = "0".repeat(32);
    #[rustfmt::skip]
    let table = [
        (format!("auth_key=1444435200-0-0-{zeros}"), format!("denied by req auth: invalid md5hash={zeros}")),
        (format!("auth_key=1444435200-0-0-{}", genuine.to_uppercase()), "denied by req auth: invalid md5hash".into()),
        (format!("auth_key=1444435200-0-0-{zeros}0"), "denied by req auth: invalid md5hash".into()),
        ("auth_key=1444435200-0-0-<script>".into(), "denied by req auth: invalid md5hash".into()),
        (format!("auth_key=14444352000-0-0-{zeros}"), "denied by req auth: invalid timestamp=14444352000".into()),
        (format!("auth_key=1%0d%0aX-0-0-{zeros}"), "denied by req auth: invalid timestamp".into()),
        (format!("auth_key={}-0-0-{zeros}", "9".repeat(21)), "denied by req auth: invalid timestamp".into()),
        (format!("auth_key={}-0-0-{zeros}", "9".repeat(20)), format!("denied by req auth: invalid timestamp={}", "9".repeat(20))),
        ("auth_key=1".into(), "denied by req auth: invalid url arg auth_key".into()),
        ("auth_key".into(), "denied by req auth: invalid url arg auth_key".into()),
        ("other=1".into(), "denied by req auth: no url arg auth_key".into()),
        (format!("auth_key=1444435200-0-0-{genuine}&auth_key=1"), "denied by req auth: duplicate url arg auth_key".into()),
    ];
    for (auth, want) in table {
        let said = say(&auth);
        assert_eq!(said, want, "{auth}");
        assert!(!said.contains(genuine) && !said.contains(ALI));
    }
}

/// The end of a path as the beginning of an address: nginx's own expression lets it pass, which is
/// said of it; with a mark between them no link is one of another path and another client.
#[test]
fn a_path_runs_into_an_address() {
    let manual = settings(Scheme::Nginx, ANY);
    let marked = with_key(marked_nginx(), ANY);
    for (path, client) in [("/v/s", "19.0.0.1"), ("/v/s", "2001:db8::7"), ("/v/s|1", "19.0.0.1")] {
        let link = |settings: &Settings| {
            let client = Some(client.parse().unwrap());
            let link = Link { client, ..Link::new(Target::split(path)) };
            let made = sign(settings, &link, UnixMillis::from_secs(NOW)).unwrap();
            made.target.split_once('?').unwrap().1.to_owned()
        };
        let mut forged = 0;
        for (settings, weak) in [(&manual, true), (&marked, false)] {
            let query = link(settings);
            let passes = |path: &str, client: &str| {
                let Ok(client) = client.parse() else { return false };
                let target = format!("{path}?{query}");
                let target = Target::split(&target);
                let request = Request { method: "GET", target, client: Some(client) };
                verify(settings, &request, UnixMillis::from_secs(NOW)).is_ok()
            };
            assert!(passes(path, client));
            // Every way to part the text anew, with the mark and without it.
            for mark in ["", "|", "%7C"] {
                let text = format!("{path}{mark}{client}");
                let others = (2..text.len()).filter(|at| *at != path.len());
                let found = others.filter(|at| {
                    let (path, rest) = text.split_at(*at);
                    passes(path, rest) || passes(path, rest.trim_start_matches('|'))
                });
                let found = found.count();
                assert!(found == 0 || weak, "{text}");
                forged += found;
            }
        }
        assert!(forged > 0, "{path} {client}: the manual's own is as weak as that");
    }
}
