"""kill -9 of the server while a job saves tensors: all of them are in S3 at its end, and that is told last."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests import jobs
from tests.conftest import Studio

pytestmark = pytest.mark.slow

SCRIPT = """
import json, os, pathlib, time
from clary.formats.tensors import values
from clary.formats.tensors.collections import Collection
from clary.formats.tensors.layout import Mode
from clary.formats.tensors.writer import Step, write_collections
folder = pathlib.Path(json.load(open(os.environ["SMDEBUG_CONFIG_FILE_PATH"]))["LocalPath"])
for number in range(60):
    step = Step(folder, "worker_0", number, Mode.TRAIN, number)
    step.add("loss", values.scalar(1 / (1 + number)), time.time())
    step.close()
    write_collections(folder, "worker_0", [Collection("losses", ("loss",))], 1)
    print("saved", number, flush=True)
    time.sleep(0.1)
"""


def keys(s3: Any) -> set[str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=jobs.BUCKET, Prefix="out/watched/debug-output/")
    return {
        item["Key"].removeprefix("out/watched/debug-output/") for page in pages for item in page.get("Contents", [])
    }


def test_nothing_that_was_saved_is_lost(fresh_studio: Studio) -> None:
    s3, sagemaker = fresh_studio.client("s3"), fresh_studio.client("sagemaker")
    jobs.prepare(s3)
    hook = {"S3OutputPath": f"s3://{jobs.BUCKET}/out"}
    sagemaker.create_training_job(**jobs.training(s3, "watched", SCRIPT, DebugHookConfig=hook))
    jobs.wait_for_line(fresh_studio.client("logs"), "watched", "saved 3")
    s3.get_waiter("object_exists").wait(
        Bucket=jobs.BUCKET,
        Key="out/watched/debug-output/collections/000000000/worker_0_collections.json",
        WaiterConfig={"Delay": 1, "MaxAttempts": 200},
    )
    for _ in range(2):
        fresh_studio.kill()
        time.sleep(0.5)  # the job saves on without a server
        fresh_studio.start()
        indexed = {key.split("/")[2][:12] for key in keys(fresh_studio.client("s3")) if key.startswith("index/")}
        found = keys(fresh_studio.client("s3"))  # a list is no moment's picture, so what must be there is listed later
        assert "training_job_end.ts" not in found
        events = {key.split("/")[1] for key in found if key.startswith("events/")}
        assert indexed <= events  # of a step the events come first
    job = jobs.ended(fresh_studio.client("sagemaker"), "watched")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    steps = [f"{number:012}" for number in range(60)]
    assert keys(fresh_studio.client("s3")) == {
        *(f"events/{step}/{step}_worker_0.tfevents" for step in steps),
        *(f"index/000000000/{step}_worker_0.json" for step in steps),
        "collections/000000000/worker_0_collections.json",
        "training_job_end.ts",
    }
