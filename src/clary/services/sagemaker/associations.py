"""Associations between lineage entities: add, list, delete."""

from __future__ import annotations

from typing import Any

from clary.context import Context
from clary.errors import ResourceNotFound, ServiceError, ValidationException
from clary.services import operation, resources
from clary.services.sagemaker.kinds import user
from clary.store.associations import Association
from clary.store.base import Conflict, Record
from clary.tracking.entities import type_of

# The request's members and SortBy's values → columns.
_FILTERS = {
    "SourceArn": "source",
    "DestinationArn": "destination",
    "SourceType": "source_type",
    "DestinationType": "destination_type",
    "AssociationType": "type",
}
_SORTS = {**_FILTERS, "CreationTime": "created"}


@operation
def add_association(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    source, destination = entity(context, request["SourceArn"]), entity(context, request["DestinationArn"])
    if source.arn == destination.arn:
        raise ValidationException(f"An entity cannot be associated with itself: {source.arn}")
    new = Association(
        region=context.region,
        source=source.arn,
        destination=destination.arn,
        source_type=type_of(source),
        destination_type=type_of(destination),
        type=request.get("AssociationType", ""),
        creator=user(context),
    )
    try:
        context.associations.add(new)
    except Conflict:
        raise ValidationException(
            f"An association between {source.arn} and {destination.arn} already exists."
        ) from None
    try:
        for end in (source, destination):
            resources.hold(context, end.kind, end.name, missing=_missing(end.arn))
    except ResourceNotFound:  # deleted a moment ago
        context.associations.delete(source.arn, destination.arn)
        raise
    return {"SourceArn": source.arn, "DestinationArn": destination.arn}


@operation
def delete_association(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    source, destination = request["SourceArn"].lower(), request["DestinationArn"].lower()
    if not context.associations.delete(source, destination):
        raise ResourceNotFound(f"There is no association between {source} and {destination}.")
    return {"SourceArn": source, "DestinationArn": destination}


@operation
def list_associations(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    wanted: dict[str, str] = {column: request[member] for member, column in _FILTERS.items() if member in request}
    for end in wanted.keys() & {"source", "destination"}:
        wanted[end] = entity(context, wanted[end]).arn
    found, more = context.associations.page(
        context.region,
        wanted,
        created=(request.get("CreatedAfter"), request.get("CreatedBefore")),
        order_by=_SORTS[request.get("SortBy", "CreationTime")],
        descending=request.get("SortOrder", "Descending") == "Descending",
        after=_position(request["NextToken"]) if request.get("NextToken") else None,
        limit=request.get("MaxResults", 10),
    )
    summaries = [_summary(context, each) for each in found]
    return {"AssociationSummaries": summaries, **({"NextToken": resources.token(more)} if more else {})}


def entity(context: Context, arn: str) -> Record:
    """Whatever can be an end of an association; ``ResourceNotFound``."""
    record = context.store.find(arn)
    if record is None or record.region != context.region:
        raise _missing(arn)
    return record


def _missing(arn: str) -> ServiceError:
    return ResourceNotFound(f"The lineage entity '{arn}' does not exist.")


def _summary(context: Context, association: Association) -> dict[str, Any]:
    names = {
        f"{end}Name": record.body.get(f"{record.kind}Name", record.name)
        for end, arn in (("Source", association.source), ("Destination", association.destination))
        if (record := context.store.find(arn)) is not None
    }
    types = {
        "SourceType": association.source_type,
        "DestinationType": association.destination_type,
        "AssociationType": association.type,
    }
    return {
        "SourceArn": association.source,
        "DestinationArn": association.destination,
        "CreationTime": association.created,
        "CreatedBy": association.creator,
        **names,
        **{member: value for member, value in types.items() if value},
    }


def _position(token: str) -> tuple[str | int, str, str]:
    match resources.read_token(token):
        case [str() | int() as value, str() as source, str() as destination]:
            return value, source, destination
    raise resources.bad_token(token)
