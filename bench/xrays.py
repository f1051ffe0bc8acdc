"""How well does the X-ray project's own detector find the trachea, and what keeps it from finding it better?

    python bench/xrays.py real --data FOLDER         5 folds by patient, on the real pictures of 64 x 64
    python bench/xrays.py sample                     trained on synthetic pictures, judged on those of other patients

FOLDER holds trachea.manifest and images_64. Run it with a Python that has torch, numpy and Pillow: that of Clary's PyTorch
image, ~/.cache/clary/environments/pytorch-*/bin/python. AP50 is pooled over the folds; a patient is the first part of a
picture's name. Beside the detector: always the mean box of the training folds.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

PROJECT = Path(__file__).parent.parent / "projects/chest_xrays"
sys.path[:0] = [str(PROJECT), str(PROJECT / "src")]

import sample  # noqa: E402
from detector import find, iou, judge  # noqa: E402
from radiographs import read  # noqa: E402
from train import Training  # noqa: E402

FOLDS = 5
Data = tuple[torch.Tensor, ...]


def trained(data: Data, given: argparse.Namespace, seed: int) -> Training:
    training = Training(argparse.Namespace(**{**vars(given), "seed": seed}))
    while training.epoch < given.epochs:
        training.run_epoch(data)  # type: ignore[arg-type]
    return training


def folds(names: list[str]) -> torch.Tensor:
    """The fold of each picture; all of a patient's are in one."""
    patients = sorted({name.partition("_")[0] for name in names})
    random.Random(0).shuffle(patients)
    place = {patient: number % FOLDS for number, patient in enumerate(patients)}
    return torch.tensor([place[name.partition("_")[0]] for name in names])


def real(given: argparse.Namespace) -> dict[str, Any]:
    """Figures of all folds together, and what they would be if a part of each box were known."""
    with tempfile.TemporaryDirectory() as folder:
        lines = (given.data / "trachea.manifest").read_text(encoding="utf-8").splitlines()
        there = {path.name for path in (given.data / "images_64").iterdir()}
        kept = [line for line in lines if json.loads(line)["source-ref"].rpartition("/")[2] in there]
        (Path(folder) / "some.manifest").write_text("\n".join(kept))
        data = read(Path(folder) / "some.manifest", given.data / "images_64", given.size)
    names = [json.loads(line)["source-ref"].rpartition("/")[2] for line in kept]
    fold, boxes, has = folds(names), data[1], data[2]
    found, scores, mean = torch.zeros_like(boxes), torch.zeros(len(boxes)), torch.zeros_like(boxes)
    seconds = []
    for number in range(FOLDS):
        began, rest = time.monotonic(), fold != number
        part: Data = tuple(value[rest] for value in data)
        models = [trained(part, given, seed).mean for seed in range(given.seeds)]
        seconds.append(time.monotonic() - began)
        answers = [find(model, data[0][~rest]) for model in models]
        found[~rest] = torch.stack([box for box, _ in answers]).mean(0)
        scores[~rest] = torch.stack([score for _, score in answers]).mean(0)
        mean[~rest] = part[1][part[2] > 0].mean(0)
        print(f"fold {number}: {judge(found[~rest], scores[~rest], boxes[~rest], has[~rest])}", flush=True)
    return {
        "pictures": len(names),
        "patients": len({name.partition("_")[0] for name in names}),
        **judge(found, scores, boxes, has),
        "mean box, top_box": judge(mean, scores, boxes, has)["top_box"],
        "right about whether there is one": float(((scores > 0.5) == (has > 0)).float().mean()),
        **limits(found, boxes, has),
        "seconds a fold": sum(seconds) / FOLDS,
    }


def limits(found: torch.Tensor, boxes: torch.Tensor, has: torch.Tensor) -> dict[str, Any]:
    """The share of right boxes if a part were as drawn; and how far a height may be off before the box is wrong."""
    known = {"sides": (0, 2), "upper edge": (1,), "lower edge": (3,), "upper and lower edge": (1, 3)}
    shares = {}
    for name, places in known.items():
        told = found.clone()
        for place in places:
            told[:, place] = boxes[:, place]
        shares[f"top_box if {name} were known"] = float((iou(told, boxes) >= 0.5)[has > 0].float().mean())
    there = has > 0
    ratio = (found[there, 3] - found[there, 1]) / (boxes[there, 3] - boxes[there, 1])
    heights = (boxes[there, 3] - boxes[there, 1]).mul(1024).sort().values
    off = (ratio < 0.5) | (ratio > 2)
    wrong = iou(found, boxes)[there] < 0.5
    shares["wrong boxes whose height is off by a factor of two"] = float((off & wrong).sum() / wrong.sum().clamp(min=1))
    for percent in (5, 50, 95):
        shares[f"drawn height, {percent} %, of 1,024"] = float(heights[int(percent / 100 * (len(heights) - 1))])
    return shares


def synthetic(given: argparse.Namespace) -> dict[str, Any]:
    """Trained on the sample's first four fifths, judged on the rest, whose patients are others."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        manifest = sample.write(Path(folder), given.count, given.drawn)
        drawing = time.monotonic() - began
        pictures, boxes, has = read(manifest, Path(folder), given.size)
        names = [json.loads(line)["source-ref"] for line in manifest.read_text(encoding="utf-8").splitlines()]
    spent = time.process_time()
    for number in range(60):
        sample.radiograph(number, 0, 512)
    drawn = 60 / (time.process_time() - spent)
    edge = int(0.8 * given.count)
    last = names[edge - 1].partition("_")[0]
    unseen = torch.tensor([place >= edge and name.partition("_")[0] != last for place, name in enumerate(names)])
    began = time.monotonic()
    training = trained((pictures[:edge], boxes[:edge], has[:edge]), given, 7)
    seconds = time.monotonic() - began
    found = judge(*find(training.mean, pictures[unseen]), boxes[unseen], has[unseen])
    return {
        "learnt from": edge,
        "judged on": int(unseen.sum()),
        **found,
        "seconds": seconds,
        "pictures/s": edge * given.epochs / seconds,
        "drawn and written, pictures/s": given.count / drawing,
        "drawn at 512 px, pictures in a second of a processor": drawn,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("what", choices=["real", "sample"])
    parser.add_argument("--data", type=Path, help="the folder of the real pictures")
    parser.add_argument("--epochs", type=int, help="80 for real, 12 for sample")
    parser.add_argument("--size", type=int, help="pixels of a side that the detector looks at")
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--seeds", type=int, default=1, help="detectors whose answers are averaged")
    parser.add_argument("--count", type=int, default=600, help="synthetic pictures")
    parser.add_argument("--drawn", type=int, default=300, help="pixels of a side of the synthetic pictures")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    is_real = given.what == "real"
    given.epochs = given.epochs or (80 if is_real else 12)
    given.size = given.size or 64
    for name, value in (real(given) if is_real else synthetic(given)).items():
        print(f"{name}: {value:,.3f}" if isinstance(value, float) else f"{name}: {value}")


if __name__ == "__main__":
    main()
