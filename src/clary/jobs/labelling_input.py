"""What a labelling job reads before it asks anybody: its template, its label category file, its manifest."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from clary.buckets import Entry
from clary.errors import ServiceError
from clary.formats.image_files import NoImage, look
from clary.guarded_buckets import GuardedBuckets
from clary.labelling import categories, inputs, manifests, templates
from clary.labelling.categories import BadCategories, Categories
from clary.labelling.manifests import BadManifest
from clary.labelling.task_types import TASK_TYPES, TaskType
from clary.labelling.templates import TemplateProblem

_IMAGE_BYTES, _IMAGE_PIXELS = 40 << 20, 100_000_000
_FILE = 2 << 30  # bytes of a manifest, which is read as a whole; more than 100,000 lines never have
_TEXT = 1 << 20  # bytes of a template or a label category file

# The worker's page of named entity recognition, which AWS has by itself; what the category file says of it stands inside.
_ENTITIES = """<script src="https://assets.crowd.aws/crowd-html-elements.js"></script>
<crowd-entity-annotation
  name="crowd-entity-annotation"
  header="Highlight parts of the text below"
  labels="{{{{ task.input.labels | to_json }}}}"
  text="{{{{ task.input.taskObject }}}}"
>
  <full-instructions header="Instructions">{{% raw %}}{full}{{% endraw %}}</full-instructions>
  <short-instructions>{{% raw %}}{short}{{% endraw %}}</short-instructions>
</crowd-entity-annotation>
"""


class CannotBegin(Exception):
    """Something that the job needs is not there or is not as it should be; the message is its FailureReason."""


@dataclass(frozen=True)
class Input:
    """``lines`` of the manifest, each with whether it is labelled already."""

    template: str
    categories: Categories
    lines: list[tuple[str, bool]]


def read(buckets: GuardedBuckets, job: dict[str, Any]) -> Input:
    """``CannotBegin``."""
    type_ = TASK_TYPES[job["_task_type"]]
    found = _categories(buckets, job, type_)
    template = _template(buckets, job["HumanTaskConfig"]["UiConfig"], found)
    uri = job["InputConfig"]["DataSource"]["S3DataSource"]["ManifestS3Uri"]
    try:
        entries = manifests.parse(_bytes(buckets, uri, "The manifest", _FILE), type_, job["LabelAttributeName"])
    except BadManifest as error:
        raise CannotBegin(f"ClientError: The manifest {uri} cannot be used: {error}") from None
    _check_template(template, inputs.made(type_, found.shown, entries[0].line))
    return Input(template, found, [(entry.line, entry.kept) for entry in entries])


def _check_template(template: str, given: dict[str, Any]) -> None:
    """Whether the template is one at all; what it says of single objects their workers are told."""
    try:
        templates.render(template, given, lambda _, key: key, "")
    except TemplateProblem as problem:
        if problem.code == templates.INVALID_TEMPLATE:
            raise CannotBegin(f"ClientError: The template cannot be rendered: {problem.message}") from None


def bad_objects(buckets: GuardedBuckets, type_: TaskType, lines: Sequence[tuple[int, str]]) -> dict[int, str]:
    """Of these objects those that cannot be shown, by their number, and why. Only images are looked at."""
    if type_.source != "source-ref":
        return {}
    return {
        number: reason for number, line in lines if (reason := _image_problem(buckets, json.loads(line)["source-ref"]))
    }


def _image_problem(buckets: GuardedBuckets, uri: str) -> str:
    try:
        entry = buckets.find(uri)
        if entry.size > _IMAGE_BYTES:
            return f"ClientError: {uri} has {entry.size} bytes; {_IMAGE_BYTES} are the most for an image."
        image = look(_content(buckets, entry, uri))
    except NoImage as error:
        return f"ClientError: {uri} {error}."
    except ServiceError as error:
        return f"ClientError: {uri} cannot be read: {error}"
    if image.width * image.height > _IMAGE_PIXELS:
        return f"ClientError: {uri} has {image.width} x {image.height} pixels; {_IMAGE_PIXELS} are the most."
    return ""


def _content(buckets: GuardedBuckets, entry: Entry, uri: str) -> bytes:
    path = buckets.file(entry)
    return buckets.get_bytes(uri) if path is None else path.read_bytes()


def _categories(buckets: GuardedBuckets, job: dict[str, Any], type_: TaskType) -> Categories:
    uri = job.get("LabelCategoryConfigS3Uri")
    if not uri:
        return Categories((), [], {})
    try:
        return categories.parse(_bytes(buckets, uri, "The label category file", _TEXT), type_)
    except BadCategories as error:
        raise CannotBegin(f"ClientError: The label category file {uri} cannot be used: {error}.") from None


def _template(buckets: GuardedBuckets, ui: dict[str, str], found: Categories) -> str:
    uri = ui.get("UiTemplateS3Uri")
    if uri is None:
        told = found.instructions
        return _ENTITIES.format(short=told["shortInstruction"], full=told["fullInstruction"])
    content = _bytes(buckets, uri, "The template", _TEXT)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CannotBegin(f"ClientError: The template {uri} is not UTF-8: {error.reason}.") from None


def _bytes(buckets: GuardedBuckets, uri: str, what: str, most: int) -> bytes:
    try:
        size = buckets.find(uri).size
        if size > most:
            raise CannotBegin(f"ClientError: {what} {uri} has {size} bytes; {most} are the most.")
        return buckets.get_bytes(uri)
    except ServiceError as error:
        raise CannotBegin(f"ClientError: {what} {uri} cannot be read: {error}") from None
