"""``clary clock``: what takes hours or weeks is over in a moment, and real clients go on."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner

from clary.cli.clock import clock as command
from tests import jobs
from tests.conftest import Studio
from tests.waiting import until

Boto = Callable[..., Any]


def clock(studio: Studio, *arguments: str) -> str:
    done = CliRunner().invoke(command, ["--data", str(studio.data), *arguments])
    assert done.exit_code == 0, done.output
    return done.output


def health(studio: Studio) -> dict[str, Any]:
    with urllib.request.urlopen(f"{studio.url}/health") as answer:
        found: dict[str, Any] = json.loads(answer.read())["clock"]
    return found


@pytest.fixture(autouse=True)
def in_time(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each test begins and ends at the machine's time."""
    yield
    if "studio" in request.fixturenames:
        clock(request.getfixturevalue("studio"), "reset")


def test_it_is_shown_moved_and_set_back(studio: Studio) -> None:
    assert "this machine's time" in clock(studio)
    assert "(2h ahead" in clock(studio, "advance", "2h")
    assert "(1d2h30m ahead" in clock(studio, "advance", "1d30m")
    assert health(studio)["ahead"] == 95_400
    to = datetime.now(UTC) + timedelta(days=365)
    clock(studio, "set", to.isoformat(timespec="seconds"))
    assert abs(datetime.fromisoformat(health(studio)["time"]) - to) < timedelta(seconds=30)
    assert "ahead of this machine's" in studio.clary("status", "--data", str(studio.data)).stdout
    assert "this machine's time" in clock(studio, "reset")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["advance", "0h"], "the clock only goes ahead"),
        (["advance", "soon"], "'soon' is no length of time: 90s, 30m, 2h, 1d12h, 2w"),
        (["set", "2001-01-01"], "and the clock only goes ahead; reset takes it back"),
        (["set", "tomorrow"], "'tomorrow' is no time: 2027-01-01"),
        (["advance", "99999w"], "the clock ends with the year 2199"),
    ],
)
def test_what_it_does_not_do_is_said(studio: Studio, arguments: list[str], said: str) -> None:
    done = CliRunner().invoke(command, ["--data", str(studio.data), *arguments])
    assert done.exit_code != 0
    assert said in done.output
    assert health(studio)["ahead"] == 0


def test_it_is_kept_over_a_restart(fresh_studio: Studio) -> None:
    clock(fresh_studio, "advance", "3d")
    fresh_studio.kill()
    fresh_studio.start()
    assert health(fresh_studio)["ahead"] == 259_200
    created = fresh_studio.client("iam").create_user(UserName="late")["User"]["CreateDate"]
    assert created - datetime.now(UTC) > timedelta(days=2, hours=23)


def test_a_temporary_key_ends_and_its_holder_is_told_the_time_of_its_own_clock(studio: Studio, boto: Boto) -> None:
    clock(studio, "advance", "5h")
    given = boto("sts").assume_role(RoleArn=jobs.ROLE, RoleSessionName="session", DurationSeconds=3600)["Credentials"]
    left = given["Expiration"] - datetime.now(UTC)
    assert timedelta(minutes=59) < left <= timedelta(minutes=60)
    role = boto(
        "sts",
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )
    role.get_caller_identity()
    clock(studio, "advance", "59m")
    role.get_caller_identity()
    clock(studio, "advance", "2m")
    with pytest.raises(ClientError, match="ExpiredToken"):
        role.get_caller_identity()
    assert boto("sts").get_caller_identity()["Account"] == "000000000000"  # signed by the machine's time


def test_going_back_lends_no_key_a_longer_life(studio: Studio, boto: Boto) -> None:
    clock(studio, "advance", "52w")
    given = boto("sts").assume_role(RoleArn=jobs.ROLE, RoleSessionName="session")["Credentials"]
    role = boto(
        "sts",
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )
    role.get_caller_identity()
    clock(studio, "reset")
    with pytest.raises(ClientError, match="ExpiredToken"):
        role.get_caller_identity()


def test_nobody_but_the_owner_moves_it(studio: Studio, boto: Boto) -> None:
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
    from botocore.httpsession import URLLib3Session

    given = boto("sts").assume_role(RoleArn=jobs.ROLE, RoleSessionName="session")["Credentials"]
    request = AWSRequest("POST", f"{studio.url}/_/clock?advance=3600")
    unsigned = URLLib3Session(proxies={}).send(request.prepare())
    key = Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    SigV4Auth(key, "clary", "us-east-1").add_auth(request)
    refused = URLLib3Session(proxies={}).send(request.prepare())
    assert (unsigned.status_code, refused.status_code) == (403, 403)
    assert "The clock is the owner's" in refused.text
    assert health(studio)["ahead"] == 0


