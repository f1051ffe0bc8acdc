"""Builds the documentation site in ``build/site``, with warnings as errors, in an environment of its own.

Usage: python scripts/site.py [FOLDER]
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from clary.images.environments import Environments
from clary.settings import Settings

ROOT = Path(__file__).parent.parent


def main() -> int:
    folder = sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "build/site")
    python = Environments(Settings.read().cache).build(ROOT / "docs/requirements.lock")
    command = [str(python), "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}  # what is pinned is what is built
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
