"""smdebug's own reader, ``create_trial``, on files that Clary wrote."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from clary.formats.tensors import layout, values
from clary.formats.tensors.collections import Collection, reduction_name
from clary.formats.tensors.layout import Mode
from clary.formats.tensors.values import Value
from clary.formats.tensors.writer import Step, write_collections
from tests.debugger.oracle import found, smdebug

__all__ = ["smdebug"]
pytestmark = pytest.mark.slow

NUMBERS = {
    "float16": ("e", [1.5, -2.0]), "float32": ("f", [1.5, -2.25]), "float64": ("d", [1e300, 0.1]), "int32": ("i", [-7, 8]),
    "int64": ("q", [-(2**60), 3]), "uint8": ("B", [0, 255]), "bool": ("?", [True, False]),
}  # fmt: skip


def _write(folder: Path) -> None:
    for number, worker in enumerate(("worker_0", "worker_1")):
        for step, (mode, mode_step) in enumerate([(Mode.TRAIN, 0), (Mode.EVAL, 0), (Mode.TRAIN, 1)]):
            saved = Step(folder, worker, step * 1000, mode, mode_step)
            saved.add("loss_output_0", values.scalar(step + number / 2), 1.7e9)
            if mode is Mode.TRAIN:
                saved.add(reduction_name("gradient/w", "abs_max"), values.scalar(step + 10), 1.7e9)
                saved.add(reduction_name("gradient/w", "l2"), values.scalar(step + 20), 1.7e9)
            else:
                saved.add("w", Value("float32", (2, 3), struct.pack("<6f", *range(6))), 1.7e9)
                saved.add("names", values.text(["heart", "Lunge ü"]), 1.7e9)
                for dtype, (code, data) in NUMBERS.items():
                    saved.add(dtype, Value(dtype, (2,), struct.pack(f"<2{code}", *data)), 1.7e9)
            saved.close()
        found_ = [
            Collection("losses", ("loss",)),
            Collection("gradients", ("^gradient",), reductions=("abs_max", "l2")),
        ]
        write_collections(folder, worker, found_, workers=2)
    (folder / layout.END).touch()


def test_all_that_is_written_is_found(smdebug: str, tmp_path: Path) -> None:
    _write(tmp_path / "tensors")
    answer = found(smdebug, str(tmp_path / "tensors"), tmp_path)
    assert answer["modes"] == ["EVAL", "TRAIN"]
    assert (answer["steps"], answer["ended"]) == ([0, 1000, 2000], True)
    assert sorted(answer["workers"]) == ["worker_0", "worker_1"]
    assert answer["collections"] == {"losses": ["loss_output_0"], "gradients": ["gradient/w"]}
    tensors, reductions = answer["tensors"], answer["reductions"]
    assert tensors["loss_output_0 GLOBAL 2000 worker_1"] == ["float64", [1], [2.5]]
    assert tensors["loss_output_0 TRAIN 1 worker_0"] == ["float64", [1], [2.0]]
    assert tensors["w EVAL 0 worker_0"] == ["float32", [2, 3], [[0, 1, 2], [3, 4, 5]]]
    assert tensors["names EVAL 0 worker_1"] == ["<U7", [2], ["heart", "Lunge ü"]]
    for dtype, (_, data) in NUMBERS.items():
        assert tensors[f"{dtype} EVAL 0 worker_0"] == [dtype, [2], data]
    assert reductions["gradient/w TRAIN 1 worker_0 abs_max"] == 12
    assert reductions["gradient/w GLOBAL 0 worker_1 l2"] == 20
