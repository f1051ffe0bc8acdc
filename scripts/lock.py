"""Renews the locks of the server, of development, of the projects and of the clients that tests run.

They are universal (Python 3.11 to 3.13, Linux and macOS) and have hashes.

The locks hold no index address. Usage: python scripts/lock.py
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import uv

from clary.images.index_settings import uv_environment

LOCKS = {
    "requirements.lock": ["pyproject.toml", "--group", "build"],
    "requirements-dev.lock": ["pyproject.toml", "--group", "build", "--group", "dev"],
    "projects/hospital_costs/requirements.lock": ["projects/hospital_costs/requirements.in"],
    "projects/chest_xrays/requirements.lock": ["projects/chest_xrays/requirements.in"],
    "docs/requirements.lock": ["docs/requirements.in"],
    "tests/sdk3/requirements.lock": ["tests/sdk3/requirements.in"],
    "tests/clients/requirements.lock": ["tests/clients/requirements.in"],
    "tests/debugger/requirements.lock": ["tests/debugger/requirements.in"],
    "tests/sdk/experiments/requirements.lock": ["tests/sdk/experiments/requirements.in"],
}


def main() -> int:
    environment = {**os.environ, **uv_environment()}
    for lock, inputs in LOCKS.items():
        command = [uv.find_uv_bin(), "pip", "compile", "--universal", "--generate-hashes", "--python-version", "3.11"]
        command += [
            "--no-header",
            "--no-emit-index-url",
            "--no-emit-find-links",
            "--no-annotate",
            "--quiet",
            "--upgrade",
        ]
        subprocess.run([*command, *inputs, "--output-file", lock], check=True, env=environment)
        print(f"{lock}: {sum(not x.startswith((' ', '#')) for x in Path(lock).read_text().splitlines())} packages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
