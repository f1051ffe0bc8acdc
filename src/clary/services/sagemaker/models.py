"""Models: create, describe, list, delete."""

from __future__ import annotations

from typing import Any

from clary.context import Context
from clary.errors import NotServed, ValidationException
from clary.services import operation
from clary.services.iam import roles
from clary.services.sagemaker import container_images
from clary.services.sagemaker.kinds import Kind

MODELS = Kind(
    name="Model",
    type="model",
    missing=(ValidationException, 'Could not find model "{arn}".'),
    taken=(ValidationException, 'Cannot create already existing model "{arn}".'),
)


@operation
def create_model(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    _check(context, request)
    body = {"EnableNetworkIsolation": False, **request}
    return {"ModelArn": MODELS.create(context, request["ModelName"], body).arn}


@operation
def describe_model(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return MODELS.find(context, request["ModelName"]).body


@operation
def list_models(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    models, more = MODELS.page(context, request)
    return {"Models": [model.body for model in models], **more}


@operation
def delete_model(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    MODELS.delete(context, request["ModelName"])
    return {}


def _check(context: Context, request: dict[str, Any]) -> None:
    containers = request.get("Containers", [])
    if bool(containers) == ("PrimaryContainer" in request):
        raise ValidationException("A model takes either PrimaryContainer or Containers, and one of them.")
    if len(containers) > 1:
        raise NotServed("CreateModel with several Containers is not served yet: put the steps into one container.")
    if "ExecutionRoleArn" in request:
        roles.require(context, request["ExecutionRoleArn"])
    elif not context.identity.owner:
        raise ValidationException(
            "ExecutionRoleArn is missing: the model's data is read with the rights of a role, which must be named."
        )
    _check_container(context, request.get("PrimaryContainer") or containers[0])


def _check_container(context: Context, container: dict[str, Any]) -> None:
    for member in ("ModelPackageName", "InferenceSpecificationName", "AdditionalModelDataSources"):
        if container.get(member):
            raise NotServed(f"CreateModel with {member} is not served yet: name Image and ModelDataUrl.")
    if container.get("Mode", "SingleModel") != "SingleModel":
        raise NotServed("CreateModel with Mode MultiModel is not served yet: make one model for each archive.")
    if "Image" not in container:
        raise ValidationException("The container names no Image: which program should answer?")
    source = container.get("ModelDataSource", {}).get("S3DataSource", {})
    if source and source["CompressionType"] != "Gzip":
        raise NotServed("CreateModel with uncompressed ModelDataSource is not served yet: name a model.tar.gz.")
    container_images.require(context, container["Image"])
