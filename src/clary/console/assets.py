"""The files that pages load: each under an address that holds its hash, so that a browser keeps it for good.

The files of a folder share the hash of all of them, so that modules find each other beside themselves. ``latest`` stands for
any hash: for whoever cannot know it, as a template that RenderUiTemplate made; a browser then asks again each time.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from clary.gateway.http import HttpAnswer, HttpRequest

PREFIX = "/_/assets/"
_ROOT, _LATEST = Path(__file__).parent / "assets", "latest"
_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}


class Assets:
    """``root``: where they lie; read when a first page asks, and kept."""

    def __init__(self, root: Path = _ROOT) -> None:
        self._root = root

    def url(self, name: str) -> str:
        """The address of the file of this name; ``KeyError`` if there is none."""
        return f"{PREFIX}{self._hashes[name]}/{name}"

    def answer(self, request: HttpRequest) -> HttpAnswer | None:
        """The file that an address names; None if there is none such, or no longer one with this hash."""
        digest, _, name = request.path.removeprefix(PREFIX).partition("/")
        if name not in self._hashes or digest not in {self._hashes[name], _LATEST}:
            return None
        plain, packed = self._files[name]
        headers = {
            "Content-Type": _TYPES.get(Path(name).suffix)
            or mimetypes.guess_type(name)[0]
            or "application/octet-stream",
            "Cache-Control": "no-cache" if digest == _LATEST else "public, max-age=31536000, immutable",
            "X-Content-Type-Options": "nosniff",
            # A worker's template runs in a frame of no origin; what is here is no secret.
            "Access-Control-Allow-Origin": "*",
            "Cross-Origin-Resource-Policy": "cross-origin",
            "Vary": "Accept-Encoding",
        }
        if len(packed) < len(plain) and "gzip" in request.headers.get("accept-encoding", ""):
            return HttpAnswer(200, {**headers, "Content-Encoding": "gzip"}, packed)
        return HttpAnswer(200, headers, plain)

    def folder(self, name: str) -> str:
        """The address of a folder, under which its files lie by their names."""
        return f"{PREFIX}{next(self._hashes[file] for file in self._hashes if file.startswith(f'{name}/'))}/{name}"

    @cached_property
    def _files(self) -> Mapping[str, tuple[bytes, bytes]]:
        """Path → its bytes, plain and packed."""
        found = {}
        for path in sorted(self._root.rglob("*")):
            if path.is_file():
                plain = path.read_bytes()
                found[path.relative_to(self._root).as_posix()] = (plain, gzip.compress(plain, 9, mtime=0))
        return found

    @cached_property
    def _hashes(self) -> Mapping[str, str]:
        """Path → the hash of its folder at the top, or its own."""
        parts: dict[str, list[bytes]] = {}
        for name, (plain, _) in self._files.items():
            parts.setdefault(_unit(name), []).append(name.encode() + b"\0" + plain)
        digests = {unit: hashlib.sha256(b"".join(pieces)).hexdigest()[:16] for unit, pieces in parts.items()}
        return {name: digests[_unit(name)] for name in self._files}


def _unit(name: str) -> str:
    return name.partition("/")[0]
