"""What transfers have in common: content, its checksums, and a wire that tells what was sent.

Both Python SDKs send with `requests`, so what they send is seen where `requests` hands it over.
"""

import hashlib
import threading
import urllib.parse

import crcmod
import oss2
import requests

from server import ACCESS_KEY_ID, ACCESS_KEY_SECRET, REGION

PART = 100 * 1024
PARTS = 8
ALL_PARTS = list(range(1, PARTS + 1))
SIZE = (PARTS - 1) * PART + 77

BUCKET = "of-transfers"
KEY = "folder/large + file.bin"


def content(seed):
    """Bytes of which no two parts are alike."""
    block = hashlib.sha256(str(seed).encode()).digest()
    blocks = (hashlib.sha256(block + n.to_bytes(4)).digest() for n in range(SIZE // 32 + 1))
    return b"".join(blocks)[:SIZE]


def crc64(data):
    """CRC-64/XZ by crcmod's own computation."""
    polynomial, ones = 0x142F0E1EBA9EA3693, 0xFFFFFFFFFFFFFFFF
    return crcmod.mkCrcFun(polynomial, initCrc=0, xorOut=ones, rev=True)(data)


def etag_of_parts(data):
    parts = [data[at : at + PART] for at in range(0, len(data), PART)]
    whole = hashlib.md5(b"".join(hashlib.md5(part).digest() for part in parts))
    return f"{whole.hexdigest().upper()}-{len(parts)}"


class Wire(requests.adapters.HTTPAdapter):
    """Remembers which parts were put and which ranges were got, by part number or first byte.

    `before(count)` is called ahead of each, `count` being its number; it may cut the wire.
    """

    def __init__(self, before=lambda count: None):
        super().__init__(max_retries=0)
        self.before = before
        self.sent = []
        self.answered = []
        self._lock = threading.Lock()

    def send(self, request, **kwargs):
        transfer = transfer_of(request)
        if transfer is None:
            return super().send(request, **kwargs)
        with self._lock:
            self.sent.append(transfer)
            self.before(len(self.sent))
        answer = super().send(request, **kwargs)
        if answer.ok:
            self.answered.append(transfer)
        return answer


def transfer_of(request):
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(request.url).query)
    if "partNumber" in query:
        return int(query["partNumber"][0])
    if request.method == "GET" and "Range" in request.headers:
        return int(request.headers["Range"].removeprefix("bytes=").split("-")[0])
    return None


def at(number, action):
    """Performs an action ahead of one transfer."""
    return lambda count: action() if count == number else None


def oss2_bucket(server, wire=None, version="v4"):
    """The bucket by oss2, in path style."""
    auth = {"v1": oss2.Auth, "v4": oss2.AuthV4}[version](ACCESS_KEY_ID, ACCESS_KEY_SECRET)
    session = oss2.Session(adapter=wire or Wire())
    return oss2.Bucket(auth, server.endpoint, BUCKET, session=session, region=REGION)


class Interrupted(Exception):
    """What a progress callback raises."""


def interrupting(after):
    """A progress callback that gives up when so many bytes are done."""

    def progress(done, total):
        if done >= after:
            raise Interrupted

    return progress
