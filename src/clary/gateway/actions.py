"""Which actions a call is, and on which resources: found from the service model, so that new operations need no entry.

An action is the operation's name under the service's prefix, a resource the ARN that the request's names make. The
exceptions are tables here; S3, whose actions have names of their own, is in ``s3_actions``, KMS, whose keys have many
names, in ``kms_actions``. Source: AWS's service authorization reference.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from clary.context import Context
from clary.gateway import kms_actions, s3_actions
from clary.rights.facts import Known

# Signing name → what IAM calls the service, where that differs.
_PREFIXES = {"monitoring": "cloudwatch"}
_RENAMED = {"lambda:Invoke": "lambda:InvokeFunction"}
# Whoever has a key may ask these.
_FREE = frozenset({"sts:GetCallerIdentity", "sts:GetSessionToken"})

_VERB = re.compile(
    r"Create|Describe|Delete|Update|Stop|Start|List|Put|Get|Invoke|Add|Associate|Disassociate|Register|Deregister|"
    r"Import|Retry|Send|Search|Query|Attach|Detach|BatchDescribe|BatchPut|BatchGet|BatchDelete"
)
# Of SageMaker: a noun → its ARN's resource, where it is not the noun's words and its name.
_TEMPLATES = {
    "AutoMLJob": "automl-job/{AutoMLJobName}",
    "Domain": "domain/{DomainId}",
    "UserProfile": "user-profile/{DomainId}/{UserProfileName}",
    "Space": "space/{DomainId}/{SpaceName}",
    "App": "app/{DomainId}/{UserProfileName|SpaceName}/{AppType}/{AppName}",
    "PresignedDomainUrl": "user-profile/{DomainId}/{UserProfileName}",
    "ImageVersion": "image-version/{ImageName}/{Version}",
    "HubContent": "hub-content/{HubName}/{HubContentType}/{HubContentName}",
    "Workteam": "workteam/private-crowd/{WorkteamName}",
    "ModelPackage": "model-package/{ModelPackageName|ModelPackageGroupName}",
    "Experiment": "experiment/{ExperimentName}",
    "Trial": "experiment-trial/{TrialName}",
    "TrialComponent": "experiment-trial-component/{TrialComponentName}",
}
_TYPES = {"Trial": "experiment-trial", "TrialComponent": "experiment-trial-component", "AutoMLJob": "automl-job"}

# IAM: what a listing is about.
_IAM_LISTS = {"ListRoles": "role", "ListUsers": "user", "ListGroups": "group", "ListPolicies": "policy"}


@dataclass(frozen=True)
class Ask:
    """One thing that a call needs to be allowed. ``known``: condition keys that hold for this one alone."""

    action: str
    resource: str
    known: Mapping[str, Known] = field(default_factory=dict)


def asks(context: Context, operation: OperationModel, request: Mapping[str, Any]) -> list[Ask]:
    """All that a call needs; nothing for what everybody may do."""
    service = operation.service_model.service_name
    if service == "s3":
        return [Ask(action, resource) for action, resource in s3_actions.asks(operation.name, request)]
    if service == "kms":
        return [Ask(*found) for found in kms_actions.asks(context, operation.name, request)]
    name = action(operation)
    if name in _FREE:
        return []
    targets = resources(context, operation, request)
    found = [Ask(name, target) for target in targets]
    if service == "sagemaker" and operation.name.startswith("Create") and request.get("Tags"):
        tagging: dict[str, Known] = {"sagemaker:TaggingAction": operation.name}
        found += [Ask("sagemaker:AddTags", target, tagging) for target in targets]
    if service == "sts" and request.get("Tags"):
        found += [Ask("sts:TagSession", target) for target in targets]
    for role in sorted(_passed(operation, request)):
        known: dict[str, Known] = {
            "iam:PassedToService": f"{action_prefix(operation)}.amazonaws.com",
            "iam:AssociatedResourceArn": targets[0],
        }
        found.append(Ask("iam:PassRole", role, known))
    return found


def action(operation: OperationModel) -> str:
    name = f"{action_prefix(operation)}:{operation.name}"
    return _RENAMED.get(name, name)


def action_prefix(operation: OperationModel) -> str:
    signing = str(operation.service_model.signing_name)
    return _PREFIXES.get(signing, signing)


def resources(context: Context, operation: OperationModel, request: Mapping[str, Any]) -> list[str]:
    """The ARNs that a call is about; ``*`` if it is about none in particular. Not of S3 and KMS."""
    how = _BY_PREFIX.get(action_prefix(operation), _any_arn)
    return list(dict.fromkeys(how(context, operation, request))) or ["*"]


def _any_arn(_: Context, operation: OperationModel, request: Mapping[str, Any]) -> Iterator[str]:
    """Where no rule is known: the first required ARN."""
    for member in _required(operation):
        value = request.get(member)
        if isinstance(value, str) and value.startswith("arn:"):
            yield value
            return


def _sagemaker(context: Context, operation: OperationModel, request: Mapping[str, Any]) -> Iterator[str]:
    noun = _VERB.sub("", operation.name, count=1).removesuffix("V2")
    if (template := _TEMPLATES.get(noun)) is not None:
        yield _filled(context, template, request)
        return
    if noun.endswith("JobDefinition") and "JobDefinitionName" in request:
        yield _sagemaker_arn(context, _kebab(noun), request["JobDefinitionName"])
        return
    members = [f"{noun}Arn", f"{noun}Name", *_required(operation)]
    for member in members:
        if isinstance(value := request.get(member), str) and (found := _by_member(context, member, value)):
            yield found
            return
    for member in _required(operation):  # several at once: BatchGetRecord, BatchDescribeModelPackage
        for item in request.get(member) or () if isinstance(request.get(member), list) else ():
            if isinstance(item, str) and item.startswith("arn:"):
                yield item
            for name, value in item.items() if isinstance(item, dict) else ():
                if isinstance(value, str) and name.endswith(("Name", "Arn")) and name != "MetricName":
                    if found := _by_member(context, name, value):
                        yield found
                    break


def _by_member(context: Context, member: str, value: str) -> str:
    if value.startswith("arn:"):
        return value
    noun = next((member.removesuffix(end) for end in ("Name", "Id") if member.endswith(end)), "")
    return _sagemaker_arn(context, _TYPES.get(noun, _kebab(noun)), value) if noun else ""


def _filled(context: Context, template: str, request: Mapping[str, Any]) -> str:
    """The template with the request's members in it; a member that is not there could be any."""

    def value(match: re.Match[str]) -> str:
        return next((str(request[name]) for name in match.group(1).split("|") if request.get(name)), "*")

    filled = re.sub(r"\{([^}]+)\}", value, template)
    given = filled.partition("/")[2]
    return given if given.startswith("arn:") else _sagemaker_arn(context, *filled.split("/", 1))


