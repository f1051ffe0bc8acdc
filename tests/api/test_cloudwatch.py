"""CloudWatch's metrics by boto3 in each protocol that it lists: put, list, read as statistics and by queries."""

from __future__ import annotations

import copy
import gzip
import http.client
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.session
import cbor2
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.conftest import Studio

PROTOCOLS = ["json", "smithy-rpc-v2-cbor", "query"]
NOW = datetime.now(UTC).replace(second=0, microsecond=0)
HOUR = NOW - timedelta(hours=1)


def client_speaking(studio: Studio, protocol: str) -> Any:
    """A boto3 client whose model lists one protocol only."""
    session = botocore.session.get_session()
    loader = session.get_component("data_loader")
    load = loader.load_service_model

    def patched(service: str, kind: str, *given: Any, **named: Any) -> Any:
        model = load(service, kind, *given, **named)
        if kind == "service-2":
            model = copy.deepcopy(model)
            model["metadata"] |= {"protocol": protocol, "protocols": [protocol]}
        return model

    loader.load_service_model = patched
    keys = json.loads((studio.data / "keys.json").read_text())
    return boto3.Session(botocore_session=session).client(
        "cloudwatch",
        endpoint_url=studio.url,
        region_name="us-east-1",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        config=Config(retries={"max_attempts": 1}, proxies={}),
    )


@pytest.fixture(scope="module")
def speaking(studio: Studio) -> Callable[[str], Any]:
    made: dict[str, Any] = {}
    return lambda protocol: made.get(protocol) or made.setdefault(protocol, client_speaking(studio, protocol))


@pytest.fixture(scope="module")
def cloudwatch(speaking: Callable[[str], Any]) -> Any:
    return speaking("json")


def minute(n: int) -> datetime:
    return HOUR + timedelta(minutes=n)


