"""The tasks of one job on its instances: hosts ``algo-1`` to ``algo-n``, each a task in a folder of its own.

The folder of a host is ``<the job's folder>/algo-1``. Starting, watching, stopping and carrying logs may all be
repeated after a crash. The job ends when all of its hosts have ended; when one of them fails, its owner stops the others.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from clary import instance_types
from clary.context import Context
from clary.engines.base import Engine, Progress, Task
from clary.jobs import task_logs, task_usage
from clary.store.base import Record

HOMOGENEOUS = "homogeneousCluster"
"""The name that AWS gives to the only group of a job without instance groups."""


@dataclass(frozen=True)
class Host:
    name: str
    instance_type: str
    group: str = HOMOGENEOUS


def hosts(cluster: Mapping[str, Any]) -> list[Host]:
    """Of a ResourceConfig or a ClusterConfig, in the order of their names, which is that of letters: algo-10, algo-2."""
    groups = cluster.get("InstanceGroups") or [{"InstanceGroupName": HOMOGENEOUS, **cluster}]
    found: list[Host] = []
    for group in groups:
        for _ in range(group.get("InstanceCount", 1)):
            found.append(Host(f"algo-{len(found) + 1}", group["InstanceType"], group["InstanceGroupName"]))
    return sorted(found, key=lambda host: host.name)


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How the hosts of a job stand, all together. Times are epoch seconds.

    ``missing``: hosts that were never started. ``ended``: the time of the last end; None while one runs.
    ``cause``: the host that failed first, "" if none did; ``exit_code``, ``lost``, ``out_of_memory``, ``abandoned``: how.
    """

    missing: list[str]
    ended: float | None
    cause: str = ""
    exit_code: int | None = 0
    lost: bool = False
    out_of_memory: bool = False
    abandoned: bool = False


def names_of(found: Sequence[Host]) -> list[str]:
    return [host.name for host in found]


def members(directory: Path, hosts_: Sequence[Host], host: Host) -> dict[str, Any]:
    """The members of a ``Task`` that a host decides: its limits, its name, and how it reaches the other hosts.

    ``directory``: the job's. Each host has an address of its own in this machine's 127.0.0.0/8, or in that of a network
    that is the job's alone if it is to reach nothing else. They share its ports: a host listens on its name, not on all
    addresses.
    """
    size = instance_types.size(host.instance_type)
    limits = {"memory_bytes": size.memory_bytes, "cpus": size.cpus} if size else {}
    if len(hosts_) == 1:
        return {**limits, "hostname": host.name, "hosts": {host.name: "127.0.0.1"}}
    first, second = hashlib.sha256(directory.name.encode()).digest()[:2]
    addresses = {each.name: f"127.{64 + first % 128}.{second}.{n}" for n, each in enumerate(hosts_, start=1)}
    return {**limits, "hostname": host.name, "hosts": addresses, "meeting": directory / "network"}


def environment(hosts_: Sequence[Host], host: Host, given: Mapping[str, str]) -> dict[str, str]:
    """The variables ``given`` with those that a host decides: how many CPUs it has, and whom no proxy leads to."""
    machine, size = os.cpu_count() or 1, instance_types.size(host.instance_type)
    cpus = min(size.cpus, machine) if size else machine
    threads = {"OMP_NUM_THREADS": str(cpus)} if cpus < machine else {}
    names = [each.name for each in hosts_]
    direct = {name: ",".join([given[name], *names]) for name in ("NO_PROXY", "no_proxy") if name in given}
    return {**threads, "CLARY_CPUS": str(cpus), **given, **direct}


def limits_note(engine: Engine, hosts_: Sequence[Host]) -> str | None:
    """What a job's log should say first where this machine does not keep the limits of its instance types."""
    if engine.isolation().limits:
        return None
    sizes = {host.instance_type: instance_types.size(host.instance_type) for host in hosts_}
    known = ", ".join(f"{name} ({size})" for name, size in sizes.items() if size)
    if not known:
        return None
    return f"Clary: the limits of {known} are not kept on this machine; `clary status` says why and what to do."


