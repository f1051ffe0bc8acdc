"""Trial components: create, describe, list, update, delete, associate with trials and disassociate.

How a record holds what belongs to a component is in ``clary.tracking.components``.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from clary.context import Context
from clary.errors import ResourceNotFound, ServiceError, ValidationException
from clary.services import operation, resources
from clary.services.sagemaker import entities, experiments, trials
from clary.services.sagemaker.trials import TRIALS
from clary.store.base import Condition, Record
from clary.tracking import components

KIND = components.KIND


@operation
def create_trial_component(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = request["TrialComponentName"]
    _check_times(request)
    body = {**components.blank(context, name), **request, **entities.first(context)}
    taken = ValidationException(
        "Trial component names must be unique within an AWS account and region. "
        f"Trial component with name ({name}) already exists."
    )
    return {"TrialComponentArn": resources.create(context, KIND, name, body, taken=taken).arn}


@operation
def describe_trial_component(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return find(context, request["TrialComponentName"]).body


@operation
def list_trial_components(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    given = [member for member in ("ExperimentName", "TrialName", "SourceArn") if member in request]
    if len(given) > 1:
        raise ValidationException(f"Give one of ExperimentName, TrialName and SourceArn, not {' and '.join(given)}.")
    where = []
    if "ExperimentName" in request:
        experiment = experiments.find(context, request["ExperimentName"])
        where.append(Condition("_experiments", "has", experiment.name))
    if "TrialName" in request:
        trial = trials.find(context, request["TrialName"])
        where.append(Condition("_trials", "has", trial.name))
    if "SourceArn" in request:  # ARNs hold names in lower case; clients do not all know
        where.append(Condition("Source.SourceArn", "=", request["SourceArn"].lower()))
    found, more = resources.page(context, KIND, request, where=where)
    summaries = [entities.summary(each, "TrialComponentSource") for each in found]
    return {"TrialComponentSummaries": summaries, **more}


@operation
def update_trial_component(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = find(context, request["TrialComponentName"]).name

    def edit(component: Record) -> Record:
        _check_times({**component.body, **request})
        given = {member: value for member, value in request.items() if not member.endswith("ToRemove")}
        maps = {member: _merged(component, member, most, request) for member, most in components.MAPS.items()}
        members = {**given, **maps, "TrialComponentName": component.name, **entities.last(context)}
        return resources.with_members(component, context, **members)

    return {"TrialComponentArn": resources.change(context, KIND, name, edit, missing=missing(context, name)).arn}


@operation
def delete_trial_component(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Its associations go with it, for no client that cleans up an experiment removes those that a job made."""
    name = find(context, request["TrialComponentName"]).name

    def check(component: Record) -> None:
        if of := component.body["_trials"]:
            raise ValidationException(
                f"TrialComponent '{component.arn}' cannot be deleted while it is associated with trials "
                f"({', '.join(of[:5])}): disassociate it first."
            )

    also = components.removal(context, components.arn(context, name))
    gone = resources.delete(context, KIND, name, missing=missing(context, name), check=check, also=also)
    return {"TrialComponentArn": gone.arn}


@operation
def associate_trial_component(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = find(context, request["TrialComponentName"]).name
    trial = trials.find(context, request["TrialName"])
    parent = {"TrialName": trial.name, "ExperimentName": trial.body["ExperimentName"]}

    def add(component: Record) -> Record:
        parents = component.body["Parents"]
        return (
            component
            if parent in parents
            else replace(component, body={**component.body, **components.with_parents([*parents, parent])})
        )

    component = resources.change(context, KIND, name, add, missing=missing(context, name))
    try:
        resources.hold(context, TRIALS.name, trial.name, missing=TRIALS.absent(context, trial.name))
    except ResourceNotFound:  # deleted a moment ago
        _part(context, component.name, trial.name)
        raise
    return {"TrialComponentArn": component.arn, "TrialArn": trial.arn}


@operation
def disassociate_trial_component(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    trial = trials.find(context, request["TrialName"])
    component = _part(context, find(context, request["TrialComponentName"]).name, trial.name)
    return {"TrialComponentArn": component.arn, "TrialArn": trial.arn}


def find(context: Context, name: str) -> Record:
    """By the ARN, or the name in any case; ``ResourceNotFound``."""
    arn = name if name.startswith("arn:") else components.arn(context, name)
    return resources.find_named(context, KIND, arn, missing=missing(context, name))


def missing(context: Context, name: str) -> ServiceError:
    arn = name if name.startswith("arn:") else components.arn(context, name)
    return ResourceNotFound(f"TrialComponent '{arn}' does not exist.")


def _part(context: Context, name: str, trial: str) -> Record:
    def remove(component: Record) -> Record:
        left = [parent for parent in component.body["Parents"] if parent["TrialName"] != trial]
        if len(left) == len(component.body["Parents"]):
            raise ResourceNotFound(f"TrialComponent '{component.arn}' is not associated with the trial {trial}.")
        return replace(component, body={**component.body, **components.with_parents(left)})

    return resources.change(context, KIND, name, remove, missing=missing(context, name))


def _merged(component: Record, member: str, most: int, request: dict[str, Any]) -> dict[str, Any]:
    """The map with the request's entries set and others removed."""
    gone = set(request.get(f"{member}ToRemove", []))
    kept = {key: value for key, value in component.body[member].items() if key not in gone}
    merged = {**kept, **request.get(member, {})}
    if len(merged) > most:
        raise ValidationException(f"{member} holds {most} entries at most; this would make {len(merged)}.")
    return merged


def _check_times(members: dict[str, Any]) -> None:
    """A time given just now is a ``datetime``, one that was stored its text."""
    start, end = _time(members.get("StartTime")), _time(members.get("EndTime"))
    if start and end and end < start:
        raise ValidationException(f"EndTime {end.isoformat()} is before StartTime {start.isoformat()}.")


def _time(value: datetime | str | None) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else value