def refused(call: Callable[..., Any], **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as error:
        call(**request)
    found = error.value.response["Error"]
    return found["Code"], found["Message"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_values_come_back_as_statistics(speaking: Callable[[str], Any], protocol: str) -> None:
    client = speaking(protocol)
    space, dimensions = f"Ward/{protocol}", [{"Name": "Model", "Value": "ä & <b>"}, {"Name": "A", "Value": "1"}]
    client.put_metric_data(
        Namespace=space,
        MetricData=[
            {"MetricName": "loss", "Dimensions": dimensions, "Timestamp": minute(0), "Value": 0.5},
            {"MetricName": "loss", "Dimensions": dimensions[::-1], "Timestamp": minute(0), "Value": 0.25},
            {
                "MetricName": "loss",
                "Dimensions": dimensions,
                "Timestamp": minute(1),
                "Values": [1, 3],
                "Counts": [3, 1],
            },
            {
                "MetricName": "loss",
                "Dimensions": dimensions,
                "Timestamp": minute(2),
                "StatisticValues": {"SampleCount": 4, "Sum": 10, "Minimum": 1, "Maximum": 4},
            },
        ],
    )
    found = client.get_metric_statistics(
        Namespace=space,
        MetricName="loss",
        Dimensions=dimensions,
        StartTime=minute(0),
        EndTime=minute(3),
        Period=60,
        Statistics=["SampleCount", "Average", "Sum", "Minimum", "Maximum"],
    )
    assert found["Label"] == "loss"
    assert [
        (p["Timestamp"], p["SampleCount"], p["Average"], p["Sum"], p["Minimum"], p["Maximum"], p["Unit"])
        for p in found["Datapoints"]
    ] == [
        (minute(0), 2, 0.375, 0.75, 0.25, 0.5, "None"),
        (minute(1), 4, 1.5, 6, 1, 3, "None"),
        (minute(2), 4, 2.5, 10, 1, 4, "None"),
    ]
    assert client.list_metrics(Namespace=space)["Metrics"] == [
        {"Namespace": space, "MetricName": "loss", "Dimensions": dimensions[::-1]}
    ]
    query = {"Namespace": space, "MetricName": "loss", "Dimensions": dimensions}
    [result] = client.get_metric_data(
        MetricDataQueries=[{"Id": "m1", "MetricStat": {"Metric": query, "Period": 60, "Stat": "Maximum"}}],
        StartTime=minute(0),
        EndTime=minute(3),
    )["MetricDataResults"]
    assert (result["Id"], result["Label"], result["StatusCode"]) == ("m1", "loss", "Complete")
    assert result["Timestamps"] == [minute(2), minute(1), minute(0)]
    assert result["Values"] == [4, 3, 0.5]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_errors_have_their_old_codes_in_every_protocol(speaking: Callable[[str], Any], protocol: str) -> None:
    client = speaking(protocol)
    datum = {"MetricName": "m", "Value": 1.0, "Values": [1.0]}
    assert refused(client.put_metric_data, Namespace="N", MetricData=[datum]) == (
        "InvalidParameterCombination",
        "The parameters MetricData.member.1.Value and MetricData.member.1.Values are mutually exclusive and you have "
        "specified both.",
    )
    code, text = refused(client.put_metric_data, Namespace=":", MetricData=[{"MetricName": "m", "Value": 1.0}])
    assert code == "ValidationError"
    assert text == (
        "1 validation error detected: Value ':' at 'namespace' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: [^:].*"
    )
    with pytest.raises(ClientError) as error:
        client.describe_alarms()
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert "cloudwatch:DescribeAlarms is not served" in str(error.value)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_large_requests_come_packed(speaking: Callable[[str], Any], protocol: str) -> None:
    client = speaking(protocol)
    sent: list[str | None] = []
    client.meta.events.register(
        "before-send.cloudwatch.PutMetricData",
        lambda request, **_: sent.append(request.headers.get("Content-Encoding")),
    )
    data = [{"MetricName": f"metric-{n}", "Value": float(n), "Unit": "Count"} for n in range(600)]
    client.put_metric_data(Namespace=f"Packed/{protocol}", MetricData=data)
    assert [str(s.decode() if isinstance(s, bytes) else s) for s in sent] == ["gzip"]
    pages = list(client.get_paginator("list_metrics").paginate(Namespace=f"Packed/{protocol}"))
    assert [len(page["Metrics"]) for page in pages] == [500, 100]
    assert {m["MetricName"] for page in pages for m in page["Metrics"]} == {d["MetricName"] for d in data}


def post(studio: Studio, body: bytes, headers: dict[str, str], path: str = "/") -> tuple[int, dict[str, str], bytes]:
    keys = json.loads((studio.data / "keys.json").read_text())
    request = AWSRequest("POST", studio.url + path, headers, data=body)
    SigV4Auth(Credentials(keys["AccessKeyId"], keys["SecretAccessKey"]), "monitoring", "us-east-1").add_auth(request)
    url = urlsplit(studio.url)
    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=60)
    connection.request("POST", path, body, dict(request.headers.items()))
    response = connection.getresponse()
    found = response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
    connection.close()
    return found


CBOR_PATH = "/service/GraniteServiceVersion20100801/operation/ListMetrics"
CBOR_HEADERS = {"Smithy-Protocol": "rpc-v2-cbor", "Content-Type": "application/cbor"}
CBOR_BAD = {
    "no body of CBOR": b"{}",
    "a list": b"\x80",
    "a cut text": b"\xa1\x69Namesp",
    "text that is not UTF-8": b"\xa1\x69Namespace\x62\xff\xfe",
    "a wrong type": cbor2.dumps({"Namespace": 5}),
    "an endless nesting": b"\x81" * 100_000,
    "a length of exabytes": b"\x5b\x7f\xff\xff\xff\xff\xff\xff\xff",
    "a value that holds itself": b"\xa1\x6aDimensions\xd8\x1c\x81\xd8\x1d\x00",
    "a break in the open": b"\xff",
    "bytes behind the end": b"\xa0\xa0",
}


@pytest.mark.parametrize("body", CBOR_BAD.values(), ids=CBOR_BAD)
def test_what_is_no_cbor_is_told_so(studio: Studio, body: bytes) -> None:
    status, headers, answer = post(studio, body, CBOR_HEADERS, CBOR_PATH)
    assert status == 400
    assert headers["smithy-protocol"] == "rpc-v2-cbor"
    assert cbor2.loads(answer)["__type"] == "SerializationException"


def test_cbor_of_other_clients_is_read(studio: Studio) -> None:
    put = CBOR_PATH.replace("ListMetrics", "PutMetricData")
    time = b"\xc1" + cbor2.dumps(float(int(minute(5).timestamp())))
    body = (
        b"\xbf"  # maps, lists and texts without a length
        b"\x7f\x65Names\x64pace\xff\x65Other"
        b"\x6aMetricData\x9f\xbf\x6aMetricName\x61m"
        b"\x65Value\xf9\x3e\x00"  # half a float: 1.5
        b"\x69Timestamp" + time + b"\x67Unknown\xf6\xff\xff\xff"
    )
    status, headers, answer = post(studio, body, CBOR_HEADERS, put)
    assert (status, answer) == (200, b"")
    assert "content-type" not in headers
    found = studio.client("cloudwatch").get_metric_statistics(
        Namespace="Other", MetricName="m", StartTime=minute(0), EndTime=minute(10), Period=60, Statistics=["Sum"]
    )
    assert [(p["Timestamp"], p["Sum"]) for p in found["Datapoints"]] == [(minute(5), 1.5)]
    status, headers, answer = post(studio, cbor2.dumps({"Namespace": "Other"}), CBOR_HEADERS, CBOR_PATH)
    assert headers["content-type"] == "application/cbor"
    assert cbor2.loads(answer) == {"Metrics": [{"Namespace": "Other", "MetricName": "m", "Dimensions": []}]}


def test_an_operation_that_there_is_not_is_told_so_in_json(studio: Studio) -> None:
    status, _, answer = post(studio, b"{}", {"X-Amz-Target": "GraniteServiceVersion20100801.Nothing"})
    assert (status, json.loads(answer)["__type"]) == (400, "UnknownOperationException")


def test_cbor_of_what_there_is_not_is_refused_in_cbor(studio: Studio) -> None:
    for path, code, status in [
        ("/service/GraniteServiceVersion20100801/operation/Nothing", "UnknownOperationException", 400),
        ("/service/Nobody/operation/Nothing", "NotImplemented", 501),
        ("/elsewhere", "UnknownOperationException", 404),
    ]:
        found, _, answer = post(studio, b"\xa0", CBOR_HEADERS, path)
        assert (found, cbor2.loads(answer)["__type"]) == (status, code)


def test_a_packed_body_is_unpacked_up_to_a_limit(studio: Studio) -> None:
    headers = {
        "X-Amz-Target": "GraniteServiceVersion20100801.ListMetrics",
        "Content-Type": "application/x-amz-json-1.0",
        "Content-Encoding": "gzip",
    }
    for body, status, code in [
        (gzip.compress(b"{}"), 200, None),
        (b"no gzip", 400, "SerializationException"),
        (gzip.compress(b"{}")[:-6], 400, "SerializationException"),
        (gzip.compress(b" " * (33 << 20)), 413, "RequestEntityTooLarge"),
    ]:
        found, _, answer = post(studio, body, headers)
        assert found == status, answer
        assert json.loads(answer).get("__type") == code
    assert post(studio, b"{}", {**headers, "Content-Encoding": "br"})[0] == 415
    # What is signed is the packed body: another under the same signature is refused.
    keys = json.loads((studio.data / "keys.json").read_text())
    request = AWSRequest("POST", studio.url, headers, data=gzip.compress(b"{}"))
    SigV4Auth(Credentials(keys["AccessKeyId"], keys["SecretAccessKey"]), "monitoring", "us-east-1").add_auth(request)
    url = urlsplit(studio.url)
    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=60)
    connection.request("POST", "/", gzip.compress(b"{ }"), dict(request.headers.items()))
    assert json.loads(connection.getresponse().read())["__type"] == "InvalidSignatureException"
    connection.close()


