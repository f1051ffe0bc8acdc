"""Taking the instances of a spot job away, on order: no operation of AWS's, ``clary spot interrupt`` asks for it."""

from __future__ import annotations

from clary.context import Context
from clary.errors import ValidationException
from clary.services.sagemaker.training_jobs import TRAINING_JOBS
from clary.store.base import Record

_WITHOUT = {
    "Pending": "waits for instances, so it has none that could be taken away",
    "Interrupted": "is being interrupted already",
    "Restarting": "is between two attempts, so it has no instances that could be taken away",
    "Uploading": "has ended its training and is uploading the model",
}
"""Of an InProgress job: secondary status → why it cannot be interrupted."""


def interrupt(context: Context, name: str) -> None:
    """Wish it; ``ValidationException`` for a job that has no spot instances at the moment."""

    def order(job: Record) -> Record:
        if not job.body.get("EnableManagedSpotTraining"):
            raise ValidationException(
                f"The training job {name} does not run on spot: it was created without EnableManagedSpotTraining."
            )
        why = f"is in status {job.status}"
        if job.status == "InProgress":
            why = "is being interrupted already" if job.body.get("_interrupt") else _WITHOUT.get(_standing(job), "")
        if why:
            raise ValidationException(f"The training job {name} cannot be interrupted: it {why}.")
        return TRAINING_JOBS.edited(context, job, {"_interrupt": context.now()})

    if context.store.get(context.region, TRAINING_JOBS.name, name) is None:
        raise ValidationException(f"There is no training job {name} in {context.region}. See: clary status")
    TRAINING_JOBS.change(context, name, order)


def _standing(job: Record) -> str:
    status = str(job.body["SecondaryStatus"])
    return "Pending" if status == "Starting" and not job.body.get("_has_room") else status
