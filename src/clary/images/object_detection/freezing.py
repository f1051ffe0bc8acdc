"""Layers of the base network that training leaves as they are: those whose name a pattern finds."""

from __future__ import annotations

import re

from torch import nn

from clary.images.errors import UserError
from clary.images.object_detection.network import Detector


def freeze(model: Detector, pattern: str) -> list[nn.Module]:
    """The layers that are frozen, for ``hold``; ``UserError`` if the pattern finds none."""
    named = [(name, layer) for name, layer in model.base.named_modules() if list(layer.parameters(recurse=False))]
    found = [layer for name, layer in named if re.search(pattern, f"{name}_{_kind(layer)}")]
    if not found:
        names = ", ".join(name for name, _ in named)
        raise UserError(
            f"Hyperparameter freeze_layer_pattern: {pattern!r} finds no layer of base_network={model.base_network}, which has: "
            f"{names}"
        )
    for layer in found:
        for parameter in layer.parameters(recurse=False):
            parameter.requires_grad_(False)
    return found


def _kind(layer: nn.Module) -> str:
    """MXNet's names end with what they hold, and patterns are written for them: ``^(conv1_|conv2_).*``."""
    return "weight" if hasattr(layer, "weight") else "scale"


def hold(frozen: list[nn.Module]) -> None:
    """To be called when the model was put into its training mode: frozen layers keep their statistics, too."""
    for layer in frozen:
        layer.eval()
