"""PNGs: what was written is read, every filter and colour type, and what is broken is told."""

from __future__ import annotations

import random
import struct
import zlib

import pytest

from clary.formats import png
from clary.formats.png import BadPng, Image

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def paeth(left: int, up: int, corner: int) -> int:
    """As the specification has it."""
    guess = left + up - corner
    to = abs(guess - left), abs(guess - up), abs(guess - corner)
    if to[0] <= to[1] and to[0] <= to[2]:
        return left
    return up if to[1] <= to[2] else corner


def filtered(kind: int, row: bytes, above: bytes, step: int) -> bytes:
    out = bytearray()
    for place, value in enumerate(row):
        left, corner = (row[place - step], above[place - step]) if place >= step else (0, 0)
        up = above[place]
        guess = {0: 0, 1: left, 2: up, 3: (left + up) // 2, 4: paeth(left, up, corner)}[kind]
        out.append((value - guess) & 255)
    return bytes([kind]) + bytes(out)


def written(rows: list[bytes], colour: int, kinds: list[int], palette: bytes = b"") -> bytes:
    step = CHANNELS[colour]
    above, out = bytes(len(rows[0])), b""
    for row, kind in zip(rows, kinds, strict=True):
        out += filtered(kind, row, above, step)
        above = row
    header = struct.pack(">IIBBBBB", len(rows[0]) // step, len(rows), 8, colour, 0, 0, 0)
    packed = zlib.compress(out)
    parts = [chunk(b"IHDR", header), *([chunk(b"PLTE", palette)] if palette else [])]
    return SIGNATURE + b"".join(parts) + chunk(b"IDAT", packed[:5]) + chunk(b"IDAT", packed[5:]) + chunk(b"IEND", b"")


@pytest.mark.parametrize("colour", CHANNELS)
def test_every_filter_of_every_colour_type_is_read(colour: int) -> None:
    chance = random.Random(colour)
    step = CHANNELS[colour]
    rows = [
        chance.randbytes(7 * step) if colour != 3 else bytes(chance.randrange(4) for _ in range(7)) for _ in range(10)
    ]
    palette = chance.randbytes(12) if colour == 3 else b""
    image = png.decode(written(rows, colour, [0, 1, 2, 3, 4, 4, 3, 2, 1, 0], palette))
    assert (image.width, image.height) == (7, 10)
    for row, read in zip(rows, image.rows, strict=True):
        pixels = [row[n : n + step] for n in range(0, len(row), step)]
        match colour:
            case 0 | 4:
                expected = b"".join(pixel[:1] * 3 for pixel in pixels)
            case 3:
                expected = b"".join(palette[3 * pixel[0] : 3 * pixel[0] + 3] for pixel in pixels)
            case _:
                expected = b"".join(pixel[:3] for pixel in pixels)
        assert read == expected


def test_what_is_written_is_read_again() -> None:
    image = Image(5, 3, [random.Random(n).randbytes(15) for n in range(3)])
    assert png.decode(png.encode(image)) == image


WHOLE = png.encode(Image(4, 4, [bytes(12)] * 4))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no PNG"),
        (b"GIF89a", "no PNG"),
        (SIGNATURE, "cut off"),
        (WHOLE[:-6], "cut off"),
        (WHOLE[:50] + b"\0" + WHOLE[51:], "damaged"),
        (SIGNATURE + chunk(b"IEND", b""), "header is missing"),
        (SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 16, 2, 0, 0, 0)) + chunk(b"IEND", b""), "16 bits"),
        (SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 8, 2, 0, 0, 1)) + chunk(b"IEND", b""), "interlaced"),
        (
            SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", 1 << 20, 1 << 20, 8, 2, 0, 0, 0)) + chunk(b"IEND", b""),
            "pixels",
        ),
        (
            SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 8, 2, 0, 0, 0)) + chunk(b"IEND", b""),
            "before its last",
        ),
        (
            SIGNATURE
            + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(b"\7abc"))
            + chunk(b"IEND", b""),
            "filter 7",
        ),
        (written([b"\0"], 3, [0]), "no palette"),
    ],
)
def test_what_is_broken_is_told(data: bytes, said: str) -> None:
    with pytest.raises(BadPng, match=said):
        png.decode(data)
