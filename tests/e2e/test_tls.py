"""TLS: the API under a certificate of one's own, and no way onto the network without one."""

from __future__ import annotations

import ipaddress
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from tests.api.test_rights import allow, document, refused
from tests.conftest import Studio, clean_environment

PROGRAM = """
import boto3
s3 = boto3.client("s3")
s3.create_bucket(Bucket="over-tls")
s3.put_object(Bucket="over-tls", Key="a", Body=b"x" * 3_000_000)  # in chunks without signatures, as SDKs do over TLS
print(s3.meta.endpoint_url, s3.get_object(Bucket="over-tls", Key="a")["ContentLength"])
print(boto3.client("sts").get_caller_identity()["Account"])
"""


def pair(
    folder: Path, name: str, days: int = 30, secret: KeySerializationEncryption | None = None
) -> tuple[Path, Path]:
    """A certificate that signs itself, for localhost, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=60))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = folder / f"{name}.pem", folder / f"{name}.key"
    files[0].write_bytes(certificate.public_bytes(Encoding.PEM))
    files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, secret or NoEncryption()))
    return files


def test_clients_reach_the_api_by_tls_and_commands_too(tmp_path: Path, cache: Path) -> None:
    certificate, key = pair(tmp_path, "good")
    studio = Studio(tmp_path / "data", cache, clean_environment(cache))
    studio.start("--host", "0.0.0.0", "--tls-cert", str(certificate), "--tls-key", str(key))
    try:
        data = str(studio.data)
        said = studio.clary("run", "--data", data, "--", sys.executable, "-c", PROGRAM)
        assert said.stdout.split() == [studio.url, "3000000", "000000000000"], said.stderr
        assert studio.url.startswith("https://localhost:")
        assert studio.clary("status", "--data", data).returncode == 0
        found = json.loads((studio.data / "server.json").read_text())
        assert found["local"].startswith("http://127.0.0.1:")
        # What the transport is, policies can ask.
        iam = studio.client("iam", endpoint_url=found["local"])
        iam.create_user(UserName="secure")
        needs = allow("s3:ListAllMyBuckets", Condition={"Bool": {"aws:SecureTransport": "true"}})
        iam.put_user_policy(UserName="secure", PolicyName="own", PolicyDocument=document(needs))
        issued = iam.create_access_key(UserName="secure")["AccessKey"]
        given = {"aws_access_key_id": issued["AccessKeyId"], "aws_secret_access_key": issued["SecretAccessKey"]}
        assert studio.client("s3", verify=str(certificate), **given).list_buckets()["Buckets"]
        refused(studio.client("s3", endpoint_url=found["local"], **given).list_buckets, "s3:ListAllMyBuckets")
    finally:
        studio.stop()


def up(tmp_path: Path, *flags: str) -> str:
    """What `clary up` says that does not start."""
    command = [sys.executable, "-m", "clary", "up", "--data", str(tmp_path / "none"), "--port", "0", *flags]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


def test_what_would_be_unsafe_is_refused_with_the_way_out(tmp_path: Path) -> None:
    certificate, key = map(str, pair(tmp_path, "good"))
    assert "--tls-cert FILE --tls-key FILE" in up(tmp_path, "--host", "0.0.0.0")
    assert "ssh -L" in up(tmp_path, "--host", "192.0.2.1")
    assert "go together" in up(tmp_path, "--tls-cert", certificate)
    assert "no such file" in up(tmp_path, "--tls-cert", certificate, "--tls-key", str(tmp_path / "none.key"))
    other = str(pair(tmp_path, "other")[1])
    assert "belong to each other" in up(tmp_path, "--tls-cert", certificate, "--tls-key", other)
    old = map(str, pair(tmp_path, "old", days=-1))
    assert "ended on" in up(tmp_path, "--tls-cert", next(old), "--tls-key", next(old))
    locked = map(str, pair(tmp_path, "locked", secret=BestAvailableEncryption(b"x")))
    assert "no password" in up(tmp_path, "--tls-cert", next(locked), "--tls-key", next(locked))
    assert "cannot be used" in up(tmp_path, "--tls-cert", key, "--tls-key", key)
