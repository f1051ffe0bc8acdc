"""A manifest of Ground Truth: its pictures, with the boxes and classes that a job gave them.

A line is ``{"source-ref": "s3://…", "NAME": …, "NAME-metadata": {…}}``; ``clary.console.boxes`` tells what a box job's are; a
classification's metadata holds ``class-name``. Source: SageMaker's developer guide, "Labeling job output data".
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from clary.console import boxes
from clary.console.boxes import Box

WHOLE = 16 << 20
"""Bytes of a manifest that are looked at."""


@dataclass(frozen=True)
class Picture:
    """One line, counted from 1. ``width`` and ``height``: the pixels that boxes are in, 0 where none is known."""

    line: int
    uri: str
    width: float = 0
    height: float = 0
    boxes: Sequence[Box] = ()
    classes: Sequence[str] = ()
    problem: str = ""

    @property
    def said(self) -> str:
        """The labels in words."""
        return ", ".join(dict.fromkeys([*self.classes, *(box.name for box in self.boxes)]))


@dataclass(frozen=True)
class Manifest:
    pictures: Sequence[Picture]
    cut: bool = False  # whether the file goes on beyond what was looked at


def read(data: bytes, *, whole: bool) -> Manifest | None:
    """None if the first line is none of a manifest with pictures. A line that is broken says so in its place."""
    lines = data.split(b"\n")
    if not whole:
        lines.pop()
    pictures = [_picture(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if not pictures or not pictures[0].uri:
        return None
    return Manifest(pictures, cut=not whole)


def _picture(number: int, line: bytes) -> Picture:
    try:
        found = json.loads(line)
    except ValueError:
        return Picture(number, "", problem="This line is no JSON.")
    uri = found.get("source-ref") if isinstance(found, dict) else None
    if not isinstance(uri, str):
        return Picture(number, "", problem="This line has no source-ref.")
    width = height = 0.0
    drawn: list[Box] = []
    classes: list[str] = []
    for name, value in found.items():
        metadata = found.get(f"{name}-metadata")
        metadata = metadata if isinstance(metadata, dict) else {}
        if isinstance(value, dict) and isinstance(value.get("annotations"), list):
            width, height = boxes.size(value) or (width, height)
            drawn += boxes.of_label(value, metadata)
        elif isinstance(metadata.get("class-name"), str):
            classes.append(metadata["class-name"])
        elif isinstance(metadata.get("class-map"), dict):  # several classes of one picture
            classes += [str(each) for each in metadata["class-map"].values()]
    return Picture(number, uri, width, height, tuple(drawn), tuple(classes))
