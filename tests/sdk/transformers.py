"""Programs of batch transform that an unmodified SageMaker SDK 2.x runs; each prints a line of JSON at its end."""

from __future__ import annotations

_FIT = """
import json, pathlib, sys
import boto3, numpy as np, sagemaker
from sagemaker.transformer import Transformer

folder = pathlib.Path(sys.argv[1])
values = np.random.default_rng(7).random((60, 3))
np.savetxt(folder / "rows.csv", np.c_[values.sum(axis=1), values], delimiter=",")
np.savetxt(folder / "new.csv", values[:5], delimiter=",")
session, role = sagemaker.Session(), sagemaker.get_execution_role()
machine = {"instance_type": "ml.m5.large", "instance_count": 1}
rows = session.upload_data(str(folder / "rows.csv"), key_prefix="rows")
new = session.upload_data(str(folder / "new.csv"), key_prefix="new")

def answers(transformer, name="new.csv.out"):
    uri = transformer.output_path.rstrip("/") + "/" + name
    text = sagemaker.s3.S3Downloader.read_file(uri, sagemaker_session=session)
    return [[float(cell) for cell in line.split(",")] for line in text.split()]
"""

SKLEARN = (
    _FIT
    + """
from sagemaker.sklearn import SKLearn, SKLearnModel

(folder / "code").mkdir()
(folder / "code/train.py").write_text('''
import joblib, os, time
import numpy as np
from sklearn.linear_model import LinearRegression

def model_fn(folder):
    return joblib.load(os.path.join(folder, "model.joblib"))

def predict_fn(rows, model):
    time.sleep(float(os.environ.get("PAUSE", 0)))
    return model.predict(rows)

if __name__ == "__main__":
    rows = np.loadtxt(os.path.join(os.environ["SM_CHANNEL_TRAIN"], "rows.csv"), delimiter=",")
    joblib.dump(LinearRegression().fit(rows[:, 1:], rows[:, 0]), os.path.join(os.environ["SM_MODEL_DIR"], "model.joblib"))
''')
code = {"entry_point": "train.py", "source_dir": str(folder / "code"), "framework_version": "1.2-1", "role": role}
estimator = SKLearn(**code, **machine, sagemaker_session=session)
estimator.fit({"train": rows}, logs=False)

transformer = estimator.transformer(1, "ml.m5.large", strategy="MultiRecord", assemble_with="Line", accept="text/csv")
transformer.transform(new, content_type="text/csv", split_type="Line", join_source="Input", wait=True, logs=True)
attached = Transformer.attach(transformer.latest_transform_job.name, sagemaker_session=session)

model = SKLearnModel(estimator.model_data, sagemaker_session=session, **code)
own = model.transformer(1, "ml.m5.large", accept="text/csv", env={"PAUSE": "0.01"}, max_concurrent_transforms=2, max_payload=1)
own.transform(new, content_type="text/csv", split_type="Line", input_filter="$[0:]", output_filter="$[0]", logs=False)

slow = model.transformer(1, "ml.m5.large", accept="text/csv", env={"PAUSE": "5"}, strategy="SingleRecord")
slow.transform(new, content_type="text/csv", split_type="Line", wait=False)
slow.stop_transform_job(wait=True)
stopped = session.sagemaker_client.describe_transform_job(TransformJobName=slow.latest_transform_job.name)
print()  # the follower of a log leaves its line open
print(json.dumps({
    "sums": values[:5].sum(axis=1).tolist(), "joined": answers(transformer), "own": answers(own),
    "attached": [attached.model_name == transformer.model_name, attached.strategy, attached.assemble_with, attached.accept],
    "stopped": stopped["TransformJobStatus"],
}))
"""
)

XGBOOST = (
    _FIT
    + """
from sagemaker import image_uris
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput

image = image_uris.retrieve("xgboost", session.boto_region_name, "1.7-1")
estimator = Estimator(image, role, sagemaker_session=session, **machine)
estimator.set_hyperparameters(num_round=30, eta=0.5)
estimator.fit({"train": TrainingInput(rows, content_type="text/csv")}, logs=False)
transformer = estimator.transformer(1, "ml.m5.large", strategy="MultiRecord", assemble_with="Line", accept="text/csv")
transformer.transform(
    new, content_type="text/csv", split_type="Line", join_source="Input", output_filter="$[0,-1]", logs=False
)
print()  # the follower of a log leaves its line open
print(json.dumps({"sums": values[:5].sum(axis=1).tolist(), "first": values[:5, 0].tolist(), "joined": answers(transformer)}))
"""
)
