//! Cross-origin rules: preflights, and what lets a page of another origin read an answer.
//!
//! Sources: OSS "PutBucketCors", "Options"; Fetch Standard, "CORS protocol".

use crate::support::actions::CORS;
use crate::support::policy::{BLACK_EC, EVIL, STRICT};
use crate::support::server::Start;
use crate::support::wire::refused;
use crate::support::{
    Channel, PRIVATE, PUBLIC_READ, PUBLIC_READ_WRITE, Request, Response, Server, Signer,
};

const BUCKET: &str = "pages";
const KEY: &str = "data.json";
const PAGE: &str = "https://app.example.com";

/// Pages below `example.com` may put and get and send OSS's headers; any page may get.
const RULES: &str = "<CORSConfiguration>
    <CORSRule><AllowedOrigin>https://*.example.com</AllowedOrigin>
    <AllowedMethod>PUT</AllowedMethod><AllowedMethod>POST</AllowedMethod>
    <AllowedHeader>x-oss-*</AllowedHeader><AllowedHeader>Content-Type</AllowedHeader>
    <ExposeHeader>ETag</ExposeHeader><ExposeHeader>x-oss-request-id</ExposeHeader>
    <MaxAgeSeconds>600</MaxAgeSeconds></CORSRule>
    <CORSRule><AllowedOrigin>https://app.example.com</AllowedOrigin>
    <AllowedMethod>GET</AllowedMethod><ExposeHeader>ETag</ExposeHeader></CORSRule>
    <CORSRule><AllowedOrigin>*</AllowedOrigin>
    <AllowedMethod>HEAD</AllowedMethod></CORSRule>
    </CORSConfiguration>";

fn cors(server: &Server, rules: &str) -> Response {
    server.owner(Request::bucket("PUT", BUCKET).query("cors", "").body(rules))
}

fn server(acl: &str, rules: &str) -> Server {
    let server = Server::start();
    server.bucket(BUCKET, acl);
    server.done(Request::put(BUCKET, KEY, "{}"));
    assert_eq!(cors(&server, rules).status, 200);
    server
}

fn preflight(origin: &str, method: &str) -> Request {
    Request::object("OPTIONS", BUCKET, KEY)
        .header("Origin", origin)
        .header("Access-Control-Request-Method", method)
}

/// What an answer says to a browser: origin, methods, headers, headers to read, seconds.
fn granted(response: &Response) -> [Option<&str>; 5] {
    let names = ["allow-origin", "allow-methods", "allow-headers", "expose-headers", "max-age"];
    assert_eq!(response.header("access-control-allow-credentials"), None, "never");
    names.map(|name| response.header(&format!("access-control-{name}")))
}

#[test]
fn preflights() {
    let server = server(PRIVATE, RULES);
    let all = Some("ETag, x-oss-request-id");
    let put = |origin| [Some(origin), Some("PUT, POST"), None, all, Some("600")];
    let with = |headers| [Some(PAGE), Some("PUT, POST"), Some(headers), all, Some("600")];
    let head = [Some("*"), Some("HEAD"), None, None, None];
    #[rustfmt::skip]
    let table = [
        ("a subdomain",            preflight("https://x.example.com", "PUT"),               Some(put("https://x.example.com"))),
        ("a method in lower case", preflight(PAGE, "put"),                                  Some(put(PAGE))),
        ("headers",                preflight(PAGE, "PUT").header("Access-Control-Request-Headers", "content-type, X-OSS-Date,,x-oss-meta-a"), Some(with("content-type, X-OSS-Date, x-oss-meta-a"))),
        ("headers in two lines",   preflight(PAGE, "PUT").header("Access-Control-Request-Headers", "content-type").header("Access-Control-Request-Headers", "x-oss-a"), Some(with("content-type, x-oss-a"))),
        ("everybody",              preflight("https://evil.example", "HEAD"),               Some(head)),
        ("a page without origin",  preflight("null", "HEAD"),                               Some(head)),
        ("a part of an upload",    preflight(PAGE, "PUT").query("partNumber", "1").query("uploadId", "a"), Some(put(PAGE))),
        ("what is not served",     preflight(PAGE, "PUT").query("tagging", "").query("acl", ""), Some(put(PAGE))),
        ("another page",           preflight("https://example.org", "PUT"),                 None),
        ("a look-alike",           preflight("https://app.example.com.evil.net", "PUT"),    None),
        ("another method",         preflight(PAGE, "DELETE"),                               None),
        ("no method of HTTP",      preflight(PAGE, "STEAL"),                                None),
        ("another header",         preflight(PAGE, "PUT").header("Access-Control-Request-Headers", "x-oss-a, authorization"), None),
        ("no name of a header",    preflight(PAGE, "PUT").header("Access-Control-Request-Headers", "x-oss-a b"), None),
        ("too many headers",       preflight(PAGE, "PUT").header("Access-Control-Request-Headers", "x-oss-,".repeat(301)), None),
    ];
    for (name, request, want) in table {
        let response = server.send(&request);
        assert_eq!(granted(&response), want.unwrap_or_default(), "{name}");
        if want.is_some() {
            assert_eq!(response.status, 200, "{name}");
        } else {
            let want = (403, "AccessForbidden".into(), "0003-00000602".into());
            assert_eq!(response.outcome(), want, "{name}");
        }
    }
}

