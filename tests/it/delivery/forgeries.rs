//! Links that nobody signed, and whose digests fit if one reads them carelessly.

use serde_json::{Value, json};

use super::{BODY, BUCKET, admin, ask, auth_key, denied, md5, put};
use crate::support::{PRIVATE, Request, Response, Server, clock};

const ALI: &str = "aliyuncdnexp1234";
const VOD: &str = "24FEQmTzro4V5u3D5epW";
const HOST: &str = "cdn.example.com";

/// A server whose domain signs so, over objects that forgers would like to have.
fn server(signing: &Value, key: &str) -> Server {
    let server = Server::start();
    server.bucket(BUCKET, PRIVATE);
    for name in ["v/1", "v/12", "v/a", "dir1/dir2/myVideo.mp4", "secret.mp4", "s/link", "s//link"] {
        server.done(Request::put(BUCKET, name, BODY));
    }
    put(
        &server,
        HOST,
        &json!({ "bucket": BUCKET, "signing": signing, "keys": { "primary": key } }),
    );
    server
}

fn get(server: &Server, target: &str) -> Response {
    ask(server, ("GET", HOST), target, &[])
}

/// All ways to cut a text into so many pieces, which may be empty.
fn cuts(text: &str, pieces: usize) -> Vec<Vec<&str>> {
    if pieces == 1 {
        return vec![vec![text]];
    }
    let with = |at: usize| {
        let rest = cuts(&text[at..], pieces - 1).into_iter();
        rest.map(move |rest| [vec![&text[..at]], rest].concat())
    };
    (0..=text.len()).flat_map(with).collect()
}

/// Tencent VOD runs its fields together: of all ways to cut the same text, one is good in the profile
/// that domains have by default.
#[test]
fn fields_that_slide_into_each_other() {
    for signing in [
        json!({ "scheme": "tencent-vod" }),
        json!({ "scheme": "tencent-vod", "profile": "compat", "us_length": 10 }),
    ] {
        let server = server(&signing, VOD);
        let time = format!("{:08x}", clock::now() + 900);
        let text = format!("{time}9000a2d4cd1101");
        let sign = md5(&format!("{VOD}/dir1/dir2/{text}"));
        let mut readings = Vec::new();
        for parts in cuts(&text, 4) {
            let [t, exper, rlimit, us] = parts[..] else { unreachable!() };
            // Most cuts have no time of 8 digits, and are all alike.
            if !(7..=9).contains(&t.len()) {
                continue;
            }
            let query = format!("t={t}&exper={exper}&rlimit={rlimit}&us={us}&sign={sign}");
            let given = get(&server, &format!("/dir1/dir2/myVideo.mp4?{query}"));
            let said = denied(&given);
            if said == "denied by req auth: preview unsupported" {
                readings.push((exper, rlimit, us));
            }
        }
        // What the vendor's readers take for one text stays more than one text where it need not be
        // one: a fixed length of us alone leaves exper and rlimit to slide into each other.
        let own = ("900", "0", "a2d4cd1101");
        let strict = signing.get("profile").is_none();
        let want = if strict { vec![own] } else { vec![own, ("9000", "", own.2)] };
        assert_eq!(readings, want, "{signing}");
        // The vendor's own short forms: exper and rlimit dropped into us, the time grown.
        let digits = md5(&format!("{VOD}/dir1/dir2/{time}72d4cd1101"));
        for query in [
            format!("t={time}72d4cd1101"),
            format!("t={time}7&us=2d4cd1101"),
            format!("t={time}&rlimit=7&us=2d4cd1101"),
            format!("t={time}&exper=72&us=d4cd1101"),
        ] {
            let target = format!("/dir1/dir2/myVideo.mp4?{query}&sign={digits}");
            denied(&get(&server, &target));
        }
    }
}

#[test]
fn paths_and_times_that_slide_into_each_other() {
    let now = clock::now();
    let hex = format!("{now:08x}");
    let decimal = now.to_string();
    let digest = |time: &str| md5(&format!("{ALI}/v/12{time}"));
    let (d, dec) = (digest(&hex), digest(&decimal));
    #[rustfmt::skip]
    let table = [
        (json!({ "scheme": "ali-c" }),     format!("/{d}/{hex}/v/12"),          format!("/{d}/2{hex}/v/1")),
        (json!({ "scheme": "ali-c" }),     format!("/v/12?KEY1={d}&KEY2={hex}"), format!("/v/1?KEY1={d}&KEY2=2{hex}")),
        (json!({ "scheme": "ali-f" }),     format!("/v/12?sign={d}&time={hex}"), format!("/v/1?sign={d}&time=2{hex}")),
        (json!({ "scheme": "tencent-c" }), format!("/{d}/{hex}/v/12"),          format!("/{d}/2{hex}/v/1")),
        (json!({ "scheme": "tencent-d" }), format!("/v/12?sign={dec}&t={decimal}"), format!("/v/1?sign={dec}&t=2{decimal}")),
        (json!({ "scheme": "tencent-d" }), format!("/v/12?sign={dec}&t={decimal}"), format!("/v/1?sign={dec}&t=2{}", &decimal[..9])),
    ];
    for (signing, good, forged) in &table {
        let server = server(signing, ALI);
        assert_eq!(get(&server, good).status, 200, "{good}");
        denied(&get(&server, forged));
    }
}

