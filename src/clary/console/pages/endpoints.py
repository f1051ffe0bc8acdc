"""Endpoints: their status, what they write, and a form to ask them: a row, a text, a picture."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from clary import costs
from clary.console import boto3_code, charts, metric_lines, requests
from clary.console.lists import listing
from clary.console.metric_lines import Metric
from clary.console.page import Nav, action, page
from clary.console.visit import Visit
from clary.errors import ServiceError
from clary.gateway.http import HttpAnswer

STATUSES = ("InService", "Creating", "Updating", "Failed", "Deleting", "OutOfService")
_LIVE = frozenset({"Creating", "Updating", "Deleting"})
_GROUP = "/aws/sagemaker/Endpoints"
_LINES = 40
_SHOWN = timedelta(minutes=15)
_PERIOD = 5  # seconds of a point of the charts


@page("/_/endpoints", nav=Nav("Run", "Endpoints", order=20))
def endpoints(visit: Visit) -> HttpAnswer:
    found = listing(visit, "sagemaker", "ListEndpoints", "Endpoints")
    rows = []
    for row in found.rows:
        reason = ""
        if row["EndpointStatus"] == "Failed":
            reason = _reason(visit, row["EndpointName"])
        rows.append({**row, "reason": reason})
    code = boto3_code.call("sagemaker", "ListEndpoints", {})
    return visit.show("endpoints.html", listing=found, rows=rows, statuses=STATUSES, code=code)


@page("/_/endpoints/{name}")
def endpoint(visit: Visit) -> HttpAnswer:
    name = visit.path["name"]
    found = visit.call("sagemaker", "DescribeEndpoint", EndpointName=name)
    config: dict[str, Any] = {}
    with contextlib.suppress(ServiceError):  # deleted: an endpoint does without
        config = visit.call("sagemaker", "DescribeEndpointConfig", EndpointConfigName=found["EndpointConfigName"])
    request = requests.made_by(visit.context, "sagemaker", "CreateEndpoint", found)
    state = found["EndpointStatus"]
    return visit.show(
        "endpoint.html",
        endpoint=found,
        name=name,
        state=state,
        live=state in _LIVE,
        variants=config.get("ProductionVariants", []),
        cost=costs.of_endpoint(found, config, visit.context.now()).partition(",")[0] if config else "",
        **_log(visit, name),
        charts=_charts(visit, found, [each["VariantName"] for each in config.get("ProductionVariants", [])]),
        create=boto3_code.call("sagemaker", "CreateEndpoint", request),
        code=boto3_code.call("sagemaker", "DescribeEndpoint", {"EndpointName": name}),
        ask=boto3_code.call(
            "sagemaker-runtime", "InvokeEndpoint", {"EndpointName": name, "ContentType": "text/csv", "Body": "1,2,3"}
        )
        + '["Body"].read()',
    )


@action("/_/endpoints/{name}/ask")
def ask(visit: Visit) -> HttpAnswer:
    """What the endpoint answers to the body that a script posted, of the content type it came with; as JSON."""
    headers = visit.request.headers
    answer = visit.call(
        "sagemaker-runtime",
        "InvokeEndpoint",
        EndpointName=visit.path["name"],
        ContentType=headers.get("content-type", "text/csv"),
        Accept=headers.get("x-accept", "*/*"),
        Body=visit.request.body,
    )
    raw = answer["Body"]
    text = raw.decode("utf-8", "replace")
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    told = {"variant": answer.get("InvokedProductionVariant", ""), "type": answer.get("ContentType", "")}
    return visit.json({**told, "text": text, "document": document})


@action("/_/endpoints/{name}/delete")
def delete(visit: Visit) -> HttpAnswer:
    visit.call("sagemaker", "DeleteEndpoint", EndpointName=visit.path["name"])
    return visit.go("/_/endpoints")


def _charts(visit: Visit, endpoint: Mapping[str, Any], variants: list[str]) -> list[charts.Chart]:
    """Requests and latency of the last quarter of an hour, or since there is the endpoint."""
    name, ended = endpoint["EndpointName"], visit.context.now()
    began = max(ended - _SHOWN, min(endpoint["CreationTime"], ended - timedelta(seconds=_PERIOD)))
    ago = (ended - began).total_seconds()
    made = []
    for title, metric, stat, unit in (
        (f"Requests in {_PERIOD} s", "Invocations", "Sum", 1.0),
        ("Latency, ms", "ModelLatency", "Average", 1000.0),
    ):
        lines = []
        for variant in variants[:6]:
            where = {"EndpointName": name, "VariantName": variant}
            found = metric_lines.read(
                visit, [Metric(metric, "AWS/SageMaker", where, stat)], began, ended, period=_PERIOD
            )
            points = found.get(metric, [])
            if stat == "Sum":
                points = _with_zeros(points, ago)
            lines.append(charts.Line(variant, [(x - ago, y / unit) for x, y in points]))
        if chart := charts.chart(title, lines, "s", ago=ago, from_zero=True):
            made.append(chart)
    return made


def _with_zeros(points: list[tuple[float, float]], seconds: float) -> list[tuple[float, float]]:
    """With a 0 in each period of the time in which nothing was counted, which CloudWatch tells nothing of."""
    if not points:
        return []
    first = points[0][0] % _PERIOD
    known = {round((x - first) / _PERIOD): value for x, value in points}
    return [(first + n * _PERIOD, known.get(n, 0.0)) for n in range(int((seconds - first) // _PERIOD) + 1)]


def _reason(visit: Visit, name: str) -> str:
    try:
        return str(visit.call("sagemaker", "DescribeEndpoint", EndpointName=name).get("FailureReason", ""))
    except ServiceError:
        return ""


def _log(visit: Visit, name: str) -> dict[str, Any]:
    """The last ``lines`` of all its variants; ``refused``: who may not read them is told."""
    group = f"{_GROUP}/{name}"
    try:
        streams = visit.call("logs", "DescribeLogStreams", logGroupName=group, orderBy="LastEventTime", descending=True)
        lines: list[dict[str, Any]] = []
        for stream in streams["logStreams"][:5]:
            asked = {"logGroupName": group, "logStreamName": stream["logStreamName"], "limit": _LINES}
            lines += visit.call("logs", "GetLogEvents", **asked, startFromHead=False)["events"]
    except ServiceError as error:
        return {"lines": [], "refused": error.message if error.is_refusal else ""}
    return {"lines": sorted(lines, key=lambda event: event["timestamp"])[-_LINES:], "refused": ""}
