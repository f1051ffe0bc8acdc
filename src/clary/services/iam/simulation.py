"""SimulatePrincipalPolicy and SimulateCustomPolicy: what would be allowed, by the evaluation that the door uses."""

from __future__ import annotations

from typing import Any

from clary.context import Context
from clary.errors import NotServed
from clary.rights import documents, holders
from clary.rights.documents import MalformedPolicy, Policy
from clary.rights.evaluation import Caller, Decision, Held, decide
from clary.rights.facts import Facts
from clary.services import operation
from clary.services.iam import entities

_DECISIONS = {(True, False): "allowed", (False, True): "explicitDeny", (False, False): "implicitDeny"}


@operation
def simulate_principal_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """What the policies of a role, a user or a group say, and those of the request beside them."""
    arn = request["PolicySourceArn"]
    found, caller = _source(context, arn)
    boundary = _given(request, "PermissionsBoundaryPolicyInputList")
    held = Held(
        identity=(*found.identity, *_given(request, "PolicyInputList")),
        boundary=_joined(boundary) if boundary else found.boundary,
        resource=_resource_policy(request),
    )
    return _results(request, held, caller)


@operation
def simulate_custom_policy(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    boundary = _given(request, "PermissionsBoundaryPolicyInputList")
    held = Held(
        identity=_given(request, "PolicyInputList"),
        boundary=_joined(boundary) if boundary else None,
        resource=_resource_policy(request),
    )
    return _results(request, held, Caller(account=context.account))


def _source(context: Context, arn: str) -> tuple[Held, Caller]:
    name = arn.rpartition("/")[2]
    holder = context.rights.holder(name)
    if holder is not None and arn in {holder.arn, holder.role_arn}:
        return Held(identity=holder.policies, boundary=holder.boundary), holder.caller(holder.session_arn(name))
    group = context.store.get("", "Group", name)
    if group is not None and group.body["Arn"] == arn:
        return Held(identity=tuple(holders.own(context.store, group))), Caller(account=context.account)
    raise entities.no_such_entity(f"The policy source {arn} cannot be found.")


def _results(request: dict[str, Any], held: Held, caller: Caller) -> dict[str, Any]:
    if request.get("ResourceHandlingOption"):
        raise NotServed("Simulation with ResourceHandlingOption is not served: it is for EC2's instances.")
    caller = _caller(request, caller)
    pairs = [(a, r) for a in request["ActionNames"] for r in request.get("ResourceArns") or ["*"]]
    numbered = list(enumerate(pairs))
    shown, more = entities.page(numbered, lambda item: f"{item[0]:06}", request)
    return {
        "EvaluationResults": [_result(request, held, caller, *pair) for _, pair in shown],
        **more,
    }


def _result(request: dict[str, Any], held: Held, caller: Caller, action: str, resource: str) -> dict[str, Any]:
    facts = _facts(request)
    decision = decide(action, resource, held, caller, facts)
    answer: dict[str, Any] = {
        "EvalActionName": action,
        "EvalResourceName": resource,
        "EvalDecision": _DECISIONS[decision.allowed, decision.explicit],
        "MatchedStatements": _matched(decision),
        "MissingContextValues": sorted(facts.missing),
    }
    if held.boundary is not None:
        alone = decide(action, resource, Held(identity=[held.boundary]), caller, facts)
        answer["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": alone.allowed}
    return answer


def _matched(decision: Decision) -> list[dict[str, Any]]:
    return [{"SourcePolicyId": policy.name, "SourcePolicyType": policy.type} for policy in decision.matched]


def _facts(request: dict[str, Any]) -> Facts:
    entries = request.get("ContextEntries", [])
    return Facts({entry["ContextKeyName"]: list(entry.get("ContextKeyValues", [])) for entry in entries})


def _caller(request: dict[str, Any], caller: Caller) -> Caller:
    arn = request.get("CallerArn")
    return caller if arn is None else Caller(own=(arn,), role=arn, account=arn.split(":")[4])


def _given(request: dict[str, Any], member: str) -> tuple[Policy, ...]:
    return tuple(
        _read(text, "identity", f"{member}.{number}") for number, text in enumerate(request.get(member, []), 1)
    )


def _resource_policy(request: dict[str, Any]) -> Policy | None:
    text = request.get("ResourcePolicy")
    return None if text is None else _read(text, "resource", "ResourcePolicy")


def _read(text: str, kind: documents.Kind, name: str) -> Policy:
    try:
        return documents.read(text, kind, name, "Resource Policy" if kind == "resource" else "IAM Policy")
    except MalformedPolicy as error:
        raise entities.invalid(f"Invalid policy input ({name}): {error}") from None


def _joined(policies: tuple[Policy, ...]) -> Policy:
    return Policy(tuple(statement for policy in policies for statement in policy.statements))
