"""A PDF of text: lines fit, pages break, what is no letter does not break the file."""

from __future__ import annotations

import re
import zlib

from clary.formats.pdf import Paragraph, write


def shown(data: bytes) -> list[list[str]]:
    """The lines of each page."""
    streams = re.findall(rb"<< /Length (\d+) /Filter /FlateDecode >>\nstream\n(.*?)\nendstream", data, re.DOTALL)
    pages = [zlib.decompress(body) for _, body in streams]
    return [[text.decode("cp1252") for text in re.findall(rb"\((.*)\) Tj", page)] for page in pages]


def test_a_long_paragraph_is_broken_at_its_spaces_and_loses_no_word() -> None:
    words = " ".join(f"word{number}" for number in range(200))
    ((*lines,),) = shown(write("t", [Paragraph(words)], {}))
    assert len(lines) > 5
    assert " ".join(lines) == words
    assert max(map(len, lines)) < 100


def test_a_word_longer_than_a_line_is_broken() -> None:
    ((*lines,),) = shown(write("t", [Paragraph("x" * 500)], {}))
    assert "".join(lines) == "x" * 500


def test_pages_break_and_keep_the_order() -> None:
    pages = shown(write("t", [Paragraph(f"line {number}") for number in range(100)], {}))
    assert len(pages) == 3
    assert [line for page in pages for line in page] == [f"line {number}" for number in range(100)]


def test_an_empty_text_has_one_page() -> None:
    assert shown(write("t", [], {})) == [[]]


def test_what_the_font_lacks_is_a_question_mark_and_brackets_are_kept() -> None:
    data = write("(漢", [Paragraph("a漢\x00\tb) \\ (")], {})
    assert shown(data) == [[r"a?  b\) \\ \("]]
    assert rb"/Title (\(?)" in data
