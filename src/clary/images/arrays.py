"""Arrays in the bodies of requests and answers: npy, JSON and CSV, as the serving containers of SageMaker speak them."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np

TYPES = ("application/x-npy", "application/json", "text/csv")


class UnsupportedContent(Exception):
    """A type that is none of ``TYPES``."""


def decode(body: Any, content_type: str) -> Any:
    """The array of a request: float32 from JSON and CSV, as saved from npy; CSV always has two dimensions."""
    match _plain(content_type):
        case "application/x-npy":
            return np.load(io.BytesIO(body), allow_pickle=False)
        case "application/json":
            return np.array(json.loads(body), dtype=np.float32)
        case "text/csv":
            return np.atleast_2d(np.genfromtxt(io.StringIO(body), dtype=np.float32, delimiter=","))
    raise UnsupportedContent(f"Content type {content_type} is not supported: send {_choices()}")


def encode(values: Any, accept: str) -> tuple[bytes | str, str]:
    """Anything that numpy takes as an array, as (body, content type)."""
    match _plain(accept):
        case "application/x-npy":
            buffer = io.BytesIO()
            np.save(buffer, np.asarray(values))
            return buffer.getvalue(), "application/x-npy"
        case "application/json":
            return json.dumps(np.asarray(values).tolist()), "application/json"
        case "text/csv":
            text = io.StringIO()
            np.savetxt(text, np.asarray(values), delimiter=",", fmt="%s")
            return text.getvalue(), "text/csv"
    raise UnsupportedContent(f"Accept {accept} is not supported: take {_choices()}")


def _plain(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _choices() -> str:
    return f"{', '.join(TYPES[:-1])} or {TYPES[-1]}"
