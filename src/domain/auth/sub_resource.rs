//! Which query parameters a V1 signature covers.

use std::collections::BTreeMap;

use super::canonical::is_oss_own;
use crate::domain::query::Query;

/// The sub-resources of V1, in byte order: the union of the lists in the vendor's SDKs, none of
/// which is complete. Beside them every parameter that begins with `x-oss-` is signed, as
/// alibabacloud-oss-go-sdk-v2 does.
///
/// Parameters of listings (`prefix`, `marker`, `max-keys`, …) are not sub-resources, but
/// `continuation-token` is.
#[rustfmt::skip]
const SUB_RESOURCES: &[&str] = &[
    "MetaQuery", "accessPoint", "accessPointPolicy", "acl", "action", "append", "asyncFetch",
    "bucketArchiveDirectRead", "bucketInfo",
    "callback", "callback-var", "cleanRestoredObject", "cloudboxes", "cname", "comp", "continuation-token", "cors",
    "dataPipeline", "delete", "encryption", "endTime", "group", "httpsConfig",
    "img", "inventory", "inventoryId", "legalHold", "lifecycle", "link", "live", "location", "logging",
    "metaQuery", "metadataConfiguration", "metadataInventoryTable", "metadataJournalTable",
    "objectInfo", "objectMeta", "objectWorm", "overwriteConfig",
    "partNumber", "policy", "policyStatus", "position", "processConfiguration",
    "publicAccessBlock", "qos", "qosInfo", "qosRequester", "quota",
    "redundancyTransition", "referer", "regionList", "replication", "replicationLocation",
    "replicationProgress", "requestPayment", "requesterQosInfo", "resourceGroup", "resourcePool",
    "resourcePoolBuckets", "resourcePoolInfo",
    "response-cache-control", "response-content-disposition", "response-content-encoding",
    "response-content-language", "response-content-type", "response-expires",
    "responseHeader", "restore", "retention", "rtc",
    "seal", "security-token", "sequential", "startTime", "stat", "status", "style", "styleName",
    "symlink", "tagging", "transferAcceleration",
    "udf", "udfApplication", "udfApplicationLog", "udfId", "udfImage", "udfImageDesc", "udfName",
    "uploadId", "uploads", "userDefinedLogFieldsConfig", "versionId", "versioning", "versions", "vip", "vod", "vpcip",
    "website", "withHashContext", "worm", "wormExtend", "wormId",
];

/// Whether a query has anything that V1 signs, beside the signature's own parameters.
pub fn has_signed(query: &Query) -> bool {
    !canonical(query).is_empty()
}

/// Whether a parameter is one of the sub-resources of V1 by name.
pub fn is_sub_resource(name: &str) -> bool {
    SUB_RESOURCES.binary_search(&name).is_ok()
}

/// Whether a parameter is part of V1's canonical resource.
fn is_signed(name: &str) -> bool {
    is_oss_own(name) || is_sub_resource(name)
}

/// The end of V1's canonical resource: `?name=value&name`, decoded and sorted by name, or nothing.
///
/// A parameter given twice counts with its first value, as OSS documents and as
/// [`Query::first`] answers; so what is executed is what was signed.
pub(super) fn canonical(query: &Query) -> String {
    let mut signed = BTreeMap::new();
    for (name, value) in query.pairs().filter(|(name, _)| is_signed(name)) {
        signed.entry(name).or_insert(value);
    }
    let mut text = String::new();
    for (name, value) in signed {
        text.push(if text.is_empty() { '?' } else { '&' });
        text.push_str(name);
        if !value.is_empty() {
            text.push('=');
            text.push_str(value);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::op::Action;

    #[test]
    fn the_table_is_sorted_and_has_each_name_once() {
        assert!(SUB_RESOURCES.is_sorted_by(|a, b| a < b));
    }

    /// An operation that a holder of a V1 URL could swap in would be as good as a new signature.
    /// `list-type` is the exception that OSS's own lists make: both of its values only list.
    #[test]
    fn what_selects_an_operation_is_signed() {
        for action in Action::ALL {
            if let Some(sub) = action.sub_resource().filter(|sub| *sub != "list-type") {
                assert!(is_signed(sub), "{} by ?{sub}", action.name());
            }
        }
    }

    #[test]
    fn canonical_form() {
        #[rustfmt::skip]
        let table = [
            ("nothing",                          "",                          ""),
            ("unsigned parameters are left out", "prefix=a&list-type=2&v=1",  ""),
            ("an empty value is a name",         "referer=",                  "?referer"),
            ("sorted, values decoded",           "versionId=a%2Fb&acl",       "?acl&versionId=a/b"),
            ("the first value of two",           "versionId=1&versionId=2",   "?versionId=1"),
            ("the first of two, though empty",   "versionId&versionId=2",     "?versionId"),
            ("every parameter of OSS's own",     "x-oss-new=1",               "?x-oss-new=1"),
            ("upper case sorts first",           "x-oss-a&x-oss-B&acl",       "?acl&x-oss-B&x-oss-a"),
            ("names have case",                  "ACL&Acl",                   ""),
        ];
        for (name, query, want) in table {
            assert_eq!(canonical(&Query::parse(query).unwrap()), want, "{name}");
        }
    }
}
