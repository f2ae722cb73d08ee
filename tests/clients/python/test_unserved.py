"""Operations of the vendor that are not served, sent by its own SDKs: refused by name, and nothing is
taken for another operation."""

import alibabacloud_oss_v2 as oss
import oss2
import pytest

from hello import HELLO
from test_reference_oss_v2 import BucketOf, make_client

KEY = "kept"


@pytest.fixture
def furnished(bucket):
    bucket.put_object(KEY, HELLO)
    bucket.put_bucket_policy(
        '{"Version":"1","Statement":[{"Effect":"Deny","Action":["oss:PutObject"],'
        f'"Principal":["*"],"Resource":["acs:oss:*:*:{bucket.bucket_name}/secret"]}}]}}')
    return bucket


def assert_untouched(bucket):
    assert bucket.get_object(KEY).read() == HELLO
    assert "secret" in bucket.get_bucket_policy().policy


@pytest.mark.parametrize("params, method", [
    ({"policy": "", "comp": "callback"}, "DELETE"),
    ({"policy": "", "comp": "callback"}, "GET"),
    ({"policy": "", "comp": "callback"}, "PUT"),
    ({"qosInfo": ""}, "DELETE"),
    ({"requesterQosInfo": "", "qosRequester": "1"}, "DELETE"),
    ({"asyncFetch": ""}, "GET"),
    ({"qos": ""}, "PUT"),
    ({"future": ""}, "DELETE"),
    ({"future": ""}, "GET"),
])
def test_oss2_of_a_bucket(furnished, params, method):
    with pytest.raises(oss2.exceptions.OssError) as refused:
        furnished._Bucket__do_bucket(method, params=params)
    assert (refused.value.status, refused.value.code) == (501, "NotImplemented")
    assert_untouched(furnished)


@pytest.mark.parametrize("params, method", [
    ({"future": ""}, "PUT"),
    ({"future": ""}, "DELETE"),
])
def test_oss2_of_an_object(furnished, params, method):
    with pytest.raises(oss2.exceptions.OssError) as refused:
        furnished._Bucket__do_object(method, KEY, params=params)
    assert (refused.value.status, refused.value.code) == (501, "NotImplemented")
    assert_untouched(furnished)


V2 = {
    "put_object_retention": {"key": KEY, "retention": oss.Retention(mode="COMPLIANCE", retain_until_date="2030-01-01T00:00:00.000Z")},
    "put_object_legal_hold": {"key": KEY, "legal_hold": oss.LegalHold(status="ON")},
    "get_object_retention": {"key": KEY},
    "get_object_legal_hold": {"key": KEY},
    "delete_bucket_overwrite_config": {},
    "delete_bucket_storage_quota": {},
    "get_bucket_storage_quota": {},
    "get_bucket_access_monitor": {},
    "get_bucket_versioning": {},
    "delete_bucket_lifecycle": {},
}


@pytest.mark.parametrize("version", ["v1", "v4"])
@pytest.mark.parametrize("operation", V2)
def test_oss_v2(operation, version, place):
    bucket = BucketOf(make_client(place, version), place.bucket)
    bucket.call("put_bucket", acl="private")
    bucket.call("put_object", key=KEY, body=HELLO)
    with pytest.raises(oss.exceptions.OperationError) as raised:
        bucket.call(operation, **V2[operation])
    error = raised.value.unwrap()
    assert (error.status_code, error.code) == (501, "NotImplemented")
    assert bucket.call("get_object", key=KEY).body.content == HELLO


def test_an_object_that_is_to_be_retained_is_not_stored(place):
    bucket = BucketOf(make_client(place, "v4"), place.bucket)
    bucket.call("put_bucket", acl="private")
    with pytest.raises(oss.exceptions.OperationError) as raised:
        bucket.call("put_object", key=KEY, body=HELLO, object_worm_mode="COMPLIANCE",
                    object_worm_retain_until_date="2030-01-01T00:00:00.000Z")
    assert raised.value.unwrap().status_code == 501
    with pytest.raises(oss.exceptions.OperationError) as raised:
        bucket.call("get_object", key=KEY)
    assert raised.value.unwrap().code == "NoSuchKey"
