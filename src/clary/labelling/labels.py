"""From the answers for a batch of objects to what their lines of the output manifest get: the label and its metadata.

Source of the forms: Ground Truth's guide, "Output Data", and real output where the guide differs: the class of an image is a
number, ``job-name`` begins with ``labeling-job/`` for the built-in types.
"""

from __future__ import annotations

import colorsys
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from clary.formats import png
from clary.formats.png import Colour
from clary.labelling import answers
from clary.labelling.answers import Answer, BadAnswer
from clary.labelling.consolidation import boxes, classes, masks, several_classes, spans
from clary.labelling.proposals import Scored
from clary.labelling.task_types import CUSTOM, TaskType
from clary.store.labelling_objects import Answered, State
from clary.store.labelling_tasks import Row

T = TypeVar("T")

_COLOURS = ("2ca02c", "1f77b4", "ff7f0e", "d62728", "9467bd", "8c564b", "e377c2", "7f7f7f", "bcbd22", "17becf")
_BACKGROUND = "#ffffff"


@dataclass(frozen=True)
class Batch:
    """What the objects of a batch have in common. ``names``: of the labels, ``shown``: as people saw them. ``created``: the
    creation-date.

    ``keep_mask`` stores a PNG of an object and tells its URI; ``response_of``: where an object's answers lie.
    """

    type: TaskType
    attribute: str
    job: str
    names: Sequence[str]
    shown: Sequence[Any]
    created: str
    keep_mask: Callable[[int, bytes], str]
    response_of: Callable[[int], str]


@dataclass(frozen=True)
class Label:
    """``value`` goes under the attribute, ``more`` into the metadata beside what all labels have."""

    value: Any
    more: Mapping[str, Any]


Outcome = tuple[State, dict[str, Any]]
"""What became of an object: labelled or failed, and what its line gets."""


def outcomes(batch: Batch, objects: Sequence[Answered]) -> dict[int, Outcome]:
    """Of each object, by its number."""
    asked = [each for each in objects if each.answers]
    found = {each.number: failed(batch, _EXPIRED) for each in objects if not each.answers}
    labels = _KINDS[batch.type.answers](batch, asked)
    for each, label in zip(asked, labels, strict=True):
        found[each.number] = failed(batch, label) if isinstance(label, str) else _labelled(batch, each, label)
    return found


_EXPIRED = "ClientError: Annotation tasks expired. Nobody answered while the object was offered, or all declined it."


def failed(batch: Batch, reason: str) -> Outcome:
    """An object without a label, and why."""
    return "failed", {f"{batch.attribute}-metadata": {"failure-reason": reason, **_common(batch)}}


def by_machine(batch: Batch, found: Sequence[Scored], size: tuple[int, int]) -> Outcome:
    """An object whose boxes a model drew; ``size``: width and height of the image."""
    agreed = [boxes.Agreed(each.box, round(each.score, 2)) for each in found]
    label = _of_boxes(batch, agreed, size)
    metadata = {**label.more, **_common(batch), "human-annotated": "no"}
    return "auto", {batch.attribute: label.value, f"{batch.attribute}-metadata": metadata}


def _labelled(batch: Batch, each: Answered, label: Label) -> Outcome:
    metadata = {**label.more, **_common(batch), "human-annotated": "yes"}
    if batch.type.audits and batch.type.answers in {"boxes", "mask"}:
        adjusted = any(answers.changed(answers.content(row)) for row in each.answers)
        metadata["adjustment-status"] = "adjusted" if adjusted else "unadjusted"
    return "labelled", {batch.attribute: label.value, f"{batch.attribute}-metadata": metadata}


def _common(batch: Batch) -> dict[str, str]:
    job = batch.job if batch.type is CUSTOM else f"labeling-job/{batch.job.lower()}"
    return {"type": batch.type.metadata, "job-name": job, "creation-date": batch.created}


Labels = list[Label | str]
"""Of each object its label, or why it has none."""


def _read(each: Answered, read: Callable[[Answer], T]) -> tuple[list[tuple[Row, T]], str]:
    """The answers of an object that say something, and what is wrong with one that does not."""
    good, wrong = [], ""
    for row in each.answers:
        try:
            good.append((row, read(answers.content(row))))
        except BadAnswer as error:
            wrong = f"ClientError: The answer of a worker could not be used: {error}"
    return good, wrong


def _all_read(
    objects: Sequence[Answered], read: Callable[[Answer], T]
) -> tuple[list[list[tuple[Row, T]]], Callable[[Iterator[Label]], Labels]]:
    """The usable answers of the objects that have any, and how labels for these become labels of all."""
    found = [_read(each, read) for each in objects]

    def merged(labels: Iterator[Label]) -> Labels:
        return [next(labels) if good else wrong for good, wrong in found]

    return [good for good, _ in found if good], merged


def _one_class(batch: Batch, objects: Sequence[Answered]) -> Labels:
    usable, merged = _all_read(objects, lambda answer: answers.one_class(answer, batch.names))
    choices = classes.consolidate([{row.worker: vote for row, vote in each} for each in usable])
    return merged(
        Label(choice.winner, {"class-name": batch.names[choice.winner], "confidence": choice.confidence})
        for choice in choices
    )


