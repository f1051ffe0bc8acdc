"""How good boxes are: AP50 and the share of right top boxes. A box is (left, top, width, height), fractions of a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Box = tuple[float, float, float, float]


def iou(one: Box, other: Box) -> float:
    """The area that both cover, divided by the area that either covers."""
    wide = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    high = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    both = max(wide, 0.0) * max(high, 0.0)
    return both / (one[2] * one[3] + other[2] * other[3] - both or 1.0)


def judge(answers: Sequence[tuple[Box, float]], records: Sequence[Any]) -> dict[str, float]:
    """``AP50``, one box a picture, surest first; ``top box``: right where there is one; ``IoU``: its mean there."""
    overlaps = np.array(
        [iou(box, record.box) if record.box else 0.0 for (box, _), record in zip(answers, records, strict=True)]
    )
    there = np.array([record.box is not None for record in records])
    order = np.argsort([-score for _, score in answers], kind="stable")
    right = (overlaps >= 0.5)[order]
    hits = np.cumsum(right)
    precision = np.maximum.accumulate((hits / np.arange(1, len(hits) + 1))[::-1])[::-1]
    recall = hits / max(there.sum(), 1)
    ap50 = float((precision * np.diff(recall, prepend=0)).sum())
    return {"AP50": ap50, "top box": float(right.sum() / max(there.sum(), 1)), "IoU": float(overlaps[there].mean())}
