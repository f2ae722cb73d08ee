"""The uploader, the copier, the downloader, the paginators, file-like objects and streamed bodies
of alibabacloud-oss-v2.

A transfer is interrupted by SIGKILL of the server in the middle, or by a progress callback that
raises, and goes on from its checkpoint: what had arrived is not sent again.
"""

import alibabacloud_oss_v2 as oss
import pytest
from alibabacloud_oss_v2.transport import RequestsHttpClient

from server import ACCESS_KEY_ID, ACCESS_KEY_SECRET, REGION
from test_objects_oss_v2 import error_of
from test_reference_oss_v2 import BucketOf
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
)


def owner_of(server, wire=None, version="v4", bucket=BUCKET):
    credentials = oss.credentials.StaticCredentialsProvider(ACCESS_KEY_ID, ACCESS_KEY_SECRET)
    config = oss.config.Config(
        region=REGION,
        endpoint=server.endpoint,
        signature_version=version,
        credentials_provider=credentials,
        use_path_style=True,
        retry_max_attempts=1,
        http_client=RequestsHttpClient(adapter=wire or Wire()),
    )
    return BucketOf(oss.Client(config), bucket)


@pytest.fixture
def owner(server, fresh_name):
    owner = owner_of(server, bucket=fresh_name)
    owner.call("put_bucket")
    return owner


def checkpoints(tmp_path):
    folder = tmp_path / "checkpoints"
    folder.mkdir(exist_ok=True)
    return {"enable_checkpoint": True, "checkpoint_dir": f"{folder}/"}


def upload(owner, file, tmp_path, parallel=1, progress=None):
    uploader = owner.client.uploader(
        part_size=PART, parallel_num=parallel, **checkpoints(tmp_path)
    )
    request = oss.PutObjectRequest(bucket=BUCKET, key=KEY, progress_fn=progress)
    return uploader.upload_file(request, str(file))


def download(owner, target, tmp_path, parallel=1):
    downloader = owner.client.downloader(
        part_size=PART,
        parallel_num=parallel,
        use_temp_file=True,
        verify_data=True,
        **checkpoints(tmp_path),
    )
    return downloader.download_file(oss.GetObjectRequest(bucket=BUCKET, key=KEY), str(target))


def check_uploaded(owner, data):
    got = owner.call("get_object", key=KEY)
    assert got.body.content == data
    assert got.hash_crc64 == str(crc64(data))
    assert (got.etag, got.object_type) == (f'"{etag_of_parts(data)}"', "Multipart")
    assert not owner.call("list_multipart_uploads").uploads


# --- the uploader ------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["v1", "v4"])
def test_an_upload_goes_on_after_its_server_was_killed(start, tmp_path, file, version):
    server = start()
    first = Wire(at(5, server.kill))
    owner = owner_of(server, first, version)
    owner.call("put_bucket")
    with pytest.raises(oss.uploader.UploadError):
        upload(owner, file, tmp_path)
    second = Wire()
    owner = owner_of(start(), second, version)
    # The SDK combines the checksums of the parts that are there with those that it sends.
    result = upload(owner, file, tmp_path)
    assert (first.answered, second.sent) == ([1, 2, 3, 4], [5, 6, 7, 8])
    assert result.hash_crc64 == str(crc64(content("file")))
    check_uploaded(owner, content("file"))


def test_an_upload_goes_on_after_its_client_gave_up(start, tmp_path, file):
    def interrupting(_, done, total):
        if done >= 3 * PART:
            raise Interrupted

    wire = Wire()
    owner = owner_of(start(), wire)
    owner.call("put_bucket")
    with pytest.raises(Interrupted):
        upload(owner, file, tmp_path, progress=interrupting)
    assert wire.answered == [1, 2, 3]
    upload(owner, file, tmp_path)
    assert wire.sent == ALL_PARTS
    check_uploaded(owner, content("file"))


def test_an_upload_by_several_threads_goes_on(start, tmp_path, file):
    server = start()
    owner = owner_of(server, Wire(at(6, server.kill)))
    owner.call("put_bucket")
    with pytest.raises(oss.uploader.UploadError):
        upload(owner, file, tmp_path, parallel=3)
    wire = Wire()
    owner = owner_of(start(), wire)
    upload(owner, file, tmp_path, parallel=3)
    # This SDK goes on behind the parts that are there without a gap.
    assert sorted(wire.sent) == ALL_PARTS[-len(wire.sent) :] and len(wire.sent) < PARTS
    check_uploaded(owner, content("file"))


