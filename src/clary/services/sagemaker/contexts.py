"""Contexts, such as an endpoint, as entities of the lineage graph: create, describe, list, update, delete."""

from __future__ import annotations

from functools import partial
from typing import Any

from clary.context import Context
from clary.errors import ResourceNotFound, ValidationException
from clary.services import operation
from clary.services.sagemaker import entities
from clary.services.sagemaker.kinds import Kind
from clary.store.base import Operator, Record

CONTEXTS = Kind(
    name="Context",
    type="context",
    missing=(ResourceNotFound, "Context '{arn}' does not exist."),
    taken=(
        ValidationException,
        "Context names must be unique within an AWS account and region. Context with name ({name}) already exists.",
    ),
)

_FILTERS: dict[str, tuple[str, Operator]] = {
    "SourceUri": ("Source.SourceUri", "="),
    "ContextType": ("ContextType", "="),
}


@operation
def create_context(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return {"ContextArn": CONTEXTS.create(context, request["ContextName"], {"Properties": {}, **request}).arn}


@operation
def describe_context(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return CONTEXTS.find(context, request["ContextName"]).body


@operation
def list_contexts(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    found, more = CONTEXTS.page(context, request, filters=_FILTERS)
    return {"ContextSummaries": [each.body for each in found], **more}


@operation
def update_context(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    def edit(record: Record) -> Record:
        return CONTEXTS.edited(context, record, entities.with_properties(record, request))

    return {"ContextArn": CONTEXTS.change(context, request["ContextName"], edit).arn}


@operation
def delete_context(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    check = partial(entities.refuse_associated, context)
    return {"ContextArn": CONTEXTS.delete(context, request["ContextName"], check).arn}
