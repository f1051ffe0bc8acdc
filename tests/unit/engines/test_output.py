"""The log of a task: whole lines, valid UTF-8, and the truth about a full disk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clary.engines.base import Task
from clary.engines.local import LocalEngine
from clary.engines.output import Log
from tests.contracts.engine import PATH, python, texts, wait


@given(
    st.lists(st.binary(max_size=30) | st.sampled_from([b"\n", "\N{EURO SIGN}".encode(), b"x" * 300_000, b"\xe2\x82"]))
)
def test_however_the_bytes_arrive_the_lines_are_the_same(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes]
) -> None:
    directory = tmp_path_factory.mktemp("log")
    log = Log(str(directory / "output.log"))
    for piece in pieces:
        log.feed(piece)
    log.close()
    written = b"".join(pieces)
    expected = [line.decode("utf-8", "replace") for line in written.split(b"\n")]
    if not expected[-1]:
        expected.pop()
    lines = texts(directory)
    assert max((len(line.encode()) for line in lines), default=0) <= 3 * (256 << 10)
    if all(len(line) < 256 << 10 for line in written.split(b"\n")):
        assert lines == expected
    else:
        assert len("".join(lines)) >= len("".join(expected))
    assert (log.lost, log.error) == (0, "")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB."""
    if sys.platform != "linux" or os.getuid() != 0:
        pytest.skip("needs root, to mount a small file system")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"cannot mount: {mounted.stderr}")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.parametrize("mode", ["auto", "off"])
def test_a_full_disk_loses_lines_but_neither_the_job_nor_its_end(small_disk: Path, mode: str) -> None:
    engine = LocalEngine(small_disk / "tasks", sandbox=mode)
    code = """
        import os, sys
        for number in range(100_000): print('line', number, 'x' * 40)
        filler = open('filler', 'wb', buffering=0)
        try:
            while True: filler.write(b'x' * 4096)
        except OSError: pass
        print('full')
        sys.exit(5)
    """
    code = "\n".join(line[8:] for line in code.splitlines())
    task = Task(directory=small_disk / "tasks/job", command=python(code), environment=PATH)
    engine.start(task)
    progress = wait(engine, task.directory)
    engine.close()
    assert progress.exit_code == 5
    record = json.loads((task.directory / "exit.json").read_text())
    assert record["log_bytes_lost"] > 1 << 20
    assert "No space left" in record["log_error"]
    lines = texts(task.directory)
    assert lines == [f"line {number} {'x' * 40}" for number in range(len(lines))]  # whole ones, up to where it was full


def test_what_was_lost_is_told_once_there_is_room_again(small_disk: Path) -> None:
    filler = small_disk / "filler"
    log = Log(str(small_disk / "output.log"))
    log.feed(b"before\n")
    subprocess.run(["dd", "if=/dev/zero", f"of={filler}", "bs=4096"], capture_output=True, check=False)
    log.feed(b"x" * 8192 + b"\n")
    filler.unlink()
    log.feed(b"after\n")
    log.feed(b"and more\n")
    log.close()
    before, told, after, more = texts(small_disk)
    assert (before, after, more) == ("before", "after", "and more")
    assert "8207 bytes so far: [Errno 28] No space left" in told
