"""What stands before a job's own entrypoint: a Python into which the job may install, over that of its image.

Run as ``python -m clary.runtime.enter COMMAND...``. An image's environment is read-only; scripts that come with an
entrypoint of their own (the SageMaker SDK 3.x's, ``@remote``'s) call ``pip install`` all the same. So a virtual environment is
made in the task's ``/tmp``, which sees what the image has, and the command is run with it first on its path.
"""

from __future__ import annotations

import os
import sys
import sysconfig
import tempfile
import venv
from pathlib import Path

_PIP = '#!/bin/sh\nexec "$(dirname "$0")/python" -m pip "$@"\n'


def make(folder: Path) -> tuple[Path, Path]:
    """The virtual environment; returns the folders of its programs and of its packages."""
    venv.EnvBuilder(symlinks=True, with_pip=False).create(folder)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
    (packages / "image.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    for name in ("pip", "pip3"):
        program = folder / "bin" / name
        program.write_text(_PIP)
        program.chmod(0o755)
    return folder / "bin", packages


def main(command: list[str]) -> None:
    programs, packages = make(Path(tempfile.gettempdir()) / "python")
    os.environ["PATH"] = f"{programs}:{os.environ.get('PATH', os.defpath)}"
    # The image's own commands (torchrun) run on the image's Python, and shall find what was installed.
    os.environ["PYTHONPATH"] = os.pathsep.join(p for p in (str(packages), os.environ.get("PYTHONPATH", "")) if p)
    os.environ["VIRTUAL_ENV"] = str(programs.parent)
    # A container's user is root; programs that ask for its name take another one for somebody without rights.
    os.environ["USER"] = os.environ["LOGNAME"] = "root"
    try:
        os.execvp(command[0], command)  # noqa: S606 - what this program is for
    except OSError as error:
        sys.exit(f"clary: the entrypoint {command[0]!r} cannot be run: {error.strerror}")


if __name__ == "__main__":
    main(sys.argv[1:])
