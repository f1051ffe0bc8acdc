"""What the files of this folder hold; shared by the program that made them and the test that reads them."""

from __future__ import annotations

import struct
import zlib

MAGIC = struct.pack("<I", 0xCED7230A)

PICTURES = {"cats/a.png": 1, "cats/b.png": 2, "cats/tabby/c.png": 3, "dogs/d e.png": 4}  # path → shade

BOXES = {
    "cats/a.png": [2, 5, 1, 0.1, 0.2, 0.55, 0.8],
    "cats/b.png": [2, 5],  # a negative
    "cats/tabby/c.png": [4, 5, 8, 8, 0, 0, 0, 1, 1, 1, 0.25, 0.25, 0.75, 0.75],
    "dogs/d e.png": [2, 6, 1, 0.1, 0.2, 0.55, 0.8, 1, -1, -1, -1, -1, -1, -1],  # filled up
}

# id → (label, the bytes in the image's place). A record's header has 24 bytes, so that a multiple of four stays one.
TRICKY: dict[int, tuple[float | list[float], bytes]] = {
    0: (1.0, b""),
    1: (1.0, MAGIC),
    2: (1.0, b"abcd" + MAGIC + b"efg"),
    3: (1.0, b"abc" + MAGIC + b"efg"),  # not at a multiple of four
    4: (1.0, MAGIC * 3),
    5: ([3.0, 1.5], b"ab" + MAGIC + b"ab" + MAGIC),
    6: ([struct.unpack("<f", MAGIC)[0]], b"the label is the magic word"),
    7: (struct.unpack("<f", MAGIC)[0], b"so it is here"),
    8: ([], b"no label"),
    2**64 - 1: (-0.1, b"x" * 97 + MAGIC),
}


def png(shade: int) -> bytes:
    """A picture of 8 by 8 grey pixels."""
    rows = b"".join(b"\0" + bytes((shade * 50 + x * y) % 256 for x in range(8)) for y in range(8))
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    framed = [struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)
