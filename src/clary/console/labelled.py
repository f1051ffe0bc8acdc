"""What a labelling job has so far: the newest manifest that it wrote, and each line as a page shows it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clary.buckets import parse_uri
from clary.console import boxes
from clary.console.boxes import Box
from clary.console.visit import Visit
from clary.errors import ServiceError

_ITERATION = re.compile(r"/manifests/intermediate/(\d+)/output\.manifest$")


@dataclass(frozen=True)
class Line:
    """One object: the address of its image, or its ``text``; what people said of it in ``said``, its boxes beside.

    ``size``: the image's, in pixels, where the label tells it. ``problem``: why it has no label.
    """

    number: int
    name: str
    image: str
    text: str
    size: tuple[float, float] | None
    boxes: tuple[Box, ...]
    said: str
    problem: str


def manifest(visit: Visit, job: Mapping[str, Any]) -> str:
    """The URI of the newest manifest that there is; "" if none yet. ``AccessDenied`` for whoever may not read it."""
    root = f"{job['OutputConfig']['S3OutputPath'].rstrip('/')}/{job['LabelingJobName']}"
    bucket, prefix = parse_uri(f"{root}/manifests/")
    found = visit.call("s3", "ListObjectsV2", Bucket=bucket, Prefix=prefix)
    keys = [each["Key"] for each in found.get("Contents", [])]
    if (final := f"{prefix}output/output.manifest") in keys:
        return f"s3://{bucket}/{final}"
    steps = sorted((int(match[1]), key) for key in keys if (match := _ITERATION.search(key)))
    return f"s3://{bucket}/{steps[-1][1]}" if steps else ""


def lines(visit: Visit, job: Mapping[str, Any], uri: str, first: int, count: int) -> tuple[list[Line], int]:
    """So many lines of a manifest from one on, and how many it has."""
    raw = visit.context.own_buckets.get_bytes(uri).splitlines()
    attribute = job["LabelAttributeName"]
    return [_line(visit, n, json.loads(raw[n]), attribute) for n in range(first, min(first + count, len(raw)))], len(
        raw
    )


def _line(visit: Visit, number: int, found: Mapping[str, Any], attribute: str) -> Line:
    source, label = found.get("source-ref", ""), found.get(attribute)
    about = found.get(f"{attribute}-metadata", {})
    return Line(
        number=number,
        name=source.rpartition("/")[2] or f"line {number + 1}",
        image=_address(visit, source),
        text=str(found.get("source", "")),
        size=boxes.size(label),
        boxes=boxes.of_label(label, about),
        said=_said(label, about),
        problem=str(about.get("failure-reason", "")),
    )


def _address(visit: Visit, source: str) -> str:
    try:
        return visit.object_address(*parse_uri(source)) if source else ""
    except ServiceError:
        return ""


def _said(label: Any, about: Mapping[str, Any]) -> str:
    """The label in words."""
    if label is None:
        return ""
    if isinstance(label, dict) and "annotations" in label:
        count = len(label["annotations"])
        return "nothing" if not count else f"{count} {'box' if count == 1 else 'boxes'}"
    if name := about.get("class-name"):
        return str(name)
    if isinstance(names := about.get("class-map"), dict) and isinstance(label, list):
        return ", ".join(str(names.get(str(each), each)) for each in label) or "none of them"
    return label if isinstance(label, str) else json.dumps(label, ensure_ascii=False)[:200]
