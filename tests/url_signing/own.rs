//! refgate's own scheme.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use refgate::domain::secret::SecretKey;
use refgate::domain::time::UnixMillis;
use refgate::domain::urlsign::{
    Choices, Link, Request, Scheme, Scope, Settings, Slot, Target, sign, verify,
};
use sha2::Sha256;

use super::support::{ANY, NOW, denied, get, link, settings, with_key};

fn own() -> Settings {
    settings(Scheme::Refgate, ANY)
}

fn hmac(key: &str, text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn made(settings: &Settings, target: &str, choose: impl FnOnce(&mut Link<'_>)) -> String {
    let mut link = Link::new(Target::split(target));
    choose(&mut link);
    sign(settings, &link, UnixMillis::from_secs(NOW)).unwrap().target
}

fn ask(settings: &Settings, method: &str, target: &str, client: Option<&str>) -> bool {
    let client = client.map(|text| text.parse::<IpAddr>().unwrap());
    let request = Request { method, target: Target::split(target), client };
    verify(settings, &request, UnixMillis::from_secs(NOW)).is_ok()
}

/// The text as it is described, put together by hand.
#[test]
fn the_text_is_the_described_one() {
    let kid = hex::encode(&hmac(ANY, "refgate key id")[..4]);
    let target = made(&own(), "/a/b.mp4?y=2&x=1", |link| link.client = Some([192, 0, 2, 7].into()));
    let until = NOW + 1800;
    let text = format!("v1\n{kid}\n{until}\nf\n-\n/a/b.mp4\nx=1&y=2\n192.0.2.0/24\n-");
    let token = URL_SAFE_NO_PAD.encode(hmac(ANY, &text));
    assert_eq!(target, format!("/a/b.mp4?y=2&x=1&rg-auth=1~{kid}~{until}~f~-~n~-~{token}"));
}

#[test]
fn a_file_is_signed_with_its_query_in_any_order() {
    let target = link(&own(), "/a/b.mp4?x=1&y=2");
    let (_, auth) = target.rsplit_once('&').unwrap();
    for (name, query, good) in [
        ("as it was", "x=1&y=2", true),
        ("in another order", "y=2&x=1", true),
        ("another value", "x=1&y=3", false),
        ("one more", "x=1&y=2&z=3", false),
        ("one more of a name", "x=1&y=2&x=1", false),
        ("one less", "x=1", false),
        ("an empty part", "x=1&y=2&", false),
    ] {
        assert_eq!(get(&own(), &format!("/a/b.mp4?{query}&{auth}"), NOW).is_ok(), good, "{name}");
        assert_eq!(get(&own(), &format!("/a/b.mp4?{auth}&{query}"), NOW).is_ok(), good, "{name}");
    }
    let pass = get(&own(), &target, NOW).unwrap();
    assert_eq!((pass.query.as_deref(), pass.query_is_signed), (Some("x=1&y=2"), true));
}

#[test]
fn a_directory_is_signed_with_all_below_it() {
    let target = made(&own(), "/v/1/index.m3u8", |link| link.scope = Scope::Directory(2));
    let auth = target.split_once('?').unwrap().1;
    for (path, good) in [
        ("/v/1/index.m3u8", true),
        ("/v/1/", true),
        ("/v/1/720p/s1.ts", true),
        ("/v/1", false),
        ("/v/2/index.m3u8", false),
        ("/v/11/index.m3u8", false),
        ("/w/1/index.m3u8", false),
        ("/v/1%2f../2/x", false),
        ("/v/1/../2/x", false),
    ] {
        assert_eq!(get(&own(), &format!("{path}?{auth}"), NOW).is_ok(), good, "{path}");
    }
    let pass = get(&own(), &target, NOW).unwrap();
    assert!(!pass.query_is_signed);
    assert!(get(&own(), &format!("/v/1/a?x=1&{auth}"), NOW).is_ok(), "with any query");
    // A deeper or a shallower directory, or the file alone, is another signature.
    for scope in ["d0", "d1", "d3", "f", "d02"] {
        let changed = target.replace("~d2~", &format!("~{scope}~"));
        assert!(get(&own(), &changed, NOW).is_err(), "{scope}");
    }
}

#[test]
fn a_method_and_a_network_can_be_signed() {
    let target = made(&own(), "/a", |link| link.method = Some("GET"));
    assert!(ask(&own(), "GET", &target, None));
    assert!(!ask(&own(), "HEAD", &target, None));
    assert!(!ask(&own(), "GET", &target.replace("~GET~", "~HEAD~"), None));
    assert!(!ask(&own(), "HEAD", &target.replace("~GET~", "~-~"), None));

    let bound =
        |client: &str| made(&own(), "/a", |link| link.client = Some(client.parse().unwrap()));
    let (four, six) = (bound("192.0.2.7"), bound("2001:db8:1:2:3::4"));
    #[rustfmt::skip]
    let table = [
        ("the address itself",       &four, Some("192.0.2.7"),          true),
        ("one of its network",       &four, Some("192.0.2.250"),        true),
        ("its mapped form",          &four, Some("::ffff:192.0.2.9"),   true),
        ("the next network",         &four, Some("192.0.3.7"),          false),
        ("nobody",                   &four, None,                       false),
        ("an address of IPv6",       &four, Some("2001:db8::1"),        false),
        ("the address itself (6)",   &six,  Some("2001:db8:1:2:3::4"),  true),
        ("one of its network (6)",   &six,  Some("2001:db8:1:2:ffff::"), true),
        ("the next network (6)",     &six,  Some("2001:db8:1:3::4"),    false),
    ];
    for (name, target, client, good) in table {
        assert_eq!(ask(&own(), "GET", target, client), good, "{name}");
    }
    assert!(!ask(&own(), "GET", &four.replace("~n~", "~-~"), Some("192.0.2.7")));
}

#[test]
fn every_field_is_signed_and_has_one_spelling() {
    let target = made(&own(), "/a", |link| link.clients = Some(3));
    assert!(get(&own(), &target, NOW).is_ok());
    let (path, auth) = target.split_once("?rg-auth=").unwrap();
    let fields: Vec<_> = auth.split('~').collect();
    let [_, kid, exp, _, _, _, _, token] = fields[..] else { panic!("{auth}") };
    let upper = kid.to_uppercase();
    let later = (exp.parse::<i64>().unwrap() + 1).to_string();
    let padded = format!("{token}=");
    let changed: Vec<(usize, &str)> = vec![
        (0, "2"),
        (0, "01"),
        (0, ""),
        (1, "00000000"),
        (1, &upper),
        (1, ""),
        (2, &later),
        (2, "0"),
        (2, "-1"),
        (2, "99999999999999999999"),
        (2, ""),
        (3, "d0"),
        (3, "F"),
        (3, ""),
        (3, "file"),
        (4, "GET"),
        (4, "PUT"),
        (4, "get"),
        (4, ""),
        (5, "n"),
        (5, "N"),
        (5, ""),
        (6, "-"),
        (6, "9"),
        (6, "0"),
        (6, "10"),
        (6, "03"),
        (6, "3."),
        (6, "3.00"),
        (6, ""),
        (6, "3.00000000000000000000000000000000"),
        (7, ""),
        (7, "AAAA"),
        (7, &padded),
    ];
    for (at, value) in changed {
        let mut fields = fields.clone();
        if fields[at] == value {
            continue;
        }
        fields[at] = value;
        let changed = format!("{path}?rg-auth={}", fields.join("~"));
        assert!(get(&own(), &changed, NOW).is_err(), "{changed}");
    }
    for changed in [format!("{auth}~"), format!("~{auth}"), auth.replace('~', "%7E")] {
        assert!(get(&own(), &format!("{path}?rg-auth={changed}"), NOW).is_err(), "{changed}");
    }
}

/// The last character of 32 bytes in base64 has two bits that carry nothing.
#[test]
fn a_digest_has_one_spelling() {
    let target = link(&own(), "/a");
    let last = target.chars().last().unwrap();
    for other in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".chars() {
        let changed = format!("{}{other}", &target[..target.len() - 1]);
        assert_eq!(get(&own(), &changed, NOW).is_ok(), other == last, "{changed}");
    }
}

#[test]
fn limits_of_clients_belong_to_the_link() {
    let (a, b) = (made(&own(), "/a", |it| it.clients = Some(3)), link(&own(), "/b"));
    let clients = get(&own(), &a, NOW).unwrap().limits.clients.unwrap();
    assert_eq!(clients.max, 3);
    assert_eq!(get(&own(), &b, NOW).unwrap().limits.clients, None);
    let c = made(&own(), "/c", |it| it.clients = Some(3));
    assert_ne!(get(&own(), &c, NOW).unwrap().limits.clients.unwrap().link, clients.link);
}

#[test]
fn keys_rotate_without_a_refusal() {
    let (old, new) = (ANY, "another-key-of-at-least-32-chars!");
    let secret = |text: &str| SecretKey::new(text.to_owned());
    let with = |primary: &str, secondary: Option<&str>| {
        let choices = Choices::new(Scheme::Refgate);
        Settings::new(choices, secret(primary), secondary.map(secret)).unwrap()
    };
    let key = |settings: &Settings, target: &str| get(settings, target, NOW).map(|it| it.key);
    let before = with(old, None);
    let (put, swapped) = (with(old, Some(new)), with(new, Some(old)));
    let after = with(new, None);
    let (first, second) = (link(&before, "/a"), link(&swapped, "/a"));
    assert_eq!(key(&put, &first), Ok(Slot::Primary));
    assert_eq!(key(&put, &second), Ok(Slot::Secondary));
    assert_eq!(key(&swapped, &first), Ok(Slot::Secondary));
    assert_eq!(key(&swapped, &second), Ok(Slot::Primary));
    assert_eq!(key(&after, &second), Ok(Slot::Primary));
    assert!(key(&after, &first).is_err());
    assert_eq!(put.keys().id(Slot::Secondary), after.keys().id(Slot::Primary));
    // Of the other schemes, too.
    for scheme in Scheme::ALL {
        let with = |primary: &str, secondary: Option<&str>| {
            let choices = Choices::new(*scheme);
            Settings::new(choices, secret(primary), secondary.map(secret)).unwrap()
        };
        let (old, new) = ("0123456789abcdefghijklmnopqrstuv", "zyxwvutsrqponmlkjihgfedcba987654");
        let first = link(&with(old, None), "/a/b");
        assert_eq!(key(&with(new, Some(old)), &first), Ok(Slot::Secondary), "{scheme}");
        assert!(key(&with(new, None), &first).is_err(), "{scheme}");
    }
}

#[test]
fn the_parameter_can_be_renamed() {
    let mut choices = Choices::new(Scheme::Refgate);
    choices.names = vec![("rg-auth".to_owned(), "token".to_owned())];
    let settings = with_key(choices, ANY);
    let target = link(&settings, "/a");
    assert!(target.starts_with("/a?token=1~"), "{target}");
    assert!(get(&settings, &target, NOW).is_ok());
    let want = "denied by req auth: no url arg token";
    assert_eq!(denied(&settings, &target.replace("token", "rg-auth"), NOW), want);
}
