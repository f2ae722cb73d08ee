//! Bad input: settings that cannot be used, and requests that are refused.

use refgate::domain::secret::SecretKey;
use refgate::domain::time::UnixMillis;
use refgate::domain::urlsign::{
    Algorithm, CannotSign, Choices, Form, InvalidSettings, Profile, Reason, Regions, Scheme, Scope,
    Settings, TimeForm, UnknownScheme, sign,
};

use super::support::{ALI, ANY, NOW, all_settings, denied, get, link, plain, settings, with_key};

fn refused(scheme: Scheme, choose: impl FnOnce(&mut Choices)) -> String {
    let mut choices = Choices::new(scheme);
    choose(&mut choices);
    Settings::new(choices, SecretKey::new(ANY.to_owned()), None).unwrap_err().to_string()
}

#[test]
fn schemes_that_are_none() {
    for (name, letter) in [("ali-d", 'D'), ("ali-e", 'E'), ("type_d", 'D'), ("type_e", 'E')] {
        assert_eq!(name.parse::<Scheme>(), Err(UnknownScheme::Unpublished(letter)));
    }
    let said = UnknownScheme::Unpublished('D').to_string();
    assert!(said.contains("has not published"), "{said}");
    for name in ["", "ALI-A", "ali-g", "edgeone-v"] {
        let said = name.parse::<Scheme>().unwrap_err().to_string();
        assert!(said.contains("ali-a, ali-b"), "{said}");
    }
}

#[test]
fn keys_of_wrong_length_or_characters() {
    let long = "k".repeat(129);
    #[rustfmt::skip]
    let table: &[(Scheme, &str, &str)] = &[
        (Scheme::AliA,       "",            "a key is empty"),
        (Scheme::AliA,       "short",       "6 to 128 characters, this one has 5"),
        (Scheme::AliA,       &long,         "6 to 128 characters, this one has 129"),
        (Scheme::AliA,       "with-dash",   "letters and digits"),
        (Scheme::AliA,       "with space",  "letters and digits"),
        (Scheme::AliA,       "schlüssel",   "letters and digits"),
        (Scheme::TencentVod, "1234567",     "8 to 40 characters, this one has 7"),
        (Scheme::TencentVod, "new\nline12", "visible characters"),
        (Scheme::TencentA,   &long,         "6 to 40 characters"),
        (Scheme::Refgate,    "too short to be a key of HMAC",  "visible characters"),
        (Scheme::Refgate,    "too-short-to-be-a-key-of-HMAC",  "32 to 128 characters"),
        (Scheme::Nginx,      "short",       "6 to 128 characters"),
    ];
    for (scheme, key, want) in table {
        let key_of = SecretKey::new((*key).to_owned());
        let err =
            Settings::new(Choices::new(*scheme), key_of.clone(), None).unwrap_err().to_string();
        assert!(err.contains(want), "{err}");
        assert!(key.is_empty() || !err.contains(key), "the key is not shown");
        let good = SecretKey::new(ANY.to_owned());
        assert!(Settings::new(Choices::new(*scheme), good, Some(key_of)).is_err(), "as the second");
    }
}

#[test]
fn keys_that_begin_or_end_alike() {
    for (a, b) in [("abcdef12", "abcdef12"), ("abcdef", "abcdef12"), ("xyabcdef", "abcdef")] {
        let secret = |text: &str| SecretKey::new(text.to_owned());
        let err = Settings::new(Choices::new(Scheme::AliA), secret(a), Some(secret(b)));
        let err = err.unwrap_err().to_string();
        assert!(err.contains("begin or end"), "{err}");
    }
}

#[test]
fn keys_are_not_printed() {
    let text = format!("{:?}", settings(Scheme::AliA, ALI));
    assert!(!text.contains(ALI), "{text}");
}

#[test]
#[rustfmt::skip]
fn choices_that_do_not_fit() {
    let table = [
        refused(Scheme::AliA, |it| it.validity = Some(0)),
        refused(Scheme::AliA, |it| it.validity = Some(31_536_001)),
        refused(Scheme::AliA, |it| it.tolerance = Some(86_401)),
        refused(Scheme::AliA, |it| it.time = Some(TimeForm::Hex)),
        refused(Scheme::AliA, |it| it.form = Some(Form::Path)),
        refused(Scheme::AliA, |it| it.algorithm = Some(Algorithm::Sha256)),
        refused(Scheme::AliA, |it| it.profile = Some(Profile::Compat)),
        refused(Scheme::AliA, |it| it.us_length = Some(10)),
        refused(Scheme::AliA, |it| it.regions = Regions::Known),
        refused(Scheme::AliA, |it| it.expression = Some("$uri".to_owned())),
        refused(Scheme::Nginx, |it| it.validity = Some(60)),
        refused(Scheme::TencentVod, |it| it.us_length = Some(0)),
        refused(Scheme::TencentVod, |it| it.us_length = Some(65)),
    ];
    for said in table {
        assert!(!said.is_empty() && !said.contains('\n'), "{said}");
    }
}

