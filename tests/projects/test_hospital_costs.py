"""The project hospital costs, whole: on the real CMS file where it is, else on the synthetic sample."""

from __future__ import annotations

import csv
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import pythons
from tests.conftest import ROOT, Studio

pytestmark = pytest.mark.slow

PROJECT = ROOT / "projects/hospital_costs"
REAL = Path("cms/medicare_hospital_spending_by_claim_2015.csv.gz")

# What data.py makes of a file, as JSON; run by the project's own Python.
FACTS = """
import json, sys
sys.path.insert(0, sys.argv[1])
import data
table = data.load(sys.argv[2])
known = table.dropna(subset=["spending_hospital"])
total = known["facility_id"].map(known[known["claim_type"] == "Total"].set_index("facility_id")["spending_hospital"])
rmse = lambda a, b: float(((a - b) ** 2).mean() ** 0.5)
print(json.dumps({
    "columns": list(table),
    "rows": len(table),
    "hospitals": int(table["facility_id"].nunique()),
    "missing": int(table["spending_hospital"].isna().sum()),
    "ids": bool(table["facility_id"].str.fullmatch(r"[0-9]{6}").all()),
    "largest percent": float(known["percent_hospital"].max()),
    "leak": rmse(known["spending_hospital"], total * known["percent_hospital"] / 100),
    "state": rmse(known["spending_hospital"], known["spending_state"]),
    "lines": len(data.claim_lines(table)),
    "synthetic": data.describe(data.Path(sys.argv[2]), "a test").synthetic,
}))
"""


@pytest.fixture(scope="module")
def python() -> str:
    """The Python of the project's environment."""
    return pythons.named("CLARY_TEST_SDK2_PYTHON", "the SDK 2.x")


