"""Which images ``clary records pack`` packs, with which labels: those of a folder of classes or of a .lst file.

A manifest's are in ``record_manifests``. What is wrong with an image is collected, so that one run names many of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import click

from clary.formats import detection_labels, image_lists

SUFFIXES = (".jpeg", ".jpg", ".png")  # im2rec's
_SHOWN = 10  # problems at most


@dataclass(frozen=True, slots=True)
class Labelled:
    """``id``: its number in the source, from 0. ``name``: as the .lst says it. ``where``: how messages call it.

    ``place``: its file, or its S3 URI. ``size``: width and height in pixels that its boxes were drawn on, if they are told.
    """

    id: int
    labels: tuple[float, ...]
    name: str
    where: str
    place: Path | str
    size: tuple[float, float] | None = None


@dataclass(frozen=True)
class Collection:
    """``boxes``: labels are lists of ``detection_labels``. ``classes``: names by id, where they are known."""

    images: list[Labelled]
    boxes: bool = False
    classes: dict[int, str] = field(default_factory=dict)


class Problems:
    """What was found wrong; the command ends by ``stop`` if there is any."""

    def __init__(self) -> None:
        self._found: list[str] = []

    def add(self, what: str) -> None:
        self._found.append(what)

    def full(self) -> bool:
        return len(self._found) >= _SHOWN

    def stop(self) -> None:
        """``ClickException`` that lists what was found."""
        if not self._found:
            return
        more = f"\n(the first {_SHOWN}; there are more)" if self.full() else ""
        raise click.ClickException("\n".join(self._found[:_SHOWN]) + more + "\nNothing was written.")


def of_folder(root: Path) -> Collection:
    """Each folder with images in it is a class, by their order; as ``im2rec --list --recursive`` numbers them."""
    images: list[Labelled] = []
    classes: dict[int, str] = {}
    for folder, below, files in os.walk(root, followlinks=True):
        below[:] = sorted(name for name in below if not name.startswith("."))
        names = sorted(n for n in files if n.lower().endswith(SUFFIXES) and not n.startswith("."))
        if names:
            classes[len(classes)] = os.path.relpath(folder, root)
        for name in names:
            path = Path(folder, name)
            label = float(len(classes) - 1)
            images.append(Labelled(len(images), (label,), os.path.relpath(path, root), str(path), path))
    if not images:
        raise click.ClickException(f"{root} has no image in it: none of its files ends in {', '.join(SUFFIXES)}.")
    if len(classes) > 1 and "." in classes.values():
        raise click.ClickException(
            f"{root} has images of its own, as {images[0].name}, beside its folders of classes. Move them into a folder of "
            "their class."
        )
    return Collection(images, classes=classes)


def of_list(file: Path, folder: Path, problems: Problems) -> Collection:
    """A .lst file, its paths relative to ``folder``. Whether it is one of boxes, its first line says."""
    try:
        listed = list(image_lists.read(file))
    except image_lists.BrokenList as error:
        raise click.ClickException(str(error)) from None
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{file} is no text in UTF-8: {error}") from None
    if not listed:
        raise click.ClickException(f"{file} has no line.")
    boxes = _are_boxes(listed[0].labels)
    images = []
    for image in listed:
        where = f"{file}: {image.path}"
        if boxes and (wrong := _wrong_boxes(image.labels)):
            problems.add(f"{where}: {wrong}")
        place = image.path if image.path.startswith("s3://") else folder / image.path
        images.append(Labelled(image.id, image.labels, image.path, where, place))
    problems.stop()
    return Collection(images, boxes)


def _are_boxes(labels: tuple[float, ...]) -> bool:
    try:
        detection_labels.unpack(labels)
    except detection_labels.BrokenLabels:
        return False
    return True


def _wrong_boxes(labels: tuple[float, ...]) -> str | None:
    try:
        return detection_labels.misplaced(detection_labels.unpack(labels))
    except detection_labels.BrokenLabels as error:
        return str(error)


def present(collection: Collection) -> Collection:
    """Without the images whose files are not there."""
    kept = [image for image in collection.images if not isinstance(image.place, Path) or image.place.is_file()]
    if not kept:
        raise click.ClickException(f"None of the images is there; {collection.images[0].place} would be the first.")
    return replace(collection, images=kept)


def check(collection: Collection, num_classes: int | None, problems: Problems) -> None:
    """Files that are missing, numbers that stand twice, class ids that leave one out or reach too far."""
    numbers: dict[int, str] = {}
    for image in collection.images:
        if image.id in numbers:
            problems.add(f"{image.where}: the number {image.id} stands a second time; {numbers[image.id]} has it")
        numbers[image.id] = image.name
        if isinstance(image.place, Path) and not image.place.is_file():
            problems.add(f"{image.where}: there is no file {image.place}")
    used = sorted(set(ids(collection)))
    if num_classes is not None and used and used[-1] >= num_classes:
        problems.add(f"The class id {used[-1]} is used, and --num-classes {num_classes} has 0 to {num_classes - 1}.")
    missing = sorted(set(range(used[-1] if used else 0)) - set(used))
    if missing and num_classes is None:
        problems.add(
            f"The class ids have a gap: {_few(used)} are used, {_few(missing)} not. Algorithms count classes from 0 without "
            "leaving one out: number them anew, or say by --num-classes that the missing ones exist."
        )
    problems.stop()


def ids(collection: Collection) -> Iterable[int]:
    """The class of every image, or of every box; none of images with several labels each."""
    for image in collection.images:
        if collection.boxes:
            yield from (int(each[0]) for each in detection_labels.unpack(image.labels).objects)
        elif len(image.labels) == 1 and image.labels[0].is_integer() and image.labels[0] >= 0:
            yield int(image.labels[0])


def _few(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[:8])) + (", …" if len(numbers) > 8 else "")
