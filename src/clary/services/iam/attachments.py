"""The policies of a role, a user or a group: those attached to it, and those written into it.

The operations of each kind are in ``role_policies``, ``user_policies`` and ``group_policies``; what they do is here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from clary.context import Context
from clary.errors import ServiceError
from clary.services import resources
from clary.services.iam import boundaries, documents, entities, policies
from clary.store.base import Record

_ATTACHED = 20  # policies attached to one holder at most; AWS allows 10, and 20 on request


@dataclass(frozen=True)
class Attachments:
    """``kind``: Role, User or Group. ``member`` names it in a request: RoleName."""

    kind: str

    @property
    def member(self) -> str:
        return f"{self.kind}Name"

    def attach(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        arn = request["PolicyArn"]

        def add(holder: Record) -> Record:
            attached = holder.body["_attached"]
            if any(p["PolicyArn"] == arn for p in attached):
                return holder
            if len(attached) == _ATTACHED:
                raise entities.limit_exceeded(f"Cannot exceed quota for PoliciesPer{self.kind}: {_ATTACHED}")
            return _with(holder, _attached=[*attached, {"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn}])

        self._find(context, request)
        policies.require(context, arn)
        return self._edit(context, request, add)

    def detach(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        arn = request["PolicyArn"]

        def remove(holder: Record) -> Record:
            kept = [p for p in holder.body["_attached"] if p["PolicyArn"] != arn]
            if len(kept) == len(holder.body["_attached"]):
                raise entities.no_such_entity(f"Policy {arn} was not found.")
            return _with(holder, _attached=kept)

        return self._edit(context, request, remove)

    def list_attached(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        attached = self._find(context, request).body["_attached"]
        prefix = request.get("PathPrefix", "/")
        wanted = [p for p in attached if policies.path(p["PolicyArn"]).startswith(prefix)]
        shown, more = entities.page(wanted, lambda p: f"{p['PolicyName']} {p['PolicyArn']}", request)
        return {"AttachedPolicies": shown, **more}

    def put(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        name, document = request["PolicyName"], documents.check(request["PolicyDocument"])
        return self._edit(context, request, lambda h: _with(h, _inline={**h.body["_inline"], name: document}))

    def get(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        holder, name = self._find(context, request), request["PolicyName"]
        document = holder.body["_inline"].get(name)
        if document is None:
            raise self._no_policy(name)
        return {self.member: holder.name, "PolicyName": name, "PolicyDocument": documents.encode(document)}

    def list_written(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        shown, more = entities.page(self._find(context, request).body["_inline"], str, request)
        return {"PolicyNames": shown, **more}

    def delete(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        name = request["PolicyName"]

        def remove(holder: Record) -> Record:
            if name not in holder.body["_inline"]:
                raise self._no_policy(name)
            kept = {other: document for other, document in holder.body["_inline"].items() if other != name}
            return _with(holder, _inline=kept)

        return self._edit(context, request, remove)

    def bound(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        boundary = boundaries.given(context, request)
        return self._edit(context, request, lambda holder: _with(holder, **boundary))

    def unbound(self, context: Context, request: dict[str, Any]) -> dict[str, Any]:
        def remove(holder: Record) -> Record:
            if "PermissionsBoundary" not in holder.body:
                raise entities.no_such_entity(f"{self.kind} {holder.name} does not have a permissions boundary.")
            kept = {name: value for name, value in holder.body.items() if name != "PermissionsBoundary"}
            return replace(holder, body=kept)

        return self._edit(context, request, remove)

    def _find(self, context: Context, request: dict[str, Any]) -> Record:
        name = request[self.member]
        return resources.find(entities.everywhere(context), self.kind, name, missing=self._missing(name))

    def _edit(self, context: Context, request: dict[str, Any], how: Callable[[Record], Record]) -> dict[str, Any]:
        name = request[self.member]
        resources.change(entities.everywhere(context), self.kind, name, how, missing=self._missing(name))
        return {}

    def _missing(self, name: str) -> ServiceError:
        return entities.no_such_entity(f"The {self.kind.lower()} with name {name} cannot be found.")

    def _no_policy(self, name: str) -> ServiceError:
        return entities.no_such_entity(f"The {self.kind.lower()} policy with name {name} cannot be found.")


def _with(holder: Record, **members: Any) -> Record:
    return replace(holder, body={**holder.body, **members})
