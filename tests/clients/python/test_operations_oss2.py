"""The operations on objects with oss2, with Signature V1 and V4, by path, virtual host and CNAME."""

import base64
import hashlib
import re

import oss2
import pytest
import requests

from hello import HELLO, HELLO_CRC64, HELLO_MD5

AWKWARD_KEYS = [
    "plain.txt",
    "folder/in/folder.txt",
    "with space.txt",
    "plus+plus.txt",
    "percent%25and%zz.txt",
    "amp&lt<gt>quote\"apostrophe'.xml",
    "question?and#hash=1.txt",
    "中文/ключ/clé.txt",
    "emoji-\N{CAT FACE}.gif",
    "dots/../and/./dots",
    "double//slash",
    "tilde~star*(parens)!semi;colon:at@dollar$comma,",
]


# --- objects -----------------------------------------------------------------------------------


def test_put_answers_with_digests_that_are_right(bucket):
    put = bucket.put_object("hello", HELLO)
    assert put.etag == HELLO_MD5
    assert put.crc == HELLO_CRC64
    md5 = base64.b64encode(bytes.fromhex(HELLO_MD5)).decode()
    assert put.headers["Content-MD5"] == md5


def test_a_right_content_md5_is_accepted(bucket):
    content = b"x" * 100_000
    md5 = base64.b64encode(hashlib.md5(content).digest()).decode()
    assert bucket.put_object("checked", content, headers={"Content-MD5": md5}).status == 200


def test_get_passes_the_clients_own_crc_check(bucket):
    content = bytes(range(256)) * 5000
    bucket.put_object("big", content)
    got = bucket.get_object("big")
    assert got.read() == content
    assert got.client_crc == got.server_crc


def test_head_and_get_agree_on_the_headers(bucket):
    bucket.put_object("hello.txt", HELLO)
    head, get = bucket.head_object("hello.txt"), bucket.get_object("hello.txt")
    assert head.object_type == "Normal"
    assert head.content_length == get.content_length == len(HELLO)
    assert head.etag == get.etag == HELLO_MD5
    assert head.server_crc == get.server_crc == HELLO_CRC64
    assert head.last_modified == get.last_modified
    assert head.headers["x-oss-storage-class"] == "Standard"
    assert head.headers["Accept-Ranges"] == "bytes"
    assert get.headers["X-Content-Type-Options"] == "nosniff"
    assert get.headers["Server"] == "AliyunOSS"
    assert re.fullmatch("[0-9A-F]{24}", get.request_id)
    assert get.read() == HELLO


def test_object_meta_is_the_short_head(bucket):
    bucket.put_object("hello", HELLO)
    meta = bucket.get_object_meta("hello")
    assert (meta.etag, meta.content_length) == (HELLO_MD5, len(HELLO))
    assert bucket.object_exists("hello")
    assert not bucket.object_exists("no such key")


def test_an_empty_object_is_an_object(bucket):
    assert bucket.put_object("empty", b"").crc == 0
    assert bucket.get_object("empty").read() == b""
    assert bucket.head_object("empty").content_length == 0


@pytest.mark.parametrize("key", AWKWARD_KEYS)
def test_a_key_is_kept_byte_for_byte(bucket, key):
    content = key.encode()
    bucket.put_object(key, content)
    assert bucket.get_object(key).read() == content
    assert bucket.head_object(key).content_length == len(content)
    url = bucket.sign_url("GET", key, 60)
    assert requests.get(url).content == content
    assert [found.key for found in oss2.ObjectIterator(bucket)] == [key]
    assert [found.key for found in oss2.ObjectIteratorV2(bucket)] == [key]
    bucket.delete_object(key)
    assert not bucket.object_exists(key)


def test_keys_that_differ_in_case_or_unicode_form_are_different_keys(bucket):
    keys = ["cat", "Cat", "caf\u00e9", "cafe\u0301"]
    for key in keys:
        bucket.put_object(key, ascii(key))
    assert [bucket.get_object(key).read() for key in keys] == [ascii(k).encode() for k in keys]


def test_an_overwritten_object_is_the_new_one(bucket):
    bucket.put_object("key", b"old", headers={"x-oss-meta-age": "old"})
    bucket.put_object("key", b"newer")
    got = bucket.get_object("key")
    assert (got.read(), "x-oss-meta-age" in got.headers) == (b"newer", False)


def test_forbid_overwrite_keeps_the_first(bucket):
    once = {"x-oss-forbid-overwrite": "true"}
    bucket.put_object("key", b"first", headers=once)
    with pytest.raises(oss2.exceptions.ServerError) as caught:
        bucket.put_object("key", b"second", headers=once)
    assert (caught.value.status, caught.value.code) == (409, "FileAlreadyExists")
    assert bucket.get_object("key").read() == b"first"


