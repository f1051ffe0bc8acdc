"""The built-in XGBoost's hyperparameters and metric definitions, without its image."""

from __future__ import annotations

import re
from typing import Any

import pytest

from clary.images import catalog
from clary.images.errors import UserError
from clary.images.xgboost import hyperparameters

ROUNDS = {"num_round": "5"}


def test_texts_become_values_and_the_platforms_own_are_left_out() -> None:
    given = {
        "num_round": "5", "learning_rate": "0.1", "eval_metric": "rmse, ndcg@5,error@0.7", "lambda": "2",
        "monotone_constraints": "(1, 0, -1)", "interaction_constraints": "[[0, 1], [2]]", "objective": '"reg:squarederror"',
        "sagemaker_region": '"us-east-1"', "_tuning_objective_metric": "validation:f1", "max_depth": '"4"',
    }  # fmt: skip
    assert hyperparameters.read(given) == {
        "num_round": 5, "eta": 0.1, "eval_metric": ["rmse", "ndcg@5", "error@0.7"], "lambda": 2.0,
        "monotone_constraints": (1, 0, -1), "interaction_constraints": [[0, 1], [2]], "objective": "reg:squarederror",
        "_tuning_objective_metric": "f1", "max_depth": 4,
    }  # fmt: skip
    assert hyperparameters.metrics_of(hyperparameters.read(given)) == ["rmse", "ndcg@5", "error@0.7", "f1"]


@pytest.mark.parametrize(
    ("name", "edges", "beyond", "shown"),
    [
        ("num_round", "1", "0", "[1, +inf)"),
        ("eta", "0 1", "-0.1 1.1", "[0, 1]"),
        ("subsample", "0.001 1", "0 1.001", "(0, 1]"),
        ("tweedie_variance_power", "1.001 1.999", "1 2", "(1, 2)"),
        ("scale_pos_weight", "0.1", "0", "(0, +inf)"),
        ("verbosity", "0 3", "-1 4", "[0, 3]"),
        ("seed", "-2147483648 2147483647", "2147483648", "[-2147483648, 2147483647]"),
        ("booster", "gbtree dart", "tree", "['gbtree', 'gblinear', 'dart']"),
        ("monotone_constraints", "(1,-1) (0,)", "(2,)", "[-1, 0, 1]"),
    ],
)
def test_a_range_holds_its_edges_and_nothing_beyond(name: str, edges: str, beyond: str, shown: str) -> None:
    for text in edges.split():
        hyperparameters.read({**ROUNDS, name: text})
    for text in beyond.split():
        with pytest.raises(UserError, match=rf"Hyperparameter {name}: .* is not in {re.escape(shown)}$"):
            hyperparameters.read({**ROUNDS, name: text})


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "Missing required hyperparameter: num_round"),
        ({**ROUNDS, "depth": "3"}, "Extraneous hyperparameter found: depth"),
        ({"num_round": "2.5"}, "Hyperparameter num_round: could not parse value '2.5'"),
        ({**ROUNDS, "gamma": "nan"}, "Hyperparameter gamma: could not parse value 'nan'"),
        (
            {**ROUNDS, "monotone_constraints": "__import__('os')"},
            "Hyperparameter monotone_constraints: could not parse",
        ),
        ({**ROUNDS, "eval_metric": "rmse,loss"}, "Hyperparameter eval_metric: loss is not in"),
        ({**ROUNDS, "eval_metric": "rmse@2"}, "Hyperparameter eval_metric: rmse@2 is not in"),
        ({**ROUNDS, "objective": "multi:softmax"}, "Require input for parameter 'num_class'"),
        ({**ROUNDS, "num_class": "3"}, "Do not need to setup parameter 'num_class'"),
        ({**ROUNDS, "eval_metric": "auc"}, "Metric 'auc' can only be applied for classification"),
        ({**ROUNDS, "eval_metric": "aft-nloglik"}, "can only be applied for 'survival:aft'"),
        ({**ROUNDS, "tree_method": "gpu_hist"}, "needs a GPU"),
        ({**ROUNDS, "booster": "gblinear", "updater": "prune"}, "prune is no updater of the booster"),
        ({**ROUNDS, "_kfold": "5"}, "start a job for each fold"),
    ],
)
def test_what_cannot_be_used_is_told_by_its_name(given: dict[str, str], told: str) -> None:
    with pytest.raises(UserError, match=re.escape(told)):
        hyperparameters.read(given)


def test_every_objective_and_metric_is_taken() -> None:
    for objective in hyperparameters.OBJECTIVES:
        classes = {"num_class": "3"} if objective.startswith("multi:") else {}
        assert hyperparameters.read({**ROUNDS, "objective": objective, **classes})["objective"] == objective
    assert not hyperparameters.MAXIMIZED & hyperparameters.MINIMIZED


def test_the_metric_definitions_find_the_printed_line_and_fit_into_a_request() -> None:
    found: dict[str, Any] = {}
    definitions = catalog.find("sagemaker-xgboost:1.7-1").metric_definitions
    line = "[12]#011train-rmse:2.10000#011train-mae:1.5#011validation-rmse:2.40000#011validation-mae:1.75000"
    for definition in definitions:
        if match := re.search(definition["Regex"], line):
            found[definition["Name"]] = float(match[1])
    assert found == {"train:rmse": 2.1, "train:mae": 1.5, "validation:rmse": 2.4, "validation:mae": 1.75}
    assert len(definitions) == 40  # a request may hold as many: a job can be repeated as it is described
    names = {definition["Name"].partition(":")[2] for definition in definitions}
    assert names <= hyperparameters.MAXIMIZED | hyperparameters.MINIMIZED
    assert catalog.find("sagemaker-scikit-learn").metric_definitions == ()
