"""Experiments: create, describe, list, update, delete."""

from __future__ import annotations

from typing import Any

from clary.context import Context
from clary.errors import ResourceNotFound, ValidationException
from clary.services import operation
from clary.services.sagemaker import entities
from clary.services.sagemaker.kinds import Kind
from clary.store.base import Condition, Query, Record

EXPERIMENTS = Kind(
    name="Experiment",
    type="experiment",
    missing=(ResourceNotFound, "Experiment '{arn}' does not exist."),
    taken=(
        ValidationException,
        "Experiment names must be unique within an AWS account and region. "
        "Experiment with name ({name}) already exists.",
    ),
)


@operation
def create_experiment(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = request["ExperimentName"]
    return {"ExperimentArn": EXPERIMENTS.create(context, name, {"DisplayName": name, **request}).arn}


@operation
def describe_experiment(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return find(context, request["ExperimentName"]).body


@operation
def list_experiments(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    experiments, more = EXPERIMENTS.page(context, request)
    return {"ExperimentSummaries": [entities.summary(each, "ExperimentSource") for each in experiments], **more}


@operation
def update_experiment(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = find(context, request["ExperimentName"]).name
    return {"ExperimentArn": EXPERIMENTS.update(context, name, {**request, "ExperimentName": name}).arn}


@operation
def delete_experiment(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    def check(experiment: Record) -> None:
        query = Query(where=[Condition("ExperimentName", "=", experiment.name)], limit=1)
        trials, _ = context.store.page(context.region, "Trial", query)
        if trials:
            raise ValidationException(
                f"Experiment '{experiment.arn}' cannot be deleted while it has trials, such as {trials[0].name}: "
                "delete its trials first."
            )

    name = find(context, request["ExperimentName"]).name
    return {"ExperimentArn": EXPERIMENTS.delete(context, name, check).arn}


def find(context: Context, name: str) -> Record:
    """By the name in any case, as its ARN has it in lower case and the SDK too; ``ResourceNotFound``."""
    return EXPERIMENTS.find(context, EXPERIMENTS.arn(context, name))
