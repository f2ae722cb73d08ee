//! What the terms of a domain do.

use serde_json::json;

use super::{
    BODY, BUCKET, HOST, KEY, admin, ask, auth_key, denied, furnish, get, link, put, type_a,
};
use crate::support::policy::{EVIL, GOOD, STRICT};
use crate::support::server::Start;
use crate::support::wire::refused;
use crate::support::{Channel, PUBLIC_READ, PUBLIC_READ_WRITE, Request, Signer, clock};

#[test]
fn a_signed_link_opens_a_private_bucket_and_nothing_else_does() {
    let server = super::server();
    put(&server, HOST, &type_a());
    let given = get(&server, &link("/a.mp4"));
    assert_eq!((given.status, given.body.as_slice()), (200, BODY.as_bytes()));
    assert_eq!(given.header("content-type"), Some("video/mp4"));
    assert_eq!(given.header("cache-control"), Some("private"));
    assert_eq!(given.header("referrer-policy"), Some("no-referrer"));

    let none = "denied by req auth: no url arg auth_key";
    assert_eq!(denied(&get(&server, "/a.mp4")), none);
    let owner = Signer::owner().sign(Channel::V4Header, Request::get(BUCKET, "vod/a.mp4"));
    let text = String::from_utf8(owner.bytes(HOST)).unwrap();
    let text = text.replacen("/videos/vod/a.mp4", "/a.mp4", 1);
    let by_owner = server.raw(text.as_bytes()).unwrap();
    assert_eq!(denied(&by_owner), none, "OSS's own signature is no signature here");

    // Without signatures the domain is a stranger; so the bucket stays private.
    let mut terms = json!({ "bucket": BUCKET, "prefix": "vod/" });
    put(&server, HOST, &terms);
    assert_eq!(get(&server, "/a.mp4").code(), refused(403, "AccessDenied"));
    assert_eq!(get(&server, &link("/a.mp4")).code(), refused(403, "AccessDenied"));
    terms["origin_access"] = json!(true);
    put(&server, HOST, &terms);
    assert_eq!(get(&server, "/a.mp4").status, 200, "unless it is said");

    let mut terms = type_a();
    terms["origin_access"] = json!(false);
    put(&server, HOST, &terms);
    assert_eq!(get(&server, &link("/a.mp4")).code(), refused(403, "AccessDenied"));
}

/// Whatever a signed domain answers is for its bearer alone, also what it refuses, and whatever the
/// object's owner wrote beside it for shared caches.
#[test]
fn every_answer_of_a_signed_domain_is_for_its_bearer() {
    let server = super::server();
    let shared = Request::put(BUCKET, "vod/shared.mp4", BODY);
    server.done(shared.header("Cache-Control", "public, max-age=60, s-maxage=86400"));
    server.policy(BUCKET, &STRICT);
    put(&server, HOST, &type_a());
    let (good, evil) = (("Referer", GOOD), ("Referer", EVIL));
    let (own, shared, none) = (link("/a.mp4"), link("/shared.mp4"), link("/none.mp4"));
    let preflight = [("Origin", "http://a.example"), ("Access-Control-Request-Method", "GET")];
    let kept = "private, max-age=60";
    #[rustfmt::skip]
    let table = [
        ("an object",           "GET",     &*own,    &[good][..],                         200, "private"),
        ("for shared caches",   "GET",     &shared,  &[good],                             200, kept),
        ("its head",            "HEAD",    &shared,  &[good],                             200, kept),
        ("a part of it",        "GET",     &shared,  &[good, ("Range", "bytes=0-3")],     206, kept),
        ("as it was",           "GET",     &shared,  &[good, ("If-None-Match", "*")],     304, kept),
        ("no part of it",       "GET",     &shared,  &[good, ("If-Match", "\"x\"")],      412, "private"),
        ("nothing there",       "GET",     &none,    &[good],                             404, "private"),
        ("by its referer",      "GET",     &shared,  &[evil],                             403, "no-store"),
        ("no signature",        "GET",     "/a.mp4", &[good],                             403, "no-store"),
        ("another method",      "DELETE",  &own,     &[good],                             405, "private"),
        ("a preflight",         "OPTIONS", &own,     &preflight,                          403, "no-store"),
    ];
    for (name, method, target, headers, status, want) in table {
        let given = ask(&server, (method, HOST), target, headers);
        assert_eq!(given.status, status, "{name}: {given:?}");
        assert_eq!(given.header("cache-control"), Some(want), "{name}");
        assert_eq!(given.header("referrer-policy"), Some("no-referrer"), "{name}");
    }
    // Where URLs are not signed, the object's owner decides.
    put(&server, "open.example.com", &json!({ "bucket": BUCKET, "origin_access": true }));
    let open = ask(&server, ("GET", "open.example.com"), "/vod/shared.mp4", &[good]);
    assert_eq!(open.header("cache-control"), Some("public, max-age=60, s-maxage=86400"));
    assert_eq!(open.header("referrer-policy"), None);
}

