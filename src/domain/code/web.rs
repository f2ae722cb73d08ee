//! The reasons of what browsers do: cross-origin requests and uploads by forms.

use super::{Code as C, Reason};

#[rustfmt::skip]
reasons! {
    /// The bucket has no cross-origin rules.
    NO_CORS_RULES = Reason::ec(C::NoSuchCORSConfiguration, "0034-00000001");
    /// `CORSConfiguration`: not XML, another root, or a rule that lacks what it must have.
    CORS_XML_MALFORMED = Reason::of(C::MalformedXML);
    /// A `CORSConfiguration` without a rule.
    CORS_NO_RULE = Reason::ec(C::MalformedXML, "0034-00000002");
    /// More rules than a bucket can have.
    CORS_TOO_MANY_RULES = Reason::ec(C::CORSRuleBeyondLimit, "0034-00000006");
    /// An `AllowedOrigin` that breaks a rule.
    CORS_BAD_ORIGIN = Reason::ec(C::InvalidArgument, "0034-00000009");
    /// An `AllowedMethod` that is none of the five.
    CORS_BAD_METHOD = Reason::ec(C::InvalidArgument, "0034-00000011");
    /// An `AllowedHeader` that breaks a rule. No number is published.
    CORS_BAD_HEADER = Reason::of(C::InvalidArgument);
    /// An `ExposeHeader` that breaks a rule.
    CORS_BAD_EXPOSED_HEADER = Reason::ec(C::InvalidArgument, "0034-00000013");
    /// A `MaxAgeSeconds` that is no such number. No number is published.
    CORS_BAD_MAX_AGE = Reason::of(C::InvalidArgument);
    /// A preflight without `Origin`.
    PREFLIGHT_WITHOUT_ORIGIN = Reason::new(C::BadRequest, "0034-00000101",
        "Insufficient information. Origin request header needed.");
    /// A preflight without `Access-Control-Request-Method`.
    PREFLIGHT_WITHOUT_METHOD = Reason::new(C::BadRequest, "0034-00000102",
        "Insufficient information. Request Access-Control-Request-Method header needed.");
    /// A preflight for a bucket without cross-origin rules.
    CORS_NOT_ENABLED = Reason::new(C::AccessForbidden, "0003-00000601",
        "CORSResponse: CORS is not enabled for this bucket.");
    /// A preflight that none of the bucket's cross-origin rules fits.
    CORS_NOT_ALLOWED = Reason::new(C::AccessForbidden, "0003-00000602",
        "CORSResponse: This CORS request is not allowed. This is usually because the evaluation of Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec.");

    /// A form in which a field follows the file.
    FORM_FIELD_BEHIND_FILE = Reason::ec(C::MalformedPOSTRequest, "0006-00000103");
    /// A form without a file, or that ends early.
    FORM_INCOMPLETE = Reason::ec(C::MalformedPOSTRequest, "0006-00000104");
    /// A form that is not one otherwise.
    FORM_MALFORMED = Reason::of(C::MalformedPOSTRequest);
    /// A field with a name of over 8 KiB.
    FORM_NAME_TOO_LONG = Reason::ec(C::FieldItemTooLong, "0006-00000110");
    /// A field with a value that is too long.
    FORM_VALUE_TOO_LONG = Reason::saying(C::FieldItemTooLong,
        "Your value of form field is too long.");
    /// Too much before the file.
    FORM_TOO_LONG = Reason::ec(C::MaxPOSTPreDataLengthExceededError, "0006-00000112");
    /// `x-oss-forbid-overwrite` is neither `true` nor `false`.
    FORM_FORBID_OVERWRITE = Reason::new(C::InvalidArgument, "0006-00000117",
        "x-oss-forbid-overwrite must be true or false.");
    /// A form without a field `key`.
    FORM_WITHOUT_KEY = Reason::saying(C::IncorrectNumberOfFilesInPOSTRequest,
        "The bucket POST must contain the specified field name: key.");
    /// A file of more bytes than the policy allows, or than any form can bring.
    FORM_FILE_TOO_LARGE = Reason::ec(C::EntityTooLarge, "0006-00000003");
    /// A file of fewer bytes than the policy allows.
    FORM_FILE_TOO_SMALL = Reason::ec(C::EntityTooSmall, "0006-00000004");
    /// A post policy that is not base64 or not JSON.
    POST_POLICY_UNREADABLE = Reason::ec(C::InvalidPolicyDocument, "0006-00000201");
    /// A post policy that breaks a rule without a number of its own.
    POST_POLICY_INVALID = Reason::of(C::InvalidPolicyDocument);
    /// A post policy without conditions.
    POST_POLICY_NO_CONDITIONS = Reason::ec(C::InvalidPolicyDocument, "0006-00000207");
    /// A post policy without expiration and conditions.
    POST_POLICY_EMPTY = Reason::ec(C::InvalidPolicyDocument, "0006-00000209");
    /// A post policy that has ended.
    POST_POLICY_EXPIRED = Reason::new(C::AccessDenied, "0006-00000213",
        "Invalid according to Policy: Policy expired.");
    /// A post policy whose conditions are no list.
    POST_POLICY_NOT_A_LIST = Reason::ec(C::InvalidPolicyDocument, "0006-00000214");
    /// A post policy whose conditions are an empty list.
    POST_POLICY_NO_CONDITION = Reason::ec(C::InvalidPolicyDocument, "0006-00000215");
    /// A condition with a way of matching that is unknown, or none.
    POST_POLICY_MATCHING = Reason::ec(C::InvalidPolicyDocument, "0006-00000216");
    /// A condition with too few or too many arguments.
    POST_POLICY_ARGUMENTS = Reason::ec(C::InvalidPolicyDocument, "0006-00000218");
    /// A `content-length-range` that ends before it begins.
    POST_POLICY_RANGE = Reason::ec(C::InvalidPolicyDocument, "0006-00000219");
    /// A `content-length-range` with an end that is no whole number.
    POST_POLICY_BOUND = Reason::ec(C::InvalidPolicyDocument, "0006-00000221");
    /// A condition that is neither an object nor a list.
    POST_POLICY_KIND = Reason::ec(C::InvalidPolicyDocument, "0006-00000222");
    /// A condition with an argument of a wrong type.
    POST_POLICY_TYPE = Reason::ec(C::InvalidPolicyDocument, "0006-00000224");
    /// A form that a condition of its policy does not allow.
    POST_POLICY_UNMET = Reason::new(C::AccessDenied, "0006-00000227",
        "Invalid according to Policy: Policy Condition failed.");

    /// V4 form: the date is missing or unreadable, or not that of the scope.
    V4_FORM_DATE = Reason::saying(C::InvalidArgument, "Invalid signing date in the form.");
    /// V4 form: the scope names another region than this server's.
    V4_FORM_REGION = Reason::saying(C::InvalidArgument, "Invalid signing region in the form.");
    /// A form with a policy or a signature and without an access key id.
    FORM_KEY_MISSING = Reason::saying(C::InvalidArgument, "Post request accessKeyId is empty.");
    /// A form with a policy or an access key id and without a signature.
    FORM_SIGNATURE_MISSING = Reason::saying(C::InvalidArgument,
        "Post request signature is empty.");
    /// A form with a signature and without a policy.
    FORM_POLICY_MISSING = Reason::new(C::InvalidArgument, "0002-00000702",
        "Post request policy is empty.");
}
