"""Processors of the SageMaker Python SDK 2.x, nothing patched."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Studio
from tests.pythons import run
from tests.sdk import processing_programs as programs

pytestmark = pytest.mark.slow


def test_processors_run_scripts_stop_and_tell_what_failed(studio: Studio, python: str, tmp_path: Path) -> None:
    found, printed = run(studio, python, programs.SCRIPTS, tmp_path)
    assert "split 7 3" in printed  # the follower showed the script's output
    assert found["train"] == 8
    assert found["hosts"] == {"current_host": "algo-1", "hosts": ["algo-1"]}
    assert found["stopped"] == "Stopped"
    assert "AlgorithmError: no beds, exit code: 1" in found["problem"]


def test_a_framework_processor_brings_its_folder_and_requirements(
    studio: Studio,
    python: str,
    tmp_path: Path,
) -> None:
    found, printed = run(studio, python, programs.FRAMEWORK, tmp_path)
    assert found["facts"].startswith('beds = 12\narguments = [\n    "--fast",')
    assert "Requirement already satisfied: tomli-w" in printed  # by the layer: the script's pip fetched nothing


def test_a_pytorch_processor_has_torch(studio: Studio, python: str, tmp_path: Path) -> None:
    found, _ = run(studio, python, programs.PYTORCH, tmp_path)
    assert found == {"norm": 5.0}