/// The headers of Alibaba Cloud CDN's page on URL signing.
#[test]
fn refusals_say_why_as_the_vendor_does() {
    let server = super::server();
    put(&server, HOST, &type_a());
    let now = clock::now();
    let wrong = "de7bfdc915ced05e17380a149bd760be";
    let late = now - 1801;
    #[rustfmt::skip]
    let table = [
        ("no signature",  "/a.mp4".to_owned(),                           "no url arg auth_key".to_owned()),
        ("expired",       format!("/a.mp4?{}", auth_key(KEY, "/a.mp4", late)), format!("expired timestamp={late}")),
        ("another path",  format!("/a.mp4?auth_key={now}-0-0-{wrong}"),  format!("invalid md5hash={wrong}")),
        ("another key",   format!("/a.mp4?{}", auth_key("another1", "/a.mp4", now)), format!("invalid md5hash={}", super::md5(&format!("/a.mp4-{now}-0-0-another1")))),
        ("no digest",     format!("/a.mp4?auth_key={now}-0-0-%3Cscript%3E"), "invalid md5hash".to_owned()),
        ("no time",       format!("/a.mp4?auth_key=soon-0-0-{wrong}"),   "invalid timestamp=soon".to_owned()),
        ("a time that is long", format!("/a.mp4?auth_key={}-0-0-{wrong}", "9".repeat(40)), "invalid timestamp".to_owned()),
        ("twice",         format!("/a.mp4?{0}&{0}", auth_key(KEY, "/a.mp4", now)), "duplicate url arg auth_key".to_owned()),
    ];
    for (name, target, want) in &table {
        for method in ["GET", "HEAD"] {
            let response = ask(&server, (method, HOST), target, &[("Range", "bytes=0-1")]);
            assert_eq!(denied(&response), format!("denied by req auth: {want}"), "{name}");
        }
    }
    let mut terms = type_a();
    terms["error_header"] = json!(false);
    put(&server, HOST, &terms);
    for (name, target, _) in &table {
        assert_eq!(denied(&get(&server, target)), "", "{name}");
    }
}

#[test]
fn what_is_left_is_read_as_from_a_bucket() {
    let server = super::server();
    put(&server, HOST, &type_a());
    let target = link("/a.mp4");
    let with = |headers: &[(&str, &str)]| ask(&server, ("GET", HOST), &target, headers);
    let part = with(&[("Range", "bytes=5-7")]);
    assert_eq!((part.status, part.body.as_slice()), (206, &BODY.as_bytes()[5..8]));
    let strict = [("Range", "bytes=999-"), ("x-oss-range-behavior", "standard")];
    assert_eq!(with(&strict).code(), refused(416, "InvalidRange"));
    let head = ask(&server, ("HEAD", HOST), &target, &[]);
    assert_eq!((head.status, head.length()), (200, BODY.len()));
    let tag = head.header("etag").unwrap().to_owned();
    assert_eq!(with(&[("If-None-Match", &tag)]).status, 304);
    assert_eq!(with(&[("If-Match", "\"x\"")]).status, 412);
    assert_eq!(get(&server, &link("/missing.mp4")).code(), refused(404, "NoSuchKey"));
    assert_eq!(get(&server, &link("/")).code(), refused(404, "NoSuchKey"), "no listing");

    // What is left of the query is not signed by type A, so nobody can make it count.
    let extra = |query: &str| get(&server, &format!("{target}&{query}"));
    assert_eq!(extra("x=1&y").status, 200);
    assert_eq!(extra("response-content-type=text/html").code(), refused(400, "InvalidRequest"));
    assert_eq!(extra("x-oss-process=image/info").code(), refused(501, "NotImplemented"));
    for query in ["acl", "tagging", "uploadId=1"] {
        assert!([403, 405, 501].contains(&extra(query).status), "{query}");
    }
    for method in ["PUT", "POST", "DELETE", "PATCH"] {
        let response = ask(&server, (method, HOST), &target, &[("Content-Length", "0")]);
        assert_eq!(response.code(), refused(405, "MethodNotAllowed"), "{method}");
        assert_eq!(response.header("allow"), Some("GET, HEAD, OPTIONS"), "{method}");
    }
    assert_eq!(server.content(BUCKET, "vod/a.mp4").as_deref(), Some(BODY.as_bytes()));
}

