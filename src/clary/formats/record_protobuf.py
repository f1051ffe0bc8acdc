"""recordio-protobuf (``application/x-recordio-protobuf``): rows as Amazon's built-in algorithms take and give them.

Each RecordIO record is a message of the package ``aialgs.data``: ``Record {map<string, Value> features = 1, label = 2;
string uid = 3, metadata = 4, configuration = 5}``, a ``Value`` one of ``Float32Tensor = 2``, ``Float64Tensor = 3``,
``Int32Tensor = 7``, ``Bytes = 9``; a tensor ``{values = 1; keys = 2; shape = 3}``, where ``keys`` make it sparse.
Source: the message's definition in the SageMaker Python SDK, src/sagemaker/amazon/record.proto.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO

from clary.formats import recordio
from clary.formats.protobuf import BrokenMessage, delimited, fields, read_varint, varint

_FLOAT32, _FLOAT64, _INT32, _RAW = 2, 3, 7, 9  # fields of Value
_CODES = {_FLOAT32: "f", _FLOAT64: "d", _INT32: "i"}
_FIELDS = {code: number for number, code in _CODES.items()}


@dataclass(frozen=True)
class Tensor:
    """``values``: typecode f (float32), d (float64) or i (int32). ``keys``: of a sparse row, its columns from 0, one a value.

    ``shape``: () unless it was told; of a sparse row (columns,).
    """

    values: array[float] | array[int]
    keys: tuple[int, ...] = ()
    shape: tuple[int, ...] = ()


@dataclass(frozen=True)
class Bytes:
    """Values that are no numbers, such as images, and what they are."""

    values: tuple[bytes, ...]
    content_type: str = ""


Value = Tensor | Bytes


@dataclass(frozen=True)
class Record:
    """One row: features and labels by name; the SDK's writers use the one name ``values``."""

    features: Mapping[str, Value] = field(default_factory=dict)
    label: Mapping[str, Value] = field(default_factory=dict)
    uid: str = ""
    metadata: str = ""
    configuration: str = ""


def tensor(values: Iterable[float], kind: str = "f", keys: Sequence[int] = (), shape: Sequence[int] = ()) -> Tensor:
    """``kind``: f float32, d float64, i int32."""
    return Tensor(array(kind, values), tuple(keys), tuple(shape))


def read(source: recordio.Source) -> Iterator[Record]:
    """The rows of a stream; ``recordio.BrokenRecord`` names the first that cannot be read."""
    for number, data in enumerate(recordio.read(source), start=1):
        try:
            yield decode(data)
        except BrokenMessage as error:
            raise recordio.BrokenRecord(number, str(error)) from error


def write(stream: IO[bytes], records: Iterable[Record]) -> int:
    """Returns how many were written."""
    return recordio.write(stream, map(encode, records))


def decode(data: bytes) -> Record:
    """``BrokenMessage`` if the bytes are no such message."""
    features: dict[str, Value] = {}
    labels: dict[str, Value] = {}
    texts = {3: "", 4: "", 5: ""}
    try:
        for number, value in fields(data):
            if number in {1, 2} and isinstance(value, bytes):
                name, entry = _entry(value)
                (features if number == 1 else labels)[name] = entry
            elif number in texts and isinstance(value, bytes):
                texts[number] = value.decode()
    except (IndexError, struct.error, UnicodeDecodeError, OverflowError) as error:
        raise BrokenMessage(f"its bytes are no record of protobuf: {error}") from None
    return Record(features, labels, texts[3], texts[4], texts[5])


def encode(record: Record) -> bytes:
    """The message of one record, without RecordIO's frame."""
    pieces = []
    for number, entries in ((1, record.features), (2, record.label)):
        for name, value in entries.items():
            pieces.append(delimited(number, delimited(1, name.encode()) + delimited(2, _value(value))))
    for number, text in ((3, record.uid), (4, record.metadata), (5, record.configuration)):
        if text:
            pieces.append(delimited(number, text.encode()))
    return b"".join(pieces)


def _entry(data: bytes) -> tuple[str, Value]:
    name = ""
    found: Value = Tensor(array("f"))
    for number, part in fields(data):
        if number == 1 and isinstance(part, bytes):
            name = part.decode()
        elif number == 2 and isinstance(part, bytes):
            found = _decode_value(part)
    return name, found


def _decode_value(data: bytes) -> Value:
    for number, part in fields(data):
        if not isinstance(part, bytes):
            continue
        if number in _CODES:
            return _decode_tensor(part, _CODES[number])
        if number == _RAW:
            parts = [(n, p) for n, p in fields(part) if isinstance(p, bytes)]
            kinds = [p.decode() for n, p in parts if n == 2]
            return Bytes(tuple(p for n, p in parts if n == 1), kinds[-1] if kinds else "")
    raise BrokenMessage("a value is neither a tensor nor bytes")


def _decode_tensor(data: bytes, code: str) -> Tensor:
    values: array[float] | array[int] = array(code)
    whole: dict[int, list[int]] = {2: [], 3: []}
    for number, part in fields(data):
        if number in whole:
            whole[number] += _varints(part) if isinstance(part, bytes) else [part]
        elif number == 1 and code == "i":
            values.extend(map(_signed, _varints(part) if isinstance(part, bytes) else [part]))
        elif number == 1:
            packed = part if isinstance(part, bytes) else part.to_bytes(values.itemsize, "little")
            if len(packed) % values.itemsize:
                raise BrokenMessage(
                    f"{len(packed)} bytes of values are no whole number of {values.itemsize}-byte floats"
                )
            values.frombytes(_native(packed, code))
    keys, shape = tuple(whole[2]), tuple(whole[3])
    if keys and len(keys) != len(values):
        raise BrokenMessage(f"a sparse tensor has {len(keys)} keys and {len(values)} values")
    return Tensor(values, keys, shape)


def _value(value: Value) -> bytes:
    if isinstance(value, Bytes):
        kind = delimited(2, value.content_type.encode()) if value.content_type else b""
        return delimited(_RAW, b"".join(delimited(1, each) for each in value.values) + kind)
    code = value.values.typecode
    if code == "i":
        packed = b"".join(varint(int(number) & 0xFFFFFFFFFFFFFFFF) for number in value.values)
    else:
        packed = _native(value.values.tobytes(), code)
    pieces = [delimited(1, packed)]
    for number, whole in ((2, value.keys), (3, value.shape)):
        if whole:
            pieces.append(delimited(number, b"".join(map(varint, whole))))
    return delimited(_FIELDS[code], b"".join(pieces))


def _native(data: bytes, code: str) -> bytes:
    """Little-endian numbers as this machine has them, or back."""
    if sys.byteorder == "little":
        return data
    swapped = array(code, data)
    swapped.byteswap()
    return swapped.tobytes()


def _varints(data: bytes) -> list[int]:
    found, at = [], 0
    while at < len(data):
        value, at = read_varint(data, at)
        found.append(value)
    return found


def _signed(value: int) -> int:
    value &= 0xFFFFFFFF
    return value - (1 << 32) if value >= 1 << 31 else value