BAD_DATA = {
    "nothing": ({}, "MissingParameter", "At least one of"),
    "counts": ({"Values": [1.0, 2.0], "Counts": [1.0]}, "InvalidParameterValue", "must be of the same size"),
    "no number": (
        {"Value": float("nan")},
        "InvalidParameterValue",
        "The value nan for parameter MetricData.member.1.Value",
    ),
    "too large": ({"Value": 2.0**361}, "InvalidParameterValue", "is invalid"),
    "too old": (
        {"Value": 1.0, "Timestamp": NOW - timedelta(days=15)},
        "InvalidParameterValue",
        "within the past two weeks",
    ),
    "too new": (
        {"Value": 1.0, "Timestamp": NOW + timedelta(hours=3)},
        "InvalidParameterValue",
        "two hours in the future",
    ),
    "upside down": (
        {"StatisticValues": {"SampleCount": 1, "Sum": 1, "Minimum": 2, "Maximum": 1}},
        "InvalidParameterValue",
        "Maximum must be greater than",
    ),
    "resolution": ({"Value": 1.0, "StorageResolution": 5}, "InvalidParameterValue", "must be 1 or 60"),
    "many values": ({"Values": [1.0] * 151}, "InvalidParameterValue", "must not have a size greater than 150"),
    "unit": ({"Value": 1.0, "Unit": "Parsec"}, "ValidationError", "Member must satisfy enum value set"),
    "twice": ({"Value": 1.0, "Dimensions": [{"Name": "a", "Value": "b"}] * 2}, "InvalidParameterValue", "given twice"),
}


