"""Uploads by HTML forms, made by hand as the manual shows it, sent by requests."""

import base64
import datetime
import hashlib
import hmac
import json
import xml.etree.ElementTree as ElementTree

import oss2
import pytest
import requests

import denials
from server import ACCESS_KEY_ID, ACCESS_KEY_SECRET, REGION

KEY = "user/alice/${filename}"
STORED = "user/alice/note.txt"
CONTENT = b"hello from a form"
UNMET = "0006-00000227"


@pytest.fixture
def bucket(place):
    auth = oss2.AuthV4(ACCESS_KEY_ID, ACCESS_KEY_SECRET)
    bucket = oss2.Bucket(auth, place.endpoint, place.bucket, is_cname=place.is_cname, region=REGION)
    bucket.create_bucket()
    return bucket


def encoded(bucket, *conditions, seconds=60):
    end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)
    policy = {
        "expiration": end.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "conditions": [{"bucket": bucket.bucket_name}, *conditions],
    }
    return base64.b64encode(json.dumps(policy).encode()).decode()


def signed_v1(policy):
    """The appendix "Post Signature" of PostObject."""
    digest = hmac.new(ACCESS_KEY_SECRET.encode(), policy.encode(), hashlib.sha1).digest()
    return {
        "OSSAccessKeyId": ACCESS_KEY_ID,
        "policy": policy,
        "Signature": base64.b64encode(digest).decode(),
    }


def signed_v4(policy):
    """The sample of "POST V4 signature"."""
    now = datetime.datetime.now(datetime.UTC)
    date = now.strftime("%Y%m%d")
    key = f"aliyun_v4{ACCESS_KEY_SECRET}".encode()
    for part in (date, REGION, "oss", "aliyun_v4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return {
        "policy": policy,
        "x-oss-signature-version": "OSS4-HMAC-SHA256",
        "x-oss-credential": f"{ACCESS_KEY_ID}/{date}/{REGION}/oss/aliyun_v4_request",
        "x-oss-date": now.strftime("%Y%m%dT%H%M%SZ"),
        "x-oss-signature": hmac.new(key, policy.encode(), hashlib.sha256).hexdigest(),
    }


@pytest.fixture(params=[signed_v1, signed_v4], ids=["v1", "v4"])
def sign(request):
    return request.param


def post(bucket, fields, content=CONTENT, **headers):
    return requests.post(
        bucket._make_url(bucket.bucket_name, ""),
        data={"key": KEY, **fields},
        files={"file": ("note.txt", content, "text/plain")},
        headers=headers,
        allow_redirects=False,
    )


def outcome(answer):
    code = ElementTree.fromstring(answer.content).findtext("Code")
    return (answer.status_code, code, answer.headers.get("x-oss-ec"))


def test_a_form_writes_what_it_says(bucket, sign):
    policy = encoded(
        bucket,
        ["starts-with", "$key", "user/alice/"],
        ["content-length-range", 1, 1024],
        ["in", "$content-type", ["text/plain", "text/csv"]],
        {"x-oss-meta-mood": "good"},
        {"success_action_status": "201"},
    )
    fields = {
        **sign(policy),
        "x-oss-meta-mood": "good",
        "success_action_status": "201",
        "Cache-Control": "no-cache",
        "x-oss-object-acl": "private",
        "x-oss-tagging": "a=1",
        "x-oss-forbid-overwrite": "true",
    }
    answer = post(bucket, fields)
    assert answer.status_code == 201, answer.text
    told = {element.tag: element.text for element in ElementTree.fromstring(answer.content)}
    found = bucket.get_object(STORED)
    assert found.read() == CONTENT
    assert found.headers["x-oss-meta-mood"] == "good"
    assert found.headers["Cache-Control"] == "no-cache"
    assert found.headers["Content-Type"] == "text/plain"
    assert bucket.get_object_acl(STORED).acl == "private"
    assert bucket.get_object_tagging(STORED).tag_set.tagging_rule == {"a": "1"}
    assert told["Bucket"] == bucket.bucket_name
    assert told["Key"] == STORED
    assert told["ETag"] == found.headers["ETag"] == answer.headers["ETag"]
    assert told["Location"].endswith(f"/{STORED}")
    assert int(answer.headers["x-oss-hash-crc64ecma"]) == found.server_crc

    assert outcome(post(bucket, fields, b"again"))[:2] == (409, "FileAlreadyExists")
    assert bucket.get_object(STORED).read() == CONTENT


