"""The cases: what is asked of both servers, and what is to be reached.

Targets are ratios of refgate to nginx in one run.
"""

import base64
import hashlib
import time
from dataclasses import dataclass, field

import corpus
import oss

SECRET = "benchmark"
"""What nginx's `secure_link` is signed with."""

REFERER = ("Referer", corpus.GOOD)

UNSIGNED, LINK = "GET 1 KiB, delivery domain", "GET 1 KiB, delivery domain, signed"
"""The same object on two delivery domains, whose difference is the signature."""

LINKS = "GET 1 KiB, delivery domain, 1 000 links in turn"
"""The same by links of which none is the last that its connection brought."""

FEW, MANY = "GET 1 KiB, 10 rules", "GET 1 KiB, 100 000 rules"

COMPARED = (
    ((FEW, MANY), "100 000 rules cost {} of processor time against 10 rules", 3),
    ((UNSIGNED, LINK), "A signed link costs {} of processor time against the same without a signature",
     5),
    ((UNSIGNED, LINKS), "A link that its connection did not bring last costs {}", None),
)
"""Cases of which one is held against another, in turn: what is said, and the target in percent."""


@dataclass(frozen=True)
class Case:
    """A request that both servers are asked."""

    name: str
    path: str = "/p1000/1k"
    connections: int = 32
    headers: tuple = (REFERER,)
    status: int = 200
    rate: float | None = None
    """The least ratio of requests per second."""
    cpu: float | None = None
    """The greatest ratio of processor time per request."""
    p99: float | None = None
    """The greatest ratio of the 99th percentile of latency."""
    script: str | None = None
    arguments: tuple = ()
    warm: int = 1
    """Seconds of each server before anything counts."""
    own_path: dict = field(default_factory=dict)
    """Paths that differ from server to server."""
    own_arguments: dict = field(default_factory=dict)
    """Arguments that do."""

    def path_of(self, server):
        return self.own_path.get(server.name, self.path)

    def arguments_of(self, server):
        return self.own_arguments.get(server.name, self.arguments)

    def headers_of(self, server):
        """A condition names the tag that the server itself gives."""
        if self.status != 304:
            return self.headers
        headers, _ = oss.send(server.port, "HEAD", self.path, b"", self.headers)
        return (*self.headers, ("If-None-Match", headers["ETag"]))


def cases(refgate, many, folder):
    """The cases. What does not fit on a command line is written into the folder."""
    return [
        Case("GET 1 KiB", rate=1.1, cpu=0.9),
        Case("GET 16 KiB", "/p1000/16k", rate=1.1, cpu=0.9),
        Case("GET 64 KiB", "/p1000/64k", rate=1.05, cpu=0.9),
        Case("GET 1 MiB", "/p1000/1m", rate=1.0, cpu=1.1),
        Case("GET 16 MiB", "/p1000/16m", rate=1.0, cpu=1.1, warm=3),
        Case(f"GET 1 KiB, {many:_} objects".replace("_", " "), rate=1.0,
             script="distinct.lua", arguments=("/p1000", many), warm=20),
        Case("304", status=304, rate=1.1),
        Case("64 KiB of 1 GiB", "/p1000/1g", status=206, rate=1.0,
             headers=(REFERER, ("Range", f"bytes={corpus.GIB // 2}-{corpus.GIB // 2 + 65535}"))),
        Case("denial", headers=(("Referer", corpus.BAD),), status=403, rate=1.2),
        Case(FEW, "/p10/1k"),
        Case(MANY, "/p100000/1k"),
        Case("GET 1 KiB, signed URL", own_path={
            "refgate": refgate.owner.presign("GET", f"/{corpus.SIGNED}/1k"),
            "nginx": secure_link(f"/{corpus.SIGNED}/1k"),
        }),
        Case(UNSIGNED, headers=(REFERER, ("Host", corpus.OPEN_HOST)), own_path={
            "refgate": "/1k",
        }),
        Case(LINK, headers=(REFERER, ("Host", corpus.LINKS_HOST)), own_path={
            "refgate": link("/1k"),
            "nginx": secure_link(f"/{corpus.SIGNED}/1k"),
        }),
        Case(LINKS, headers=(REFERER, ("Host", corpus.LINKS_HOST)), script="paths.lua",
             own_arguments={
                 "refgate": ("GET", listed(folder / "links.txt", link, "/1k"), 0),
                 "nginx": ("GET", listed(folder / "secure.txt", secure_link, f"/{corpus.SIGNED}/1k"), 0),
             }),
        Case("GET 1 KiB, 1 connection", connections=1),
        Case("GET 1 KiB, 512 connections", connections=512, p99=1.0),
    ]


def listed(file, signed, path):
    """A file of 1 000 links to a path."""
    file.write_text("".join(f"{signed(path, number)}\n" for number in range(1_000)))
    return file


def link(path, number=0):
    """A link of the delivery domain: type A of Alibaba Cloud CDN."""
    now = int(time.time()) + number
    digest = hashlib.md5(f"{path}-{now}-0-0-{corpus.LINK_KEY}".encode()).hexdigest()
    return f"{path}?auth_key={now}-0-0-{digest}"


def secure_link(path, number=0):
    expires = int(time.time()) + 86_400 + number
    digest = hashlib.md5(f"{expires}{path} {SECRET}".encode()).digest()
    return f"{path}?md5={base64.urlsafe_b64encode(digest).decode().rstrip('=')}&expires={expires}"


def locations():
    """What nginx does with the same requests."""
    for bucket, count in corpus.RULES.items():
        yield location(bucket, count, "")
    yield location(corpus.SIGNED, 1_000, f"""
            secure_link $arg_md5,$arg_expires;
            secure_link_md5 "$secure_link_expires$uri {SECRET}";
            if ($secure_link != "1") {{ return 403; }}""")


def location(bucket, count, more):
    referers = "\n                ".join(corpus.nginx_referers(count))
    return f"""
        location /{bucket}/ {{{more}
            valid_referers
                {referers};
            if ($invalid_referer) {{ return 403; }}
        }}"""


def same_headers(refgate):
    """The headers of refgate's answers that nginx would not send."""
    own = {"server", "date", "content-type", "content-length", "last-modified", "connection", "etag",
           "accept-ranges"}
    headers, _ = oss.send(refgate.port, "GET", "/p1000/1k", b"", [REFERER])
    return [(name, value) for name, value in headers.items() if name.lower() not in own]
