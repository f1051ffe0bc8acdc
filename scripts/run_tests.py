"""Runs the whole suite with the environments that its slow tests need: `make test` calls it.

It makes each environment once, from its lock, and hands its Python to the tests in a variable.
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

# variable → lock, what it holds
ENVIRONMENTS = {
    "CLARY_TEST_SDK2_PYTHON": ("projects/hospital_costs/requirements.lock", "the SageMaker SDK 2.x, about 150 MB"),
    "CLARY_TEST_XRAYS_PYTHON": (
        "projects/chest_xrays/requirements.lock",
        "the SDK 2.x, Pillow and pydicom, about 160 MB",
    ),
    "CLARY_TEST_EXPERIMENTS_PYTHON": (
        "tests/sdk/experiments/requirements.lock",
        "the SageMaker SDK 2.x and sagemaker-experiments, about 200 MB",
    ),
    "CLARY_TEST_SDK3_PYTHON": ("tests/sdk3/requirements.lock", "the SageMaker SDK 3.x, about 250 MB"),
    "CLARY_TEST_DOCS_PYTHON": ("docs/requirements.lock", "MkDocs, about 20 MB"),
    "CLARY_TEST_CLIENTS_PYTHON": (
        "tests/clients/requirements.lock",
        "clients of S3 (aws, pandas, pyarrow), about 110 MB",
    ),
    "CLARY_TEST_SMDEBUG_PYTHON": ("tests/debugger/requirements.lock", "smdebug, about 180 MB"),
}

# tests/conftest.py says which tests stay together. One worker more than processors, as a test waits for a third of its time;
# many would only starve each other of the disk.
_PARALLEL = ["--numprocesses", str(min((os.cpu_count() or 1) + 1, 4)), "--dist", "loadfile"]


def main() -> int:
    console = Console()
    environments = Environments(Settings.read().cache)
    environment = dict(os.environ)
    for variable, (name, what) in ENVIRONMENTS.items():
        lock = ROOT / name
        if environments.python(lock) is None:
            console.print(f"Building the environment with {what}, once.")
        environment[variable] = str(environments.build(lock))
    command = [sys.executable, "-m", "pytest", *_PARALLEL, *sys.argv[1:]]
    return subprocess.run(command, env=environment, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
