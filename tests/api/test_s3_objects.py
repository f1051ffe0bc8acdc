"""Objects through boto3: bodies of every framing, ranges, conditions, metadata, presigned addresses."""

from __future__ import annotations

import hashlib
import http.client
import io
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.conftest import Studio

MIB = 1 << 20


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """urllib goes straight to the server, whatever the shell says."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def s3(boto: Callable[..., Any]) -> Any:
    client = boto("s3")
    client.create_bucket(Bucket="ward")
    return client


def code(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, int]:
    answer = error.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


def test_put_get_head(s3: Any) -> None:
    put = s3.put_object(Bucket="ward", Key="a", Body=b"bytes", ContentType="text/csv", Metadata={"Unit": "mg/dl"})
    got = s3.get_object(Bucket="ward", Key="a")
    assert got["Body"].read() == b"bytes"
    assert (got["ContentType"], got["Metadata"], got["ContentLength"]) == ("text/csv", {"unit": "mg/dl"}, 5)
    assert got["ETag"] == put["ETag"] == f'"{hashlib.md5(b"bytes").hexdigest()}"'
    assert (datetime.now(UTC) - got["LastModified"]).total_seconds() < 60
    assert put["ChecksumType"] == "FULL_OBJECT"
    head = s3.head_object(Bucket="ward", Key="a", ChecksumMode="ENABLED")
    assert (head["ContentLength"], head["ChecksumCRC32"]) == (5, put["ChecksumCRC32"])
    assert head["ResponseMetadata"]["HTTPHeaders"]["accept-ranges"] == "bytes"


def test_nothing_and_a_bit_more(s3: Any) -> None:
    for body in (b"", b"\0", b"\r\n0\r\n\r\n", os.urandom(3 * MIB + 1)):
        s3.put_object(Bucket="ward", Key="a", Body=body)
        assert s3.get_object(Bucket="ward", Key="a")["Body"].read() == body


@pytest.mark.parametrize(
    "key",
    [
        "../../etc/passwd",
        "/a",
        "//",
        "a//b/",
        ".",
        "a/./b",
        "ä/日本/😀",
        "a b+c%2F?x#y&z=1",
        "k" * 1024,
        "a\tb",
        "a\rb",
        "'\"<>",
    ],
)
def test_any_key(s3: Any, key: str) -> None:
    s3.put_object(Bucket="ward", Key=key, Body=key.encode())
    assert s3.get_object(Bucket="ward", Key=key)["Body"].read() == key.encode()
    assert key in [item["Key"] for item in s3.list_objects_v2(Bucket="ward")["Contents"]]
    s3.copy_object(Bucket="ward", Key="copy", CopySource={"Bucket": "ward", "Key": key})
    assert s3.get_object(Bucket="ward", Key="copy")["Body"].read() == key.encode()
    s3.delete_objects(Bucket="ward", Delete={"Objects": [{"Key": key}]})
    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket="ward", Key=key)
    assert code(error) == ("NoSuchKey", 404)


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_checksums(s3: Any, algorithm: str) -> None:
    put = s3.put_object(Bucket="ward", Key="a", Body=b"x" * 100_000, ChecksumAlgorithm=algorithm)
    got = s3.get_object(Bucket="ward", Key="a", ChecksumMode="ENABLED")
    assert got["Body"].read() == b"x" * 100_000  # boto3 checks it
    assert got[f"Checksum{algorithm}"] == put[f"Checksum{algorithm}"]
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket="ward", Key="b", Body=b"y", **{f"Checksum{algorithm}": put[f"Checksum{algorithm}"]})
    assert code(error) == ("BadDigest", 400)
    part = s3.get_object(Bucket="ward", Key="a", Range="bytes=5-9")
    assert part["Body"].read() == b"xxxxx"


def test_content_md5(s3: Any) -> None:
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket="ward", Key="a", Body=b"x", ContentMD5="1B2M2Y8AsgTpgAmY7PhCfg==")
    assert code(error) == ("BadDigest", 400)


def test_ranges(s3: Any) -> None:
    s3.put_object(Bucket="ward", Key="a", Body=b"0123456789")
    got = s3.get_object(Bucket="ward", Key="a", Range="bytes=-4")
    assert (got["Body"].read(), got["ContentRange"], got["ContentLength"]) == (b"6789", "bytes 6-9/10", 4)
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert s3.get_object(Bucket="ward", Key="a", Range="bytes=1-0")["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert s3.head_object(Bucket="ward", Key="a", Range="bytes=0-2")["ContentLength"] == 3
    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket="ward", Key="a", Range="bytes=10-")
    assert code(error) == ("InvalidRange", 416)
    assert error.value.response["Error"]["ActualObjectSize"] == "10"


def test_conditions(s3: Any) -> None:
    etag = s3.put_object(Bucket="ward", Key="a", Body=b"x")["ETag"]
    modified = s3.head_object(Bucket="ward", Key="a")["LastModified"]
    for call in (s3.get_object, s3.head_object):
        for condition in ({"IfNoneMatch": etag}, {"IfModifiedSince": modified}):
            with pytest.raises(ClientError) as error:
                call(Bucket="ward", Key="a", **condition)
            assert code(error) == ("304", 304)
            assert error.value.response["ResponseMetadata"]["HTTPHeaders"]["etag"] == etag
        with pytest.raises(ClientError) as error:
            call(Bucket="ward", Key="a", IfMatch='"other"')
        assert code(error)[1] == 412
        assert call(Bucket="ward", Key="a", IfMatch=etag, IfUnmodifiedSince=modified)["ETag"] == etag
    for key, condition, refusal in [
        ("a", {"IfNoneMatch": "*"}, ("PreconditionFailed", 412)),
        ("a", {"IfMatch": '"other"'}, ("PreconditionFailed", 412)),
        ("absent", {"IfMatch": etag}, ("NoSuchKey", 404)),
        ("a", {"IfNoneMatch": etag}, ("NotImplemented", 501)),
    ]:
        with pytest.raises(ClientError) as error:
            s3.put_object(Bucket="ward", Key=key, Body=b"y", **condition)
        assert code(error) == refusal
    assert s3.get_object(Bucket="ward", Key="a", IfMatch=etag)["Body"].read() == b"x"


def test_missing(s3: Any) -> None:
    with pytest.raises(s3.exceptions.NoSuchKey) as key_error:
        s3.get_object(Bucket="ward", Key="absent/key")
    assert key_error.value.response["Error"]["Key"] == "absent/key"
    with pytest.raises(s3.exceptions.NoSuchBucket) as bucket_error:
        s3.get_object(Bucket="nowhere", Key="absent")
    assert bucket_error.value.response["Error"]["BucketName"] == "nowhere"
    with pytest.raises(ClientError) as error:
        s3.head_object(Bucket="ward", Key="absent")
    assert code(error) == ("404", 404)
    assert s3.delete_object(Bucket="ward", Key="absent")["ResponseMetadata"]["HTTPStatusCode"] == 204


def test_deletes(s3: Any) -> None:
    for n in range(3):
        s3.put_object(Bucket="ward", Key=f"gone/{n}", Body=b"x")
    answer = s3.delete_objects(Bucket="ward", Delete={"Objects": [{"Key": f"gone/{n}"} for n in range(4)]})
    assert {item["Key"] for item in answer["Deleted"]} == {f"gone/{n}" for n in range(4)}
    assert "Errors" not in answer
    quiet = s3.delete_objects(Bucket="ward", Delete={"Objects": [{"Key": "gone/1"}], "Quiet": True})
    assert "Deleted" not in quiet


def test_a_body_that_is_not_what_was_signed(s3: Any) -> None:
    for key in ("mine", "your"):
        s3.put_object(Bucket="ward", Key=key, Body=b"x")

    def change(request: Any, **_: Any) -> None:
        request.body = request.body.replace(b"mine", b"your")

    s3.meta.events.register("before-send.s3.DeleteObjects", change)
    with pytest.raises(ClientError) as error:
        s3.delete_objects(Bucket="ward", Delete={"Objects": [{"Key": "mine"}]})
    assert code(error) == ("XAmzContentSHA256Mismatch", 400)
    assert s3.head_object(Bucket="ward", Key="your")["ContentLength"] == 1


def test_copies_and_tags(s3: Any) -> None:
    s3.put_object(Bucket="ward", Key="a", Body=b"x", Metadata={"k": "v"}, Tagging="unit=icu&n=1")
    result = s3.copy_object(Bucket="ward", Key="b", CopySource="ward/a")["CopyObjectResult"]
    head = s3.head_object(Bucket="ward", Key="b")
    assert (head["Metadata"], head["ETag"], head["TagCount"]) == ({"k": "v"}, result["ETag"], 2)
    assert result["LastModified"] == head["LastModified"]
    s3.put_object_tagging(Bucket="ward", Key="b", Tagging={"TagSet": [{"Key": "x", "Value": "y"}]})
    assert s3.get_object_tagging(Bucket="ward", Key="b")["TagSet"] == [{"Key": "x", "Value": "y"}]
    assert {t["Key"] for t in s3.get_object_tagging(Bucket="ward", Key="a")["TagSet"]} == {"unit", "n"}
    s3.delete_object_tagging(Bucket="ward", Key="b")
    assert s3.get_object_tagging(Bucket="ward", Key="b")["TagSet"] == []
    with pytest.raises(ClientError) as error:
        s3.copy_object(Bucket="ward", Key="a", CopySource="ward/a")
    assert code(error) == ("InvalidRequest", 400)


def test_attributes(s3: Any) -> None:
    s3.put_object(Bucket="ward", Key="a", Body=b"x")
    got = s3.get_object_attributes(Bucket="ward", Key="a", ObjectAttributes=["ETag", "ObjectSize", "Checksum"])
    assert (got["ETag"], got["ObjectSize"]) == (hashlib.md5(b"x").hexdigest(), 1)
    assert got["Checksum"]["ChecksumType"] == "FULL_OBJECT"


def test_what_is_not_served_says_so(s3: Any) -> None:
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket="ward", Key="a", Body=b"x", SSECustomerAlgorithm="AES256", SSECustomerKey="k" * 32)
    assert code(error) == ("NotImplemented", 501)
    assert "a key of KMS" in error.value.response["Error"]["Message"]
    with pytest.raises(ClientError) as error:
        s3.put_bucket_website(Bucket="ward", WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}})
    assert code(error) == ("NotImplemented", 501)


@pytest.fixture(params=["s3", "s3v4"])
def presign(request: pytest.FixtureRequest, boto: Callable[..., Any], s3: Any) -> Callable[..., str]:
    client = boto("s3", config=Config(signature_version=request.param, proxies={}))

    def url(operation: str, **params: Any) -> str:
        return str(client.generate_presigned_url(operation, Params={"Bucket": "ward", **params}))

    return url


@pytest.mark.parametrize("key", ["plain", "a b+c/ä%2F"])
def test_presigned_addresses(presign: Callable[..., str], key: str) -> None:
    put = urllib.request.Request(presign("put_object", Key=key), b"bytes", {"Content-Type": ""}, method="PUT")
    with urllib.request.urlopen(put) as answer:
        assert answer.status == 200
    with urllib.request.urlopen(presign("get_object", Key=key, ResponseContentType="text/csv")) as answer:
        assert answer.read() == b"bytes"
        assert answer.headers["Content-Type"] == "text/csv"
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(presign("get_object", Key=key) + "0")
    assert error.value.code in {400, 403}
    error.value.close()


class _Unsized(io.RawIOBase):
    """A body whose length is not known beforehand."""

    def __init__(self, data: bytes) -> None:
        self._rest = data

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        piece, self._rest = (self._rest[:size], self._rest[size:]) if size >= 0 else (self._rest, b"")
        return piece


def test_files_up_and_down(s3: Any, tmp_path: Path) -> None:
    """Through boto3's transfers: many parts at once, up and down."""
    whole = os.urandom(25 * MIB)
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(whole)
    s3.upload_file(str(source), "ward", "big", ExtraArgs={"ContentType": "application/gzip", "Metadata": {"k": "v"}})
    head = s3.head_object(Bucket="ward", Key="big")
    assert head["ETag"].endswith('-4"')
    assert (head["ContentType"], head["Metadata"]) == ("application/gzip", {"k": "v"})
    s3.download_file("ward", "big", str(target))
    assert target.read_bytes() == whole
    s3.upload_fileobj(_Unsized(whole), "ward", "unsized")
    assert s3.get_object(Bucket="ward", Key="unsized")["Body"].read() == whole
    s3.copy({"Bucket": "ward", "Key": "big"}, "ward", "copied")
    assert s3.get_object(Bucket="ward", Key="copied")["Body"].read() == whole


