"""Predictions as bytes of a response: the forms that the XGBoost container gives them.

Source: SageMaker's developer guide, common data formats for inference, and the container's selectable inference.
"""

from __future__ import annotations

import io
import json
import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from clary.formats import record_protobuf
from clary.images.errors import UserError
from clary.images.xgboost.metrics import classes

TYPES = ("text/csv", "application/json", "application/jsonlines", "application/x-recordio-protobuf")

_BINARY = {"predicted_label", "labels", "probability", "probabilities", "raw_score", "raw_scores"}
_RAW = {"predicted_label", "labels", "raw_score", "raw_scores"}
_KEYS = {
    "binary:logistic": _BINARY, "binary:logitraw": _RAW, "binary:hinge": _RAW,
    "multi:softmax": {"predicted_label", "labels"}, "multi:softprob": _BINARY,
}  # fmt: skip
_SCORE = {"predicted_score"}  # of any other objective
_SELECTABLE = _BINARY | _SCORE


@dataclass(frozen=True)
class Prediction:
    """``values``: shape (rows,) or (rows, classes)."""

    values: np.ndarray
    objective: str


def of_script(values: np.ndarray, kind: str) -> tuple[str, str] | None:
    """As the toolkit encodes an array: CSV by rows, JSON as lists."""
    if kind == "application/json":
        return json.dumps(values.tolist()), kind
    if kind == "text/csv":
        text = io.StringIO()
        np.savetxt(text, values, delimiter=",", fmt="%s")
        return text.getvalue(), kind
    return None


def of_algorithm(prediction: Prediction, kind: str) -> tuple[bytes | str, str] | None:
    """None if ``kind`` is none of ``TYPES``."""
    kind = {"csv": "text/csv", "json": "application/json", "jsonlines": "application/jsonlines"}.get(kind, kind)
    selected = os.environ.get("SAGEMAKER_INFERENCE_OUTPUT")
    if selected:
        items = _selected(prediction, [key.strip() for key in selected.split(",")])
    else:
        items = [{"score": value} for value in prediction.values.tolist()]
    match kind:
        case "text/csv":
            return _csv(items, selected=bool(selected)), "text/csv; charset=utf-8"
        case "application/json":
            return json.dumps({"predictions": items}), kind
        case "application/jsonlines":
            return "".join(json.dumps(item) + "\n" for item in items), kind
        case "application/x-recordio-protobuf":
            stream = io.BytesIO()
            record_protobuf.write(stream, map(_record, items))
            return stream.getvalue(), kind
    return None


def _csv(items: list[dict[str, Any]], *, selected: bool) -> str:
    """Scores in one line, as the container has always given them; in batch, and where keys are selected, a line a row."""
    if selected:
        rows = [
            ",".join(f'"{value}"' if isinstance(value, list) else str(value) for value in i.values()) for i in items
        ]
        return "\n".join(rows)
    scores = [str(item["score"]) for item in items]
    return "\n".join(scores) + "\n" if os.environ.get("SAGEMAKER_BATCH") else ",".join(scores)


def _record(item: dict[str, Any]) -> record_protobuf.Record:
    return record_protobuf.Record(
        label={k: record_protobuf.tensor(v if isinstance(v, list) else [v]) for k, v in item.items()}
    )


def _selected(prediction: Prediction, keys: list[str]) -> list[dict[str, Any]]:
    """The asked-for keys of each row; NaN where the objective has no such thing."""
    if unknown := [key for key in keys if key not in _SELECTABLE]:
        raise UserError(
            f"SAGEMAKER_INFERENCE_OUTPUT names {', '.join(unknown)}; there are {', '.join(sorted(_SELECTABLE))}"
        )
    allowed = _KEYS.get(prediction.objective, _SCORE)
    labels = classes(prediction.values, prediction.objective).astype(int).tolist() if allowed is not _SCORE else []
    found = []
    for row, value in enumerate(prediction.values.tolist()):
        known = {"predicted_score": value} if allowed is _SCORE else _known(value, labels[row])
        found.append({key: known[key] if key in allowed else float("nan") for key in keys})
    return found


def _known(value: Any, label: int) -> dict[str, Any]:
    """``value``: a number of a binary objective, a list of probabilities, or softmax's class."""
    if isinstance(value, list):
        return {
            "predicted_label": label, "labels": list(range(len(value))), "probability": max(value),
            "probabilities": value, "raw_score": max(value), "raw_scores": value,
        }  # fmt: skip
    pair = [1 - value, value]
    return {
        "predicted_label": label, "labels": [0, 1], "probability": value, "probabilities": pair,
        "raw_score": value, "raw_scores": pair,
    }  # fmt: skip
