"""Line charts as inline SVG without a library: what reports show where only Python is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

COLOURS = ("#3f7552", "#6d53a0", "#94600b", "#2f6f9f", "#a33f4f", "#5f6a63")

_WIDTH, _HEIGHT = 560, 230
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 12, 12, 26
_TICKS = 4
_FAR = 100  # times the least that the most is, from which the scale is a logarithmic one

Points = Sequence[tuple[float, float]]


def chart(series: Mapping[str, Points], label: str, *, mark: tuple[float, str] | None = None) -> str:
    """Lines over steps, each with its name below; numbers that are not finite are gaps. The scale is logarithmic where positive
    numbers lie far apart.

    ``label``: what the chart is read aloud as. ``mark``: a step, and a word that stands there over a vertical line.
    """
    finite = {name: [(x, y) for x, y in points if math.isfinite(y)] for name, points in series.items()}
    known = [point for points in finite.values() for point in points]
    steps = [x for points in finite.values() for x, _ in points] + ([mark[0]] if mark else [])
    if not known:
        return '<p class="muted">No finite number to draw.</p>'
    least, most = min(y for _, y in known), max(y for _, y in known)
    far = least > 0 and most / least >= _FAR
    if far:
        finite = {name: [(x, math.log10(y)) for x, y in points] for name, points in finite.items()}
        least, most = math.log10(least), math.log10(most)
    low, high = _range(least, most)
    first, last = min(steps), max(steps)

    def at(x: float, y: float) -> tuple[float, float]:
        right = _LEFT + (x - first) / ((last - first) or 1) * (_WIDTH - _LEFT - _RIGHT)
        return right, _TOP + (high - y) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)

    parts = [_grid(low, high, first, last, far=far)]
    for number, points in enumerate(finite.values()):
        colour = COLOURS[number % len(COLOURS)]
        placed = [at(x, y) for x, y in points]
        if len(placed) == 1:
            parts.append(f'<circle cx="{placed[0][0]:.1f}" cy="{placed[0][1]:.1f}" r="3" fill="{colour}"/>')
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.8"/>')
    if mark:
        parts.append(_mark(at(mark[0], low)[0], mark[1]))
    drawn = f'<svg role="img" aria-label="{escape(label)}" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-size="11">{"".join(parts)}</svg>'
    names = [_named(name, points) for name, points in series.items()]
    return f'<div style="max-width:42rem">{drawn}{_legend(names)}</div>'


def _named(name: str, points: Points) -> str:
    """A line's name, and from where on it has no number to draw."""
    ends = next((number for number, (_, y) in enumerate(reversed(points)) if math.isfinite(y)), len(points))
    if not 0 < ends < len(points):
        return name
    step, number = points[len(points) - ends]
    return f"{name} ({number:g} from step {step:g} on)"


def _range(low: float, high: float) -> tuple[float, float]:
    room = (high - low) * 0.05 or abs(high) * 0.1 or 1.0
    return low - room, high + room


def _grid(low: float, high: float, first: float, last: float, *, far: bool) -> str:
    parts = []
    for tick in range(_TICKS + 1):
        value = low + (high - low) * tick / _TICKS
        y = _TOP + (high - value) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)
        parts.append(
            f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#8886" stroke-width=".6"/>'
        )
        parts.append(
            f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{10**value if far else value:.3g}</text>'
        )
    parts.append(f'<text x="{_LEFT}" y="{_HEIGHT - 6}">step {first:g}</text>')
    parts.append(f'<text x="{_WIDTH - _RIGHT}" y="{_HEIGHT - 6}" text-anchor="end">{last:g}</text>')
    return "".join(parts)


def _mark(x: float, word: str) -> str:
    end = "end" if x > _WIDTH / 2 else "start"
    line = f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}" stroke="#a33f4f" stroke-dasharray="4 3"/>'
    return f'{line}<text x="{x + (-5 if end == "end" else 5):.1f}" y="{_TOP + 11}" text-anchor="{end}">{escape(word)}</text>'


def _legend(names: Sequence[str]) -> str:
    items = "".join(
        f'<span style="white-space:nowrap"><span style="color:{COLOURS[n % len(COLOURS)]}">&#9644;</span> {escape(name)}</span> '
        for n, name in enumerate(names)
    )
    return f'<p class="muted" style="font-size:12px">{items}</p>'
