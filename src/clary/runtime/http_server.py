"""A small HTTP/1.1 server for the inside of a serving task: threads, keep-alive, nothing but the standard library.

Covered: Content-Length and chunked request bodies, chunked answers, keep-alive, Expect. Not covered: TLS, pipelining, anything a
browser wants: the only client is Clary's gateway, on loopback.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

_LARGEST = 128 << 20  # bytes of a body
_LINE = 65536


@dataclass(frozen=True)
class Request:
    """Header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Response:
    """``stream``, where there is one, is the body in pieces: each is sent as it comes."""

    status: int
    body: bytes = b""
    content_type: str = ""
    stream: Iterator[bytes] | None = None


Answer = Callable[[Request], Response]


def listener() -> socket.socket:
    """The socket that the engine handed down; without one, port 8080 as in a container."""
    descriptor = os.environ.get("CLARY_LISTEN_FD")
    if descriptor:
        return socket.socket(fileno=int(descriptor))
    # The protocol is named so that Nagle's algorithm can be turned off on what is accepted.
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.bind(("0.0.0.0", 8080))  # noqa: S104 - a container's contract
    found.listen(128)
    return found


def serve(answer: Answer, found: socket.socket) -> None:
    """Answer forever, a thread for each connection."""
    while True:
        connection, _ = found.accept()
        threading.Thread(target=_talk, args=(connection, answer), daemon=True).start()


def _talk(connection: socket.socket, answer: Answer) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with connection, connection.makefile("rb") as stream:
        try:
            while (request := _read(stream, connection)) is not None:
                _write(connection, answer(request))
                if request.headers.get("connection", "").lower() == "close":
                    return
        except (OSError, ValueError):
            return  # the other side went away, or does not speak HTTP


def _read(stream: BinaryIO, connection: socket.socket) -> Request | None:
    line = stream.readline(_LINE)
    if not line.strip():
        return None
    method, path, _ = line.decode("latin-1").split(" ", 2)
    headers: dict[str, str] = {}
    while (line := stream.readline(_LINE)) not in {b"\r\n", b"\n", b""}:
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    if headers.get("expect", "").lower() == "100-continue":
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = b"".join(iter(lambda: _chunk(stream), b""))
    else:
        length = int(headers.get("content-length", "0"))
        if length > _LARGEST:
            raise ValueError("the body is too large")
        body = stream.read(length) if length else b""
    return Request(method, path, headers, body)


def _chunk(stream: BinaryIO) -> bytes:
    size = int(stream.readline(_LINE).partition(b";")[0], 16)
    data = stream.read(size)
    stream.readline(_LINE)
    return data


_REASONS = {200: "OK", 204: "No Content", 404: "Not Found", 415: "Unsupported Media Type", 500: "Internal Server Error"}


def _write(connection: socket.socket, response: Response) -> None:
    content = f"Content-Type: {response.content_type}\r\n" if response.content_type else ""
    reason = _REASONS.get(response.status, "Status")
    head = f"HTTP/1.1 {response.status} {reason}\r\n{content}"
    if response.stream is None:
        head += f"Content-Length: {len(response.body)}\r\n\r\n"
        connection.sendall(head.encode("latin-1") + response.body)
        return
    connection.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode("latin-1"))
    for piece in response.stream:
        if piece:  # an empty chunk would be the end
            connection.sendall(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
    connection.sendall(b"0\r\n\r\n")
