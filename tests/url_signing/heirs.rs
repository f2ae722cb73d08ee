//! What a playlist leads to inherits from the link to the playlist.

use refgate::domain::secret::SecretKey;
use refgate::domain::time::UnixMillis;
use refgate::domain::urlsign::playlist::{Place, Reach, rewrite};
use refgate::domain::urlsign::{
    Child, Choices, Link, Pass, Profile, Scheme, Scope, Settings, Slot, Target, sign, verify,
};

use super::support::{
    ANY, CLIENT, NOW, all_settings, get, link, plain, request, settings, with_key,
};

fn made(settings: &Settings, link: &Link<'_>) -> String {
    sign(settings, link, UnixMillis::from_secs(NOW)).unwrap().target
}

fn child(settings: &Settings, pass: &Pass<'_>, child: Child, target: &str) -> String {
    pass.sign_child(settings, child, Target::split(target)).unwrap()
}

#[test]
fn a_child_ends_with_its_playlist() {
    for settings in all_settings() {
        let scheme = settings.scheme();
        let target = link(&settings, "/v/1/index.m3u8");
        // Late in its life: what is signed now must not live longer.
        let until = get(&settings, &target, NOW).unwrap().until;
        let pass = get(&settings, &target, until).unwrap();
        for path in ["/v/1/s1.ts", "/v/1/720p/s1.ts?a=1", "/v/2/s1.ts"] {
            let segment = child(&settings, &pass, Child::Media, path);
            let read = get(&settings, &segment, until).unwrap();
            assert_eq!(read.until, until, "{scheme}: {segment}");
            assert_eq!(
                Target { path: read.path, query: read.query.as_deref() },
                Target::split(path)
            );
            assert!(get(&settings, &segment, until + 1).is_err(), "{scheme}");
            let other = segment.replace("s1.ts", "s2.ts");
            let opens_directory = scheme == Scheme::TencentVod;
            assert_eq!(get(&settings, &other, until).is_ok(), opens_directory, "{scheme}");
        }
        for bad in ["/v/1/..%2fx", "/v/../x", "x"] {
            assert!(pass.sign_child(&settings, Child::Media, Target::split(bad)).is_err());
        }
        if !target.starts_with("/v/1/index.m3u8?") {
            continue; // signed by path
        }
        let signed = format!("/v/1/x?{}", target.split_once('?').unwrap().1);
        assert!(
            pass.sign_child(&settings, Child::Media, Target::split(&signed)).is_err(),
            "{scheme}"
        );
    }
}

#[test]
fn a_child_is_signed_by_the_primary_key() {
    let (old, new) = ("0123456789abcdefghijklmnopqrstuv", "zyxwvutsrqponmlkjihgfedcba987654");
    for scheme in Scheme::ALL {
        let secret = |text: &str| SecretKey::new(text.to_owned());
        let target = link(&settings(*scheme, old), "/v/1/index.m3u8");
        let choices = Choices::new(*scheme);
        let both = Settings::new(choices, secret(new), Some(secret(old))).unwrap();
        let pass = get(&both, &target, NOW).unwrap();
        assert_eq!(pass.key, Slot::Secondary, "{scheme}");
        let segment = child(&both, &pass, Child::Media, "/v/1/s1.ts");
        assert_eq!(get(&both, &segment, NOW).unwrap().key, Slot::Primary, "{scheme}");
    }
}

#[test]
fn a_directory_needs_one_signature() {
    let settings = settings(Scheme::Refgate, ANY);
    let mut link = plain(&settings, "/v/1/index.m3u8");
    link.scope = Scope::Directory(2);
    let target = made(&settings, &link);
    let pass = get(&settings, &target, NOW).unwrap();
    let auth = target.split_once('?').unwrap().1;
    let segment = child(&settings, &pass, Child::Media, "/v/1/720p/s.ts");
    assert_eq!(segment, format!("/v/1/720p/s.ts?{auth}"));
    let outside = child(&settings, &pass, Child::Media, "/v/2/s.ts");
    assert!(outside.contains("~f~") && get(&settings, &outside, NOW).is_ok());
}

#[test]
fn a_child_counts_towards_the_limit_of_its_playlist_and_keeps_its_client() {
    let settings = settings(Scheme::Refgate, ANY);
    let mut link = plain(&settings, "/v/1/index.m3u8");
    (link.clients, link.client, link.method) = (Some(3), Some(CLIENT.into()), Some("GET"));
    let target = made(&settings, &link);
    let pass = get(&settings, &target, NOW).unwrap();
    let segment = child(&settings, &pass, Child::Media, "/v/1/s.ts");
    let read = get(&settings, &segment, NOW).unwrap();
    assert_eq!(read.limits.clients, pass.limits.clients);
    let key = child(&settings, &read, Child::Media, "/v/1/k");
    assert_eq!(get(&settings, &key, NOW).unwrap().limits.clients, pass.limits.clients);
    for (method, client) in [("HEAD", CLIENT), ("GET", [198, 51, 100, 1])] {
        let request = refgate::domain::urlsign::Request {
            method,
            client: Some(client.into()),
            ..request(&segment)
        };
        assert!(verify(&settings, &request, UnixMillis::from_secs(NOW)).is_err(), "{method}");
    }
}

fn preview(settings: &Settings) -> String {
    let mut link = plain(settings, "/v/1/index.m3u8");
    (link.preview, link.clients, link.lists.whref) = (Some(15), Some(2), Some("abc.com"));
    made(settings, &link)
}

