"""Who may come in, and what is said to those who may not: in the words that each protocol's clients know."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.conftest import Studio

CALLS = [
    ("sagemaker", "list_models", {}, "UnrecognizedClientException", "InvalidSignatureException", 400),
    ("sts", "get_caller_identity", {}, "InvalidClientTokenId", "SignatureDoesNotMatch", 403),
    ("s3", "list_buckets", {}, "InvalidAccessKeyId", "SignatureDoesNotMatch", 403),
    ("logs", "describe_log_groups", {}, "UnrecognizedClientException", "InvalidSignatureException", 400),
]


@pytest.mark.parametrize(("service", "call", "given", "unknown", "wrong", "status"), CALLS, ids=[c[0] for c in CALLS])
def test_wrong_keys_are_refused_in_the_protocols_words(
    studio: Studio, service: str, call: str, given: dict[str, Any], unknown: str, wrong: str, status: int
) -> None:
    keys = json.loads((studio.data / "keys.json").read_text())
    for pair, code in [
        ({"aws_access_key_id": "AKIANOBODY", "aws_secret_access_key": "x"}, unknown),
        ({"aws_access_key_id": keys["AccessKeyId"], "aws_secret_access_key": "x"}, wrong),
        ({"aws_session_token": "made up"}, unknown),
    ]:
        with pytest.raises(ClientError) as error:
            getattr(studio.client(service, **pair), call)(**given)
        assert error.value.response["Error"]["Code"] == code
        assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_without_keys_nothing_is_answered(studio: Studio) -> None:
    config = Config(signature_version=UNSIGNED, retries={"max_attempts": 1}, proxies={})
    with pytest.raises(ClientError, match="AccessDenied"):
        studio.client("s3", config=config).list_buckets()
    with pytest.raises(ClientError, match="MissingAuthenticationToken"):
        studio.client("sagemaker", config=config).list_models()


def test_what_is_not_built_says_its_name(studio: Studio) -> None:
    with pytest.raises(ClientError) as error:
        studio.client("sagemaker").list_pipelines()
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert "sagemaker:ListPipelines is not served" in str(error.value)
    with pytest.raises(ClientError, match="not served"):
        studio.client("dynamodb").list_tables()


def test_every_rule_that_a_request_breaks_is_told(studio: Studio) -> None:
    with pytest.raises(ClientError) as error:
        studio.client("sagemaker").create_model(ModelName="-a-", ExecutionRoleArn="x" * 30)
    text = str(error.value)
    assert "2 validation errors detected: Value '-a-' at 'modelName' failed to satisfy constraint" in text


def test_lists_refuse_a_token_that_is_not_theirs(studio: Studio) -> None:
    with pytest.raises(ClientError, match="Invalid pagination token"):
        studio.client("sagemaker").list_models(NextToken="bm9uZQ==")


def test_a_browser_finds_a_page_and_a_probe_its_health(studio: Studio) -> None:
    url = urlsplit(studio.url)
    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=60)
    connection.request("GET", "/", headers={"Accept": "text/html"})
    response = connection.getresponse()
    assert (response.status, response.getheader("Location")) == (303, "/_/")
    response.read()
    connection.request("GET", "/_/", headers={"Accept": "text/html"})
    response = connection.getresponse()
    assert response.status == 401
    assert b"clary console" in response.read()  # what prints a link to sign in
    for path in ("/health", "/_/health"):
        connection.request("GET", path)
        response = connection.getresponse()
        found = json.loads(response.read())
        assert (response.status, found["status"]) == (200, "ok")
        assert found["parts"] == {"database": "ok", "jobs": "ok", "disk": "ok", "keys": "ok"}
        assert found["services"]["s3"] > 30
        assert found["version"]
    connection.request("GET", "/_/credentials/none", headers={"Authorization": "guess"})
    assert connection.getresponse().status == 403
    connection.close()


def test_a_bucket_may_be_called_health(boto: Callable[..., Any]) -> None:
    s3 = boto("s3")
    s3.create_bucket(Bucket="health")
    assert s3.list_objects_v2(Bucket="health")["KeyCount"] == 0


def test_a_body_that_is_not_json_is_told_so(studio: Studio) -> None:
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    keys = json.loads((studio.data / "keys.json").read_text())
    request = AWSRequest("POST", studio.url, {"X-Amz-Target": "SageMaker.ListModels"}, data=b"{not json")
    SigV4Auth(Credentials(keys["AccessKeyId"], keys["SecretAccessKey"]), "sagemaker", "us-east-1").add_auth(request)
    url = urlsplit(studio.url)
    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=60)
    connection.request("POST", "/", b"{not json", dict(request.headers.items()))
    response = connection.getresponse()
    assert response.status == 400
    assert json.loads(response.read())["__type"] == "SerializationException"
    connection.close()


def test_the_owner_is_an_assumed_role_whose_role_exists(studio: Studio) -> None:
    arn = studio.client("sts").get_caller_identity()["Arn"]
    assert ":assumed-role/" in arn
    role = arn.split("/")[1]
    assert studio.client("iam").get_role(RoleName=role)["Role"]["Arn"].endswith(role)


def test_an_assumed_role_works_until_it_does_not_exist(studio: Studio) -> None:
    sts = studio.client("sts")
    with pytest.raises(ClientError):
        sts.assume_role(RoleArn="arn:aws:iam::000000000000:role/none", RoleSessionName="xx")
    found = sts.assume_role(
        RoleArn="arn:aws:iam::000000000000:role/service-role/ClaryExecutionRole", RoleSessionName="ward"
    )["Credentials"]
    other = studio.client(
        "sts",
        aws_access_key_id=found["AccessKeyId"],
        aws_secret_access_key=found["SecretAccessKey"],
        aws_session_token=found["SessionToken"],
    )
    assert other.get_caller_identity()["Arn"].endswith("assumed-role/ClaryExecutionRole/ward")
