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

XGBOOST = """
import json, pathlib, sys
import numpy as np, sagemaker
from sagemaker import image_uris
from sagemaker.deserializers import JSONDeserializer
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.serializers import CSVSerializer
from sagemaker.xgboost import XGBoost

folder = pathlib.Path(sys.argv[1])
(folder / "code").mkdir()
(folder / "code/train.py").write_text('''
import argparse, os
import numpy as np, xgboost

def model_fn(folder):
    booster = xgboost.Booster()
    booster.load_model(os.path.join(folder, "own.json"))
    return booster

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int)
    rows = np.loadtxt(os.path.join(os.environ["SM_CHANNEL_TRAIN"], "rows.csv"), delimiter=",")
    data = xgboost.DMatrix(rows[:, 1:], label=rows[:, 0])
    model = xgboost.train({"eta": 0.5}, data, parser.parse_args().rounds, evals=[(data, "train")])
    model.save_model(os.path.join(os.environ["SM_MODEL_DIR"], "own.json"))
''')
values = np.random.default_rng(7).random((200, 3))
np.savetxt(folder / "rows.csv", np.c_[values.sum(axis=1), values], delimiter=",")
session, role = sagemaker.Session(), sagemaker.get_execution_role()
machine = {"instance_type": "ml.m5.large", "instance_count": 1}
rows = session.upload_data(str(folder / "rows.csv"), key_prefix="boost")

script = XGBoost(
    "train.py", source_dir=str(folder / "code"), role=role, framework_version="1.7-1", sagemaker_session=session,
    hyperparameters={"rounds": 30}, **machine,
    metric_definitions=[{"Name": "train:rmse", "Regex": r".*\\[[0-9]+\\].*#011train-rmse:(\\S+)"}],  # as AWS's guide has it
)
script.fit({"train": rows})
serving = session.sagemaker_client.get_waiter("endpoint_in_service")
by_script = script.deploy(1, "ml.m5.large", wait=False)
serving.wait(EndpointName=by_script.endpoint_name)
own = by_script.predict("0 0:0.5 1:0.5 2:0.5\\n0 0:0.1 1:0.1 2:0.1")
by_script.delete_endpoint()

image = image_uris.retrieve("xgboost", session.boto_region_name, "1.7-1")
built_in = Estimator(image, role, sagemaker_session=session, **machine)
built_in.set_hyperparameters(num_round=30, eta=0.5)
channel = TrainingInput(rows, content_type="text/csv")
built_in.fit({"train": channel, "validation": channel})
forms = {"serializer": CSVSerializer(), "deserializer": JSONDeserializer()}
predictor = built_in.deploy(1, "ml.m5.large", wait=False, **forms)
serving.wait(EndpointName=predictor.endpoint_name)
scores = predictor.predict([[0.5, 0.5, 0.5], [0.1, 0.1, 0.1]])
predictor.delete_endpoint()
table = built_in.training_job_analytics.dataframe()
print(json.dumps({
    "own": [float(cell) for row in own for cell in row], "scores": [each["score"] for each in scores["predictions"]],
    "metrics": sorted(set(table["metric_name"])),
    "of_script": sorted(set(script.training_job_analytics.dataframe()["metric_name"])),
}))
"""

