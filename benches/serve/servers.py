"""The two servers under test, their processor time and their memory."""

import base64
import contextlib
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import oss

TICK = os.sysconf("SC_CLK_TCK")
WORKERS = 2


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(process, port, seconds=60):
    """Waits until a new server listens."""
    end = time.monotonic() + seconds
    while True:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args} ended with status {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.005)


class Server:
    """A running server: a process and its children."""

    def __init__(self, process, port):
        self.process, self.port, self.peak_memory = process, port, 0

    def _pids(self):
        pids = [self.process.pid]
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            # A thread may have ended meanwhile.
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                pids += map(int, (task / "children").read_text().split())
        return pids

    def cpu_seconds(self):
        """User and system time of all threads since the start."""
        ticks = 0
        for pid in self._pids():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / TICK

    def wait_until_idle(self, seconds=120):
        """Waits until a second takes next to no processor time."""
        before = self.cpu_seconds()
        for _ in range(seconds):
            time.sleep(1)
            now = self.cpu_seconds()
            if now - before <= 0.02:
                return
            before = now
        raise RuntimeError(f"{self.name} did not come to rest in {seconds} s")

    def memory(self):
        """Resident bytes, pages that processes share counted once."""
        total = 0
        for pid in self._pids():
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                # Pages of mapped files belong to the page cache, of which nginx's are not counted
                # either because it never maps them.
                if line.startswith(("Pss_Anon:", "Pss_Shmem:")):
                    total += int(line.split()[1]) * 1024
        self.peak_memory = max(self.peak_memory, total)
        return total

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Refgate(Server):
    """refgate with its own data folder."""

    name = "refgate"

    def __init__(self, binary, folder, first_answer=None, workers=WORKERS):
        port, self.admin_port = free_port(), free_port()
        self.owner = oss.Owner(port, "benchmark", "benchmark-secret")
        environment = os.environ | {
            "REFGATE_DATA_DIR": str(folder),
            "REFGATE_LISTEN": f"127.0.0.1:{port}",
            "REFGATE_ADMIN_LISTEN": f"127.0.0.1:{self.admin_port}",
            "REFGATE_ROOT_ACCESS_KEY_ID": self.owner.key_id,
            "REFGATE_ROOT_ACCESS_KEY_SECRET": self.owner.secret,
            "REFGATE_LOG": "warn,refgate::access=off",
            "REFGATE_WORKER_THREADS": str(workers),
        }
        started = time.monotonic()
        process = subprocess.Popen([binary, "serve"], env=environment, stdout=subprocess.DEVNULL)
        super().__init__(process, port)
        wait_for(process, port)
        if first_answer:
            oss.send(port, "GET", first_answer)
            self.seconds_to_first_answer = time.monotonic() - started

    def create_bucket(self, name, acl):
        headers = {"x-oss-acl": acl}
        self.owner.request("PUT", f"/{name}/", headers=headers)

    def put_whitelist(self, bucket, rules):
        """Only these may embed: sent as plain lines, in force when this returns."""
        token = base64.b64encode(f"{self.owner.key_id}:{self.owner.secret}".encode()).decode()
        authorization = {"Authorization": f"Basic {token}"}
        root = f"/api/v1/buckets/{bucket}/referer"
        lines = authorization | {"Content-Type": "text/plain"}
        oss.send(self.admin_port, "PUT", f"{root}/whitelist", "\n".join(rules).encode(), lines)
        for _ in range(600):
            refused = {"Referer": "https://thief.example/"}
            headers, _ = oss.send(self.port, "HEAD", f"/{bucket}/absent", b"", refused, (403, 404, 503))
            if headers.get("x-oss-ec") == "0003-00000503":
                return
            time.sleep(0.1)
        raise RuntimeError(f"the policy of {bucket} did not come into force")

    def put_domain(self, host, terms):
        token = base64.b64encode(f"{self.owner.key_id}:{self.owner.secret}".encode()).decode()
        headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}
        body = json.dumps(terms).encode()
        oss.send(self.admin_port, "PUT", f"/api/v1/domains/{host}", body, headers)


class Nginx(Server):
    """nginx with two workers that serves a folder."""

    name = "nginx"

    def __init__(self, folder, files, locations, headers):
        binary = shutil.which("nginx") or "/usr/sbin/nginx"
        port = free_port()
        folder.mkdir(parents=True, exist_ok=True)
        config = folder / "nginx.conf"
        config.write_text(CONFIG.format(
            workers=WORKERS, folder=folder, port=port, files=files, user=user_line(),
            open_files=open_files(), most_files=most_files(),
            locations="\n".join(locations),
            headers="\n".join(f'add_header {name} "{value}" always;' for name, value in headers),
        ))
        command = [binary, "-p", str(folder), "-c", str(config), "-g", "daemon off;"]
        process = subprocess.Popen(command)
        super().__init__(process, port)
        wait_for(process, port)


def open_files():
    """As many files as a worker may keep open beside its connections."""
    return min(200_000, most_files() // 2)


def most_files():
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


def user_line():
    """The workers read files of whoever runs this."""
    return "user root;" if os.getuid() == 0 else ""


CONFIG = """
{user}
worker_processes {workers};
worker_rlimit_nofile {most_files};
pid {folder}/nginx.pid;
error_log {folder}/error.log error;
events {{ worker_connections 8192; }}
http {{
    default_type application/octet-stream;
    access_log off;
    sendfile on;
    tcp_nopush on;
    tcp_nodelay on;
    keepalive_timeout 600;
    keepalive_requests 1000000000;
    open_file_cache max={open_files} inactive=600s;
    open_file_cache_valid 600s;
    server {{
        referer_hash_max_size 1048576;
        referer_hash_bucket_size 256;
        listen 127.0.0.1:{port} backlog=4096;
        root {files};
        {headers}
        {locations}
    }}
}}
"""
