"""Experiments and lineage by the clients that they were made for: Run of the SDK 2.x, sagemaker-experiments, their analytics."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import pythons
from tests.conftest import Studio
from tests.pythons import run
from tests.sdk import experiment_programs as programs

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def python() -> str:
    return pythons.named("CLARY_TEST_EXPERIMENTS_PYTHON", "sagemaker-experiments")


def test_a_run_logs_here_and_in_its_job_and_is_analysed(fresh_studio: Studio, python: str, tmp_path: Path) -> None:
    found, _ = run(fresh_studio, python, programs.RUN, tmp_path)
    assert found == {
        "runs": ["first", "second"],
        "accuracy": [25.0, 0.0, 0.96, 0.96],
        "loss": [12.0, 1.0],
        "parameters": {"kind": "tree", "depth": 3, "again": 1, "from_job": 7},
        "inputs": ["rows", "source"],
        "curves": ["PrecisionRecallCurve", "ROCCurve"],
        "own": [0.5, 11.0, True, ["Default-Run-Group-ward"], ["ward"]],
        "status": {"PrimaryStatus": "Completed"},
        "curve": ["error"],
        "best": ["ward-first"],
    }


def test_a_processing_job_logs_into_the_run_that_it_was_started_in(
    fresh_studio: Studio, python: str, tmp_path: Path
) -> None:
    found, _ = run(fresh_studio, python, programs.PROCESSOR, tmp_path)
    assert found == {
        "rows": {"NumberValue": 3.0},
        "metrics": [["share", 0.5]],
        "status": "Completed",
        "trials": ["Default-Run-Group-steps"],
        "runs": ["prepare"],
    }


def test_trackers_log_here_and_in_a_job_and_all_is_found_and_deleted(
    fresh_studio: Studio, python: str, tmp_path: Path
) -> None:
    found, _ = run(fresh_studio, python, programs.TRACKER, tmp_path)
    assert found == {
        "experiments": ["Trials"],
        "red": ["Trials"],
        "trials": ["Trials-1", "Trials-2"],
        "names": ["Preparing", "Training"],
        "of": ["Trials-1", "Trials-2"],
        "jobs": [True],
        "doses": [True],
        "seed": 7,
        "dose": [["dose", 5, 4.0]],
        "status": "Completed",
        "source": "SageMakerTrainingJob",
        "columns": ["dose - Max", "kind", "seed", "source - MediaType", "split"],
        "graphs": ["ConfusionMatrix", "PrecisionRecallCurve", "ROCCurve", "Table", "text/csv"],
        "left": 0,
    }


def test_lineage_is_walked_and_drawn_from_the_data_to_the_endpoint(
    fresh_studio: Studio, python: str, tmp_path: Path
) -> None:
    found, _ = run(fresh_studio, python, programs.LINEAGE, tmp_path)
    assert found == {
        "table": [
            ["Input", "DataSet", "ContributedTo", "artifact"],
            ["Input", "Image", "ContributedTo", "artifact"],
            ["Output", "Model", "Produced", "artifact"],
        ],
        "ends": [["Input", "ModelDeployment", "AssociatedWith"]],
        "data": True,
        "places": [True],
        "jobs": [True],
        "model": [True, True],
        "of model": [True],
        "deployments": ["ModelDeployment"],
        "graph": True,
        "walk": ["DataSet", "Endpoint", "Model", "ModelDeployment", "TrainingJob"],
    }
