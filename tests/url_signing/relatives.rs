//! Examples of other vendors' pages: their schemes are rows of the same table.

use refgate::domain::time::UnixMillis;
use refgate::domain::urlsign::{
    Algorithm, Choices, Link, Request, Scheme, Target, TimeForm, sign, verify,
};

use super::support::with_key;

/// An example: what is signed, when, and the link.
struct Example {
    name: &'static str,
    choices: Choices,
    key: &'static str,
    path: &'static str,
    stamp: i64,
    random: Option<&'static str>,
    want: &'static str,
}

const TENCENT: &str = "dimtm5evg50ijsx2hvuwyfoiu65";
const EDGEONE: &str = "DvYmqE81E1F9R791H6lmht";
/// 2020-02-27 16:10:32 in UTC+8.
const FEBRUARY: i64 = 1_582_791_032;

fn chosen(scheme: Scheme, choose: impl FnOnce(&mut Choices)) -> Choices {
    let mut choices = Choices::new(scheme);
    choose(&mut choices);
    choices
}

#[rustfmt::skip]
fn examples() -> Vec<Example> {
    let example = |name, choices, key, path, stamp, random, want| {
        Example { name, choices, key, path, stamp, random, want }
    };
    let new = Choices::new;
    vec![
        example("Tencent Cloud CDN, type A (228/41623)", new(Scheme::TencentA), TENCENT, "/test.jpg",
            FEBRUARY, Some("im1acp76sx9sdqe601v"),
            "/test.jpg?sign=1582791032-im1acp76sx9sdqe601v-0-3fbb88382c9356b6faaf9d68c7b2ae3a"),
        // The minute that has begun; links of ours round up.
        example("Tencent Cloud CDN, type B (228/41624)", new(Scheme::TencentB), TENCENT, "/test.jpg",
            1_582_791_000, None, "/202002271610/2e03a07cfa55a47768226d3e5ea82a8d/test.jpg"),
        example("Tencent Cloud CDN, type C (228/41625)", new(Scheme::TencentC), TENCENT, "/test.jpg",
            FEBRUARY, None, "/7913fc0c5c9e92dd3633b7895152bbb2/5e577978/test.jpg"),
        example("Tencent Cloud CDN, type D (228/35224)", new(Scheme::TencentD), TENCENT, "/test.jpg",
            FEBRUARY, None, "/test.jpg?sign=900a5049aa8ac1ab144527d9c2be4cea&t=1582791032"),
        example("EdgeOne, type B (1145/62476)", new(Scheme::TencentB), EDGEONE, "/foo.jpg",
            1_721_028_780, None, "/202407151533/d1f0b51c6894231fc12e054fcc7f0b3e/foo.jpg"),
        example("EdgeOne, type C (1145/62477)", new(Scheme::TencentC), EDGEONE, "/foo.jpg",
            0x6694_d30a, None, "/6688749e8906a726c12fe1be3aacd016/6694d30a/foo.jpg"),
        example("Volcengine, type A (4/174054)", new(Scheme::VolcengineA), "abc123def456",
            "/img/volcano.png", 1_644_406_401, Some("2e1ca42a1bb248408fc9cf435e5af744"),
            "/img/volcano.png?auth_key=1644406401-2e1ca42a1bb248408fc9cf435e5af744-0-54959c1ec3448bf8e992554476248fab"),
        example("Huawei Cloud Live, type A (live_01_0049)", new(Scheme::HuaweiA),
            "GCTbw44s6MPLh4GqgDpnfuFHgy25Enly", "/livetest/huawei1.flv", 1_592_639_100,
            Some("477b3bbc253f467b8def6711128c7bec"),
            "/livetest/huawei1.flv?auth_key=1592639100-477b3bbc253f467b8def6711128c7bec-0-dd1b5ffa00cf26acec0c169ae1cfabea"),
        example("Qiniu (fusion/3841)", new(Scheme::Qiniu), "9388f4ba63b89bba5b9b84aa70a92eaac099d39b",
            "/DIR1/%E4%B8%AD%E6%96%87/vodfile.mp4", 0x55bb_9b80, None,
            "/DIR1/%E4%B8%AD%E6%96%87/vodfile.mp4?sign=b4b7f94dd7817ce0283b5491861c3936&t=55bb9b80"),
        // Another implementation's test of the same formula (hypothesis/via, pull request 323).
        example("nginx, another signer", chosen(Scheme::Nginx, |it| {
                it.expression = Some("$secure_link_expires$uri $secret".to_owned());
            }), "seekrit", "/proxy/static/https://example.com", 1_640_995_200, None,
            "/proxy/static/https://example.com?md5=QwRvb9F8yBIsS1lR91dqGw&expires=1640995200"),
        // aliyungo's tests: key 12345678, 1541064730; the query stays where it was.
        example("Alibaba A by another signer", new(Scheme::AliA), "12345678", "/a?foo=bar",
            1_541_064_730, None,
            "/a?foo=bar&auth_key=1541064730-0-0-f9dd5ed1e274ab4b1d5f5745344bf28b"),
        example("Alibaba C by another signer", new(Scheme::AliC), "12345678", "/a?foo=bar",
            1_541_064_730, None, "/7d6b308ce87beb16d9dba32d741220f6/5bdac81a/a?foo=bar"),
        example("Alibaba's own sample signer, type A", new(Scheme::AliA), "aliyuncdnexp1234",
            "/ping?foo=bar", 1_444_435_200, None,
            "/ping?foo=bar&auth_key=1444435200-0-0-833021e109d4f519dec31ea67cf7f286"),
        example("Alibaba's own sample signer, type B", new(Scheme::AliB), "aliyuncdnexp1234",
            "/ping?foo=bar", 1_439_596_800, None,
            "/201508150800/c52e3a5e3b815073dbafb10a315615c1/ping?foo=bar"),
    ]
}

