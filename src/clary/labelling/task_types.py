"""The built-in task types: what each shows to people, what it makes of their answers, what the output calls that.

Source: Ground Truth's guide and the lists of PreHumanTaskLambdaArn and AnnotationConsolidationLambdaArn in the API reference.
A type is known by the end of its functions' ARNs, ``PRE-<name>`` and ``ACS-<name>``, whatever their account.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Answers = Literal["boxes", "class", "classes", "mask", "spans", "verdict", "custom"]
"""What workers give: boxes, one class, several, a mask of pixels, spans of a text, one class on another's label, anything."""


@dataclass(frozen=True)
class TaskType:
    """``source``: the member of a manifest's line that holds the object, "" for either. ``metadata``: its ``type`` in output.

    ``audits``: it shows labels that another job made. ``least_labels``: in the label category file, which only ``custom``
    may leave away. ``most_labels`` 0 is any number. ``algorithm``: of automated labelling, where there is one.
    """

    name: str
    answers: Answers
    metadata: str
    source: Literal["source-ref", "source", ""]
    least_labels: int = 1
    most_labels: int = 0
    most_objects: int = 100_000
    audits: bool = False
    algorithm: str = ""

    @property
    def by_reference(self) -> bool:
        """Whether its label is an object in S3, so that the attribute's name ends with ``-ref``."""
        return self.answers == "mask"


_BOXES, _MASK = "groundtruth/object-detection", "groundtruth/semantic-segmentation"
_IMAGE, _TEXT, _VERDICT = (
    "groundtruth/image-classification",
    "groundtruth/text-classification",
    "groundtruth/label-verification",
)

CUSTOM = TaskType("PassThrough", "custom", "groundtruth/custom", "", least_labels=0)
"""A job of one's own template; without functions too."""

TASK_TYPES = {
    each.name: each
    for each in (
        TaskType("BoundingBox", "boxes", _BOXES, "source-ref", most_labels=50, algorithm="object-detection"),
        TaskType("ImageMultiClass", "class", _IMAGE, "source-ref", 2, algorithm="image-classification"),
        TaskType("ImageMultiClassMultiLabel", "classes", f"{_IMAGE}-multilabel", "source-ref", 2, most_labels=50),
        TaskType(
            "SemanticSegmentation",
            "mask",
            _MASK,
            "source-ref",
            most_labels=255,  # a byte of a mask says which, and 0 that it is none
            most_objects=20_000,
            algorithm="semantic-segmentation",
        ),
        TaskType("TextMultiClass", "class", _TEXT, "source", 2, algorithm="text-classification"),
        TaskType("TextMultiClassMultiLabel", "classes", f"{_TEXT}-multilabel", "source", 2, most_labels=50),
        TaskType("NamedEntityRecognition", "spans", "groundtruth/text-span", "source"),
        TaskType("VerificationBoundingBox", "verdict", _VERDICT, "source-ref", audits=True),
        TaskType("VerificationSemanticSegmentation", "verdict", _VERDICT, "source-ref", audits=True),
        TaskType("AdjustmentBoundingBox", "boxes", _BOXES, "source-ref", most_labels=50, audits=True),
        TaskType(
            "AdjustmentSemanticSegmentation",
            "mask",
            _MASK,
            "source-ref",
            most_labels=255,
            most_objects=20_000,
            audits=True,
        ),
        CUSTOM,
    )
}

NOT_BUILT = re.compile(r"(Adjustment)?(Video\w+|3DPointCloud\w+)")
"""Types of AWS's that Clary does not do: of video and of point clouds."""

_FUNCTION = re.compile(r"arn:aws[\w-]*:lambda:[a-z0-9-]*:\d*:function:(PRE|ACS)-([A-Za-z0-9]+)(:.*)?")


def named_by(arn: str, prefix: Literal["PRE", "ACS"]) -> str:
    """The task type whose function this is; "" if it is no built-in function of that kind."""
    found = _FUNCTION.fullmatch(arn)
    if found is None or found[1] != prefix:
        return ""
    return found[2] if found[2] in TASK_TYPES or NOT_BUILT.fullmatch(found[2]) else ""
