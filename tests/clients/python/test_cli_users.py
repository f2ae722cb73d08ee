"""The commands for users, keys, policies, buckets and objects."""

import json
import os
import subprocess

import oss2
import pytest
import requests

from server import CREDENTIALS, REGION, binary

ALLOW_ALL = {
    "Version": "1",
    "Statement": [{"Effect": "Allow", "Action": ["oss:*"], "Resource": ["*"]}],
}


@pytest.fixture
def refgate(server):
    """Runs refgate with arguments against the server; `stdin` is bytes."""

    def run(*arguments, stdin=b"", **environment):
        return subprocess.run(
            [binary(), *map(str, arguments)],
            env=os.environ | CREDENTIALS | {
                "REFGATE_ENDPOINT": server.endpoint,
                "REFGATE_ADMIN_ENDPOINT": server.admin_endpoint,
            } | environment,
            input=stdin,
            capture_output=True,
            timeout=60,
        )

    return run


def done(result):
    assert result.returncode == 0, result.stderr
    assert result.stderr == b""
    return result.stdout


def refused(result, *words, status=1):
    assert result.returncode == status, result
    assert result.stdout == b""
    text = result.stderr.decode()
    assert text.startswith("refgate: ") and text.count("\n") == 1, text
    assert all(word in text for word in words), text


@pytest.fixture
def bucket(refgate, fresh_name):
    done(refgate("bucket", "create", fresh_name))
    return fresh_name


@pytest.fixture
def user(refgate, fresh_name):
    name = f"user-{fresh_name}"
    done(refgate("user", "create", name))
    return name


def secret_of(output):
    """The key in what a person is shown."""
    fields = dict(line.split("  ", 1) for line in output.decode().splitlines())
    secret = fields["access key secret"].strip().split("  ")[0]
    return fields["access key id"].strip(), secret


def test_a_user_from_beginning_to_end(server, refgate, bucket, user):
    policy = json.dumps(ALLOW_ALL).encode()
    done(refgate("policy", "put", f"all-{bucket}", "-", stdin=policy))
    assert json.loads(done(refgate("policy", "get", f"all-{bucket}"))) == ALLOW_ALL
    assert f"all-{bucket}".encode() in done(refgate("policy", "ls"))
    key_id, secret = secret_of(done(refgate("key", "create", user)))
    client = oss2.Bucket(oss2.AuthV4(key_id, secret), server.endpoint, bucket, region=REGION)
    with pytest.raises(oss2.exceptions.AccessDenied):
        client.put_object("object", b"x")
    done(refgate("user", "attach", user, f"all-{bucket}"))
    client.put_object("object", b"x")
    shown = json.loads(done(refgate("user", "show", user, "--format", "json")))
    assert shown["policies"] == [f"all-{bucket}"]
    assert [key["access_key_id"] for key in shown["keys"]] == [key_id]
    assert secret not in json.dumps(shown)

    done(refgate("key", "disable", key_id))
    with pytest.raises(oss2.exceptions.ServerError) as failure:
        client.get_object("object")
    assert failure.value.code == "InvalidAccessKeyId"
    assert b"disabled" in done(refgate("key", "ls", user))
    done(refgate("key", "enable", key_id))
    client.get_object("object")
    rotated = json.loads(done(refgate("key", "rotate", key_id, "--format", "json")))
    assert rotated["user"] == user and rotated["access_key_secret"] != secret
    refused(refgate("key", "create", user), "at most 2 access keys")
    done(refgate("key", "rm", key_id))

    refused(refgate("policy", "rm", f"all-{bucket}"), "Users have the policy")
    done(refgate("user", "detach", user, f"all-{bucket}"))
    done(refgate("policy", "rm", f"all-{bucket}"))
    done(refgate("user", "rm", user))
    refused(refgate("user", "show", user), user, "404")
    assert user.encode() not in done(refgate("user", "ls"))


def test_a_policy_with_a_mistake_is_refused_by_its_name(refgate, bucket):
    wrong = json.loads(json.dumps(ALLOW_ALL))
    wrong["Statement"][0]["Condition"] = {"StringEquals": {"acs:Nothing": "x"}}
    text = json.dumps(wrong).encode()
    refused(refgate("policy", "put", f"p-{bucket}", "-", stdin=text), "acs:Nothing")
    refused(refgate("bucket", "policy", "put", bucket, "-", stdin=text), "acs:Nothing")
    of_a_user = json.dumps(ALLOW_ALL).encode()
    refused(refgate("bucket", "policy", "put", bucket, "-", stdin=of_a_user), "Principal")
    refused(refgate("policy", "get", f"p-{bucket}"), "404")
    refused(refgate("bucket", "policy", "get", bucket), "NoSuchBucketPolicy")


