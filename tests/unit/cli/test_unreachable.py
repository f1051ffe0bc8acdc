"""A server that holds its folder and does not answer: commands say so in a sentence, and end."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from clary.data_folder import DataFolder
from clary.gateway import certificates
from tests.conftest import clean_environment


@pytest.fixture
def dying(tmp_path: Path) -> Iterator[Path]:
    """A data folder whose server closes every connection."""
    folder = DataFolder(tmp_path / "data")
    assert folder.lock()
    (folder.path / "keys.json").write_text(json.dumps({"AccessKeyId": "A" * 20, "SecretAccessKey": "s"}))
    certificates.authority(folder.path)
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    folder.announce(url, 1)

    def close_each() -> None:
        while True:
            try:
                listener.accept()[0].close()
            except OSError:
                return

    thread = threading.Thread(target=close_each)
    thread.start()
    yield folder.path
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()
    folder.unlock()


@pytest.mark.parametrize("command", [["status"], ["logs", "job", "--follow"]])
def test_a_server_that_hangs_up_is_told_in_a_sentence(dying: Path, command: list[str]) -> None:
    found = subprocess.run(
        [sys.executable, "-m", "clary", *command, "--data", str(dying)],
        env=clean_environment(dying),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert found.returncode == 1
    assert "Traceback" not in found.stderr
    assert "does not answer any more" in found.stderr
    assert "clary up --detach" in found.stderr
