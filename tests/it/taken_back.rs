//! Rights that are taken back while the body of a write is on its way: it writes nothing.
//!
//! That a body may take hours is OSS's; that rights are asked again when it has come is ours.

use serde_json::json;

use crate::support::form::Form;
use crate::support::wire::refused;
use crate::support::{
    Channel, Connection, PRIVATE, PUBLIC_READ_WRITE, Request, Response, Server, Signer,
};

const BUCKET: &str = "taken-back";
const KEY: &str = "object";
const OLD: &str = "what was there";
const OWNERS: &str = "the owner's";

/// A request that was granted, of whose body the last byte is missing.
struct Held {
    connection: Connection,
    method: String,
    last: u8,
}

impl Held {
    fn send(server: &Server, request: &Request) -> Self {
        let mut bytes = request.clone().header("Expect", "100-continue").bytes(&server.data);
        let last = bytes.pop().unwrap();
        let head = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
        let mut connection = server.connect();
        connection.write(&bytes[..head]);
        // It is asked for its body when it is granted.
        assert_eq!(connection.head().unwrap().status, 100);
        connection.write(&bytes[head..]);
        Self { connection, method: request.method.clone(), last }
    }

    fn finish(mut self) -> Response {
        self.connection.write(&[self.last]);
        self.connection.answer(&self.method).unwrap()
    }
}

fn append(position: usize, body: &str) -> Request {
    let request = Request::object("POST", BUCKET, KEY).query("append", "");
    request.query("position", &position.to_string()).body(body)
}

fn put_acl(acl: &str) -> Request {
    let request = Request::object("PUT", BUCKET, KEY).query("acl", "");
    request.header("x-oss-object-acl", acl).body("")
}

/// An upload in parts that has one.
fn upload(server: &Server) -> String {
    let begun = server.done(Request::object("POST", BUCKET, KEY).query("uploads", "").body(""));
    let id = begun.element("UploadId").unwrap();
    server.done(part(&id, 1));
    id
}

fn part(id: &str, number: usize) -> Request {
    let request = Request::object("PUT", BUCKET, KEY).query("uploadId", id);
    request.query("partNumber", &number.to_string()).body("a part")
}

fn complete(id: &str) -> Request {
    let part = "<Part><PartNumber>1</PartNumber>\
                <ETag>9DB120E8880F33ACF4DDEB40892C390C</ETag></Part>";
    let list = format!("<CompleteMultipartUpload>{part}</CompleteMultipartUpload>");
    Request::object("POST", BUCKET, KEY).query("uploadId", id).body(list)
}