#[test]
fn preflights_that_are_none() {
    let server = server(PRIVATE, RULES);
    server.bucket("without-rules", PRIVATE);
    let bare = Request::object("OPTIONS", BUCKET, KEY);
    let on = |bucket: &str| Request { bucket: Some(bucket.into()), ..preflight(PAGE, "PUT") };
    #[rustfmt::skip]
    let table = [
        ("no origin",    bare.clone().header("Access-Control-Request-Method", "PUT"), 400, "BadRequest",      "0034-00000101"),
        ("no method",    bare.clone().header("Origin", PAGE),                         400, "BadRequest",      "0034-00000102"),
        ("two origins",  preflight(PAGE, "PUT").header("Origin", PAGE),               400, "InvalidArgument", ""),
        ("no rules",     on("without-rules"),                                         403, "AccessForbidden", "0003-00000601"),
        ("no bucket",    on("nowhere"),                                               404, "NoSuchBucket",    "0015-00000101"),
        ("the service",  Request::service("OPTIONS").header("Origin", PAGE),          405, "MethodNotAllowed", ""),
    ];
    for (name, request, status, code, ec) in table {
        let want = (status, code.to_owned(), ec.to_owned());
        assert_eq!(server.send(&request).outcome(), want, "{name}");
    }
}

/// A browser asks for a signed URL without knowing that it is one, and from a page that the
/// referer policy may not know.
#[test]
fn a_preflight_is_asked_neither_who_it_is_nor_where_it_is_from() {
    let server = server(PRIVATE, RULES);
    server.policy(BUCKET, &STRICT);
    for channel in [Channel::V1Url, Channel::V4Url] {
        let url = Signer::owner().sign(channel, Request::object("PUT", BUCKET, KEY));
        let request = Request { method: "OPTIONS".into(), ..url };
        let request = request.header("Origin", PAGE).header("Access-Control-Request-Method", "PUT");
        assert_eq!(server.send(&request.referer(EVIL)).status, 200, "{channel:?}");
    }
    let request = preflight(PAGE, "PUT").header("Authorization", "Bearer of nothing");
    assert_eq!(server.send(&request).status, 200);
    // It is no way round a check: what follows it is refused as ever.
    let put = Request::put(BUCKET, KEY, "stolen").header("Origin", PAGE).referer(EVIL);
    assert_eq!(server.send(&put).outcome(), (403, "AccessDenied".into(), BLACK_EC.into()));
    assert_eq!(server.content(BUCKET, KEY).as_deref(), Some(&b"{}"[..]));
}