/// Times that are far away, negative, or larger than any number.
#[test]
fn times_of_any_size() {
    let server = server(&json!({ "scheme": "ali-a" }), ALI);
    let sign = |time: &str| md5(&format!("/v/a-{time}-0-0-{ALI}"));
    let huge = "9".repeat(40);
    for time in [
        "99999999999",
        "18446744073709551616",
        "9223372036854775807",
        "-1",
        "+144443520",
        "0x55ce8100",
        "１４４４４３５２００",
        "",
        "144443520 ",
        &huge,
    ] {
        let target = format!("/v/a?auth_key={}-0-0-{}", time.replace(' ', "%20"), sign(time));
        let head = format!("GET {target} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n");
        let given = server.raw(head.as_bytes()).unwrap();
        assert!(matches!(given.status, 400 | 403), "{time}: {}", given.status);
    }
    // What is signed is signed, as long as nobody set a bound.
    let far = "9999999999";
    let target = format!("/v/a?auth_key={far}-0-0-{}", sign(far));
    assert_eq!(get(&server, &target).status, 200);
    let bound = json!({ "scheme": "ali-a", "max_future": 3600 });
    put(&server, HOST, &json!({ "bucket": BUCKET, "signing": bound }));
    assert_eq!(denied(&get(&server, &target)), "denied by req auth: invalid timestamp=9999999999");
}

/// Type A has four fields, and none of them has a dash.
#[test]
fn dashes_within_fields() {
    let server = server(&json!({ "scheme": "ali-a" }), ALI);
    let now = clock::now();
    let digest = md5(&format!("/v/a-{now}-1-2-0-{ALI}"));
    for target in [
        format!("/v/a?auth_key={now}-1-2-0-{digest}"),
        format!("/v/a-{now}?auth_key=1-2-0-{digest}"),
        format!("/v/a?auth_key={now}-1%2D2-0-{digest}"),
        format!("/v/a?auth_key={now}-1-2-{digest}"),
    ] {
        denied(&get(&server, &target));
    }
}

/// What MD5 puts behind a text of that length.
fn padding(length: usize) -> Vec<u8> {
    let zeros = (119 - length % 64) % 64;
    let bits = (length as u64 * 8).to_le_bytes();
    [vec![0x80], vec![0; zeros], bits.to_vec()].concat()
}

