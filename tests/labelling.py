"""What tests of labelling share: a job that gives out tasks, without what a real one does around it."""

from __future__ import annotations

import json
from typing import Any

from clary.context import Context
from clary.labelling import workers
from clary.labelling.workers import Worker
from clary.store.base import Record
from clary.store.labelling_tasks import KIND, Job

TEAM_ARN = "arn:aws:sagemaker:us-east-1:000000000000:workteam/private-crowd/ward"
BOX = {"boundingBox": {"boundingBoxes": [{"label": "trachea", "left": 1, "top": 2, "width": 3, "height": 4}]}}


def team(context: Context, name: str = "ward") -> None:
    context.store.create(Record(region=context.region, kind=workers.TEAM, name=name, body={}))


def people(context: Context, *names: str) -> list[Worker]:
    """Workers of the team ``ward``, which is made."""
    team(context)
    return [workers.add(context, name, ["ward"]) for name in names]


def begin_job(
    context: Context,
    name: str = "boxes",
    *,
    objects: int = 3,
    per_object: int = 1,
    seconds: int = 600,
    template: str = "",
    **body: Any,
) -> Job:
    """A job of boxes on so many images, all of them given out at once."""
    given = {
        "LabelAttributeName": "box",
        "RoleArn": "arn:aws:iam::000000000000:role/service-role/ClaryExecutionRole",
        "HumanTaskConfig": {
            "TaskTitle": "Draw",
            "TaskDescription": "Draw the trachea",
            "TaskKeywords": ["x-ray"],
            "WorkteamArn": TEAM_ARN,
        },
        "_task_type": "BoundingBox",
        "_labels": ["trachea"],
        **body,
    }
    context.store.create(Record(region=context.region, kind=KIND, name=name, body=given, status="InProgress"))
    job = context.labelling.begin(
        context.region, name, "ward", per_object, seconds, template or "<crowd-form></crowd-form>"
    )
    lines = [json.dumps({"source-ref": f"s3://ward/{number}.png"}) for number in range(objects)]
    context.labelling.load(job, [(line, False) for line in lines])
    write(context, context.labelling.opening(job))
    write(context, context.labelling.release(job, objects, 1, context.clock.ms() + 86_400_000))
    return job


def write(context: Context, also: Any) -> None:
    """Do alone what jobs do together with their record."""
    context.labelling._database.write(also)
