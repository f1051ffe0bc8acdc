"""Hosting by boto3: endpoints really answer, and say why when they do not."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, EventStreamError, WaiterError

from tests import jobs
from tests.conftest import Studio
from tests.e2e.test_kill import deploy

pytestmark = pytest.mark.slow

Boto = Callable[..., Any]

PROGRAM = """
import os
def model_fn(model_dir):
    print("loading", os.listdir(model_dir))
    return 100
def predict_fn(rows, model):
    if rows.sum() < 0:
        raise ValueError("a negative row")
    return rows.sum(axis=1) + model
"""


@pytest.fixture(scope="module")
def s3(studio: Studio) -> Any:
    client = studio.client("s3")
    jobs.prepare(client)
    deploy(client, studio.client("sagemaker"), "adder", PROGRAM)
    return client


def ask(runtime: Any, **given: Any) -> Any:
    return runtime.invoke_endpoint(
        **{"EndpointName": "adder", "ContentType": "text/csv", "Body": b"1,2\n3,4\n", **given}
    )


def test_a_batch_of_rows_is_answered_in_each_form(s3: Any, boto: Boto) -> None:
    runtime = boto("sagemaker-runtime")
    answer = ask(runtime, Accept="text/csv")
    assert answer["Body"].read() == b"103.0\n107.0\n"
    assert answer["InvokedProductionVariant"] == "AllTraffic"
    assert json.loads(ask(runtime, Accept="application/json")["Body"].read()) == [103.0, 107.0]
    body = json.dumps([[1, 2], [3, 4]])
    assert json.loads(ask(runtime, ContentType="application/json", Body=body)["Body"].read()) == [103.0, 107.0]


def test_calls_are_metrics(s3: Any, boto: Boto, studio: Studio) -> None:
    deploy(studio.client("s3"), studio.client("sagemaker"), "counted", PROGRAM)
    runtime, cloudwatch = boto("sagemaker-runtime"), boto("cloudwatch")
    for _ in range(5):
        ask(runtime, EndpointName="counted")
    with pytest.raises(ClientError, match="a negative row"):
        ask(runtime, EndpointName="counted", Body=b"-9,1\n")

    def total(name: str, statistic: str) -> float:
        now = datetime.now(UTC)
        given = {"Namespace": "AWS/SageMaker", "MetricName": name, "Statistics": [statistic], "Period": 60}
        where = [{"Name": "EndpointName", "Value": "counted"}, {"Name": "VariantName", "Value": "AllTraffic"}]
        times = {"StartTime": now - timedelta(minutes=5), "EndTime": now + timedelta(minutes=1)}
        found = cloudwatch.get_metric_statistics(**given, Dimensions=where, **times)["Datapoints"]
        return sum(float(each[statistic]) for each in found)

    deadline = time.monotonic() + 90
    while total("Invocations", "Sum") < 6 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert total("Invocations", "Sum") == 6
    assert total("InvocationModelErrors", "Sum") == 1
    assert total("ModelLatency", "Maximum") > 0


def test_npy_goes_in_and_out_as_the_sdk_sends_it(s3: Any, boto: Boto) -> None:
    # The header of the npy format, version 1.0: two rows of two doubles.
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2), }"
    header = header.ljust(117) + b"\n"
    import struct

    body = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + struct.pack("<4d", 1, 2, 3, 4)
    answer = ask(boto("sagemaker-runtime"), ContentType="application/x-npy", Accept="application/x-npy", Body=body)
    assert answer["Body"].read().endswith(struct.pack("<2d", 103, 107))


def test_what_the_model_raises_reaches_the_caller_with_the_way_to_the_log(s3: Any, boto: Boto) -> None:
    runtime = boto("sagemaker-runtime")
    with pytest.raises(runtime.exceptions.ModelError) as error:
        ask(runtime, Body=b"-5,1\n")
    response = error.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert response["OriginalStatusCode"] == 500
    assert "a negative row" in response["OriginalMessage"]
    assert "clary logs adder" in response["Error"]["Message"]
    with pytest.raises(runtime.exceptions.ModelError, match=r"client error \(415\)"):
        ask(runtime, ContentType="image/png")


def test_the_log_tells_what_the_process_said(s3: Any, boto: Boto) -> None:
    logs = boto("logs")
    group = "/aws/sagemaker/Endpoints/adder"
    found = logs.filter_log_events(logGroupName=group, filterPattern="loading")["events"]
    assert found
    assert found[0]["logStreamName"].startswith("AllTraffic/")


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"EndpointName": "nobody"}, "ValidationError"),
        ({"TargetVariant": "Other"}, "ValidationError"),
        ({"TargetModel": "a.tar.gz"}, "NotImplemented"),
        ({"Body": b"x" * (7 << 20)}, "ValidationError"),
    ],
    ids=["endpoint", "variant", "model", "size"],
)
def test_a_wrong_call_is_told_by_its_name(s3: Any, boto: Boto, given: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as error:
        ask(boto("sagemaker-runtime"), **given)
    assert error.value.response["Error"]["Code"] == code


def test_a_model_that_cannot_be_loaded_fails_the_endpoint_with_its_reason(s3: Any, studio: Studio) -> None:
    sagemaker = studio.client("sagemaker")
    with pytest.raises(WaiterError):
        deploy(s3, sagemaker, "broken", "def model_fn(d): raise RuntimeError('no such weights')\n")
    found = sagemaker.describe_endpoint(EndpointName="broken")
    assert found["EndpointStatus"] == "Failed"
    assert "did not pass the ping health check" in found["FailureReason"]
    assert "no such weights" in found["FailureReason"]
    sagemaker.delete_endpoint(EndpointName="broken")
    sagemaker.get_waiter("endpoint_deleted").wait(EndpointName="broken")


def test_a_missing_archive_fails_the_endpoint_with_its_name(s3: Any, studio: Studio) -> None:
    sagemaker = studio.client("sagemaker")
    container = {"Image": jobs.IMAGE, "ModelDataUrl": "s3://jobs/none.tar.gz"}
    variant = {"VariantName": "V", "ModelName": "none", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    sagemaker.create_model(ModelName="none", ExecutionRoleArn=jobs.ROLE, PrimaryContainer=container)
    sagemaker.create_endpoint_config(EndpointConfigName="none", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="none", EndpointConfigName="none")
    with pytest.raises(WaiterError):
        sagemaker.get_waiter("endpoint_in_service").wait(EndpointName="none")
    assert "s3://jobs/none.tar.gz" in sagemaker.describe_endpoint(EndpointName="none")["FailureReason"]


def test_names_are_told_missing_and_taken_in_the_words_that_sdks_look_for(s3: Any, boto: Boto) -> None:
    sagemaker = boto("sagemaker")
    arn = "arn:aws:sagemaker:us-east-1:000000000000"
    with pytest.raises(ClientError, match=f'Could not find model "{arn}:model/zz"'):
        sagemaker.describe_model(ModelName="zz")
    with pytest.raises(ClientError, match=f'Could not find endpoint configuration "{arn}:endpoint-config/zz"'):
        sagemaker.delete_endpoint_config(EndpointConfigName="zz")
    with pytest.raises(ClientError, match=f'Could not find endpoint "{arn}:endpoint/zz"'):
        sagemaker.describe_endpoint(EndpointName="zz")
    with pytest.raises(ClientError, match=f'Cannot create already existing endpoint "{arn}:endpoint/adder"'):
        sagemaker.create_endpoint(EndpointName="adder", EndpointConfigName="adder")
    with pytest.raises(ClientError, match="not served yet"):
        sagemaker.create_model(
            ModelName="two", ExecutionRoleArn=jobs.ROLE, Containers=[{"Image": jobs.IMAGE}, {"Image": jobs.IMAGE}]
        )


def test_a_body_may_be_a_stream(s3: Any, boto: Boto) -> None:
    answer = ask(boto("sagemaker-runtime"), Body=io.BytesIO(b"1,1\n"), Accept="text/csv")
    assert answer["Body"].read() == b"102.0\n"


STREAMER = """
import time
def model_fn(model_dir): return None
def transform_fn(model, body, content_type, accept):
    if body == "no": raise ValueError("no stream today")
    def pieces():
        for n in range(3):
            yield f"piece {n};"
        if body == "break": raise RuntimeError("half way")
        while body == "endless": yield "x" * 1000; time.sleep(0.01)
        print("the stream ended", flush=True)
    return pieces(), "text/event-stream"
