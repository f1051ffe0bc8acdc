"""Experiments: the runs of one as a table with chosen columns, side by side, and as charts. All of it is in the address."""

from __future__ import annotations

import math
from typing import Any
from urllib.parse import parse_qsl

from clary.console import boto3_code, charts
from clary.console.charts import Line
from clary.console.lists import PAGE, Listing, listing, own_query
from clary.console.page import Nav, page
from clary.console.visit import Visit
from clary.errors import ServiceError
from clary.gateway.http import HttpAnswer

_MOST = 500  # runs of one experiment on a page
_UP = "|up"  # behind a column's name: the least first
_AT_FIRST = 6  # columns, where the address names none


@page("/_/experiments", nav=Nav("Build", "Experiments", order=30))
def experiments(visit: Visit) -> HttpAnswer:
    """ListExperiments has no filter by name: a name is looked for by Search, in pages and in the same order."""
    if part := visit.query.get("NameContains"):
        found, code = _named(visit, part)
    else:
        found = listing(visit, "sagemaker", "ListExperiments", "ExperimentSummaries")
        code = boto3_code.call("sagemaker", "ListExperiments", {"SortBy": "CreationTime", "SortOrder": "Descending"})
    return visit.show("experiments.html", listing=found, code=code)


@page("/_/experiments/{name}")
def experiment(visit: Visit) -> HttpAnswer:
    name = visit.path["name"]
    found = visit.call("sagemaker", "DescribeExperiment", ExperimentName=name)
    asked = _search(name)
    runs = _runs(visit, asked)
    known = list(dict.fromkeys(column for run in runs for column in run["values"]))
    given = parse_qsl(visit.request.query, keep_blank_values=True)
    columns = [value for key, value in given if key == "column" and value in known] or _first(known)
    chosen = [value for key, value in given if key == "run"]
    contains = visit.query.get("contains", "")
    shown = [run for run in runs if contains.lower() in f"{run['name']} {run['title']}".lower()]
    sort, down = visit.query.get("sort", "").removesuffix(_UP), not visit.query.get("sort", "").endswith(_UP)
    if sort in known:
        shown.sort(key=lambda run: _key(run["values"].get(sort), down=down), reverse=down)
    compared = [run for run in runs if run["name"] in chosen]
    numbers = [column for column in columns if sum(_number(run["values"].get(column)) is not None for run in shown) > 1]
    return visit.show(
        "experiment.html",
        experiment=found,
        name=name,
        runs=shown,
        all=len(runs),
        known=known,
        columns=columns,
        contains=contains,
        sort=sort,
        down=down,
        up=_UP,
        chosen=chosen,
        compared=compared,
        lines=_lines(visit, compared),
        scatter=_scatter(numbers, shown, visit.query.get("x", ""), visit.query.get("y", "")),
        numbers=numbers,
        parallel=charts.parallel(
            numbers, [(r["title"], [_number(r["values"].get(c)) for c in numbers]) for r in shown]
        ),
        asked={"x": visit.query.get("x", ""), "y": visit.query.get("y", "")},
        code=boto3_code.call("sagemaker", "Search", asked),
    )


def _named(visit: Visit, part: str) -> tuple[Listing, str]:
    """One page of the experiments whose name, as given or as shown, contains this; and the call that gives it."""
    query = own_query(visit)
    members = ("ExperimentName", "DisplayName")
    asked = {
        "Resource": "Experiment",
        "SearchExpression": {
            "Filters": [{"Name": member, "Operator": "Contains", "Value": part} for member in members],
            "Operator": "Or",
        },
        "SortBy": "ExperimentName" if query.get("SortBy") == "Name" else "CreationTime",
        "SortOrder": query.get("SortOrder", "Descending"),
        "MaxResults": PAGE,
    }
    token = {"NextToken": query["NextToken"]} if "NextToken" in query else {}
    answer = visit.call("sagemaker", "Search", **asked, **token)
    rows = [result["Experiment"] for result in answer["Results"]]
    found = Listing(visit.request.path, rows, query, answer.get("NextToken", ""), "CreationTime")
    return found, boto3_code.call("sagemaker", "Search", asked)


def _search(name: str) -> dict[str, Any]:
    return {
        "Resource": "ExperimentTrialComponent",
        "SearchExpression": {"Filters": [{"Name": "Parents.ExperimentName", "Operator": "Equals", "Value": name}]},
        "SortBy": "CreationTime",
        "SortOrder": "Descending",
    }


def _runs(visit: Visit, asked: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    more: dict[str, Any] = {}
    while len(found) < _MOST:
        answer = visit.call("sagemaker", "Search", **asked, MaxResults=100, **more)
        found += [_run(result["TrialComponent"]) for result in answer["Results"]]
        if not answer.get("NextToken"):
            break
        more = {"NextToken": answer["NextToken"]}
    return found


def _run(component: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {each["MetricName"]: each.get("Last") for each in component.get("Metrics", [])}
    for key, value in component.get("Parameters", {}).items():
        if not key.startswith(("SageMaker.", "sagemaker_")):
            values[key] = value.get("NumberValue", value.get("StringValue"))
    return {
        "name": component["TrialComponentName"],
        "title": component.get("DisplayName") or component["TrialComponentName"],
        "state": component.get("Status", {}).get("PrimaryStatus", ""),
        "reason": component.get("Status", {}).get("Message", ""),
        "created": component["CreationTime"],
        "arn": component["TrialComponentArn"],
        "metrics": [each["MetricName"] for each in component.get("Metrics", [])],
        "values": values,
    }


def _lines(visit: Visit, runs: list[dict[str, Any]]) -> list[charts.Chart]:
    """For each metric that the compared runs have, their values over steps or time."""
    made = []
    for metric in list(dict.fromkeys(name for run in runs for name in run["metrics"]))[:8]:
        lines = [Line(run["title"], _points(visit, run["arn"], metric)) for run in runs if metric in run["metrics"]]
        if chart := charts.chart(metric, lines):
            made.append(chart)
    return made


def _points(visit: Visit, arn: str, metric: str) -> list[tuple[float, float]]:
    query = {"MetricName": metric, "ResourceArn": arn, "MetricStat": "Last", "Period": "IterationNumber"}
    try:
        answer = visit.call(
            "sagemaker-metrics", "BatchGetMetrics", MetricQueries=[{**query, "XAxisType": "IterationNumber"}]
        )
    except ServiceError:
        return []
    result = answer["MetricQueryResults"][0]
    return list(zip(map(float, result["XAxisValues"]), result["MetricValues"], strict=True))


def _scatter(numbers: list[str], runs: list[dict[str, Any]], across: str, up: str) -> charts.Scatter | None:
    across = across if across in numbers else (numbers[1] if len(numbers) > 1 else "")
    up = up if up in numbers else (numbers[0] if numbers else "")
    points = []
    for run in runs:
        x, y = _number(run["values"].get(across)), _number(run["values"].get(up))
        if x is not None and y is not None:
            points.append((x, y, run["title"]))
    return charts.scatter(across, up, points)


def _first(known: list[str]) -> list[str]:
    return known[:_AT_FIRST]


def _number(value: Any) -> float | None:
    """Of a metric, or of a parameter that is one."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None


def _key(value: Any, *, down: bool) -> tuple[bool, float, str]:
    """Numbers by size, texts after them, what is missing last either way."""
    number = _number(value)
    missing = value is None
    return (not missing) if down else missing, number if number is not None else math.inf, "" if missing else str(value)
