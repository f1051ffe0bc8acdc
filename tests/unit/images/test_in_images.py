"""Runs tests/in_images/NAME in the image NAME: its libraries, and pytest and hypothesis from this environment."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import hypothesis
import pytest

from clary.images import catalog
from clary.images.environments import Environments

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

ROOT = Path(__file__).parents[3]
# Behind the image's own libraries, so that only what it has not is taken from here.
_RUN = "import sys; sys.path.append(sys.argv.pop(1)); import pytest; sys.exit(pytest.main(sys.argv[1:]))"


@pytest.mark.parametrize("name", ["object_detection"])
def test_the_images_own_tests_pass_in_it(name: str, cache: Path) -> None:
    python = Environments(cache).build(catalog.find(name).lock)
    site = Path(hypothesis.__file__).parent.parent
    command = [str(python), "-c", _RUN, str(site), f"tests/in_images/{name}", "-q", "-p", "no:cacheprovider"]
    result = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-2000:]
