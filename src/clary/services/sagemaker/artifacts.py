"""Artifacts, such as a data set or a model, as entities of the lineage graph: create, describe, list, update, delete.

There is one artifact for a source: its id is made of the source's URI and types.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from clary.context import Context
from clary.errors import ResourceNotFound, ServiceError, ValidationException
from clary.services import operation, resources
from clary.services.sagemaker import entities
from clary.store.base import Operator, Record
from clary.tracking.entities import artifact_name

KIND = "Artifact"

_FILTERS: dict[str, tuple[str, Operator]] = {
    "SourceUri": ("Source.SourceUri", "="),
    "ArtifactType": ("ArtifactType", "="),
}


@operation
def create_artifact(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = artifact_name(request["Source"])
    arn = context.arn("sagemaker", "artifact", name)
    body = {"Properties": {}, **request, "ArtifactArn": arn, **entities.first(context)}
    taken = ValidationException(
        f"An artifact with the source {request['Source']['SourceUri']} and the same source types already exists: {arn}"
    )
    resources.create(context, KIND, name, body, taken=taken)
    return {"ArtifactArn": arn}


@operation
def describe_artifact(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    arn = request["ArtifactArn"]
    return resources.find_named(context, KIND, arn, missing=_missing(arn)).body


@operation
def list_artifacts(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    artifacts, more = resources.page(context, KIND, request, filters=_FILTERS)
    return {"ArtifactSummaries": [artifact.body for artifact in artifacts], **more}


@operation
def update_artifact(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    arn = request["ArtifactArn"]
    name = resources.find_named(context, KIND, arn, missing=_missing(arn)).name

    def edit(artifact: Record) -> Record:
        members = entities.with_properties(artifact, request) | entities.last(context)
        return resources.with_members(artifact, context, **{**members, "ArtifactArn": artifact.arn})

    return {"ArtifactArn": resources.change(context, KIND, name, edit, missing=_missing(arn)).arn}


@operation
def delete_artifact(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    if ("ArtifactArn" in request) == ("Source" in request):
        raise ValidationException("DeleteArtifact takes either ArtifactArn or Source, and one of them.")
    arn = request.get("ArtifactArn") or context.arn("sagemaker", "artifact", artifact_name(request["Source"]))
    name = resources.find_named(context, KIND, arn, missing=_missing(arn)).name
    check = partial(entities.refuse_associated, context)
    return {"ArtifactArn": resources.delete(context, KIND, name, missing=_missing(arn), check=check).arn}


def _missing(arn: str) -> ServiceError:
    return ResourceNotFound(f"Artifact '{arn}' does not exist.")
