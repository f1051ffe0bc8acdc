"""What each feature adds to a prediction: Kernel SHAP over the raw columns, as SageMaker Clarify computes it.

Source: Lundberg and Lee, A Unified Approach to Interpreting Model Predictions, NeurIPS 2017; the shap library does it.
A prediction is the baseline (the mean prediction over the background rows) plus the values of its features.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import shap

from clary.images.autopilot.description import REGRESSION

Predict = Callable[[pd.DataFrame], np.ndarray]
"""Raw rows → one number each: the prediction, or the probability of the class that is explained."""


def mixed(predictor: Any, members: dict[str, float], problem: str, rows: pd.DataFrame) -> np.ndarray:
    """The weighted mean of the members' predictions: shape (rows,) for regression, else (rows, classes)."""
    ask = predictor.predict if problem == REGRESSION else predictor.predict_proba
    parts = [weight * np.asarray(ask(rows, model=model), dtype=float) for model, weight in members.items()]
    return np.sum(parts, axis=0)


def explained_number(predictor: Any, members: dict[str, float], problem: str, rows: pd.DataFrame) -> np.ndarray:
    """One number for each row: the prediction, or the probability of the last class."""
    values = mixed(predictor, members, problem, rows)
    return values if problem == REGRESSION else values[:, -1]


@dataclass(frozen=True)
class Explanation:
    """``values``: shape (rows, features), in the unit of the prediction; ``baseline`` the same for every row."""

    features: list[str]
    baseline: float
    values: np.ndarray
    predictions: np.ndarray

    def importance(self) -> dict[str, float]:
        """Mean absolute value of each feature, largest first."""
        mean = np.abs(self.values).mean(axis=0)
        pairs = sorted(zip(self.features, mean, strict=True), key=lambda pair: -pair[1])
        return {name: float(value) for name, value in pairs}


class Explainer:
    """``background``: raw rows that stand for the table; a feature that is left out takes their values."""

    def __init__(self, predict: Predict, background: pd.DataFrame, budget: int = 2048) -> None:
        self._columns = list(background.columns)
        self._types = background.dtypes
        self._background = background.reset_index(drop=True)
        self._predict = predict
        # shap works on arrays of numbers: rows are told to it by their place in this table.
        self._samples = min(budget, 2 ** min(len(self._columns), 12), 2 * len(self._columns) + 512)

    def explain(self, rows: pd.DataFrame) -> Explanation:
        """The values of some rows. Time grows with rows, features and background."""
        rows = rows[self._columns].reset_index(drop=True)
        pool = pd.concat([self._background, rows], ignore_index=True)
        count = len(self._background)

        def by_place(places: np.ndarray) -> np.ndarray:
            """Each cell of ``places`` says from which row of the pool its column is taken."""
            columns = {
                name: pool[name].to_numpy()[places[:, number].astype(int)] for number, name in enumerate(self._columns)
            }
            frame = pd.DataFrame(columns)
            return self._predict(frame.astype(dict(self._types), errors="ignore"))

        width = len(self._columns)
        base = np.tile(np.arange(count, dtype=float)[:, None], (1, width))
        kernel = shap.KernelExplainer(by_place, base)
        wanted = np.tile(np.arange(count, count + len(rows), dtype=float)[:, None], (1, width))
        np.random.seed(7)
        values = kernel.shap_values(wanted, nsamples=self._samples, l1_reg=0, silent=True)
        predictions = self._predict(rows)
        return Explanation(self._columns, float(kernel.expected_value), np.asarray(values), predictions)


def analysis(explanation: Explanation, label: str) -> dict[str, Any]:
    """analysis.json in the form that SageMaker Clarify writes."""
    return {
        "version": "1.0",
        "explanations": {
            "kernel_shap": {
                label: {
                    "global_shap_values": explanation.importance(),
                    "expected_value": explanation.baseline,
                }
            }
        },
    }