PYTORCH = """
import json, pathlib, sys
import numpy as np, sagemaker
from sagemaker.pytorch import PyTorch

folder = pathlib.Path(sys.argv[1])
(folder / "code").mkdir()
(folder / "code/requirements.txt").write_text("torch\\n")
(folder / "code/train.py").write_text('''
import argparse, os
import numpy as np
import torch

def net():
    return torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1))

def model_fn(folder):
    model = net()
    model.load_state_dict(torch.load(os.path.join(folder, "model.pth"), weights_only=True))
    return model

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int)
    torch.manual_seed(0)
    rows = torch.from_numpy(np.load(os.path.join(os.environ["SM_CHANNEL_TRAIN"], "rows.npy")))
    model, loss = net(), torch.nn.MSELoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for epoch in range(parser.parse_args().epochs):
        optimizer.zero_grad()
        value = loss(model(rows[:, 1:]), rows[:, :1])
        value.backward()
        optimizer.step()
    print("loss=%.5f gpus=%s cuda=%s" % (value, os.environ["SM_NUM_GPUS"], torch.cuda.device_count()))
    torch.save(model.state_dict(), os.path.join(os.environ["SM_MODEL_DIR"], "model.pth"))
''')
values = np.random.default_rng(7).random((200, 3), dtype=np.float32)
np.save(folder / "rows.npy", np.c_[values.sum(axis=1), values])
session = sagemaker.Session()
estimator = PyTorch(
    "train.py", source_dir=str(folder / "code"), role=sagemaker.get_execution_role(), framework_version="2.5", py_version="py311",
    instance_type="ml.m5.large", instance_count=1, sagemaker_session=session, hyperparameters={"epochs": 400},
    metric_definitions=[{"Name": "loss", "Regex": "loss=([0-9.]+)"}],
)
estimator.fit({"train": session.upload_data(str(folder / "rows.npy"), key_prefix="torch")})
predictor = estimator.deploy(1, "ml.m5.large", wait=False)
session.sagemaker_client.get_waiter("endpoint_in_service").wait(EndpointName=predictor.endpoint_name)
answer = predictor.predict(np.array([[0.5, 0.5, 0.5], [0.1, 0.1, 0.1]], dtype=np.float32))
predictor.delete_model()
predictor.delete_endpoint()
table = estimator.training_job_analytics.dataframe()
print(json.dumps({"answer": answer.ravel().tolist(), "type": str(answer.dtype), "metrics": list(table["metric_name"])}))
"""

REMOTE = """
import json, os, pathlib, sys
import pandas as pd, sagemaker
from sagemaker.remote_function import CustomFileFilter, RemoteExecutor, remote

folder = pathlib.Path(sys.argv[1])
(folder / "work").mkdir()
(folder / "work/requirements.txt").write_text("six\\n")
(folder / "work/helper.py").write_text("WHERE = 'from the workspace'\\n")
os.chdir(folder / "work")
sys.path.insert(0, ".")
settings = {
    "image_uri": "236514542706.dkr.ecr.us-east-1.amazonaws.com/sagemaker-base-python-310:1.0", "instance_type": "ml.m5.large",
    "role": sagemaker.get_execution_role(),
}

@remote(**settings, dependencies="requirements.txt", include_local_workdir=True)
def add(numbers, table):
    import helper, six
    print("adding up")
    return {"sum": sum(numbers), "table": (table["dose"] * six.moves.range(4)[3]).tolist(), "helper": helper.WHERE}

@remote(**settings)
def fail():
    raise ValueError("no dose")

found = add([1, 2, 3, 4], pd.DataFrame({"dose": [1, 2]}))
try:
    fail()
except ValueError as error:
    found["error"] = f"ValueError: {error}"
with RemoteExecutor(max_parallel_jobs=3, **settings) as executor:
    found["many"] = [future.result() for future in [executor.submit(lambda n: n * n, n) for n in range(3)]]
print(json.dumps(found))
"""

