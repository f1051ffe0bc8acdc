"""RenderUiTemplate: what a worker would see of a template, without a job."""

from __future__ import annotations

from typing import Any

from clary.context import Context
from clary.errors import NotServed, ValidationException
from clary.labelling import templates
from clary.labelling.object_addresses import grant_of
from clary.labelling.templates import TemplateProblem
from clary.services import operation
from clary.services.iam import roles
from clary.services.sagemaker.human_task_uis import HUMAN_TASK_UIS


@operation
def render_ui_template(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Of what is wrong in the template or in its input, ``Errors`` tells; the call itself succeeds."""
    if ("UiTemplate" in request) == ("HumanTaskUiArn" in request):
        raise ValidationException("Name either a UiTemplate or a HumanTaskUiArn to render, and not both.")
    roles.require(context, request["RoleArn"])
    template = request["UiTemplate"]["Content"] if "UiTemplate" in request else _own(context, request["HumanTaskUiArn"])
    try:
        given = templates.task_input(request["Task"]["Input"])
        grant = grant_of(context, request["RoleArn"])
        content = templates.render(template, given, grant, context.url + templates.ASSETS)
    except TemplateProblem as problem:
        return {"RenderedContent": "", "Errors": [{"Code": problem.code, "Message": problem.message}]}
    return {"RenderedContent": content, "Errors": []}


def _own(context: Context, arn: str) -> str:
    """The template of a human task UI that was made here."""
    if arn.split(":")[4] != context.account:
        raise NotServed(
            f"RenderUiTemplate of {arn} is not served: the worker UIs of AWS are not on this machine. "
            "Hand the template itself as UiTemplate.Content."
        )
    return str(HUMAN_TASK_UIS.find(context, arn).body["UiTemplate"]["Content"])
