"""S3 as somebody may use it: what Clary reads and writes for a job or a caller, with their rights and no more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from clary.buckets import Buckets, Entry, parse_uri
from clary.errors import AccessDenied
from clary.rights.evaluation import Decision
from clary.rights.facts import NOTHING, Facts
from clary.rights.identity import Identity
from clary.rights.rights import Rights
from clary.seals import KMS, Seal, Wish
from clary.store.buckets import Bucket
from clary.store.keys import Encryption

# What Clary does for somebody happens inside it: on no network.
_INSIDE = Facts({"aws:SecureTransport": "true", "aws:ViaAWSService": "true"})


class GuardedBuckets:
    """The part of ``Buckets`` that goes by URIs; ``AccessDenied``, in AWS's words, for what ``who`` may not."""

    def __init__(self, buckets: Buckets, rights: Rights, who: Identity) -> None:
        self._buckets, self._rights, self._who = buckets, rights, who

    def list(self, uri_prefix: str, *, after: str = "") -> Iterator[Entry]:
        """All objects whose URI begins so, with keys above ``after``, each of which must be readable."""
        bucket, prefix = parse_uri(uri_prefix)
        self._require("s3:ListBucket", f"arn:aws:s3:::{bucket}", Facts({"s3:prefix": prefix}))
        decide = self._rights.decider(self._who, "s3:GetObject", f"arn:aws:s3:::{bucket}/", _INSIDE)
        for entry in self._buckets.list(uri_prefix, after=after):
            resource = f"arn:aws:s3:::{bucket}/{entry.key}"
            self._check(decide(resource), "s3:GetObject", resource)
            yield entry

    def may_list(self, uri_prefix: str) -> bool:
        bucket, prefix = parse_uri(uri_prefix)
        return self._decide("s3:ListBucket", f"arn:aws:s3:::{bucket}", Facts({"s3:prefix": prefix})).allowed

    def find(self, uri: str) -> Entry:
        self._require("s3:GetObject", _arn(uri))
        return self._buckets.find(uri)

    def file(self, entry: Entry) -> Path | None:
        """The file that holds an entry's bytes, which ``list`` or ``find`` gave; None if they lie there encrypted."""
        return self._buckets.file(entry)

    def save(self, entry: Entry, path: Path) -> None:
        """Write the bytes of an entry, which ``list`` or ``find`` gave, to a file. ``KeyProblem``."""
        self._check_readable(entry)
        self._buckets.save(entry, path)

    def get_bytes(self, uri: str) -> bytes:
        entry = self.find(uri)
        self._check_readable(entry)
        return b"".join(self._buckets.read(entry))

    def get_start(self, uri: str, length: int) -> bytes:
        """The first bytes of an object, at most ``length``."""
        entry = self.find(uri)
        self._check_readable(entry)
        return b"".join(self._buckets.read(entry, 0, min(length, entry.size)))

    def put_bytes(self, uri: str, data: bytes, *, key: str = "", **given: Any) -> Entry:
        """``key``: of KMS, by any of its names; else the bucket's default encryption counts."""
        self._require("s3:PutObject", _arn(uri))
        return self._buckets.put_bytes(uri, data, seal=self._seal(uri, key), **given)

    def put_file(self, uri: str, path: Path, *, key: str = "", **given: Any) -> Entry:
        """``key`` as for ``put_bytes``."""
        self._require("s3:PutObject", _arn(uri))
        return self._buckets.put_file(uri, path, seal=self._seal(uri, key), **given)

    def put_pieces(self, uri: str, pieces: Iterable[bytes], *, key: str = "", **given: Any) -> Entry:
        """``key`` as for ``put_bytes``. If the pieces end with an error, nothing is put."""
        self._require("s3:PutObject", _arn(uri))
        return self._buckets.put_pieces(uri, pieces, seal=self._seal(uri, key), **given)

    def take_back(self, entries: Sequence[Entry]) -> None:
        """Remove versions that this one has just put, which needs no right to delete."""
        for entry in entries:
            self._buckets.remove(entry.bucket, [(entry.key, entry.version)])

    def delete(self, uri: str) -> None:
        """Harmless if there is no such key."""
        self._require("s3:DeleteObject", _arn(uri))
        self._buckets.delete(uri)

    def seal(self, bucket: Bucket, key: str, wish: Wish | None) -> Seal | None:
        """As ``Buckets.seal``; ``AccessDenied`` where the key may not be used."""
        seal = self._buckets.seal(bucket, key, wish)
        self.require_key("kms:GenerateDataKey", bucket.name, key, seal.encryption if seal else None)
        return seal

    def require_key(self, action: str, bucket: str, key: str, encryption: Encryption | None) -> None:
        """``AccessDenied`` where an object's key of KMS may not be used so; S3's own is everybody's. ``KeyProblem``."""
        if encryption is not None and (asked := self._buckets.seals.asks(bucket, key, encryption)) is not None:
            self._require(action, *asked)

    def _check_readable(self, entry: Entry) -> None:
        self.require_key("kms:Decrypt", entry.bucket, entry.key, entry.encryption)

    def _seal(self, uri: str, key: str) -> Seal | None:
        bucket, name = parse_uri(uri)
        return self.seal(self._buckets.bucket(bucket), name, Wish(KMS, key) if key else None)

    def _require(self, action: str, resource: str, facts: Facts = NOTHING) -> None:
        self._check(self._decide(action, resource, facts), action, resource)

    def _check(self, decision: Decision, action: str, resource: str) -> None:
        if not decision.allowed:
            raise AccessDenied(
                f'User: {self._who.arn} is not authorized to perform: {action} on resource: "{resource}" '
                f"{decision.reason(action)}"
            )

    def _decide(self, action: str, resource: str, facts: Facts) -> Decision:
        return self._rights.decide(self._who, action, resource, facts.joined(_INSIDE))


def _arn(uri: str) -> str:
    bucket, key = parse_uri(uri)
    return f"arn:aws:s3:::{bucket}/{key}"
