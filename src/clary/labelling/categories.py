"""The label category file: the names that people choose from, in the order that makes their ids.

Source: Ground Truth's guide, "Label Category Configuration File"; ``document-version`` may be missing, as notebooks omit it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from clary.labelling.task_types import TaskType

_NAME = 256  # characters


class BadCategories(Exception):
    """The file is not what it should be; the message says where."""


@dataclass(frozen=True)
class Categories:
    """``shown``: what ``task.input.labels`` holds: names, or for named entities objects with their short names.

    ``instructions``: HTML, ``shortInstruction`` and ``fullInstruction``, of named entities alone.
    """

    names: tuple[str, ...]
    shown: list[Any]
    instructions: dict[str, str]


def parse(content: bytes, type_: TaskType) -> Categories:
    """``BadCategories``."""
    try:
        document = json.loads(content.decode("utf-8-sig"))
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise BadCategories(f"it is no JSON: {error}") from None
    labels = document.get("labels") if isinstance(document, dict) else None
    if not isinstance(labels, list):
        raise BadCategories(
            'it holds no list "labels": {"document-version": "2018-11-28", "labels": [{"label": "cat"}]}'
        )
    names = [_name(label, place) for place, label in enumerate(labels, 1)]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise BadCategories(f"it holds the label {twice[0]!r} twice; each must be there once")
    if len(names) < type_.least_labels:
        raise BadCategories(
            f"it holds {len(names)} labels; the task type {type_.name} needs at least {type_.least_labels}"
        )
    if type_.most_labels and len(names) > type_.most_labels:
        raise BadCategories(
            f"it holds {len(names)} labels; the task type {type_.name} takes at most {type_.most_labels}"
        )
    if type_.answers != "spans":
        return Categories(tuple(names), list(names), {})
    shown = [
        {"label": name, **{key: label[key] for key in ("shortDisplayName",) if isinstance(label.get(key), str)}}
        for name, label in zip(names, labels, strict=True)
    ]
    return Categories(tuple(names), shown, _instructions(document))


def _name(label: Any, place: int) -> str:
    name = label.get("label") if isinstance(label, dict) else None
    if not isinstance(name, str) or not name.strip():
        raise BadCategories(f'its label {place} is {json.dumps(label)[:100]}: each must be {{"label": "<name>"}}')
    if len(name) > _NAME:
        raise BadCategories(f"its label {place} has {len(name)} characters; {_NAME} are the most")
    return name


def _instructions(document: dict[str, Any]) -> dict[str, str]:
    given = document.get("instructions")
    wanted = ("shortInstruction", "fullInstruction")
    if not isinstance(given, dict) or not all(isinstance(given.get(key), str) for key in wanted):
        raise BadCategories(
            'it holds no "instructions" with "shortInstruction" and "fullInstruction", which named entity recognition needs'
        )
    return {key: given[key] for key in wanted}
