"""Users, policies and temporary credentials with the vendor's SDKs, unmodified."""

import json
from urllib.parse import parse_qsl, urlencode, urlsplit

import alibabacloud_oss_v2 as oss
import oss2
import pytest
import requests

from server import REGION
from users import Users, allow, policy

CONTENT = b"content"


@pytest.fixture
def users(server):
    return Users(server)


@pytest.fixture(params=["v1", "v4"])
def version(request):
    return request.param


def oss2_auth(version, key_id, secret, token=None):
    plain = {"v1": oss2.Auth, "v4": oss2.AuthV4}
    with_token = {
        "v1": lambda *key: oss2.StsAuth(*key),
        "v4": lambda *key: oss2.StsAuth(*key, auth_version="v4"),
    }
    if token is None:
        return plain[version](key_id, secret)
    return with_token[version](key_id, secret, token)


def oss2_bucket(server, owner_bucket, auth):
    return oss2.Bucket(auth, server.endpoint, owner_bucket.bucket_name, region=REGION)


def v2_client(server, version, provider):
    config = oss.config.load_default()
    config.credentials_provider = provider
    config.region = REGION
    config.endpoint = server.endpoint
    config.use_path_style = True
    config.signature_version = version
    return oss.Client(config)


def denied(call):
    with pytest.raises(oss2.exceptions.AccessDenied) as failure:
        call()
    return failure.value.details.get("EC")


@pytest.fixture
def auditor(users, owner_bucket):
    """Whoever may read the referer policy of the bucket, and nothing else."""
    return users.create(allow("oss:GetBucketReferer", owner_bucket.bucket_name))


@pytest.fixture
def a_policy(owner_bucket):
    referer = oss2.models.BucketReferer(False, ["http://good.example"])
    owner_bucket.put_bucket_referer(referer)
    owner_bucket.put_object("object", CONTENT)


def test_oss2_an_auditor_reads_the_policy_alone(server, owner_bucket, auditor, a_policy, version):
    _, key_id, secret = auditor
    bucket = oss2_bucket(server, owner_bucket, oss2_auth(version, key_id, secret))
    assert bucket.get_bucket_referer().referers == ["http://good.example"]
    assert denied(lambda: bucket.put_bucket_referer(oss2.models.BucketReferer(True, []))) == "0003-00000202"
    assert denied(lambda: bucket.get_object("object")) == "0003-00000001"
    assert denied(lambda: bucket.list_objects()) == "0003-00000202"
    assert owner_bucket.get_bucket_referer().referers == ["http://good.example"]


def test_oss2_an_auditor_with_a_token(server, users, owner_bucket, auditor, a_policy, version):
    name, *_ = auditor
    auth = oss2_auth(version, *users.temporary(user=name))
    bucket = oss2_bucket(server, owner_bucket, auth)
    assert bucket.get_bucket_referer().referers == ["http://good.example"]
    assert denied(lambda: bucket.put_bucket_referer(oss2.models.BucketReferer(True, []))) == "0003-00000202"


def test_oss2_a_token_from_a_provider(server, users, owner_bucket, version):
    name = owner_bucket.bucket_name
    key = users.temporary(policy=policy(allow("oss:*", name, f"{name}/*")))

    class Provider(oss2.credentials.CredentialsProvider):
        def get_credentials(self):
            return oss2.credentials.Credentials(*key)

    auth = {"v1": oss2.ProviderAuth, "v4": oss2.ProviderAuthV4}[version](Provider())
    bucket = oss2_bucket(server, owner_bucket, auth)
    bucket.put_object("object", CONTENT)
    assert bucket.get_object("object").read() == CONTENT
    assert [found.key for found in oss2.ObjectIteratorV2(bucket)] == ["object"]
    url = bucket.sign_url("GET", "object", 60, slash_safe=True)
    assert requests.get(url, timeout=60).content == CONTENT
    parts = urlsplit(url)
    kept = [(name, value) for name, value in parse_qsl(parts.query) if "security-token" not in name]
    without = parts._replace(query=urlencode(kept)).geturl()
    assert without != url
    assert requests.get(without, timeout=60).status_code == 403


def test_oss2_a_wrong_token(server, users, owner_bucket, version):
    key_id, secret, _ = users.temporary(policy=policy(allow("*", "*")))
    bucket = oss2_bucket(server, owner_bucket, oss2_auth(version, key_id, secret, "CAIS-wrong"))
    with pytest.raises(oss2.exceptions.ServerError) as failure:
        bucket.get_object("object")
    assert (failure.value.status, failure.value.code) == (403, "InvalidSecurityToken")


