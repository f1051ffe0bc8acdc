"""Encryption at rest: what a request or a bucket's default asks for, and what an answer says was done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from clary.context import Context
from clary.errors import NotServed, ServiceError
from clary.seals import AES256, KMS, Seal, Wish, wish_of
from clary.services import operation
from clary.services.s3.access import open_bucket
from clary.services.s3.errors import InvalidArgument, MalformedXML
from clary.store.buckets import Bucket
from clary.store.keys import Encryption, Entry

_HEADER = "x-amz-server-side-encryption"


@operation
def put_bucket_encryption(context: Context, request: dict[str, Any]) -> None:
    bucket = open_bucket(context, request)
    rules = request["ServerSideEncryptionConfiguration"].get("Rules") or []
    if len(rules) != 1 or "SSEAlgorithm" not in (default := rules[0].get("ApplyServerSideEncryptionByDefault", {})):
        raise MalformedXML
    _check_algorithm(default["SSEAlgorithm"])
    if "KMSMasterKeyID" in default and default["SSEAlgorithm"] != KMS:
        raise InvalidArgument(
            "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse",
            "ApplyServerSideEncryptionByDefault",
            default["SSEAlgorithm"],
        )
    context.buckets.index.configure(bucket.name, "encryption", {"Rules": rules})


@operation
def get_bucket_encryption(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    bucket = open_bucket(context, request)
    if (found := bucket.configuration.get("encryption")) is None:
        raise ServiceError(
            "The server side encryption configuration was not found",
            code="ServerSideEncryptionConfigurationNotFoundError",
            status=404,
            BucketName=bucket.name,
        )
    (rule,) = found["Rules"]
    return {"ServerSideEncryptionConfiguration": {"Rules": [{"BucketKeyEnabled": False, **rule}]}}


@operation
def delete_bucket_encryption(context: Context, request: dict[str, Any]) -> None:
    context.buckets.index.configure(open_bucket(context, request).name, "encryption", None)


def seal(context: Context, request: Mapping[str, Any], bucket: Bucket) -> Seal | None:
    """What the object of a request is to be sealed with; None: it stays plain.

    ``InvalidArgument``, ``NotServed``, ``KeyProblem``; ``AccessDenied`` where the caller may not use the key.
    """
    return context.own_buckets.seal(bucket, request["Key"], wanted(request, bucket))


def wanted(request: Mapping[str, Any], bucket: Bucket) -> Wish | None:
    """``InvalidArgument``, ``NotServed``."""
    algorithm, key = request.get("ServerSideEncryption"), request.get("SSEKMSKeyId", "")
    if algorithm is not None:
        _check_algorithm(algorithm)
    if key and algorithm != KMS:
        raise InvalidArgument(
            f"Server Side Encryption with AWS KMS managed key requires HTTP header {_HEADER} : aws:kms",
            _HEADER,
            algorithm or "",
        )
    wish = Wish(algorithm, key) if algorithm else wish_of(bucket)
    if wish is not None and wish.algorithm == KMS and "BucketKeyEnabled" in request:
        wish = replace(wish, bucket_key=request["BucketKeyEnabled"])
    return wish


def check_readable(context: Context, entry: Entry) -> None:
    """``AccessDenied`` where the caller may not use the key of an encrypted object."""
    context.own_buckets.require_key("kms:Decrypt", entry.bucket, entry.key, entry.encryption)


def shown(encryption: Encryption | None) -> dict[str, Any]:
    """The members by which answers tell how an object is encrypted."""
    if encryption is None:
        return {}
    if encryption.algorithm != KMS:
        return {"ServerSideEncryption": encryption.algorithm}
    return {
        "ServerSideEncryption": encryption.algorithm,
        "SSEKMSKeyId": encryption.key,
        "BucketKeyEnabled": encryption.bucket_key or None,
    }


def _check_algorithm(algorithm: str) -> None:
    if algorithm in {AES256, KMS}:
        return
    if algorithm.startswith("aws:"):
        raise NotServed(f"Clary does not serve encryption by {algorithm}: use {AES256} or {KMS}.")
    raise InvalidArgument("The encryption method specified is not supported", _HEADER, algorithm)
