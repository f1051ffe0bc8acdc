"""Warm pools: what a job keeps warm for the next one like it, for as long as its KeepAlivePeriodInSeconds says.

On one machine nothing has to be started; what is kept is the pool's cache, a folder that the jobs of a pool see one after the
other. A pool is a record: ``{Job, Match, Created, Previous, Since, Until, Taken}``, its status InUse (by ``Job``), Available
(left by ``Job``, from ``Since`` on until ``Until``) or Terminated. ``Previous`` is the job that ``Job`` took it from.
"""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from clary.context import Context
from clary.engines.base import Engine, Mount, Task
from clary.store.base import Conflict, Record

KIND = "WarmPool"
CACHE = "/opt/ml/sagemaker/warmpoolcache"
RETAINED = "Resource retained for reuse"
"""StatusMessage of a completed job whose pool is Available; AWS's words, as those below."""

_LONGEST = timedelta(days=7)  # that a pool lasts, whatever its jobs ask for
_REUSED = "Resource reused by training job: {}"
_RELEASED = "Resource released due to keep alive period expiry"
_VARIABLE = "SAGEMAKER_MANAGED_WARMPOOL_CACHE_DIRECTORY"


class WarmPools:
    """A reconciler: ``step`` ends pools whose time is over. ``enter`` and ``leave`` are of the jobs' one."""

    kind = KIND
    terminal: frozenset[str] = frozenset()

    def __init__(self, context: Context, engine: Engine, tasks: Path) -> None:
        self._context, self._engine, self._tasks = context, engine, tasks

    def directory(self, _: Record) -> Path | None:
        return None

    def enter(self, job: Record) -> dict[str, Any]:
        """Take over a pool that fits or make one, where the job may have one; the members that say so. It may be repeated."""
        if job.body.get("EnableManagedSpotTraining") or job.body["ResourceConfig"].get("InstanceGroups"):
            return {}
        pool = self._own(job) or self._taken_over(job)
        if pool is None:
            if not job.body["ResourceConfig"].get("KeepAlivePeriodInSeconds"):
                return {}
            pool = self._made(job)
        if previous := pool.body.get("Previous"):
            self._tell_reused(pool, previous)
        return {"_pool": pool.name, "WarmPoolStatus": {"Status": "InUse"}}

    def cached(self, job: Record, task: Task, host: str) -> Task:
        """The task with the pool's cache, if it is in one."""
        if "_pool" not in job.body:
            return task
        folder = self._folder(job.region, job.body["_pool"]) / host
        folder.mkdir(parents=True, exist_ok=True)
        task = replace(task, mounts=[*task.mounts, Mount(folder, CACHE, writable=True)])
        return replace(task, environment={**task.environment, _VARIABLE: self._engine.where(task, CACHE)})

    def leave(self, job: Record, *, healthy: bool) -> dict[str, Any]:
        """Keep the pool for the next job or end it, at the job's end; the members that say so. It may be repeated."""
        if "_pool" not in job.body:
            return {}
        pool, now = self._context.store.get(job.region, KIND, job.body["_pool"]), self._context.now()
        if pool is None:
            return _told("Terminated", 0)
        if pool.body["Job"] != job.name:  # it was left before a crash, and the next job has it
            return _told("Reused", 0, ReusedByJob=pool.body["Job"])
        period = job.body["ResourceConfig"].get("KeepAlivePeriodInSeconds", 0)
        until = now + timedelta(seconds=period)
        if healthy and period and until <= datetime.fromisoformat(pool.body["Created"]) + _LONGEST:
            body = {**pool.body, "Since": now, "Until": until}
            self._context.store.put(replace(pool, status="Available", body=body, modified=now))
            return _told("Available", 0)
        self._remove(pool)
        return _told("Terminated", 0)

    def step(self, pool: Record) -> float | None:
        if pool.status == "InUse":
            return None
        since, until = (datetime.fromisoformat(pool.body[name]) for name in ("Since", "Until"))
        if pool.status == "Available":
            if (left := (until - self._context.now()).total_seconds()) > 0:
                return left
            pool = self._context.store.put(replace(pool, status="Terminated"))  # from now on nobody takes it over
        seconds = (until - since).total_seconds()
        self._tell(pool.region, pool.body["Job"], _RELEASED, _told("Terminated", seconds))
        self._remove(pool)
        return None

    def _own(self, job: Record) -> Record | None:
        """The pool that the job took before a crash, or before it was begun again."""
        if "_pool" in job.body:
            return self._context.store.get(job.region, KIND, job.body["_pool"])
        return next((p for p in self._pools(job.region, "InUse") if p.body["Job"] == job.name), None)

    def _taken_over(self, job: Record) -> Record | None:
        """The pool that waits longest for a job like this one, now its own."""
        now, match = self._context.now(), _match(job)
        for pool in sorted(self._pools(job.region, "Available"), key=lambda pool: str(pool.body["Since"])):
            if pool.body["Match"] != match or datetime.fromisoformat(pool.body["Until"]) <= now:
                continue
            body = {**pool.body, "Job": job.name, "Previous": pool.body["Job"], "Taken": now}
            with contextlib.suppress(Conflict):  # another job was quicker
                return self._context.store.put(replace(pool, status="InUse", body=body, modified=now))
        return None

    def _made(self, job: Record) -> Record:
        now, name = self._context.now(), Path(job.body["_directory"]).name
        body = {"Job": job.name, "Match": _match(job), "Created": now}
        return self._context.store.create(Record(region=job.region, kind=KIND, name=name, body=body, status="InUse"))

    def _pools(self, region: str, status: str) -> list[Record]:
        return list(self._context.store.scan(region, KIND, status=status))

    def _tell_reused(self, pool: Record, previous: str) -> None:
        since, taken = (_moment(pool.body[name]) for name in ("Since", "Taken"))
        status = _told("Reused", (taken - since).total_seconds(), ReusedByJob=pool.body["Job"])
        self._tell(pool.region, previous, _REUSED.format(pool.body["Job"]), status)

    def _tell(self, region: str, name: str, message: str, members: dict[str, Any]) -> None:
        """Write the pool's status into the job that left it, once."""

        while (job := self._context.store.get(region, "TrainingJob", name)) is not None:
            if job.body.get("WarmPoolStatus", {}).get("Status") != "Available":
                return
            now = self._context.now()
            *earlier, last = job.body["SecondaryStatusTransitions"]
            if job.status == "Completed":
                last = {**last, "StatusMessage": message}
            body = {**job.body, **members, "SecondaryStatusTransitions": [*earlier, last], "LastModifiedTime": now}
            with contextlib.suppress(Conflict):
                self._context.store.put(replace(job, body=body, modified=now))
                return

    def _remove(self, pool: Record) -> None:
        shutil.rmtree(self._folder(pool.region, pool.name), ignore_errors=True)
        self._context.store.delete(pool)

    def _folder(self, region: str, pool: str) -> Path:
        return self._tasks / "pools" / region / pool


def _match(job: Record) -> dict[str, Any]:
    """What two jobs must have in common for the one to use the other's instances; AWS's rule."""
    resources, vpc = job.body["ResourceConfig"], job.body.get("VpcConfig", {})
    return {
        "RoleArn": job.body["RoleArn"],
        **{name: resources.get(name) for name in ("InstanceCount", "InstanceType", "VolumeKmsKeyId", "VolumeSizeInGB")},
        **{name: sorted(vpc.get(name, [])) for name in ("SecurityGroupIds", "Subnets")},
        **{name: job.body[name] for name in ("EnableInterContainerTrafficEncryption", "EnableNetworkIsolation")},
    }


def _told(status: str, seconds: float, **more: str) -> dict[str, Any]:
    return {
        "WarmPoolStatus": {"Status": status, "ResourceRetainedBillableTimeInSeconds": max(0, round(seconds)), **more}
    }


def _moment(value: str | datetime) -> datetime:
    return datetime.fromisoformat(value) if isinstance(value, str) else value
