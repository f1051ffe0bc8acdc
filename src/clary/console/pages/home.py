"""Home: what runs now, what came to its end last and why, and how code reaches this server."""

from __future__ import annotations

from typing import Any

from clary.console.page import Nav, page
from clary.console.visit import Visit
from clary.errors import ServiceError
from clary.gateway.http import HttpAnswer

# Kind of job → operation, its rows, and what a row calls name, status and failure.
_JOBS = {
    "Training": ("ListTrainingJobs", "TrainingJobSummaries", "TrainingJob"),
    "Processing": ("ListProcessingJobs", "ProcessingJobSummaries", "ProcessingJob"),
    "Transform": ("ListTransformJobs", "TransformJobSummaries", "TransformJob"),
    "Autopilot": ("ListAutoMLJobs", "AutoMLJobSummaries", "AutoMLJob"),
}
_SHOWN = 12


@page("/_/", nav=Nav("Studio", "Home", order=0))
def home(visit: Visit) -> HttpAnswer:
    jobs: list[dict[str, Any]] = []
    for kind, (operation, member, prefix) in _JOBS.items():
        try:
            rows = visit.call("sagemaker", operation, SortBy="CreationTime", SortOrder="Descending", MaxResults=_SHOWN)
        except ServiceError:
            continue  # not built, or not allowed: others may be
        jobs += [_job(visit, kind, prefix, row) for row in rows[member]]
    jobs.sort(key=lambda job: (not job["running"], -job["created"].timestamp()))
    running = sum(job["running"] for job in jobs)
    failed = sum(job["status"] == "Failed" for job in jobs)
    return visit.show("home.html", jobs=jobs[:_SHOWN], running=running, failed=failed)


def _job(visit: Visit, kind: str, prefix: str, row: dict[str, Any]) -> dict[str, Any]:
    status, created = row[f"{prefix}Status"], row["CreationTime"]
    ended = row.get(f"{prefix}EndTime") or row.get("TrainingEndTime") or row.get("EndTime")
    running = status in {"InProgress", "Stopping"}
    return {
        "kind": kind,
        "name": row[f"{prefix}Name"],
        "status": status,
        "reason": row.get("FailureReason", ""),
        "created": created,
        "running": running,
        "lasted": (visit.context.now() if running else ended or row["LastModifiedTime"]) - created,
    }
