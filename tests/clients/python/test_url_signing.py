"""Signed URLs of others: what they sign passes here, and what we sign is what they would."""

import os
import re
import subprocess
import time
from datetime import datetime
from types import SimpleNamespace
from urllib.parse import quote, urlsplit

import oss2
import pytest
import requests
from botocore.auth import HmacV1QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from qiniu.services.cdn.manager import create_timestamp_anti_leech_url

from server import ACCESS_KEY_ID, ACCESS_KEY_SECRET, CREDENTIALS, REGION, binary

QINIU_KEY = "9388f4ba63b89bba5b9b84aa70a92eaac099d39b"
NAMES = ["a.txt", "DIR1/中文/vodfile.mp4", "a b+c&d=e%f?g#h.jpg", "a~b!c'd(e)*.png", "a//b"]
CONTENT = b"content"


def refgate(*arguments, key=None, **options):
    environment = os.environ | CREDENTIALS | ({"REFGATE_SIGN_KEY": key} if key else {})
    return subprocess.run(
        [binary(), "sign", *arguments],
        env=environment, capture_output=True, text=True, timeout=60, **options,
    )


def signed(*arguments, **options):
    result = refgate(*arguments, **options)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def passes(url, *arguments, **options):
    result = refgate("url", "--verify", url, *arguments, **options)
    assert result.returncode in (0, 1), result.stderr
    return result.returncode == 0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("query", [None, "v=1.1&x=%20"])
def test_links_of_qiniu_pass(name, query):
    deadline = int(time.time()) + 3600
    url = create_timestamp_anti_leech_url(
        "http://cdn.example.com", name, query, QINIU_KEY, deadline
    )
    qiniu = ("--scheme", "qiniu")
    assert passes(url, *qiniu, key=QINIU_KEY)
    assert not passes(url, *qiniu, key="another" + QINIU_KEY[7:])
    assert not passes(url.replace("cdn.example.com/", "cdn.example.com/x"), *qiniu, key=QINIU_KEY)
    assert passes(url, *qiniu, "--at", str(deadline), key=QINIU_KEY)
    assert not passes(url, *qiniu, "--at", str(deadline + 1), key=QINIU_KEY)


@pytest.mark.parametrize("name", NAMES)
def test_we_sign_what_qiniu_signs(name):
    now = int(time.time())
    theirs = create_timestamp_anti_leech_url(
        "http://cdn.example.com", name, None, QINIU_KEY, now + 600
    )
    bare = theirs.split("?sign=")[0]
    ours = signed(
        "url", "--scheme", "qiniu", "--at", str(now), "--lifetime", "600", bare, key=QINIU_KEY
    )
    assert ours == theirs


def domain(server, host, **terms):
    """A delivery domain with these terms."""
    answer = requests.put(
        f"{server.admin_endpoint}/api/v1/domains/{host}", json=terms, timeout=60,
        auth=(ACCESS_KEY_ID, ACCESS_KEY_SECRET),
    )
    assert answer.status_code == 201, answer.text


def ask(server, host, url, method="GET", **headers):
    """Asks for a URL of the host as a client would whose DNS knows it."""
    target = url.removeprefix(f"http://{host}")
    return requests.request(
        method, server.endpoint + target, headers={"Host": host, **headers}, timeout=60
    )


@pytest.mark.parametrize("name", ["a.txt", "DIR1/中文/vodfile.mp4", "a b+c&d=e.jpg"])
def test_links_of_qiniu_open_a_private_bucket(server, owner_bucket, fresh_name, name):
    host = f"{fresh_name}.cdn.test"
    owner_bucket.put_object(name, CONTENT)
    domain(
        server, host, bucket=owner_bucket.bucket_name,
        signing={"scheme": "qiniu"}, keys={"primary": QINIU_KEY},
    )
    deadline = int(time.time()) + 600
    url = create_timestamp_anti_leech_url(f"http://{host}", name, None, QINIU_KEY, deadline)
    given = ask(server, host, url)
    assert (given.status_code, given.content) == (200, CONTENT), given.text
    assert ask(server, host, url, Range="bytes=0-2").content == CONTENT[:3]
    bare = ask(server, host, url.split("?")[0])
    assert bare.status_code == 403
    assert bare.headers["X-Tengine-Error"] == "denied by req auth: no url arg sign"
    old = create_timestamp_anti_leech_url(f"http://{host}", name, None, QINIU_KEY, deadline - 1200)
    assert ask(server, host, old).headers["X-Tengine-Error"].startswith(
        "denied by req auth: expired timestamp="
    )
    assert ask(server, host, url, "PUT").status_code == 405


