//! Every scheme, by its vendor's formula and by published examples.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest as _, Md5};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{BODY, BUCKET, ask, denied, md5, put};
use crate::support::server::Start;
use crate::support::{PRIVATE, Request, Server, clock};

/// A key that every scheme takes.
const ANY: &str = "0123456789abcdefghijklmnopqrstuv";

/// What a link is made for.
struct Made<'m> {
    path: &'m str,
    /// The time that stands in the link.
    at: i64,
    key: &'m str,
    /// The id of the key, which refgate's own scheme has in its links.
    id: &'m str,
}

#[derive(Clone)]
struct Row {
    name: &'static str,
    signing: Value,
    /// For how many seconds after its time a link is good.
    window: i64,
    sign: fn(&Made<'_>) -> String,
}

/// `YYYYMMDDHHMM` in UTC+8.
fn minutes(at: i64) -> String {
    let moment = jiff::Timestamp::from_second(at).unwrap();
    jiff::tz::offset(8).to_datetime(moment).strftime("%Y%m%d%H%M").to_string()
}

fn dashed(Made { path, at, key, .. }: &Made<'_>, name: &str, hash: fn(&str) -> String) -> String {
    format!("{path}?{name}={at}-r4nd-7-{}", hash(&format!("{path}-{at}-r4nd-7-{key}")))
}

fn path_time(Made { path, key, .. }: &Made<'_>, time: &str) -> String {
    md5(&format!("{key}{path}{time}"))
}

fn sha256(text: &str) -> String {
    hex::encode(Sha256::digest(text))
}

fn directory(path: &str) -> &str {
    &path[..=path.rfind('/').unwrap()]
}

fn own(Made { path, at, key, id }: &Made<'_>) -> String {
    let text = format!("v1\n{id}\n{at}\nf\n-\n{path}\n\n-\n-");
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    let token = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    format!("{path}?rg-auth=1~{id}~{at}~f~-~-~-~{token}")
}

fn rows() -> Vec<Row> {
    [rows_of_alibaba_and_vod(), rows_of_others()].concat()
}

#[rustfmt::skip]
fn rows_of_alibaba_and_vod() -> Vec<Row> {
    let row = |name, signing, window, sign| Row { name, signing, window, sign };
    vec![
        row("refgate", json!({ "scheme": "refgate" }), 0, own),
        row("ali-a", json!({ "scheme": "ali-a" }), 1800, |it| dashed(it, "auth_key", md5)),
        row("ali-b", json!({ "scheme": "ali-b" }), 1800, |it| {
            let time = minutes(it.at);
            format!("/{time}/{}{}", md5(&format!("{}{time}{}", it.key, it.path)), it.path)
        }),
        row("ali-c-path", json!({ "scheme": "ali-c" }), 1800, |it| {
            let time = format!("{:08x}", it.at);
            format!("/{}/{time}{}", path_time(it, &time), it.path)
        }),
        row("ali-c-upper", json!({ "scheme": "ali-c" }), 1800, |it| {
            let time = format!("{:08X}", it.at);
            format!("{}?KEY1={}&KEY2={time}", it.path, path_time(it, &time))
        }),
        row("ali-c-lower", json!({ "scheme": "ali-c", "form": "query" }), 1800, |it| {
            let time = format!("{:08x}", it.at);
            format!("{}?key1={}&key2={time}", it.path, path_time(it, &time))
        }),
        row("ali-f", json!({ "scheme": "ali-f" }), 1800, |it| {
            let time = format!("{:08x}", it.at);
            format!("{}?sign={}&time={time}", it.path, path_time(it, &time))
        }),
        row("ali-f-named", json!({ "scheme": "ali-f", "time": "decimal", "validity": 60,
                "parameters": { "sign": "s", "time": "at" } }), 60, |it| {
            format!("{}?at={}&s={}", it.path, it.at, path_time(it, &it.at.to_string()))
        }),
        row("ali-live", json!({ "scheme": "ali-live" }), 86_400, |it| dashed(it, "auth_key", md5)),
        row("vod-strict", json!({ "scheme": "tencent-vod" }), 300, |it| {
            let time = format!("{:08x}", it.at);
            let sign = md5(&format!("{}{}{time}00a123456789", it.key, directory(it.path)));
            format!("{}?t={time}&exper=0&rlimit=0&us=a123456789&sign={sign}", it.path)
        }),
        row("vod-compat", json!({ "scheme": "tencent-vod", "profile": "compat", "tolerance": 0 }), 0, |it| {
            let time = format!("{:08x}", it.at);
            let sign = md5(&format!("{}{}{time}72d4cd1101", it.key, directory(it.path)));
            format!("{}?t={time}&us=72d4cd1101&sign={sign}", it.path)
        }),
    ]
}

#[rustfmt::skip]
fn rows_of_others() -> Vec<Row> {
    let row = |name, signing, window, sign| Row { name, signing, window, sign };
    vec![
        row("tencent-a", json!({ "scheme": "tencent-a" }), 1800, |it| dashed(it, "sign", md5)),
        row("tencent-b", json!({ "scheme": "tencent-b" }), 1800, |it| {
            let time = minutes(it.at);
            format!("/{time}/{}{}", md5(&format!("{}{time}{}", it.key, it.path)), it.path)
        }),
        row("tencent-c", json!({ "scheme": "tencent-c" }), 1800, |it| {
            let time = format!("{:08x}", it.at);
            format!("/{}/{time}{}", path_time(it, &time), it.path)
        }),
        row("tencent-d", json!({ "scheme": "tencent-d" }), 1800, |it| {
            format!("{}?sign={}&t={}", it.path, path_time(it, &it.at.to_string()), it.at)
        }),
        row("volcengine-a", json!({ "scheme": "volcengine-a" }), 1800, |it| dashed(it, "auth_key", md5)),
        row("volcengine-sha", json!({ "scheme": "volcengine-a", "algorithm": "sha256" }), 1800, |it| {
            dashed(it, "auth_key", sha256)
        }),
        row("huawei-a", json!({ "scheme": "huawei-a" }), 1800, |it| dashed(it, "auth_key", md5)),
        row("qiniu", json!({ "scheme": "qiniu" }), 0, |it| {
            let time = format!("{:08x}", it.at);
            format!("{}?sign={}&t={time}", it.path, path_time(it, &time))
        }),
        row("nginx", json!({ "scheme": "nginx", "expression": "$secure_link_expires$uri $secret" }), 0, |it| {
            let token = URL_SAFE_NO_PAD.encode(Md5::digest(format!("{}{} {}", it.at, it.path, it.key)));
            format!("{}?md5={token}&expires={}", it.path, it.at)
        }),
    ]
}

fn serve(server: &Server, keys: &[&str]) {
    server.bucket(BUCKET, PRIVATE);
    for key in keys {
        server.done(Request::put(BUCKET, key, BODY));
    }
}

/// Makes a domain over the whole bucket, and returns the id of its key.
fn domain(server: &Server, host: &str, signing: &Value, key: &str) -> String {
    let terms = json!({ "bucket": BUCKET, "signing": signing, "keys": { "primary": key } });
    put(server, host, &terms)["key_ids"]["primary"].as_str().unwrap().to_owned()
}

/// The last character of a digest, another one.
fn forged(target: &str) -> String {
    let digest = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let mut parts: Vec<String> =
        target.split_inclusive(|c| !digest(c)).map(str::to_owned).collect();
    let longest = parts.iter_mut().max_by_key(|part| part.trim_end_matches(|c| !digest(c)).len());
    let longest = longest.unwrap();
    let end = longest.trim_end_matches(|c| !digest(c)).len();
    // The first character of the last 20: the last of base64 has bits that count for nothing.
    let at = end - 20;
    let other = if &longest[at..=at] == "0" { "1" } else { "0" };
    longest.replace_range(at..=at, other);
    parts.concat()
}

#[test]
fn every_scheme_opens_what_was_signed_and_nothing_else() {
    let server = Server::start();
    serve(&server, &["v/a.mp4", "w/a.mp4"]);
    for Row { name, signing, window, sign } in rows() {
        let host = format!("{name}.example.com");
        let id = domain(&server, &host, &signing, ANY);
        let get = |target: &str| ask(&server, ("GET", &host), target, &[]);
        let link = |path: &str, last: i64, key: &str| {
            sign(&Made { path, at: clock::now() + last - window, key, id: &id })
        };
        let good = link("/v/a.mp4", 90, ANY);
        let given = get(&good);
        assert_eq!((given.status, given.body.as_slice()), (200, BODY.as_bytes()), "{name}: {good}");
        assert_eq!(ask(&server, ("HEAD", &host), &good, &[]).status, 200, "{name}");
        let part = ask(&server, ("GET", &host), &good, &[("Range", "bytes=0-3")]);
        assert_eq!((part.status, part.body.as_slice()), (206, &BODY.as_bytes()[..4]), "{name}");
        let mark = if good.contains('?') { '&' } else { '?' };
        let more = get(&format!("{good}{mark}x=%20&y"));
        let want = if name == "refgate" { 403 } else { 200 };
        assert_eq!(more.status, want, "{name}: the rest of the query");
        for (what, target) in [
            ("nothing", "/v/a.mp4".to_owned()),
            ("another path", good.replace("/v/a.mp4", "/w/a.mp4")),
            ("a decoded path", good.replace("/v/a.mp4", "/%76/a.mp4")),
            ("another key", link("/v/a.mp4", 90, "another0123456789abcdefghijklmno")),
            ("another digest", forged(&good)),
        ] {
            let answer = get(&target);
            // nginx signs the decoded path: it is the same one.
            if (what, name) == ("a decoded path", "nginx") {
                assert_eq!(answer.status, 200);
                continue;
            }
            assert!(
                denied(&answer).starts_with("denied by req auth: "),
                "{name}, {what}: {target}"
            );
        }
        let late = get(&link("/v/a.mp4", -61, ANY));
        let said = late.header("x-tengine-error").unwrap_or_default().to_owned();
        assert!(said.starts_with("denied by req auth: expired timestamp="), "{name}: {said}");
        assert_eq!(late.status, if name == "nginx" { 410 } else { 403 }, "{name}");
        let both = get(&forged(&link("/v/a.mp4", -61, ANY)));
        let said = denied(&both);
        assert_eq!(
            said.contains("expired"),
            name != "nginx",
            "{name}: which failure is named: {said}"
        );
    }
}

/// Links of the vendors' pages and of other signers, with a validity that has not ended. Alibaba's
/// examples are on twins of its schemes, whose validity can be 20 years.
#[test]
fn published_links_are_good() {
    const ALI: &str = "aliyuncdnexp1234";
    const TENCENT: &str = "dimtm5evg50ijsx2hvuwyfoiu65";
    let server = Server::start();
    serve(
        &server,
        &[
            "video/standard/1K.html",
            "video/standard/test.mp4",
            "test.flv",
            "test.jpg",
            "s/link",
            "4/44/44c0909bcfc20a01afaf256ca99a8b8b.mp3",
            "image/阿里云.jpg",
            "img/volcano.png",
            "ping",
        ],
    );
    let years = 630_720_000;
    let a = || json!({ "scheme": "tencent-a", "validity": years, "parameters": { "sign": "auth_key" } });
    let of = |scheme: &str| json!({ "scheme": scheme, "validity": years });
    let f = |time: &str| json!({ "scheme": "tencent-d", "validity": years, "time": time, "parameters": { "t": "time" } });
    #[rustfmt::skip]
    let table = [
        (a(), ALI, "/video/standard/1K.html?auth_key=1444435200-0-0-80cd3862d699b7118eed99103f2a3a4f"),
        (a(), ALI, "/video/standard/test.mp4?auth_key=1444435200-0-0-23bf85053008f5c0e791667a313e28ce"),
        (a(), ALI, "/image/%E9%98%BF%E9%87%8C%E4%BA%91.jpg?auth_key=1444435200-0-0-e157f336888555a85cab7eb10fe673ce"),
        (a(), ALI, "/ping?foo=bar&auth_key=1444435200-0-0-833021e109d4f519dec31ea67cf7f286"),
        (of("tencent-b"), ALI, "/201508150800/9044548ef1527deadafa49a890a377f0/4/44/44c0909bcfc20a01afaf256ca99a8b8b.mp3"),
        (of("tencent-b"), ALI, "/201508150800/c52e3a5e3b815073dbafb10a315615c1/ping?foo=bar"),
        (of("tencent-c"), ALI, "/a37fa50a5fb8f71214b1e7c95ec7a1bd/55CE8100/test.flv"),
        (of("tencent-c"), ALI, "/c6880e19a04f71f9a585d0394cf0794e/55ce8100/test.flv"),
        (f("hex"), ALI, "/test.flv?sign=a37fa50a5fb8f71214b1e7c95ec7a1bd&time=55CE8100"),
        (f("decimal"), ALI, "/test.flv?sign=aae536018b61343f2ce91fe2926a34a6&time=1439596800"),
        (of("tencent-a"), TENCENT, "/test.jpg?sign=1582791032-im1acp76sx9sdqe601v-0-3fbb88382c9356b6faaf9d68c7b2ae3a"),
        (of("tencent-b"), TENCENT, "/202002271610/2e03a07cfa55a47768226d3e5ea82a8d/test.jpg"),
        (of("tencent-c"), TENCENT, "/7913fc0c5c9e92dd3633b7895152bbb2/5e577978/test.jpg"),
        (of("tencent-d"), TENCENT, "/test.jpg?sign=900a5049aa8ac1ab144527d9c2be4cea&t=1582791032"),
        (json!({ "scheme": "volcengine-a", "validity": 315_360_000 }), "abc123def456",
            "/img/volcano.png?auth_key=1644406401-2e1ca42a1bb248408fc9cf435e5af744-0-54959c1ec3448bf8e992554476248fab"),
        (json!({ "scheme": "nginx" }), "secret", "/s/link?md5=_e4Nc3iduzkWRm01TBBNYw&expires=2147483647"),
    ];
    for (n, (signing, key, target)) in table.iter().enumerate() {
        let host = format!("d{n}.example.com");
        domain(&server, &host, signing, key);
        let given = ask(&server, ("GET", &host), target, &[]);
        assert_eq!(
            (given.status, given.body.as_slice()),
            (200, BODY.as_bytes()),
            "{target}: {given:?}"
        );
        assert_eq!(ask(&server, ("GET", &host), &forged(target), &[]).status, 403, "{target}");
    }
    // Another signer's link of 2021: it was genuine.
    let signing = json!({ "scheme": "nginx", "expression": "$secure_link_expires$uri $secret" });
    domain(&server, "gone.example.com", &signing, "seekrit");
    let target = "/proxy/static/https://example.com?md5=QwRvb9F8yBIsS1lR91dqGw&expires=1640995200";
    assert_eq!(ask(&server, ("GET", "gone.example.com"), target, &[]).status, 410);
    assert_eq!(ask(&server, ("GET", "gone.example.com"), &forged(target), &[]).status, 403);
}

/// The table of examples and of links that must be refused: the former have ended, and are told so.
#[test]
fn the_table_of_examples() {
    let text = include_str!("../../vectors/url_signing.json");
    let table: Value = serde_json::from_str(text).unwrap();
    let server = Server::start();
    serve(&server, &["dir1/dir2/myVideo.mp4", "secret.mp4", "v/1", "v/12"]);
    let compat = json!({ "scheme": "tencent-vod", "profile": "compat", "us_length": 10 });
    for (host, signing, key) in [
        ("ali-a.example.com", json!({ "scheme": "ali-a" }), "aliyuncdnexp1234"),
        ("ali-b.example.com", json!({ "scheme": "ali-b" }), "aliyuncdnexp1234"),
        ("ali-c.example.com", json!({ "scheme": "ali-c" }), "aliyuncdnexp1234"),
        ("ali-f.example.com", json!({ "scheme": "ali-f" }), "aliyuncdnexp1234"),
        ("tx-vod.example.com", compat, "24FEQmTzro4V5u3D5epW"),
    ] {
        domain(&server, host, &signing, key);
    }
    let ask_for = |case: &Value| {
        let host = format!("{}.example.com", case["scheme"].as_str().unwrap().replace('_', "-"));
        let url = case["url"].as_str()?;
        let target =
            url.split_once("://").map_or(url, |(_, rest)| &rest[rest.find('/').unwrap()..]);
        Some(denied(&ask(&server, ("GET", &host), target, &[])))
    };
    let said: Vec<_> =
        table["known_answers"].as_array().unwrap().iter().filter_map(ask_for).collect();
    assert_eq!(said.len(), 9);
    assert!(
        said.iter().all(|it| it.starts_with("denied by req auth: expired timestamp=")),
        "{said:?}"
    );
    let said: Vec<_> =
        table["must_reject"].as_array().unwrap().iter().filter_map(ask_for).collect();
    assert_eq!(said.len(), 6, "{said:?}");
}

/// Times of type B are in UTC+8, wherever the machine is.
#[test]
fn the_zone_of_the_machine_does_not_matter() {
    for zone in ["America/New_York", "Asia/Kolkata", "UTC"] {
        let server = Start::default().env("TZ", zone).run();
        serve(&server, &["v/a.mp4"]);
        let b = rows().into_iter().find(|row| row.name == "ali-b").unwrap();
        let id = domain(&server, "b.example.com", &b.signing, ANY);
        let get = |at| {
            let made = Made { path: "/v/a.mp4", at, key: ANY, id: &id };
            ask(&server, ("GET", "b.example.com"), &(b.sign)(&made), &[]).status
        };
        let now = clock::now();
        assert_eq!((get(now), get(now - 1700), get(now - 1900)), (200, 200, 403), "{zone}");
        let order = r#"{"urls":["/v/a.mp4"]}"#;
        let (_, made) = super::admin(&server, ("POST", "/b.example.com/sign"), &[], order);
        let url = made["links"][0]["url"].as_str().unwrap();
        let minute = url[1..13].to_owned();
        assert!(
            [minutes(now), minutes(now + 60), minutes(now + 120)].contains(&minute),
            "{zone}: {url}"
        );
        assert_eq!(ask(&server, ("GET", "b.example.com"), url, &[]).status, 200, "{zone}");
    }
}

/// What a link of Tencent VOD is limited to, beside its path and its time.
#[test]
fn lists_of_a_link_are_enforced() {
    let server = Server::start();
    serve(&server, &["v/a.mp4"]);
    let host = "vod.example.com";
    domain(&server, host, &json!({ "scheme": "tencent-vod" }), ANY);
    let link = |extra: &[(&str, &str)]| {
        let time = format!("{:08x}", clock::now() + 600);
        let hashed: String = extra.iter().map(|(_, value)| *value).collect();
        let sign = md5(&format!("{ANY}/v/{time}00a123456789{hashed}"));
        let query = extra.iter().map(|(name, value)| format!("&{name}={value}"));
        let query = query.collect::<Vec<_>>().concat();
        format!("/v/a.mp4?t={time}&exper=0&rlimit=0&us=a123456789{query}&sign={sign}")
    };
    let whref = link(&[("whref", "good.example,*.fine.example")]);
    for (referer, status) in [
        ("https://good.example/page", 200),
        ("https://www.fine.example/", 200),
        ("https://good.example.evil.net/", 403),
        ("https://evil.example/", 403),
    ] {
        let given = ask(&server, ("GET", host), &whref, &[("Referer", referer)]);
        assert_eq!(given.status, status, "{referer}");
        if status == 403 {
            assert_eq!(denied(&given), "denied by Referer ACL", "{referer}");
        }
    }
    let regions = denied(&ask(&server, ("GET", host), &link(&[("whreg", "CHN")]), &[]));
    assert_eq!(regions, "denied by req auth: unsupported url arg whreg or bkreg");
    let known = json!({ "scheme": "tencent-vod", "regions": true });
    let terms = json!({ "bucket": BUCKET, "signing": known }).to_string();
    let (refused, said) = super::admin(&server, ("PUT", "/vod.example.com"), &[], &terms);
    assert_eq!(refused.status, 400);
    assert!(
        said["error"]["message"].as_str().unwrap().contains("nothing that tells where a client is")
    );
}
