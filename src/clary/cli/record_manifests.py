"""The images of a manifest for ``clary records pack``: a JSON object a line with ``source-ref`` and labels.

Labels are boxes (``groundtruth/object-detection``) or a class's number (``groundtruth/image-classification``, or a number
alone). Source: SageMaker's developer guide, the chapters on Ground Truth's output and on augmented manifests.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from clary.cli.record_places import NoSuchPlace
from clary.cli.record_sources import Collection, Labelled, Problems
from clary.formats import box_annotations, detection_labels
from clary.formats.box_annotations import BrokenAnnotation


class _Wrong(ValueError):
    """A line that cannot be packed."""


@dataclass
class _Manifest:
    name: str
    images: Path | None
    label: str | None
    kinds: dict[bool, int] = field(default_factory=dict)  # whether boxes → the first line that has them
    classes: dict[int, str] = field(default_factory=dict)


def of_manifest(
    source: str,
    read: Callable[[Path | str], bytes],
    images: Path | None,
    label: str | None,
    skip_unlabelled: bool,
    problems: Problems,
) -> Collection:
    """``images``: a folder that holds them all by their file names; ``label``: the attribute, None if there is one only."""
    try:
        text = read(source).decode()
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{source} is no text in UTF-8: {error}") from None
    except NoSuchPlace as error:
        raise click.ClickException(str(error)) from None
    manifest = _Manifest(source, images, label)
    found: list[Labelled] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            attributes = _attributes(line)
            name = _label_name(attributes, label)
            if name is None and skip_unlabelled:
                continue
            found.append(_labelled(manifest, len(found), number, attributes, name))
        except _Wrong as error:
            problems.add(f"{source}, line {number}: {error}")
        if problems.full():
            problems.stop()
    if not found:
        problems.stop()
        raise click.ClickException(f"{source} has no line with a labelled image.")
    return Collection(found, True in manifest.kinds, manifest.classes)


def _attributes(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError as error:
        raise _Wrong(f"it is no JSON: {error}. A manifest has one JSON object on each line") from None
    if not isinstance(found, dict):
        raise _Wrong(f"a line is a JSON object; this one is {line.strip()[:80]}")
    return found


def _label_name(attributes: dict[str, Any], wanted: str | None) -> str | None:
    names = [n for n in attributes if n != "source" and not n.endswith(("-ref", "-metadata"))]
    if wanted is not None:
        return wanted if wanted in attributes else None
    if len(names) > 1:
        raise _Wrong(f"it has several attributes that may be labels: {', '.join(names)}. Name one by --label")
    return names[0] if names else None


def _labelled(manifest: _Manifest, number: int, line: int, attributes: dict[str, Any], name: str | None) -> Labelled:
    reference = attributes.get("source-ref")
    if not isinstance(reference, str) or not reference:
        raise _Wrong('it has no "source-ref" that names an image')
    if name is None:
        what = f"no attribute {manifest.label!r}" if manifest.label else "no labels"
        raise _Wrong(f"it has {what}, only {', '.join(attributes)}. Leave such lines out by --skip-unlabelled")
    metadata = attributes.get(f"{name}-metadata")
    value = attributes[name]
    boxes = isinstance(value, dict)
    other = manifest.kinds.get(not boxes)
    if other is not None:
        raise _Wrong(f"{name!r} has {'boxes' if boxes else 'a class'} here, unlike in line {other}")
    manifest.kinds.setdefault(boxes, line)
    labels, size = _boxes(value, name) if boxes else (_classes(value, name), None)
    if isinstance(metadata, dict):
        _learn_names(manifest.classes, metadata, labels)
    where = f"{manifest.name}, line {line} ({reference})"
    return Labelled(number, labels, reference, where, _place(manifest, reference), size)


def _boxes(value: object, name: str) -> tuple[tuple[float, ...], tuple[float, float]]:
    try:
        found = box_annotations.parse(value)
    except BrokenAnnotation as error:
        raise _Wrong(f"{name!r}: {error}") from None
    return detection_labels.pack(found.label), (found.width, found.height)


def _classes(value: object, name: str) -> tuple[float, ...]:
    values = value if isinstance(value, list) and value else [value]
    if not all(isinstance(each, int | float) and not isinstance(each, bool) for each in values):
        raise _Wrong(f"{name!r} is {json.dumps(value)[:80]}: neither boxes nor a class's number")
    return tuple(map(float, values))


def _learn_names(classes: dict[int, str], metadata: dict[str, Any], labels: tuple[float, ...]) -> None:
    names = metadata.get("class-map")
    for key, text in names.items() if isinstance(names, dict) else ():
        if key.isdecimal():
            classes[int(key)] = str(text)
    if isinstance(metadata.get("class-name"), str) and len(labels) == 1:
        classes[int(labels[0])] = metadata["class-name"]


def _place(manifest: _Manifest, reference: str) -> Path | str:
    if manifest.images is not None:
        return manifest.images / reference.rpartition("/")[2]
    if reference.startswith("s3://"):
        return reference
    if manifest.name.startswith("s3://"):
        raise _Wrong(f"source-ref is {reference!r}, no S3 URI; name the folder of its images by --images")
    return Path(manifest.name).parent / reference
