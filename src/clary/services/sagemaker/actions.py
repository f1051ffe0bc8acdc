"""Actions, such as a deployment, as entities of the lineage graph: create, describe, list, update, delete."""

from __future__ import annotations

from functools import partial
from typing import Any

from clary.context import Context
from clary.errors import ResourceNotFound, ValidationException
from clary.services import operation
from clary.services.sagemaker import entities
from clary.services.sagemaker.kinds import Kind
from clary.store.base import Operator, Record

ACTIONS = Kind(
    name="Action",
    type="action",
    missing=(ResourceNotFound, "Action '{arn}' does not exist."),
    taken=(
        ValidationException,
        "Action names must be unique within an AWS account and region. Action with name ({name}) already exists.",
    ),
)

_FILTERS: dict[str, tuple[str, Operator]] = {
    "SourceUri": ("Source.SourceUri", "="),
    "ActionType": ("ActionType", "="),
}


@operation
def create_action(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return {"ActionArn": ACTIONS.create(context, request["ActionName"], {"Properties": {}, **request}).arn}


@operation
def describe_action(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return ACTIONS.find(context, request["ActionName"]).body


@operation
def list_actions(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    found, more = ACTIONS.page(context, request, filters=_FILTERS)
    return {"ActionSummaries": [each.body for each in found], **more}


@operation
def update_action(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    def edit(record: Record) -> Record:
        return ACTIONS.edited(context, record, entities.with_properties(record, request))

    return {"ActionArn": ACTIONS.change(context, request["ActionName"], edit).arn}


@operation
def delete_action(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    check = partial(entities.refuse_associated, context)
    return {"ActionArn": ACTIONS.delete(context, request["ActionName"], check).arn}
