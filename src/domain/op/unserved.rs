//! What OSS has and refgate does not (yet). Such a request answers 501 with the name from these
//! tables. A row leaves here when its operation moves into [`super::Action`].

use http::{HeaderMap, HeaderName};

use super::{Level, Verb};
use crate::domain::auth::is_sub_resource;
use crate::domain::query::Query;

use Level::{Bucket, Object, Service};
use Verb::{Delete, Get, Post, Put};

/// A name, the values with which it asks for nothing, and the feature.
type Feature = (&'static str, &'static [&'static str], &'static str);

type Row = (Level, Option<&'static str>, &'static [(Verb, &'static str)]);

/// Level, sub-resource, and the operations that OSS defines on it by verb.
#[rustfmt::skip]
const OPERATIONS: &[Row] = &[
    (Service, Some("agenticBucket"),       &[(Get, "ListAgenticBuckets")]),
    (Service, Some("cloudboxes"),          &[(Get, "ListCloudBoxes")]),
    (Service, Some("dataPipeline"),        &[(Post, "DoDataPipelineAction")]),
    (Service, Some("qosInfo"),             &[(Get, "GetUserQosInfo")]),
    (Service, Some("qosRequester"),        &[(Get, "ListResourcePoolRequesterQosInfos"), (Put, "PutResourcePoolRequesterQosInfo"), (Delete, "DeleteResourcePoolRequesterQosInfo")]),
    (Service, Some("redundancyTransition"), &[(Get, "ListUserDataRedundancyTransition")]),
    (Service, Some("regions"),             &[(Get, "DescribeRegions")]),
    (Service, Some("requesterQosInfo"),    &[(Get, "ListResourcePoolRequesterQosInfos"), (Put, "PutResourcePoolRequesterQosInfo"), (Delete, "DeleteResourcePoolRequesterQosInfo")]),
    (Service, Some("resourcePoolBuckets"), &[(Get, "ListResourcePoolBuckets")]),
    (Service, Some("resourcePoolInfo"),    &[(Get, "GetResourcePoolInfo")]),
    (Service, Some("x-oss-write-get-object-response"), &[(Post, "WriteGetObjectResponse")]),
    (Service, Some("publicAccessBlock"),   &[(Get, "GetPublicAccessBlock"), (Put, "PutPublicAccessBlock"), (Delete, "DeletePublicAccessBlock")]),
    (Service, Some("accessPoint"),         &[(Get, "ListAccessPoints")]),
    (Service, Some("resourcePool"),        &[(Get, "ListResourcePools")]),

    (Bucket, Some("accessPoint"),          &[(Get, "GetAccessPoint"), (Put, "CreateAccessPoint"), (Delete, "DeleteAccessPoint")]),
    (Bucket, Some("accessmonitor"),        &[(Get, "GetBucketAccessMonitor"), (Put, "PutBucketAccessMonitor")]),
    (Bucket, Some("agenticBucket"),        &[(Get, "GetAgenticBucket"), (Put, "CreateAgenticBucket"), (Delete, "DeleteAgenticBucket")]),
    (Bucket, Some("asyncFetch"),           &[(Get, "GetAsyncFetchTask"), (Post, "PutAsyncFetchTask")]),
    (Bucket, Some("bucketSpace"),          &[(Get, "ListBucketSpaces")]),
    (Bucket, Some("accessPointPolicy"),    &[(Get, "GetAccessPointPolicy"), (Put, "PutAccessPointPolicy"), (Delete, "DeleteAccessPointPolicy")]),
    (Bucket, Some("bucketArchiveDirectRead"), &[(Get, "GetBucketArchiveDirectRead"), (Put, "PutBucketArchiveDirectRead")]),
    (Bucket, Some("cname"),                &[(Get, "ListCname"), (Post, "PutCname")]),
    (Bucket, Some("comp"),                 &[(Get, "GetBucketCallbackPolicy"), (Put, "PutBucketCallbackPolicy"), (Delete, "DeleteBucketCallbackPolicy")]),
    (Bucket, Some("deleteVectorIndex"),    &[(Post, "DeleteVectorIndex")]),
    (Bucket, Some("deleteVectors"),        &[(Post, "DeleteVectors")]),
    (Bucket, Some("getVectorIndex"),       &[(Post, "GetVectorIndex")]),
    (Bucket, Some("getVectors"),           &[(Post, "GetVectors")]),
    (Bucket, Some("listVectorIndexes"),    &[(Post, "ListVectorIndexes")]),
    (Bucket, Some("listVectors"),          &[(Post, "ListVectors")]),
    (Bucket, Some("putVectorIndex"),       &[(Post, "PutVectorIndex")]),
    (Bucket, Some("putVectorIndexFusion"), &[(Post, "PutVectorIndexFusion")]),
    (Bucket, Some("putVectors"),           &[(Post, "PutVectors")]),
    (Bucket, Some("queryVectors"),         &[(Post, "QueryVectors")]),
    (Bucket, Some("queryVectorsFusion"),   &[(Post, "QueryVectorsFusion")]),
    (Bucket, Some("encryption"),           &[(Get, "GetBucketEncryption"), (Put, "PutBucketEncryption"), (Delete, "DeleteBucketEncryption")]),
    (Bucket, Some("httpsConfig"),          &[(Get, "GetBucketHttpsConfig"), (Put, "PutBucketHttpsConfig")]),
    (Bucket, Some("inventory"),            &[(Get, "GetBucketInventory"), (Put, "PutBucketInventory"), (Delete, "DeleteBucketInventory")]),
    (Bucket, Some("lifecycle"),            &[(Get, "GetBucketLifecycle"), (Put, "PutBucketLifecycle"), (Delete, "DeleteBucketLifecycle")]),
    (Bucket, Some("live"),                 &[(Get, "ListLiveChannel")]),
    (Bucket, Some("logging"),              &[(Get, "GetBucketLogging"), (Put, "PutBucketLogging"), (Delete, "DeleteBucketLogging")]),
    (Bucket, Some("metaQuery"),            &[(Get, "GetMetaQueryStatus"), (Post, "DoMetaQuery")]),
    (Bucket, Some("MetaQuery"),            &[(Post, "DoMetaQueryAction")]),
    (Bucket, Some("metadataConfiguration"), &[(Get, "GetBucketMetadataConfiguration"), (Post, "CreateBucketMetadataConfiguration"), (Delete, "DeleteBucketMetadataConfiguration")]),
    (Bucket, Some("metadataInventoryTable"), &[(Put, "UpdateBucketMetadataInventoryTableConfiguration")]),
    (Bucket, Some("metadataJournalTable"), &[(Put, "UpdateBucketMetadataJournalTableConfiguration")]),
    (Bucket, Some("objectWorm"),           &[(Get, "GetBucketObjectWormConfiguration"), (Put, "PutBucketObjectWormConfiguration")]),
    (Bucket, Some("overwriteConfig"),      &[(Get, "GetBucketOverwriteConfig"), (Put, "PutBucketOverwriteConfig"), (Delete, "DeleteBucketOverwriteConfig")]),
    (Bucket, Some("processConfiguration"), &[(Get, "GetProcessConfiguration"), (Put, "PutProcessConfiguration")]),
    (Bucket, Some("qos"),                  &[(Get, "GetBucketStorageCapacity"), (Put, "PutBucketStorageCapacity")]),
    (Bucket, Some("qosInfo"),              &[(Get, "GetBucketQosInfo"), (Put, "PutBucketQosInfo"), (Delete, "DeleteBucketQosInfo")]),
    (Bucket, Some("quota"),                &[(Get, "GetBucketStorageQuota"), (Put, "PutBucketStorageQuota"), (Delete, "DeleteBucketStorageQuota")]),
    (Bucket, Some("requesterQosInfo"),     &[(Get, "GetBucketRequesterQosInfo"), (Put, "PutBucketRequesterQosInfo"), (Delete, "DeleteBucketRequesterQosInfo")]),
    (Bucket, Some("resourcePool"),         &[(Put, "PutBucketResourcePoolBucketGroup")]),
    (Bucket, Some("responseHeader"),       &[(Get, "GetBucketResponseHeader"), (Put, "PutBucketResponseHeader"), (Delete, "DeleteBucketResponseHeader")]),
    (Bucket, Some("userDefinedLogFieldsConfig"), &[(Get, "GetUserDefinedLogFieldsConfig"), (Put, "PutUserDefinedLogFieldsConfig"), (Delete, "DeleteUserDefinedLogFieldsConfig")]),
    (Bucket, Some("vpcip"),                &[(Get, "GetBucketVpcip"), (Put, "PutBucketVpcip"), (Delete, "DeleteBucketVpcip")]),
    (Bucket, Some("publicAccessBlock"),    &[(Get, "GetBucketPublicAccessBlock"), (Put, "PutBucketPublicAccessBlock"), (Delete, "DeleteBucketPublicAccessBlock")]),
    (Bucket, Some("redundancyTransition"), &[(Get, "ListBucketDataRedundancyTransition"), (Post, "CreateBucketDataRedundancyTransition"), (Delete, "DeleteBucketDataRedundancyTransition")]),
    (Bucket, Some("replication"),          &[(Get, "GetBucketReplication"), (Post, "PutBucketReplication")]),
    (Bucket, Some("replicationLocation"),  &[(Get, "GetBucketReplicationLocation")]),
    (Bucket, Some("replicationProgress"),  &[(Get, "GetBucketReplicationProgress")]),
    (Bucket, Some("requestPayment"),       &[(Get, "GetBucketRequestPayment"), (Put, "PutBucketRequestPayment")]),
    (Bucket, Some("resourceGroup"),        &[(Get, "GetBucketResourceGroup"), (Put, "PutBucketResourceGroup")]),
    (Bucket, Some("rtc"),                  &[(Put, "PutBucketRTC")]),
    (Bucket, Some("style"),                &[(Get, "GetStyle"), (Put, "PutStyle"), (Delete, "DeleteStyle")]),
    (Bucket, Some("tagging"),              &[(Get, "GetBucketTags"), (Put, "PutBucketTags"), (Delete, "DeleteBucketTags")]),
    (Bucket, Some("transferAcceleration"), &[(Get, "GetBucketTransferAcceleration"), (Put, "PutBucketTransferAcceleration")]),
    (Bucket, Some("versioning"),           &[(Get, "GetBucketVersioning"), (Put, "PutBucketVersioning")]),
    (Bucket, Some("versions"),             &[(Get, "ListObjectVersions")]),
    (Bucket, Some("website"),              &[(Get, "GetBucketWebsite"), (Put, "PutBucketWebsite"), (Delete, "DeleteBucketWebsite")]),
    (Bucket, Some("worm"),                 &[(Get, "GetBucketWorm"), (Post, "InitiateBucketWorm"), (Delete, "AbortBucketWorm")]),
    (Bucket, Some("wormExtend"),           &[(Post, "ExtendBucketWorm")]),
    (Bucket, Some("wormId"),               &[(Post, "CompleteBucketWorm")]),

    (Object, Some("asyncFetch"),           &[(Get, "GetAsyncFetchTask"), (Post, "PutAsyncFetchTask")]),
    (Object, Some("cleanRestoredObject"),  &[(Post, "CleanRestoredObject")]),
    (Object, Some("legalHold"),            &[(Get, "GetObjectLegalHold"), (Put, "PutObjectLegalHold")]),
    (Object, Some("retention"),            &[(Get, "GetObjectRetention"), (Put, "PutObjectRetention")]),
    (Object, Some("x-oss-delete"),         &[(Delete, "DeleteDirectory")]),
    (Object, Some("x-oss-dir"),            &[(Post, "CreateDirectory"), (Put, "CreateDirectory")]),
    (Object, Some("x-oss-rename"),         &[(Post, "RenameObject"), (Put, "RenameObject")]),
    (Object, Some("live"),                 &[(Get, "GetLiveChannelInfo"), (Put, "PutLiveChannel"), (Delete, "DeleteLiveChannel")]),
    (Object, Some("restore"),              &[(Post, "RestoreObject")]),
    (Object, Some("seal"),                 &[(Post, "SealAppendObject")]),
    (Object, Some("vod"),                  &[(Get, "GetVodPlaylist"), (Post, "PostVodPlaylist")]),
    (Object, Some("x-oss-async-process"),  &[(Post, "AsyncProcessObject")]),
    (Object, Some("x-oss-process"),        &[(Get, "ProcessImage"), (Post, "ProcessObject")]),
];

/// The name of the operation that OSS defines here and we do not serve.
pub(super) fn find(verb: Verb, level: Level, sub: Option<&str>) -> Option<&'static str> {
    let (.., verbs) = OPERATIONS.iter().find(|(l, s, _)| *l == level && *s == sub)?;
    verbs.iter().find(|(v, _)| *v == verb).map(|(_, name)| *name)
}

/// The name of what `x-oss-process` asks for, if it is not that of the parameter.
pub(super) fn process(value: &str) -> Option<&'static str> {
    match value {
        "csv/select" | "json/select" => Some("SelectObject"),
        "csv/meta" | "json/meta" => Some("CreateSelectObjectMeta"),
        _ => None,
    }
}

/// The sub-resources of the table at a level.
pub(super) fn sub_resources(level: Level) -> impl Iterator<Item = &'static str> {
    OPERATIONS.iter().filter(move |(l, ..)| *l == level).filter_map(|(_, sub, _)| *sub)
}

/// Headers that ask for something we do not do, or the beginnings of their names with a `*`, the
/// values with which they ask for nothing, and what they ask for. Passing over one would be a lie: an object that its owner believes to be
/// encrypted would not be.
#[rustfmt::skip]
const FEATURES: &[Feature] = &[
    ("x-oss-server-side-*",                     &[],                 "server-side encryption"),
    ("x-oss-copy-source-server-side-*",         &[],                 "server-side encryption"),
    ("x-oss-object-worm-*",                     &[],                 "object retention"),
    ("x-oss-bypass-governance-retention",       &["false"],          "object retention"),
    ("x-oss-rename-source",                     &[],                 "RenameObject"),
    ("x-oss-callback",                          &[],                 "upload callback"),
    ("x-oss-storage-class",                     &["Standard", "IA"], "archive storage classes"),
];

/// How the names of all [`FEATURES`] begin.
const VENDORS: &str = "x-oss-";

/// As [`FEATURES`], for query parameters.
#[rustfmt::skip]
const QUERY_FEATURES: &[Feature] = &[
    ("callback",  &[],       "upload callback"),
    ("versionId", &["null"], "versioning"),
];

/// The first feature that a request for an object asks for and that is not there. Every line of a
/// header and every value of a parameter counts.
pub fn unserved_feature(headers: &HeaderMap, query: &Query) -> Option<&'static str> {
    let asks = |value: &[u8], idle: &[&str]| !idle.iter().any(|word| word.as_bytes() == value);
    // Every request asks, and few have such headers.
    let vendors = headers.iter().filter(|(given, _)| given.as_str().starts_with(VENDORS));
    let by_header = vendors.into_iter().find_map(|(given, value)| {
        let named =
            |(name, idle, _): &&Feature| is_named(given, name) && asks(value.as_bytes(), idle);
        FEATURES.iter().find(named)
    });
    let by_query = || {
        QUERY_FEATURES.iter().find(|(name, idle, _)| {
            query.pairs().any(|(given, value)| given == *name && asks(value.as_bytes(), idle))
        })
    };
    by_header.or_else(by_query).map(|(.., name)| *name)
}

