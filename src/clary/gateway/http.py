"""What the protocols see of an HTTP exchange: no server, no socket.

A body is whole bytes, or for the operations that stream a sequence of pieces.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

from starlette.datastructures import Headers

from clary.objects.base import Slice, Unsealed


@dataclass(frozen=True)
class HttpRequest:
    """``path`` and ``query`` are as on the wire: percent-encoded, ``query`` without its question mark.

    ``packed`` is the body as it was sent, where that is another (gzip): what the signature covers.
    ``client``: the address that the connection comes from. ``secure``: whether it came by TLS.
    """

    method: str
    path: str
    query: str
    headers: Headers
    body: bytes = b""
    packed: bytes | None = None
    stream: AsyncIterator[bytes] | None = None
    client: str = "127.0.0.1"
    secure: bool = False


Body = bytes | AsyncIterator[bytes] | Slice | Unsealed
"""A slice is a piece of a file: it goes from the disk to the socket. What is unsealed is decrypted on its way."""


@dataclass(frozen=True)
class HttpAnswer:
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body = b""
