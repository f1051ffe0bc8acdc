"""``clary doctor``, ``clary users`` and the bill of materials."""

from __future__ import annotations

import json
import re
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from scripts import sbom

from tests.conftest import Studio


def test_the_doctor_tells_what_is_weak_and_the_way_out(studio: Studio) -> None:
    data = str(studio.data)
    said = studio.clary("doctor", "--security", "--data", data).stdout
    for word in ("Sandbox", "Listeners", "Files", "Rights", "Versions", "tasks run in:", "loopback", "OpenSSL"):
        assert word in said
    assert f"+ {studio.data}/keys.json has mode 0600" in said
    assert "! jobs reach the network as this machine does\n    CLARY_JOB_NETWORK=off" in said
    (studio.data / "keys.json").chmod(0o644)
    studio.data.chmod(0o755)
    try:
        weak = studio.clary("doctor", "--data", data).stdout
    finally:
        (studio.data / "keys.json").chmod(0o600)
        studio.data.chmod(0o700)
    assert (
        f"! {studio.data}/keys.json has mode 0644\n    Others can reach it: chmod go= {studio.data}/keys.json" in weak
    )
    assert f"! {studio.data} has mode 0755" in weak


def test_a_user_of_the_command_has_what_was_said_and_no_more(studio: Studio, tmp_path: Path) -> None:
    data = str(studio.data)
    policy = tmp_path / "own.json"
    policy.write_text(
        json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "logs:*", "Resource": "*"}})
    )
    made = studio.clary(
        "users", "add", "dana", "--data", data, "--policy", "AmazonS3ReadOnlyAccess", "--policy", str(policy)
    )
    assert made.returncode == 0, made.stderr
    found = dict(re.findall(r"export (\w+)=(\S+);", made.stdout))
    given = {"region_name": "us-east-1", "endpoint_url": studio.url, "config": Config(proxies={})}
    keys = {
        "aws_access_key_id": found["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": found["AWS_SECRET_ACCESS_KEY"],
    }
    s3 = boto3.client("s3", **given, **keys)
    assert "Buckets" in s3.list_buckets()
    assert "logGroups" in boto3.client("logs", **given, **keys).describe_log_groups()
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.create_bucket(Bucket="danas")
    listed = studio.clary("users", "list", "--data", data).stdout
    assert "dana: AmazonS3ReadOnlyAccess, policy-2; 1 active keys" in listed
    shown = studio.clary("users", "keys", "dana", "--data", data).stdout
    assert re.search(rf"{found['AWS_ACCESS_KEY_ID']}  active  last used \d{{4}}-", shown)
    assert (
        "inactive" in studio.clary("users", "keys", "dana", "--off", found["AWS_ACCESS_KEY_ID"], "--data", data).stdout
    )
    with pytest.raises(ClientError, match="InvalidAccessKeyId"):
        s3.list_buckets()
    assert studio.clary("users", "remove", "dana", "--data", data).returncode == 0
    assert "dana" not in studio.clary("users", "list", "--data", data).stdout
    policy.write_text('{"Statement": {"Effect": "Maybe"}}')
    half = studio.clary("users", "add", "finn", "--policy", str(policy), "--data", data)
    assert "Effect must be Allow or Deny" in half.stderr
    assert "finn" not in studio.clary("users", "list", "--data", data).stdout
    wrong = studio.clary("users", "add", "eve", "--policy", "AmazonS3ReadOnly", "--data", data)
    assert wrong.returncode == 1
    assert "AmazonS3ReadOnlyAccess" in wrong.stderr


@pytest.mark.slow
def test_the_bill_of_materials_names_every_package_of_every_lock(tmp_path: Path) -> None:
    assert sbom.main(tmp_path) == 0
    for name, lock in sbom.locks().items():
        bill = json.loads((tmp_path / f"{name}.cdx.json").read_text())
        assert bill["bomFormat"] == "CycloneDX"
        packages = re.findall(r"^([a-z0-9_.\[\]-]+)==([^ ;\\]+)", lock.read_text(), re.MULTILINE)
        listed = {component["purl"] for component in bill["components"]}
        assert packages
        for package, version in packages:
            assert f"pkg:pypi/{package.partition('[')[0]}@{version}" in listed
