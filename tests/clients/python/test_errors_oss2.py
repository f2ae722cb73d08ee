"""Refusals as oss2 reports them: the code, the HTTP status and the vendor's number (EC)."""

import oss2
import pytest

from server import ACCESS_KEY_ID, ACCESS_KEY_SECRET, REGION

AUTHS = pytest.mark.parametrize("make_auth", [oss2.Auth, oss2.AuthV4], ids=["v1", "v4"])


def refusal(action):
    with pytest.raises(oss2.exceptions.ServerError) as caught:
        action()
    return caught.value


def facts(error):
    return error.status, error.code, error.ec


def test_a_missing_bucket(server, fresh_name):
    auth = oss2.AuthV4(ACCESS_KEY_ID, ACCESS_KEY_SECRET)
    bucket = oss2.Bucket(auth, server.endpoint, fresh_name, region=REGION)
    for action in (
        bucket.get_bucket_info,
        bucket.get_bucket_referer,
        bucket.list_objects,
        lambda: bucket.get_object("key"),
        lambda: bucket.head_object("key"),
        lambda: bucket.put_object("key", b""),
        # Existence comes before the body is looked at.
        lambda: bucket.put_bucket_referer("not XML"),
    ):
        error = refusal(action)
        assert facts(error) == (404, "NoSuchBucket", "0015-00000101")
        assert error.message == "The specified bucket does not exist."
        assert error.details["BucketName"] == fresh_name


def test_a_missing_key(owner_bucket):
    for action in (owner_bucket.get_object, owner_bucket.head_object):
        error = refusal(lambda: action("no such key"))
        assert isinstance(error, oss2.exceptions.NoSuchKey)
        assert facts(error) == (404, "NoSuchKey", "0026-00000001")
        assert error.details["Key"] == "no such key"


@AUTHS
def test_a_wrong_secret(server, owner_bucket, make_auth):
    auth = make_auth(ACCESS_KEY_ID, "not the secret")
    bucket = oss2.Bucket(auth, server.endpoint, owner_bucket.bucket_name, region=REGION)
    error = refusal(bucket.list_objects)
    assert isinstance(error, oss2.exceptions.SignatureDoesNotMatch)
    assert facts(error) == (403, "SignatureDoesNotMatch", "0002-00000040")
    assert error.details["OSSAccessKeyId"] == ACCESS_KEY_ID
    assert error.details["SignatureProvided"]
    assert error.details["StringToSign"]


@AUTHS
def test_an_unknown_key(server, owner_bucket, make_auth):
    auth = make_auth("nobody", ACCESS_KEY_SECRET)
    bucket = oss2.Bucket(auth, server.endpoint, owner_bucket.bucket_name, region=REGION)
    error = refusal(bucket.list_objects)
    assert facts(error) == (403, "InvalidAccessKeyId", "0002-00000902")


def test_another_region(server, owner_bucket):
    auth = oss2.AuthV4(ACCESS_KEY_ID, ACCESS_KEY_SECRET)
    bucket = oss2.Bucket(auth, server.endpoint, owner_bucket.bucket_name, region="cn-beijing")
    error = refusal(bucket.list_objects)
    assert (error.status, error.code) == (400, "InvalidArgument")
    assert error.message == "Invalid signing region in Authorization header."


def test_a_content_md5_that_is_not_the_bodys(owner_bucket):
    md5_of_nothing = {"Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="}
    error = refusal(lambda: owner_bucket.put_object("key", b"something", headers=md5_of_nothing))
    assert isinstance(error, oss2.exceptions.InvalidDigest)
    assert (error.status, error.code) == (400, "InvalidDigest")
    assert not owner_bucket.object_exists("key")


def test_a_policy_over_twenty_kilobytes(owner_bucket):
    limit = 20 * 1024
    fits = oss2.models.BucketReferer(True, ["w" * (limit - 100)], black_referers=["b" * 100])
    too_long = oss2.models.BucketReferer(True, ["w" * (limit - 100)], black_referers=["b" * 101])
    owner_bucket.put_bucket_referer(fits)
    error = refusal(lambda: owner_bucket.put_bucket_referer(too_long))
    assert (error.status, error.code) == (400, "InlineDataTooLarge")
    assert owner_bucket.get_bucket_referer().black_referers == ["b" * 100]


@pytest.mark.parametrize(
    ("body", "ec"),
    [
        pytest.param("", "0033-00000001", id="nothing"),
        pytest.param("<RefererConfiguration>", "0033-00000001", id="unclosed"),
        pytest.param("<Other/>", "0033-00000001", id="another root"),
        pytest.param(
            "<!DOCTYPE r [<!ENTITY e 'x'>]><RefererConfiguration><AllowEmptyReferer>true"
            "</AllowEmptyReferer><RefererList><Referer>&e;</Referer></RefererList>"
            "</RefererConfiguration>",
            "0033-00000001",
            id="a document type with an entity",
        ),
        pytest.param(
            "<RefererConfiguration><RefererList/></RefererConfiguration>",
            "0033-00000002",
            id="no AllowEmptyReferer",
        ),
        pytest.param(
            "<RefererConfiguration><AllowEmptyReferer>32</AllowEmptyReferer><RefererList/>"
            "</RefererConfiguration>",
            "0033-00000003",
            id="an AllowEmptyReferer that is no boolean",
        ),
        pytest.param(
            "<RefererConfiguration><AllowEmptyReferer>true</AllowEmptyReferer>"
            "</RefererConfiguration>",
            "0033-00000005",
            id="no RefererList",
        ),
    ],
)
def test_a_malformed_policy_leaves_the_old_one(owner_bucket, body, ec):
    owner_bucket.put_bucket_referer(oss2.models.BucketReferer(False, ["http://kept.example"]))
    error = refusal(lambda: owner_bucket.put_bucket_referer(body))
    assert facts(error) == (400, "MalformedXML", ec)
    policy = owner_bucket.get_bucket_referer()
    assert (policy.allow_empty_referer, policy.referers) == (False, ["http://kept.example"])


def test_what_is_not_served_is_named(owner_bucket):
    rule = oss2.models.LifecycleRule(
        "all", "", expiration=oss2.models.LifecycleExpiration(days=1)
    )
    lifecycle = oss2.models.BucketLifecycle([rule])
    for name, action in [
        ("PutBucketLifecycle", lambda: owner_bucket.put_bucket_lifecycle(lifecycle)),
        ("GetBucketWebsite", owner_bucket.get_bucket_website),
        ("GetBucketVersioning", owner_bucket.get_bucket_versioning),
        ("RestoreObject", lambda: owner_bucket.restore_object("archived")),
    ]:
        error = refusal(action)
        assert (error.status, error.code) == (501, "NotImplemented")
        assert name in error.message


def test_a_policy_is_reset_and_never_deleted(owner_bucket):
    error = refusal(
        lambda: owner_bucket._do("DELETE", owner_bucket.bucket_name, "", params={"referer": ""})
    )
    assert (error.status, error.code) == (405, "MethodNotAllowed")
