"""Looking at the best candidate: the model insights report, and the page with the leaderboard and the explanation."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
from sklearn import metrics as sk

from clary.images import pages
from clary.images.autopilot import charts
from clary.images.autopilot.description import BINARY, REGRESSION, Description
from clary.images.autopilot.explanation import Explanation
from clary.images.autopilot.search import Candidate

_LABELS = 15  # classes of a confusion matrix, at most


def pictures(best: Candidate, actual: pd.Series, wish: Description) -> list[str]:
    """The panels that suit the problem, over rows that the model had not seen when it predicted them."""
    seen = best.predicted.notna()
    actual, predicted = actual[seen], best.predicted[seen]
    if wish.problem == REGRESSION:
        left = np.asarray(actual, dtype=float) - np.asarray(predicted, dtype=float)
        return [
            pages.panel(
                "Actual and predicted", charts.scatter(predicted, actual, ("predicted", "actual"), diagonal=True)
            ),
            pages.panel("Residuals", charts.scatter(predicted, left, ("predicted", "actual − predicted"))),
            pages.panel("Residuals, how often", charts.histogram(left, "actual − predicted", charts.VIOLET)),
        ]
    names = sorted(set(actual) | set(predicted))
    panels = []
    if len(names) <= _LABELS:
        panels.append(
            pages.panel("Confusion matrix", charts.matrix(sk.confusion_matrix(actual, predicted, labels=names), names))
        )
    if wish.problem == BINARY and best.probability is not None:
        positive = best.probability.columns[1]
        score = best.probability.loc[seen[seen].index, positive]
        false, true, _ = sk.roc_curve(actual == positive, score)
        precision, recall, _ = sk.precision_recall_curve(actual == positive, score)
        panels.append(
            pages.panel("ROC", charts.curve(false, true, ("false positive rate", "true positive rate"), chance=True))
        )
        panels.append(pages.panel("Precision and recall", charts.curve(recall, precision, ("recall", "precision"))))
    return panels


def insights_page(best: Candidate, actual: pd.Series, wish: Description) -> str:
    return pages.page(
        f"Model insights: {wish.name}",
        f"The best candidate, {best.model}, on rows that each of its folds had not seen. Objective: {wish.metric}.",
        pages.figures(**best.metrics),
        pages.grid(*pictures(best, actual, wish)),
    )


def insights_json(best: Candidate, wish: Description) -> str:
    metrics = {name: {"value": value, "standard_deviation": "NaN"} for name, value in best.metrics.items()}
    key = {REGRESSION: "regression_metrics", BINARY: "binary_classification_metrics"}.get(
        wish.problem, "multiclass_classification_metrics"
    )
    return json.dumps(
        {"version": 0.0, "dataset": {"item_count": int(best.predicted.notna().sum())}, key: metrics}, indent=1
    )


def explanation_page(explanation: Explanation, rows: pd.DataFrame, wish: Description) -> str:
    importance = explanation.importance()
    examples = []
    for number in range(min(3, len(rows))):
        values = dict(zip(explanation.features, explanation.values[number].tolist(), strict=True))
        values = dict(sorted(values.items(), key=lambda pair: -abs(pair[1]))[:10])
        named = {f"{name} = {rows.iloc[number][name]}"[:48]: value for name, value in values.items()}
        title = f"Row {number + 1}: {pages.shown(float(explanation.predictions[number]))}"
        examples.append(pages.panel(title, charts.signed_bars(named, f"change of the prediction of {wish.target}")))
    return pages.page(
        f"Explainability: {wish.name}",
        "Kernel SHAP: what each column adds to a prediction, beside the baseline.",
        pages.figures(baseline=explanation.baseline, rows_explained=len(rows), columns=len(explanation.features)),
        pages.panel(
            "What matters",
            charts.bars(dict(list(importance.items())[:20]), "mean absolute SHAP value"),
            "The larger, the more the column moves predictions, up or down. It says what the model uses, not what causes what.",
        ),
        *examples,
    )


def leaderboard_page(rows: list[dict[str, Any]], wish: Description, parts: list[str]) -> str:
    """The job's first page: who won, by how much, and why."""
    best = rows[0]
    return pages.page(
        f"Autopilot: {wish.name}",
        f"{wish.problem} of {wish.target!r}, objective {wish.metric}. Every number is of rows that the model had not seen.",
        pages.figures(
            **{"candidates": len(rows), wish.metric: best[wish.metric], "milliseconds_for_a_row": best["ms a row"]}
        ),
        pages.panel("Leaderboard", pages.table(rows, best=0)),
        *parts,
    )