#[test]
fn names_of_parameters() {
    let rename = |scheme, from: &str, to: &str| {
        refused(scheme, |it| it.names = vec![(from.to_owned(), to.to_owned())])
    };
    let fixed = rename(Scheme::AliA, "auth_key", "sign");
    assert!(fixed.contains("no parameter \"auth_key\" that can be renamed"), "{fixed}");
    assert!(rename(Scheme::AliF, "other", "x").contains("no parameter"));
    for bad in ["", "a b", "a=b", "a&b", "ä", &"x".repeat(101)] {
        assert!(rename(Scheme::AliF, "sign", bad).contains("1 to 100 of the characters"), "{bad}");
    }
    assert!(rename(Scheme::AliF, "sign", "time").contains("two parameters"), "one of the others");
    let mut choices = Choices::new(Scheme::AliF);
    choices.names = vec![("sign".into(), "time".into()), ("time".into(), "sign".into())];
    assert!(Settings::new(choices, SecretKey::new(ANY.to_owned()), None).is_ok(), "swapped");
}

#[test]
fn expressions_of_nginx() {
    #[rustfmt::skip]
    let table = [
        ("$uri $secret",                               "never end"),
        ("$secure_link_expires $secret",               "every path at once"),
        ("$secure_link_expires$uri",                   "needs $secret"),
        ("$secure_link_expires$uri$host $secret",      "and not $host"),
        ("$secure_link_expires$uri$ $secret",          "and not $"),
        ("$secure_link_expires$secret$uri",            "runs into"),
        ("${secure_link_expires}1$uri $secret",        "runs into"),
        ("$secret$secure_link_expires$uri",            "runs into"),
        ("$secure_link_expires$uri\n$secret",          "visible characters"),
        ("$secure_link_expires$uri$secret$secure_link_expires", "runs into"),
    ];
    for (expression, want) in table {
        let said = refused(Scheme::Nginx, |it| it.expression = Some(expression.to_owned()));
        assert!(said.contains(want), "{expression}: {said}");
    }
    for good in [
        "$secure_link_expires$uri$remote_addr $secret",
        "$secret|${secure_link_expires}|$uri",
        "$uri:$arg_expires:$secret",
    ] {
        let mut choices = Choices::new(Scheme::Nginx);
        choices.expression = Some(good.to_owned());
        assert!(Settings::new(choices, SecretKey::new(ANY.to_owned()), None).is_ok(), "{good}");
    }
}

/// Every scheme, and what is refused of each: the same requests that one signature makes good.
#[test]
fn requests_that_every_scheme_refuses() {
    for settings in all_settings() {
        let target = link(&settings, "/a/b.mp4?x=1&y=2");
        let scheme = settings.scheme();
        assert!(get(&settings, &target, NOW).is_ok(), "{scheme}: {target}");
        let (path, query) = target.split_once('?').unwrap();
        for bad in [
            target.replace("b.mp4", "c%2fb.mp4"),
            target.replace("b.mp4", "./b.mp4"),
            target.replace("b.mp4", "x/../b.mp4"),
            target.replace("b.mp4", "%2e%2e/b.mp4"),
            target.replace("b.mp4", "b.mp4%00"),
            target.replace("b.mp4", "b\\.mp4"),
            target.replace("b.mp4", "b .mp4"),
            target.replace("b.mp4", "\u{e9}.mp4"),
            target.replace("b.mp4", "\r\n.mp4"),
            target.replace("b.mp4", "b.mp4%zz"),
            target.trim_start_matches('/').to_owned(),
            String::new(),
        ] {
            let reason = get(&settings, &bad, NOW).unwrap_err().reason;
            assert!(matches!(reason, Reason::Path(_)), "{scheme}: {bad}");
        }
        let other = if scheme == Scheme::TencentVod { "/a/x/b.mp4" } else { "/a/c.mp4" };
        for bad in [
            target.replace("/a/b.mp4", other),
            target.replace("/a/b.mp4", "/A/b.mp4"),
            target.replace("/a/b.mp4", "/%61/b.mp4"),
            "/a/b.mp4".to_owned(),
            "/a/b.mp4?x=1&y=2".to_owned(),
            format!("/a{target}"),
        ] {
            // nginx alone decodes, so that `%61` is `a`.
            let same = scheme == Scheme::Nginx && bad.contains("%61");
            assert_eq!(get(&settings, &bad, NOW).is_ok(), same, "{scheme}: {bad}");
        }
        // Each parameter of the signature twice: the same, another, in front, with escapes.
        for part in query.split('&').filter(|part| !["x=1", "y=2"].contains(part)) {
            let (name, value) = part.split_once('=').unwrap();
            let escaped = format!("%{:02x}{}", name.as_bytes()[0], &name[1..]);
            for bad in [
                format!("{path}?{query}&{part}"),
                format!("{path}?{part}&{query}"),
                format!("{path}?{query}&{name}="),
                format!("{path}?{query}&{name}"),
                format!("{path}?{query}&{escaped}={value}"),
                format!("{path}?{}", query.replace(part, &format!("{escaped}={value}"))),
            ] {
                let said = denied(&settings, &bad, NOW);
                assert!(said.contains("duplicate url arg"), "{scheme}: {bad}: {said}");
            }
            // Names have case, but for the two spellings of type C.
            let upper = query.replace(part, &format!("{}={value}", name.to_uppercase()));
            if name.to_uppercase() != name {
                assert!(get(&settings, &format!("{path}?{upper}"), NOW).is_err(), "{scheme}");
            }
        }
    }
}

