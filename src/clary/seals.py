"""Encryption of objects at rest: under which key an object is sealed, and how it is opened again.

Each object's bytes are sealed under a data key of its own, which lies beside its entry, wrapped by a key of KMS. The
encryption context is the object's ARN (with a bucket key the bucket's), as on S3: so a data key opens no other object's.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from clary.encryption_keys import S3_ALIAS, EncryptionKeys
from clary.errors import AccessDenied, ServiceError
from clary.rights.facts import Facts, Known
from clary.store.buckets import Bucket
from clary.store.keys import Encryption

T = TypeVar("T")

AES256, KMS = "AES256", "aws:kms"


class KeyProblem(AccessDenied):
    """The key of an object cannot be used: KMS's error, as S3 hands it on."""

    def __init__(self, problem: ServiceError) -> None:
        super().__init__(problem.message, code=f"KMS.{problem.code}")


@dataclass(frozen=True)
class Wish:
    """How an object is to be encrypted. ``key`` as KMS takes it: an id, an ARN, an alias; "" for S3's own."""

    algorithm: str
    key: str = ""
    bucket_key: bool = False


@dataclass(frozen=True)
class Seal:
    """What an object is to be sealed with: ``encryption`` is kept in its entry, ``secret`` nowhere."""

    encryption: Encryption
    secret: bytes = field(repr=False)


class Seals:
    def __init__(self, keys: EncryptionKeys) -> None:
        self._keys = keys

    def make(self, bucket: Bucket, key: str, wish: Wish) -> Seal:
        """For an object that is to stand under this key. ``KeyProblem``."""
        arn = _told(lambda: self._keys.resolve(bucket.region, wish.key or None))
        context = _context(bucket.name, key, bucket_key=wish.bucket_key)
        secret, wrapped = _told(lambda: self._keys.data_key(arn, context))
        encryption = Encryption(wish.algorithm, arn, base64.b64encode(wrapped).decode(), wish.bucket_key)
        return Seal(encryption, secret)

    def open(self, bucket: str, key: str, encryption: Encryption) -> bytes:
        """The secret of the object under this key. ``KeyProblem``."""
        context = _context(bucket, key, bucket_key=encryption.bucket_key)
        wrapped = base64.b64decode(encryption.data_key)
        return _told(lambda: self._keys.open_data_key(wrapped, context))

    def asks(self, bucket: str, key: str, encryption: Encryption) -> tuple[str, Facts] | None:
        """The key that whoever uses it needs the right to, and what is known of the use; None if it is S3's own."""
        arn = encryption.key
        region = arn.split(":")[3]
        if arn == self._keys.find(region, S3_ALIAS).arn:
            return None
        context = _context(bucket, key, bucket_key=encryption.bucket_key)
        known: dict[str, Known] = {
            "kms:ViaService": f"s3.{region}.amazonaws.com",
            "kms:CallerAccount": arn.split(":")[4],
            "kms:EncryptionContextKeys": [*context],
        }
        known |= {f"kms:EncryptionContext:{name}": value for name, value in context.items()}
        found = _told(lambda: self._keys.find(region, arn))
        return arn, Facts(known | {f"aws:ResourceTag/{tag['TagKey']}": tag["TagValue"] for tag in found.body["Tags"]})


def wish_of(bucket: Bucket) -> Wish | None:
    """What the bucket's default encryption says, None where it has none."""
    rules: dict[str, Any] | None = bucket.configuration.get("encryption")
    if rules is None:
        return None
    (rule,) = rules["Rules"]
    default = rule["ApplyServerSideEncryptionByDefault"]
    bucket_key = default["SSEAlgorithm"] == KMS and bool(rule.get("BucketKeyEnabled"))
    return Wish(default["SSEAlgorithm"], default.get("KMSMasterKeyID", ""), bucket_key)


def etag(md5: str, encryption: Encryption | None) -> str:
    """Of an object or part: the MD5 of its bytes, unless it lies under a key of KMS, of which it is to tell nothing."""
    return secrets.token_hex(16) if encryption is not None and encryption.algorithm == KMS else md5


def _context(bucket: str, key: str, *, bucket_key: bool) -> dict[str, str]:
    return {"aws:s3:arn": f"arn:aws:s3:::{bucket}" if bucket_key else f"arn:aws:s3:::{bucket}/{key}"}


def _told(ask: Callable[[], T]) -> T:
    try:
        return ask()
    except ServiceError as problem:
        raise KeyProblem(problem) from None
