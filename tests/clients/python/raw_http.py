"""HTTP by hand, for requests that no client library would send."""

import http.client
import socket
from typing import NamedTuple

SECONDS_TO_ANSWER = 30


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes


def connect(address):
    host, port = address.rsplit(":", 1)
    return socket.create_connection((host, int(port)), SECONDS_TO_ANSWER)


def message(lines, body):
    return b"\r\n".join([*lines, b"Connection: close", b"", body])


def send(address, lines, body=b""):
    """Sends a request head, given as lines of bytes, and reads the answer."""
    with connect(address) as connection:
        try:
            connection.sendall(message(lines, body))
        except ConnectionError:
            pass  # Refused before the end; the answer says why.
        response = http.client.HTTPResponse(connection, method=lines[0].split()[0].decode())
        response.begin()
        return Answer(response.status, response.headers, response.read())


def send_and_hang_up(address, lines, body):
    """Sends a request and closes the connection for writing, then waits for the server to do so."""
    with connect(address) as connection:
        connection.sendall(message(lines, body))
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(4096):
            pass


def get(address, path, *headers, method=b"GET"):
    """Sends a request without a body to the address, with header lines in the order given."""
    request_line = method + b" " + path.encode() + b" HTTP/1.1"
    return send(address, [request_line, b"Host: " + address.encode(), *headers])
