"""A training job that begins again: its spot instances were taken away, or the process that watched over it was lost.

Each attempt has a folder of its own, as an instance that is started anew is empty; what lasts are the checkpoints.
"""

from __future__ import annotations

from typing import Any, Literal

from clary.store.base import Record

OVERDUE = {
    "MaxRuntimeExceeded": "Training job stopped: maximum runtime exceeded",
    "MaxWaitTimeExceeded": "Training job stopped: maximum wait time exceeded",
}
"""The last status of a job whose time is over, and its message."""

Cause = Literal["", "Interrupted", "Restarting"]
"""Why it begins again, as the status that is told; "" if it does not."""


def cause(job: Record, *, lost: bool) -> Cause:
    """Of a job whose tasks have ended."""
    if job.status != "InProgress" or job.body.get("_overdue") or job.body.get("_cannot_keep"):
        return ""
    if job.body.get("_interrupted"):
        return "Interrupted"
    return "Restarting" if lost and job.body.get("_retries", 0) < _most(job) else ""


def overdue(job: Record) -> str:
    """The last status of a job whose time is over, one of ``OVERDUE``; "" of another."""
    said = job.body.get("_overdue")
    return "MaxRuntimeExceeded" if said is True else str(said or "")  # True: stopped before there was the other limit


def retry_message(job: Record) -> str:
    return (
        f"Restarting the training job after an internal error: retry {job.body.get('_retries', 0) + 1} of {_most(job)}"
    )


def following(job: Record, why: Cause) -> dict[str, Any]:
    """The members of the body with which the next attempt begins."""
    attempt = job.body.get("_attempt", 0) + 1
    return {
        "_attempt": attempt,
        "_retries": job.body.get("_retries", 0) + (why == "Restarting"),
        "_directory": _directory(job, attempt),
        "_has_room": False,
        **dict.fromkeys(("_interrupt", "_interruption", "_interrupted")),
    }


def before(job: Record) -> str | None:
    """The folder of the attempt before this one, as ``_directory`` names it."""
    attempt = job.body.get("_attempt", 0)
    return _directory(job, attempt - 1) if attempt else None


def _directory(job: Record, attempt: int) -> str:
    first = str(job.body["_directory"]).partition(".")[0]  # no name of a job or region has a point
    return f"{first}.{attempt}" if attempt else first


def _most(job: Record) -> int:
    return int(job.body.get("RetryStrategy", {}).get("MaximumRetryAttempts", 0))
