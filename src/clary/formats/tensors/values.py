"""A tensor's value without a numerical library: its type, its shape, and its numbers as little-endian bytes or its texts.

As the message ``TensorProto {dtype = 1; tensor_shape = 2 {dim = 2 {size = 1, name = 2}}; tensor_content = 4; string_val = 8}``
of TensorFlow, without its other fields. Source: tensorflow/core/framework/tensor.proto and types.proto.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from clary.formats.protobuf import BrokenMessage, delimited, fields, head, whole

TEXT = "str"
"""The type of a value of texts."""

_NUMBERS = {
    "float32": 1, "float64": 2, "int32": 3, "uint8": 4, "int16": 5, "int8": 6, "complex64": 8, "int64": 9, "bool": 10,
    "uint16": 17, "complex128": 18, "float16": 19, "uint32": 22, "uint64": 23,
}  # fmt: skip
_NAMES = {number: name for name, number in _NUMBERS.items()}
_STRING = 7
_CODES = {"float32": "f", "float64": "d", "int32": "i", "uint8": "B", "int16": "h", "int8": "b", "int64": "q", "bool": "?",
          "uint16": "H", "float16": "e", "uint32": "I", "uint64": "Q"}  # fmt: skip


@dataclass(frozen=True)
class Value:
    """``dtype``: numpy's name of it, or ``TEXT``; ``data``: the numbers, row by row; ``texts`` in their place."""

    dtype: str
    shape: tuple[int, ...]
    data: bytes | memoryview = b""
    texts: tuple[str, ...] = ()

    def numbers(self) -> list[float]:
        """All numbers in one list; ``TypeError`` of a type that Python has no number for."""
        if (code := _CODES.get(self.dtype)) is None:
            raise TypeError(f"a tensor of {self.dtype} has no plain numbers")
        return list(struct.unpack(f"<{prod(self.shape)}{code}", self.data))


def scalar(number: float) -> Value:
    """One number as frameworks save their losses: float64, with the shape (1,)."""
    return Value("float64", (1,), struct.pack("<d", number))


def text(texts: Sequence[str]) -> Value:
    """Texts, of the shape (texts,)."""
    return Value(TEXT, (len(texts),), texts=tuple(texts))


def encode(value: Value, tag: str) -> list[bytes | memoryview]:
    """The message in pieces, so that the numbers are not copied; ``tag``: the tensor's name, which its dimensions bear too.

    ``ValueError`` where the numbers do not fit the shape or the type has no place in the format.
    """
    dimensions = [delimited(2, whole(1, size) + delimited(2, f"{tag}_{size}".encode())) for size in value.shape]
    shape = delimited(2, b"".join(dimensions))
    if value.dtype == TEXT:
        return [shape, *(delimited(8, each.encode()) for each in value.texts)]
    if value.dtype not in _NUMBERS:
        raise ValueError(f"tensors of {value.dtype} are not kept: {tag}")
    return [whole(1, _NUMBERS[value.dtype]) + shape + head(4, len(value.data)), value.data]


def decode(message: bytes) -> Value:
    """``BrokenMessage`` if it is none of these."""
    number, data, shape, texts = _STRING, b"", [], []
    for field, part in fields(message):
        if field == 1 and isinstance(part, int):
            number = part
        elif field == 2 and isinstance(part, bytes):
            shape = [_size(dimension) for each, dimension in fields(part) if each == 2 and isinstance(dimension, bytes)]
        elif field == 4 and isinstance(part, bytes):
            data = part
        elif field == 8 and isinstance(part, bytes):
            texts.append(part.decode())
    if number == _STRING:
        return Value(TEXT, tuple(shape), texts=tuple(texts))
    if number not in _NAMES:
        raise BrokenMessage(f"a tensor has the unknown type {number}")
    return Value(_NAMES[number], tuple(shape), data)


def _size(dimension: bytes) -> int:
    return next((part for field, part in fields(dimension) if field == 1 and isinstance(part, int)), 0)
