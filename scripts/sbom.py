"""Writes the software bill of materials: one CycloneDX file for each lock, in the folder sbom/.

The tool is cyclonedx-py, run by uv in an environment of its own. What a lock holds is what is installed: every package
with its version and the hashes that are checked. Usage: python scripts/sbom.py [FOLDER]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import uv

from clary.images import builds
from clary.images.index_settings import uv_environment

ROOT = Path(__file__).parent.parent
TOOL = "cyclonedx-bom==7.5.0"


def locks() -> dict[str, Path]:
    """Name of the bill → lock: the server's, each image's, each project's."""
    images = {f"image-{lock.parent.name}": lock for lock in ROOT.glob("src/clary/images/*/requirements.lock")}
    projects = {f"project-{lock.parent.name}": lock for lock in ROOT.glob("projects/*/requirements.lock")}
    return {"clary": ROOT / "requirements.lock", **dict(sorted({**images, **projects}.items()))}


def main(folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, **uv_environment(), "PYTHONWARNINGS": "ignore"}
    for name, lock in locks().items():
        target = folder / f"{name}.cdx.json"
        command = [
            uv.find_uv_bin(),
            "tool",
            "run",
            "--quiet",
            "--from",
            TOOL,
            "cyclonedx-py",
            "requirements",
            "-",
        ]
        command += ["--output-reproducible", "--spec-version", "1.6", "--output-file", str(target)]
        if name == "clary":
            command += ["--pyproject", str(ROOT / "pyproject.toml")]
        pins = "\n".join([lock.read_text(), *builds.of(lock)])
        subprocess.run(command, check=True, env=environment, input=pins, text=True)
        print(f"{target}: {len(json.loads(target.read_text())['components'])} packages")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "sbom"))
