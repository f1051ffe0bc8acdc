"""What a job leaves by itself: its trial component, the artifacts that it read and wrote, and what led to what.

Whoever runs a kind of job makes two calls: ``begin`` in its first step, and ``end`` with the record that it is about to
write as the job's last; where the job measures something, also ``follow`` while it runs. All may be repeated, so a crash
between them and the job's own writes loses and doubles nothing.
"""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from clary.context import Context
from clary.errors import ServiceError
from clary.jobs import metric_files, traces
from clary.jobs.traces import Trace
from clary.store.associations import Association
from clary.store.base import Conflict, Record
from clary.store.times import ms_of
from clary.tracking import components, entities
from clary.tracking.entities import Thing

_NAMESPACES = {"TrainingJob": "/aws/sagemaker/TrainingJobs"}
"""Kinds of jobs whose metric definitions become metrics: where CloudWatch has these, by the dimension ``<kind>Name``."""
_PAUSE = 5.0  # seconds between two looks at what a running job measured


def begin(context: Context, job: Record) -> None:
    """Make the job's component, in its trial where ExperimentConfig names one. Cheap if that was done."""
    context = context.at(job.region)
    present = context.store.find(components.arn(context, traces.component_name(job)))
    if present is None or present.body.get("_job") != _identity(job):
        _write(context, job)


def follow(context: Context, job: Record, hosts: Sequence[Path] = ()) -> None:
    """Bring what was measured so far to the component of a job that runs, at most every ``_PAUSE``; for any of its steps."""
    context = context.at(job.region)
    component = context.store.find(components.arn(context, traces.component_name(job)))
    now = context.now()
    if component is None or component.modified is None or (now - component.modified).total_seconds() < _PAUSE:
        return
    body = {**component.body, **_measured(context, job, component.body["Metrics"])}
    if body["Metrics"]:
        with contextlib.suppress(Conflict):  # the next step does it
            context.store.put(replace(component, body={**body, "LastModifiedTime": now}, modified=now))
    metric_files.carry(context, component.arn, hosts)


def end(context: Context, job: Record, hosts: Sequence[Path] = ()) -> None:
    """Bring the component to what became of the job, and tell the lineage graph what it read and made.

    ``hosts``: of each host the folder that is its ``/opt/ml``, in which metric files may lie.
    """
    context = context.at(job.region)
    _write(context, job, ended=True)
    metric_files.carry(context, components.arn(context, traces.component_name(job)), hosts)


def experiment(context: Context, owner: Record, suffix: str, source_type: str) -> dict[str, str]:
    """The ExperimentConfig for the jobs that another one starts: of an experiment of its own, made if it is not there."""
    context, name = context.at(owner.region), owner.name + suffix
    arn, maker, now = context.arn("sagemaker", "experiment", name), owner.body.get("CreatedBy", {}), context.now()
    body = {
        "ExperimentName": name,
        "DisplayName": name,
        "ExperimentArn": arn,
        "Source": {"SourceArn": owner.body[f"{owner.kind}Arn"], "SourceType": source_type},
        "CreationTime": now,
        "LastModifiedTime": now,
        "CreatedBy": maker,
        "LastModifiedBy": maker,
    }
    record = Record(region=context.region, kind="Experiment", name=name, body=body, created=now, modified=now, arn=arn)
    with contextlib.suppress(Conflict):  # made before a crash
        context.store.create(record)
    return {"ExperimentName": name}


def _write(context: Context, job: Record, *, ended: bool = False) -> None:
    """Component and edges in one transaction, again until nobody came between."""
    trace, name, source = traces.of(context, job), traces.component_name(job), job.body[f"{job.kind}Arn"]
    arn, maker = components.arn(context, name), job.body.get("CreatedBy", {})
    while True:
        now, present = context.now(), context.store.find(arn)
        body = (
            dict(present.body)
            if present
            else {**components.blank(context, name), "CreationTime": now, "CreatedBy": maker}
        )
        if body.get("_job") != _identity(job):
            if present is not None and "_job" in body:
                _remove(context, present)
                continue
            body |= {"_job": _identity(job), **_assigned(context, job, body["Parents"])}
        body |= {
            "Source": {"SourceArn": source, "SourceType": traces.source_type(job)},
            "Status": traces.status(trace, job),
            "Parameters": _merged(body, "Parameters", traces.parameters(trace)),
            "InputArtifacts": _merged(body, "InputArtifacts", traces.artifacts(trace.inputs)),
            "OutputArtifacts": _merged(body, "OutputArtifacts", traces.artifacts(trace.outputs)),
            "LastModifiedTime": now,
            "LastModifiedBy": maker,
            **({"StartTime": trace.started} if trace.started else {}),
            **({"EndTime": trace.ended} if trace.ended else {}),
        }
        if ended:
            body |= _measured(context, job, body["Metrics"])
        new = Record(
            region=context.region, kind=components.KIND, name=name, body=body, created=now, modified=now, arn=arn
        )
        component = replace(present, body=body, modified=now) if present else new
        write = context.store.put if present else context.store.create
        with contextlib.suppress(Conflict):
            write(component, context.associations.insertion(_edges(context, job, component, trace)) if ended else None)
            return


