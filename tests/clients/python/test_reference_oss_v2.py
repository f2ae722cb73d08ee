"""The reference scenario and the operations with alibabacloud-oss-v2, the vendor's newer Python
SDK, which knows every field of a referer policy.

Every test runs with Signature V1 and V4, by path, virtual host and CNAME.
"""

import datetime

import alibabacloud_oss_v2 as oss
import pytest
import requests

import denials
from server import ACCESS_KEY_ID, ACCESS_KEY_SECRET, REGION

OWN_SITE = "http://www.example.com/gallery.html"
BANNED_SITE = "http://hack.example.com/page.html"
OTHER_SITE = "http://thief.example.net/"

WHITELIST = ["http://www.example.com", "http://*.example.com"]
BLACKLIST = ["http://hack.example.com"]

KEY = "pictures/cat + dog.jpg"
CONTENT = b"not really a picture"


def make_client(place, signature_version="v4", credentials=None, referer=None):
    """A client for a place. A referer is sent with every request, as a browser would."""
    owner = oss.credentials.StaticCredentialsProvider(ACCESS_KEY_ID, ACCESS_KEY_SECRET)
    return oss.Client(
        oss.config.Config(
            region=REGION,
            endpoint=place.endpoint,
            signature_version=signature_version,
            credentials_provider=credentials or owner,
            use_cname=place.is_cname,
            retry_max_attempts=1,
            default_request_headers={"Referer": referer} if referer else None,
        )
    )


class BucketOf:
    """A client that always means one bucket: `call("get_object", key=…)`."""

    def __init__(self, client, name):
        self.client = client
        self.name = name

    def call(self, operation, **fields):
        words = "".join(word.capitalize() for word in operation.split("_"))
        request = getattr(oss, f"{words}Request")(bucket=self.name, **fields)
        return getattr(self.client, operation)(request)

    def put_policy(self, **fields):
        configuration = oss.RefererConfiguration(**fields)
        return self.call("put_bucket_referer", referer_configuration=configuration)

    def policy(self):
        """The five fields as GetBucketReferer gives them back."""
        found = self.call("get_bucket_referer").referer_configuration
        return {
            "allow_empty_referer": found.allow_empty_referer,
            "allow_truncate_query_string": found.allow_truncate_query_string,
            "truncate_path": found.truncate_path,
            "whitelist": listed(found.referer_list),
            "blacklist": listed(found.referer_blacklist),
        }

    def download(self):
        return self.call("get_object", key=KEY).body.content

    def presigned_url(self):
        request = oss.GetObjectRequest(bucket=self.name, key=KEY)
        return self.client.presign(request, expires=datetime.timedelta(minutes=5)).url


def listed(referers):
    return (referers.referers or []) if referers else []


def whitelist(*patterns):
    return oss.RefererList(referers=list(patterns))


def blacklist(*patterns):
    return oss.RefererBlacklist(referers=list(patterns))


@pytest.fixture(params=["v1", "v4"])
def owner(request, place):
    bucket = BucketOf(make_client(place, request.param), place.bucket)
    bucket.call("put_bucket", acl="public-read")
    bucket.call("put_object", key=KEY, body=CONTENT)
    return bucket


@pytest.fixture
def stranger_from(owner, place):
    """Makes a client without credentials whose requests come from a site."""

    def make(site):
        anonymous = oss.credentials.AnonymousCredentialsProvider()
        client = make_client(place, credentials=anonymous, referer=site)
        return BucketOf(client, place.bucket)

    return make


def put_strict_policy(owner):
    return owner.put_policy(
        allow_empty_referer=False,
        allow_truncate_query_string=True,
        truncate_path=False,
        referer_list=whitelist(*WHITELIST),
        referer_blacklist=blacklist(*BLACKLIST),
    )


def service_error(action):
    with pytest.raises(oss.exceptions.OperationError) as caught:
        action()
    error = caught.value.unwrap()
    assert isinstance(error, oss.exceptions.ServiceError), error
    return error


def assert_denied(action, ec):
    error = service_error(action)
    assert (error.status_code, error.code, error.ec) == (403, "AccessDenied", ec)
    assert error.message == denials.MESSAGE
    assert len(error.request_id) == denials.REQUEST_ID_LENGTH


# --- the policy --------------------------------------------------------------------------------


