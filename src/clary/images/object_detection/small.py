"""The base network for a processor without a GPU: about a million weights, made for images that are grey as well as coloured.

A first convolution of 7 x 7 goes straight to a quarter of the size, where a radiograph loses little and most time is saved.
The deeper maps are added to the finer ones (Lin et al., Feature Pyramid Networks, 2017), so that these see far as well.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from clary.images.object_detection.anchors import Level

LEVELS = (
    Level(0.06, (2,)),
    Level(0.14, (2, 3)),
    Level(0.3, (2, 3)),
    Level(0.5, (2,)),
    Level(0.75, (2,)),
)
_JOINED = 64  # channels of the maps that are added up


def _block(into: int, out: int, size: int = 3, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(into, out, size, stride, size // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(out), nn.ReLU(inplace=True))


class Small(nn.Module):  # type: ignore[misc] # the server has no torch
    """Feature maps at 1/8, 1/16, 1/32, 1/64 and 1/128 of the image."""

    widths = (_JOINED, _JOINED, _JOINED, 128, 128)
    levels = LEVELS

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.stem = _block(channels, 32, 7, 4)
        self.stage1 = nn.Sequential(_block(32, 64, stride=2), _block(64, 64))
        self.stage2 = nn.Sequential(_block(64, 128, stride=2), _block(128, 128))
        self.stage3 = nn.Sequential(_block(128, 128, stride=2), _block(128, 128))
        self.stage4 = _block(128, 128, stride=2)
        self.stage5 = _block(128, 128, stride=2)
        self.joins = nn.ModuleList([nn.Conv2d(width, _JOINED, 1) for width in (64, 128, 128)])

    def forward(self, images: Tensor) -> list[Tensor]:
        """(images, width, rows, columns) of each level, the finest first. ``images``: normalised (images, channels, side, side)."""
        first = self.stage1(self.stem(images))
        second = self.stage2(first)
        third = self.stage3(second)
        fourth = self.stage4(third)
        found = [self.stage5(fourth), fourth]
        above = None
        for join, part in zip(reversed(self.joins), (third, second, first), strict=True):
            joined = join(part)
            if above is not None:
                joined = joined + functional.interpolate(above, size=joined.shape[-2:], mode="nearest")
            above = joined
            found.append(functional.relu(joined))
        return found[::-1]
