"""Keeping an endpoint alive: Creating → InService or Failed; a serving process that dies is started again.

Each production variant is one task with a listening socket of its own. ``_variants`` in the record's body says where
each answers: {variant: {"directory", "port", "weight", "started", "restarts"}}.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from clary.clock import machine_ms
from clary.context import Context
from clary.engines.base import Engine, Progress
from clary.jobs import containers, deployments, task_logs
from clary.jobs.containers import CannotServe, Containers
from clary.store.base import Record

LOG_GROUP = "/aws/sagemaker/Endpoints"
_RESTARTS = 5  # in a row, before the endpoint is given up


class Endpoints:
    kind = "Endpoint"
    terminal = frozenset({"Failed"})

    def __init__(self, context: Context, engine: Engine, containers_: Containers, tasks: Path) -> None:
        self._context, self._engine, self._containers, self._tasks = context, engine, containers_, tasks

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
            variants[variant["VariantName"]] = {
                "directory": f"{endpoint.body['_directory']}/{variant['VariantName']}",
                "weight": variant["InitialVariantWeight"],
                **containers.of_model(context, variant["ModelName"]),
                "patience": variant.get("ContainerStartupHealthCheckTimeoutInSeconds", containers.PATIENCE),
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
                try:
                    self._containers.start(context, variant, directory)
                except CannotServe as error:
                    return self._fail(endpoint, str(error))
                return 0.05
            if progress.ended is not None:
                return self._ended(endpoint, name, progress)
            if endpoint.status == "Creating" and not containers.answers(progress.port):
                # A server starts as fast as the machine is, whatever Clary's clock says.
                if machine_ms() / 1000 - (progress.started or 0) > variant["patience"]:
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
        if endpoint.status == "Creating":
            deployments.record(self._context, endpoint, [v["container"] for v in variants.values()])
        self._write(endpoint, "InService", _variants=variants, ProductionVariants=shown)

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
            self._containers.forget(context, directory)
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


def stream(endpoint: Record, variant: str) -> str:
    return f"{variant}/i-{str(endpoint.body['_directory'])[-8:]}"


def _ping(variant: str) -> str:
    return (
        f"The primary container for production variant {variant} did not pass the ping health check. "
        "Please check CloudWatch logs for this endpoint."
    )