/// A signature of Tencent VOD opens a directory, so segments of a preview have tickets.
#[test]
fn a_preview_of_tencent_vod_is_not_lifted_by_its_segments() {
    let settings = settings(Scheme::TencentVod, ANY);
    let target = preview(&settings);
    let pass = get(&settings, &target, NOW).unwrap();
    assert_eq!(pass.limits.preview, Some(15));

    let segment = child(&settings, &pass, Child::Media, "/v/1/s0.ts?a=1");
    assert!(segment.starts_with("/v/1/s0.ts?a=1&rg-ticket=1~"), "{segment}");
    let read = get(&settings, &segment, NOW).unwrap();
    assert_eq!(read.limits.preview, None, "this file is part of the preview");
    assert_eq!(read.limits.clients, pass.limits.clients, "of the same link");
    assert_eq!(read.limits.referers, pass.limits.referers);
    let embedded =
        |site: &'static [u8]| read.limits.check_lists([site], None).map_err(|it| it.header());
    assert_eq!(embedded(b"https://abc.com/"), Ok(()));
    assert_eq!(embedded(b"https://evil.net/"), Err("denied by Referer ACL".to_owned()));
    assert_eq!((read.until, read.query.as_deref()), (pass.until, Some("a=1")));
    assert!(get(&settings, &segment, pass.until + 1).is_err());
    for other in ["s1.ts", "index.m3u8", "../1/s1.ts"] {
        assert!(get(&settings, &segment.replace("s0.ts", other), NOW).is_err(), "{other}");
    }
    let widened = segment.replace("abc.com", "evil.net");
    assert!(get(&settings, &widened, NOW).is_err());
    let both = format!("{segment}&{}", target.split_once('?').unwrap().1);
    assert!(get(&settings, &both, NOW).is_err(), "a ticket signs the query");

    let variant = child(&settings, &pass, Child::Playlist, "/v/1/720p/index.m3u8");
    let read = get(&settings, &variant, NOW).unwrap();
    assert_eq!(read.limits.preview, Some(15), "a playlist is cut by itself");
    assert_eq!(read.limits.referers, pass.limits.referers);

    // A ticket opens nothing new, whatever the file is.
    let ticket = get(&settings, &segment, NOW).unwrap();
    let next = child(&settings, &ticket, Child::Playlist, "/v/1/k");
    assert!(next.contains("rg-ticket="), "{next}");
}

#[test]
fn tickets_are_of_tencent_vod_alone() {
    let vod = settings(Scheme::TencentVod, ANY);
    let target = preview(&vod);
    let ticket = child(&vod, &get(&vod, &target, NOW).unwrap(), Child::Media, "/v/1/s0.ts");
    for settings in all_settings() {
        let passes = get(&settings, &ticket, NOW).is_ok();
        assert_eq!(passes, settings.scheme() == Scheme::TencentVod, "{}", settings.scheme());
    }
    let own = ticket.replace("rg-ticket", "rg-auth");
    assert!(get(&settings(Scheme::Refgate, ANY), &own, NOW).is_err());
}

#[test]
fn a_playlist_is_rewritten_and_every_link_of_it_passes() {
    let text = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXT-X-MAP:URI=\"init.mp4\"\n\
        #EXT-X-KEY:METHOD=AES-128,URI=\"keys/k.bin\"\n#EXTINF:10,\ns0.ts\n#EXTINF:10,\n/v/1/s1.ts\n\
        #EXTINF:10,\nhttps://cdn.example.com/v/1/s2.ts?a=1\n#EXT-X-ENDLIST\n";
    let place = Place { host: "cdn.example.com", path: "/v/1/index.m3u8", reach: Reach::Directory };
    for settings in all_settings() {
        let target = link(&settings, "/v/1/index.m3u8");
        let pass = get(&settings, &target, NOW).unwrap();
        let sign = |child, target: Target<'_>| pass.sign_child(&settings, child, target).ok();
        let written = rewrite(text.as_bytes(), &place, pass.limits.preview, sign).unwrap();
        let links = written.lines().filter_map(|line| match line.split_once("URI=\"") {
            Some((_, rest)) => rest.split('"').next(),
            None => (!line.starts_with('#')).then_some(line),
        });
        let links: Vec<_> = links.collect();
        assert_eq!(links.len(), 5, "{written}");
        for link in links {
            let target = link.strip_prefix("https://cdn.example.com").unwrap_or(link);
            assert!(get(&settings, target, NOW).is_ok(), "{}: {link}", settings.scheme());
        }
        assert_eq!(written.lines().count(), text.lines().count());
    }
}

#[test]
fn a_preview_is_cut_and_its_links_open_nothing_more() {
    let mut choices = Choices::new(Scheme::TencentVod);
    choices.profile = Some(Profile::Compat);
    let settings = with_key(choices, ANY);
    let mut link = plain(&settings, "/v/1/index.m3u8");
    link.preview = Some(15);
    let target = made(&settings, &link);
    let pass = get(&settings, &target, NOW).unwrap();
    let text =
        "#EXTM3U\n#EXTINF:10,\ns0.ts\n#EXTINF:10,\ns1.ts\n#EXTINF:10,\ns2.ts\n#EXT-X-ENDLIST\n";
    let place = Place { host: "h", path: pass.path, reach: Reach::Directory };
    let sign = |child, target: Target<'_>| pass.sign_child(&settings, child, target).ok();
    let written = rewrite(text.as_bytes(), &place, pass.limits.preview, sign).unwrap();
    let links: Vec<_> = written.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(links.len(), 2, "20 of 30 seconds: {written}");
    for link in links {
        assert!(get(&settings, link, NOW).is_ok());
        assert!(
            get(&settings, &link.replace("/s0.", "/s2.").replace("/s1.", "/s2."), NOW).is_err()
        );
    }
}
