"""What the protocols see of an HTTP exchange: no server, no socket.

A body is whole bytes, or for the operations that stream a sequence of pieces.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from starlette.datastructures import Headers


@dataclass(frozen=True)
class HttpRequest:
    """``path`` and ``query`` are as on the wire: percent-encoded, ``query`` without its question mark."""

    method: str
    path: str
    query: str
    headers: Headers
    body: bytes = b""
    stream: AsyncIterator[bytes] | None = None


@dataclass(frozen=True)
class FilePart:
    """``length`` bytes of a file from ``start``: a body that goes from the disk to the socket."""

    path: Path
    start: int
    length: int


Body = bytes | AsyncIterator[bytes] | FilePart


@dataclass(frozen=True)
class HttpAnswer:
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body = b""
