"""The operations on buckets and both listings with oss2, with Signature V1 and V4, by path, virtual
host and CNAME."""

import time

import oss2
import pytest

from hello import HELLO, HELLO_MD5
from server import REGION


@pytest.fixture
def service(auth, server):
    return oss2.Service(auth, server.endpoint, region=REGION)


# --- buckets -----------------------------------------------------------------------------------


def test_a_created_bucket_is_listed_with_its_particulars(service, bucket):
    name = bucket.bucket_name
    [listed] = service.list_buckets(prefix=name).buckets
    assert listed.name == name
    assert listed.location == f"oss-{REGION}"
    assert listed.storage_class == "Standard"
    assert abs(listed.creation_date - time.time()) < 60


def test_buckets_are_listed_in_pages(service, fresh_name, server, auth):
    names = [f"{fresh_name}-{n}" for n in range(3)]
    for name in names:
        oss2.Bucket(auth, server.endpoint, name, region=REGION).create_bucket()
    first = service.list_buckets(prefix=fresh_name, max_keys=2)
    assert [b.name for b in first.buckets] == names[:2]
    assert first.is_truncated and first.next_marker == names[1]
    everything = oss2.BucketIterator(service, prefix=fresh_name, max_keys=1)
    assert [b.name for b in everything] == names


def test_bucket_info_says_what_a_bucket_is(bucket):
    info = bucket.get_bucket_info()
    assert info.name == bucket.bucket_name
    assert info.location == f"oss-{REGION}"
    assert info.storage_class == "Standard"
    assert info.acl.grant == oss2.BUCKET_ACL_PRIVATE
    assert info.owner.id and info.owner.display_name
    assert info.extranet_endpoint and info.intranet_endpoint


def test_location_names_the_region(bucket):
    assert bucket.get_bucket_location().location == f"oss-{REGION}"


def test_stat_counts_objects_and_bytes(bucket):
    bucket.put_object("one", b"12345")
    bucket.put_object("two", b"678")
    bucket.put_object("two", b"67")
    stat = bucket.get_bucket_stat()
    assert (stat.object_count, stat.storage_size_in_bytes) == (2, 7)


@pytest.mark.parametrize(
    "acl",
    [oss2.BUCKET_ACL_PRIVATE, oss2.BUCKET_ACL_PUBLIC_READ, oss2.BUCKET_ACL_PUBLIC_READ_WRITE],
)
def test_an_acl_comes_back_and_rules_strangers(bucket, stranger, acl):
    bucket.put_object("there", HELLO)
    bucket.put_bucket_acl(acl)
    assert bucket.get_bucket_acl().acl == acl

    assert_allowed(acl != oss2.BUCKET_ACL_PRIVATE, lambda: stranger.get_object("there").read())
    writable = acl == oss2.BUCKET_ACL_PUBLIC_READ_WRITE
    assert_allowed(writable, lambda: stranger.put_object("new", HELLO))
    assert_allowed(writable, lambda: stranger.delete_object("there"))
    # No ACL opens the bucket itself.
    assert_allowed(False, lambda: stranger.list_objects())
    assert_allowed(False, lambda: stranger.get_bucket_referer())


def assert_allowed(allowed, action):
    if allowed:
        action()
        return
    with pytest.raises(oss2.exceptions.AccessDenied):
        action()


def test_creating_a_bucket_again_changes_nothing(bucket):
    bucket.put_object("kept", HELLO)
    bucket.create_bucket()
    assert bucket.get_object("kept").read() == HELLO


def test_only_an_empty_bucket_can_be_deleted(bucket):
    bucket.put_object("last", HELLO)
    with pytest.raises(oss2.exceptions.BucketNotEmpty) as caught:
        bucket.delete_bucket()
    assert (caught.value.status, caught.value.ec) == (409, "0015-00000301")
    bucket.delete_object("last")
    assert bucket.delete_bucket().status == 204
    with pytest.raises(oss2.exceptions.NoSuchBucket):
        bucket.get_bucket_info()


# --- listings ----------------------------------------------------------------------------------

TREE = ["a&b.txt", "photos/2024/a.jpg", "photos/2024/b.jpg", "photos/2025/c.jpg", "photos/x.txt", "z"]


@pytest.fixture
def tree(bucket):
    for key in TREE:
        bucket.put_object(key, HELLO)
    return bucket


@pytest.mark.parametrize("iterator", [oss2.ObjectIterator, oss2.ObjectIteratorV2])
@pytest.mark.parametrize("max_keys", [1, 2, 100])
def test_pages_put_together_are_the_whole_listing(tree, iterator, max_keys):
    assert [found.key for found in iterator(tree, max_keys=max_keys)] == TREE


@pytest.mark.parametrize("iterator", [oss2.ObjectIterator, oss2.ObjectIteratorV2])
@pytest.mark.parametrize("max_keys", [1, 2, 100])
def test_a_delimiter_folds_what_follows_it(tree, iterator, max_keys):
    found = list(iterator(tree, prefix="photos/", delimiter="/", max_keys=max_keys))
    assert [(entry.key, entry.is_prefix()) for entry in found] == [
        ("photos/2024/", True),
        ("photos/2025/", True),
        ("photos/x.txt", False),
    ]


def test_a_listed_object_has_its_particulars(tree):
    [listed] = tree.list_objects(prefix="photos/x").object_list
    assert (listed.key, listed.size, listed.etag) == ("photos/x.txt", len(HELLO), HELLO_MD5)
    assert (listed.type, listed.storage_class) == ("Normal", "Standard")
    assert listed.owner.id and listed.owner.display_name
    assert abs(listed.last_modified - time.time()) < 60


def test_version_two_of_the_listing_counts_and_starts_after(tree):
    page = tree.list_objects_v2(start_after="photos/2024/b.jpg", max_keys=2, fetch_owner=True)
    assert [found.key for found in page.object_list] == TREE[3:5]
    assert page.is_truncated and page.next_continuation_token
    assert page.object_list[0].owner.id
    rest = tree.list_objects_v2(continuation_token=page.next_continuation_token)
    assert [found.key for found in rest.object_list] == TREE[5:]
    assert not rest.is_truncated
    assert tree.list_objects_v2().object_list[0].owner is None