# What is wrong with a command line, the status that it ends with, and a word of what is said.
BAD_COMMANDS = [
    ("user create", 2, "USER"),
    ("user create a/b", 2, "a user's name"),
    ("user create root", 2, "root is the owner"),
    ("user create {user}", 1, "already"),
    ("user show nobody", 1, "no user nobody"),
    ("user rm nobody", 1, "no user nobody"),
    ("user attach {user} none", 1, "no policy none"),
    ("user attach {user} a.b", 2, "a policy's name"),
    ("user attach nobody none", 1, "no user nobody"),
    ("user detach {user} none", 1, "no policy none"),
    ("user become {user}", 2, "become"),
    ("key ls nobody", 1, "no user nobody"),
    ("key create nobody", 1, "no user nobody"),
    ("key rotate LTAInone", 1, "no access key LTAInone"),
    ("key disable LTAInone", 1, "no access key LTAInone"),
    ("key enable LTAInone", 1, "no access key LTAInone"),
    ("key rm LTAInone", 1, "no access key LTAInone"),
    ("key disable a:b", 2, "a:b"),
    ("policy get none", 1, "no policy none"),
    ("policy rm none", 1, "no policy none"),
    ("policy put p /nowhere/policy.json", 1, "/nowhere/policy.json"),
    ("policy put p -", 1, "InvalidPolicyDocument"),
    ("policy put a.b -", 2, "a policy's name"),
    ("sts --user nobody", 1, "no user nobody"),
    ("sts --policy /nowhere/policy.json", 1, "/nowhere/policy.json"),
    ("sts --policy -", 1, "not JSON"),
    ("sts --user {user} --duration 43201", 1, "900 to 43200"),
    ("sts --user {user} --duration soon", 2, "soon"),
    ("bucket policy get none-of-this-name", 1, "NoSuchBucket"),
    ("bucket policy put {bucket} -", 1, "InvalidPolicyDocument"),
    ("bucket policy put {bucket} /nowhere/policy.json", 1, "/nowhere/policy.json"),
    ("bucket acl {bucket} --set everybody", 2, "everybody"),
    ("bucket acl none-of-this-name", 1, "NoSuchBucket"),
    ("bucket acl A_B", 2, "A_B"),
    ("object put {bucket}", 2, "KEY"),
    ("object get none-of-this-name key -", 1, "NoSuchBucket"),
    ("object get {bucket} none -", 1, "NoSuchKey"),
    ("object stat {bucket} none", 1, "NoSuchKey"),
    ("object acl {bucket} none", 1, "NoSuchKey"),
    ("object acl {bucket} none --set everybody", 2, "everybody"),
    ("object ls none-of-this-name", 1, "NoSuchBucket"),
    ("object sign {bucket} key --expires 0", 2, "0"),
    ("object sign {bucket} key --expires 604801", 2, "604801"),
    ("object sign {bucket} key --method PATCH", 2, "PATCH"),
]


def test_bad_commands_are_one_line_and_change_nothing(refgate, bucket, user):
    def everything():
        lists = [("user", "show", user), ("policy", "ls"), ("object", "ls", bucket), ("bucket", "acl", bucket)]
        return [done(refgate(*arguments)) for arguments in lists]

    before = everything()
    for line, status, word in BAD_COMMANDS:
        arguments = [part.format(user=user, bucket=bucket) for part in line.split()]
        result = refgate(*arguments)
        assert result.returncode == status, (line, result)
        refused(result, word, status=status)
    for endpoint in ({"REFGATE_ADMIN_ENDPOINT": "http://127.0.0.1:1"}, {"REFGATE_ADMIN_ENDPOINT": "nowhere"}):
        status = 1 if "http" in endpoint["REFGATE_ADMIN_ENDPOINT"] else 2
        refused(refgate("user", "ls", **endpoint), "", status=status)
    wrong = {"REFGATE_ROOT_ACCESS_KEY_SECRET": "not-the-owners-secret"}
    refused(refgate("user", "ls", **wrong), "401")
    refused(refgate("object", "ls", bucket, **wrong), "SignatureDoesNotMatch")
    assert everything() == before


def test_temporary_credentials(server, refgate, bucket, user, tmp_path):
    narrow = tmp_path / "narrow.json"
    narrow.write_text(json.dumps({
        "Version": "1",
        "Statement": {"Effect": "Allow", "Action": "oss:GetObject",
                      "Resource": f"acs:oss:*:*:{bucket}/*"},
    }))
    done(refgate("object", "put", bucket, "object", "-", stdin=b"content"))
    made = json.loads(done(refgate(
        "sts", "--policy", narrow, "--duration", "900", "--format", "json"
    )))
    auth = oss2.StsAuth(
        made["access_key_id"], made["access_key_secret"], made["security_token"], auth_version="v4"
    )
    client = oss2.Bucket(auth, server.endpoint, bucket, region=REGION)
    assert client.get_object("object").read() == b"content"
    with pytest.raises(oss2.exceptions.AccessDenied):
        client.put_object("object", b"x")
    assert b"security token" in done(refgate("sts", "--user", user))
    refused(refgate("sts"), "user or a policy")
    refused(refgate("sts", "--user", user, "--duration", "899"), "900 to 43200")


