"""The detector: a base network's feature maps, and on each of them a convolution that scores and moves its anchors."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from clary.images.object_detection import anchors
from clary.images.object_detection.resnet import Resnet50
from clary.images.object_detection.small import Small
from clary.images.object_detection.vgg import Vgg16

_BASES: dict[str, Any] = {"vgg-16": Vgg16, "resnet-50": Resnet50, "small": Small}
# ImageNet's, by which torchvision's weights were trained; of grey images the mean of its channels.
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_OBJECT = 0.01  # how likely an anchor is of an object, before anything was learnt


class Detector(nn.Module):  # type: ignore[misc] # the server has no torch
    """``image_shape``: side of the square that images are brought to, pixels; ``channels``: 1 (grey) or 3."""

    def __init__(self, base_network: str, num_classes: int, image_shape: int, channels: int) -> None:
        super().__init__()
        self.base_network, self.num_classes = base_network, num_classes
        self.image_shape, self.channels = image_shape, channels
        self.base = _BASES[base_network](channels)
        outputs = [level.count * (1 + num_classes + 4) for level in self.base.levels]
        self.heads = nn.ModuleList(
            [nn.Conv2d(width, out, 3, padding=1) for width, out in zip(self.base.widths, outputs, strict=True)]
        )
        self._begin()
        mean = torch.tensor(_MEAN if channels == 3 else [sum(_MEAN) / 3])
        deviation = torch.tensor(_DEVIATION if channels == 3 else [sum(_DEVIATION) / 3])
        self.register_buffer("mean", mean[:, None, None] * 255, persistent=False)
        self.register_buffer("deviation", deviation[:, None, None] * 255, persistent=False)
        self.register_buffer("anchors", anchors.make(self.base.levels, self._sizes()), persistent=False)

    def _begin(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        rare = math.log((1 - _OBJECT) / _OBJECT * self.num_classes)
        for head in self.heads:
            nn.init.normal_(head.weight, std=0.01)
            with torch.no_grad():
                head.bias.view(-1, 1 + self.num_classes + 4)[:, 0] = rare

    def _sizes(self) -> list[tuple[int, int]]:
        """Rows and columns of each feature map, seen on an empty image."""
        self.base.eval()
        with torch.no_grad():
            maps = self.base(torch.zeros(1, self.channels, self.image_shape, self.image_shape))
        self.base.train()
        return [tuple(each.shape[-2:]) for each in maps]

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(images, anchors, 1 + classes) logits, the background first, and (images, anchors, 4) offsets, as float32.

        ``images``: (images, channels, side, side), 0 to 255, of any type.
        """
        maps = self.base((images - self.mean) / self.deviation)
        width = 1 + self.num_classes + 4
        found = [
            head(each).permute(0, 2, 3, 1).reshape(len(images), -1, width)
            for head, each in zip(self.heads, maps, strict=True)
        ]
        both = torch.cat(found, dim=1).float()
        return both[..., :-4], both[..., -4:]
