"""Which actions and resources a call is, for every operation that is served, and by table where AWS's names differ."""

# ruff: noqa: E501 - tables read better wide
from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from botocore import xform_name
from botocore.model import Shape, StructureShape

from clary import services
from clary.gateway import models
from clary.gateway.actions import asks

A, S = "arn:aws:s3:::ward", "arn:aws:sagemaker:us-east-1:000000000000"
IAM, LOGS = "arn:aws:iam::000000000000", "arn:aws:logs:us-east-1:000000000000"
ROLE = f"{IAM}:role/Nurse"
KMS = "arn:aws:kms:us-east-1:000000000000"


def context() -> Any:
    def arn(service: str, kind: str, name: str) -> str:
        return f"arn:aws:{service}:us-east-1:000000000000:{kind}/{name.lower()}"

    return SimpleNamespace(
        arn=arn,
        account="000000000000",
        region="us-east-1",
        identity=SimpleNamespace(name="alice"),
        rights=SimpleNamespace(holder=lambda _: None),
        store=SimpleNamespace(get=lambda *_: None),
        encryption_keys=SimpleNamespace(
            meant=lambda _, wish: (wish if wish.startswith("arn:") else f"{KMS}:{wish}", None),
            key_of=lambda _: f"{KMS}:key/k",
        ),
    )


def asked(service: str, operation: str, request: dict[str, Any]) -> list[tuple[str, str]]:
    found = asks(context(), models.service(service).operation_model(operation), request)
    return [(ask.action, ask.resource) for ask in found]


O = f"{A}/a/b.csv"  # noqa: E741
KEY = {"Bucket": "ward", "Key": "a/b.csv"}

