"""Boxes as tensors: overlaps, anchors' offsets, suppression of doubles. Corners are fractions, (boxes, 4)."""

from __future__ import annotations

import torch
from torch import Tensor

# By how much offsets are stretched, so that the network's targets are about 1: Liu et al., SSD (2016), its reference code.
_CENTRE, _SIZE = 0.1, 0.2
_LEAST = 1e-6  # of a side
_MOST = 8.0  # of a side's logarithm's offset: e^(8 x 0.2) = 5 times the anchor's side


def overlaps(one: Tensor, other: Tensor) -> Tensor:
    """Intersection over union: (len(one), len(other)), 0 to 1."""
    low = torch.maximum(one[:, None, :2], other[None, :, :2])
    high = torch.minimum(one[:, None, 2:], other[None, :, 2:])
    both = (high - low).clamp(min=0).prod(dim=2)
    union = area(one)[:, None] + area(other)[None, :] - both
    return both / union.clamp(min=1e-12)


def area(boxes: Tensor) -> Tensor:
    """(boxes,): the share of the image that each covers, 0 to 1; 0 of one whose corners are the wrong way round."""
    return (boxes[:, 2] - boxes[:, 0]).clamp(min=0) * (boxes[:, 3] - boxes[:, 1]).clamp(min=0)


def centred(corners: Tensor) -> Tensor:
    """Corners as centre x, centre y, width, height."""
    return torch.cat([(corners[..., :2] + corners[..., 2:]) / 2, corners[..., 2:] - corners[..., :2]], dim=-1)


def cornered(centres: Tensor) -> Tensor:
    """The inverse of ``centred``."""
    half = centres[..., 2:] / 2
    return torch.cat([centres[..., :2] - half, centres[..., :2] + half], dim=-1)


def encode(corners: Tensor, anchors: Tensor) -> Tensor:
    """The offsets that lead from ``anchors`` (centred) to ``corners``, one each."""
    box = centred(corners)
    moved = (box[..., :2] - anchors[..., :2]) / anchors[..., 2:] / _CENTRE
    grown = torch.log(box[..., 2:].clamp(min=_LEAST) / anchors[..., 2:]) / _SIZE
    return torch.cat([moved, grown], dim=-1)


def decode(offsets: Tensor, anchors: Tensor) -> Tensor:
    """Corners of the boxes that the offsets lead to; the inverse of ``encode``."""
    centre = anchors[..., :2] + offsets[..., :2] * _CENTRE * anchors[..., 2:]
    size = anchors[..., 2:] * torch.exp(offsets[..., 2:].clamp(max=_MOST) * _SIZE)
    return cornered(torch.cat([centre, size], dim=-1))


def suppress(corners: Tensor, scores: Tensor, threshold: float) -> list[int]:
    """The places of the boxes that are kept, best first: none overlaps a better one by more than ``threshold``."""
    order = torch.argsort(scores, descending=True, stable=True)
    doubles = (overlaps(corners[order], corners[order]) > threshold).cpu().numpy()
    kept: list[int] = []
    gone = doubles[0] & False if len(order) else None
    for place in range(len(order)):
        if gone is not None and not gone[place]:
            kept.append(place)
            gone |= doubles[place]
    found: list[int] = order[kept].tolist()
    return found
