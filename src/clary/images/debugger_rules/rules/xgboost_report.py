"""The rule that never fires: a report of a training with XGBoost, as a page and as a notebook.

``xgboost_report.html`` and ``xgboost_report.ipynb`` in the rule's output, written when the job has ended.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from clary.images import lines, pages
from clary.images.debugger_rules.rules.built_in import BuiltInRule
from clary.images.debugger_rules.rules.data import classes
from clary.images.debugger_rules.trial import Array

_MOST_CLASSES = 30  # of a confusion matrix; with more of them the labels are no classes
_MOST_FEATURES = 20

_Panel = tuple[str, str]
"""A heading, and the HTML below it."""


class CreateXgboostReport(BuiltInRule):
    """Never met; it gathers metrics step by step."""

    def invoke_at_step(self, step: int) -> bool:
        for name, value in self.values(step, self.base_trial.tensor_names(step=step, collection="metrics")):
            self.note(name, step, float(np.mean(value)))
        return False

    def finish(self) -> None:
        """Write the page and the notebook into the rule's output."""
        assert self.output is not None, "the evaluator gives every built-in rule a folder"
        panels = [*self._metrics(), *self._importance(), *self._predictions(), *self._hyperparameters()]
        steps = self.base_trial.steps()
        lead = f"{len(steps)} saved steps, the last one {steps[-1]}" if steps else "Nothing was saved"
        parts = [pages.panel(title, body) for title, body in panels]
        self.output.mkdir(parents=True, exist_ok=True)
        page = pages.page(f"XGBoost training report: {self.base_trial.name}", lead, *parts)
        (self.output / "xgboost_report.html").write_text(page)
        (self.output / "xgboost_report.ipynb").write_text(json.dumps(self._notebook(lead, panels), indent=1))

    def _metrics(self) -> list[_Panel]:
        if not self.series:
            return []
        by_metric: dict[str, dict[str, list[tuple[float, float]]]] = {}
        for name, series in self.series.items():
            by_metric.setdefault(name.partition("-")[2] or name, {})[name] = list(series.points)
        return [(f"Metric {metric}", lines.chart(found, f"{metric} by step")) for metric, found in by_metric.items()]

    def _importance(self) -> list[_Panel]:
        panels = []
        for kind in ("weight", "gain", "cover"):
            found = self._last(rf"feature_importance/{kind}/")
            numbers = {name.rpartition("/")[2]: float(np.sum(value)) for name, value in found.items()}
            first = sorted(numbers, key=numbers.__getitem__, reverse=True)[:_MOST_FEATURES]
            if first:
                rows = [{"feature": name, "share": numbers[name]} for name in first]
                panels.append((f"Feature importance by {kind}", pages.table(rows)))
        return panels

    def _predictions(self) -> list[_Panel]:
        labels, predictions = (self._last(rf"^{each}$").get(each) for each in ("labels", "predictions"))
        if labels is None or predictions is None or len(labels) != len(predictions):
            return []
        if _are_classes(labels):
            return [("Confusion matrix: rows are labels, columns predictions", _confusion(labels, predictions))]
        away = np.asarray(predictions, dtype=float).reshape(-1) - np.asarray(labels, dtype=float).reshape(-1)
        numbers = {"mean": away.mean(), "standard_deviation": away.std(), "largest": np.abs(away).max()}
        return [("Predictions less labels", pages.figures(**{key: float(value) for key, value in numbers.items()}))]

    def _hyperparameters(self) -> list[_Panel]:
        found = self._last(r"^hyperparameters/", plain=False)
        rows = [
            {"hyperparameter": name.rpartition("/")[2], "value": str(np.ravel(value)[0])}
            for name, value in found.items()
        ]
        return [("Hyperparameters", pages.table(rows))] if rows else []

    def _last(self, pattern: str, *, plain: bool = True) -> dict[str, Array]:
        """Each tensor that matches, as it was saved last; ``plain``: those of numbers alone."""
        found = {}
        for name in self.base_trial.tensor_names(regex=pattern):
            tensor = self.base_trial.tensor(name)
            if steps := tensor.steps():
                value = tensor.value(steps[-1])
                if value.size and (not plain or value.dtype.kind in "biuf"):
                    found[name] = value
        return found

    def _notebook(self, lead: str, panels: list[_Panel]) -> dict[str, Any]:
        """The same as a notebook (nbformat 4): what the page shows, and the metrics to go on with."""
        series = {name: each.points for name, each in self.series.items()}
        cells = [_markdown(f"# XGBoost training report: {self.base_trial.name}\n\n{lead}")]
        for number, (title, body) in enumerate(panels, start=1):
            cells += [_markdown(f"## {title}"), _shown(number, title, body)]
        source = f"metrics = {json.dumps(series)}  # by name: [step, value]\nlist(metrics)"
        cells.append(_code(source, len(panels) + 1, {"text/plain": repr(list(series))}))
        kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
        return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 4}


def _are_classes(labels: Array) -> bool:
    return bool(np.all(labels == np.rint(labels))) and len(np.unique(labels)) <= _MOST_CLASSES


def _confusion(labels: Array, predictions: Array) -> str:
    truth, said = classes(labels), classes(predictions, argmax=predictions.ndim > 1)
    names = sorted({*truth.tolist(), *said.tolist()})
    rows: list[dict[str, Any]] = []
    for label in names:
        counts = {str(other): int(((truth == label) & (said == other)).sum()) for other in names}
        rows.append({"label": str(label), **counts})
    return pages.table(rows)


def _markdown(text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": text}


def _shown(number: int, title: str, body: str) -> dict[str, Any]:
    source = f"# {title}: made when the training job ended"
    return _code(source, number, {"text/html": body, "text/plain": title})


def _code(source: str, number: int, data: Mapping[str, str]) -> dict[str, Any]:
    output = {"output_type": "execute_result", "execution_count": number, "metadata": {}, "data": dict(data)}
    return {
        "cell_type": "code",
        "metadata": {},
        "execution_count": number,
        "source": source,
        "outputs": [output],
    }
