"""Where the training stands, in a file in the folder of checkpoints: a job that begins again goes on from it."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch

from clary.images.errors import UserError

FILE = "object-detection-checkpoint.pt"
_SAME = ("base_network", "num_classes", "image_shape", "optimizer")


class Checkpoints:
    """``folder`` is None where the job has none: nothing is kept then. ``texts``: the job's hyperparameters."""

    def __init__(self, folder: Path | None, texts: dict[str, str]) -> None:
        self._path = folder / FILE if folder is not None else None
        self._texts = texts

    def save(self, state: dict[str, Any]) -> None:
        """Tensors, numbers, texts, and lists and dictionaries of these; whole, or the one before stays."""
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        aside = self._path.with_suffix(".new")
        torch.save({"hyperparameters": self._texts, "state": state}, aside)
        aside.rename(self._path)

    def load(self) -> dict[str, Any] | None:
        """None if there is none yet; ``UserError`` if it is broken or of another network."""
        if self._path is None or not self._path.is_file():
            return None
        try:
            found = torch.load(self._path, map_location="cpu", weights_only=True)
        except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
            raise UserError(f"The checkpoint {FILE} is broken: {str(error).splitlines()[0]}") from None
        for name in _SAME:
            theirs, ours = found["hyperparameters"].get(name), self._texts[name]
            if theirs != ours:
                raise UserError(
                    f"The checkpoint in the folder of checkpoints is of {name}={theirs}, this job has {name}={ours}. Give "
                    "CheckpointConfig another S3Uri, or the job the same hyperparameters"
                )
        state: dict[str, Any] = found["state"]
        return state
