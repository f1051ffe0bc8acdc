"""The SageMaker Python SDK 2.x, nothing patched, in an environment of its own, after ``clary env``."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import shapes
from tests.conftest import Studio
from tests.pythons import run
from tests.sdk import programs

pytestmark = pytest.mark.slow


def test_a_session_finds_bucket_role_and_account(studio: Studio, python: str, tmp_path: Path) -> None:
    found, _ = run(studio, python, programs.SESSION, tmp_path)
    assert found == {
        "bucket": "sagemaker-us-east-1-000000000000",
        "role": "arn:aws:iam::000000000000:role/service-role/ClaryExecutionRole",
        "account": "000000000000",
    }


def test_a_users_role_is_found_and_works(studio: Studio, python: str, tmp_path: Path) -> None:
    """With her own key a user finds a role of her name, and a job that gets it has her rights."""
    made = studio.clary("users", "add", "tess", "--data", str(studio.data)).stdout
    keys = dict(re.findall(r"export (\w+)=(\S+);", made))
    # What `clary run` sets of the owner's keys, the program sets to hers before all else.
    own = f"import os\nos.environ.update({keys!r})\n"
    found, _ = run(studio, python, own + programs.SESSION, tmp_path)
    assert found["role"] == "arn:aws:iam::000000000000:role/tess"
    assert found["bucket"] == "sagemaker-us-east-1-000000000000"
    fitted, _ = run(studio, python, own + programs.SKLEARN, tmp_path)
    assert fitted["answer"] == pytest.approx([6.0])


def test_an_estimator_fits_with_logs_deploys_and_predicts(studio: Studio, python: str, tmp_path: Path) -> None:
    found, printed = run(studio, python, programs.SKLEARN, tmp_path)
    assert found["answer"] == pytest.approx([6.0])
    assert found["score"] == pytest.approx(1.0)
    assert "score=1.0000" in printed  # the follower showed the script's output
    assert "Training seconds:" in printed


def test_xgboost_fits_and_serves_as_a_framework_and_as_an_algorithm(
    studio: Studio, python: str, tmp_path: Path
) -> None:
    found, printed = run(studio, python, programs.XGBOOST, tmp_path)
    assert found["own"] == pytest.approx([1.5, 0.3], abs=0.3)
    assert found["scores"] == pytest.approx([1.5, 0.3], abs=0.3)
    assert found["metrics"] == ["train:rmse", "validation:rmse"]
    assert found["of_script"] == ["train:rmse"]
    assert "[29]#011train-rmse:" in printed


def test_object_detection_fits_goes_on_and_serves(studio: Studio, python: str, tmp_path: Path) -> None:
    for name, seeds in (("train", range(24)), ("validation", range(100, 106))):
        (tmp_path / name).mkdir()
        (tmp_path / f"{name}_annotation").mkdir()
        for seed in seeds:
            body, drawn = shapes.picture(seed)
            (tmp_path / name / f"{seed}.png").write_bytes(body)
            text = shapes.annotation_file(drawn, f"{seed}.png")
            (tmp_path / f"{name}_annotation" / f"{seed}.json").write_bytes(text)
    found, printed = run(studio, python, programs.OBJECT_DETECTION, tmp_path)
    assert found["image"] == "811284229777.dkr.ecr.us-east-1.amazonaws.com/object-detection:1"
    assert all(len(each) == 6 for each in found["found"]["prediction"])
    assert "validation:mAP" in found["metrics"]
    assert "train:cross_entropy" in found["metrics"]
    assert "The training goes on from the model of the channel model." in printed


def test_pytorch_fits_and_serves(studio: Studio, python: str, tmp_path: Path) -> None:
    found, printed = run(studio, python, programs.PYTORCH, tmp_path)
    assert found["answer"] == pytest.approx([1.5, 0.3], abs=0.15)
    assert found["type"] == "float32"
    assert found["metrics"] == ["loss"]
    gpus, cuda = re.search(r"loss=\S+ gpus=(\d+) cuda=(\d+)", printed).groups()  # type: ignore[union-attr]
    assert gpus == cuda  # none, and torch sees none; or as many as it sees


def test_functions_run_in_jobs_by_their_decorator_and_by_an_executor(
    studio: Studio, python: str, tmp_path: Path
) -> None:
    found, printed = run(studio, python, programs.REMOTE, tmp_path)
    assert found == {
        "sum": 10,
        "table": [3, 6],
        "helper": "from the workspace",
        "many": [0, 1, 4],
        "error": "ValueError: no dose",
    }
    assert "adding up" in printed  # what the function prints is followed


def test_runs_are_kept_listed_analysed_and_traced(studio: Studio, python: str, tmp_path: Path) -> None:
    found, _ = run(studio, python, programs.EXPERIMENTS, tmp_path)
    assert found == {
        "runs": ["run-0", "run-1", "run-2"],
        "rates": [0.0, 0.1, 0.2],
        "depths": [0.0, 1.0, 2.0],
        "later": ["yes"],
        "notes": True,
        "trials": ["Default-Run-Group-fever"],
        "status": {"PrimaryStatus": "Failed", "Message": "no such patient"},
        "vertices": [True],
        "edges": 2,
        "listed": True,
        "left": 0,
    }


def test_a_feature_group_takes_a_data_frame_and_gives_records(studio: Studio, python: str, tmp_path: Path) -> None:
    found, _ = run(studio, python, programs.FEATURES, tmp_path)
    assert found.pop("resolved").startswith("s3://sagemaker-us-east-1-000000000000/features/000000000000/sagemaker/")
    assert found == {
        "one": {"patient": "p7", "age": "7", "dose": "1.75", "at": "1700000000.0"},
        "many": 2,
        "names": ["patients"],
        "refusal": "No metastore is configured with this feature group.",
        "gone": None,
        "described": "in mg",
        "ddl": True,
    }


def test_a_spot_job_prints_its_saving_and_a_warm_one_is_kept(studio: Studio, python: str, tmp_path: Path) -> None:
    found, printed = run(studio, python, programs.SPOT, tmp_path)
    saving = re.search(r"Managed Spot Training savings: ([0-9.]+)%", printed)
    assert saving is not None
    assert 0 <= float(saving[1]) <= 75
    assert found["kept"] == ["s3://sagemaker-us-east-1-000000000000/states/state"]
    assert found["pool"] == "Available"
    assert found["retries"] == {"MaximumRetryAttempts": 2}
