"""Clients that are slow, silent or gone: they cost themselves an answer, and nobody else any time."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Studio, clean_environment
from tests.wire import JSON, Answer, Wire, answer

_MOST = 60
_PATIENCE = 2  # seconds; a plain call, which takes some milliseconds, is answered before a slow client is given up
MIB = 1 << 20


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Studio]:
    """A server with less patience and room than is the default."""
    limits = {
        "CLARY_HEAD_SECONDS": str(_PATIENCE),
        "CLARY_BODY_SECONDS": str(_PATIENCE),
        "CLARY_CONNECTIONS": str(_MOST),
    }
    folder = tmp_path_factory.mktemp("slow")
    studio = Studio(folder / "data", cache, {**clean_environment(cache), **limits})
    studio.start()
    studio.client("s3").create_bucket(Bucket="jobs")
    yield studio
    studio.stop()
    assert "Traceback" not in (folder / "up.log").read_text()


@pytest.fixture
def wire(studio: Studio) -> Wire:
    return Wire.of(studio.url, studio.data)


@pytest.fixture
def crowd(wire: Wire) -> Iterator[list[socket.socket]]:
    """As many open connections as the test puts in; the rest of the world is answered promptly beside them."""
    with contextlib.ExitStack() as stack:
        sockets: list[socket.socket] = []
        stack.callback(lambda: [each.close() for each in sockets])
        yield sockets
        assert prompt(wire).status == 200


def prompt(wire: Wire) -> Answer:
    began = time.monotonic()
    found = wire.ask(
        wire.signed("sagemaker", "POST", "/", {"X-Amz-Target": "SageMaker.ListModels", "Content-Type": JSON}, b"{}")
    )
    assert time.monotonic() - began < _PATIENCE
    return found


def put(wire: Wire, size: int) -> bytes:
    """A PutObject without its body."""
    given = {"X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD"}
    return wire.signed("s3", "PUT", "/jobs/slow", given).replace(b"Content-Length: 0", b"Content-Length: %d" % size)


def test_heads_that_do_not_end_are_cut_and_stop_nobody(wire: Wire, crowd: list[socket.socket]) -> None:
    crowd += [wire.connect() for _ in range(_MOST // 2)]
    for connection in crowd:
        connection.sendall(b"GET / HTTP/1.1\r\nX-A: b")
    assert prompt(wire).status == 200
    assert {(found := answer(connection)) and found.status for connection in crowd} == {408}


def test_a_body_that_does_not_come_is_told_and_stops_nobody(wire: Wire, crowd: list[socket.socket]) -> None:
    crowd += [wire.connect() for _ in range(_MOST // 2)]
    for connection in crowd:
        connection.sendall(put(wire, 1000) + b"some")
    assert prompt(wire).status == 200
    for connection in crowd:
        found = answer(connection)
        assert found is not None
        assert (found.status, b"<Code>RequestTimeout</Code>" in found.body) == (400, True)


def test_a_body_that_trickles_is_taken(wire: Wire, crowd: list[socket.socket]) -> None:
    crowd.append(wire.connect())
    crowd[0].sendall(put(wire, 2))
    for letter in b"so":
        time.sleep(0.6 * _PATIENCE)  # below the patience each, above it together
        crowd[0].sendall(bytes([letter]))
    found = answer(crowd[0])
    assert found is not None
    assert found.status == 200


def test_readers_that_do_not_read_are_cut_and_stop_nobody(wire: Wire, crowd: list[socket.socket]) -> None:
    size = 32 * MIB
    assert wire.ask(wire.signed("s3", "PUT", "/jobs/large", {}, bytes(size))).status == 200
    request = wire.signed("s3", "GET", "/jobs/large")
    crowd += [wire.connect() for _ in range(_MOST // 2)]
    for connection in crowd:
        connection.sendall(request)
    assert prompt(wire).status == 200
    time.sleep(2.2 * _PATIENCE)  # they sleep, and the server's patience ends
    got = 0
    with contextlib.suppress(ConnectionResetError):
        while piece := crowd[0].recv(MIB):
            got += len(piece)
    assert got < size


def test_clients_that_leave_stop_nobody(wire: Wire, crowd: list[socket.socket]) -> None:
    for step in range(200):
        connection = wire.connect()
        connection.sendall(
            (b"", b"GET / HT", put(wire, 1000), put(wire, 1000) + b"some", wire.signed("s3", "GET", "/jobs"))[step % 5]
        )
        if step % 2:
            connection.shutdown(socket.SHUT_WR)
        connection.close()
    assert prompt(wire).status == 200


def test_idle_connections_give_way_to_new_ones(wire: Wire, crowd: list[socket.socket]) -> None:
    crowd += [wire.connect() for _ in range(5 * _MOST)]
    for _ in range(20):
        assert prompt(wire).status == 200
    oldest, newest = crowd[0], crowd[-1]
    oldest.settimeout(5)
    assert oldest.recv(1) == b""
    newest.setblocking(False)
    with pytest.raises(BlockingIOError):
        newest.recv(1)


def test_more_connections_at_work_than_there_may_be_are_told_so(wire: Wire) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(_MOST):
            stack.enter_context(connection := wire.connect())
            connection.sendall(put(wire, 1000) + b"some")
        prompt_enough = [wire.ask_or_none(b"GET /_/health HTTP/1.1\r\nHost: x\r\n\r\n") for _ in range(3)]
        assert [found and found.status for found in prompt_enough] == [503] * 3
    deadline = time.monotonic() + 90
    while prompt(wire).status == 503:  # the server hears of each end in its turn
        assert time.monotonic() < deadline
