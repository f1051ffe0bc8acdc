"""A manifest's pictures with their boxes; a broken line says so and does not hide the others."""

from __future__ import annotations

import json
from typing import Any

from clary.console.boxes import Box
from clary.console.previews.manifests import Picture, read


def lines(*values: Any) -> bytes:
    return b"\n".join(v if isinstance(v, bytes) else json.dumps(v).encode() for v in values) + b"\n"


def test_boxes_and_classes_of_pictures() -> None:
    box = {"class_id": 1, "left": 1, "top": 2.5, "width": 3, "height": 4}
    boxes = {"image_size": [{"width": 60, "height": 40, "depth": 3}], "annotations": [box, {"class_id": 0}, 7]}
    found = read(
        lines(
            {"source-ref": "s3://b/a.png", "x": boxes, "x-metadata": {"class-map": {"1": "<b>"}}},
            {"source-ref": "s3://b/b.png", "y": 0, "y-metadata": {"class-name": "cat"}},
            {"source-ref": "s3://b/c.png", "z": [0, 2], "z-metadata": {"class-map": {"0": "cat", "2": "dog"}}},
            {"source-ref": "s3://b/d.png", "x": {"annotations": [box]}},
            b"{",
            {"source": "text"},
        ),
        whole=True,
    )
    assert found is not None
    assert found.pictures == [
        Picture(1, "s3://b/a.png", 60, 40, (Box(1, 2.5, 3, 4, "<b>", 2),)),
        Picture(2, "s3://b/b.png", classes=("cat",)),
        Picture(3, "s3://b/c.png", classes=("cat", "dog")),
        Picture(4, "s3://b/d.png"),
        Picture(5, "", problem="This line is no JSON."),
        Picture(6, "", problem="This line has no source-ref."),
    ]


def test_what_is_no_manifest_with_pictures() -> None:
    for data in (b"", b"\n", b"x\n", lines({"source": "text"}), lines([1]), lines({"source-ref": 7})):
        assert read(data, whole=True) is None


def test_a_line_that_is_cut_off_is_left_out() -> None:
    found = read(lines({"source-ref": "s3://b/a.png"}) + b'{"source-re', whole=False)
    assert found is not None
    assert (len(found.pictures), found.cut) == (1, True)