def test_a_stream_is_uploaded_in_parts(owner):
    data = content("stream")

    class Stream:
        """Can be read, and neither sought nor measured."""

        def __init__(self):
            self.at = 0

        def read(self, size=-1):
            piece = data[self.at : self.at + size] if size >= 0 else data[self.at :]
            self.at += len(piece)
            return piece

    uploader = owner.client.uploader(part_size=PART, parallel_num=2)
    result = uploader.upload_from(oss.PutObjectRequest(bucket=owner.name, key=KEY), Stream())
    assert result.etag == f'"{etag_of_parts(data)}"'
    assert owner.call("get_object", key=KEY).body.content == data


def test_parts_are_completed_without_a_list(owner):
    data = content("all")
    begun = owner.call("initiate_multipart_upload", key=KEY)
    for number in reversed(ALL_PARTS):
        owner.call(
            "upload_part",
            key=KEY,
            upload_id=begun.upload_id,
            part_number=number,
            body=data[(number - 1) * PART : number * PART],
        )
    done = owner.call(
        "complete_multipart_upload", key=KEY, upload_id=begun.upload_id, complete_all="yes"
    )
    assert done.hash_crc64 == str(crc64(data))
    check_uploaded(owner, data)


# --- the copier --------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [PART, PART + 50_000, 3 * PART])
def test_an_object_is_copied_in_parts(owner, file, fresh_name, size):
    data = content("file")
    request = oss.PutObjectRequest(
        bucket=owner.name, key=KEY, metadata={"author": "alice"}, tagging="k=v"
    )
    owner.client.uploader(part_size=PART, parallel_num=2).upload_file(request, str(file))
    target = BucketOf(owner.client, f"{fresh_name}-too")
    target.call("put_bucket")
    copier = owner.client.copier(
        part_size=size, parallel_num=2, multipart_copy_threshold=1, disable_shallow_copy=True
    )
    result = copier.copy(
        oss.CopyObjectRequest(
            bucket=target.name, key="copy", source_bucket=owner.name, source_key=KEY
        )
    )
    assert result.etag.endswith(f'-{-(-SIZE // size)}"')
    owner.call("delete_object", key=KEY)
    got = target.call("get_object", key="copy")
    assert (got.body.content, got.hash_crc64) == (data, str(crc64(data)))
    assert got.metadata["author"] == "alice"
    tags = target.call("get_object_tagging", key="copy").tag_set.tags
    assert [(tag.key, tag.value) for tag in tags] == [("k", "v")]
    assert not target.call("list_multipart_uploads").uploads


# --- the downloader ----------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["v1", "v4"])
def test_a_download_goes_on_after_its_server_was_killed(start, tmp_path, version):
    server = start()
    first = Wire(at(4, server.kill))
    owner = owner_of(server, first, version)
    owner.call("put_bucket")
    owner.call("put_object", key=KEY, body=content("there"))
    target = tmp_path / "target.bin"
    with pytest.raises(oss.downloader.DownloadError):
        download(owner, target, tmp_path)
    assert first.answered == [0, PART, 2 * PART]
    assert not target.exists()
    second = Wire()
    download(owner_of(start(), second, version), target, tmp_path)
    assert second.sent == [number * PART for number in range(3, PARTS)]
    assert target.read_bytes() == content("there")


def test_a_download_by_several_threads_is_whole(start, tmp_path):
    server = start()
    owner = owner_of(server, Wire(at(5, server.kill)))
    owner.call("put_bucket")
    owner.call("put_object", key=KEY, body=content("there"))
    target = tmp_path / "target.bin"
    with pytest.raises(oss.downloader.DownloadError):
        download(owner, target, tmp_path, parallel=3)
    owner = owner_of(start())
    # Another object has its place by now: nothing of the old one is kept.
    owner.call("put_object", key=KEY, body=content("new"))
    download(owner, target, tmp_path, parallel=3)
    assert target.read_bytes() == content("new")


# --- paginators --------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 2, 1000])
def test_paginators_see_every_name_once(owner, limit):
    names = [f"a/{n:02}" for n in range(5)] + ["b", "c/d/e", "c/中文 +", "z"]
    for name in names:
        owner.call("put_object", key=name, body=name.encode())
    for operation, request in [
        ("list_objects", oss.ListObjectsRequest),
        ("list_objects_v2", oss.ListObjectsV2Request),
    ]:
        paginator = getattr(owner.client, f"{operation}_paginator")(limit=limit)

        def pages(**fields):
            return list(paginator.iter_page(request(bucket=owner.name, **fields)))

        def keys(**fields):
            return [found.key for page in pages(**fields) for found in page.contents or []]

        assert keys() == names
        assert keys(prefix="c/") == ["c/d/e", "c/中文 +"]
        grouped = pages(delimiter="/")
        assert keys(delimiter="/") == ["b", "z"]
        groups = [group.prefix for page in grouped for group in page.common_prefixes or []]
        assert groups == ["a/", "c/"]
        assert len(grouped) == {1: 4, 2: 2, 1000: 1}[limit]


