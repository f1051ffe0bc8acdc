"""Programs of experiments and lineage, for an environment with the SageMaker SDK 2.x and sagemaker-experiments, unmodified.

Each prints a line of JSON at its end.
"""

from __future__ import annotations

RUN = """
import json, pathlib, sys
from importlib.metadata import version
import sagemaker
from sagemaker.analytics import ExperimentAnalytics, TrainingJobAnalytics
from sagemaker.experiments import Run, list_runs, load_run
from sagemaker.sklearn import SKLearn

folder, session = pathlib.Path(sys.argv[1]), sagemaker.Session()
(folder / "code").mkdir()
(folder / "code/requirements.txt").write_text(f"sagemaker=={version('sagemaker')}")
(folder / "code/train.py").write_text('''
import os, pathlib
from sagemaker.experiments import load_run
from sagemaker.session import Session

with load_run(sagemaker_session=Session()) as run:
    run.log_parameter("from_job", 7)
    for step in range(12):
        run.log_metric("loss", 1 / (step + 1), step=step)
        print(f"error={step}", flush=True)
pathlib.Path(os.environ["SM_MODEL_DIR"], "model.txt").write_text("model")
''')
(folder / "rows.csv").write_text("1,2")
true, sure, said = [0, 1, 1, 0], [0.1, 0.8, 0.4, 0.3], [0, 1, 0, 0]
with Run(experiment_name="Ward", run_name="First", sagemaker_session=session) as run:
    run.log_parameters({"kind": "tree", "depth": 3})
    for step in range(25):
        run.log_metric("accuracy", step / 25, step=step)
    run.log_artifact("source", "s3://bucket/data.csv", is_output=False)
    run.log_file(str(folder / "rows.csv"), name="rows", is_output=False)
    run.log_roc_curve(true, sure, title="roc")
    run.log_precision_recall(true, sure, title="precision")
    run.log_confusion_matrix(true, said, title="matrix", is_output=False)
    with load_run(sagemaker_session=session) as same:
        same.log_parameter("again", int(same is run))
    estimator = SKLearn(
        "train.py", source_dir=str(folder / "code"), role=sagemaker.get_execution_role(), framework_version="1.2-1",
        instance_type="ml.m5.large", instance_count=1, sagemaker_session=session, hyperparameters={"rate": 0.5},
        metric_definitions=[{"Name": "error", "Regex": "error=([0-9]+)"}],
    )
    estimator.fit({"train": session.upload_data(str(folder / "rows.csv"), key_prefix="rows")}, logs=False)
with Run(experiment_name="Ward", run_name="Second", sagemaker_session=session) as other:
    other.log_metric("accuracy", 0.5)
job = estimator.latest_training_job.name
table = ExperimentAnalytics(experiment_name="ward", sagemaker_session=session).dataframe().set_index("TrialComponentName")
curve = TrainingJobAnalytics(job, metric_names=["error"], sagemaker_session=session).dataframe()
best = ExperimentAnalytics(
    experiment_name="ward", sort_by="metrics.accuracy.max", sort_order="Descending", sagemaker_session=session,
    search_expression={"Filters": [{"Name": "Metrics.accuracy.Max", "Operator": "GreaterThan", "Value": "0.6"}]},
).dataframe()
client = session.sagemaker_client
made = client.list_associations(SourceArn=client.describe_trial_component(TrialComponentName="ward-first")["TrialComponentArn"])
first = client.describe_trial_component(TrialComponentName="ward-first")
own = table.loc[f"{job}-aws-training-job"]
print(json.dumps({
    "runs": sorted(each.run_name for each in list_runs("ward", sagemaker_session=session)),
    "accuracy": [table.loc["ward-first", f"accuracy - {each}"] for each in ("Count", "Min", "Max", "Last")],
    "loss": [table.loc["ward-first", f"loss - {each}"] for each in ("Count", "Max")],
    "parameters": {key: list(value.values())[0] for key, value in first["Parameters"].items()},
    "inputs": sorted(first["InputArtifacts"]),
    "curves": sorted(each["DestinationType"] for each in made["AssociationSummaries"]),
    "own": [own["rate"], own["error - Max"], own["train - Value"].startswith("s3://"), own["Trials"], own["Experiments"]],
    "status": first["Status"],
    "curve": sorted(set(curve["metric_name"])),
    "best": list(best["TrialComponentName"]),
}))
"""

