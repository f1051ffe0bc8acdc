"""Search over everything that can be searched, and suggestions of property names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from botocore.model import StructureShape

from clary.context import Context
from clary.errors import NotServed
from clary.services import operation, resources
from clary.services.sagemaker import search_conditions as conditions
from clary.services.sagemaker import search_properties as properties
from clary.store.base import Condition, Query
from clary.store.search import All, Documents, Joined, Order, Position

_SUGGESTIONS = 100
_PAGE = 100  # results where nothing is said: ExperimentAnalytics says nothing and reads them all


@dataclass(frozen=True)
class _Resource:
    """``member``: of a SearchRecord. ``shape``: of the documents, where it is not the member's own.

    ``joined``: what is searched with each document where a property within it is asked for.
    """

    documents: Documents
    member: str
    shape: str = ""
    told: Callable[[Context, dict[str, Any]], dict[str, Any]] | None = None  # a document as the answer shows it
    joined: Joined | None = None


@operation
def search(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    if request.get("CrossAccountFilterOption") == "CrossAccount":
        raise NotServed("Search across accounts is not served: Clary has one account. Use SameAccount.")
    resource = _resource(request)
    shape = _shape(context, resource)
    parts = []
    if "SearchExpression" in request:
        parts.append(conditions.expression(shape, request["SearchExpression"]))
    if "VisibilityConditions" in request:
        parts.append(conditions.visibility(shape, request["VisibilityConditions"]))
    condition = All(tuple(parts))
    documents = _documents(resource, request)
    after, total = _read_token(request["NextToken"]) if request.get("NextToken") else (None, None)
    if total is None:
        total = context.search.count(context.region, documents, condition)
    order = _order(resource, shape, request)
    found, more = context.search.page(
        context.region, documents, condition, order, after, request.get("MaxResults", _PAGE)
    )
    return {
        "Results": [{resource.member: resource.told(context, body) if resource.told else body} for body in found],
        "TotalHits": {"Value": total, "Relation": "EqualTo"},
        **({"NextToken": resources.token([*more, total])} if more else {}),
    }


@operation
def get_search_suggestions(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Names that begin with the hint, whatever its case: those of the model first, then those that records hold."""
    resource = _resource(request)
    shape = _shape(context, resource)
    hint = request.get("SuggestionQuery", {}).get("PropertyNameQuery", {}).get("PropertyNameHint", "").lower()
    found = list(properties.names(shape))
    for member, key in properties.keyed(shape):
        if hint.startswith(member.lower()[: len(hint)]):
            found += [
                f"{member}.{name}" for name in context.search.keys(context.region, resource.documents, member, key)
            ]
    wanted = [name for name in found if name.lower().startswith(hint) and len(name) <= 255]
    return {"PropertyNameSuggestions": [{"PropertyName": name} for name in wanted[:_SUGGESTIONS]]}


def _resource(request: dict[str, Any]) -> _Resource:
    name = request["Resource"]
    if (resource := _RESOURCES.get(name)) is not None:
        return resource
    if name in _ELSEWHERE:
        raise NotServed(f"Search has no form to tell of the resource {name} in: use {_ELSEWHERE[name]}.")
    raise NotServed(f"Search for the resource {name} is not served yet. These are: {', '.join(_RESOURCES)}.")


def _documents(resource: _Resource, request: dict[str, Any]) -> Documents:
    """With the other records in them only where the request asks for what these hold."""
    if resource.joined is None:
        return resource.documents
    asked = [*conditions.names(request.get("SearchExpression", {})), request.get("SortBy", "")]
    asked += [each.get("Key", "") for each in request.get("VisibilityConditions", [])]
    wanted = any(name.partition(".")[0].lower() == resource.joined.member.lower() for name in asked)
    return replace(resource.documents, joined=resource.joined) if wanted else resource.documents


def _shape(context: Context, resource: _Resource) -> StructureShape:
    shape = context.model("sagemaker").shape_for(resource.shape or "SearchRecord")
    found = shape if resource.shape else shape.members[resource.member]
    assert isinstance(found, StructureShape)
    return found


def _order(resource: _Resource, shape: StructureShape, request: dict[str, Any]) -> Order:
    by, descending = request.get("SortBy", "LastModifiedTime"), request.get("SortOrder", "Descending") == "Descending"
    columns = {"creationtime": "created", "lastmodifiedtime": "modified"}
    if not resource.documents.each:
        match columns.get(by.lower()):
            case "created":
                return Order("created", descending)
            case "modified":
                return Order("modified", descending)
    return Order(properties.find(shape, by).properties, descending)


def _read_token(token: str) -> tuple[Position, int]:
    match resources.read_token(token):
        case [str() | int() | float() | None as value, str() as name, int() as total]:
            return (value, name), total
    raise resources.bad_token(token)


def _trial(context: Context, body: dict[str, Any]) -> dict[str, Any]:
    """With its components in short."""
    query = Query(where=[Condition("_trials", "has", body["TrialName"])], order_by="created", limit=1000)
    components, _ = context.store.page(context.region, "TrialComponent", query)
    summaries = [
        each.body | ({"TrialComponentSource": each.body["Source"]} if "Source" in each.body else {})
        for each in components
    ]
    return {**body, "TrialComponentSummaries": summaries}


def _component(context: Context, body: dict[str, Any]) -> dict[str, Any]:
    """With the job that it is of, where that is still there."""
    source = body.get("Source", {}).get("SourceArn")
    if source is None or _SOURCE.member in body:
        return body
    job = context.store.find(source)
    found = {job.kind: job.body} if job is not None and job.kind in _SOURCE.kinds else {}
    return {**body, _SOURCE.member: {"SourceArn": source, **found}}


def _model(context: Context, body: dict[str, Any]) -> dict[str, Any]:
    """With the endpoints that it serves."""
    serving = {
        config.name
        for config in context.store.scan(context.region, "EndpointConfig")
        if any(variant.get("ModelName") == body["ModelName"] for variant in config.body["ProductionVariants"])
    }
    endpoints = [
        endpoint.body
        for endpoint in context.store.scan(context.region, "Endpoint")
        if endpoint.body["EndpointConfigName"] in serving
    ]
    return {"Model": body, "Endpoints": endpoints}


_SOURCE = Joined("SourceDetail", ("Source", "SourceArn"), ("TrainingJob", "ProcessingJob", "TransformJob"))
_RESOURCES = {
    "TrainingJob": _Resource(Documents("TrainingJob"), "TrainingJob"),
    "Experiment": _Resource(Documents("Experiment"), "Experiment"),
    "ExperimentTrial": _Resource(Documents("Trial"), "Trial", told=_trial),
    "ExperimentTrialComponent": _Resource(
        Documents("TrialComponent"), "TrialComponent", told=_component, joined=_SOURCE
    ),
    "Endpoint": _Resource(Documents("Endpoint"), "Endpoint"),
    "Model": _Resource(Documents("Model"), "Model", shape="Model", told=_model),
    "FeatureGroup": _Resource(Documents("FeatureGroup"), "FeatureGroup"),
    "FeatureMetadata": _Resource(
        Documents("FeatureGroup", "FeatureDefinitions", ("FeatureGroupName", "FeatureGroupArn")), "FeatureMetadata"
    ),
    "ModelCard": _Resource(Documents("ModelCard"), "ModelCard"),
    "HubContent": _Resource(Documents("HubContent"), "HubContent"),
}
# What the enumeration names and a SearchRecord has no member for.
_ELSEWHERE = {"Image": "ListImages", "ImageVersion": "ListImageVersions"}