"""


def test_a_generator_of_the_script_streams_its_answer(s3: Any, boto: Boto) -> None:
    deploy(s3, boto("sagemaker"), "streamer", STREAMER)
    runtime = boto("sagemaker-runtime")

    def call(body: bytes) -> Any:
        return runtime.invoke_endpoint_with_response_stream(
            EndpointName="streamer", ContentType="text/csv", Body=body, CustomAttributes="trace"
        )

    answer = call(b"go")
    assert answer["ContentType"] == "text/event-stream"
    assert answer["InvokedProductionVariant"] == "AllTraffic"
    assert b"".join(e["PayloadPart"]["Bytes"] for e in answer["Body"]) == b"piece 0;piece 1;piece 2;"
    whole = runtime.invoke_endpoint(EndpointName="streamer", ContentType="text/csv", Body=b"go")
    assert whole["Body"].read() == b"piece 0;piece 1;piece 2;"  # who does not ask for a stream gets it whole
    with pytest.raises(ClientError) as error:
        call(b"no")
    assert error.value.response["Error"]["Code"] == "ModelError"
    assert error.value.response["OriginalStatusCode"] == 500
    broken = call(b"break")["Body"]
    with pytest.raises(EventStreamError, match=r"ModelStreamError.*broke off its answer"):
        list(broken)
    broken.close()
    # A caller that goes away frees the container: the endless stream does not hold its endpoint.
    endless = call(b"endless")["Body"]
    assert next(iter(endless))
    endless.close()
    assert b"".join(e["PayloadPart"]["Bytes"] for e in call(b"go")["Body"]) == b"piece 0;piece 1;piece 2;"