PROCESSOR = """
import json, pathlib, sys
import sagemaker
from sagemaker.experiments import Run, list_runs
from sagemaker.processing import ScriptProcessor

folder, session = pathlib.Path(sys.argv[1]), sagemaker.Session()
(folder / "step.py").write_text('''
from sagemaker.experiments import load_run
with load_run() as run:
    run.log_parameter("rows", 3)
    run.log_metric("share", 0.5)
''')
image = "000000000000.dkr.ecr.us-east-1.amazonaws.com/sagemaker-base-python:1.0"
processor = ScriptProcessor(
    image_uri=image, command=["python3"], role=sagemaker.get_execution_role(), instance_type="ml.m5.large",
    instance_count=1, sagemaker_session=session,
)
with Run(experiment_name="Steps", run_name="prepare", sagemaker_session=session) as run:
    processor.run(code=str(folder / "step.py"), logs=False)
client = session.sagemaker_client
step = client.describe_trial_component(TrialComponentName="steps-prepare")
own = client.describe_trial_component(TrialComponentName=f"{processor.latest_job.job_name}-aws-processing-job")
trials = client.list_trials(TrialComponentName=own["TrialComponentName"])["TrialSummaries"]
print()  # behind the dots of the wait
print(json.dumps({
    "rows": step["Parameters"]["rows"], "metrics": [(each["MetricName"], each["Last"]) for each in step["Metrics"]],
    "status": own["Status"]["PrimaryStatus"], "trials": [each["TrialName"] for each in trials],
    "runs": [each.run_name for each in list_runs("steps", sagemaker_session=session)],
}))
"""

TRACKER = """
import json, pathlib, sys
import sagemaker
from sagemaker.analytics import ExperimentAnalytics
from sagemaker.sklearn import SKLearn
from smexperiments.experiment import Experiment
from smexperiments.search_expression import Filter, NestedFilter, Operator, SearchExpression
from smexperiments.tracker import Tracker
from smexperiments.training_job import TrainingJob
from smexperiments.trial import Trial
from smexperiments.trial_component import TrialComponent

folder, session = pathlib.Path(sys.argv[1]), sagemaker.Session()
client = session.sagemaker_client
(folder / "code").mkdir()
(folder / "code/requirements.txt").write_text("sagemaker-experiments==0.1.45\\nsetuptools<81\\n")
(folder / "code/train.py").write_text('''
import os, pathlib
from smexperiments.tracker import Tracker

with Tracker.load() as tracker:
    tracker.log_parameter("seed", 7)
    for number in range(5):
        tracker.log_metric("dose", number, iteration_number=number)
pathlib.Path(os.environ["SM_MODEL_DIR"], "model.txt").write_text("model")
''')
(folder / "rows.csv").write_text("1,2")
experiment = Experiment.create(experiment_name="Trials", description="of a drug", tags=[{"Key": "team", "Value": "red"}])
trial = experiment.create_trial(trial_name="Trials-1")
true, sure, said = [0, 1, 1, 0], [0.1, 0.8, 0.4, 0.3], [0, 1, 0, 0]
with Tracker.create(display_name="Preparing") as tracker:
    tracker.log_parameters({"split": 0.2, "kind": "rows"})
    tracker.log_input("source", "s3://bucket/data.csv", media_type="text/csv")
    tracker.log_output("clean", "s3://bucket/clean.csv")
    tracker.log_artifact(str(folder / "rows.csv"), name="rows")
    tracker.log_table("doses", values={"x": [1, 2], "y": [3, 4]})
    tracker.log_roc_curve(true, sure, title="roc")
    tracker.log_precision_recall(true, sure, title="precision")
    tracker.log_confusion_matrix(true, said, title="matrix")
trial.add_trial_component(tracker)
estimator = SKLearn(
    "train.py", source_dir=str(folder / "code"), role=sagemaker.get_execution_role(), framework_version="1.2-1",
    instance_type="ml.m5.large", instance_count=1, sagemaker_session=session,
)
config = {"ExperimentName": "Trials", "TrialName": "Trials-1", "TrialComponentDisplayName": "Training"}
rows = session.upload_data(str(folder / "rows.csv"), key_prefix="rows")
estimator.fit({"train": rows}, experiment_config=config, logs=False)
job = estimator.latest_training_job.name
loaded = Tracker.load(training_job_name=job)
other = Trial.create(experiment_name="Trials", trial_name="Trials-2", trial_components=[loaded])
red = SearchExpression(filters=[Filter("Tags.team", Operator.EQUALS, "red")])
data = NestedFilter("InputDataConfig", [
    Filter("InputDataConfig.ChannelName", Operator.EQUALS, "train"),
    Filter("InputDataConfig.DataSource.S3DataSource.S3Uri", Operator.CONTAINS, "rows"),
])
fed = SearchExpression(nested_filters=[data])
doses = SearchExpression(filters=[Filter("Metrics.dose.Max", Operator.GREATER_THAN_OR_EQUAL, "4")])
table = ExperimentAnalytics(experiment_name="Trials", sagemaker_session=session).dataframe()
component = TrialComponent.load(f"{job}-aws-training-job")
graphs = client.list_associations(SourceArn=tracker.trial_component.trial_component_arn)["AssociationSummaries"]
found = {
    "experiments": [each.experiment_name for each in Experiment.list()],
    "red": [each.experiment_name for each in Experiment.search(search_expression=red)],
    "trials": sorted(each.trial_name for each in experiment.list_trials()),
    "names": sorted(each.display_name for each in trial.list_trial_components()),
    "of": sorted(each.trial_name for each in component.list_trials()),
    "jobs": [each.training_job_name == job for each in TrainingJob.search(search_expression=fed)],
    "doses": [each.trial_component_name == f"{job}-aws-training-job" for each in TrialComponent.search(search_expression=doses)],
    "seed": component.parameters["seed"],
    "dose": [(each.metric_name, each.count, each.max) for each in component.metrics],
    "status": component.status.primary_status,
    "source": component.source.source_type,
    "columns": sorted({"split", "kind", "seed", "dose - Max", "source - MediaType"} & set(table.columns)),
    "graphs": sorted(each["DestinationType"] for each in graphs),
}
other.remove_trial_component(component)
other.delete()
experiment.delete_all("--force")
found["left"] = len(list(Experiment.list())) + len(list(Trial.list())) + len(list(TrialComponent.list()))
print(json.dumps(found))
"""

