"""Encryption at rest: what is asked for is done, whichever way an object comes, and a key's state counts."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from clary.context import ACCOUNT, Context
from clary.encryption_keys import DISABLED, PENDING_DELETION
from clary.errors import AccessDenied, NotServed, ServiceError
from clary.objects.base import Unsealed, WrongSeal
from clary.rights.identity import Identity
from tests.unit.services.s3.conftest import Caller, body

TEXT = b"a patient's name, on every line\n" * 10_000  # 320 KB: six chunks
AT = {"Bucket": "ward", "Key": "a"}


@pytest.fixture
def on_disk(tmp_path: Path) -> Callable[[], bytes]:
    return lambda: b"".join(path.read_bytes() for path in (tmp_path / "objects").rglob("*") if path.is_file())


@pytest.fixture
def key(context: Context) -> str:
    """The ARN of a customer's key."""
    return context.encryption_keys.create("us-east-1").arn


def states(context: Context, key: str, status: str, **members: str) -> None:
    record = context.encryption_keys.find("us-east-1", key)
    context.store.put(replace(record, status=status, body={**record.body, **members}))


def problem(call: Callable[..., Any], **given: Any) -> tuple[str, int]:
    with pytest.raises(ServiceError) as error:
        call(**given)
    return error.value.code, error.value.status


def default(algorithm: str, **rule: Any) -> dict[str, Any]:
    inner = {"SSEAlgorithm": algorithm, **{k: rule.pop(k) for k in list(rule) if k == "KMSMasterKeyID"}}
    return {"Rules": [{"ApplyServerSideEncryptionByDefault": inner, **rule}]}


@pytest.mark.parametrize("wish", ["AES256", "aws:kms"])
def test_what_is_asked_for_is_done_and_told(s3: Caller, on_disk: Callable[[], bytes], wish: str) -> None:
    put = s3.put_object(**AT, Body=TEXT, ServerSideEncryption=wish)
    got = s3.get_object(**AT)
    assert body(got) == TEXT
    assert b"patient" not in on_disk()
    for answer in (put, got, s3.head_object(**AT)):
        assert answer["ServerSideEncryption"] == wish
        assert ("SSEKMSKeyId" in answer) == (wish == "aws:kms")
        assert "BucketKeyEnabled" not in answer
        assert (answer["ETag"] == f'"{hashlib.md5(TEXT).hexdigest()}"') == (wish == "AES256")
        assert answer["ETag"] == put["ETag"]
    assert s3.head_object(**AT)["ContentLength"] == len(TEXT)


def test_what_is_not_asked_for_is_not_done(s3: Caller, on_disk: Callable[[], bytes]) -> None:
    assert "ServerSideEncryption" not in s3.put_object(**AT, Body=TEXT)
    assert on_disk() == TEXT


@pytest.mark.parametrize("body_of", [b"", b"x", [TEXT[:7], TEXT, TEXT * 10], TEXT[: 64 << 10]])
def test_bodies_of_any_size_come_back(s3: Caller, body_of: Any) -> None:
    s3.put_object(**AT, Body=body_of, ServerSideEncryption="AES256")
    assert s3.content(**AT) == (body_of if isinstance(body_of, bytes) else b"".join(body_of))


@pytest.mark.parametrize("asked", ["bytes=0-0", "bytes=65530-65545", "bytes=100000-", "bytes=-7", "bytes=3-319999"])
def test_ranges_are_decrypted_by_themselves(s3: Caller, asked: str) -> None:
    s3.put_object(**AT, Body=TEXT, ServerSideEncryption="aws:kms")
    answer = s3.get_object(**AT, Range=asked)
    first, _, last = asked.removeprefix("bytes=").partition("-")
    wanted = TEXT[int(first) : int(last) + 1 if last else None] if first else TEXT[-int(last) :]
    assert body(answer) == wanted
    assert answer["ContentLength"] == len(wanted)


def test_large_bodies_are_decrypted_while_they_are_sent(s3: Caller) -> None:
    s3.put_object(**AT, Body=TEXT, ServerSideEncryption="aws:kms")
    answer = s3.get_object(**AT)["Body"]
    assert isinstance(answer, Unsealed)
    assert answer.length == len(TEXT)


