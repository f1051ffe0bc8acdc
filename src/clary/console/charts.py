"""Line charts as SVG, made on the server: they need no script, print well and are told to who cannot see them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 560, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 12, 10, 24
_STEPS = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True)
class Line:
    """``points``: (x, y), by x. A chart has room for six lines, told apart by colour and dash."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Shape:
    """What a template draws of a line: its path, its class, its last value as text."""

    name: str
    path: str
    last: str
    dot: tuple[float, float]


@dataclass(frozen=True)
class Chart:
    """``xs`` and ``ys``: ticks, (place, text). ``told``: the same in a sentence."""

    title: str
    shapes: list[Shape]
    xs: list[tuple[float, str]]
    ys: list[tuple[float, str]]
    told: str
    unit: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    floor: int = HEIGHT - _BOTTOM


def chart(
    title: str, lines: Sequence[Line], unit: str = "", *, ago: float = 0.0, from_zero: bool = False
) -> Chart | None:
    """A chart of the lines that have points; None if none has. ``unit`` is of x: seconds are told as minutes or hours.

    ``ago``: seconds before now that the axis begins, where every x is seconds before now, so below 0. ``from_zero``:
    whether the axis of y begins at 0.
    """
    drawn = [Line(line.name, kept) for line in lines if (kept := [p for p in line.points if math.isfinite(p[1])])][:6]
    if not drawn:
        return None
    xs = [x for line in drawn for x, _ in line.points]
    ys = [y for line in drawn for _, y in line.points]
    low, high, step = _nice(min([*ys, 0.0] if from_zero else ys), max(ys))
    first, last = (-ago, 0.0) if ago else (min(xs), max(xs))
    across, up = (WIDTH - _LEFT - _RIGHT) / ((last - first) or 1), (HEIGHT - _TOP - _BOTTOM) / (high - low)

    def place(x: float, y: float) -> tuple[float, float]:
        return round(_LEFT + (x - first) * across, 1), round(HEIGHT - _BOTTOM - (y - low) * up, 1)

    shapes = []
    for line in drawn:
        places = [place(x, y) for x, y in line.points]
        path = "M" + " L".join(f"{x} {y}" for x, y in places)
        shapes.append(Shape(line.name, path, text(line.points[-1][1]), places[-1]))
    count = round((high - low) / step)
    heights = [(place(first, low + step * i)[1], text(low + step * i, step)) for i in range(count + 1)]
    longest = max(last, ago)
    divisor, word = (
        (3600, "h") if unit == "s" and longest > 7200 else (60, "min") if unit == "s" and longest > 180 else (1, unit)
    )
    middle = (first + last) / 2
    ends = [
        (place(x, low)[0], _when(-x / divisor, word) if ago else text(x / divisor, 1 if divisor == 1 else 0.1))
        for x in dict.fromkeys((first, middle, last))
    ]
    told = "; ".join(
        f"{line.name} from {text(line.points[0][1])} to {text(line.points[-1][1])}, "
        f"between {text(min(y for _, y in line.points))} and {text(max(y for _, y in line.points))}"
        for line in drawn
    )
    return Chart(title, shapes, ends, heights, f"{title}: {told}", "" if ago else word)


@dataclass(frozen=True)
class Dot:
    """A point of a scatter chart: its place, and its name for whoever points at it."""

    x: float
    y: float
    name: str


@dataclass(frozen=True)
class Scatter:
    title: str
    across: str
    dots: list[Dot]
    xs: list[tuple[float, str]]
    ys: list[tuple[float, str]]
    told: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    floor: int = HEIGHT - _BOTTOM


