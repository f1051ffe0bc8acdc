"""Keeping an endpoint alive: Creating → InService or Failed; a serving process that dies is started again.

Each production variant is one task with a listening socket of its own. ``_variants`` in the record's body says where
each answers: {variant: {"directory", "port", "weight", "started", "restarts"}}.
"""

from __future__ import annotations

import http.client
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from clary.context import Context
from clary.engines.base import CannotIsolate, Engine, Progress, Task
from clary.errors import AccessDenied
from clary.formats import archives
from clary.guarded_buckets import GuardedBuckets
from clary.images import catalog
from clary.jobs import images, task_logs
from clary.jobs.credentials import TaskCredentials
from clary.objects.base import Damaged
from clary.store.base import Record

LOG_GROUP = "/aws/sagemaker/Endpoints"
_HEALTH = 240.0  # seconds until the first ping must be answered, unless the variant says otherwise
_RESTARTS = 5  # in a row, before the endpoint is given up


class Endpoints:
    kind = "Endpoint"
    terminal = frozenset({"Failed"})

    def __init__(
        self, context: Context, engine: Engine, images_: images.Images, credentials: TaskCredentials, tasks: Path
    ) -> None:
        self._context, self._engine, self._images = context, engine, images_
        self._credentials, self._tasks = credentials, tasks

    def directory(self, record: Record) -> Path | None:
        return self._tasks / str(record.body["_directory"])

    def step(self, endpoint: Record) -> float | None:
        if endpoint.status == "Deleting":
            return self._remove(endpoint)
        if "_variants" not in endpoint.body:
            return self._plan(endpoint)
        return self._watch(endpoint)

    def _plan(self, endpoint: Record) -> None:
        """Fix the variants: what the configuration says now counts, even if it is deleted later."""
        context = self._context.at(endpoint.region)
        config = context.call(
            "sagemaker", "DescribeEndpointConfig", EndpointConfigName=endpoint.body["EndpointConfigName"]
        )
        variants = {}
        for variant in config["ProductionVariants"]:
            model = context.call("sagemaker", "DescribeModel", ModelName=variant["ModelName"])
            variants[variant["VariantName"]] = {
                "directory": f"{endpoint.body['_directory']}/{variant['VariantName']}",
                "weight": variant["InitialVariantWeight"],
                "container": model.get("PrimaryContainer") or model["Containers"][0],
                "role": model.get("ExecutionRoleArn", ""),
                "isolated": model.get("EnableNetworkIsolation", False),
                "patience": variant.get("ContainerStartupHealthCheckTimeoutInSeconds", _HEALTH),
                "instance": variant.get("InstanceType", ""),
                "restarts": 0,
            }
        self._context.store.put(replace(endpoint, body={**endpoint.body, "_variants": variants}))

    def _watch(self, endpoint: Record) -> float | None:
        variants: dict[str, dict[str, Any]] = endpoint.body["_variants"]
        context = self._context.at(endpoint.region)
        ports: dict[str, int] = {}
        for name, variant in variants.items():
            directory = self._tasks / variant["directory"]
            task_logs.carry(context, directory, f"{LOG_GROUP}/{endpoint.name}", stream(endpoint, name))
            progress = self._engine.poll(directory)
            if progress is None:
                self._start(endpoint, variant, directory)
                return 0.05
            if progress.ended is not None:
                return self._ended(endpoint, name, progress)
            if endpoint.status == "Creating" and not _answers(progress.port):
                if self._now() - (progress.started or 0) > variant["patience"]:
                    self._engine.stop(directory)
                    return self._fail(endpoint, _ping(name))
                return 0.1
            ports[name] = progress.port or 0
        known = {name: variant.get("port") for name, variant in variants.items()}
        if endpoint.status != "InService" or known != ports:
            self._in_service(endpoint, ports)
        return None

    def _in_service(self, endpoint: Record, ports: dict[str, int]) -> None:
        now = self._context.now()
        variants = {name: {**v, "port": ports[name]} for name, v in endpoint.body["_variants"].items()}
        shown = [
            {
                "VariantName": name,
                "DeployedImages": [
                    {
                        "SpecifiedImage": v["container"]["Image"],
                        "ResolvedImage": v["container"]["Image"],
                        "ResolutionTime": now,
                    }
                ],
                "CurrentWeight": v["weight"],
                "DesiredWeight": v["weight"],
                "CurrentInstanceCount": 1,
                "DesiredInstanceCount": 1,
            }
            for name, v in variants.items()
        ]
        self._write(endpoint, "InService", _variants=variants, ProductionVariants=shown)

    def _start(self, endpoint: Record, variant: dict[str, Any], directory: Path) -> None:
        context, container = self._context.at(endpoint.region), variant["container"]
        ml = directory / "ml"
        try:
            image = catalog.find(container["Image"])
            self._images.prepare(image)
            buckets = context.buckets_of(variant["role"]) if variant["role"] else context.own_buckets
            _unpack(buckets, _model_uri(container), ml / "model")
            source = _source(buckets, container, ml)
            layout = self._images.layout(image, requirements=source)
        except (images.CannotPrepare, catalog.UnknownImage, CannotUnpack, AccessDenied, Damaged) as error:
            return self._fail(endpoint, f"ClientError: {error}")
        environment = {
            "SAGEMAKER_REGION": context.region,
            **container.get("Environment", {}),
            **layout.environment,
            **image.environment,
            **(self._credentials.environment(context, variant["role"], directory) if variant["role"] else {}),
        }
        task = Task(
            directory=directory,
            command=[layout.python, "-m", image.serve],
            environment=environment,
            mounts=[*layout.mounts, *self._credentials.mounts],
            **self._credentials.network(isolated=variant["isolated"]),
            listen=True,
            grace=30.0,
        )
        try:
            self._engine.start(self._images.located(task, self._engine))
        except CannotIsolate as error:
            return self._fail(endpoint, f"ClientError: {error}")
        return None

    def _ended(self, endpoint: Record, name: str, progress: Progress) -> float | None:
        """A serving process ended by itself: start another in a fresh directory, unless it never answered."""
        variants = endpoint.body["_variants"]
        variant = variants[name]
        if endpoint.status == "Creating" or variant["restarts"] >= _RESTARTS:
            said = task_logs.last(self._tasks / variant["directory"])
            text = f"{_ping(name)} The container ended with exit code {progress.exit_code} and said: {said}"
            return self._fail(endpoint, text)
        self._context.logs.forget(str(self._tasks / variant["directory"]))
        count = variant["restarts"] + 1
        again = {**variant, "restarts": count, "directory": f"{endpoint.body['_directory']}/{name}-{count}"}
        again.pop("port", None)
        self._write(endpoint, endpoint.status, _variants={**variants, name: again})
        return None

    def _remove(self, endpoint: Record) -> float | None:
        left = 0
        for name, variant in endpoint.body.get("_variants", {}).items():
            directory = self._tasks / variant["directory"]
            progress = self._engine.poll(directory)
            if progress is not None and progress.ended is None:
                self._engine.stop(directory)
                left += 1
                continue
            context = self._context.at(endpoint.region)
            task_logs.carry(context, directory, f"{LOG_GROUP}/{endpoint.name}", stream(endpoint, name))
            self._credentials.void(directory)
            context.logs.forget(str(directory))
        if left == 0:
            self._context.store.delete(endpoint)
            return None
        return 1.0

    def _fail(self, endpoint: Record, reason: str) -> None:
        for variant in endpoint.body.get("_variants", {}).values():
            self._engine.stop(self._tasks / variant["directory"])
        self._write(endpoint, "Failed", FailureReason=reason[:1024])

    def _write(self, endpoint: Record, status: str, **members: Any) -> None:
        now = self._context.now()
        body = {**endpoint.body, **members, "EndpointStatus": status, "LastModifiedTime": now}
        self._context.store.put(replace(endpoint, status=status, body=body, modified=now))

    def _now(self) -> float:
        return self._context.now().timestamp()


