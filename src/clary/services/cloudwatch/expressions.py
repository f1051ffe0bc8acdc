"""Metric math: the expressions of GetMetricData.

Served: numbers, the ids of other queries, METRICS(), + - * / ^, comparisons, AND and OR, and the functions listed below.
Not served: SELECT (Metrics Insights), SEARCH, anomaly detection, and every other function: they answer 501 by their name.
Source: CloudWatch's documentation "Using math expressions with CloudWatch metrics".
"""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Callable, Iterable, Sequence
from typing import NoReturn

from clary.errors import NotServed, ServiceError
from clary.services.cloudwatch.series import FUNCTIONS, Line, Term, Values

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<text>'[^']*'|\"[^\"]*\")|(?P<sign>==|!=|<=|>=|&&|\|\||[-+*/^()<>,\[\]]))"
)
_LEVELS: list[dict[str, Callable[[float, float], float]]] = [
    {"OR": lambda a, b: float(bool(a) or bool(b))},
    {"AND": lambda a, b: float(bool(a) and bool(b))},
    {"==": lambda a, b: float(a == b), "!=": lambda a, b: float(a != b)},
    {
        "<": lambda a, b: float(a < b),
        ">": lambda a, b: float(a > b),
        "<=": lambda a, b: float(a <= b),
        ">=": lambda a, b: float(a >= b),
    },
    {"+": lambda a, b: a + b, "-": lambda a, b: a - b},
    {"*": lambda a, b: a * b, "/": lambda a, b: a / b},
    {"^": lambda a, b: float(a**b)},
]
"""Operators, the loosest first."""

_EACH: dict[str, Callable[[float], float]] = {
    "ABS": abs,
    "CEIL": lambda v: float(math.ceil(v)),
    "FLOOR": lambda v: float(math.floor(v)),
    "LOG": math.log,
    "LOG10": math.log10,
}
_OVER: dict[str, Callable[[Sequence[float]], float]] = {
    "AVG": statistics.fmean,
    "MAX": max,
    "MIN": min,
    "SUM": math.fsum,
    "STDDEV": statistics.pstdev,
}
"""Of a series a number, of several a series."""


def evaluate(text: str, known: Callable[[str], Term], every: Callable[[], list[Line]], label: str) -> Term:
    """The value of an expression; ``known`` is another query's by its id, ``every`` all metrics' of the request.

    ``NotServed`` for what is not built; ``ServiceError`` for what is no expression.
    """
    if re.match(r"\s*SELECT\b", text, re.IGNORECASE):
        raise NotServed(f"Metrics Insights is not served: {text!r}. Ask for each metric by a MetricStat.")
    return _Parser(text, known, every, label).parse()


