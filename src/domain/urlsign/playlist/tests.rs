use super::*;

const PLACE: Place<'_> =
    Place { host: "cdn.example.com", path: "/v/1/index.m3u8", reach: Reach::Within("/v/1/") };

/// Marks what would be signed: `P` for playlists, `M` for media.
fn mark(child: Child, target: Target<'_>) -> String {
    let kind = match child {
        Child::Playlist => "P",
        Child::Media => "M",
    };
    let query = target.query.map(|query| format!("{query}&")).unwrap_or_default();
    format!("{}?{query}{kind}", target.path)
}

fn marked(text: &str, place: &Place<'_>, preview: Option<u32>) -> Result<String, InvalidPlaylist> {
    let most = longest(text.as_bytes(), place, "?M".len());
    let sign = |child, target: Target<'_>| Some(mark(child, target));
    rewrite(text.as_bytes(), place, preview, most, sign).map(|rewritten| rewritten.text)
}

/// What a line of a playlist becomes.
fn line(text: &str, place: &Place<'_>) -> String {
    let all = marked(&format!("#EXTM3U\n{text}\n"), place, None).unwrap();
    all.strip_prefix("#EXTM3U\n").unwrap().trim_end().to_owned()
}

#[test]
fn every_uri_of_a_playlist_is_signed() {
    #[rustfmt::skip]
    let table = [
        ("a segment",            "s1.ts",                       "/v/1/s1.ts?M"),
        ("a path",               "/v/1/s1.ts",                  "/v/1/s1.ts?M"),
        ("with a query",         "s1.ts?a=1&b",                 "/v/1/s1.ts?a=1&b&M"),
        ("with a fragment",      "s1.ts#t=1",                   "/v/1/s1.ts?M#t=1"),
        ("in a folder",          "720p/index.m3u8",             "/v/1/720p/index.m3u8?P"),
        ("with dots",            "./a/../b/s.ts",               "/v/1/b/s.ts?M"),
        ("the same host",        "https://cdn.example.com/v/1/s.ts", "https://cdn.example.com/v/1/s.ts?M"),
        ("its case",             "https://CDN.example.com/v/1/s.ts", "https://CDN.example.com/v/1/s.ts?M"),
        ("its usual port",       "http://cdn.example.com:80/v/1/s.ts", "http://cdn.example.com:80/v/1/s.ts?M"),
        ("without a scheme",     "//cdn.example.com/v/1/s.ts",  "//cdn.example.com/v/1/s.ts?M"),
        ("with another query", "?x=1",                          "/v/1/index.m3u8?x=1&P"),
        ("letters are escaped",  "\u{4e2d} 1.ts",               "/v/1/%E4%B8%AD%201.ts?M"),
        ("a key",      "#EXT-X-KEY:METHOD=AES-128,URI=\"k.bin\",IV=0x00",
                       "#EXT-X-KEY:METHOD=AES-128,URI=\"/v/1/k.bin?M\",IV=0x00"),
        ("an init section", "#EXT-X-MAP:URI=\"init.mp4\"", "#EXT-X-MAP:URI=\"/v/1/init.mp4?M\""),
        ("a rendition", "#EXT-X-MEDIA:TYPE=AUDIO,NAME=\"a,URI=b\",URI=\"a/x.m3u8\"",
                        "#EXT-X-MEDIA:TYPE=AUDIO,NAME=\"a,URI=b\",URI=\"/v/1/a/x.m3u8?P\""),
        ("frames", "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI=\"i\"",
                   "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI=\"/v/1/i?P\""),
        ("a tag that is not known", "#EXT-X-NEW:URI=\"x\"", "#EXT-X-NEW:URI=\"/v/1/x?M\""),
    ];
    for (name, text, want) in table {
        assert_eq!(line(text, &PLACE), want, "{name}");
    }
    let variant = "#EXT-X-STREAM-INF:BANDWIDTH=1\nlow\ns.ts";
    assert_eq!(line(variant, &PLACE), "#EXT-X-STREAM-INF:BANDWIDTH=1\n/v/1/low?P\n/v/1/s.ts?M");
}

