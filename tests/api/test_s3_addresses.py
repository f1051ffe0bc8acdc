"""The addresses of a bucket: in the path, in the host, and by AWS's names through the tunnel."""

from __future__ import annotations

import http.client
import json
import urllib.parse
from collections.abc import Callable
from typing import Any

import pytest
from botocore.config import Config

from clary.gateway.trust import CA_FOLDER, CERTIFICATE
from tests.conftest import Studio


@pytest.fixture
def s3(boto: Callable[..., Any]) -> Any:
    client = boto("s3")
    client.create_bucket(Bucket="addressed")
    client.put_object(Bucket="addressed", Key="a b/c", Body=b"bytes")
    return client


@pytest.mark.parametrize("version", ["s3", "s3v4"])
@pytest.mark.parametrize("host", ["localhost", "s3.localhost", "s3.us-east-1.amazonaws.com"])
@pytest.mark.parametrize("style", ["virtual", "path"])
def test_a_host_names_the_bucket_or_the_path_does(
    s3: Any, boto: Callable[..., Any], studio: Studio, version: str, host: str, style: str
) -> None:
    address = studio.url.removeprefix("http://")
    config = Config(signature_version=version, s3={"addressing_style": style}, proxies={})
    client = boto("s3", endpoint_url=f"http://{host}:{address.partition(':')[2]}", config=config)
    url = urllib.parse.urlsplit(client.generate_presigned_url("get_object", {"Bucket": "addressed", "Key": "a b/c"}))
    assert url.netloc.startswith("addressed.") == (style == "virtual")
    connection = http.client.HTTPConnection(address)  # whatever resolves such names here
    connection.request("GET", f"{url.path}?{url.query}", headers={"Host": url.netloc})
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    assert found == (200, b"bytes")


@pytest.mark.parametrize("style", ["virtual", "path"])
@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1"])
def test_awss_own_names_through_the_tunnel(
    s3: Any, boto: Callable[..., Any], studio: Studio, style: str, region: str
) -> None:
    tunnel = json.loads((studio.data / "server.json").read_text())["tunnel"]
    config = Config(s3={"addressing_style": style}, proxies={"https": f"http://127.0.0.1:{tunnel}"})
    client = boto(
        "s3", endpoint_url=None, region_name=region, config=config, verify=str(studio.data / CA_FOLDER / CERTIFICATE)
    )
    name = f"{style}-{region}"
    where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    client.create_bucket(Bucket=name, **where)
    client.put_object(Bucket=name, Key="a+b/ä", Body=b"bytes" * 100_000)
    assert client.get_object(Bucket=name, Key="a+b/ä")["Body"].read() == b"bytes" * 100_000
    assert [item["Key"] for item in client.list_objects_v2(Bucket=name)["Contents"]] == ["a+b/ä"]
    assert client.get_bucket_location(Bucket=name)["LocationConstraint"] == (None if region == "us-east-1" else region)
    client.delete_object(Bucket=name, Key="a+b/ä")
    client.delete_bucket(Bucket=name)
