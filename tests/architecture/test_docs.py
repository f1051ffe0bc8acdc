"""What is in a table is documented: settings, operations, commands, images. `python scripts/reference.py` writes the pages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_reference_pages_are_what_the_code_says() -> None:
    result = subprocess.run(
        [sys.executable, "scripts/reference.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_repository_names_no_machine_and_no_index() -> None:
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    for name in files:
        path = ROOT / name
        if path.suffix in {".png", ".gz"} or name == "tests/architecture/test_docs.py" or not path.is_file():
            continue
        text = path.read_text(errors="replace")
        for word in ("/opt/pypi", "/opt/wheels", "files.pythonhosted.org", "/work/", "/root/"):
            assert word not in text, f"{name} holds {word!r}"
