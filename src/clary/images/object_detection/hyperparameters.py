"""The algorithm's hyperparameters: which there are, what they may be, and how they are read from texts.

Source: the hyperparameter page of object detection in SageMaker's developer guide. Clary's own is ``base_network=small``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from clary.images.errors import UserError
from clary.images.hyperparameter_texts import Hyperparameter, Interval, one_of, plain, real, whole

_REQUIRED = ("num_classes", "num_training_samples")
_PER_BOX = 5  # numbers of a label: class and corners
_PER_LABEL = 2  # numbers before the boxes of a label


def _epochs(text: str) -> tuple[int, ...]:
    return tuple(int(item) for item in text.split(",")) if text.strip() else ()


def _truth(text: str) -> bool:
    words = {"true": True, "1": True, "false": False, "0": False}
    if text.strip().lower() not in words:
        raise ValueError(text)
    return words[text.strip().lower()]


def _pattern(text: str) -> str:
    """A regular expression; "" where nothing is frozen, which the algorithm's own listing writes as "false"."""
    try:
        re.compile(text)
    except re.error:
        raise ValueError(text) from None
    return "" if text.lower() in {"false", "none"} else text


TABLE: dict[str, Hyperparameter] = {
    "num_classes": whole(1),
    "num_training_samples": whole(1),
    "base_network": one_of("vgg-16", "resnet-50", "small", default="vgg-16"),
    "use_pretrained_model": whole(0, 1, default="1"),
    "image_shape": whole(300, default="300"),
    "epochs": whole(1, default="30"),
    "mini_batch_size": whole(1, default="32"),
    "learning_rate": real(0, 1, "(", default="0.001"),
    "lr_scheduler_factor": real(0, 1, "()", default="0.1"),
    "lr_scheduler_step": Hyperparameter(_epochs, Interval(1), default=""),
    "optimizer": one_of("sgd", "adam", "rmsprop", "adadelta", default="sgd"),
    "momentum": real(0, 1, "(", default="0.9"),
    "weight_decay": real(0, 1, "()", default="0.0005"),
    "overlap_threshold": real(0, 1, "(", default="0.5"),
    "nms_threshold": real(0, 1, "(", default="0.45"),
    "label_width": whole(1, default="350"),
    "freeze_layer_pattern": Hyperparameter(_pattern, None, default="false"),
    "kv_store": one_of("dist_sync", "dist_async", default="dist_sync"),
    "early_stopping": Hyperparameter(_truth, (True, False), default="False"),
    "early_stopping_min_epochs": whole(1, default="10"),
    "early_stopping_patience": whole(1, default="5"),
    "early_stopping_tolerance": real(0, 1, default="0.0"),
}
# What a tuning job adds: the one metric that there is to tune by.
_TUNED_BY = one_of("validation:mAP")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The values, under their own names; ``freeze_layer_pattern`` is empty where nothing is frozen."""

    num_classes: int
    num_training_samples: int
    base_network: str
    use_pretrained_model: int
    image_shape: int
    epochs: int
    mini_batch_size: int
    learning_rate: float
    lr_scheduler_factor: float
    lr_scheduler_step: tuple[int, ...]
    optimizer: str
    momentum: float
    weight_decay: float
    overlap_threshold: float
    nms_threshold: float
    label_width: int
    freeze_layer_pattern: str
    kv_store: str
    early_stopping: bool
    early_stopping_min_epochs: int
    early_stopping_patience: int
    early_stopping_tolerance: float

    @property
    def most_boxes(self) -> int:
        """Of an image: as many as ``label_width`` numbers hold."""
        return (self.label_width - _PER_LABEL) // _PER_BOX


def texts(given: Mapping[str, str]) -> dict[str, str]:
    """Every hyperparameter as text, those that were left out by their defaults: what ``hyperparams.json`` holds.

    The platform's own (``sagemaker_…``) are left out; a text may be JSON's, as the SDK's framework estimators send it.
    ``UserError`` if one is missing or there is none of that name.
    """
    own = {name: plain(text) for name, text in given.items() if not name.startswith("sagemaker_")}
    if "_tuning_objective_metric" in own:
        _TUNED_BY.parse("_tuning_objective_metric", own.pop("_tuning_objective_metric"))
    for name in own:
        if name not in TABLE:
            raise UserError(f"Extraneous hyperparameter found: {name}. There are: {', '.join(TABLE)}")
    for name in _REQUIRED:
        if name not in own:
            raise UserError(f"Missing required hyperparameter: {name}")
    return {name: own.get(name, each.default or "") for name, each in TABLE.items()}


def read(given: Mapping[str, str]) -> Settings:
    """The values of a job's hyperparameters; ``UserError`` says which cannot be used and what may stand there."""
    values = {name: TABLE[name].parse(name, text) for name, text in texts(given).items()}
    steps = values["lr_scheduler_step"]
    if list(steps) != sorted(set(steps)):
        shown = ",".join(map(str, steps))
        raise UserError(f"Hyperparameter lr_scheduler_step: {shown!r} must name epochs that rise, like '10,20'")
    return Settings(**values)