def test_metadata_and_content_headers_come_back(bucket):
    headers = {
        "x-oss-meta-author": "Alice",
        "x-oss-meta-motto": "two words",
        "Content-Type": "text/html; charset=utf-8",
        "Cache-Control": "max-age=60",
        "Content-Disposition": 'attachment; filename="a b.html"',
        "Content-Encoding": "identity",
        "Content-Language": "zh-CN",
        "Expires": "Fri, 28 Feb 2031 05:38:42 GMT",
    }
    bucket.put_object("page", b"<html></html>", headers=headers)
    for answer in (bucket.head_object("page"), bucket.get_object("page")):
        assert {name: answer.headers.get(name) for name in headers} == headers


def test_delete_is_silent_about_a_missing_key(bucket):
    assert bucket.delete_object("never was").status == 204


def test_batch_delete_takes_any_key(bucket):
    keys = [*AWKWARD_KEYS, "never was"]
    for key in AWKWARD_KEYS:
        bucket.put_object(key, b"x")
    bucket.put_object("kept", b"x")
    assert sorted(bucket.batch_delete_objects(keys).deleted_keys) == sorted(keys)
    assert [found.key for found in oss2.ObjectIterator(bucket)] == ["kept"]


# --- ranges and conditions ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "content", "content_range"),
    [
        pytest.param((0, 4), b"hello", "bytes 0-4/11", id="the first bytes"),
        pytest.param((6, None), b"world", "bytes 6-10/11", id="from a byte on"),
        pytest.param((None, 5), b"world", "bytes 6-10/11", id="the last bytes"),
        pytest.param((10, 10), b"d", "bytes 10-10/11", id="one byte"),
    ],
)
def test_a_range_is_a_part(bucket, wanted, content, content_range):
    bucket.put_object("hello", HELLO)
    got = bucket.get_object("hello", byte_range=wanted)
    assert (got.status, got.read(), got.content_range) == (206, content, content_range)
    assert got.content_length == len(content)


@pytest.mark.parametrize(
    "invalid", ["bytes=6-99", "bytes=100-200", "bytes=5-1", "bytes=a-b", "lines=1-2", "bytes=", "bytes=-"]
)
def test_an_invalid_range_is_the_whole_object(bucket, invalid):
    bucket.put_object("hello", HELLO)
    got = bucket.get_object("hello", headers={"Range": invalid})
    assert (got.status, got.read()) == (200, HELLO)


def test_the_range_behaviour_of_the_http_standard_can_be_asked_for(bucket):
    bucket.put_object("hello", HELLO)
    standard = {"x-oss-range-behavior": "standard"}
    got = bucket.get_object("hello", byte_range=(6, 99), headers=standard)
    assert (got.status, got.read(), got.content_range) == (206, b"world", "bytes 6-10/11")
    with pytest.raises(oss2.exceptions.ServerError) as caught:
        bucket.get_object("hello", byte_range=(100, 200), headers=standard)
    assert (caught.value.status, caught.value.code) == (416, "InvalidRange")


def test_conditions_are_obeyed(bucket):
    bucket.put_object("hello", HELLO)
    modified = bucket.head_object("hello").headers["Last-Modified"]
    long_ago = "Fri, 01 Jan 2010 00:00:00 GMT"
    table = [
        ("If-Match", f'"{HELLO_MD5}"', 200),
        ("If-Match", '"00000000000000000000000000000000"', 412),
        ("If-None-Match", f'"{HELLO_MD5}"', 304),
        ("If-None-Match", '"00000000000000000000000000000000"', 200),
        ("If-Modified-Since", modified, 304),
        ("If-Modified-Since", long_ago, 200),
        ("If-Unmodified-Since", modified, 200),
        ("If-Unmodified-Since", long_ago, 412),
    ]
    for header, value, want in table:
        assert status_of(lambda: bucket.get_object("hello", headers={header: value})) == want, header
        assert status_of(lambda: bucket.head_object("hello", headers={header: value})) == want, header


def status_of(action):
    try:
        return action().status
    except oss2.exceptions.ServerError as error:
        return error.status


OVERRIDES = {
    "response-content-type": "text/plain; charset=utf-8",
    "response-content-disposition": 'attachment; filename="cat & dog.txt"',
    "response-cache-control": "no-cache",
    "response-content-language": "en",
    "response-content-encoding": "identity",
    "response-expires": "Fri, 28 Feb 2031 05:38:42 GMT",
}


def test_a_signed_request_can_override_response_headers(bucket):
    bucket.put_object("hello", HELLO)
    url = bucket.sign_url("GET", "hello", 60, params=dict(OVERRIDES))
    for answer in (requests.get(url), bucket.get_object("hello", params=dict(OVERRIDES))):
        for parameter, value in OVERRIDES.items():
            assert answer.headers[parameter.removeprefix("response-")] == value


def test_an_anonymous_request_cannot(bucket, stranger):
    bucket.put_bucket_acl(oss2.BUCKET_ACL_PUBLIC_READ)
    bucket.put_object("hello", HELLO)
    with pytest.raises(oss2.exceptions.InvalidRequest):
        stranger.get_object("hello", params={"response-content-type": "text/html"})