def test_a_key_of_ones_own_is_used(s3: Caller, context: Context, key: str) -> None:
    put = s3.put_object(**AT, Body=TEXT, ServerSideEncryption="aws:kms", SSEKMSKeyId=key.rpartition("/")[2])
    assert put["SSEKMSKeyId"] == key
    entry = context.buckets.find("s3://ward/a")
    assert entry.encryption is not None
    assert entry.encryption.key == key
    with pytest.raises(WrongSeal):
        context.buckets.objects.read(entry.blob)


@pytest.mark.parametrize(
    "given",
    [
        {"SSEKMSKeyId": "alias/mine"},
        {"SSEKMSKeyId": "alias/mine", "ServerSideEncryption": "AES256"},
        {"ServerSideEncryption": "rot13"},
    ],
)
def test_a_wish_that_makes_no_sense_is_refused(s3: Caller, given: dict[str, str]) -> None:
    assert problem(s3.put_object, **AT, Body=b"x", **given) == ("InvalidArgument", 400)


def test_a_key_that_is_not_there_is_refused(s3: Caller, blobs: Callable[[], int]) -> None:
    wish = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "alias/mine"}
    assert problem(s3.put_object, **AT, Body=b"x", **wish) == ("KMS.NotFoundException", 400)
    assert problem(s3.create_multipart_upload, **AT, **wish) == ("KMS.NotFoundException", 400)
    assert blobs() == 0


