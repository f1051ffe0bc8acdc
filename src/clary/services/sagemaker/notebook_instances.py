"""Notebook instances: create, describe, list, update, start, stop, delete.

A record that is InService or Stopped as it was asked to be: the notebook itself comes with the Studio.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from clary.context import Context
from clary.errors import ValidationException
from clary.services import operation, resources
from clary.services.iam import roles
from clary.services.sagemaker.code_repositories import CODE_REPOSITORIES
from clary.services.sagemaker.kinds import Kind, refuse
from clary.services.sagemaker.notebook_instance_lifecycle_configs import LIFECYCLE_CONFIGS
from clary.store.base import Record

NOTEBOOK_INSTANCES = Kind(
    name="NotebookInstance",
    type="notebook-instance",
    status="NotebookInstanceStatus",
    missing=(ValidationException, "RecordNotFound"),
    taken=(ValidationException, "Cannot create a duplicate Notebook Instance ({arn})"),
)
_NOT_YET = {
    "KmsKeyId": "the volume is a folder of the data folder, which the disk's own encryption covers",
    "AcceleratorTypes": "there is no Elastic Inference on this machine",
}
_DEFAULTS = {
    "DirectInternetAccess": "Enabled",
    "IpAddressType": "ipv4",
    "VolumeSizeInGB": 5,
    "RootAccess": "Enabled",
    "PlatformIdentifier": "notebook-al2-v2",
    "InstanceMetadataServiceConfiguration": {"MinimumInstanceMetadataServiceVersion": "1"},
}
_FILTERS: resources.Filters = {
    "NotebookInstanceLifecycleConfigNameContains": ("NotebookInstanceLifecycleConfigName", "contains"),
    "DefaultCodeRepositoryContains": ("DefaultCodeRepository", "contains"),
    "AdditionalCodeRepositoryEquals": ("AdditionalCodeRepositories", "has"),
}
# A member of Create or Update that Describe calls otherwise, and what takes a member away.
_RENAMED = {"LifecycleConfigName": "NotebookInstanceLifecycleConfigName", "SecurityGroupIds": "SecurityGroups"}
_REMOVED = {
    "DisassociateLifecycleConfig": "NotebookInstanceLifecycleConfigName",
    "DisassociateDefaultCodeRepository": "DefaultCodeRepository",
    "DisassociateAdditionalCodeRepositories": "AdditionalCodeRepositories",
}


@operation
def create_notebook_instance(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    refuse(request, "CreateNotebookInstance", _NOT_YET)
    _check(context, request)
    body = {**_DEFAULTS, **_renamed(request)}
    record = NOTEBOOK_INSTANCES.create(context, request["NotebookInstanceName"], body, status="InService")
    return {"NotebookInstanceArn": record.arn}


@operation
def describe_notebook_instance(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return NOTEBOOK_INSTANCES.find(context, request["NotebookInstanceName"]).body


@operation
def list_notebook_instances(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    shown, more = NOTEBOOK_INSTANCES.page(context, request, sort_by="Name", order="Ascending", filters=_FILTERS)
    return {"NotebookInstances": [instance.body for instance in shown], **more}


@operation
def update_notebook_instance(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    refuse(request, "UpdateNotebookInstance", _NOT_YET)
    _check(context, request)

    def edit(instance: Record) -> Record:
        _require(instance, "Updating", "Stopped", "Failed")
        gone = {member: None for flag, member in _REMOVED.items() if request.get(flag)}
        return NOTEBOOK_INSTANCES.edited(context, instance, {**_renamed(request), **gone})

    NOTEBOOK_INSTANCES.change(context, request["NotebookInstanceName"], edit)
    return {}


@operation
def start_notebook_instance(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    def start(instance: Record) -> Record:
        _require(instance, "Pending", "Stopped", "Failed")
        return NOTEBOOK_INSTANCES.edited(context, instance, {}, "InService")

    NOTEBOOK_INSTANCES.change(context, request["NotebookInstanceName"], start)
    return {}


@operation
def stop_notebook_instance(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    def stop(instance: Record) -> Record:
        _require(instance, "Stopping", "InService")
        return NOTEBOOK_INSTANCES.edited(context, instance, {}, "Stopped")

    NOTEBOOK_INSTANCES.change(context, request["NotebookInstanceName"], stop)
    return {}


@operation
def delete_notebook_instance(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = request["NotebookInstanceName"]
    NOTEBOOK_INSTANCES.delete(context, name, lambda instance: _require(instance, "Deleting", "Stopped", "Failed"))
    return {}


def _require(instance: Record, aim: str, *from_: str) -> None:
    if instance.status not in from_:
        raise ValidationException(
            f"Status ({instance.status}) not in ([{', '.join(from_)}]). Unable to transition to ({aim}) for Notebook "
            f"Instance ({instance.arn})"
        )


def _check(context: Context, request: dict[str, Any]) -> None:
    """What the request names must be there."""
    if "RoleArn" in request:
        roles.require(context, request["RoleArn"])
    if "LifecycleConfigName" in request:
        LIFECYCLE_CONFIGS.find(context, request["LifecycleConfigName"])
    for repository in _repositories(request):
        if "://" not in repository:
            CODE_REPOSITORIES.find(context, repository)


def _repositories(request: dict[str, Any]) -> Iterable[str]:
    """By the name of a code repository, or the URL of a Git repository."""
    default = request.get("DefaultCodeRepository")
    return [*([default] if default else []), *request.get("AdditionalCodeRepositories", [])]


def _renamed(request: dict[str, Any]) -> dict[str, Any]:
    asked = resources.given(request, *(member for member in request if member not in _REMOVED))
    return {_RENAMED.get(member, member): value for member, value in asked.items()}
