"""Images of one's own by boto3: jobs and endpoints in containers, and what is told where nothing can run them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests import containers, jobs
from tests.conftest import Studio, clean_environment


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """A server that may run containers, as this machine can."""
    folder = tmp_path_factory.mktemp("studio")
    found = containers.ready(folder)
    if isinstance(found, str):
        pytest.skip(found)
    environment = {**clean_environment(folder / "cache"), "CLARY_CONTAINERS": found.name}
    studio = Studio(folder / "data", folder / "cache", environment)
    studio.start()
    yield studio
    studio.stop()
    os.environ.pop("CONTAINERS_CONF", None)


def request(s3: Any, name: str, **given: Any) -> dict[str, Any]:
    algorithm = {"TrainingImage": containers.IMAGE, "TrainingInputMode": "File", **given.pop("algorithm", {})}
    made = jobs.training(s3, name, "", AlgorithmSpecification=algorithm, **given)
    made["HyperParameters"] = {
        key: value for key, value in made["HyperParameters"].items() if not key.startswith("sagemaker_")
    }
    return made


@pytest.mark.slow
def test_a_job_runs_the_train_program_of_its_image_and_an_endpoint_its_serve_program(s3: Any, boto: Any) -> None:
    sagemaker = boto("sagemaker")
    sagemaker.create_training_job(**request(s3, "own"))
    job = jobs.ended(sagemaker, "own")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    said = "arguments [] rows 3 job own role ClaryExecutionRole"
    assert jobs.log_lines(boto("logs"), "own") == [said]

    container = {"Image": containers.IMAGE, "ModelDataUrl": job["ModelArtifacts"]["S3ModelArtifacts"]}
    variant = {"VariantName": "V", "ModelName": "own", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    sagemaker.create_model(ModelName="own", ExecutionRoleArn=jobs.ROLE, PrimaryContainer=container)
    sagemaker.create_endpoint_config(EndpointConfigName="own", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="own", EndpointConfigName="own")
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="own")
    answer = boto("sagemaker-runtime").invoke_endpoint(EndpointName="own", Body=b"rows: ", ContentType="text/plain")
    assert answer["Body"].read() == b"rows: 3"
    sagemaker.delete_endpoint(EndpointName="own")
    sagemaker.get_waiter("endpoint_deleted").wait(EndpointName="own")


@pytest.mark.slow
def test_an_entrypoint_and_arguments_take_the_place_of_the_image_s(s3: Any, boto: Any) -> None:
    sagemaker = boto("sagemaker")
    entered = {
        "ContainerEntrypoint": ["bash", "-c"],
        "ContainerArguments": ["echo $0 $TRAINING_JOB_NAME; pwd", "first"],
    }
    sagemaker.create_training_job(**request(s3, "entered", algorithm=entered))
    assert jobs.ended(sagemaker, "entered")["TrainingJobStatus"] == "Completed"
    assert jobs.log_lines(boto("logs"), "entered") == ["first entered", "/"]
    sagemaker.create_training_job(**request(s3, "given", algorithm={"ContainerArguments": ["echo", "only these"]}))
    assert jobs.ended(sagemaker, "given")["TrainingJobStatus"] == "Completed"
    assert jobs.log_lines(boto("logs"), "given") == ["only these"]


@pytest.mark.slow
def test_what_its_program_writes_as_failure_is_the_reason(s3: Any, boto: Any) -> None:
    sagemaker = boto("sagemaker")
    sagemaker.create_training_job(**request(s3, "failing", hyperparameters={"fail": "yes"}))
    assert jobs.ended(sagemaker, "failing")["FailureReason"] == "AlgorithmError: no such dose, exit code: 3"


@pytest.mark.slow
def test_a_processing_job_reads_and_writes_where_it_says(s3: Any, boto: Any) -> None:
    sagemaker = boto("sagemaker")
    place = "/opt/ml/processing"
    moved = {"S3InputMode": "File", "S3DataType": "S3Prefix", "LocalPath": f"{place}/in", "S3Uri": "s3://jobs/in/"}
    kept = {"S3UploadMode": "EndOfJob", "LocalPath": f"{place}/out", "S3Uri": "s3://jobs/processed"}
    cluster = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
    program = f"cat {place}/in/*.csv | sort -r > {place}/out/sorted.csv"
    sagemaker.create_processing_job(
        ProcessingJobName="own",
        RoleArn=jobs.ROLE,
        AppSpecification={"ImageUri": containers.IMAGE, "ContainerEntrypoint": ["bash", "-c", program]},
        ProcessingInputs=[{"InputName": "in", "S3Input": moved}],
        ProcessingOutputConfig={"Outputs": [{"OutputName": "out", "S3Output": kept}]},
        ProcessingResources={"ClusterConfig": cluster},
    )
    sagemaker.get_waiter("processing_job_completed_or_stopped").wait(ProcessingJobName="own")
    assert s3.get_object(Bucket="jobs", Key="processed/sorted.csv")["Body"].read() == b"3,4\n1,2\n"


@pytest.mark.slow
def test_a_stopped_one_is_asked_to_end(s3: Any, boto: Any) -> None:
    sagemaker = boto("sagemaker")
    program = "trap 'echo kept > /opt/ml/model/kept; exit 0' TERM; echo begun; while :; do sleep 0.05; done"
    entered = {"ContainerEntrypoint": ["bash", "-c"], "ContainerArguments": [program]}
    sagemaker.create_training_job(**request(s3, "stopped", algorithm=entered))
    jobs.wait_for_line(boto("logs"), "stopped", "begun")
    sagemaker.stop_training_job(TrainingJobName="stopped")
    job = jobs.ended(sagemaker, "stopped")
    assert job["TrainingJobStatus"] == "Stopped"
    assert job["ModelArtifacts"]["S3ModelArtifacts"].endswith("/stopped/output/model.tar.gz")


@pytest.mark.slow
def test_one_that_cannot_be_fetched_fails_with_its_name(s3: Any, boto: Any) -> None:
    sagemaker = boto("sagemaker")
    sagemaker.create_training_job(**request(s3, "nowhere", algorithm={"TrainingImage": "localhost/nowhere:1"}))
    reason = jobs.ended(sagemaker, "nowhere")["FailureReason"]
    assert reason.startswith("ClientError: the image localhost/nowhere:1 is not on this machine and cannot be fetched")


def test_where_nothing_runs_containers_the_request_is_refused_with_the_way_out(fresh_studio: Studio) -> None:
    s3, sagemaker = fresh_studio.client("s3"), fresh_studio.client("sagemaker")
    jobs.prepare(s3)
    with pytest.raises(
        ClientError, match=r"Invalid image URI localhost/.*needs Docker or Podman: .*CLARY_CONTAINERS=auto"
    ):
        sagemaker.create_training_job(**request(s3, "own"))
    with pytest.raises(ClientError, match="needs Docker or Podman"):
        sagemaker.create_model(
            ModelName="own", ExecutionRoleArn=jobs.ROLE, PrimaryContainer={"Image": containers.IMAGE}
        )
    refused = {"TrainingImage": jobs.IMAGE, "ContainerArguments": ["--epochs", "5"]}
    with pytest.raises(ClientError, match="ContainerArguments without a ContainerEntrypoint"):
        sagemaker.create_training_job(**request(s3, "own", algorithm=refused))