#[test]
fn what_is_not_ours_stays_as_it_is() {
    #[rustfmt::skip]
    let table = [
        ("another host",              "https://other.example.com/v/1/s.ts"),
        ("a host that begins alike",  "https://cdn.example.com.evil.net/v/1/s.ts"),
        ("a user before the host",    "https://cdn.example.com@evil.net/v/1/s.ts"),
        ("another port",              "https://cdn.example.com:8443/v/1/s.ts"),
        ("another scheme",            "data:text/plain,x"),
        ("a file",                    "file:///etc/passwd"),
        ("a file on the host",        "ftp://cdn.example.com/v/1/s.ts"),
        ("out of the directory",      "../2/s.ts"),
        ("the root",                  "/s.ts"),
        ("far out",                   "../../../../etc/passwd"),
        ("a sibling",                 "/v/11/s.ts"),
        ("a variable",                "{$base}/s.ts"),
        ("a backslash",               "..\\2\\s.ts"),
        ("a comment",                 "# s.ts URI=\"s.ts\""),
        ("a tag without a URI",       "#EXT-X-KEY:METHOD=NONE"),
        ("a name that ends alike",    "#EXT-X-CONTENT-STEERING:SERVER-URI=\"s\""),
        ("a URI without quotes",      "#EXT-X-KEY:URI=k.bin"),
        ("a quote that does not end", "#EXT-X-KEY:URI=\"k.bin"),
    ];
    for (name, text) in table {
        assert_eq!(line(text, &PLACE), text, "{name}");
    }
    assert_eq!(
        marked("#EXTM3U\r\ns.ts\r\n\r\n", &PLACE, None).unwrap(),
        "#EXTM3U\r\n/v/1/s.ts?M\r\n\r\n"
    );
    let refused = rewrite(b"#EXTM3U\ns.ts", &PLACE, None, 12, |_, _| None).unwrap();
    assert_eq!(refused.text, "#EXTM3U\ns.ts", "a link that cannot be signed, and no line end");
}

#[test]
fn the_whole_host_is_signed_only_where_that_is_asked_for() {
    let place = Place { reach: Reach::Host, ..PLACE };
    assert_eq!(line("../2/s.ts", &place), "/v/2/s.ts?M");
    assert_eq!(line("../../../s.ts", &place), "/s.ts?M");
    assert_eq!(line("https://cdn.example.com", &place), "https://cdn.example.com/?M");
}

#[test]
fn what_lies_out_of_reach_is_counted() {
    let text = "#EXTM3U\ns.ts\n../s.ts\n/k.ts\nhttp://other.example/s.ts\n{$x}/s.ts\n../1/t.ts\n";
    for (reach, want) in [
        (Reach::Within("/v/1/"), 2),
        (Reach::Within("/v/"), 1),
        (Reach::Within("/"), 0),
        (Reach::Host, 0),
    ] {
        let place = Place { reach, ..PLACE };
        let sign = |child, target: Target<'_>| Some(mark(child, target));
        let written = rewrite(text.as_bytes(), &place, None, 1 << 10, sign).unwrap();
        assert_eq!(
            (written.beyond, written.text.matches("?M").count()),
            (want, 4 - want),
            "{reach:?}"
        );
    }
}

#[test]
fn what_is_no_playlist_is_refused() {
    let too_long = vec![b'x'; MAX_BYTES + 1];
    let too_many = format!("#EXTM3U\n{}", "a\n".repeat(MAX_LINKS + 1));
    #[rustfmt::skip]
    let table: [(&[u8], InvalidPlaylist); 6] = [
        (b"",                      InvalidPlaylist::NotAPlaylist),
        (b"<html>",                InvalidPlaylist::NotAPlaylist),
        (b"#EXTM3UX\n",            InvalidPlaylist::NotAPlaylist),
        (b"#EXTM3U\n\xff",         InvalidPlaylist::Encoding),
        (&too_long,                InvalidPlaylist::TooLarge),
        (too_many.as_bytes(),      InvalidPlaylist::TooLarge),
    ];
    for (bytes, want) in table {
        assert_eq!(rewrite(bytes, &PLACE, None, MAX_SIGNED_BYTES, |_, _| None), Err(want));
    }
    for first in
        ["\u{feff}#EXTM3U\n", "#EXTM3U", "#EXTM3U \r\n", "#EXTM3U a=\"b\"\n", "#EXTM3U\ta\n"]
    {
        assert_eq!(marked(first, &PLACE, None).as_deref(), Ok(first));
    }
}

