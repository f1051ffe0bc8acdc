"""KMS keys in requests: one for what is written to S3 is used, one for a volume is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clary.buckets import parse_uri
from clary.context import Context
from clary.errors import AccessDenied, NotServed, ValidationException
from clary.seals import KMS, Wish


def check_output_key(context: Context, role: str, uri: str, key: str) -> None:
    """Whether the role can write below ``uri`` under this key, before the work begins; "" is no key.

    ``ValidationException``.
    """
    if not key:
        return
    bucket, name = parse_uri(uri)
    try:
        context.buckets_of(role).seal(context.buckets.bucket(bucket), name, Wish(KMS, key))
    except AccessDenied as problem:
        raise ValidationException(f"The KmsKeyId {key} cannot be used with {uri}: {problem}") from None


def refuse_volume_key(config: Mapping[str, Any], member: str, operation: str) -> None:
    """``NotServed`` for a key of a volume, unless it is empty."""
    if config.get(member):
        raise NotServed(
            f"{operation} with {member} is not served: a volume is a folder of Clary's data folder. Keep that on an "
            "encrypted disk, and leave the member out."
        )
