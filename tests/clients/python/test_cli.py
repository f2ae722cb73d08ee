"""The command line, as an administrator uses it against a running server."""

import json
import os
import subprocess
from xml.etree import ElementTree

import pytest

from server import CREDENTIALS, binary

POLICY = {
    "allow_empty_referer": False,
    "truncate_query_string": True,
    "truncate_path": True,
    "whitelist": ["http://www.example.com", "http://*.example.com/?a=1&b=<2>"],
    "blacklist": ["http://hack.example.com"],
}
DEFAULTS = {
    "allow_empty_referer": True,
    "truncate_query_string": True,
    "truncate_path": False,
    "whitelist": [],
    "blacklist": [],
}
POLICY_XML = """<?xml version="1.0" encoding="UTF-8"?>
<RefererConfiguration>
  <AllowEmptyReferer>false</AllowEmptyReferer>
  <RefererList><Referer>http://www.example.com</Referer></RefererList>
</RefererConfiguration>
"""


@pytest.fixture
def refgate(server):
    """Runs refgate with arguments against the server."""

    def run(*arguments, stdin=""):
        return subprocess.run(
            [binary(), *arguments],
            env=os.environ | CREDENTIALS | {
                "REFGATE_ENDPOINT": server.endpoint,
                "REFGATE_ADMIN_ENDPOINT": server.admin_endpoint,
            },
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


@pytest.fixture
def bucket(refgate, fresh_name):
    done(refgate("bucket", "create", fresh_name))
    return fresh_name


def done(result):
    assert result.returncode == 0, result.stderr
    return result.stdout


def policy_of(refgate, bucket):
    return json.loads(done(refgate("referer", "get", bucket, "--format", "json")))


@pytest.mark.parametrize("command", [[], ["serve"], ["bucket"], ["referer"], ["referer", "check"]])
def test_help_is_there_at_every_level(command):
    result = subprocess.run(
        [binary(), *command, "--help"], capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0
    assert "Usage:" in result.stdout


def test_a_wrong_setting_is_one_line_and_status_two(tmp_path):
    result = subprocess.run(
        [binary(), "serve", "--data-dir", str(tmp_path), "--listen", "not an address"],
        capture_output=True, text=True, timeout=60,
    )
    assert result.returncode == 2
    assert "not an address" in result.stderr
    assert "panicked" not in result.stderr


def test_buckets_are_created_listed_and_removed(refgate, fresh_name):
    done(refgate("bucket", "create", fresh_name))
    assert fresh_name in done(refgate("bucket", "ls"))
    done(refgate("bucket", "rm", fresh_name))
    assert fresh_name not in done(refgate("bucket", "ls"))


def test_a_policy_is_put_as_json_and_comes_back(refgate, bucket, tmp_path):
    file = tmp_path / "policy.json"
    file.write_text(json.dumps(POLICY))
    done(refgate("referer", "put", bucket, str(file)))
    assert policy_of(refgate, bucket) == POLICY


def test_a_policy_is_put_as_xml_from_standard_input(refgate, bucket):
    done(refgate("referer", "put", bucket, "-", stdin=POLICY_XML))
    assert policy_of(refgate, bucket) == DEFAULTS | {
        "allow_empty_referer": False,
        "whitelist": ["http://www.example.com"],
    }


def test_a_policy_is_shown_as_xml(refgate, bucket):
    done(refgate("referer", "put", bucket, "-", stdin=json.dumps(POLICY)))
    policy = ElementTree.fromstring(done(refgate("referer", "get", bucket, "--format", "xml")))
    assert policy.tag == "RefererConfiguration"
    assert policy.findtext("AllowEmptyReferer") == "false"
    assert policy.findtext("TruncatePath") == "true"
    assert [r.text for r in policy.findall("RefererList/Referer")] == POLICY["whitelist"]
    assert [r.text for r in policy.findall("RefererBlacklist/Referer")] == POLICY["blacklist"]


def test_what_is_shown_can_be_put_again(refgate, bucket):
    done(refgate("referer", "put", bucket, "-", stdin=json.dumps(POLICY)))
    for form in ("xml", "json"):
        shown = done(refgate("referer", "get", bucket, "--format", form))
        done(refgate("referer", "reset", bucket))
        done(refgate("referer", "put", bucket, "-", stdin=shown))
        assert policy_of(refgate, bucket) == POLICY


def test_reset_is_the_way_back(refgate, bucket):
    done(refgate("referer", "put", bucket, "-", stdin=json.dumps(POLICY)))
    done(refgate("referer", "reset", bucket))
    assert policy_of(refgate, bucket) == DEFAULTS


@pytest.mark.parametrize(
    ("referer", "allowed", "rule"),
    [
        ("http://www.example.com/page", True, "http://www.example.com"),
        ("http://hack.example.com/", False, "http://hack.example.com"),
        ("http://thief.example.net/", False, ""),
        ("", False, ""),
    ],
)
def test_check_says_the_decision_and_the_rule(refgate, bucket, referer, allowed, rule):
    done(refgate("referer", "put", bucket, "-", stdin=json.dumps(POLICY)))
    result = refgate("referer", "check", bucket, "--referer", referer)
    assert result.returncode == (0 if allowed else 1), result.stderr
    assert result.stdout.startswith("allowed" if allowed else "denied")
    assert rule in result.stdout


def test_a_missing_bucket_is_said_plainly(refgate, fresh_name):
    for command in (["bucket", "rm"], ["referer", "get"], ["referer", "reset"]):
        result = refgate(*command, fresh_name)
        assert result.returncode not in (0, 101)
        assert "NoSuchBucket" in result.stderr or "does not exist" in result.stderr
        assert "panicked" not in result.stderr


def test_a_file_that_is_no_policy_changes_nothing(refgate, bucket):
    done(refgate("referer", "put", bucket, "-", stdin=json.dumps(POLICY)))
    for nonsense in ("", "nonsense", "<Other/>", '{"whitelist": 3}'):
        result = refgate("referer", "put", bucket, "-", stdin=nonsense)
        assert result.returncode not in (0, 101), nonsense
        assert "panicked" not in result.stderr
    assert policy_of(refgate, bucket) == POLICY
