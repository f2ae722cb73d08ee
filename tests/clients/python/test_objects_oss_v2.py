"""Copies, ACLs, symlinks and tags of objects with alibabacloud-oss-v2, with Signature V1 and V4, by
path, virtual host and CNAME."""

import urllib.parse

import alibabacloud_oss_v2 as oss
import pytest

import hello
from hello import HELLO
from test_reference_oss_v2 import BucketOf, make_client

# As this SDK tells them.
HELLO_ETAG = f'"{hello.HELLO_MD5}"'
HELLO_CRC64 = str(hello.HELLO_CRC64)

KEY = "folder/cat + dog 中文?.txt"


@pytest.fixture(params=["v1", "v4"])
def owner(request, place):
    bucket = BucketOf(make_client(place, request.param), place.bucket)
    bucket.call("put_bucket", acl="private")
    bucket.call("put_object", key=KEY, body=HELLO, metadata={"author": "alice"})
    return bucket


@pytest.fixture
def stranger(owner, place):
    anonymous = oss.credentials.AnonymousCredentialsProvider()
    return BucketOf(make_client(place, credentials=anonymous), place.bucket)


def error_of(action):
    with pytest.raises(oss.exceptions.OperationError) as raised:
        action()
    return raised.value.unwrap()


def test_a_copy_is_the_same(owner):
    copied = owner.call("copy_object", key="copy", source_key=KEY)
    assert (copied.etag, copied.hash_crc64) == (HELLO_ETAG, HELLO_CRC64)
    got = owner.call("get_object", key="copy")
    assert (got.body.content, got.metadata["author"]) == (HELLO, "alice")

    owner.call(
        "copy_object",
        key="copy",
        source_key=KEY,
        metadata_directive="REPLACE",
        metadata={"author": "bob"},
        tagging_directive="REPLACE",
        tagging="of=copy",
        acl="public-read",
    )
    assert owner.call("head_object", key="copy").metadata["author"] == "bob"
    assert owner.call("get_object_acl", key="copy").acl == "public-read"
    assert tags_of(owner, "copy") == [("of", "copy")]


def test_conditions_and_errors_of_a_copy(owner):
    copy = lambda **fields: owner.call("copy_object", key="copy", **fields)
    error = error_of(lambda: copy(source_key=KEY, if_match='"0"'))
    assert (error.status_code, error.code) == (412, "PreconditionFailed")
    error = error_of(lambda: copy(source_key=KEY, if_none_match=HELLO_ETAG))
    assert error.status_code == 304
    error = error_of(lambda: copy(source_key="absent"))
    assert (error.status_code, error.code) == (404, "NoSuchKey")
    error = error_of(lambda: copy(source_bucket="no-such-bucket-of-tests", source_key=KEY))
    assert (error.status_code, error.code) == (404, "NoSuchBucket")
    owner.call("put_object", key="copy", body=b"old")
    error = error_of(lambda: copy(source_key=KEY, forbid_overwrite=True))
    assert (error.status_code, error.code) == (409, "FileAlreadyExists")
    error = error_of(lambda: copy(source_key=KEY, source_version_id="CAEQ"))
    assert (error.status_code, error.code) == (501, "NotImplemented")


def test_an_acl_of_an_object_overrules_its_bucket(owner, stranger):
    download = lambda: stranger.call("get_object", key=KEY).body.content
    assert owner.call("get_object_acl", key=KEY).acl == "default"
    assert error_of(download).code == "AccessDenied"
    owner.call("put_object_acl", key=KEY, acl="public-read")
    assert owner.call("get_object_acl", key=KEY).acl == "public-read"
    assert download() == HELLO
    owner.call("put_bucket_acl", acl="public-read")
    owner.call("put_object_acl", key=KEY, acl="private")
    assert error_of(download).code == "AccessDenied"


def test_an_acl_may_come_when_an_upload_is_completed(owner, stranger):
    owner.call("put_bucket_acl", acl="public-read")
    begun = owner.call("initiate_multipart_upload", key="in parts")
    part = owner.call(
        "upload_part", key="in parts", upload_id=begun.upload_id, part_number=1, body=HELLO
    )
    parts = [oss.UploadPart(part_number=1, etag=part.etag)]
    owner.call(
        "complete_multipart_upload",
        key="in parts",
        upload_id=begun.upload_id,
        acl="private",
        complete_multipart_upload=oss.CompleteMultipartUpload(parts=parts),
    )
    assert owner.call("get_object_acl", key="in parts").acl == "private"
    assert error_of(lambda: stranger.call("get_object", key="in parts")).code == "AccessDenied"


def test_a_symlink_is_read_as_its_target(owner):
    # This SDK leaves escaping the target to its caller, both ways.
    target = urllib.parse.quote(KEY)
    owner.call("put_symlink", key="link", symlink_target=target, metadata={"author": "linker"})
    assert owner.call("get_symlink", key="link").target == target
    got = owner.call("get_object", key="link")
    assert (got.body.content, got.etag, got.object_type) == (HELLO, HELLO_ETAG, "Symlink")
    assert got.metadata["author"] == "linker"

    owner.call("put_symlink", key="dangling", symlink_target="absent")
    error = error_of(lambda: owner.call("get_object", key="dangling"))
    assert (error.status_code, error.code) == (404, "SymlinkTargetNotExist")
    assert error.ec == "0026-00000012"


def tags_of(owner, key):
    tags = owner.call("get_object_tagging", key=key).tag_set.tags or []
    return [(tag.key, tag.value) for tag in tags]


def put_tags(owner, key, pairs):
    tags = [oss.Tag(key=k, value=v) for k, v in pairs]
    owner.call("put_object_tagging", key=key, tagging=oss.Tagging(tag_set=oss.TagSet(tags=tags)))


def test_tags_are_put_read_and_deleted(owner):
    assert tags_of(owner, KEY) == []
    put_tags(owner, KEY, [("b", "2"), ("a+-=._:/ ", "中文")])
    assert tags_of(owner, KEY) == [("b", "2"), ("a+-=._:/ ", "中文")]
    assert owner.call("head_object", key=KEY).tagging_count == 2
    owner.call("delete_object_tagging", key=KEY)
    assert tags_of(owner, KEY) == []

    owner.call("put_object", key="tagged", body=HELLO, tagging="k1=v1&k2=v2")
    assert tags_of(owner, "tagged") == [("k1", "v1"), ("k2", "v2")]
    error = error_of(lambda: put_tags(owner, KEY, [("a", "1"), ("a", "2")]))
    assert (error.status_code, error.code, error.ec) == (400, "InvalidTag", "0010-00000210")
