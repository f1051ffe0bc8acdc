"""The SageMaker Python SDK 2.x transforms files with models that it trained: scikit-learn's and XGBoost's."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Studio
from tests.pythons import run
from tests.sdk import transformers

pytestmark = pytest.mark.slow


def test_a_trained_model_transforms_files_is_attached_to_and_stopped(
    studio: Studio, python: str, tmp_path: Path
) -> None:
    found, printed = run(studio, python, transformers.SKLEARN, tmp_path)
    assert [row[-1] for row in found["joined"]] == pytest.approx(found["sums"])
    assert [len(row) for row in found["joined"]] == [4] * 5
    assert [row[0] for row in found["own"]] == pytest.approx(found["sums"])
    assert found["attached"] == [True, "MultiRecord", "Line", "text/csv"]
    assert found["stopped"] == "Stopped"
    assert "[sagemaker logs]: MaxConcurrentTransforms=1" in printed  # the follower showed the data-log


def test_the_built_in_xgboost_transforms_and_joins(studio: Studio, python: str, tmp_path: Path) -> None:
    found, _ = run(studio, python, transformers.XGBOOST, tmp_path)
    assert [row[0] for row in found["joined"]] == pytest.approx(found["first"])
    assert [row[1] for row in found["joined"]] == pytest.approx(found["sums"], abs=0.3)
