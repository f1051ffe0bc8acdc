"""What the X-ray project downloads: resumed where it broke off, compared with its checksum, read without unpacking."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

BODY = bytes(range(256)) * 4096


class Origin(ThreadingHTTPServer):
    """Serves ``body``; ``breaks_at`` ends an answer early, ``ranges`` says whether it can go on where one stopped."""

    body = BODY
    breaks_at: int | None = None
    ranges = True

    def __init__(self) -> None:
        self.asked: list[str | None] = []
        super().__init__(("127.0.0.1", 0), Answer)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"


class Answer(BaseHTTPRequestHandler):
    server: Origin

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.asked.append(asked)
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.server.ranges else 0
        if start >= len(self.server.body):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(self.server.body) - start))
        self.end_headers()
        end = self.server.breaks_at or len(self.server.body)
        self.wfile.write(self.server.body[start:end])
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """Say nothing: the test's output is its own."""


@pytest.fixture
def origin() -> Iterator[Origin]:
    server = Origin()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def download() -> Any:
    spec = importlib.util.spec_from_file_location("download", ROOT / "projects/chest_xrays/download.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_broken_download_goes_on_where_it_stopped(download: Any, origin: Origin, tmp_path: Path) -> None:
    origin.breaks_at = 300_000
    path = tmp_path / "file"
    with pytest.raises(ConnectionError, match="broke off at 300,000 of 1,048,576 bytes"):
        download.fetch(origin.url, path)
    assert not path.exists()
    origin.breaks_at = None
    download.fetch(origin.url, path)
    assert path.read_bytes() == BODY
    assert origin.asked == [None, "bytes=300000-"]
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_a_server_without_ranges_starts_anew(download: Any, origin: Origin, tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(b"what an earlier try left")
    origin.ranges = False
    download.fetch(origin.url, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == BODY


def test_a_whole_part_needs_no_byte_more(download: Any, origin: Origin, tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(BODY)
    download.fetch(origin.url, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == BODY


def test_the_size_is_told_first(
    download: Any, origin: Origin, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    download.fetch(origin.url, tmp_path / "file")
    assert capsys.readouterr().out.startswith(f"Downloading {origin.url}: 1.0 MB")


def test_a_wrong_checksum_is_refused_and_not_kept(download: Any, origin: Origin, tmp_path: Path) -> None:
    with pytest.raises(download.Refused, match="has the checksum"):
        download.manifest(tmp_path, origin.url, "0" * 64)
    assert not list(tmp_path.iterdir())


def test_a_right_one_is_downloaded_once(download: Any, origin: Origin, tmp_path: Path) -> None:
    (tmp_path / "template.manifest").write_bytes(b"cut off")
    origin.body = b'{"source-ref": "a.png"}\n'
    checksum = hashlib.sha256(origin.body).hexdigest()
    for _ in range(2):
        assert download.manifest(tmp_path, origin.url, checksum) == origin.body.decode()
    assert origin.asked == [None]


@pytest.mark.parametrize(
    ("names", "numbers"),
    [
        (["00000001_000.png", "00001278_011.png", "00001335_006.png"], [1]),
        (["00001335_006.png", "00001336_000.png"], [1, 2]),
        (["00003923_013.png", "00003923_014.png", "00030805_000.png"], [2, 3, 12]),
    ],
)
def test_only_archives_that_hold_the_pictures_are_asked_for(
    download: Any, origin: Origin, tmp_path: Path, names: list[str], numbers: list[int]
) -> None:
    found = download.archives(tmp_path, names, origin.url)
    assert [path.name for path in found] == [f"images_{number:03}.tar.gz" for number in numbers]
    assert len(origin.asked) == len(numbers)
    assert download.archives(tmp_path, names, origin.url) == found
    assert len(origin.asked) == len(numbers)
    found[0].write_bytes(b"another")
    with pytest.raises(download.Refused, match=r"has changed since it was downloaded"):
        download.archives(tmp_path, names, origin.url)


def test_an_archive_is_read_without_unpacking_it(download: Any, tmp_path: Path) -> None:
    archive = tmp_path / "images_001.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for name in ("images/a.png", "images/b.png", "images/c.png"):
            member = tarfile.TarInfo(name)
            member.size = len(name)
            tar.addfile(member, io.BytesIO(name.encode()))
    assert list(download.members(archive, {"a.png", "c.png"})) == [
        ("a.png", b"images/a.png"),
        ("c.png", b"images/c.png"),
    ]
    archive.write_bytes(archive.read_bytes()[:80])
    with pytest.raises(download.Refused, match="is not a whole archive"):
        list(download.members(archive, {"c.png"}))
