"""A refgate server of its own for a test run: started, waited for, and ended by its process id."""

import os
import re
import subprocess
import threading
from pathlib import Path

import requests

ADDRESS_LINE = re.compile(r"^\s*(data|admin)\s+http://(\S+)")
SECONDS_TO_START = 60
SECONDS_TO_END = 30

# Names that reach the server by the test run's own name resolution (names.py).
BASE_DOMAIN = "oss.test"
CNAME = "images.example.test"
CNAME_BUCKET = "bucket-of-the-cname"

REGION = "cn-hangzhou"
ACCESS_KEY_ID = "test-access-key-id"
ACCESS_KEY_SECRET = "test-access-key-secret"
CREDENTIALS = {
    "REFGATE_ROOT_ACCESS_KEY_ID": ACCESS_KEY_ID,
    "REFGATE_ROOT_ACCESS_KEY_SECRET": ACCESS_KEY_SECRET,
}


def binary():
    """The program under test."""
    path = os.environ.get("REFGATE_BIN")
    if not path or not Path(path).is_file():
        raise RuntimeError("REFGATE_BIN does not name the refgate binary; ./test python sets it")
    return path


class Server:
    """A running server. `data` and `admin` are the addresses, `host:port`, of its two planes."""

    def __init__(self, data_dir, log_file):
        self._log_file = Path(log_file)
        self._addresses = {}
        self._announced = threading.Event()
        command = [
            binary(), "serve",
            "--data-dir", str(data_dir),
            "--listen", "127.0.0.1:0",
            "--admin-listen", "127.0.0.1:0",
            "--base-domain", "localhost",
            "--base-domain", BASE_DOMAIN,
            "--cname", f"{CNAME}={CNAME_BUCKET}",
        ]
        with self._log_file.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                env=os.environ | CREDENTIALS,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self._reader = threading.Thread(target=self._read_addresses, daemon=True)
        self._reader.start()
        self._wait_until_announced()
        self.data = self._addresses["data"]
        self.admin = self._addresses["admin"]
        self._check_ready()

    @property
    def endpoint(self):
        return f"http://{self.data}"

    @property
    def admin_endpoint(self):
        return f"http://{self.admin}"

    @property
    def port(self):
        return int(self.data.rsplit(":", 1)[1])

    def end(self):
        """Asks the server to end, as a service manager does, and returns its exit status."""
        self._process.terminate()
        try:
            return self._process.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise

    def kill(self):
        """Ends the server as a power cut does, whatever it is doing."""
        self._process.kill()
        self._process.wait()

    @property
    def is_running(self):
        return self._process.poll() is None

    def log(self):
        return self._log_file.read_text(errors="replace")[-4000:]

    def _read_addresses(self):
        """Reads the server's output to its end, so that it never blocks on a full pipe."""
        for line in self._process.stdout:
            if found := ADDRESS_LINE.match(line):
                self._addresses[found[1]] = found[2].rstrip("/")
            if len(self._addresses) == 2:
                self._announced.set()
        self._announced.set()

    def _wait_until_announced(self):
        self._announced.wait(SECONDS_TO_START)
        if len(self._addresses) != 2:
            self._process.kill()
            raise RuntimeError(f"the server announced {self._addresses}:\n{self.log()}")

    def _check_ready(self):
        """The addresses are announced when both planes answer, so one question is enough."""
        answer = requests.get(f"http://{self.admin}/readyz", timeout=SECONDS_TO_START)
        if answer.status_code != 200:
            self._process.kill()
            raise RuntimeError(f"/readyz answers {answer.status_code}:\n{self.log()}")