@pytest.mark.parametrize(("datum", "code", "text"), BAD_DATA.values(), ids=BAD_DATA)
def test_data_that_cannot_be_taken_name_what_is_wrong(
    cloudwatch: Any, datum: dict[str, Any], code: str, text: str
) -> None:
    good = {"MetricName": "good", "Value": 1.0}
    found = refused(cloudwatch.put_metric_data, Namespace="Bad", MetricData=[{"MetricName": "bad", **datum}, good])
    assert found[0] == code
    assert text in found[1]
    assert cloudwatch.list_metrics(Namespace="Bad")["Metrics"] == []  # all, or nothing


def test_metrics_are_listed_by_name_and_dimensions(cloudwatch: Any) -> None:
    for model, host in [("a", "1"), ("a", "2"), ("b", None)]:
        dimensions = [{"Name": "Model", "Value": model}] + ([{"Name": "Host", "Value": host}] if host else [])
        cloudwatch.put_metric_data(
            Namespace="List", MetricData=[{"MetricName": "cpu", "Dimensions": dimensions, "Value": 1.0}]
        )

    def listed(**filters: Any) -> list[Any]:
        found = cloudwatch.list_metrics(Namespace="List", **filters)["Metrics"]
        return [sorted(d["Value"] for d in m["Dimensions"]) for m in found]

    assert listed() == [["1", "a"], ["2", "a"], ["b"]]
    assert listed(Dimensions=[{"Name": "Host"}]) == [["1", "a"], ["2", "a"]]
    assert listed(Dimensions=[{"Name": "Model", "Value": "a"}, {"Name": "Host", "Value": "2"}]) == [["2", "a"]]
    assert listed(MetricName="other") == []
    assert len(listed(RecentlyActive="PT3H")) == 3
    assert listed(OwningAccount="111111111111") == []
    found = cloudwatch.list_metrics(Namespace="List", IncludeLinkedAccounts=True)
    assert found["OwningAccounts"] == ["000000000000"] * 3
    assert refused(cloudwatch.list_metrics, NextToken="made up")[0] == "InvalidParameterValue"


def test_periods_units_and_percentiles(cloudwatch: Any) -> None:
    cloudwatch.put_metric_data(
        Namespace="Periods",
        MetricData=[
            *({"MetricName": "m", "Timestamp": minute(n), "Value": float(n), "Unit": "Count"} for n in range(10)),
            {"MetricName": "m", "Timestamp": minute(0), "Value": 100.0, "Unit": "Bytes"},
            {"MetricName": "fine", "Timestamp": minute(0) + timedelta(seconds=7), "Value": 7.0, "StorageResolution": 1},
            {
                "MetricName": "fine",
                "Timestamp": minute(0) + timedelta(seconds=12),
                "Value": 12.0,
                "StorageResolution": 1,
            },
        ],
    )

    def asked(**given: Any) -> list[dict[str, Any]]:
        request = {
            "Namespace": "Periods",
            "MetricName": "m",
            "StartTime": minute(0) + timedelta(seconds=30),  # rounded down to the minute
            "EndTime": minute(10),
            "Period": 300,
            "Statistics": ["Sum"],
            **given,
        }
        return cloudwatch.get_metric_statistics(**{k: v for k, v in request.items() if v is not None})["Datapoints"]

    assert [(p["Timestamp"], p["Unit"], p["Sum"]) for p in asked()] == [
        (minute(0), "Bytes", 100.0),
        (minute(0), "Count", 10.0),
        (minute(5), "Count", 35.0),
    ]
    assert [p["Sum"] for p in asked(Unit="Count", EndTime=minute(9))] == [10.0, 26.0]
    [point] = asked(Unit="Count", Statistics=None, ExtendedStatistics=["p50", "p0", "p100", "p99.5"], Period=600)
    assert point["ExtendedStatistics"] == {"p50": 4.5, "p0": 0.0, "p100": 9.0, "p99.5": pytest.approx(8.955)}
    fine = asked(MetricName="fine", Period=10, StartTime=minute(0) + timedelta(seconds=3), EndTime=minute(1))
    assert [(p["Timestamp"], p["Sum"]) for p in fine] == [
        (minute(0), 7.0),
        (minute(0) + timedelta(seconds=10), 12.0),
    ]
    assert asked(MetricName="nothing") == []


