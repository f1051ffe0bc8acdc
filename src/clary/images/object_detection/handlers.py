"""What the serving container of object detection does: one image in, its objects out as JSON.

In: image/jpeg, image/png, application/x-image. Out: ``{"prediction": [[class, score, xmin, ymin, xmax, ymax], …]}``, corners
as fractions; ``Accept: application/json;annotation=1`` has pixels, in the form of an annotation file. Low scores are told too.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from clary.images.errors import UserError
from clary.images.object_detection import model_files
from clary.images.object_detection.average_precision import Detection
from clary.images.object_detection.detection import detect
from clary.images.object_detection.network import Detector
from clary.images.object_detection.pictures import as_channels, decode
from clary.images.object_detection.sources import IMAGES

DEFAULT_ACCEPT = "application/json"
_DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


class UnsupportedContent(Exception):
    """A type that is none of ``IMAGES``."""


class NotAcceptable(Exception):
    """An accept type that the answer cannot be given as."""

    status_code = 406


@dataclass(frozen=True)
class Served:
    """``nms_threshold``: by how much, as intersection over union, a box may overlap a surer one of its class, 0 to 1."""

    model: Detector
    nms_threshold: float


@dataclass(frozen=True)
class Found:
    """``size``: width and height of the image as it was sent; ``depth``: its channels."""

    detections: list[Detection]
    size: tuple[int, int]
    depth: int


def model_fn(model_dir: str) -> Served:
    """The model that lies in ``model_dir``, on the GPU if there is one; its first image is behind it."""
    torch.set_num_threads(int(os.environ.get("CLARY_CPUS") or os.cpu_count() or 1))
    model, texts = model_files.load(Path(model_dir))
    model.to(_DEVICE, memory_format=torch.channels_last)
    model.eval()
    served = Served(model, float(texts.get("nms_threshold", "0.45")))
    empty = np.zeros((1, model.image_shape, model.image_shape, model.channels), np.uint8)
    detect(model, empty, served.nms_threshold)  # the first time takes longer: before a request waits for it
    return served


def input_fn(body: bytes, content_type: str) -> bytes:
    """``UnsupportedContent`` for another type than those of an image, ``UserError`` for an empty body."""
    if content_type.partition(";")[0].strip().lower() not in IMAGES:
        raise UnsupportedContent(f"Content-type {content_type} not supported. Supported are {', '.join(IMAGES)}")
    if not body:
        raise UserError("The request is empty: send one image in JPEG or PNG")
    return body


def predict_fn(body: bytes, served: Served) -> Found:
    """``UserError`` if the body is no image."""
    image, size = decode(body, served.model.image_shape, "The request")
    batch = as_channels(image, served.model.channels)[None]
    (found,) = detect(served.model, np.array(batch), served.nms_threshold)
    return Found(found, size, image.shape[2])


def output_fn(found: Found, accept: str) -> tuple[str, str]:
    """The body and its content type; ``NotAcceptable``."""
    kind, *parameters = (part.strip().lower() for part in accept.split(";"))
    if kind != DEFAULT_ACCEPT:
        raise NotAcceptable(f"Accept type {accept} is not supported: take {DEFAULT_ACCEPT}")
    if "annotation=1" in parameters:
        return json.dumps(_annotation(found)), DEFAULT_ACCEPT
    prediction = [[float(each.class_id), each.score, *each.corners] for each in found.detections]
    return json.dumps({"prediction": prediction}), DEFAULT_ACCEPT


def _annotation(found: Found) -> dict[str, object]:
    """Whole pixels, as Ground Truth and annotation files have them."""
    width, height = found.size
    return {
        "image_size": [{"width": width, "height": height, "depth": found.depth}],
        "annotations": [_pixels(each, width, height) for each in found.detections],
    }


def _pixels(each: Detection, width: int, height: int) -> dict[str, float]:
    left, top = round(each.corners[0] * width), round(each.corners[1] * height)
    right, bottom = round(each.corners[2] * width), round(each.corners[3] * height)
    corners = {"left": left, "top": top, "width": max(right - left, 1), "height": max(bottom - top, 1)}
    return {"class_id": each.class_id, "score": each.score, **corners}
