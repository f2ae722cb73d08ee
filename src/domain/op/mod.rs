//! Operations: what a request asks for.
//!
//! Routing, permission and the right that an ACL can grant come from one table, [`Action`]. What
//! OSS has and we do not is a second table, so that such a request is answered
//! with the name of what it asked for and never mistaken for something else.
//!
//! Source: OSS "API reference, operations by function"; permissions from "RAM policy overview".

mod host;
mod implied;
mod target;
mod unserved;

pub use host::{HostName, HostRules, HostUse, InvalidHost, is_local};
pub use implied::implied;
pub use target::{InvalidTarget, Target, Targets};
pub use unserved::{unknown_parameter, unserved_feature};

use std::sync::LazyLock;

use crate::domain::acl::Access;
use crate::domain::query::Query;

/// The HTTP methods that OSS uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// `GET`
    Get,
    /// `HEAD`
    Head,
    /// `PUT`
    Put,
    /// `POST`
    Post,
    /// `DELETE`
    Delete,
    /// `OPTIONS`
    Options,
}

impl Verb {
    /// Reads a method. `None` for methods that OSS never uses.
    pub fn parse(method: &str) -> Option<Self> {
        Some(match method {
            "GET" => Self::Get,
            "HEAD" => Self::Head,
            "PUT" => Self::Put,
            "POST" => Self::Post,
            "DELETE" => Self::Delete,
            "OPTIONS" => Self::Options,
            _ => return None,
        })
    }
}

/// What a request is addressed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The account: no bucket is named.
    Service,
    /// A bucket.
    Bucket,
    /// An object.
    Object,
}

/// Where the content of what is written comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// From the body of the request, if the operation takes any.
    Sent,
    /// From another object, which `x-oss-copy-source` names.
    Copied,
}

macro_rules! sub_resource {
    (_) => {
        None
    };
    ($key:literal) => {
        Some($key)
    };
    ((copy $sub:tt)) => {
        sub_resource!($sub)
    };
}

macro_rules! content {
    ((copy $sub:tt)) => {
        Content::Copied
    };
    ($sub:tt) => {
        Content::Sent
    };
}

/// One row per operation: verb, level, sub-resource, RAM permission, and the right that an ACL
/// can grant for it. An operation that copies has its sub-resource in `(copy ...)`; to read what it
/// copies takes the right to `GetObject` beside the one in its row.
macro_rules! actions {
    ($($name:ident $verb:ident $level:ident $sub:tt $permission:literal $access:ident;)*) => {
        /// An operation that is served. `match` on it without a wildcard arm: a new operation is
        /// then handled and authorised before the crate compiles.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs)]
        pub enum Action { $($name),* }

        impl Action {
            /// Every operation, for coverage tests.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The operation's name in OSS's documentation.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),* }
            }

            /// The RAM permission that allows the operation.
            pub const fn permission(self) -> &'static str {
                match self { $(Self::$name => $permission),* }
            }

            /// The right that a bucket ACL can grant to strangers for it.
            pub const fn access(self) -> Access {
                match self { $(Self::$name => Access::$access),* }
            }

            /// What the operation is addressed to.
            pub const fn level(self) -> Level {
                match self { $(Self::$name => Level::$level),* }
            }

            /// The operation's verb.
            pub const fn verb(self) -> Verb {
                match self { $(Self::$name => Verb::$verb),* }
            }

            /// Where the content of what it writes comes from.
            pub const fn content(self) -> Content {
                match self { $(Self::$name => content!($sub)),* }
            }

            /// The query parameter that selects the operation, if one does.
            pub const fn sub_resource(self) -> Option<&'static str> {
                match self { $(Self::$name => sub_resource!($sub)),* }
            }
        }
    };
}

