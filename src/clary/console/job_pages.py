"""Pages of jobs, the same for each kind: a list, one job, its log, stopping, and a copy of it in a form."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from typing import Any

from clary import costs
from clary.console import boto3_code, debugger_pages, job_facts, requests
from clary.console.job_kinds import LIVE, STATUSES, JobKind
from clary.console.lists import listing
from clary.console.templates import url
from clary.console.visit import Visit
from clary.errors import ResourceNotFound, ServiceError, ValidationException
from clary.gateway.http import HttpAnswer

TABS = {"overview": "Overview", "log": "Log", "data": "Inputs and outputs", "request": "Request"}
_LINES = 200  # of the log, at most, on a page


def show_list(visit: Visit, kind: JobKind) -> HttpAnswer:
    found = listing(visit, "sagemaker", f"List{kind.noun}s", f"{kind.noun}Summaries")
    now = visit.context.now()
    rows = []
    for row in found.rows:
        try:
            whole = kind.describe(visit, row[kind.name])
        except ServiceError:
            continue  # deleted a moment ago
        rows.append(
            {
                "name": row[kind.name],
                "status": kind.status(whole),
                "running": kind.status(whole) in LIVE,
                "reason": kind.reason(whole),
                "instances": kind.instances(whole),
                "lasted": kind.lasted(whole, now),
                "cost": costs.of_job(kind.noun, whole, now).partition(",")[0],
                "created": row["CreationTime"],
            }
        )
    code = boto3_code.call("sagemaker", f"List{kind.noun}s", {"SortBy": "CreationTime", "SortOrder": "Descending"})
    return visit.show("jobs.html", kind=kind, listing=found, rows=rows, statuses=STATUSES, code=code)


def show_job(
    visit: Visit, kind: JobKind, more: Callable[[dict[str, Any]], dict[str, str]] = lambda _: {}
) -> HttpAnswer:
    """One job, under the tab that the address names; ``more``: tabs of the kind's own for this job."""
    name = visit.path["name"]
    job = kind.describe(visit, name)
    tabs = {**TABS, **more(job)}
    tab = visit.query.get("tab", "overview")
    if tab not in tabs:
        raise ResourceNotFound(f"A job's page has no part {tab!r}; it has: {', '.join(tabs)}.", status=404)
    status = kind.status(job)
    values: dict[str, Any] = {
        "kind": kind,
        "job": job,
        "name": name,
        "arn": job[f"{kind.noun}Arn"],
        "state": status,
        "reason": kind.reason(job),
        "live": status in LIVE,
        "tab": tab,
        "tabs": tabs,
        "figures": job_facts.figures(visit, kind, job),
    }
    if tab == "overview":
        values |= {"charts": job_facts.charts(visit, kind, job), "steps": job_facts.steps(job, visit.context.now())}
    if tab in {"overview", "log"}:
        values |= _log(visit, kind, name, 12 if tab == "overview" else _LINES)
    if tab == "data":
        values |= {"inputs": job_facts.inputs(kind, job), "outputs": job_facts.outputs(kind, job)}
    if tab == "debugger":
        values["rule_jobs"] = debugger_pages.rule_jobs(visit, job)
    if tab == "request":
        request = requests.made_by(visit.context, "sagemaker", f"Create{kind.noun}", job)
        values["create"] = boto3_code.call("sagemaker", f"Create{kind.noun}", request)
    values["code"] = boto3_code.call("sagemaker", f"Describe{kind.noun}", {kind.name: name})
    return visit.show("job.html", **values)


def stop(visit: Visit, kind: JobKind) -> HttpAnswer:
    name = visit.path["name"]
    visit.call("sagemaker", f"Stop{kind.noun}", **{kind.name: name})
    return visit.go(url(kind.path, name))


