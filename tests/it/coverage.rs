//! Every operation there is, asked by everybody there is.
//!
//! The table is what a person would say; the server decides by policies alone. An operation that
//! is new does not compile until it has a row.

use refgate::domain::op::Action;
use serde_json::json;

use crate::support::actions::{CORS, example, prepare};
use crate::support::form::{ANYTHING, Form, Signed, policy};
use crate::support::wire::refused;
use crate::support::{Channel, PRIVATE, Request, Response, Server, Signer};

const BUCKET: &str = "coverage";
const KEY: &str = "object";
const CONTENT: &[u8] = b"the owner's";

/// Who may perform an operation, beside the owner.
enum Row {
    /// Whoever may read everything.
    Reader,
    /// Whoever may write and delete objects.
    Writer,
    /// Whoever may do both.
    ReaderAndWriter,
    /// Nobody.
    Owner,
    /// Everybody, known or not: a preflight.
    Everybody,
}

fn row(action: Action) -> Row {
    match action {
        Action::ListBuckets
        | Action::GetBucketInfo
        | Action::GetBucketLocation
        | Action::GetBucketStat
        | Action::GetBucketAcl
        | Action::GetBucketReferer
        | Action::GetBucketCors
        | Action::GetBucketPolicy
        | Action::GetBucketPolicyStatus
        | Action::ListObjects
        | Action::ListObjectsV2
        | Action::ListMultipartUploads
        | Action::ListParts
        | Action::GetObject
        | Action::HeadObject
        | Action::GetObjectMeta
        | Action::GetObjectAcl
        | Action::GetSymlink
        | Action::GetObjectTagging => Row::Reader,
        Action::PutObject
        | Action::PostObject
        | Action::AppendObject
        | Action::InitiateMultipartUpload
        | Action::UploadPart
        | Action::CompleteMultipartUpload
        | Action::PutSymlink
        | Action::DeleteObject
        | Action::DeleteMultipleObjects => Row::Writer,
        Action::CopyObject | Action::UploadPartCopy => Row::ReaderAndWriter,
        Action::PutBucket
        | Action::DeleteBucket
        | Action::PutBucketAcl
        | Action::PutBucketReferer
        | Action::PutBucketCors
        | Action::DeleteBucketCors
        | Action::PutBucketPolicy
        | Action::DeleteBucketPolicy
        | Action::AbortMultipartUpload
        | Action::PutObjectAcl
        | Action::PutObjectTagging
        | Action::DeleteObjectTagging => Row::Owner,
        Action::OptionBucket | Action::OptionObject => Row::Everybody,
    }
}

/// What somebody was given.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Right {
    Read,
    Write,
    /// All that anybody may.
    Rule,
}

const NOTHING: &[Right] = &[];
const READ: &[Right] = &[Right::Read];
const WRITE: &[Right] = &[Right::Write];
const BOTH: &[Right] = &[Right::Read, Right::Write];
const ALL: &[Right] = &[Right::Read, Right::Write, Right::Rule];

/// Somebody who asks.
struct Somebody {
    name: &'static str,
    signer: Option<Signer>,
    rights: &'static [Right],
    /// What everything but a preflight is answered with, if the key or the token is not good.
    bad_key: Option<&'static str>,
}

impl Somebody {
    fn new(name: &'static str, signer: Signer, rights: &'static [Right]) -> Self {
        Self { name, signer: Some(signer), rights, bad_key: None }
    }

    /// Whether they may perform an operation.
    fn may(&self, action: Action) -> bool {
        let has = |right| self.rights.contains(&right);
        match row(action) {
            Row::Reader => has(Right::Read),
            Row::Writer => has(Right::Write),
            Row::ReaderAndWriter => has(Right::Read) && has(Right::Write),
            Row::Owner => has(Right::Rule),
            Row::Everybody => true,
        }
    }
}

