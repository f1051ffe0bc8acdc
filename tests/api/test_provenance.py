"""What jobs and endpoints leave by themselves, by boto3: components in their trials, metrics, and lineage from data to endpoint."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests import jobs, processing
from tests.conftest import Studio
from tests.refusals import refused

Boto = Callable[..., Any]

PREFIX = "arn:aws:sagemaker:us-east-1:000000000000"
FIT = "import os\nfor n in range(3): print(f'loss={n}.5')\nopen(os.environ['SM_MODEL_DIR'] + '/m', 'w').write('m')\n"
DEFINITIONS = [{"Name": "loss", "Regex": "loss=([0-9.]+)"}, {"Name": "never", "Regex": "never=([0-9.]+)"}]
FILES = """
import json, os, time
with open(os.environ["SAGEMAKER_METRICS_DIRECTORY"] + f"/{os.getpid()}.json", "a") as file:
    for step in range(4):
        file.write(json.dumps({"MetricName": "dose", "Value": step, "Timestamp": time.time(), "IterationNumber": step}) + "\\n")
"""
SERVE = "def model_fn(d): return None\ndef predict_fn(x, m): return x.sum(axis=1)\n"


def fit(s3: Any, name: str, script: str = FIT, **given: Any) -> dict[str, Any]:
    request = jobs.training(s3, name, script, hyperparameters={"rate": "0.1", "kind": "tree"}, **given)
    request["AlgorithmSpecification"] = {**request["AlgorithmSpecification"], "MetricDefinitions": DEFINITIONS}
    return request


def components(sagemaker: Any, *filters: tuple[str, str, str]) -> list[dict[str, Any]]:
    asked = [{"Name": name, "Operator": operator, "Value": value} for name, operator, value in filters]
    answer = sagemaker.search(Resource="ExperimentTrialComponent", SearchExpression={"Filters": asked})
    return [each["TrialComponent"] for each in answer["Results"]]


def test_a_job_of_an_experiment_or_a_trial_that_is_not_there_is_refused(s3: Any, sagemaker: Any) -> None:
    def create(**config: str) -> tuple[str, str]:
        return refused(sagemaker.create_training_job, **fit(s3, "lost", ExperimentConfig=config))

    code, message = create(ExperimentName="nowhere")
    assert (code, message) == ("ResourceNotFound", f"Experiment '{PREFIX}:experiment/nowhere' does not exist.")
    code, message = create(TrialName="nothing")
    assert (code, message) == ("ResourceNotFound", f"Trial '{PREFIX}:experiment-trial/nothing' does not exist.")
    for name in ("ward", "clinic"):
        sagemaker.create_experiment(ExperimentName=name)
    sagemaker.create_trial(TrialName="ward-1", ExperimentName="ward")
    code, message = create(ExperimentName="clinic", TrialName="ward-1")
    assert (code, "belongs to the experiment ward" in message) == ("ValidationException", True)


@pytest.mark.slow
def test_a_job_without_an_experiment_leaves_a_component_with_all_that_it_was(s3: Any, sagemaker: Any) -> None:
    sagemaker.create_training_job(**fit(s3, "Alone"))
    job = jobs.ended(sagemaker, "Alone")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    (short,) = sagemaker.list_trial_components(SourceArn=job["TrainingJobArn"])["TrialComponentSummaries"]
    assert short["TrialComponentSource"] == {"SourceArn": job["TrainingJobArn"], "SourceType": "SageMakerTrainingJob"}
    told = sagemaker.describe_trial_component(TrialComponentName="Alone-aws-training-job")
    assert (told["StartTime"], told["EndTime"]) == (job["TrainingStartTime"], job["TrainingEndTime"])
    assert told["Status"]["PrimaryStatus"] == "Completed"
    assert told["Parameters"]["rate"] == {"NumberValue": 0.1}
    assert told["Parameters"]["SageMaker.ImageUri"] == {"StringValue": jobs.IMAGE}
    assert told["InputArtifacts"]["train"]["Value"] == "s3://jobs/in/"
    model = job["ModelArtifacts"]["S3ModelArtifacts"]
    assert told["OutputArtifacts"]["SageMaker.ModelArtifact"]["Value"] == model
    (metric,) = told["Metrics"]
    assert {key: metric[key] for key in ("MetricName", "Count", "Min", "Max", "Avg", "Last", "SourceArn")} == {
        "MetricName": "loss", "Count": 3, "Min": 0.5, "Max": 2.5, "Avg": 1.5, "Last": 2.5,
        "SourceArn": job["TrainingJobArn"],
    }  # fmt: skip
    (found,) = components(sagemaker, ("Source.SourceArn", "Equals", job["TrainingJobArn"]))
    assert found["Parents"] == []
    assert found["SourceDetail"]["TrainingJob"]["ModelArtifacts"]["S3ModelArtifacts"] == model
    within = "SourceDetail.TrainingJob"
    (same,) = components(
        sagemaker,
        (f"{within}.TrainingJobName", "Equals", "Alone"),
        (f"{within}.HyperParameters.rate", "LessThan", "0.2"),
    )
    assert same == found
    assert components(sagemaker, (f"{within}.TrainingJobName", "Equals", "Other")) == []


@pytest.mark.slow
def test_a_jobs_component_belongs_to_its_trial_or_to_a_new_one(s3: Any, sagemaker: Any) -> None:
    sagemaker.create_experiment(ExperimentName="Fever")
    sagemaker.create_trial(TrialName="Fever-1", ExperimentName="Fever")
    given = {"TrialName": "fever-1", "TrialComponentDisplayName": "First", "RunName": "fever-run"}
    sagemaker.create_training_job(**fit(s3, "given", ExperimentConfig=given))
    sagemaker.create_training_job(**fit(s3, "new", ExperimentConfig={"ExperimentName": "fever"}))
    assert jobs.ended(sagemaker, "given")["ExperimentConfig"] == given
    jobs.ended(sagemaker, "new")
    found = {
        each["TrialComponentName"]: each
        for each in components(sagemaker, ("Parents.ExperimentName", "Equals", "Fever"))
    }
    assert sorted(found) == ["given-aws-training-job", "new-aws-training-job"]
    first = found["given-aws-training-job"]
    assert (first["DisplayName"], first["RunName"]) == ("First", "fever-run")
    assert first["Parents"] == [{"TrialName": "Fever-1", "ExperimentName": "Fever"}]
    trials = sagemaker.list_trials(ExperimentName="fever")["TrialSummaries"]
    assert len(trials) == 2
    assert found["new-aws-training-job"]["Parents"][0]["TrialName"] in {each["TrialName"] for each in trials} - {
        "Fever-1"
    }


@pytest.mark.slow
def test_metrics_that_a_script_wrote_to_files_are_the_components(s3: Any, sagemaker: Any, boto: Boto) -> None:
    sagemaker.create_training_job(**jobs.training(s3, "files", FILES))
    assert jobs.ended(sagemaker, "files")["TrainingJobStatus"] == "Completed"
    told = sagemaker.describe_trial_component(TrialComponentName="files-aws-training-job")
    (dose,) = told["Metrics"]
    assert (dose["MetricName"], dose["Count"], dose["Max"], dose["Last"]) == ("dose", 4, 3.0, 3.0)
    asked = {"MetricName": "dose", "ResourceArn": told["TrialComponentArn"], "MetricStat": "Last"}
    asked |= {"Period": "IterationNumber", "XAxisType": "IterationNumber"}
    (answer,) = boto("sagemaker-metrics").batch_get_metrics(MetricQueries=[asked])["MetricQueryResults"]
    assert (answer["XAxisValues"], answer["MetricValues"]) == ([0, 1, 2, 3], [0.0, 1.0, 2.0, 3.0])


@pytest.mark.slow
def test_failed_and_stopped_jobs_say_so_and_why(s3: Any, sagemaker: Any, boto: Boto) -> None:
    sagemaker.create_training_job(**jobs.training(s3, "broken", "raise SystemExit('no such patient')"))
    jobs.ended(sagemaker, "broken")
    status = sagemaker.describe_trial_component(TrialComponentName="broken-aws-training-job")["Status"]
    assert status["PrimaryStatus"] == "Failed"
    assert status["Message"].startswith("Status: Failed, failure reason: AlgorithmError: ")
    sagemaker.create_training_job(**jobs.training(s3, "halted", "import time; print('on', flush=True); time.sleep(60)"))
    jobs.wait_for_line(boto("logs"), "halted", "on")
    told = sagemaker.describe_trial_component(TrialComponentName="halted-aws-training-job")
    assert (told["Status"]["PrimaryStatus"], "EndTime" in told) == ("InProgress", False)
    sagemaker.stop_training_job(TrainingJobName="halted")
    jobs.ended(sagemaker, "halted")
    told = sagemaker.describe_trial_component(TrialComponentName="halted-aws-training-job")
    assert (told["Status"]["PrimaryStatus"], "EndTime" in told) == ("Stopped", True)


@pytest.mark.slow
def test_what_a_processing_job_made_leads_on_to_the_training_job_that_read_it(s3: Any, sagemaker: Any) -> None:
    sagemaker.create_experiment(ExperimentName="chain")
    sagemaker.create_trial(TrialName="chain-1", ExperimentName="chain")
    config = {"ExperimentName": "chain", "TrialName": "chain-1"}
    script = "import shutil; shutil.copy('/opt/ml/processing/input/a.csv', '/opt/ml/processing/output')"
    request = processing.request(
        s3,
        "prepare",
        script,
        inputs=[processing.s3_input("raw", "s3://jobs/in/", "/opt/ml/processing/input")],
        outputs=[processing.output("clean", "s3://jobs/clean/", "/opt/ml/processing/output")],
        ExperimentConfig=config,
    )
    sagemaker.create_processing_job(**request)
    job = processing.ended(sagemaker, "prepare")
    assert job["ProcessingJobStatus"] == "Completed", job.get("FailureReason")
    training = fit(s3, "trained", ExperimentConfig=config)
    training["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"] = "s3://jobs/clean/"
    sagemaker.create_training_job(**training)
    assert jobs.ended(sagemaker, "trained")["TrainingJobStatus"] == "Completed"
    found = {
        each["TrialComponentName"]: each for each in components(sagemaker, ("Parents.TrialName", "Equals", "chain-1"))
    }
    assert sorted(found) == ["prepare-aws-processing-job", "trained-aws-training-job"]
    prepared = found["prepare-aws-processing-job"]
    assert prepared["Source"]["SourceType"] == "SageMakerProcessingJob"
    assert prepared["OutputArtifacts"]["clean"]["Value"] == "s3://jobs/clean/"
    assert (prepared["StartTime"], prepared["EndTime"]) == (job["ProcessingStartTime"], job["ProcessingEndTime"])
    assert prepared["SourceDetail"]["ProcessingJob"]["ProcessingJobName"] == "prepare"
    (raw,) = sagemaker.list_artifacts(SourceUri="s3://jobs/in/", ArtifactType="DataSet")["ArtifactSummaries"]
    walk = sagemaker.query_lineage(StartArns=[raw["ArtifactArn"]], Direction="Descendants", IncludeEdges=False)
    told = {vertex["Arn"] for vertex in walk["Vertices"]}
    assert {each["TrialComponentArn"] for each in found.values()} <= told


@pytest.mark.slow
def test_lineage_leads_from_the_data_over_job_and_model_to_the_endpoint(s3: Any, sagemaker: Any) -> None:
    sagemaker.create_training_job(
        **jobs.training(s3, "origin", jobs.archive({"train.py": FIT, "code/inference.py": SERVE}))
    )
    job = jobs.ended(sagemaker, "origin")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    model = job["ModelArtifacts"]["S3ModelArtifacts"]
    s3.put_object(Bucket="jobs", Key="code/serve.tar.gz", Body=jobs.archive({"serve.py": SERVE}))
    variables = {"SAGEMAKER_PROGRAM": "serve.py", "SAGEMAKER_SUBMIT_DIRECTORY": "s3://jobs/code/serve.tar.gz"}
    container = {"Image": jobs.IMAGE, "ModelDataUrl": model, "Environment": variables}
    sagemaker.create_model(ModelName="origin", PrimaryContainer=container, ExecutionRoleArn=jobs.ROLE)
    variant = {"VariantName": "all", "ModelName": "origin", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    sagemaker.create_endpoint_config(EndpointConfigName="origin", ProductionVariants=[variant])
    arn = sagemaker.create_endpoint(EndpointName="Origin", EndpointConfigName="origin")["EndpointArn"]
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="Origin")
    (data,) = sagemaker.list_artifacts(SourceUri="s3://jobs/in/")["ArtifactSummaries"]
    (place,) = sagemaker.list_contexts(SourceUri=arn)["ContextSummaries"]
    down = sagemaker.query_lineage(
        StartArns=[data["ArtifactArn"]], Direction="Descendants", Filters={"Types": ["Endpoint"]}, IncludeEdges=False
    )
    assert down["Vertices"] == [{"Arn": place["ContextArn"], "Type": "Endpoint", "LineageType": "Context"}]
    up = sagemaker.query_lineage(StartArns=[place["ContextArn"]], Direction="Ascendants", IncludeEdges=True)
    kinds = {vertex["Type"] for vertex in up["Vertices"]}
    assert kinds == {"Endpoint", "ModelDeployment", "Model", "Image", "TrainingJob", "DataSet"}
    types = {edge["AssociationType"] for edge in up["Edges"]}
    assert types == {"AssociatedWith", "ContributedTo", "Produced"}
    asked = {"DestinationArn": sagemaker.list_artifacts(SourceUri=model)["ArtifactSummaries"][0]["ArtifactArn"]}
    (made,) = sagemaker.list_associations(**asked, SourceType="SageMakerTrainingJob")["AssociationSummaries"]
    assert made["SourceName"] == "origin-aws-training-job"
    sagemaker.delete_endpoint(EndpointName="Origin")


@pytest.mark.slow
@pytest.mark.parametrize("delay", [0.0, 0.1, 0.3, 0.6, 0.9, 1.2])
def test_a_component_is_whole_and_single_whenever_the_server_is_killed(fresh_studio: Studio, delay: float) -> None:
    s3, sagemaker = fresh_studio.client("s3"), fresh_studio.client("sagemaker")
    jobs.prepare(s3)
    sagemaker.create_experiment(ExperimentName="fever")
    request = fit(s3, "hit", FIT + FILES, ExperimentConfig={"ExperimentName": "fever"})
    arn = sagemaker.create_training_job(**request)["TrainingJobArn"]
    time.sleep(delay)  # the crash comes at another point each time
    fresh_studio.kill()
    fresh_studio.start()
    sagemaker = fresh_studio.client("sagemaker")
    job = jobs.ended(sagemaker, "hit")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    (found,) = components(sagemaker, ("Source.SourceArn", "Equals", arn))
    assert found["Status"]["PrimaryStatus"] == "Completed"
    assert {metric["MetricName"]: metric["Count"] for metric in found["Metrics"]} == {"loss": 3, "dose": 4}
    assert len(found["Parents"]) == len(sagemaker.list_trials()["TrialSummaries"]) == 1
    edges = sagemaker.list_associations(DestinationArn=found["TrialComponentArn"])["AssociationSummaries"]
    assert sorted(edge["SourceType"] for edge in edges) == ["DataSet", "Image"]
    edges = sagemaker.list_associations(SourceArn=found["TrialComponentArn"])["AssociationSummaries"]
    assert [edge["DestinationType"] for edge in edges] == ["Model"]