/// A short playlist of links that become long ones: one key after another, and a segment. It cannot
/// be cut before that, and takes no more memory than was asked for.
#[test]
fn no_more_is_written_than_may_be() {
    let path = format!("/vod/{}/i.m3u8", "%E4%B8%AD".repeat(330));
    let place = Place { path: &path, reach: Reach::Host, ..PLACE };
    let keys = "#EXT-X-KEY:METHOD=NONE,URI=\"a\"\n".repeat(MAX_LINKS - 10);
    let text = format!("#EXTM3U\n{keys}#EXTINF:9,\ns.ts\n#EXT-X-ENDLIST\n");
    assert_eq!(longest(text.as_bytes(), &place, 100), MAX_SIGNED_BYTES);
    for preview in [None, Some(5)] {
        for most in [MAX_SIGNED_BYTES, 1 << 20, text.len(), 0] {
            let mut made = 0;
            let read = rewrite(text.as_bytes(), &place, preview, most, |_, target| {
                let signed = format!("{}?{}", target.path, "s".repeat(99));
                made += signed.len();
                Some(signed)
            });
            assert_eq!(read.err(), Some(InvalidPlaylist::TooLarge), "{preview:?} {most}");
            assert!(made <= most + path.len() + 101, "{preview:?}: {made} bytes of {most}");
        }
    }
    // A link that no request could have is not worked on.
    for uri in ["/".repeat(MAX_LINK_BYTES + 1), "a".repeat(1 << 20)] {
        assert_eq!(line(&uri, &PLACE), uri);
    }
}

#[test]
fn a_playlist_is_never_longer_than_was_foretold() {
    #[rustfmt::skip]
    let table = [
        "", "s.ts", "/", "https://cdn.example.com", "//cdn.example.com?x", "  s.ts  ", "s.ts#a b",
        "\u{4e2d} <\"`>.ts", "#EXT-X-KEY:URI=\"k 1\"", "\u{a0}#EXT-X-KEY:A=1,URI =\"k\",B=2",
        "#EXT-X-MAP:URI=\"\"", "a?b c#d", "?", "..", "a\r",
    ];
    let place = Place { reach: Reach::Host, ..PLACE };
    for line in table {
        for count in [1, 100] {
            let text = format!("#EXTM3U\n{}", format!("{line}\n").repeat(count));
            let most = longest(text.as_bytes(), &place, 2);
            let written = marked(&text, &place, None).map(|text| text.len());
            assert!(written.as_ref().is_ok_and(|length| *length <= most), "{line}: {written:?}");
        }
    }
    let event = "#EXTM3U\n#EXT-X-PLAYLIST-TYPE:EVENT\n#EXTINF:1,\n#\n#EXTINF:1,\n#";
    assert!(marked(event, &PLACE, Some(0)).is_ok(), "what ends a preview is foretold, too");
}

const MEDIA: &str = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXT-X-KEY:METHOD=AES-128,URI=\"k0\"\n\
    #EXTINF:10,\ns0.ts\n#EXTINF:10.0,\ns1.ts\n#EXT-X-KEY:METHOD=AES-128,URI=\"k1\"\n\
    #EXTINF:9.5,title\ns2.ts\n#EXT-X-ENDLIST\n";