def test_oss2_a_bucket_policy(server, users, owner_bucket):
    name, key_id, secret = users.create()
    bucket = oss2_bucket(server, owner_bucket, oss2_auth("v4", key_id, secret))
    owner_bucket.put_object("object", CONTENT)
    with pytest.raises(oss2.exceptions.ServerError) as failure:
        owner_bucket.get_bucket_policy()
    assert (failure.value.status, failure.value.code) == (404, "NoSuchBucketPolicy")
    statement = allow("oss:GetObject", f"{owner_bucket.bucket_name}/*") | {"Principal": [name]}
    owner_bucket.put_bucket_policy(json.dumps(policy(statement)))
    assert json.loads(owner_bucket.get_bucket_policy().policy) == policy(statement)
    assert bucket.get_object("object").read() == CONTENT
    assert denied(lambda: bucket.put_object("object", b"x")) == "0003-00000001"
    statement["Effect"] = "Deny"
    owner_bucket.put_bucket_policy(json.dumps(policy(statement)))
    owner_bucket.put_bucket_acl(oss2.BUCKET_ACL_PUBLIC_READ)
    assert denied(lambda: bucket.get_object("object")) == "0003-00000101"
    owner_bucket.delete_bucket_policy()
    assert bucket.get_object("object").read() == CONTENT
    with pytest.raises(oss2.exceptions.ServerError) as failure:
        owner_bucket.put_bucket_policy(json.dumps(policy(statement | {"Sid": "x"})))
    assert (failure.value.status, failure.value.code) == (400, "InvalidPolicyDocument")


def test_oss2_a_user_lists_its_buckets(server, users, owner_bucket):
    name = owner_bucket.bucket_name
    _, key_id, secret = users.create(allow("oss:ListBuckets", name))
    service = oss2.Service(oss2.AuthV4(key_id, secret), server.endpoint, region=REGION)
    assert [bucket.name for bucket in oss2.BucketIterator(service)] == [name]


def test_oss_v2_an_auditor(server, users, owner_bucket, auditor, a_policy, version):
    name, key_id, secret = auditor
    plain = oss.credentials.StaticCredentialsProvider(key_id, secret)
    temporary = oss.credentials.StaticCredentialsProvider(*users.temporary(user=name))
    for provider in (plain, temporary):
        client = v2_client(server, version, provider)
        request = oss.GetBucketRefererRequest(bucket=owner_bucket.bucket_name)
        got = client.get_bucket_referer(request)
        assert got.referer_configuration.allow_empty_referer is False
        for call in (
            lambda: client.put_bucket_referer(oss.PutBucketRefererRequest(
                bucket=owner_bucket.bucket_name,
                referer_configuration=oss.RefererConfiguration(
                    allow_empty_referer=True, referer_list=oss.RefererList(referers=[])
                ),
            )),
            lambda: client.get_object(
                oss.GetObjectRequest(bucket=owner_bucket.bucket_name, key="object")
            ),
        ):
            with pytest.raises(oss.exceptions.OperationError) as failure:
                call()
            error = failure.value.unwrap()
            assert (error.status_code, error.code) == (403, "AccessDenied")


def test_oss_v2_a_signed_url_with_a_token(server, users, owner_bucket, version):
    name = owner_bucket.bucket_name
    owner_bucket.put_object("object", CONTENT)
    key = users.temporary(policy=policy(allow("oss:GetObject", f"{name}/*")))
    client = v2_client(server, version, oss.credentials.StaticCredentialsProvider(*key))
    signed = client.presign(oss.GetObjectRequest(bucket=name, key="object"))
    assert requests.get(signed.url, timeout=60).content == CONTENT


def test_oss_v2_a_bucket_policy(server, owner_bucket):
    from server import ACCESS_KEY_ID, ACCESS_KEY_SECRET

    owner = oss.credentials.StaticCredentialsProvider(ACCESS_KEY_ID, ACCESS_KEY_SECRET)
    client = v2_client(server, "v4", owner)
    name = owner_bucket.bucket_name
    statement = allow("oss:GetObject", f"{name}/*") | {"Principal": ["*"]}
    text = json.dumps(policy(statement))
    client.put_bucket_policy(oss.PutBucketPolicyRequest(bucket=name, body=text))
    got = client.get_bucket_policy(oss.GetBucketPolicyRequest(bucket=name))
    body = got.body.content if hasattr(got.body, "content") else got.body
    assert json.loads(body) == policy(statement)
    status = client.get_bucket_policy_status(oss.GetBucketPolicyStatusRequest(bucket=name))
    assert status.policy_status.is_public is True
    owner_bucket.put_object("object", CONTENT)
    assert requests.get(f"{server.endpoint}/{name}/object", timeout=60).content == CONTENT
    client.delete_bucket_policy(oss.DeleteBucketPolicyRequest(bucket=name))
    assert requests.get(f"{server.endpoint}/{name}/object", timeout=60).status_code == 403
