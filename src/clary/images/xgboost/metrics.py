"""The metrics that XGBoost itself does not have, by scikit-learn, and the line that the log shows of an iteration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from sklearn import metrics

# By predicted classes; the first argument is the truth.
_OF_CLASSES: dict[str, Callable[..., float]] = {
    "accuracy": metrics.accuracy_score,
    "balanced_accuracy": metrics.balanced_accuracy_score,
    "f1": partial(metrics.f1_score, average="macro", zero_division=0),
    "f1_binary": partial(metrics.f1_score, average="binary", zero_division=0),
    "f1_macro": partial(metrics.f1_score, average="macro", zero_division=0),
    "precision": partial(metrics.precision_score, average="binary", zero_division=0),
    "precision_macro": partial(metrics.precision_score, average="macro", zero_division=0),
    "precision_micro": partial(metrics.precision_score, average="micro", zero_division=0),
    "recall": partial(metrics.recall_score, average="binary", zero_division=0),
    "recall_macro": partial(metrics.recall_score, average="macro", zero_division=0),
    "recall_micro": partial(metrics.recall_score, average="micro", zero_division=0),
}
_OF_NUMBERS: dict[str, Callable[..., float]] = {"mse": metrics.mean_squared_error, "r2": metrics.r2_score}

NAMES = frozenset(_OF_CLASSES) | frozenset(_OF_NUMBERS)

Evaluated = Callable[[np.ndarray, Any], list[tuple[str, float]]]


def evaluation(names: list[str], objective: str) -> Evaluated:
    """What ``xgboost.train`` takes as ``custom_metric``: every one of ``names`` of a prediction."""

    def evaluate(prediction: np.ndarray, data: Any) -> list[tuple[str, float]]:
        truth = data.get_label()
        return [
            (name, float(_OF_NUMBERS[name](truth, prediction)))
            if name in _OF_NUMBERS
            else (name, float(_OF_CLASSES[name](truth, classes(prediction, objective))))
            for name in names
        ]

    return evaluate


def classes(prediction: np.ndarray, objective: str) -> np.ndarray:
    """The predicted class of each row: 0 and 1, or the number of the class."""
    if prediction.ndim == 2 and prediction.shape[1] > 1:
        found: np.ndarray = prediction.argmax(axis=1)
        return found
    if objective == "multi:softmax":
        return prediction
    threshold = 0.0 if objective == "binary:logitraw" else 0.5
    return (np.ravel(prediction) > threshold).astype(int)


def line(iteration: int, evaluated: Mapping[str, Mapping[str, list[Any]]]) -> str:
    """``[0]#011train-rmse:2.10000#011validation-rmse:2.40000``: ``#011`` is the tab as AWS's logs show it."""
    found = [
        f"{channel}-{name}:{values[-1]:.5f}" for channel, series in evaluated.items() for name, values in series.items()
    ]
    return "#011".join([f"[{iteration}]", *found])
