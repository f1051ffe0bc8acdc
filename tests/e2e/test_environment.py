"""``clary env`` in real shells: whatever was set before, clients reach the server, and the old shell comes back."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.conftest import Studio

CLARY = f"{sys.executable} -m clary"

# Each of these, set beforehand, would lead a call astray or must be given back.
BEFORE = {
    "AWS_ENDPOINT_URL": "http://elsewhere.example",
    "AWS_ENDPOINT_URL_S3": "http://elsewhere.example",
    "AWS_ENDPOINT_URL_SAGEMAKER": "http://elsewhere.example",
    "AWS_ACCESS_KEY_ID": "AKIAOLD",
    "AWS_SECRET_ACCESS_KEY": "old 'secret' $HOME",
    "AWS_SESSION_TOKEN": "old",
    "AWS_PROFILE": "work",
    "AWS_DEFAULT_REGION": "eu-west-3",
    "AWS_REGION": "eu-west-3",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
    "SAGEMAKER_ROLE": "arn:aws:iam::123456789012:role/old",
    "HTTPS_PROXY": "http://proxy.example:3128",
    "https_proxy": "http://proxy.example:3128",
    "NO_PROXY": "intranet.example,10.0.0.0/8",
    "no_proxy": "intranet.example,10.0.0.0/8",
}


def shell(studio: Studio, script: str, **before: str) -> str:
    done = subprocess.run(
        ["sh", "-c", f"set -e\n{script}"],
        env={**studio.environment, **before},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def variables(text: str) -> dict[str, str]:
    found: dict[str, str] = json.loads(text)
    return found


DUMP = f"""{sys.executable} -c 'import json, os; print(json.dumps(dict(os.environ)))'"""


def evaluated(studio: Studio, flags: str = "", **before: str) -> dict[str, str]:
    return variables(shell(studio, f'eval "$({CLARY} env --data {studio.data} {flags})"\n{DUMP}', **before))


def test_a_clean_shell_gets_all_that_clients_read(studio: Studio) -> None:
    found = evaluated(studio)
    keys = json.loads((studio.data / "keys.json").read_text())
    assert found["AWS_ENDPOINT_URL"] == studio.url
    assert (found["AWS_ACCESS_KEY_ID"], found["AWS_SECRET_ACCESS_KEY"]) == (
        keys["AccessKeyId"],
        keys["SecretAccessKey"],
    )
    assert found["AWS_DEFAULT_REGION"] == found["AWS_REGION"] == "us-east-1"
    assert found["SAGEMAKER_ROLE"] == "arn:aws:iam::000000000000:role/service-role/ClaryExecutionRole"
    assert found["HTTPS_PROXY"].startswith("http://127.0.0.1:")
    for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"):
        ssl.create_default_context(cafile=found[name])
    for name in ("NO_PROXY", "no_proxy"):
        assert {"localhost", "127.0.0.1"} <= set(found[name].split(","))


@pytest.mark.parametrize("name", BEFORE)
def test_whatever_was_set_does_not_lead_a_call_astray(studio: Studio, name: str) -> None:
    found = evaluated(studio, **{name: BEFORE[name]})
    assert found["AWS_ENDPOINT_URL"] == studio.url
    for gone in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_SAGEMAKER", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        assert gone not in found
    assert "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS" not in found
    if name.lower() == "no_proxy":
        assert "intranet.example" in found["NO_PROXY"]
        assert "10.0.0.0/8" in found["no_proxy"]


def test_the_old_shell_comes_back_whole_also_after_two_turns(studio: Studio) -> None:
    env = f'eval "$({CLARY} env --data {studio.data})"'
    back = f'eval "$({CLARY} env --unset)"'
    once = variables(shell(studio, f"{env}\n{back}\n{DUMP}", **BEFORE))
    twice = variables(shell(studio, f"{env}\n{env}\n{back}\n{DUMP}", **BEFORE))
    for found in (once, twice):
        assert {name: found.get(name) for name in BEFORE} == BEFORE
        assert "CLARY_SAVED" not in found
        assert "AWS_CA_BUNDLE" not in found


def test_a_ca_file_that_is_there_is_merged(studio: Studio, tmp_path: Path) -> None:
    given = tmp_path / "hospital.pem"
    own = (studio.data / "ca" / "ca.pem").read_text()
    given.write_text(own)  # any certificate will do
    found = evaluated(studio, AWS_CA_BUNDLE=str(given))
    text = Path(found["AWS_CA_BUNDLE"]).read_text()
    assert text.count("BEGIN CERTIFICATE") >= 1
    assert own.strip() in text
    missing = shell(
        studio, f'eval "$({CLARY} env --data {studio.data} 2>/dev/null)"\n{DUMP}', AWS_CA_BUNDLE="/none.pem"
    )
    assert Path(variables(missing)["AWS_CA_BUNDLE"]).is_file()


def test_without_the_proxy_only_what_boto3_reads_is_set(studio: Studio) -> None:
    found = evaluated(studio, "--no-proxy", HTTPS_PROXY="http://proxy.example:3128")
    assert found["HTTPS_PROXY"] == "http://proxy.example:3128"
    assert "AWS_CA_BUNDLE" not in found
    assert found["AWS_ENDPOINT_URL"] == studio.url


def test_other_shells_have_their_words(studio: Studio) -> None:
    told = json.loads(studio.clary("env", "--data", str(studio.data), "--shell", "json").stdout)
    flat = json.dumps(told)
    assert studio.url in flat
    fish = studio.clary("env", "--data", str(studio.data), "--shell", "fish").stdout
    assert f"set -gx AWS_ENDPOINT_URL {studio.url}" in fish.replace("'", "").replace('"', "")


def tunnelled(studio: Studio, service: str, **given: Any) -> Any:
    """A client that knows nothing of an endpoint: it calls AWS's own address, through the tunnel."""
    found = evaluated(studio)
    return boto3.client(
        service,
        region_name="us-east-1",
        aws_access_key_id=found["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=found["AWS_SECRET_ACCESS_KEY"],
        verify=found["AWS_CA_BUNDLE"],
        config=Config(proxies={"https": found["HTTPS_PROXY"]}, retries={"max_attempts": 1}, **given),
        endpoint_url=None,
    )


@pytest.fixture
def no_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)