/// Whether a header is that of a feature, whose name may be a beginning.
fn is_named(given: &HeaderName, name: &str) -> bool {
    match name.strip_suffix('*') {
        Some(beginning) => given.as_str().starts_with(beginning),
        None => given.as_str() == name,
    }
}

/// Parameters that select nothing and have a meaning, or none that would be missed: those of
/// listings and of parts, of signatures, of the answer's headers, and what limits or pays for a
/// request.
#[rustfmt::skip]
const PLAIN: &[&str] = &[
    "Expires", "OSSAccessKeyId", "Signature", "callback-var", "continuation-token", "delimiter",
    "encoding-type", "fetch-owner", "key-marker", "list-type", "marker", "max-keys", "max-parts",
    "max-uploads", "part-number-marker", "partNumber", "position", "prefix", "regionList",
    "response-cache-control", "response-content-disposition", "response-content-encoding",
    "response-content-language", "response-content-type", "response-expires", "security-token",
    "sequential", "start-after", "tag-key", "tag-value", "upload-id-marker", "uploadId", "versionId",
    "withHashContext",
];
/// The same of the vendor's own names, by their beginnings.
const PLAIN_BEGINNINGS: &[&str] = &[
    "x-oss-ac-",
    "x-oss-additional-headers",
    "x-oss-complete-all",
    "x-oss-credential",
    "x-oss-date",
    "x-oss-expires",
    "x-oss-forbid-overwrite",
    "x-oss-request-payer",
    "x-oss-security-token",
    "x-oss-signature",
    "x-oss-traffic-limit",
];

