"""The anchors of a single-shot detector: boxes of several scales and shapes around every cell of every feature map.

Source: Liu et al., SSD: Single Shot MultiBox Detector (2016), 2.2. Fractions of the image's sides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Level:
    """A feature map's anchors: squares of ``scale`` and of the mean of this and the next scale, and ``ratios`` of both sides.

    A ratio of 2 is twice as wide as high; its inverse comes with it.
    """

    scale: float
    ratios: tuple[float, ...]

    @property
    def count(self) -> int:
        """Anchors of a cell."""
        return 2 + 2 * len(self.ratios)


def make(levels: Sequence[Level], sizes: Sequence[tuple[int, int]]) -> Tensor:
    """(anchors, 4): centre x, centre y, width, height; by level, row, column, shape. ``sizes``: (rows, columns) of each level."""
    found = []
    for place, (level, (rows, columns)) in enumerate(zip(levels, sizes, strict=True)):
        after = levels[place + 1].scale if place + 1 < len(levels) else 1.05
        shapes = torch.tensor(_shapes(level, after))
        y, x = torch.meshgrid((torch.arange(rows) + 0.5) / rows, (torch.arange(columns) + 0.5) / columns, indexing="ij")
        centres = torch.stack([x, y], dim=-1).reshape(-1, 1, 2).expand(-1, len(shapes), 2)
        sides = shapes[None].expand(len(centres), -1, 2)
        found.append(torch.cat([centres, sides], dim=-1).reshape(-1, 4))
    return torch.cat(found)


def _shapes(level: Level, after: float) -> list[tuple[float, float]]:
    between = sqrt(level.scale * after)
    shapes = [(level.scale, level.scale), (between, between)]
    for ratio in level.ratios:
        long, short = level.scale * sqrt(ratio), level.scale / sqrt(ratio)
        shapes += [(long, short), (short, long)]
    return shapes