def test_the_whole_scenario(owner, stranger_from):
    assert put_strict_policy(owner).status_code == 200
    assert owner.policy() == {
        "allow_empty_referer": False,
        "allow_truncate_query_string": True,
        "truncate_path": False,
        "whitelist": WHITELIST,
        "blacklist": BLACKLIST,
    }
    url = owner.presigned_url()
    assert stranger_from(OWN_SITE).download() == CONTENT
    assert requests.get(url, headers={"Referer": OWN_SITE}).content == CONTENT
    assert_denied(stranger_from(None).download, denials.EMPTY_REFERER)
    assert requests.get(url).status_code == 403

    owner.put_policy(allow_empty_referer=True, referer_list=whitelist())
    for site in (None, OWN_SITE, BANNED_SITE, OTHER_SITE):
        assert stranger_from(site).download() == CONTENT
        assert requests.get(url, headers={"Referer": site} if site else {}).content == CONTENT


def test_a_bucket_without_a_policy_has_the_defaults(owner):
    assert owner.policy() == {
        "allow_empty_referer": True,
        "allow_truncate_query_string": True,
        "truncate_path": False,
        "whitelist": [],
        "blacklist": [],
    }


@pytest.mark.parametrize("allow_empty", [True, False])
@pytest.mark.parametrize(
    ("truncate_query", "truncate_path", "truncates_query"),
    [
        (True, True, True),
        (True, False, True),
        (False, False, False),
        # A cut path takes the query with it.
        pytest.param(False, True, True, id="path without query"),
        pytest.param(None, True, True, id="path, query omitted"),
        pytest.param(None, None, True, id="both omitted"),
    ],
)
def test_the_three_booleans_come_back(
    owner, allow_empty, truncate_query, truncate_path, truncates_query
):
    owner.put_policy(
        allow_empty_referer=allow_empty,
        allow_truncate_query_string=truncate_query,
        truncate_path=truncate_path,
        referer_list=whitelist("http://a.example/?x=1&y=<2>"),
        referer_blacklist=blacklist("http://b.example", "http://b.example"),
    )
    assert owner.policy() == {
        "allow_empty_referer": allow_empty,
        "allow_truncate_query_string": truncates_query,
        "truncate_path": bool(truncate_path),
        "whitelist": ["http://a.example/?x=1&y=<2>"],
        "blacklist": ["http://b.example", "http://b.example"],
    }


def test_a_put_replaces_the_whole_policy(owner):
    put_strict_policy(owner)
    owner.put_policy(allow_empty_referer=False, referer_list=whitelist("http://only.example"))
    assert owner.policy() == {
        "allow_empty_referer": False,
        "allow_truncate_query_string": True,
        "truncate_path": False,
        "whitelist": ["http://only.example"],
        "blacklist": [],
    }


def test_a_policy_without_a_whitelist_element_is_refused(owner):
    error = service_error(lambda: owner.put_policy(allow_empty_referer=True))
    assert (error.status_code, error.code, error.ec) == (400, "MalformedXML", "0033-00000005")


@pytest.mark.parametrize(
    ("site", "ec"),
    [
        pytest.param(None, denials.EMPTY_REFERER, id="no referer"),
        pytest.param(BANNED_SITE, denials.BLACKLISTED, id="a blacklisted one"),
        pytest.param(OTHER_SITE, denials.NOT_WHITELISTED, id="one that is on no list"),
    ],
)
def test_strangers_are_denied_with_the_reason(owner, stranger_from, site, ec):
    put_strict_policy(owner)
    stranger = stranger_from(site)
    assert_denied(stranger.download, ec)
    assert_denied(lambda: stranger.call("get_object", key=KEY, range_header="bytes=0-3"), ec)
    assert_denied(lambda: stranger.call("head_object", key=KEY), ec)
    assert_denied(lambda: stranger.call("get_object_meta", key=KEY), ec)
    assert_denied(lambda: stranger.client.is_object_exist(stranger.name, KEY), ec)

    answer = requests.get(owner.presigned_url(), headers={"Referer": site} if site else {})
    assert (answer.status_code, f"<EC>{ec}</EC>" in answer.text) == (403, True)


def test_strangers_from_the_owners_site_pass(owner, stranger_from):
    put_strict_policy(owner)
    stranger = stranger_from(OWN_SITE)
    assert stranger.download() == CONTENT
    assert stranger.call("head_object", key=KEY).content_length == len(CONTENT)


@pytest.mark.parametrize("site", [None, BANNED_SITE, OTHER_SITE])
def test_the_owner_is_never_asked_for_a_referer(owner, place, site):
    put_strict_policy(owner)
    anywhere = BucketOf(make_client(place, referer=site), place.bucket)
    assert anywhere.download() == CONTENT
    assert anywhere.call("head_object", key=KEY).content_length == len(CONTENT)


