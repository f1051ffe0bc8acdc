"""Programs that an unmodified SageMaker SDK 2.x runs in its own environment; each prints a line of JSON at its end."""

from __future__ import annotations

SESSION = """
import json, sagemaker
session = sagemaker.Session()
print(json.dumps({"bucket": session.default_bucket(), "role": sagemaker.get_execution_role(), "account": session.account_id()}))
"""

SKLEARN = """
import json, os, pathlib, sys
import numpy as np, sagemaker
from sagemaker.sklearn import SKLearn

folder = pathlib.Path(sys.argv[1])
(folder / "code").mkdir()
(folder / "code/train.py").write_text('''
import argparse, joblib, os
import numpy as np
from sklearn.linear_model import LinearRegression

def model_fn(folder):
    return joblib.load(os.path.join(folder, "model.joblib"))

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--intercept", type=int)
    rows = np.loadtxt(os.path.join(os.environ["SM_CHANNEL_TRAIN"], "rows.csv"), delimiter=",")
    model = LinearRegression().fit(rows[:, 1:], rows[:, 0])
    print("score=%.4f" % model.score(rows[:, 1:], rows[:, 0]))
    joblib.dump(model, os.path.join(os.environ["SM_MODEL_DIR"], "model.joblib"))
''')
values = np.random.default_rng(7).random((100, 3))
np.savetxt(folder / "rows.csv", np.c_[values.sum(axis=1), values], delimiter=",")
session = sagemaker.Session()
estimator = SKLearn(
    "train.py", source_dir=str(folder / "code"), role=sagemaker.get_execution_role(), framework_version="1.2-1",
    instance_type="ml.m5.large", instance_count=1, sagemaker_session=session, hyperparameters={"intercept": 1},
    metric_definitions=[{"Name": "score", "Regex": "score=([0-9.]+)"}],
)
estimator.fit({"train": session.upload_data(str(folder / "rows.csv"), key_prefix="rows")}, logs=True)
predictor = estimator.deploy(1, "ml.m5.large", wait=False)
session.sagemaker_client.get_waiter("endpoint_in_service").wait(EndpointName=predictor.endpoint_name)
answer = predictor.predict(np.array([[1.0, 2.0, 3.0]]))
metrics = session.sagemaker_client.describe_training_job(TrainingJobName=estimator.latest_training_job.name)
predictor.delete_model()
predictor.delete_endpoint()
print(json.dumps({"answer": answer.tolist(), "score": metrics["FinalMetricDataList"][0]["Value"]}))
"""
