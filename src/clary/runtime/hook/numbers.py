"""Tensors of numpy as the hook saves them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from clary.formats.tensors import values
from clary.formats.tensors.tensorboard import Histogram
from clary.formats.tensors.values import Value

_WIDER = {"int8": "int32", "int16": "int32", "uint16": "int32", "uint32": "int64", "uint64": "float64",
          "complex64": "complex128", "longdouble": "float64"}  # fmt: skip
_BUCKETS = 30


class Arrays:
    """numpy's arrays, and whatever becomes one."""

    def value(self, tensor: Any) -> Value | None:
        """As it is saved; None of an array without elements. What is no number becomes text."""
        array = np.asarray(tensor)
        if array.size == 0:
            return None
        if array.dtype.kind in "OSU":
            return values.text([str(each) for each in array.reshape(-1).tolist()])
        return of_array(array)

    def reduced(self, tensor: Any, operation: str) -> float:
        """``operation``: one of ``collections.OPERATIONS``, or with ``abs_`` before it; computed in float64."""
        array = np.asarray(tensor, dtype="float64")
        if operation.startswith("abs_"):
            array, operation = np.abs(array), operation.removeprefix("abs_")
        match operation:
            case "l1" | "l2":
                return float(np.linalg.norm(array.reshape(-1), ord=int(operation[1])))
            case "variance":
                return float(array.var())
        return float(getattr(array, operation)())

    def histogram(self, tensor: Any) -> Histogram | None:
        """None of what is not real numbers."""
        array = np.asarray(tensor)
        return of_numbers(array) if array.dtype.kind in "fiub" else None


def of_array(array: Any) -> Value:
    """In a type that readers know, which may be a wider one."""
    wider = _WIDER.get(array.dtype.name)
    array = np.ascontiguousarray(array, dtype=wider or array.dtype.newbyteorder("<"))
    return Value(array.dtype.name, array.shape or (1,), memoryview(array).cast("B"))


def of_numbers(array: Any) -> Histogram | None:
    """Of those that are finite, in 30 buckets of one width."""
    numbers = array.reshape(-1).astype("float64")
    numbers = numbers[np.isfinite(numbers)]
    if numbers.size == 0 or not math.isfinite(numbers.max() - numbers.min()):
        return None
    counts, edges = np.histogram(numbers, bins=_BUCKETS)
    return Histogram(
        float(numbers.min()),
        float(numbers.max()),
        float(numbers.size),
        float(numbers.sum()),
        float(numbers.dot(numbers)),
        edges[1:].tolist(),
        counts.tolist(),
    )
