"""Users, policies and temporary credentials, by the admin API."""

import json
import uuid

import requests

from server import ACCESS_KEY_ID, ACCESS_KEY_SECRET


class Users:
    """What the administrator does for the tests."""

    def __init__(self, server):
        self._url = f"{server.admin_endpoint}/api/v1"

    def ask(self, method, path, body=None):
        answer = requests.request(
            method,
            f"{self._url}/{path}",
            auth=(ACCESS_KEY_ID, ACCESS_KEY_SECRET),
            data=None if body is None else json.dumps(body),
            timeout=60,
        )
        assert answer.ok, answer.text
        return answer.json()

    def create(self, *statements):
        """A new user who has these statements as its policy; its key as `(id, secret)`."""
        name = f"user-{uuid.uuid4().hex[:12]}"
        self.ask("POST", "users", {"name": name})
        if statements:
            self.ask("PUT", f"policies/of-{name}", policy(*statements))
            self.ask("PUT", f"users/{name}/policies/of-{name}")
        key = self.ask("POST", f"users/{name}/keys")
        return name, key["access_key_id"], key["access_key_secret"]

    def temporary(self, **wanted):
        """Temporary credentials as `(id, secret, token)`."""
        made = self.ask("POST", "sts", wanted)
        return made["access_key_id"], made["access_key_secret"], made["security_token"]


def policy(*statements):
    return {"Version": "1", "Statement": list(statements)}


def allow(action, *resources):
    return {"Effect": "Allow", "Action": action, "Resource": [of(name) for name in resources]}


def of(name):
    """A bucket, or what is in it, as policies name it."""
    return f"acs:oss:*:*:{name}"
