"""Pictures and boxes as tensors, and the random changes that make a few hundred pictures count as many."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

SMALLEST = 0.012  # of the picture's height: what is left of a box below this is no box
# How far each change goes: sizes as logarithms, angles in radians, shifts as parts of the picture.
SCALE, ASPECT, TURN, SHIFT, GAMMA, CONTRAST, LIGHT, NOISE, HOLE = 0.2, 0.1, 0.12, 0.1, 0.4, 0.25, 0.1, 0.04, 0.2


def read(manifest: Path, images: Path, size: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Pictures (n, 1, size, size) from 0 to 1, boxes (n, 4) as left, top, right, bottom from 0 to 1, has-a-box (n,).

    ``manifest`` has a Ground Truth job's lines: of each, the picture's file name and its largest box are taken. Lines that
    nobody has labelled are left out. A picture without a box stays in: it shows what is not one.
    """
    pictures, boxes = [], []
    for number, line in enumerate(manifest.read_text(encoding="utf-8").splitlines(), 1):
        record = json.loads(line)
        label = next((record[key] for key in record if f"{key}-metadata" in record), None)
        if label is None:
            continue
        path = images / record["source-ref"].rpartition("/")[2]
        if not path.is_file():
            raise FileNotFoundError(f"{manifest.name}, line {number}: there is no picture {path}")
        pictures.append(small(Image.open(path), size))
        wide, high = label["image_size"][0]["width"], label["image_size"][0]["height"]
        largest = max(label["annotations"], key=lambda box: box["width"] * box["height"], default=None)
        boxes.append(_corners(largest, wide, high) if largest else (0.0, 0.0, 0.0, 0.0))
    corners = torch.tensor(boxes)
    return torch.stack(pictures), corners, (corners[:, 2] > corners[:, 0]).float()


def _corners(box: dict[str, float], wide: float, high: float) -> tuple[float, ...]:
    right, bottom = box["left"] + box["width"], box["top"] + box["height"]
    return box["left"] / wide, box["top"] / high, right / wide, bottom / high


def small(image: Image.Image, size: int) -> torch.Tensor:
    """The picture as (1, size, size), from 0 to 1, grey."""
    grey = image.convert("L").resize((size, size), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.asarray(grey, np.float32) / 255)[None]


def augment(
    pictures: torch.Tensor, boxes: torch.Tensor, has: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The batch moved, turned, scaled and mirrored, each picture by its own chance, its box with it.

    A box that is pushed over the edge is cut there, as the collimator would; one that is pushed out is gone.
    """
    count = len(pictures)

    def draw(far: float, *more: int) -> torch.Tensor:
        return (torch.rand(count, *more) * 2 - 1) * far

    size, aspect, turn, shift = draw(SCALE).exp(), draw(ASPECT).exp(), draw(TURN), draw(SHIFT, 2)
    across, down, mirror = size * aspect, size / aspect, draw(1).sign()
    cos, sin = turn.cos(), turn.sin()
    # A point p of the picture, measured from its middle, goes to move @ p + shift. Pixels are fetched by the inverse.
    move = torch.stack([cos * across * mirror, -sin * down, sin * across * mirror, cos * down], 1).view(-1, 2, 2)
    back = torch.linalg.inv(move)
    theta = torch.cat([back, -2 * back @ shift[:, :, None]], 2)
    grid = F.affine_grid(theta, list(pictures.shape), align_corners=False)
    pictures = F.grid_sample(pictures, grid, align_corners=False)
    middle = (move @ ((boxes[:, :2] + boxes[:, 2:]) / 2 - 0.5)[:, :, None])[:, :, 0] + shift + 0.5
    half = (boxes[:, 2:] - boxes[:, :2]) / 2 * torch.stack([across, down], 1)
    boxes = torch.cat([middle - half, middle + half], 1).clamp(0, 1)
    has = has * (boxes[:, 3] - boxes[:, 1] > SMALLEST)
    return _exposed(pictures, draw), boxes, has


def _exposed(pictures: torch.Tensor, draw) -> torch.Tensor:
    """Other exposure and contrast, noise, and in half of the pictures a grey patch below the neck."""
    pictures = pictures.clamp(min=1e-4) ** draw(GAMMA, 1, 1, 1).exp()
    pictures = pictures * (1 + draw(CONTRAST, 1, 1, 1)) + draw(LIGHT, 1, 1, 1)
    pictures = pictures + torch.randn_like(pictures) * draw(NOISE, 1, 1, 1)
    at = (torch.arange(pictures.shape[-1]) + 0.5) / pictures.shape[-1]
    across = (at - draw(0.5, 1) - 0.5).abs() < draw(HOLE, 1)
    down = (at - draw(0.375, 1) - 0.625).abs() < draw(HOLE, 1)
    return torch.where((down[:, :, None] & across[:, None, :])[:, None], draw(0.5, 1, 1, 1) + 0.5, pictures)
