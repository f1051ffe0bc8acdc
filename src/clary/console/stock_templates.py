"""Workers' templates of the built-in task types, for whoever begins a job by the form."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

_LABELS = "{{ task.input.labels | to_json | escape }}"
_IMAGE = "{{ task.input.taskObject | grant_read_access }}"
_TEXT = "<classification-target>{{ task.input.taskObject }}</classification-target>"


@dataclass(frozen=True)
class Stock:
    """``tool`` is an element with a place for the header; ``images``: whether it shows images, else texts."""

    title: str
    element: str
    field: str
    attributes: str
    inside: str
    images: bool


TYPES = {
    "BoundingBox": Stock(
        "Boxes on images", "crowd-bounding-box", "boundingBox", f'src="{_IMAGE}" labels="{_LABELS}"', "", True
    ),
    "ImageMultiClass": Stock(
        "One class for an image",
        "crowd-image-classifier",
        "crowd-image-classifier",
        f'src="{_IMAGE}" categories="{_LABELS}"',
        "",
        True,
    ),
    "ImageMultiClassMultiLabel": Stock(
        "Several classes for an image",
        "crowd-image-classifier-multi-select",
        "crowd-image-classifier-multi-select",
        f'src="{_IMAGE}" categories="{_LABELS}"',
        "",
        True,
    ),
    "TextMultiClass": Stock(
        "One class for a text", "crowd-classifier", "crowd-classifier", f'categories="{_LABELS}"', _TEXT, False
    ),
    "TextMultiClassMultiLabel": Stock(
        "Several classes for a text",
        "crowd-classifier-multi-select",
        "crowd-classifier-multi-select",
        f'categories="{_LABELS}"',
        _TEXT,
        False,
    ),
}


def template(type_: str, header: str, instructions: str) -> str:
    """The template of a type; ``header`` and ``instructions`` are plain text, which Liquid does not read."""
    stock = TYPES[type_]
    return f"""<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>
<crowd-form>
  <{stock.element} name="{stock.field}" header="{_plain(header)}" {stock.attributes}>
    {stock.inside}
    <full-instructions header="Instructions">{_plain(instructions)}</full-instructions>
    <short-instructions>{_plain(instructions)}</short-instructions>
  </{stock.element}>
</crowd-form>
"""


def _plain(text: str) -> str:
    return escape(text).replace("{", "&#123;").replace("\n", "<br>")
