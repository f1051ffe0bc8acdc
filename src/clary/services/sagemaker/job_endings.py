"""What every kind of job asks before it is stopped or deleted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from clary.context import Context
from clary.errors import ResourceInUse, ValidationException
from clary.services.sagemaker.kinds import Kind
from clary.store.base import Record


def stop(
    context: Context, kind: Kind, name: str, members: Callable[[Record], dict[str, Any]] = lambda _: {}
) -> dict[str, Any]:
    """Wish for the end of a job: it is Stopping until its reconciler has stopped it. ``members``: what else changes.

    ``ValidationException`` if the job has ended; nothing happens if it stops already.
    """

    def change(job: Record) -> Record:
        if job.status == "Stopping":
            return job
        if job.status != "InProgress":
            raise ValidationException(f"The request was rejected because the {_noun(kind)} is in status {job.status}.")
        return kind.edited(context, job, members(job), "Stopping")

    kind.change(context, name, change)
    return {}


def refuse_running(kind: Kind, job: Record) -> None:
    """``ResourceInUse`` if the job has not ended: a check for ``delete``."""
    if job.status in {"InProgress", "Stopping"}:
        raise ResourceInUse(
            f"The {_noun(kind)} {job.name} is in status {job.status}: stop it and wait until it has ended."
        )


def _noun(kind: Kind) -> str:
    return kind.type.replace("-", " ")
