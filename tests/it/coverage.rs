//! Every operation there is, asked by everybody there is.
//!
//! The table is what a person would say; the server decides by policies alone. An operation that
//! is new does not compile until it has a row.

use refgate::domain::op::Action;
use serde_json::json;

use crate::support::actions::{CORS, example, prepare};
use crate::support::form::{ANYTHING, Form, Signed, policy};
use crate::support::wire::refused;
use crate::support::{Channel, PRIVATE, Request, Server, Signer};

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

/// Somebody who asks.
struct Somebody {
    name: &'static str,
    signer: Option<Signer>,
    reads: bool,
    writes: bool,
    /// What everything but a preflight is answered with, if the key or the token is not good.
    bad_key: Option<&'static str>,
}

impl Somebody {
    /// Whether they may perform an operation.
    fn may(&self, action: Action) -> bool {
        match row(action) {
            Row::Reader => self.reads,
            Row::Writer => self.writes,
            Row::ReaderAndWriter => self.reads && self.writes,
            Row::Owner => false,
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
    let elsewhere = json!("acs:oss:*:*:another*");
    let disabled = server.user_who_may("disabled", &json!("*"), &json!("*"));
    let off = json!({ "enabled": false });
    server.api_done("PUT", &format!("keys/{}", disabled.id), Some(&off));
    let reader = server.user_who_may("reader", &reading, &own);
    let narrowed = json!({ "user": "reader", "policy": all(&[&writing]) });
    let somebody =
        |name, signer, (reads, writes)| Somebody { name, signer, reads, writes, bad_key: None };
    vec![
        somebody("anonymous", None, (false, false)),
        somebody("a stranger", Some(server.user("stranger")), (false, false)),
        somebody(
            "a user of another bucket",
            Some(server.user_who_may("neighbour", &most, &elsewhere)),
            (false, false),
        ),
        somebody("a writer", Some(server.user_who_may("writer", &writing, &own)), (false, true)),
        somebody("a reader", Some(reader), (true, false)),
        somebody(
            "a reader's token",
            Some(server.temporary(&json!({ "user": "reader" }))),
            (true, false),
        ),
        somebody("a reader's token to write", Some(server.temporary(&narrowed)), (false, false)),
        somebody(
            "a token of nobody",
            Some(server.temporary(&json!({ "policy": all(&[&reading, &writing]) }))),
            (true, true),
        ),
        Somebody {
            bad_key: Some("InvalidAccessKeyId"),
            ..somebody("a disabled key", Some(disabled), (true, true))
        },
        Somebody {
            bad_key: Some("SecurityTokenExpired"),
            ..somebody("an expired token", Some(server.ended()), (true, true))
        },
    ]
}

#[test]
fn everybody_does_what_the_table_says_and_nothing_else() {
    let server = Server::start();
    server.bucket(BUCKET, PRIVATE);
    // Nobody of the table may take them away.
    server.done(Request::bucket("PUT", BUCKET).query("cors", "").body(CORS));
    for somebody in everybody(&server) {
        for &action in Action::ALL {
            prepare(&server, action, (BUCKET, KEY), CONTENT);
            let name = format!("{} {action:?}", somebody.name);
            let example = example(&server, action, BUCKET, KEY);
            let response = match &somebody.signer {
                None => server.send(&example),
                Some(signer) if action == Action::PostObject => {
                    let form = Form::of(KEY).signed(signer, Signed::V4, &policy(3600, ANYTHING));
                    server.send(&form.to(BUCKET))
                }
                Some(signer) => server.send(&signer.sign(Channel::V4Header, example)),
            };
            let preflight = matches!(row(action), Row::Everybody);
            match somebody.bad_key {
                Some(code) if !preflight => {
                    assert_eq!(response.code(), refused(403, code), "{name}");
                }
                Some(_) | None if somebody.may(action) => {
                    let text = response.error();
                    assert!((200..300).contains(&response.status), "{name}: {text}");
                }
                Some(_) | None => {
                    assert_eq!(response.code(), refused(403, "AccessDenied"), "{name}");
                }
            }
        }
    }
    assert_eq!(server.content(BUCKET, KEY).as_deref(), Some(CONTENT), "nothing was changed last");
}
