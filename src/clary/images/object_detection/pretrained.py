"""Weights that a base network learnt on ImageNet: torchvision's files, from a channel, from TORCH_HOME, or from its own place.

Looked for in this order: the channel ``pretrained``, ``$TORCH_HOME/hub/checkpoints``, and download.pytorch.org, which a job may
not be able to reach. A file that is fetched is checked by the first eight digits of its SHA-256, which its name holds.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from clary.images.errors import UserError
from clary.images.object_detection import resnet, vgg
from clary.images.object_detection.network import Detector

_FILES = {
    "vgg-16": ("vgg16-397923af.pth",),
    "resnet-50": ("resnet50-11ad3fa6.pth", "resnet50-0676ba61.pth", "resnet50-19c8e357.pth"),
}
_NAMES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "vgg-16": vgg.of_torchvision,
    "resnet-50": resnet.of_torchvision,
}
_ORIGIN = "https://download.pytorch.org/models/"
_PATIENCE = 10  # seconds without a byte


def load(model: Detector, channel: Path) -> str:
    """Put weights into the base network if they can be had; returns what the log should say of it.

    ``channel``: the folder of the channel ``pretrained``, which need not be there. ``UserError`` if a file is another network's.
    """
    files = _FILES.get(model.base_network)
    if files is None:
        return f"base_network={model.base_network} has no pretrained weights: it is trained from scratch."
    path = _local(files, channel)
    if path is not None:
        _put(model, path)
        return f"The base network begins with the pretrained weights of {path.name}."
    with tempfile.TemporaryDirectory() as scratch:
        try:
            path = _fetch(files[0], Path(scratch))
        except (OSError, urllib.error.URLError) as error:
            reason = getattr(error, "reason", error)
            return (
                f"use_pretrained_model=1, but no pretrained weights were found: {files[0]} is neither in a channel "
                f"'pretrained' nor in $TORCH_HOME/hub/checkpoints, and {_ORIGIN} could not be reached ({reason}). The base "
                "network is trained from scratch, which takes many more epochs."
            )
        _put(model, path)
    return f"The base network begins with the pretrained weights of {_ORIGIN}{files[0]}."


def _local(files: tuple[str, ...], channel: Path) -> Path | None:
    if channel.is_dir():
        given = sorted(path for path in channel.rglob("*") if path.suffix in {".pth", ".pt"})
        if not given:
            raise UserError(f"The channel {channel.name} has no .pth file, such as {files[0]}")
        return given[0]
    home = Path(os.environ.get("TORCH_HOME", "~/.cache/torch")).expanduser() / "hub/checkpoints"
    return next((home / name for name in files if (home / name).is_file()), None)


def _fetch(name: str, folder: Path) -> Path:
    digest, path = hashlib.sha256(), folder / name
    request = urllib.request.Request(_ORIGIN + name, headers={"User-Agent": "clary"})  # noqa: S310 - https
    with urllib.request.urlopen(request, timeout=_PATIENCE) as answer, path.open("wb") as file:  # noqa: S310 - https
        while part := answer.read(1 << 20):
            digest.update(part)
            file.write(part)
    if not digest.hexdigest().startswith(name.rpartition("-")[2].partition(".")[0]):
        raise OSError(f"{name} arrived with another checksum than its name tells")
    return path


def _put(model: Detector, path: Path) -> None:
    try:
        weights = _NAMES[model.base_network](torch.load(path, map_location="cpu", weights_only=True))
        missing, unexpected = model.base.load_state_dict(weights, strict=False)
    except (RuntimeError, KeyError, AttributeError, EOFError, pickle.UnpicklingError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(
            f"{path.name} has no weights of base_network={model.base_network} as torchvision stores them: {first}"
        ) from None
    if unexpected or len(missing) > len(model.base.state_dict()) // 2:
        raise UserError(f"{path.name} has other weights than those of base_network={model.base_network}")
