//! What OSS has and refgate does not (yet). Such a request answers 501 with the name from these
//! tables. A row leaves here when its operation moves into [`super::Action`].

use http::HeaderMap;

use super::{Level, Verb};
use crate::domain::query::Query;

use Level::{Bucket, Object, Service};
use Verb::{Delete, Get, Post, Put};

/// A name, the values with which it asks for nothing, and the feature.
type Feature = (&'static str, &'static [&'static str], &'static str);

type Row = (Level, Option<&'static str>, &'static [(Verb, &'static str)]);

/// Level, sub-resource, and the operations that OSS defines on it by verb.
#[rustfmt::skip]
const OPERATIONS: &[Row] = &[
    (Service, Some("regions"),             &[(Get, "DescribeRegions")]),
    (Service, Some("publicAccessBlock"),   &[(Get, "GetPublicAccessBlock"), (Put, "PutPublicAccessBlock"), (Delete, "DeletePublicAccessBlock")]),
    (Service, Some("accessPoint"),         &[(Get, "ListAccessPoints")]),
    (Service, Some("resourcePool"),        &[(Get, "ListResourcePools")]),

    (Bucket, Some("accessPoint"),          &[(Get, "GetAccessPoint"), (Put, "CreateAccessPoint"), (Delete, "DeleteAccessPoint")]),
    (Bucket, Some("accessPointPolicy"),    &[(Get, "GetAccessPointPolicy"), (Put, "PutAccessPointPolicy"), (Delete, "DeleteAccessPointPolicy")]),
    (Bucket, Some("bucketArchiveDirectRead"), &[(Get, "GetBucketArchiveDirectRead"), (Put, "PutBucketArchiveDirectRead")]),
    (Bucket, Some("cname"),                &[(Get, "ListCname"), (Post, "PutCname")]),
    (Bucket, Some("encryption"),           &[(Get, "GetBucketEncryption"), (Put, "PutBucketEncryption"), (Delete, "DeleteBucketEncryption")]),
    (Bucket, Some("httpsConfig"),          &[(Get, "GetBucketHttpsConfig"), (Put, "PutBucketHttpsConfig")]),
    (Bucket, Some("inventory"),            &[(Get, "GetBucketInventory"), (Put, "PutBucketInventory"), (Delete, "DeleteBucketInventory")]),
    (Bucket, Some("lifecycle"),            &[(Get, "GetBucketLifecycle"), (Put, "PutBucketLifecycle"), (Delete, "DeleteBucketLifecycle")]),
    (Bucket, Some("live"),                 &[(Get, "ListLiveChannel")]),
    (Bucket, Some("logging"),              &[(Get, "GetBucketLogging"), (Put, "PutBucketLogging"), (Delete, "DeleteBucketLogging")]),
    (Bucket, Some("metaQuery"),            &[(Get, "GetMetaQueryStatus"), (Post, "DoMetaQuery")]),
    (Bucket, Some("publicAccessBlock"),    &[(Get, "GetBucketPublicAccessBlock"), (Put, "PutBucketPublicAccessBlock"), (Delete, "DeleteBucketPublicAccessBlock")]),
    (Bucket, Some("redundancyTransition"), &[(Get, "ListBucketDataRedundancyTransition"), (Post, "CreateBucketDataRedundancyTransition")]),
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

/// The sub-resources of the table at a level.
pub(super) fn sub_resources(level: Level) -> impl Iterator<Item = &'static str> {
    OPERATIONS.iter().filter(move |(l, ..)| *l == level).filter_map(|(_, sub, _)| *sub)
}

/// Headers that ask for something we do not do, the values with which they ask for nothing, and
/// what they ask for. Passing over one would be a lie: an object that its owner believes to be
/// encrypted would not be.
#[rustfmt::skip]
const FEATURES: &[Feature] = &[
    ("x-oss-server-side-encryption",            &[],                 "server-side encryption"),
    ("x-oss-server-side-encryption-key-id",     &[],                 "server-side encryption"),
    ("x-oss-server-side-data-encryption",       &[],                 "server-side encryption"),
    ("x-oss-callback",                          &[],                 "upload callback"),
    ("x-oss-storage-class",                     &["Standard", "IA"], "archive storage classes"),
];

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
    // Every request asks, and has fewer headers than there are features.
    let by_header = headers.iter().find_map(|(given, value)| {
        let named =
            |(name, idle, _): &&Feature| given.as_str() == *name && asks(value.as_bytes(), idle);
        FEATURES.iter().find(named)
    });
    let by_query = || {
        QUERY_FEATURES.iter().find(|(name, idle, _)| {
            query.pairs().any(|(given, value)| given == *name && asks(value.as_bytes(), idle))
        })
    };
    by_header.or_else(by_query).map(|(.., name)| *name)
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
        assert_eq!(ask("x-oss-storage-class", "Archive"), Some("archive storage classes"));
        assert_eq!(ask("x-oss-storage-class", "IA"), None);
        assert_eq!(ask("versionId", "null"), None);
        assert_eq!(ask("versionId", "CAEQ"), Some("versioning"));
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
