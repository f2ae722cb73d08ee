//! An example of every operation.

use refgate::domain::acl::Access;
use refgate::domain::op::{Action, Level, Verb};

use super::form::Form;
use super::policy::OPEN;
use super::{Request, Server};

/// The method of an operation.
pub(crate) fn method(action: Action) -> &'static str {
    match action.verb() {
        Verb::Get => "GET",
        Verb::Head => "HEAD",
        Verb::Put => "PUT",
        Verb::Post => "POST",
        Verb::Delete => "DELETE",
        Verb::Options => "OPTIONS",
    }
}

/// The operations on objects that the referer policy is asked about, but for that of a form.
pub(crate) fn on_objects() -> impl Iterator<Item = Action> {
    let on_objects =
        |action: &Action| action.level() == Level::Object && action.access() != Access::Anyone;
    Action::ALL.iter().copied().filter(on_objects)
}

/// Whether somebody looks at a signature in the head of a request for the operation. A form is signed
/// in its fields, and a preflight is not signed at all.
pub(crate) fn is_signed_in_its_head(action: Action) -> bool {
    action != Action::PostObject && action.access() != Access::Anyone
}

/// The operations that a V1 URL cannot ask for: the settings of a bucket, which V1 cannot tell
/// from objects of such a name. The list only shrinks.
pub(crate) const NOT_BY_V1_URL: &[Action] = &[
    Action::GetBucketInfo,
    Action::GetBucketLocation,
    Action::GetBucketStat,
    Action::GetBucketAcl,
    Action::PutBucketAcl,
    Action::GetBucketReferer,
    Action::PutBucketReferer,
    Action::GetBucketCors,
    Action::PutBucketCors,
    Action::DeleteBucketCors,
    Action::GetBucketPolicy,
    Action::PutBucketPolicy,
    Action::DeleteBucketPolicy,
    Action::GetBucketPolicyStatus,
    Action::DeleteMultipleObjects,
    Action::ListMultipartUploads,
];

/// Cross-origin rules that let every page do everything.
pub(crate) const CORS: &str = "<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin>\
    <AllowedMethod>GET</AllowedMethod><AllowedMethod>PUT</AllowedMethod>\
    <AllowedHeader>*</AllowedHeader></CORSRule></CORSConfiguration>";

/// What stands for an object in the examples.
fn target_of(key: &str) -> String {
    format!("{key}.target")
}

/// Puts an object that the example of the operation can be about. Reading it gives the content,
/// whatever it is.
pub(crate) fn prepare(
    server: &Server,
    action: Action,
    (bucket, key): (&str, &str),
    content: &[u8],
) {
    if matches!(action, Action::GetSymlink | Action::PutSymlink) {
        server.done(Request::put(bucket, &target_of(key), content));
    }
    if action == Action::GetSymlink {
        server.done(example(server, Action::PutSymlink, bucket, key));
    } else if action == Action::AppendObject {
        server.done(Request::object("DELETE", bucket, key));
        let request = bare(server, action, bucket, key).query("position", "0");
        server.done(request.body(content));
    } else {
        server.done(Request::put(bucket, key, content));
    }
}
/// A bucket policy about nobody.
const BUCKET_POLICY: &str = r#"{"Version": "1", "Statement": [{"Effect": "Deny",
    "Principal": ["nobody-of-this-name"], "Action": ["oss:*"], "Resource": ["acs:oss:*:*:*"]}]}"#;

/// Where bytes are appended to an object.
fn end(server: &Server, bucket: &str, key: &str) -> String {
    let head = server.owner(Request::object("HEAD", bucket, key));
    head.header("x-oss-next-append-position").unwrap_or("0").to_owned()
}

/// Begins an upload of an object as the owner, with one part, and returns its id.
fn upload(server: &Server, bucket: &str, key: &str) -> String {
    let begin = Request::object("POST", bucket, key).query("uploads", "").body("");
    let id = server.done(begin).element("UploadId").unwrap();
    let part = Request::put(bucket, key, "a part").query("partNumber", "1");
    server.done(part.query("uploadId", &id));
    id
}

/// A request for the operation that says no more than what selects it.
fn bare(server: &Server, action: Action, bucket: &str, key: &str) -> Request {
    let method = method(action);
    let request = match action.level() {
        Level::Service => Request::service(method),
        Level::Bucket => Request::bucket(method, bucket),
        Level::Object => Request::object(method, bucket, key),
    };
    match action.sub_resource() {
        Some("list-type") => request.query("list-type", "2"),
        Some("uploadId") => request.query("uploadId", &upload(server, bucket, key)),
        Some(sub) => request.query(sub, ""),
        None => request,
    }
}

/// A request for the operation, unsigned, that is granted if its sender may do it. An upload that
/// it needs is the owner's.
pub(crate) fn example(server: &Server, action: Action, bucket: &str, key: &str) -> Request {
    let request = bare(server, action, bucket, key);
    match action {
        Action::PutObject => request.body("written by a test"),
        Action::PostObject => Form::of(key).to(bucket),
        Action::CopyObject => {
            request.header("x-oss-copy-source", format!("/{bucket}/{key}")).body("")
        }
        Action::AppendObject => request.query("position", &end(server, bucket, key)).body("more"),
        Action::PutObjectAcl => request.header("x-oss-object-acl", "default").body(""),
        Action::PutSymlink => request.header("x-oss-symlink-target", target_of(key)).body(""),
        Action::PutObjectTagging => {
            let tag = "<Tag><Key>k</Key><Value>v</Value></Tag>";
            request.body(format!("<Tagging><TagSet>{tag}</TagSet></Tagging>"))
        }
        Action::InitiateMultipartUpload | Action::PutBucket => request.body(""),
        Action::UploadPart => request.query("partNumber", "2").body("written by a test"),
        Action::UploadPartCopy => {
            let request = request.query("partNumber", "2");
            request.header("x-oss-copy-source", format!("/{bucket}/{key}")).body("")
        }
        Action::CompleteMultipartUpload => request.header("x-oss-complete-all", "yes").body(""),
        Action::PutBucketAcl => request.header("x-oss-acl", "private").body(""),
        Action::PutBucketReferer => request.body(OPEN.xml()),
        Action::PutBucketCors => request.body(CORS),
        Action::PutBucketPolicy => request.body(BUCKET_POLICY),
        Action::GetBucketPolicy => {
            server.done(Request::bucket("PUT", bucket).query("policy", "").body(BUCKET_POLICY));
            request
        }
        Action::OptionBucket | Action::OptionObject => request
            .header("Origin", "http://page.example")
            .header("Access-Control-Request-Method", "PUT"),
        Action::DeleteMultipleObjects => {
            request.body(format!("<Delete><Object><Key>{key}</Key></Object></Delete>"))
        }
        Action::ListBuckets
        | Action::DeleteBucket
        | Action::GetBucketInfo
        | Action::GetBucketLocation
        | Action::GetBucketStat
        | Action::GetBucketAcl
        | Action::GetBucketReferer
        | Action::GetBucketCors
        | Action::DeleteBucketCors
        | Action::DeleteBucketPolicy
        | Action::GetBucketPolicyStatus
        | Action::ListObjects
        | Action::ListObjectsV2
        | Action::ListMultipartUploads
        | Action::ListParts
        | Action::AbortMultipartUpload
        | Action::GetObject
        | Action::HeadObject
        | Action::GetObjectMeta
        | Action::DeleteObject
        | Action::GetObjectAcl
        | Action::GetSymlink
        | Action::GetObjectTagging
        | Action::DeleteObjectTagging => request,
    }
}
