"""Labelling jobs: how far each is, what people drew, and beginning one by a form."""

from __future__ import annotations

import json
import re
from typing import Any

from clary.buckets import parse_uri
from clary.console import boto3_code, labelled, requests, stock_templates
from clary.console.lists import listing
from clary.console.page import Nav, action, page
from clary.console.templates import url
from clary.console.visit import Visit
from clary.errors import ServiceError, ValidationException
from clary.gateway.http import HttpAnswer
from clary.keys import FIRST_ROLE_ARN

HOME = "/_/labelling"
STATUSES = ("Initializing", "InProgress", "Completed", "Failed", "Stopping", "Stopped")
_SHOWN = 24  # pictures on a page
_IMAGES = (".png", ".jpg", ".jpeg")
_MOST = 10_000  # objects of a job that is begun by the form


@page(HOME, nav=Nav("Build", "Labelling", order=40))
def jobs(visit: Visit) -> HttpAnswer:
    found = listing(visit, "sagemaker", "ListLabelingJobs", "LabelingJobSummaryList")
    code = boto3_code.call("sagemaker", "ListLabelingJobs", {"SortBy": "CreationTime", "SortOrder": "Descending"})
    rows = [_counted(row) for row in found.rows]
    return visit.show("labelling_jobs.html", listing=found, rows=rows, statuses=STATUSES, code=code)


@page(f"{HOME}/jobs/{{name}}")
def job(visit: Visit) -> HttpAnswer:
    found = visit.call("sagemaker", "DescribeLabelingJob", LabelingJobName=visit.path["name"])
    name, tab = found["LabelingJobName"], visit.query.get("tab", "labels")
    first = int(visit.query["from"]) if visit.query.get("from", "").isdecimal() else 0
    problem, shown, total, uri = "", list[labelled.Line](), 0, ""
    if tab == "labels":
        try:
            if uri := labelled.manifest(visit, found):
                shown, total = labelled.lines(visit, found, uri, first, _SHOWN)
        except ServiceError as error:
            problem = error.message
    return visit.show(
        "labelling_job.html",
        job=_counted(found),
        tab=tab,
        lines=shown,
        manifest=uri,
        problem=problem,
        earlier=url(f"{HOME}/jobs", name, **{"from": max(first - _SHOWN, 0)}) if first else "",
        later=url(f"{HOME}/jobs", name, **{"from": first + _SHOWN}) if first + _SHOWN < total else "",
        shows=f"{first + 1} to {min(first + _SHOWN, total)} of {total}" if total else "",
        code=boto3_code.call("sagemaker", "DescribeLabelingJob", {"LabelingJobName": name}),
        create=boto3_code.call(
            "sagemaker",
            "CreateLabelingJob",
            requests.made_by(visit.context, "sagemaker", "CreateLabelingJob", found),
        ),
    )


@action(f"{HOME}/jobs/{{name}}/stop")
def stop(visit: Visit) -> HttpAnswer:
    visit.call("sagemaker", "StopLabelingJob", LabelingJobName=visit.path["name"])
    return visit.go(url(f"{HOME}/jobs", visit.path["name"]))


@page(f"{HOME}/new")
def form(visit: Visit) -> HttpAnswer:
    return _form(visit, {"workers": "1", "minutes": "10", "type": "BoundingBox", "role": FIRST_ROLE_ARN})


@action(f"{HOME}/new")
def create(visit: Visit) -> HttpAnswer:
    """Writes the manifest, the labels and the template beside the output, and creates the job; if one fails, the form again."""
    given = visit.form
    try:
        visit.call("sagemaker", "CreateLabelingJob", **_request(visit, given))
    except ServiceError as error:
        return _form(visit, dict(given), error.message)
    return visit.go(url(f"{HOME}/jobs", given["name"]))


def _form(visit: Visit, given: dict[str, str], problem: str = "") -> HttpAnswer:
    teams = visit.call("sagemaker", "ListWorkteams", MaxResults=25)["Workteams"]
    roles = visit.call("iam", "ListRoles", MaxItems=100)["Roles"]
    values = {"given": given, "problem": problem, "teams": teams, "roles": roles, "types": stock_templates.TYPES}
    return visit.show("labelling_new.html", 400 if problem else 200, **values)


