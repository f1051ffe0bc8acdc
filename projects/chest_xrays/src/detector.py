"""A small detector of one thing: is it there, and where? Fully convolutional, about 200,000 weights.

The network looks at a picture at a quarter of its size. Every place there says how likely it is to know the box (its
weight), and what it thinks the box is; the weighted mean of these opinions is the answer.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


class Block(nn.Module):
    """Two convolutions and a short cut around them."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Sequential(
            nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU(),
            nn.Conv2d(after, after, 3, 1, 1, bias=False), nn.BatchNorm2d(after),
        )  # fmt: skip
        self.around = nn.Identity()
        if stride > 1 or before != after:
            self.around = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))
        self.relu = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.relu(self.first(x) + self.around(x))


class Detector(nn.Module):
    """``width`` is the number of channels at the start; they double twice."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.width = width
        self.fine = nn.Sequential(
            nn.Conv2d(3, width, 3, 2, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(), Block(width, width, 1),
            Block(width, 2 * width, 2), Block(2 * width, 2 * width, 1),
        )  # fmt: skip
        self.middle = nn.Sequential(Block(2 * width, 4 * width, 2), Block(4 * width, 4 * width, 1))
        self.coarse = Block(4 * width, 4 * width, 2)
        self.from_middle, self.from_coarse = nn.Conv2d(4 * width, 2 * width, 1), nn.Conv2d(4 * width, 2 * width, 1)
        self.opinions = nn.Sequential(
            nn.Conv2d(2 * width + 2, 2 * width, 3, 1, 1), nn.ReLU(), nn.Dropout2d(0.1), nn.Conv2d(2 * width, 6, 1)
        )
        self.whole = nn.Sequential(nn.Dropout(0.1), nn.Linear(4 * width, 1))

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Boxes (n, 4) as left, top, right, bottom from 0 to 1, and the logits (n,) that there is one."""
        spread = pictures.std((2, 3), keepdim=True) + 0.05
        x = (pictures - pictures.mean((2, 3), keepdim=True)) / spread
        fine = self.fine(torch.cat([x, places(x)], 1))
        middle = self.middle(fine)
        coarse = self.coarse(middle)
        for part in (self.from_middle(middle), self.from_coarse(coarse)):
            fine = fine + F.interpolate(part, fine.shape[2:])
        at = places(fine)
        weight, right, down, wide, high, there = self.opinions(torch.cat([fine, at], 1)).flatten(2).unbind(1)
        weight = weight.softmax(1)
        x, y = (at.flatten(2) + 0.1 * torch.stack([right, down], 1)).mul(weight[:, None]).sum(2).unbind(1)
        half = (torch.stack([wide - 2, high - 2.2], 1).mul(weight[:, None]).sum(2).exp() / 2).unbind(1)
        boxes = torch.stack([x - half[0], y - half[1], x + half[0], y + half[1]], 1)
        return boxes, (weight * there).sum(1) + self.whole(coarse.mean((2, 3)))[:, 0]


def places(x: torch.Tensor) -> torch.Tensor:
    """Two channels that tell every place where it is, from 0 to 1: across and down."""
    count, _, high, wide = x.shape
    down = ((torch.arange(high, device=x.device) + 0.5) / high)[:, None].expand(high, wide)
    across = ((torch.arange(wide, device=x.device) + 0.5) / wide)[None].expand(high, wide)
    return torch.stack([across, down])[None].expand(count, -1, -1, -1)


def iou(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Intersection over union of boxes (n, 4), pair by pair."""
    common = torch.min(one[:, 2:], other[:, 2:]) - torch.max(one[:, :2], other[:, :2])
    both = common.clamp(min=0).prod(1)
    areas = [(boxes[:, 2:] - boxes[:, :2]).clamp(min=1e-6).prod(1) for boxes in (one, other)]
    return both / (areas[0] + areas[1] - both)


class DetectionLoss(nn.Module):
    """Is there a box; how far off is it; does it overlap; and, later in training, does it count as a hit (IoU > 0.5)?"""

    def forward(
        self, found: torch.Tensor, logits: torch.Tensor, boxes: torch.Tensor, has: torch.Tensor, hits: float
    ) -> torch.Tensor:
        overlap = iou(found, boxes)
        unit = (boxes[:, 2:] - boxes[:, :2]).clamp(min=0.03).repeat(1, 2)
        off = F.smooth_l1_loss(found / unit, boxes / unit, beta=0.5, reduction="none").mean(1)
        missed = torch.sigmoid(10 * (0.5 - overlap))
        where = ((off + 1 - overlap + hits * missed) * has).sum() / has.sum().clamp(min=1)
        return F.binary_cross_entropy_with_logits(logits, has) + where


@torch.no_grad()
def find(model: Detector, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Boxes (n, 4) and scores (n,) from 0 to 1: the mean of what is found in a picture and in its mirror image."""
    boxes, logits = model(pictures)
    mirrored, again = model(pictures.flip(3))
    mirrored = torch.stack([1 - mirrored[:, 2], mirrored[:, 1], 1 - mirrored[:, 0], mirrored[:, 3]], 1)
    return ((boxes + mirrored) / 2).clamp(0, 1), ((logits + again) / 2).sigmoid()


def judge(found: torch.Tensor, scores: torch.Tensor, boxes: torch.Tensor, has: torch.Tensor) -> dict[str, float]:
    """``ap50``: the mean precision at IoU 0.5, one box a picture; ``top_box``: how often it is right where there is one."""
    right = (iou(found, boxes) >= 0.5) & (has > 0)
    hits = right[scores.argsort(descending=True)].float().cumsum(0)
    precision = (hits / torch.arange(1, len(hits) + 1)).flip(0).cummax(0).values.flip(0)
    recall = hits / has.sum().clamp(min=1)
    ap50 = (precision * recall.diff(prepend=torch.zeros(1))).sum()
    return {"ap50": float(ap50), "top_box": float(right.sum() / has.sum().clamp(min=1))}
