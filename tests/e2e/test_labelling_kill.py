"""A labelling job whose server is killed over and over: nothing that was sent is lost, nothing is done or told twice."""

from __future__ import annotations

import contextlib
import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from clary import app
from clary.clock import Clock
from clary.context import Context
from clary.data_folder import DataFolder
from clary.labelling import tasks, workers
from clary.settings import Settings
from clary.store.database import Database
from tests import labelling_jobs as given
from tests import waiting
from tests.conftest import Studio
from tests.labelling_jobs import BUCKET, boxes

pytestmark = pytest.mark.slow

OBJECTS, PEOPLE = 14, ("ann", "bob", "eve")


@contextlib.contextmanager
def parts(studio: Studio) -> Iterator[Context]:
    """What a dead server left, as the next one will find it."""
    database = Database(studio.data / "clary.db", Clock())
    context = app._context(Settings(data=studio.data), DataFolder(studio.data), database, 8780)
    yield context
    context.buckets.close()
    database.close()


def prepare(studio: Studio) -> None:
    s3, sagemaker = studio.client("s3"), studio.client("sagemaker")
    s3.create_bucket(Bucket=BUCKET)
    lines = []
    for number in range(OBJECTS):
        s3.put_object(Bucket=BUCKET, Key=f"images/{number}.png", Body=given.picture(shade=number))
        lines.append(json.dumps({"source-ref": f"s3://{BUCKET}/images/{number}.png"}))
    s3.put_object(Bucket=BUCKET, Key="in.manifest", Body="\n".join(lines).encode())
    s3.put_object(Bucket=BUCKET, Key="labels.json", Body=json.dumps(given.LABELS).encode())
    s3.put_object(Bucket=BUCKET, Key="template.liquid.html", Body=given.TEMPLATE.encode())
    sagemaker.create_workteam(**given.TEAM)
    human = {"NumberOfHumanWorkersPerDataObject": 2, "MaxConcurrentTaskCount": 6}
    sagemaker.create_labeling_job(**given.request("boxes", human=human))


def box(number: int) -> dict[str, Any]:
    return boxes((number, number, 10, 10))


def work(context: Context, chance: random.Random) -> Counter[str]:
    """Let everybody do a few tasks, some half; how many were sent, and of whom."""
    sent: Counter[str] = Counter()
    for worker in workers.all_of(context):
        for _ in range(chance.randrange(5)):
            try:
                task = tasks.take(context, worker, "boxes")
            except tasks.TaskGone:
                return sent
            if task is None:
                break
            draft = box(int(task.object_id))
            tasks.keep_draft(context, worker, task.id, draft)
            if chance.random() < 0.2:
                break  # the tab is closed; the task stays
            tasks.submit(context, worker, task.id, draft, 1)
            sent[worker.sub] += 1
    return sent


def test_kill_at_any_moment(fresh_studio: Studio) -> None:
    seed = time.time_ns() % 100_000
    chance = random.Random(seed)
    prepare(fresh_studio)
    fresh_studio.kill()
    with parts(fresh_studio) as context:
        for name in PEOPLE:
            workers.add(context, name, ["ward"])
    sent: Counter[str] = Counter()
    for _ in range(60):
        fresh_studio.start()
        status = fresh_studio.client("sagemaker").describe_labeling_job(LabelingJobName="boxes")["LabelingJobStatus"]
        if status == "Completed":
            break
        assert status in {"Initializing", "InProgress"}, seed
        time.sleep(chance.uniform(0, 0.15))  # the random point
        fresh_studio.kill()
        with parts(fresh_studio) as context:
            sent += work(context, chance)
    check(fresh_studio, sent, seed)


def check(studio: Studio, sent: Counter[str], seed: int) -> None:
    sagemaker, s3 = studio.client("sagemaker"), studio.client("s3")
    job = sagemaker.describe_labeling_job(LabelingJobName="boxes")
    assert job["LabelCounters"]["HumanLabeled"] == OBJECTS, seed
    bucket, _, key = job["LabelingJobOutput"]["OutputDatasetS3Uri"].removeprefix("s3://").partition("/")
    lines = [json.loads(line) for line in s3.get_object(Bucket=bucket, Key=key)["Body"].read().splitlines()]
    assert [line["label"]["annotations"][0]["left"] for line in lines] == list(range(OBJECTS)), seed
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET, Prefix="out/")["Contents"]]
    responses = [key for key in keys if "/worker-response/" in key]
    assert len(responses) == OBJECTS, (seed, responses)  # each object once, in one iteration
    found: Counter[str] = Counter()
    for key in responses:
        answers = json.loads(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())["answers"]
        assert len(answers) == 2, seed
        found += Counter(answer["workerMetadata"]["identityData"]["sub"] for answer in answers)
    assert found == sent, seed
    requests = [key for key in keys if "/consolidation-request/" in key]
    assert len(requests) == len({key.split("/")[-2] for key in requests}), (seed, requests)
    logs = studio.client("logs")
    told = messages(logs, "/aws/sagemaker/groundtruth/WorkerActivity")
    assert Counter(each["event_type"] for each in told)["TasksSubmitted"] == 2 * OBJECTS, seed
    said = Counter(each["event-log-message"] for each in messages(logs, "/aws/sagemaker/LabelingJobs"))
    # A batch may be filled up one by one, in the same words; each object is told once.
    assert offered(logs) == OBJECTS, (seed, said)
    assert max(count for text, count in said.items() if "SUBMITTED" not in text) == 1, (seed, said)


def offered(logs: Any) -> int:
    """How many objects were given out, as the log tells it; there is no log before its first line."""
    try:
        said = [each["event-log-message"] for each in messages(logs, "/aws/sagemaker/LabelingJobs")]
    except logs.exceptions.ResourceNotFoundException:
        return 0
    return sum(int(text.split()[0]) for text in said if "SUBMITTED" in text)


def messages(logs: Any, group: str) -> list[dict[str, Any]]:
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
    return [json.loads(event["message"]) for page in pages for event in page["events"]]


def test_kill_while_it_stops(fresh_studio: Studio) -> None:
    """What was answered is labelled, however often the server dies on the way."""
    chance = random.Random(7)
    prepare(fresh_studio)
    logs = fresh_studio.client("logs")
    waiting.until(lambda: offered(logs) >= 3)
    fresh_studio.kill()
    with parts(fresh_studio) as context:
        found = [workers.add(context, name, ["ward"]) for name in PEOPLE]
        for _ in range(3):
            task = tasks.take(context, found[0], "boxes")
            assert task is not None
            tasks.submit(context, found[0], task.id, box(int(task.object_id)), 1)
    fresh_studio.start()
    fresh_studio.client("sagemaker").stop_labeling_job(LabelingJobName="boxes")
    for _ in range(20):
        fresh_studio.kill()
        fresh_studio.start()
        job = fresh_studio.client("sagemaker").describe_labeling_job(LabelingJobName="boxes")
        if job["LabelingJobStatus"] == "Stopped":
            break
        time.sleep(chance.uniform(0, 0.1))
    assert job["LabelCounters"]["HumanLabeled"] == 3
    s3 = fresh_studio.client("s3")
    key = job["LabelingJobOutput"]["OutputDatasetS3Uri"].removeprefix(f"s3://{BUCKET}/")
    lines = [json.loads(line) for line in s3.get_object(Bucket=BUCKET, Key=key)["Body"].read().splitlines()]
    assert ["label" in line for line in lines] == [True] * 3 + [False] * (OBJECTS - 3)
