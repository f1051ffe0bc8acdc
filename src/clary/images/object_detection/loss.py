"""What training lessens: smooth L1 of the matched anchors' offsets, cross-entropy of them and of the hardest negatives.

Source: Liu et al., SSD (2016), 2.2: an anchor belongs to the true box it overlaps by half or more, every true box has the
anchor that overlaps it best, and three negatives are taken for each positive.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from clary.images.object_detection import boxes

_MATCH = 0.5
_NEGATIVES = 3  # for each positive of an image
_LEAST_NEGATIVES = 8  # of an image: those without any box teach too


@dataclass(frozen=True, slots=True)
class Truth:
    """Of an image: ``corners`` (boxes, 4) and ``classes`` (boxes,), int64 from 0."""

    corners: Tensor
    classes: Tensor


def match(truth: Truth, anchors: Tensor) -> tuple[Tensor, Tensor]:
    """For each anchor its class, 0 the background, and the place of the true box that it overlaps most.

    ``anchors``: corners, (anchors, 4).
    """
    classes = torch.zeros(len(anchors), dtype=torch.int64, device=anchors.device)
    if not len(truth.corners):
        return classes, classes
    found = boxes.overlaps(truth.corners, anchors)
    best, of = found.max(dim=0)
    own = found.argmax(dim=1)
    best[own] = 1.0
    of[own] = torch.arange(len(own), device=of.device)
    near = best >= _MATCH
    classes[near] = truth.classes[of[near]] + 1
    return classes, of


def of_batch(scores: Tensor, offsets: Tensor, anchors: Tensor, truths: Sequence[Truth]) -> tuple[Tensor, Tensor]:
    """(cross-entropy, smooth L1), each a mean over the matched anchors.

    ``scores``: (images, anchors, 1 + classes), logits, the background first; ``offsets``: (images, anchors, 4).
    """
    corners = boxes.cornered(anchors)
    matched = [match(truth, corners) for truth in truths]
    classes = torch.stack([of_image for of_image, _ in matched])
    positive = classes > 0
    count = positive.sum().clamp(min=1)
    wanted = torch.cat(
        [
            boxes.encode(truth.corners[of[taken]], anchors[taken])
            for truth, (_, of), taken in zip(truths, matched, positive, strict=True)
            if len(truth.corners)
        ]
        or [anchors[:0]]
    )
    smooth = functional.smooth_l1_loss(offsets[positive], wanted, reduction="sum") / count
    entropy = functional.cross_entropy(scores.flatten(0, 1), classes.flatten(), reduction="none").view_as(classes)
    chosen = positive | _hardest(entropy.detach(), positive)
    return (entropy * chosen).sum() / count, smooth


def _hardest(entropy: Tensor, positive: Tensor) -> Tensor:
    """Of each image the negatives with the highest loss: three for each positive."""
    count = (positive.sum(dim=1) * _NEGATIVES).clamp(min=_LEAST_NEGATIVES, max=positive.shape[1] - 1)
    negatives = entropy.masked_fill(positive, -1.0)
    most = int(count.max())
    values = negatives.topk(most, dim=1).values
    least = values.gather(1, (count - 1)[:, None])
    return (negatives >= least) & ~positive
