"""Autopilot: a job from a CSV by a form, its leaderboard as it fills, why the best one says what it says, and its deployment."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from clary.console import boto3_code, columns, report_pictures, requests
from clary.console.charts import text
from clary.console.deploying import deploy, is_deployed
from clary.console.job_kinds import LIVE, STATUSES
from clary.console.lists import listing
from clary.console.page import Nav, action, page
from clary.console.templates import duration, url
from clary.console.visit import Visit
from clary.errors import ResourceNotFound, ServiceError, ValidationException
from clary.gateway.http import HttpAnswer
from clary.keys import FIRST_ROLE_ARN

METRICS = {
    "Regression": ("RMSE", "MAE", "MSE", "R2"),
    "BinaryClassification": ("F1", "AUC", "Accuracy", "BalancedAccuracy"),
    "MulticlassClassification": ("Accuracy", "F1macro", "BalancedAccuracy"),
}
_BARS = 12  # features of the explanation
_NUMBER = "label0"  # what Clarify calls the prediction of a regression
_REPORTS = {  # of the best candidate: its name in an address → where it lies, its title, and what its pictures show
    "explanation": ("Explainability", "Some predictions, explained", "What each value adds to the row's prediction."),
    "insights": ("ModelInsights", "How good it is", "On rows that the candidate had not seen."),
}


@page("/_/autopilot", nav=Nav("Build", "Autopilot", order=20))
def list_jobs(visit: Visit) -> HttpAnswer:
    found = listing(visit, "sagemaker", "ListAutoMLJobs", "AutoMLJobSummaries")
    code = boto3_code.call("sagemaker", "ListAutoMLJobs", {"SortBy": "CreationTime", "SortOrder": "Descending"})
    return visit.show("autopilot.html", listing=found, statuses=STATUSES, code=code)


@page("/_/copies/autopilot")
def form(visit: Visit) -> HttpAnswer:
    return _form(visit, visit.query)


@action("/_/copies/autopilot")
def start(visit: Visit) -> HttpAnswer:
    """Begin the job that the form says; what is wrong with it is told above the form."""
    try:
        request = _request(visit.form)
        visit.call("sagemaker", "CreateAutoMLJobV2", **request)
    except ServiceError as error:
        return _form(visit, visit.form, error.message)
    return visit.go(url("/_/autopilot", request["AutoMLJobName"]))


@page("/_/autopilot/{name}")
def job(visit: Visit) -> HttpAnswer:
    name = visit.path["name"]
    found = visit.call("sagemaker", "DescribeAutoMLJobV2", AutoMLJobName=name)
    candidates = visit.call(
        "sagemaker", "ListCandidatesForAutoMLJob", AutoMLJobName=name, SortBy="FinalObjectiveMetricValue"
    )["Candidates"]
    candidates = [each for each in candidates if "FinalAutoMLJobObjectiveMetric" in each]
    if candidates and candidates[0]["FinalAutoMLJobObjectiveMetric"].get("Type") == "Maximize":
        candidates.reverse()
    state = found["AutoMLJobStatus"]
    best = found.get("BestCandidate", {})
    explained, shares = _shares(visit, best)
    return visit.show(
        "autopilot_job.html",
        job=found,
        name=name,
        state=state,
        live=state in LIVE,
        figures=_figures(visit, found, candidates),
        board=_board(name, candidates, best.get("CandidateName", "")),
        explained=explained,
        shares=shares,
        reports=_reports(visit, name, best),
        artifacts=_artifacts(found, best),
        clone=_clone(found),
        deployed=bool(best) and is_deployed(visit, name),
        code=boto3_code.call("sagemaker", "DescribeAutoMLJobV2", {"AutoMLJobName": name}),
        create=boto3_code.call(
            "sagemaker", "CreateAutoMLJobV2", requests.made_by(visit.context, "sagemaker", "CreateAutoMLJobV2", found)
        ),
    )


@page("/_/autopilot/{name}/{report}/{number}")
def picture(visit: Visit) -> HttpAnswer:
    """One picture of a report about the best candidate, with the rights of whoever is signed in."""
    name, report, number = (visit.path[part] for part in ("name", "report", "number"))
    best = visit.call("sagemaker", "DescribeAutoMLJobV2", AutoMLJobName=name).get("BestCandidate", {})
    _, found = report_pictures.read(visit.context.own_buckets, _place(best, report))
    if not number.isdecimal() or int(number) >= len(found):
        raise ResourceNotFound(f"{name} has no such picture.", status=404)
    return report_pictures.answer(found[int(number)])


@action("/_/autopilot/{name}/stop")
def stop(visit: Visit) -> HttpAnswer:
    visit.call("sagemaker", "StopAutoMLJob", AutoMLJobName=visit.path["name"])
    return visit.go(url("/_/autopilot", visit.path["name"]))


@action("/_/autopilot/{name}/deploy")
def deploy_best(visit: Visit) -> HttpAnswer:
    """The best candidate behind an endpoint of the job's name."""
    name = visit.path["name"]
    best = visit.call("sagemaker", "DescribeAutoMLJobV2", AutoMLJobName=name).get("BestCandidate")
    if best is None:
        raise ValidationException(f"{name} has no best candidate yet.")
    containers = [{k: c[k] for k in ("Image", "ModelDataUrl", "Environment")} for c in best["InferenceContainers"]]
    deploy(visit, name, containers=containers)
    return visit.go(url("/_/endpoints", name))


