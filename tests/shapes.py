"""Tiny pictures with boxes, for tests of object detection: bright and dark rectangles on grey noise, as PNG, by zlib alone."""

from __future__ import annotations

import json
import random
import struct
import zlib
from dataclasses import dataclass
from typing import Any

SIDE = 64
BRIGHT, DARK = 0, 1


@dataclass(frozen=True)
class Shape:
    class_id: int
    left: int
    top: int
    width: int
    height: int


def picture(seed: int, most: int = 2) -> tuple[bytes, list[Shape]]:
    """A grey PNG and what is on it; each fifth shows nothing."""
    chance = random.Random(seed)
    rows = [bytearray(chance.randrange(100, 140) for _ in range(SIDE)) for _ in range(SIDE)]
    shapes: list[Shape] = []
    for _ in range(0 if seed % 5 == 4 else chance.randint(1, most)):
        width, height = chance.randint(12, 30), chance.randint(12, 30)
        shape = Shape(
            chance.choice((BRIGHT, DARK)),
            chance.randint(0, SIDE - width),
            chance.randint(0, SIDE - height),
            width,
            height,
        )
        if any(_near(shape, other) for other in shapes):
            continue
        shapes.append(shape)
        for y in range(shape.top, shape.top + height):
            for x in range(shape.left, shape.left + width):
                rows[y][x] = chance.randrange(200, 240) if shape.class_id == BRIGHT else chance.randrange(10, 40)
    return png(rows), shapes


def _near(a: Shape, b: Shape) -> bool:
    apart = a.left + a.width <= b.left or b.left + b.width <= a.left
    return not (apart or a.top + a.height <= b.top or b.top + b.height <= a.top)


def png(rows: list[bytearray], colour: int = 0, depth: int = 8) -> bytes:
    """``colour``: PNG's own number of a colour type (0 grey, 2 RGB, 6 RGBA); ``rows``: the bytes of each, top to bottom."""
    channels = {0: 1, 2: 3, 6: 4}[colour]
    width = len(rows[0]) * 8 // depth // channels
    head = struct.pack(">IIBBBBB", width, len(rows), depth, colour, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + bytes(row) for row in rows))
    chunks = ((b"IHDR", head), (b"IDAT", body), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


def annotation(shapes: list[Shape], file: str = "") -> dict[str, Any]:
    """As an annotation file and an augmented manifest's attribute have it."""
    found = [
        {"class_id": s.class_id, "left": s.left, "top": s.top, "width": s.width, "height": s.height} for s in shapes
    ]
    size = [{"width": SIDE, "height": SIDE, "depth": 1}]
    return {**({"file": file} if file else {}), "image_size": size, "annotations": found}


def annotation_file(shapes: list[Shape], file: str) -> bytes:
    return json.dumps(annotation(shapes, file)).encode()
