"""The reference scenario with oss2, the vendor's Python SDK: a bucket's referer policy is put,
read back, obeyed by downloads, and reset.

Every test runs with Signature V1 and V4, by path, virtual host and CNAME.
"""

import oss2
import pytest
import requests
from oss2.models import BucketReferer

import denials
from server import ACCESS_KEY_ID, ACCESS_KEY_SECRET, REGION

OWN_SITE = "http://www.example.com/gallery.html"
BANNED_SITE = "http://hack.example.com/page.html"
OTHER_SITE = "http://thief.example.net/"

WHITELIST = ["http://www.example.com", "https://www.example.com", "http://*.example.com"]
BLACKLIST = ["http://hack.example.com", "http://*.hack.example.com"]
STRICT = BucketReferer(
    False, WHITELIST, allow_truncate_query_string=True, black_referers=BLACKLIST
)
RESET = BucketReferer(True, [])

KEY = "pictures/cat + dog.jpg"
CONTENT = b"not really a picture"


@pytest.fixture(params=["v1", "v4"])
def owner(request, place):
    """The owner's bucket, with one object that anybody may read."""
    auth = {"v1": oss2.Auth, "v4": oss2.AuthV4}[request.param](ACCESS_KEY_ID, ACCESS_KEY_SECRET)
    bucket = oss2.Bucket(
        auth, place.endpoint, place.bucket, is_cname=place.is_cname, region=REGION
    )
    bucket.create_bucket(oss2.BUCKET_ACL_PUBLIC_READ)
    bucket.put_object(KEY, CONTENT)
    return bucket


@pytest.fixture
def stranger(owner, place):
    """The same bucket without credentials."""
    return oss2.Bucket(
        oss2.AnonymousAuth(), place.endpoint, place.bucket, is_cname=place.is_cname
    )


def referer(value):
    return {} if value is None else {"Referer": value}


def download(bucket, value, **options):
    return bucket.get_object(KEY, headers=referer(value), **options).read()


def assert_denied(action, ec):
    with pytest.raises(oss2.exceptions.AccessDenied) as caught:
        action()
    error = caught.value
    assert (error.status, error.code, error.message) == (403, "AccessDenied", denials.MESSAGE)
    assert error.ec == ec
    assert error.details["EC"] == ec
    assert error.details["RequestId"] == error.request_id
    assert len(error.request_id) == denials.REQUEST_ID_LENGTH


def fields(policy):
    return {
        "allow_empty_referer": policy.allow_empty_referer,
        "referers": policy.referers,
        "allow_truncate_query_string": policy.allow_truncate_query_string,
        "black_referers": policy.black_referers,
    }


def test_the_whole_scenario(owner, stranger):
    put = owner.put_bucket_referer(STRICT)
    assert put.status == 200
    assert len(put.request_id) == denials.REQUEST_ID_LENGTH
    assert fields(owner.get_bucket_referer()) == fields(STRICT)

    signed_url = owner.sign_url("GET", KEY, 60)
    assert download(stranger, OWN_SITE) == CONTENT
    assert requests.get(signed_url, headers=referer(OWN_SITE)).content == CONTENT
    assert_denied(lambda: download(stranger, None), denials.EMPTY_REFERER)
    assert requests.get(signed_url).status_code == 403
    assert requests.get(signed_url, headers=referer(OTHER_SITE)).status_code == 403

    assert owner.put_bucket_referer(RESET).status == 200
    for value in (None, OWN_SITE, BANNED_SITE, OTHER_SITE):
        assert download(stranger, value) == CONTENT
        assert requests.get(signed_url, headers=referer(value)).content == CONTENT


def test_a_bucket_without_a_policy_has_the_defaults(owner):
    policy = owner.get_bucket_referer()
    assert fields(policy) == {
        "allow_empty_referer": True,
        "referers": [],
        "allow_truncate_query_string": True,
        "black_referers": [],
    }


@pytest.mark.parametrize("truncate", [True, False])
@pytest.mark.parametrize("allow_empty", [True, False])
def test_every_field_comes_back_as_it_was_put(owner, allow_empty, truncate):
    # The lists are those of the SDK's own test against the service: nothing is checked or merged.
    policy = BucketReferer(
        allow_empty,
        ["http://hello.com", "mibrowser:home", "中文+referer", "中文+referer", "http://x.com/?a=1&b=<2>"],
        allow_truncate_query_string=truncate,
        black_referers=["http://hack.com", "http://*.deny.com", "http://hello.com"],
    )
    owner.put_bucket_referer(policy)
    assert fields(owner.get_bucket_referer()) == fields(policy)


def test_omitted_fields_are_reset_to_their_defaults(owner):
    owner.put_bucket_referer(
        BucketReferer(False, WHITELIST, allow_truncate_query_string=False, black_referers=BLACKLIST)
    )
    owner.put_bucket_referer(BucketReferer(False, ["http://only.example"]))
    assert fields(owner.get_bucket_referer()) == {
        "allow_empty_referer": False,
        "referers": ["http://only.example"],
        "allow_truncate_query_string": True,
        "black_referers": [],
    }


