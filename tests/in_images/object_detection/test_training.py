"""The training program on a folder like a task's: killed and taken up, on two hosts, from another's model, and what it refuses."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clary.images.object_detection import checkpoints, loss, model_files, train
from clary.runtime import contract
from tests import shapes

pytestmark = pytest.mark.timeout(900)

GIVEN = {
    "base_network": "small", "num_classes": "2", "num_training_samples": "12", "use_pretrained_model": "0",
    "mini_batch_size": "4", "optimizer": "adam", "learning_rate": "0.002", "epochs": "3",
}  # fmt: skip
FILE = {"TrainingInputMode": "File", "RecordWrapperType": "None", "ContentType": "image/png"}


class Task:
    """A task's folder with twelve pictures to learn from and five to be judged by."""

    def __init__(self, folder: Path, *, checkpointed: bool = False) -> None:
        self.folder = folder
        for channel, seeds in (("train", range(12)), ("validation", range(100, 105))):
            for name in (channel, f"{channel}_annotation"):
                (folder / "input/data" / name).mkdir(parents=True)
            for seed in seeds:
                body, found = shapes.picture(seed)
                (folder / f"input/data/{channel}/{seed:03}.png").write_bytes(body)
                text = shapes.annotation_file(found, f"{seed:03}.png")
                (folder / f"input/data/{channel}_annotation/{seed:03}.json").write_bytes(text)
        (folder / "input/config").mkdir()
        names = ("train", "validation", "train_annotation", "validation_annotation")
        self.configure("inputdataconfig.json", dict.fromkeys(names, FILE))
        if checkpointed:
            self.configure("checkpointconfig.json", {"LocalPath": str(folder / "checkpoints")})

    def configure(self, name: str, values: dict[str, Any]) -> None:
        (self.folder / "input/config" / name).write_text(json.dumps(values))

    def start(self, **hyperparameters: str) -> subprocess.Popen[str]:
        self.configure("hyperparameters.json", {**GIVEN, **hyperparameters})
        command = [sys.executable, "-m", "clary.images.object_detection.train"]
        environment = {**os.environ, "CLARY_ML": str(self.folder), "CLARY_CPUS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        return subprocess.Popen(command, env=environment, text=True, **pipes)

    def here(self, monkeypatch: pytest.MonkeyPatch, **hyperparameters: str) -> int:
        """The same in this process, which has torch already: its exit status."""
        self.configure("hyperparameters.json", {**GIVEN, **hyperparameters})
        monkeypatch.setenv("CLARY_CPUS", "1")
        for name, path in (
            ("CONFIG", "input/config"),
            ("DATA", "input/data"),
            ("MODEL", "model"),
            ("OUTPUT", "output"),
        ):
            monkeypatch.setattr(contract, name, self.folder / path)
        monkeypatch.setattr(contract, "FAILURE", self.folder / "output/failure")
        before = signal.getsignal(signal.SIGTERM)
        try:
            return train.main()
        finally:
            signal.signal(signal.SIGTERM, before)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs a task to its good end: what it said."""

    def call(task: Task, **hyperparameters: str) -> str:
        assert task.here(monkeypatch, **hyperparameters) == 0
        return capsys.readouterr().out

    return call


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs a task that cannot be done: the reason that it gives."""

    def call(task: Task, **hyperparameters: str) -> str:
        assert task.here(monkeypatch, **hyperparameters) == 2
        reason = (task.folder / "output/failure").read_text()
        assert reason in capsys.readouterr().err
        return reason

    return call


def losses(said: str) -> dict[str, float]:
    """By epoch and batch the cross-entropy."""
    return {
        f"{epoch}/{batch}": float(value)
        for epoch, batch, value in re.findall(r"epoch=(\d+), batch=(\d+) train cross_entropy <loss>=(\S+)", said)
    }


def test_what_is_killed_goes_on_from_its_checkpoint_as_if_it_had_not_been(
    run: Callable[..., str], tmp_path: Path
) -> None:
    whole = run(Task(tmp_path / "whole"))
    task = Task(tmp_path / "killed", checkpointed=True)
    with task.start() as process:
        deadline = time.monotonic() + 500
        while not (task.folder / "checkpoints" / checkpoints.FILE).exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    again = run(task)
    assert re.search(r"Resuming from the checkpoint at epoch [12], batch 0", again)
    assert losses(again)["2/3"] == pytest.approx(losses(whole)["2/3"], rel=0.02)
    assert (task.folder / "model" / model_files.WEIGHTS).is_file()


def test_what_is_stopped_within_an_epoch_goes_on_within_it(run: Callable[..., str], tmp_path: Path) -> None:
    given = {"epochs": "2", "mini_batch_size": "1"}
    whole = run(Task(tmp_path / "whole"), **given)
    task = Task(tmp_path / "stopped", checkpointed=True)
    with task.start(**given) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "Computing" in line or "computing" in line:
                process.send_signal(signal.SIGTERM)
                break
        said, _ = process.communicate(timeout=500)
    assert process.returncode == 0, said
    assert "Stopped in epoch 0 after batch 1." in said
    assert (task.folder / "model" / model_files.WEIGHTS).is_file()
    again = run(task, **given)
    assert "Resuming from the checkpoint at epoch 0, batch 1" in again
    assert losses(again) == pytest.approx(losses(whole), rel=0.02)


def test_two_hosts_train_one_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINING_JOB_ARN", str(tmp_path))
    hosts = ["localhost", "127.0.0.1"]
    tasks = [Task(tmp_path / host) for host in hosts]
    for task, host in zip(tasks, hosts, strict=True):
        task.configure("resourceconfig.json", {"hosts": hosts, "current_host": host, "network_interface_name": "lo"})
    processes = [task.start(epochs="2", mini_batch_size="3") for task in tasks]
    try:
        said = [process.communicate(timeout=500)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], said
    assert "The channel train has 6 images" in said[0]
    assert list(losses(said[0])) == ["0/2", "1/2"]
    assert "host=localhost, epoch=1, validation mAP" in said[0]
    assert "validation mAP" not in said[1]
    assert [(task.folder / "model").exists() for task in tasks] == [True, False]


def test_early_stopping_ends_where_nothing_improves(run: Callable[..., str], tmp_path: Path) -> None:
    given = {"early_stopping_min_epochs": "2", "early_stopping_patience": "2", "learning_rate": "0.0000001"}
    said = run(Task(tmp_path / "a"), early_stopping="true", epochs="50", **given)
    assert "Early stopping after epoch 1: the mAP has not risen for 2 epochs" in said


def test_a_training_that_runs_away_ends_with_the_reason(
    run: Callable[..., str], refused: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_batch, calls = loss.of_batch, iter(range(100))
    bad = 1

    def runs_away(*given: Any) -> Any:
        entropy, smooth = of_batch(*given)
        return (entropy * float("inf") if next(calls) == bad else entropy), smooth

    monkeypatch.setattr(loss, "of_batch", runs_away)
    task = Task(tmp_path, checkpointed=True)
    told = "In epoch 0, batch 1 the loss is no finite number any more: the learning_rate of 0.002 is too high for adam"
    assert refused(task) == f"ClientError: {told}"
    calls, bad = iter(range(100)), 4  # in the second epoch of three batches each
    said = run(task)
    assert "In epoch 1, batch 1 the loss is no finite number any more" in said
    assert (task.folder / "model" / model_files.WEIGHTS).is_file()
    again = run(task)
    assert "Resuming from the checkpoint at epoch 1, batch 0" in again  # the last that was good


def test_the_training_goes_on_from_another_jobs_model(
    run: Callable[..., str], refused: Callable[..., str], tmp_path: Path
) -> None:
    first = Task(tmp_path / "first")
    run(first, epochs="2")
    archive = tmp_path / "second/input/data/model/model.tar.gz"
    second = Task(tmp_path / "second")
    archive.parent.mkdir()
    names = ("train", "validation", "train_annotation", "validation_annotation")
    kind = {**FILE, "ContentType": "application/x-sagemaker-model"}
    second.configure("inputdataconfig.json", {**dict.fromkeys(names, FILE), "model": kind})
    subprocess.run(["tar", "czf", archive, "-C", first.folder / "model", "."], check=True)
    said = run(second, epochs="1")
    assert "goes on from the model of the channel model" in said
    assert losses(said)["0/3"] < 10
    assert "base_network=small, this job base_network=resnet-50: they must be the same" in refused(
        second, base_network="resnet-50"
    )
    assert "num_classes=2, this job num_classes=3: they must be the same" in refused(second, num_classes="3")
    archive.write_bytes(b"no archive")
    assert "ClientError: The channel model: model.tar.gz cannot be unpacked" in refused(second)


def test_data_that_cannot_be_used_is_told_by_its_file(refused: Callable[..., str], tmp_path: Path) -> None:
    task = Task(tmp_path)
    assert refused(task, num_classes="1").startswith("ClientError: train/")
    assert "class_id 1 is too high for num_classes=1" in refused(task, num_classes="1")
    assert "freeze_layer_pattern: 'fc' finds no layer" in refused(task, freeze_layer_pattern="fc")
    image = tmp_path / "input/data/train/003.png"
    image.write_bytes(b"GIF89a" + bytes(20))
    assert refused(task) == (
        "ClientError: train/003.png is no image in JPEG or PNG: it begins with b'GIF89a\\x00\\x00\\x00\\x00\\x00\\x00'"
    )
    (tmp_path / "input/data/train_annotation/003.json").write_text("{")
    assert "ClientError: train_annotation/003.json is no JSON" in refused(task)
    for path in (tmp_path / "input/data/train_annotation").iterdir():
        path.write_bytes(shapes.annotation_file([], path.with_suffix(".png").name))
    image.write_bytes(shapes.picture(1)[0])
    assert "The channel train has no box on any of its images" in refused(task)