def _form(visit: Visit, given: Mapping[str, str], problem: str = "") -> HttpAnswer:
    """In two steps under one address: where the file is, then what to predict; what is filled in stays."""
    uri, target = given.get("uri", "").strip(), given.get("target", "")
    found = None
    if uri:
        try:
            found = columns.look(visit.context.own_buckets.get_start(uri, columns.LOOK))
        except ServiceError as error:
            problem = problem or error.message
    column = found.column(target) if found else None
    guess = columns.problem(column) if column else ""
    stem = (
        "".join(c if c.isalnum() else "-" for c in uri.rpartition("/")[2].partition(".")[0]).strip("-")[:18] or "table"
    )
    name = given.get("name") or f"{stem}-{visit.context.now():%m%d-%H%M%S}"
    return visit.show(
        "autopilot_form.html",
        400 if problem and visit.request.method == "POST" else 200,
        uri=uri,
        target=target,
        look=found,
        guess=guess,
        metrics=METRICS,
        given={"name": name, "problem": "", "metric": "", "candidates": "10", "minutes": "5", **given},
        problem=problem,
    )


def _request(form: Mapping[str, str]) -> dict[str, Any]:
    try:
        candidates, minutes = int(form.get("candidates", "")), float(form.get("minutes", ""))
    except ValueError:
        raise ValidationException("Candidates and minutes are numbers: 10 and 5, say.") from None
    tabular: dict[str, Any] = {
        "TargetAttributeName": form.get("target", ""),
        "Mode": "ENSEMBLING",
        "CompletionCriteria": {"MaxCandidates": candidates, "MaxAutoMLJobRuntimeInSeconds": int(minutes * 60)},
    }
    objective = {}
    if kind := form.get("problem"):
        tabular["ProblemType"] = kind
        metric = form.get("metric")
        objective = {"AutoMLJobObjective": {"MetricName": metric if metric in METRICS[kind] else METRICS[kind][0]}}
    uri = form.get("uri", "").strip()
    bucket = uri.removeprefix("s3://").partition("/")[0]
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}}
    return {
        "AutoMLJobName": form.get("name", ""),
        "AutoMLJobInputDataConfig": [{"ChannelType": "training", "DataSource": source}],
        "OutputDataConfig": {"S3OutputPath": f"s3://{bucket}/autopilot"},
        "AutoMLProblemTypeConfig": {"TabularJobConfig": tabular},
        "RoleArn": FIRST_ROLE_ARN,
        **objective,
    }


def _clone(job: Mapping[str, Any]) -> str:
    """The address of the form, filled in as this job was asked for."""
    tabular = job["AutoMLProblemTypeConfig"]["TabularJobConfig"]
    limits = tabular.get("CompletionCriteria", {})
    seconds = limits.get("MaxAutoMLJobRuntimeInSeconds")
    return url(
        "/_/copies/autopilot",
        uri=job["AutoMLJobInputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"],
        target=tabular["TargetAttributeName"],
        problem=tabular.get("ProblemType"),
        metric=job.get("AutoMLJobObjective", {}).get("MetricName"),
        candidates=limits.get("MaxCandidates"),
        minutes=f"{seconds / 60:g}" if seconds else None,
    )


