//! Signatures at their edges, over the wire, and what only a signed request may ask for.
//!
//! Sources: OSS "Include a V1 signature in the header", "… in a URL", "Include a V4 signature in
//! the Authorization header", "… in a URL", the pages of the EC numbers, "GetObject".

use crate::support::policy::{GOOD, OPEN, STRICT};
use crate::support::sign::{KEY_ID, REGION};
use crate::support::wire::refused;
use crate::support::{Channel, PUBLIC_READ, Request, Server, Signer, clock};

const BUCKET: &str = "signatures";
const KEY: &str = "a/b c+d.txt";
const CONTENT: &[u8] = b"content";

fn server() -> Server {
    let server = Server::start();
    server.bucket(BUCKET, PUBLIC_READ);
    server.done(Request::put(BUCKET, KEY, CONTENT));
    server
}

fn get() -> Request {
    Request::get(BUCKET, KEY)
}

#[test]
fn a_header_and_a_url_at_once_are_refused() {
    let server = server();
    let owner = Signer::owner();
    for url in [Channel::V1Url, Channel::V4Url] {
        for header in [Channel::V1Header, Channel::V4Header] {
            let both = owner.sign(header, owner.sign(url, get()));
            let code = server.send(&both).code();
            assert_eq!(code, refused(400, "InvalidArgument"), "{url:?} and {header:?}");
        }
        let garbage = owner.sign(url, get()).header("Authorization", "garbage");
        assert_eq!(server.send(&garbage).code(), refused(400, "InvalidArgument"), "{url:?}");
    }
    let two = owner.sign(Channel::V1Url, owner.sign(Channel::V4Url, get()));
    assert_eq!(server.send(&two).code(), refused(400, "InvalidArgument"));
}

/// Version 1 signs `/bucket/` and `?referer` alike, whether that is a setting or a key. Who was
/// given a link to upload an object of that name must not have one to the policy.
#[test]
fn a_v1_url_for_an_object_is_none_for_a_setting_of_that_name() {
    let server = server();
    server.policy(BUCKET, &STRICT);
    let before = server.policy_of(BUCKET);
    let upload = Request::put(BUCKET, "?referer", OPEN.xml());
    let link = Signer::owner().sign(Channel::V1Url, upload.clone());

    let mut replayed = Request::bucket("PUT", BUCKET).query("referer", "").body(OPEN.xml());
    replayed.query.extend(link.query.iter().cloned());
    let response = server.send(&replayed);
    assert_eq!(response.code(), refused(403, "AccessDenied"), "{}", response.error());
    assert_eq!(server.policy_of(BUCKET), before);

    // The link is good for what it was made for, and version 4 for both.
    assert_eq!(server.send(&link.referer(GOOD)).status, 200);
    let by_v4 = Request::bucket("PUT", BUCKET).query("referer", "").body(OPEN.xml());
    assert_eq!(server.send(&Signer::owner().sign(Channel::V4Url, by_v4)).status, 200);
}

/// The same for parameters that a bucket passes over: they are signed, so they may be a key.
#[test]
fn a_v1_url_for_an_object_lists_and_deletes_no_bucket() {
    let server = server();
    server.done(Request::bucket("PUT", "empty-one").body(""));
    for (method, parameter) in [("GET", "x-oss-a"), ("DELETE", "x-oss-a"), ("GET", "versionId")] {
        let key = format!("?{parameter}=1");
        let link = Signer::owner().sign(Channel::V1Url, Request::object(method, "empty-one", &key));
        let mut replayed = Request::bucket(method, "empty-one").query(parameter, "1");
        replayed.query.extend(link.query);
        assert_eq!(server.send(&replayed).code(), refused(403, "AccessDenied"), "{method} {key}");
    }
    let plain = Signer::owner().sign(Channel::V1Url, Request::bucket("GET", "empty-one"));
    assert_eq!(server.send(&plain).status, 200);
}