@pytest.mark.usefixtures("no_endpoint")
def test_calls_of_awss_own_names_are_answered_here(studio: Studio) -> None:
    sts = tunnelled(studio, "sts")
    assert sts.meta.endpoint_url.startswith("https://sts.")
    assert sts.get_caller_identity()["Account"] == "000000000000"
    s3 = tunnelled(studio, "s3", s3={"addressing_style": "virtual"})
    s3.create_bucket(Bucket="by-its-host")
    s3.put_object(Bucket="by-its-host", Key="a/b c+é", Body=b"through the tunnel")
    assert s3.get_object(Bucket="by-its-host", Key="a/b c+é")["Body"].read() == b"through the tunnel"
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "by-its-host", "Key": "a/b c+é"})
    found = evaluated(studio)
    context = ssl.create_default_context(cafile=found["AWS_CA_BUNDLE"])
    import urllib.request

    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({"https": found["HTTPS_PROXY"]}), urllib.request.HTTPSHandler(context=context)
    )
    with opener.open(url, timeout=60) as response:
        assert response.read() == b"through the tunnel"
    for client in (sts, s3):
        client.close()


def test_a_server_started_from_such_a_shell_does_not_lead_its_tunnel_to_itself(studio: Studio, tmp_path: Path) -> None:
    inner = Studio(tmp_path / "inner", studio.cache, {**studio.environment, **evaluated(studio)})
    inner.start()
    try:
        # A name that nobody serves: the tunnel tries to reach it itself and says so, instead of asking itself for ever.
        found = evaluated(inner)
        port = int(found["HTTPS_PROXY"].rpartition(":")[2])
        import socket

        with socket.create_connection(("127.0.0.1", port), 20) as connection:
            connection.sendall(b"CONNECT nobody.invalid:443 HTTP/1.1\r\nHost: nobody.invalid:443\r\n\r\n")
            assert connection.recv(100).startswith(b"HTTP/1.1 5")
    finally:
        inner.stop()