def _remove(context: Context, earlier: Record) -> None:
    """The component of a deleted job, whose name another one has now."""
    with contextlib.suppress(Conflict):
        context.store.delete(earlier, components.removal(context, earlier.arn))


def _assigned(context: Context, job: Record, parents: list[dict[str, str]]) -> dict[str, Any]:
    """What ExperimentConfig makes of a component: its trial, the name to show, the name of its run."""
    config = job.body.get("ExperimentConfig") or {}
    parent = _parent(context, job, config)
    return {
        **(components.with_parents([*parents, parent]) if parent and parent not in parents else {}),
        **({"DisplayName": config["TrialComponentDisplayName"]} if "TrialComponentDisplayName" in config else {}),
        **({"RunName": config["RunName"]} if "RunName" in config else {}),
    }


def _parent(context: Context, job: Record, config: dict[str, str]) -> dict[str, str] | None:
    """The trial that the job belongs to, a new one where only the experiment is named; None if it is gone."""
    name = config.get("TrialName", "")
    if not name and "ExperimentName" in config:
        name = f"{job.name}-{zlib.crc32(_identity(job).encode()):08x}"
        with contextlib.suppress(ServiceError):  # made before a crash, or the experiment is gone
            context.call("sagemaker", "CreateTrial", TrialName=name, ExperimentName=config["ExperimentName"])
    trial = context.store.find(context.arn("sagemaker", "experiment-trial", name)) if name else None
    return {"TrialName": trial.name, "ExperimentName": trial.body["ExperimentName"]} if trial else None


def _identity(job: Record) -> str:
    """Tells a job from an earlier one of its name."""
    assert job.created is not None, "a stored record has its times"
    return job.created.isoformat()


def _merged(body: dict[str, Any], member: str, own: dict[str, Any]) -> dict[str, Any]:
    """The map with the job's own entries; what others put there stays, as far as there is room for it."""
    others = {key: value for key, value in body[member].items() if key not in own}
    room = max(0, components.MAPS[member] - len(own))
    return {**own, **dict(list(others.items())[:room])}


def _edges(context: Context, job: Record, component: Record, trace: Trace) -> list[Association]:
    """From each thing read to the component, and from the component to each thing made, if it began and did not fail."""
    maker = job.body.get("CreatedBy", {})

    def found(things: Sequence[Thing]) -> list[Record]:
        return [entities.artifact(context, each, maker) for each in things]

    read = found(trace.all_read)
    made = found(trace.all_made if trace.started and job.status != "Failed" else [])
    return [
        *entities.edges([(each, component) for each in read], "ContributedTo", maker),
        *entities.edges([(component, each) for each in made], "Produced", maker),
    ]


def _measured(context: Context, job: Record, metrics: components.Metrics) -> dict[str, components.Metrics]:
    """The member Metrics: one summary for each metric definition that found something, and those of other sources."""
    if (namespace := _NAMESPACES.get(job.kind)) is None:
        return {}
    assert job.created is not None, "a stored record has its times"
    since = ms_of(job.created)
    found = context.metrics.summaries(job.region, namespace, {f"{job.kind}Name": job.name}, since)
    source = job.body[f"{job.kind}Arn"]
    own = [
        components.summary(
            name,
            source,
            of.last.time,
            Count=round(of.count),
            Min=of.minimum,
            Max=of.maximum,
            Avg=of.average,
            StdDev=of.deviation,
            Last=of.last.value,
        )
        for name, of in found.items()
    ]
    return {"Metrics": [*(each for each in metrics if each["SourceArn"] != source), *own]}