def _request(visit: Visit, given: Any) -> dict[str, Any]:
    name, type_ = given.get("name", "").strip(), given.get("type", "")
    if type_ not in stock_templates.TYPES:
        raise ValidationException(f"{type_!r} is no type of task that the form begins.")
    if not re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", name):  # files are written under it first
        raise ValidationException(f"{name!r} is no name for a job: letters, digits and hyphens, at most 63.")
    labels = [each.strip() for each in given.get("labels", "").splitlines() if each.strip()]
    if not labels:
        raise ValidationException("Write at least one label, each on a line of its own.")
    output = given.get("output", "").strip().rstrip("/")
    parse_uri(output)
    place = f"{output}/{name}"
    mine, source = visit.context.own_buckets, given.get("source", "").strip()
    manifest = source
    if not source.endswith((".manifest", ".jsonl", ".json")):
        mine.put_bytes(f"{place}/input.manifest", _manifest(visit, source, type_))
        manifest = f"{place}/input.manifest"
    mine.put_bytes(f"{place}/labels.json", json.dumps({"labels": [{"label": each} for each in labels]}).encode())
    title, text = given.get("title", "").strip(), given.get("description", "").strip()
    page_ = stock_templates.template(type_, title, text)
    mine.put_bytes(f"{place}/template.liquid.html", page_.encode(), content_type="text/html")
    functions = "arn:aws:lambda:us-east-1:432418664414:function:"
    return {
        "LabelingJobName": name,
        "LabelAttributeName": given.get("attribute", "").strip() or name,
        "InputConfig": {"DataSource": {"S3DataSource": {"ManifestS3Uri": manifest}}},
        "OutputConfig": {"S3OutputPath": f"{output}/"},
        "RoleArn": given.get("role", ""),
        "LabelCategoryConfigS3Uri": f"{place}/labels.json",
        "HumanTaskConfig": {
            "WorkteamArn": given.get("team", ""),
            "UiConfig": {"UiTemplateS3Uri": f"{place}/template.liquid.html"},
            "TaskTitle": title,
            "TaskDescription": text,
            "NumberOfHumanWorkersPerDataObject": _number(given, "workers", "workers for each object"),
            "TaskTimeLimitInSeconds": _number(given, "minutes", "minutes for one task") * 60,
            "PreHumanTaskLambdaArn": f"{functions}PRE-{type_}",
            "AnnotationConsolidationConfig": {"AnnotationConsolidationLambdaArn": f"{functions}ACS-{type_}"},
        },
    }


def _manifest(visit: Visit, folder: str, type_: str) -> bytes:
    """A line for each image, or of each text file for each of its lines, under a folder."""
    images = stock_templates.TYPES[type_].images
    found: list[dict[str, str]] = []
    bucket, prefix = parse_uri(folder)
    asked: dict[str, Any] = {"Bucket": bucket, "Prefix": prefix}
    while len(found) < _MOST:
        answer = visit.call("s3", "ListObjectsV2", **asked)
        keys = [each["Key"] for each in answer.get("Contents", [])]
        if images:
            found += [{"source-ref": f"s3://{bucket}/{key}"} for key in keys if key.lower().endswith(_IMAGES)]
        else:
            for key in keys:
                if key.lower().endswith(".txt"):
                    text = visit.context.own_buckets.get_bytes(f"s3://{bucket}/{key}").decode("utf-8", "replace")
                    found += [{"source": line} for line in text.splitlines() if line.strip()]
        if not answer.get("IsTruncated"):
            break
        asked["ContinuationToken"] = answer["NextContinuationToken"]
    if not found:
        wanted = "image (.png, .jpg)" if images else "text file (.txt, a text on each line)"
        raise ValidationException(f"There is no {wanted} under {folder}. Give a folder that has some, or a .manifest.")
    return "".join(json.dumps(line) + "\n" for line in found[:_MOST]).encode()


def _number(given: Any, name: str, what: str) -> int:
    try:
        return int(given.get(name, ""))
    except ValueError:
        raise ValidationException(f"{given.get(name)!r} is no number of {what}.") from None


def _counted(row: dict[str, Any]) -> dict[str, Any]:
    """The job, and how many of its objects are done with."""
    counts = row["LabelCounters"]
    done = counts["TotalLabeled"] + counts["FailedNonRetryableError"]
    return {**row, "done": done, "total": done + counts["Unlabeled"]}