def test_the_policy_and_the_acl_of_a_bucket(server, refgate, bucket):
    done(refgate("object", "put", bucket, "object", "-", stdin=b"content"))
    url = f"{server.endpoint}/{bucket}/object"
    assert requests.get(url, timeout=60).status_code == 403
    policy = json.loads(json.dumps(ALLOW_ALL))
    policy["Statement"][0]["Principal"] = ["*"]
    done(refgate("bucket", "policy", "put", bucket, "-", stdin=json.dumps(policy).encode()))
    assert requests.get(url, timeout=60).content == b"content"
    assert json.loads(done(refgate("bucket", "policy", "get", bucket))) == policy
    done(refgate("bucket", "policy", "rm", bucket))
    assert requests.get(url, timeout=60).status_code == 403
    assert done(refgate("bucket", "acl", bucket)) == b"private\n"
    assert done(refgate("bucket", "acl", bucket, "--set", "public-read")) == b"public-read\n"
    assert requests.get(url, timeout=60).content == b"content"
    assert done(refgate("object", "acl", bucket, "object", "--set", "private")) == b"private\n"
    assert requests.get(url, timeout=60).status_code == 403


def test_objects(refgate, bucket, tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    content = bytes(range(256)) * 40_000
    source.write_bytes(content)
    key = "folder/with space+plus%25 ключ?&#.bin"
    done(refgate("object", "put", bucket, key, source, "--content-type", "image/png"))
    done(refgate("object", "get", bucket, key, target))
    assert target.read_bytes() == content
    assert sorted(os.listdir(tmp_path)) == ["source", "target"], "nothing half is left"
    assert done(refgate("object", "get", bucket, key, "-")) == content
    shown = json.loads(done(refgate("object", "stat", bucket, key, "--format", "json")))
    assert (shown["content-type"], shown["content-length"]) == ("image/png", str(len(content)))
    done(refgate("object", "put", bucket, "other", "-", stdin=b""))
    listed = done(refgate("object", "ls", bucket, "--format", "json")).decode().splitlines()
    objects = [json.loads(line) for line in listed]
    assert [(o["key"], o["size"]) for o in objects] == [(key, len(content)), ("other", 0)]
    folders = done(refgate("object", "ls", bucket, "--delimiter", "/", "--format", "json"))
    assert json.loads(folders.decode().splitlines()[-1]) == {"prefix": "folder/"}
    assert done(refgate("object", "ls", bucket, "--prefix", "none")) == b""
    refused(refgate("object", "put", bucket, "other", source, "--no-overwrite"), "FileAlreadyExists")
    done(refgate("object", "rm", bucket, key, "other"))
    refused(refgate("object", "stat", bucket, key), "NoSuchKey", "0026-00000001")
    refused(refgate("object", "get", bucket, key, target), "NoSuchKey")
    assert target.read_bytes() == content, "a failed download changes nothing"
    refused(refgate("object", "put", bucket, key, tmp_path), "is a folder")
    assert sorted(os.listdir(tmp_path)) == ["source", "target"], "nothing half is left"
    refused(refgate("object", "put", bucket, key, tmp_path / "none"), "cannot read")


def test_a_download_touches_no_other_file(refgate, bucket, tmp_path):
    done(refgate("object", "put", bucket, "key", "-", stdin=b"content"))
    target, own = tmp_path / "out", tmp_path / "out.part"
    own.write_bytes(b"the user's own")
    for name in ("key", "none"):
        got = refgate("object", "get", bucket, name, target)
        assert (got.returncode == 0) == (name == "key")
        assert own.read_bytes() == b"the user's own"
        assert target.read_bytes() == b"content"
    assert sorted(os.listdir(tmp_path)) == ["out", "out.part"]
    umask = os.umask(0)
    os.umask(umask)
    assert target.stat().st_mode & 0o777 == 0o666 & ~umask


def test_a_file_that_is_too_large_is_not_sent(refgate, bucket, tmp_path):
    source = tmp_path / "large"
    with source.open("wb") as file:
        file.truncate((5 << 30) + 1)
    refused(refgate("object", "put", bucket, "key", source), "over 5 GiB")
    assert done(refgate("object", "ls", bucket)) == b""


def test_a_signed_url(refgate, bucket):
    done(refgate("object", "put", bucket, "a b", "-", stdin=b"content"))
    url = done(refgate("object", "sign", bucket, "a b", "--expires", "60")).decode().strip()
    assert requests.get(url, timeout=60).content == b"content"
    assert requests.put(url, data=b"x", timeout=60).status_code == 403
    url = done(refgate("object", "sign", bucket, "new", "--method", "PUT")).decode().strip()
    assert requests.put(url, data=b"new", timeout=60).status_code == 200
    assert done(refgate("object", "get", bucket, "new", "-")) == b"new"


def test_more_objects_than_a_page(refgate, bucket, owner_bucket):
    for number in range(1005):
        owner_bucket.put_object(f"{number:04}", b"")
    name = owner_bucket.bucket_name
    lines = done(refgate("object", "ls", name)).decode().splitlines()
    assert [line.split()[-1] for line in lines] == [f"{number:04}" for number in range(1005)]
