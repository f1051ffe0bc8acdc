"""A tensor as a plane of few numbers: what a screen can show of it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from clary.formats.tensors.values import TEXT, Value

MOST = 36
"""Rows and columns of a plane at most."""
_CHANNELS = 16  # pictures side by side, at most


def array(value: Value) -> Any | None:
    """The numbers in their shape; None of texts."""
    if value.dtype == TEXT:
        return None
    return np.frombuffer(value.data, dtype=value.dtype).reshape(value.shape)


def of_sample(found: Any) -> Any:
    """The plane of the first sample of a batch: channels of a picture side by side, a vector folded into a square."""
    sample = found[0] if found.ndim > 1 else found
    return of_parameter(sample) if sample.ndim < 3 else _side_by_side(sample.reshape(-1, *sample.shape[-2:]))


def of_parameter(found: Any) -> Any:
    """The plane of a weight: one row for each output; a vector folded into a square."""
    numbers = np.asarray(found, dtype="float64")
    if numbers.ndim < 2:
        return _folded(numbers.reshape(-1))
    return shrunk(numbers.reshape(numbers.shape[0], -1))


def shrunk(plane: Any, most: int = MOST) -> Any:
    """At most so many rows and columns, each number the mean of those that it stands for."""
    for axis in (0, 1):
        size = plane.shape[axis]
        if size > most:
            edges = np.linspace(0, size, most + 1).astype(int)[:-1]
            counts = np.diff([*edges, size])
            plane = np.add.reduceat(plane, edges, axis=axis) / (counts[:, None] if axis == 0 else counts)
    return plane


def _folded(numbers: Any) -> Any:
    """A square that ends in gaps."""
    if numbers.size > MOST * MOST:
        numbers = shrunk(numbers.reshape(1, -1), MOST * MOST)[0]
    width = max(1, math.ceil(math.sqrt(numbers.size)))
    padded = np.full(math.ceil(numbers.size / width) * width, np.nan)
    padded[: numbers.size] = numbers
    return padded.reshape(-1, width)


def _side_by_side(pictures: Any) -> Any:
    """The first channels in a square of pictures, with a gap between them."""
    pictures = np.asarray(pictures[:_CHANNELS], dtype="float64")
    width = math.ceil(math.sqrt(len(pictures)))
    each = max(2, MOST // width - 1)
    rows = []
    for start in range(0, len(pictures), width):
        row = [
            np.pad(shrunk(picture, each), 1, constant_values=np.nan)[1:, 1:]
            for picture in pictures[start : start + width]
        ]
        row += [np.full_like(row[0], np.nan)] * (width - len(row))
        rows.append(np.concatenate(row, axis=1))
    return np.concatenate(rows, axis=0)
