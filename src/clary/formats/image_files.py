"""What an image file is, from its own bytes: PNG or JPEG, its size and depth, and whether it is all there.

Nothing is decoded: the standard library cannot. So pixels that are damaged within a whole file are not seen.
Sources: W3C, Portable Network Graphics (third edition), 5 and 11.2; ITU-T T.81 (JPEG), annex B.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

_PNG = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}  # by PNG's colour type; a palette holds colours
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # JPEG's markers of a frame's head
_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})  # markers without a length
_OTHERS = {
    b"GIF8": "a GIF image",
    b"BM": "a BMP image",
    b"II*\0": "a TIFF image",
    b"MM\0*": "a TIFF image",
    b"\x1f\x8b": "a gzip file",
    b"PK\x03\x04": "a zip file",
    b"%PDF": "a PDF file",
    b"<": "a text (HTML, XML or SVG)",
    b"{": "a text (JSON)",
    b"version https://git-lfs": "a pointer of Git LFS: fetch the image itself with git lfs pull",
}


class NoImage(ValueError):
    """The bytes are no PNG and no JPEG, or not the whole of one."""


@dataclass(frozen=True, slots=True)
class ImageFile:
    """``width``, ``height``: pixels, as stored (a JPEG's EXIF may turn it). ``channels``: 1 to 4; ``bits``: of a channel."""

    kind: str  # png or jpeg
    width: int
    height: int
    channels: int
    bits: int


def look(data: bytes) -> ImageFile:
    """``NoImage`` says what it is instead, or how it is broken."""
    if data.startswith(_PNG):
        return _png(data)
    if data.startswith(b"\xff\xd8\xff"):
        return _jpeg(data)
    raise NoImage(f"is {_name(data)}, not a PNG or JPEG image")


def _name(data: bytes) -> str:
    if not data:
        return "empty"
    if data[128:132] == b"DICM":
        return "a DICOM file"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "a WebP image"
    for start, name in _OTHERS.items():
        if data.startswith(start):
            return name
    return f"a file that begins with {data[:8]!r}"


def _png(data: bytes) -> ImageFile:
    if len(data) < 33 or data[12:16] != b"IHDR":
        raise NoImage("is a PNG image that ends within its head: it was cut off")
    width, height, bits, colour = struct.unpack_from(">IIBB", data, 16)
    if not width or not height or colour not in _CHANNELS:
        raise NoImage(f"is a PNG image with a broken head: {width} x {height} pixels of the colour type {colour}")
    at = len(_PNG)
    kind = b""
    while kind != b"IEND":
        kind = data[at + 4 : at + 8]
        at += 12 + int.from_bytes(data[at : at + 4], "big")
        if at > len(data):
            raise NoImage("is a PNG image without its end: it was cut off")
    return ImageFile("png", width, height, _CHANNELS[colour], bits)


def _jpeg(data: bytes) -> ImageFile:
    found, at = None, 2
    while True:
        if at + 4 > len(data) or data[at] != 0xFF:
            raise NoImage("is a JPEG image that ends before its picture: it was cut off, or is damaged")
        marker = data[at + 1]
        if marker == 0xFF:  # a byte to fill
            at += 1
            continue
        if marker == 0xDA:
            break
        if marker in _FRAMES and at + 10 <= len(data):
            bits, height, width, channels = struct.unpack_from(">BHHB", data, at + 4)
            found = ImageFile("jpeg", width, height, channels, bits)
        at += 2 if marker in _ALONE else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    if found is None or not found.width or not found.height:
        raise NoImage("is a JPEG image that does not say how large it is")
    if data.rfind(b"\xff\xd9") < at:
        raise NoImage("is a JPEG image without its end: it was cut off")
    return found
