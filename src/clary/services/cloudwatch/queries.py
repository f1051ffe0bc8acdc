"""GetMetricData: several metrics at once, and expressions over them, page by page."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, cast

from clary.context import Context
from clary.errors import NotServed, ServiceError
from clary.services import operation
from clary.services.cloudwatch import expressions, statistics
from clary.services.cloudwatch.errors import check_period
from clary.services.cloudwatch.metric_data import read_dimensions
from clary.services.cloudwatch.series import Line, Term
from clary.store.times import ms_of

_MOST, _QUERIES = 100_800, 500  # datapoints of a page, queries of a request
_ID = re.compile(r"[a-z][a-zA-Z0-9_]*")
_TOKEN = re.compile(r"(\d+)/(-?\d+)")


@operation
def get_metric_data(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    queries = _checked(context, request)
    lines = _Lines(context, queries, request["StartTime"].astimezone(UTC), request["EndTime"].astimezone(UTC))
    found = [
        (query["Id"], line) for query in queries if query.get("ReturnData", True) for line in lines.returned(query)
    ]
    newest_first = request.get("ScanBy", "TimestampDescending") == "TimestampDescending"
    results, token = _page(found, request, newest_first)
    return {"MetricDataResults": results, "Messages": [], **({"NextToken": token} if token else {})}


def _checked(context: Context, request: dict[str, Any]) -> list[dict[str, Any]]:
    queries: list[dict[str, Any]] = request["MetricDataQueries"]
    if len(queries) > _QUERIES:
        raise _invalid(f"The collection MetricDataQueries must not have a size greater than {_QUERIES}.")
    if request["StartTime"] >= request["EndTime"]:
        raise _invalid("The parameter StartTime must be less than the parameter EndTime.")
    if not 0 < request.get("MaxDatapoints", _MOST) <= _MOST:
        raise _invalid(f"The parameter MaxDatapoints must be between 1 and {_MOST}; it is {request['MaxDatapoints']}.")
    ids = [query["Id"] for query in queries]
    for number, query in enumerate(queries, 1):
        path = f"MetricDataQueries.member.{number}"
        if not _ID.fullmatch(query["Id"]):
            raise _invalid(
                f"The value {query['Id']} for parameter {path}.Id must match the pattern ^[a-z][a-zA-Z0-9_]*$."
            )
        if ids.count(query["Id"]) > 1:
            raise _invalid(f"The values for parameter Id in MetricDataQueries are not unique: {query['Id']}.")
        for other in ("Expression", "Period"):
            if query.get("MetricStat") and query.get(other):
                raise _invalid(
                    f"The parameters {path}.{other} and {path}.MetricStat are mutually exclusive and you have specified both."
                )
        if not query.get("MetricStat") and not query.get("Expression"):
            raise _invalid(f"One of {path}.MetricStat and {path}.Expression must be specified.")
        if query.get("AccountId", context.account) != context.account:
            raise NotServed(
                f"GetMetricData of another account ({query['AccountId']}) is not served: there is one here."
            )
        if "${" in query.get("Label", ""):
            raise NotServed(f"Dynamic labels are not served: {query['Label']!r}.")
    return queries


class _Lines:
    """The series behind each query, read when first asked for."""

    def __init__(self, context: Context, queries: list[dict[str, Any]], start: datetime, end: datetime) -> None:
        self._context, self._start, self._end = context, start, end
        self._queries = {query["Id"]: query for query in queries}
        self._done: dict[str, Term] = {}
        self._open: set[str] = set()

    def returned(self, query: dict[str, Any]) -> list[Line]:
        """What a query answers; an expression may answer several lines."""
        term = self._term(query["Id"])
        if isinstance(term, float):
            raise expressions.invalid(query["Id"], "it must give a time series, and gives a number")
        if isinstance(term, Line):
            return [term]
        return [
            Line(f"{query['Label']} {line.label}" if query.get("Label") else line.label, 0, line.values)
            for line in term
        ]

    def _term(self, name: str) -> Term:
        if name in self._done:
            return self._done[name]
        query = self._queries.get(name)
        if query is None:
            raise _invalid(f"The expression names {name!r}, which is no Id of the request.")
        if name in self._open:
            raise _invalid(f"The expressions of the request go in a circle: {', '.join(sorted(self._open))}.")
        self._open.add(name)
        if "MetricStat" in query:
            term: Term = self._metric(query)
        else:
            label = query.get("Label") or name
            term = expressions.evaluate(query["Expression"], self._term, self._metrics, label)
            if isinstance(term, Line):
                term = Line(label, term.period, term.values)
        self._open.discard(name)
        self._done[name] = term
        return term

    def _metrics(self) -> list[Line]:
        return [cast("Line", self._term(name)) for name, query in self._queries.items() if "MetricStat" in query]

    def _metric(self, query: dict[str, Any]) -> Line:
        stat = query["MetricStat"]
        metric, period = stat["Metric"], stat["Period"]
        check_period(period, "MetricStat.Period")
        measure = statistics.find(stat["Stat"])
        begin = ms_of(statistics.aligned(self._start, period, self._context.now()))
        points = self._context.metrics.read(
            self._context.region,
            metric.get("Namespace", ""),
            metric.get("MetricName", ""),
            read_dimensions(metric.get("Dimensions", []), "MetricStat.Metric.Dimensions"),
            begin,
            ms_of(self._end),
        )
        points = [p for p in points if stat.get("Unit", p.unit) == p.unit]
        values = {
            time: value
            for time, group in statistics.periods(points, begin, period)
            if (value := measure(group)) is not None
        }
        return Line(query.get("Label") or metric.get("MetricName", ""), period, values)


def _page(
    found: list[tuple[str, Line]], request: dict[str, Any], newest_first: bool
) -> tuple[list[dict[str, Any]], str]:
    """One page of the lines, in their order; the token names the line to go on with, and the last time shown of it."""
    first, last = _read_token(request.get("NextToken"))
    room = request.get("MaxDatapoints", _MOST)
    results: list[dict[str, Any]] = []
    for number, (name, line) in enumerate(found[first:], first):
        items = sorted(line.values.items(), reverse=newest_first)
        if number == first and last is not None:
            items = [(t, v) for t, v in items if (t < last if newest_first else t > last)]
        shown, room = items[:room], room - len(items[:room])
        complete = len(shown) == len(items)
        results.append(
            {
                "Id": name,
                "Label": line.label,
                "Timestamps": [t / 1000 for t, _ in shown],
                "Values": [v for _, v in shown],
                "StatusCode": "Complete" if complete else "PartialData",
            }
        )
        if not complete and shown:
            return results, f"{number}/{shown[-1][0]}"
        if not complete or (room == 0 and number + 1 < len(found)):
            rest = number if not complete else number + 1
            return (results if complete else results[:-1]), f"{rest}/-1"
    return results, ""


def _read_token(token: str | None) -> tuple[int, int | None]:
    if not token:
        return 0, None
    match = _TOKEN.fullmatch(token)
    if match is None:
        raise ServiceError("Invalid NextToken: use the one of the page before.", code="InvalidNextToken")
    return int(match[1]), None if match[2] == "-1" else int(match[2])


def _invalid(message: str) -> ServiceError:
    return ServiceError(message, code="ValidationError")