class _Parser:
    def __init__(self, text: str, known: Callable[[str], Term], every: Callable[[], list[Line]], label: str) -> None:
        self._text, self._known, self._every, self._label = text, known, every, label
        self._tokens = list(self._split())
        self._at = 0
        self._depth = 0

    def parse(self) -> Term:
        term = self._binary(0)
        if self._at < len(self._tokens):
            self._fail(f"unexpected {self._tokens[self._at][1]!r}")
        return term

    def _split(self) -> Iterable[tuple[str, str]]:
        position, text = 0, self._text.rstrip()
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                self._fail(f"unexpected {text[position:].strip()[:1]!r}")
            kind = match.lastgroup or ""
            word = match[kind]
            word = {"&&": "AND", "||": "OR", "and": "AND", "or": "OR"}.get(word, word)
            yield kind, word
            position = match.end()

    def _binary(self, level: int) -> Term:
        if level == len(_LEVELS):
            return self._unary()
        left = self._binary(level + 1)
        while (operator := _LEVELS[level].get(self._peek())) is not None:
            self._at += 1
            right = self._binary(level + 1)
            left = self._combine(operator, left, right)
        return left

    def _unary(self) -> Term:
        if self._peek() == "-":
            self._at += 1
            self._deeper()
            negated = self._combine(lambda a, b: a * b, -1.0, self._unary())
            self._depth -= 1
            return negated
        return self._primary()

    def _primary(self) -> Term:
        kind, word = self._next()
        if kind == "number":
            return float(word)
        if word == "(":
            self._deeper()
            term = self._binary(0)
            self._expect(")")
            self._depth -= 1
            return term
        if word == "[":
            return self._array()
        if kind != "name":
            self._fail(f"unexpected {word!r}")
        if self._peek() != "(":
            return self._known(word)
        self._at += 1
        return self._call(word)

    def _array(self) -> list[Line]:
        self._deeper()
        found: list[Line] = []
        while True:
            term = self._binary(0)
            if isinstance(term, float):
                self._fail("an array holds time series")
            found += term if isinstance(term, list) else [term]
            if self._peek() != ",":
                break
            self._at += 1
        self._expect("]")
        self._depth -= 1
        return found

    def _call(self, name: str) -> Term:
        if name == "METRICS":
            pattern = self._next()[1].strip("'\"") if self._tokens[self._at : self._at + 1] and self._is_text() else ""
            self._expect(")")
            return [line for line in self._every() if pattern in line.label]
        if name not in _EACH and name not in _OVER and name not in FUNCTIONS:
            raise NotServed(
                f"The function {name} is not served, in the expression {self._text!r}; "
                f"{', '.join(sorted([*_EACH, *_OVER, *FUNCTIONS, 'METRICS']))} are."
            )
        self._deeper()
        given: list[Term | str] = []
        while self._peek() != ")":
            given.append(self._next()[1] if self._is_word() else self._binary(0))
            if self._peek() != ",":
                break
            self._at += 1
        self._expect(")")
        self._depth -= 1
        return self._apply(name, given)

    def _apply(self, name: str, given: list[Term | str]) -> Term:
        if name in FUNCTIONS:
            try:
                return FUNCTIONS[name](self._label, *given)
            except TypeError:
                self._fail(f"{name} does not take these arguments")
            except ValueError as error:
                self._fail(str(error))
        if len(given) != 1 or isinstance(given[0], str):
            self._fail(f"{name} takes one argument")
        term = given[0]
        if name in _EACH:
            return self._combine(lambda a, _: _EACH[name](a), term, 0.0)
        if isinstance(term, Line):
            return _over(_OVER[name], term.values.values())
        if isinstance(term, list):
            return Line(self._label, max((t.period for t in term), default=60), _across(_OVER[name], term))
        return self._fail(f"{name} takes time series")

    def _combine(self, operator: Callable[[float, float], float], left: Term, right: Term) -> Term:
        if isinstance(left, list) or isinstance(right, list):
            if isinstance(left, list) and isinstance(right, list):
                if len(left) != len(right):
                    self._fail("two arrays of different lengths cannot be combined")
                pairs: list[tuple[Line | float, Line | float]] = list(zip(left, right, strict=True))
            elif isinstance(left, list):
                assert not isinstance(right, list)
                pairs = [(line, right) for line in left]
            else:
                assert isinstance(right, list)
                pairs = [(left, line) for line in right]
            return [line for a, b in pairs if isinstance(line := _pair(operator, a, b, ""), Line)]
        return _pair(operator, left, right, self._label)

    def _peek(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def _is_text(self) -> bool:
        return self._at < len(self._tokens) and self._tokens[self._at][0] == "text"

    def _is_word(self) -> bool:
        """FILL's second argument may be a word."""
        return self._peek() in {"REPEAT", "LINEAR"}

    def _next(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            self._fail("it ends too early")
        self._at += 1
        return self._tokens[self._at - 1]

    def _expect(self, sign: str) -> None:
        if self._next()[1] != sign:
            self._fail(f"{sign!r} is missing")

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > 50:
            self._fail("it is nested too deeply")

    def _fail(self, why: str) -> NoReturn:
        raise invalid(self._label, f"{why}, in {self._text!r}")


def invalid(query: str, why: str) -> ServiceError:
    return ServiceError(f"Error in expression '{query}': {why}.", code="ValidationError")


def _pair(operator: Callable[[float, float], float], left: Line | float, right: Line | float, label: str) -> Term:
    if isinstance(left, Line) and isinstance(right, Line):
        times: Iterable[int] = [t for t in left.values if t in right.values]
        pairs = [(t, left.values[t], right.values[t]) for t in times]
        period = max(left.period, right.period)
    elif isinstance(left, Line):
        assert isinstance(right, float)
        pairs, period = [(t, v, right) for t, v in left.values.items()], left.period
    elif isinstance(right, Line):
        pairs, period = [(t, left, v) for t, v in right.values.items()], right.period
    else:
        value = _safe(operator, left, right)
        return math.nan if value is None else value
    found = {t: v for t, a, b in pairs if (v := _safe(operator, a, b)) is not None}
    source = left if isinstance(left, Line) else right
    assert isinstance(source, Line)
    return Line(label or source.label, period, found)


def _safe(operator: Callable[[float, float], float], left: float, right: float) -> float | None:
    """None where there is no number: a division by zero, a logarithm of nothing."""
    try:
        value = operator(left, right)
    except (ArithmeticError, ValueError, TypeError):
        return None
    return value if isinstance(value, float | int) and math.isfinite(value) else None


def _over(function: Callable[[Sequence[float]], float], values: Iterable[float]) -> float:
    found = list(values)
    return function(found) if found else math.nan


def _across(function: Callable[[Sequence[float]], float], lines: list[Line]) -> Values:
    times = sorted({t for line in lines for t in line.values})
    return {t: float(function([line.values[t] for line in lines if t in line.values])) for t in times}
