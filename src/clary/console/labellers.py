"""Workers as the pages know them: a session names one by region and sub, so that a namesake who comes later is not let in."""

from __future__ import annotations

from clary.context import Context, Identity
from clary.errors import ResourceNotFound
from clary.labelling import workers
from clary.labelling.workers import Worker


def name(worker: Worker) -> str:
    """What a session or a link holds."""
    return f"{worker.region}/{worker.sub}"


def find(context: Context, named: str) -> Worker:
    """``ResourceNotFound`` if the worker was removed."""
    region, _, sub = named.partition("/")
    return workers.find_by_sub(context.at(region), sub)


def identity(context: Context, named: str) -> Identity | None:
    """Who a worker is in the audit trail; None if there is none such."""
    try:
        worker = find(context, named)
    except ResourceNotFound:
        return None
    return Identity(f"arn:aws:sagemaker:{worker.region}:{context.account}:worker/{worker.name}", worker.worker_id)
