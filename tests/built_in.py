"""What tests of built-in algorithms share: requests, the files of a model, an endpoint that is asked."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests import jobs
from tests.conftest import Studio

Ask = Callable[..., tuple[bytes, str]]
"""Body and content type, and other members of InvokeEndpoint; the answer's body and content type."""


def channel(name: str, uri: str, content_type: str, **source: Any) -> dict[str, Any]:
    """``source`` replaces members of its S3DataSource."""
    found = {"S3DataType": "S3Prefix", "S3Uri": uri, **source}
    return {"ChannelName": name, "ContentType": content_type, "DataSource": {"S3DataSource": found}}


def training(
    image: str, name: str, channels: list[dict[str, Any]], hyperparameters: dict[str, str], **given: Any
) -> dict[str, Any]:
    """A CreateTrainingJob request of the algorithm; ``given`` replaces members."""
    return {
        "TrainingJobName": name,
        "RoleArn": jobs.ROLE,
        "AlgorithmSpecification": {"TrainingImage": image, "TrainingInputMode": "File"},
        "HyperParameters": hyperparameters,
        "InputDataConfig": channels,
        "OutputDataConfig": {"S3OutputPath": f"s3://{jobs.BUCKET}/out"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        **given,
    }


def model_files(s3: Any, job: dict[str, Any]) -> dict[str, bytes]:
    """What the job's model archive holds, by name."""
    bucket, _, key = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://").partition("/")
    content = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar if member.isfile()}  # type: ignore[union-attr]


@contextmanager
def endpoint(studio: Studio, name: str, image: str, job: dict[str, Any]) -> Iterator[Ask]:
    """The job's model, served under that name."""
    sagemaker, runtime = studio.client("sagemaker"), studio.client("sagemaker-runtime")
    container = {"Image": image, "ModelDataUrl": job["ModelArtifacts"]["S3ModelArtifacts"]}
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=jobs.ROLE, PrimaryContainer=container)
    variant = {"VariantName": "all", "ModelName": name, "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name)

    def ask(body: bytes, content_type: str, **given: Any) -> tuple[bytes, str]:
        answer = runtime.invoke_endpoint(EndpointName=name, Body=body, ContentType=content_type, **given)
        return answer["Body"].read(), answer["ContentType"]

    yield ask
    sagemaker.delete_endpoint(EndpointName=name)