def test_statistics_that_cannot_be_told_are_refused(cloudwatch: Any) -> None:
    request = {"Namespace": "N", "MetricName": "m", "StartTime": minute(0), "EndTime": minute(10), "Period": 60}
    ask = cloudwatch.get_metric_statistics
    code, text = refused(ask, **request | {"Statistics": ["Sum"], "StartTime": NOW - timedelta(days=2)})
    assert code == "InvalidParameterCombination"
    assert "exceeds the limit of 1,440" in text
    assert refused(ask, **request | {"Statistics": ["Sum"], "EndTime": minute(0)})[0] == "InvalidParameterValue"
    assert refused(ask, **request | {"Statistics": ["Sum"], "Period": 61})[0] == "InvalidParameterValue"
    assert refused(ask, **request)[0] == "MissingParameter"
    assert refused(ask, **request | {"ExtendedStatistics": ["tm90"]})[0] == "NotImplemented"
    assert refused(ask, **request | {"ExtendedStatistics": ["p101"]})[0] == "InvalidParameterValue"


@pytest.fixture(scope="module")
def math(cloudwatch: Any) -> Callable[[str], Any]:
    """The values of an expression over three series: a is 1 2 3 4, b is 10 20 _ 40 (the third is missing), c is 0 0 0 0."""
    series = {"a": [1, 2, 3, 4], "b": [10, 20, None, 40], "c": [0, 0, 0, 0]}
    data = [
        {"MetricName": name, "Timestamp": minute(n), "Value": float(value)}
        for name, values in series.items()
        for n, value in enumerate(values)
        if value is not None
    ]
    cloudwatch.put_metric_data(Namespace="Math", MetricData=data)
    queries = [
        {
            "Id": name,
            "ReturnData": False,
            "MetricStat": {"Metric": {"Namespace": "Math", "MetricName": name}, "Period": 60, "Stat": "Sum"},
        }
        for name in series
    ]

    def ask(expression: str) -> Any:
        found = cloudwatch.get_metric_data(
            MetricDataQueries=[*queries, {"Id": "e1", "Expression": expression}],
            StartTime=minute(0),
            EndTime=minute(4),
            ScanBy="TimestampAscending",
        )["MetricDataResults"]
        assert {r["Id"] for r in found} == {"e1"}
        return found[0]["Values"] if len(found) == 1 else [r["Values"] for r in found]

    return ask


MATH = {
    "a + b": [11, 22, 44],
    "b - a * 2": [8, 16, 32],
    "-a ^ 2": [1, 4, 9, 16],
    "(a + 1) / 2": [1, 1.5, 2, 2.5],
    "a / c": [],
    "a > 2": [0, 0, 1, 1],
    "a >= 2 AND a < 4": [0, 1, 1, 0],
    "a == 1 || a == 4": [1, 0, 0, 1],
    "ABS(c - a)": [1, 2, 3, 4],
    "CEIL(a / 3)": [1, 1, 1, 2],
    "a - AVG(a)": [-1.5, -0.5, 0.5, 1.5],
    "a / SUM(a)": [0.1, 0.2, 0.3, 0.4],
    "SUM(METRICS())": [11, 22, 3, 44],
    "MAX([a, b])": [10, 20, 3, 40],
    "AVG([a, b, c])": [11 / 3, 22 / 3, 1.5, 44 / 3],
    "FILL(b, 0)": [10, 20, 0, 40],
    "FILL(b, REPEAT)": [10, 20, 20, 40],
    "FILL(b, LINEAR)": [10, 20, 30, 40],
    "IF(a > 2, a, 0)": [0, 0, 3, 4],
    "IF(a > 2, b)": [40],
    "RATE(a)": [1 / 60] * 3,
    "DIFF(a)": [1, 1, 1],
    "DIFF_TIME(b)": [60, 120],
    "RUNNING_SUM(a)": [1, 3, 6, 10],
    "a * PERIOD(a)": [60, 120, 180, 240],
    "a + DATAPOINT_COUNT(b)": [4, 5, 6, 7],
    "a + FIRST(b) + LAST(b)": [51, 52, 53, 54],
    "METRICS() * 2": [[2, 4, 6, 8], [20, 40, 80], [0, 0, 0, 0]],
}