fn writes(id: &str) -> [(&'static str, Request); 5] {
    // The form is longer than what lies between its sender and the server, so its fields have been
    // read when it has been sent.
    let form = Form::of(KEY).file(vec![b'x'; 16 << 20]).to(BUCKET);
    [
        ("PutObject", Request::put(BUCKET, KEY, "a stranger's")),
        ("AppendObject", append(OLD.len(), "more")),
        ("UploadPart", part(id, 2)),
        ("CompleteMultipartUpload", complete(id)),
        ("PostObject", form),
    ]
}

#[test]
fn a_write_ends_with_the_rights_of_strangers() {
    let server = Server::start();
    let private = Request::put(BUCKET, KEY, OWNERS).header("x-oss-object-acl", PRIVATE);
    #[rustfmt::skip]
    let changes: [(&str, Option<Request>); 4] = [
        ("nothing",                     None),
        ("the bucket is closed",        Some(Request::bucket("PUT", BUCKET).query("acl", "").header("x-oss-acl", PRIVATE).body(""))),
        ("the object is closed",        Some(put_acl(PRIVATE))),
        ("a closed one is in its place", Some(private)),
    ];
    for (change, request) in changes {
        for at in 0..writes("").len() {
            server.bucket(BUCKET, PUBLIC_READ_WRITE);
            server.owner(Request::object("DELETE", BUCKET, KEY));
            server.done(append(0, OLD));
            let id = upload(&server);
            let (name, write) = &writes(&id)[at];
            let name = format!("{name}, {change}");
            let held = Held::send(&server, write);
            let Some(request) = &request else {
                let answer = held.finish();
                assert!(answer.status < 300, "{name}: {}", answer.error());
                continue;
            };
            server.done(request.clone());
            let before = server.done(Request::get(BUCKET, KEY).query("acl", "")).element("Grant");
            assert_eq!(held.finish().code(), refused(403, "AccessDenied"), "{name}");
            let want = if request.key.is_some() && request.query.is_empty() { OWNERS } else { OLD };
            let content = server.content(BUCKET, KEY).unwrap();
            assert_eq!(String::from_utf8_lossy(&content), want, "{name}");
            let after = server.done(Request::get(BUCKET, KEY).query("acl", "")).element("Grant");
            assert_eq!(after, before, "{name}");
            let parts = Request::get(BUCKET, KEY).query("uploadId", &id);
            let parts = String::from_utf8(server.done(parts).body).unwrap();
            assert_eq!(parts.matches("<Part>").count(), 1, "{name}: {parts}");
        }
    }
}

/// An ACL that an upload brings is the right to set it, too.
#[test]
fn a_write_ends_with_the_rights_of_a_user() {
    let server = Server::start();
    server.bucket(BUCKET, PRIVATE);
    server.done(Request::put(BUCKET, KEY, OLD));
    let alice = server.user("alice");
    let temporary = server.temporary(&json!({ "user": "alice" }));
    let all = || server.allow("alice", &json!("oss:*"), &json!("*"));
    let only = |action: &str| server.allow("alice", &json!(action), &json!("*"));
    let document = |effect: &str| {
        let document = json!({ "Version": "1", "Statement": [{
            "Effect": effect, "Principal": ["*"], "Action": "oss:PutObject", "Resource": "*",
        }] });
        let request = Request::bucket("PUT", BUCKET).query("policy", "");
        server.done(request.body(document.to_string()));
    };
    let put = || Request::put(BUCKET, KEY, "alice's").header("x-oss-object-acl", "public-read");
    let changes: [(&str, &dyn Fn()); 3] = [
        ("the policy", &|| only("oss:GetObject")),
        ("the right to set ACLs", &|| only("oss:PutObject")),
        ("the policy of the bucket", &|| document("Deny")),
    ];
    for signer in [&alice, &temporary] {
        for (name, change) in &changes {
            all();
            let held = Held::send(&server, &signer.sign(Channel::V4Header, put()));
            change();
            assert_eq!(held.finish().code(), refused(403, "AccessDenied"), "{name}");
            assert_eq!(server.content(BUCKET, KEY).as_deref(), Some(OLD.as_bytes()), "{name}");
            server.done(Request::bucket("DELETE", BUCKET).query("policy", ""));
        }
    }
    all();
    let held = Held::send(&server, &temporary.sign(Channel::V4Header, put()));
    server.api_done("DELETE", "users/alice", None);
    assert_eq!(held.finish().code(), refused(403, "InvalidSecurityToken"));
    assert_eq!(server.content(BUCKET, KEY).as_deref(), Some(OLD.as_bytes()));
}

/// Whatever has a body, and however it is signed.
#[test]
fn a_write_ends_with_its_key() {
    let server = Server::start();
    server.bucket(BUCKET, PRIVATE);
    server.done(Request::put(BUCKET, KEY, OLD));
    let alice: Signer = server.user_who_may("alice", &json!("oss:*"), &json!("*"));
    let set = |enabled: bool| {
        let body = json!({ "enabled": enabled });
        server.api_done("PUT", &format!("keys/{}", alice.id), Some(&body));
    };
    let tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>";
    let delete = format!("<Delete><Object><Key>{KEY}</Key></Object></Delete>");
    let delete = Request::bucket("POST", BUCKET).query("delete", "").body(delete);
    let policy = server.policy_of(BUCKET);
    let requests = [
        Request::put(BUCKET, KEY, "alice's"),
        Request::object("PUT", BUCKET, KEY).query("tagging", "").body(tags),
        Request::bucket("PUT", BUCKET).query("referer", "").body(policy.replace("true", "false")),
        delete,
    ];
    for (at, request) in requests.into_iter().enumerate() {
        let channels = if at == 0 { &Channel::SIGNED[..] } else { &[Channel::V4Header] };
        for channel in channels {
            let held = Held::send(&server, &alice.sign(*channel, request.clone()));
            set(false);
            let name = format!("{channel:?} {request:?}");
            assert_eq!(held.finish().code(), refused(403, "InvalidAccessKeyId"), "{name}");
            set(true);
            assert_eq!(server.content(BUCKET, KEY).as_deref(), Some(OLD.as_bytes()), "{name}");
            let stored = server.done(Request::get(BUCKET, KEY));
            assert_eq!(stored.header("x-oss-tagging-count"), None, "{name}");
            assert_eq!(server.policy_of(BUCKET), policy, "{name}");
        }
    }
}
