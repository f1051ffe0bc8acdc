"""Code repositories: create, describe, list, update, delete. Records of where Git repositories are; nothing is cloned."""

from __future__ import annotations

from typing import Any

from clary.context import Context
from clary.errors import ValidationException
from clary.services import operation
from clary.services.sagemaker.kinds import Kind
from clary.store.base import Record

CODE_REPOSITORIES = Kind(
    name="CodeRepository",
    type="code-repository",
    missing=(ValidationException, 'Cannot find CodeRepository: "{arn}"'),
    taken=(ValidationException, 'Cannot create a duplicate CodeRepository: "{arn}"'),
)


@operation
def create_code_repository(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return {"CodeRepositoryArn": CODE_REPOSITORIES.create(context, request["CodeRepositoryName"], request).arn}


@operation
def describe_code_repository(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return CODE_REPOSITORIES.find(context, request["CodeRepositoryName"]).body


@operation
def list_code_repositories(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    shown, more = CODE_REPOSITORIES.page(context, request, sort_by="Name", order="Ascending")
    return {"CodeRepositorySummaryList": [repository.body for repository in shown], **more}


@operation
def update_code_repository(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    def edit(repository: Record) -> Record:
        config = {**repository.body["GitConfig"], **request.get("GitConfig", {})}
        return CODE_REPOSITORIES.edited(context, repository, {"GitConfig": config})

    return {"CodeRepositoryArn": CODE_REPOSITORIES.change(context, request["CodeRepositoryName"], edit).arn}


@operation
def delete_code_repository(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    CODE_REPOSITORIES.delete(context, request["CodeRepositoryName"])
    return {}