/// refgate's own scheme signs the whole query of a file, so that its signer can say more.
#[test]
fn a_signed_query_counts() {
    let server = super::server();
    let mut terms = type_a();
    terms["signing"] = json!({ "scheme": "refgate" });
    terms["keys"] = json!(null);
    put(&server, HOST, &terms);
    let order = json!({ "urls": ["/a.mp4?response-content-type=text/plain"], "lifetime": 60 });
    let (_, made) = admin(&server, ("POST", &format!("/{HOST}/sign")), &[], &order.to_string());
    let url = made["links"][0]["url"].as_str().unwrap();
    let given = get(&server, url);
    assert_eq!(given.status, 200, "{}", given.error());
    assert_eq!(given.header("content-type"), Some("text/plain"));
    assert_eq!(get(&server, &url.replace("plain", "html")).status, 403);
}

#[test]
fn the_referer_policy_and_the_signature_must_both_pass() {
    let server = super::server();
    server.policy(BUCKET, &STRICT);
    put(&server, HOST, &type_a());
    let from = |target: &str, referer| ask(&server, ("GET", HOST), target, &[("Referer", referer)]);
    let good = from(&link("/a.mp4"), GOOD);
    assert_eq!((good.status, good.header("vary")), (200, Some("Referer")));
    let evil = from(&link("/a.mp4"), EVIL);
    assert_eq!(denied(&evil), "denied by Referer ACL", "the CDN refuses, not the bucket");
    assert_eq!(denied(&from("/a.mp4", GOOD)), "denied by req auth: no url arg auth_key");
    // An `Authorization` header that means nothing here does not switch the policy off.
    let headers = [("Referer", EVIL), ("Authorization", "OSS4-HMAC-SHA256 garbage")];
    assert_eq!(ask(&server, ("GET", HOST), &link("/a.mp4"), &headers).status, 403);

    let mut terms = type_a();
    terms["referer_policy"] = json!(false);
    put(&server, HOST, &terms);
    let evil = from(&link("/a.mp4"), EVIL);
    assert_eq!((evil.status, evil.header("vary")), (200, None));
}

#[test]
fn a_domain_can_be_the_only_way() {
    let server = super::server();
    server.bucket(BUCKET, PUBLIC_READ);
    server.done(Request::put(BUCKET, "free.txt", "free"));
    let warned = put(&server, HOST, &type_a())["warnings"].to_string();
    assert!(warned.contains("by the bucket's own hosts"), "{warned}");
    let own = Request::get(BUCKET, "vod/a.mp4");
    assert_eq!(server.send(&own).status, 200, "as the ACL says");
    let mut terms = type_a();
    terms["direct_access"] = json!("signed-only");
    assert_eq!(put(&server, HOST, &terms)["warnings"], json!([]));
    assert_eq!(server.send(&own).code(), refused(403, "AccessDenied"));
    let copy = Request::put(BUCKET, "copy", "").header("x-oss-copy-source", "/videos/vod/a.mp4");
    assert_eq!(server.send(&copy).status, 403);
    assert_eq!(server.owner(own.clone()).status, 200);
    let presigned = Signer::owner().sign(Channel::V4Url, own.clone());
    assert_eq!(server.send(&presigned).status, 200, "the owner's own links stay");
    assert_eq!(server.send(&Request::get(BUCKET, "free.txt")).status, 200, "outside the prefix");
    assert_eq!(get(&server, &link("/a.mp4")).status, 200);

    // Another domain without signatures is no way around it.
    put(&server, "open.example.com", &json!({ "bucket": BUCKET }));
    let around = ask(&server, ("GET", "open.example.com"), "/vod/a.mp4", &[]);
    assert_eq!(around.code(), refused(403, "AccessDenied"));
    assert_eq!(ask(&server, ("GET", "open.example.com"), "/free.txt", &[]).status, 200);
    // One that gives all the same says so, and one that gives other objects has nothing to say.
    let mut terms = json!({ "bucket": BUCKET, "origin_access": true });
    for (prefix, want) in [("", 1), ("vod/", 1), ("vod/low/", 1), ("vo/", 0), ("voda/", 0)] {
        terms["prefix"] = json!(prefix);
        let warned = put(&server, "open.example.com", &terms)["warnings"].clone();
        assert_eq!(warned.as_array().unwrap().len(), want, "{prefix}: {warned}");
        let said = warned.to_string().contains("what cdn.example.com leaves to signed requests");
        assert_eq!(said, want > 0, "{prefix}: {warned}");
    }
    server.bucket(BUCKET, PUBLIC_READ_WRITE);
    for (playlists, want) in [("signed", 0), ("signed-host", 1), ("plain", 0)] {
        let mut terms = type_a();
        terms["direct_access"] = json!("signed-only");
        terms["playlists"] = json!(playlists);
        let warned = put(&server, HOST, &terms)["warnings"].clone();
        assert_eq!(warned.as_array().unwrap().len(), want, "{playlists}: {warned}");
    }
}

