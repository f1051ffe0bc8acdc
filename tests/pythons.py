"""Programs that run in environments of their own, with the clients that they are written for; `make test` makes these."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Studio


def named(variable: str, what: str) -> str:
    """The Python that a variable names; the test is skipped where it names none. ``what``: the clients that it has."""
    found = os.environ.get(variable)
    if not found:
        pytest.skip(f"{variable} names no Python with {what}; `make test` makes one")
    return found


def run(studio: Studio, python: str, program: str, folder: Path) -> tuple[dict[str, Any], str]:
    """The last line's JSON, and all that was printed."""
    script = folder / "program.py"
    script.write_text(program)
    command = [sys.executable, "-m", "clary", "run", "--data", str(studio.data), "--", python, str(script), str(folder)]
    environment = {k: v for k, v in studio.environment.items() if k != "PYTHONWARNINGS"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=250, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    # The SDK's own boxes may leave their last line without an end.
    return json.loads(re.findall(r'\{".*\}$', done.stdout.strip(), re.MULTILINE)[-1]), done.stdout + done.stderr
