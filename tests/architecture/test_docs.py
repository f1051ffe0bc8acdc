"""What is in a table is documented: settings, operations, commands, images. `python scripts/reference.py` writes the pages."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

# Where a machine keeps packages and checkouts; /opt/ml is SageMaker's, /opt/clary the sandbox's, /opt/x an example.
_A_MACHINES = re.compile(r"/opt/(?!(?:ml|clary|x)\b)\w|/(?:root|work)/|files\.pythonhosted\.org")


def test_the_reference_pages_are_what_the_code_says() -> None:
    result = subprocess.run(
        [sys.executable, "scripts/reference.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_repository_names_no_machine_and_no_index() -> None:
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    for name in files:
        path = ROOT / name
        if path.suffix in {".png", ".gz"} or not path.is_file():
            continue
        found = _A_MACHINES.search(path.read_text(errors="replace"))
        assert found is None, f"{name} holds {found and found[0]!r}"
