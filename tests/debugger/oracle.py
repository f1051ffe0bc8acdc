"""Asks smdebug what it finds in a folder of tensors."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.debugger import programs
from tests.pythons import named


@pytest.fixture(scope="session")
def smdebug() -> str:
    """A Python that has smdebug."""
    return named("CLARY_TEST_SMDEBUG_PYTHON", "smdebug")


def found(python: str, place: str, folder: Path, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """All that ``create_trial(place)`` finds. ``folder``: where the program may be written."""
    script = folder / "read_tensors.py"
    script.write_text(programs.READ)
    given = {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"} | dict(environment or {})
    command = [python, str(script), place]
    done = subprocess.run(command, capture_output=True, text=True, env=given, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    answer: dict[str, Any] = json.loads(done.stdout.partition("FOUND")[2])
    return answer
