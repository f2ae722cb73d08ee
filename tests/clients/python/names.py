"""Name resolution of a test run: `*.test` and `*.localhost` are this machine.

This replaces the DNS entries that an administrator would make for a base domain or a CNAME. The
SDKs themselves are untouched.
"""

import socket

LOOPBACK = "127.0.0.1"
LOCAL_ENDINGS = (".test", ".localhost")

_system_getaddrinfo = socket.getaddrinfo


def _getaddrinfo(host, *args, **kwargs):
    name = host.decode() if isinstance(host, bytes) else host
    if name and name.lower().endswith(LOCAL_ENDINGS):
        host = LOOPBACK
    return _system_getaddrinfo(host, *args, **kwargs)


def resolve_locally():
    socket.getaddrinfo = _getaddrinfo
