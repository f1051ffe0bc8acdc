"""The files that pages load: each under an address that holds its hash, so that a browser keeps it for good.

A folder's files (``crowd/crowd.js``) name each other, so they share the hash of their folder. Whoever does not know a hash
asks for ``latest``, which a browser does not keep.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from clary.gateway.http import HttpAnswer, HttpRequest

PREFIX = "/_/assets/"
LATEST = "latest"
_FOLDERS = (Path(__file__).parent / "assets",)
_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}


class Assets:
    """``folders``: where they lie; read when a first page asks, and kept."""

    def __init__(self, folders: tuple[Path, ...] = _FOLDERS) -> None:
        self._paths = folders

    def url(self, name: str) -> str:
        """The address of the file of this name; ``KeyError`` if there is none."""
        return f"{PREFIX}{self._hashes[name]}/{name}"

    def answer(self, request: HttpRequest) -> HttpAnswer | None:
        """The file that an address names; None if there is none such, or no longer one with this hash."""
        digest, _, name = request.path.removeprefix(PREFIX).partition("/")
        if name not in self._hashes or digest not in {LATEST, self._hashes[name]}:
            return None
        plain, packed = self._files[name]
        headers = {
            "Content-Type": _TYPES.get(Path(name).suffix)
            or mimetypes.guess_type(name)[0]
            or "application/octet-stream",
            "Cache-Control": "no-cache" if digest == LATEST else "public, max-age=31536000, immutable",
            "X-Content-Type-Options": "nosniff",
            # A worker's template runs in a frame of no origin; what is here is no secret.
            "Access-Control-Allow-Origin": "*",
            "Cross-Origin-Resource-Policy": "cross-origin",
            "Vary": "Accept-Encoding",
        }
        if len(packed) < len(plain) and "gzip" in request.headers.get("accept-encoding", ""):
            return HttpAnswer(200, {**headers, "Content-Encoding": "gzip"}, packed)
        return HttpAnswer(200, headers, plain)

    @cached_property
    def _files(self) -> Mapping[str, tuple[bytes, bytes]]:
        """Name, from its folder on, → its bytes, plain and packed."""
        found = {}
        for folder in self._paths:
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    plain = path.read_bytes()
                    found[path.relative_to(folder).as_posix()] = (plain, gzip.compress(plain, 9, mtime=0))
        return found

    @cached_property
    def _hashes(self) -> Mapping[str, str]:
        sums: dict[str, Any] = {}
        for name, (plain, _) in self._files.items():
            sums.setdefault(name.partition("/")[0], hashlib.sha256()).update(plain)
        return {name: sums[name.partition("/")[0]].hexdigest()[:16] for name in self._files}
