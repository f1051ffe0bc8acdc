"""A transform job reads and writes with the rights of its model's role, and seals its answers under the key it is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests import jobs, transforms
from tests.api.test_job_rights import READS, WRITES
from tests.api.test_rights import ACCOUNT, TRUST, allow, document, with_key
from tests.conftest import Studio
from tests.transforms import outputs, transform, transformed

pytestmark = pytest.mark.slow

ADDER = "def model_fn(d): return None\ndef predict_fn(x, m): return x.sum(axis=1)\n"
MODELS = allow(["s3:GetObject", "s3:ListBucket"], ["arn:aws:s3:::jobs", "arn:aws:s3:::jobs/models/*"])


@pytest.fixture(scope="module")
def run(studio: Studio, s3: Any) -> Callable[..., dict[str, Any]]:
    """A job whose model has a role of these rights."""
    iam, sagemaker = studio.client("iam"), studio.client("sagemaker")

    def make(name: str, *statements: dict[str, Any], **given: Any) -> dict[str, Any]:
        role = str(iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(TRUST))["Role"]["Arn"])
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=document(*statements))
        transforms.model(s3, sagemaker, name, ADDER, role)
        sagemaker.create_transform_job(**transform(name, name, **given))
        return transformed(sagemaker, name)

    return make


def test_the_rights_that_it_needs_are_enough(s3: Any, run: Any) -> None:
    job = run("able", READS, WRITES)
    assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
    assert outputs(s3, "able") == {"a.csv.out": b"3.0\n7.0\n", "deep/b.csv.out": b"11.0\n"}


def test_a_role_that_may_not_read_the_files_fails_the_job(run: Any) -> None:
    job = run("blind", MODELS, WRITES)
    assert job["TransformJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: ")
    assert "assumed-role/blind/SageMaker is not authorized to perform: s3:GetObject" in job["FailureReason"]
    assert '"arn:aws:s3:::jobs/in/a.csv"' in job["FailureReason"]


def test_a_role_that_may_not_write_the_answers_fails_the_job(s3: Any, run: Any) -> None:
    job = run("mute", READS)
    assert job["TransformJobStatus"] == "Failed"
    assert job["FailureReason"].startswith(
        f"ClientError: the answers could not be stored: User: arn:aws:sts::{ACCOUNT}:assumed-role/mute/SageMaker"
    )
    assert "s3:PutObject" in job["FailureReason"]
    assert outputs(s3, "mute") == {}


def test_answers_are_sealed_under_the_key_of_the_request(studio: Studio, s3: Any, run: Any) -> None:
    key = studio.client("kms").create_key()["KeyMetadata"]["KeyId"]
    uses = allow(["kms:GenerateDataKey", "kms:Decrypt"], "*")
    request = transform("sealed", "sealed")
    output = {**request["TransformOutput"], "KmsKeyId": key}
    job = run("sealed", READS, WRITES, uses, TransformOutput=output)
    assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
    found = s3.head_object(Bucket=jobs.BUCKET, Key="out/sealed/a.csv.out")
    assert found["ServerSideEncryption"] == "aws:kms"
    assert found["SSEKMSKeyId"].endswith(key)


def test_a_model_without_a_role_is_its_owners_alone(studio: Studio, s3: Any) -> None:
    sagemaker, iam = studio.client("sagemaker"), studio.client("iam")
    sagemaker.create_model(
        ModelName="bare", PrimaryContainer={"Image": jobs.IMAGE, "ModelDataUrl": "s3://jobs/m.tar.gz"}
    )
    iam.create_user(UserName="rob")
    iam.attach_user_policy(UserName="rob", PolicyArn="arn:aws:iam::aws:policy/AmazonSageMakerFullAccess")
    own = with_key(studio, iam.create_access_key(UserName="rob")["AccessKey"])("sagemaker")
    with pytest.raises(ClientError, match="The model bare names no ExecutionRoleArn"):
        own.create_transform_job(**transform("bare", "bare"))


def test_a_container_without_a_network_does_its_work(studio: Studio, s3: Any) -> None:
    sagemaker = studio.client("sagemaker")
    transforms.model(s3, sagemaker, "cut-off", ADDER, EnableNetworkIsolation=True)
    sagemaker.create_transform_job(**transform("cut-off", "cut-off", uri="in/a.csv"))
    job = transformed(sagemaker, "cut-off")
    if job["TransformJobStatus"] == "Failed":  # no sandbox on this machine: then it says so, with the way out
        assert "bubblewrap" in job["FailureReason"]
    else:
        assert outputs(s3, "cut-off") == {"a.csv.out": b"3.0\n7.0\n"}
