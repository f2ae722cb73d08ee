"""What clients should not send: names against the rules, bodies that lie, XML that attacks."""

import re
from xml.etree import ElementTree

import alibabacloud_oss_v2 as oss
import oss2
import pytest
import requests

import raw_http
from server import ACCESS_KEY_ID, ACCESS_KEY_SECRET, REGION


@pytest.fixture
def bucket(owner_bucket):
    """A bucket that anybody may write to, so that requests can be made by hand."""
    owner_bucket.put_bucket_acl(oss2.BUCKET_ACL_PUBLIC_READ_WRITE)
    return owner_bucket


def put(server, bucket, path, *headers, body=b"content"):
    """PUTs by hand: the path goes out as it is written here."""
    target = f"PUT /{bucket.bucket_name}/{path} HTTP/1.1".encode()
    length = b"Content-Length: %d" % len(body)
    return raw_http.send(server.data, [target, b"Host: 127.0.0.1", *headers, length], body)


def code(answer):
    return ElementTree.fromstring(answer.body).findtext("Code")


def keys(bucket):
    return [found.key for found in oss2.ObjectIteratorV2(bucket)]


def assert_alive(server):
    assert requests.get(f"http://{server.admin}/healthz").status_code == 200


# --- names -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("a/../b", "a/../b"),
        ("a/%2e%2e/b", "a/../b"),
        ("../../etc/passwd", "../../etc/passwd"),
        ("..%2f..%2fetc%2fpasswd", "../../etc/passwd"),
        (".", "."),
        ("..", ".."),
        ("a//b", "a//b"),
        ("a/./b/", "a/./b/"),
        ("%252e%252e", "%2e%2e"),
        ("C:%5Cwindows", "C:\\windows"),
        ("a+b", "a+b"),
        ("k" * 1023, "k" * 1023),
    ],
)
def test_dots_and_slashes_in_a_key_mean_themselves(server, bucket, path, key):
    assert put(server, bucket, path).status == 200
    assert keys(bucket) == [key]
    assert raw_http.get(server.data, f"/{bucket.bucket_name}/{path}").body == b"content"


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("%00", id="NUL"),
        pytest.param("a%00.png", id="NUL inside"),
        pytest.param("k" * 1024, id="a byte too long"),
        pytest.param("%E4%B8%AD" * 342, id="too long in bytes, not in characters"),
        pytest.param("/leading", id="a leading slash"),
        pytest.param("%2Fleading", id="a leading slash, escaped"),
        pytest.param("%5Cleading", id="a leading backslash"),
        pytest.param("%FF", id="not UTF-8"),
        pytest.param("%ED%A0%80", id="half a surrogate pair"),
    ],
)
def test_a_key_against_the_rules_is_refused(server, bucket, path):
    answer = put(server, bucket, path)
    assert (answer.status, code(answer)) == (400, "InvalidObjectName")
    assert keys(bucket) == []


@pytest.mark.parametrize("path", ["%", "%2", "%zz"])
def test_half_an_escape_is_refused(server, bucket, path):
    assert put(server, bucket, path).status == 400
    assert keys(bucket) == []


def test_a_control_character_in_a_key_survives_a_listing(server, bucket):
    answer = put(server, bucket, "a%01%0Ab")
    assert answer.status in (200, 400)
    assert keys(bucket) == (["a\x01\nb"] if answer.status == 200 else [])


@pytest.mark.parametrize(
    "name", ["ab", "a" * 64, "Upper-case", "under_score", "-edge", "edge-", "do.t", "%00abc", "..."]
)
def test_a_bucket_name_against_the_rules_is_refused(server, name):
    answer = raw_http.get(server.data, f"/{name}/key")
    assert (answer.status, code(answer)) == (400, "InvalidBucketName")


# --- heads and bodies --------------------------------------------------------------------------


def test_a_body_without_a_length_is_refused(server, bucket):
    target = f"PUT /{bucket.bucket_name}/key HTTP/1.1".encode()
    answer = raw_http.send(server.data, [target, b"Host: 127.0.0.1"])
    # Without a length there is no body: OSS asks for one, and an empty object would be a guess.
    assert (answer.status, code(answer)) == (411, "MissingContentLength")
    assert keys(bucket) == []


@pytest.mark.parametrize("length", [b"-1", b"ten", b"1, 2", b"99999999999999999999999"])
def test_a_length_that_is_none_is_refused(server, bucket, length):
    target = f"PUT /{bucket.bucket_name}/key HTTP/1.1".encode()
    lines = [target, b"Host: 127.0.0.1", b"Content-Length: " + length]
    assert 400 <= raw_http.send(server.data, lines, b"x").status < 500
    assert keys(bucket) == []
    assert_alive(server)


def test_a_body_that_ends_early_leaves_no_object(server, bucket):
    target = f"PUT /{bucket.bucket_name}/key HTTP/1.1".encode()
    raw_http.send_and_hang_up(
        server.data, [target, b"Host: 127.0.0.1", b"Content-Length: 1000"], b"only this"
    )
    assert put(server, bucket, "other").status == 200
    assert keys(bucket) == ["other"]


def test_very_long_headers_are_refused(server, bucket):
    path = f"/{bucket.bucket_name}/key"
    answer = raw_http.get(server.data, path, b"x-long: " + b"x" * 300_000)
    assert answer.status in (400, 431)
    assert_alive(server)


