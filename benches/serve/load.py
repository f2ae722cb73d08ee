"""Running wrk and reading what it says."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}
SCRIPTS = Path(__file__).parent


@dataclass(frozen=True)
class Run:
    """One run of wrk against one server."""

    requests: int
    seconds: float
    refused: int
    """Answers other than 2xx and 3xx."""
    broken: int
    """Connections that failed, and time-outs."""
    p50: float
    p99: float
    cpu: float
    """Seconds of processor time that the server took."""

    @property
    def rate(self):
        return self.requests / self.seconds

    @property
    def cpu_per_request(self):
        return self.cpu / self.requests


def wrk(server, path, seconds, connections, headers=(), script=None, arguments=()):
    """Loads a server with one thread that keeps its connections busy."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "30s"]
    for name, value in headers:
        command += ["-H", f"{name}: {value}"]
    if script:
        command += ["-s", str(SCRIPTS / script)]
    command += [f"http://127.0.0.1:{server.port}{path}", *map(str, arguments)]
    before = server.cpu_seconds()
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 120, check=True)
    cpu = server.cpu_seconds() - before
    server.memory()
    return read(done.stdout, cpu)


def read(text, cpu):
    total = re.search(r"(\d+) requests in ([\d.]+)(us|ms|s|m)", text)
    if not total or total[1] == "0":
        raise RuntimeError(f"wrk got no answer:\n{text}")
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    broken = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    return Run(
        requests=int(total[1]),
        seconds=float(total[2]) * UNITS[total[3]],
        refused=int(refused[1]) if refused else 0,
        broken=sum(map(int, broken.groups())) if broken else 0,
        p50=percentile(text, 50),
        p99=percentile(text, 99),
        cpu=cpu,
    )


def percentile(text, share):
    found = re.search(rf"^\s*{share}%\s+([\d.]+)(us|ms|s|m)", text, re.MULTILINE)
    return float(found[1]) * UNITS[found[2]]
