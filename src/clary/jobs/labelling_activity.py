"""What a labelling job tells the logs and CloudWatch: what workers did, what became of the job, each once, over a crash too.

Sources: the user guide, "Monitor Labeling Jobs" and "Track Worker Performance".
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from clary.context import Context
from clary.labelling.workers import worker_id
from clary.store.base import Also, Record, together
from clary.store.labelling_objects import LabellingObjects
from clary.store.labelling_tasks import Job, Row
from clary.store.metric_points import MetricPoints, Point
from clary.store.times import time_of

JOBS, WORKERS = "/aws/sagemaker/LabelingJobs", "/aws/sagemaker/groundtruth/WorkerActivity"
_JOB_METRICS, _TEAM_METRICS = "AWS/Sagemaker/LabelingJobs", "AWS/SageMaker/Workteam"

_EVENTS = {
    "accepted": "TasksAccepted",
    "submitted": "TasksSubmitted",
    "returned": "TasksReturned",
    "expired": "TasksReturned",
    "declined": "TasksDeclined",
}
_COUNTS = {
    "TotalLabeled": "TotalDatasetObjectsLabeled",
    "HumanLabeled": "DatasetObjectsHumanAnnotated",
    "MachineLabeled": "DatasetObjectsAutoAnnotated",
    "FailedNonRetryableError": "DatasetObjectsLabelingFailed",
}
_ENDS = {"Completed": "JobsSucceeded", "Failed": "JobsFailed", "Stopped": "JobsStopped"}

Team = Mapping[str, Any]
"""The body of the work team's record."""


def say(context: Context, job: Record, event: str, message: str, mark: str) -> None:
    """A line in the job's stream; ``mark`` tells it from its others, so that it is there once."""
    source = f"{job.arn}/{mark}"
    if context.logs.position(source):
        return
    line = {"labeling-job-name": job.name, "event-name": event, "event-log-message": message}
    context.logs.append(job.region, JOBS, job.name, [(context.clock.ms(), json.dumps(line))], (source, 1))


def forget(context: Context, job: Record) -> None:
    """The marks of a job that has ended."""
    context.logs.forget(job.arn)


def carry(context: Context, job: Record, row: Job, team: Team) -> None:
    """What workers did since the last call."""
    while rows := context.labelling.untold(row):
        events = [(each, status) for each in rows for status in _statuses(each)]
        lines = [(_time(each, status), json.dumps(_line(context, job, team, each, status))) for each, status in events]
        also = together(LabellingObjects.telling(rows), _measured(job, row, team, events))
        context.logs.append(job.region, WORKERS, row.team, lines, also=also)


def counted(job: Record, counters: Mapping[str, int], now: int) -> Also:
    """The job's counters as metrics."""
    points = [(metric, Point(now, counters[name], "Count")) for name, metric in _COUNTS.items()]
    return _insertion(job, {"LabelingJobName": job.name}, points)


def ended(job: Record, status: str, now: int) -> Also:
    """That the job ended so, as a metric."""
    return _insertion(job, {}, [(_ENDS[status], Point(now, 1, "Count"))])


def _insertion(job: Record, dimensions: dict[str, str], points: Sequence[tuple[str, Point]]) -> Also:
    return MetricPoints.insertion(job.region, _JOB_METRICS, dimensions, points)


def _statuses(row: Row) -> list[str]:
    """What is to be told of a task: that it was taken too, if that was not told before it ended."""
    return [row.status] if row.status == "accepted" or row.told else ["accepted", row.status]


def _time(row: Row, status: str) -> int:
    return row.accepted if status == "accepted" or row.ended is None else row.ended


def _line(context: Context, job: Record, team: Team, row: Row, status: str) -> dict[str, str]:
    def at(*statuses: str) -> str:
        return f"{time_of(_time(row, status)):%a %b %d %H:%M:%S UTC %Y}" if status in statuses else ""

    member = team["MemberDefinitions"][0]["CognitoMemberDefinition"]
    return {
        "worker_id": worker_id(job.region, row.worker),
        "cognito_user_pool_id": member["UserPool"],
        "cognito_sub_id": row.worker,
        "task_accepted_time": f"{time_of(row.accepted):%a %b %d %H:%M:%S UTC %Y}",
        "task_submitted_time": at("submitted"),
        "task_returned_time": at("returned", "expired"),
        "task_declined_time": at("declined"),
        "workteam_arn": team["WorkteamArn"],
        "labeling_job_arn": job.arn,
        "work_requester_account_id": context.account,
        "job_reference_code": job.body["JobReferenceCode"],
        "job_type": "Private",
        "event_type": _EVENTS[status],
        "event_timestamp": str(_time(row, status) // 1000),
    }


def _measured(job: Record, row: Job, team: Team, events: Sequence[tuple[Row, str]]) -> Also:
    points = [(_EVENTS[status], Point(_time(each, status), 1, "Count")) for each, status in events]
    for each, status in events:
        if status == "submitted":
            points.append(("TimeSpent", Point(_time(each, status), each.seconds, "Seconds")))
        if status != "accepted":
            points.append(("ActiveWorkers", Point(_time(each, status), 1, "Count")))
    where = {"Workforce": team["WorkforceArn"].rpartition("/")[2], "Workteam": row.team}
    return MetricPoints.insertion(job.region, _TEAM_METRICS, where, points)