def test_two_signatures_at_once_are_refused(bucket):
    bucket.put_object("key", b"content")
    url = bucket.sign_url("GET", "key", 60)
    answer = requests.get(url, headers={"Authorization": "OSS test-access-key-id:c2lnbmF0dXJl"})
    assert (answer.status_code, "<Code>InvalidArgument</Code>" in answer.text) == (400, True)


def test_an_override_cannot_add_a_header(bucket):
    bucket.put_object("key", b"content")
    for breaking in ("text/plain\r\nX-Evil: 1", "text/plain\nX-Evil: 1", "a\x00b"):
        url = bucket.sign_url("GET", "key", 60, params={"response-content-type": breaking})
        answer = requests.get(url)
        assert answer.status_code == 400
        assert "X-Evil" not in answer.headers


# --- policies ----------------------------------------------------------------------------------


def policy(inside="", lists="<RefererList/>"):
    return (
        "<RefererConfiguration><AllowEmptyReferer>true</AllowEmptyReferer>"
        f"{lists}{inside}</RefererConfiguration>"
    )


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("<!DOCTYPE x>" + policy(), id="a document type"),
        pytest.param(
            '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
            + policy(lists="<RefererList><Referer>&b;</Referer></RefererList>"),
            id="entities in entities",
        ),
        pytest.param(
            '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>'
            + policy(lists="<RefererList><Referer>&f;</Referer></RefererList>"),
            id="an entity that reads a file",
        ),
        pytest.param("<a>" * 100_000, id="very deep"),
        pytest.param(policy("<AllowEmptyReferer>false</AllowEmptyReferer>"), id="an element twice"),
        pytest.param(policy("<RefererList/>"), id="a list twice"),
        pytest.param(policy("<TruncatePath>maybe</TruncatePath>"), id="a bad TruncatePath"),
        pytest.param(policy() + policy(), id="two roots"),
        pytest.param(policy("<RefererBlacklist>"), id="unclosed"),
        pytest.param('<?xml version="1.0" encoding="UTF-16"?>' + policy(), id="a wrong charset"),
        pytest.param(policy().encode("utf-16"), id="another charset"),
        pytest.param(policy().encode() + b"\xff", id="bytes that are no text"),
    ],
)
def test_hostile_xml_is_malformed(server, owner_bucket, body):
    with pytest.raises(oss.exceptions.OperationError) as caught:
        put_policy_bytes(server, owner_bucket, body if isinstance(body, bytes) else body.encode())
    error = caught.value.unwrap()
    assert (error.status_code, error.code) == (400, "MalformedXML")
    assert "root:" not in str(error)
    assert_alive(server)


def put_policy_bytes(server, bucket, body):
    """PutBucketReferer with any bytes: oss2 would decode them, the newer SDK does not look."""
    credentials = oss.credentials.StaticCredentialsProvider(ACCESS_KEY_ID, ACCESS_KEY_SECRET)
    client = oss.Client(
        oss.config.Config(
            region=REGION, endpoint=server.endpoint, credentials_provider=credentials
        )
    )
    return client.invoke_operation(
        oss.OperationInput(
            op_name="PutBucketReferer",
            method="PUT",
            bucket=bucket.bucket_name,
            parameters={"referer": ""},
            body=body,
        )
    )


def test_a_policy_of_megabytes_is_too_large(owner_bucket):
    entry = "<Referer>http://a.example</Referer>"
    body = policy(lists=f"<RefererList>{entry * 60_000}</RefererList>")
    with pytest.raises(oss2.exceptions.ServerError) as caught:
        owner_bucket.put_bucket_referer(body)
    assert (caught.value.status, caught.value.code) == (400, "InlineDataTooLarge")
    assert owner_bucket.get_bucket_referer().referers == []


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(
            "<RefererConfiguration><RefererList><Referer>{}</Referer></RefererList>"
            "<AllowEmptyReferer>false</AllowEmptyReferer></RefererConfiguration>",
            id="another order",
        ),
        pytest.param(
            '<?xml version="1.0" encoding="utf-8"?>\n<RefererConfiguration>\n'
            "  <AllowEmptyReferer> FALSE </AllowEmptyReferer>\n"
            "  <RefererList>\n    <Referer> {} </Referer>\n    <Referer></Referer>\n"
            "    <Referer/>\n  </RefererList>\n  <RefererBlacklist>\n  </RefererBlacklist>\n"
            "</RefererConfiguration>\n",
            id="white space and empty entries",
        ),
        pytest.param(
            '<RefererConfiguration xmlns="http://doc.oss-cn-hangzhou.aliyuncs.com">'
            "<AllowEmptyReferer>false</AllowEmptyReferer><Unknown><Deep/></Unknown>"
            "<RefererList><Referer>{}</Referer></RefererList></RefererConfiguration>",
            id="a namespace and an unknown element",
        ),
    ],
)
def test_what_sdks_send_is_tolerated(owner_bucket, body):
    # A bare "&" is what the SDKs for Java, C++ and Node.js make of a query.
    entry = "http://a.example/?x=1&y=2&&amp;z"
    owner_bucket.put_bucket_referer(body.format(entry))
    found = owner_bucket.get_bucket_referer()
    assert (found.allow_empty_referer, found.referers) == (False, ["http://a.example/?x=1&y=2&&z"])
    assert found.black_referers == []


def test_request_ids_differ(server):
    ids = {requests.get(server.endpoint).headers["x-oss-request-id"] for _ in range(20)}
    assert len(ids) == 20
    assert all(re.fullmatch("[0-9A-F]{24}", request_id) for request_id in ids)
