"""Each built-in rule on tensors that meet its condition and on such that do not, at its threshold and beyond it.

Where a limit comes from is in ``clary.images.debugger_rules.table``.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from clary.images import catalog
from clary.images.debugger_rules import table
from clary.images.environments import Environments
from tests.conftest import ROOT

pytestmark = pytest.mark.slow

COLLECTIONS = {
    "losses": "[Ll]oss",
    "weights": "^(?!gradient).*weight",
    "gradients": "^gradient",
    "metrics": "^(train|validation)-",
    "labels": "^labels",
    "predictions": "^predictions",
}

CASES: dict[str, dict[str, Any]] = {}
FIRES: dict[str, int | None] = {}
"""By case: the step at which the rule fires; None if it does not."""


def case(name: str, rule: str, fires: int | None, saved: list[list[Any]], /, **parameters: Any) -> None:
    more = {"other": parameters.pop("other")} if "other" in parameters else {}
    CASES[name] = {"rule": rule, "parameters": parameters, "steps": saved, "collections": COLLECTIONS, **more}
    FIRES[name] = fires


def train(name: str, *values: Any) -> list[list[Any]]:
    return [["TRAIN", {name: value}] for value in values]


def of_xgboost(**tensors: list[Any]) -> list[list[Any]]:
    count = len(next(iter(tensors.values())))
    return [["GLOBAL", {name: values[step] for name, values in tensors.items()}] for step in range(count)]


ONES, NAN, INF = [1.0, 1.0], [1.0, math.nan], [1.0, math.inf]

case("gradient vanishes", "VanishingGradient", 1, train("gradient/a", [1e-3, 0], [1e-9, -1e-9]))
case("gradient at its threshold", "VanishingGradient", None, train("gradient/a", [1e-7, -1e-7]))
case("gradient of another threshold", "VanishingGradient", 0, train("gradient/a", [0.5, -0.5]), threshold="0.51")
case("no gradient was saved", "VanishingGradient", None, train("weight", [0.0]))

case("a NaN explodes", "ExplodingTensor", 1, train("x", ONES, NAN))
case("infinity explodes", "ExplodingTensor", 2, train("x", ONES, ONES, INF))
case("infinity does not where only NaN does", "ExplodingTensor", None, train("x", ONES, INF), only_nan="True")
case("a NaN of another collection", "ExplodingTensor", None, train("x", NAN), collection_names="losses")
case("a NaN by a regular expression", "ExplodingTensor", 0, train("deep/x", NAN), tensor_regex="^deep")
case("whole numbers cannot explode", "ExplodingTensor", None, train("x", [1, 2]))
case(
    "a NaN in a reduction",
    "ExplodingTensor",
    1,
    train("smdebug/reductions/abs_max/x", [1.0], [math.nan]),
)

even = {"relu_input_0": [[-1.0, 1.0]], "relu_input_1": [[-2.0, 2.0]], "gradient/a": [-1.0, 1.0], "loss": [1.0]}
uneven = {**even, "relu_input_1": [[-4.0, 4.0]]}
case("variances at their threshold", "PoorWeightInitialization", None, [["TRAIN", uneven]], threshold="16")
case("variances too far apart", "PoorWeightInitialization", 0, [["TRAIN", uneven]], threshold="15.9")
case("a gradient's values too close", "PoorWeightInitialization", 0, [["TRAIN", {"gradient/a": [0.5, 0.5005]}]])
case("a gradient's values wide enough", "PoorWeightInitialization", None, [["TRAIN", {"gradient/a": [0.5, 0.6]}]])
case("a loss that is flat from the start", "PoorWeightInitialization", 5, [["TRAIN", even]] * 8)
case("a loss that is flat after the first steps", "PoorWeightInitialization", None, [["TRAIN", even]] * 8, steps="5")
falling = [["TRAIN", {**even, "loss": [1 / (n + 1)]}] for n in range(8)]
case("a loss that falls", "PoorWeightInitialization", None, falling)

dead = [[0.0, 0.0, 0.0, 1.0]] * 4
case("most ReLUs are dead", "DeadRelu", 1, train("a/relu_output", [[1.0] * 4] * 4, dead))
case("half of the ReLUs are dead", "DeadRelu", None, train("a/relu_output", [[0.0, 0.0, 1.0, 1.0]] * 4))
case(
    "a ReLU is active at its threshold",
    "DeadRelu",
    None,
    train("relu_output", [[1.0] * 3, [0.0] * 3]),
    threshold_inactivity="50",
)
case(
    "a ReLU is active below its threshold",
    "DeadRelu",
    0,
    train("relu_output", [[1.0] * 3, [0.0] * 3]),
    threshold_inactivity="51",
)
case("no ReLU by that name", "DeadRelu", None, train("b", dead), tensor_regex="relu")

case("tanh saturates", "SaturatedActivation", 1, train("tanh_input", [[0.0, 1.0]], [[9.6, -9.6]]))
case("tanh saturates at half", "SaturatedActivation", None, train("tanh_input", [[0.0, -9.6]]))
case("sigmoid has limits of its own", "SaturatedActivation", None, train("sigmoid_input", [[9.6, -9.6]]))
case("sigmoid saturates", "SaturatedActivation", 0, train("sigmoid_input", [[17.0, -23.5]]))

grown = train("a.weight", [1.0], [11.0], [131.0])
case("a weight changes too much", "WeightUpdateRatio", 2, grown)
case("a weight changes at the threshold", "WeightUpdateRatio", None, train("a.weight", [1.0], [11.0]), epsilon="0")
case("a weight does not change", "WeightUpdateRatio", 1, train("a.weight", [1.0], [1.0]))
case("a weight since two steps", "WeightUpdateRatio", 2, train("a.weight", [1.0], [8.0], [16.0]), num_steps="2")
evaluated = [["TRAIN", {"a.weight": [1.0]}], ["EVAL", {"a.weight": [1.0]}], ["EVAL", {"a.weight": [1.0]}]]
case("a weight rests while it is evaluated", "WeightUpdateRatio", None, evaluated)

case("all are zeros", "AllZero", 1, train("x", [0.0, 1.0], [0.0, 0.0]), tensor_regex="x")
case("half are zeros", "AllZero", 0, train("x", [0.0, 1.0]), tensor_regex="x", threshold="50")
case("fewer than asked are zeros", "AllZero", None, train("x", [0.0, 1.0]), tensor_regex="x", threshold="51")
case("zeros of another collection", "AllZero", None, train("x", [0.0]), collection_names="weights")


def labels(*rows: tuple[list[int], list[Any]]) -> list[list[Any]]:
    return [["TRAIN", {"labels": truth, "predictions": said}] for truth, said in rows]


few = ([0] * 11 + [1], [0] * 11 + [1])
case("classes are uneven", "ClassImbalance", 0, labels(few), samples="12")
case("classes are uneven at the limit", "ClassImbalance", None, labels(few), samples="12", threshold_imbalance="11")
case("classes are uneven and few", "ClassImbalance", None, labels(few), samples="13")
case("classes are counted over steps", "ClassImbalance", 1, labels(few, few), samples="24")
case("a class is mistaken", "ClassImbalance", 0, labels(([0, 1, 1, 1, 1], [0, 0, 0, 0, 1])), samples="5")
case(
    "a class is mistaken at the limit",
    "ClassImbalance",
    None,
    labels(([0, 1, 1], [0, 0, 1])),
    samples="3",
    threshold_misprediction="0.5",
)
said = [[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.9, 0.1]]
case(
    "a class is mistaken by probabilities",
    "ClassImbalance",
    0,
    labels(([0, 1, 1, 1], said)),
    samples="4",
    argmax="true",
)

down = [1 - n / 1000 for n in range(30)]
case("the loss falls", "LossNotDecreasing", None, train("loss", *down))
case("the loss stays", "LossNotDecreasing", 10, train("loss", *[1.0] * 30))
case("the loss falls by just enough", "LossNotDecreasing", None, train("loss", *[1.0] * 10, 0.875), diff_percent="12.5")
case("the loss falls by too little", "LossNotDecreasing", 10, train("loss", *[1.0] * 10, 0.876), diff_percent="12.5")
case(
    "the loss rises a little",
    "LossNotDecreasing",
    None,
    train("loss", *[1.0] * 10, 1.0625),
    increase_threshold_percent="6.25",
)
case("the loss rises", "LossNotDecreasing", 10, train("loss", *[1.0] * 10, 1.051))
case("the loss is NaN", "LossNotDecreasing", 10, train("loss", *[1.0] * 10, math.nan))
third = [["TRAIN", {"loss": 1.0}] if n % 3 == 0 else ["TRAIN", {"x": 1.0}] for n in range(40)]
case("the loss is saved every third step", "LossNotDecreasing", 12, third)
both = [["TRAIN" if n % 2 else "EVAL", {"loss": 1.0 if n % 2 else down[n]}] for n in range(30)]
case("the loss of evaluation goes first", "LossNotDecreasing", None, both)
case("the loss of training where it is asked", "LossNotDecreasing", 21, both, mode="TRAIN")
case(
    "another tensor than the losses",
    "LossNotDecreasing",
    2,
    train("error", 1.0, 1.0, 1.0),
    tensor_regex="error",
    use_losses_collection="False",
    num_steps="2",
)


def pair(training: float, validation: float) -> list[list[Any]]:
    return [["TRAIN", {"loss": training}], ["EVAL", {"loss": validation}]]


case("it overfits", "Overfit", 3, [*pair(1.0, 1.0), *pair(0.5, 0.8)])
case("it overfits at the limit", "Overfit", None, pair(1.0, 1.5), ratio_threshold="0.5")
case("it overfits too briefly", "Overfit", None, [*pair(1.0, 2.0), *pair(1.0, 1.0)], patience="2")
case("it overfits long enough", "Overfit", 3, [*pair(1.0, 2.0), *pair(1.0, 2.0)], patience="2")
case("it overfits before it counts", "Overfit", None, pair(1.0, 2.0), start_step="2")
case("boosting overfits", "Overfit", 1, of_xgboost(**{"train-loss": [1.0, 0.5], "validation-loss": [1.0, 0.9]}))

case("the training's loss rests", "Overtraining", 5, train("loss", *[1.0] * 8))
case(
    "the training's loss falls by delta",
    "Overtraining",
    None,
    train("loss", *[1 - n / 64 for n in range(20)]),
    delta="0.015625",
)
case("the training's loss falls by less", "Overtraining", 4, train("loss", *down), patience_train="4")
case(
    "the validation's loss rests",
    "Overtraining",
    23,
    [x for n in range(20) for x in pair(1 - n / 50, 1.0)],
    patience_validation="11",
)

case(
    "a tensor is that of another run", "SimilarAcrossRuns", 1, train("x", [1.0], [2.0]), other=train("x", [9.0], [2.0])
)
case("no tensor is that of another run", "SimilarAcrossRuns", None, train("x", [1.0]), other=train("x", [1.1]))
case("a tensor of another shape", "SimilarAcrossRuns", None, train("x", [1.0]), other=train("x", [[1.0]]))

case("a variance above", "TensorVariance", 1, train("x", [1.0, 3.0], [1.0, 5.0]), max_threshold="1.0")
case("a variance below", "TensorVariance", 0, train("x", [1.0, 3.0]), min_threshold="1.1")
case("a variance between", "TensorVariance", None, train("x", [1.0, 3.0]), min_threshold="1", max_threshold="1")

case("a tensor rests", "UnchangedTensor", 2, train("x", [1.0], [1.0], [1.0]))
case("a tensor rests for less", "UnchangedTensor", None, train("x", [1.0], [1.0], [2.0], [2.0]))
case("a tensor rests within rtol", "UnchangedTensor", 1, train("x", [1.0], [1.01]), num_steps="2", rtol="0.011")
case("NaNs are not alike", "UnchangedTensor", None, train("x", NAN, NAN, NAN))
case("NaNs are alike where it is asked", "UnchangedTensor", 2, train("x", NAN, NAN, NAN), equal_nan="True")

IMAGES, LAYER = "net_hybridsequential0_input_0", {"threshold_samples": "4"}
picture = [[[[0.0]], [[0.25]]]] * 2
case("images are not normalised", "CheckInputImages", 1, train(IMAGES, picture, picture), **LAYER)
case("images are too few", "CheckInputImages", None, train(IMAGES, picture), **LAYER)
case(
    "images at the threshold", "CheckInputImages", None, train(IMAGES, picture, picture), threshold_mean="0.25", **LAYER
)

TOKENS = "net_embedding0_input_0"
case("too much padding", "NLPSequenceRatio", 1, train(TOKENS, [[1, 2], [0, 0]], [[0, 2], [0, 0]]))
case(
    "a second token",
    "NLPSequenceRatio",
    0,
    train(TOKENS, [[3, 3], [0, 1]]),
    token_values="0, 3",
    token_thresholds_percent="50, 40",
)
case(
    "tokens at their thresholds",
    "NLPSequenceRatio",
    None,
    train(TOKENS, [[3, 3], [0, 1]]),
    token_values="0, 3",
    token_thresholds_percent="25, 50",
)

case("classes are confused", "Confusion", 0, of_xgboost(labels=[[0, 0, 1, 1]], predictions=[[0, 0, 0, 1]]))
case("classes are told apart", "Confusion", None, of_xgboost(labels=[[0, 0, 1, 1]], predictions=[[0.1, 0.2, 0.8, 1]]))
case(
    "classes at the limit",
    "Confusion",
    None,
    of_xgboost(labels=[[0, 0, 0, 1, 1]], predictions=[[0, 0, 0, 0, 1]]),
    min_diag="0.75",
    max_off_diag="0.25",
)
case(
    "too much in one other place",
    "Confusion",
    0,
    of_xgboost(labels=[[0, 0, 0, 1, 1]], predictions=[[0, 0, 0, 0, 1]]),
    min_diag="0.5",
    max_off_diag="0.24",
)

heavy = {f"feature_importance/weight/f{n}": [weight] for n, weight in enumerate((0.5, 0.2, 0.15, 0.1, 0.05))}
case("few features have all weight", "FeatureImportanceOverweight", 0, of_xgboost(**heavy))
case("features at the limit", "FeatureImportanceOverweight", None, of_xgboost(**heavy), nfeatures="1", threshold="0.5")

case("a tree of four levels", "TreeDepth", None, of_xgboost(**{"trees/Node": [[0, 15, 30]]}))
case("a tree of five levels", "TreeDepth", 1, of_xgboost(**{"trees/Node": [[0, 30], [0, 31]]}))

case("nothing stalls", "StalledTrainingRule", None, train("x", [1.0]))

boosted = of_xgboost(
    **{
        "train-rmse": [3.0, 2.0],
        "validation-rmse": [3.5, 3.0],
        "labels": [[0.0, 1.0], [0.0, 1.0]],
        "predictions": [[0.2, 0.4], [0.1, 0.9]],
        "hyperparameters/eta": [["0.3"], ["0.3"]],
        **{f"feature_importance/weight/f{n}": [0.5, 0.5] for n in range(2)},
    }
)
case("a report", "CreateXgboostReport", None, boosted)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> dict[str, dict[str, Any]]:
    """What became of every case, all in one process of the image's Python."""
    folder = tmp_path_factory.mktemp("rules")
    (folder / "cases.json").write_text(json.dumps(CASES))
    environments = Environments(cache)
    python = environments.build(catalog.find("sagemaker-debugger-rules").lock)
    program = [str(python), "-W", "error", str(Path(__file__).with_name("rule_program.py")), "cases.json", str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(environments.runtime())}
    done = subprocess.run(
        program, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=200
    )
    assert done.returncode == 0, done.stderr
    assert ROOT.is_dir()
    made: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return made