#[test]
fn their_examples_are_signed_and_verified() {
    for Example { name, choices, key, path, stamp, random, want } in examples() {
        let settings = with_key(choices, key);
        let mut link = Link::new(Target::split(path));
        link.random = random;
        // The time in a link is that of signing, or, where there is no validity, that of its end.
        let ends = [Scheme::Qiniu, Scheme::Nginx].contains(&settings.scheme());
        link.lifetime = ends.then_some(0);
        let now = UnixMillis::from_secs(stamp);
        let signed = sign(&settings, &link, now).unwrap();
        assert_eq!(signed.target, want, "{name}");
        let request = Request { method: "GET", target: Target::split(want), client: None };
        let pass = verify(&settings, &request, now).unwrap();
        let left = Target { path: pass.path, query: pass.query.as_deref() };
        assert_eq!(left, Target::split(path), "{name}");
    }
}

/// The example of nginx's manual, which binds the link to an address.
#[test]
fn the_example_of_nginx() {
    let settings = with_key(Choices::new(Scheme::Nginx), "secret");
    let target = "/s/link?md5=_e4Nc3iduzkWRm01TBBNYw&expires=2147483647";
    let at = |client: [u8; 4]| {
        let target = Target::split(target);
        let request = Request { method: "GET", target, client: Some(client.into()) };
        verify(&settings, &request, UnixMillis::from_secs(1_600_000_000)).map(|pass| pass.until)
    };
    assert_eq!(at([127, 0, 0, 1]), Ok(2_147_483_647));
    assert_eq!(at([127, 0, 0, 2]).unwrap_err().status, 403);
}

/// SHA-256 as `printf %s '/a-1700000000-0-0-abc123def456' | sha256sum` says it.
#[test]
fn volcengine_with_sha256() {
    let choices = chosen(Scheme::VolcengineA, |it| {
        it.algorithm = Some(Algorithm::Sha256);
        it.names = vec![("auth_key".to_owned(), "sign".to_owned())];
    });
    let settings = with_key(choices, "abc123def456");
    let link = Link::new(Target::split("/a"));
    let signed = sign(&settings, &link, UnixMillis::from_secs(1_700_000_000)).unwrap();
    let digest = "a78c2cb5b141cab2c6a1b729a2fc2634c7961854e2a54304b7a4d7927e1f87fa";
    assert_eq!(signed.target, format!("/a?sign=1700000000-0-0-{digest}"));
}

/// Tencent's type D in hexadecimal is the formula of Qiniu and of Alibaba's type F.
#[test]
fn one_formula_of_three_vendors() {
    let hex = |scheme| chosen(scheme, |it| it.time = Some(TimeForm::Hex));
    let lines: Vec<String> =
        [hex(Scheme::TencentD), hex(Scheme::AliF), Choices::new(Scheme::Qiniu)]
            .into_iter()
            .map(|choices| {
                let settings = with_key(choices, "aliyuncdnexp1234");
                let mut link = Link::new(Target::split("/test.flv"));
                link.lifetime = (settings.scheme() == Scheme::Qiniu).then_some(0);
                sign(&settings, &link, UnixMillis::from_secs(1_439_596_800)).unwrap().hashed
            })
            .collect();
    assert_eq!(lines, ["{key}/test.flv55ce8100"; 3]);
}