#[test]
fn an_answer_can_be_read_by_the_pages_that_a_rule_names() {
    let server = server(PUBLIC_READ, RULES);
    let get = || Request::get(BUCKET, KEY);
    let app = [Some(PAGE), None, None, Some("ETag"), None];
    let everybody = [Some("*"), None, None, None, None];
    let etag = server.send(&get()).header("etag").unwrap().to_owned();
    let range = get().header("Range", "bytes=0-0");
    #[rustfmt::skip]
    let table = [
        ("no page",             get(),                                                        200, [None; 5]),
        ("its page",            get().header("Origin", PAGE),                                 200, app),
        ("another page",        get().header("Origin", "https://x.example.com"),              200, [None; 5]),
        ("whoever asks less",   Request::object("HEAD", BUCKET, KEY).header("Origin", "null"), 200, everybody),
        ("two origins",         get().header("Origin", PAGE).header("Origin", PAGE),          200, [None; 5]),
        ("a part",              range.header("Origin", PAGE),                                 206, app),
        ("what it has",         get().header("If-None-Match", &etag).header("Origin", PAGE),  304, app),
        ("what is not there",   Request::get(BUCKET, "none").header("Origin", PAGE),          404, app),
        ("what it may not",     Request::bucket("GET", BUCKET).header("Origin", PAGE),        403, app),
        ("with a wrong signature", get().header("Authorization", "OSS a:b").header("Date", "x").header("Origin", PAGE), 403, app),
        ("what makes no sense", get().query("response-expires", "x").header("Origin", PAGE),  400, app),
        ("what is not served",  get().query("asyncFetch", "").header("Origin", PAGE),            501, app),
    ];
    for (name, request, status, want) in table {
        let response = server.send(&request);
        assert_eq!((response.status, granted(&response)), (status, want), "{name}");
        assert_eq!(response.header("vary"), None, "{name}");
    }
}

/// Also where the key is none, so that a page can tell its user what is wrong with a name.
#[test]
fn a_refused_name_can_be_read() {
    let server = server(PUBLIC_READ_WRITE, RULES);
    let long = "k".repeat(1024);
    let put = |path: &str, host: &str, origin: &str| {
        let head = format!("PUT {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\n");
        server.raw(format!("{head}Content-Length: 0\r\n\r\n").as_bytes()).unwrap()
    };
    let exposed = Some("ETag, x-oss-request-id");
    for (path, host) in
        [(format!("/{BUCKET}/{long}"), "x"), (format!("/{long}"), "pages.localhost")]
    {
        let response = put(&path, host, PAGE);
        assert_eq!(response.code(), refused(400, "InvalidObjectName"), "{host}");
        assert_eq!(granted(&response), [Some(PAGE), None, None, exposed, None], "{host}");
        let response = put(&path, host, "https://other.example");
        assert_eq!((response.status, granted(&response)), (400, [None; 5]), "{host}");
    }
}

/// The page is told that the referer policy denies, and by which rule.
#[test]
fn a_denial_by_referer_can_be_read() {
    let server = server(PUBLIC_READ_WRITE, RULES);
    server.policy(BUCKET, &STRICT);
    let denied = |origin: &str| {
        server.send(&Request::get(BUCKET, KEY).header("Origin", origin).referer(EVIL))
    };
    let response = denied(PAGE);
    assert_eq!(response.outcome(), (403, "AccessDenied".into(), BLACK_EC.into()));
    assert_eq!(granted(&response), [Some(PAGE), None, None, Some("ETag"), None]);
    assert_eq!(response.header("vary"), Some("Referer"));
    let response = denied("https://other.example");
    assert_eq!(response.outcome(), (403, "AccessDenied".into(), BLACK_EC.into()));
    assert_eq!(granted(&response), [None; 5]);
    let put = Request::put(BUCKET, KEY, "x").header("Origin", PAGE).referer(EVIL);
    let response = server.send(&put);
    assert_eq!(response.status, 403);
    assert_eq!(granted(&response)[3], Some("ETag, x-oss-request-id"));
}

