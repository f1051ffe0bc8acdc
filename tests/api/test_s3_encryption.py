"""Encryption at rest through boto3 and a real server: nothing of the text is on the disk, and all of it comes back."""

from __future__ import annotations

import hashlib
import http.client
import json
import threading
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from tests import jobs
from tests.conftest import Studio, clean_environment
from tests.e2e.test_kill import deploy

MIB = 1 << 20
WORD = b"nobody but the ward may read this line\n"
TEXT = WORD * (3 * MIB // len(WORD))
KMS = {"ServerSideEncryption": "aws:kms"}


@pytest.fixture
def s3(boto: Callable[..., Any]) -> Any:
    client = boto("s3")
    client.create_bucket(Bucket="vault")
    return client


def holds(folder: Path, text: bytes) -> bool:
    """Whether any file of a data folder holds it."""
    return any(text in path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_what_the_sdk_uploads_by_its_default_is_encrypted(studio: Studio, s3: Any, tmp_path: Path) -> None:
    """``Session.upload_data`` asks for aws:kms and names no key."""
    file, back = tmp_path / "table.csv", tmp_path / "back.csv"
    file.write_bytes(TEXT * 6)
    s3.upload_file(str(file), "vault", "table.csv", ExtraArgs=KMS)  # in three parts
    head = s3.head_object(Bucket="vault", Key="table.csv")
    assert head["ServerSideEncryption"] == "aws:kms"
    assert head["SSEKMSKeyId"].startswith("arn:aws:kms:us-east-1:000000000000:key/")
    assert head["ContentLength"] == file.stat().st_size
    assert not holds(studio.data, WORD)
    config = TransferConfig(multipart_threshold=MIB, multipart_chunksize=MIB + 1)
    s3.download_file("vault", "table.csv", str(back), Config=config)  # by ranges, several at once
    assert back.read_bytes() == file.read_bytes()
    s3.delete_object(Bucket="vault", Key="table.csv")


def test_ranges_and_links_tell_and_give_what_they_should(studio: Studio, s3: Any) -> None:
    s3.put_object(Bucket="vault", Key="a", Body=TEXT, **KMS)
    got = s3.get_object(Bucket="vault", Key="a", Range="bytes=65530-2000000")
    assert (got["ContentRange"], got["ContentLength"]) == (f"bytes 65530-2000000/{len(TEXT)}", 2000001 - 65530)
    assert got["Body"].read() == TEXT[65530:2000001]
    link = urllib.parse.urlsplit(s3.generate_presigned_url("get_object", Params={"Bucket": "vault", "Key": "a"}))
    connection = http.client.HTTPConnection(link.netloc)
    connection.request("GET", f"{link.path}?{link.query}")
    answer = connection.getresponse()
    assert answer.read() == TEXT
    assert answer.headers["x-amz-server-side-encryption"] == "aws:kms"
    connection.close()


def test_a_form_may_ask_for_encryption(studio: Studio, s3: Any) -> None:
    fields = {"x-amz-server-side-encryption": "AES256"}
    post = s3.generate_presigned_post("vault", "scan", Fields=fields, Conditions=[fields])
    word = b"a scan of one patient alone"
    parts = [f'--edge\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in post["fields"].items()]
    head = 'Content-Disposition: form-data; name="file"; filename="scan"\r\n\r\n'
    body = "".join(parts).encode() + f"--edge\r\n{head}".encode() + word * 5000 + b"\r\n--edge--\r\n"
    address = urllib.parse.urlsplit(post["url"])
    connection = http.client.HTTPConnection(address.netloc)
    connection.request("POST", address.path, body, {"Content-Type": "multipart/form-data; boundary=edge"})
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (204, b"")
    assert answer.headers["x-amz-server-side-encryption"] == "AES256"
    connection.close()
    assert not holds(studio.data, word)
    got = s3.get_object(Bucket="vault", Key="scan")
    assert got["Body"].read() == word * 5000
    assert got["ETag"] == f'"{hashlib.md5(word * 5000).hexdigest()}"'


def test_a_bucket_encrypts_by_default_what_comes_without_a_wish(studio: Studio, s3: Any) -> None:
    s3.create_bucket(Bucket="locked")
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}, "BucketKeyEnabled": True}
    s3.put_bucket_encryption(Bucket="locked", ServerSideEncryptionConfiguration={"Rules": [rule]})
    got = s3.get_bucket_encryption(Bucket="locked")
    assert got["ServerSideEncryptionConfiguration"]["Rules"] == [rule]
    word = b"as the bucket says, unreadable"
    put = s3.put_object(Bucket="locked", Key="a", Body=word * 9000)
    assert (put["ServerSideEncryption"], put["BucketKeyEnabled"]) == ("aws:kms", True)
    assert not holds(studio.data, word)
    s3.copy_object(Bucket="vault", Key="plain", CopySource="locked/a")
    assert holds(studio.data, word)
    assert s3.get_object(Bucket="vault", Key="plain")["Body"].read() == word * 9000
    s3.delete_bucket_encryption(Bucket="locked")
    with pytest.raises(ClientError, match="ServerSideEncryptionConfigurationNotFoundError"):
        s3.get_bucket_encryption(Bucket="locked")


def test_a_key_of_ones_own_opens_while_it_is_enabled(studio: Studio, s3: Any) -> None:
    kms = studio.client("kms")
    key = kms.create_key()["KeyMetadata"]
    kms.create_alias(AliasName="alias/ward", TargetKeyId=key["KeyId"])
    put = s3.put_object(Bucket="vault", Key="own", Body=TEXT, SSEKMSKeyId="alias/ward", **KMS)
    assert put["SSEKMSKeyId"] == key["Arn"]
    kms.disable_key(KeyId=key["KeyId"])
    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket="vault", Key="own")
    assert error.value.response["Error"]["Code"] == "KMS.DisabledException"
    assert error.value.response["Error"]["Message"] == f"{key['Arn']} is disabled."
    kms.enable_key(KeyId=key["KeyId"])
    assert s3.get_object(Bucket="vault", Key="own")["Body"].read() == TEXT


