"""Which problem a target poses, and how well predictions solve it: the metrics of Autopilot's documentation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn import metrics as sk

from clary.images.autopilot.description import BINARY, MULTICLASS, REGRESSION
from clary.images.autopilot.messages import ClientError

_FEW_CLASSES = 20  # whole numbers of so few values are classes

DEFAULT_METRIC = {REGRESSION: "MSE", BINARY: "F1", MULTICLASS: "Accuracy"}
AUTOGLUON_PROBLEM = {REGRESSION: "regression", BINARY: "binary", MULTICLASS: "multiclass"}
AUTOGLUON_METRIC = {
    "MSE": "mean_squared_error",
    "RMSE": "root_mean_squared_error",
    "MAE": "mean_absolute_error",
    "R2": "r2",
    "F1": "f1",
    "Accuracy": "accuracy",
    "AUC": "roc_auc",
    "BalancedAccuracy": "balanced_accuracy",
    "Precision": "precision",
    "Recall": "recall",
    "F1macro": "f1_macro",
    "PrecisionMacro": "precision_macro",
    "RecallMacro": "recall_macro",
    "LogLoss": "log_loss",
}
_SMALLER_IS_BETTER = frozenset({"MSE", "RMSE", "MAE", "LogLoss", "InferenceLatency"})


def infer(target: pd.Series) -> str:
    """The problem type by the target's values: two of them, text or few whole numbers, else a quantity."""
    values = target.dropna()
    distinct = values.nunique()
    if distinct < 2:
        raise ClientError(
            f"the target column {target.name!r} has the same value in every row: there is nothing to learn"
        )
    if distinct == 2:
        return BINARY
    numbers = pd.to_numeric(values, errors="coerce")
    if numbers.isna().any():
        if distinct > min(1000, len(values) / 2):
            raise ClientError(
                f"the problem type cannot be told: the target column {target.name!r} is text with {distinct} different "
                "values. Give ProblemType, or clean the column"
            )
        return MULTICLASS
    whole = bool((numbers % 1 == 0).all())
    return MULTICLASS if whole and distinct <= _FEW_CLASSES else REGRESSION


def prepared(target: pd.Series, problem: str) -> pd.Series:
    """The target as the problem needs it; ``ClientError`` if it is not."""
    if problem != REGRESSION:
        if problem == BINARY and target.nunique() != 2:
            raise ClientError(f"the target column {target.name!r} has {target.nunique()} values; binary needs two")
        return target.astype(str)
    numbers = pd.to_numeric(target, errors="coerce")
    bad = target[numbers.isna()]
    if len(bad):
        raise ClientError(
            f"the target column {target.name!r} is not numeric, as regression needs: {len(bad)} of {len(target)} values, "
            f"for example {bad.iloc[0]!r}"
        )
    return numbers.astype(float)


def bigger_is_better(metric: str) -> bool:
    return metric not in _SMALLER_IS_BETTER


def scores(problem: str, actual: Any, predicted: Any, probability: pd.DataFrame | None) -> dict[str, float]:
    """Every metric of the problem. ``probability``: a column for each class; None for regression."""
    if problem == REGRESSION:
        mse = float(sk.mean_squared_error(actual, predicted))
        return {
            "MSE": mse,
            "RMSE": float(np.sqrt(mse)),
            "MAE": float(sk.mean_absolute_error(actual, predicted)),
            "R2": float(sk.r2_score(actual, predicted)),
        }
    assert probability is not None
    labels = list(probability.columns)
    found = {
        "Accuracy": float(sk.accuracy_score(actual, predicted)),
        "BalancedAccuracy": float(sk.balanced_accuracy_score(actual, predicted)),
        "LogLoss": float(sk.log_loss(actual, probability.to_numpy(), labels=labels)),
    }
    if problem == BINARY:
        positive = labels[1]
        is_positive = np.asarray(actual) == positive
        found |= {
            "AUC": float(sk.roc_auc_score(is_positive, probability[positive])),
            "F1": float(sk.f1_score(actual, predicted, pos_label=positive, zero_division=0.0)),
            "Precision": float(sk.precision_score(actual, predicted, pos_label=positive, zero_division=0.0)),
            "Recall": float(sk.recall_score(actual, predicted, pos_label=positive, zero_division=0.0)),
        }
    else:
        kind: dict[str, Any] = {"average": "macro", "zero_division": 0.0}
        found |= {
            "F1macro": float(sk.f1_score(actual, predicted, **kind)),
            "PrecisionMacro": float(sk.precision_score(actual, predicted, **kind)),
            "RecallMacro": float(sk.recall_score(actual, predicted, **kind)),
        }
    return found