#[test]
fn answers_say_that_they_depend_on_the_origin_if_the_owner_wants_that() {
    let vary = "<ResponseVary>true</ResponseVary></CORSConfiguration>";
    let server = server(PUBLIC_READ, &RULES.replace("</CORSConfiguration>", vary));
    let vary = |request: &Request| {
        let response = server.send(request);
        let lines = response.headers.iter().filter(|(name, _)| name == "vary");
        let lines: Vec<_> = lines.map(|(_, value)| value.clone()).collect();
        assert_eq!(lines.len(), 1, "{lines:?}");
        lines[0].clone()
    };
    let get = Request::get(BUCKET, KEY);
    let all = [
        get.clone(),
        get.clone().header("Origin", PAGE),
        get.clone().header("Origin", "https://other.example"),
        Request::get(BUCKET, "none"),
        preflight(PAGE, "DELETE"),
    ];
    for request in &all {
        assert_eq!(vary(request), "Origin", "{request:?}");
    }
    server.policy(BUCKET, &STRICT);
    assert_eq!(vary(&get), "Referer, Origin");
}

#[test]
fn rules_are_kept_replaced_and_removed() {
    let server = server(PRIVATE, RULES);
    let get = || Request::bucket("GET", BUCKET).query("cors", "");
    let delete = || Request::bucket("DELETE", BUCKET).query("cors", "");
    let first = server.done(get()).body;
    let (_, folder) = server.stop_for_restart();
    let server = Start::default().run_in(folder);
    assert_eq!(server.done(get()).body, first);
    assert_eq!(server.send(&preflight(PAGE, "PUT")).status, 200);
    assert_eq!(cors(&server, CORS).status, 200);
    assert_ne!(server.done(get()).body, first);
    assert_eq!(granted(&server.send(&preflight(PAGE, "PUT")))[0], Some("*"));
    for _ in 0..2 {
        assert_eq!(server.owner(delete()).status, 204);
        let want = (404, "NoSuchCORSConfiguration".into(), "0034-00000001".into());
        assert_eq!(server.owner(get()).outcome(), want);
        assert_eq!(server.send(&preflight(PAGE, "PUT")).status, 403);
    }
    // A new bucket of the same name has none.
    assert_eq!(cors(&server, CORS).status, 200);
    server.done(Request::object("DELETE", BUCKET, KEY));
    server.done(Request::bucket("DELETE", BUCKET));
    server.bucket(BUCKET, PRIVATE);
    assert_eq!(server.owner(get()).status, 404);
}

#[test]
fn rules_that_are_refused_change_nothing() {
    let server = server(PRIVATE, RULES);
    let before = server.done(Request::bucket("GET", BUCKET).query("cors", "")).body;
    let rule = "<CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod>";
    let one =
        |more: &str| format!("<CORSConfiguration>{rule}{more}</CORSRule></CORSConfiguration>");
    let many = format!("{rule}</CORSRule>").repeat(21);
    #[rustfmt::skip]
    let table = [
        ("nothing",           String::new(),                                   "MalformedXML",        ""),
        ("no rule",           "<CORSConfiguration/>".into(),                   "MalformedXML",        "0034-00000002"),
        ("21 rules",          format!("<CORSConfiguration>{many}</CORSConfiguration>"), "CORSRuleBeyondLimit", "0034-00000006"),
        ("two wildcards",     one("<AllowedOrigin>https://*.a.*</AllowedOrigin>"), "InvalidArgument", "0034-00000009"),
        ("a bad method",      one("<AllowedMethod>TEST</AllowedMethod>"),      "InvalidArgument",     "0034-00000011"),
        ("a header in a header", one("<ExposeHeader>a&#13;&#10;Set-Cookie: b=c</ExposeHeader>"), "InvalidArgument", "0034-00000013"),
        ("a document type",   format!("<!DOCTYPE a>{}", one("")),              "MalformedXML",        ""),
        ("more than 16 KiB",  one(&"<ExposeHeader>a</ExposeHeader>".repeat(600)), "EntityTooLarge",   ""),
    ];
    for (name, rules, code, ec) in table {
        let want = (400, code.to_owned(), ec.to_owned());
        assert_eq!(cors(&server, &rules).outcome(), want, "{name}");
    }
    let wrong = Request::bucket("PUT", BUCKET).query("cors", "").body(CORS);
    let wrong = wrong.header("Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg==");
    assert_eq!(server.owner(wrong).code(), refused(400, "InvalidDigest"));
    assert_eq!(server.done(Request::bucket("GET", BUCKET).query("cors", "")).body, before);
}
