"""Trials of an experiment: create, describe, list, update, delete.

A trial names its experiment; which components belong to it is said by the components (``trial_components``).
"""

from __future__ import annotations

from typing import Any

from clary.context import Context
from clary.errors import ResourceNotFound, ValidationException
from clary.services import operation, resources
from clary.services.sagemaker import entities, experiments
from clary.services.sagemaker.experiments import EXPERIMENTS
from clary.services.sagemaker.kinds import Kind
from clary.store.base import Condition, Query, Record

TRIALS = Kind(
    name="Trial",
    type="experiment-trial",
    missing=(ResourceNotFound, "Trial '{arn}' does not exist."),
    taken=(
        ValidationException,
        "Trial names must be unique within an AWS account and region. Trial with name ({name}) already exists.",
    ),
)


@operation
def create_trial(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name, experiment = request["TrialName"], experiments.find(context, request["ExperimentName"]).name
    body = {"DisplayName": name, **request, "ExperimentName": experiment}
    return {"TrialArn": TRIALS.create(context, name, body, parent=(EXPERIMENTS, experiment)).arn}


@operation
def describe_trial(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return find(context, request["TrialName"]).body


@operation
def list_trials(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    where = []
    if "ExperimentName" in request:
        experiment = experiments.find(context, request["ExperimentName"])
        where.append(Condition("ExperimentName", "=", experiment.name))
    if "TrialComponentName" in request:
        where.append(Condition("name", "in", _trials_of(context, request["TrialComponentName"])))
    trials, more = TRIALS.page(context, request, where=where)
    return {"TrialSummaries": [entities.summary(each, "TrialSource") for each in trials], **more}


@operation
def update_trial(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = find(context, request["TrialName"]).name
    return {"TrialArn": TRIALS.update(context, name, {**request, "TrialName": name}).arn}


@operation
def delete_trial(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    def check(trial: Record) -> None:
        query = Query(where=[Condition("_trials", "has", trial.name)], limit=1)
        components, _ = context.store.page(context.region, "TrialComponent", query)
        if components:
            raise ValidationException(
                f"Trial '{trial.arn}' cannot be deleted while it has trial components, such as {components[0].name}: "
                "disassociate them first."
            )

    return {"TrialArn": TRIALS.delete(context, find(context, request["TrialName"]).name, check).arn}


def find(context: Context, name: str) -> Record:
    """By the name in any case; ``ResourceNotFound``."""
    return TRIALS.find(context, TRIALS.arn(context, name))


def _trials_of(context: Context, component: str) -> list[str]:
    arn = context.arn("sagemaker", "experiment-trial-component", component)
    absent = ResourceNotFound(f"TrialComponent '{arn}' does not exist.")
    trials: list[str] = resources.find_named(context, "TrialComponent", arn, missing=absent).body["_trials"]
    return trials