#[test]
fn type_c_has_two_spellings_and_one_value() {
    let settings = settings(Scheme::AliC, ALI);
    let at = |target: &str| get(&settings, target, 1_439_596_800).map(|pass| pass.until);
    let digest = "a37fa50a5fb8f71214b1e7c95ec7a1bd";
    assert!(at(&format!("/test.flv?key1={digest}&key2=55CE8100")).is_ok());
    assert!(at(&format!("/test.flv?KEY2=55CE8100&a=b&key1={digest}")).is_ok());
    assert!(at(&format!("/test.flv?Key1={digest}&KEY2=55CE8100")).is_err());
    let twice = at(&format!("/test.flv?KEY1={digest}&key1={digest}&KEY2=55CE8100"));
    assert!(matches!(twice.unwrap_err().reason, Reason::Duplicate(_)));
    // The time is hashed as it is written.
    assert!(at(&format!("/test.flv?KEY1={digest}&KEY2=55ce8100")).is_err());
    for target in ["/test.flv", "/test.flv?a=b", "/a/b", "/"] {
        assert_eq!(at(target).unwrap_err().header(), "denied by req auth: no <encoded> or <plain>");
    }
    let half = at(&format!("/test.flv?KEY1={digest}")).unwrap_err();
    assert_eq!(half.header(), "denied by req auth: no <encoded> or <plain>");
}

#[test]
fn what_is_left_of_the_query_is_left_as_it_was() {
    for settings in all_settings() {
        for query in ["x=1", "b=2&a=1&b=2", "a&&b=%7E%7e+~&", "=", "&", "%ff=\"'<>", "x=1&amp;y"] {
            let target = link(&settings, &format!("/a/b?{query}"));
            let pass = get(&settings, &target, NOW).unwrap();
            assert_eq!((pass.path, pass.query.as_deref()), ("/a/b", Some(query)));
        }
        let target = link(&settings, "/a/b");
        assert_eq!(get(&settings, &target, NOW).unwrap().query, None);
    }
    // From the middle, too.
    let settings = settings(Scheme::AliF, ALI);
    let (digest, time) = ("a37fa50a5fb8f71214b1e7c95ec7a1bd", "55CE8100");
    let target = format!("/test.flv?b=2&sign={digest}&a=1&&time={time}&b=3");
    let pass = get(&settings, &target, 1_439_596_800).unwrap();
    assert_eq!(pass.query.as_deref(), Some("b=2&a=1&&b=3"));
}

/// 101 characters.
const LONG: &str = "0123456789012345678901234567890123456789012345678901234567890123456789\
    0123456789012345678901234567890";