@pytest.fixture(scope="module")
def sample(python: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    subprocess.run([python, PROJECT / "sample.py"], cwd=folder, check=True, capture_output=True)
    return folder / "synthetic_hospital_spending.csv"


@pytest.fixture(scope="module")
def raw(sample: Path) -> Path:
    """The real file where it is, else the sample."""
    folder = Path(os.environ.get("CLARY_REAL_DATA", ROOT / "../shared/data")).resolve()
    return folder / REAL if (folder / REAL).is_file() else sample


def facts(python: str, path: Path) -> dict[str, Any]:
    done = subprocess.run([python, "-c", FACTS, PROJECT, path], check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def complaint(python: str, path: Path) -> str:
    done = subprocess.run(
        [python, PROJECT / "data.py", "--input", path], check=False, capture_output=True, text=True, cwd=path.parent
    )
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr
    return done.stderr


def nothing_is_left(studio: Studio) -> bool:
    """Whether no endpoint, configuration, model or object of the project is there."""
    sagemaker, s3 = studio.client("sagemaker"), studio.client("s3")
    try:
        left = [
            *sagemaker.list_endpoints()["Endpoints"],
            *sagemaker.list_endpoint_configs()["EndpointConfigs"],
            *sagemaker.list_models()["Models"],
            *s3.list_objects_v2(Bucket="sagemaker-us-east-1-000000000000").get("Contents", []),
        ]
    finally:
        sagemaker.close()
        s3.close()
    return not left


class TestData:
    def test_the_real_file(self, python: str, real_data: Path) -> None:
        found = facts(python, real_data / REAL)
        assert (found["rows"], found["hospitals"], found["missing"]) == (49811, 2850, 0)
        assert found["lines"] == 49811 - 2850
        assert found["ids"]
        assert found["largest percent"] == 100
        assert found["leak"] < 1  # total x percent reproduces the target
        assert found["state"] == pytest.approx(1071.5, abs=0.5)
        assert not found["synthetic"]

    def test_the_sample(self, python: str, sample: Path) -> None:
        found = facts(python, sample)
        assert (found["rows"], found["hospitals"]) == (13200, 600)
        assert 0 < found["missing"] < 1000
        assert found["ids"]
        assert found["leak"] < 1
        assert found["synthetic"]

    def test_the_names_of_newer_files(self, python: str, sample: Path, tmp_path: Path) -> None:
        newer = {"Avg Spending Per Episode": "Avg Spndg Per EP", "Percent of Spending": "Percent of Spndg"}
        text = sample.read_text()
        header, _, rows = text.partition("\n")
        for old, new in newer.items():
            header = header.replace(old, new)
        path = tmp_path / "newer.csv"
        path.write_text("\ufeff" + header.replace("Nation", "National") + "\n" + rows)
        assert {**facts(python, path)} == facts(python, sample)

    def test_the_names_of_the_oldest_files(self, python: str, sample: Path, tmp_path: Path) -> None:
        header, _, rows = sample.read_text().partition("\n")
        header = header.replace("Facility Name", "Hospital_Name").replace("Facility ID", "Provider_ID")
        header = header.replace("Episode Hospital", "Episode_(Hospital)")
        path = tmp_path / "oldest.csv"
        path.write_text(header + "\n" + rows)
        assert facts(python, path) == facts(python, sample)

    def test_bad_files_are_named(self, python: str, sample: Path, tmp_path: Path) -> None:
        empty = tmp_path / "empty.csv"
        empty.touch()
        assert "is empty" in complaint(python, empty)
        other = tmp_path / "other.csv"
        other.write_text("a,b\n1,2\n")
        assert "no column 'facility name'" in complaint(python, other)
        header = tmp_path / "header.csv"
        header.write_text(sample.read_text().partition("\n")[0] + "\n")
        assert "no rows" in complaint(python, header)
        broken = tmp_path / "broken.csv.gz"
        broken.write_bytes(b"no gzip at all")
        assert "is not a CSV file" in complaint(python, broken)
        words = tmp_path / "words.csv"
        lines = sample.read_text().splitlines()
        words.write_text("\n".join([lines[0], lines[1].replace(",13,", ",thirteen,")]) + "\n")
        assert "'thirteen'" in complaint(python, words)
        assert "no file" in complaint(python, tmp_path / "nowhere.csv")

    def test_a_download_is_noted_and_checked(self, python: str, sample: Path, tmp_path: Path) -> None:
        """What was downloaded before is used again, and refused when it has changed."""
        program = """
import hashlib, json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import data
folder, origin = Path(sys.argv[3]), Path(sys.argv[2])
folder.mkdir()
copy = folder / "hospital_spending_by_claim.csv"
copy.write_bytes(origin.read_bytes())
note = {"file": copy.name, "origin": "the catalog", "sha256": hashlib.sha256(copy.read_bytes()).hexdigest()}
(folder / "provenance.json").write_text(json.dumps(note))
print(data.get(None, folder).origin)
copy.write_text(copy.read_text().replace("13", "14", 1))
try:
    data.get(None, folder)
except data.BadFile as problem:
    print(problem)
"""
        command = [python, "-c", program, PROJECT, sample, tmp_path / "data"]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        origin, problem = done.stdout.splitlines()
        assert origin == "the catalog"
        assert "has changed since it was downloaded" in problem


@pytest.fixture(scope="module")
def ran(studio: Studio, raw: Path) -> Iterator[subprocess.CompletedProcess[str]]:
    studio.environment["CLARY_PROJECT_CANDIDATES"] = "4"
    given = ["--data", str(studio.data), "--input", str(raw), "--minutes", "0.75"]
    done = studio.clary("project", "run", "hospital_costs", *given, timeout=280)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    yield done
    cleaned = studio.clary("project", "clean", "hospital_costs", "--data", str(studio.data))
    assert cleaned.returncode == 0, cleaned.stderr
    assert nothing_is_left(studio)


@pytest.fixture(scope="module")
def summary(ran: subprocess.CompletedProcess[str], studio: Studio) -> dict[str, Any]:
    path = studio.data / "projects/hospital_costs/output/summary.json"
    found: dict[str, Any] = json.loads(path.read_text())
    return found


class TestRun:
    """One run of the whole project, and what it leaves behind."""

    def test_the_leaderboard_is_sorted(self, summary: dict[str, Any]) -> None:
        values = [row["value"] for row in summary["leaderboard"]]
        assert len(values) >= 2
        assert values == sorted(values)
        assert summary["objective"] == "RMSE"

    def test_both_models_beat_the_baseline_and_do_not_leak(self, summary: dict[str, Any]) -> None:
        errors = {row["model"]: row for row in summary["errors"]}
        assert summary["leak_rmse"] < 1
        assert errors["state's average"]["against_baseline"] == 0
        for model in ("Autopilot", "gradient-boosted trees"):
            assert -0.5 < errors[model]["against_baseline"] < 0, errors

    def test_the_honest_error_on_the_real_file(self, summary: dict[str, Any], real_data: Path) -> None:
        errors = {row["model"]: row["rmse"] for row in summary["errors"]}
        assert errors["state's average"] == pytest.approx(1069.2, abs=0.5)
        assert errors["Autopilot"] < 920

    def test_three_explanations_add_up(self, summary: dict[str, Any]) -> None:
        assert len(summary["predictions"]) == 3
        for row in summary["predictions"]:
            assert set(row["explanation"]) == set(summary["features"])
            added = row["baseline"] + sum(row["explanation"].values())
            assert added == pytest.approx(row["predicted"], rel=0.01, abs=1)

    def test_the_end_names_what_came_out(self, ran: subprocess.CompletedProcess[str], studio: Studio) -> None:
        end = ran.stdout[-6000:]
        for words in ("Leaderboard", "Error on held-out hospitals", "predicted", "report ", studio.url, "Try next"):
            assert words in end
        assert end.count("clary ") >= 3

    def test_the_report_is_whole_and_needs_no_network(self, summary: dict[str, Any]) -> None:
        page = Path(summary["report"]).read_text()
        assert page.count("data:image/png;base64,") == 6
        assert "not available here" not in page
        assert "<script" not in page
        assert "src='http" not in page
        assert 'src="http' not in page

    def test_synthetic_data_is_called_so(
        self, ran: subprocess.CompletedProcess[str], summary: dict[str, Any], raw: Path
    ) -> None:
        is_sample = raw.name.startswith("synthetic")
        assert summary["data"]["synthetic"] == is_sample
        assert ("SYNTHETIC" in ran.stdout) == is_sample
        assert ("Synthetic sample." in Path(summary["report"]).read_text()) == is_sample

    def test_no_hospital_is_in_both_parts(self, summary: dict[str, Any], studio: Studio) -> None:
        files = studio.data / "projects/hospital_costs/output/files"
        with (files / "hospitals.csv").open() as file:
            marked = {row["facility_id"]: row["held_out"] == "True" for row in csv.DictReader(file)}
        with (files / "held_out.csv").open() as file:
            held_out = {row["facility_id"] for row in csv.DictReader(file)}
        assert held_out == {identifier for identifier, out in marked.items() if out}
        header = (files / "train.csv").read_text().partition("\n")[0].split(",")
        assert not {"percent_hospital", "facility_id", "facility_name"} & set(header)

    def test_the_endpoint_stays_up_and_answers_fast(self, summary: dict[str, Any], studio: Studio) -> None:
        client = studio.client("sagemaker-runtime")
        row = summary["example"]
        body = ",".join(str(row[name]) for name in summary["features"])
        answer = client.invoke_endpoint(EndpointName=summary["endpoint"], ContentType="text/csv", Body=body)
        predicted = float(answer["Body"].read().decode().split(",")[0])
        assert predicted == pytest.approx(summary["predictions"][0]["predicted"], rel=1e-3)
        client.close()

    def test_every_checkpoint_holds(self, summary: dict[str, Any], studio: Studio) -> None:
        done = studio.clary("project", "check", "hospital_costs", "--data", str(studio.data))
        assert done.returncode == 0, done.stdout
        assert "8 of 8 checkpoints hold" in done.stdout


class TestTrouble:
    def test_checkpoints_of_an_empty_studio_say_what_is_missing(self, python: str, fresh_studio: Studio) -> None:
        done = fresh_studio.clary("project", "check", "hospital_costs", "--data", str(fresh_studio.data))
        assert done.returncode == 1, done.stderr
        assert "0 of 8 checkpoints hold" in done.stdout
        assert "Traceback" not in done.stderr

    def test_a_missing_input_is_named(self, studio: Studio) -> None:
        done = studio.clary("project", "run", "hospital_costs", "--data", str(studio.data), "--input", "/nowhere.csv")
        assert done.returncode == 1
        assert "There is no file /nowhere.csv" in done.stderr

    def test_a_wrong_file_fails_before_anything_is_made(self, studio: Studio, tmp_path: Path) -> None:
        wrong = tmp_path / "wrong.csv"
        wrong.write_text("a,b\n1,2\n")
        done = studio.clary("project", "run", "hospital_costs", "--data", str(studio.data), "--input", str(wrong))
        assert done.returncode == 1
        assert "is not the table of hospital spending" in done.stdout + done.stderr

    def test_without_a_server_it_says_how_to_start_one(self, studio: Studio, tmp_path: Path) -> None:
        done = studio.clary("project", "run", "hospital_costs", "--data", str(tmp_path))
        assert done.returncode == 1
        assert f"clary up --detach --data {tmp_path}" in done.stderr