def test_a_move_stands_in_the_audit_trail_which_keeps_the_machines_time(studio: Studio, boto: Boto) -> None:
    clock(studio, "advance", "400d")  # longer than the trail is kept

    def told() -> list[Any]:
        events: list[Any] = boto("cloudtrail").lookup_events(
            LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "MoveClock"}]
        )["Events"]
        return events

    until(lambda: bool(told()))
    assert abs(told()[0]["EventTime"] - datetime.now(UTC)) < timedelta(minutes=5)


def test_objects_expire_by_the_rules_of_their_bucket(studio: Studio, boto: Boto) -> None:
    s3 = boto("s3")
    s3.create_bucket(Bucket="ages")
    rule = {"ID": "week", "Status": "Enabled", "Filter": {"Prefix": "old/"}, "Expiration": {"Days": 7}}
    s3.put_bucket_lifecycle_configuration(Bucket="ages", LifecycleConfiguration={"Rules": [rule]})
    s3.put_object(Bucket="ages", Key="old/a", Body=b"a")
    s3.put_object(Bucket="ages", Key="kept", Body=b"b")
    clock(studio, "advance", "6d")
    s3.put_object(Bucket="ages", Key="old/later", Body=b"c")
    clock(studio, "advance", "3d")
    until(lambda: [item["Key"] for item in s3.list_objects_v2(Bucket="ages")["Contents"]] == ["kept", "old/later"])


def test_log_events_go_when_their_retention_is_over(studio: Studio, boto: Boto) -> None:
    logs = boto("logs")
    logs.create_log_group(logGroupName="g")
    logs.put_retention_policy(logGroupName="g", retentionInDays=1)
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    event = {"timestamp": round(time.time() * 1000), "message": "m"}
    logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=[event])
    assert logs.describe_log_groups(logGroupNamePrefix="g")["logGroups"][0]["storedBytes"] > 0
    clock(studio, "advance", "2d")
    until(lambda: logs.describe_log_groups(logGroupNamePrefix="g")["logGroups"][0]["storedBytes"] == 0)


def test_programs_that_stamp_by_the_machines_time_are_still_taken(studio: Studio, boto: Boto) -> None:
    clock(studio, "advance", "8w")
    logs, cloudwatch, now = boto("logs"), boto("cloudwatch"), datetime.now(UTC)
    logs.create_log_group(logGroupName="stamped")
    logs.create_log_stream(logGroupName="stamped", logStreamName="s")
    event = {"timestamp": round(now.timestamp() * 1000), "message": "m"}
    taken = logs.put_log_events(logGroupName="stamped", logStreamName="s", logEvents=[event])
    assert "rejectedLogEventsInfo" not in taken
    for moment in (now, now + timedelta(weeks=8)):
        cloudwatch.put_metric_data(Namespace="n", MetricData=[{"MetricName": "m", "Value": 1, "Timestamp": moment}])
    late = {"MetricName": "m", "Value": 1, "Timestamp": now + timedelta(weeks=9)}
    with pytest.raises(ClientError, match="two hours in the future"):
        cloudwatch.put_metric_data(Namespace="n", MetricData=[late])


def test_a_key_of_kms_goes_when_its_window_is_over(studio: Studio, boto: Boto) -> None:
    kms = boto("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    clock(studio, "advance", "6d")
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    clock(studio, "advance", "2d")
    with pytest.raises(ClientError, match="NotFoundException"):
        kms.describe_key(KeyId=key)


SCRIPT = """
import boto3, time
print("loss=0.5", flush=True)
while True:
    print(len(boto3.client("s3").list_buckets()["Buckets"]) > 0, flush=True)
    time.sleep(0.1)
"""


@pytest.mark.slow
def test_a_job_ends_when_the_clock_passes_its_limit_and_its_times_agree(studio: Studio, boto: Boto) -> None:
    s3, sagemaker, logs = boto("s3"), boto("sagemaker"), boto("logs")
    jobs.prepare(s3)
    clock(studio, "advance", "90d")
    request = jobs.training(s3, "limited", SCRIPT, StoppingCondition={"MaxRuntimeInSeconds": 7200})
    request["AlgorithmSpecification"]["MetricDefinitions"] = [{"Name": "loss", "Regex": "loss=([0-9.]+)"}]
    sagemaker.create_training_job(**request)
    jobs.wait_for_line(logs, "limited", "True")
    clock(studio, "advance", "90m")
    seen = len(jobs.log_lines(logs, "limited"))
    until(lambda: len(jobs.log_lines(logs, "limited")) > seen + 2)  # its keys work on
    assert sagemaker.describe_training_job(TrainingJobName="limited")["TrainingJobStatus"] == "InProgress"
    clock(studio, "advance", "1h")
    job = jobs.ended(sagemaker, "limited")
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert "False" not in jobs.log_lines(logs, "limited")
    assert job["TrainingTimeInSeconds"] >= 9000
    assert job["CreationTime"] - datetime.now(UTC) > timedelta(days=89)
    metric = job["FinalMetricDataList"][0]
    assert job["TrainingStartTime"] <= metric["Timestamp"] <= job["TrainingEndTime"]