fn everybody(server: &Server) -> Vec<Somebody> {
    let own = json!([format!("acs:oss:*:*:{BUCKET}"), format!("acs:oss:*:*:{BUCKET}/*")]);
    let (reading, writing) =
        (json!(["oss:Get*", "oss:List*"]), json!(["oss:PutObject", "oss:DeleteObject"]));
    let all = |statements: &[&serde_json::Value]| {
        let allow = |actions| json!({ "Effect": "Allow", "Action": actions, "Resource": own });
        let statements: Vec<_> = statements.iter().copied().map(allow).collect();
        json!({ "Version": "1", "Statement": statements })
    };
    // Listing buckets is for whoever may see any.
    let most = json!(["oss:Get*", "oss:Put*", "oss:Delete*", "oss:ListObjects*"]);
    let neighbour = server.user_who_may("neighbour", &most, &json!("acs:oss:*:*:another*"));
    let disabled = server.user_who_may("disabled", &json!("*"), &json!("*"));
    let off = json!({ "enabled": false });
    server.api_done("PUT", &format!("keys/{}", disabled.id), Some(&off));
    let reader = server.user_who_may("reader", &reading, &own);
    let writer = server.user_who_may("writer", &writing, &own);
    let everything = server.user_who_may("admin", &json!("oss:*"), &json!("*"));
    let of_reader = server.temporary(&json!({ "user": "reader" }));
    let narrowed = server.temporary(&json!({ "user": "reader", "policy": all(&[&writing]) }));
    let of_nobody = server.temporary(&json!({ "policy": all(&[&reading, &writing]) }));
    let bad = |code, somebody| Somebody { bad_key: Some(code), ..somebody };
    vec![
        Somebody { name: "anonymous", signer: None, rights: NOTHING, bad_key: None },
        Somebody::new("a stranger", server.user("stranger"), NOTHING),
        Somebody::new("a user of another bucket", neighbour, NOTHING),
        Somebody::new("a writer", writer, WRITE),
        Somebody::new("a reader", reader, READ),
        Somebody::new("a reader's token", of_reader, READ),
        Somebody::new("a reader's token to write", narrowed, NOTHING),
        Somebody::new("a token of nobody", of_nobody, BOTH),
        bad("InvalidAccessKeyId", Somebody::new("a disabled key", disabled, ALL)),
        bad("SecurityTokenExpired", Somebody::new("an expired token", server.ended(), ALL)),
        Somebody::new("the owner", Signer::owner(), ALL),
        Somebody::new("a user who may everything", everything, ALL),
    ]
}

/// Somebody's request for an operation on the bucket or the object of these tests.
fn ask(server: &Server, somebody: &Somebody, action: Action) -> Response {
    let example = example(server, action, BUCKET, KEY);
    match &somebody.signer {
        None => server.send(&example),
        Some(signer) if action == Action::PostObject => {
            let form = Form::of(KEY).signed(signer, Signed::V4, &policy(3600, ANYTHING));
            server.send(&form.to(BUCKET))
        }
        Some(signer) => server.send(&signer.sign(Channel::V4Header, example)),
    }
}

#[test]
fn everybody_does_what_the_table_says_and_nothing_else() {
    let server = Server::start();
    server.bucket(BUCKET, PRIVATE);
    for somebody in everybody(&server) {
        for &action in Action::ALL {
            let name = format!("{} {action:?}", somebody.name);
            // Whoever was asked before may have taken them away.
            server.done(Request::bucket("PUT", BUCKET).query("cors", "").body(CORS));
            prepare(&server, action, (BUCKET, KEY), CONTENT);
            let response = ask(&server, &somebody, action);
            let preflight = matches!(row(action), Row::Everybody);
            let refusal = match somebody.bad_key {
                Some(code) if !preflight => Some((403, code)),
                Some(_) | None if !somebody.may(action) => Some((403, "AccessDenied")),
                // Nobody else is told that there are objects in it.
                Some(_) | None if action == Action::DeleteBucket => Some((409, "BucketNotEmpty")),
                Some(_) | None => None,
            };
            if let Some((status, code)) = refusal {
                assert_eq!(response.code(), refused(status, code), "{name}");
                assert_eq!(server.content(BUCKET, KEY).as_deref(), Some(CONTENT), "{name}");
            } else {
                let text = response.error();
                assert!((200..300).contains(&response.status), "{name}: {text}");
            }
        }
    }
}
