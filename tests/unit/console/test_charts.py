"""Charts that are drawn on the server."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clary.console.charts import HEIGHT, WIDTH, Line, chart, text

_NUMBERS = st.floats(-1e9, 1e9, allow_nan=False).filter(lambda x: x == 0 or abs(x) > 1e-9)


@given(st.lists(st.tuples(st.floats(0, 1e6), _NUMBERS), min_size=1, max_size=20))
def test_every_point_is_within_the_picture(points: list[tuple[float, float]]) -> None:
    made = chart("loss", [Line("train:loss", sorted(points))], "s")
    assert made is not None
    for x, y in re.findall(r"([-\d.]+) ([-\d.]+)", made.shapes[0].path):
        assert -0.1 <= float(x) <= WIDTH + 0.1
        assert -0.1 <= float(y) <= HEIGHT + 0.1
    assert 2 <= len(made.ys) <= 12


def test_it_is_told_in_words() -> None:
    made = chart("loss", [Line("train:loss", [(0, 1.0), (10, 0.25)])], "s")
    assert made is not None
    assert made.told == "loss: train:loss from 1 to 0.25, between 0.25 and 1"
    assert made.shapes[0].last == "0.25"


def test_long_times_are_minutes_or_hours() -> None:
    assert [chart("x", [Line("x", [(0, 1), (end, 2)])], "s").unit for end in (60, 600, 36000)] == ["s", "min", "h"]  # type: ignore[union-attr]


def test_what_was_lately_is_told_from_now() -> None:
    made = chart("Requests", [Line("AllTraffic", [(-30, 3)])], "s", ago=900, from_zero=True)
    assert made is not None
    assert [words for _, words in made.xs] == ["15 min ago", "7.5 min ago", "now"]
    assert made.ys[0][1] == "0"
    assert made.unit == ""
    assert WIDTH * 0.9 < made.shapes[0].dot[0] < WIDTH, "half a minute ago is almost now"


def test_nothing_to_draw_is_no_chart() -> None:
    assert chart("loss", []) is None
    assert chart("loss", [Line("train:loss", [(0, math.nan)])]) is None


@pytest.mark.parametrize(
    ("value", "step", "told"), [(0.5, 0.25, "0.50"), (0.2, 0.1, "0.2"), (1000, 500, "1,000"), (0, 0.1, "0.0")]
)
def test_ticks_are_as_short_as_their_step(value: float, step: float, told: str) -> None:
    assert text(value, step) == told
