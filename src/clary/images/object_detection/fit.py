"""The training: epochs of batches, after each epoch the mean average precision on the validation channel, the best model kept.

What an epoch shows and in which order follows from its number alone, so one that is taken up in its midst goes on as it was.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor

from clary.images.errors import UserError
from clary.images.object_detection import log, loss
from clary.images.object_detection.augmentation import augment
from clary.images.object_detection.average_precision import Detection, mean_average_precision
from clary.images.object_detection.checkpoints import Checkpoints
from clary.images.object_detection.dataset import Dataset
from clary.images.object_detection.detection import detect
from clary.images.object_detection.freezing import freeze, hold
from clary.images.object_detection.hosts import Hosts
from clary.images.object_detection.hyperparameters import Settings
from clary.images.object_detection.loss import Truth
from clary.images.object_detection.network import Detector

_SECONDS = 30.0  # between two lines of losses, or two checkpoints, within an epoch
_LONGEST_GRADIENT = 10.0
_WARM_UP = 100  # batches in which the learning rate rises, of which a short training takes a tenth
_EVALUATED = 32  # images at a time


@dataclass
class Standing:
    """Where the training is: what a checkpoint holds beside the weights. ``best``: the highest mAP, -1 before the first."""

    epoch: int = 0
    batch: int = 0
    best: float = -1.0
    stale: int = 0  # epochs since the mAP last rose by the tolerance
    bar: float = 0.0  # what the mAP must pass to have risen
    sums: list[float] = field(default_factory=lambda: [0.0, 0.0])  # of the epoch's cross-entropy and smooth L1


class Training:
    """``keep`` is handed the weights of each best model; ``stopped`` says whether the job is to end.

    ``model`` is on the device that computes.
    """

    def __init__(
        self,
        settings: Settings,
        model: Detector,
        train: Dataset,
        validation: Dataset,
        hosts: Hosts,
        checkpoints: Checkpoints,
        keep: Callable[[dict[str, Tensor]], None],
        stopped: Callable[[], bool],
    ) -> None:
        self._settings, self._model, self._train, self._validation = settings, model, train, validation
        self._hosts, self._checkpoints, self._keep, self._stopped = hosts, checkpoints, keep, stopped
        self._frozen = freeze(model, settings.freeze_layer_pattern) if settings.freeze_layer_pattern else []
        self._optimizer = _optimizer(model, settings)
        self._standing = Standing()
        self._best: dict[str, Tensor] = {}
        self._diverged = False
        self._saved = time.monotonic()
        self._batches = hosts.most(-(-len(train) // settings.mini_batch_size))

    def run(self) -> None:
        """To the last epoch, to where early stopping ends it, or until it is stopped."""
        self._resume()
        while self._standing.epoch < self._settings.epochs:
            if not self._epoch():
                self._leave()
                return
            done = self._standing.epoch
            log.progress(self._hosts.name, done, self._settings.epochs)
            if self._is_over():
                log.say(
                    f"Early stopping after epoch {done - 1}: the mAP has not risen for {self._standing.stale} epochs."
                )
                return

    def _epoch(self) -> bool:
        """False if it was broken off."""
        at, begin, first = self._standing, time.monotonic(), self._standing.batch
        order = self._order(at.epoch)
        self._model.train()
        hold(self._frozen)
        said = begin
        while at.batch < self._batches:
            if self._batch(order):
                return False
            if time.monotonic() - said > _SECONDS and at.batch < self._batches:
                said = time.monotonic()
                self._say_losses()
                self._save()
        seconds = max(time.monotonic() - begin, 1e-6)
        self._say_losses()
        log.throughput(self._hosts.name, (at.batch - first) * self._settings.mini_batch_size / seconds)
        self._evaluate()
        at.epoch, at.batch, at.sums = at.epoch + 1, 0, [0.0, 0.0]
        self._save()
        return True

    def _order(self, epoch: int) -> list[int]:
        """The images of an epoch: all of them, and the first again until the last batch is full."""
        order = list(range(len(self._train)))
        random.Random(f"order {epoch} {self._hosts.rank}").shuffle(order)  # noqa: S311 - no secret
        wanted = self._batches * self._settings.mini_batch_size
        return (order * -(-wanted // len(order)))[:wanted]

    def _batch(self, order: list[int]) -> bool:
        """One step; whether the job is to end after it."""
        at, size = self._standing, self._settings.mini_batch_size
        chance = random.Random(f"batch {at.epoch} {at.batch} {self._hosts.rank}")  # noqa: S311 - no secret
        taken, truths = self._train.take(order[at.batch * size : (at.batch + 1) * size], self._model.channels)
        device = self._model.anchors.device
        images = torch.from_numpy(taken).to(device).permute(0, 3, 1, 2)
        placed = [Truth(each.corners.to(device), each.classes.to(device)) for each in truths]
        images, placed = augment(images, placed, chance)
        scores, offsets = self._model(images.contiguous(memory_format=torch.channels_last))
        cross_entropy, smooth_l1 = loss.of_batch(scores, offsets, self._model.anchors, placed)
        self._optimizer.zero_grad(set_to_none=True)
        (cross_entropy + smooth_l1).backward()
        stop = self._hosts.average(self._model.parameters(), stop=self._stopped())
        length = torch.nn.utils.clip_grad_norm_(self._model.parameters(), _LONGEST_GRADIENT)
        if not math.isfinite(float(length)):  # on every host alike: it is of the mean of all gradients
            self._diverged = True
            return True
        for group in self._optimizer.param_groups:
            group["lr"] = self._rate()
        self._optimizer.step()
        at.batch += 1
        at.sums = [at.sums[0] + float(cross_entropy.detach()), at.sums[1] + float(smooth_l1.detach())]
        return stop

    def _rate(self) -> float:
        settings, at = self._settings, self._standing
        step = at.epoch * self._batches + at.batch
        warm = min(_WARM_UP, self._batches * settings.epochs // 10)
        passed = sum(at.epoch >= epoch for epoch in settings.lr_scheduler_step)
        rising = min(1.0, (step + 1) / warm) if warm else 1.0
        return settings.learning_rate * rising * settings.lr_scheduler_factor**passed

    def _evaluate(self) -> None:
        """The mAP of the validation channel, by the first host for all; the model is kept if it is the best so far."""
        at = self._standing
        score = 0.0
        if self._hosts.is_first:
            score = evaluate(self._model, self._validation, self._settings)
            log.mean_average_precision(self._hosts.name, at.epoch, score)
        score = self._hosts.of_first(score)
        if score >= at.best:  # of two alike the one that learnt longer
            at.best = score
            self._best = {name: values.detach().cpu().clone() for name, values in self._model.state_dict().items()}
            if self._hosts.is_first:
                log.say(f"Updating the best model with validation-mAP={score:.6f}")
                self._keep(self._best)
        if score > at.bar:
            at.bar, at.stale = score * (1 + self._settings.early_stopping_tolerance), 0
        else:
            at.stale += 1

    def _is_over(self) -> bool:
        settings, at = self._settings, self._standing
        if not settings.early_stopping or at.epoch < settings.early_stopping_min_epochs:
            return False
        return at.stale >= settings.early_stopping_patience

    def _say_losses(self) -> None:
        at = self._standing
        cross_entropy, smooth_l1 = (total / max(at.batch, 1) for total in at.sums)
        log.losses(self._hosts.name, at.epoch, at.batch, cross_entropy, smooth_l1)

    def _save(self) -> None:
        if self._hosts.is_first:
            state = {
                "model": self._model.state_dict(),
                "optimizer": self._optimizer.state_dict(),
                "best": self._best,
                "standing": asdict(self._standing),
            }
            self._checkpoints.save(state)
        self._saved = time.monotonic()

    def _resume(self) -> None:
        state = self._checkpoints.load()
        if state is None:
            return
        self._model.load_state_dict(state["model"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._best, self._standing = state["best"], Standing(**state["standing"])
        if self._best and self._hosts.is_first:
            self._keep(self._best)
        log.say(f"Resuming from the checkpoint at epoch {self._standing.epoch}, batch {self._standing.batch}.")

    def _leave(self) -> None:
        """The job is to end: what was learnt is kept, as a checkpoint, and as a model if there is none yet.

        ``UserError`` if it ends because the weights ran away before any model was kept.
        """
        if self._diverged:
            told = (
                f"In epoch {self._standing.epoch}, batch {self._standing.batch} the loss is no finite number any more: the "
                f"learning_rate of {self._settings.learning_rate:g} is too high for {self._settings.optimizer}"
            )
            if not self._best:
                raise UserError(told)
            log.say(f"{told}. The training ends here; the best model so far is kept.")
            return
        log.say(f"Stopped in epoch {self._standing.epoch} after batch {self._standing.batch}.")
        self._save()
        if not self._best and self._hosts.is_first:
            self._keep({name: values.detach().cpu() for name, values in self._model.state_dict().items()})


def evaluate(model: Detector, dataset: Dataset, settings: Settings) -> float:
    """Mean average precision at ``overlap_threshold``, 0 to 1."""
    model.eval()
    found: list[list[Detection]] = []
    for begin in range(0, len(dataset), _EVALUATED):
        places = range(begin, min(begin + _EVALUATED, len(dataset)))
        images, _ = dataset.take(places, model.channels)
        found += detect(model, images, settings.nms_threshold)
    truth = [annotation.boxes for annotation in dataset.annotations]
    return mean_average_precision(found, truth, settings.overlap_threshold)


def _optimizer(model: Detector, settings: Settings) -> Any:
    """Weights decay, biases and norms do not."""
    learnt = [each for each in model.parameters() if each.requires_grad]
    groups = [
        {"params": [each for each in learnt if each.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [each for each in learnt if each.ndim <= 1], "weight_decay": 0.0},
    ]
    match settings.optimizer:
        case "sgd":
            return torch.optim.SGD(groups, lr=settings.learning_rate, momentum=settings.momentum)
        case "adam":
            return torch.optim.AdamW(groups, lr=settings.learning_rate)
        case "rmsprop":
            return torch.optim.RMSprop(groups, lr=settings.learning_rate, alpha=0.9, momentum=settings.momentum)
    return torch.optim.Adadelta(groups, lr=settings.learning_rate)
