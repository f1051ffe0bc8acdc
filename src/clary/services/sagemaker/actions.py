"""Actions, such as a deployment, as entities of the lineage graph: create, describe, list, update, delete."""

from __future__ import annotations

from functools import partial
from typing import Any

from clary.context import Context
from clary.errors import ResourceNotFound, ServiceError, ValidationException
from clary.services import operation, resources
from clary.services.sagemaker import entities
from clary.store.base import Operator, Record

KIND = "Action"

_FILTERS: dict[str, tuple[str, Operator]] = {
    "SourceUri": ("Source.SourceUri", "="),
    "ActionType": ("ActionType", "="),
}


@operation
def create_action(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = request["ActionName"]
    arn = context.arn("sagemaker", "action", name)
    body = {"Properties": {}, **request, "ActionArn": arn, **entities.first(context)}
    taken = ValidationException(
        f"Action names must be unique within an AWS account and region. Action with name ({name}) already exists."
    )
    resources.create(context, KIND, name, body, taken=taken)
    return {"ActionArn": arn}


@operation
def describe_action(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = request["ActionName"]
    return resources.find_named(context, KIND, name, missing=_missing(context, name)).body


@operation
def list_actions(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    actions, more = resources.page(context, KIND, request, filters=_FILTERS)
    return {"ActionSummaries": [action.body for action in actions], **more}


@operation
def update_action(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = request["ActionName"]

    def edit(action: Record) -> Record:
        members = entities.with_properties(action, request) | entities.last(context)
        return resources.with_members(action, context, **members)

    return {"ActionArn": resources.change(context, KIND, name, edit, missing=_missing(context, name)).arn}


@operation
def delete_action(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name, check = request["ActionName"], partial(entities.refuse_associated, context)
    return {"ActionArn": resources.delete(context, KIND, name, missing=_missing(context, name), check=check).arn}


def _missing(context: Context, name: str) -> ServiceError:
    arn = name if name.startswith("arn:") else context.arn("sagemaker", "action", name)
    return ResourceNotFound(f"Action '{arn}' does not exist.")
