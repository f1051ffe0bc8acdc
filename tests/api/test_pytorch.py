"""The PyTorch image by boto3: the defaults of serving, and what a script's requirements may ask for."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import WaiterError

from tests import jobs
from tests.conftest import Studio

pytestmark = pytest.mark.slow

REGISTRY = "763104351884.dkr.ecr.us-east-1.amazonaws.com"
TRAINING = {"TrainingImage": f"{REGISTRY}/pytorch-training:2.5-cpu-py311", "TrainingInputMode": "File"}

# The model sums a row's numbers; as TorchScript it is served without a script.
SCRIPTED = """
import os, torch
class Sum(torch.nn.Module):
    def forward(self, rows):
        return rows.sum(dim=1)
torch.jit.script(Sum()).save(os.path.join(os.environ["SM_MODEL_DIR"], "model.pt"))
print("torch", torch.__version__, "threads", torch.get_num_threads() > 0)
"""
WEIGHTS = """
import os, torch
torch.save(torch.nn.Linear(2, 1).state_dict(), os.path.join(os.environ["SM_MODEL_DIR"], "model.pth"))
"""


def train(studio: Studio, s3: Any, name: str, files: dict[str, str | bytes]) -> dict[str, Any]:
    sagemaker = studio.client("sagemaker")
    request = jobs.training(s3, name, jobs.archive(files), AlgorithmSpecification=TRAINING)
    sagemaker.create_training_job(**request)
    return jobs.ended(sagemaker, name)


def deploy(studio: Studio, name: str, model: str) -> None:
    sagemaker = studio.client("sagemaker")
    container = {"Image": f"{REGISTRY}/pytorch-inference:2.5-cpu-py311", "ModelDataUrl": model}
    variant = {"VariantName": "V", "ModelName": name, "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=jobs.ROLE, PrimaryContainer=container)
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name)


def test_a_torchscript_is_served_without_a_script_in_every_form(studio: Studio, s3: Any, boto: Any) -> None:
    job = train(studio, s3, "scripted", {"train.py": SCRIPTED})
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert any(line.startswith("torch 2.13.0") for line in jobs.log_lines(boto("logs"), "scripted"))
    deploy(studio, "scripted", job["ModelArtifacts"]["S3ModelArtifacts"])
    runtime = boto("sagemaker-runtime")

    def ask(content_type: str, accept: str, body: bytes) -> bytes:
        answer = runtime.invoke_endpoint(EndpointName="scripted", ContentType=content_type, Accept=accept, Body=body)
        found: bytes = answer["Body"].read()
        return found

    assert json.loads(ask("application/json", "application/json", b"[[1, 2], [3, 4]]")) == [3.0, 7.0]
    assert ask("text/csv", "text/csv", b"1,2\n3,4\n") == b"3.0\n7.0\n"
    header = (b"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }").ljust(117) + b"\n"
    array = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + struct.pack("<4f", 1, 2, 3, 4)
    assert ask("application/x-npy", "application/x-npy", array).endswith(struct.pack("<2f", 3, 7))
    with pytest.raises(runtime.exceptions.ModelError, match=r"client error \(415\)"):
        ask("image/png", "text/csv", b"x")


def test_weights_without_a_script_fail_the_endpoint_with_what_to_do(studio: Studio, s3: Any) -> None:
    job = train(studio, s3, "weights", {"train.py": WEIGHTS})
    with pytest.raises(WaiterError):
        deploy(studio, "weights", job["ModelArtifacts"]["S3ModelArtifacts"])
    reason = studio.client("sagemaker").describe_endpoint(EndpointName="weights")["FailureReason"]
    assert "model.pth is no TorchScript" in reason
    assert "model_fn(model_dir)" in reason


def test_a_requirement_on_torch_takes_that_of_the_image(studio: Studio, s3: Any, boto: Callable[..., Any]) -> None:
    script = (
        "import einops, sys, torch\nof = lambda module: module.__file__.startswith(sys.prefix)\n"
        "print('from the image:', of(torch), of(einops))"
    )
    job = train(studio, s3, "required", {"train.py": script, "requirements.txt": "torch>=2\neinops\n"})
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert "from the image: True False" in jobs.log_lines(boto("logs"), "required")


def test_another_torch_is_refused_by_its_name(studio: Studio, s3: Any) -> None:
    job = train(studio, s3, "other", {"train.py": "", "requirements.txt": "torch==2.1.0\n"})
    assert job["TrainingJobStatus"] == "Failed"
    assert "another version of what the image brings, torch==2.13.0" in job["FailureReason"]
