"""A job has the rights of its role and no more: for what Clary does for it, and for what it asks itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests import jobs, processing
from tests.api.test_rights import ACCOUNT, TRUST, allow, document, with_key
from tests.conftest import Studio

pytestmark = pytest.mark.slow

READS = allow(["s3:GetObject", "s3:ListBucket"], ["arn:aws:s3:::jobs", "arn:aws:s3:::jobs/*"])
WRITES = allow("s3:PutObject", "arn:aws:s3:::jobs/out/*")
ASKS = """
import json, boto3
from botocore.exceptions import ClientError
print("who", boto3.client("sts").get_caller_identity()["Arn"])
for bucket in ("jobs", "private"):
    try:
        print(bucket, boto3.client("s3").list_objects_v2(Bucket=bucket)["KeyCount"] > 0)
    except ClientError as error:
        print(bucket, error.response["Error"]["Code"])
"""


@pytest.fixture(scope="module")
def s3(studio: Studio) -> Any:
    client = studio.client("s3")
    jobs.prepare(client)
    client.create_bucket(Bucket="private")
    client.put_object(Bucket="private", Key="x", Body=b"x")
    return client


@pytest.fixture(scope="module")
def role(studio: Studio) -> Callable[..., str]:
    iam = studio.client("iam")

    def make(name: str, *statements: dict[str, Any]) -> str:
        arn = str(iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(TRUST))["Role"]["Arn"])
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=document(*statements))
        return arn

    return make


def test_a_role_that_may_not_read_the_input_fails_its_job(studio: Studio, s3: Any, role: Any) -> None:
    sagemaker = studio.client("sagemaker")
    arn = role("blind", allow("s3:ListBucket"), WRITES)
    sagemaker.create_training_job(**jobs.training(s3, "blind", "print(1)", RoleArn=arn))
    job = jobs.ended(sagemaker, "blind")
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"] == (
        f"ClientError: Data download failed: User: arn:aws:sts::{ACCOUNT}:assumed-role/blind/SageMaker is not authorized "
        'to perform: s3:GetObject on resource: "arn:aws:s3:::jobs/in/a.csv" because no identity-based policy allows the '
        "s3:GetObject action"
    )
    with pytest.raises(ClientError, match='has "s3:ListBucket" permissions on bucket "jobs"'):
        sagemaker.create_training_job(**jobs.training(s3, "blinder", "print(1)", RoleArn=role("blinder", WRITES)))


def test_a_role_that_may_not_write_the_output_fails_its_job(studio: Studio, s3: Any, role: Any) -> None:
    sagemaker = studio.client("sagemaker")
    sagemaker.create_training_job(**jobs.training(s3, "mute", "print(1)", RoleArn=role("mute", READS)))
    job = jobs.ended(sagemaker, "mute")
    assert job["TrainingJobStatus"] == "Failed"
    assert "Artifact upload failed" in job["FailureReason"]
    assert "s3:PutObject" in job["FailureReason"]


def test_a_processing_job_has_the_rights_of_its_role_and_no_more(studio: Studio, s3: Any, role: Any) -> None:
    sagemaker = studio.client("sagemaker")

    def run(name: str, arn: str, uri: str = "s3://jobs/out/rows") -> str:
        outputs = [processing.output("out", uri, "/opt/ml/processing/out")]
        script = "open('/opt/ml/processing/out/x', 'w').write('x')"
        request = processing.request(s3, name, script, outputs=outputs, RoleArn=arn)
        sagemaker.create_processing_job(**request)
        return str(processing.ended(sagemaker, name).get("FailureReason", "Completed"))

    sees = allow("s3:ListBucket")
    assert run("both", role("both", READS, WRITES)) == "Completed"
    assert run("reads-not", role("reads-not", sees, WRITES)).startswith(
        f"ClientError: Data download failed: User: arn:aws:sts::{ACCOUNT}:assumed-role/reads-not/SageMaker is not authorized"
    )
    reason = run("writes-not", role("writes-not", READS, WRITES), "s3://jobs/elsewhere")
    assert reason.startswith("ClientError: Output upload failed: s3://jobs/elsewhere/x: User: ")
    assert "s3:PutObject" in reason
    request = processing.request(s3, "sees-not", "print(1)", RoleArn=role("sees-not", WRITES))
    with pytest.raises(ClientError, match='has "s3:ListBucket" permissions on bucket "jobs"'):
        sagemaker.create_processing_job(**request)


def test_a_script_asks_with_the_rights_of_its_role(studio: Studio, s3: Any, role: Any) -> None:
    sagemaker = studio.client("sagemaker")
    sagemaker.create_training_job(**jobs.training(s3, "asks", ASKS, RoleArn=role("asks", READS, WRITES)))
    job = jobs.ended(sagemaker, "asks")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    lines = jobs.log_lines(studio.client("logs"), "asks")
    assert f"who arn:aws:sts::{ACCOUNT}:assumed-role/asks/SageMaker" in lines
    assert "jobs True" in lines
    assert "private AccessDenied" in lines


def test_a_users_own_role_works_for_its_jobs(studio: Studio, s3: Any) -> None:
    """As ``get_execution_role()`` finds it: the role that STS names, looked up in IAM, handed to a job."""
    iam = studio.client("iam")
    iam.create_user(UserName="tina")
    for policy in ("AmazonSageMakerFullAccess", "AmazonS3FullAccess"):
        iam.attach_user_policy(UserName="tina", PolicyArn=f"arn:aws:iam::aws:policy/{policy}")
    client = with_key(studio, iam.create_access_key(UserName="tina")["AccessKey"])
    name = client("sts").get_caller_identity()["Arn"].split("/")[1]
    arn = client("iam").get_role(RoleName=name)["Role"]["Arn"]
    client("sagemaker").create_training_job(**jobs.training(client("s3"), "tinas", "print(1)", RoleArn=arn))
    job = jobs.ended(client("sagemaker"), "tinas")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
