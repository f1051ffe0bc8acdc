"""What the scikit-learn serving container does where the user's script does not: npy, JSON and CSV in and out.

``model_fn`` is the user's: nobody else knows how the model was saved. Source: the SageMaker scikit-learn container.
"""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np

DEFAULT_ACCEPT = "application/json"


class UnsupportedContent(Exception):
    """A type that is none of application/x-npy, application/json, text/csv."""


def model_fn(model_dir: str) -> Any:
    raise NotImplementedError(
        f"Define model_fn(model_dir) in your inference script: it loads what training saved in {model_dir}, "
        'for example: return joblib.load(os.path.join(model_dir, "model.joblib"))'
    )


def input_fn(body: Any, content_type: str) -> Any:
    """An array of the request: shape (rows, features), float32 from JSON and CSV, as saved from npy."""
    match content_type.partition(";")[0].strip():
        case "application/x-npy":
            return np.load(io.BytesIO(body), allow_pickle=False)
        case "application/json":
            return np.array(json.loads(body), dtype=np.float32)
        case "text/csv":
            return np.atleast_2d(np.genfromtxt(io.StringIO(body), dtype=np.float32, delimiter=","))
    raise UnsupportedContent(
        f"Content type {content_type} is not supported: send application/x-npy, application/json or text/csv"
    )


def predict_fn(data: Any, model: Any) -> Any:
    return model.predict(data)


def output_fn(prediction: Any, accept: str) -> Any:
    """The prediction as (body, content type)."""
    match accept.partition(";")[0].strip():
        case "application/x-npy":
            buffer = io.BytesIO()
            np.save(buffer, prediction)
            return buffer.getvalue(), "application/x-npy"
        case "application/json":
            return json.dumps(np.asarray(prediction).tolist()), "application/json"
        case "text/csv":
            buffer_text = io.StringIO()
            np.savetxt(buffer_text, np.asarray(prediction), delimiter=",", fmt="%s")
            return buffer_text.getvalue(), "text/csv"
    raise UnsupportedContent(f"Accept {accept} is not supported: take application/x-npy, application/json or text/csv")
