"""Programs of processors that an unmodified SageMaker SDK 2.x runs; each prints a line of JSON at its end."""

from __future__ import annotations

SCRIPTS = """
import json, pathlib, sys
import sagemaker
from sagemaker.processing import ProcessingInput, ProcessingOutput, Processor, ScriptProcessor
from sagemaker.s3 import S3Downloader, S3Uploader
from sagemaker.sklearn.processing import SKLearnProcessor

folder, session, role = pathlib.Path(sys.argv[1]), sagemaker.Session(), sagemaker.get_execution_role()
(folder / "split.py").write_text('''
import argparse, pathlib
import pandas as pd
from sklearn.model_selection import train_test_split
parser = argparse.ArgumentParser()
parser.add_argument("--ratio", type=float)
rows = pd.read_csv("/opt/ml/processing/input/rows.csv")
train, test = train_test_split(rows, test_size=parser.parse_args().ratio, random_state=0)
base = pathlib.Path("/opt/ml/processing")
train.to_csv(base / "train/train.csv", index=False)
test.to_csv(base / "test/test.csv", index=False)
print("split", len(train), len(test))
''')
(folder / "rows.csv").write_text("a,b\\n" + "\\n".join(f"{n},{n * n}" for n in range(10)))
one = {"instance_type": "ml.m5.large", "instance_count": 1, "sagemaker_session": session, "role": role}
processor = SKLearnProcessor(framework_version="1.2-1", **one)
processor.run(
    code=str(folder / "split.py"), arguments=["--ratio", "0.3"],
    inputs=[ProcessingInput(source=str(folder / "rows.csv"), destination="/opt/ml/processing/input")],
    outputs=[
        ProcessingOutput(output_name="train", source="/opt/ml/processing/train"),
        ProcessingOutput(output_name="test", source="/opt/ml/processing/test"),
    ],
    logs=True,
)
described = processor.latest_job.describe()
places = {o["OutputName"]: o["S3Output"]["S3Uri"] for o in described["ProcessingOutputConfig"]["Outputs"]}
train = S3Downloader.read_file(places["train"] + "/train.csv", sagemaker_session=session)

(folder / "say.sh").write_text("echo shell; cat /opt/ml/config/resourceconfig.json > /opt/ml/processing/out/hosts; exit 0")
shell = ScriptProcessor(image_uri=processor.image_uri, command=["/bin/bash"], **one)
target = f"s3://{session.default_bucket()}/said"
shell.run(
    code=str(folder / "say.sh"), logs=False,
    outputs=[ProcessingOutput(source="/opt/ml/processing/out", destination=target, s3_upload_mode="Continuous")],
)

waits = Processor(
    image_uri=processor.image_uri, entrypoint=["python3", "-c", "import time; print('on', flush=True); time.sleep(99)"],
    max_runtime_in_seconds=90, env={"A": "b"}, tags=[{"Key": "k", "Value": "v"}], **one,
)
waits.run(wait=False, logs=False)
waits.latest_job.stop()
waits.latest_job.wait(logs=False)

fails = Processor(image_uri=processor.image_uri, entrypoint=["python3", "-c", "raise SystemExit('no beds')"], **one)
try:
    fails.run(logs=False)
    problem = ""
except sagemaker.exceptions.UnexpectedStatusException as error:
    problem = str(error)
print()
print(json.dumps({
    "train": len(train.splitlines()), "hosts": json.loads(S3Downloader.read_file(target + "/hosts", sagemaker_session=session)),
    "stopped": waits.latest_job.describe()["ProcessingJobStatus"], "problem": problem,
}))
"""

FRAMEWORK = """
import json, pathlib, sys
import sagemaker
from sagemaker.processing import FrameworkProcessor, ProcessingOutput
from sagemaker.s3 import S3Downloader
from sagemaker.sklearn.estimator import SKLearn

folder, session = pathlib.Path(sys.argv[1]), sagemaker.Session()
source = folder / "source"
(source / "ward").mkdir(parents=True)
(source / "ward/__init__.py").write_text("BEDS = 12")
(source / "requirements.txt").write_text("tomli-w\\nnumpy\\n")
(source / "main.py").write_text('''
import sys, pathlib, tomli_w, ward
text = tomli_w.dumps({"beds": ward.BEDS, "arguments": sys.argv[1:]})
pathlib.Path("/opt/ml/processing/output/facts.toml").write_text(text)
print("facts written")
''')
processor = FrameworkProcessor(
    estimator_cls=SKLearn, framework_version="1.2-1", role=sagemaker.get_execution_role(), instance_count=1,
    instance_type="ml.m5.large", sagemaker_session=session, base_job_name="facts",
)
processor.run(
    code="main.py", source_dir=str(source), arguments=["--fast"],
    outputs=[ProcessingOutput(output_name="facts", source="/opt/ml/processing/output")],
)
uri = processor.latest_job.outputs[0].destination
print(json.dumps({"facts": S3Downloader.read_file(uri + "/facts.toml", sagemaker_session=session)}))
"""

PYTORCH = """
import json, pathlib, sys
import sagemaker
from sagemaker.processing import ProcessingOutput
from sagemaker.pytorch.processing import PyTorchProcessor
from sagemaker.s3 import S3Downloader

folder, session = pathlib.Path(sys.argv[1]), sagemaker.Session()
(folder / "source").mkdir()
(folder / "source/norm.py").write_text('''
import pathlib, torch
pathlib.Path("/opt/ml/processing/output/norm").write_text(str(torch.tensor([3.0, 4.0]).norm().item()))
''')
processor = PyTorchProcessor(
    framework_version="2.1", py_version="py310", role=sagemaker.get_execution_role(), instance_count=1,
    instance_type="ml.m5.large", sagemaker_session=session,
)
processor.run(code="norm.py", source_dir=str(folder / "source"), outputs=[ProcessingOutput(source="/opt/ml/processing/output")])
uri = processor.latest_job.outputs[0].destination
print(json.dumps({"norm": float(S3Downloader.read_file(uri + "/norm", sagemaker_session=session))}))
"""