/// Names and values.
type Parameters = Vec<(&'static str, String)>;

/// The parameters of a V1 URL, and what they come to without a signature that fits.
#[test]
fn parameters_of_a_v1_url() {
    let (past, future) = ((clock::now() - 1).to_string(), (clock::now() + 60).to_string());
    let signed = |expires: &str| {
        let signature = ("Signature", "c2lnbmF0dXJl");
        [("OSSAccessKeyId", KEY_ID), ("Expires", expires), signature]
            .map(|(n, v)| (n, v.to_owned()))
    };
    let without = |name: &str| signed(&future).into_iter().filter(|(n, _)| *n != name).collect();
    let only = |expires: &str| signed(expires).into_iter().collect::<Vec<_>>();
    #[rustfmt::skip]
    let table: [(&str, Parameters, u16, &str); 11] = [
        ("no key id",              without("OSSAccessKeyId"),     403, "0002-00000068"),
        ("no expiry",              without("Expires"),            403, "0002-00000068"),
        ("no signature",           without("Signature"),          403, "0002-00000068"),
        ("expired",                only(&past),                   403, "0002-00000069"),
        ("the epoch",              only("0"),                     403, "0002-00000069"),
        ("no number",              only("tomorrow"),              403, "0002-00000070"),
        ("negative",               only("-1"),                    403, "0002-00000070"),
        ("a sign",                 only("+99999999999"),          403, "0002-00000070"),
        ("2^63",                   only("9223372036854775808"),   403, "0002-00000070"),
        ("the last second of all", only("9223372036854775807"),   403, "0002-00000040"),
        ("empty",                  only(""),                      403, "0002-00000070"),
    ];
    let server = server();
    for (name, parameters, status, ec) in table {
        let request = parameters.iter().fold(get(), |r, (name, value)| r.query(name, value));
        let (got, _, got_ec) = server.send(&request).outcome();
        assert_eq!((got, got_ec.as_str()), (status, ec), "{name}");
    }
}

#[test]
fn a_v4_url_is_good_from_a_second_to_a_week() {
    let server = server();
    let signer = |lifetime| Signer { lifetime, ..Signer::owner() };
    for lifetime in [60, 604_800] {
        assert_eq!(server.send(&signer(lifetime).sign(Channel::V4Url, get())).body, CONTENT);
    }
    for lifetime in [-1, 0, 604_801] {
        let got = server.send(&signer(lifetime).sign(Channel::V4Url, get())).outcome();
        assert_eq!(got, (400, "InvalidArgument".into(), "0002-00000232".into()), "{lifetime}");
    }
}

/// Up to 15 minutes apart clocks are taken for the same.
#[test]
fn clocks_may_differ_by_a_quarter_of_an_hour() {
    let server = server();
    for channel in [Channel::V1Header, Channel::V4Header, Channel::V4Url] {
        for (seconds, want) in [(-890, 200), (890, 200), (910, 403)] {
            let signer = Signer { at: clock::now() + seconds, lifetime: 3600, ..Signer::owner() };
            let status = server.send(&signer.sign(channel, get())).status;
            assert_eq!(status, want, "{channel:?}, {seconds} seconds");
        }
    }
}

#[test]
fn a_scope_is_for_one_region() {
    let server = server();
    let other = Signer { region: "cn-beijing".into(), ..Signer::owner() };
    for (channel, ec) in [(Channel::V4Header, "0002-00000226"), (Channel::V4Url, "0002-00000228")] {
        let got = server.send(&other.sign(channel, get())).outcome();
        assert_eq!(got, (400, "InvalidArgument".into(), ec.into()), "{channel:?}");
    }
    assert_ne!(other.region, REGION);
}

#[test]
fn a_header_needs_a_date() {
    let server = server();
    let v1 = get().header("Authorization", format!("OSS {KEY_ID}:c2lnbmF0dXJl"));
    let got = server.send(&v1).outcome();
    assert_eq!(got, (403, "AccessDenied".into(), "0002-00000503".into()));
    let got = server.send(&v1.header("Date", "yesterday")).outcome();
    assert_eq!(got, (403, "AccessDenied".into(), "0002-00000505".into()));
}

/// A mismatch tells a client what was signed. It could have found out by itself, but for the
/// secret and the signature that would have been right.
#[test]
fn a_mismatch_tells_everything_but_the_answer() {
    let server = server();
    for channel in Channel::SIGNED {
        let right = Signer::owner().sign(channel, get());
        let wrong = Signer { secret: "guessed".into(), ..Signer::owner() }.sign(channel, get());
        let response = server.send(&wrong);
        let text = response.error();
        for element in ["OSSAccessKeyId", "SignatureProvided", "StringToSign"] {
            assert!(text.contains(&format!("<{element}>")), "{channel:?}: {text}");
        }
        let header = right.value("authorization").map(|v| String::from_utf8_lossy(v).into_owned());
        let url = right.query.iter().find(|(name, _)| name.ends_with("ignature"));
        let signature = header.or_else(|| url.map(|(_, value)| value.clone())).unwrap();
        let signature = signature.rsplit(['=', ':']).find(|part| part.len() > 8).unwrap();
        assert!(!text.contains(signature), "{channel:?}: {text}");
    }
}

/// Anybody else could make a stored text a page of this host.
#[test]
fn only_a_signed_request_overrides_headers() {
    let server = server();
    let overrides = [
        ("response-content-type", "content-type", "text/plain"),
        ("response-cache-control", "cache-control", "no-cache"),
        ("response-content-disposition", "content-disposition", "attachment; filename=a"),
    ];
    for (parameter, header, value) in overrides {
        let request = get().query(parameter, value);
        for method in ["GET", "HEAD"] {
            let request = Request { method: method.into(), ..request.clone() };
            let code = server.send(&request).code();
            assert_eq!(code, refused(400, "InvalidRequest"), "{method} {parameter}");
        }
        for channel in Channel::SIGNED {
            let response = server.send(&Signer::owner().sign(channel, request.clone()));
            assert_eq!(response.header(header), Some(value), "{channel:?}");
        }
    }
}

#[test]
fn an_override_never_ends_its_line() {
    let server = server();
    for value in ["a\r\nX-Evil: 1", "a\nX-Evil: 1", "a\rX-Evil: 1", "a\0b", "a\x7fb", "\r\n\r\n<p>"]
    {
        for parameter in ["response-content-type", "response-content-disposition"] {
            for channel in Channel::SIGNED {
                let request = get().query(parameter, value);
                let response = server.send(&Signer::owner().sign(channel, request));
                assert_eq!(response.code(), refused(400, "InvalidArgument"), "{value:?}");
                assert_eq!(response.header("x-evil"), None);
            }
        }
    }
}

/// A refused override is refused after the referer, like everything about the object.
#[test]
fn an_override_is_no_way_round_the_policy() {
    let server = server();
    server.policy(BUCKET, &STRICT);
    let request = get().query("response-content-type", "text/html");
    assert_eq!(server.send(&request).code(), refused(403, "AccessDenied"));
    assert_eq!(server.send(&request.referer(GOOD)).code(), refused(400, "InvalidRequest"));
}