class CannotUnpack(Exception):
    """The model archive is missing or not what it should be; the message says which."""


def stream(endpoint: Record, variant: str) -> str:
    return f"{variant}/i-{str(endpoint.body['_directory'])[-8:]}"


def _ping(variant: str) -> str:
    return (
        f"The primary container for production variant {variant} did not pass the ping health check. "
        "Please check CloudWatch logs for this endpoint."
    )


def _answers(port: int | None) -> bool:
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
        raise CannotUnpack(f"there is no source archive at {uri} (SAGEMAKER_SUBMIT_DIRECTORY)") from None
    return archive


def _unpack(buckets: GuardedBuckets, uri: str | None, folder: Path) -> None:
    """The model archive's files in ``folder``; a member that leads out of it is refused by name."""
    folder.mkdir(parents=True, exist_ok=True)
    if uri is None:
        return
    try:
        entry = buckets.find(uri)
    except KeyError:
        raise CannotUnpack(f"Failed to download model data: there is no object at {uri}") from None
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".model-") as scratch:
        if (path := buckets.file(entry)) is None:
            path = Path(scratch) / "model.tar.gz"
            buckets.save(entry, path)
        try:
            archives.unpack(path, folder)
        except archives.UnsafeArchive as error:
            raise CannotUnpack(f"The model archive {uri}: {error}") from error
