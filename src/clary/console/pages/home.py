"""Home: what runs now, what came to its end last and why, the projects, the endpoints, room on the disk, the would-be cost."""

from __future__ import annotations

import shutil
from typing import Any

from clary import costs, prices
from clary.console.job_kinds import KINDS, LIVE, JobKind
from clary.console.page import Nav, page
from clary.console.pages.projects import progress
from clary.console.templates import size, url
from clary.console.visit import Visit
from clary.errors import ServiceError
from clary.gateway.http import HttpAnswer

_SHOWN = 12
_WORDS = {"TrainingJob": "Training", "ProcessingJob": "Processing", "TransformJob": "Transform"}


@page("/_/", nav=Nav("Studio", "Home", order=0))
def home(visit: Visit) -> HttpAnswer:
    jobs = [job for kind in KINDS for job in _jobs(visit, kind)] + _autopilot(visit)
    jobs.sort(key=lambda job: (not job["running"], -job["created"].timestamp()))
    shown = jobs[:_SHOWN]
    return visit.show(
        "home.html",
        jobs=shown,
        running=sum(job["running"] for job in jobs),
        failed=sum(job["state"] == "Failed" for job in shown),
        cost=_cost(shown),
        endpoints=_rows(visit, "ListEndpoints", "Endpoints"),
        projects=progress(visit) if visit.context.identity.owner else [],
        free=size(shutil.disk_usage(visit.context.settings.data).free),
        note=f"For instances only, at the prices of {prices.table().region} as of {prices.table().date:%Y-%m-%d}.",
    )


def _rows(visit: Visit, operation: str, member: str) -> list[dict[str, Any]]:
    try:
        answer = visit.call("sagemaker", operation, SortBy="CreationTime", SortOrder="Descending", MaxResults=_SHOWN)
    except ServiceError:
        return []  # not allowed: other things may be
    rows: list[dict[str, Any]] = answer[member]
    return rows


def _jobs(visit: Visit, kind: JobKind) -> list[dict[str, Any]]:
    found, now = [], visit.context.now()
    for row in _rows(visit, f"List{kind.noun}s", f"{kind.noun}Summaries"):
        try:
            job = kind.describe(visit, row[kind.name])
        except ServiceError:
            continue
        state = kind.status(job)
        found.append(
            {
                "kind": _WORDS[kind.noun] + (", spot" if job.get("EnableManagedSpotTraining") else ""),
                "name": row[kind.name],
                "page": url(kind.path, row[kind.name]),
                "state": state,
                "reason": kind.reason(job) if state != "Completed" else "",
                "running": state in LIVE,
                "lasted": kind.lasted(job, now),
                "cost": costs.of_job(kind.noun, job, now).partition(",")[0],
                "created": row["CreationTime"],
            }
        )
    return found


def _autopilot(visit: Visit) -> list[dict[str, Any]]:
    found = []
    for row in _rows(visit, "ListAutoMLJobs", "AutoMLJobSummaries"):
        running = row["AutoMLJobStatus"] in LIVE
        ended = visit.context.now() if running else row.get("EndTime") or row["LastModifiedTime"]
        found.append(
            {
                "kind": "Autopilot",
                "name": row["AutoMLJobName"],
                "page": url("/_/autopilot", row["AutoMLJobName"]),
                "state": row["AutoMLJobStatus"],
                "reason": row.get("FailureReason") or (row["AutoMLJobSecondaryStatus"] if running else ""),
                "running": running,
                "lasted": ended - row["CreationTime"],
                "cost": "",
                "created": row["CreationTime"],
            }
        )
    return found


def _cost(jobs: list[dict[str, Any]]) -> str:
    """Of all that are shown, as far as prices are known."""
    known = [float(job["cost"].removeprefix("$").replace(",", "")) for job in jobs if job["cost"].startswith("$")]
    return f"${sum(known):,.2f}" if known else ""
