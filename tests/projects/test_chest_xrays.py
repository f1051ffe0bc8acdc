"""The project chest X-rays, whole, on a small synthetic sample: from pictures to boxes, and what it leaves behind."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Studio

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

SMALL = {
    "CLARY_PROJECT_PICTURES": "160",
    "CLARY_PROJECT_EPOCHS": "12",
    "CLARY_PROJECT_BUILT_IN_EPOCHS": "2",
    "OMP_NUM_THREADS": "1",  # threads that wait for each other stand still on a machine that others use too
}


@pytest.fixture(scope="module")
def ran(studio: Studio) -> Iterator[subprocess.CompletedProcess[str]]:
    studio.environment.update(SMALL)
    given = ["--data", str(studio.data), "--input", "sample"]
    done = studio.clary("project", "run", "chest_xrays", *given, timeout=1400)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    yield done
    cleaned = studio.clary("project", "clean", "chest_xrays", "--data", str(studio.data))
    assert cleaned.returncode == 0, cleaned.stderr
    sagemaker, s3 = studio.client("sagemaker"), studio.client("s3")
    left = [
        *sagemaker.list_endpoints()["Endpoints"],
        *sagemaker.list_endpoint_configs()["EndpointConfigs"],
        *sagemaker.list_models()["Models"],
        *sagemaker.list_workteams()["Workteams"],
        *s3.list_objects_v2(Bucket="sagemaker-us-east-1-000000000000").get("Contents", []),
    ]
    sagemaker.close()
    s3.close()
    assert not left


@pytest.fixture(scope="module")
def summary(ran: subprocess.CompletedProcess[str], studio: Studio) -> dict[str, Any]:
    path = studio.data / "projects/chest_xrays/output/summary.json"
    found: dict[str, Any] = json.loads(path.read_text())
    return found


class TestRun:
    def test_a_detector_beats_the_mean_box(self, summary: dict[str, Any]) -> None:
        results = summary["results"]
        assert set(results) == {"always the mean box", f"own ({summary['best']})", "built-in"}
        best = max(results[f"own ({summary['best']})"]["AP50"], results["built-in"]["AP50"])
        assert best > results["always the mean box"]["AP50"]

    def test_spot_saved_most_of_the_price(self, summary: dict[str, Any]) -> None:
        assert set(summary["savings"]) == {"built-in", "own", "thin"}
        assert all(0.5 < share < 0.95 for share in summary["savings"].values())

    def test_the_bad_run_was_caught_and_stopped(self, summary: dict[str, Any]) -> None:
        assert summary["bad"]["status"] == "Stopped"
        assert [rule["RuleEvaluationStatus"] for rule in summary["rules"]] == ["IssuesFound"]
        assert "ExplodingTensor" in summary["rules"][0]["RuleConfigurationName"]

    def test_a_labelling_job_was_made_and_ended(self, summary: dict[str, Any], studio: Studio) -> None:
        client = studio.client("sagemaker")
        job = client.describe_labeling_job(LabelingJobName=summary["links"]["labelling job"])
        client.close()
        assert job["LabelingJobStatus"] == "Stopped"
        assert job["LabelCounters"]["HumanLabeled"] == 0
        assert summary["data"]["labelled_by_you"] == 0

    def test_the_endpoint_stays_up_and_answers_with_a_box(self, summary: dict[str, Any], studio: Studio) -> None:
        client = studio.client("sagemaker-runtime")
        body = Path(summary["example"]).read_bytes()
        answer = client.invoke_endpoint(EndpointName=summary["endpoint"], ContentType="image/png", Body=body)
        ((number, score, left, top, right, bottom),) = json.loads(answer["Body"].read())["prediction"]
        client.close()
        assert number == 0
        assert 0 <= score <= 1
        assert 0 <= left < right <= 1
        assert 0 <= top < bottom <= 1

    def test_the_report_is_whole_and_needs_no_network(self, summary: dict[str, Any]) -> None:
        page = Path(summary["report"]).read_text()
        assert page.count("data:image/png;base64,") == 5
        assert "not available here" not in page
        assert "<script" not in page
        assert 'src="http' not in page
        assert "Synthetic sample." in page

    def test_the_end_names_what_came_out(self, ran: subprocess.CompletedProcess[str], studio: Studio) -> None:
        end = ran.stdout[-4000:]
        for words in ("On held-out patients", "What spot saved", "IssuesFound", "report ", studio.url, "Try next"):
            assert words in end
        assert "SYNTHETIC" in ran.stdout

    def test_every_checkpoint_holds_but_what_chance_decides(self, summary: dict[str, Any], studio: Studio) -> None:
        """The last one depends on how far the own detector came in these few epochs."""
        done = studio.clary("project", "check", "chest_xrays", "--data", str(studio.data))
        said = done.stdout.splitlines()
        assert all(line.startswith("  yes") for line in said[:8]), done.stdout
        assert "Traceback" not in done.stderr


class TestTrouble:
    def test_checkpoints_of_an_empty_studio_say_what_is_missing(self, fresh_studio: Studio) -> None:
        done = fresh_studio.clary("project", "check", "chest_xrays", "--data", str(fresh_studio.data))
        assert done.returncode == 1, done.stderr
        assert "0 of 9 checkpoints hold" in done.stdout
        assert "Traceback" not in done.stderr

    def test_a_missing_folder_is_named(self, studio: Studio) -> None:
        given = ["--data", str(studio.data), "--input", "/nowhere"]
        done = studio.clary("project", "run", "chest_xrays", *given)
        assert done.returncode == 1
        assert "There is no folder /nowhere. Name a folder with PNG or DICOM files" in done.stderr

    def test_a_folder_without_pictures_fails_before_anything_is_made(self, studio: Studio, tmp_path: Path) -> None:
        given = ["--data", str(studio.data), "--input", str(tmp_path)]
        done = studio.clary("project", "run", "chest_xrays", *given)
        assert done.returncode == 1
        assert "There is no PNG or DICOM file below" in done.stdout + done.stderr