/// A parameter that looks as if it selected an operation of which we know nothing, of a request that
/// would else be taken for another: one that writes, or that is about a bucket or the account. The
/// vendor goes on making operations, and `PUT key?retention` is no upload.
///
/// It has no value, or a V1 signature covers it. A download may have any parameter: pages append
/// them to get past caches.
pub fn unknown_parameter(verb: Verb, level: Level, query: &Query) -> Option<&str> {
    if verb == Verb::Options || level == Object && matches!(verb, Get | Verb::Head) {
        return None;
    }
    let is_plain = |name: &str| {
        PLAIN.contains(&name) || PLAIN_BEGINNINGS.iter().any(|start| name.starts_with(start))
    };
    let selects = |name: &str, value: &str| value.is_empty() || is_sub_resource(name);
    query
        .pairs()
        .filter(|(name, _)| !super::selectors(level).contains(name) && !is_plain(name))
        .find(|(name, value)| selects(name, value))
        .map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::super::Action;
    use super::*;

    #[test]
    fn no_row_is_served_already() {
        for (level, sub, verbs) in OPERATIONS {
            for (verb, name) in *verbs {
                let served = Action::ALL
                    .iter()
                    .any(|a| (a.verb(), a.level(), a.sub_resource()) == (*verb, *level, *sub));
                assert!(!served, "{name} is served and still listed as unserved");
            }
        }
    }

    #[test]
    fn a_feature_is_named_unless_its_value_asks_for_nothing() {
        let ask = |name: &'static str, value: &'static str| {
            let headers = HeaderMap::from_iter([(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_static(value),
            )]);
            let query = Query::parse(&format!("{name}={value}")).unwrap();
            unserved_feature(&headers, &query)
        };
        assert_eq!(ask("x-oss-server-side-encryption", "AES256"), Some("server-side encryption"));
        let customer = "x-oss-server-side-encryption-customer-algorithm";
        assert_eq!(ask(customer, "AES256"), Some("server-side encryption"));
        assert_eq!(ask("x-oss-object-worm-mode", "COMPLIANCE"), Some("object retention"));
        assert_eq!(ask("x-oss-storage-class", "Archive"), Some("archive storage classes"));
        assert_eq!(ask("x-oss-storage-class", "IA"), None);
        assert_eq!(ask("versionId", "null"), None);
        assert_eq!(ask("versionId", "CAEQ"), Some("versioning"));
    }

    #[test]
    fn what_may_select_an_operation_is_not_passed_over() {
        use Verb::{Head, Options};
        #[rustfmt::skip]
        let table = [
            ("a name that nobody knows",        Put,     Object,  "future",                 Some("future")),
            ("with another",                    Delete,  Bucket,  "x-oss-signature=a&new=", Some("new")),
            ("of the vendor's own",             Put,     Object,  "x-oss-new",              Some("x-oss-new")),
            ("with a value that V1 signs",      Put,     Bucket,  "status=enabled",         Some("status")),
            ("read of a bucket",                Get,     Bucket,  "future",                 Some("future")),
            ("of the account",                  Get,     Service, "future",                 Some("future")),
            ("of an object",                    Get,     Object,  "future",                 None),
            ("its head",                        Head,    Object,  "future",                 None),
            ("asked for by a preflight",        Options, Object,  "future",                 None),
            ("an operation",                    Put,     Bucket,  "referer",                None),
            ("a part",                          Put,     Object,  "partNumber=1&uploadId=x", None),
            ("with a value",                    Put,     Object,  "v=3",                    None),
            ("a listing with nothing in it",    Get,     Bucket,  "prefix=&marker=&delimiter=&encoding-type=", None),
            ("a signature and what it limits",  Put,     Object,  "x-oss-signature-version=OSS4&x-oss-ac-source-ip=&x-oss-traffic-limit=", None),
        ];
        for (name, verb, level, query, want) in table {
            let query = Query::parse(query).unwrap();
            assert_eq!(unknown_parameter(verb, level, &query), want, "{name}");
        }
    }

    #[test]
    fn a_second_line_does_not_hide_behind_the_first() {
        let mut headers = HeaderMap::new();
        headers.append("x-oss-storage-class", HeaderValue::from_static("IA"));
        headers.append("x-oss-storage-class", HeaderValue::from_static("Archive"));
        let named = unserved_feature(&headers, &Query::default());
        assert_eq!(named, Some("archive storage classes"));
    }
}
