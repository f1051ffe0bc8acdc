"""``clary logs``: what a job or an endpoint wrote."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from clary.cli import described, options, servers
from clary.cli.client import client

_PAUSE = 0.5  # seconds between two looks, while following
_GROUPS = {noun: f"/aws/sagemaker/{noun}s" for noun in ("TrainingJob", "ProcessingJob", "TransformJob")}
_ENDED = frozenset({"Completed", "Failed", "Stopped"})


@click.command()
@click.argument("job")
@options.data
@click.option("--follow", "-f", is_flag=True, help="Go on until the job has ended (or Ctrl-C).")
def logs(job: str, data: Path | None, follow: bool) -> None:
    """Print the log of a job or an endpoint.

    JOB is a training, processing, transform or Autopilot job, or an endpoint.
    """
    settings = options.settings(data=data)
    servers.require(settings.data)
    sagemaker, log_client = client(settings, "sagemaker"), client(settings, "logs")
    noun, name = _of(sagemaker, job)
    group, prefix = (_GROUPS[noun], f"{name}/") if noun in _GROUPS else (f"/aws/sagemaker/Endpoints/{name}", "")
    tokens: dict[str, str] = {}
    while True:
        ended = not follow or _has_ended(sagemaker, noun, name)
        _print_new(log_client, group, prefix, tokens)
        if ended:
            break
        time.sleep(_PAUSE)
    if not tokens:
        click.echo(f"{job} has written nothing yet. Follow it: clary logs {job} --follow", err=True)


def _of(sagemaker: Any, job: str) -> tuple[str, str]:
    """Whose log it is, by noun and name: an Autopilot job's is that of its training job."""
    noun, _ = next(described.find(sagemaker, job))
    return ("TrainingJob", _training_job_of(sagemaker, job)) if noun == "AutoMLJob" else (noun, job)


def _training_job_of(sagemaker: Any, job: str) -> str:
    steps = sagemaker.list_candidates_for_auto_ml_job(AutoMLJobName=job)["Candidates"]
    named = [s["CandidateStepName"] for c in steps for s in c["CandidateSteps"]]
    return str(named[0]) if named else job


def _has_ended(sagemaker: Any, noun: str, name: str) -> bool:
    return noun in _GROUPS and described.describe(sagemaker, noun, name)[f"{noun}Status"] in _ENDED


def _print_new(client_: Any, group: str, prefix: str, tokens: dict[str, str]) -> None:
    given = {"logStreamNamePrefix": prefix} if prefix else {}
    try:
        streams = client_.describe_log_streams(logGroupName=group, **given)["logStreams"]
    except client_.exceptions.ResourceNotFoundException:
        return
    for stream in streams:
        name = stream["logStreamName"]
        host = f"{name.removeprefix(prefix).rpartition('-')[0]}: " if len(streams) > 1 and prefix else ""
        while True:
            token = {"nextToken": tokens[name]} if name in tokens else {}
            page = client_.get_log_events(logGroupName=group, logStreamName=name, startFromHead=True, **token)
            tokens[name] = page["nextForwardToken"]
            for event in page["events"]:
                click.echo(f"{host}{event['message']}")
            if not page["events"]:
                break
