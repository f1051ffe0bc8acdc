"""The audit trail: every call is told, the refused ones too, and nothing of what they carried."""

from __future__ import annotations

import json
import sqlite3
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.error import HTTPError

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.conftest import Studio

Boto = Callable[..., Any]


def _find(boto: Boto, key: str, value: str, **given: Any) -> list[dict[str, Any]]:
    pages = boto("cloudtrail").get_paginator("lookup_events")
    attributes = [{"AttributeKey": key, "AttributeValue": value}]
    return [e for page in pages.paginate(LookupAttributes=attributes, **given) for e in page["Events"]]


def test_a_call_is_told_as_cloudtrail_tells_it(boto: Boto, studio: Studio) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    s3 = boto("s3")
    s3.create_bucket(Bucket="told")
    answer = s3.put_object(Bucket="told", Key="scans/7.dcm", Body=b"of a patient", Metadata={"name": "Doe"})
    (event,) = _find(boto, "ResourceName", "arn:aws:s3:::told/scans/7.dcm")
    assert event["EventName"] == "PutObject"
    assert event["Username"] == "owner"
    assert event["EventSource"] == "s3.amazonaws.com"
    assert event["ReadOnly"] == "false"
    assert before <= event["EventTime"] <= datetime.now(UTC)
    assert {"ResourceType": "AWS::S3::Object", "ResourceName": "arn:aws:s3:::told/scans/7.dcm"} in event["Resources"]
    record = json.loads(event["CloudTrailEvent"])
    keys = json.loads((studio.data / "keys.json").read_text())
    assert record["userIdentity"]["accessKeyId"] == keys["AccessKeyId"]
    assert record["userIdentity"]["type"] == "AssumedRole"
    assert record["requestID"] == answer["ResponseMetadata"]["RequestId"]
    assert record["sourceIPAddress"] == "127.0.0.1"
    assert "Boto3" in record["userAgent"]
    assert record["requestParameters"] == {"bucketName": "told", "key": "scans/7.dcm"}
    assert record["eventCategory"] == "Data"
    assert "errorCode" not in record
    assert "patient" not in event["CloudTrailEvent"]
    assert "Doe" not in event["CloudTrailEvent"]


