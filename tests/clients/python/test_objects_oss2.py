"""Copies, ACLs, symlinks and tags of objects with oss2, with Signature V1 and V4, by path, virtual
host and CNAME."""

import oss2
import pytest
from oss2.headers import OSS_OBJECT_TAGGING, OSS_OBJECT_TAGGING_COPY_DIRECTIVE
from oss2.models import Tagging, TaggingRule

from hello import HELLO, HELLO_CRC64, HELLO_MD5
from server import ACCESS_KEY_ID, ACCESS_KEY_SECRET, REGION

KEY = "folder/cat + dog 中文?.txt"


@pytest.fixture
def bucket(bucket):
    """The bucket with an object."""
    bucket.put_object(
        KEY, HELLO, headers={"Content-Type": "text/plain", "x-oss-meta-author": "alice"}
    )
    return bucket


@pytest.fixture
def another(server, fresh_name):
    """A second bucket, in path style."""
    auth = oss2.AuthV4(ACCESS_KEY_ID, ACCESS_KEY_SECRET)
    bucket = oss2.Bucket(auth, server.endpoint, f"{fresh_name}-too", region=REGION)
    bucket.create_bucket()
    return bucket


# --- copies ------------------------------------------------------------------------------------


def test_a_copy_is_the_same(bucket):
    copied = bucket.copy_object(bucket.bucket_name, KEY, "copy")
    assert copied.etag == HELLO_MD5
    assert int(copied.headers["x-oss-hash-crc64ecma"]) == HELLO_CRC64
    got = bucket.get_object("copy")
    assert got.read() == HELLO
    assert got.headers["x-oss-meta-author"] == "alice"
    assert got.headers["Content-Type"] == "text/plain"
    assert got.headers["x-oss-object-type"] == "Normal"


def test_a_copy_into_another_bucket_outlives_its_source(bucket, another):
    another.copy_object(bucket.bucket_name, KEY, KEY)
    bucket.delete_object(KEY)
    assert another.get_object(KEY).read() == HELLO


def test_a_copy_has_new_headers_if_it_is_told(bucket):
    headers = {"x-oss-metadata-directive": "REPLACE", "x-oss-meta-author": "bob"}
    bucket.copy_object(bucket.bucket_name, KEY, "copy", headers=headers)
    assert bucket.head_object("copy").headers["x-oss-meta-author"] == "bob"
    assert bucket.head_object("copy").content_type == "application/octet-stream"


def test_metadata_is_updated_by_a_copy_onto_itself(bucket):
    # What update_object_meta does.
    bucket.update_object_meta(KEY, {"x-oss-meta-author": "carol", "Content-Type": "text/css"})
    head = bucket.head_object(KEY)
    assert (head.headers["x-oss-meta-author"], head.content_type) == ("carol", "text/css")
    assert bucket.get_object(KEY).read() == HELLO


@pytest.mark.parametrize(
    "condition, error",
    [
        ({"x-oss-copy-source-if-match": "0"}, oss2.exceptions.PreconditionFailed),
        ({"x-oss-copy-source-if-none-match": HELLO_MD5}, oss2.exceptions.NotModified),
        (
            {"x-oss-copy-source-if-modified-since": "Fri, 01 Jan 2100 00:00:00 GMT"},
            oss2.exceptions.NotModified,
        ),
        (
            {"x-oss-copy-source-if-unmodified-since": "Thu, 01 Jan 1970 00:00:01 GMT"},
            oss2.exceptions.PreconditionFailed,
        ),
    ],
)
def test_conditions_of_a_copy(bucket, condition, error):
    with pytest.raises(error):
        bucket.copy_object(bucket.bucket_name, KEY, "copy", headers=condition)
    assert not bucket.object_exists("copy")


def test_errors_of_a_copy(bucket):
    with pytest.raises(oss2.exceptions.NoSuchKey):
        bucket.copy_object(bucket.bucket_name, "absent", "copy")
    with pytest.raises(oss2.exceptions.NoSuchBucket):
        bucket.copy_object("no-such-bucket-of-tests", KEY, "copy")
    bucket.put_object("there", b"old")
    with pytest.raises(oss2.exceptions.ServerError) as raised:
        forbid = {"x-oss-forbid-overwrite": "true"}
        bucket.copy_object(bucket.bucket_name, KEY, "there", headers=forbid)
    assert raised.value.code == "FileAlreadyExists"
    assert bucket.get_object("there").read() == b"old"


# --- ACLs --------------------------------------------------------------------------------------


def readable(stranger, key):
    try:
        return stranger.get_object(key).read() == HELLO
    except oss2.exceptions.AccessDenied:
        return False


def test_an_acl_of_an_object_overrules_its_bucket(bucket, stranger):
    assert bucket.get_object_acl(KEY).acl == oss2.OBJECT_ACL_DEFAULT
    assert not readable(stranger, KEY)
    bucket.put_object_acl(KEY, oss2.OBJECT_ACL_PUBLIC_READ)
    assert bucket.get_object_acl(KEY).acl == oss2.OBJECT_ACL_PUBLIC_READ
    assert readable(stranger, KEY)

    bucket.put_bucket_acl(oss2.BUCKET_ACL_PUBLIC_READ)
    bucket.put_object_acl(KEY, oss2.OBJECT_ACL_PRIVATE)
    assert not readable(stranger, KEY)
    bucket.put_object_acl(KEY, oss2.OBJECT_ACL_DEFAULT)
    assert readable(stranger, KEY)


