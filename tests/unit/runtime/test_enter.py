"""What stands before an entrypoint, run by hand in a /tmp of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import clary

SOURCE = str(Path(clary.__file__).parents[1])


def enter(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": SOURCE, "TMPDIR": str(folder)}
    words = [sys.executable, "-m", "clary.runtime.enter", *command]
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=False)


def test_the_command_finds_a_python_of_its_own_that_has_what_the_image_has(tmp_path: Path) -> None:
    program = "import pytest, sys; print(sys.prefix, pytest.__file__.startswith(sys.prefix))"
    done = enter(tmp_path, "bash", "-c", f'python -c "{program}"; echo $USER; command -v pip3')
    assert done.stdout.splitlines() == [f"{tmp_path}/python False", "root", f"{tmp_path}/python/bin/pip3"], done.stderr


def test_what_is_installed_goes_there_and_comes_first(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src/pytest.py").write_text("HERE = True\n")
    # As pip does it: a file in the folder of packages.
    copy = "cp src/pytest.py $(python -c 'import sysconfig; print(sysconfig.get_path(\"purelib\"))')"
    see = "import pytest; print(pytest.HERE)"
    done = enter(tmp_path, "bash", "-c", f'cd {tmp_path}; {copy}; python -c "{see}"; {sys.executable} -c "{see}"')
    assert done.stdout.splitlines() == ["True", "True"], done.stderr


def test_a_command_that_is_not_there_is_told_by_its_name(tmp_path: Path) -> None:
    done = enter(tmp_path, "no-such-program", "x")
    assert done.returncode == 1
    assert "the entrypoint 'no-such-program' cannot be run: No such file or directory" in done.stderr