EXPERIMENTS = """
import json, pathlib, sys
import sagemaker
from sagemaker.analytics import ExperimentAnalytics
from sagemaker.experiments import Run, list_runs, load_run
from sagemaker.experiments.experiment import Experiment
from sagemaker.lineage.artifact import Artifact
from sagemaker.lineage.association import Association
from sagemaker.lineage.context import Context
from sagemaker.lineage.query import LineageFilter, LineageQuery, LineageQueryDirectionEnum

folder, session = pathlib.Path(sys.argv[1]), sagemaker.Session()
(folder / "notes.txt").write_text("dose")
for number in range(3):
    with Run(experiment_name="Fever", run_name=f"run-{number}", sagemaker_session=session) as run:
        run.log_parameter("rate", number / 10)
        run.log_parameters({"kind": "tree", "depth": number})
        run.log_artifact("data", "s3://bucket/data.csv", is_output=False)
        run.log_file(str(folder / "notes.txt"), name="notes", is_output=True)
with load_run(experiment_name="Fever", run_name="run-1", sagemaker_session=session) as run:
    run.log_parameter("later", "yes")
try:
    with Run(experiment_name="Fever", run_name="run-2", sagemaker_session=session):
        raise ValueError("no such patient")
except ValueError:
    pass
status = session.sagemaker_client.describe_trial_component(TrialComponentName="fever-run-2")["Status"]
runs = list_runs("Fever", sagemaker_session=session)
table = ExperimentAnalytics(experiment_name="fever", sagemaker_session=session).dataframe().sort_values("TrialComponentName")
source = Artifact.create(source_uri="s3://bucket/data.csv", artifact_type="DataSet", sagemaker_session=session)
model = Artifact.create(source_uri="s3://bucket/model", artifact_type="Model", sagemaker_session=session)
end = Context.create(context_name="end", source_uri="s3://bucket/end", context_type="Endpoint", sagemaker_session=session)
Association.create(source.artifact_arn, model.artifact_arn, association_type="ContributedTo", sagemaker_session=session)
Association.create(model.artifact_arn, end.context_arn, sagemaker_session=session)
found = LineageQuery(session).query(
    start_arns=[end.context_arn], direction=LineageQueryDirectionEnum.ASCENDANTS, query_filter=LineageFilter(sources=["DataSet"])
)
model.delete(disassociate=True)
listed = [each.artifact_arn for each in Artifact.list(source_uri="s3://bucket/data.csv", sagemaker_session=session)]
experiment = Experiment.load("fever", sagemaker_session=session)
experiment._delete_all(action="--force")
print(json.dumps({
    "runs": sorted(run.run_name for run in runs),
    "rates": list(table["rate"]), "depths": list(table["depth"]), "later": list(table["later"].dropna()),
    "notes": table["notes - Value"].str.startswith("s3://").all().item(),
    "trials": table["Trials"].iloc[0], "status": status,
    "vertices": [vertex.arn == source.artifact_arn for vertex in found.vertices if vertex.lineage_source == "DataSet"],
    "edges": len(found.edges), "listed": listed == [source.artifact_arn],
    "left": len(session.sagemaker_client.list_experiments()["ExperimentSummaries"]),
}))
"""

FEATURES = """
import json, sys
import boto3, pandas as pd, sagemaker
from sagemaker.feature_store.feature_group import FeatureGroup
from sagemaker.feature_store.feature_store import FeatureStore
from sagemaker.feature_store.inputs import FeatureParameter, Filter, Identifier, ResourceEnum

client = boto3.client("sagemaker-featurestore-runtime")
session = sagemaker.Session(sagemaker_featurestore_runtime_client=client)
table = pd.DataFrame({"patient": [f"p{n}" for n in range(50)], "age": range(50), "dose": [n / 4 for n in range(50)], "at": 1.7e9})
table["patient"] = table["patient"].astype("string")
group = FeatureGroup(name="patients", sagemaker_session=session)
group.load_feature_definitions(data_frame=table)
group.create(
    s3_uri=f"s3://{session.default_bucket()}/features", record_identifier_name="patient", event_time_feature_name="at",
    role_arn=sagemaker.get_execution_role(), enable_online_store=True,
)
group.ingest(data_frame=table, max_workers=4, wait=True)
one = {each["FeatureName"]: each["ValueAsString"] for each in group.get_record("p7")}
group.update_feature_metadata("dose", description="in mg", parameter_additions=[FeatureParameter("unit", "mg")])
store = FeatureStore(sagemaker_session=session)
many = store.batch_get_record([Identifier("patients", ["p1", "p2", "no"])])
names = [each["FeatureGroupName"] for each in store.list_feature_groups(name_contains="pat")["FeatureGroupSummaries"]]
filters = [Filter(name="FeatureName", value="dose"), Filter(name="FeatureGroupName", value="patients")]
found = store.search(resource=ResourceEnum.FEATURE_METADATA, filters=filters)["Results"][0]["FeatureMetadata"]
try:
    group.athena_query()
    refusal = ""
except RuntimeError as error:
    refusal = str(error)
group.delete_record("p7", "1800000000")
gone = group.get_record("p7")
resolved = group.describe()["OfflineStoreConfig"]["S3StorageConfig"]["ResolvedOutputS3Uri"]
ddl = group.as_hive_ddl().startswith("CREATE EXTERNAL TABLE")
group.delete()
print(json.dumps({
    "one": one, "many": len(many["Records"]), "names": names, "refusal": refusal, "gone": gone,
    "described": found["Description"], "resolved": resolved, "ddl": ddl,
}))
"""

