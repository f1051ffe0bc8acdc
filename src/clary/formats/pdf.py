"""Writing a PDF of text: headings and paragraphs on A4 pages, with files attached.

By ISO 32000-1 (PDF 1.7). The fonts are Helvetica's, which every reader has; they know the letters of Windows-1252, and
any other is shown as "?": attach what must not be lost.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

_WIDTH, _HEIGHT, _MARGIN = 595, 842, 56  # points of an A4 page

# Advance widths of Helvetica from space to tilde, in thousandths of the size; source: Adobe's Core 14 AFM files.
_ADVANCES = (
    "278 278 355 556 556 889 667 191 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 556 556 278 278 584 "
    "584 584 556 1015 667 667 722 722 667 611 778 722 278 500 667 556 833 722 778 667 778 722 667 611 722 667 944 667 667 "
    "611 278 278 278 469 556 333 556 556 500 556 556 278 556 556 222 222 500 222 833 556 556 556 556 333 500 278 556 500 "
    "722 500 500 500 334 260 334 584"
).split()
_ADVANCE = {chr(32 + number): int(advance) for number, advance in enumerate(_ADVANCES)}
_WIDEST_BOLD = 1.1  # of the same letter in Helvetica-Bold, about


class Paragraph(NamedTuple):
    """``size`` in points; ``indent`` in points from the margin."""

    text: str
    size: int = 10
    bold: bool = False
    indent: int = 0


def write(title: str, paragraphs: Iterable[Paragraph], attachments: Mapping[str, bytes]) -> bytes:
    """The file's bytes, the same for the same text. ``attachments`` by their file name."""
    objects = _Objects()
    catalog, pages, info = objects.add(), objects.add(), objects.add()
    fonts = [objects.add(_font(name)) for name in ("Helvetica", "Helvetica-Bold")]
    resources = f"<< /Font << /F0 {fonts[0]} 0 R /F1 {fonts[1]} 0 R >> >>"
    kids = []
    for content in _pages(paragraphs):
        stream = objects.add(_stream("\n".join(content).encode("latin-1")))
        page = f"<< /Type /Page /Parent {pages} 0 R /MediaBox [0 0 {_WIDTH} {_HEIGHT}] /Resources {resources}"
        kids.append(objects.add(f"{page} /Contents {stream} 0 R >>".encode()))
    names = []
    for name, data in sorted(attachments.items()):
        file = objects.add(_stream(data, "/Type /EmbeddedFile "))
        specification = f"<< /Type /Filespec /F {_text(name)} /UF {_text(name)} /EF << /F {file} 0 R >> >>"
        names.append(f"{_text(name)} {objects.add(specification.encode('latin-1'))} 0 R")
    tree = f"/Names << /EmbeddedFiles << /Names [{' '.join(names)}] >> >>" if names else ""
    objects.put(catalog, f"<< /Type /Catalog /Pages {pages} 0 R {tree} >>".encode("latin-1"))
    listed = " ".join(f"{kid} 0 R" for kid in kids)
    objects.put(pages, f"<< /Type /Pages /Kids [{listed}] /Count {len(kids)} >>".encode())
    objects.put(info, f"<< /Title {_text(title)} /Producer (Clary) >>".encode("latin-1"))
    return objects.file(catalog, info)


class _Objects:
    """The numbered objects of a file."""

    def __init__(self) -> None:
        self._bodies: list[bytes] = []

    def add(self, body: bytes = b"") -> int:
        self._bodies.append(body)
        return len(self._bodies)

    def put(self, number: int, body: bytes) -> None:
        self._bodies[number - 1] = body

    def file(self, catalog: int, info: int) -> bytes:
        file, offsets = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"), []
        for number, body in enumerate(self._bodies, 1):
            offsets.append(len(file))
            file += b"%d 0 obj\n%s\nendobj\n" % (number, body)
        start, count = len(file), len(offsets) + 1
        file += b"xref\n0 %d\n0000000000 65535 f \n" % count
        file += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
        file += b"trailer\n<< /Size %d /Root %d 0 R /Info %d 0 R >>\n" % (count, catalog, info)
        return bytes(file + b"startxref\n%d\n%%%%EOF\n" % start)


def _pages(paragraphs: Iterable[Paragraph]) -> Iterator[Sequence[str]]:
    """The drawing operators of each page; there is always one."""
    page: list[str] = []
    y = _HEIGHT - _MARGIN
    for paragraph in paragraphs:
        step = round(paragraph.size * 1.4)
        y -= step // 2
        for line in _lines(paragraph):
            if y - step < _MARGIN:
                yield page
                page, y = [], _HEIGHT - _MARGIN
            y -= step
            font = f"/F{int(paragraph.bold)} {paragraph.size} Tf"
            page.append(f"BT {font} {_MARGIN + paragraph.indent} {y} Td {_text(line)} Tj ET")
    yield page


def _lines(paragraph: Paragraph) -> Iterator[str]:
    """The text in lines that fit between the margins; a word that is longer than a line is broken."""
    scale = paragraph.size / 1000 * (_WIDEST_BOLD if paragraph.bold else 1)
    room = _WIDTH - 2 * _MARGIN - paragraph.indent
    for text in paragraph.text.splitlines() or [""]:
        line, width, space = "", 0.0, 0  # space: where the line may be broken
        for letter in text:
            advance = _ADVANCE.get(letter, 600) * scale
            if line and width + advance > room:
                cut = space or len(line)
                yield line[:cut].rstrip()
                line = line[cut:].lstrip()
                width, space = sum(_ADVANCE.get(each, 600) for each in line) * scale, 0
            line, width = line + letter, width + advance
            if letter == " ":
                space = len(line)
        yield line


def _text(text: str) -> str:
    """A literal string; its bytes are Windows-1252's, one character each."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    encoded = plain.encode("cp1252", "replace").decode("latin-1")
    return "(" + encoded.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)") + ")"


def _stream(data: bytes, entries: str = "") -> bytes:
    packed = zlib.compress(data)
    return f"<< {entries}/Length {len(packed)} /Filter /FlateDecode >>\nstream\n".encode() + packed + b"\nendstream"


def _font(name: str) -> bytes:
    return f"<< /Type /Font /Subtype /Type1 /BaseFont /{name} /Encoding /WinAnsiEncoding >>".encode()
