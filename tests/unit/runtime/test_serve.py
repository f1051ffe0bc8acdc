"""The program inside a serving task, as a real process on a socket that is handed down."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import clary

SOURCE = str(Path(clary.__file__).parents[1])
HANDLERS = '''
"""Defaults for the tests: text in, text out."""
DEFAULT_ACCEPT = "text/plain"
class UnsupportedContent(Exception): pass
def model_fn(folder): return "default"
def input_fn(body, content_type):
    if content_type == "image/png": raise UnsupportedContent("no pictures")
    return body
def predict_fn(data, model): return f"{model}:{data}"
def output_fn(prediction, accept): return prediction, accept
'''

Start = Callable[[str], int]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts the server with a user's program; returns its port."""
    (tmp_path / "handlers.py").write_text(HANDLERS)
    (tmp_path / "model/code").mkdir(parents=True)
    running: list[subprocess.Popen[bytes]] = []

    def run(program: str) -> int:
        (tmp_path / "model/code/inference.py").write_text(program)
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.bind(("127.0.0.1", 0))
        listener.listen(8)
        environment = {
            "PATH": os.environ["PATH"],
            "CLARY_ML": str(tmp_path),
            "PYTHONPATH": f"{SOURCE}:{tmp_path}",
            "CLARY_HANDLERS": "handlers",
            "CLARY_LISTEN_FD": str(listener.fileno()),
            "SAGEMAKER_PROGRAM": "inference.py",
        }
        command = [sys.executable, "-m", "clary.runtime.serve"]
        with listener:
            running.append(
                subprocess.Popen(
                    command,
                    env=environment,
                    pass_fds=[listener.fileno()],
                    stderr=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                )
            )
            return int(listener.getsockname()[1])

    yield run
    for process in running:
        process.kill()
        process.wait()


def ask(
    port: int, body: bytes = b"x", method: str = "POST", path: str = "/invocations", **headers: str
) -> tuple[int, str, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return response.status, response.getheader("content-type", ""), response.read().decode()
    finally:
        connection.close()


def test_what_the_user_leaves_out_the_image_does(start: Start) -> None:
    port = start("def model_fn(folder): return 'mine'\n")
    assert ask(port, b"1,2", Content_Type="text/csv", Accept="text/csv") == (200, "text/csv", "mine:1,2")
    assert ask(port, b"1", Content_Type="text/csv", Accept="*/*") == (200, "text/plain", "mine:1")
    assert ask(port, b"", "GET", "/ping")[0] == 200
    assert ask(port, b"", "GET", "/other")[0] == 404


def test_transform_fn_takes_the_place_of_three(start: Start) -> None:
    port = start("def transform_fn(model, body, content_type, accept): return f'{model}/{body}', 'text/x'\n")
    assert ask(port, b"1", Content_Type="text/csv") == (200, "text/x", "default/1")


def test_a_handler_may_take_a_context(start: Start) -> None:
    port = start("def predict_fn(data, model, context): return f'{data} {context}'\n")
    assert ask(port, b"1", Content_Type="text/csv")[2] == "1 None"


def test_errors_tell_whose_they_are(start: Start) -> None:
    port = start("def predict_fn(data, model): raise RuntimeError('out of beds')\n")
    status, _, text = ask(port, b"1", Content_Type="text/csv")
    assert status == 500
    assert text.startswith("out of beds\nTraceback")
    assert ask(port, b"1", Content_Type="image/png")[::2] == (415, "no pictures")


def test_connections_are_kept_and_bodies_may_be_chunked(start: Start) -> None:
    port = start("def model_fn(folder): return 'm'\n")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for size in (1, 100_000):
        connection.request(
            "POST", "/invocations", iter([b"a" * size, b"b"]), {"Content-Type": "text/csv"}, encode_chunked=True
        )
        response = connection.getresponse()
        assert response.read() == b"m:" + b"a" * size + b"b"
    connection.close()


STREAM = """
def predict_fn(data, model): return data
def output_fn(prediction, accept):
    def pieces():
        if prediction == "never": raise ValueError("nothing comes")
        for n in range(3):
            yield f"piece {n};"
            yield b""
        if prediction == "breaks": raise RuntimeError("half way")
    return pieces(), "text/event"
"""


def test_a_generator_is_sent_piece_by_piece(start: Start) -> None:
    port = start(STREAM)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for _ in range(2):  # the connection is kept
        connection.request("POST", "/invocations", b"all", {"Content-Type": "text/csv"})
        response = connection.getresponse()
        assert response.getheader("Transfer-Encoding") == "chunked"
        assert response.getheader("Content-Type") == "text/event"
        assert response.read() == b"piece 0;piece 1;piece 2;"
    connection.close()
    assert ask(port, b"never", Content_Type="text/csv")[0] == 500  # before the first piece a status can tell it
    with pytest.raises(http.client.IncompleteRead):
        ask(port, b"breaks", Content_Type="text/csv")