def show_form(visit: Visit, kind: JobKind, problem: str = "") -> HttpAnswer:
    """A copy of a job to change and start; of none, if the address names none, an empty request to fill."""
    source = visit.query.get("from", "")
    if visit.request.method == "POST":
        name, text = visit.form.get("name", ""), visit.form.get("request", "")
        hyperparameters = {key.partition(":")[2]: value for key, value in visit.form.items() if key.startswith("hp:")}
    elif not source:
        name, hyperparameters, text = "", {}, "{}"
    else:
        request = requests.made_by(visit.context, "sagemaker", f"Create{kind.noun}", kind.describe(visit, source))
        name = f"{request.pop(kind.name)[:52]}-{secrets.token_hex(3)}"
        hyperparameters = request.pop("HyperParameters", {})
        text = json.dumps(request, indent=2, default=str, ensure_ascii=False)
    shown = {"name": name, "hyperparameters": hyperparameters, "request": text, "source": source, "problem": problem}
    return visit.show("job_form.html", 400 if problem else 200, kind=kind, **shown)


def create(visit: Visit, kind: JobKind) -> HttpAnswer:
    """Start what the form says; what is wrong with it is told above the form, which stays as it was filled."""
    try:
        visit.call("sagemaker", f"Create{kind.noun}", **_asked(visit, kind))
    except ServiceError as error:
        return show_form(visit, kind, error.message)
    return visit.go(url(kind.path, visit.form["name"]))


def _asked(visit: Visit, kind: JobKind) -> dict[str, Any]:
    try:
        request = json.loads(visit.form.get("request", ""))
    except ValueError as error:
        raise ValidationException(f"The request is not JSON: {error}.") from None
    if not isinstance(request, dict):
        raise ValidationException("The request is no JSON object: it begins with { and ends with }.")
    values = {key.partition(":")[2]: value for key, value in visit.form.items() if key.startswith("hp:")}
    hyperparameters = {"HyperParameters": values} if values else {}
    return {**request, **hyperparameters, kind.name: visit.form.get("name", "")}


def _log(visit: Visit, kind: JobKind, name: str, lines: int) -> dict[str, Any]:
    """The last lines of the stream that the address names, else of the first host; ``refused``: who may not read them is told."""
    told: dict[str, Any] = {"streams": [], "stream": "", "lines": [], "refused": ""}
    try:
        answer = visit.call("logs", "DescribeLogStreams", logGroupName=kind.log_group, logStreamNamePrefix=f"{name}/")
    except ServiceError as error:
        return {**told, "refused": _refusal(error)}
    streams = [each["logStreamName"] for each in answer["logStreams"]]
    stream = visit.query.get("stream") or (streams[0] if streams else "")
    if not stream.startswith(f"{name}/"):
        return {**told, "streams": streams}
    try:
        events = visit.call(
            "logs", "GetLogEvents", logGroupName=kind.log_group, logStreamName=stream, limit=lines, startFromHead=False
        )["events"]
    except ServiceError as error:
        return {**told, "streams": streams, "stream": stream, "refused": _refusal(error)}
    return {**told, "streams": streams, "stream": stream, "lines": events}


def _refusal(error: ServiceError) -> str:
    """What whoever may not read a log is told; "" where there only is none yet."""
    return error.message if error.is_refusal else ""


def download_log(visit: Visit, kind: JobKind) -> HttpAnswer:
    """All of a job's log as text, host after host."""
    name = visit.path["name"]
    kind.describe(visit, name)
    text: list[str] = []
    asked: dict[str, Any] = {"logGroupName": kind.log_group, "logStreamNamePrefix": f"{name}/", "limit": 10_000}
    while True:
        answer = visit.call("logs", "FilterLogEvents", **asked)
        text += [f"{event['logStreamName'].rpartition('/')[2]}\t{event['message']}\n" for event in answer["events"]]
        if "nextToken" not in answer:
            break
        asked["nextToken"] = answer["nextToken"]
    headers = {
        "Content-Type": "text/plain; charset=utf-8",
        "Content-Disposition": f'attachment; filename="{name}.log"',
    }
    return HttpAnswer(200, headers, "".join(text).encode())
