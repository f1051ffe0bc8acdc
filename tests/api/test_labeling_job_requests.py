"""CreateLabelingJob by boto3: what is refused, in which words, and what Describe and List tell."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.config import Config

from tests.api.test_rights import allow, document, with_key
from tests.conftest import Studio
from tests.labelling_jobs import BUCKET, LABELS, TEAM, TEAM_ARN, TEMPLATE, function, request
from tests.refusals import refused

ARN = "arn:aws:sagemaker:us-east-1:000000000000:labeling-job"
SNS = "arn:aws:sns:us-east-1:000000000000:topic"
UI = "arn:aws:sagemaker:us-east-1:394669845002:human-task-ui"
VALIDATION, NOT_SERVED = "ValidationException", "NotImplemented"


@pytest.fixture(scope="module")
def sagemaker(studio: Studio) -> Iterator[Any]:
    config = Config(retries={"max_attempts": 1}, parameter_validation=False)
    s3, client = studio.client("s3"), studio.client("sagemaker", config=config)
    s3.create_bucket(Bucket=BUCKET)
    for key, body in {
        "in.manifest": b'{"source-ref":"s3://ward/a.png"}\n' * 2,
        "a.png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\2\0\0\0\x90wS\xde\0\0\0\0IEND\xaeB`\x82",
        "labels.json": str(LABELS).replace("'", '"').encode(),
        "template.liquid.html": TEMPLATE.encode(),
    }.items():
        s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    client.create_workteam(**TEAM)
    yield client
    client.close()
    s3.close()


def pair(name: str, after: str = "") -> dict[str, Any]:
    return {
        "PreHumanTaskLambdaArn": function("PRE", name),
        "AnnotationConsolidationConfig": {"AnnotationConsolidationLambdaArn": function("ACS", after or name)},
    }


def team(kind: str) -> str:
    return f"arn:aws:sagemaker:us-east-1:394669845002:workteam/{kind}"


OWN = "arn:aws:lambda:us-east-1:000000000000:function:SageMaker-mine"
HUMAN: list[tuple[dict[str, Any], str, str]] = [
    ({"WorkteamArn": team("public-crowd/default")}, NOT_SERVED, "Amazon Mechanical Turk cannot be reached"),
    ({"WorkteamArn": team("vendor-crowd/acme")}, NOT_SERVED, "a vendor cannot be reached"),
    ({"WorkteamArn": TEAM_ARN + "-2"}, VALIDATION, "The work team"),
    ({"PublicWorkforceTaskPrice": {"AmountInUsd": {"Cents": 1}}}, VALIDATION, "PublicWorkforceTaskPrice"),
    (pair("BoundingBox", "ImageMultiClass"), VALIDATION, "is of the task type BoundingBox"),
    (
        {"AnnotationConsolidationConfig": {"AnnotationConsolidationLambdaArn": OWN}},
        NOT_SERVED,
        "Lambda is not served yet",
    ),
    ({"PreHumanTaskLambdaArn": OWN}, NOT_SERVED, "leave both out"),
    (pair("VideoObjectDetection"), NOT_SERVED, "Cut a video into images"),
    (pair("3DPointCloudObjectTracking"), NOT_SERVED, "point clouds"),
    ({"UiConfig": {}}, VALIDATION, "either UiTemplateS3Uri or HumanTaskUiArn"),
    ({"UiConfig": {"HumanTaskUiArn": f"{UI}/VideoObjectTracking"}}, NOT_SERVED, "videos"),
    ({"UiConfig": {"HumanTaskUiArn": f"{UI}/NamedEntityRecognition"}}, VALIDATION, "cannot be used for the task type"),
    ({"TaskTimeLimitInSeconds": 28_801}, VALIDATION, "28800 (8 hours) is the most"),
    ({"TaskTimeLimitInSeconds": 29}, VALIDATION, "greater than or equal to 30"),
    ({"TaskAvailabilityLifetimeInSeconds": 59}, VALIDATION, "greater than or equal to 60"),
    ({"MaxConcurrentTaskCount": 5001}, VALIDATION, "less than or equal to 5000"),
    ({"NumberOfHumanWorkersPerDataObject": 10}, VALIDATION, "less than or equal to 9"),
    ({"TaskTitle": "x" * 129}, VALIDATION, "length less than or equal to 128"),
    ({"TaskKeywords": ["a", "b_c"]}, VALIDATION, "regular expression pattern"),
]


@pytest.mark.parametrize(("human", "code", "said"), HUMAN, ids=lambda each: str(each)[:40])
def test_what_people_cannot_be_asked(sagemaker: Any, human: dict[str, Any], code: str, said: str) -> None:
    found, words = refused(sagemaker.create_labeling_job, **request("bad", human=human))
    assert (found, said in words) == (code, True), words


def algorithm(name: str, **more: Any) -> dict[str, Any]:
    arn = f"arn:aws:sagemaker:us-east-1:027400017018:labeling-job-algorithm-specification/{name}"
    return {"LabelingJobAlgorithmsConfig": {"LabelingJobAlgorithmSpecificationArn": arn, **more}}


def source(**given: Any) -> dict[str, Any]:
    return {"InputConfig": {"DataSource": given}}


@pytest.mark.parametrize(
    ("type_", "given", "code", "said"),
    [
        ("BoundingBox", {"LabelAttributeName": "a-metadata"}, VALIDATION, "can't end with '-metadata'"),
        ("BoundingBox", {"LabelAttributeName": "source"}, VALIDATION, "can't be 'source'"),
        ("BoundingBox", {"LabelAttributeName": "source-ref"}, VALIDATION, "can't be 'source-ref'"),
        ("BoundingBox", {"LabelAttributeName": "a_b"}, VALIDATION, "regular expression pattern"),
        ("BoundingBox", {"LabelAttributeName": "mask-ref"}, VALIDATION, "can't end with '-ref'"),
        ("VerificationSemanticSegmentation", {"LabelAttributeName": "mask-ref"}, VALIDATION, "can't end with '-ref'"),
        ("SemanticSegmentation", {"LabelAttributeName": "mask"}, VALIDATION, "must end with '-ref'"),
        ("AdjustmentSemanticSegmentation", {"LabelAttributeName": "mask"}, VALIDATION, "must end with '-ref'"),
        ("BoundingBox", source(), VALIDATION, "needs an S3DataSource"),
        ("BoundingBox", source(SnsDataSource={"SnsTopicArn": SNS}), NOT_SERVED, "streaming job"),
        ("BoundingBox", {"OutputConfig": {"S3OutputPath": "s3://ward/o", "SnsTopicArn": SNS}}, NOT_SERVED, "no SNS"),
        ("BoundingBox", {"OutputConfig": {"S3OutputPath": "s3://nobody/o"}}, VALIDATION, "'nobody'"),
        (
            "BoundingBox",
            {"OutputConfig": {"S3OutputPath": "s3://ward/o", "KmsKeyId": "alias/x"}},
            VALIDATION,
            "alias/x",
        ),
        ("BoundingBox", {"LabelCategoryConfigS3Uri": None}, VALIDATION, "LabelCategoryConfigS3Uri is required"),
        ("BoundingBox", {"RoleArn": "arn:aws:iam::000000000000:role/nobody"}, VALIDATION, "nobody"),
        (
            "BoundingBox",
            {"StoppingConditions": {"MaxPercentageOfInputDatasetLabeled": 101}},
            VALIDATION,
            "equal to 100",
        ),
        (
            "BoundingBox",
            algorithm("image-classification"),
            VALIDATION,
            "that of the task type BoundingBox is object-detection",
        ),
        ("NamedEntityRecognition", algorithm("text-classification"), VALIDATION, "cannot be labelled automatically"),
        ("ImageMultiClass", algorithm("image-classification"), NOT_SERVED, "people label all objects"),
        (
            "BoundingBox",
            algorithm("object-detection", LabelingJobResourceConfig={"VolumeKmsKeyId": "k"}),
            NOT_SERVED,
            "VolumeKmsKeyId",
        ),
        (
            "BoundingBox",
            algorithm("object-detection", InitialActiveLearningModelArn=f"{ARN.rpartition(':')[0]}:model/nobody"),
            VALIDATION,
            "nobody",
        ),
        ("BoundingBox", {"LabelingJobName": "no_name"}, VALIDATION, "regular expression pattern"),
    ],
    ids=lambda each: str(each)[:40],
)
def test_what_a_job_cannot_be(sagemaker: Any, type_: str, given: dict[str, Any], code: str, said: str) -> None:
    asked = {name: value for name, value in request("bad", type_, **given).items() if value is not None}
    found, words = refused(sagemaker.create_labeling_job, **asked)
    assert (found, said in words) == (code, True), words


def test_policies_may_say_which_work_team(studio: Studio, sagemaker: Any) -> None:
    iam = studio.client("iam")
    condition = {
        "StringEquals": {"sagemaker:WorkteamType": "private-crowd"},
        "ArnLike": {"sagemaker:WorkteamArn": TEAM_ARN},
    }
    statements = [allow("sagemaker:CreateLabelingJob", Condition=condition), allow("iam:PassRole")]
    iam.create_user(UserName="lead")
    iam.put_user_policy(UserName="lead", PolicyName="own", PolicyDocument=document(*statements))
    lead = with_key(studio, iam.create_access_key(UserName="lead")["AccessKey"])("sagemaker")
    public = {"WorkteamArn": team("public-crowd/default")}
    code, words = refused(lead.create_labeling_job, **request("led", human=public))
    assert (code, "sagemaker:CreateLabelingJob" in words) == ("AccessDeniedException", True)
    lead.create_labeling_job(**request("led"))
    sagemaker.stop_labeling_job(LabelingJobName="led")
    iam.close()
    lead.close()


def test_what_is_described_and_listed(sagemaker: Any) -> None:
    tags = [{"Key": "a", "Value": "b"}]
    asked = request("First-One", Tags=tags)
    assert sagemaker.create_labeling_job(**asked)["LabelingJobArn"] == f"{ARN}/first-one"
    code, words = refused(sagemaker.create_labeling_job, **request("fIRST-oNE"))
    assert (code, f"{ARN}/first-one" in words) == ("ResourceInUse", True)
    job = sagemaker.describe_labeling_job(LabelingJobName="First-One")
    assert job["HumanTaskConfig"] == {
        **asked["HumanTaskConfig"],
        "TaskAvailabilityLifetimeInSeconds": 2_592_000,
        "MaxConcurrentTaskCount": 1000,
    }
    assert job["OutputConfig"] == {"S3OutputPath": f"s3://{BUCKET}/out/", "KmsKeyId": ""}
    assert re.fullmatch(r"000000000000[a-z0-9]{16}", job["JobReferenceCode"])
    assert (job["Tags"], job["LabelAttributeName"]) == (tags, "label")
    assert set(job["LabelCounters"]) == {
        "TotalLabeled",
        "HumanLabeled",
        "MachineLabeled",
        "FailedNonRetryableError",
        "Unlabeled",
    }
    sagemaker.create_labeling_job(**request("second"))
    names = [each["LabelingJobName"] for each in sagemaker.list_labeling_jobs()["LabelingJobSummaryList"]]
    assert [name for name in names if name != "led"] == ["First-One", "second"]
    (summary,) = sagemaker.list_labeling_jobs(NameContains="first")["LabelingJobSummaryList"]
    assert (summary["WorkteamArn"], summary["PreHumanTaskLambdaArn"]) == (TEAM_ARN, function("PRE", "BoundingBox"))
    page = sagemaker.list_labeling_jobs(MaxResults=1, SortBy="Name", SortOrder="Descending")
    assert (page["LabelingJobSummaryList"][0]["LabelingJobName"], "NextToken" in page) == ("second", True)
    code = job["JobReferenceCode"][5:]
    for_team = sagemaker.list_labeling_jobs_for_workteam(WorkteamArn=TEAM_ARN, JobReferenceCodeContains=code)
    assert [each["LabelingJobName"] for each in for_team["LabelingJobSummaryList"]] == ["First-One"]
    assert refused(sagemaker.list_labeling_jobs_for_workteam, WorkteamArn=TEAM_ARN + "-2")[0] == "ResourceNotFound"
    for name in ("First-One", "second"):
        sagemaker.stop_labeling_job(LabelingJobName=name)
    for call in (sagemaker.describe_labeling_job, sagemaker.stop_labeling_job):
        assert refused(call, LabelingJobName="nobody")[0] == "ResourceNotFound"
