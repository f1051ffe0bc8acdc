"""The buckets that requests name for what is to be written."""

from __future__ import annotations

from clary.buckets import parse_uri
from clary.context import Context
from clary.errors import ValidationException


def require(context: Context, uri: str, said: str) -> None:
    """``ValidationException`` if the bucket of ``uri`` is not there, or it is no S3 URI; ``said``: the member that names it."""
    bucket, _ = parse_uri(uri)
    if not context.buckets.exists_bucket(bucket):
        raise ValidationException(f"{said} names the bucket {bucket!r}, which does not exist. Create it first.")
