"""Runs the programs that need nothing but this environment. Usage: python bench/all.py [--moto PYTHON]"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAMS = (
    "server.py",
    "objects.py",
    "serving.py",
    "search.py",
    "channels.py",
    "packing.py",
    "jobs.py",
    "transform.py",
    "detection.py",
    "records.py",
    "console.py",
)
_BESIDE_MOTO = {"server.py", "objects.py"}


def main() -> int:
    folder = Path(__file__).parent
    code = 0
    for name in PROGRAMS:
        print(f"\n{name}", flush=True)
        arguments = sys.argv[1:] if name in _BESIDE_MOTO else []
        code |= subprocess.run([sys.executable, str(folder / name), *arguments], check=False).returncode
    print("\nbench/honest_rmse.py needs libraries of its own; its head says which.")
    return code


if __name__ == "__main__":
    sys.exit(main())
