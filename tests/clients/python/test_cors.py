"""Cross-origin rules with oss2 and alibabacloud-oss-v2, and what an answer then says to a page of
another origin."""

import alibabacloud_oss_v2 as oss
import oss2
import pytest
import requests

import denials
from server import ACCESS_KEY_ID, ACCESS_KEY_SECRET, REGION
from test_reference_oss_v2 import BucketOf, make_client

PAGE = "https://app.example.com"
OTHER_PAGE = "https://example.org"
KEY = "data.json"


@pytest.fixture(params=["v1", "v4"])
def bucket(request, place):
    auth = {"v1": oss2.Auth, "v4": oss2.AuthV4}[request.param](ACCESS_KEY_ID, ACCESS_KEY_SECRET)
    bucket = oss2.Bucket(auth, place.endpoint, place.bucket, is_cname=place.is_cname, region=REGION)
    bucket.create_bucket(oss2.BUCKET_ACL_PUBLIC_READ)
    bucket.put_object(KEY, b"{}")
    return bucket


@pytest.fixture(params=["v1", "v4"])
def newer_bucket(request, place):
    bucket = BucketOf(make_client(place, request.param), place.bucket)
    bucket.call("put_bucket", acl="public-read")
    return bucket


def rule(**fields):
    return oss2.models.CorsRule(**fields)


def url_of(bucket):
    return bucket._make_url(bucket.bucket_name, KEY)


def no_rules(bucket):
    with pytest.raises(oss2.exceptions.NoSuchCors) as refused:
        bucket.get_bucket_cors()
    error = refused.value
    return (error.status, error.code, error.details["EC"])


def test_rules_come_back_as_they_were_put(bucket):
    assert no_rules(bucket) == (404, "NoSuchCORSConfiguration", "0034-00000001")
    first = rule(
        allowed_origins=["https://*.example.com", "http://localhost:*"],
        allowed_methods=["GET", "PUT"],
        allowed_headers=["x-oss-*", "Authorization"],
        expose_headers=["ETag", "x-oss-request-id"],
        max_age_seconds=600,
    )
    second = rule(allowed_origins=["*"], allowed_methods=["HEAD"])
    bucket.put_bucket_cors(oss2.models.BucketCors([first, second], response_vary=True))
    found = bucket.get_bucket_cors()
    assert [vars(each) for each in found.rules] == [vars(first), vars(second)]
    assert found.response_vary is True
    bucket.put_bucket_cors(oss2.models.BucketCors([second]))
    found = bucket.get_bucket_cors()
    assert [vars(each) for each in found.rules] == [vars(second)]
    assert not found.response_vary
    for _ in range(2):
        assert bucket.delete_bucket_cors().status == 204
        assert no_rules(bucket)[0] == 404


@pytest.mark.parametrize(
    "rules, code, ec",
    [
        ([], "MalformedXML", "0034-00000002"),
        ([rule(allowed_origins=["*"], allowed_methods=["GET"])] * 21, "CORSRuleBeyondLimit", "0034-00000006"),
        ([rule(allowed_origins=["https://*"], allowed_methods=["GET"])], "InvalidArgument", "0034-00000009"),
        ([rule(allowed_origins=["*"], allowed_methods=["TEST"])], "InvalidArgument", "0034-00000011"),
        ([rule(allowed_origins=["*"], allowed_methods=["GET"], expose_headers=["x-oss-*"])], "InvalidArgument", "0034-00000013"),
    ],
)
def test_rules_that_break_a_rule_are_refused(owner_bucket, rules, code, ec):
    with pytest.raises(oss2.exceptions.OssError) as refused:
        owner_bucket.put_bucket_cors(oss2.models.BucketCors(rules))
    error = refused.value
    assert (error.status, error.code, error.details["EC"]) == (400, code, ec)


def test_a_page_reads_answers_and_refusals_as_the_rules_say(bucket, place):
    rules = [
        rule(
            allowed_origins=["https://*.example.com"],
            allowed_methods=["GET", "PUT"],
            allowed_headers=["*"],
            expose_headers=["ETag"],
            max_age_seconds=60,
        )
    ]
    bucket.put_bucket_cors(oss2.models.BucketCors(rules))
    bucket.put_bucket_referer(oss2.models.BucketReferer(True, ["https://app.example.com/"]))

    def ask(method, origin, **headers):
        return requests.request(method, url_of(bucket), headers={"Origin": origin, **headers})

    asked = {
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "authorization,x-oss-date",
    }
    preflight = ask("OPTIONS", PAGE, **asked)
    assert preflight.status_code == 200
    granted = {name: preflight.headers.get(f"Access-Control-{name}") for name in
               ("Allow-Origin", "Allow-Methods", "Allow-Headers", "Expose-Headers", "Max-Age")}
    assert granted == {
        "Allow-Origin": PAGE,
        "Allow-Methods": "GET, PUT",
        "Allow-Headers": "authorization, x-oss-date",
        "Expose-Headers": "ETag",
        "Max-Age": "60",
    }
    assert ask("OPTIONS", OTHER_PAGE, **asked).status_code == 403

    for referer, status in [(f"{PAGE}/", 200), ("http://thief.example.net/", 403)]:
        for origin, told in [(PAGE, PAGE), (OTHER_PAGE, None)]:
            answer = ask("GET", origin, Referer=referer)
            assert answer.status_code == status
            assert answer.headers.get("Access-Control-Allow-Origin") == told
            if status == 403:
                assert answer.headers["x-oss-ec"] == denials.NOT_WHITELISTED


def test_the_newer_sdk_puts_reads_asks_and_deletes(newer_bucket):
    rules = [
        oss.CORSRule(
            allowed_origins=["https://*.example.com"],
            allowed_methods=["GET", "PUT"],
            allowed_headers=["*"],
            expose_headers=["ETag"],
            max_age_seconds=60,
        ),
        oss.CORSRule(allowed_origins=["*"], allowed_methods=["HEAD"]),
    ]
    configuration = oss.CORSConfiguration(cors_rules=rules, response_vary=True)
    newer_bucket.call("put_bucket_cors", cors_configuration=configuration)
    found = newer_bucket.call("get_bucket_cors").cors_configuration
    assert found.response_vary is True
    assert [each.allowed_origins for each in found.cors_rules] == [["https://*.example.com"], ["*"]]
    assert [each.max_age_seconds for each in found.cors_rules] == [60, None]
    assert found.cors_rules[0].expose_headers == ["ETag"]

    asked = newer_bucket.call(
        "option_object",
        key=KEY,
        origin=PAGE,
        access_control_request_method="PUT",
        access_control_request_headers="x-oss-test1,x-oss-test2",
    )
    assert asked.access_control_allow_origin == PAGE
    assert asked.access_control_allow_methods == "GET, PUT"
    assert asked.access_control_allow_headers == "x-oss-test1, x-oss-test2"
    assert asked.access_control_expose_headers == "ETag"
    with pytest.raises(oss.exceptions.OperationError) as refused:
        newer_bucket.call(
            "option_object", key=KEY, origin=OTHER_PAGE, access_control_request_method="PUT"
        )
    error = refused.value.unwrap()
    assert (error.status_code, error.code, error.ec) == (403, "AccessForbidden", "0003-00000602")

    newer_bucket.call("delete_bucket_cors")
    with pytest.raises(oss.exceptions.OperationError) as refused:
        newer_bucket.call("get_bucket_cors")
    error = refused.value.unwrap()
    assert (error.status_code, error.code) == (404, "NoSuchCORSConfiguration")
