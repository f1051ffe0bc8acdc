"""Whether the caller may do what the call asks: one step between validation and the handler.

The owner may everything. For everybody else each action that the call is made of must be allowed by their policies
(``clary.rights``); the first that is not is told in AWS's words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from botocore.model import OperationModel

from clary.context import Context, Handler
from clary.errors import ServiceError
from clary.gateway import request_facts, s3_actions
from clary.gateway.actions import Ask, asks
from clary.gateway.routing import Route
from clary.rights.evaluation import Decision
from clary.rights.facts import Facts

Call = Callable[[Context, str, str, dict[str, Any]], dict[str, Any]]
"""Asks another operation, as the owner would: for the tags of a resource."""


class Authorization:
    def __init__(self, call: Call) -> None:
        self._call = call

    def is_free(self, context: Context, operation: OperationModel) -> bool:
        """Whether nothing can forbid it: the owner's calls, but for the roles that must trust even them."""
        return context.identity.owner and operation.service_model.service_name != "sts"

    def admit(self, context: Context, route: Route, request: dict[str, Any], handler: Handler) -> Handler:
        """The handler, if the caller may; else an error in the words of the service.

        DeleteObjects is admitted key by key, as S3 does: what is refused becomes an error in the answer.
        """
        operation = route.operation
        facts = request_facts.of(context, operation, route.request, request, self._call)
        if route.service == "s3" and operation.name == "DeleteObjects":
            return _only_allowed_keys(context, facts, handler)
        for ask in asks(context, operation, request):
            decision = self._decide(context, ask, facts)
            if not decision.allowed:
                raise refusal(route.protocol.NAME, context, ask, decision)
        return handler

    @staticmethod
    def _decide(context: Context, ask: Ask, facts: Facts) -> Decision:
        decision = context.rights.decide(context.identity, ask.action, ask.resource, Facts(ask.known).joined(facts))
        if not decision.allowed and not decision.explicit and _is_own(context, ask):
            return Decision(allowed=True)
        return decision

    def told(self, context: Context, route: Route, request: Mapping[str, Any], error: ServiceError) -> ServiceError:
        """The error as this caller may know it: that an object is not there, only who may list the bucket."""
        if error.code != "NoSuchKey" or self.is_free(context, route.operation):
            return error
        facts = request_facts.of(context, route.operation, route.request, request, self._call)
        ask = Ask("s3:ListBucket", s3_actions.arn(request.get("Bucket", "")))
        decision = self._decide(context, ask, facts)
        return error if decision.allowed else refusal(route.protocol.NAME, context, ask, decision)


def _is_own(context: Context, ask: Ask) -> bool:
    """Everybody may look itself up, and a user hand itself to a job: neither gives it anything."""
    if ask.action not in {"iam:PassRole", "iam:GetRole", "iam:GetUser"}:
        return False
    holder = context.rights.holder(context.identity.name)
    if holder is None or ask.resource not in {holder.role_arn, holder.arn}:
        return False
    return holder.kind == "User" or ask.action == "iam:GetRole"


def refusal(protocol: str, context: Context, ask: Ask, decision: Decision) -> ServiceError:
    """The error in the form of the protocol that the request came in."""
    resource = f'"{ask.resource}"' if protocol == "rest-xml" else ask.resource
    text = (
        f"User: {context.identity.arn} is not authorized to perform: {ask.action} on resource: {resource} "
        f"{decision.reason(ask.action)}"
    )
    if protocol in {"rest-xml", "query", "ec2"}:
        return ServiceError(text, code="AccessDenied", status=403)
    return ServiceError(text, code="AccessDeniedException", status=403 if protocol == "rest-json" else 400)


def _only_allowed_keys(context: Context, facts: Facts, handler: Handler) -> Handler:
    def delete(context_: Context, request: dict[str, Any]) -> dict[str, Any]:
        wanted = (request.get("Delete") or {}).get("Objects", [])
        refused = []
        kept = []
        for item in wanted:
            action, resource = s3_actions.delete_of(request["Bucket"], item)
            if context.rights.decide(context.identity, action, resource, facts).allowed:
                kept.append(item)
            else:
                refused.append({**_named(item), "Code": "AccessDenied", "Message": "Access Denied"})
        if not refused:
            return dict(handler(context_, request) or {})
        answer: dict[str, Any] = {}
        if kept:
            answer = dict(handler(context_, {**request, "Delete": {**request["Delete"], "Objects": kept}}) or {})
        return {**answer, "Errors": [*answer.get("Errors", []), *refused]}

    return delete


def _named(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: item[name] for name in ("Key", "VersionId") if name in item}