TABLE: list[tuple[str, str, dict[str, Any], list[tuple[str, str]]]] = [
    ("s3", "ListBuckets", {}, [("s3:ListAllMyBuckets", "*")]),
    ("s3", "HeadBucket", {"Bucket": "ward"}, [("s3:ListBucket", A)]),
    ("s3", "ListObjectsV2", {"Bucket": "ward", "Prefix": "a/"}, [("s3:ListBucket", A)]),
    ("s3", "ListObjectVersions", {"Bucket": "ward"}, [("s3:ListBucketVersions", A)]),
    ("s3", "ListMultipartUploads", {"Bucket": "ward"}, [("s3:ListBucketMultipartUploads", A)]),
    ("s3", "ListParts", KEY, [("s3:ListMultipartUploadParts", O)]),
    ("s3", "GetObject", KEY, [("s3:GetObject", O)]),
    ("s3", "GetObject", {**KEY, "VersionId": "1"}, [("s3:GetObjectVersion", O)]),
    ("s3", "HeadObject", KEY, [("s3:GetObject", O)]),
    ("s3", "GetObjectAttributes", KEY, [("s3:GetObject", O), ("s3:GetObjectAttributes", O)]),
    ("s3", "PutObject", {**KEY, "Tagging": "a=b"}, [("s3:PutObject", O), ("s3:PutObjectTagging", O)]),
    ("s3", "CreateMultipartUpload", KEY, [("s3:PutObject", O)]),
    ("s3", "UploadPart", KEY, [("s3:PutObject", O)]),
    ("s3", "CompleteMultipartUpload", KEY, [("s3:PutObject", O)]),
    ("s3", "AbortMultipartUpload", KEY, [("s3:AbortMultipartUpload", O)]),
    ("s3", "CopyObject", {**KEY, "CopySource": "/icu/x%20y"}, [("s3:PutObject", O), ("s3:GetObject", "arn:aws:s3:::icu/x y")]),
    ("s3", "UploadPartCopy", {**KEY, "CopySource": "icu/x?versionId=3"}, [("s3:PutObject", O), ("s3:GetObjectVersion", "arn:aws:s3:::icu/x")]),
    ("s3", "DeleteObject", {**KEY, "VersionId": "1"}, [("s3:DeleteObjectVersion", O)]),
    ("s3", "DeleteObjects", {"Bucket": "ward", "Delete": {"Objects": [{"Key": "a/b.csv"}, {"Key": "c", "VersionId": "1"}]}},
     [("s3:DeleteObject", O), ("s3:DeleteObjectVersion", f"{A}/c")]),
    ("s3", "PutBucketLifecycleConfiguration", {"Bucket": "ward"}, [("s3:PutLifecycleConfiguration", A)]),
    ("s3", "DeleteBucketLifecycle", {"Bucket": "ward"}, [("s3:PutLifecycleConfiguration", A)]),
    ("s3", "GetBucketCors", {"Bucket": "ward"}, [("s3:GetBucketCORS", A)]),
    ("s3", "DeleteBucketTagging", {"Bucket": "ward"}, [("s3:PutBucketTagging", A)]),
    ("s3", "GetBucketEncryption", {"Bucket": "ward"}, [("s3:GetEncryptionConfiguration", A)]),
    ("s3", "PutBucketPolicy", {"Bucket": "ward"}, [("s3:PutBucketPolicy", A)]),
    ("sagemaker", "ListTrainingJobs", {}, [("sagemaker:ListTrainingJobs", "*")]),
    ("sagemaker", "DescribeTrainingJob", {"TrainingJobName": "Big"}, [("sagemaker:DescribeTrainingJob", f"{S}:training-job/big")]),
    ("sagemaker", "CreateTrainingJob", {"TrainingJobName": "j", "RoleArn": ROLE, "Tags": [{"Key": "a", "Value": "b"}]},
     [("sagemaker:CreateTrainingJob", f"{S}:training-job/j"), ("sagemaker:AddTags", f"{S}:training-job/j"), ("iam:PassRole", ROLE)]),
    ("sagemaker", "CreateAutoMLJobV2", {"AutoMLJobName": "j", "RoleArn": ROLE}, [("sagemaker:CreateAutoMLJobV2", f"{S}:automl-job/j"), ("iam:PassRole", ROLE)]),
    ("sagemaker", "CreateModel", {"ModelName": "m", "ExecutionRoleArn": ROLE}, [("sagemaker:CreateModel", f"{S}:model/m"), ("iam:PassRole", ROLE)]),
    ("sagemaker", "CreateDomain", {"DomainName": "d", "DefaultUserSettings": {"ExecutionRole": ROLE}}, [("sagemaker:CreateDomain", f"{S}:domain/*"), ("iam:PassRole", ROLE)]),
    ("sagemaker", "AddTags", {"ResourceArn": f"{S}:model/m", "Tags": []}, [("sagemaker:AddTags", f"{S}:model/m")]),
    ("sagemaker", "DescribeTrial", {"TrialName": "t"}, [("sagemaker:DescribeTrial", f"{S}:experiment-trial/t")]),
    ("sagemaker", "AssociateTrialComponent", {"TrialComponentName": "c", "TrialName": "t"},
     [("sagemaker:AssociateTrialComponent", f"{S}:experiment-trial-component/c")]),
    ("sagemaker", "CreateApp", {"DomainId": "d-1", "UserProfileName": "u", "AppType": "JupyterLab", "AppName": "default"},
     [("sagemaker:CreateApp", f"{S}:app/d-1/u/jupyterlab/default")]),
    ("sagemaker", "UpdateEndpointWeightsAndCapacities", {"EndpointName": "e", "DesiredWeightsAndCapacities": []},
     [("sagemaker:UpdateEndpointWeightsAndCapacities", f"{S}:endpoint/e")]),
    ("sagemaker", "ListTrainingJobsForHyperParameterTuningJob", {"HyperParameterTuningJobName": "h"},
     [("sagemaker:ListTrainingJobsForHyperParameterTuningJob", f"{S}:hyper-parameter-tuning-job/h")]),
    ("sagemaker", "DescribeModelPackage", {"ModelPackageName": f"{S}:model-package/g/1"}, [("sagemaker:DescribeModelPackage", f"{S}:model-package/g/1")]),
    ("sagemaker", "CreateDataQualityJobDefinition", {"JobDefinitionName": "q", "RoleArn": ROLE},
     [("sagemaker:CreateDataQualityJobDefinition", f"{S}:data-quality-job-definition/q"), ("iam:PassRole", ROLE)]),
    ("sagemaker-runtime", "InvokeEndpoint", {"EndpointName": "e"}, [("sagemaker:InvokeEndpoint", f"{S}:endpoint/e")]),
    ("sagemaker-metrics", "BatchPutMetrics", {"TrialComponentName": "c"}, [("sagemaker:BatchPutMetrics", f"{S}:experiment-trial-component/c")]),
    ("sagemaker-metrics", "BatchGetMetrics", {"MetricQueries": [{"MetricName": "m", "ResourceArn": f"{S}:training-job/j"}]},
     [("sagemaker:BatchGetMetrics", f"{S}:training-job/j")]),
    ("iam", "ListRoles", {}, [("iam:ListRoles", f"{IAM}:role/")]),
    ("iam", "CreateRole", {"RoleName": "Nurse", "Path": "/ward/"}, [("iam:CreateRole", f"{IAM}:role/ward/Nurse")]),
    ("iam", "GetUser", {}, [("iam:GetUser", f"{IAM}:user/alice")]),
    ("iam", "AttachUserPolicy", {"UserName": "bob", "PolicyArn": f"{IAM}:policy/p"}, [("iam:AttachUserPolicy", f"{IAM}:user/bob")]),
    ("iam", "GetPolicy", {"PolicyArn": f"{IAM}:policy/p"}, [("iam:GetPolicy", f"{IAM}:policy/p")]),
    ("iam", "CreatePolicy", {"PolicyName": "p"}, [("iam:CreatePolicy", f"{IAM}:policy/p")]),
    ("sts", "GetCallerIdentity", {}, []),
    ("sts", "AssumeRole", {"RoleArn": ROLE}, [("sts:AssumeRole", ROLE)]),
    ("logs", "PutLogEvents", {"logGroupName": "/g", "logStreamName": "s"}, [("logs:PutLogEvents", f"{LOGS}:log-group:/g:log-stream:s")]),
    ("logs", "CreateLogGroup", {"logGroupName": "/g"}, [("logs:CreateLogGroup", f"{LOGS}:log-group:/g:log-stream:")]),
    ("cloudwatch", "PutMetricData", {"Namespace": "n"}, [("cloudwatch:PutMetricData", "*")]),
    ("cloudwatch", "PutMetricAlarm", {"AlarmName": "a"}, [("cloudwatch:PutMetricAlarm", "arn:aws:cloudwatch:us-east-1:000000000000:alarm:a")]),
    ("kms", "CreateKey", {"Tags": [{"TagKey": "a", "TagValue": "b"}]}, [("kms:CreateKey", "*"), ("kms:TagResource", "*")]),
    ("kms", "DescribeKey", {"KeyId": "key/k"}, [("kms:DescribeKey", f"{KMS}:key/k")]),
    ("kms", "Decrypt", {"CiphertextBlob": b"x"}, [("kms:Decrypt", f"{KMS}:key/k")]),
    ("kms", "Decrypt", {"CiphertextBlob": b"x", "KeyId": "key/j"}, [("kms:Decrypt", f"{KMS}:key/j")]),
    ("kms", "ReEncrypt", {"CiphertextBlob": b"x", "DestinationKeyId": "key/j"},
     [("kms:ReEncryptFrom", f"{KMS}:key/k"), ("kms:ReEncryptTo", f"{KMS}:key/j")]),
    ("kms", "CreateAlias", {"AliasName": "alias/a", "TargetKeyId": "key/k"},
     [("kms:CreateAlias", f"{KMS}:alias/a"), ("kms:CreateAlias", f"{KMS}:key/k")]),
    ("kms", "ListKeys", {}, [("kms:ListKeys", "*")]),
    ("kms", "GenerateRandom", {"NumberOfBytes": 5}, [("kms:GenerateRandom", "*")]),
]  # fmt: skip