actions! {
    ListBuckets             Get     Service _                 "oss:ListBuckets"          Own;
    PutBucket               Put     Bucket  _                 "oss:PutBucket"            Own;
    DeleteBucket            Delete  Bucket  _                 "oss:DeleteBucket"         Own;
    GetBucketInfo           Get     Bucket  "bucketInfo"      "oss:GetBucketInfo"        Own;
    GetBucketLocation       Get     Bucket  "location"        "oss:GetBucketLocation"    Own;
    GetBucketStat           Get     Bucket  "stat"            "oss:GetBucketStat"        Own;
    GetBucketAcl            Get     Bucket  "acl"             "oss:GetBucketAcl"         Own;
    PutBucketAcl            Put     Bucket  "acl"             "oss:PutBucketAcl"         Own;
    GetBucketReferer        Get     Bucket  "referer"         "oss:GetBucketReferer"     Own;
    PutBucketReferer        Put     Bucket  "referer"         "oss:PutBucketReferer"     Own;
    GetBucketCors           Get     Bucket  "cors"            "oss:GetBucketCors"        Own;
    PutBucketCors           Put     Bucket  "cors"            "oss:PutBucketCors"        Own;
    DeleteBucketCors        Delete  Bucket  "cors"            "oss:DeleteBucketCors"     Own;
    OptionBucket            Options Bucket  _                 "oss:OptionObject"         Anyone;
    GetBucketPolicy         Get     Bucket  "policy"          "oss:GetBucketPolicy"      Own;
    PutBucketPolicy         Put     Bucket  "policy"          "oss:PutBucketPolicy"      Own;
    DeleteBucketPolicy      Delete  Bucket  "policy"          "oss:DeleteBucketPolicy"   Own;
    GetBucketPolicyStatus   Get     Bucket  "policyStatus"    "oss:GetBucketPolicyStatus" Own;
    ListObjects             Get     Bucket  _                 "oss:ListObjects"          Own;
    ListObjectsV2           Get     Bucket  "list-type"       "oss:ListObjects"          Own;
    DeleteMultipleObjects   Post    Bucket  "delete"          "oss:DeleteObject"         Own;
    PostObject              Post    Bucket  _                 "oss:PutObject"            Write;
    PutObject               Put     Object  _                 "oss:PutObject"            Write;
    CopyObject              Put     Object  (copy _)          "oss:PutObject"            Write;
    AppendObject            Post    Object  "append"          "oss:PutObject"            Write;
    InitiateMultipartUpload Post    Object  "uploads"         "oss:PutObject"            Write;
    UploadPart              Put     Object  "uploadId"        "oss:PutObject"            Write;
    UploadPartCopy          Put     Object  (copy "uploadId") "oss:PutObject"            Write;
    CompleteMultipartUpload Post    Object  "uploadId"        "oss:PutObject"            Write;
    AbortMultipartUpload    Delete  Object  "uploadId"        "oss:AbortMultipartUpload" Write;
    ListParts               Get     Object  "uploadId"        "oss:ListParts"            Write;
    ListMultipartUploads    Get     Bucket  "uploads"         "oss:ListMultipartUploads" Own;
    GetObject               Get     Object  _                 "oss:GetObject"            Read;
    HeadObject              Head    Object  _                 "oss:GetObject"            Read;
    GetObjectMeta           Head    Object  "objectMeta"      "oss:GetObject"            Read;
    DeleteObject            Delete  Object  _                 "oss:DeleteObject"         Write;
    GetObjectAcl            Get     Object  "acl"             "oss:GetObjectAcl"         Own;
    PutObjectAcl            Put     Object  "acl"             "oss:PutObjectAcl"         Own;
    GetSymlink              Get     Object  "symlink"         "oss:GetObject"            Read;
    PutSymlink              Put     Object  "symlink"         "oss:PutObject"            Write;
    GetObjectTagging        Get     Object  "tagging"         "oss:GetObjectTagging"     Own;
    PutObjectTagging        Put     Object  "tagging"         "oss:PutObjectTagging"     Own;
    DeleteObjectTagging     Delete  Object  "tagging"         "oss:DeleteObjectTagging"  Own;
    OptionObject            Options Object  _                 "oss:OptionObject"         Anyone;
}

/// What a verb, a level and a query come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// An operation that is served.
    Served(Action),
    /// An operation that OSS has and we do not, by its name.
    Unserved(&'static str),
    /// The resource exists, and OSS defines nothing for this verb on it.
    NotAllowed,
    /// The query selects two operations at once.
    Ambiguous(&'static str, &'static str),
}