#[test]
fn what_cannot_be_signed() {
    let now = UnixMillis::from_secs(NOW);
    for settings in all_settings() {
        for path in ["a", "/a/../b", "/a%2fb", "/a b", "/\u{e9}", "/%", "/a?x#y/../z\n"] {
            let made = sign(&settings, &plain(&settings, path), now);
            let query_only = path.contains('?');
            assert!(made.is_err() || query_only, "{}: {path}", settings.scheme());
        }
    }
    let a = settings(Scheme::AliA, ALI);
    let with = |choose: &dyn Fn(&mut refgate::domain::urlsign::Link<'_>)| {
        let mut link = plain(&a, "/a");
        choose(&mut link);
        sign(&a, &link, now).unwrap_err()
    };
    let unsupported = |err| matches!(err, CannotSign::Unsupported(..));
    assert!(unsupported(with(&|link| link.preview = Some(1))));
    assert!(unsupported(with(&|link| link.clients = Some(1))));
    assert!(unsupported(with(&|link| link.lists.whref = Some("a.com"))));
    assert!(unsupported(with(&|link| link.scope = Scope::Directory(1))));
    assert!(unsupported(with(&|link| link.method = Some("GET"))));
    assert!(unsupported(with(&|link| link.client = Some([1, 2, 3, 4].into()))));
    for random in ["a-b", "a b", "ä", LONG] {
        assert!(matches!(with(&|link| link.random = Some(random)), CannotSign::Refused(_)));
    }
    let twice = sign(&a, &plain(&a, "/a?auth_key=1"), now).unwrap_err();
    assert!(matches!(twice, CannotSign::Refused(_)), "{twice}");
    // A time that ten digits cannot hold, and one before the epoch.
    for far in [9_999_999_000, -1_000_000] {
        let made = sign(&a, &plain(&a, "/a"), UnixMillis::from_secs(far + 2000));
        let early = far < 0;
        assert!(made.is_err() == (early || far + 2000 > 9_999_999_999), "{far}");
    }
    let nginx = settings(Scheme::Nginx, ANY);
    let mut link = plain(&nginx, "/a");
    link.client = None;
    assert!(unsupported(sign(&nginx, &link, now).unwrap_err()), "its expression needs a client");
}

#[test]
fn limits_of_tencent_vod_that_cannot_be_read() {
    let mut choices = Choices::new(Scheme::TencentVod);
    choices.profile = Some(Profile::Compat);
    let compat = with_key(choices.clone(), ANY);
    let zeros = "0".repeat(32);
    #[rustfmt::skip]
    let table = [
        ("exper=01",          "exper"),  ("exper=-1",          "exper"),
        ("exper=1e3",         "exper"),  ("exper=9999999999",  "exper"),
        ("rlimit=10",         "rlimit"), ("rlimit=03",         "rlimit"),
        ("rlimit=-1",         "rlimit"), ("rlimit=x",          "rlimit"),
        ("us=a-b",            "us"),     ("us=%41",            "us"),
        ("whref=x",           "whref"),  ("bkref=http://a.b",  "bkref"),
        ("whreg=chn",         "whreg"),  ("bkreg=CHN,",        "bkreg"),
    ];
    for (query, name) in table {
        let target = format!("/a?t=ffffffff&{query}&sign={zeros}");
        let want = format!("denied by req auth: invalid url arg {name}");
        assert_eq!(denied(&compat, &target, NOW), want, "{query}");
    }
    // Regions are refused with a clear message where nobody knows them.
    let target = format!("/a?t=ffffffff&whreg=CHN&sign={zeros}");
    assert!(denied(&compat, &target, NOW).contains("unsupported url arg whreg"));
    choices.regions = Regions::Known;
    assert!(denied(&with_key(choices, ANY), &target, NOW).contains("invalid md5hash"));
    // What must be there when strict.
    let strict = settings(Scheme::TencentVod, ANY);
    for (query, want) in [
        ("rlimit=0&us=a123456789", "no url arg exper"),
        ("exper=0&us=a123456789", "no url arg rlimit"),
        ("exper=&rlimit=0&us=a123456789", "no url arg exper"),
        ("exper=0&rlimit=0", "invalid url arg us"),
        ("exper=0&rlimit=0&us=a12345678", "invalid url arg us"),
        ("exper=0&rlimit=0&us=1123456789&whref=a.com", "invalid url arg us"),
        ("exper=0&rlimit=0&us=a123456789&bkref=a.com", "invalid url arg bkref"),
        ("exper=0&rlimit=0&us=a123456789&bkreg=CHN", "invalid url arg bkreg"),
    ] {
        let target = format!("/a?t=ffffffff&{query}&sign={zeros}");
        assert!(denied(&strict, &target, NOW).ends_with(want), "{query}");
    }
}

#[test]
fn errors_of_settings_are_single_lines() {
    let all = [
        InvalidSettings::Foreign(Scheme::AliA, "profile"),
        InvalidSettings::Validity(Scheme::AliA, 31_536_000),
        InvalidSettings::Tolerance,
        InvalidSettings::Name,
    ];
    assert!(all.iter().all(|err| !err.to_string().contains('\n')));
}