def test_an_empty_entry_is_dropped(owner):
    owner.put_bucket_referer(BucketReferer(True, ["", "http://a.example"], black_referers=[""]))
    policy = owner.get_bucket_referer()
    assert (policy.referers, policy.black_referers) == (["http://a.example"], [])


@pytest.mark.parametrize(
    ("site", "ec"),
    [
        pytest.param(None, denials.EMPTY_REFERER, id="no referer"),
        pytest.param("", denials.EMPTY_REFERER, id="an empty one"),
        pytest.param(BANNED_SITE, denials.BLACKLISTED, id="a blacklisted one"),
        pytest.param(OTHER_SITE, denials.NOT_WHITELISTED, id="one that is on no list"),
    ],
)
def test_strangers_are_denied_with_the_reason(owner, stranger, site, ec):
    owner.put_bucket_referer(STRICT)
    headers = referer(site)
    assert_denied(lambda: download(stranger, site), ec)
    assert_denied(lambda: download(stranger, site, byte_range=(0, 3)), ec)
    assert_denied(lambda: stranger.head_object(KEY, headers=headers), ec)
    assert_denied(lambda: stranger.get_object_meta(KEY, headers=headers), ec)
    assert_denied(lambda: stranger.object_exists(KEY, headers=headers), ec)


def test_a_denial_names_the_bucket_and_the_host_that_was_asked(owner, stranger, place):
    owner.put_bucket_referer(STRICT)
    with pytest.raises(oss2.exceptions.AccessDenied) as caught:
        download(stranger, OTHER_SITE)
    assert caught.value.details["BucketName"] == place.bucket
    assert caught.value.details["HostId"].split(":")[0] == place.host


def test_strangers_from_the_owners_site_pass(owner, stranger):
    owner.put_bucket_referer(STRICT)
    assert download(stranger, OWN_SITE) == CONTENT
    assert download(stranger, OWN_SITE, byte_range=(4, 9)) == CONTENT[4:10]
    headers = referer(OWN_SITE)
    assert stranger.head_object(KEY, headers=headers).content_length == len(CONTENT)
    assert stranger.get_object_meta(KEY, headers=headers).content_length == len(CONTENT)
    assert stranger.object_exists(KEY, headers=headers)


@pytest.mark.parametrize("slash_safe", [True, False])
def test_signed_urls_obey_the_policy(owner, slash_safe):
    owner.put_bucket_referer(STRICT)
    url = owner.sign_url("GET", KEY, 60, slash_safe=slash_safe)
    answers = {
        site: requests.get(url, headers=referer(site))
        for site in (None, OWN_SITE, BANNED_SITE, OTHER_SITE)
    }
    assert (answers[OWN_SITE].status_code, answers[OWN_SITE].content) == (200, CONTENT)
    for site, ec in [
        (None, denials.EMPTY_REFERER),
        (BANNED_SITE, denials.BLACKLISTED),
        (OTHER_SITE, denials.NOT_WHITELISTED),
    ]:
        assert answers[site].status_code == 403
        assert f"<EC>{ec}</EC>" in answers[site].text


def test_signed_urls_open_a_private_bucket_and_still_obey_the_policy(owner, stranger):
    owner.put_bucket_acl(oss2.BUCKET_ACL_PRIVATE)
    owner.put_bucket_referer(STRICT)
    url = owner.sign_url("GET", KEY, 60)
    assert requests.get(url, headers=referer(OWN_SITE)).content == CONTENT
    assert requests.get(url, headers=referer(OTHER_SITE)).status_code == 403
    # Passing the policy grants nothing: the ACL still refuses.
    with pytest.raises(oss2.exceptions.AccessDenied) as caught:
        download(stranger, OWN_SITE)
    assert caught.value.ec == "0003-00000001"


@pytest.mark.parametrize("site", [None, BANNED_SITE, OTHER_SITE])
def test_the_owner_is_never_asked_for_a_referer(owner, site):
    owner.put_bucket_referer(STRICT)
    assert download(owner, site) == CONTENT
    assert download(owner, site, byte_range=(0, 3)) == CONTENT[:4]
    assert owner.head_object(KEY, headers=referer(site)).content_length == len(CONTENT)


def test_the_query_of_a_referer_counts_unless_it_is_truncated(owner, stranger):
    # "*.example.com" is meant for hosts; whether a query can stand in for one is the owner's choice.
    disguised = "http://thief.example.net/?x=.example.com"
    for truncate in (True, False):
        owner.put_bucket_referer(
            BucketReferer(False, ["*.example.com"], allow_truncate_query_string=truncate)
        )
        if truncate:
            assert_denied(lambda: download(stranger, disguised), denials.NOT_WHITELISTED)
        else:
            assert download(stranger, disguised) == CONTENT


def test_without_a_whitelist_only_the_blacklist_denies(owner, stranger):
    owner.put_bucket_referer(BucketReferer(False, [], black_referers=BLACKLIST))
    assert download(stranger, None) == CONTENT
    assert download(stranger, OTHER_SITE) == CONTENT
    assert_denied(lambda: download(stranger, BANNED_SITE), denials.BLACKLISTED)
