"""Automated labelling whose server is killed in each stage of each round: no round begins twice, and none is lost."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing
from typing import Any

import pytest

from clary.labelling import tasks, workers
from tests import labelling_jobs as given
from tests.api.test_automated_labelling import AUTOMATED, NAMES, answer
from tests.conftest import Studio
from tests.e2e.test_labelling_kill import parts
from tests.labelling_jobs import BUCKET, ENDED
from tests.shapes import picture

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

COUNT = 100


def prepare(studio: Studio) -> None:
    s3, sagemaker = studio.client("s3"), studio.client("sagemaker")
    s3.create_bucket(Bucket=BUCKET)
    for number in range(COUNT):
        s3.put_object(Bucket=BUCKET, Key=f"images/{number}.png", Body=picture(number, most=1)[0])
    lines = [json.dumps({"source-ref": f"s3://{BUCKET}/images/{number}.png"}) for number in range(COUNT)]
    labels = {"labels": [{"label": name} for name in NAMES]}
    s3.put_object(Bucket=BUCKET, Key="in.manifest", Body="\n".join(lines).encode())
    s3.put_object(Bucket=BUCKET, Key="labels.json", Body=json.dumps(labels).encode())
    s3.put_object(Bucket=BUCKET, Key="template.liquid.html", Body=given.TEMPLATE.encode())
    sagemaker.create_workteam(**given.TEAM)
    sagemaker.create_labeling_job(**given.request("auto", **AUTOMATED))


def look(studio: Studio) -> tuple[dict[str, Any], int]:
    """The job's record, and how many objects people are asked about, read beside the server."""
    with closing(sqlite3.connect(f"file:{studio.data / 'clary.db'}?mode=ro", uri=True)) as database:
        (body,) = database.execute("SELECT body FROM records WHERE kind = 'LabelingJob'").fetchone()
        (count,) = database.execute("SELECT count(*) FROM labelling_objects WHERE state = 'open'").fetchone()
    return json.loads(body), count


def work(studio: Studio) -> None:
    """Let the worker do all that is there, in what a dead server left."""
    with parts(studio) as context:
        worker = next(iter(workers.all_of(context)), None) or workers.add(context, "ann", ["ward"])
        while (task := tasks.take(context, worker, "auto")) is not None:
            tasks.submit(context, worker, task.id, answer(int(task.object_id)), 1)


def test_a_round_is_begun_once(fresh_studio: Studio) -> None:
    prepare(fresh_studio)
    killed: set[tuple[int, str]] = set()
    deadline = time.monotonic() + 1000
    while True:
        job, asked = look(fresh_studio)
        if job["LabelingJobStatus"] in ENDED:
            break
        assert time.monotonic() < deadline, job
        learning = job.get("_learning", {})
        stage = learning.get("round", 0), learning.get("stage", "")
        if asked:
            fresh_studio.kill()
            work(fresh_studio)
            fresh_studio.start()
        elif stage[1] in {"training", "proposing"} and stage not in killed:
            time.sleep(0.3)  # its job has begun, or is about to
            fresh_studio.kill()
            killed.add(stage)
            fresh_studio.start()
        else:
            time.sleep(0.2)
    assert job["LabelingJobStatus"] == "Completed", job
    counters = job["LabelCounters"]
    assert (counters["TotalLabeled"], counters["MachineLabeled"] > 0) == (COUNT, True), job
    assert {stage for _, stage in killed} == {"training", "proposing"}
    sagemaker = fresh_studio.client("sagemaker")
    trained = sagemaker.list_training_jobs(MaxResults=100)["TrainingJobSummaries"]
    proposed = sagemaker.list_transform_jobs(MaxResults=100)["TransformJobSummaries"]
    assert {each["TrainingJobStatus"] for each in trained} == {"Completed"}
    assert {each["TrainingJobName"] for each in trained} == {each["TransformJobName"] for each in proposed}
