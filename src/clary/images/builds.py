"""What of an image is left out of its lock because its build differs by machine: torch, for the CPU or for CUDA.

``by_machine.txt`` beside the lock holds it, a ``name==version`` a line; its dependencies are in the lock. The index of
PyPI has the build with CUDA for Linux, ten times the size of the one without, which PyTorch's own index has
(https://docs.astral.sh/uv/guides/integration/pytorch/). An index or a folder of one's own may have either.
"""

from __future__ import annotations

import sys
from pathlib import Path


def of(lock: Path) -> list[str]:
    """The requirements beside a lock; empty if there are none."""
    file = lock.with_name("by_machine.txt")
    return file.read_text().split() if file.is_file() else []


def kind() -> str:
    """The build that this machine wants: "cuda", "cpu", or "" where there is one for all (macOS)."""
    if sys.platform != "linux":
        return ""
    return "cuda" if next(Path("/dev").glob("nvidia[0-9]*"), None) else "cpu"


def attempts(requirements: list[str], build: str) -> list[list[str]]:
    """Arguments of ``uv pip install``, to be tried in this order until one works."""
    match build:
        case "cuda":  # "auto": by the version of the driver
            return [[*requirements, "--torch-backend", "auto"], requirements]
        case "cpu":
            own = [f"{requirement}+cpu" for requirement in requirements]
            return [own, [*requirements, "--torch-backend", "cpu"], requirements]
    return [requirements]
