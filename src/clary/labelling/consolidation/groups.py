"""Which marks of different people mean the same thing: the most alike first, one of each person in a group."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import TypeVar

T = TypeVar("T")

CUT = 0.5
"""How alike two marks must be, from 0 to 1, to mean the same: less than half in common is another thing."""

Groups = list[list[tuple[int, T]]]
"""Each mark with the number of its person."""


def of(people: Sequence[Sequence[T]], alike: Callable[[T, T], float]) -> Groups[T]:
    """Two groups become one if every mark of one is alike to every mark of the other, the most alike pair first.

    In the order in which the marks were made; what nobody shares is a group of its own.
    """
    marks = [(person, mark) for person, own in enumerate(people) for mark in own]
    pairs = sorted(
        (
            (-value, a, b)
            for (a, (one, left)), (b, (other, right)) in combinations(enumerate(marks), 2)
            if one != other and (value := alike(left, right)) >= CUT
        ),
    )
    group = {number: [number] for number in range(len(marks))}
    near = {(a, b) for _, a, b in pairs}
    for _, a, b in pairs:
        first, second = group[a], group[b]
        if first is second or {marks[n][0] for n in first} & {marks[n][0] for n in second}:
            continue
        if all((min(x, y), max(x, y)) in near for x in first for y in second):
            first.extend(second)
            for number in second:
                group[number] = first
    seen: dict[int, list[int]] = {id(members): sorted(members) for members in group.values()}
    return [[marks[number] for number in members] for members in sorted(seen.values())]


def majority(people: int) -> int:
    """How many must have made a mark for it to stand: half of those who were asked, at least."""
    return (people + 1) // 2
