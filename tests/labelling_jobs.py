"""A studio's parts in this process, asked through the clients' door, with workers who answer as their pages do."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from clary import app
from clary.app import Studio
from clary.clock import Move, machine_ms
from clary.context import Context
from clary.data_folder import DataFolder
from clary.formats import png
from clary.labelling import tasks, workers
from clary.labelling.tasks import Task
from clary.labelling.workers import Worker
from clary.settings import Settings
from clary.store.base import Record
from tests.jobs import ROLE

T = TypeVar("T")

BUCKET = "ward"
MEMBER = {"UserPool": "us-east-1_a1B2c3", "UserGroup": "ward", "ClientId": "client"}
TEAM = {
    "WorkteamName": "ward",
    "Description": "The ward",
    "MemberDefinitions": [{"CognitoMemberDefinition": MEMBER}],
}
TEAM_ARN = "arn:aws:sagemaker:us-east-1:000000000000:workteam/private-crowd/ward"
TEMPLATE = '<crowd-form><crowd-bounding-box name="boundingBox"></crowd-bounding-box></crowd-form>'
LABELS = {"document-version": "2018-11-28", "labels": [{"label": "trachea"}, {"label": "bronchus"}]}
ENDED = {"Completed", "Failed", "Stopped"}


def function(kind: str, name: str) -> str:
    return f"arn:aws:lambda:us-east-1:432418664414:function:{kind}-{name}"


def request(name: str, type_: str = "BoundingBox", **given: Any) -> dict[str, Any]:
    """A CreateLabelingJob request of a built-in type, or of one's own template for ""; ``given`` replaces members,
    ``human`` those of HumanTaskConfig."""
    functions = {
        "PreHumanTaskLambdaArn": function("PRE", type_),
        "AnnotationConsolidationConfig": {"AnnotationConsolidationLambdaArn": function("ACS", type_)},
    }
    return {
        "LabelingJobName": name,
        "LabelAttributeName": "mask-ref" if type_.endswith("Segmentation") and "Verif" not in type_ else "label",
        "InputConfig": {"DataSource": {"S3DataSource": {"ManifestS3Uri": f"s3://{BUCKET}/in.manifest"}}},
        "OutputConfig": {"S3OutputPath": f"s3://{BUCKET}/out/"},
        "RoleArn": ROLE,
        "LabelCategoryConfigS3Uri": f"s3://{BUCKET}/labels.json",
        "HumanTaskConfig": {
            "WorkteamArn": TEAM_ARN,
            "UiConfig": {"UiTemplateS3Uri": f"s3://{BUCKET}/template.liquid.html"},
            "TaskTitle": "Draw",
            "TaskDescription": "Draw a box around the trachea",
            "NumberOfHumanWorkersPerDataObject": 1,
            "TaskTimeLimitInSeconds": 600,
            **(functions if type_ else {}),
            **given.pop("human", {}),
        },
        **given,
    }


def picture(size: int = 8, shade: int = 0) -> bytes:
    return png.encode(png.Image(size, size, [bytes([shade % 256] * 3 * size)] * size))


def boxes(*sides: Sequence[float], label: str = "trachea", **more: Any) -> dict[str, Any]:
    """The answer of ``crowd-bounding-box``: (left, top, width, height) each."""
    drawn = [{"label": label, **dict(zip(("left", "top", "width", "height"), each, strict=True))} for each in sides]
    size = {"width": 640, "height": 480}
    return {"boundingBox": {"boundingBoxes": drawn, "inputImageProperties": size, **more}}


def mask(rows: Sequence[Sequence[int]], labels: Sequence[str]) -> dict[str, Any]:
    """The answer of ``crowd-semantic-segmentation``: 0 for the background, else 1 + the label's place."""
    colours = [(255, 255, 255), (0x2C, 0xA0, 0x2C), (0x1F, 0x77, 0xB4), (0xFF, 0x7F, 0x0E)]
    image = png.Image(len(rows[0]), len(rows), [bytes(part for each in row for part in colours[each]) for row in rows])
    mapped = {name: {"color": f"#{bytes(colours[1 + place]).hex()}"} for place, name in enumerate(labels)}
    packed = base64.b64encode(png.encode(image)).decode()
    field = {"labeledImage": {"pngImageData": packed}, "labelMappings": mapped}
    return {"crowd-semantic-segmentation": {**field, "inputImageProperties": {"width": 8, "height": 8}}}