/// Resolves a request to an operation.
///
/// A parameter selects an operation if OSS defines one for it at this level; every other
/// parameter is left to the operation, or ignored as OSS ignores it. Two selecting parameters
/// are refused, because guessing which one was meant decides who may do what. A request that
/// writes and names what to copy is never taken for one that brings its content.
///
/// A preflight comes with the parameters of the request that it asks for, whatever they are, and
/// is one operation.
pub fn resolve(verb: Verb, level: Level, query: &Query, content: Content) -> Resolution {
    // Most requests are downloads without a parameter: they need not search the tables.
    if (verb, level) == (Verb::Get, Level::Object) && query.is_empty() {
        return Resolution::Served(Action::GetObject);
    }
    let selectors = if verb == Verb::Options { &[] } else { selectors(level) };
    let mut selected = selectors.iter().copied().filter(|sub| query.has(sub));
    let sub = selected.next();
    if let (Some(one), Some(other)) = (sub, selected.next()) {
        // With a parameter of what we do not serve it is another operation than without.
        let foreign = [one, other].into_iter().find(|sub| !is_served(level, sub));
        return match foreign {
            Some(sub) => {
                Resolution::Unserved(unserved::find(verb, level, Some(sub)).unwrap_or(sub))
            }
            None => Resolution::Ambiguous(one, other),
        };
    }
    let content = match (verb, level) {
        (Verb::Put | Verb::Post, Level::Object) => content,
        (Verb::Get | Verb::Head | Verb::Delete | Verb::Options, _)
        | (_, Level::Service | Level::Bucket) => Content::Sent,
    };
    let served = Action::ALL.iter().find(|action| {
        (action.verb(), action.level(), action.sub_resource()) == (verb, level, sub)
            && action.content() == content
    });
    match (served, unserved::find(verb, level, sub), content) {
        (Some(&action), ..) => Resolution::Served(action),
        (None, Some(name), Content::Sent) => {
            let process = query.first("x-oss-process").filter(|_| sub == Some("x-oss-process"));
            Resolution::Unserved(process.and_then(unserved::process).unwrap_or(name))
        }
        (None, _, Content::Copied) => Resolution::Unserved("copying by this operation"),
        (None, None, Content::Sent) => Resolution::NotAllowed,
    }
}

/// A parameter that says where in an object something is written, and the one that selects the
/// operation which does so, if a request has the first and not the second: passed over, the first
/// would make the whole of an object out of a part.
pub fn stray_parameter(action: Action, query: &Query) -> Option<(&'static str, &'static str)> {
    const PAIRS: [(&str, &str); 2] = [("partNumber", "uploadId"), ("position", "append")];

    let writes_all = matches!(action, Action::PutObject | Action::CopyObject);
    let mut pairs = PAIRS.into_iter().filter(|_| writes_all);
    pairs.find(|(name, selector)| query.has(name) && !query.has(selector))
}