def _sagemaker_arn(context: Context, kind: str, name: str) -> str:
    return context.arn("sagemaker", kind, name)


def _kebab(noun: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", noun).lower()


def _iam(context: Context, operation: OperationModel, request: Mapping[str, Any]) -> Iterator[str]:
    def arn(kind: str, path: str, name: str) -> str:
        return f"arn:aws:iam::{context.account}:{kind}{path}{name}"

    path = request.get("Path") or request.get("PathPrefix") or "/"
    if (kind := _IAM_LISTS.get(operation.name)) is not None:
        yield arn(kind, path, "")
    elif role := request.get("RoleName"):
        found = context.rights.holder(role)
        yield found.role_arn if found else arn("role", path, role)
    elif user := request.get("UserName") or _own_user(context, operation):
        found = context.rights.holder(user)
        yield found.arn if found and found.kind == "User" else arn("user", path, user)
    elif group := request.get("GroupName"):
        record = context.store.get("", "Group", group)
        yield record.body["Arn"] if record else arn("group", path, group)
    elif given := request.get("PolicySourceArn") or request.get("PolicyArn"):
        yield given
    elif name := request.get("PolicyName"):
        yield arn("policy", path, name)


def _own_user(context: Context, operation: OperationModel) -> str:
    """Whom an operation is about that leaves the user's name away: the one who asks."""
    shape = operation.input_shape
    takes = shape is not None and "UserName" in shape.members
    return context.identity.name if takes and "PolicyArn" not in (shape.members if shape else ()) else ""


def _sts(_: Context, __: OperationModel, request: Mapping[str, Any]) -> Iterator[str]:
    if arn := request.get("RoleArn"):
        yield arn


def _logs(context: Context, _: OperationModel, request: Mapping[str, Any]) -> Iterator[str]:
    if arn := request.get("resourceArn"):
        yield arn
        return
    group = request.get("logGroupName") or request.get("logGroupIdentifier") or ""
    if group.startswith("arn:"):
        group = group.split(":", 6)[6].removesuffix(":*")
    stream = request.get("logStreamName", "")
    if group or stream or "logGroupNamePrefix" in request:
        group = group or request.get("logGroupNamePrefix", "")
        yield f"arn:aws:logs:{context.region}:{context.account}:log-group:{group}:log-stream:{stream}"
    names = request.get("logGroupNames") or request.get("logGroupIdentifiers") or ()
    for name in names:
        yield f"arn:aws:logs:{context.region}:{context.account}:log-group:{name}:log-stream:"


def _cloudwatch(context: Context, _: OperationModel, request: Mapping[str, Any]) -> Iterator[str]:
    given = [request["AlarmName"]] if "AlarmName" in request else request.get("AlarmNames") or ()
    for name in given:
        yield f"arn:aws:cloudwatch:{context.region}:{context.account}:alarm:{name}"
    if name := request.get("DashboardName"):
        yield f"arn:aws:cloudwatch::{context.account}:dashboard/{name}"
    if arn := request.get("ResourceARN"):
        yield arn


_BY_PREFIX: dict[str, Callable[[Context, OperationModel, Mapping[str, Any]], Iterator[str]]] = {
    "sagemaker": _sagemaker,
    "iam": _iam,
    "sts": _sts,
    "logs": _logs,
    "cloudwatch": _cloudwatch,
}


def _required(operation: OperationModel) -> list[str]:
    shape = operation.input_shape
    return list(shape.required_members) if shape is not None else []


def _passed(operation: OperationModel, request: Mapping[str, Any]) -> set[str]:
    """The roles that a call hands over to the service."""
    reads = operation.name.startswith(("List", "Describe", "Get", "Search"))
    if reads or operation.input_shape is None or operation.service_model.service_name in {"iam", "sts"}:
        return set()
    return set(_roles(operation.input_shape, request, ""))


def _roles(shape: Shape, value: Any, member: str) -> Iterator[str]:
    match shape:
        case StructureShape():
            for name, inner in shape.members.items():
                if isinstance(value, dict) and value.get(name) is not None:
                    yield from _roles(inner, value[name], name)
        case ListShape():
            for item in value if isinstance(value, list) else ():
                yield from _roles(shape.member, item, member)
        case MapShape():
            for item in value.values() if isinstance(value, dict) else ():
                yield from _roles(shape.value, item, member)
        case _:
            meant = shape.name == "RoleArn" or member.lower().endswith("rolearn")
            if meant and isinstance(value, str) and re.match(r"arn:aws[\w-]*:iam::\d*:role/", value):
                yield value
