"""Resumable transfers, iterators, copies of parts, appends, streamed bodies and client-side
encryption with oss2.

A transfer is interrupted by SIGKILL of the server in the middle, or by a progress callback that
raises, and goes on from its checkpoint: what had arrived is not sent again.
"""

import hashlib
from concurrent.futures import ThreadPoolExecutor

import oss2
import pytest
from Crypto.PublicKey import RSA
from oss2.crypto import RsaProvider

from server import ACCESS_KEY_ID, ACCESS_KEY_SECRET, REGION
from transfers import (
    ALL_PARTS,
    BUCKET,
    KEY,
    PART,
    PARTS,
    SIZE,
    Interrupted,
    Wire,
    at,
    content,
    crc64,
    etag_of_parts,
    interrupting,
    oss2_bucket,
)


def upload(bucket, file, store, threads=1, progress=None):
    return oss2.resumable_upload(
        bucket,
        KEY,
        str(file),
        store=oss2.ResumableStore(root=str(store)),
        multipart_threshold=1,
        part_size=PART,
        num_threads=threads,
        progress_callback=progress,
    )


def download(bucket, file, store, progress=None):
    oss2.resumable_download(
        bucket,
        KEY,
        str(file),
        store=oss2.ResumableDownloadStore(root=str(store)),
        multiget_threshold=1,
        part_size=PART,
        num_threads=1,
        progress_callback=progress,
    )


def check_uploaded(bucket, data):
    got = bucket.get_object(KEY)
    assert got.read() == data
    assert got.server_crc == crc64(data)
    assert (got.etag, got.object_type) == (etag_of_parts(data), "Multipart")
    assert list(oss2.MultipartUploadIterator(bucket)) == []


# --- resumable uploads -------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["v1", "v4"])
@pytest.mark.parametrize("threads", [1, 3])
def test_an_upload_goes_on_after_its_server_was_killed(start, tmp_path, file, threads, version):
    server = start()
    first = Wire(at(5, server.kill))
    bucket = oss2_bucket(server, first, version)
    bucket.create_bucket()
    with pytest.raises(oss2.exceptions.RequestError):
        upload(bucket, file, tmp_path / "store", threads)
    if threads == 1:
        assert first.answered == [1, 2, 3, 4]

    second = Wire()
    bucket = oss2_bucket(start(), second, version)
    there = {part.part_number for part in parts_of(bucket)}
    assert there >= set(first.answered), "a part that was acknowledged is gone"
    upload(bucket, file, tmp_path / "store", threads)
    assert sorted(second.sent) == sorted(set(ALL_PARTS) - there)
    check_uploaded(bucket, content("file"))


def parts_of(bucket):
    [upload] = oss2.MultipartUploadIterator(bucket)
    return list(oss2.PartIterator(bucket, KEY, upload.upload_id, max_parts=2))


def test_an_upload_goes_on_after_its_client_gave_up(start, tmp_path, file):
    wire = Wire()
    bucket = oss2_bucket(start(), wire)
    bucket.create_bucket()
    with pytest.raises(Interrupted):
        upload(bucket, file, tmp_path / "store", progress=interrupting(3 * PART))
    assert wire.answered == [1, 2, 3]
    upload(bucket, file, tmp_path / "store")
    assert wire.sent == [1, 2, 3, 4, 5, 6, 7, 8]
    check_uploaded(bucket, content("file"))


def test_an_upload_whose_parts_were_given_up_begins_anew(start, tmp_path, file):
    wire = Wire()
    bucket = oss2_bucket(start(), wire)
    bucket.create_bucket()
    with pytest.raises(Interrupted):
        upload(bucket, file, tmp_path / "store", progress=interrupting(2 * PART))
    [open_upload] = oss2.MultipartUploadIterator(bucket)
    bucket.abort_multipart_upload(KEY, open_upload.upload_id)
    upload(bucket, file, tmp_path / "store")
    assert wire.sent == [1, 2, 1, 2, 3, 4, 5, 6, 7, 8]
    check_uploaded(bucket, content("file"))


# --- resumable downloads -----------------------------------------------------------------------


