"""ResNet-50 as the base network of SSD, its layers named as in MXNet: conv0, stage1_unit1_conv1 and so on, then extra maps.

Source: He et al., Deep Residual Learning (2015), with the stride on the 3 x 3 convolution as torchvision's weights have it.
"""

from __future__ import annotations

import re

from torch import Tensor, nn
from torch.nn import functional

from clary.images.object_detection.anchors import Level
from clary.images.object_detection.vgg import LEVELS

_UNITS = (3, 4, 6, 3)


class Resnet50(nn.Module):  # type: ignore[misc] # the server has no torch
    """Feature maps at 1/8, 1/16, 1/32 and from there each half of the one before."""

    widths = (512, 1024, 2048, 512, 256, 256)
    levels: tuple[Level, ...] = LEVELS

    def __init__(self, channels: int) -> None:
        super().__init__()
        self._add("0", channels, 64, 7, 2)
        into = 64
        for stage, units in enumerate(_UNITS, 1):
            for unit in range(1, units + 1):
                stride = 2 if unit == 1 and stage > 1 else 1
                narrow, name = 32 << stage, f"stage{stage}_unit{unit}_"
                self._add("1", into, narrow, 1, 1, name)
                self._add("2", narrow, narrow, 3, stride, name)
                self._add("3", narrow, narrow * 4, 1, 1, name)
                nn.init.zeros_(self.get_submodule(f"{name}bn3").weight)  # at first each unit lets its input through
                if unit == 1:
                    self._add("sc", into, narrow * 4, 1, stride, name)
                into = narrow * 4
        for extra, (width, out) in enumerate(((256, 512), (128, 256), (128, 256)), 1):
            self._add("1", into, width, 1, 1, f"extra{extra}_")
            self._add("2", width, out, 3, 2, f"extra{extra}_")
            into = out

    def _add(self, number: str, into: int, out: int, size: int, stride: int, prefix: str = "") -> None:
        self.add_module(f"{prefix}conv{number}", nn.Conv2d(into, out, size, stride, size // 2, bias=False))
        self.add_module(f"{prefix}bn{number}", nn.BatchNorm2d(out))

    def _layer(self, x: Tensor, number: str, prefix: str = "") -> Tensor:
        found: Tensor = self.get_submodule(f"{prefix}bn{number}")(self.get_submodule(f"{prefix}conv{number}")(x))
        return found

    def _unit(self, x: Tensor, stage: int, unit: int) -> Tensor:
        name = f"stage{stage}_unit{unit}_"
        short = self._layer(x, "sc", name) if unit == 1 else x
        for number in "12":
            x = functional.relu(self._layer(x, number, name), inplace=True)
        return functional.relu(self._layer(x, "3", name) + short, inplace=True)

    def forward(self, images: Tensor) -> list[Tensor]:
        """(images, width, rows, columns) of each level, the finest first. ``images``: normalised (images, channels, side, side)."""
        x = functional.relu(self._layer(images, "0"), inplace=True)
        x = functional.max_pool2d(x, 3, 2, 1)
        maps = []
        for stage, units in enumerate(_UNITS, 1):
            for unit in range(1, units + 1):
                x = self._unit(x, stage, unit)
            if stage > 1:
                maps.append(x)
        for extra in range(1, 4):
            for number in "12":
                x = functional.relu(self._layer(x, number, f"extra{extra}_"), inplace=True)
            maps.append(x)
        return maps


def of_torchvision(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights of torchvision's ``resnet50`` under the names here; its last full layer has no place."""
    found = {}
    for name, values in weights.items():
        if name.startswith("fc."):
            continue
        new = re.sub(r"^(conv|bn)1\.", r"\g<1>0.", name)
        new = re.sub(r"^layer(\d)\.(\d)\.", lambda m: f"stage{m[1]}_unit{int(m[2]) + 1}_", new)
        new = new.replace("downsample.0.", "convsc.").replace("downsample.1.", "bnsc.")
        found[new] = values
    return found
