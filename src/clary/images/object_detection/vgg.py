"""VGG-16 as the base network of SSD, its layers named as in the paper (and in MXNet): conv1_1 to conv7, then those of SSD.

Sources: Simonyan and Zisserman (2014); Liu et al., SSD (2016), 3, whose conv6 and conv7 stand for VGG's first full layers.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional

from clary.images.object_detection.anchors import Level

LEVELS = (
    Level(0.1, (2,)),
    Level(0.2, (2, 3)),
    Level(0.37, (2, 3)),
    Level(0.54, (2, 3)),
    Level(0.71, (2,)),
    Level(0.88, (2,)),
)
_STAGES = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


class Vgg16(nn.Module):  # type: ignore[misc] # the server has no torch
    """Feature maps at 1/8, 1/16 and from there each half of the one before."""

    widths = (512, 1024, 512, 256, 256, 256)
    levels = LEVELS

    def __init__(self, channels: int) -> None:
        super().__init__()
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        into = channels
        for stage, widths in enumerate(_STAGES, 1):
            for place, width in enumerate(widths, 1):
                layers[f"conv{stage}_{place}"] = nn.Conv2d(into, width, 3, padding=1)
                into = width
        layers["conv6"] = nn.Conv2d(512, 1024, 3, padding=6, dilation=6)
        layers["conv7"] = nn.Conv2d(1024, 1024, 1)
        for stage, (width, out) in enumerate(((256, 512), (128, 256), (128, 256), (128, 256)), 8):
            layers[f"conv{stage}_1"] = nn.Conv2d(1024 if stage == 8 else into, width, 1)
            layers[f"conv{stage}_2"] = nn.Conv2d(width, out, 3, stride=2, padding=1)
            into = out
        for name, layer in layers.items():
            self.add_module(name, layer)
        self.scale4 = nn.Parameter(torch.full((512,), 20.0))

    def forward(self, images: Tensor) -> list[Tensor]:
        """(images, width, rows, columns) of each level, the finest first. ``images``: normalised (images, channels, side, side)."""
        maps = []
        x = images
        for stage, widths in enumerate(_STAGES, 1):
            for place in range(1, len(widths) + 1):
                x = self._layer(f"conv{stage}_{place}", x)
            if (
                stage == 4
            ):  # its numbers are larger than those of the deeper maps: brought to one length, which is learnt
                maps.append(functional.normalize(x, dim=1) * self.scale4[None, :, None, None])
            x = functional.max_pool2d(x, 3, 1, 1) if stage == 5 else functional.max_pool2d(x, 2, 2, ceil_mode=True)
        x = self._layer("conv7", self._layer("conv6", x))
        maps.append(x)
        for stage in range(8, 12):
            x = self._layer(f"conv{stage}_2", self._layer(f"conv{stage}_1", x))
            maps.append(x)
        return maps

    def _layer(self, name: str, x: Tensor) -> Tensor:
        return functional.relu(self.get_submodule(name)(x), inplace=True)


def of_torchvision(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights of torchvision's ``vgg16`` under the names here; its full layers have no place."""
    places = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]
    names = [f"conv{stage}_{place}" for stage, widths in enumerate(_STAGES, 1) for place in range(1, len(widths) + 1)]
    return {
        f"{name}.{kind}": weights[f"features.{place}.{kind}"]
        for name, place in zip(names, places, strict=True)
        for kind in ("weight", "bias")
    }