@pytest.mark.parametrize("limit", [1, 2, 1000])
def test_paginators_see_every_upload_and_every_part_once(owner, limit):
    begun = []
    for key in ["a/1", "b", "b", "b", "c"]:
        upload_id = owner.call("initiate_multipart_upload", key=key).upload_id
        begun.append((key, upload_id))
    paginator = owner.client.list_multipart_uploads_paginator(limit=limit)
    pages = paginator.iter_page(oss.ListMultipartUploadsRequest(bucket=owner.name))
    got = [(found.key, found.upload_id) for page in pages for found in page.uploads or []]
    assert got == begun

    key, upload_id = begun[1]
    for number in (7, 1, 10_000):
        body = b"part %d" % number
        owner.call("upload_part", key=key, upload_id=upload_id, part_number=number, body=body)
    paginator = owner.client.list_parts_paginator(limit=limit)
    request = oss.ListPartsRequest(bucket=owner.name, key=key, upload_id=upload_id)
    parts = [part for page in paginator.iter_page(request) for part in page.parts or []]
    assert [(part.part_number, part.size) for part in parts] == [(1, 6), (7, 6), (10_000, 10)]
    assert [part.hash_crc64 for part in parts] == [
        str(crc64(b"part %d" % number)) for number in (1, 7, 10_000)
    ]


def test_a_paginator_sees_every_bucket_once(owner, fresh_name):
    names = sorted([fresh_name] + [f"{fresh_name}-{n}" for n in range(4)])
    for name in names[1:]:
        owner.client.put_bucket(oss.PutBucketRequest(bucket=name))
    paginator = owner.client.list_buckets_paginator(limit=2)
    pages = paginator.iter_page(oss.ListBucketsRequest(prefix=fresh_name))
    assert [bucket.name for page in pages for bucket in page.buckets or []] == names


# --- files, and bodies that do not tell their length -------------------------------------------


def pieces(data, step=10_007):
    for start in range(0, len(data), step):
        yield data[start : start + step]


def test_a_file_is_appended_to(owner):
    first = oss.AppendObjectRequest(content_type="text/x-log", metadata={"of": "tests"})
    with owner.client.append_file(owner.name, KEY, create_parameter=first) as log:
        assert log.write(b"hello ") == 6
        assert log.write(b"world") == 5
    with owner.client.append_file(owner.name, KEY) as log:
        assert log.tell() == 11
        log.write_from(b"!")
    got = owner.call("get_object", key=KEY)
    assert (got.body.content, got.object_type) == (b"hello world!", "Appendable")
    assert (got.content_type, got.metadata["of"]) == ("text/x-log", "tests")
    assert got.next_append_position == 12

    error = error_of(lambda: owner.call("append_object", key=KEY, position=11, body=b"x"))
    assert (error.status_code, error.code) == (409, "PositionNotEqualToLength")
    assert (error.ec, error.headers["x-oss-next-append-position"]) == ("0026-00000016", "12")
    owner.call("put_object", key="put", body=b"put")
    error = error_of(lambda: owner.call("append_object", key="put", position=3, body=b"x"))
    assert (error.status_code, error.code) == (409, "ObjectNotAppendable")


def test_an_object_is_read_as_a_file(owner):
    data = content("there")
    owner.call("put_object", key=KEY, body=data)
    with owner.client.open_file(owner.name, KEY) as file:
        file.seek(3 * PART)
        assert file.read(1000) == data[3 * PART : 3 * PART + 1000]
        file.seek(-77, 2)
        assert file.read() == data[-77:]


def test_generators_are_sent_in_chunks(owner):
    data = content("generated")
    put = owner.call("put_object", key="put", body=pieces(data))
    assert put.hash_crc64 == str(crc64(data))
    upload_id = owner.call("initiate_multipart_upload", key="parts").upload_id
    part = owner.call(
        "upload_part", key="parts", upload_id=upload_id, part_number=1, body=pieces(data)
    )
    listed = oss.CompleteMultipartUpload(parts=[oss.UploadPart(part_number=1, etag=part.etag)])
    owner.call(
        "complete_multipart_upload",
        key="parts",
        upload_id=upload_id,
        complete_multipart_upload=listed,
    )
    appended = owner.call("append_object", key="log", position=0, body=pieces(data))
    assert (appended.next_position, appended.hash_crc64) == (SIZE, str(crc64(data)))
    for key in ("put", "parts", "log"):
        assert owner.call("get_object", key=key).body.content == data
