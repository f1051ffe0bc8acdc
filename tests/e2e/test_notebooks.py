"""JupyterLab of ``clary studio``: a learner's copies, each notebook in its project's Python, and the server within reach."""

from __future__ import annotations

import json
import os
import select
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from clary.learning import notebooks
from tests import pythons
from tests.conftest import Studio

pytestmark = pytest.mark.slow

# Runs a cell in a kernel and prints what it said; in the Python that has Jupyter.
CELL = """
import json, sys, uuid
import websocket
url, token, kernel, code = sys.argv[1:]
socket = websocket.create_connection(f"{url.replace('http', 'ws')}api/kernels/{kernel}/channels", timeout=60,
                                     header=[f"Authorization: token {token}"], http_no_proxy=["127.0.0.1", "localhost"])
header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "username": "", "session": uuid.uuid4().hex,
          "version": "5.3", "date": ""}
content = {"code": code, "silent": False, "store_history": False, "user_expressions": {}, "allow_stdin": False,
           "stop_on_error": True}
socket.send(json.dumps({"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}))
said = ""
while True:
    message = json.loads(socket.recv())
    if message["parent_header"].get("msg_id") != header["msg_id"]:
        continue
    if message["msg_type"] == "stream":
        said += message["content"]["text"]
    if message["msg_type"] == "error":
        sys.exit("\\n".join(message["content"]["traceback"]))
    if message["msg_type"] == "execute_reply":
        break
print(said)
"""


def ask(found: notebooks.Notebooks, path: str, body: dict[str, Any] | None = None) -> Any:
    headers = {"Authorization": f"token {found.token}", "Content-Type": "application/json"}
    data = json.dumps(body).encode() if body is not None else None
    with build_opener(ProxyHandler({})).open(Request(f"{found.url}api/{path}", data, headers), timeout=30) as answer:
        return json.load(answer)


@pytest.fixture(scope="module")
def lab(studio: Studio) -> Iterator[notebooks.Notebooks]:
    pythons.named("CLARY_TEST_SDK2_PYTHON", "the SDK 2.x")
    started = studio.clary("studio", "--no-browser", "--data", str(studio.data), timeout=120)
    assert started.returncode == 0, started.stdout + started.stderr
    found = notebooks.running(studio.data)
    assert found is not None
    assert found.address in started.stdout
    yield found
    stopped = studio.clary("studio", "--stop", "--data", str(studio.data))
    assert "JupyterLab ends" in stopped.stdout


def test_it_shows_the_learners_copies(lab: notebooks.Notebooks) -> None:
    names = {each["name"] for each in ask(lab, "contents/first_lab")["content"]}
    assert {"starter.ipynb", "solution.ipynb", "guide.md"} <= names


def test_a_notebook_runs_in_its_projects_python_and_reaches_the_server(lab: notebooks.Notebooks) -> None:
    kernel = ask(lab, "kernels", {"name": "python3", "path": "first_lab/starter.ipynb"})
    assert kernel["name"] == "first_lab"
    code = "import boto3, os; c = boto3.client('sts'); print(c.get_caller_identity()['Account'], c.meta.endpoint_url, os.getcwd())"
    python = os.environ["CLARY_TEST_SDK2_PYTHON"]
    ran = subprocess.run(
        [python, "-c", CELL, lab.url, lab.token, kernel["id"], code],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    account, url, folder = ran.stdout.split()
    assert account == "000000000000"
    assert url.startswith("http://127.0.0.1:")
    assert Path(folder).name == "first_lab"


def test_asked_again_it_is_the_same(lab: notebooks.Notebooks, studio: Studio) -> None:
    again = studio.clary("studio", "--no-browser", "--data", str(studio.data))
    assert lab.address in again.stdout


def test_nobody_comes_in_without_the_token(lab: notebooks.Notebooks) -> None:
    with pytest.raises(OSError, match="403"):
        ask(notebooks.Notebooks(lab.url, "another", lab.pid), "contents")


def test_it_ends_when_nobody_uses_it(tmp_path: Path, cache: Path, studio: Studio) -> None:
    """Jupyter looks once a minute."""
    pythons.named("CLARY_TEST_SDK2_PYTHON", "the SDK 2.x")
    other = Studio(tmp_path / "data", cache, studio.environment)
    other.start()
    try:
        found = notebooks.start(other.data, cache, 1)
        with os.fdopen(os.pidfd_open(found.pid)) as process:
            assert select.select([process], [], [], 150)[0], "JupyterLab still runs"
        assert notebooks.running(other.data) is None
        assert not notebooks.stop(other.data)
    finally:
        other.stop()