/// A digest of a secret before a text can be extended by whoever knows one link: what was hashed,
/// the padding, and more. The digest of the extension is right, and the path cannot be.
#[test]
fn digests_that_were_extended() {
    let now = clock::now();
    let escape = |bytes: &[u8]| {
        percent_encoding::percent_encode(bytes, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let moment = jiff::Timestamp::from_second(now).unwrap();
    let minute = jiff::tz::offset(8).to_datetime(moment).strftime("%Y%m%d%H%M").to_string();
    let b = server(&json!({ "scheme": "ali-b" }), ALI);
    let first = format!("{ALI}{minute}/v/a");
    let glue = padding(first.len());
    let whole = [first.as_bytes(), &glue, b"/../../secret.mp4"].concat();
    let digest = super::md5_of(&whole);
    for end in ["/../../secret.mp4", "%2f..%2f..%2fsecret.mp4", "/secret.mp4"] {
        denied(&get(&b, &format!("/{minute}/{digest}/v/a{}{end}", escape(&glue))));
    }
    let c = server(&json!({ "scheme": "ali-c" }), ALI);
    let first = format!("{ALI}/v/a{now:08x}");
    let whole = [first.as_bytes(), &padding(first.len()), b"ffffffff"].concat();
    let (digest, path) =
        (super::md5_of(&whole), format!("/v/a{now:08x}{}", escape(&padding(first.len()))));
    denied(&get(&c, &format!("/{digest}/ffffffff{path}")));
    denied(&get(&c, &format!("{path}?KEY1={digest}&KEY2=ffffffff")));
}

/// A parameter that is there twice, in another case, or in escapes: proxies and applications
/// differ in which of them counts.
#[test]
fn parameters_given_twice() {
    let server = server(&json!({ "scheme": "ali-a" }), ALI);
    let now = clock::now();
    let (good, bad) = (auth_key(ALI, "/v/a", now), auth_key("wrong1", "/v/a", now));
    let twice = "denied by req auth: duplicate url arg auth_key";
    for query in [
        format!("{good}&{bad}"),
        format!("{bad}&{good}"),
        format!("{good}&{good}"),
        format!("{good}&auth_key"),
        format!("{good}&x=1&auth_key="),
        format!("{good}&%61uth_key=1"),
        good.replace("auth_key", "auth%5Fkey"),
    ] {
        assert_eq!(denied(&get(&server, &format!("/v/a?{query}"))), twice, "{query}");
    }
    for query in [
        good.replace("auth_key", "AUTH_KEY"),
        good.replace('=', "%3D"),
        good.replace("auth_key", "auth_key[]"),
    ] {
        let said = denied(&get(&server, &format!("/v/a?{query}")));
        assert_eq!(said, "denied by req auth: no url arg auth_key", "{query}");
    }
    let upper = good.rsplit_once('-').map(|(rest, md5)| format!("{rest}-{}", md5.to_uppercase()));
    assert_eq!(
        denied(&get(&server, &format!("/v/a?{}", upper.unwrap()))),
        "denied by req auth: invalid md5hash"
    );
}

/// One directory is signed, so what it is must not depend on who reads the path.
#[test]
fn paths_with_two_readings() {
    let server = server(&json!({ "scheme": "tencent-vod" }), VOD);
    let time = format!("{:08x}", clock::now() + 900);
    let sign = md5(&format!("{VOD}/dir1/dir2/{time}00a2d4cd1101"));
    let query = format!("t={time}&exper=0&rlimit=0&us=a2d4cd1101&sign={sign}");
    assert_eq!(get(&server, &format!("/dir1/dir2/myVideo.mp4?{query}")).status, 200);
    for name in [
        "..%2f..%2fsecret.mp4",
        "..%2F..%2Fsecret.mp4",
        "%2e%2e%2f%2e%2e%2fsecret.mp4",
        "../../secret.mp4",
        "%2e%2e/%2e%2e/secret.mp4",
        ".%2e/../secret.mp4",
        "..%5c..%5csecret.mp4",
        "..\\..\\secret.mp4",
        "./myVideo.mp4",
        "myVideo.mp4%00",
        "myVideo.mp4%00.txt",
        "a%",
        "a%4",
        "a%zz",
    ] {
        let said = denied(&get(&server, &format!("/dir1/dir2/{name}?{query}")));
        assert!(
            ["denied by req auth: invalid uri", "denied by req auth: invalid md5hash"]
                .iter()
                .any(|it| said.starts_with(it)),
            "{name}: {said}"
        );
    }
    for bytes in [
        &b"/dir1/dir2/my\x01Video.mp4"[..],
        b"/dir1/dir2/my\x80Video.mp4",
        b"/dir1/dir2/my\xe4\xb8\xadVideo.mp4",
        b"/dir1/dir2/my Video.mp4",
    ] {
        let head = [
            b"GET ",
            bytes,
            b"?",
            query.as_bytes(),
            b" HTTP/1.1\r\nHost: cdn.example.com\r\nConnection: close\r\n\r\n",
        ]
        .concat();
        let status = server.raw(&head).unwrap().status;
        assert!(matches!(status, 400 | 403), "{status}");
    }
}

/// nginx hashes the path that it has decoded and cleaned. Here it is decoded; what would be cleaned
/// is refused, or another object.
#[test]
fn links_of_nginx_in_other_spellings() {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use md5::Digest as _;
    let signing = json!({ "scheme": "nginx", "expression": "$secure_link_expires$uri $secret" });
    let server = server(&signing, "nginxsecret");
    let until = clock::now() + 600;
    let token = URL_SAFE_NO_PAD.encode(md5::Md5::digest(format!("{until}/s/link nginxsecret")));
    let at = |path: &str, query: &str| get(&server, &format!("{path}?{query}"));
    let query = format!("md5={token}&expires={until}");
    assert_eq!(at("/s/link", &query).status, 200);
    assert_eq!(at("/s/%6cink", &query).status, 200, "the same path");
    denied(&at("/s/x/../link", &query));
    denied(&at("/s//link", &query));
    denied(&at("/s/link", &format!("MD5={token}&expires={until}")));
    denied(&at("/s/link", &format!("{query}&md5={token}")));
    denied(&at("/s/link", &format!("md5={token}==&expires={until}")));
    denied(&at("/s/link", &format!("md5={token}&expires={until}0")));
    let old = until - 1200;
    let genuine = URL_SAFE_NO_PAD.encode(md5::Md5::digest(format!("{old}/s/link nginxsecret")));
    let gone = at("/s/link", &format!("md5={genuine}&expires={old}"));
    assert_eq!(gone.status, 410);
    assert_eq!(gone.body, b"410 Gone\n");
    denied(&at("/s/link", &format!("md5={token}&expires={old}")));
}

/// A key of one scheme is not the key of another: C, F and others are one formula. Whoever has both
/// domains is told to keep keys apart; a link of the one host is none of the other with its own key.
#[test]
fn links_of_one_domain_are_none_of_another() {
    let server = server(&json!({ "scheme": "ali-a" }), ALI);
    let terms = json!({ "bucket": BUCKET, "signing": { "scheme": "ali-a" } });
    put(&server, "other.example.com", &terms);
    let target = format!("/v/a?{}", auth_key(ALI, "/v/a", clock::now()));
    assert_eq!(get(&server, &target).status, 200);
    denied(&ask(&server, ("GET", "other.example.com"), &target, &[]));
    // A domain that was made again under the same name has another key.
    assert_eq!(admin(&server, ("DELETE", "/cdn.example.com"), &[], "").0.status, 204);
    put(&server, HOST, &terms);
    denied(&get(&server, &target));
}
