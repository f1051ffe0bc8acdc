"""Which operation a request asks for, and in which protocol: found from the request alone.

In this order: the Smithy-Protocol header; the X-Amz-Target header; a form with an Action; the service that the
signature's scope names, with method and path; anything left is S3. Paths are matched raw and decoded label by label,
because a label may hold ``%2F``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from types import ModuleType
from urllib.parse import unquote, unquote_plus

from botocore.model import OperationModel, OperationNotFoundError

from clary.errors import NotServed, ServiceError
from clary.gateway import models
from clary.gateway.http import HttpAnswer, HttpRequest
from clary.gateway.protocols import cbor, json, query, rest_json, rest_xml

_MODULES: dict[str, ModuleType] = {m.NAME: m for m in (cbor, json, query, rest_json, rest_xml)}
_RPC_PATH = re.compile(r".*/service/(?P<prefix>[^/]+)/operation/(?P<operation>[^/]+)")
_BAD_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})")
_BUCKET_HOST = re.compile(
    r"(?P<bucket>.{3,}?)\.(?:s3(?:\.dualstack)?[.-][a-z0-9-]+\.amazonaws\.com|s3\.amazonaws\.com|s3\.localhost|localhost)$"
)


@dataclass(frozen=True)
class Route:
    """``resource`` is the path with the bucket in it, also where the host names the bucket."""

    service: str
    operation: OperationModel
    protocol: ModuleType
    request: HttpRequest
    labels: dict[str, str] = field(default_factory=dict)
    resource: str = ""


def route(http: HttpRequest, signing_name: str | None) -> Route:
    """The operation asked for; ``NotServed`` if Clary knows none such, with what was asked in its text."""
    if smithy := http.headers.get("smithy-protocol"):
        return _by_rpc_path(http, smithy)
    if target := http.headers.get("x-amz-target"):
        return _by_target(http, target)
    form = _form(http)
    if "Action" in form:
        return _by_action(http, form, signing_name)
    names = models.by_signing_name().get(signing_name or "s3")
    if names is None:
        raise NotServed(f"The service {signing_name} is not served by Clary: {http.method} {http.path}")
    return _by_path(http, names)


def named(service: str, operation: str, http: HttpRequest) -> Route:
    """The route of an operation that Clary itself asks for, on behalf of whoever sent ``http``."""
    model = models.service(service).operation_model(operation)
    return Route(service, model, _MODULES[models.protocols(service)[0]], http)


def path_style(http: HttpRequest) -> str:
    """The raw path with the bucket in front, where the Host names one."""
    host = http.headers.get("host", "").rpartition(":")[0] or http.headers.get("host", "")
    found = _BUCKET_HOST.match(host)
    return f"/{found['bucket']}{http.path}" if found else http.path


def protocol_name(http: HttpRequest, found: Route | None) -> str:
    """The protocol that an error must be told in, also where no operation was found."""
    if found is not None:
        return str(found.protocol.NAME)
    content = http.headers.get("content-type", "")
    if http.headers.get("smithy-protocol") == cbor.HEADER or content.startswith("application/cbor"):
        return cbor.NAME
    if "x-amz-target" in http.headers or content.startswith("application/x-amz-json"):
        return "json"
    if content.startswith("application/x-www-form-urlencoded") or "Action=" in http.query:
        return "query"
    scope = re.search(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/", unquote(http.headers.get("authorization", "")))
    return "rest-xml" if scope is None or scope[1] == "s3" else "rest-json"


def serialize_error(http: HttpRequest, found: Route | None, error: ServiceError, request_id: str) -> HttpAnswer:
    protocol = _MODULES[protocol_name(http, found)]
    answer: HttpAnswer = protocol.serialize_error(found.operation if found else None, error, request_id, http)
    return answer


def _by_rpc_path(http: HttpRequest, smithy: str) -> Route:
    if smithy != cbor.HEADER:
        raise NotServed(f"The protocol {smithy} is not served by Clary; {cbor.HEADER} and JSON are.")
    found = _RPC_PATH.fullmatch(http.path)
    if found is None:
        raise ServiceError(
            f"{http.path} names no operation: {cbor.HEADER} takes /service/NAME/operation/NAME",
            code="UnknownOperationException",
            status=404,
        )
    service = _by_prefix(found["prefix"], found["operation"])
    if cbor.NAME not in models.protocols(service):
        raise ServiceError(f"{service} does not speak {cbor.HEADER}.", code="UnknownOperationException")
    return Route(service, _operation(service, found["operation"]), cbor, http)


def _by_target(http: HttpRequest, target: str) -> Route:
    prefix, _, name = target.rpartition(".")
    service = _by_prefix(prefix, name)
    return Route(service, _operation(service, name), json, http)


def _by_prefix(prefix: str, name: str) -> str:
    service = models.by_target_prefix().get(prefix)
    if service is None:
        raise NotServed(f"{prefix}:{name} is not served by Clary. `clary status --operations` lists what is.")
    return service


def _by_action(http: HttpRequest, form: Mapping[str, str], signing_name: str | None) -> Route:
    name, version = form["Action"], form.get("Version", "")
    service = models.by_query_version().get((version, name))
    if service is None:
        candidates = models.by_signing_name().get(signing_name or "", ())
        if not candidates:
            raise NotServed(f"{signing_name or 'a service'}:{name} (version {version}) is not served by Clary.")
        raise ServiceError(f"Could not find operation {name} for version {version}", code="InvalidAction")
    return Route(service, _operation(service, name), query, http)


def _form(http: HttpRequest) -> dict[str, str]:
    text = http.query
    if http.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        text = f"{http.query}&{http.body.decode('utf-8', 'replace')}"
    if "Action=" not in text:
        return {}
    pairs = (item.partition("=") for item in text.split("&") if item)
    return {unquote_plus(key): unquote_plus(value) for key, _, value in pairs}


def _decoded(label: str) -> str:
    """A path's label; ``InvalidURI`` for what is no percent-encoded UTF-8: two such would become the same name."""
    try:
        if _BAD_PERCENT.search(label):
            raise ValueError
        return unquote(label, errors="strict")
    except ValueError:
        raise ServiceError("Couldn't parse the specified URI.", code="InvalidURI") from None