def test_an_acl_comes_with_an_upload_and_goes_with_the_next(bucket, stranger):
    acl = {"x-oss-object-acl": oss2.OBJECT_ACL_PUBLIC_READ_WRITE}
    bucket.put_object(KEY, HELLO, headers=acl)
    assert readable(stranger, KEY)
    stranger.put_object(KEY, HELLO)
    assert not readable(stranger, KEY)
    assert bucket.get_object_acl(KEY).acl == oss2.OBJECT_ACL_DEFAULT


# --- symlinks ----------------------------------------------------------------------------------


def test_a_symlink_is_read_as_its_target(bucket):
    made = bucket.put_symlink(KEY, "link", headers={"x-oss-meta-author": "linker"})
    assert made.status == 200
    assert bucket.get_symlink("link").target_key == KEY
    got = bucket.get_object("link")
    assert got.read() == HELLO
    assert got.headers["x-oss-meta-author"] == "linker"
    head = bucket.head_object("link")
    assert (head.etag, head.content_length) == (HELLO_MD5, len(HELLO))
    assert head.object_type == "Symlink"
    assert bucket.get_object("link", byte_range=(6, 10)).read() == b"world"

    [listed] = bucket.list_objects(prefix="link").object_list
    assert listed.type == "Symlink"
    bucket.delete_object("link")
    assert bucket.get_object(KEY).read() == HELLO


def test_symlinks_that_lead_nowhere(bucket):
    bucket.put_symlink("absent", "dangling")
    with pytest.raises(oss2.exceptions.ServerError) as raised:
        bucket.get_object("dangling")
    assert (raised.value.status, raised.value.code) == (404, "SymlinkTargetNotExist")
    bucket.put_symlink("dangling", "twice")
    with pytest.raises(oss2.exceptions.ServerError) as raised:
        bucket.get_object("twice")
    assert (raised.value.status, raised.value.code) == (400, "InvalidTargetType")
    with pytest.raises(oss2.exceptions.ServerError) as raised:
        bucket.get_symlink(KEY)
    assert (raised.value.status, raised.value.code) == (400, "NotSymlink")


# --- tags --------------------------------------------------------------------------------------


def rule_of(pairs):
    rule = TaggingRule()
    for key, value in pairs.items():
        rule.add(key, value)
    return rule


def tags_of(bucket, key):
    return bucket.get_object_tagging(key).tag_set.tagging_rule


def test_tags_are_put_read_and_deleted(bucket):
    assert tags_of(bucket, KEY) == {}
    pairs = {128 * "a": 256 * "b", "+-.:": "_/", "empty": "", "中文": " =+"}
    bucket.put_object_tagging(KEY, Tagging(rule_of(pairs)))
    assert tags_of(bucket, KEY) == pairs
    assert bucket.head_object(KEY).headers["x-oss-tagging-count"] == "4"
    assert bucket.delete_object_tagging(KEY).status == 204
    assert tags_of(bucket, KEY) == {}


def test_tags_come_with_what_is_written(bucket):
    rule = rule_of({"key1": "value1", "+-/": ":+:"})
    headers = {OSS_OBJECT_TAGGING: rule.to_query_string()}
    bucket.put_object("tagged", HELLO, headers=headers)
    assert tags_of(bucket, "tagged") == {"key1": "value1", "+-/": ":+:"}
    bucket.put_symlink("tagged", "link", headers=headers)
    assert tags_of(bucket, "link") == {"key1": "value1", "+-/": ":+:"}

    bucket.copy_object(bucket.bucket_name, "tagged", "copy")
    assert tags_of(bucket, "copy") == {"key1": "value1", "+-/": ":+:"}
    headers = {OSS_OBJECT_TAGGING: "of=copy", OSS_OBJECT_TAGGING_COPY_DIRECTIVE: "REPLACE"}
    bucket.copy_object(bucket.bucket_name, "tagged", "copy", headers=headers)
    assert tags_of(bucket, "copy") == {"of": "copy"}


@pytest.mark.parametrize(
    "pairs, code",
    [
        ({129 * "a": "v"}, "InvalidTag"),
        ({"%@abc": "v"}, "InvalidTag"),
        ({"k": "%abc"}, "InvalidTag"),
        ({f"k{n}": "v" for n in range(11)}, "BadRequest"),
    ],
)
def test_tags_that_are_none(bucket, pairs, code):
    tagging = Tagging()
    tagging.tag_set.tagging_rule.update(pairs)
    with pytest.raises(oss2.exceptions.ServerError) as raised:
        bucket.put_object_tagging(KEY, tagging)
    assert (raised.value.status, raised.value.code) == (400, code)
    assert tags_of(bucket, KEY) == {}