@pytest.mark.parametrize("version", ["v1", "v4"])
def test_a_download_goes_on_after_its_server_was_killed(start, tmp_path, version):
    server = start()
    first = Wire(at(4, server.kill))
    bucket = oss2_bucket(server, first, version)
    bucket.create_bucket()
    bucket.put_object(KEY, content("there"))
    target = tmp_path / "target.bin"
    with pytest.raises(oss2.exceptions.RequestError):
        download(bucket, target, tmp_path / "store")
    assert first.answered == [0, PART, 2 * PART]
    assert not target.exists()

    second = Wire()
    download(oss2_bucket(start(), second, version), target, tmp_path / "store")
    assert second.sent == [number * PART for number in range(3, PARTS)]
    assert target.read_bytes() == content("there")


def test_a_download_goes_on_after_its_client_gave_up(start, tmp_path):
    wire = Wire()
    bucket = oss2_bucket(start(), wire)
    bucket.create_bucket()
    bucket.put_object(KEY, content("there"))
    target = tmp_path / "target.bin"
    with pytest.raises(Interrupted):
        download(bucket, target, tmp_path / "store", progress=interrupting(5 * PART))
    download(bucket, target, tmp_path / "store")
    assert wire.sent == [number * PART for number in range(PARTS)]
    assert target.read_bytes() == content("there")


def test_a_download_is_never_of_two_objects(start, tmp_path):
    wire = Wire()
    bucket = oss2_bucket(start(), wire)
    bucket.create_bucket()
    bucket.put_object(KEY, content("old"))
    target = tmp_path / "target.bin"
    # Replaced while its ranges are got: If-Match holds no more.
    wire.before = at(4, lambda: bucket.put_object(KEY, content("new")))
    with pytest.raises(oss2.exceptions.PreconditionFailed):
        download(bucket, target, tmp_path / "store")
    assert not target.exists()
    download(bucket, target, tmp_path / "store")
    assert target.read_bytes() == content("new")


# --- iterators ---------------------------------------------------------------------------------


def test_iterators_see_every_name_once(owner_bucket):
    names = [f"a/{n:02}" for n in range(7)] + ["b", "c/d/e", "c/中文 +", "z"]
    for name in names:
        owner_bucket.put_object(name, name)
    for iterator in (oss2.ObjectIterator, oss2.ObjectIteratorV2):
        for size in (1, 2, 1000):
            got = [entry.key for entry in iterator(owner_bucket, max_keys=size)]
            assert got == names
            grouped = iterator(owner_bucket, delimiter="/", max_keys=size)
            got = [(entry.key, entry.is_prefix()) for entry in grouped]
            assert sorted(got) == [("a/", True), ("b", False), ("c/", True), ("z", False)]
            got = [entry.key for entry in iterator(owner_bucket, prefix="c/", max_keys=size)]
            assert got == ["c/d/e", "c/中文 +"]
    after = oss2.ObjectIterator(owner_bucket, marker="a/05", max_keys=2)
    assert [entry.key for entry in after] == names[6:]


def test_iterators_see_every_upload_and_every_part_once(owner_bucket):
    begun = [
        (key, owner_bucket.init_multipart_upload(key).upload_id)
        for key in ["a/1", "a/2", "b", "b", "b", "c"]
    ]
    for size in (1, 2, 1000):
        uploads = oss2.MultipartUploadIterator(owner_bucket, max_uploads=size)
        assert [(upload.key, upload.upload_id) for upload in uploads] == begun
        uploads = oss2.MultipartUploadIterator(owner_bucket, prefix="b", max_uploads=size)
        assert [upload.upload_id for upload in uploads] == [id for _, id in begun[2:5]]
        uploads = oss2.MultipartUploadIterator(owner_bucket, delimiter="/", max_uploads=size)
        assert [upload.key for upload in uploads if upload.is_prefix()] == ["a/"]
        of_one = oss2.ObjectUploadIterator(owner_bucket, "b", max_uploads=size)
        assert [upload.upload_id for upload in of_one] == [id for _, id in begun[2:5]]
    key, upload_id = begun[0]
    for number in (7, 1, 10_000):
        owner_bucket.upload_part(key, upload_id, number, b"part %d" % number)
    for size in (1, 2, 1000):
        parts = oss2.PartIterator(owner_bucket, key, upload_id, max_parts=size)
        assert [(part.part_number, part.size) for part in parts] == [(1, 6), (7, 6), (10_000, 10)]


