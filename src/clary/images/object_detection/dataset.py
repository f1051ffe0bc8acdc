"""A channel in memory: its images decoded and shrunk once, on all processors, beside their boxes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from clary.images.errors import UserError
from clary.images.object_detection import labels, sources
from clary.images.object_detection.hyperparameters import Settings
from clary.images.object_detection.labels import Annotation
from clary.images.object_detection.loss import Truth
from clary.images.object_detection.pictures import Album, decode
from clary.images.object_detection.sources import Example

_AT_ONCE = 64  # encoded images that are held, so that one host's memory does not hold a channel twice


@dataclass(frozen=True)
class Dataset:
    """The images and annotations of a channel, in the same order."""

    album: Album
    annotations: list[Annotation]

    def __len__(self) -> int:
        return len(self.annotations)

    @cached_property
    def truths(self) -> list[Truth]:
        """The annotations as the loss takes them."""
        return [_truth(annotation) for annotation in self.annotations]

    def take(self, places: Sequence[int], channels: int) -> tuple[np.ndarray, list[Truth]]:
        """A batch: uint8, (images, side, side, channels), and what is on each of them."""
        return self.album.take(places, channels), [self.truths[place] for place in places]


def _truth(annotation: Annotation) -> Truth:
    corners = [(box.left, box.top, box.right, box.bottom) for box in annotation.boxes]
    classes = [box.class_id for box in annotation.boxes]
    return Truth(torch.tensor(corners).reshape(-1, 4), torch.tensor(classes, dtype=torch.int64))


def read(
    name: str,
    channels: dict[str, dict[str, str]],
    data: Path,
    settings: Settings,
    *,
    cpus: int,
    share: tuple[int, int] = (0, 1),
) -> Dataset:
    """The channel ``name`` below ``data``; ``share`` (n, of): each of-th example from the n-th, for one of several hosts.

    ``UserError`` names the first thing that cannot be used.
    """
    wheres, annotations = [], []
    with closing(Album(settings.image_shape)) as album, ThreadPoolExecutor(cpus) as pool:
        for part in _parts(islice(sources.examples(name, channels, data), share[0], None, share[1])):
            wheres += [example.where for example in part]
            annotations += [example.annotation for example in part]
            album.add(pool.map(lambda each: decode(each.image, settings.image_shape, each.where)[0], part))
    if not annotations:
        raise UserError(f"The channel {name} has no image")
    found = zip(wheres, annotations, strict=True)
    labels.check_classes(found, settings.num_classes, settings.most_boxes, name if share[1] == 1 else "")
    if name == "train" and share[1] == 1 and not any(annotation.boxes for annotation in annotations):
        raise UserError("The channel train has no box on any of its images: there is nothing to learn")
    return Dataset(album, annotations)


def _parts(found: Iterator[Example]) -> Iterator[list[Example]]:
    while part := list(islice(found, _AT_ONCE)):
        yield part
