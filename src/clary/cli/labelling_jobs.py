"""``clary labelling jobs``: how far the labelling jobs are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from clary.cli import options, servers
from clary.cli.client import client


@click.command()
@options.data
def jobs(data: Path | None) -> None:
    """List the labelling jobs, the newest first.

    For each its state, how many objects are labelled, and whose team it asks.
    """
    settings = options.settings(data=data)
    servers.require(settings.data)
    sagemaker = client(settings, "sagemaker")
    pages = sagemaker.get_paginator("list_labeling_jobs").paginate(SortOrder="Descending")
    found = [job for page in pages for job in page["LabelingJobSummaryList"]]
    if not found:
        click.echo("There are no labelling jobs. docs/guides/labelling.md makes one in ten lines.")
    for job in found:
        click.echo(_line(job))


def _line(job: dict[str, Any]) -> str:
    counters = job["LabelCounters"]
    total = sum(counters[name] for name in ("TotalLabeled", "FailedNonRetryableError", "Unlabeled"))
    failed = f", {counters['FailedNonRetryableError']} failed" if counters["FailedNonRetryableError"] else ""
    told = f"  {job['FailureReason']}" if job.get("FailureReason") else ""
    team = job["WorkteamArn"].rpartition("/")[2]
    count = f"{counters['TotalLabeled']} of {total} labelled{failed}"
    return f"{job['LabelingJobName']}  {job['LabelingJobStatus']}  {count}  team {team}{told}"
