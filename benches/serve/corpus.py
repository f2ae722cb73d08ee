"""What is served: the same bytes and the same rules in both servers."""

import concurrent.futures
import http.client
import random

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
SIZES = {"1k": KIB, "16k": 16 * KIB, "64k": 64 * KIB, "1m": MIB, "16m": 16 * MIB}
RULES = {"p10": 10, "p1000": 1_000, "p100000": 100_000}
"""Buckets by the size of their policies. Objects are in the one with 1 000 rules."""
SIGNED = "signed"
"""A bucket that serves signed URLs alone, under 1 000 rules as well."""
OPEN_HOST, LINKS_HOST = "open.example", "links.example"
"""Delivery domains over the bucket with 1 000 rules: without signatures, and by signed links."""
LINK_KEY = "benchmark0123456789"
GOOD = "https://www.site3.example/a/page/of/usual/length.html"
BAD = "https://www.thief.example/a/page/of/usual/length.html"


def rules(count):
    """Rules that both servers can be told: seven hosts with all below them, three exact ones."""
    return [
        f"https://www.site{n}.example/" if n % 10 in (0, 3, 6) else f"*.site{n}.example/"
        for n in range(count)
    ]


def nginx_referers(count):
    """The same as the arguments of `valid_referers`."""
    return [
        f"www.site{n}.example" if n % 10 in (0, 3, 6) else f"*.site{n}.example"
        for n in range(count)
    ]


def distinct(number):
    """The path of one of many small objects, below its bucket."""
    return f"many/{number % 256:02x}/{number}"


def content(size, seed):
    return random.Random(seed).randbytes(size)


def files(count):
    """All objects as (path below the bucket, size, seed)."""
    yield from ((name, size, size) for name, size in SIZES.items())
    yield from ((distinct(number), KIB, number) for number in range(count))


def write_tree(root, count):
    """The files that nginx serves."""
    for bucket in (*RULES, SIGNED):
        (root / bucket).mkdir(parents=True, exist_ok=True)
        (root / bucket / "1k").write_bytes(content(KIB, KIB))
    for shard in range(256):
        (root / f"p1000/many/{shard:02x}").mkdir(parents=True, exist_ok=True)
    for name, size, seed in files(count):
        (root / "p1000" / name).write_bytes(content(size, seed))
    with (root / "p1000/1g").open("wb") as whole:
        for piece in range(GIB // (16 * MIB)):
            whole.write(content(16 * MIB, piece))


def upload(refgate, root, count):
    """Uploads the tree and puts the policies."""
    for bucket in RULES:
        refgate.create_bucket(bucket, "public-read")
    refgate.create_bucket(SIGNED, "private")
    for bucket in (*RULES, SIGNED):
        put(refgate, root, f"{bucket}/1k")
    names = [f"p1000/{name}" for name, _, _ in files(count)] + ["p1000/1g"]
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        for share in concurrent.futures.as_completed(
            pool.submit(put_all, refgate, root, names[start::32]) for start in range(32)
        ):
            share.result()
    put_policies(refgate)


def put_policies(refgate):
    for bucket, count in RULES.items():
        refgate.put_whitelist(bucket, rules(count))
    refgate.put_whitelist(SIGNED, rules(1_000))
    refgate.put_domain(OPEN_HOST, {"bucket": "p1000"})
    refgate.put_domain(LINKS_HOST, {
        "bucket": "p1000", "signing": {"scheme": "ali-a", "validity": 86_400},
        "keys": {"primary": LINK_KEY},
    })


def put(refgate, root, name):
    put_all(refgate, root, [name])


def put_all(refgate, root, names):
    """Uploads files over one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", refgate.port, timeout=600)
    for name in names:
        with (root / name).open("rb") as file:
            headers = {"Content-Length": str((root / name).stat().st_size)}
            connection.request("PUT", refgate.owner.presign("PUT", f"/{name}"), file, headers)
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200:
                raise RuntimeError(f"PUT {name}: {answer.status} {body[:300]!r}")
    connection.close()
