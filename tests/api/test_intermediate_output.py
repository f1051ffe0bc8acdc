"""What a script writes to /opt/ml/output/intermediate is in S3 while it runs, where sagemaker_s3_output says so."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests import jobs
from tests.conftest import Studio

pytestmark = pytest.mark.slow

SCRIPT = """
import os, signal, sys, time
folder = os.environ["SM_OUTPUT_INTERMEDIATE_DIR"]
os.makedirs(folder + "/deep", exist_ok=True)
open(folder + "/deep/step.txt", "w").write("one")
def leave(*_):
    os.remove(folder + "/deep/step.txt")
    open(folder + "/last.txt", "w").write("two")
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
while True: time.sleep(0.1)
"""


def test_it_is_there_while_the_job_runs_and_stays(studio: Studio, s3: Any) -> None:
    sagemaker = studio.client("sagemaker")
    given = {"sagemaker_s3_output": f'"s3://{jobs.BUCKET}/between/"'}
    sagemaker.create_training_job(**jobs.training(s3, "between", SCRIPT, hyperparameters=given))
    base = "between/between/output/intermediate"
    waiter = s3.get_waiter("object_exists")
    waiter.wait(Bucket=jobs.BUCKET, Key=f"{base}/deep/step.txt", WaiterConfig={"Delay": 1, "MaxAttempts": 200})
    sagemaker.stop_training_job(TrainingJobName="between")
    assert jobs.ended(sagemaker, "between")["TrainingJobStatus"] == "Stopped"
    found = {
        name: s3.get_object(Bucket=jobs.BUCKET, Key=f"{base}/{name}")["Body"].read()
        for name in ("deep/step.txt", "last.txt")
    }
    assert found == {"deep/step.txt": b"one", "last.txt": b"two"}


def test_a_bucket_that_is_not_there_is_refused(studio: Studio, s3: Any) -> None:
    sagemaker = studio.client("sagemaker")
    given = {"sagemaker_s3_output": "s3://no-such-bucket/x"}
    with pytest.raises(ClientError, match="sagemaker_s3_output s3://no-such-bucket/x names the bucket"):
        sagemaker.create_training_job(**jobs.training(s3, "refused", SCRIPT, hyperparameters=given))
