"""Autopilot by boto3: real candidates, real reports, an endpoint that takes raw rows, and mistakes told by name."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.waiter import WaiterModel, create_waiter_with_client

from tests import jobs
from tests.conftest import Studio

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

Boto = Callable[..., Any]

# boto3 has no waiter for these jobs; a client may make one, and Clary holds its Describe until something changes.
WAITER = WaiterModel(
    {
        "version": 2,
        "waiters": {
            "AutoMLJobEnded": {
                "operation": "DescribeAutoMLJob",
                "delay": 1,
                "maxAttempts": 300,
                "acceptors": [
                    {"matcher": "path", "argument": "AutoMLJobStatus", "expected": status, "state": "success"}
                    for status in ("Completed", "Failed", "Stopped")
                ],
            }
        },
    }
)


def table(rows: int, target: Callable[[random.Random, float, str], object]) -> bytes:
    """A table of two features, one with gaps, and a target made from them."""
    source = random.Random(7)
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(["dose", "ward", "target"])
    for _ in range(rows):
        dose, ward = source.uniform(0, 10), source.choice(["north", "south", ""])
        writer.writerow([f"{dose:.3f}", ward, target(source, dose, ward)])
    return buffer.getvalue().encode()


def quantity(source: random.Random, dose: float, ward: str) -> object:
    return round(3 * dose + (5 if ward == "north" else 0) + source.gauss(0, 0.5), 3)


def kind(source: random.Random, dose: float, ward: str) -> object:
    return "ill" if dose + (2 if ward == "north" else 0) + source.gauss(0, 1) > 5 else "well"


@pytest.fixture(scope="module")
def s3(studio: Studio) -> Any:
    client = studio.client("s3")
    client.create_bucket(Bucket=jobs.BUCKET)
    return client


def request(s3: Any, name: str, content: bytes, **given: Any) -> dict[str, Any]:
    s3.put_object(Bucket=jobs.BUCKET, Key=f"{name}/table.csv", Body=content)
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{jobs.BUCKET}/{name}/"}
    return {
        "AutoMLJobName": name,
        "RoleArn": jobs.ROLE,
        "InputDataConfig": [{"TargetAttributeName": "target", "DataSource": {"S3DataSource": source}}],
        "OutputDataConfig": {"S3OutputPath": f"s3://{jobs.BUCKET}/out"},
        "AutoMLJobConfig": {"CompletionCriteria": {"MaxCandidates": 3, "MaxAutoMLJobRuntimeInSeconds": 60}},
        **given,
    }


def ended(sagemaker: Any, name: str) -> dict[str, Any]:
    create_waiter_with_client("AutoMLJobEnded", WAITER, sagemaker).wait(AutoMLJobName=name)
    found: dict[str, Any] = sagemaker.describe_auto_ml_job(AutoMLJobName=name)
    return found


def deploy(sagemaker: Any, name: str, candidate: dict[str, Any]) -> None:
    variant = {"VariantName": "AllTraffic", "ModelName": name, "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=jobs.ROLE, Containers=candidate["InferenceContainers"])
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name)


def test_a_quantity_is_learnt_explained_and_served(s3: Any, boto: Boto) -> None:
    sagemaker, runtime = boto("sagemaker"), boto("sagemaker-runtime")
    sagemaker.create_auto_ml_job(**request(s3, "quantity", table(400, quantity)))
    job = ended(sagemaker, "quantity")
    assert job["AutoMLJobStatus"] == "Completed", job.get("FailureReason")
    assert job["ResolvedAttributes"] == {"AutoMLJobObjective": {"MetricName": "MSE"}, "ProblemType": "Regression"}
    candidates = sagemaker.list_candidates_for_auto_ml_job(
        AutoMLJobName="quantity", SortBy="FinalObjectiveMetricValue", SortOrder="Ascending"
    )["Candidates"]
    assert len(candidates) in {2, 3}  # an ensemble only where it is better
    values = [c["FinalAutoMLJobObjectiveMetric"]["Value"] for c in candidates]
    assert values == sorted(values)
    assert job["BestCandidate"]["CandidateName"] == candidates[0]["CandidateName"]
    for candidate in candidates:
        metrics = {m["MetricName"]: m["Value"] for m in candidate["CandidateProperties"]["CandidateMetrics"]}
        assert {"MSE", "RMSE", "MAE", "R2", "InferenceLatency"} <= metrics.keys()
        assert metrics["R2"] > 0.9
        assert metrics["InferenceLatency"] < 0.03
    place = job["BestCandidate"]["CandidateProperties"]["CandidateArtifactLocations"]["Explainability"]
    prefix = place.removeprefix(f"s3://{jobs.BUCKET}/")
    keys = [o["Key"] for o in s3.list_objects_v2(Bucket=jobs.BUCKET, Prefix=prefix)["Contents"]]
    analysis = next(key for key in keys if key.endswith("analysis.json"))
    found = json.loads(s3.get_object(Bucket=jobs.BUCKET, Key=analysis)["Body"].read())
    shares = found["explanations"]["kernel_shap"]["label0"]["global_shap_values"]
    assert shares["dose"] > shares["ward"] > 0
    deploy(sagemaker, "quantity", job["BestCandidate"])
    rows = runtime.invoke_endpoint(
        EndpointName="quantity", ContentType="text/csv", Body=b"2.0,north\n2.0,south\n8.0,\n"
    )
    north, south, far = map(float, rows["Body"].read().split())
    assert north - south == pytest.approx(5, abs=1.5)
    assert far == pytest.approx(24, abs=2)
    body = json.dumps({"instances": [{"dose": 2.0, "ward": "north"}], "explain": True})
    answer = runtime.invoke_endpoint(
        EndpointName="quantity", ContentType="application/json", Accept="application/json", Body=body
    )
    told = json.loads(answer["Body"].read())
    assert told["baseline"] + sum(told["explanations"][0].values()) == pytest.approx(told["predictions"][0], abs=0.01)
    with pytest.raises(runtime.exceptions.ModelError, match="'dose' takes numbers"):
        runtime.invoke_endpoint(EndpointName="quantity", ContentType="text/csv", Body=b"much,north\n")


def test_a_class_is_learnt_by_the_second_form_of_the_call(s3: Any, boto: Boto) -> None:
    """From an encrypted table, into reports and models that are all encrypted, and served from there."""
    sagemaker, runtime = boto("sagemaker"), boto("sagemaker-runtime")
    given = request(s3, "kind", table(400, kind))
    at = {"Bucket": jobs.BUCKET, "Key": "kind/table.csv"}
    s3.copy_object(**at, CopySource=at, ServerSideEncryption="aws:kms")
    source = given["InputDataConfig"][0]["DataSource"]
    sagemaker.create_auto_ml_job_v2(
        AutoMLJobName="kind",
        RoleArn=jobs.ROLE,
        AutoMLJobInputDataConfig=[{"DataSource": source, "ChannelType": "training"}],
        OutputDataConfig={**given["OutputDataConfig"], "KmsKeyId": "alias/aws/s3"},
        AutoMLProblemTypeConfig={
            "TabularJobConfig": {"TargetAttributeName": "target", "CompletionCriteria": {"MaxCandidates": 2}}
        },
    )
    ended(sagemaker, "kind")
    job = sagemaker.describe_auto_ml_job_v2(AutoMLJobName="kind")
    assert job["AutoMLJobStatus"] == "Completed", job.get("FailureReason")
    assert job["AutoMLProblemTypeConfigName"] == "Tabular"
    written = [o["Key"] for o in s3.list_objects_v2(Bucket=jobs.BUCKET, Prefix="out/kind/")["Contents"]]
    assert any(key.endswith("model.tar.gz") for key in written)
    for key in written:
        assert s3.head_object(Bucket=jobs.BUCKET, Key=key)["ServerSideEncryption"] == "aws:kms", key
    resolved = job["ResolvedAttributes"]["AutoMLProblemTypeResolvedAttributes"]
    assert resolved == {"TabularResolvedAttributes": {"ProblemType": "BinaryClassification"}}
    candidate = job["BestCandidate"]
    environment = candidate["InferenceContainers"][0]["Environment"]
    assert environment["SAGEMAKER_INFERENCE_SUPPORTED"] == "predicted_label,labels,probability,probabilities"
    environment["SAGEMAKER_INFERENCE_OUTPUT"] = "predicted_label,probability"
    deploy(sagemaker, "kind", candidate)
    answer = runtime.invoke_endpoint(EndpointName="kind", ContentType="text/csv", Body=b"9.9,north\n0.1,south\n")
    first, second = csv.reader(io.StringIO(answer["Body"].read().decode()))
    assert (first[0], second[0]) == ("ill", "well")
    assert float(first[1]) > 0.7


@pytest.mark.parametrize(
    ("name", "content", "given", "text"),
    [
        ("no-target", b"a,b\n" + b"1,2\n" * 50, {}, "the target column 'target' is not in the table"),
        ("empty", b"", {}, "table.csv is empty"),
        (
            "words",
            b"a,target\n" + b"1,x\n2,y\n3,z\n" * 30,
            {"ProblemType": "Regression", "AutoMLJobObjective": {"MetricName": "MSE"}},
            "the target column 'target' is not numeric, as regression needs",
        ),
        ("few", b"a,target\n1,2\n2,3\n", {}, "the table has 2 rows"),
        ("same", b"a,target\n" + b"1,2\n" * 50, {}, "has the same value in every row"),
    ],
)
def test_a_table_that_cannot_serve_fails_with_what_is_wrong(
    s3: Any, boto: Boto, name: str, content: bytes, given: dict[str, Any], text: str
) -> None:
    sagemaker = boto("sagemaker")
    sagemaker.create_auto_ml_job(**request(s3, name, content, **given))
    job = ended(sagemaker, name)
    assert (job["AutoMLJobStatus"], job["AutoMLJobSecondaryStatus"]) == ("Failed", "Failed")
    assert text in job["FailureReason"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"ProblemType": "Regression"}, "ValidationException"),
        ({"AutoMLJobConfig": {"Mode": "HYPERPARAMETER_TUNING"}}, "NotImplemented"),
        ({"GenerateCandidateDefinitionsOnly": True}, "NotImplemented"),
        ({"RoleArn": "arn:aws:iam::000000000000:role/nobody"}, "ValidationException"),
        ({"OutputDataConfig": {"S3OutputPath": "s3://not-there/x"}}, "ValidationException"),
    ],
    ids=["objective", "tuning", "definitions", "role", "bucket"],
)
def test_what_cannot_be_done_is_refused_at_once(s3: Any, boto: Boto, change: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as error:
        boto("sagemaker").create_auto_ml_job(**{**request(s3, "refused", b"a,target\n1,2\n"), **change})
    assert error.value.response["Error"]["Code"] == code


def test_a_stopped_job_says_so_and_names_are_used_once(s3: Any, boto: Boto) -> None:
    sagemaker = boto("sagemaker")
    given = request(s3, "stopped", table(400, quantity))
    sagemaker.create_auto_ml_job(**given)
    with pytest.raises(sagemaker.exceptions.ResourceInUse, match="already exists"):
        sagemaker.create_auto_ml_job(**given)
    sagemaker.stop_auto_ml_job(AutoMLJobName="stopped")
    assert ended(sagemaker, "stopped")["AutoMLJobStatus"] == "Stopped"
    with pytest.raises(sagemaker.exceptions.ResourceNotFound, match="can't find an AutoML job called nobody"):
        sagemaker.describe_auto_ml_job(AutoMLJobName="nobody")


def test_a_job_survives_the_server(fresh_studio: Studio) -> None:
    s3, sagemaker = fresh_studio.client("s3"), fresh_studio.client("sagemaker")
    s3.create_bucket(Bucket=jobs.BUCKET)
    sagemaker.create_auto_ml_job(**request(s3, "survivor", table(300, quantity)))
    while sagemaker.describe_auto_ml_job(AutoMLJobName="survivor")["AutoMLJobSecondaryStatus"] == "Starting":
        pass
    fresh_studio.kill()
    fresh_studio.start()
    sagemaker = fresh_studio.client("sagemaker")
    job = ended(sagemaker, "survivor")
    assert job["AutoMLJobStatus"] == "Completed", job.get("FailureReason")
    assert job["BestCandidate"]["InferenceContainers"]
    experiment = sagemaker.describe_experiment(ExperimentName="survivor-aws-auto-ml-job")
    assert experiment["Source"] == {"SourceArn": job["AutoMLJobArn"], "SourceType": "SageMakerAutoMLJob"}
    (component,) = sagemaker.list_trial_components(ExperimentName="survivor-aws-auto-ml-job")["TrialComponentSummaries"]
    assert component["Status"]["PrimaryStatus"] == "Completed"
