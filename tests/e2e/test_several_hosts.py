"""Jobs on several instances when something is killed: the job goes on, or ends with the host that is to blame."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from clary.engines import sandbox
from tests import jobs
from tests.api.test_several_instances import lines_of, on
from tests.conftest import Studio
from tests.waiting import until

pytestmark = pytest.mark.slow

SLOW = "import time\nfor n in range(20):\n    print('step', n, flush=True)\n    time.sleep(0.1)\n"
ENDLESS = "import time\nprint('step', 0, flush=True)\ntime.sleep(600)\n"


def started(studio: Studio, name: str, script: str, **more: Any) -> Any:
    """A job on two hosts, both of which have written something."""
    if not sandbox.find().network:
        pytest.skip(sandbox.find().complaint)
    s3, sagemaker, logs = (studio.client(service) for service in ("s3", "sagemaker", "logs"))
    jobs.prepare(s3)
    sagemaker.create_training_job(**jobs.training(s3, name, script, **on(2), **more))

    def both() -> bool:
        try:
            found = lines_of(logs, name)
        except logs.exceptions.ResourceNotFoundException:
            return False
        return len(found) == 2 and all("step 0" in lines for lines in found.values())

    until(both)
    return sagemaker


def folders(studio: Studio) -> list[Path]:
    return sorted(path.parent for path in (studio.data / "tasks").rglob("task.json"))


def test_every_host_goes_on_when_the_server_is_killed(fresh_studio: Studio) -> None:
    started(fresh_studio, "goes-on", SLOW)
    fresh_studio.kill()
    fresh_studio.start()
    job = jobs.ended(fresh_studio.client("sagemaker"), "goes-on")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    for lines in lines_of(fresh_studio.client("logs"), "goes-on").values():
        assert [line for line in lines if line.startswith("step")] == [f"step {n}" for n in range(20)]


def test_a_host_that_is_lost_ends_the_job_and_leaves_nothing(fresh_studio: Studio) -> None:
    sagemaker = started(fresh_studio, "lost", ENDLESS, EnableNetworkIsolation=True)
    first, second = folders(fresh_studio)
    holder = int((first.parent / "network/holder").read_text())
    os.kill(json.loads((second / "started").read_text())["pid"], signal.SIGKILL)
    job = jobs.ended(sagemaker, "lost")
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("InternalServerError: the process that watched over the job died with it")
    assert "on algo-2" in job["FailureReason"]
    until(lambda: not Path(f"/proc/{holder}").exists())