#[test]
fn hosts_are_read_in_one_way() {
    let server = super::server();
    put(&server, HOST, &type_a());
    let target = link("/a.mp4");
    for host in ["CDN.example.com", "cdn.example.com.", "cdn.example.com:8080"] {
        assert_eq!(ask(&server, ("GET", host), &target, &[]).status, 200, "{host}");
        let bare = denied(&ask(&server, ("GET", host), "/a.mp4", &[]));
        assert_eq!(bare, "denied by req auth: no url arg auth_key", "{host}");
    }
    let absolute = format!("http://{HOST}{target}");
    assert_eq!(ask(&server, ("GET", HOST), &absolute, &[]).status, 200);
    let two = ask(&server, ("GET", "other.example.com"), &absolute, &[]);
    assert_eq!(two.code(), refused(400, "InvalidArgument"), "two hosts");
    let twice = ask(&server, ("GET", HOST), &target, &[("Host", "other.example.com")]);
    assert_eq!(twice.status, 400);
    // A bucket's name in the path means nothing here, and a forged header moves nobody here.
    assert_eq!(get(&server, &link("/videos/vod/a.mp4")).code(), refused(404, "NoSuchKey"));
    let forged = [("X-Forwarded-Host", HOST)];
    let elsewhere = ask(&server, ("GET", "elsewhere.example.com"), &target, &forged);
    assert_eq!(elsewhere.code(), refused(400, "InvalidBucketName"), "path style");
    // Deleted, the host is what every other is.
    let (gone, _) = admin(&server, ("DELETE", &format!("/{HOST}")), &[], "");
    assert_eq!(gone.status, 204);
    assert_eq!(get(&server, "/videos/vod/a.mp4").code(), refused(403, "AccessDenied"));
}

#[test]
fn pages_of_other_origins_read_what_the_bucket_lets_them() {
    let server = super::server();
    let rules = "<CORSConfiguration><CORSRule><AllowedOrigin>https://app.example</AllowedOrigin>\
        <AllowedMethod>GET</AllowedMethod><AllowedHeader>*</AllowedHeader></CORSRule>\
        </CORSConfiguration>";
    server.done(Request::bucket("PUT", BUCKET).query("cors", "").body(rules));
    put(&server, HOST, &type_a());
    let origin = ("Origin", "https://app.example");
    let asked = [origin, ("Access-Control-Request-Method", "GET")];
    let preflight = ask(&server, ("OPTIONS", HOST), &link("/a.mp4"), &asked);
    assert_eq!(preflight.status, 200, "{}", preflight.error());
    let allowed = |response: &crate::support::Response| {
        response.header("access-control-allow-origin").map(str::to_owned)
    };
    let own = Some("https://app.example".to_owned());
    assert_eq!(allowed(&preflight), own);
    assert_eq!(allowed(&ask(&server, ("GET", HOST), &link("/a.mp4"), &[origin])), own);
    let refused = ask(&server, ("GET", HOST), "/a.mp4", &[origin]);
    assert_eq!((refused.status, allowed(&refused)), (403, own), "the page learns why");
}