/// The parameters that select an operation at a level, each once and in order. Every request asks,
/// so they are gathered from the two tables once.
fn selectors(level: Level) -> &'static [&'static str] {
    static GATHERED: LazyLock<[Vec<&'static str>; 3]> =
        LazyLock::new(|| [Level::Service, Level::Bucket, Level::Object].map(gather));
    let [service, bucket, object] = &*GATHERED;
    match level {
        Level::Service => service,
        Level::Bucket => bucket,
        Level::Object => object,
    }
}

/// Whether any operation that is served has the sub-resource.
fn is_served(level: Level, sub: &str) -> bool {
    Action::ALL.iter().any(|action| (action.level(), action.sub_resource()) == (level, Some(sub)))
}

fn gather(level: Level) -> Vec<&'static str> {
    let served = Action::ALL.iter().filter(|action| action.level() == level);
    let served = served.filter_map(|action| action.sub_resource());
    let mut names: Vec<_> = served.chain(unserved::sub_resources(level)).collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(verb: Verb, level: Level, query: &str) -> Resolution {
        resolve(verb, level, &Query::parse(query).unwrap(), Content::Sent)
    }

    #[test]
    fn no_operation_is_hidden_by_another() {
        for &action in Action::ALL {
            let query = action.sub_resource().unwrap_or_default();
            let query = Query::parse(query).unwrap();
            let got = resolve(action.verb(), action.level(), &query, action.content());
            assert_eq!(got, Resolution::Served(action));
        }
    }

    #[test]
    fn resolution() {
        use Level::{Bucket, Object, Service};
        use Resolution::{Ambiguous, NotAllowed, Served, Unserved};
        use Verb::{Delete, Get, Head, Options, Post, Put};
        #[rustfmt::skip]
        let table = [
            ("no = after the name",            Get,     Bucket,  "referer",           Served(Action::GetBucketReferer)),
            ("an empty value",                 Get,     Bucket,  "referer=",          Served(Action::GetBucketReferer)),
            ("names have case",                Get,     Bucket,  "REFERER",           Served(Action::ListObjects)),
            ("no DeleteBucketReferer in OSS",  Delete,  Bucket,  "referer",           NotAllowed),
            ("nor a POST",                     Post,    Bucket,  "referer",           NotAllowed),
            ("two at once",                    Get,     Bucket,  "referer&acl",       Ambiguous("acl", "referer")),
            ("with one of another operation",  Delete,  Bucket,  "policy&comp=callback", Unserved("DeleteBucketCallbackPolicy")),
            ("that this verb has not",         Get,     Bucket,  "acl&rtc",           Unserved("rtc")),
            ("a query of an object",           Post,    Object,  "x-oss-process=csv%2Fselect", Unserved("SelectObject")),
            ("what precedes it",               Post,    Object,  "x-oss-process=json/meta", Unserved("CreateSelectObjectMeta")),
            ("a picture made smaller",         Get,     Object,  "x-oss-process=image/resize,w_9", Unserved("ProcessImage")),
            ("protection for an object",       Put,     Object,  "retention",         Unserved("PutObjectRetention")),
            ("a bucket's word on an object",   Get,     Object,  "referer=mail",      Served(Action::GetObject)),
            ("an unknown parameter",           Get,     Object,  "v=3",               Served(Action::GetObject)),
            ("not mistaken for GetObject",     Get,     Object,  "restore",           NotAllowed),
            ("nor a command for an upload",    Put,     Object,  "live",              Unserved("PutLiveChannel")),
            ("nor for DeleteBucket",           Delete,  Bucket,  "lifecycle",         Unserved("DeleteBucketLifecycle")),
            ("part number with upload id",     Put,     Object,  "partNumber=1&uploadId=x", Served(Action::UploadPart)),
            ("form upload",                    Post,    Bucket,  "",                  Served(Action::PostObject)),
            ("preflight",                      Options, Object,  "",                  Served(Action::OptionObject)),
            ("preflight of a part",            Options, Object,  "partNumber=1&uploadId=x&acl", Served(Action::OptionObject)),
            ("preflight of a form",            Options, Bucket,  "cors",              Served(Action::OptionBucket)),
            ("a service has no preflight",     Options, Service, "",                  NotAllowed),
            ("an object has no POST",          Post,    Object,  "",                  NotAllowed),
            ("a bucket has no HEAD",           Head,    Bucket,  "",                  NotAllowed),
            ("a service has no PUT",           Put,     Service, "",                  NotAllowed),
        ];
        for (name, verb, level, query, want) in table {
            assert_eq!(ask(verb, level, query), want, "{name}");
        }
    }

    #[test]
    fn a_part_is_not_taken_for_the_whole() {
        let part = Some(("partNumber", "uploadId"));
        #[rustfmt::skip]
        let table = [
            ("a part without its upload",   Action::PutObject,  "partNumber=1",          part),
            ("without a value",             Action::PutObject,  "partNumber",            part),
            ("copied",                      Action::CopyObject, "partNumber=1",          part),
            ("an append that is none",      Action::PutObject,  "position=0",            Some(("position", "append"))),
            ("a part",                      Action::UploadPart, "partNumber=1&uploadId", None),
            ("another parameter",           Action::PutObject,  "part=1",                None),
            ("read",                        Action::GetObject,  "partNumber=1",          None),
        ];
        for (name, action, query, want) in table {
            assert_eq!(stray_parameter(action, &Query::parse(query).unwrap()), want, "{name}");
        }
    }

    #[test]
    fn a_copy_is_not_taken_for_an_upload() {
        let table = [
            (Verb::Put, Level::Object, "", Resolution::Served(Action::CopyObject)),
            (Verb::Get, Level::Object, "", Resolution::Served(Action::GetObject)),
            (Verb::Put, Level::Bucket, "", Resolution::Served(Action::PutBucket)),
            (Verb::Put, Level::Object, "live", Resolution::Unserved("copying by this operation")),
        ];
        for (verb, level, query, want) in table {
            let parsed = Query::parse(query).unwrap();
            assert_eq!(resolve(verb, level, &parsed, Content::Copied), want, "{verb:?} {query}");
        }
    }
}
