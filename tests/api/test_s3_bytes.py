"""The way of an object's bytes between the socket and the disk, by a client that handles the socket itself."""

from __future__ import annotations

import http.client
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.conftest import Studio

LARGE = os.urandom(1 << 20) * 24


@pytest.fixture(scope="module")
def s3(studio: Studio) -> Any:
    client = studio.client("s3")
    client.create_bucket(Bucket="ward")
    client.put_object(Bucket="ward", Key="large", Body=LARGE)
    return client


@pytest.fixture
def url(s3: Any) -> Callable[..., str]:
    def presigned(operation: str, **params: Any) -> str:
        found = urlsplit(s3.generate_presigned_url(operation, Params={"Bucket": "ward", **params}))
        return f"{found.path}?{found.query}"

    return presigned


def connect(studio: Studio) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(urlsplit(studio.url).netloc, timeout=30)


def test_one_connection_gets_large_and_small_answers_in_turn(studio: Studio, url: Callable[..., str]) -> None:
    connection = connect(studio)
    for start, end in [(0, len(LARGE)), (5, 100), (1, len(LARGE) - 1), (len(LARGE) - 9, len(LARGE))]:
        connection.request("GET", url("get_object", Key="large"), headers={"Range": f"bytes={start}-{end - 1}"})
        response = connection.getresponse()
        assert response.read() == LARGE[start:end]
        connection.request("HEAD", url("head_object", Key="large"))
        response = connection.getresponse()
        response.read()
        assert response.headers["Content-Length"] == str(len(LARGE))
    connection.close()


def test_who_reads_slowly_gets_the_whole_and_holds_up_nobody(studio: Studio, s3: Any, url: Callable[..., str]) -> None:
    slow = []
    for _ in range(50):  # more than the server has threads
        connection = connect(studio)
        connection.connect()
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 17)
        connection.request("GET", url("get_object", Key="large"))
        slow.append(connection)
    assert s3.get_object(Bucket="ward", Key="large")["Body"].read() == LARGE
    assert slow[-1].getresponse().read() == LARGE
    for connection in slow:
        connection.close()


def test_who_goes_away_leaves_the_server_well(studio: Studio, s3: Any, url: Callable[..., str]) -> None:
    for _ in range(5):
        connection = connect(studio)
        connection.request("GET", url("get_object", Key="large"))
        connection.getresponse().read(1 << 20)
        connection.close()
        upload = connect(studio)
        upload.putrequest("PUT", url("put_object", Key="half"))
        upload.putheader("Content-Length", str(len(LARGE)))
        upload.endheaders(LARGE[: 3 << 20])
        upload.close()
    assert s3.get_object(Bucket="ward", Key="large")["Body"].read() == LARGE
    assert "half" not in {item["Key"] for item in s3.list_objects_v2(Bucket="ward")["Contents"]}
    assert list((studio.data / "objects/incoming").iterdir()) == []


def test_a_file_that_lost_its_end_is_not_given_out_as_the_whole(
    studio: Studio, s3: Any, url: Callable[..., str]
) -> None:
    s3.put_object(Bucket="ward", Key="damaged", Body=LARGE + b"x")
    blob = next(p for p in (studio.data / "objects").rglob("*") if p.is_file() and p.stat().st_size == len(LARGE) + 1)
    blob.chmod(0o600)
    os.truncate(blob, len(LARGE))
    connection = connect(studio)
    connection.request("GET", url("get_object", Key="damaged"))
    with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
        connection.getresponse().read()
    connection.close()
    s3.delete_object(Bucket="ward", Key="damaged")


def test_a_body_that_is_announced_too_large_is_refused_before_it_comes(studio: Studio, url: Callable[..., str]) -> None:
    connection = connect(studio)
    connection.putrequest("PUT", url("put_object", Key="huge"))
    connection.putheader("Content-Length", str((5 << 30) + 1))
    connection.putheader("Expect", "100-continue")
    connection.endheaders()
    response = connection.getresponse()
    assert response.status == 400
    assert b"<Code>EntityTooLarge</Code>" in response.read()
    assert response.headers["Connection"] == "close"
    connection.close()


class Zeros:
    """A body that is made as it is read."""

    def __init__(self, size: int) -> None:
        self._left = size

    def read(self, _: int = -1) -> bytes:
        size = min(self._left, 1 << 20)
        self._left -= size
        return bytes(size)


@pytest.mark.slow
@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux tells the peak of another process's memory"
)
def test_memory_stays_flat_while_half_a_gibibyte_streams_through(studio: Studio, url: Callable[..., str]) -> None:
    def peak() -> int:
        status = Path(f"/proc/{studio._process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])

    before, size = peak(), 1 << 29
    connection = connect(studio)
    connection.request("PUT", url("put_object", Key="stream"), Zeros(size), {"Content-Length": str(size)})
    assert connection.getresponse().status == 200
    connection.close()
    connection = connect(studio)
    connection.request("GET", url("get_object", Key="stream"))
    response, read = connection.getresponse(), 0
    while piece := response.read(1 << 20):
        read += len(piece)
    connection.close()
    assert read == size
    assert peak() - before < 32 << 10  # KiB
