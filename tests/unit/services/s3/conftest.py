"""S3's operations called as the gateway calls them, on real parts in a folder of the test's own."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel

from clary import services
from clary.buckets import Buckets
from clary.context import ACCOUNT, Context, Door
from clary.encryption_keys import EncryptionKeys
from clary.gateway import models
from clary.objects.base import Slice, Unsealed
from clary.objects.files import FileObjects
from clary.rights.rights import Rights
from clary.seals import Seals
from clary.services.s3 import (  # noqa: F401 - their operations register themselves
    bucket_settings,
    buckets,
    copies,
    cors,
    encryption,
    lifecycle,
    listings,
    multipart_uploads,
    object_attributes,
    objects,
    upload_listings,
    versioning,
)
from clary.settings import Settings
from clary.store.associations import Associations
from clary.store.audit_events import AuditEvents
from clary.store.component_metrics import ComponentMetrics
from clary.store.database import Database
from clary.store.feature_records import FeatureRecords
from clary.store.labelling_objects import LabellingObjects
from clary.store.log_events import LogEvents
from clary.store.metric_points import MetricPoints
from clary.store.records import SqlStore
from clary.store.search import Search

MODEL = ServiceModel(Loader().load_service_model("s3", "service-2"))
NAMES = {name.lower(): name for name in MODEL.operation_names}


class Caller:
    """``s3.put_object(Bucket=..., Body=...)``; what is asked and answered must be in botocore's model."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def at(self, region: str) -> Caller:
        return Caller(replace(self.context, region=region))

    def __getattr__(self, operation: str) -> Callable[..., dict[str, Any]]:
        if ("s3", operation) not in services._operations:
            raise AttributeError(operation)
        handler = services._operations["s3", operation]
        model = MODEL.operation_model(NAMES[operation.replace("_", "")])

        def call(**request: Any) -> dict[str, Any]:
            unknown = request.keys() - model.input_shape.members.keys() - {"_trailers"}
            assert not unknown, f"{operation} takes no {unknown}"
            if inspect.iscoroutinefunction(handler):
                if isinstance(request.get("Body"), list):
                    request["Body"] = stream(request["Body"])
                answer = asyncio.run(handler(self.context, request))
            else:
                answer = handler(self.context, request)
            answer = {name: value for name, value in (answer or {}).items() if value is not None}
            known = model.output_shape.members.keys() if model.output_shape else set()
            assert answer.keys() - {"_status"} <= known
            return answer

        return call

    def content(self, **request: Any) -> bytes:
        return body(self.get_object(**request))


async def stream(pieces: list[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


def body(answer: dict[str, Any]) -> bytes:
    part = answer.get("Body")
    if part is None:
        return b""
    if isinstance(part, bytes):
        return part
    if isinstance(part, Unsealed):
        return b"".join(part.pieces)
    assert isinstance(part, Slice)
    with part.path.open("rb") as file:
        file.seek(part.start)
        return file.read(part.length)


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    database = Database(tmp_path / "clary.db")
    store = SqlStore(database)
    keys = EncryptionKeys(store, tmp_path / "kms.key", ACCOUNT)
    context = Context(
        settings=Settings(data=tmp_path),
        store=store,
        buckets=Buckets(database, FileObjects(tmp_path / "objects"), Seals(keys), grace=0),
        logs=LogEvents(database),
        metrics=MetricPoints(database),
        associations=Associations(database),
        component_metrics=ComponentMetrics(database),
        features=FeatureRecords(database),
        labelling=LabellingObjects(database),
        audit=AuditEvents(database),
        search=Search(database),
        door=Door(),
        model=models.service,
        rights=Rights(store),
        encryption_keys=keys,
        url="http://127.0.0.1:8780",
    )
    yield context
    context.buckets.close()
    database.close()


@pytest.fixture
def s3(context: Context) -> Caller:
    context.buckets.create_bucket("ward")
    return Caller(context)


@pytest.fixture
def blobs(tmp_path: Path) -> Callable[[], int]:
    """How many blobs and half-written files lie on the disk."""
    return lambda: sum(path.is_file() for path in (tmp_path / "objects").rglob("*"))
