"""Serving a candidate: raw rows in, predictions out, with their explanation if asked for.

In: ``text/csv`` rows in the order of the training columns, without the target (a header row is tolerated), or
``application/json``: a list of objects by column name, a list of lists, or ``{"instances": [...]}``. With
``"explain": true`` beside ``instances`` the answer holds Kernel SHAP values of each row too.

Out: ``text/csv`` with what ``SAGEMAKER_INFERENCE_OUTPUT`` names (predicted_label, probability, probabilities, labels), or
``application/json``: ``{"predictions": [...]}``.
"""

from __future__ import annotations

import csv
import io
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from autogluon.tabular import TabularPredictor

from clary.images.autopilot.description import REGRESSION
from clary.images.autopilot.explanation import Explainer, explained_number, mixed

DEFAULT_ACCEPT = "text/csv"


class UnsupportedContent(Exception):
    """A type that is neither text/csv nor application/json."""


class BadRow(Exception):
    """A row that cannot be read; the message names the row and the column."""

    status_code = 400


@dataclass
class Model:
    predictor: TabularPredictor
    about: dict[str, Any]
    members: dict[str, float]
    background: pd.DataFrame


@dataclass
class Asked:
    rows: pd.DataFrame
    explain: bool = False


@dataclass
class Answer:
    """``probability``: shape (rows, classes), None for regression."""

    predicted: list[Any]
    probability: np.ndarray | None
    labels: list[str]
    explanations: list[dict[str, float]] | None = None
    baseline: float | None = None


def model_fn(model_dir: str) -> Model:
    folder = Path(model_dir)
    about = json.loads((folder / "about.json").read_text())
    predictor = TabularPredictor.load(
        str(folder / "predictor"), verbosity=0, require_py_version_match=False, require_version_match=False
    )
    candidate = os.environ.get("AUTOPILOT_CANDIDATE", about["best"])
    if candidate not in about["candidates"]:
        raise ValueError(f"AUTOPILOT_CANDIDATE names {candidate!r}; there are {', '.join(about['candidates'])}")
    members = about["candidates"][candidate]
    predictor.persist(list(members))
    background = _typed(pd.DataFrame(json.loads((folder / "background.json").read_text())), about)
    model = Model(predictor, about, members, background)
    predict_fn(Asked(background.head(1)), model)  # the first prediction loads what the others need
    return model


def input_fn(body: Any, content_type: str) -> Any:
    """Rows as they came; which columns they are is known to ``predict_fn``."""
    match content_type.partition(";")[0].strip():
        case "text/csv":
            return [row for row in csv.reader(io.StringIO(body)) if row], False
        case "application/json":
            found = json.loads(body)
            if isinstance(found, dict) and "instances" in found:
                return found["instances"], bool(found.get("explain"))
            return (found if isinstance(found, list) else [found]), False
    raise UnsupportedContent(f"{content_type} is not supported: send text/csv or application/json")


def predict_fn(data: Any, model: Model) -> Answer:
    asked = data if isinstance(data, Asked) else Asked(_table(data[0], model.about), data[1])
    values = mixed(model.predictor, model.members, model.about["problem"], asked.rows)
    if model.about["problem"] == REGRESSION:
        answer = Answer(values.tolist(), None, [])
    else:
        labels = [str(label) for label in model.predictor.class_labels]
        answer = Answer([labels[i] for i in values.argmax(axis=1)], values, labels)
    if asked.explain:
        _explain(asked, model, answer)
    return answer


def output_fn(answer: Answer, accept: str) -> tuple[str, str]:
    match accept.partition(";")[0].strip():
        case "text/csv":
            buffer = io.StringIO()
            csv.writer(buffer, lineterminator="\n").writerows(_rows(answer))
            return buffer.getvalue(), "text/csv; charset=utf-8"
        case "application/json":
            return json.dumps(_document(answer)), "application/json"
    raise UnsupportedContent(f"Accept {accept} is not supported: take text/csv or application/json")


def _keys() -> list[str]:
    return [k.strip() for k in os.environ.get("SAGEMAKER_INFERENCE_OUTPUT", "predicted_label").split(",")]


def _rows(answer: Answer) -> list[list[Any]]:
    if answer.probability is None:
        return [[value] for value in answer.predicted]
    columns: dict[str, list[Any]] = {
        "predicted_label": answer.predicted,
        "probability": [float(v) for v in answer.probability.max(axis=1)],
        "probabilities": [str([float(v) for v in row]) for row in answer.probability],
        "labels": [str(answer.labels)] * len(answer.predicted),
    }
    unknown = [key for key in _keys() if key not in columns]
    if unknown:
        raise BadRow(f"SAGEMAKER_INFERENCE_OUTPUT names {', '.join(unknown)}; there are {', '.join(columns)}")
    return [list(row) for row in zip(*(columns[key] for key in _keys()), strict=True)]


def _document(answer: Answer) -> dict[str, Any]:
    if answer.probability is None:
        found: dict[str, Any] = {"predictions": answer.predicted}
    else:
        found = {
            "predictions": [
                {"predicted_label": label, "probability": float(row.max()), "probabilities": row.tolist()}
                for label, row in zip(answer.predicted, answer.probability, strict=True)
            ],
            "labels": answer.labels,
        }
    if answer.explanations is not None:
        found |= {"explanations": answer.explanations, "baseline": answer.baseline}
    return found


def _table(rows: list[Any], about: dict[str, Any]) -> pd.DataFrame:
    """Rows by position or by name as a table with the training columns; ``BadRow`` names what does not fit."""
    features = about["features"]
    if not rows:
        raise BadRow("there is no row in the request")
    if isinstance(rows[0], list) and [str(cell).strip() for cell in rows[0]] == features:
        rows = rows[1:]  # a header
    if rows and not isinstance(rows[0], list | dict):
        rows = [rows]
    if rows and isinstance(rows[0], dict):
        unknown = sorted({key for row in rows for key in row} - {*features, about["target"]})
        if unknown:
            raise BadRow(f"the model knows no column {', '.join(map(repr, unknown))}; it has {', '.join(features)}")
        table = pd.DataFrame([{name: row.get(name) for name in features} for row in rows], columns=features)
    else:
        for number, row in enumerate(rows, 1):
            if len(row) != len(features):
                raise BadRow(
                    f"row {number} has {len(row)} values; the model takes {len(features)}: {', '.join(features)}"
                )
        table = pd.DataFrame(rows, columns=features)
    return _typed(table, about)


def _typed(table: pd.DataFrame, about: dict[str, Any]) -> pd.DataFrame:
    table = table[about["features"]].copy()
    for name, kind in about["types"].items():
        if kind == "number":
            column = table[name].replace({"": None, "NaN": None, "nan": None})
            numbers = pd.to_numeric(column, errors="coerce")
            bad = column[numbers.isna() & column.notna()]
            if len(bad):
                raise BadRow(f"the column {name!r} takes numbers; row {bad.index[0] + 1} has {bad.iloc[0]!r}")
            table[name] = numbers.astype(float)
        else:
            table[name] = table[name].where(table[name].isna(), table[name].astype(str)).replace({"": None})
    return table


def _explain(asked: Asked, model: Model, answer: Answer) -> None:
    def predict(rows: pd.DataFrame) -> np.ndarray:
        return explained_number(model.predictor, model.members, model.about["problem"], rows)

    found = Explainer(predict, model.background, budget=256).explain(asked.rows)
    answer.baseline = found.baseline
    answer.explanations = [dict(zip(found.features, map(float, row), strict=True)) for row in found.values]
