"""Human task UIs, the templates of human review: create, describe, list, delete."""

from __future__ import annotations

import hashlib
from typing import Any

from clary.context import Context
from clary.errors import ResourceInUse, ResourceNotFound
from clary.services import operation
from clary.services.sagemaker.kinds import Kind

HUMAN_TASK_UIS = Kind(
    name="HumanTaskUi",
    type="human-task-ui",
    status="HumanTaskUiStatus",
    missing=(ResourceNotFound, "The human task UI {arn} does not exist."),
    taken=(ResourceInUse, "A human task UI with the name {name} already exists ({arn})."),
)


@operation
def create_human_task_ui(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = request["HumanTaskUiName"]
    return {"HumanTaskUiArn": HUMAN_TASK_UIS.create(context, name, request, status="Active").arn}


@operation
def describe_human_task_ui(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Without ``Url``: AWS's is that of a bucket of its own. What the template shows, RenderUiTemplate tells."""
    body = HUMAN_TASK_UIS.find(context, request["HumanTaskUiName"]).body
    digest = hashlib.sha256(body["UiTemplate"]["Content"].encode()).hexdigest()
    return {**body, "UiTemplate": {"ContentSha256": digest}}


@operation
def list_human_task_uis(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    shown, more = HUMAN_TASK_UIS.page(context, request)
    return {"HumanTaskUiSummaries": [ui.body for ui in shown], **more}


@operation
def delete_human_task_ui(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    HUMAN_TASK_UIS.delete(context, request["HumanTaskUiName"])
    return {}
