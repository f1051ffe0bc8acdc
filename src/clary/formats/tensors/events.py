"""One tensor of one step as a record of an events file.

A record is a TFRecord's frame around the message ``Event {wall_time = 1; step = 2; summary = 5 {value = 1 {tag = 1; tensor = 8;
metadata = 9 {plugin_data = 1 {plugin_name = 1; content = 2}}}}}``, with mode and step of the mode for plugins. Where a TFRecord
has the checksum of its bytes stands a constant: readers of these files demand it, and the bytes are not read twice.
Source: ``smdebug/core/tfevent`` and ``smdebug/core/tfrecord``.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from clary.formats import tfrecord
from clary.formats.protobuf import BrokenMessage, delimited, double, fields, head, whole
from clary.formats.tensors import values
from clary.formats.tensors.layout import Mode
from clary.formats.tensors.values import Value

_LENGTH, _CRC = struct.Struct("<Q"), struct.Struct("<I")
_FOOTER = _CRC.pack(tfrecord.masked_crc(b"0x12345678"))


@dataclass(frozen=True)
class Event:
    """``step``: the global one; ``mode_step``: counted within ``mode``; ``time``: epoch seconds."""

    name: str
    step: int
    mode: Mode
    mode_step: int
    value: Value
    time: float


def encode(event: Event) -> list[bytes | memoryview]:
    """The record in pieces, to be written one behind the other."""
    tensor = values.encode(event.value, event.name)
    plugins = delimited(9, _plugin("mode_step", event.mode_step) + _plugin("mode", int(event.mode)))
    rest = _length(tensor) + len(plugins)
    before = delimited(1, event.name.encode()) + head(8, _length(tensor))
    summary = head(1, len(before) + rest) + before
    step = whole(2, event.step) if event.step else b""  # proto3 leaves a 0 out
    front = double(1, event.time) + step + head(5, len(summary) + rest) + summary
    size = _LENGTH.pack(len(front) + rest)
    return [size + _CRC.pack(tfrecord.masked_crc(size)) + front, *tensor, plugins + _FOOTER]


def decode(record: bytes) -> Event:
    """Of a whole record with its frame; ``BrokenMessage`` if it is none."""
    try:
        ((begin, end),) = tfrecord.spans(memoryview(record))
    except ValueError as error:
        raise BrokenMessage(f"no record of a tensor: {error}") from None
    name, time, step, value = "", 0.0, 0, None
    told: dict[str, str] = {}
    for field, part in fields(bytes(tfrecord.content(memoryview(record)[begin:end]))):
        if field == 1 and isinstance(part, int):
            (time,) = struct.unpack("<d", part.to_bytes(8, "little"))
        elif field == 2 and isinstance(part, int):
            step = part
        elif field == 5 and isinstance(part, bytes):
            name, value, told = _summary(part)
    if value is None:
        raise BrokenMessage("the record holds no tensor")
    return Event(name, step, Mode(int(told.get("mode", 4))), int(told.get("mode_step", step)), value, time)


def _summary(message: bytes) -> tuple[str, Value | None, dict[str, str]]:
    name, value = "", None
    told: dict[str, str] = {}
    for _, entry in fields(message):
        for field, part in fields(entry) if isinstance(entry, bytes) else ():
            if not isinstance(part, bytes):
                continue
            if field == 1:
                name = part.decode()
            elif field == 8:
                value = values.decode(part)
            elif field == 9:
                told |= dict(
                    _told(plugin) for number, plugin in fields(part) if number == 1 and isinstance(plugin, bytes)
                )
    return name, value, told


def _told(plugin: bytes) -> tuple[str, str]:
    found = {number: part.decode() for number, part in fields(plugin) if isinstance(part, bytes)}
    return found.get(1, ""), found.get(2, "")


def _plugin(name: str, content: int) -> bytes:
    return delimited(1, delimited(1, name.encode()) + delimited(2, str(content).encode()))


def _length(pieces: list[bytes | memoryview]) -> int:
    return sum(map(len, pieces))