@pytest.mark.parametrize("expression", MATH)
def test_expressions_are_computed_where_every_series_has_a_value(math: Callable[[str], Any], expression: str) -> None:
    got, wanted = math(expression), MATH[expression]
    if wanted and isinstance(wanted[0], list):
        assert got == wanted
    else:
        assert got == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("expression", "code", "text"),
    [
        ("ANOMALY_DETECTION_BAND(a)", "NotImplemented", "The function ANOMALY_DETECTION_BAND is not served"),
        ("SEARCH('{N} m', 'Sum', 60)", "NotImplemented", "The function SEARCH is not served"),
        ('SELECT AVG(x) FROM "N"', "NotImplemented", "Metrics Insights is not served"),
        ("a +", "ValidationError", "it ends too early"),
        ("a b", "ValidationError", "unexpected 'b'"),
        ("a ; b", "ValidationError", "unexpected ';'"),
        ("zz + 1", "ValidationError", "'zz', which is no Id"),
        ("AVG(a)", "ValidationError", "it must give a time series"),
        ("RATE(a, b)", "ValidationError", "RATE does not take these arguments"),
        ("(" * 200 + "a" + ")" * 200, "ValidationError", "nested too deeply"),
        ("-" * 1500 + "a", "ValidationError", "nested too deeply"),
        ("e1 + 1", "ValidationError", "go in a circle"),
    ],
)
def test_an_expression_that_cannot_be_computed_says_why(
    math: Callable[[str], Any], expression: str, code: str, text: str
) -> None:
    found = refused(lambda: math(expression))
    assert found[0] == code
    assert text in found[1]


@pytest.mark.parametrize("newest_first", [True, False])
def test_pages_of_datapoints_joined_are_the_whole(cloudwatch: Any, newest_first: bool) -> None:
    data = [
        {"MetricName": name, "Timestamp": minute(n), "Value": float(n)} for name in ("x", "y", "z") for n in range(7)
    ]
    cloudwatch.put_metric_data(Namespace=f"Pages/{newest_first}", MetricData=data)
    queries = [
        {
            "Id": name,
            "MetricStat": {
                "Metric": {"Namespace": f"Pages/{newest_first}", "MetricName": name},
                "Period": 60,
                "Stat": "Sum",
            },
        }
        for name in ("x", "nothing", "y", "z")
    ]
    request = {
        "MetricDataQueries": queries,
        "StartTime": minute(0),
        "EndTime": minute(10),
        "ScanBy": "TimestampDescending" if newest_first else "TimestampAscending",
    }
    joined: dict[str, list[float]] = {}
    states: dict[str, list[str]] = {}
    pages = list(cloudwatch.get_paginator("get_metric_data").paginate(**request, MaxDatapoints=7))
    pages += list(cloudwatch.get_paginator("get_metric_data").paginate(**request, MaxDatapoints=4))
    assert all(sum(len(r["Values"]) for r in page["MetricDataResults"]) <= 7 for page in pages)
    for page in pages:
        for result in page["MetricDataResults"]:
            joined.setdefault(result["Id"], []).extend(result["Values"])
            states.setdefault(result["Id"], []).append(result["StatusCode"])
    whole = [float(n) for n in range(7)]
    whole = whole[::-1] if newest_first else whole
    assert joined == {"x": whole * 2, "nothing": [], "y": whole * 2, "z": whole * 2}
    assert all(s[-1] == "Complete" for s in states.values())
    assert refused(cloudwatch.get_metric_data, **request, NextToken="made up")[0] == "InvalidNextToken"


def test_queries_that_do_not_go_together_are_refused(cloudwatch: Any) -> None:
    stat = {"Metric": {"Namespace": "N", "MetricName": "m"}, "Period": 60, "Stat": "Sum"}
    times = {"StartTime": minute(0), "EndTime": minute(1)}
    for query, text in [
        ([{"Id": "Upper", "MetricStat": stat}], "must match the pattern"),
        ([{"Id": "a", "MetricStat": stat}, {"Id": "a", "MetricStat": stat}], "are not unique"),
        ([{"Id": "a", "MetricStat": stat, "Expression": "a"}], "mutually exclusive"),
        ([{"Id": "a", "MetricStat": stat, "Period": 60}], "mutually exclusive"),
        ([{"Id": "a"}], "must be specified"),
        ([{"Id": "a", "MetricStat": stat, "Label": "${MAX}"}], "Dynamic labels are not served"),
        ([{"Id": "a", "MetricStat": stat, "AccountId": "111111111111"}], "another account"),
    ]:
        assert text in refused(cloudwatch.get_metric_data, MetricDataQueries=query, **times)[1]
