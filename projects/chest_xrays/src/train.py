"""Train the detector as a SageMaker job, and serve it: script mode.

SageMaker runs this file in a container. The channel ``images`` holds small grey PNG files, ``train`` and ``validation`` hold
a manifest each. After every epoch all that is needed to go on is written to /opt/ml/checkpoints, which SageMaker keeps in
S3: a job that a spot interruption ended begins again where it was. An endpoint imports the same file and calls the four
functions at its end.
"""

from __future__ import annotations

import argparse
import copy
import io
import json
import math
import os
import sys
import time
from pathlib import Path

import torch
from detector import DetectionLoss, Detector, find, judge
from PIL import Image
from radiographs import augment, read, small

CHECKPOINTS = Path("/opt/ml/checkpoints")
Data = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


class Training:
    """A detector that learns, the running mean of its weights (which is what is kept), and its optimizer."""

    def __init__(self, given: argparse.Namespace) -> None:
        torch.manual_seed(given.seed)
        self.given, self.epoch = given, 0
        self.model, self.loss = Detector(given.width), DetectionLoss()
        self.mean = copy.deepcopy(self.model).eval()
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=given.rate, weight_decay=0.05)

    def run_epoch(self, data: Data) -> float:
        """Once through the pictures in random order; the mean loss."""
        steps = math.ceil(len(data[0]) / self.given.batch)
        self.model.train()
        total = 0.0
        for step, chosen in enumerate(torch.randperm(len(data[0])).chunk(steps)):
            done = self.epoch + step / steps
            self._schedule(done)
            pictures, boxes, has = augment(*(part[chosen] for part in data))
            hits = 2 * min(max(done / self.given.epochs - 0.4, 0) / 0.2, 1)  # what counts as a hit matters at the end
            loss = self.loss(*self.model(pictures), boxes, has, hits)
            self.optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
            self.optimizer.step()
            self._average(done * steps)
            total += loss.item() / steps
        self.epoch += 1
        return total

    def _schedule(self, done: float) -> None:
        """The learning rate: up in the first two epochs, then down along half a cosine wave."""
        cosine = 0.5 + 0.5 * math.cos(math.pi * done / self.given.epochs)
        for group in self.optimizer.param_groups:
            group["lr"] = self.given.rate * min(1, (done + 0.1) / 2) * (0.99 * cosine + 0.01)

    @torch.no_grad()
    def _average(self, step: float) -> None:
        keep = min(0.995, (step + 1) / (step + 10))
        for mean, now in zip(self.mean.state_dict().values(), self.model.state_dict().values(), strict=True):
            if mean.dtype.is_floating_point:
                mean.lerp_(now, 1 - keep)
            else:
                mean.copy_(now)

    def save(self, folder: Path) -> None:
        """Write a checkpoint aside and rename it: an interruption leaves the old one whole."""
        folder.mkdir(parents=True, exist_ok=True)
        state = {"epoch": self.epoch, "model": self.model.state_dict(), "mean": self.mean.state_dict()}
        state |= {"optimizer": self.optimizer.state_dict(), "chance": torch.get_rng_state()}
        torch.save(state, folder / "checkpoint.part")
        (folder / "checkpoint.part").replace(folder / "checkpoint.pt")

    def resume(self, folder: Path) -> bool:
        """Go on from a checkpoint, if there is one."""
        path = folder / "checkpoint.pt"
        if not path.exists():
            return False
        state = torch.load(path, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.mean.load_state_dict(state["mean"])
        self.optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["chance"])
        self.epoch = state["epoch"]
        return True


def main(asked: argparse.Namespace) -> None:
    images = Path(os.environ["SM_CHANNEL_IMAGES"])
    data, unseen = (
        read(next(Path(os.environ[f"SM_CHANNEL_{name}"]).glob("*.manifest")), images, asked.size)
        for name in ("TRAIN", "VALIDATION")
    )
    training = Training(asked)
    if training.resume(CHECKPOINTS):
        print(f"resuming after epoch {training.epoch}", flush=True)
    print(
        f"{len(data[0])} pictures to learn from, {int(data[2].sum())} with a box; {len(unseen[0])} to judge by",
        flush=True,
    )
    began = time.monotonic()
    while training.epoch < asked.epochs:
        loss = training.run_epoch(data)
        training.save(CHECKPOINTS)
        text = f"epoch={training.epoch}; train:loss={loss:.4f};"
        if training.epoch % asked.judge_every == 0 or training.epoch == asked.epochs:
            found = judge(*find(training.mean, unseen[0]), *unseen[1:])
            text += f" validation:ap50={found['ap50']:.4f}; validation:top_box={found['top_box']:.4f};"
        print(f"{text} seconds={time.monotonic() - began:.1f}", flush=True)
    save_model(training.mean, asked.size, Path(os.environ["SM_MODEL_DIR"]))


def save_model(model: Detector, size: int, folder: Path) -> None:
    torch.save({"width": model.width, "size": size, "weights": model.state_dict()}, folder / "model.pt")


def model_fn(model_dir: str) -> tuple[Detector, int]:
    """Load what training saved: the detector, and the side of the pictures that it looks at."""
    saved = torch.load(Path(model_dir) / "model.pt", weights_only=True)
    model = Detector(saved["width"])
    model.load_state_dict(saved["weights"])
    return model.eval(), saved["size"]


def input_fn(body: bytes, content_type: str) -> Image.Image:
    """One picture, image/png or image/jpeg, of any size."""
    if content_type not in {"image/png", "image/jpeg", "application/x-image"}:
        raise ValueError(f"send image/png or image/jpeg, not {content_type}")
    return Image.open(io.BytesIO(body))


def predict_fn(picture: Image.Image, loaded: tuple[Detector, int]) -> dict[str, list[list[float]]]:
    """The form of the built-in algorithm's answer: class, score, left, top, right, bottom, the last four from 0 to 1."""
    model, size = loaded
    boxes, scores = find(model, small(picture, size)[None])
    return {"prediction": [[0.0, float(scores[0]), *(float(side) for side in boxes[0])]]}


def output_fn(prediction: dict[str, list[list[float]]], _accept: str) -> tuple[str, str]:
    """JSON, whatever is asked for."""
    return json.dumps(prediction), "application/json"


def given(arguments: list[str]) -> argparse.Namespace:
    """The hyperparameters, which arrive as flags."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--size", type=int, default=64, help="side of the pictures that the detector looks at, pixels")
    parser.add_argument("--width", type=int, default=16, help="channels at the network's start")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--judge-every", type=int, default=2, help="epochs")
    parser.add_argument("--seed", type=int, default=7)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main(given(sys.argv[1:]))
