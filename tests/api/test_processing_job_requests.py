"""What CreateProcessingJob refuses before anything runs, each mistake by its name."""

from __future__ import annotations

from typing import Any

import pytest

from tests import jobs, processing
from tests.refusals import refused

IN, OUT = "/opt/ml/processing/in", "/opt/ml/processing/out"
CLUSTER = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
ATHENA = {
    "Catalog": "c",
    "Database": "d",
    "QueryString": "SELECT 1",
    "OutputS3Uri": "s3://jobs/a",
    "OutputFormat": "JSON",
}


def taken(path: str, uri: str = "s3://jobs/in/", **given: Any) -> dict[str, Any]:
    return {"inputs": [processing.s3_input("data", uri, path, **given)]}


def given(*outputs: dict[str, Any]) -> dict[str, Any]:
    return {"outputs": list(outputs)}


def cluster(**members: Any) -> dict[str, Any]:
    return {"ProcessingResources": {"ClusterConfig": {**CLUSTER, **members}}}


CASES: dict[str, tuple[dict[str, Any], str]] = {
    "experiment": ({"ExperimentConfig": {"ExperimentName": "none"}}, "does not exist"),
    "role": ({"RoleArn": "arn:aws:iam::000000000000:role/nobody"}, "nobody"),
    "name": ({"ProcessingJobName": "bad_name"}, "Member must satisfy regular expression pattern"),
    "image": ({"app": {"ImageUri": "me/unknown:1"}}, "no image of the repository 'me/unknown'"),
    "bucket": (given(processing.output("out", "s3://not-there/x", OUT)), "not-there"),
    "no objects": (taken(IN, "s3://jobs/none/"), "No S3 objects found under S3 URL"),
    "no uri": (taken(IN, "https://jobs/in/"), "is not an S3 URI"),
    "elsewhere": (taken("/data"), "it must begin with /opt/ml/processing/"),
    "upwards": (taken("/opt/ml/processing/../x"), "it must begin with /opt/ml/processing/"),
    "pipe": (taken(IN, S3InputMode="Pipe"), "S3InputMode Pipe is not served yet"),
    "gzip": (taken(IN, S3CompressionType="Gzip"), "S3InputMode Pipe only"),
    "system": (given(processing.output("out", "s3://jobs/x", "/usr/local")), "must be an absolute path"),
    "relative": (given(processing.output("out", "s3://jobs/x", "out")), "must be an absolute path"),
    "contract": (given(processing.output("out", "s3://jobs/x", "/opt/ml/")), "must be an absolute path"),
    "same paths": (
        {**taken(IN), **given(processing.output("out", "s3://jobs/x", f"{IN}/"))},
        "LocalPath must be unique within a processing job; '/opt/ml/processing/in' is given twice",
    ),
    "in an output": (
        {**taken(f"{OUT}/in"), **given(processing.output("out", "s3://jobs/x", OUT))},
        "lies in the output's /opt/ml/processing/out",
    ),
    "same names": (
        given(processing.output("out", "s3://jobs/x", OUT), processing.output("out", "s3://jobs/y", f"{OUT}2")),
        "OutputName must be unique",
    ),
    "athena": (
        {"inputs": [{"InputName": "rows", "DatasetDefinition": {"AthenaDatasetDefinition": ATHENA, "LocalPath": IN}}]},
        "The input 'rows' is a DatasetDefinition: Athena is not served",
    ),
    "features": (
        given({"OutputName": "f", "FeatureStoreOutput": {"FeatureGroupName": "g"}}),
        "FeatureStoreOutput is only supported when AppManaged is true",
    ),
    "no features": (
        given({"OutputName": "f", "FeatureStoreOutput": {"FeatureGroupName": "g"}, "AppManaged": True}),
        "the feature group 'g', which does not exist",
    ),
    "nothing": (given({"OutputName": "f"}), "takes either S3Output or FeatureStoreOutput"),
    "too many": (cluster(InstanceCount=100), "The limit of instances for one processing job is"),
    "volume key": (cluster(VolumeKmsKeyId="k"), "VolumeKmsKeyId is not served"),
    "preferences": (
        cluster(InstancePreferences=[{"InstanceType": "ml.m5.large"}]),
        "InstancePreferences is not served yet",
    ),
}


@pytest.mark.parametrize(("change", "text"), CASES.values(), ids=CASES.keys())
def test_what_cannot_work_is_refused_at_once(s3: Any, sagemaker: Any, change: dict[str, Any], text: str) -> None:
    request = processing.request(s3, "refused", "print(1)", **change)
    code, message = refused(sagemaker.create_processing_job, **request)
    assert code in {"ValidationException", "NotImplemented", "ResourceLimitExceeded", "ResourceNotFound"}
    assert text in message
    assert "ProcessingJobSummaries" in sagemaker.list_processing_jobs()


def test_a_job_needs_a_program_and_instances(s3: Any, sagemaker: Any) -> None:
    request = processing.request(s3, "refused", "print(1)")
    bare = {**request, "AppSpecification": {"ImageUri": jobs.IMAGE}}
    assert "has no program of its own" in refused(sagemaker.create_processing_job, **bare)[1]
    bare = {**request, "ProcessingResources": {"ClusterConfig": {"VolumeSizeInGB": 1}}}
    assert "InstanceType is missing" in refused(sagemaker.create_processing_job, **bare)[1]


def test_a_job_that_is_not_there_is_told_by_its_name(sagemaker: Any) -> None:
    expected = "ValidationException", "Could not find requested job with name: none"
    for call in (
        sagemaker.describe_processing_job,
        sagemaker.stop_processing_job,
        sagemaker.delete_processing_job,
    ):
        assert refused(call, ProcessingJobName="none") == expected
