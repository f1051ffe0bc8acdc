"""How the hook gets into a Python: light, behind nobody's back, and never in the way of an import."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import clary

SOURCE = Path(clary.__file__).parent
SITE = SOURCE / "runtime/hook/site"
LIGHT = "import sys; print(sorted({'typing', 'json', 'pathlib', 'dataclasses'} & set(sys.modules)), len(sys.meta_path))"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "debughookconfig.json"
    file.write_text("{}")
    return file


def python(program: str, config: Path, *path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    folders = os.pathsep.join(map(str, (SOURCE.parent, *path)))
    environment = {
        "PATH": os.environ["PATH"],
        "SMDEBUG_CONFIG_FILE_PATH": str(config),
        **variables,
        "PYTHONPATH": folders,
    }
    command = [sys.executable, "-c", program]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_the_start_imports_nothing_that_costs(config: Path) -> None:
    plain, hooked = python(LIGHT, config), python(LIGHT, config, SITE)
    assert plain.stdout.rpartition(" ")[0] == hooked.stdout.rpartition(" ")[0]
    assert int(hooked.stdout.split()[-1]) == int(plain.stdout.split()[-1]) + 1


def test_without_a_configuration_or_against_its_will_it_is_not_there(tmp_path: Path, config: Path) -> None:
    """Its modules are not loaded; that it would not understand this torch is not told."""
    (tmp_path / "own/torch").mkdir(parents=True)
    (tmp_path / "own/torch/__init__.py").write_text("")
    program = "import sys, torch; print([name for name in sys.modules if name.startswith('clary.runtime.hook.')])"
    for file, variables in ((tmp_path / "none.json", {}), (config, {"USE_SMDEBUG": "False"})):
        done = python(program, file, tmp_path / "own", SITE, **variables)
        assert done.stdout == "['clary.runtime.hook.notice', 'clary.runtime.hook.imports']\n"
        assert (done.returncode, done.stderr) == (0, "")


def test_a_sitecustomize_of_the_users_is_run_too(tmp_path: Path, config: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own/sitecustomize.py").write_text("print('own')\n")
    done = python("import sitecustomize; print(sitecustomize.__file__)", config, SITE, tmp_path / "own")
    assert done.stdout.splitlines() == ["own", str(SITE / "sitecustomize.py")]


def test_a_library_that_the_hook_does_not_understand_is_imported_all_the_same(tmp_path: Path, config: Path) -> None:
    (tmp_path / "own/torch").mkdir(parents=True)
    (tmp_path / "own/torch/__init__.py").write_text("answer = 42\n")
    program = (
        "import torch; print(torch.answer, type(torch.__loader__).__name__, torch.__spec__.loader is torch.__loader__)"
    )
    done = python(program, config, tmp_path / "own", SITE)
    assert (done.returncode, done.stdout) == (0, "42 SourceFileLoader True\n")
    assert done.stderr.startswith("Clary: the debugger's hook saves nothing from now on: ")
    assert done.stderr.count("\n") == 1
