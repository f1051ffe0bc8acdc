"""torch.distributed over gloo on several instances: the script of AWS's own examples, with the names it is given."""

from __future__ import annotations

from typing import Any

import pytest

from tests import jobs
from tests.api.test_several_instances import on, said
from tests.conftest import Studio

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.5-cpu-py311"

BEGIN = """
import json, os, sys, torch
import torch.distributed as dist
hosts, own = json.loads(os.environ["SM_HOSTS"]), os.environ["SM_CURRENT_HOST"]
if "RANK" not in os.environ:  # else torchrun has set all that is needed
    os.environ.update(RANK=str(hosts.index(own)), WORLD_SIZE=str(len(hosts)), MASTER_ADDR=hosts[0], MASTER_PORT="29500")
os.environ.update(GLOO_SOCKET_IFNAME=os.environ["SM_NETWORK_INTERFACE_NAME"])
dist.init_process_group("gloo")
"""
END = "dist.destroy_process_group()\n"

SCRIPT = f"""{BEGIN}
model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(1, 1, bias=False))
model(torch.full((1, 1), float(dist.get_rank() + 1))).sum().backward()
everyone = torch.tensor([dist.get_rank() + 1.0])
dist.all_reduce(everyone)
print(json.dumps({{"sum": everyone.item(), "mean gradient": model.module.weight.grad.item()}}))
{END}"""

# As on a machine that is busy: gloo's threads do not get Python's lock before the script ends.
AT_ONCE = f"""{BEGIN}
layers = torch.nn.Sequential(*[torch.nn.Linear(64, 64) for _ in range(12)])
model = torch.nn.parallel.DistributedDataParallel(layers, bucket_cap_mb=0.01)
sys.setswitchinterval(1000)
model(torch.ones(1, 64)).sum().backward()
"""


def trained(studio: Studio, name: str, script: str, **given: Any) -> None:
    """A job of three hosts runs until it has completed."""
    s3, sagemaker = studio.client("s3"), studio.client("sagemaker")
    if jobs.BUCKET not in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]:
        jobs.prepare(s3)
    algorithm = {"TrainingImage": IMAGE, "TrainingInputMode": "File"}
    request = jobs.training(s3, name, script, AlgorithmSpecification=algorithm, **given, **on(3))
    sagemaker.create_training_job(**request)
    job = jobs.ended(sagemaker, name)
    reason = job.get("FailureReason", "")
    if given.get("EnableNetworkIsolation") and "sandbox" in reason:
        pytest.skip(reason)
    assert job["TrainingJobStatus"] == "Completed", reason


@pytest.mark.parametrize(("isolated", "launched"), [(False, False), (True, False), (False, True)])
def test_hosts_train_one_model_together(studio: Studio, isolated: bool, launched: bool) -> None:
    name = f"gloo-{isolated}-{launched}".lower()
    launcher = {"sagemaker_torch_distributed_enabled": "true"} if launched else {}
    trained(studio, name, SCRIPT, hyperparameters=launcher, EnableNetworkIsolation=isolated)
    found = said(studio.client("logs"), name)
    assert found == {host: {"sum": 6.0, "mean gradient": 2.0} for host in ("algo-1", "algo-2", "algo-3")}


@pytest.mark.parametrize("end", ["", END])
def test_a_script_that_ends_right_after_its_last_step_ends_well(studio: Studio, end: str) -> None:
    """torch would abort now and then, or stay for ever."""
    limit = {"MaxRuntimeInSeconds": 240}
    trained(studio, f"at-once-{len(end)}", AT_ONCE + end, StoppingCondition=limit)