def _figures(
    visit: Visit, job: Mapping[str, Any], candidates: list[dict[str, Any]]
) -> list[tuple[str | timedelta, str]]:
    found: list[tuple[str | timedelta, str]] = []
    if candidates:
        metric = candidates[0]["FinalAutoMLJobObjectiveMetric"]
        so_far = ", the best so far" if job["AutoMLJobStatus"] in LIVE else " of the best"
        found.append((text(metric["Value"]), metric["MetricName"] + so_far))
    tabular = job["AutoMLProblemTypeConfig"]["TabularJobConfig"]
    most = tabular.get("CompletionCriteria", {}).get("MaxCandidates")
    found.append((f"{len(candidates)}" + (f" / {most}" if most else ""), "candidates"))
    found.append((tabular["TargetAttributeName"], "is predicted"))
    kind = (job.get("ResolvedAttributes") or {}).get("AutoMLProblemTypeResolvedAttributes", {})
    if problem := kind.get("TabularResolvedAttributes", {}).get("ProblemType"):
        found.append((_words(problem), "kind of problem"))
    if job["AutoMLJobStatus"] in LIVE:
        found.append((visit.context.now() - job["CreationTime"], "running"))
    else:
        found.append((duration(job.get("EndTime", job["LastModifiedTime"]) - job["CreationTime"]), "ran"))
    return found


def _board(name: str, candidates: list[dict[str, Any]], best: str) -> dict[str, Any]:
    """The leaderboard: the objective first, then what else was measured."""
    if not candidates:
        return {"metrics": [], "rows": []}
    objective = candidates[0]["FinalAutoMLJobObjectiveMetric"]["MetricName"]
    measured = [
        m["MetricName"] for c in candidates for m in c.get("CandidateProperties", {}).get("CandidateMetrics", [])
    ]
    metrics = [objective, *(m for m in dict.fromkeys(measured) if m != objective)]
    best = best or candidates[0]["CandidateName"]
    rows = []
    for each in candidates:
        values = {m["MetricName"]: m["Value"] for m in each.get("CandidateProperties", {}).get("CandidateMetrics", [])}
        values[objective] = each["FinalAutoMLJobObjectiveMetric"]["Value"]
        row = {"name": each["CandidateName"].removeprefix(f"{name}-"), "best": each["CandidateName"] == best}
        rows.append({**row, "values": [text(values[m]) if m in values else "–" for m in metrics]})
    return {"metrics": metrics, "rows": rows}


def _shares(visit: Visit, best: Mapping[str, Any]) -> tuple[str, list[tuple[str, str, float]]]:
    """What moves the predictions, the most first: (feature, mean absolute SHAP value, per cent of the largest).

    Before them the class whose probability is explained; "" where the prediction is a number.
    """
    buckets = visit.context.own_buckets
    try:
        uri = report_pictures.file_of(buckets, _place(best, "explanation"), "analysis.json")
        found = json.loads(buckets.get_bytes(uri)) if uri else {}
    except (ServiceError, ValueError):
        return "", []
    labels: dict[str, dict[str, dict[str, float]]] = found.get("explanations", {}).get("kernel_shap", {})
    label, told = next(iter(labels.items()), ("", dict[str, dict[str, float]]()))
    shares = told.get("global_shap_values", {})
    largest = max((abs(value) for value in shares.values()), default=0) or 1
    ordered = sorted(shares.items(), key=lambda item: -abs(item[1]))[:_BARS]
    rows = [(name, text(value), round(abs(value) / largest * 100, 1)) for name, value in ordered]
    return "" if label == _NUMBER else label, rows


def _place(best: Mapping[str, Any], report: str) -> str:
    """The folder of S3 that a report of ``_REPORTS`` lies in; "" if there is none."""
    places: dict[str, str] = best.get("CandidateProperties", {}).get("CandidateArtifactLocations", {})
    return places.get(_REPORTS[report][0], "") if report in _REPORTS else ""


def _reports(visit: Visit, name: str, best: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The reports about the best candidate that hold pictures: (title, address) of each."""
    told = []
    for report, (_, title, lead) in _REPORTS.items():
        uri, found = report_pictures.read(visit.context.own_buckets, _place(best, report))
        shown = [
            (each.title, url("/_/autopilot", name, report, str(number)))
            for number, each in enumerate(found)
            if each.title != "What matters"  # which the page draws itself, as bars
        ]
        if shown:
            told.append(
                {"title": title, "lead": lead, "uri": uri, "pictures": shown, "large": any(each.wide for each in found)}
            )
    return told


def _artifacts(job: Mapping[str, Any], best: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What it left in S3: notebooks, explanation, insights."""
    places = best.get("CandidateProperties", {}).get("CandidateArtifactLocations", {})
    named = {**job.get("AutoMLJobArtifacts", {}), **places}
    return [(_words(name.removesuffix("Location")), uri) for name, uri in named.items() if isinstance(uri, str) and uri]


def _words(name: str) -> str:
    """``BinaryClassification`` as people write it: Binary classification."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).capitalize()
