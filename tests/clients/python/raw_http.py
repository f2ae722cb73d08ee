"""HTTP by hand, for requests that no client library would send."""

import http.client
import socket
from typing import NamedTuple

SECONDS_TO_ANSWER = 30


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes


def send(address, lines, body=b""):
    """Sends a request head, given as lines of bytes, and reads the answer."""
    host, port = address.rsplit(":", 1)
    head = b"\r\n".join([*lines, b"Connection: close", b"", b""])
    with socket.create_connection((host, int(port)), SECONDS_TO_ANSWER) as connection:
        connection.sendall(head + body)
        response = http.client.HTTPResponse(connection, method=lines[0].split()[0].decode())
        response.begin()
        return Answer(response.status, response.headers, response.read())


def get(address, path, *headers, method=b"GET"):
    """Sends a request without a body to the address, with header lines in the order given."""
    request_line = method + b" " + path.encode() + b" HTTP/1.1"
    return send(address, [request_line, b"Host: " + address.encode(), *headers])
