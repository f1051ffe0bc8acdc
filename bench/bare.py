"""The least that can take an object and give it back: one thread on a socket, a file that is written, flushed and sent.

No signature is checked and nothing is hashed or indexed: what objects.py measures beside it is the price of those.
Usage: python bench/bare.py FOLDER; it prints its port.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

_PIECE = 1 << 20


def answer(connection: socket.socket, folder: Path) -> None:
    """Requests of one connection, one after the other; PUT and GET by the last word of the path."""
    buffer = b""
    piece = memoryview(bytearray(_PIECE))
    while True:
        while b"\r\n\r\n" not in buffer:
            data = connection.recv(1 << 16)
            if not data:
                return
            buffer += data
        head, _, buffer = buffer.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, path, _ = first.split()
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        place = folder / path.partition("?")[0].rpartition("/")[2]
        if method == "GET":
            _send(connection, place)
            continue
        if headers.get("expect", "").lower() == "100-continue":
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        left = int(headers.get("content-length", 0)) - len(buffer)
        aside = place.with_suffix(".new")
        with aside.open("wb", buffering=0) as file:
            file.write(buffer)
            buffer = b""
            while left:
                size = connection.recv_into(piece, min(left, _PIECE))
                file.write(piece[:size])
                left -= size
            os.fsync(file.fileno())
        aside.rename(place)
        connection.sendall(b'HTTP/1.1 200 OK\r\nETag: "x"\r\nContent-Length: 0\r\n\r\n')


def _send(connection: socket.socket, place: Path) -> None:
    with place.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        connection.sendfile(file)


def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection:
            answer(connection, Path(sys.argv[1]))


if __name__ == "__main__":
    main()
