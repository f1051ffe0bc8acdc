"""What a task uses is measured while it runs, as it is: processor, memory, disk."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clary.engines import usage
from clary.engines.base import Task
from clary.engines.gpus import Gpus
from clary.engines.local import LocalEngine
from tests.contracts.engine import PATH, python, wait

BUSY = """
import os, time
held = bytearray(64 << 20)
if os.fork() == 0:  # in a child too, which is gone before the end
    end = time.monotonic() + 0.6
    while time.monotonic() < end: pass
    os._exit(0)
open("written", "wb").write(os.urandom(8 << 20)); os.sync()
end = time.monotonic() + 1.6
while time.monotonic() < end: pass
os.wait()
"""


@pytest.fixture(params=["auto", "off"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LocalEngine]:
    engine = LocalEngine(tmp_path / "tasks", sandbox=request.param)
    yield engine
    engine.close()


def measured(directory: Path) -> list[dict[str, Any]]:
    return [line for file in sorted((directory / "usage").glob("*.jsonl")) for line in usage.lines(file.read_text())]


def test_a_task_is_measured_as_often_as_was_asked_for(engine: LocalEngine, tmp_path: Path) -> None:
    directory = tmp_path / "tasks/busy"
    began = time.time() * 1000
    engine.start(
        Task(directory=directory, command=python(BUSY), environment=PATH, sampling=0.2, memory_bytes=256 << 20)
    )
    wait(engine, directory)
    found = measured(directory)
    assert 3 <= len(found) <= 16
    assert began <= found[0]["at"] < found[-1]["at"] <= time.time() * 1000
    cores = os.cpu_count() or 1
    for line in found:
        assert len(line["cpus"]) == len(line["waits"]) == cores
        assert 0 <= line["disk"] <= 100
        assert line["gpus"] == []
    spent = sum(sum(line["cpus"]) for line in found) / 100  # of the intervals that were measured
    assert spent > 0
    assert max(line["memory"] for line in found) > 25  # of 256 MiB
    assert max(sum(line["cpus"]) for line in found) <= 100 * cores + 25
    assert max(line["io"][0] for line in found) > 0


def test_without_a_wish_nothing_is_measured(engine: LocalEngine, tmp_path: Path) -> None:
    directory = tmp_path / "tasks/still"
    engine.start(Task(directory=directory, command=python("pass"), environment=PATH))
    wait(engine, directory)
    assert not (directory / "usage").exists()


def test_what_threads_and_children_used_that_are_gone_is_counted() -> None:
    before = ({1: (1.0, 0)}, 2.0, 0, (0, 0, 0))
    now = ({1: (1.5, 1), 7: (0.25, 0)}, 4.0, 0, (0, 0, 0))
    assert usage._percents(2, before, now, 2.0) == [12.5, 75.0 + 12.5]  # 2 s in all, 0.75 by those that live


def test_processes_are_also_found_where_the_kernel_lists_no_children() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert child.pid in usage._parents()[os.getpid()]
        assert child.pid in usage._descendants()
    finally:
        child.communicate(b"\n")


def test_ps_tells_processor_time_and_memory() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        threads, total, resident, _ = usage._by_ps()
        assert child.pid in threads
        assert total >= 0
        assert resident > 1 << 20
    finally:
        child.communicate(b"\n")


@pytest.mark.parametrize(("text", "seconds"), [("0:01.50", 1.5), ("01:02:03", 3723), ("2-00:00:01", 172_801)])
def test_times_of_ps_are_read(text: str, seconds: float) -> None:
    assert usage._seconds(text) == seconds


def test_the_interval_can_be_changed_while_it_runs(tmp_path: Path) -> None:
    assert usage.interval(str(tmp_path)) == 0
    measure = usage.Usage(str(tmp_path), 0.5, 0)
    assert usage.interval(str(tmp_path)) == 0.5
    usage.change(str(tmp_path), 5)
    assert measure.measure()  # a new minute
    for _ in range(10):  # the first ones come quickly
        due = measure.due
        measure.measure()
    assert measure.due - due == pytest.approx(5, abs=0.1)


def test_the_first_measurements_come_quickly_so_that_short_tasks_have_some(tmp_path: Path) -> None:
    measure, began = usage.Usage(str(tmp_path), 1.0, 0), time.monotonic()
    dues = [measure.due - began]
    for _ in range(8):
        measure.measure()
        dues.append(measure.due - began)
    steps = [later - earlier for earlier, later in itertools.pairwise(dues)]
    assert dues[0] < 0.05
    assert steps[-1] == pytest.approx(1.0, abs=0.05)


def test_a_torn_line_is_left_out() -> None:
    assert usage.lines(json.dumps({"at": 1}) + '\n{"at": 2, "cp') == [{"at": 1}]


def test_without_a_gpu_there_is_none() -> None:
    if not Path("/dev/nvidiactl").exists():
        assert Gpus().read() == []
