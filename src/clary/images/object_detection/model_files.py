"""The three files of a model archive, under the names that AWS's algorithm gives them.

``model_algo_1-0000.params``: the weights, as ``torch.save`` writes a dictionary of tensors; ``model_algo_1-symbol.json``: what
network they are of; ``hyperparams.json``: the hyperparameters, all as text, by which it was trained. MXNet's own files under
these names are another format and are refused.
"""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import torch

from clary.images.errors import UserError
from clary.images.object_detection.network import Detector

WEIGHTS, NETWORK, HYPERPARAMETERS = "model_algo_1-0000.params", "model_algo_1-symbol.json", "hyperparams.json"
_FORMAT = "clary object-detection 1"


def save(folder: Path, model: Detector, weights: dict[str, Any], texts: dict[str, str]) -> None:
    """Each file is whole or not there: a job that is killed leaves the model that was there before."""
    described = {
        "format": _FORMAT,
        "base_network": model.base_network,
        "num_classes": model.num_classes,
        "image_shape": model.image_shape,
        "channels": model.channels,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / NETWORK).write_text(json.dumps(described, indent=1))
    (folder / HYPERPARAMETERS).write_text(json.dumps(texts, indent=1))
    aside = folder / f".{WEIGHTS}"
    torch.save(weights, aside)
    aside.rename(folder / WEIGHTS)


def load(folder: Path, image_shape: int = 0) -> tuple[Detector, dict[str, str]]:
    """The network with its weights, on the processor, and the hyperparameters; ``image_shape`` in place of its own.

    ``UserError`` if the folder holds no such model.
    """
    for name in (WEIGHTS, NETWORK):
        if not (folder / name).is_file():
            there = ", ".join(sorted(path.name for path in folder.iterdir())) or "nothing"
            raise UserError(f"There is no {name} in the model archive, which holds: {there}")
    try:
        described = json.loads((folder / NETWORK).read_text())
    except ValueError:
        described = None
    if not isinstance(described, dict) or described.get("format") != _FORMAT:
        raise UserError(f"{NETWORK} is not of a model that Clary trained; MXNet's format cannot be read")
    names = ("base_network", "num_classes", "image_shape", "channels")
    base_network, num_classes, own_shape, channels = (described[name] for name in names)
    model = Detector(base_network, num_classes, image_shape or own_shape, channels)
    try:
        model.load_state_dict(torch.load(folder / WEIGHTS, map_location="cpu", weights_only=True))
    except (RuntimeError, EOFError, pickle.UnpicklingError, OSError) as error:
        raise UserError(f"{WEIGHTS} is broken: {str(error).splitlines()[0]}") from None
    texts = folder / HYPERPARAMETERS
    return model, json.loads(texts.read_text()) if texts.is_file() else {}
