"""``clary logs``: what a job or an endpoint wrote."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from clary.cli import options, servers
from clary.cli.client import client

_PAUSE = 0.5  # seconds between two looks, while following
_GROUPS = {noun: f"/aws/sagemaker/{noun.title()}Jobs" for noun in ("training", "processing", "transform")}
_ENDED = frozenset({"Completed", "Failed", "Stopped"})


@click.command()
@click.argument("job")
@options.data
@click.option("--follow", "-f", is_flag=True, help="Go on until the job has ended (or Ctrl-C).")
def logs(job: str, data: Path | None, follow: bool) -> None:
    """Print the log of JOB: a training, processing, transform or Autopilot job, or an endpoint."""
    settings = options.settings(data=data)
    servers.require(settings.data)
    sagemaker, log_client = client(settings, "sagemaker"), client(settings, "logs")
    group, prefix = _where(sagemaker, job)
    tokens: dict[str, str] = {}
    while True:
        ended = not follow or _has_ended(sagemaker, group, prefix.rstrip("/"))
        _print_new(log_client, group, prefix, tokens)
        if ended:
            break
        time.sleep(_PAUSE)
    if not tokens:
        click.echo(f"{job} has written nothing yet. Follow it: clary logs {job} --follow", err=True)


def _where(sagemaker: Any, job: str) -> tuple[str, str]:
    """The log group and the prefix of the streams of a thing of this name."""
    kinds: list[tuple[Callable[[], Any], str, str]] = [
        *((lambda noun=noun: _describe(sagemaker, noun, job), group, f"{job}/") for noun, group in _GROUPS.items()),
        (lambda: sagemaker.describe_endpoint(EndpointName=job), f"/aws/sagemaker/Endpoints/{job}", ""),
        (lambda: _training_job_of(sagemaker, job), _GROUPS["training"], "{}/"),
    ]
    for describe, group, prefix in kinds:
        try:
            found = describe()
        except sagemaker.exceptions.ClientError:
            continue
        return group, prefix.format(found)
    raise click.ClickException(f"There is no job and no endpoint named {job!r}. See: clary status")


def _describe(sagemaker: Any, noun: str, name: str) -> dict[str, Any]:
    """DescribeTrainingJob and its like."""
    describe = getattr(sagemaker, f"describe_{noun}_job")
    found: dict[str, Any] = describe(**{f"{noun.title()}JobName": name})
    return found


def _training_job_of(sagemaker: Any, job: str) -> str:
    sagemaker.describe_auto_ml_job(AutoMLJobName=job)
    steps = sagemaker.list_candidates_for_auto_ml_job(AutoMLJobName=job)["Candidates"]
    named = [s["CandidateStepName"] for c in steps for s in c["CandidateSteps"]]
    return str(named[0]) if named else job


def _has_ended(sagemaker: Any, group: str, name: str) -> bool:
    noun = next((noun for noun, own in _GROUPS.items() if own == group), "")
    return bool(noun) and _describe(sagemaker, noun, name)[f"{noun.title()}JobStatus"] in _ENDED


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