def test_lookups_are_by_any_attribute_and_page_by_page(boto: Boto, studio: Studio) -> None:
    iam, sagemaker = boto("iam"), boto("sagemaker")
    role = iam.get_role(RoleName="ClaryExecutionRole")["Role"]["Arn"]
    for _ in range(5):
        sagemaker.list_models()
    boto("sts").assume_role(RoleArn=role, RoleSessionName="visitor")
    assert {e["EventName"] for e in _find(boto, "ResourceName", role)} == {"AssumeRole"}
    assert _find(boto, "ResourceType", "AWS::IAM::Role")
    assert {e["EventSource"] for e in _find(boto, "EventSource", "iam.amazonaws.com")} == {"iam.amazonaws.com"}
    listed = _find(boto, "EventName", "ListModels", PaginationConfig={"PageSize": 2})
    assert len(listed) == 5
    assert len({e["EventId"] for e in listed}) == 5
    assert listed == sorted(listed, key=lambda e: e["EventTime"], reverse=True)
    assert _find(boto, "EventId", listed[3]["EventId"]) == [listed[3]]
    assert all(e["ReadOnly"] == "true" for e in _find(boto, "ReadOnly", "true"))
    assert "AssumeRole" in {e["EventName"] for e in _find(boto, "ReadOnly", "false")}
    key = json.loads((studio.data / "keys.json").read_text())["AccessKeyId"]
    assert listed[0] in _find(boto, "AccessKeyId", key)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    assert not boto("cloudtrail").lookup_events(StartTime=tomorrow)["Events"]
    assert boto("cloudtrail").lookup_events(EndTime=tomorrow)["Events"]
    assert not boto("cloudtrail", region_name="eu-west-1").lookup_events(EndTime=tomorrow)["Events"]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"StartTime": 2, "EndTime": 1}, "InvalidTimeRangeException"),
        ({"NextToken": "x"}, "InvalidNextTokenException"),
        (
            {"LookupAttributes": [{"AttributeKey": "ReadOnly", "AttributeValue": "no"}]},
            "InvalidLookupAttributesException",
        ),
        (
            {"LookupAttributes": [{"AttributeKey": "EventId", "AttributeValue": "a"}] * 2},
            "InvalidLookupAttributesException",
        ),
        ({"EventCategory": "insight"}, "NotImplemented"),
        ({"MaxResults": 51}, "ValidationException"),
    ],
)
def test_a_lookup_that_makes_no_sense_is_refused(boto: Boto, given: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as error:
        boto("cloudtrail").lookup_events(**given)
    assert error.value.response["Error"]["Code"] == code


def test_what_was_refused_is_told_with_its_reason(boto: Boto, studio: Studio) -> None:
    keys = json.loads((studio.data / "keys.json").read_text())
    bad = {"aws_access_key_id": keys["AccessKeyId"], "aws_secret_access_key": "guess"}
    with pytest.raises(ClientError):
        boto("s3", **bad).get_object(Bucket="told", Key="secret")
    with pytest.raises(ClientError):
        boto("sagemaker", **bad).stop_training_job(TrainingJobName="x")
    with pytest.raises(ClientError):
        boto("s3").create_bucket(Bucket="UPPER")
    with pytest.raises(ClientError):
        boto("sagemaker").list_pipelines()
    with pytest.raises(HTTPError):
        urllib.request.urlopen(f"{studio.url}/told/anonymous")
    (event,) = (e for e in _find(boto, "ResourceName", "arn:aws:s3:::told/secret"))
    record = json.loads(event["CloudTrailEvent"])
    assert record["errorCode"] == "SignatureDoesNotMatch"
    assert record["userIdentity"] == {
        "type": "Unknown",
        "principalId": "",
        "accountId": "anonymous",
        "accessKeyId": keys["AccessKeyId"],
    }
    for name, code in [
        ("StopTrainingJob", "InvalidSignatureException"),
        ("CreateBucket", "InvalidBucketName"),
        ("ListPipelines", "NotImplemented"),
    ]:
        found = [json.loads(e["CloudTrailEvent"]).get("errorCode") for e in _find(boto, "EventName", name)]
        assert code in found
    (event,) = _find(boto, "ResourceName", "arn:aws:s3:::told/anonymous")
    assert json.loads(event["CloudTrailEvent"])["userIdentity"]["accountId"] == "anonymous"


def test_no_secret_is_ever_in_the_trail(boto: Boto, studio: Studio) -> None:
    keys = json.loads((studio.data / "keys.json").read_text())
    given = boto("sts").get_session_token()["Credentials"]
    visitor = {
        "aws_access_key_id": given["AccessKeyId"],
        "aws_secret_access_key": given["SecretAccessKey"],
        "aws_session_token": given["SessionToken"],
    }
    s3 = boto("s3", config=Config(signature_version="s3v4", proxies={}), **visitor)
    s3.create_bucket(Bucket="presigned")
    s3.put_object(Bucket="presigned", Key="k", Body=b"x")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "presigned", "Key": "k"})
    assert urllib.request.urlopen(url).read() == b"x"
    with pytest.raises(ClientError):  # a secret in the place of the key's id
        boto("sts", aws_access_key_id=keys["SecretAccessKey"]).get_caller_identity()
    (event,) = (e for e in _find(boto, "ResourceName", "arn:aws:s3:::presigned/k") if e["EventName"] == "GetObject")
    assert json.loads(event["CloudTrailEvent"])["additionalEventData"] == {"AuthenticationMethod": "QueryString"}
    database = sqlite3.connect(studio.data / "clary.db")
    text = "\n".join(str(row) for row in database.execute("SELECT * FROM audit_events"))
    database.close()
    signature = url.partition("X-Amz-Signature=")[2].partition("&")[0]
    for secret in (keys["SecretAccessKey"], given["SecretAccessKey"], given["SessionToken"], signature):
        assert secret[:40] not in text


def test_the_change_and_its_row_survive_a_kill_together(fresh_studio: Studio) -> None:
    """Killed right after the answer: the row was in the change's own transaction."""
    fresh_studio.client("s3").create_bucket(Bucket="at-once")
    fresh_studio.kill()
    fresh_studio.start()
    assert fresh_studio.client("s3").list_buckets()["Buckets"][0]["Name"] == "at-once"
    events = fresh_studio.client("cloudtrail").lookup_events()["Events"]
    assert "CreateBucket" in {event["EventName"] for event in events}


def test_the_command_shows_and_filters_also_without_a_server(fresh_studio: Studio) -> None:
    s3 = fresh_studio.client("s3")
    s3.create_bucket(Bucket="shown")
    with pytest.raises(ClientError):
        s3.get_object(Bucket="shown", Key="none")
    fresh_studio.stop()
    where = ["audit", "--data", str(fresh_studio.data)]
    found = fresh_studio.clary(*where)
    lines = found.stdout.splitlines()
    assert len(lines) == 2, found.stderr
    assert ["s3:CreateBucket" in lines[0], "s3:GetObject" in lines[1]] == [True, True]
    assert "NoSuchKey" in lines[1]
    (line,) = fresh_studio.clary(*where, "--errors", "--service", "s3", "--since", "1h", "--json").stdout.splitlines()
    assert json.loads(line)["errorCode"] == "NoSuchKey"
    (line,) = fresh_studio.clary(*where, "--changes", "--user", "owner").stdout.splitlines()
    assert "CreateBucket" in line
    assert "Nothing" in fresh_studio.clary(*where, "--until", "1d").stderr
    assert "is no time" in fresh_studio.clary(*where, "--since", "noon").stderr
    fresh_studio.start()
