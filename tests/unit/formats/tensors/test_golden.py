"""What smdebug's own hooks wrote, read by Clary: ``written_by_smdebug``, made with smdebug 1.0.34 on torch 2.13 and xgboost 3.2.

``pytorch``: a net of Linear(3, 4), ReLU, Linear(4, 2), every second step, its gradients reduced, then an evaluation, twice.
``xgboost``: three rounds of 20 rows and 3 features with all collections, every second round.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clary.formats.tensors import collections, events
from clary.formats.tensors.layout import Mode
from clary.formats.tensors.reader import Tensors, Unavailable

GOLDEN = Path(__file__).parent / "written_by_smdebug"


@pytest.mark.parametrize("job", ["pytorch", "xgboost"])
def test_every_record_is_written_again_byte_for_byte(job: str) -> None:
    seen = 0
    for index in sorted((GOLDEN / job / "index").glob("*/*.json")):
        found = json.loads(index.read_text())
        data = (GOLDEN / job / found["meta"]["event_file_name"]).read_bytes()
        for entry in found["tensor_payload"]:
            record = data[entry["start_idx"] : entry["start_idx"] + entry["length"]]
            event = events.decode(record)
            assert event.name == entry["tensorname"]
            assert b"".join(events.encode(event)) == record
            seen += 1
    assert seen > 50


@pytest.mark.parametrize("job", ["pytorch", "xgboost"])
def test_the_collections_are_written_again_alike(job: str) -> None:
    text = (GOLDEN / job / "collections/000000000/worker_0_collections.json").read_text()
    found, workers = collections.decode(text)
    again = json.loads(collections.encode(list(found.values()), workers))
    given = json.loads(text)
    for entry in given["collections"].values():  # the one member whose order is that of a set
        entry["reduction_config"]["reductions"] = sorted(entry["reduction_config"]["reductions"].split(","))
    for entry in again["collections"].values():
        entry["reduction_config"]["reductions"] = sorted(entry["reduction_config"]["reductions"].split(","))
    assert again == given


def test_a_network_is_found_by_collection_step_and_mode() -> None:
    tensors = Tensors(GOLDEN / "pytorch")
    assert tensors.complete
    assert tensors.loaded_all
    assert tensors.workers == ["worker_0"]
    assert tensors.modes() == [Mode.TRAIN, Mode.EVAL]
    assert tensors.steps() == [0, 2, 3, 5, 7]
    assert tensors.steps(mode=Mode.TRAIN) == [0, 2, 4]
    assert tensors.mode_of(5) == (Mode.TRAIN, 4)
    assert tensors.names("losses") == ["CrossEntropyLoss_output_0"]
    assert tensors.names("biases") == ["Sequential_0.bias", "Sequential_2.bias"]
    assert tensors.names("gradients", pattern="weight$") == [
        "gradient/Sequential_0.weight",
        "gradient/Sequential_2.weight",
    ]
    assert tensors.names("relu") == ["1_input_0", "1_output_0"]
    weight = tensors.value("Sequential_0.weight", 4, Mode.TRAIN)
    assert (weight.dtype, weight.shape, len(weight.data)) == ("float32", (4, 3), 48)
    assert weight == tensors.value("Sequential_0.weight", 5)
    output, given = (tensors.value(f"1_{side}_0", 2).numbers() for side in ("output", "input"))
    assert output == [max(number, 0.0) for number in given]


def test_a_reduced_tensor_has_its_operations_and_no_value_of_its_own() -> None:
    tensors, name = Tensors(GOLDEN / "pytorch"), "gradient/Sequential_2.bias"
    assert tensors.operations(name) == ["abs_l1", "abs_max", "l2", "mean", "min"]
    assert tensors.steps(name) == [0, 2, 5]
    (mean,) = tensors.value(name, 2, operation="mean").numbers()
    assert abs(mean) < 1e-6  # of two classes the gradients are opposite
    with pytest.raises(Unavailable, match="was not saved at step 2"):
        tensors.value(name, 2)


def test_boosted_trees_are_found_with_texts_and_numbers() -> None:
    tensors = Tensors(GOLDEN / "xgboost")
    assert tensors.modes() == [Mode.GLOBAL]
    assert tensors.value("hyperparameters/objective", 0).texts == ("binary:logistic",)
    assert tensors.value("trees/Feature", 2).texts == ("f0", "Leaf", "Leaf")
    assert tensors.value("trees/Node", 2).numbers() == [0, 1, 2]
    assert tensors.names("losses") == ["train-logloss"]
    assert tensors.value("train-auc", 0).numbers() == [1.0]