@pytest.mark.parametrize("name", CASES)
def test_a_rule_fires_where_its_condition_is_met_and_nowhere_else(name: str, found: dict[str, dict[str, Any]]) -> None:
    assert found[name]["step"] == FIRES[name], found[name]


def test_every_rule_is_tested_and_says_what_met_its_condition(found: dict[str, dict[str, Any]]) -> None:
    assert {case["rule"] for case in CASES.values()} == set(table.RULES)
    for name, result in found.items():
        if result["step"] is not None:
            assert len(result["text"]) > 20, name
            assert result["looked"] > 0, name


def test_a_rule_without_tensors_has_looked_at_none(found: dict[str, dict[str, Any]]) -> None:
    assert found["no gradient was saved"]["looked"] == 0
    assert found["no ReLU by that name"]["looked"] == 0


def test_a_finding_names_its_tensor_and_its_number(found: dict[str, dict[str, Any]]) -> None:
    assert found["a tree of five levels"]["text"] == "a tree is 5 levels deep (node 31), more than 4"
    assert found["a variance above"]["text"] == "the variance of x is 4, above 1"
    assert (found["a variance above"]["tensor"], found["a variance above"]["value"]) == ("x", "4.0")
    assert found["a NaN explodes"]["text"] == "x holds 1 NaN of 2 numbers"


def test_the_report_of_xgboost_is_a_page_and_a_notebook(found: dict[str, dict[str, Any]]) -> None:
    assert found["a report"]["left"] == ["xgboost_report.html", "xgboost_report.ipynb"]
