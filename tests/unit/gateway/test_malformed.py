"""Values that are none: each is told as the client's error, in its protocol's way. One line for each that once was not."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree

import pytest
from starlette.datastructures import Headers

from clary.errors import ServiceError
from clary.gateway import java_patterns, models, signature, validation
from clary.gateway.http import HttpRequest
from clary.gateway.protocols import json, json_values, numbers, query, rest_xml, timestamps, xml_values
from clary.gateway.signature import Claim, SignatureProblem
from clary.services import resources

_NOW = datetime(2026, 11, 25, tzinfo=UTC)


def parse_json(service: str, operation: str, body: bytes) -> dict[str, Any]:
    model = models.service(service).operation_model(operation)
    return json.parse(model, HttpRequest("POST", "/", "", Headers(), body), {})


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
        b"[" * 200 + b"]" * 200,
        b'{"NameContains": "\\ud800"}',
        b'{"\\ud800": 1}',
        b'{"NameContains": "\xff"}',
        b'{"MaxResults": NaN}',
        b'{"MaxResults": 1e999}',
        b'{"MaxResults": 2147483648}',
        b'{"MaxResults": ' + b"9" * 5000 + b"}",
        b'{"MaxResults": true}',
        b'{"MaxResults": 1.5}',
        b'{"CreationTimeAfter": ' + b"9" * 400 + b"}",
        b'{"CreationTimeAfter": 1e300}',
        b'{"CreationTimeAfter": "NaN"}',
        b'{"CreationTimeAfter": "0001-01-01T00:00:00+14:00"}',
        b'{"CreationTimeAfter": []}',
        b'"text"',
        b"[]",
        b"null",
    ],
)
def test_json_that_is_not_what_the_model_says_is_a_serialization_error(body: bytes) -> None:
    with pytest.raises(ServiceError) as error:
        parse_json("sagemaker", "ListModels", body)
    assert error.value.code == "SerializationException"
    assert len(error.value.message) < 500


def test_json_of_many_values_is_not_deep() -> None:
    names = [{"Name": f"n{n}", "Value": "[{"} for n in range(500)]
    assert json_values.load(b'{"a": [[[[{"b": []}]]]]}')
    assert parse_json("sagemaker", "ListModels", b'{"Unknown": %s}' % str(names).replace("'", '"').encode()) == {}


@pytest.mark.parametrize("value", [{}, [], [[]], None, "", "nan", "inf", True])
def test_a_float_takes_no_other_kind(value: Any) -> None:
    shape = models.service("sagemaker-metrics").shape_for("Double")
    with pytest.raises(ServiceError):
        json_values.from_json(shape, value)


@pytest.mark.parametrize("text", ["", " ", "1_0", "²", "１２", "0x10", "1.0", "9" * 5000, "99999999999", "nan", "--1"])
def test_a_whole_number_is_written_in_digits_and_fits(text: str) -> None:
    with pytest.raises(ValueError):
        numbers.whole(text, "integer")


@pytest.mark.parametrize("text", ["", "1_0", "nan", "inf", "1e999", "0x1p3", "٣", "1e", "."])
def test_a_real_number_is_finite_unless_named_so(text: str) -> None:
    with pytest.raises(ValueError):
        numbers.real(text)
    assert numbers.real("-1.5e3") == -1500
    assert numbers.real("-Infinity") < 0


@pytest.mark.parametrize(
    "value", ["", "x", "99999-01-01", "Thu, 99 Foo 2024", 10**400, 1e300, float("nan"), True, "9" * 5000]
)
def test_a_time_lies_between_the_years_1_and_9999(value: Any) -> None:
    with pytest.raises(ValueError):
        timestamps.parse(value)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<a>",
        b"<a>\xff</a>",
        b"<a>\0</a>",
        b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
        "<?xml version='1.0' encoding='utf-16'?><!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>".encode("utf-16"),
        "<a/>".encode("utf-16"),
        b"<a>" * 100_000,
    ],
)
def test_xml_that_is_none_is_malformed(body: bytes) -> None:
    with pytest.raises(ServiceError, match="not well-formed") as error:
        xml_values.load(body)
    assert error.value.code == "MalformedXML"


def test_deep_xml_is_read_and_let_go() -> None:
    assert xml_values.load(b"<a>" * 200_000 + b"</a>" * 200_000).tag == "a"


def test_a_map_in_xml_without_its_key_is_malformed() -> None:
    shape = models.service("sagemaker").shape_for("EnvironmentMap")
    with pytest.raises(ServiceError, match="not well-formed"):
        xml_values.from_xml(shape, ElementTree.fromstring("<Environment><entry><value>1</value></entry></Environment>"))


def test_what_xml_cannot_hold_is_shown_as_such() -> None:
    error = ServiceError("no \0 such \x1f name \ufffe", code="NoSuchKey", Key="a\x01")
    for module in (rest_xml, query):
        answer = module.serialize_error(None, error, "request-1", HttpRequest("GET", "/", "", Headers()))
        assert ElementTree.fromstring(answer.body) is not None


def test_a_long_form_is_read_in_no_time() -> None:
    model = models.service("iam").operation_model("TagRole")
    body = b"&".join(b"Tags.member.%d.Key=a&Tags.member.%d.Value=b" % (n, n) for n in range(1, 9_999))
    began = time.process_time()
    found = query.parse(model, HttpRequest("POST", "/", "", Headers(), b"RoleName=r&" + body), {})
    assert len(found["Tags"]) == 9_998
    assert time.process_time() - began < 2
    for spoilt in (b"&" * 60_000, b"DurationSeconds=\xb2"):
        with pytest.raises(ServiceError) as error:
            query.parse(
                models.service("sts").operation_model("AssumeRole"), HttpRequest("POST", "/", "", Headers(), spoilt), {}
            )
        assert error.value.code == "MalformedQueryString"
    deep = b".".join([b"Tags"] * 30_000) + b"=1"
    assert query.parse(model, HttpRequest("POST", "/", "", Headers(), deep), {})["Tags"] == []


def test_a_million_wrong_items_make_no_answer_of_megabytes() -> None:
    model = models.service("sagemaker").operation_model("AddTags")
    wrong = {"ResourceArn": "x" * 3_000_000, "Tags": [{"Key": "\0" * 200, "Value": "v"}] * 50_000}
    with pytest.raises(ServiceError) as error:
        validation.validate(model, wrong)
    assert len(error.value.message) < 500_000
    began = time.process_time()
    with pytest.raises(ServiceError):
        validation.validate(model, {"ResourceArn": "arn", "Tags": [{"Key": "a b", "Value": "v"}] * 200_000})
    assert time.process_time() - began < 0.5  # what is far too long is not looked at item by item


def test_no_pattern_of_a_model_holds_the_server_up() -> None:
    """The patterns for which texts like these take long are known to: 256 characters, or what the model allows."""
    shapes = [models.service("sagemaker").shape_for(name) for name in models.service("sagemaker").shape_names]
    patterns = {shape.metadata["pattern"]: shape for shape in shapes if shape.metadata.get("pattern")}
    began = time.process_time()
    for pattern, shape in patterns.items():
        text = ("a-" * 128)[: min(256, shape.metadata.get("max", 256))] + "\0"
        java_patterns.matches(pattern, text)
    assert time.process_time() - began < 10


@pytest.mark.parametrize(
    ("time_", "expires"),
    [("99991231T235959Z", 604800), ("20261199T000000Z", 1), ("2026", 1), ("\xb2", 1), ("00010101T000000Z", 1)],
)
def test_a_time_of_signing_that_is_none_is_refused(time_: str, expires: int) -> None:
    claim = Claim(
        version=4,
        access_key="a",
        signature="",
        presigned=True,
        date=time_[:8],
        service="s3",
        time=time_,
        expires=expires,
    )
    with pytest.raises(SignatureProblem):
        signature._check_time(claim, _NOW)


@pytest.mark.parametrize(
    "text",
    [
        "a/20240101/us-east-1/s3",
        "a/b/c/d/aws4_request",
        "a/20240101/\0/s3/aws4_request",
        "a/20240101/US EAST/s3/aws4_request",
    ],
)
def test_a_credential_names_a_region(text: str) -> None:
    if text.startswith("a/b"):
        assert signature.credential(text)
        return
    with pytest.raises(SignatureProblem):
        signature.credential(text)


@pytest.mark.parametrize(
    "document",
    [
        "5",
        "null",
        "[]",
        "[1]",
        '["a", 1]',
        '["\\ud800", "a"]',
        f'[{1 << 70}, "a"]',
        '[1, "a", 2]',
        "[" * 5000,
        "{}",
        "\xff",
    ],
)
def test_a_token_of_another_kind_is_refused(document: str) -> None:
    token = resources.base64.urlsafe_b64encode(document.encode("latin-1")).decode()
    with pytest.raises(ServiceError, match="Invalid pagination token"):
        resources._read_token(token)
