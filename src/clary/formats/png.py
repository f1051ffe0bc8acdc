"""PNG images of 8 bits, read and written with the standard library alone: masks, whose colours must stay exact.

Source: the PNG specification, third edition. Read are grey, RGB, palette, grey with alpha and RGBA, not interlaced, as
browsers' canvases write them; alpha is left out. Written is RGB.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # of the colour types
_MOST_PIXELS = 100_000_000

Colour = tuple[int, int, int]


class BadPng(Exception):
    """The bytes are no PNG that is read here; the message says why."""


@dataclass(frozen=True)
class Image:
    """``rows`` from the top; each has three bytes a pixel: red, green, blue."""

    width: int
    height: int
    rows: Sequence[bytes]


def decode(data: bytes) -> Image:
    """``BadPng``."""
    if not data.startswith(_SIGNATURE):
        raise BadPng("it is no PNG")
    chunks: dict[bytes, bytes] = {}
    packed = []
    for kind, content in _chunks(data):
        if kind == b"IDAT":
            packed.append(content)
        else:
            chunks.setdefault(kind, content)
    if len(header := chunks.get(b"IHDR", b"")) != 13:
        raise BadPng("its header is missing")
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    if depth != 8 or colour not in _CHANNELS or interlaced:
        raise BadPng(
            f"it has {depth} bits, colour type {colour}{', interlaced' if interlaced else ''}; 8 bits, plain, are read"
        )
    if not 0 < width * height <= _MOST_PIXELS:
        raise BadPng(f"it has {width} x {height} pixels")
    channels = _CHANNELS[colour]
    size = (width * channels + 1) * height
    unpacker = zlib.decompressobj()
    try:
        plain = unpacker.decompress(b"".join(packed), size)
    except zlib.error as error:
        raise BadPng(f"its pixels cannot be unpacked: {error}") from None
    if len(plain) != size:
        raise BadPng("it ends before its last pixel")
    palette = chunks.get(b"PLTE", b"")
    if colour == 3 and not palette:
        raise BadPng("it has no palette")
    rows = [_rgb(row, colour, palette) for row in _unfiltered(plain, width * channels, channels)]
    return Image(width, height, rows)


def encode(image: Image) -> bytes:
    """As RGB of 8 bits."""
    header = struct.pack(">IIBBBBB", image.width, image.height, 8, 2, 0, 0, 0)
    packed = zlib.compress(b"".join(b"\0" + row for row in image.rows), 6)
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", packed) + _chunk(b"IEND", b"")


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = len(_SIGNATURE)
    while place + 12 <= len(data):
        length, kind = struct.unpack(">I4s", data[place : place + 8])
        content, end = data[place + 8 : place + 8 + length], place + 8 + length
        if end + 4 > len(data) or zlib.crc32(kind + content) != int.from_bytes(data[end : end + 4], "big"):
            raise BadPng(f"its part {kind.decode('latin-1')} is damaged or cut off")
        yield kind, content
        if kind == b"IEND":
            return
        place = end + 4
    raise BadPng("it is cut off")


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _rgb(row: bytes, colour: int, palette: bytes) -> bytes:
    if colour == 2:
        return row
    if colour == 6:
        planes = [row[0::4], row[1::4], row[2::4]]
    elif colour == 3:
        tables = [palette[channel::3].ljust(256, b"\0") for channel in range(3)]
        planes = [row.translate(table) for table in tables]
    else:
        planes = [row if colour == 0 else row[0::2]] * 3
    out = bytearray(3 * len(planes[0]))
    for channel, plane in enumerate(planes):
        out[channel::3] = plane
    return bytes(out)


def _unfiltered(plain: bytes, stride: int, step: int) -> Iterator[bytes]:
    """The rows without the filters that made them smaller; ``step``: bytes of a pixel."""
    above = bytes(stride)
    for start in range(0, len(plain), stride + 1):
        kind, row = plain[start], plain[start + 1 : start + 1 + stride]
        match kind:
            case 0:
                above = row
            case 1:
                above = _summed(row, step)
            case 2:
                above = bytes([(a + b) & 255 for a, b in zip(row, above, strict=True)]) if any(row) else above
            case 3:
                above = _averaged(row, above, step)
            case 4:
                above = _predicted(row, above, step)
            case _:
                raise BadPng(f"a row has the filter {kind}, which there is not")
        yield above


def _summed(row: bytes, step: int) -> bytes:
    out = bytearray(len(row))
    for channel in range(step):
        plane: list[int] = list(row[channel::step])
        sums: Iterator[int] = accumulate(plane, _added)
        out[channel::step] = bytes(sums)
    return bytes(out)


def _added(a: int, b: int) -> int:
    return (a + b) & 255


def _averaged(row: bytes, above: bytes, step: int) -> bytes:
    out = bytearray(row)
    for place in range(len(row)):
        left = out[place - step] if place >= step else 0
        out[place] = (row[place] + ((left + above[place]) >> 1)) & 255
    return bytes(out)


def _predicted(row: bytes, above: bytes, step: int) -> bytes:
    """Paeth's filter: of left, above and the corner the one that is nearest to left + above - corner."""
    out = bytearray(row)
    for place, value in enumerate(row):
        up = above[place]
        left, corner = (out[place - step], above[place - step]) if place >= step else (0, 0)
        to_left, to_up, to_corner = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
        nearest = up if to_up <= to_corner else corner
        if to_left <= to_up and to_left <= to_corner:
            nearest = left
        out[place] = (value + nearest) & 255
    return bytes(out)
