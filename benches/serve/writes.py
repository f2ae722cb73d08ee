"""Uploads, listings and starts, which nginx does not do: beside the disk, or alone."""

import os
import shutil
import sqlite3
import statistics
import time

import load
import servers

KIB, MIB = 1 << 10, 1 << 20
MANY = 1_000_000


def disk_rate(folder, size, seconds):
    """Files per second when one after the other is written, synced and given its name: the most
    that a durable store can do without joining writes."""
    folder.mkdir(parents=True, exist_ok=True)
    content, done, end = os.urandom(size), 0, time.monotonic() + seconds
    directory = os.open(folder, os.O_RDONLY)
    started = time.monotonic()
    while time.monotonic() < end:
        temporary = folder / "temporary"
        file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.write(file, content)
        os.fsync(file)
        os.close(file)
        os.rename(temporary, folder / f"{done % 1000}")
        os.fsync(directory)
        done += 1
    took = time.monotonic() - started
    os.close(directory)
    shutil.rmtree(folder)
    return done / took


def puts(refgate, folder, rounds, seconds):
    """(name, uploads per second, files per second of the disk, target), medians of rounds in turn."""
    refgate.create_bucket("uploads", "private")
    list_of = folder / "uploads.txt"
    list_of.write_text("\n".join(refgate.owner.presign("PUT", f"/uploads/{n}") for n in range(1_000)))
    for name, size, connections, target in (
        ("PUT 4 KiB, 1 writer", 4 * KIB, 1, None),
        ("PUT 4 KiB, 64 writers", 4 * KIB, 64, 8.0),
        ("PUT 8 MiB, 1 writer", 8 * MIB, 1, None),
        ("PUT 8 MiB, 4 writers", 8 * MIB, 4, 0.9),
    ):
        ours, disk = [], []
        for _ in range(rounds):
            run = load.wrk(refgate, "/", seconds, connections, script="paths.lua",
                           arguments=("PUT", list_of, size))
            if run.refused or run.broken:
                raise RuntimeError(f"{name}: {run}")
            ours.append(run.rate)
            disk.append(disk_rate(folder / "disk", size, seconds))
        yield name, statistics.median(ours), statistics.median(disk), target


def listings(refgate, folder, rounds, seconds):
    """(name, pages per second, median latency) of pages of 1 000 keys."""
    for name, query in (
        ("first page", {}),
        ("page in the middle", {"start-after": "many/80/"}),
        ("common prefixes", {"prefix": "many/", "delimiter": "/"}),
    ):
        query |= {"list-type": "2", "max-keys": "1000"}
        list_of = folder / "listing.txt"
        list_of.write_text(refgate.owner.presign("GET", "/p1000/", query))
        runs = [load.wrk(refgate, "/", seconds, 4, script="paths.lua", arguments=("GET", list_of, 0))
                for _ in range(rounds)]
        if any(run.refused or run.broken for run in runs):
            raise RuntimeError(f"{name}: {runs}")
        yield (f"list, {name}", statistics.median(run.rate for run in runs),
               statistics.median(run.p50 for run in runs))


def start_with_many(binary, folder):
    """Seconds from start to the first answer with a million objects in the database, and the
    resident bytes when the server has come to rest behind it."""
    refgate = servers.Refgate(binary, folder)
    refgate.create_bucket("many", "public-read")
    refgate.owner.request("PUT", "/many/0", body=b"x" * 100)
    refgate.stop()
    database = next(folder.glob("*.sqlite*"))
    with sqlite3.connect(database) as connection:
        connection.executescript(f"""
            create temporary table one as select * from objects;
            create temporary table n as with recursive n(i) as
                (select 1 union all select i + 1 from n where i < {MANY}) select i from n;
        """)
        columns = [row[1] for row in connection.execute("pragma table_info(objects)")]
        values = ", ".join("cast('key/' || i as blob)" if name == "key" else name for name in columns)
        connection.execute(f"insert into objects select {values} from one, n")
    connection.close()
    refgate = servers.Refgate(binary, folder, first_answer="/many/0")
    try:
        refgate.wait_until_idle()
        return refgate.seconds_to_first_answer, refgate.memory()
    finally:
        refgate.stop()
