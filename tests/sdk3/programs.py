"""Programs that an unmodified SageMaker SDK 3.x runs in its own environment; each prints a line of JSON at its end."""

from __future__ import annotations

TRAINER = """
import json, pathlib, sys
import boto3
from sagemaker.core.helper.session_helper import Session, get_execution_role
from sagemaker.core.training.configs import Compute, InputData, SourceCode
from sagemaker.train import ModelTrainer

folder = pathlib.Path(sys.argv[1])
(folder / "code").mkdir()
(folder / "code/requirements.txt").write_text("six\\nnumpy\\n")
(folder / "code/train.py").write_text('''
import argparse, json, os
import joblib
import numpy as np
import six
from sklearn.linear_model import LinearRegression

parser = argparse.ArgumentParser()
parser.add_argument("--fit-intercept")
parser.add_argument("--depth", type=int)
given = parser.parse_args()
rows = np.loadtxt(os.path.join(os.environ["SM_CHANNEL_TRAIN"], "rows.csv"), delimiter=",")
model = LinearRegression().fit(rows[:, 1:], rows[:, 0])
print("score=%.4f depth=%d rank=%s of %s" % (
    model.score(rows[:, 1:], rows[:, 0]), given.depth, os.environ["SM_CURRENT_HOST_RANK"], os.environ["SM_HOST_COUNT"]))
print("variables", os.environ["SM_HP_FIT_INTERCEPT"], os.environ["SM_SOURCE_DIR"], os.environ["SM_MODEL_DIR"])
joblib.dump(model, os.path.join(os.environ["SM_MODEL_DIR"], "model.joblib"))
''')
(folder / "rows.csv").write_text("".join(f"{a + 2 * b},{a},{b}\\n" for a in range(9) for b in range(9)))
session = Session()
trainer = ModelTrainer(
    training_image="683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3",
    source_code=SourceCode(source_dir=str(folder / "code"), entry_script="train.py", requirements="requirements.txt"),
    compute=Compute(instance_type="ml.m5.large", instance_count=1), base_job_name="three", role=get_execution_role(session),
    hyperparameters={"fit-intercept": True, "depth": 3}, sagemaker_session=session,
)
trainer.train(input_data_config=[InputData(channel_name="train", data_source=str(folder / "rows.csv"))], wait=True, logs=True)
job = trainer._latest_training_job
job.refresh()
described = boto3.client("sagemaker").describe_training_job(TrainingJobName=job.training_job_name)
print(json.dumps({
    "status": job.training_job_status, "model": job.model_artifacts.s3_model_artifacts, "name": job.training_job_name,
    "entrypoint": described["AlgorithmSpecification"]["ContainerEntrypoint"],
}))
"""

RESOURCES = """
import io, json, pathlib, sys, tarfile
import boto3
from sagemaker.core.helper.session_helper import Session, get_execution_role
from sagemaker.core.resources import Endpoint, EndpointConfig, Model, TrainingJob
from sagemaker.core.shapes import (
    AlgorithmSpecification, ContainerDefinition, OutputDataConfig, ProductionVariant, ResourceConfig, StoppingCondition,
)

session = Session()
role, bucket = get_execution_role(session), session.default_bucket()
image = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"

def archive(key, **files):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name.replace("__", "."))
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=buffer.getvalue())
    return f"s3://{bucket}/{key}"

source = archive("core/source.tar.gz", train__py="import os; open(os.environ['SM_MODEL_DIR'] + '/sum', 'w').write('100')")
job = TrainingJob.create(
    training_job_name="core", role_arn=role,
    hyper_parameters={"sagemaker_program": "train.py", "sagemaker_submit_directory": source},
    algorithm_specification=AlgorithmSpecification(training_image=image, training_input_mode="File"),
    output_data_config=OutputDataConfig(s3_output_path=f"s3://{bucket}/core"),
    resource_config=ResourceConfig(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=1),
    stopping_condition=StoppingCondition(max_runtime_in_seconds=120),
)
job.wait(poll=1)
again = TrainingJob.get(training_job_name="core")
listed = [each.training_job_name for each in TrainingJob.get_all(name_contains="core")]
program = "def model_fn(d): return 100\\ndef predict_fn(x, m): return x.sum(axis=1) + m\\n"
serving = archive("core/serving.tar.gz", inference__py=program)
model = Model.create(
    model_name="core", execution_role_arn=role,
    primary_container=ContainerDefinition(
        image=image, model_data_url=again.model_artifacts.s3_model_artifacts,
        environment={"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": serving},
    ),
)
variant = ProductionVariant(variant_name="V", model_name="core", initial_instance_count=1, instance_type="ml.m5.large")
EndpointConfig.create(endpoint_config_name="core", production_variants=[variant])
endpoint = Endpoint.create(endpoint_name="core", endpoint_config_name="core")
endpoint.wait_for_status("InService", poll=1)
answer = endpoint.invoke(body=b"1,2\\n3,4\\n", content_type="text/csv", accept="application/json")
body = answer.body.read()
endpoint.delete()
endpoint.wait_for_delete(poll=1)
model.delete()
left = len(list(Model.get_all()))
print(json.dumps({"status": again.training_job_status, "listed": listed, "answer": json.loads(body), "left": left}))
"""