def scatter(across: str, up: str, points: Sequence[tuple[float, float, str]]) -> Scatter | None:
    """``points``: (x, y, name); None if no two of them can be compared."""
    kept = [p for p in points if math.isfinite(p[0]) and math.isfinite(p[1])]
    if len(kept) < 2:
        return None
    left, right, step_x = _nice(min(p[0] for p in kept), max(p[0] for p in kept))
    low, high, step_y = _nice(min(p[1] for p in kept), max(p[1] for p in kept))
    wide, tall = (WIDTH - _LEFT - _RIGHT) / (right - left), (HEIGHT - _TOP - _BOTTOM) / (high - low)

    def x_of(x: float) -> float:
        return round(_LEFT + (x - left) * wide, 1)

    def y_of(y: float) -> float:
        return round(HEIGHT - _BOTTOM - (y - low) * tall, 1)

    dots = [Dot(x_of(x), y_of(y), f"{name}: {across} {text(x)}, {up} {text(y)}") for x, y, name in kept]
    xs = [(x_of(left + step_x * i), text(left + step_x * i, step_x)) for i in range(round((right - left) / step_x) + 1)]
    ys = [(y_of(low + step_y * i), text(low + step_y * i, step_y)) for i in range(round((high - low) / step_y) + 1)]
    return Scatter(f"{up} by {across}", across, dots, xs, ys, "; ".join(dot.name for dot in dots[:30]))


@dataclass(frozen=True)
class Parallel:
    """One vertical axis for each column, one line for each row. ``axes``: (x, title, lowest, highest)."""

    axes: list[tuple[float, str, str, str]]
    rows: list[tuple[str, str]]  # path, name
    told: str
    width: int = WIDTH * 2
    height: int = 240
    top: int = 28
    floor: int = 214


def parallel(columns: Sequence[str], rows: Sequence[tuple[str, Sequence[float | None]]]) -> Parallel | None:
    """``rows``: (name, a value for each column or None, where its line is broken off); None without two axes and two rows."""
    ranges = []
    for i in range(len(columns)):
        values = [v for _, row in rows if (v := row[i]) is not None and math.isfinite(v)]
        ranges.append((min(values), max(values)) if values else None)
    shown = [i for i, each in enumerate(ranges) if each is not None]
    if len(shown) < 2 or len(rows) < 2:
        return None
    between = (Parallel.width - 140) / (len(shown) - 1)
    places = {i: round(70 + between * n, 1) for n, i in enumerate(shown)}
    axes, paths = [], []
    for i in shown:
        low, high = ranges[i] or (0.0, 1.0)
        axes.append((places[i], columns[i], text(low), text(high)))
    for name, row in rows:
        path, pen = "", "M"
        for i in shown:
            value, (low, high) = row[i], ranges[i] or (0.0, 1.0)
            if value is None or not math.isfinite(value):
                pen = "M"
                continue
            share = (value - low) / (high - low) if high > low else 0.5
            path += f"{pen}{places[i]} {round(Parallel.floor - share * (Parallel.floor - Parallel.top), 1)} "
            pen = "L"
        if path.count(" ") > 1:
            paths.append((path.strip(), name))
    return Parallel(axes, paths, f"{len(paths)} runs over {', '.join(columns[i] for i in shown)}")


def _when(before: float, word: str) -> str:
    return f"{before:.3g} {word} ago" if before else "now"


def _nice(low: float, high: float) -> tuple[float, float, float]:
    """Limits of an axis and the step of its ticks: about four, at round numbers."""
    if low == high:
        low, high = (low - abs(low) * 0.1 - 0.1, high + abs(high) * 0.1 + 0.1) if low else (0.0, 1.0)
    if 0 < low < (high - low) * 0.6:
        low = 0.0
    rough = (high - low) / 4
    power = 10 ** math.floor(math.log10(rough))
    step = next(s * power for s in _STEPS if s * power >= rough * 0.999)
    return math.floor(low / step) * step, math.ceil(high / step - 1e-9) * step, step


def text(value: float, step: float = 0) -> str:
    """A number as short as a tick of ``step`` needs it; four digits where there is none."""
    if step:
        digits = max(0, -math.floor(math.log10(step) + 1e-9)) + (1 if math.isclose(step * 10 % 10 % 1 * 2, 1) else 0)
        return (
            f"{value:,.{min(digits, 8)}f}".replace("-0", "0")
            if abs(value) < step / 1e6
            else f"{value:,.{min(digits, 8)}f}"
        )
    return f"{value:.4g}" if abs(value) < 1e6 else f"{value:,.0f}"
