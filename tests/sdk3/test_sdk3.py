"""The SageMaker Python SDK 3.x, nothing patched, in an environment of its own, after ``clary env``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests import jobs, pythons
from tests.conftest import Studio
from tests.pythons import run
from tests.sdk3 import programs

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def python() -> str:
    return pythons.named("CLARY_TEST_SDK3_PYTHON", "the SDK 3.x")


def test_a_model_trainer_trains_a_script_with_requirements_and_logs(
    studio: Studio, python: str, tmp_path: Path, boto: Any
) -> None:
    found, _ = run(studio, python, programs.TRAINER, tmp_path)
    assert found["status"] == "Completed"
    assert found["entrypoint"] == ["/bin/bash"]
    lines = jobs.log_lines(boto("logs"), found["name"])
    assert "score=1.0000 depth=3 rank=0 of 1" in lines
    assert "variables true /opt/ml/input/data/code /opt/ml/model" in lines
    assert found["model"].endswith("/output/model.tar.gz")


def test_the_resources_of_sagemaker_core_train_serve_and_list(studio: Studio, python: str, tmp_path: Path) -> None:
    found, _ = run(studio, python, programs.RESOURCES, tmp_path)
    assert found == {"status": "Completed", "listed": ["core"], "answer": [103.0, 107.0], "left": 0}
