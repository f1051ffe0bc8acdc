"""Writing a feature group's outbox as Parquet files, and what is left to do when a group is deleted.

Rows wait a few seconds, so that a file holds many. A file's rows and name are settled before it is written, so a crash
writes the same object again; the rows leave the outbox once it is there.
"""

from __future__ import annotations

import io
import json
from datetime import datetime
from pathlib import Path
from typing import Any

from arro3.core import DataType, Field, Schema
from arro3.io import read_json, write_parquet

from clary.context import Context
from clary.errors import AccessDenied
from clary.seals import KeyProblem
from clary.store.base import Record
from clary.store.key_errors import NoSuchBucket

_WAIT = 2.0  # seconds that a row waits for others
_RETRY = 30.0  # seconds after which a store that could not be written is tried again

_TYPES = {"Integral": DataType.int64(), "Fractional": DataType.float64(), "String": DataType.string()}
_TIME = DataType.timestamp("ms", tz="UTC")


class FeatureGroups:
    kind = "FeatureGroup"
    terminal = frozenset({"DeleteFailed"})

    def __init__(self, context: Context) -> None:
        self._context = context

    def directory(self, record: Record) -> Path | None:  # noqa: ARG002 - a group has no tasks
        return None

    def step(self, group: Record) -> float | None:
        features, identity = self._context.features, str(group.body["_id"])
        deleting = group.status == "Deleting"
        try:
            self._write(group)
            while (since := features.waits_since(identity)) is not None:
                if not deleting and (left := since + _WAIT - self._context.now().timestamp()) > 0:
                    return left
                features.assign(identity)
                self._write(group)
        except NoSuchBucket as error:
            return self._blocked(group, f"The bucket {error.members['BucketName']} is gone: create it again")
        except KeyProblem as error:
            return self._blocked(group, f"{error.message.rstrip('.')}: make its key usable again")
        except AccessDenied as error:
            return self._blocked(group, f"{error.message}: let the role write there again")
        if deleting:
            features.forget(identity)
            self._context.store.delete(group)
            return None
        if group.body["OfflineStoreStatus"]["Status"] == "Blocked":
            self._put(group, group.status, OfflineStoreStatus={"Status": "Active"})
        return None

    def _write(self, group: Record) -> None:
        """The files whose rows are settled."""
        features, identity = self._context.features, str(group.body["_id"])
        for file in features.files(identity):
            storage = group.body["OfflineStoreConfig"]["S3StorageConfig"]
            folder, key = storage["ResolvedOutputS3Uri"], storage.get("KmsKeyId", "")
            data = parquet(group.body["FeatureDefinitions"], features.rows(identity, file), self._context.now())
            buckets = self._context.buckets_of(group.body["RoleArn"])
            buckets.put_bytes(f"{folder}/{file}", data, content_type="application/octet-stream", key=key)
            features.written(identity, file)

    def _blocked(self, group: Record, reason: str) -> float | None:
        """Nothing is lost: the rows stay in the outbox until the store can be written, or the group's end waits for it."""
        if group.status == "Deleting":
            told = f"{reason}, then delete the group again. Records wait to be written."
            self._put(group, "DeleteFailed", FeatureGroupStatus="DeleteFailed", FailureReason=told)
            return None
        status = {"Status": "Blocked", "BlockedReason": f"{reason}. Records wait to be written."}
        if group.body["OfflineStoreStatus"] != status:
            self._put(group, group.status, OfflineStoreStatus=status)
        return _RETRY

    def _put(self, group: Record, status: str, **members: Any) -> None:
        new = Record(
            region=group.region,
            kind=group.kind,
            name=group.name,
            body={**group.body, **members},
            status=status,
            version=group.version,
            created=group.created,
            modified=group.modified,
            arn=group.arn,
        )
        self._context.store.put(new)


def parquet(definitions: list[dict[str, Any]], rows: list[dict[str, Any]], now: datetime) -> bytes:
    """The rows as one file, compressed by Snappy: a column for each feature, then the offline store's own three."""
    fields = [_field(each["FeatureName"], _type(each)) for each in definitions]
    own = [("write_time", _TIME), ("api_invocation_time", _TIME), ("is_deleted", DataType.bool())]
    schema = Schema([*fields, *(_field(name, type_) for name, type_ in own)])
    written = now.isoformat(timespec="milliseconds")
    lines = "\n".join(json.dumps({**row, "write_time": written}, ensure_ascii=False) for row in rows)
    out = io.BytesIO()
    write_parquet(read_json(io.BytesIO(lines.encode()), schema), out, compression="snappy")
    return out.getvalue()


def _field(name: str, type_: DataType) -> Field:
    return Field(name, type_, nullable=True)


def _type(definition: dict[str, Any]) -> DataType:
    plain = _TYPES[definition["FeatureType"]]
    return DataType.list(_field("element", plain)) if "CollectionType" in definition else plain