def _verdict(batch: Batch, objects: Sequence[Answered]) -> Labels:
    usable, merged = _all_read(objects, lambda answer: answers.one_class(answer, batch.names))
    choices = classes.consolidate([{row.worker: vote for row, vote in each} for each in usable])

    def labels() -> Iterator[Label]:
        for each, choice in zip(usable, choices, strict=True):
            said = [text for row, _ in each if (text := answers.comment(answers.content(row)))]
            feedback = {"worker-feedback": [{"comment": text} for text in said]} if said else {}
            name = batch.names[choice.winner]
            yield Label(choice.winner, {"class-name": name, "confidence": choice.confidence, **feedback})

    return merged(labels())


def _several_classes(batch: Batch, objects: Sequence[Answered]) -> Labels:
    usable, merged = _all_read(objects, lambda answer: answers.several_classes(answer, batch.names))
    found = several_classes.consolidate([{row.worker: ids for row, ids in each} for each in usable])
    return merged(
        Label(
            list(chosen),
            {
                "class-map": {str(each): batch.names[each] for each in chosen},
                "confidence-map": {str(each): confidence for each, confidence in chosen.items()},
            },
        )
        for chosen in found
    )


def _boxes(batch: Batch, objects: Sequence[Answered]) -> Labels:
    usable, merged = _all_read(objects, lambda answer: answers.boxes(answer, batch.names))

    def labels() -> Iterator[Label]:
        for each in usable:
            agreed = boxes.consolidate([drawn for _, drawn in each])
            sizes = [size for row, _ in each if (size := answers.image_size(answers.content(row)))]
            yield _of_boxes(batch, agreed, sizes[0] if sizes else None)

    return merged(labels())


def _of_boxes(batch: Batch, agreed: Sequence[boxes.Agreed], size: tuple[int, int] | None) -> Label:
    annotations = [
        {
            "class_id": each.box.class_id,
            "top": each.box.top,
            "left": each.box.left,
            "height": each.box.height,
            "width": each.box.width,
        }
        for each in agreed
    ]
    used = sorted({each.box.class_id for each in agreed})
    told = [{"width": size[0], "height": size[1], "depth": 3}] if size else []
    return Label(
        {"image_size": told, "annotations": annotations},
        {
            "objects": [{"confidence": each.confidence} for each in agreed],
            "class-map": {str(number): batch.names[number] for number in used},
        },
    )


def _spans(batch: Batch, objects: Sequence[Answered]) -> Labels:
    labels: Labels = []
    for each in objects:
        text = json.loads(each.line)["source"]
        good, wrong = _read(each, partial(answers.spans, names=batch.names, length=len(text)))
        if not good:
            labels.append(wrong)
            continue
        agreed = spans.consolidate([marked for _, marked in good])
        entities = [
            {
                "label": batch.names[span.span.class_id],
                "startOffset": span.span.start,
                "endOffset": span.span.end,
            }
            for span in agreed
        ]
        value = {"annotations": {"labels": batch.shown, "entities": entities}}
        labels.append(Label(value, {"entities": [{"confidence": span.confidence} for span in agreed]}))
    return labels


def _masks(batch: Batch, objects: Sequence[Answered]) -> Labels:
    labels: Labels = []
    colours = {number: colour(number) for number in range(len(batch.names) + 1)}
    painted = {number: _parts(text) for number, text in colours.items()}
    for each in objects:
        good, wrong = _read(each, lambda answer: answers.mask(answer, batch.names))
        if not good:
            labels.append(wrong)
            continue
        try:
            agreed = masks.consolidate([mask for _, mask in good])
        except masks.UnlikeSizes as error:
            labels.append(f"ClientError: The masks of the workers have several sizes: {error}")
            continue
        uri = batch.keep_mask(each.number, png.encode(masks.picture(agreed.rows, painted)))
        legend = {
            str(number): {
                "class-name": "BACKGROUND" if number == 0 else batch.names[number - 1],
                "hex-color": text,
                "confidence": agreed.confidence,
            }
            for number, text in colours.items()
        }
        labels.append(Label(uri, {"internal-color-map": legend}))
    return labels


def _custom(batch: Batch, objects: Sequence[Answered]) -> Labels:
    """Of one's own template: nothing is known of its answers, so the label says where they lie."""
    return [Label({}, {"worker-response-ref": batch.response_of(each.number)}) for each in objects]


def colour(number: int) -> str:
    """Of a class of a mask, 0 being the background: AWS's order of colours, then others that are unlike."""
    if number == 0:
        return _BACKGROUND
    if number <= len(_COLOURS):
        return f"#{_COLOURS[number - 1]}"
    # Steps of the golden angle fall between all earlier hues; the last bits keep apart what rounding would make one.
    red, green, _ = colorsys.hsv_to_rgb(number * 0.618034 % 1, 0.5 + number % 3 * 0.2, 0.6 + number % 2 * 0.3)
    return f"#{int(red * 255):02x}{int(green * 255):02x}{number % 256:02x}"


def _parts(text: str) -> Colour:
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


_KINDS: dict[str, Callable[[Batch, Sequence[Answered]], Labels]] = {
    "class": _one_class,
    "classes": _several_classes,
    "verdict": _verdict,
    "boxes": _boxes,
    "spans": _spans,
    "mask": _masks,
    "custom": _custom,
}
