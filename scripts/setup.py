"""Makes or renews a virtual environment from a lock, with pip and so with pip's own index, proxy and certificates.

Usage: python3 scripts/setup.py .venv requirements.lock
"""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path


def main(folder: Path, lock: Path) -> int:
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        print(
            f"Clary runs on Python 3.11 to 3.13; this is {sys.version.split()[0]} ({sys.executable}).\n"
            "Name another: make setup PYTHON=python3.12",
            file=sys.stderr,
        )
        return 1
    python = folder / "bin" / "python"
    if not python.exists():
        try:
            venv.create(folder, with_pip=True, symlinks=True)
        except subprocess.CalledProcessError:
            print(
                "python3 has no ensurepip. On Debian or Ubuntu: apt install python3-venv, or use a Python of your own "
                "(pyenv, uv python install) and name it: make setup PYTHON=...",
                file=sys.stderr,
            )
            return 1
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--require-hashes", "-r", str(lock)], check=True)
    subprocess.run([*pip, "--no-deps", "--no-build-isolation", "--editable", "."], check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
