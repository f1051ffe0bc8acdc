"""Laying out ``/opt/ml`` for one host of a training job: its channels, its code and the configuration files.

The other side of the contract, what a program reads there, is ``clary.runtime.contract``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clary.guarded_buckets import GuardedBuckets
from clary.jobs import channels
from clary.jobs.dealing import Share
from clary.jobs.instances import Host
from clary.store.base import Record

SOURCE_ARCHIVE = "input/sourcedir.tar.gz"
_FOLDERS = ("model", "output/data", "input/data", "checkpoints", "code")


def lay_out(buckets: GuardedBuckets, job: Record, hosts: Sequence[Host], host: Host, ml: Path) -> channels.Inputs:
    """Write it below ``ml``; returns what the task needs for its channels. ``CannotStage`` says what of it is missing."""
    for folder in _FOLDERS:
        (ml / folder).mkdir(parents=True, exist_ok=True)
    mode, shares = job.body["AlgorithmSpecification"]["TrainingInputMode"], _shares(job, hosts, host)
    inputs = channels.lay_out(buckets, shares, mode, ml)
    config, hyperparameters = ml / "input/config", job.body.get("HyperParameters", {})
    channels.write_json(config / "inputdataconfig.json", channels.input_config([each for each, _ in shares], mode))
    channels.write_json(config / "hyperparameters.json", hyperparameters)
    channels.write_json(config / "resourceconfig.json", resources(hosts, host))
    if profiler := job.body.get("ProfilerConfig"):
        channels.write_json(config / "profilerconfig.json", profiler)
    _code(buckets, hyperparameters, ml)
    return inputs


def _shares(job: Record, hosts: Sequence[Host], host: Host) -> list[tuple[dict[str, Any], Share]]:
    """The channels that this host gets, and its share (index, count) among the hosts that get it too."""
    found = []
    for channel in job.body.get("InputDataConfig", []):
        groups = channel["DataSource"]["S3DataSource"].get("InstanceGroupNames")
        sharing = [each.name for each in hosts if not groups or each.group in groups]
        if host.name in sharing:
            found.append((channel, (sharing.index(host.name), len(sharing))))
    return found


def _code(buckets: GuardedBuckets, hyperparameters: dict[str, str], ml: Path) -> None:
    uri = hyperparameters.get("sagemaker_submit_directory", "").strip('"')
    if not uri.startswith("s3://"):
        return
    try:
        (ml / SOURCE_ARCHIVE).write_bytes(buckets.get_bytes(uri))
    except KeyError:
        raise channels.CannotStage(
            f"there is no source archive at {uri} (hyperparameter sagemaker_submit_directory)"
        ) from None


def resources(hosts: Sequence[Host], host: Host) -> dict[str, Any]:
    """resourceconfig.json, as the training toolkit and the SDK's driver read it."""
    groups: dict[str, dict[str, Any]] = {}
    for each in hosts:
        group = {"instance_group_name": each.group, "instance_type": each.instance_type, "hosts": []}
        groups.setdefault(each.group, group)["hosts"].append(each.name)
    return {
        "current_host": host.name,
        "current_instance_type": host.instance_type,
        "current_group_name": host.group,
        "hosts": [each.name for each in hosts],
        "instance_groups": list(groups.values()),
        "network_interface_name": "lo",
    }