# --- copies of parts ---------------------------------------------------------------------------


def test_an_object_is_made_of_bytes_of_others(owner_bucket, file):
    oss2.resumable_upload(owner_bucket, KEY, str(file), multipart_threshold=1, part_size=PART)
    source, name = content("file"), owner_bucket.bucket_name
    upload_id = owner_bucket.init_multipart_upload("copy").upload_id
    # Across two parts, one as a whole, across many, all of them, and within one.
    ranges = [(5, PART + 4), (PART, 2 * PART - 1), (PART // 2, 5 * PART), (0, SIZE - 1), (7, 8)]
    parts = []
    for number, bounds in enumerate(ranges, 1):
        copied = owner_bucket.upload_part_copy(name, KEY, bounds, "copy", upload_id, number)
        parts.append(oss2.models.PartInfo(number, copied.etag))
    owner_bucket.delete_object(KEY)
    done = owner_bucket.complete_multipart_upload("copy", upload_id, parts)
    want = b"".join(source[first : last + 1] for first, last in ranges)
    assert done.crc == crc64(want)
    assert owner_bucket.get_object("copy").read() == want


def test_small_objects_that_were_put_together_are_copied_into_parts(owner_bucket):
    names = [f"small/{number}" for number in range(32)]
    bodies = {name: content(name)[: 3000 + 17 * at] for at, name in enumerate(names)}
    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(lambda name: owner_bucket.put_object(name, bodies[name]), names))
    for name in names:
        body, few = bodies[name], bodies[name][5:1005]
        upload_id = owner_bucket.init_multipart_upload("copy").upload_id
        copy = lambda bounds: owner_bucket.upload_part_copy(
            owner_bucket.bucket_name, name, bounds, "copy", upload_id, 1
        )
        # The second takes the place of the first.
        for bounds, want in (((0, len(body) - 1), body), ((5, 1004), few)):
            copied = copy(bounds)
            assert copied.etag == hashlib.md5(want).hexdigest().upper(), (name, bounds)
        owner_bucket.delete_object(name)
        parts = [oss2.models.PartInfo(1, copied.etag)]
        done = owner_bucket.complete_multipart_upload("copy", upload_id, parts)
        assert done.crc == crc64(few)
        assert owner_bucket.get_object("copy").read() == few, name


# --- bodies that do not tell their length ------------------------------------------------------


def pieces(data, step=10_007, fail_at=None):
    for start in range(0, len(data), step):
        if fail_at is not None and start >= fail_at:
            raise Interrupted
        yield data[start : start + step]


def test_generators_are_sent_in_chunks(owner_bucket):
    data = content("generated")
    put = owner_bucket.put_object("put", pieces(data))
    assert put.crc == crc64(data)
    upload_id = owner_bucket.init_multipart_upload("parts").upload_id
    etags = [owner_bucket.upload_part("parts", upload_id, n, pieces(data)).etag for n in (1, 2)]
    infos = [oss2.models.PartInfo(n + 1, etag) for n, etag in enumerate(etags)]
    owner_bucket.complete_multipart_upload("parts", upload_id, infos)
    owner_bucket.append_object("log", 0, pieces(data))
    appended = owner_bucket.append_object("log", SIZE, pieces(data))
    assert (appended.next_position, appended.crc) == (2 * SIZE, crc64(data + data))
    assert owner_bucket.get_object("put").read() == data
    for key in ("parts", "log"):
        assert owner_bucket.get_object(key).read() == data + data


def test_a_generator_that_fails_leaves_nothing(owner_bucket):
    data = content("generated")
    owner_bucket.put_object("put", b"old")
    owner_bucket.append_object("log", 0, b"old")
    upload_id = owner_bucket.init_multipart_upload("parts").upload_id
    broken = lambda: pieces(data, fail_at=SIZE // 2)
    for send in (
        lambda: owner_bucket.put_object("put", broken()),
        lambda: owner_bucket.append_object("log", 3, broken()),
        lambda: owner_bucket.upload_part("parts", upload_id, 1, broken()),
    ):
        with pytest.raises(Interrupted):
            send()
    assert owner_bucket.get_object("put").read() == b"old"
    assert owner_bucket.get_object("log").read() == b"old"
    assert list(oss2.PartIterator(owner_bucket, "parts", upload_id)) == []
    assert owner_bucket.append_object("log", 3, b"new").next_position == 6


# --- appends -----------------------------------------------------------------------------------


def test_appends_make_one_object(place):
    auth = oss2.AuthV4(ACCESS_KEY_ID, ACCESS_KEY_SECRET)
    bucket = oss2.Bucket(
        auth, place.endpoint, place.bucket, is_cname=place.is_cname, region=REGION
    )
    bucket.create_bucket()
    headers = {"Content-Type": "text/x-log", "x-oss-meta-of": "tests"}
    appended = bucket.append_object(KEY, 0, b"hello ", headers=headers, init_crc=0)
    appended = bucket.append_object(
        KEY, appended.next_position, b"world", init_crc=appended.crc
    )
    # The vendor's own example of a checksum.
    assert (appended.next_position, appended.crc) == (11, 5981764153023615706)
    head = bucket.head_object(KEY)
    assert (head.object_type, head.content_type) == ("Appendable", "text/x-log")
    assert head.headers["x-oss-next-append-position"] == "11"
    assert head.headers["x-oss-meta-of"] == "tests"

    with pytest.raises(oss2.exceptions.PositionNotEqualToLength) as raised:
        bucket.append_object(KEY, 6, b"again")
    assert (raised.value.status, raised.value.next_position) == (409, 11)
    bucket.put_object("put", b"put")
    with pytest.raises(oss2.exceptions.ObjectNotAppendable):
        bucket.append_object("put", 3, b"more")
    assert bucket.get_object(KEY).read() == b"hello world"
    assert bucket.get_object("put").read() == b"put"


# --- client-side encryption --------------------------------------------------------------------


@pytest.fixture(scope="module")
def provider():
    key = RSA.generate(2048)
    pair = {"private_key": key.export_key(), "public_key": key.publickey().export_key()}
    return RsaProvider(key_pair=pair, mat_desc={"of": "tests"})


def crypto_bucket(server, provider, wire=None):
    auth = oss2.AuthV4(ACCESS_KEY_ID, ACCESS_KEY_SECRET)
    session = oss2.Session(adapter=wire or Wire())
    return oss2.CryptoBucket(
        auth, server.endpoint, BUCKET, provider, session=session, region=REGION
    )


def test_encrypted_objects_come_back(start, tmp_path, provider):
    server = start()
    plain, bucket = oss2_bucket(server), crypto_bucket(server, provider)
    plain.create_bucket()
    data = content("secret")
    bucket.put_object(KEY, data, headers={"x-oss-meta-of": "tests"})
    got = bucket.get_object(KEY)
    assert got.read() == data
    assert got.headers["x-oss-meta-of"] == "tests"
    assert bucket.get_object(KEY, byte_range=(1001, 5000)).read() == data[1001:5001]
    stored = plain.get_object(KEY).read()
    assert len(stored) == SIZE and stored != data
    bucket.get_object_to_file(KEY, str(tmp_path / "target.bin"))
    assert (tmp_path / "target.bin").read_bytes() == data


def test_an_encrypted_upload_goes_on_after_its_server_was_killed(start, tmp_path, file, provider):
    server = start()
    first = Wire(at(4, server.kill))
    bucket = crypto_bucket(server, provider, first)
    bucket.create_bucket()
    with pytest.raises(oss2.exceptions.RequestError):
        upload(bucket, file, tmp_path / "store")
    second = Wire()
    bucket = crypto_bucket(start(), provider, second)
    upload(bucket, file, tmp_path / "store")
    assert (first.answered, second.sent) == ([1, 2, 3], [4, 5, 6, 7, 8])
    assert bucket.get_object(KEY).read() == content("file")
