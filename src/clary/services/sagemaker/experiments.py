"""Experiments: create, describe, list, update, delete."""

from __future__ import annotations

from typing import Any

from clary.context import Context
from clary.errors import ResourceNotFound, ServiceError, ValidationException
from clary.services import operation, resources
from clary.services.sagemaker import entities
from clary.store.base import Condition, Query, Record

KIND = "Experiment"


@operation
def create_experiment(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = request["ExperimentName"]
    arn = context.arn("sagemaker", "experiment", name)
    body = {"DisplayName": name, **request, "ExperimentArn": arn, **entities.first(context)}
    taken = ValidationException(
        "Experiment names must be unique within an AWS account and region. "
        f"Experiment with name ({name}) already exists."
    )
    resources.create(context, KIND, name, body, taken=taken)
    return {"ExperimentArn": arn}


@operation
def describe_experiment(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return find(context, request["ExperimentName"]).body


@operation
def list_experiments(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    experiments, more = resources.page(context, KIND, request)
    return {"ExperimentSummaries": [entities.summary(each, "ExperimentSource") for each in experiments], **more}


@operation
def update_experiment(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    def edit(experiment: Record) -> Record:
        members = {**request, "ExperimentName": experiment.name, **entities.last(context)}
        return resources.with_members(experiment, context, **members)

    name = find(context, request["ExperimentName"]).name
    return {"ExperimentArn": resources.change(context, KIND, name, edit, missing=missing(context, name)).arn}


@operation
def delete_experiment(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = find(context, request["ExperimentName"]).name

    def check(experiment: Record) -> None:
        query = Query(where=[Condition("ExperimentName", "=", experiment.name)], limit=1)
        trials, _ = context.store.page(context.region, "Trial", query)
        if trials:
            raise ValidationException(
                f"Experiment '{experiment.arn}' cannot be deleted while it has trials, such as {trials[0].name}: "
                "delete its trials first."
            )

    return {"ExperimentArn": resources.delete(context, KIND, name, missing=missing(context, name), check=check).arn}


def find(context: Context, name: str) -> Record:
    """By the name in any case, as its ARN has it in lower case and the SDK too; ``ResourceNotFound``."""
    arn = context.arn("sagemaker", "experiment", name)
    return resources.find_named(context, KIND, arn, missing=missing(context, name))


def missing(context: Context, name: str) -> ServiceError:
    return ResourceNotFound(f"Experiment '{context.arn('sagemaker', 'experiment', name)}' does not exist.")
