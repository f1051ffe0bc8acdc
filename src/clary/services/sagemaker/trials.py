"""Trials of an experiment: create, describe, list, update, delete.

A trial names its experiment; which components belong to it is said by the components (``trial_components``).
"""

from __future__ import annotations

from typing import Any

from clary.context import Context
from clary.errors import ResourceNotFound, ServiceError, ValidationException
from clary.services import operation, resources
from clary.services.sagemaker import entities, experiments
from clary.store.base import Condition, Query, Record

KIND = "Trial"


@operation
def create_trial(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name, experiment = request["TrialName"], request["ExperimentName"]
    arn = context.arn("sagemaker", "experiment-trial", name)
    experiments.find(context, experiment)
    body = {"DisplayName": name, **request, "TrialArn": arn, **entities.first(context)}
    taken = ValidationException(
        f"Trial names must be unique within an AWS account and region. Trial with name ({name}) already exists."
    )
    resources.create(context, KIND, name, body, taken=taken)
    try:
        resources.hold(context, experiments.KIND, experiment, missing=experiments.missing(context, experiment))
    except ResourceNotFound:  # deleted a moment ago
        resources.delete(context, KIND, name, missing=missing(context, name))
        raise
    return {"TrialArn": arn}


@operation
def describe_trial(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return find(context, request["TrialName"]).body


@operation
def list_trials(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    where = []
    if "ExperimentName" in request:
        experiments.find(context, request["ExperimentName"])
        where.append(Condition("ExperimentName", "=", request["ExperimentName"]))
    if "TrialComponentName" in request:
        where.append(Condition("name", "in", _trials_of(context, request["TrialComponentName"])))
    trials, more = resources.page(context, KIND, request, where=where)
    return {"TrialSummaries": [entities.summary(each, "TrialSource") for each in trials], **more}


@operation
def update_trial(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    def edit(trial: Record) -> Record:
        return resources.with_members(trial, context, **{**request, **entities.last(context)})

    name = request["TrialName"]
    return {"TrialArn": resources.change(context, KIND, name, edit, missing=missing(context, name)).arn}


@operation
def delete_trial(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = request["TrialName"]

    def check(trial: Record) -> None:
        query = Query(where=[Condition("_trials", "has", trial.name)], limit=1)
        components, _ = context.store.page(context.region, "TrialComponent", query)
        if components:
            raise ValidationException(
                f"Trial '{trial.arn}' cannot be deleted while it has trial components, such as {components[0].name}: "
                "disassociate them first."
            )

    return {"TrialArn": resources.delete(context, KIND, name, missing=missing(context, name), check=check).arn}


def find(context: Context, name: str) -> Record:
    return resources.find(context, KIND, name, missing=missing(context, name))


def missing(context: Context, name: str) -> ServiceError:
    return ResourceNotFound(f"Trial '{context.arn('sagemaker', 'experiment-trial', name)}' does not exist.")


def _trials_of(context: Context, component: str) -> list[str]:
    arn = context.arn("sagemaker", "experiment-trial-component", component)
    absent = ResourceNotFound(f"TrialComponent '{arn}' does not exist.")
    trials: list[str] = resources.find(context, "TrialComponent", component, missing=absent).body["_trials"]
    return trials