#[test]
fn a_preview_ends_with_the_segment_that_reaches_it() {
    let kept = |seconds| {
        let text = marked(MEDIA, &PLACE, Some(seconds)).unwrap();
        assert_eq!(text.matches("#EXT-X-ENDLIST").count(), 1, "{text}");
        text.matches("s0.ts").count()
            + text.matches("s1.ts").count()
            + text.matches("s2.ts").count()
    };
    // The vendor's own example: 15 seconds of segments of 10 are 20.
    for (seconds, want) in [(1, 1), (10, 1), (11, 2), (15, 2), (20, 2), (21, 3), (300, 3)] {
        assert_eq!(kept(seconds), want, "{seconds}");
    }
    let cut = marked(MEDIA, &PLACE, Some(10)).unwrap();
    assert!(cut.contains("/v/1/k0?M") && !cut.contains("k1"), "no later key: {cut}");
    assert!(cut.ends_with("/v/1/s0.ts?M\n#EXT-X-ENDLIST\n"), "{cut}");
    assert_eq!(marked(MEDIA, &PLACE, Some(30)), marked(MEDIA, &PLACE, None));
}

/// Players take no notice of what a segment says of itself, and play all of it.
#[test]
fn a_segment_that_says_to_last_no_time_counts_as_the_longest() {
    #[rustfmt::skip]
    let table = [
        ("nothing",               "0",      10, 1),
        ("nothing, as a part",    "0.000",  10, 1),
        ("less than a frame",     "0.001",  10, 1),
        ("a little less",         "0.0999", 10, 1),
        ("the shortest",          "0.1",    10, 50),
        ("a short target",        "0",      1,  5),
        ("longer than it may be", "60",     10, 1),
    ];
    for (name, length, target, want) in table {
        let segment = format!("#EXTINF:{length},\ns.ts\n");
        let text = format!(
            "#EXTM3U\n#EXT-X-TARGETDURATION:{target}\n{}#EXT-X-ENDLIST\n",
            segment.repeat(200)
        );
        let kept = marked(&text, &PLACE, Some(5)).unwrap();
        assert_eq!(kept.matches("s.ts").count(), want, "{name}");
    }
    // As many encoders leave it: the last is a rest.
    let rest = MEDIA.replace("#EXTINF:9.5,title", "#EXTINF:0.02,");
    assert_eq!(marked(&rest, &PLACE, Some(300)), marked(&rest, &PLACE, None));
}

#[test]
fn a_preview_that_would_give_away_the_rest_is_refused() {
    #[rustfmt::skip]
    let table = [
        ("ranges of one file",  "#EXT-X-BYTERANGE:10@0\n#EXTINF:1,\nall.ts\n#EXT-X-ENDLIST"),
        ("a range in a tag",    "#EXT-X-MAP:URI=\"all\",BYTERANGE=\"1@0\"\n#EXTINF:1,\ns\n#EXT-X-ENDLIST"),
        ("live",                "#EXTINF:1,\ns.ts"),
        ("low latency",         "#EXT-X-PART:DURATION=1,URI=\"p\"\n#EXTINF:1,\ns\n#EXT-X-ENDLIST"),
        ("no length",           "s.ts\n#EXT-X-ENDLIST"),
        ("a second without one", "#EXTINF:1,\ns.ts\nt.ts\n#EXT-X-ENDLIST"),
        ("a length below zero", "#EXTINF:-9,\ns.ts\n#EXT-X-ENDLIST"),
        ("a length of nothing", "#EXTINF:0,\ns.ts\n#EXT-X-ENDLIST"),
        ("and a target of nothing", "#EXT-X-TARGETDURATION:0\n#EXTINF:0,\ns.ts\n#EXT-X-ENDLIST"),
        ("a target that comes after it", "#EXTINF:0.05,\ns.ts\n#EXT-X-TARGETDURATION:9\n#EXT-X-ENDLIST"),
        ("a target that is no number", "#EXT-X-TARGETDURATION:x\n#EXTINF:0,\ns.ts\n#EXT-X-ENDLIST"),
        ("both kinds at once",  "#EXT-X-STREAM-INF:A=1\nx.m3u8\n#EXTINF:1,\ns.ts\n#EXT-X-ENDLIST"),
    ];
    for (name, text) in table {
        let read = marked(&format!("#EXTM3U\n{text}\n"), &PLACE, Some(60));
        assert!(matches!(read, Err(InvalidPlaylist::Preview(_))), "{name}: {read:?}");
    }
    let variants = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlow\n";
    assert_eq!(marked(variants, &PLACE, Some(60)), marked(variants, &PLACE, None));
}

