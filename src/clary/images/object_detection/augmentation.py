"""What training does to a batch, so that no two epochs show the same: a part or more than the image, mirrored, its colours moved.

Each image is sampled once, by bilinear interpolation, from a window of itself; where the window leaves the image it is grey.
Boxes whose centre the window loses are lost; a window that would lose all boxes of an image is not taken.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from clary.images.object_detection.loss import Truth

_GREY = 118.0
_TRIES = 10
_AS_IT_IS = 0.2  # of the images
_SIDES = (0.5, 1.5)  # of the window, of the image's
_STRETCH = 1.25  # of one side of the window against the other, at most
_CONTRAST, _BRIGHTNESS, _TINT = 0.25, 24.0, 0.1


def augment(images: Tensor, truths: Sequence[Truth], chance: random.Random) -> tuple[Tensor, list[Truth]]:
    """``images``: uint8, (images, channels, side, side); the result is float32 of the same shape, about 0 to 255."""
    windows, moved = [], []
    for truth in truths:
        window, flipped = _window(truth, chance), chance.random() < 0.5
        windows.append(_theta(window, flipped=flipped))
        moved.append(_through(truth, window, flipped=flipped))
    theta = torch.tensor(windows, device=images.device)
    grid = functional.affine_grid(theta, list(images.shape), align_corners=False)
    seen = functional.grid_sample(images.float() - _GREY, grid, mode="bilinear", align_corners=False)
    return _coloured(seen, chance), moved


def _window(truth: Truth, chance: random.Random) -> tuple[float, float, float, float]:
    """left, top, width, height, in fractions of the image."""
    whole = (0.0, 0.0, 1.0, 1.0)
    if chance.random() < _AS_IT_IS:
        return whole
    for _ in range(_TRIES):
        side, stretch = chance.uniform(*_SIDES), chance.uniform(1 / _STRETCH, _STRETCH) ** 0.5
        width, height = side * stretch, side / stretch
        window = (chance.uniform(0, 1 - width), chance.uniform(0, 1 - height), width, height)
        if not len(truth.corners) or len(_through(truth, window, flipped=False).corners):
            return window
    return whole


def _through(truth: Truth, window: tuple[float, float, float, float], *, flipped: bool) -> Truth:
    """The boxes as seen in the window."""
    if not len(truth.corners):
        return truth
    left, top, width, height = window
    corners = (truth.corners - truth.corners.new_tensor([left, top, left, top])) / truth.corners.new_tensor(
        [width, height, width, height]
    )
    if flipped:
        corners = torch.stack([1 - corners[:, 2], corners[:, 1], 1 - corners[:, 0], corners[:, 3]], dim=1)
    centres = (corners[:, :2] + corners[:, 2:]) / 2
    inside = ((centres > 0) & (centres < 1)).all(dim=1)
    return Truth(corners[inside].clamp(0, 1), truth.classes[inside])


def _theta(window: tuple[float, float, float, float], *, flipped: bool) -> list[list[float]]:
    """The window as ``affine_grid`` takes it: coordinates from -1 to 1."""
    left, top, width, height = window
    return [[-width if flipped else width, 0.0, 2 * left + width - 1], [0.0, height, 2 * top + height - 1]]


def _coloured(images: Tensor, chance: random.Random) -> Tensor:
    """Contrast and brightness of each image, and of coloured ones each channel's; ``images`` are about grey, and changed."""
    count, channels = images.shape[:2]
    gains, shifts = [], []
    for _ in range(count):
        contrast, brightness = chance.uniform(1 - _CONTRAST, 1 + _CONTRAST), chance.uniform(-_BRIGHTNESS, _BRIGHTNESS)
        tints = [chance.uniform(1 - _TINT, 1 + _TINT) if channels > 1 else 1.0 for _ in range(channels)]
        gains.append([contrast * tint for tint in tints])
        shifts.append([_GREY + brightness] * channels)
    images *= torch.tensor(gains, device=images.device)[:, :, None, None]
    images += torch.tensor(shifts, device=images.device)[:, :, None, None]
    return images
