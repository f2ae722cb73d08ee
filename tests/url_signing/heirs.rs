//! What a playlist leads to inherits from the link to the playlist.

use refgate::domain::secret::SecretKey;
use refgate::domain::time::UnixMillis;
use refgate::domain::urlsign::playlist::{Place, Reach, longest, rewrite};
use refgate::domain::urlsign::{
    Child, Choices, Link, Parent, Pass, Profile, Scheme, Scope, Settings, Slot, Target, sign,
    verify,
};

use super::support::{
    ANY, CLIENT, NOW, all_settings, get, link, plain, request, settings, with_key,
};

fn made(settings: &Settings, link: &Link<'_>) -> String {
    sign(settings, link, UnixMillis::from_secs(NOW)).unwrap().target
}

fn parent<'p>(settings: &'p Settings, pass: &'p Pass<'p>) -> Parent<'p> {
    Parent::new(settings, pass).unwrap()
}

fn child(settings: &Settings, pass: &Pass<'_>, child: Child, target: &str) -> String {
    parent(settings, pass).sign_child(child, Target::split(target)).unwrap()
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
            // Elsewhere a signature of the scheme would open another directory.
            let opens_directory = scheme == Scheme::TencentVod && path == "/v/1/s1.ts";
            assert_eq!(get(&settings, &other, until).is_ok(), opens_directory, "{scheme}");
        }
        for bad in ["/v/1/..%2fx", "/v/../x", "x"] {
            assert!(parent(&settings, &pass).sign_child(Child::Media, Target::split(bad)).is_err());
        }
        if !target.starts_with("/v/1/index.m3u8?") {
            continue; // signed by path
        }
        let signed = format!("/v/1/x?{}", target.split_once('?').unwrap().1);
        assert!(
            parent(&settings, &pass).sign_child(Child::Media, Target::split(&signed)).is_err(),
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

#[test]
fn who_has_no_signature_has_no_heirs() {
    let (ours, other) = (settings(Scheme::AliA, ANY), settings(Scheme::Refgate, ANY));
    let target = link(&ours, "/v/1/index.m3u8");
    let pass = get(&ours, &target, NOW).unwrap();
    assert!(Parent::new(&ours, &pass).is_ok());
    assert!(Parent::new(&other, &pass).is_err());
}

/// What a playlist's links may reach: what the link to it opens anyway.
#[test]
fn a_link_opens_a_directory() {
    for settings in all_settings() {
        let target = link(&settings, "/v/1/index.m3u8");
        let pass = get(&settings, &target, NOW).unwrap();
        assert_eq!(parent(&settings, &pass).directory(), "/v/1/", "{}", settings.scheme());
    }
    let settings = settings(Scheme::Refgate, ANY);
    for (depth, want) in [(0, "/"), (1, "/v/"), (2, "/v/1/")] {
        let mut link = plain(&settings, "/v/1/index.m3u8");
        link.scope = Scope::Directory(depth);
        let target = made(&settings, &link);
        assert_eq!(parent(&settings, &get(&settings, &target, NOW).unwrap()).directory(), want);
    }
}

/// Every link whose clients can be counted: by scheme, profile, scope and preview.
fn counted() -> Vec<(String, Settings, Link<'static>)> {
    let mut all = Vec::new();
    for profile in [Profile::Strict, Profile::Compat] {
        let mut choices = Choices::new(Scheme::TencentVod);
        choices.profile = Some(profile);
        let settings = with_key(choices, ANY);
        for preview in [None, Some(60)] {
            let mut link = plain(&settings, "/v/1/index.m3u8");
            (link.clients, link.preview, link.lists.whref) = (Some(1), preview, Some("abc.com"));
            all.push((format!("tencent-vod {profile:?} {preview:?}"), settings.clone(), link));
        }
    }
    let own = settings(Scheme::Refgate, ANY);
    for scope in [Scope::File, Scope::Directory(0), Scope::Directory(2)] {
        let mut link = plain(&own, "/v/1/index.m3u8");
        (link.clients, link.scope) = (Some(1), scope);
        all.push((format!("refgate {scope:?}"), own.clone(), link));
    }
    let counting = Scheme::ALL.iter().filter(|scheme| scheme.counts_clients()).count();
    assert_eq!(counting, 2, "every scheme that counts clients is here");
    all
}

/// Where a child lies, which key verified its playlist, and how many playlists lie between: its
/// clients are those of the first link, and a preview stays one.
#[test]
fn seats_are_counted_once_however_deep_and_wherever_the_children_lie() {
    let old = "zyxwvutsrqponmlkjihgfedcba987654";
    for (name, by_one, link) in counted() {
        let by_old = with_key(by_one.choices().clone(), old);
        let secret = |text: &str| SecretKey::new(text.to_owned());
        let choices = by_one.choices().clone();
        let both = Settings::new(choices, secret(ANY), Some(secret(old))).unwrap();
        for (key, target) in [(ANY, made(&by_one, &link)), (old, made(&by_old, &link))] {
            let pass = get(&both, &target, NOW).unwrap();
            let (clients, preview) = (pass.limits.clients, pass.limits.preview);
            assert!(clients.is_some(), "{name}");
            for path in ["/v/1/a", "/v/1/720/a", "/v/2/a", "/a", "/v/1/720/x/a?b=1"] {
                let variant = child(&both, &pass, Child::Playlist, path);
                let inner = get(&both, &variant, NOW).unwrap();
                let context = format!("{name}, by {key}: {variant}");
                assert_eq!(
                    (inner.limits.clients, inner.limits.preview),
                    (clients, preview),
                    "{context}"
                );
                assert_eq!(inner.until, pass.until, "{context}");
                for deeper in ["/v/1/b", "/v/1/720/b", "/v/2/b?c=1", "/b"] {
                    for (kind, left) in [(Child::Playlist, preview), (Child::Media, None)] {
                        let target = child(&both, &inner, kind, deeper);
                        let last = get(&both, &target, NOW).unwrap();
                        assert_eq!(
                            (last.limits.clients, last.limits.preview),
                            (clients, left),
                            "{context} {target}"
                        );
                        assert_eq!(
                            last.limits.referers, pass.limits.referers,
                            "{context} {target}"
                        );
                    }
                }
            }
        }
    }
}

/// Links that differ in nothing but their random text are two, whose clients are counted apart; and
/// so are those of their children.
#[test]
fn every_link_has_seats_of_its_own() {
    let settings = settings(Scheme::TencentVod, ANY);
    let seats = |us, path| {
        let mut link = plain(&settings, "/v/1/index.m3u8");
        (link.clients, link.random) = (Some(1), Some(us));
        let target = made(&settings, &link);
        let pass = get(&settings, &target, NOW).unwrap();
        let segment = child(&settings, &pass, Child::Media, path);
        get(&settings, &segment, NOW).unwrap().limits.clients.unwrap().link
    };
    for path in ["/v/1/s.ts", "/v/1/720/s.ts"] {
        assert_ne!(seats("a123456789", path), seats("b123456789", path), "{path}");
    }
    assert_eq!(seats("a123456789", "/v/1/s.ts"), seats("a123456789", "/v/1/720/s.ts"));
}

#[test]
fn a_ticket_opens_its_file_and_says_what_it_said() {
    let settings = settings(Scheme::TencentVod, ANY);
    let mut link = plain(&settings, "/v/1/index.m3u8");
    (link.preview, link.clients) = (Some(60), Some(2));
    let target = made(&settings, &link);
    let pass = get(&settings, &target, NOW).unwrap();
    let variant = child(&settings, &pass, Child::Playlist, "/v/1/720/i.m3u8");
    assert!(get(&settings, &variant, NOW).is_ok());
    #[rustfmt::skip]
    let table = [
        ("another file",       "/720/i.m3u8", "/720/j.m3u8"),
        ("a longer preview",   "~60~",        "~61~"),
        ("no preview",         "~60~",        "~-~"),
        ("another spelling",   "~60~",        "~060~"),
        ("more clients",       "~2.",         "~9."),
    ];
    for (name, from, to) in table {
        let forged = variant.replace(from, to);
        assert_ne!(forged, variant, "{name}");
        assert!(get(&settings, &forged, NOW).is_err(), "{name}");
    }
}

/// What room a playlist needs is known before its links are signed.
#[test]
fn how_long_a_signature_is_is_known_before() {
    let more = counted().into_iter().map(|(_, settings, link)| {
        let target = made(&settings, &link);
        (settings, target)
    });
    let plain = all_settings().into_iter().map(|settings| {
        let target = link(&settings, "/v/1/index.m3u8");
        (settings, target)
    });
    for (settings, target) in more.chain(plain) {
        let pass = get(&settings, &target, NOW).unwrap();
        let variant = child(&settings, &pass, Child::Playlist, "/v/3/index.m3u8");
        for pass in [&pass, &get(&settings, &variant, NOW).unwrap()] {
            let most = parent(&settings, pass).longest_signature();
            assert!((30..400).contains(&most), "{}: {most}", settings.scheme());
            for path in ["/v/1/s.ts", "/v/1/x/s.ts", "/v/2/s.ts?", "/s.ts?a=1&b"] {
                for kind in [Child::Playlist, Child::Media] {
                    let signed = child(&settings, pass, kind, path);
                    assert!(signed.len() <= path.len() + most, "{signed}");
                }
            }
        }
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
    let reach = Reach::Within("/v/1/");
    let place = Place { host: "cdn.example.com", path: "/v/1/index.m3u8", reach };
    for settings in all_settings() {
        let target = link(&settings, "/v/1/index.m3u8");
        let pass = get(&settings, &target, NOW).unwrap();
        let parent = parent(&settings, &pass);
        let sign = |child, target: Target<'_>| parent.sign_child(child, target).ok();
        let most = longest(text.as_bytes(), &place, parent.longest_signature());
        let written = rewrite(text.as_bytes(), &place, None, most, sign).unwrap().text;
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
    let parent = parent(&settings, &pass);
    let place = Place { host: "h", path: pass.path, reach: Reach::Within(parent.directory()) };
    let sign = |child, target: Target<'_>| parent.sign_child(child, target).ok();
    let most = longest(text.as_bytes(), &place, parent.longest_signature());
    let written = rewrite(text.as_bytes(), &place, pass.limits.preview, most, sign).unwrap().text;
    let links: Vec<_> = written.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(links.len(), 2, "20 of 30 seconds: {written}");
    for link in links {
        assert!(get(&settings, link, NOW).is_ok());
        assert!(
            get(&settings, &link.replace("/s0.", "/s2.").replace("/s1.", "/s2."), NOW).is_err()
        );
    }
}
