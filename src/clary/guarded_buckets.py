"""S3 as somebody may use it: what Clary reads and writes for a job or a caller, with their rights and no more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from clary.buckets import Buckets, Entry, parse_uri
from clary.errors import AccessDenied
from clary.rights.evaluation import Decision
from clary.rights.facts import NOTHING, Facts
from clary.rights.identity import Identity
from clary.rights.rights import Rights


class GuardedBuckets:
    """The part of ``Buckets`` that goes by URIs; ``AccessDenied``, in AWS's words, for what ``who`` may not."""

    def __init__(self, buckets: Buckets, rights: Rights, who: Identity) -> None:
        self._buckets, self._rights, self._who = buckets, rights, who

    def list(self, uri_prefix: str) -> Iterator[Entry]:
        """All objects whose URI begins so, each of which must be readable."""
        bucket, prefix = parse_uri(uri_prefix)
        self._require("s3:ListBucket", f"arn:aws:s3:::{bucket}", Facts({"s3:prefix": prefix}))
        for entry in self._buckets.list(uri_prefix):
            self._require("s3:GetObject", _arn(f"s3://{bucket}/{entry.key}"))
            yield entry

    def may_list(self, uri_prefix: str) -> bool:
        bucket, prefix = parse_uri(uri_prefix)
        return self._decide("s3:ListBucket", f"arn:aws:s3:::{bucket}", Facts({"s3:prefix": prefix})).allowed

    def find(self, uri: str) -> Entry:
        self._require("s3:GetObject", _arn(uri))
        return self._buckets.find(uri)

    def path(self, entry: Entry) -> Path:
        """The file that holds an entry's bytes, which ``list`` or ``find`` gave."""
        return self._buckets.path(entry)

    def get_bytes(self, uri: str) -> bytes:
        self._require("s3:GetObject", _arn(uri))
        return self._buckets.get_bytes(uri)

    def put_bytes(self, uri: str, data: bytes, **given: Any) -> Entry:
        self._require("s3:PutObject", _arn(uri))
        return self._buckets.put_bytes(uri, data, **given)

    def put_file(self, uri: str, path: Path, **given: Any) -> Entry:
        self._require("s3:PutObject", _arn(uri))
        return self._buckets.put_file(uri, path, **given)

    def _require(self, action: str, resource: str, facts: Facts = NOTHING) -> None:
        decision = self._decide(action, resource, facts)
        if not decision.allowed:
            raise AccessDenied(
                f'User: {self._who.arn} is not authorized to perform: {action} on resource: "{resource}" '
                f"{decision.reason(action)}"
            )

    def _decide(self, action: str, resource: str, facts: Facts) -> Decision:
        # What Clary does for somebody happens inside it: on no network.
        inside = Facts({"aws:SecureTransport": "true", "aws:ViaAWSService": "true"})
        return self._rights.decide(self._who, action, resource, facts.joined(inside))


def _arn(uri: str) -> str:
    bucket, key = parse_uri(uri)
    return f"arn:aws:s3:::{bucket}/{key}"
