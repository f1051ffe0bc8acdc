"""The container of a model as a task: its files laid out, its program started, asked whether it answers.

Endpoints and batch transform run the same ones. Source: SageMaker's developer guide, how containers serve requests.
"""

from __future__ import annotations

import http.client
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from clary.context import Context
from clary.engines.base import CannotIsolate, Engine, Task
from clary.errors import AccessDenied
from clary.formats import archives
from clary.guarded_buckets import GuardedBuckets
from clary.jobs import images
from clary.jobs.credentials import TaskCredentials
from clary.objects.base import Damaged

PATIENCE = 240.0
"""Seconds until a container must have answered its first ping, unless something else was asked for."""


class CannotServe(Exception):
    """The container cannot be started; the message, which begins as AWS's reasons do, says why."""


def of_model(context: Context, name: str) -> dict[str, Any]:
    """What there is to start of a model, to be kept in a record: it counts even if the model is deleted."""
    model = context.call("sagemaker", "DescribeModel", ModelName=name)
    return {
        "container": model.get("PrimaryContainer") or model["Containers"][0],
        "role": model.get("ExecutionRoleArn", ""),
        "isolated": model.get("EnableNetworkIsolation", False),
    }


def buckets_of(context: Context, role: str) -> GuardedBuckets:
    """S3 with the rights of a model's role; the owner's models may do without one."""
    return context.buckets_of(role) if role else context.own_buckets


class Containers:
    def __init__(self, engine: Engine, images_: images.Images, credentials: TaskCredentials) -> None:
        self._engine, self._images, self._credentials = engine, images_, credentials

    def start(
        self,
        context: Context,
        model: Mapping[str, Any],
        directory: Path,
        environment: Mapping[str, str] = MappingProxyType({}),
        members: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """Start the program of ``of_model``'s answer in a task of this folder; it may be repeated. ``CannotServe``.

        It builds the image if need be, which takes minutes. ``environment`` goes over the container's own;
        ``members``: of the task, such as its limits.
        """
        container, role, ml = model["container"], model["role"], directory / "ml"
        try:
            image = self._images.find(container["Image"])
            self._images.prepare(image)
            buckets = buckets_of(context, role)
            _unpack(buckets, _model_uri(container), ml / "model")
            layout = self._images.layout(image, requirements=_source(buckets, container, ml))
        except (images.CannotPrepare, _CannotUnpack, AccessDenied, Damaged) as error:
            raise CannotServe(f"ClientError: {error}") from error
        task = Task(
            directory=directory,
            **layout.program("serve"),
            environment={
                "SAGEMAKER_REGION": context.region,
                **container.get("Environment", {}),
                **environment,
                **layout.environment,
                **image.environment,
                **(self._credentials.environment(context, role, directory) if role else {}),
            },
            mounts=[*layout.mounts, *self._credentials.mounts],
            **self._credentials.network(isolated=model["isolated"]),
            **members,
            listen=True,
            grace=30.0,
        )
        try:
            self._engine.start(self._images.located(task, self._engine))
        except CannotIsolate as error:
            raise CannotServe(f"ClientError: {error}") from error

    def forget(self, context: Context, directory: Path) -> None:
        """Let go of what is kept for one that has ended: its credentials, and how far its log was read."""
        self._credentials.void(directory)
        context.logs.forget(str(directory))


def answers(port: int | None) -> bool:
    """Whether GET /ping says 200 within two seconds."""
    if not port:
        return False
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


class _CannotUnpack(Exception):
    """The model archive is missing or not what it should be; the message says which."""


def _model_uri(container: dict[str, Any]) -> str | None:
    source = container.get("ModelDataSource", {}).get("S3DataSource", {})
    uri = container.get("ModelDataUrl") or source.get("S3Uri")
    return str(uri) if uri else None


def _source(buckets: GuardedBuckets, container: dict[str, Any], ml: Path) -> Path | None:
    """The user's code, where it is named apart from the model; where its requirements are to be found."""
    uri = container.get("Environment", {}).get("SAGEMAKER_SUBMIT_DIRECTORY", "")
    if not uri.startswith("s3://"):
        return ml / "model/code/requirements.txt"
    archive = ml / "input/sourcedir.tar.gz"
    archive.parent.mkdir(parents=True, exist_ok=True)
    try:
        archive.write_bytes(buckets.get_bytes(uri))
    except KeyError:
        raise _CannotUnpack(f"there is no source archive at {uri} (SAGEMAKER_SUBMIT_DIRECTORY)") from None
    return archive


def _unpack(buckets: GuardedBuckets, uri: str | None, folder: Path) -> None:
    """The model archive's files in ``folder``; a member that leads out of it is refused by name."""
    folder.mkdir(parents=True, exist_ok=True)
    if uri is None:
        return
    try:
        entry = buckets.find(uri)
    except KeyError:
        raise _CannotUnpack(f"Failed to download model data: there is no object at {uri}") from None
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".model-") as scratch:
        if (path := buckets.file(entry)) is None:
            path = Path(scratch) / "model.tar.gz"
            buckets.save(entry, path)
        try:
            archives.unpack(path, folder)
        except archives.UnsafeArchive as error:
            raise _CannotUnpack(f"The model archive {uri}: {error}") from error
