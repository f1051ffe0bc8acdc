"""What docs/quick-start.md prints is run as it is printed: the script, the table, the program."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import pythons
from tests.conftest import ROOT, Studio

pytestmark = pytest.mark.slow


def test_the_quick_start_runs_as_it_is_printed(studio: Studio, tmp_path: Path) -> None:
    python = pythons.named("CLARY_TEST_SDK2_PYTHON", "the SDK 2.x")
    text = (ROOT / "docs/quick-start.md").read_text()
    files = dict(re.findall(r"```python file=(\S+)\n(.*?)```", text, re.DOTALL))
    assert set(files) == {"train.py", "table.py", "run.py"}
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    subprocess.run([sys.executable, "table.py"], cwd=tmp_path, check=True)
    command = [sys.executable, "-m", "clary", "run", "--data", str(studio.data), "--", python, "run.py"]
    environment = {k: v for k, v in studio.environment.items() if k != "PYTHONWARNINGS"}
    ran = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=250, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert re.search(r"\[\s*\d+\.\d+\]$", ran.stdout.strip()), ran.stdout  # after the SDK's own "!"
