"""A mask of pixels from several people's: each pixel is what most say; where they are even, what its neighbours are.

Masks are in the PNGs that ``crowd-semantic-segmentation`` makes, where the colour says the label. The confidence, one for the
whole mask, is the share of people who say what was decided, on average over all pixels; 0 where one person alone was asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clary.formats.png import Colour, Image

Rows = Sequence[bytes]
"""A mask, row by row from the top: a byte a pixel, 0 for the background, else 1 + the label's id."""


class UnlikeSizes(Exception):
    """The masks of one image have several sizes."""


@dataclass(frozen=True)
class Agreed:
    """``confidence``: 0 to 1, of the whole mask."""

    rows: Rows
    confidence: float


def classes_of(image: Image, colours: Mapping[Colour, int]) -> Rows:
    """The mask that an image shows; a colour that stands for nothing is background."""
    known = _Known(colours)
    found: list[bytes] = []
    last: bytes | None = None
    for row in image.rows:
        # Masks are of large areas: most rows are as the one above.
        same = row == last
        found.append(
            found[-1] if same else bytes(map(known.__getitem__, zip(row[0::3], row[1::3], row[2::3], strict=True)))
        )
        last = row
    return found


def picture(rows: Rows, colours: Mapping[int, Colour]) -> Image:
    """The mask as an image."""
    tables = [bytes(colours.get(value, (0, 0, 0))[channel] for value in range(256)) for channel in range(3)]
    painted = []
    for row in rows:
        out = bytearray(3 * len(row))
        for channel, table in enumerate(tables):
            out[channel::3] = row.translate(table)
        painted.append(bytes(out))
    return Image(len(rows[0]), len(rows), painted)


def consolidate(people: Sequence[Rows]) -> Agreed:
    """``UnlikeSizes``."""
    if len({(len(rows), len(rows[0])) for rows in people}) > 1:
        raise UnlikeSizes(", ".join(f"{len(rows[0])} x {len(rows)}" for rows in people))
    if len(people) == 1:
        return Agreed(people[0], 0)
    decided = [bytearray(people[0][number]) for number in range(len(people[0]))]
    even: list[tuple[int, int, list[int]]] = []
    agreeing = 0
    for number, row in enumerate(decided):
        said = [rows[number] for rows in people]
        if all(each == said[0] for each in said):
            agreeing += len(people) * len(row)
            continue
        for place, votes in enumerate(zip(*said, strict=True)):
            counts = Counter(votes).most_common()
            row[place] = counts[0][0]
            agreeing += counts[0][1]
            tied = sorted(value for value, count in counts if count == counts[0][1])
            if len(tied) > 1:
                even.append((number, place, tied))
    for number, place, tied, value in [(*each, _by_neighbours(decided, *each)) for each in even]:
        assert value in tied, "a tie is broken in favour of one of its sides"
        decided[number][place] = value
    return Agreed([bytes(row) for row in decided], agreeing / (len(people) * len(decided) * len(decided[0])))


def _by_neighbours(rows: Sequence[bytearray], number: int, place: int, tied: Sequence[int]) -> int:
    around = Counter(
        rows[y][x]
        for y in range(max(0, number - 1), min(len(rows), number + 2))
        for x in range(max(0, place - 1), min(len(rows[0]), place + 2))
        if (y, x) != (number, place) and rows[y][x] in tied
    )
    return min(tied, key=lambda value: (-around[value], value))


class _Known(dict[Colour, int]):
    def __missing__(self, _: Colour) -> int:
        return 0
