"""Fixtures: one server per test run, a fresh bucket per test."""

import os
import uuid

# Nothing here may leave the machine, whatever proxy the environment names.
os.environ["NO_PROXY"] = "*"

import oss2
import pytest

import names
from places import PLACES, place_named
from server import ACCESS_KEY_ID, ACCESS_KEY_SECRET, REGION, Server
from transfers import content

names.resolve_locally()


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("refgate")
    try:
        server = Server(folder / "data", folder / "server.log")
    except RuntimeError as error:
        pytest.exit(f"no server to test: {error}", returncode=1)
    yield server
    assert server.end() == 0, server.log()


@pytest.fixture
def start(tmp_path):
    """Starts a server in a folder of the test's own, again and again: one may be killed before."""
    started = []

    def one():
        started.append(Server(tmp_path / "data", tmp_path / f"server-{len(started)}.log"))
        return started[-1]

    yield one
    for server in started:
        if server.is_running:
            assert server.end() == 0, server.log()


@pytest.fixture
def fresh_name():
    """A bucket name that no other test uses."""
    return f"test-{uuid.uuid4().hex[:16]}"


@pytest.fixture
def owner_bucket(server, fresh_name):
    """A fresh bucket through oss2 in path style, for tests that are not about addressing."""
    auth = oss2.AuthV4(ACCESS_KEY_ID, ACCESS_KEY_SECRET)
    bucket = oss2.Bucket(auth, server.endpoint, fresh_name, region=REGION)
    bucket.create_bucket()
    return bucket


@pytest.fixture
def file(tmp_path):
    """A file to transfer, of several parts."""
    path = tmp_path / "file.bin"
    path.write_bytes(content("file"))
    return path


@pytest.fixture(params=PLACES)
def place(request, server, fresh_name):
    """Where a bucket is found: by path, by virtual host, by CNAME. The bucket is not there yet."""
    place = place_named(request.param, server, fresh_name)
    yield place
    if place.is_cname:
        remove_bucket(server, place.bucket)


@pytest.fixture(params=["v1", "v4"])
def auth(request):
    return {"v1": oss2.Auth, "v4": oss2.AuthV4}[request.param](ACCESS_KEY_ID, ACCESS_KEY_SECRET)


@pytest.fixture
def bucket(auth, place):
    """A fresh bucket through oss2, with each signature in each place."""
    bucket = oss2.Bucket(
        auth, place.endpoint, place.bucket, is_cname=place.is_cname, region=REGION
    )
    bucket.create_bucket()
    return bucket


@pytest.fixture
def stranger(bucket, place):
    """The same bucket for whoever signs nothing."""
    return oss2.Bucket(
        oss2.AnonymousAuth(), place.endpoint, place.bucket, is_cname=place.is_cname
    )


def remove_bucket(server, name):
    """Frees a name for the next test. Only a CNAME's bucket is shared: its name is a setting."""
    auth = oss2.AuthV4(ACCESS_KEY_ID, ACCESS_KEY_SECRET)
    bucket = oss2.Bucket(auth, server.endpoint, name, region=REGION)
    try:
        for found in oss2.ObjectIteratorV2(bucket):
            bucket.delete_object(found.key)
        bucket.delete_bucket()
    except oss2.exceptions.NoSuchBucket:
        pass
