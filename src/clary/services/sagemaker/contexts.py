"""Contexts, such as an endpoint, as entities of the lineage graph: create, describe, list, update, delete."""

from __future__ import annotations

from functools import partial
from typing import Any

from clary.context import Context
from clary.errors import ResourceNotFound, ServiceError, ValidationException
from clary.services import operation, resources
from clary.services.sagemaker import entities
from clary.store.base import Operator, Record

KIND = "Context"

_FILTERS: dict[str, tuple[str, Operator]] = {
    "SourceUri": ("Source.SourceUri", "="),
    "ContextType": ("ContextType", "="),
}


@operation
def create_context(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = request["ContextName"]
    arn = context.arn("sagemaker", "context", name)
    body = {"Properties": {}, **request, "ContextArn": arn, **entities.first(context)}
    taken = ValidationException(
        f"Context names must be unique within an AWS account and region. Context with name ({name}) already exists."
    )
    resources.create(context, KIND, name, body, taken=taken)
    return {"ContextArn": arn}


@operation
def describe_context(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = request["ContextName"]
    return resources.find_named(context, KIND, name, missing=_missing(context, name)).body


@operation
def list_contexts(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    records, more = resources.page(context, KIND, request, filters=_FILTERS)
    return {"ContextSummaries": [record.body for record in records], **more}


@operation
def update_context(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = request["ContextName"]

    def edit(record: Record) -> Record:
        members = entities.with_properties(record, request) | entities.last(context)
        return resources.with_members(record, context, **members)

    return {"ContextArn": resources.change(context, KIND, name, edit, missing=_missing(context, name)).arn}


@operation
def delete_context(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name, check = request["ContextName"], partial(entities.refuse_associated, context)
    return {"ContextArn": resources.delete(context, KIND, name, missing=_missing(context, name), check=check).arn}


def _missing(context: Context, name: str) -> ServiceError:
    arn = name if name.startswith("arn:") else context.arn("sagemaker", "context", name)
    return ResourceNotFound(f"Context '{arn}' does not exist.")