def test_a_user_needs_rights_of_s3_and_of_kms(studio: Studio, s3: Any) -> None:
    kms, iam = studio.client("kms"), studio.client("iam")
    key = kms.create_key(Tags=[{"TagKey": "ward", "TagValue": "7"}])["KeyMetadata"]["Arn"]
    s3.put_object(Bucket="vault", Key="shared", Body=b"x", SSEKMSKeyId=key, **KMS)
    iam.create_user(UserName="nurse")
    made = iam.create_access_key(UserName="nurse")["AccessKey"]
    names = {"aws_access_key_id": made["AccessKeyId"], "aws_secret_access_key": made["SecretAccessKey"]}
    nurse = studio.client("s3", **names)
    statement = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    iam.put_user_policy(UserName="nurse", PolicyName="s3", PolicyDocument=json.dumps(policy))
    with pytest.raises(ClientError, match="not authorized to perform: kms:Decrypt on resource"):
        nurse.get_object(Bucket="vault", Key="shared")
    condition = {"aws:ResourceTag/ward": "7", "kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::vault/shared"}
    statement = {"Action": "kms:Decrypt", "Condition": {"StringEquals": condition}, "Effect": "Allow", "Resource": key}
    policy["Statement"] = [statement]
    iam.put_user_policy(UserName="nurse", PolicyName="kms", PolicyDocument=json.dumps(policy))
    assert nurse.get_object(Bucket="vault", Key="shared")["Body"].read() == b"x"
    with pytest.raises(ClientError, match="kms:GenerateDataKey"):
        nurse.put_object(Bucket="vault", Key="shared", Body=b"y", SSEKMSKeyId=key, **KMS)


def test_what_was_tampered_with_on_the_disk_is_never_handed_out(studio: Studio, s3: Any) -> None:
    s3.put_object(Bucket="vault", Key="t", Body=TEXT, **KMS)
    newest = max((studio.data / "objects").rglob("*"), key=lambda path: path.is_file() and path.stat().st_mtime_ns)
    newest.chmod(0o600)
    stored = bytearray(newest.read_bytes())
    stored[-100] ^= 1
    newest.write_bytes(stored)
    with pytest.raises(ClientError) as error:  # few bytes are read before the answer begins
        s3.get_object(Bucket="vault", Key="t", Range="bytes=-50")
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    with pytest.raises((BotoCoreError, HTTPClientError)):  # of many, the answer breaks off where they are wrong
        s3.get_object(Bucket="vault", Key="t")["Body"].read()
    assert s3.get_object(Bucket="vault", Key="t", Range="bytes=0-999999")["Body"].read() == TEXT[:1000000]


def test_kill_9_and_a_backup_lose_no_encrypted_object(fresh_studio: Studio, tmp_path: Path, cache: Path) -> None:
    s3 = fresh_studio.client("s3")
    s3.create_bucket(Bucket="vault")
    enough, acknowledged = threading.Event(), dict[str, bytes]()

    def write() -> None:
        for n in range(1000):
            body = f"{n} ".encode() * (100_000 if n % 2 else 10)
            try:
                s3.put_object(Bucket="vault", Key=str(n), Body=body, **(KMS if n % 3 else {}))
            except (BotoCoreError, HTTPClientError, ClientError):
                return
            acknowledged[str(n)] = body
            if n == 12:
                enough.set()

    writer = threading.Thread(target=write)
    writer.start()
    assert enough.wait(60)
    fresh_studio.kill()
    writer.join()
    fresh_studio.start()
    archive = tmp_path / "clary.tar"
    done = fresh_studio.clary("backup", str(archive), "--data", str(fresh_studio.data))
    assert done.returncode == 0, done.stderr
    other = Studio(tmp_path / "other" / "data", cache, clean_environment(cache))
    done = fresh_studio.clary("restore", str(archive), "--data", str(other.data))
    assert done.returncode == 0, done.stderr
    other.start()
    try:
        for studio in (fresh_studio, other):
            s3 = studio.client("s3")
            for key, body in acknowledged.items():
                assert s3.get_object(Bucket="vault", Key=key)["Body"].read() == body
    finally:
        other.stop()