def test_a_cut_path_leaves_the_site(owner, stranger_from):
    site = "http://www.example.com/a/b?c"
    for truncate_path, pattern, allowed in [
        (True, "http://www.example.com/", True),
        (True, "http://www.example.com/a", False),
        (False, "http://www.example.com/a", True),
    ]:
        owner.put_policy(
            allow_empty_referer=False,
            truncate_path=truncate_path,
            referer_list=whitelist(pattern),
        )
        if allowed:
            assert stranger_from(site).download() == CONTENT
        else:
            assert_denied(stranger_from(site).download, denials.NOT_WHITELISTED)


# --- the operations ----------------------------------------------------------------------------


def test_a_bucket_and_what_is_said_of_it(owner):
    info = owner.call("get_bucket_info").bucket_info
    assert (info.name, info.acl, info.storage_class) == (owner.name, "public-read", "Standard")
    assert info.location == f"oss-{REGION}"
    assert owner.call("get_bucket_location").location == f"oss-{REGION}"
    stat = owner.call("get_bucket_stat")
    assert (stat.object_count, stat.storage) == (1, len(CONTENT))
    owner.call("put_bucket_acl", acl="private")
    assert owner.call("get_bucket_acl").acl == "private"
    assert owner.client.is_bucket_exist(owner.name)


def test_buckets_are_listed(server, owner):
    buckets = oss.Client(
        oss.config.Config(
            region=REGION,
            endpoint=server.endpoint,
            credentials_provider=oss.credentials.StaticCredentialsProvider(
                ACCESS_KEY_ID, ACCESS_KEY_SECRET
            ),
        )
    ).list_buckets(oss.ListBucketsRequest(prefix=owner.name))
    assert [(b.name, b.region) for b in buckets.buckets] == [(owner.name, REGION)]


def test_an_object_with_its_headers(owner):
    owner.call(
        "put_object",
        key="page",
        body=b"<html></html>",
        content_type="text/html",
        cache_control="max-age=60",
        metadata={"author": "alice", "motto": "two words"},
    )
    got = owner.call("get_object", key="page")
    assert got.body.content == b"<html></html>"
    assert (got.content_type, got.cache_control) == ("text/html", "max-age=60")
    assert got.metadata == {"author": "alice", "motto": "two words"}
    head = owner.call("head_object", key="page")
    assert (head.etag, head.metadata, head.object_type) == (got.etag, got.metadata, "Normal")


def test_a_range(owner):
    got = owner.call("get_object", key=KEY, range_header="bytes=4-9")
    assert (got.status_code, got.body.content) == (206, CONTENT[4:10])
    assert got.content_range == f"bytes 4-9/{len(CONTENT)}"


def test_keys_with_any_characters_are_listed_and_deleted(owner):
    keys = [KEY, "a b+c%d&<e>\"'", "question?and#hash", "中文/clé", "tilde~star*(parens)!"]
    for key in keys:
        owner.call("put_object", key=key, body=key.encode())
        assert owner.call("get_object", key=key).body.content == key.encode()
    assert every_key(owner, limit=2) == sorted(keys, key=str.encode)

    objects = [oss.DeleteObject(key=key) for key in keys]
    deleted = owner.call("delete_multiple_objects", objects=objects, encoding_type="url")
    assert sorted(entry.key for entry in deleted.deleted_objects) == sorted(keys)
    assert every_key(owner, limit=2) == []


def every_key(bucket, limit):
    pages = bucket.client.list_objects_v2_paginator(limit=limit)
    request = oss.ListObjectsV2Request(bucket=bucket.name)
    return [found.key for page in pages.iter_page(request) for found in page.contents or []]


def test_both_listings_fold_at_a_delimiter(owner):
    for key in ("docs/a", "docs/b", "readme"):
        owner.call("put_object", key=key, body=b"x")
    for operation in ("list_objects", "list_objects_v2"):
        page = owner.call(operation, delimiter="/")
        assert [found.key for found in page.contents] == ["readme"]
        assert [found.prefix for found in page.common_prefixes] == ["docs/", "pictures/"]


def test_a_quiet_delete_answers_nothing(owner):
    quiet = owner.call(
        "delete_multiple_objects", objects=[oss.DeleteObject(key=KEY)], quiet=True
    )
    assert not quiet.deleted_objects
    assert not owner.client.is_object_exist(owner.name, KEY)


def test_errors_keep_their_codes(owner):
    error = service_error(lambda: owner.call("get_object", key="no such key"))
    assert (error.status_code, error.code, error.ec) == (404, "NoSuchKey", "0026-00000001")
    error = service_error(lambda: owner.call("delete_bucket"))
    assert (error.status_code, error.code) == (409, "BucketNotEmpty")
    error = service_error(lambda: owner.call("get_bucket_lifecycle"))
    assert (error.status_code, error.code) == (501, "NotImplemented")
    assert "GetBucketLifecycle" in error.message