class Lab:
    """``create`` a job, ``take`` and ``submit`` its tasks, wait until it has ``ended``."""

    def __init__(self, studio: Studio) -> None:
        self.studio, self.context = studio, studio.context
        self._changed = threading.Event()
        self.context.store.subscribe(self._tell)
        context = self.context
        context.buckets.create_bucket(BUCKET)
        self.put("template.liquid.html", TEMPLATE)
        self.put("labels.json", json.dumps(LABELS))
        context.call("sagemaker", "CreateWorkteam", **TEAM)

    def _tell(self, _: Record) -> None:
        self._changed.set()

    def _wait(self, look: Callable[[], T | None], seconds: float = 90) -> T | None:
        """What ``look`` finds, as soon as a record's change lets it find something."""
        deadline = time.monotonic() + seconds
        while True:
            self._changed.clear()
            if (found := look()) is not None or time.monotonic() > deadline:
                return found
            self._changed.wait(deadline - time.monotonic())

    def put(self, key: str, content: str | bytes) -> None:
        self.context.buckets.put_bytes(
            f"s3://{BUCKET}/{key}", content.encode() if isinstance(content, str) else content
        )

    def get(self, key: str) -> bytes:
        return self.context.buckets.get_bytes(f"s3://{BUCKET}/{key}")

    def manifest(self, lines: Sequence[dict[str, Any]], key: str = "in.manifest") -> None:
        self.put(key, "".join(json.dumps(line) + "\n" for line in lines))

    def images(self, count: int) -> None:
        """So many images and a manifest of them."""
        for number in range(count):
            self.put(f"images/{number}.png", picture(shade=number))
        self.manifest([{"source-ref": f"s3://{BUCKET}/images/{number}.png", "n": number} for number in range(count)])

    def worker(self, name: str) -> Worker:
        return workers.add(self.context, name, ["ward"])

    def create(self, name: str, type_: str = "BoundingBox", **given: Any) -> dict[str, Any]:
        """Create it and wait until it asks people, or has ended."""
        self.context.call("sagemaker", "CreateLabelingJob", **request(name, type_, **given))
        return self.until(name, lambda job: job["LabelingJobStatus"] != "Initializing")

    def describe(self, name: str) -> dict[str, Any]:
        return self.context.call("sagemaker", "DescribeLabelingJob", LabelingJobName=name)

    def until(self, name: str, holds: Any, seconds: float = 90) -> dict[str, Any]:
        """Wait until the job's description is so."""
        found = self._wait(lambda: job if holds(job := self.describe(name)) else None, seconds)
        assert found is not None, self.describe(name)
        return found

    def ended(self, name: str) -> dict[str, Any]:
        return self.until(name, lambda job: job["LabelingJobStatus"] in ENDED)

    def training(self, name: str) -> dict[str, Any]:
        """A training job that has ended."""

        def look() -> dict[str, Any] | None:
            job = self.context.call("sagemaker", "DescribeTrainingJob", TrainingJobName=name)
            return job if job["TrainingJobStatus"] in ENDED else None

        found = self._wait(look, 120)
        assert found is not None, "it does not end"
        return found

    def take(self, worker: Worker, job: str, seconds: float = 90) -> Task:
        """The worker's next task, waited for."""
        found = self._wait(lambda: tasks.take(self.context, worker, job), seconds)
        assert found is not None, "no task came"
        return found

    def submit(self, worker: Worker, task: Task, answer: dict[str, Any], seconds: float = 1.5) -> Task:
        return tasks.submit(self.context, worker, task.id, answer, seconds)

    def answer(self, worker: Worker, job: str, answer: dict[str, Any]) -> Task:
        return self.submit(worker, self.take(worker, job), answer)

    def later(self, seconds: float) -> None:
        """Move Clary's clock."""
        clock = self.context.clock
        clock.follow([*clock.moves, Move(machine_ms(), clock.offset + round(seconds * 1000))])

    def tree(self, prefix: str = "out/") -> list[str]:
        return [entry.key for entry in self.context.buckets.list(f"s3://{BUCKET}/{prefix}")]

    def output(self, name: str) -> list[dict[str, Any]]:
        """The lines of the output manifest."""
        uri = self.describe(name)["LabelingJobOutput"]["OutputDatasetS3Uri"]
        return [json.loads(line) for line in self.context.buckets.get_bytes(uri).splitlines()]

    def log(self, group: str) -> list[dict[str, Any]]:
        """What the streams of a group hold."""
        logs = self.context
        streams = logs.call("logs", "DescribeLogStreams", logGroupName=group)["logStreams"]
        return [
            json.loads(event["message"])
            for stream in streams
            for event in logs.call(
                "logs", "GetLogEvents", logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True
            )["events"]
        ]


@contextlib.contextmanager
def lab(folder: Path) -> Iterator[Lab]:
    """All parts of a studio, at work, in a folder of their own."""
    cache = Path(os.environ.get("CLARY_CACHE", "~/.cache/clary")).expanduser()
    settings = Settings(data=folder / "data", sandbox="off", cache=cache)
    studio = app.build(settings, DataFolder(folder / "data"), 8780, 8781)
    studio.start()
    try:
        yield Lab(studio)
    finally:
        studio.close()


__all__ = ["Context", "Lab", "boxes", "lab", "mask", "picture", "request"]