/// ApsaraVideo Live: signatures are on from the start, with a key that is drawn, for 1440 minutes.
#[test]
fn a_live_domain_is_signed_from_the_start() {
    let server = super::server();
    let made = put(
        &server,
        HOST,
        &json!({ "bucket": BUCKET, "prefix": "vod/", "signing": { "scheme": "ali-live" } }),
    );
    assert!(made["key_ids"]["primary"].is_string());
    let (_, keys) = admin(&server, ("GET", &format!("/{HOST}/keys")), &[], "");
    let key = keys["primary"]["key"].as_str().unwrap();
    assert_eq!((key.len(), keys["secondary"].is_null()), (32, true));
    let at = |seconds: i64| {
        let query = auth_key(key, "/a.mp4", clock::now() - seconds);
        get(&server, &format!("/a.mp4?{query}"))
    };
    assert_eq!(at(1440 * 60 - 5).status, 200);
    assert!(denied(&at(1440 * 60 + 1)).starts_with("denied by req auth: expired timestamp="));
}

/// Terms, keys and the bucket's other uses survive a restart, and the SDKs' way stays as it was.
#[test]
fn a_restart_changes_nothing() {
    let server = super::server();
    put(&server, HOST, &type_a());
    let (_, before) = admin(&server, ("GET", &format!("/{HOST}")), &[], "");
    let (_, folder) = server.stop_for_restart();
    let server = Start::default().run_in(folder);
    assert_eq!(admin(&server, ("GET", &format!("/{HOST}")), &[], "").1, before);
    assert_eq!(get(&server, &link("/a.mp4")).status, 200);
    assert_eq!(get(&server, "/a.mp4").status, 403);
    assert_eq!(server.content(BUCKET, "vod/a.mp4").as_deref(), Some(BODY.as_bytes()));
}

#[test]
fn the_log_has_paths_without_signatures_and_no_keys() {
    let server = super::server();
    put(&server, HOST, &type_a());
    let b = "b.example.com";
    let mut terms = type_a();
    terms["signing"] = json!({ "scheme": "ali-b" });
    put(&server, b, &terms);
    let now = jiff::Timestamp::from_second(clock::now()).unwrap();
    let minute = jiff::tz::offset(8).to_datetime(now).strftime("%Y%m%d%H%M").to_string();
    let digest = super::md5(&format!("{KEY}{minute}/a.mp4"));
    let good = ask(&server, ("GET", b), &format!("/{minute}/{digest}/a.mp4"), &[]);
    assert_eq!(good.status, 200, "{good:?}");
    let old = super::md5(&format!("{KEY}201508150800/a.mp4"));
    assert_eq!(ask(&server, ("GET", b), &format!("/201508150800/{old}/a.mp4"), &[]).status, 403);
    let signed = link("/a.mp4");
    get(&server, &format!("{signed}&page=2"));
    get(&server, &format!("/a.mp4?auth_key={}-0-0-{digest}", clock::now()));
    let (_, auth) = signed.rsplit_once('-').unwrap();
    let log = server.stop().log;
    assert!(log.contains("path=\"/a.mp4\"") && log.contains("status=200"), "{log}");
    assert!(log.contains("path=\"/201508150800/*/a.mp4\""), "{log}");
    assert!(log.contains("why=\"the link has expired\""), "{log}");
    for secret in [KEY, auth, &old, "auth_key="] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}

#[test]
fn hosts_that_are_there_for_something_are_no_domains() {
    let server = Start::default()
        .flag("--base-domain", "localhost,oss.example.org")
        .flag("--cname", "img.example.com=videos")
        .flag("--public-endpoint", "files.example.net:9000")
        .run();
    furnish(&server);
    for (host, why) in [
        ("127.0.0.1", "is an address"),
        ("localhost", "is a domain below which buckets are"),
        ("oss.example.org", "is a domain below which buckets are"),
        ("videos.oss.example.org", "is a host of the bucket"),
        ("IMG.example.com", "is a host of the bucket"),
        ("files.example.net", "is the public endpoint"),
        ("videos.oss-cn-hangzhou.aliyuncs.com", "is a host of the bucket"),
    ] {
        let path = format!("/{host}");
        let (response, json) = admin(&server, ("PUT", &path), &[], &type_a().to_string());
        let message = json["error"]["message"].as_str().unwrap();
        assert_eq!(response.status, 409, "{host}: {message}");
        assert!(message.contains(why), "{host}: {message}");
    }
    let long = format!("{}.example.com", "a".repeat(64));
    for host in ["a..b", "-a.example.com", "a-.example.com", "a~b", "%2A.example.com", &long] {
        let (response, _) =
            admin(&server, ("PUT", &format!("/{host}")), &[], &type_a().to_string());
        assert_eq!(response.status, 400, "{host}");
    }
    assert_eq!(admin(&server, ("GET", ""), &[], "").1["domains"], json!([]));
}
