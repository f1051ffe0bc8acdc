"""What a training job used of the machine, as CloudWatch and the readers of SageMaker Debugger see it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from datetime import UTC, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests import jobs, processing
from tests.conftest import Studio

pytestmark = pytest.mark.slow

Boto = Callable[..., Any]

NAMESPACE = "/aws/sagemaker/TrainingJobs"
BUSY = """
import os, time
held = bytearray(b"1") * (200 << 20)
end = time.monotonic() + 2
while time.monotonic() < end: pass
for step in range(3): print(f"loss={1 / (step + 1)}", flush=True)
"""


@pytest.fixture(scope="module")
def job(studio: Studio) -> dict[str, Any]:
    """A job that was profiled, with a metric of its own."""
    s3, sagemaker = studio.client("s3"), studio.client("sagemaker")
    jobs.prepare(s3)
    config = {"S3OutputPath": f"s3://{jobs.BUCKET}/profiles", "ProfilingIntervalInMilliseconds": 200}
    request = jobs.training(s3, "busy", BUSY, ProfilerConfig=config)
    request["AlgorithmSpecification"] |= {
        "MetricDefinitions": [{"Name": "loss", "Regex": "loss=([0-9.]+)"}],
        "EnableSageMakerMetricsTimeSeries": True,
    }
    sagemaker.create_training_job(**request)
    found = jobs.ended(sagemaker, "busy")
    assert found["TrainingJobStatus"] == "Completed", found
    return found


def statistics(cloudwatch: Any, job: dict[str, Any], name: str, dimensions: dict[str, str]) -> list[Any]:
    points: list[Any] = cloudwatch.get_metric_statistics(
        Namespace=NAMESPACE,
        MetricName=name,
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        StartTime=job["TrainingStartTime"] - timedelta(minutes=1),
        EndTime=job["TrainingEndTime"] + timedelta(minutes=1),
        Period=60,
        Statistics=["Average", "Maximum", "SampleCount"],
    )["Datapoints"]
    return points


def test_what_each_host_used_stands_in_cloudwatch(job: dict[str, Any], boto: Boto) -> None:
    cloudwatch, host = boto("cloudwatch"), {"Host": "busy/algo-1"}
    listed = cloudwatch.list_metrics(Namespace=NAMESPACE, Dimensions=[{"Name": "Host", "Value": "busy/algo-1"}])
    names = {metric["MetricName"] for metric in listed["Metrics"]}
    assert {"CPUUtilization", "MemoryUtilization", "DiskUtilization"} <= names
    points = statistics(cloudwatch, job, "CPUUtilization", host)
    assert sum(point["SampleCount"] for point in points) >= 3
    assert 10 < max(point["Maximum"] for point in points) <= 100 * (os.cpu_count() or 1) + 25
    assert points[0]["Unit"] == "Percent"
    memory = max(point["Maximum"] for point in statistics(cloudwatch, job, "MemoryUtilization", host))
    assert 200 / (8 * 1024) * 100 < memory < 20  # of ml.m5.large's 8 GiB
    assert 0 < statistics(cloudwatch, job, "DiskUtilization", host)[0]["Average"] < 100


def test_metrics_are_read_together_by_get_metric_data(job: dict[str, Any], boto: Boto) -> None:
    def query(identifier: str, name: str, dimension: tuple[str, str]) -> dict[str, Any]:
        metric = {
            "Namespace": NAMESPACE,
            "MetricName": name,
            "Dimensions": [{"Name": dimension[0], "Value": dimension[1]}],
        }
        return {"Id": identifier, "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Maximum"}}

    found = boto("cloudwatch").get_metric_data(
        MetricDataQueries=[
            query("cpu", "CPUUtilization", ("Host", "busy/algo-1")),
            query("loss", "loss", ("TrainingJobName", "busy")),
            {"Id": "part", "Expression": "cpu / 100"},
        ],
        StartTime=job["TrainingStartTime"] - timedelta(minutes=1),
        EndTime=job["TrainingEndTime"] + timedelta(minutes=1),
    )["MetricDataResults"]
    values = {each["Id"]: each["Values"] for each in found}
    assert max(values["loss"]) == 1.0
    assert [part * 100 for part in values["part"]] == pytest.approx(values["cpu"])


def test_the_description_tells_of_series_and_profiling(job: dict[str, Any]) -> None:
    assert job["AlgorithmSpecification"]["EnableSageMakerMetricsTimeSeries"] is True
    assert job["ProfilingStatus"] == "Enabled"
    assert job["ProfilerConfig"]["ProfilingIntervalInMilliseconds"] == 200
    assert job["ProfilerConfig"]["DisableProfiler"] is False


def test_the_profilers_files_are_as_their_readers_want_them(job: dict[str, Any], boto: Boto) -> None:
    s3 = boto("s3")
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=jobs.BUCKET, Prefix="profiles/busy/")["Contents"]]
    base = "profiles/busy/profiler-output"
    ends = {f"{base}/system/training_job_end.ts", f"{base}/framework/training_job_end.ts"}
    assert ends <= set(keys)
    files = sorted(set(keys) - ends)
    assert files
    for key in files:
        named = re.fullmatch(rf"{base}/system/incremental/(\d{{10}})/(\d{{10}})\.algo-\d+\.json", key)
        assert named, key
        assert re.match(r".+/system/.+/(\d{10}).algo-\d+.json", key)  # the expression of smdebug
        minute, hour = int(named[2]), named[1]
        assert minute % 60 == 0
        text = s3.get_object(Bucket=jobs.BUCKET, Key=key)["Body"].read().decode()
        assert text.endswith("\n")
        rows = [json.loads(line) for line in text.splitlines()]
        assert all(set(row) == {"Type", "Name", "Dimension", "Value", "NodeId", "Timestamp"} for row in rows)
        assert {row["NodeId"] for row in rows} == {"algo-1"}
        assert all(minute <= row["Timestamp"] < minute + 60 for row in rows)
        assert hour == f"{job['TrainingStartTime'].astimezone(UTC):%Y%m%d%H}" or len(files) > 1
        kinds = {(row["Type"], re.sub(r"\d+$", "", row["Name"]), row["Dimension"]) for row in rows}
        assert kinds >= {
            ("cpu", "cpu", "CPUUtilization"),
            ("cpu", "cpu", "I/OWaitPercentage"),
            ("memory", "MemoryUsedPercent", ""),
            ("i/o", "IOPS", ""),
            ("i/o", "ReadThroughputInBytesPerSecond", ""),
            ("i/o", "WriteThroughputInBytesPerSecond", ""),
        }
        cores = {row["Name"] for row in rows if row["Type"] == "cpu"}
        assert cores == {f"cpu{number}" for number in range(os.cpu_count() or 1)}


def test_a_profiler_that_is_switched_off_writes_nothing(job: dict[str, Any], boto: Boto) -> None:
    s3, sagemaker = boto("s3"), boto("sagemaker")
    for name, config in {"off": {"ProfilerConfig": {"DisableProfiler": True}}, "without": {}}.items():
        sagemaker.create_training_job(**jobs.training(s3, name, "print('x')", **config))
        assert jobs.ended(sagemaker, name)["ProfilingStatus"] == "Disabled"
    listed = s3.list_objects_v2(Bucket=jobs.BUCKET, Prefix="profiles/")["Contents"]
    assert {item["Key"].split("/")[1] for item in listed} == {"busy"}


def test_a_job_that_runs_is_profiled_from_when_it_is_updated(job: dict[str, Any], boto: Boto) -> None:
    s3, sagemaker = boto("s3"), boto("sagemaker")
    script = "import time\nprint('on', flush=True)\nwhile True: time.sleep(0.1)"
    sagemaker.create_training_job(**jobs.training(s3, "updated", script))
    jobs.wait_for_line(boto("logs"), "updated", "on")
    config = {"S3OutputPath": f"s3://{jobs.BUCKET}/later", "ProfilingIntervalInMilliseconds": 100}
    sagemaker.update_training_job(TrainingJobName="updated", ProfilerConfig=config)
    sagemaker.stop_training_job(TrainingJobName="updated")
    assert jobs.ended(sagemaker, "updated")["ProfilingStatus"] == "Enabled"
    listed = s3.list_objects_v2(Bucket=jobs.BUCKET, Prefix="later/updated/profiler-output/system/")["Contents"]
    assert {item["Key"].rpartition(".")[2] for item in listed} == {"json", "ts"}


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"ProfilingIntervalInMilliseconds": 300, "S3OutputPath": "s3://jobs/x"}, "Invalid ProfilingIntervalInMillis"),
        ({"S3OutputPath": "s3://nowhere/x"}, "which does not exist"),
        ({}, "needs an S3OutputPath"),
        ({"S3OutputPath": "s3://jobs/x", "ProfilingParameters": {"a": "b"}}, "framework profiling"),
    ],
)
def test_what_is_not_profiled_is_refused(job: dict[str, Any], boto: Boto, config: dict[str, Any], said: str) -> None:
    request = jobs.training(boto("s3"), "refused", "print()", ProfilerConfig=config)
    with pytest.raises(ClientError, match=said):
        boto("sagemaker").create_training_job(**request)


def test_a_role_that_may_not_write_the_profile_is_told_in_the_log(job: dict[str, Any], boto: Boto) -> None:
    s3, sagemaker, logs = boto("s3"), boto("sagemaker"), boto("logs")
    s3.create_bucket(Bucket="closed")
    deny = {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Deny",
            "Principal": {"AWS": jobs.ROLE},
            "Action": "s3:PutObject",
            "Resource": "arn:aws:s3:::closed/*",
        },
    }
    s3.put_bucket_policy(Bucket="closed", Policy=json.dumps(deny))
    request = jobs.training(
        s3, "shut-out", "import time; time.sleep(1)", ProfilerConfig={"S3OutputPath": "s3://closed/profiles"}
    )
    sagemaker.create_training_job(**request)
    assert jobs.ended(sagemaker, "shut-out")["TrainingJobStatus"] == "Completed"
    lines = jobs.log_lines(logs, "shut-out")
    assert sum(line.startswith("Clary: the profiler's output is not written: ") for line in lines) == 1


def test_measuring_goes_on_while_the_server_is_gone(fresh_studio: Studio) -> None:
    s3, sagemaker = fresh_studio.client("s3"), fresh_studio.client("sagemaker")
    jobs.prepare(s3)
    script = "import time\nprint('begun', flush=True)\ntime.sleep(4)\n"
    request = jobs.training(s3, "alone", script, ProfilerConfig={"S3OutputPath": f"s3://{jobs.BUCKET}/profiles"})
    sagemaker.create_training_job(**request)
    jobs.wait_for_line(fresh_studio.client("logs"), "alone", "begun")
    fresh_studio.kill()
    fresh_studio.start()
    found = jobs.ended(fresh_studio.client("sagemaker"), "alone")
    points = statistics(fresh_studio.client("cloudwatch"), found, "MemoryUtilization", {"Host": "alone/algo-1"})
    assert sum(point["SampleCount"] for point in points) >= 6


def test_a_processing_job_is_measured_too(job: dict[str, Any], studio: Studio) -> None:
    s3, sagemaker = studio.client("s3"), studio.client("sagemaker")
    sagemaker.create_processing_job(**processing.request(s3, "processed", "import time; time.sleep(1.5)"))
    assert processing.ended(sagemaker, "processed")["ProcessingJobStatus"] == "Completed"
    found = studio.client("cloudwatch").list_metrics(Namespace="/aws/sagemaker/ProcessingJobs")["Metrics"]
    told = {(metric["MetricName"], metric["Dimensions"][0]["Value"]) for metric in found}
    assert told >= {(f"{name}Utilization", "processed/algo-1") for name in ("CPU", "Memory", "Disk")}
