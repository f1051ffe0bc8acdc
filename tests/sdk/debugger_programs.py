"""A program of the SageMaker SDK 2.x that asks for tensors and for TensorBoard's events."""

from __future__ import annotations

from tests.api.hook_programs import NET

TRAIN = """
import json, pathlib, sys
import numpy as np, sagemaker
from sagemaker.debugger import CollectionConfig, DebuggerHookConfig, TensorBoardOutputConfig
from sagemaker.pytorch import PyTorch

folder = pathlib.Path(sys.argv[1])
(folder / "code").mkdir()
(folder / "code/train.py").write_text('''
import torch
from torch import nn

NET
torch.manual_seed(0)
net, criterion = Net(), nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(net.parameters(), 0.1)
for batch in range(7):
    rows, labels = torch.randn(5, 3), torch.randint(0, 2, (5,))
    optimizer.zero_grad()
    criterion(net(rows), labels).backward()
    optimizer.step()
net.eval()
with torch.no_grad():
    criterion(net(rows), labels)
''')
session = sagemaker.Session()
estimator = PyTorch(
    "train.py", source_dir=str(folder / "code"), role=sagemaker.get_execution_role(), framework_version="2.1", py_version="py310",
    instance_type="ml.m5.large", instance_count=1, sagemaker_session=session,
    debugger_hook_config=DebuggerHookConfig(
        hook_parameters={"save_interval": "3"},
        collection_configs=[
            CollectionConfig("weights"),
            CollectionConfig("gradients", {"reductions": "mean,abs_max"}),
            CollectionConfig("relu", {"include_regex": "relu_output", "eval.save_interval": "1", "train.save_interval": "2"}),
        ],
    ),
    tensorboard_output_config=TensorBoardOutputConfig(f"s3://{session.default_bucket()}/board"),
)
estimator.fit(logs=False)
boto = session.boto_session.client("s3")
def keys(uri):
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    return [item["Key"][len(prefix):] for item in boto.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])]
board = estimator.latest_job_tensorboard_artifacts_path()
print(json.dumps({"tensors": estimator.latest_job_debugger_artifacts_path(), "board": keys(board)}))
""".replace("NET", NET)