def test_a_form_sends_the_client_on(bucket, sign):
    url = "http://page.example/done?lang=en"
    policy = encoded(bucket, ["starts-with", "$key", ""], ["eq", "$success_action_redirect", url])
    answer = post(bucket, {**sign(policy), "success_action_redirect": url})
    assert answer.status_code == 303, answer.text
    etag = hashlib.md5(CONTENT).hexdigest().upper()
    said = f"bucket={bucket.bucket_name}&key=user%2Falice%2Fnote.txt&etag=%22{etag}%22"
    assert answer.headers["Location"] == f"{url}&{said}"
    assert bucket.get_object(STORED).read() == CONTENT


@pytest.mark.parametrize(
    "condition, seconds, status, code, ec",
    [
        (["starts-with", "$key", "user/bob/"], 60, 403, "AccessDenied", UNMET),
        ({"x-oss-object-acl": "private"}, 60, 403, "AccessDenied", UNMET),
        ({"bucket": "another"}, 60, 403, "AccessDenied", UNMET),
        (["content-length-range", 0, 5], 60, 400, "EntityTooLarge", "0006-00000003"),
        (["content-length-range", 100, 200], 60, 400, "EntityTooSmall", "0006-00000004"),
        (["content-length-range", 0, 100], -60, 403, "AccessDenied", "0006-00000213"),
        (["ends-with", "$key", ".txt"], 60, 400, "InvalidPolicyDocument", "0006-00000216"),
    ],
)
def test_what_the_policy_does_not_allow_is_refused(bucket, sign, condition, seconds, status, code, ec):
    fields = sign(encoded(bucket, condition, seconds=seconds))
    assert outcome(post(bucket, fields)) == (status, code, ec)
    assert not bucket.object_exists(STORED)


def test_who_did_not_sign_may_write_where_everybody_may(bucket, sign):
    denied = (403, "AccessDenied", "0003-00000001")
    assert outcome(post(bucket, {})) == denied
    # What stands in a header is no signature of a form, and another policy is not what was signed.
    auth = oss2.Auth(ACCESS_KEY_ID, ACCESS_KEY_SECRET)
    request = oss2.http.Request("POST", "http://x/")
    auth._sign_request(request, bucket.bucket_name, "")
    by_header = {name: request.headers[name] for name in ("authorization", "date")}
    assert outcome(post(bucket, {}, **by_header)) == denied
    forged = {**sign(encoded(bucket)), "policy": encoded(bucket, {"key": KEY})}
    mismatch = (403, "SignatureDoesNotMatch", "0002-00000040")
    assert outcome(post(bucket, forged)) == mismatch
    assert not bucket.object_exists(STORED)

    bucket.put_bucket_acl(oss2.BUCKET_ACL_PUBLIC_READ_WRITE)
    assert outcome(post(bucket, forged)) == mismatch
    assert post(bucket, {}).status_code == 204
    assert bucket.get_object(STORED).read() == CONTENT


def test_the_referer_policy_is_asked(bucket, sign):
    bucket.put_bucket_referer(oss2.models.BucketReferer(False, ["http://app.example/"]))
    fields = sign(encoded(bucket))
    assert outcome(post(bucket, fields)) == (403, "AccessDenied", denials.EMPTY_REFERER)
    thief = post(bucket, fields, Referer="http://thief.example/")
    assert outcome(thief) == (403, "AccessDenied", denials.NOT_WHITELISTED)
    assert not bucket.object_exists(STORED)
    assert post(bucket, fields, Referer="http://app.example/").status_code == 204