class Instances:
    """``directory``: the job's own folder; ``names``: of its hosts."""

    def __init__(self, engine: Engine, directory: Path, names: Sequence[str]) -> None:
        self._engine, self.directory, self.names = engine, directory, names

    def folder(self, name: str) -> Path:
        return folder(self.directory, name)

    @property
    def folders(self) -> list[Path]:
        return [self.folder(name) for name in self.names]

    def is_started(self, name: str) -> bool:
        return self._engine.poll(self.folder(name)) is not None

    def any_started(self) -> bool:
        return any(self.is_started(name) for name in self.names)

    def start(self, tasks: Iterable[Task]) -> None:
        """Start those that are not there yet; raises what the engine raises."""
        for task in tasks:
            self._engine.start(task)

    def poll(self) -> Standing:
        found = {name: self._engine.poll(self.folder(name)) for name in self.names}
        present = {name: progress for name, progress in found.items() if progress is not None}
        ends = [progress.ended for progress in present.values()]
        failed = [
            (p.ended, name) for name, p in present.items() if p.ended is not None and (p.lost or p.exit_code != 0)
        ]
        cause = min(failed)[1] if failed else ""
        first = present[cause] if cause else Progress(exit_code=0)
        return Standing(
            missing=[name for name, progress in found.items() if progress is None],
            ended=None if None in ends else max((end for end in ends if end is not None), default=None),
            cause=cause,
            exit_code=first.exit_code,
            lost=first.lost,
            out_of_memory=first.out_of_memory,
            abandoned=first.abandoned,
        )

    def stop(self) -> None:
        """Ask every one that runs to end."""
        for folder_ in self.folders:
            self._engine.stop(folder_)

    def carry_logs(self, context: Context, group: str, job: Record, also: task_logs.Also = task_logs.nothing) -> None:
        """Append what the hosts wrote to a stream each, ``<job>/algo-<n>-<epoch>``; ``also``: see ``task_logs.carry``."""
        for name in self.names:
            task_logs.carry(context, self.folder(name), group, stream(job, name), also)

    def carry_usage(
        self,
        context: Context,
        group: str,
        job: Record,
        *,
        ended: bool,
        also: Callable[[str, task_usage.Lines], None] = lambda *_: None,
    ) -> None:
        """Write down what the hosts used, minute by minute: see ``task_usage.carry``; ``also`` gets the host's name too."""
        for name in self.names:
            task_usage.carry(
                context,
                self.folder(name),
                group,
                stream(job, name),
                f"{job.name}/{name}",
                ended=ended,
                also=partial(also, name),
            )

    def merged(self, relative: str) -> Path:
        """The folder ``relative`` to ``/opt/ml`` with the files of all hosts; of those alike in name the last host's stay.

        Files are moved, into the first host's folder; it may be repeated. ``OSError`` names a link on the way.
        """
        first, *others = [inside(folder_ / "ml", relative) for folder_ in self.folders]
        for other in others:
            if other.is_dir():
                _move_into(other, first)
        return first


def folder(directory: Path, name: str = "algo-1") -> Path:
    """Where a host's task lives. A job of before there were several hosts has its task in its own folder."""
    return directory if (directory / "task.json").exists() else directory / name


def inside(ml: Path, relative: str) -> Path:
    """A path below a host's ``/opt/ml``; ``OSError`` if the program put a link on the way, which could lead anywhere."""
    path = ml
    for part in relative.split("/"):
        path /= part
        if path.is_symlink():
            raise OSError(f"/opt/ml/{relative} is not read: {part} on the way is a symbolic link")
    return path


def stream(job: Record, name: str) -> str:
    """The name of a host's log stream."""
    created = round(job.created.timestamp()) if job.created else 0
    return f"{job.name}/{name}-{created}"


def _move_into(source: Path, target: Path) -> None:
    """Move what is in ``source`` into ``target``, over what is there; links are moved as links."""
    if source.is_symlink() or not source.is_dir():
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        source.replace(target)
        return
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        target.unlink()
    target.mkdir(exist_ok=True)
    for item in sorted(source.iterdir()):
        _move_into(item, target / item.name)