/// Whatever a playlist of playlists leads to is a playlist where there is a preview: it is cut by
/// itself, and what is no playlist is refused.
#[test]
fn a_preview_gives_no_segment_beside_playlists() {
    #[rustfmt::skip]
    let table = [
        ("a variant",           "#EXT-X-STREAM-INF:B=1\nlow",       "P"),
        ("a segment behind it", "#EXT-X-STREAM-INF:B=1\nlow\ns.ts", "PP"),
        ("one before it",       "s.ts\n#EXT-X-STREAM-INF:B=1\nlow", "PP"),
        ("by an empty line",    "#EXT-X-STREAM-INF:B=1\n\nlow\n\ns.ts", "PP"),
        ("a file in a tag",     "#EXT-X-MAP:URI=\"all.mp4\"\n#EXT-X-STREAM-INF:B=1\nlow", "PP"),
        ("a part",              "#EXT-X-PART:URI=\"p\"\n#EXT-X-STREAM-INF:B=1\nlow", "PP"),
        ("a tag that is not known", "#EXT-X-NEW:URI=\"x\"\n#EXT-X-STREAM-INF:B=1\nlow", "PP"),
        ("a rendition",         "#EXT-X-MEDIA:URI=\"a\"\n#EXT-X-STREAM-INF:B=1\nlow", "PP"),
        ("a key of the session", "#EXT-X-SESSION-KEY:URI=\"k\"\n#EXT-X-STREAM-INF:B=1\nlow", "MP"),
        ("a text of the session", "#EXT-X-SESSION-DATA:URI=\"d\"\n#EXT-X-STREAM-INF:B=1\nlow", "MP"),
    ];
    for (name, text, want) in table {
        let mut kinds = String::new();
        let sign = |child, target: Target<'_>| {
            kinds.push_str(match child {
                Child::Playlist => "P",
                Child::Media => "M",
            });
            Some(target.path.to_owned())
        };
        let text = format!("#EXTM3U\n{text}\n");
        rewrite(text.as_bytes(), &PLACE, Some(5), 1 << 10, sign).unwrap();
        assert_eq!(kinds, want, "{name}");
    }
}

/// A survey says of a playlist what rewriting it does, and signs nothing.
#[test]
fn a_survey_says_what_becomes_of_a_playlist() {
    let wide = MEDIA.replace("s1.ts", "../s1.ts").replace("s2.ts", "/s2.ts");
    let live = MEDIA.replace("#EXT-X-ENDLIST\n", "");
    let many = format!("#EXTM3U\n{}", "a\n".repeat(MAX_LINKS + 1));
    #[rustfmt::skip]
    let table = [
        ("a playlist",        MEDIA,         None,     Ok(0)),
        ("with links beyond", &wide,         None,     Ok(2)),
        ("cut before one",    &wide,         Some(15), Ok(1)),
        ("cut at its end",    "#EXTM3U\n#EXT-X-PLAYLIST-TYPE:EVENT\n#EXTINF:1,\n#", Some(1), Ok(0)),
        ("live",              &live,         Some(15), Err(InvalidPlaylist::Preview("it is live"))),
        ("no playlist",       "<html>",      None,     Err(InvalidPlaylist::NotAPlaylist)),
        ("too many links",    &many,         None,     Err(InvalidPlaylist::TooLarge)),
    ];
    for (name, text, preview, want) in table {
        assert_eq!(survey(text.as_bytes(), &PLACE, preview), want, "{name}");
        let all = rewrite(text.as_bytes(), &PLACE, preview, MAX_SIGNED_BYTES, |_, _| None);
        assert_eq!(all.map(|rewritten| rewritten.beyond), want, "{name}");
    }
}