def _operation(service: str, name: str) -> OperationModel:
    try:
        return models.service(service).operation_model(name)
    except OperationNotFoundError:
        raise ServiceError(f"{service} has no operation {name}.", code="UnknownOperationException") from None


@dataclass(frozen=True)
class _Pattern:
    """What a request must have to be an operation of a REST protocol."""

    name: str
    path: re.Pattern[str]
    query: Mapping[str, str]  # parameters that must be there, with their value ("" for any)
    headers: tuple[str, ...]

    @property
    def weight(self) -> int:
        return len(self.query) + len(self.headers)


def _by_path(http: HttpRequest, names: tuple[str, ...]) -> Route:
    path = path_style(http) if "s3" in names else http.path
    given = {unquote(k): unquote(v) for k, _, v in (item.partition("=") for item in http.query.split("&") if item)}
    for name in names:
        if not models.protocols(name)[0].startswith("rest"):
            continue
        for pattern in _patterns(name).get(http.method, ()):
            found = pattern.path.fullmatch(path)
            if found and _has(pattern, given, http):
                labels = {key: _decoded(value) for key, value in found.groupdict().items()}
                labels = {_label(name, pattern.name, key): value for key, value in labels.items()}
                module = _MODULES[models.protocols(name)[0]]
                return Route(name, models.service(name).operation_model(pattern.name), module, http, labels, path)
    if "s3" in names:
        raise ServiceError(
            "The specified method is not allowed against this resource.",
            code="MethodNotAllowed",
            status=405,
            Method=http.method,
        )
    raise NotServed(f"{names[0]}: there is no operation {http.method} {http.path}")


def _has(pattern: _Pattern, given: Mapping[str, str], http: HttpRequest) -> bool:
    return all(key in given and (not value or given[key] == value) for key, value in pattern.query.items()) and all(
        header in http.headers for header in pattern.headers
    )


@cache
def _patterns(service: str) -> dict[str, list[_Pattern]]:
    """The patterns of a service by method, the most telling first."""
    found: dict[str, list[_Pattern]] = {}
    for name in models.service(service).operation_names:
        operation = models.service(service).operation_model(name)
        path, _, fixed = operation.http["requestUri"].partition("?")
        wanted = {k: v for k, _, v in (item.partition("=") for item in fixed.split("&") if item) if k != "x-id"}
        headers = []
        shape = operation.input_shape
        for member in shape.required_members if shape else ():
            where = shape.members[member].serialization
            if where.get("location") == "querystring":
                wanted[where["name"]] = ""
            elif where.get("location") == "header" and service == "s3":
                headers.append(where["name"].lower())
        if operation.deprecated:  # it shares its address with the one that took its place
            continue
        pattern = _Pattern(name, _path_pattern(path), wanted, tuple(headers))
        found.setdefault(operation.http["method"], []).append(pattern)
    for patterns in found.values():
        patterns.sort(key=lambda p: (-p.weight, p.path.pattern.count("(?P"), p.name))
    return found


def _path_pattern(template: str) -> re.Pattern[str]:
    """``/{Bucket}/{Key+}`` as a pattern over raw paths; label names are put into the group by position."""
    parts = re.split(r"\{([^}]+)\}", template)
    text = ""
    for index, part in enumerate(parts):
        if index % 2 == 0:
            text += re.escape(part)
        else:
            text += f"(?P<l{index // 2}>{'.+' if part.endswith('+') else '[^/]+'})"
    return re.compile(text + ("/?" if not template.endswith("+}") else ""))


@cache
def _label(service: str, operation: str, group: str) -> str:
    template = models.service(service).operation_model(operation).http["requestUri"].partition("?")[0]
    return str(re.findall(r"\{([^}+]+)\+?\}", template)[int(group[1:])])
