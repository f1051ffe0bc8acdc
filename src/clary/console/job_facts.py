"""What a job's page says of it: figures, charts of its metrics, its steps, what it read and made."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from clary import costs
from clary.console import charts as drawing
from clary.console import metric_lines
from clary.console.charts import Chart, Line, text
from clary.console.job_kinds import LIVE, JobKind
from clary.console.metric_lines import Metric
from clary.console.templates import duration
from clary.console.visit import Visit


def figures(visit: Visit, kind: JobKind, job: Mapping[str, Any]) -> list[tuple[str | timedelta, str]]:
    """At most six, the most telling first: (value, what it is); a timedelta is the time that it has run so far."""
    now = visit.context.now()
    found: list[tuple[str | timedelta, str]] = []
    found += [(text(each["Value"]), each["MetricName"]) for each in job.get("FinalMetricDataList", [])[:3]]
    lasted = kind.lasted(job, now)
    billable = job.get("BillableTimeInSeconds")
    live = kind.status(job) in LIVE
    running = "running" if live else "ran"
    if job.get("EnableManagedSpotTraining") and billable is not None and job.get("TrainingTimeInSeconds"):
        saved = 1 - billable / job["TrainingTimeInSeconds"]
        found.append((f"{saved:.0%}", "saved by spot"))
    time = lasted if live and lasted is not None else duration(lasted)
    found.append((time, f"{running}, {duration(billable)} billable" if billable is not None else running))
    if job.get("EnableManagedSpotTraining"):
        steps = job.get("SecondaryStatusTransitions", [])
        found.append((str(sum(step["Status"] == "Interrupted" for step in steps)), "spot interruptions"))
    price = costs.of_job(kind.noun, dict(job), now).partition(",")[0]
    if price.startswith("$"):
        found.append((price, "would-be cost on AWS"))
    return found[:6]


def charts(visit: Visit, kind: JobKind, job: Mapping[str, Any]) -> list[Chart]:
    """The metrics that its definitions read from its log, those of one name (train:loss, validation:loss) on one chart."""
    names = [each["Name"] for each in job.get("AlgorithmSpecification", {}).get("MetricDefinitions", [])]
    began: datetime | None = job.get("TrainingStartTime")
    if not names or began is None:
        return []
    ended = (job.get("TrainingEndTime") or visit.context.now()) + timedelta(minutes=1)
    dimensions = {kind.name: job[kind.name]}
    metrics = [Metric(name, f"/aws/sagemaker/{kind.noun}s", dimensions) for name in names]
    lines = metric_lines.read(visit, metrics, began, ended)
    groups: dict[str, list[Line]] = {}
    for name in names:
        if lines.get(name):
            groups.setdefault(name.rpartition(":")[2], []).append(Line(name, lines[name]))
    return [made for title, group in groups.items() if (made := drawing.chart(title, group, "s"))]


def steps(job: Mapping[str, Any], now: datetime) -> list[dict[str, Any]]:
    """Its secondary statuses with how long each took."""
    return [
        {
            "status": step["Status"],
            "message": step.get("StatusMessage", ""),
            "lasted": (step.get("EndTime") or now) - step["StartTime"],
            "open": "EndTime" not in step,
        }
        for step in job.get("SecondaryStatusTransitions", [])
    ]


def inputs(kind: JobKind, job: Mapping[str, Any]) -> list[dict[str, str]]:
    """What it read: name, place in S3, how."""
    if kind.noun == "ProcessingJob":
        return [
            {"name": each["InputName"], "uri": each["S3Input"]["S3Uri"], "how": each["S3Input"].get("S3InputMode", "")}
            for each in job.get("ProcessingInputs", [])
            if "S3Input" in each
        ]
    if kind.noun == "TransformJob":
        source = job["TransformInput"]["DataSource"]["S3DataSource"]
        return [{"name": "input", "uri": source["S3Uri"], "how": source["S3DataType"]}]
    found = []
    for channel in job.get("InputDataConfig", []):
        source = channel["DataSource"].get("S3DataSource", {})
        mode = channel.get("InputMode") or job["AlgorithmSpecification"].get("TrainingInputMode", "")
        words = [source.get("S3DataType", ""), mode, channel.get("ContentType", "")]
        found.append(
            {"name": channel["ChannelName"], "uri": source.get("S3Uri", ""), "how": ", ".join(w for w in words if w)}
        )
    return found


def outputs(kind: JobKind, job: Mapping[str, Any]) -> list[dict[str, str]]:
    """What it makes, or made."""
    if kind.noun == "ProcessingJob":
        listed = job.get("ProcessingOutputConfig", {}).get("Outputs", [])
        return [{"name": o["OutputName"], "uri": o["S3Output"]["S3Uri"]} for o in listed if "S3Output" in o]
    if kind.noun == "TransformJob":
        return [{"name": "output", "uri": job["TransformOutput"]["S3OutputPath"]}]
    found = [{"name": "model", "uri": job.get("ModelArtifacts", {}).get("S3ModelArtifacts", "")}]
    for name, member in (("checkpoints", "CheckpointConfig"), ("tensors", "DebugHookConfig")):
        if member in job:
            found.append({"name": name, "uri": job[member].get("S3Uri") or job[member].get("S3OutputPath", "")})
    return [each for each in found if each["uri"]]
