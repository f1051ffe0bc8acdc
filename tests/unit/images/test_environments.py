"""Environments: built whole or not at all, once, and told why not."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from clary.images.environments import CannotBuild, Environments


@pytest.fixture
def environments(tmp_path: Path) -> Environments:
    return Environments(tmp_path / "cache")


def test_an_empty_lock_gives_a_python(environments: Environments, tmp_path: Path) -> None:
    lock = tmp_path / "empty" / "requirements.lock"
    lock.parent.mkdir()
    lock.write_text("")
    assert environments.python(lock) is None
    python = environments.build(lock)
    assert environments.python(lock) == python
    program = "import sys; print(sys.prefix != sys.base_prefix)"
    assert subprocess.run([python, "-c", program], capture_output=True, text=True, check=True).stdout == "True\n"


def test_its_key_changes_with_the_lock(environments: Environments, tmp_path: Path) -> None:
    lock = tmp_path / "some" / "requirements.lock"
    lock.parent.mkdir()
    lock.write_text("")
    first = environments.key(lock)
    assert first == environments.key(lock)
    lock.write_text("# another")
    assert environments.key(lock) != first


def test_a_half_built_one_is_built_anew(environments: Environments, tmp_path: Path) -> None:
    lock = tmp_path / "half" / "requirements.lock"
    lock.parent.mkdir()
    lock.write_text("")
    python = environments.build(lock)
    (python.parent.parent / "built").unlink()  # as if the power had gone before the end
    assert environments.python(lock) is None
    assert environments.build(lock) == python


def test_what_cannot_be_had_is_told(environments: Environments, tmp_path: Path) -> None:
    lock = tmp_path / "none" / "requirements.lock"
    lock.parent.mkdir()
    lock.write_text("no-such-package-of-clarys==9.9 --hash=sha256:" + "0" * 64 + "\n")
    with pytest.raises(CannotBuild, match="uv could not install"):
        environments.build(lock)
    assert environments.python(lock) is None


def test_the_runtime_holds_what_tasks_need_and_nothing_of_the_server(environments: Environments) -> None:
    folder = environments.runtime()
    there = {path.name for path in (folder / "clary").iterdir()}
    assert there == {"__init__.py", "runtime", "formats", "images"}
    assert environments.runtime() == folder
