"""What the PyTorch inference toolkit does where the user's script does not: npy, JSON and CSV in and out, TorchScript.

Source: the SageMaker PyTorch inference toolkit. Work is done on the GPU where there is one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from clary.images.arrays import decode, encode

DEFAULT_ACCEPT = "application/json"
_DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def model_fn(model_dir: str) -> Any:
    """The one TorchScript file of the archive; ``ValueError`` if there is none, or several."""
    found = sorted(path for path in Path(model_dir).iterdir() if path.suffix in {".pt", ".pth"})
    if len(found) != 1:
        there = ", ".join(sorted(path.name for path in Path(model_dir).iterdir())) or "nothing"
        raise ValueError(
            f"Exactly one .pth or .pt file is required for PyTorch models; the model archive holds: {there}. Define "
            "model_fn(model_dir) in your inference script if training saved the model otherwise"
        )
    try:
        return torch.jit.load(str(found[0]), map_location=_DEVICE)
    except RuntimeError as error:
        raise ValueError(
            f"{found[0].name} is no TorchScript ({str(error).splitlines()[0]}). A state_dict is loaded by the "
            "model_fn(model_dir) of your inference script, which knows the model's class"
        ) from error


def input_fn(body: Any, content_type: str) -> Any:
    """A tensor on the device that computes: float32 from JSON and CSV, as saved from npy."""
    return torch.from_numpy(decode(body, content_type)).to(_DEVICE)


def predict_fn(data: Any, model: Any) -> Any:
    model.to(_DEVICE)
    model.eval()
    with torch.no_grad():
        return model(data.to(_DEVICE))


def output_fn(prediction: Any, accept: str) -> tuple[bytes | str, str]:
    if isinstance(prediction, torch.Tensor):
        prediction = prediction.detach().cpu()
        # numpy has no bfloat16
        prediction = (prediction.float() if prediction.dtype is torch.bfloat16 else prediction).numpy()
    return encode(prediction, accept)
