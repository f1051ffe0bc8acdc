"""Values for any shape of a service model: the ground of the protocols' round trips.

``Values`` are quick and the same for the same seed; ``values`` are hypothesis's, which shrinks what fails.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape
from hypothesis import strategies as st

_DEEP = 6
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./ <>&\"'äß漢é+%=,;:"


class Values:
    """``make`` gives a value for a shape; what must be there is always, the rest half the time."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def make(self, shape: Shape, depth: int = 0) -> Any:
        match shape:
            case StructureShape():
                return self._structure(shape, depth)
            case ListShape():
                return [self.make(shape.member, depth + 1) for _ in range(self._count(shape, depth))]
            case MapShape():
                keys = [f"key{n}" for n in range(self._count(shape, depth))]
                return {key: self.make(shape.value, depth + 1) for key in keys}
            case StringShape():
                return self._string(shape)
        match shape.type_name:
            case "boolean":
                return self._random.random() < 0.5
            case "integer" | "long":
                low = shape.metadata.get("min", 0)
                return self._random.randint(int(low), int(max(low, min(shape.metadata.get("max", 1000), low + 1000))))
            case "float" | "double":
                return round(self._random.uniform(0, 100), 3)
            case "timestamp":
                # Header and query times have whole seconds.
                return datetime.fromtimestamp(self._random.randint(1_000_000_000, 1_900_000_000), UTC)
            case "blob":
                return bytes(self._random.randrange(256) for _ in range(self._random.randrange(1, 20)))
        return "text"

    def _structure(self, shape: StructureShape, depth: int) -> Any:
        if shape.is_document_type:
            return {"free": ["form", 1]}
        if shape.is_tagged_union:
            name = self._random.choice(list(shape.members))
            return {name: self.make(shape.members[name], depth + 1)}
        wanted = {
            name: member
            for name, member in shape.members.items()
            if name in shape.required_members or (depth < _DEEP and self._random.random() < 0.5)
        }
        if not wanted and shape.members:  # a form cannot tell an empty structure from none
            name = self._random.choice(
                [n for n, m in shape.members.items() if not isinstance(m, StructureShape)] or [""]
            )
            wanted = {name: shape.members[name]} if name else {}
        return {name: self.make(member, depth + 1) for name, member in wanted.items()}

    def _count(self, shape: Shape, depth: int) -> int:
        low = shape.metadata.get("min", 0)
        return max(low, 1 if depth < _DEEP else 0, self._random.randrange(0, 3) if depth < _DEEP else 0)

    def _string(self, shape: StringShape) -> str:
        if shape.enum:
            return self._random.choice(shape.enum)
        low = max(1, shape.metadata.get("min", 1))
        length = min(low + self._random.randrange(12), max(low, shape.metadata.get("max", 1000)))
        text = "".join(self._random.choice(_LETTERS) for _ in range(length)).strip()
        return text.ljust(low, "x")


@st.composite
def values(draw: st.DrawFn, shape: Shape, alphabet: st.SearchStrategy[str], depth: int = 0) -> Any:
    """The same by hypothesis, with the corners of each type: the whole range of numbers, any text of the alphabet."""
    match shape:
        case StructureShape():
            return draw(_structures(shape, alphabet, depth))
        case ListShape():
            count = draw(st.integers(1, 2)) if depth < _DEEP else 1
            return [draw(values(shape.member, alphabet, depth + 1)) for _ in range(count)]
        case MapShape():
            keys = draw(st.lists(st.text(alphabet, min_size=1, max_size=8), min_size=1, max_size=2, unique=True))
            return {key: draw(values(shape.value, alphabet, depth + 1)) for key in keys}
        case StringShape():
            return draw(st.sampled_from(shape.enum) if shape.enum else st.text(alphabet, min_size=1, max_size=20))
    return draw(_PLAIN[_plain_kind(shape)])


@st.composite
def _structures(draw: st.DrawFn, shape: StructureShape, alphabet: st.SearchStrategy[str], depth: int) -> Any:
    if shape.is_document_type:
        return {"free": ["form", 1]}
    plain = [n for n, m in shape.members.items() if not isinstance(m, StructureShape | ListShape | MapShape)]
    if shape.is_tagged_union:
        chosen = {draw(st.sampled_from(list(shape.members)))}
    else:
        optional = [n for n in shape.members if depth < _DEEP and n not in shape.required_members]
        chosen = draw(st.sets(st.sampled_from(optional), max_size=4)) if optional else set()
        chosen |= set(shape.required_members)
        if shape.members:  # a form cannot tell an empty structure from none
            chosen.add(draw(st.sampled_from(plain or list(shape.members))))
    return {name: draw(values(shape.members[name], alphabet, depth + 1)) for name in shape.members if name in chosen}


def _plain_kind(shape: Shape) -> str:
    if shape.type_name != "timestamp":
        return shape.type_name
    form, where = shape.serialization.get("timestampFormat"), shape.serialization.get("location")
    return "second" if form in {"rfc822", "unixTimestamp"} or where else "timestamp"


_SECONDS = st.integers(-2_000_000_000, 4_000_000_000)
_PLAIN: dict[str, st.SearchStrategy[Any]] = {
    "boolean": st.booleans(),
    "integer": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
    "float": st.floats(allow_nan=False),
    "double": st.floats(allow_nan=False),
    "blob": st.binary(min_size=1, max_size=40),
    "second": _SECONDS.map(lambda s: datetime.fromtimestamp(s, UTC)),
    "timestamp": st.tuples(_SECONDS, st.integers(0, 999)).map(
        lambda t: datetime.fromtimestamp(t[0], UTC).replace(microsecond=t[1] * 1000)
    ),
}

ANY_TEXT = st.characters(exclude_categories=["Cs"])
XML_TEXT = st.characters(exclude_categories=["Cs", "Cc", "Cn"], include_characters="\t\n")
"""What XML can hold and its readers keep; not the carriage return, which they turn into a line feed."""