@pytest.mark.parametrize(("service", "operation", "request_", "expected"), TABLE, ids=[f"{c[0]}:{c[1]}" for c in TABLE])
def test_a_call_is_what_aws_says(
    service: str, operation: str, request_: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert asked(service, operation, request_) == expected


SERVED = sorted(
    (service, next(n for n in models.service(service).operation_names if xform_name(n) == name))
    for service, name in services.discover()
)
# What is about no resource though it must name something: metrics, listings over all, the caller itself.
_ABOUT_ALL = frozenset({"cloudwatch", "cloudtrail"})


def filled(shape: Shape, name: str = "") -> Any:
    """A value with all that is required in it."""
    if isinstance(shape, StructureShape):
        return {member: filled(shape.members[member], member) for member in shape.required_members}
    if shape.type_name == "list":
        return [filled(shape.member, name)]  # type: ignore[attr-defined]
    if shape.type_name == "map":
        return {}
    if name.lower().endswith("arn"):
        return f"{S}:model/thing"
    return "thing" if shape.type_name == "string" else 1


@pytest.mark.parametrize(("service", "operation"), SERVED, ids=[f"{s}:{o}" for s, o in SERVED])
def test_every_operation_that_is_served_is_an_action_on_a_resource(service: str, operation: str) -> None:
    model = models.service(service).operation_model(operation)
    request = filled(model.input_shape) if model.input_shape else {}
    for action, resource in asked(service, operation, request):
        prefix, _, name = action.partition(":")
        assert prefix in {"sagemaker", "s3", "sts", "iam", "logs", "cloudwatch", "kms", "cloudtrail"}
        assert name.isalnum()
        required = [m for m in request if m.lower().endswith(("name", "arn", "bucket"))]
        if required and service not in _ABOUT_ALL:
            assert resource.startswith("arn:aws:"), f"{operation} names {required}, and its resource is {resource}"