LINEAGE = """
import json, pathlib, sys
import numpy as np
import sagemaker
from sagemaker.lineage.artifact import DatasetArtifact, ImageArtifact, ModelArtifact
from sagemaker.lineage.context import Context, EndpointContext
from sagemaker.lineage.lineage_trial_component import LineageTrialComponent
from sagemaker.lineage.query import LineageEntityEnum, LineageFilter, LineageQuery, LineageQueryDirectionEnum, LineageSourceEnum
from sagemaker.lineage.visualizer import LineageTableVisualizer
from sagemaker.sklearn import SKLearn

folder, session = pathlib.Path(sys.argv[1]), sagemaker.Session()
(folder / "code").mkdir()
(folder / "code/train.py").write_text('''
import os, pathlib
def model_fn(folder): return None
def predict_fn(rows, model): return rows.sum(axis=1)
if __name__ == "__main__":
    pathlib.Path(os.environ["SM_MODEL_DIR"], "model.txt").write_text("model")
''')
(folder / "rows.csv").write_text("1,2")
rows = session.upload_data(str(folder / "rows.csv"), key_prefix="rows")
estimator = SKLearn(
    "train.py", source_dir=str(folder / "code"), role=sagemaker.get_execution_role(), framework_version="1.2-1",
    instance_type="ml.m5.large", instance_count=1, sagemaker_session=session,
)
estimator.fit({"train": rows}, logs=False)
job = estimator.latest_training_job.name
predictor = estimator.deploy(1, "ml.m5.large", wait=False)
client = session.sagemaker_client
client.get_waiter("endpoint_in_service").wait(EndpointName=predictor.endpoint_name)
arn = client.describe_endpoint(EndpointName=predictor.endpoint_name)["EndpointArn"]
show = LineageTableVisualizer(session).show
table, ends = show(training_job_name=job), show(endpoint_arn=arn)
place = EndpointContext.load(client.list_contexts(SourceUri=arn)["ContextSummaries"][0]["ContextName"], sagemaker_session=session)
up, down = LineageQueryDirectionEnum.ASCENDANTS, LineageQueryDirectionEnum.DESCENDANTS
data = place.dataset_artifacts(direction=up)[0]
dataset = DatasetArtifact.load(data.artifact_arn, sagemaker_session=session)
uri = client.describe_training_job(TrainingJobName=job)["ModelArtifacts"]["S3ModelArtifacts"]
model = ModelArtifact.load(client.list_artifacts(SourceUri=uri)["ArtifactSummaries"][0]["ArtifactArn"], sagemaker_session=session)
component = client.describe_trial_component(TrialComponentName=f"{job}-aws-training-job")["TrialComponentArn"]
origin = model.dataset_artifacts(direction=up)[0]
walk = LineageQuery(session).query(start_arns=[data.artifact_arn], direction=down, include_edges=True)
walk.visualize(path=str(folder / "graph.html"))
print(json.dumps({
    "table": sorted([row["Direction"], row["Type"], row["Association Type"], row["Lineage Type"]] for _, row in table.iterrows()),
    "ends": [[row["Direction"], row["Type"], row["Association Type"]] for _, row in ends.iterrows()],
    "data": data.source.source_uri == rows,
    "places": [each.context_arn == place.context_arn for each in dataset.endpoint_contexts()],
    "jobs": [each.endswith(f"training-job/{job}") for each in place.training_job_arns()],
    "model": [model.training_job_arns(direction=up)[0].endswith(job), origin.source.source_uri == rows],
    "of model": [each.context_arn == place.context_arn for each in model.endpoint_contexts()],
    "deployments": [each.action_type for each in place.actions(direction=up)],
    "graph": (folder / "graph.html").stat().st_size > 1000,
    "walk": sorted(str(each.lineage_source) for each in walk.vertices),
}))
predictor.delete_endpoint()
"""