SPOT = """
import json, os, pathlib, sys
import sagemaker
from sagemaker.estimator import Estimator
from sagemaker.sklearn import SKLearn

folder = pathlib.Path(sys.argv[1])
(folder / "code").mkdir()
(folder / "code/train.py").write_text('''
import json, os
folder = json.load(open(os.environ["SM_CHECKPOINT_CONFIG_FILE"]))["LocalPath"]
open(os.path.join(folder, "state"), "w").write("s")
''')
(folder / "code/warm.py").write_text('''
import os
print("cache", os.path.isdir(os.environ["SAGEMAKER_MANAGED_WARMPOOL_CACHE_DIRECTORY"]))
''')
session = sagemaker.Session()
shared = dict(
    source_dir=str(folder / "code"), role=sagemaker.get_execution_role(), framework_version="1.2-1",
    instance_type="ml.m5.large", instance_count=1, sagemaker_session=session,
)
uri = f"s3://{session.default_bucket()}/states"
spot = SKLearn("train.py", use_spot_instances=True, max_run=60, max_wait=120, checkpoint_s3_uri=uri, **shared)
spot.fit(logs=True)
warm = SKLearn("warm.py", keep_alive_period_in_seconds=300, max_retry_attempts=2, **shared)
warm.fit(logs=False)
described = warm.latest_training_job.describe()
pool = described["WarmPoolStatus"]["Status"]
session.update_training_job(warm.latest_training_job.name, resource_config={"KeepAlivePeriodInSeconds": 0})
print(json.dumps({
    "kept": sagemaker.s3.S3Downloader.list(uri), "pool": pool, "retries": described["RetryStrategy"],
    "attached": Estimator.attach(spot.latest_training_job.name).use_spot_instances,
}))
"""

OBJECT_DETECTION = """
import json, pathlib, sys
import sagemaker
from sagemaker import image_uris
from sagemaker.deserializers import JSONDeserializer
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.serializers import DataSerializer

folder = pathlib.Path(sys.argv[1])
session, role = sagemaker.Session(), sagemaker.get_execution_role()
names = ("train", "validation", "train_annotation", "validation_annotation")
channels = {
    name: TrainingInput(session.upload_data(str(folder / name), key_prefix=f"shapes/{name}"), content_type="image/png")
    for name in names
}
image = image_uris.retrieve("object-detection", session.boto_region_name)
given = {"instance_type": "ml.m5.large", "instance_count": 1, "sagemaker_session": session}
values = {
    "base_network": "small", "num_classes": 2, "num_training_samples": 24, "epochs": 2, "mini_batch_size": 8,
    "optimizer": "adam", "learning_rate": 0.003, "use_pretrained_model": 0, "early_stopping": True,
}
first = Estimator(image, role, **given)
first.set_hyperparameters(**values)
first.fit(channels)
again = Estimator(image, role, model_uri=first.model_data, **given)
again.set_hyperparameters(**values)
again.fit(channels)
forms = {"serializer": DataSerializer("image/png"), "deserializer": JSONDeserializer()}
predictor = again.deploy(1, "ml.m5.large", wait=False, **forms)
session.sagemaker_client.get_waiter("endpoint_in_service").wait(EndpointName=predictor.endpoint_name)
found = predictor.predict(next((folder / "validation").iterdir()).read_bytes())
predictor.delete_endpoint()
table = again.training_job_analytics.dataframe()
print(json.dumps({"image": image, "found": found, "metrics": sorted(set(table["metric_name"]))}))
"""
