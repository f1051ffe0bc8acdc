"""The wheel alone, for an ordinary user: installed from the repository, with no repository in sight.

Root's own files are closed to that user, so the server runs on a Python that everybody may read. The second part refuses
namespaces, as Ubuntu 24.04 and most CI runners do: then tasks are plain processes, and the project runs all the same.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uv

from clary.images.index_settings import uv_environment
from tests.conftest import ROOT, clean_environment

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

_NOBODY = 65534


@dataclass
class Person:
    """An ordinary user with a home, and ``clary`` on the path."""

    home: Path
    binary: Path
    environment: dict[str, str]

    def clary(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        given: dict[str, Any] = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []} if os.getuid() == 0 else {}
        return subprocess.run(
            [str(self.binary), *arguments],
            env={**self.environment, **variables},
            cwd=self.home,
            capture_output=True,
            text=True,
            check=False,
            **given,
        )


def readable_python() -> str:
    """A Python of 3.11 to 3.13 that an ordinary user can run."""
    base = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    if os.getuid() != 0 or all(folder.stat().st_mode & 0o5 == 0o5 for folder in base.parents):
        return str(base)
    for name in ("python3.13", "python3.12", "python3.11"):
        if (found := shutil.which(name, path="/usr/local/bin:/usr/bin")) is not None:
            return found
    pytest.skip("there is no Python 3.11 to 3.13 that an ordinary user may read (apt install python3)")


@pytest.fixture(scope="module")
def person() -> Iterator[Person]:
    # Not below pytest's folder: that is the owner's alone, and each run of pytest makes it so again.
    folder = Path(tempfile.mkdtemp(prefix="clary-person-"))
    folder.chmod(0o755)
    environment = folder / "environment"
    command = [uv.find_uv_bin(), "venv", "--quiet", "--python", readable_python(), str(environment)]
    subprocess.run(command, check=True)
    install = [uv.find_uv_bin(), "pip", "install", "--quiet", "--python", str(environment / "bin/python"), str(ROOT)]
    subprocess.run(install, check=True, env={**os.environ, **uv_environment(), "UV_LINK_MODE": "copy"})
    home = folder / "home"
    home.mkdir(mode=0o700)
    if os.getuid() == 0:
        os.chown(home, _NOBODY, _NOBODY)
    variables = clean_environment(home / ".cache/clary")
    index = {name: value for name, value in uv_environment().items() if "/root" not in value}
    variables |= {"HOME": str(home), "UV_CACHE_DIR": str(home / ".cache/uv"), "UV_LINK_MODE": "hardlink", **index}
    for name in ("PYTHONPATH", "VIRTUAL_ENV", "XDG_CONFIG_HOME"):
        variables.pop(name, None)
    person = Person(home, environment / "bin/clary", variables)
    yield person
    person.clary("project", "clean", "hospital_costs")
    person.clary("down")
    shutil.rmtree(folder)


def test_the_wheel_holds_projects_and_locks(person: Person) -> None:
    assert "hospital_costs" in person.clary("project", "list").stdout
    images = person.clary("images").stdout
    assert "sagemaker-scikit-learn" in images
    assert "autogluon-training" in images


def test_an_ordinary_user_runs_the_project(person: Person) -> None:
    up = person.clary("up", "--detach", "--port", "0")
    assert up.returncode == 0, up.stderr
    assert (person.home / ".clary").stat().st_mode & 0o777 == 0o700
    run_project(person)
    told = person.clary("status").stdout
    assert "Sandbox: " in told
    person.clary("project", "clean", "hospital_costs")


def test_the_project_runs_where_namespaces_are_refused(person: Person) -> None:
    person.clary("down")
    shadow = person.home.parent / "refusing"
    shadow.mkdir()
    refusing = shadow / "bwrap"
    refusing.write_text("#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n")
    refusing.chmod(0o755)
    person.environment["PATH"] = f"{shadow}:{person.environment['PATH']}"
    up = person.clary("up", "--detach", "--port", "0")
    assert up.returncode == 0, up.stderr
    told = person.clary("status").stdout
    assert "Sandbox: process" in told
    assert "not covered" in told
    run_project(person)


def run_project(person: Person) -> None:
    given = ["--input", "sample", "--minutes", "0.5"]
    done = person.clary("project", "run", "hospital_costs", *given, CLARY_PROJECT_CANDIDATES="3")
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    summary = json.loads((person.home / ".clary/projects/hospital_costs/output/summary.json").read_text())
    assert summary["data"]["synthetic"]
    assert len(summary["predictions"]) == 3
