"""The SDK 2.x asks for tensors, and smdebug's ``create_trial`` reads them from Clary's S3; both unmodified."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import Studio
from tests.debugger import programs
from tests.debugger.oracle import smdebug
from tests.pythons import named, run
from tests.sdk import debugger_programs

__all__ = ["smdebug"]
pytestmark = pytest.mark.slow


def test_what_an_estimator_asks_for_is_read_from_s3(studio: Studio, smdebug: str, tmp_path: Path) -> None:
    python = named("CLARY_TEST_SDK2_PYTHON", "the SDK 2.x")
    made, _ = run(studio, python, debugger_programs.TRAIN, tmp_path)
    assert re.fullmatch(r"s3://sagemaker-us-east-1-000000000000/.*/debug-output", made["tensors"])
    shown = [re.fullmatch(r"/(TRAIN|EVAL)/(\d{12})_.*\.tfevents", key) for key in made["board"]]
    assert [(found[1], int(found[2])) for found in shown if found] == [
        ("EVAL", 7), ("TRAIN", 0), ("TRAIN", 2), ("TRAIN", 3), ("TRAIN", 4), ("TRAIN", 6),
    ]  # fmt: skip
    assert all(shown)
    answer, _ = run(studio, smdebug, f"import sys\nsys.argv[1] = {made['tensors']!r}\n{programs.READ}", tmp_path)
    assert (answer["modes"], answer["ended"]) == (["EVAL", "TRAIN"], True)
    assert answer["steps"] == [0, 2, 3, 4, 6, 7]
    collections = answer["collections"]
    assert collections["losses"] == ["CrossEntropyLoss_output_0"]
    assert collections["weights"] == ["Net_fc1.weight", "Net_fc2.weight"]
    assert collections["relu"] == ["relu_output_0"]
    tensors = answer["tensors"]
    assert tensors["relu_output_0 EVAL 0 worker_0"][:2] == ["float32", [5, 4]]
    assert "relu_output_0 TRAIN 3 worker_0" not in tensors
    assert min(map(min, tensors["relu_output_0 TRAIN 2 worker_0"][2])) >= 0
    assert {key.rpartition(" ")[2] for key in answer["reductions"]} == {"mean", "abs_max"}
    assert sum(key.startswith("gradient/Net_fc1.weight TRAIN") for key in answer["reductions"]) == 3 * 2
