"""The X-ray project's own detector, in the image that trains it: it learns, begins again from a checkpoint, and answers."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from clary.images import catalog
from clary.images.environments import Environments
from tests import pythons
from tests.conftest import ROOT, Studio

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PROJECT = ROOT / "projects/chest_xrays"
# Threads that wait for each other stand still on a machine that others use too.
ALONE = {**os.environ, "OMP_NUM_THREADS": "1"}
FLAGS = ("--size", "64", "--width", "8", "--batch", "16")
# A picture of the sample to the four functions that an endpoint calls.
ANSWER = f"""
import json, sys
sys.path[:0] = [{str(PROJECT)!r}, {str(PROJECT / "src")!r}]
import train
loaded = train.model_fn(sys.argv[1])
picture = train.input_fn(open(sys.argv[2], "rb").read(), "image/png")
print(train.output_fn(train.predict_fn(picture, loaded), "application/json")[0])
try:
    train.input_fn(b"", "text/csv")
except ValueError as problem:
    print(problem)
"""


@pytest.fixture(scope="module")
def torch_python(cache: Path) -> str:
    return str(Environments(cache).build(catalog.find("pytorch").lock))


@pytest.fixture(scope="module")
def sample(torch_python: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    command = [torch_python, PROJECT / "sample.py", "--folder", folder, "--count", "160", "--size", "96"]
    subprocess.run(command, check=True, capture_output=True)
    return folder


class Job:
    """train.py as a job calls it, its checkpoints in a folder of the test's own."""

    def __init__(self, python: str, folder: Path, images: Path) -> None:
        self.python, self.folder = python, folder
        lines = (images / "labels.manifest").read_text().splitlines(keepends=True)
        self.environment = {**ALONE, "SM_CHANNEL_IMAGES": str(images), "SM_MODEL_DIR": str(folder / "model")}
        for name, part in (("train", lines[:120]), ("validation", lines[120:])):
            (folder / name).mkdir()
            (folder / name / f"{name}.manifest").write_text("".join(part))
            self.environment[f"SM_CHANNEL_{name.upper()}"] = str(folder / name)
        (folder / "model").mkdir()

    def start(self, *flags: str) -> subprocess.Popen[str]:
        program = (
            f"import sys, runpy, pathlib; sys.path.insert(0, {str(PROJECT / 'src')!r}); import train; "
            f"train.CHECKPOINTS = pathlib.Path({str(self.folder / 'checkpoints')!r}); train.main(train.given(sys.argv[1:]))"
        )
        command = [self.python, "-c", program, *FLAGS, *flags]
        return subprocess.Popen(
            command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def run(self, *flags: str) -> str:
        with self.start(*flags) as process:
            said, _ = process.communicate()
        assert process.returncode == 0, said
        return said


@pytest.fixture
def job(torch_python: str, tmp_path: Path, sample: Path) -> Job:
    return Job(torch_python, tmp_path, sample)


def test_it_learns_and_answers_in_the_built_in_form(job: Job, sample: Path) -> None:
    said = job.run("--epochs", "8")
    assert float(said.rpartition("validation:ap50=")[2].partition(";")[0]) > 0.5, said
    command = [job.python, "-c", ANSWER, job.folder / "model", sample / "SYNTHETIC00001_000.png"]
    answer, problem = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    found: dict[str, Any] = json.loads(answer)
    ((number, score, left, top, right, bottom),) = found["prediction"]
    assert number == 0
    assert 0 <= score <= 1
    assert 0 <= left < right <= 1
    assert 0 <= top < bottom <= 1
    assert problem == "send image/png or image/jpeg, not text/csv"


def test_a_killed_job_goes_on_from_its_last_epoch_to_the_same_end(job: Job) -> None:
    whole = job.run("--epochs", "4")
    (job.folder / "checkpoints/checkpoint.pt").unlink()
    with job.start("--epochs", "4") as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("epoch=2;"):
                process.kill()
                break
    again = job.run("--epochs", "4")
    assert "resuming after epoch 2" in again or "resuming after epoch 3" in again
    assert "epoch=1;" not in again
    end = [said.rpartition("epoch=4; ")[2].partition(" seconds")[0] for said in (whole, again)]
    assert end[0] == end[1]


def test_a_far_too_high_rate_explodes_and_does_not_crash(job: Job) -> None:
    assert "train:loss=nan;" in job.run("--epochs", "3", "--rate", "1e6")


def test_a_missing_picture_is_named_with_its_line(job: Job) -> None:
    with (job.folder / "train/train.manifest").open("a") as file:
        label = {"annotations": [], "image_size": [{"width": 9, "height": 9}]}
        file.write(json.dumps({"source-ref": "s3://a/gone.png", "x": label, "x-metadata": {}}) + "\n")
    with job.start("--epochs", "1") as process:
        said, _ = process.communicate()
    assert process.returncode == 1
    assert "train.manifest, line 121: there is no picture" in said


def test_it_learns_from_the_real_pictures(torch_python: str, real_data: Path) -> None:
    """A few epochs only: ``bench/xrays.py`` has the figures of the whole."""
    if not (real_data / "nih/images_64").is_dir():
        pytest.skip(f"no real pictures in {real_data / 'nih/images_64'}")
    command = [
        torch_python,
        ROOT / "bench/xrays.py",
        "real",
        "--data",
        real_data / "nih",
        "--epochs",
        "6",
        "--width",
        "8",
    ]
    said = subprocess.run(command, check=True, capture_output=True, text=True, env=ALONE).stdout
    found = {name: float(value) for name, value in (line.split(": ", 1) for line in said.splitlines()[5:])}
    assert (found["pictures"], found["patients"]) == (203, 106)
    assert found["ap50"] > 0.05
    assert found["top_box if upper and lower edge were known"] > found["top_box"]


def test_the_guides_model_trainer_runs_the_same_script(job: Job, sample: Path, studio: Studio, tmp_path: Path) -> None:
    """The SDK 3.x, by the code that the guide shows."""
    python = pythons.named("CLARY_TEST_SDK3_PYTHON", "the SDK 3.x")
    guide = (PROJECT / "guide.md").read_text()
    shown = guide.partition("With version 3 of the SDK")[2].partition("```python\n")[2].partition("```")[0]
    folders = {"images": sample, "train": job.folder / "train", "validation": job.folder / "validation"}
    program = f"""
import json, os
os.chdir({str(PROJECT)!r})
inputs = { {name: str(path) for name, path in folders.items()}!r}
{shown}
print(json.dumps({{"status": trainer._latest_training_job.training_job_status}}))
"""
    told, said = pythons.run(studio, python, program, tmp_path)
    assert told == {"status": "Completed"}, said
