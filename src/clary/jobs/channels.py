"""Laying a job's input out: each channel as a folder of files (File, FastFile) or as FIFOs (Pipe), and what config tells.

How files come into a folder is ``folders``'s matter, what feeds a FIFO ``pipes``'s; ``sources`` says what a channel is
made of. What a job may be asked for was checked by ``clary.services.sagemaker.channels``.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clary.engines import sandbox
from clary.engines.base import Mount
from clary.errors import ServiceError
from clary.guarded_buckets import GuardedBuckets
from clary.jobs import folders, pipes, sources
from clary.jobs.dealing import ALL, Share, deal
from clary.jobs.sources import CannotStage

__all__ = ["CannotStage", "Inputs", "input_config", "lay_out", "problem", "remove", "write_json"]


@dataclass
class Inputs:
    """What a task needs for its channels: mounts, and the command of the companion that feeds its FIFOs, if it has any."""

    mounts: list[Mount] = field(default_factory=list)
    companion: list[str] = field(default_factory=list)


def lay_out(buckets: GuardedBuckets, channels: Sequence[tuple[dict[str, Any], Share]], mode: str, ml: Path) -> Inputs:
    """The channels of one host, below ``ml/input/data``. ``CannotStage``.

    ``channels``: as Describe shows them, each with the share of this host, which counts where it is sharded; one with a
    seed is dealt, and in Pipe mode streamed, in an order that is drawn from it. ``mode``: of those that name none.
    """
    inputs, fed = Inputs(), []
    try:
        for channel, share in channels:
            if channel.get("InputMode", mode) == "Pipe":
                fed.append(_pipe(buckets, channel, share))
            else:
                inputs.mounts += _folder(buckets, channel, mode, ml, share)
        if fed:
            inputs.companion = pipes.lay(buckets, fed, ml)
    except ServiceError as error:  # no right, no key, no bucket any more
        raise CannotStage(str(error)) from error
    return inputs


def input_config(channels: Sequence[dict[str, Any]], mode: str) -> dict[str, Any]:
    """inputdataconfig.json."""
    return {
        channel["ChannelName"]: {
            "TrainingInputMode": channel.get("InputMode", mode),
            "S3DistributionType": channel["DataSource"]["S3DataSource"]["S3DataDistributionType"],
            "RecordWrapperType": channel["RecordWrapperType"],
            **({"ContentType": channel["ContentType"]} if "ContentType" in channel else {}),
        }
        for channel in channels
    }


def problem(ml: Path) -> str:
    """Why a task's channels could no longer be fed, as a FailureReason."""
    return pipes.problem(ml) or (
        "InternalServerError: the process that feeds the job's channels was killed, and the job with it. Start the job again."
    )


def remove(ml: Path) -> None:
    """What was laid out of a task that has ended."""
    shutil.rmtree(ml / "input/data", ignore_errors=True)
    shutil.rmtree(ml.parent / folders.BESIDE, ignore_errors=True)
    sandbox.remove_layers(ml.parent)


def write_json(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def _folder(buckets: GuardedBuckets, channel: dict[str, Any], mode: str, ml: Path, share: Share) -> list[Mount]:
    read_only = channel.get("InputMode", mode) == "FastFile"
    items = deal(_objects(buckets, channel), _own(channel, share), _seed(channel))
    return folders.show(buckets, items, ml, f"input/data/{channel['ChannelName']}", read_only=read_only)


def _pipe(buckets: GuardedBuckets, channel: dict[str, Any], share: Share) -> pipes.Pipe:
    source, seed, share = channel["DataSource"]["S3DataSource"], _seed(channel), _own(channel, share)
    lines: Sequence[sources.Line]
    if source["S3DataType"] == "AugmentedManifestFile":
        lines = sources.lines(buckets, source)
    else:
        lines = [[item] for item in _objects(buckets, channel)]
    if seed is None:  # the same part in every epoch: the others need not be there
        lines, share = deal(lines, share), ALL
    return pipes.Pipe(
        channel["ChannelName"],
        lines,
        share,
        seed,
        gzip=channel["CompressionType"] == "Gzip",
        wrap=channel["RecordWrapperType"] == "RecordIO",
    )


def _objects(buckets: GuardedBuckets, channel: dict[str, Any]) -> list[sources.Item]:
    source = channel["DataSource"]["S3DataSource"]
    found = sources.objects(buckets, source)
    if not found:
        raise CannotStage(f"the channel {channel['ChannelName']!r}: there are no objects any more at {source['S3Uri']}")
    return found


def _own(channel: dict[str, Any], share: Share) -> Share:
    sharded = channel["DataSource"]["S3DataSource"]["S3DataDistributionType"] == "ShardedByS3Key"
    return share if sharded else ALL


def _seed(channel: dict[str, Any]) -> int | None:
    shuffle = channel.get("ShuffleConfig")
    return shuffle["Seed"] if shuffle else None
