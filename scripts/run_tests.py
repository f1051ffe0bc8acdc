"""Runs the whole suite with the environments that its slow tests need: `make test` calls it.

It makes, once, an environment with the SageMaker SDK 2.x (from the lock of the project hospital costs) and hands its
Python to the tests in ``CLARY_TEST_SDK2_PYTHON``.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from rich.console import Console

from clary.images.environments import Environments
from clary.settings import Settings

ROOT = Path(__file__).parent.parent


def main() -> int:
    console = Console()
    environments = Environments(Settings.read().cache)
    lock = ROOT / "projects/hospital_costs/requirements.lock"
    if environments.python(lock) is None:
        console.print("Building the environment with the SageMaker SDK 2.x, about 120 MB, once.")
    python = environments.build(lock)
    environment = {**os.environ, "CLARY_TEST_SDK2_PYTHON": str(python)}
    return subprocess.run(
        [sys.executable, "-m", "pytest", *sys.argv[1:]], env=environment, cwd=ROOT, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
