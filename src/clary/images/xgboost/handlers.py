"""What the XGBoost serving container does: all of it for the built-in algorithm, and in script mode what the script leaves out.

In: text/csv, text/libsvm, application/x-recordio-protobuf. Out, for the built-in algorithm: text/csv (scores joined by
commas, by line ends in batch), application/json, application/jsonlines, application/x-recordio-protobuf, or what
``SAGEMAKER_INFERENCE_OUTPUT`` selects; in script mode what ``predict_fn`` gave, as CSV or JSON.
"""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import xgboost

from clary.images.errors import UserError
from clary.images.xgboost import answers
from clary.images.xgboost.rows import Rows, kind_of, read_request, with_columns

_SCRIPT = bool(os.environ.get("SAGEMAKER_PROGRAM"))
DEFAULT_ACCEPT = "application/json" if _SCRIPT else "text/csv"
_FILE = "xgboost-model"


class UnsupportedContent(Exception):
    """A type that is none of text/csv, text/libsvm, application/x-recordio-protobuf."""


class NotAcceptable(Exception):
    """An accept type that the answer cannot be given as."""

    status_code = 406


class NoContent(Exception):
    """A request without a body is answered without one."""

    status_code = 204


def model_fn(model_dir: str) -> Any:
    path = Path(model_dir) / _FILE
    if not path.is_file():
        there = ", ".join(sorted(p.name for p in Path(model_dir).iterdir())) or "nothing"
        raise FileNotFoundError(
            f"There is no {_FILE} in the model archive, which holds: {there}. Define model_fn(model_dir) in your "
            "inference script if training saved the model otherwise"
        )
    data = path.read_bytes()
    if data.startswith(b"\x80"):  # a pickle, as the containers before 1.3 wrote it; the sandbox holds what it may do
        return pickle.loads(data)  # noqa: S301
    booster = xgboost.Booster()
    booster.load_model(bytearray(data))
    return booster


def input_fn(body: Any, content_type: str) -> Any:
    if kind_of(content_type) not in {"csv", "libsvm", "recordio"}:
        raise UnsupportedContent(
            f"Content-type {content_type} not supported. Supported content-type is text/csv, text/libsvm, "
            "application/x-recordio-protobuf"
        )
    if not body.strip():
        raise NoContent
    rows = read_request(body, content_type)
    return xgboost.DMatrix(rows.values) if _SCRIPT else rows


def predict_fn(data: Any, model: Any) -> Any:
    """In script mode the prediction; else the prediction with its objective, as ``answers`` take it."""
    if not isinstance(data, Rows):
        return model.predict(data, validate_features=False)
    count = model.num_features()
    values = with_columns(data.values, count)
    if values.shape[1] != count:
        raise UserError(
            f"Feature size of inference data {values.shape[1]} is not consistent with feature size of trained model {count}."
        )
    objective = json.loads(model.save_config())["learner"]["objective"]["name"]
    return answers.Prediction(model.predict(xgboost.DMatrix(values), validate_features=False), objective)


def output_fn(prediction: Any, accept: str) -> tuple[bytes | str, str]:
    kind = accept.partition(";")[0].strip().lower()
    found = answers.of_script(np.asarray(prediction), kind) if _SCRIPT else answers.of_algorithm(prediction, kind)
    if found is None:
        raise NotAcceptable(f"Accept type {accept} is not supported: take {', '.join(answers.TYPES)}")
    return found