SCRIPT = """
import os
folder = os.environ["SM_CHANNEL_TRAIN"]
lines = sum(open(os.path.join(folder, name)).read().count("one row") for name in os.listdir(folder))
print("lines", lines)
open(os.path.join(os.environ["SM_MODEL_DIR"], "model.txt"), "w").write(f"learnt of {lines}")
"""


@pytest.mark.slow
def test_a_job_reads_an_encrypted_channel_and_source_and_writes_under_its_key(studio: Studio, s3: Any) -> None:
    sagemaker = studio.client("sagemaker")
    jobs.prepare(s3)
    s3.put_object(Bucket="jobs", Key="sealed/small", Body=b"one row\n", **KMS)
    s3.put_object(Bucket="jobs", Key="sealed/large", Body=b"one row\n" * 500_000, **KMS)
    request = jobs.training(s3, "sealed", SCRIPT)
    source = request["HyperParameters"]["sagemaker_submit_directory"].strip('"').removeprefix("s3://jobs/")
    s3.copy_object(Bucket="jobs", Key=source, CopySource=f"jobs/{source}", **KMS)
    request["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"] = "s3://jobs/sealed/"
    request["OutputDataConfig"]["KmsKeyId"] = "alias/aws/s3"
    sagemaker.create_training_job(**request)
    job = jobs.ended(sagemaker, "sealed")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert "lines 500001" in jobs.log_lines(studio.client("logs"), "sealed")
    model = s3.head_object(Bucket="jobs", Key="out/sealed/output/model.tar.gz")
    assert model["ServerSideEncryption"] == "aws:kms"


@pytest.mark.slow
def test_an_endpoint_serves_an_encrypted_model(studio: Studio, s3: Any) -> None:
    jobs.prepare(s3)
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}
    s3.put_bucket_encryption(Bucket="jobs", ServerSideEncryptionConfiguration={"Rules": [rule]})
    deploy(s3, studio.client("sagemaker"), "sealed")
    assert s3.head_object(Bucket="jobs", Key="sealed.tar.gz")["ServerSideEncryption"] == "aws:kms"
    runtime = studio.client("sagemaker-runtime")
    answer = runtime.invoke_endpoint(EndpointName="sealed", ContentType="text/csv", Accept="text/csv", Body=b"1,2\n")
    assert answer["Body"].read() == b"3.0\n"


def test_a_key_for_a_volume_is_refused_and_one_for_the_output_checked(studio: Studio, s3: Any) -> None:
    sagemaker = studio.client("sagemaker")
    jobs.prepare(s3)
    request = jobs.training(s3, "refused", "")
    request["ResourceConfig"]["VolumeKmsKeyId"] = "alias/mine"
    with pytest.raises(ClientError, match=r"VolumeKmsKeyId is not served.*encrypted disk"):
        sagemaker.create_training_job(**request)
    request["ResourceConfig"]["VolumeKmsKeyId"] = ""
    variant = {"VariantName": "a", "ModelName": "m", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    config = {"EndpointConfigName": "refused", "ProductionVariants": [variant]}
    with pytest.raises(ClientError, match="CreateEndpointConfig with KmsKeyId is not served"):
        sagemaker.create_endpoint_config(**config, KmsKeyId="alias/mine")
    core = {"DestinationS3Uri": "s3://jobs/core", "KmsKeyId": "alias/mine"}
    with pytest.raises(ClientError, match="CoreDumpConfig is not served"):
        sagemaker.create_endpoint_config(**{**config, "ProductionVariants": [{**variant, "CoreDumpConfig": core}]})
    key = studio.client("kms").create_key()["KeyMetadata"]["KeyId"]
    request["OutputDataConfig"]["KmsKeyId"] = (
        key  # which the role may not use: told now, not when hours of work are done
    )
    with pytest.raises(ClientError, match="kms:GenerateDataKey"):
        sagemaker.create_training_job(**request)
    request["OutputDataConfig"]["KmsKeyId"] = "alias/mine"
    with pytest.raises(ClientError, match=r"KmsKeyId alias/mine cannot be used with s3://jobs/out: .* is not found"):
        sagemaker.create_training_job(**request)
