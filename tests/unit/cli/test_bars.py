"""Bars show the largest shares first, and what is left adds up."""

from __future__ import annotations

from rich.console import Console

from clary.cli import bars


def _lines(shares: dict[str, float], shown: int = 8) -> list[str]:
    console = Console(width=80, record=True, file=None, quiet=True)
    with console.capture() as caught:
        console.quiet = False
        console.print(bars.signed(shares, shown))
    return caught.get().splitlines()


def test_the_largest_come_first_whatever_their_sign() -> None:
    lines = _lines({"small": 1.0, "less": -300.0, "more": 200.0})
    assert [line.split()[0] for line in lines] == ["less", "more", "small"]
    assert "-300" in lines[0]
    assert lines[0].count("█") > lines[1].count("█")


def test_what_is_left_is_summed() -> None:
    lines = _lines({"a": 500.0, "b": 200.0, "c": -50.0}, shown=1)
    assert len(lines) == 2
    assert "2 more" in lines[1]
    assert "+150" in lines[1]


def test_no_shares_and_zeros_draw_nothing() -> None:
    assert _lines({}) == []
    assert "█" not in "".join(_lines({"a": 0.0}))