def test_a_connection_that_breaks_off_leaves_the_old_object(s3: Any, studio: Studio) -> None:
    s3.put_object(Bucket="ward", Key="a", Body=b"old")
    url = s3.generate_presigned_url("put_object", Params={"Bucket": "ward", "Key": "a"})
    host, path = url.removeprefix("http://").split("/", 1)
    connection = http.client.HTTPConnection(host)
    connection.putrequest("PUT", f"/{path}")
    connection.putheader("Content-Length", str(5 * MIB))
    connection.endheaders()
    connection.send(b"x" * MIB)
    connection.close()
    s3.put_object(Bucket="ward", Key="b", Body=b"later")
    assert s3.get_object(Bucket="ward", Key="a")["Body"].read() == b"old"


def test_memory_stays_flat(s3: Any, studio: Studio, tmp_path: Path) -> None:
    """300 MiB through a server that must not grow by a tenth of it."""
    status = Path(f"/proc/{studio._process.pid}/status")
    if not status.exists():
        pytest.skip("the system tells no peak of memory")

    def peak() -> int:
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))

    file = tmp_path / "big"
    with file.open("wb") as out:
        for n in range(300):
            out.write(bytes([n % 251]) * MIB)
    s3.put_object(Bucket="ward", Key="warm", Body=b"x" * 8 * MIB)
    s3.get_object(Bucket="ward", Key="warm")["Body"].read()
    before = peak()
    with file.open("rb") as body:
        s3.put_object(Bucket="ward", Key="big", Body=body)
    md5 = hashlib.md5()
    for piece in s3.get_object(Bucket="ward", Key="big")["Body"].iter_chunks(MIB):
        md5.update(piece)
    with file.open("rb") as body:
        assert md5.hexdigest() == hashlib.file_digest(body, "md5").hexdigest()
    assert peak() - before < 30 * 1024  # KiB


def test_an_object_may_have_the_content_type_of_a_form(boto: Callable[[str], Any]) -> None:
    s3 = boto("s3")
    s3.create_bucket(Bucket="forms")
    s3.put_object(Bucket="forms", Key="k", Body=b"Action=Nothing", ContentType="application/x-www-form-urlencoded")
    assert s3.get_object(Bucket="forms", Key="k")["Body"].read() == b"Action=Nothing"
