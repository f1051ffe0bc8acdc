"""A project's programs run from a page: the log's lock says whether one runs."""

from __future__ import annotations

import fcntl
import os
import select
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from clary.learning import projects
from clary.learning.projects import Project, reset, working_copy
from clary.learning.runs import Checkpoint, Runs, checkpoints

PROJECT = Project("first_lab", projects.projects_folder() / "first_lab", "The first lab", "", 1)


def test_checkpoints_are_read_from_what_is_printed() -> None:
    lines = [
        "Building",
        "  yes  4  nothing leaks: RMSE $0.60",
        "  no   5  the split: run step 5: now",
        "1 of 2 checkpoints hold",
    ]
    assert checkpoints(lines) == [
        Checkpoint(True, "4  nothing leaks", "RMSE $0.60"),
        Checkpoint(False, "5  the split", "run step 5: now"),
    ]


def test_a_run_holds_its_lock_until_it_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that reads a FIFO stands for the project's: it runs for as long as nothing is written there."""
    runs = Runs(tmp_path)
    assert runs.of(PROJECT, "check") is None
    program = tmp_path / "waits"
    program.write_text("#!/bin/sh\necho begun\nread line\necho ended\n")
    program.chmod(0o755)
    started = []

    def popen(_: list[str], **given: object) -> subprocess.Popen[bytes]:
        process = subprocess.Popen([str(program)], **{**given, "stdin": subprocess.PIPE})  # type: ignore[call-overload]
        started.append(process)
        return process  # type: ignore[no-any-return]

    monkeypatch.setattr(
        "clary.learning.runs.subprocess", type("With", (), {**vars(subprocess), "Popen": staticmethod(popen)})
    )
    assert runs.start(PROJECT, "check")
    assert not runs.start(PROJECT, "check"), "it runs already"
    found = runs.of(PROJECT, "check")
    assert found is not None
    assert found.running
    started[0].communicate(b"go on\n")
    found = runs.of(PROJECT, "check")
    assert found is not None
    assert (found.running, found.lines) == (False, ["begun", "ended"])


def test_who_only_looks_keeps_no_run_from_beginning(tmp_path: Path) -> None:
    """A page looks every few seconds."""
    runs = Runs(tmp_path)
    log = tmp_path / "projects/.runs/first_lab.check.log"
    log.parent.mkdir(parents=True)
    log.touch()
    begun: list[bool] = []
    with log.open("rb") as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        starter = threading.Thread(target=lambda: begun.append(runs.start(PROJECT, "check")))
        starter.start()
        starter.join(0.2)  # it would have given up by then
    starter.join(60)
    assert begun == [True]
    runs.stop(PROJECT, "check")


@pytest.mark.skipif(sys.platform != "linux", reason="a process descriptor is Linux's")
def test_a_run_can_be_stopped(tmp_path: Path) -> None:
    """The real program, which says that no server runs, or is ended before it does."""
    runs = Runs(tmp_path)
    runs.start(PROJECT, "check")

    pid = int((tmp_path / "projects/.runs/first_lab.check.pid").read_text())
    descriptor = os.pidfd_open(pid)
    runs.stop(PROJECT, "check")
    assert select.select([descriptor], [], [], 30)[0]
    os.close(descriptor)
    found = runs.of(PROJECT, "check")
    assert found is not None
    assert not found.running


def test_reset_puts_what_was_changed_aside(tmp_path: Path) -> None:
    folder, _ = working_copy(PROJECT, tmp_path)
    (folder / "guide.md").write_text("mine")
    aside = reset(PROJECT, tmp_path, "then")
    assert aside is not None
    assert (aside / "guide.md").read_text() == "mine"
    assert (folder / "guide.md").read_text() == (PROJECT.folder / "guide.md").read_text()
    assert reset(PROJECT, tmp_path, "later") is None