def test_a_disabled_key_opens_nothing_until_it_is_enabled(s3: Caller, context: Context, key: str) -> None:
    for name, content in (("a", TEXT), ("empty", b"")):
        s3.put_object(Bucket="ward", Key=name, Body=content, ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    states(context, key, DISABLED)
    assert problem(s3.get_object, **AT) == ("KMS.DisabledException", 400)
    assert problem(s3.copy_object, Bucket="ward", Key="b", CopySource="ward/a") == ("KMS.DisabledException", 400)
    assert problem(s3.get_object, Bucket="ward", Key="empty") == ("KMS.DisabledException", 400)
    wish = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
    assert problem(s3.put_object, **AT, Body=b"x", **wish) == ("KMS.DisabledException", 400)
    assert s3.head_object(**AT)["SSEKMSKeyId"] == key
    states(context, key, "Enabled")
    assert s3.content(**AT) == TEXT


def test_what_lay_under_a_deleted_key_is_lost(s3: Caller, context: Context, key: str) -> None:
    s3.put_object(**AT, Body=TEXT, ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    states(context, key, PENDING_DELETION, DeletionDate="2999-01-01T00:00:00+00:00")
    assert problem(s3.get_object, **AT) == ("KMS.KMSInvalidStateException", 400)
    states(context, key, PENDING_DELETION, DeletionDate="2001-01-01T00:00:00+00:00")
    assert problem(s3.get_object, **AT) == ("KMS.NotFoundException", 400)
    s3.delete_object(**AT)


def test_a_caller_needs_the_right_to_use_the_key(s3: Caller, context: Context, key: str) -> None:
    """S3's own key is everybody's who may use S3; a customer's key asks for rights of KMS."""
    s3.put_object(**AT, Body=TEXT, ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    s3.put_object(Bucket="ward", Key="b", Body=TEXT, ServerSideEncryption="aws:kms")
    nobody = Caller(replace(context, identity=Identity(f"arn:aws:iam::{ACCOUNT}:user/nobody", "AIDANOBODY")))
    assert nobody.content(Bucket="ward", Key="b") == TEXT
    with pytest.raises(AccessDenied, match=f"kms:Decrypt on resource: .*{key}"):
        nobody.get_object(**AT)
    with pytest.raises(AccessDenied, match="kms:GenerateDataKey"):
        nobody.put_object(**AT, Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    with pytest.raises(AccessDenied, match="kms:Decrypt"):
        nobody.copy_object(Bucket="ward", Key="c", CopySource="ward/a")


def test_a_data_key_opens_no_other_object(s3: Caller, context: Context) -> None:
    for name in ("a", "b"):
        s3.put_object(Bucket="ward", Key=name, Body=TEXT, ServerSideEncryption="aws:kms")
    one, other = (context.buckets.find(f"s3://ward/{name}") for name in ("a", "b"))
    with pytest.raises(AccessDenied, match="encryption context"):
        context.buckets.read(replace(one, encryption=other.encryption))


def test_with_a_bucket_key_the_context_is_the_bucket(s3: Caller, context: Context) -> None:
    put = s3.put_object(**AT, Body=TEXT, ServerSideEncryption="aws:kms", BucketKeyEnabled=True)
    assert put["BucketKeyEnabled"] is True
    assert s3.content(**AT) == TEXT
    kept = context.buckets.find("s3://ward/a").encryption
    assert kept is not None
    wrapped = base64.b64decode(kept.data_key)
    assert len(context.encryption_keys.open_data_key(wrapped, {"aws:s3:arn": "arn:aws:s3:::ward"})) == 32


def test_a_buckets_default_is_applied_to_what_comes_after(s3: Caller, context: Context, key: str) -> None:
    s3.put_object(Bucket="ward", Key="before", Body=TEXT)
    s3.put_bucket_encryption(
        Bucket="ward", ServerSideEncryptionConfiguration=default("aws:kms", KMSMasterKeyID=key, BucketKeyEnabled=True)
    )
    rules = s3.get_bucket_encryption(Bucket="ward")["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    put = s3.put_object(**AT, Body=TEXT)
    assert (put["ServerSideEncryption"], put["SSEKMSKeyId"], put["BucketKeyEnabled"]) == ("aws:kms", key, True)
    assert s3.put_object(**AT, Body=TEXT, ServerSideEncryption="AES256")["ServerSideEncryption"] == "AES256"
    begun = s3.create_multipart_upload(**AT)
    assert begun["SSEKMSKeyId"] == key
    assert s3.copy_object(Bucket="ward", Key="c", CopySource="ward/before")["SSEKMSKeyId"] == key
    written = context.buckets.put_bytes("s3://ward/by-clary", TEXT)
    assert written.encryption is not None
    assert written.encryption.key == key
    assert context.buckets.get_bytes("s3://ward/by-clary") == TEXT
    assert "ServerSideEncryption" not in s3.head_object(Bucket="ward", Key="before")
    s3.delete_bucket_encryption(Bucket="ward")
    assert "ServerSideEncryption" not in s3.put_object(**AT, Body=TEXT)
    assert problem(s3.get_bucket_encryption, Bucket="ward")[0] == "ServerSideEncryptionConfigurationNotFoundError"


@pytest.mark.parametrize(
    ("configuration", "code"),
    [
        ({"Rules": []}, "MalformedXML"),
        ({"Rules": [{"BucketKeyEnabled": True}]}, "MalformedXML"),
        (default("AES256", KMSMasterKeyID="x"), "InvalidArgument"),
        (default("aws:kms:dsse"), "NotImplemented"),
    ],
)
def test_a_default_that_cannot_be_kept_is_refused(s3: Caller, configuration: dict[str, Any], code: str) -> None:
    refused = problem(s3.put_bucket_encryption, Bucket="ward", ServerSideEncryptionConfiguration=configuration)
    assert refused[0] == code


def test_a_multipart_upload_is_encrypted_from_its_first_part(s3: Caller, on_disk: Callable[[], bytes]) -> None:
    wish = {"ServerSideEncryption": "aws:kms"}
    upload = {**AT, "UploadId": s3.create_multipart_upload(**AT, **wish)["UploadId"]}
    pieces = [TEXT * 17, TEXT]
    parts = []
    for number, piece in enumerate(pieces, 1):
        done = s3.upload_part(**upload, PartNumber=number, Body=piece)
        assert done["ServerSideEncryption"] == "aws:kms"
        assert done["ETag"] != f'"{hashlib.md5(piece).hexdigest()}"'
        parts.append({"PartNumber": number, "ETag": done["ETag"]})
    assert b"patient" not in on_disk()
    done = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert (done["ServerSideEncryption"], done["ETag"][-3:]) == ("aws:kms", '-2"')
    assert b"patient" not in on_disk()
    assert s3.content(**AT) == b"".join(pieces)
    assert s3.content(**AT, PartNumber=2) == TEXT


def test_one_part_alone_is_an_object_too(s3: Caller) -> None:
    upload = {**AT, "UploadId": s3.create_multipart_upload(**AT, ServerSideEncryption="AES256")["UploadId"]}
    etag = s3.upload_part(**upload, PartNumber=1, Body=TEXT)["ETag"]
    assert etag == f'"{hashlib.md5(TEXT).hexdigest()}"'
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
    assert s3.content(**AT, Range="bytes=70000-70009") == TEXT[70000:70010]


def test_parts_are_copied_from_encrypted_objects(s3: Caller) -> None:
    s3.put_object(**AT, Body=TEXT, ServerSideEncryption="aws:kms")
    for wish in ({}, {"ServerSideEncryption": "AES256"}):
        upload = {
            "Bucket": "ward",
            "Key": "b",
            "UploadId": s3.create_multipart_upload(Bucket="ward", Key="b", **wish)["UploadId"],
        }
        done = s3.upload_part_copy(**upload, PartNumber=1, CopySource="ward/a", CopySourceRange="bytes=65000-199999")
        assert done.get("ServerSideEncryption") == wish.get("ServerSideEncryption")
        part = {"PartNumber": 1, "ETag": done["CopyPartResult"]["ETag"]}
        s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [part]})
        assert s3.content(Bucket="ward", Key="b") == TEXT[65000:200000]


def test_copies_are_encrypted_as_they_are_asked_to_be(s3: Caller, key: str, blobs: Callable[[], int]) -> None:
    plain = s3.put_object(Bucket="ward", Key="plain", Body=TEXT, Metadata={"k": "v"})
    wish = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
    for source, target, given in [("plain", "kms", wish), ("kms", "aes", {"ServerSideEncryption": "AES256"})]:
        done = s3.copy_object(Bucket="ward", Key=target, CopySource=f"ward/{source}", **given)
        assert done["ServerSideEncryption"] == given["ServerSideEncryption"]
        assert s3.content(Bucket="ward", Key=target) == TEXT
        assert s3.head_object(Bucket="ward", Key=target)["Metadata"] == {"k": "v"}
    back = s3.copy_object(Bucket="ward", Key="back", CopySource="ward/kms")
    assert "ServerSideEncryption" not in back
    assert back["CopyObjectResult"]["ETag"] == plain["ETag"]
    assert back["CopyObjectResult"]["ChecksumCRC64NVME"] == plain["ChecksumCRC64NVME"]
    assert blobs() == 4
    s3.copy_object(Bucket="ward", Key="plain", CopySource="ward/plain", **wish)  # onto itself, to encrypt it
    assert s3.content(Bucket="ward", Key="plain") == TEXT
    assert blobs() == 4


def test_versions_keep_each_its_own_encryption(s3: Caller) -> None:
    s3.put_bucket_versioning(Bucket="ward", VersioningConfiguration={"Status": "Enabled"})
    one = s3.put_object(**AT, Body=TEXT, ServerSideEncryption="aws:kms")["VersionId"]
    two = s3.put_object(**AT, Body=b"plain")["VersionId"]
    assert s3.content(**AT, VersionId=one) == TEXT
    assert s3.content(**AT, VersionId=two) == b"plain"
    s3.put_object_tagging(**AT, VersionId=one, Tagging={"TagSet": [{"Key": "k", "Value": "v"}]})
    assert s3.content(**AT, VersionId=one) == TEXT


def test_a_body_that_is_not_what_was_announced_leaves_nothing(s3: Caller, blobs: Callable[[], int]) -> None:
    wish = {"ServerSideEncryption": "aws:kms"}
    assert problem(s3.put_object, **AT, Body=TEXT, ContentMD5="1B2M2Y8AsgTpgAmY7PhCfg==", **wish)[0] == "BadDigest"
    assert blobs() == 0


def test_other_kinds_of_encryption_are_refused_by_name(s3: Caller) -> None:
    for given in ({"ServerSideEncryption": "aws:kms:dsse"}, {"SSECustomerAlgorithm": "AES256"}):
        with pytest.raises(NotServed, match="Clary does not"):
            s3.create_multipart_upload(**AT, **given)