@pytest.fixture
def private_object(owner_bucket):
    """An object that only its owner may read."""
    owner_bucket.put_object("dir/cat + dog.jpg", CONTENT)
    return owner_bucket.bucket_name, "dir/cat + dog.jpg"


def botocore_v1(endpoint, bucket, key, seconds):
    """A URL by botocore's query signer of S3's first version, whose text OSS's is but for names."""
    auth = HmacV1QueryAuth(Credentials(ACCESS_KEY_ID, ACCESS_KEY_SECRET), expires=seconds)
    request = AWSRequest("GET", f"{endpoint}/{bucket}/{key}", auth_path=f"/{bucket}/{key}")
    auth.add_auth(request)
    query = urlsplit(request.url).query.replace("AWSAccessKeyId", "OSSAccessKeyId")
    return f"{endpoint}/{bucket}/{quote(key)}?{query}"


def test_urls_of_botocore_pass(server, private_object):
    url = botocore_v1(server.endpoint, *private_object, 600)
    answer = requests.get(url, timeout=60)
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert requests.get(url.replace("dog", "cow"), timeout=60).status_code == 403
    expired = botocore_v1(server.endpoint, *private_object, -2)
    assert requests.get(expired, timeout=60).status_code == 403


def test_we_sign_what_botocore_signs(server, private_object, monkeypatch):
    ours = signed(
        "oss", *private_object, "--signature", "v1", "--expires", "600",
        "--endpoint", server.endpoint,
    )
    expires = int(re.search(r"Expires=(\d+)", ours)[1])
    monkeypatch.setattr(time, "time", lambda: float(expires - 600))
    theirs = botocore_v1(server.endpoint, *private_object, 600)
    parts = [sorted(urlsplit(url).query.split("&")) for url in (ours, theirs)]
    assert parts[0] == parts[1]


@pytest.mark.parametrize("version", ["v1", "v4"])
def test_urls_of_the_command_are_good(server, private_object, version):
    url = signed(
        "oss", *private_object, "--signature", version, "--endpoint", server.endpoint,
        "--parameter", "response-content-type=text/plain",
    )
    answer = requests.get(url, timeout=60)
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["content-type"] == "text/plain"
    assert requests.put(url, data=b"x", timeout=60).status_code == 403
    assert requests.get(url.replace("text%2Fplain", "text%2Fhtml"), timeout=60).status_code == 403


def test_urls_to_write_are_good(server, owner_bucket):
    name = owner_bucket.bucket_name
    url = signed("oss", name, "new", "--method", "PUT", "--endpoint", server.endpoint)
    assert requests.put(url, data=CONTENT, timeout=60).status_code == 200
    assert owner_bucket.get_object("new").read() == CONTENT


def test_the_vendors_sdk_signs_the_same(server, private_object, monkeypatch):
    """oss2's V4 URL of the same second, read back part by part."""
    bucket = oss2.Bucket(
        oss2.AuthV4(ACCESS_KEY_ID, ACCESS_KEY_SECRET), server.endpoint, private_object[0],
        region=REGION,
    )
    ours = signed("oss", *private_object, "--expires", "600", "--endpoint", server.endpoint)
    then = datetime.strptime(re.search(r"x-oss-date=(\w+)", ours)[1], "%Y%m%dT%H%M%SZ")
    monkeypatch.setattr("oss2.auth.datetime", SimpleNamespace(utcnow=lambda: then))
    theirs = bucket.sign_url("GET", private_object[1], 600, slash_safe=True)
    parts = [dict(p.split("=") for p in urlsplit(url).query.split("&")) for url in (ours, theirs)]
    assert parts[0] == parts[1]


def test_keys_come_from_files_and_standard_input_and_never_from_arguments(tmp_path):
    file = tmp_path / "key"
    file.write_text(QINIU_KEY + "\n")
    arguments = ("url", "--scheme", "qiniu", "--at", "1438354800", "--lifetime", "3600", "/a")
    by_file = signed(*arguments, "--key-file", str(file))
    assert by_file == signed(*arguments, "--key-file", "-", input=QINIU_KEY)
    assert by_file == signed(*arguments, key=QINIU_KEY)
    assert refgate(*arguments, "--key", QINIU_KEY).returncode == 2
    missing = refgate(*arguments)
    assert missing.returncode == 2 and "no key" in missing.stderr


