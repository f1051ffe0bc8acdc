"""What Debugger saved of a training job, as the pages that ``clary debugger`` writes, in a frame that reaches nothing."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from clary.console.visit import Visit
from clary.errors import ServiceError
from clary.gateway.http import HttpAnswer

What = Literal["report", "plot"]

TABS = {"debugger": "Debugger", "tensors": "Tensors"}
_POLICY = (  # what is drawn holds its own scripts: they get an origin of their own, and no network
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' blob:; style-src 'unsafe-inline'; "
    "img-src data: blob:; worker-src blob:; frame-ancestors 'self'"
)
_SECONDS = 300  # the first plot builds what draws


def tabs(job: Mapping[str, Any]) -> dict[str, str]:
    """The parts of a job's page that there is something to show in."""
    found = {}
    if job.get("DebugRuleEvaluationStatuses"):
        found["debugger"] = TABS["debugger"]
    if job.get("DebugHookConfig"):
        found["tensors"] = TABS["tensors"]
    return found


def rule_jobs(visit: Visit, job: Mapping[str, Any]) -> dict[str, str]:
    """Rule → its processing job's name, which its ARN tells in small letters only."""
    name = job["TrainingJobName"]
    listed = visit.call("sagemaker", "ListProcessingJobs", NameContains=name[:26], MaxResults=100)
    names = {each["ProcessingJobArn"]: each["ProcessingJobName"] for each in listed["ProcessingJobSummaries"]}
    return {
        rule["RuleConfigurationName"]: names.get(rule.get("RuleEvaluationJobArn", ""), "")
        for rule in job.get("DebugRuleEvaluationStatuses", [])
    }


def show(visit: Visit, what: What) -> HttpAnswer:
    """The page of a job's rules, or of its tensors, as it is now; for whoever may read what the job saved."""
    name = visit.path["name"]
    job = visit.call("sagemaker", "DescribeTrainingJob", TrainingJobName=name)
    for place in _places(job):  # the command reads as the owner: whoever looks must be let in by themselves
        next(iter(visit.context.own_buckets.list(place)), None)
    with tempfile.TemporaryDirectory(prefix="clary-debugger-") as folder:
        page = Path(folder) / "page.html"
        command = [sys.executable, "-m", "clary", "debugger", what, "--output", str(page)]
        command += ["--data", str(visit.context.settings.data), "--", name]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
        if done.returncode != 0:
            said = done.stderr.strip().rpartition("Error: ")[2] or "nothing could be drawn"
            raise ServiceError(said, code="NothingDrawn", status=404)
        headers = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": _POLICY}
        return HttpAnswer(200, headers, page.read_bytes())


def _places(job: Mapping[str, Any]) -> list[str]:
    """Where in S3 lies what is shown: the tensors, and what the rules found."""
    members = [job["OutputDataConfig"], job.get("DebugHookConfig") or {}, *job.get("DebugRuleConfigurations", [])]
    roots = dict.fromkeys(member["S3OutputPath"].rstrip("/") for member in members if member.get("S3OutputPath"))
    return [f"{root}/{job['TrainingJobName']}/" for root in roots]
