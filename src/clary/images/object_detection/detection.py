"""From a batch of images to the objects on them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from clary.images.object_detection import boxes
from clary.images.object_detection.average_precision import Detection
from clary.images.object_detection.network import Detector

LEAST_SCORE = 0.01
"""Objects below it are not told: as MXNet's MultiBoxDetection."""
_MOST = 400  # boxes of a class before and after doubles are suppressed, as there


def detect(model: Detector, images: np.ndarray, nms_threshold: float) -> list[list[Detection]]:
    """The objects of each image, the surest first; corners are fractions of its sides, 0 to 1.

    ``images``: uint8, (images, side, side, channels) as the model takes them. The model must be in its eval mode.
    """
    device = model.anchors.device
    with torch.inference_mode():
        batch = torch.from_numpy(images).to(device).permute(0, 3, 1, 2)  # channels last, as the batch lies
        scores, offsets = model(batch.float())
        likely = torch.softmax(scores, dim=-1)[..., 1:].cpu()
        corners = boxes.decode(offsets, model.anchors).clamp(0, 1).cpu()
        return [_of_image(*each, nms_threshold) for each in zip(likely, corners, strict=True)]


def _of_image(likely: Tensor, corners: Tensor, nms_threshold: float) -> list[Detection]:
    found = []
    for class_id in range(likely.shape[1]):
        scores = likely[:, class_id]
        chosen = torch.nonzero(scores > LEAST_SCORE).flatten()
        if len(chosen) > _MOST:
            chosen = chosen[scores[chosen].topk(_MOST).indices]
        if not len(chosen):
            continue
        kept = chosen[boxes.suppress(corners[chosen], scores[chosen], nms_threshold)]
        pairs = zip(scores[kept].tolist(), corners[kept].tolist(), strict=True)
        found += [Detection(class_id, score, each) for score, each in pairs if each[0] < each[2] and each[1] < each[3]]
    return sorted(found, key=lambda each: -each.score)
