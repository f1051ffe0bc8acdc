"""Reading the channels: images with their boxes from RecordIO, from image files beside JSON, from an augmented manifest.

Which of them a channel is, its ContentType and input mode say. In Pipe mode the first epoch is read, and kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from clary.formats import image_records, recordio
from clary.formats.recordio import BrokenRecord
from clary.images.errors import UserError
from clary.images.object_detection import labels
from clary.images.object_detection.labels import Annotation

RECORDIO = "application/x-recordio"
IMAGES = ("image/jpeg", "image/png", "application/x-image")
MODEL = "application/x-sagemaker-model"
CHANNELS = ("train", "validation", "train_annotation", "validation_annotation", "model", "pretrained")
_SUFFIXES = {".jpg", ".jpeg", ".png"}


@dataclass(frozen=True, slots=True)
class Example:
    """``where`` names it in errors: a file of a channel, a record, a line."""

    where: str
    image: bytes
    annotation: Annotation


def check(channels: dict[str, dict[str, str]]) -> None:
    """``UserError`` if a channel is missing, is not known, or has a ContentType that nothing here reads."""
    for name in channels:
        if name not in CHANNELS:
            raise UserError(f"Extraneous channel found: {name}. There may be: {', '.join(CHANNELS)}")
    for name in ("train", "validation"):
        if name not in channels:
            raise UserError(f"Missing required channel: {name}")
        kind = content_type(channels[name])
        if kind not in {RECORDIO, *IMAGES, ""}:
            raise UserError(
                f"The channel {name}: {kind} is not an accepted ContentType: {', '.join((RECORDIO, *IMAGES))}"
            )
        if _is_files(name, channels) and f"{name}_annotation" not in channels:
            raise UserError(
                f"Missing required channel: {name}_annotation. Image files need one JSON file each there; RecordIO has "
                f"the ContentType {RECORDIO}, an augmented manifest the input mode Pipe"
            )


def content_type(channel: dict[str, str]) -> str:
    """Without its parameters, in lower case; "" if the channel has none."""
    return channel.get("ContentType", "").partition(";")[0].strip().lower()


def examples(name: str, channels: dict[str, dict[str, str]], data: Path) -> Iterator[Example]:
    """The channel's images in their order; ``data``: the folder of all channels. ``UserError`` names what cannot be read."""
    channel = channels[name]
    if channel["TrainingInputMode"] == "Pipe":
        fifo = data / f"{name}_0"
        wrapped = channel.get("RecordWrapperType") == "RecordIO" or content_type(channel) in IMAGES
        return _manifest(fifo, name) if wrapped else _records(fifo, f"channel {name}")
    if _is_files(name, channels):
        return _files(data / name, data / f"{name}_annotation")
    return _record_files(data / name)


def _is_files(name: str, channels: dict[str, dict[str, str]]) -> bool:
    channel = channels[name]
    if channel["TrainingInputMode"] == "Pipe":
        return False
    kind = content_type(channel)
    return kind in IMAGES or (not kind and f"{name}_annotation" in channels)


def _record_files(folder: Path) -> Iterator[Example]:
    files = [path for path in _below(folder) if path.suffix == ".rec"]
    if not files:
        there = ", ".join(path.name for path in _below(folder)[:5]) or "nothing"
        raise UserError(
            f"The channel {folder.name} has no .rec file, but {there}. Image files need the ContentType image/jpeg or "
            f"image/png and the channel {folder.name}_annotation"
        )
    for path in files:
        yield from _records(path, f"{folder.name}/{path.relative_to(folder).as_posix()}")


def _records(path: Path, where: str) -> Iterator[Example]:
    try:
        with path.open("rb") as stream:
            for number, record in enumerate(image_records.read(stream), 1):
                place = f"{where}, record {number}"
                yield Example(place, record.image, labels.of_record(record, place))
    except BrokenRecord as error:
        raise UserError(f"{where}: {error}") from None


def _files(images: Path, annotations: Path) -> Iterator[Example]:
    files = [path for path in _below(annotations) if path.suffix == ".json"]
    if not files:
        raise UserError(f"The channel {annotations.name} has no .json file: each image needs one")
    seen = set()
    for path in files:
        where = f"{annotations.name}/{path.relative_to(annotations).as_posix()}"
        annotation = labels.of_json(path.read_bytes(), where)
        image = _image_of(path, annotation, images, annotations)
        if image is None:
            named = annotation.file or f"{path.stem}.jpg or .png"
            raise UserError(f"{where} is of the image {named}, which is not in the channel {images.name}")
        seen.add(image)
        yield Example(f"{images.name}/{image.relative_to(images).as_posix()}", image.read_bytes(), annotation)
    left = [path for path in _below(images) if path.suffix.lower() in _SUFFIXES and path not in seen]
    if left:
        print(
            f"Clary: {len(left)} images of the channel {images.name} have no annotation and are left out, such as "
            f"{left[0].name}. One without any object has an empty list of annotations.",
            flush=True,
        )


def _image_of(path: Path, annotation: Annotation, images: Path, annotations: Path) -> Path | None:
    """The image that the annotation names; one of the same stem where it names none."""
    if annotation.file:
        found = (images / annotation.file).resolve()
        inside = found.is_relative_to(images.resolve())
        return images / annotation.file if inside and found.is_file() else None
    stem = images / path.relative_to(annotations)
    return next((c for s in (".jpg", ".jpeg", ".png", ".JPG", ".PNG") if (c := stem.with_suffix(s)).is_file()), None)


def _manifest(fifo: Path, channel: str) -> Iterator[Example]:
    """Pairs of records: the image, then the attribute of its boxes."""
    try:
        with fifo.open("rb") as stream:
            records = recordio.read(stream)
            for number, (image, boxes) in enumerate(zip_longest(records, records), 1):
                where = f"channel {channel}, image {number} of the manifest"
                if boxes is None or image[:1] in {b"{", b"["}:
                    raise UserError(
                        f"{where}: an image and its boxes must come in turn. Set AttributeNames to two names, that of the "
                        'image first: ["source-ref", "boxes"]'
                    )
                yield Example(where, image, labels.of_json(boxes, f"{where}: its attribute"))
    except BrokenRecord as error:
        raise UserError(f"channel {channel}: {error}. An augmented manifest needs RecordWrapperType RecordIO") from None


def _below(folder: Path) -> list[Path]:
    hidden: Any = (".", "_")
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(hidden))
