"""Runs a project's solution against a server of its own and writes it with what it printed and drew, for the site.

Usage: python scripts/tell_solution.py hospital_costs [--input PATH|sample]

It goes to ``build/solutions``: a page of Markdown and a folder of pictures. A solution that did not change since is kept.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from clary.images.environments import Environments
from clary.learning.projects import find, working_copy
from clary.settings import Settings

ROOT = Path(__file__).parent.parent
TOLD = ROOT / "build/solutions"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("name")
    parser.add_argument("--input", default="sample", help="a data file, or the word sample (the synthetic one)")
    given = parser.parse_args()
    project = find(given.name)
    mark, digest = TOLD / f"{project.name}.sha256", _digest(project.folder)
    if mark.exists() and mark.read_text() == digest:
        print(f"{project.name}: nothing changed since it was last run")
        return 0
    python = Environments(Settings.read().cache).build(project.lock)
    with tempfile.TemporaryDirectory(prefix="clary-told-") as data:
        clary = [sys.executable, "-m", "clary"]
        subprocess.run([*clary, "up", "--ephemeral", "--detach", "--data", data], check=True)
        try:
            folder, _ = working_copy(project, Path(data))
            print(f"{project.name}: running the solution, a few minutes")
            subprocess.run(
                [*clary, "run", "--data", data, "--", *_execution(str(python), project.name)],
                cwd=folder,
                env={**os.environ, "CLARY_PROJECT_INPUT": given.input},
                check=True,
            )
        finally:
            subprocess.run([*clary, "down", "--data", data], check=False)
    mark.write_text(digest)
    return 0


def _execution(python: str, name: str) -> list[str]:
    """nbconvert runs the notebook and writes it as Markdown with pictures."""
    convert = [python, "-m", "jupyter", "nbconvert", "--execute", "--to", "markdown", "solution.ipynb"]
    return [*convert, "--output", f"{name}_solution", "--output-dir", str(TOLD)]


def _digest(folder: Path) -> str:
    """Of all that the solution runs."""
    ours = {".py", ".html", ".lock", ".toml"}
    files = sorted(path for path in folder.rglob("*") if path.suffix in ours and path.name != "check.py")
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
