"""A small server that shows templates as the portal does: a page around a sandboxed frame of no origin, under its rules."""

from __future__ import annotations

import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from clary.labelling.templates import frame_page, render

ASSETS = Path(__file__).parents[2] / "src/clary/console/assets/crowd"
TYPES = {".js": "text/javascript", ".css": "text/css", ".png": "image/png", ".jpg": "image/jpeg"}
RULES = (
    "default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' data:; font-src 'self' data:; connect-src 'self'; form-action 'none'"
)
HOST = """<!doctype html><title>host</title><link rel="icon" href="data:,"><style>
  html, body { margin: 0; height: 100% } iframe { border: 0; width: 100%; height: 100%; display: block }
</style>
<script>
  window.messages = [];
  window.addEventListener("message", (event) => {
    window.messages.push(event.data);
    if (event.data.type === "clary:ready") document.querySelector("iframe").focus();
  });
  window.tell = (message) => document.querySelector("iframe").contentWindow.postMessage(message, "*");
</script>
<iframe sandbox="allow-scripts allow-forms" src="/frame"></iframe>"""


def png(width: int, height: int, colour: Callable[[int, int], tuple[int, ...]] | None = None) -> bytes:
    """A PNG: of 8-bit grey, a ramp from left to right, or of RGB as ``colour(x, y)`` says."""
    rows = b"".join(
        b"\0" + bytes(v for x in range(width) for v in (colour(x, y) if colour else (x * 255 // max(width - 1, 1),)))
        for y in range(height)
    )
    kinds = 2 if colour else 0

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 8, kinds, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


class Frames(ThreadingHTTPServer):
    """Shows one template at a time. ``files`` are served by their path, to pages of any origin."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {"/picture.png": png(400, 300)}
        self.unshared: dict[str, bytes] = {}  # files whose bytes pages of no origin may not read
        self.template, self.given = "", {}
        self.url = f"http://127.0.0.1:{self.server_port}"

    def show(self, template: str, given: dict[str, Any] | None = None) -> None:
        self.template, self.given = template, given or {}

    def page(self) -> bytes:
        rendered = render(self.template, self.given, lambda _, key: f"{self.url}/{key}", f"{self.url}/assets")
        return frame_page(rendered, "/assets").encode()


class _Handler(BaseHTTPRequestHandler):
    server: Frames

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path == "/frame":
            self.reply(self.server.page(), "text/html; charset=utf-8", {"Content-Security-Policy": RULES})
        elif path == "/host":
            self.reply(HOST.encode(), "text/html; charset=utf-8", {})
        elif path in self.server.unshared:
            self.reply(self.server.unshared[path], TYPES[Path(path).suffix], {})
        elif path in self.server.files:
            self.reply(
                self.server.files[path],
                TYPES.get(Path(path).suffix, "text/plain"),
                {"Access-Control-Allow-Origin": "*"},
            )
        elif path.startswith("/assets/") and (file := ASSETS / path.removeprefix("/assets/")).is_file():
            self.reply(file.read_bytes(), TYPES[file.suffix], {"Access-Control-Allow-Origin": "*"})
        else:
            self.reply(b"", "text/plain", {"Access-Control-Allow-Origin": "*"}, 404)

    def reply(self, body: bytes, kind: str, headers: dict[str, str], status: int = 200) -> None:
        self.send_response(status)
        for name, value in {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store",
            **headers,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """A test's output is its own."""


@contextmanager
def serving() -> Iterator[Frames]:
    server = Frames()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
