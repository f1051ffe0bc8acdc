"""Which tensors are saved when, with plain numbers for tensors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from clary.formats.tensors import values
from clary.formats.tensors.layout import Mode
from clary.formats.tensors.reader import Tensors
from clary.formats.tensors.tensorboard import Histogram
from clary.formats.tensors.values import Value
from clary.runtime.hook import configuration, workers
from clary.runtime.hook.saving import Saver
from clary.runtime.hook.workers import Worker

PATTERNS = {"all": [], "default": [], "gradients": ["^gradient"], "losses": ["loss"]}


class Numbers:
    """A tensor is a float."""

    def value(self, tensor: float) -> Value:
        return values.scalar(tensor)

    def reduced(self, tensor: float, operation: str) -> float:
        return abs(tensor) if operation.startswith("abs_") else tensor

    def histogram(self, tensor: float) -> Histogram:
        return Histogram(tensor, tensor, 1, tensor, tensor * tensor, [tensor], [1])


def saver(folder: Path, worker: Worker | None = None, **config: Any) -> Saver:
    file = folder / "config.json"
    file.write_text(json.dumps({"LocalPath": str(folder / "tensors"), **config}))
    found = worker or Worker(0, 1, True)
    return Saver(configuration.read(500, file), Numbers(), PATTERNS, ["losses"], lambda: found)


def test_losses_are_saved_by_default_at_every_500th_step(tmp_path: Path) -> None:
    hook = saver(tmp_path)
    for step in range(1001):
        hook.begin(Mode.TRAIN)
        hook.save("loss_output", float(step))
        hook.save("gradient/w", 1.0)
    hook.close()
    tensors = Tensors(tmp_path / "tensors")
    assert tensors.complete
    assert (tensors.names(), tensors.steps()) == (["loss_output"], [0, 500, 1000])
    assert tensors.value("loss_output", 500, Mode.TRAIN).numbers() == [500.0]
    assert not (tmp_path / "tensors/claim.smd").exists()


def test_modes_count_for_themselves_and_gradients_are_of_training(tmp_path: Path) -> None:
    gradients = {"CollectionName": "gradients", "CollectionParameters": {"reductions": "mean,abs_max"}}
    hook = saver(tmp_path, HookParameters={"save_interval": "2"}, CollectionConfigurations=[gradients])
    for mode in (Mode.TRAIN, Mode.TRAIN, Mode.EVAL, Mode.TRAIN, Mode.EVAL):
        hook.begin(mode)
        hook.save("loss", 1.0)
        hook.save("gradient/w", -3.0)
    hook.close()
    tensors = Tensors(tmp_path / "tensors")
    assert tensors.steps(mode=Mode.TRAIN) == [0, 2]
    assert tensors.steps(mode=Mode.EVAL) == [0]
    assert tensors.steps() == [0, 2, 3]
    assert tensors.steps("gradient/w") == [0, 3]
    assert tensors.value("gradient/w", 0, operation="abs_max").numbers() == [3.0]
    assert tensors.operations("gradient/w") == ["abs_max", "mean"]


def test_all_is_all(tmp_path: Path) -> None:
    hook = saver(tmp_path, CollectionConfigurations=[{"CollectionName": "all"}])
    hook.begin(Mode.TRAIN)
    hook.save("anything", 1.0)
    hook.close()
    assert Tensors(tmp_path / "tensors").names("all") == ["anything"]


def test_numbers_of_the_script_are_saved_at_any_step_and_are_metrics(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAINING_JOB_NAME", "job")
    monkeypatch.setenv("SAGEMAKER_METRICS_DIRECTORY", str(tmp_path / "metrics"))
    board = tmp_path / "tensorboardoutputconfig.json"
    board.write_text(json.dumps({"LocalPath": str(tmp_path / "board")}))
    monkeypatch.setenv("TENSORBOARD_CONFIG_FILE_PATH", str(board))
    hook = saver(tmp_path)
    hook.scalar("first", 1.0)
    for _ in range(4):
        hook.begin(Mode.TRAIN)
    hook.scalar("rate", 0.25, is_metric=True, at=1700000000.0)
    hook.close()
    assert Tensors(tmp_path / "tensors").value("scalar/rate", 3).numbers() == [0.25]
    assert Tensors(tmp_path / "tensors").steps("scalar/first") == [0]
    (line,) = (tmp_path / "metrics" / f"{os.getpid()}.json").read_text().splitlines()
    expected = {"MetricName": "scalar/rate_TRAIN", "Value": 0.25, "Timestamp": 1700000000.0, "IterationNumber": 3}
    assert json.loads(line) == expected
    shown = sorted(path.name[:13] for path in (tmp_path / "board/TRAIN").iterdir())
    assert shown == ["000000000000_", "000000000003_"]


def test_each_worker_writes_its_own_files_or_none(tmp_path: Path) -> None:
    for rank in range(2):
        hook = saver(tmp_path, Worker(rank, 2, True))
        hook.begin(Mode.TRAIN)
        hook.save("loss", float(rank))
        hook.close()
    silent = saver(tmp_path, Worker(2, 1, False))
    assert silent.begin(Mode.TRAIN) == ()
    silent.scalar("x", 1.0)
    silent.close()
    tensors = Tensors(tmp_path / "tensors")
    assert tensors.workers == ["worker_0", "worker_1"]
    assert tensors.complete
    assert tensors.value("loss", 0, worker="worker_1").numbers() == [1.0]


def test_a_second_process_does_not_write_and_one_after_it_goes_on_counting(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = saver(tmp_path)
    first.begin(Mode.TRAIN)
    first.save("loss", 1.0)
    first.end()
    claim = tmp_path / "tensors/claim.smd"
    claim.write_text(str(os.getppid()))
    second = saver(tmp_path)
    assert second.begin(Mode.TRAIN) == ()
    assert "another process of this job saves the tensors" in capsys.readouterr().err
    gone = subprocess.Popen(["true"])
    gone.wait()
    claim.write_text(str(gone.pid))
    third = saver(tmp_path, HookParameters={"save_interval": "1"})
    third.begin(Mode.TRAIN)
    third.save("loss", 3.0)
    third.close()
    assert Tensors(tmp_path / "tensors").steps(mode=Mode.TRAIN) == [0, 1]


def test_an_attempt_after_another_goes_on_counting_by_the_checkpoints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, checkpoints = tmp_path / "checkpointconfig.json", tmp_path / "checkpoints"
    config.write_text(json.dumps({"LocalPath": str(checkpoints)}))
    monkeypatch.setenv("SM_CHECKPOINT_CONFIG_FILE", str(config))
    checkpoints.mkdir()
    workers.save_state(checkpoints, 5, 5, {Mode.TRAIN: 5})
    assert list(checkpoints.iterdir()) == []  # no checkpoint, nothing to go on from
    (checkpoints / "epoch-1").touch()
    first = saver(tmp_path, HookParameters={"save_interval": "4"})
    for _ in range(6):
        first.begin(Mode.TRAIN)
        first.save("loss", 1.0)
    first.close()
    (tmp_path / "again").mkdir()
    second = saver(tmp_path / "again", HookParameters={"save_interval": "1"})
    second.begin(Mode.TRAIN)
    assert (second.step, second.mode_steps[Mode.TRAIN]) == (5, 5)


@pytest.mark.parametrize(("file", "writes"), [("/packages/smdebug/__init__.py", False), (None, True)])
def test_a_script_that_brought_smdebug_saves_by_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str | None, writes: bool
) -> None:
    module = types.ModuleType("smdebug")
    module.__file__ = file or str(Path(workers.__file__).parent / "compatible/smdebug/__init__.py")
    monkeypatch.setitem(sys.modules, "smdebug", module)
    hook = saver(tmp_path)
    assert bool(hook.begin(Mode.TRAIN)) == writes
    assert (tmp_path / "tensors").exists() == writes
