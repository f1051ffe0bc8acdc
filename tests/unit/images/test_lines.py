"""Charts that need no library: what they draw, and what they do with numbers that cannot be drawn."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET

import pytest

from clary.images import lines


def drawn(html: str) -> tuple[list[list[tuple[float, float]]], list[str]]:
    """The points of each line, and the texts."""
    svg = ET.fromstring(html[html.index("<svg") : html.index("</svg>") + 6])
    polylines = [line.attrib["points"].split() for line in svg.iter("polyline")]
    points = [[(float(x), float(y)) for x, y in (point.split(",") for point in line)] for line in polylines]
    return points, [text.text or "" for text in svg.iter("text")]


def test_steps_go_right_and_numbers_go_up() -> None:
    (points,), texts = drawn(lines.chart({"loss": [(0, 1.0), (5, 3.0), (10, 2.0)]}, "losses"))
    (x0, y0), (x1, y1), (x2, y2) = points
    assert x0 < x1 < x2
    assert x1 - x0 == x2 - x1
    assert y1 < y2 < y0
    assert "step 0" in texts
    assert "10" in texts


def test_what_is_not_finite_is_left_out() -> None:
    (points,), _ = drawn(lines.chart({"loss": [(0, 1.0), (1, math.nan), (2, math.inf), (3, 2.0)]}, "losses"))
    assert len(points) == 2
    assert "No finite number" in lines.chart({"loss": [(0, math.nan)]}, "losses")


def test_positive_numbers_far_apart_have_a_logarithmic_scale() -> None:
    (points,), texts = drawn(lines.chart({"loss": [(0, 0.01), (1, 1.0), (2, 100.0)]}, "losses"))
    assert points[0][1] - points[1][1] == pytest.approx(points[1][1] - points[2][1])
    assert max(float(text) for text in texts[: lines._TICKS + 1]) > 100


def test_names_and_words_are_texts() -> None:
    html = lines.chart({"<b>": [(0, 1.0)]}, 'a "label"', mark=(0, "<i>"))
    assert "<b>" not in html
    assert "<i>" not in html
    assert "&lt;i&gt;" in html
    assert drawn(html)[0] == [[(62.0, 108.0)]]  # a line that is flat has its place in the middle