def test_settings_come_from_a_file_and_flags_win(tmp_path):
    file = tmp_path / "settings.json"
    file.write_text('{"scheme": "ali-f", "time": "decimal", "parameters": {"sign": "token"}}')
    # md5("aliyuncdnexp1234/test.flv1439596800"), and in hexadecimal upper case.
    decimal = "/test.flv?token=aae536018b61343f2ce91fe2926a34a6&time=1439596800"
    upper = "/test.flv?token=a37fa50a5fb8f71214b1e7c95ec7a1bd&time=55CE8100"
    arguments = ("url", "--settings", str(file), "--at", "1439596800", "/test.flv")
    assert signed(*arguments, key="aliyuncdnexp1234") == decimal
    assert signed(*arguments, "--time", "upper-hex", key="aliyuncdnexp1234") == upper
    file.write_text('{"scheme": "ali-e"}')
    refused = refgate(*arguments, key="aliyuncdnexp1234")
    assert refused.returncode == 1 and "has not published" in refused.stderr


def test_explain_shows_the_text_and_not_the_key():
    key = "aliyuncdnexp1234"
    url = "/video/standard/1K.html?auth_key=1444435200-0-0-80cd3862d699b7118eed99103f2a3a4f"
    ali = ("--scheme", "ali-a", "--explain")
    made = refgate("url", *ali, "--random", "0", "--at", "1444435200", url.split("?")[0], key=key)
    assert made.stdout.splitlines()[0] == url
    assert "hashed: /video/standard/1K.html-1444435200-0-0-{key}" in made.stdout
    tried = refgate("url", "--verify", *ali, url, key=key)
    assert tried.returncode == 1
    assert tried.stdout.startswith("denied by req auth: expired timestamp=1444435200")
    assert "the digest is right" in tried.stdout
    assert key not in made.stdout + tried.stdout + made.stderr + tried.stderr


def test_explain_leaves_out_a_date_that_there_is_none_of():
    nginx = ("--scheme", "nginx", "--client", "192.0.2.1", "--explain")
    url = "/a?md5=_e4Nc3iduzkWRm01TBBNYw&expires=999999999999"
    tried = refgate("url", "--verify", *nginx, url, key="secret-of-nginx")
    assert "good until: 999999999999\n" in tried.stdout, tried.stdout


def test_urls_are_read_as_the_server_reads_them():
    ali = ("url", "--scheme", "ali-a")
    made = signed(*ali, "HTTPS://cdn.example.com:8443/a?x=1#part", key="aliyuncdnexp1234")
    assert made.startswith("HTTPS://cdn.example.com:8443/a?x=1&auth_key=")
    assert made.endswith("#part")


def test_a_playlist_is_signed(tmp_path):
    file = tmp_path / "index.m3u8"
    file.write_text("#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI=\"k.bin\"\n#EXTINF:4,\ns0.ts\n")
    text = signed(
        "playlist", str(file), "--url", "https://cdn.example.com/v/index.m3u8",
        "--scheme", "ali-a", key="aliyuncdnexp1234",
    )
    lines = text.splitlines()
    links = [lines[3], re.search(r'URI="([^"]+)"', lines[1])[1]]
    assert [link.split("?")[0] for link in links] == ["/v/s0.ts", "/v/k.bin"]
    assert all(passes(link, "--scheme", "ali-a", key="aliyuncdnexp1234") for link in links)


@pytest.mark.parametrize(
    "arguments",
    [
        ("url", "--scheme", "nonsense", "/a"),
        ("url", "--scheme", "ali-a", "nonsense"),
        ("url", "--scheme", "ali-a", "http://user:password@cdn.example.com/a"),
        ("url", "--scheme", "ali-a", "http:///a"),
        ("url", "--scheme", "ali-a", "ftp://cdn.example.com/a"),
        ("url", "--scheme", "ali-a", "/a/../b"),
        ("url", "--scheme", "ali-a", "--preview", "10", "/a"),
        ("url", "--scheme", "ali-a", "--validity", "0", "/a"),
        ("url", "--scheme", "ali-a", "--settings", "x.json", "/a"),
        ("url", "--scheme", "ali-a", "--key-file", "/nonexistent", "/a"),
        ("url", "--settings", "-", "--key-file", "-", "/a"),
        ("playlist", "/nonexistent", "--url", "/a", "--scheme", "ali-a"),
        ("oss", "bucket-name", "key?acl", "--signature", "v1"),
        ("oss", "bucket-name", "key", "--expires", "604801"),
        ("oss", "bucket-name", "key", "--parameter", "Expires=1"),
        ("oss", "Bad_Name", "key"),
    ],
)
def test_bad_input_is_one_line(arguments):
    result = refgate(*arguments, key="aliyuncdnexp1234")
    assert result.returncode in (1, 2)
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1 and "panicked" not in result.stderr
