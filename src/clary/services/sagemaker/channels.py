"""A job's channels, as CreateTrainingJob takes them: what can be known of them before the job starts.

What a manifest holds is read when the job starts, as AWS does: a mistake in it is told by the job's FailureReason.
"""

from __future__ import annotations

import re
from typing import Any

from clary.buckets import parse_uri
from clary.context import Context
from clary.errors import NotServed, ValidationException

_AUGMENTED = "AugmentedManifestFile"

# Asked for and not done would be a lie: a source or a member of one is refused with its own name.
_OTHER_SOURCES = {
    "FileSystemDataSource": "there is no EFS or FSx for Lustre on this machine",
    "DatasetSource": "there are no datasets of hubs on this machine",
}
_NOT_SERVED = {
    "ModelAccessConfig": "put the model's files into a bucket",
    "HubAccessConfig": "put the model's files into a bucket",
}


def check(context: Context, channels: list[dict[str, Any]], mode: str, role: str) -> None:
    """``mode``: the TrainingInputMode, of channels that name none. ``ValidationException``, ``NotServed``."""
    names = [channel["ChannelName"] for channel in channels]
    for name in names:
        if names.count(name) > 1:
            raise ValidationException(f"The channel name {name!r} is given {names.count(name)} times: use each once.")
        if name in {".", ".."}:
            raise ValidationException(f"The channel name {name!r} cannot be a folder's name below /opt/ml/input/data.")
    _check_fifos(channels, mode)
    for channel in channels:
        name, source = channel["ChannelName"], _source(channel)
        _check_members(name, source, channel, channel.get("InputMode", mode))
        check_objects(context, source, role)
        if channel.get("InputMode", mode) == "FastFile":
            _check_folder(context, name, source["S3Uri"])


def with_defaults(channel: dict[str, Any]) -> dict[str, Any]:
    """A channel as Describe shows it."""
    source = {"S3DataDistributionType": "FullyReplicated", **channel["DataSource"]["S3DataSource"]}
    return {
        "CompressionType": "None",
        "RecordWrapperType": "None",
        **channel,
        "DataSource": {**channel["DataSource"], "S3DataSource": source},
    }


def _check_fifos(channels: list[dict[str, Any]], mode: str) -> None:
    """A channel in Pipe mode takes the names of its epochs: ``train_0`` and on."""
    for piped in channels:
        fifo = re.compile(re.escape(piped["ChannelName"]) + r"_\d+")
        for other in channels if piped.get("InputMode", mode) == "Pipe" else ():
            if fifo.fullmatch(other["ChannelName"]):
                raise ValidationException(
                    f"The channel name {other['ChannelName']!r} is taken by an epoch of the channel "
                    f"{piped['ChannelName']!r}, which is in Pipe mode."
                )


def _source(channel: dict[str, Any]) -> dict[str, Any]:
    name, given = channel["ChannelName"], channel["DataSource"]
    for member, why in _OTHER_SOURCES.items():
        if member in given:
            raise NotServed(
                f"The channel {name!r}: {member} is not served, {why}. Put the files into a bucket and use S3DataSource."
            )
    if "S3DataSource" not in given:
        raise ValidationException(f"The channel {name!r} has no data source: give it an S3DataSource.")
    source: dict[str, Any] = given["S3DataSource"]
    for member, instead in _NOT_SERVED.items():
        if source.get(member):
            raise NotServed(f"The channel {name!r}: {member} is not served, {instead}.")
    if source["S3DataType"] == "Converse":
        raise NotServed(
            f"The channel {name!r}: S3DataType Converse is not served; use S3Prefix, ManifestFile or {_AUGMENTED}."
        )
    return source


def _check_members(name: str, source: dict[str, Any], channel: dict[str, Any], mode: str) -> None:
    """Which members go together."""
    kind, compression = source["S3DataType"], channel.get("CompressionType", "None")
    if mode != "Pipe":
        if compression != "None":
            raise ValidationException(
                f"Invalid compression type for channel {name}: {mode} mode only supports NONE, got {compression} instead"
            )
        if channel.get("RecordWrapperType", "None") != "None":
            raise ValidationException(
                f"Invalid record wrapper type for channel {name}: {mode} mode only supports NONE, "
                f"got {channel['RecordWrapperType']} instead"
            )
        if kind == _AUGMENTED:
            raise ValidationException(
                f"Invalid input mode for channel {name}: S3DataType {_AUGMENTED} is only supported in Pipe mode, "
                f"got {mode} instead"
            )
    if mode == "FastFile" and kind != "S3Prefix":
        raise ValidationException(
            f"Invalid S3DataType for channel {name}: FastFile mode only supports S3Prefix, got {kind} instead"
        )
    if (kind == _AUGMENTED) != bool(source.get("AttributeNames")):
        raise ValidationException(
            f"Invalid AttributeNames for channel {name}: S3DataType {_AUGMENTED} needs them, and no other takes them"
        )
    if kind == _AUGMENTED and compression != "None":
        raise ValidationException(
            f"Invalid compression type for channel {name}: {_AUGMENTED} only supports NONE, got {compression} instead"
        )


def check_objects(context: Context, source: dict[str, Any], role: str) -> None:
    """Whether the role sees what an S3DataSource, or one of its like, names. ``ValidationException``."""
    uri = source["S3Uri"]
    bucket, key = parse_uri(uri)
    if source["S3DataType"] != "S3Prefix" and not key:
        raise ValidationException(f"The S3Uri {uri} names no manifest: a key must follow the bucket.")
    seen = context.buckets.exists_bucket(bucket) and context.buckets_of(role).may_list(uri)
    if not seen or next(iter(context.buckets.list(uri)), None) is None:
        raise ValidationException(
            f'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that the '
            f"bucket exists in the selected region ({context.region}), that objects exist under that S3 prefix, and "
            f'that the role "{role}" has "s3:ListBucket" permissions on bucket "{bucket}".'
        )


def _check_folder(context: Context, name: str, uri: str) -> None:
    """FastFile shows a folder: a prefix that ends in the midst of a name is none."""
    _, key = parse_uri(uri)
    if not key or key.endswith("/"):
        return
    for found in context.buckets.list(uri):
        if found.key != key and not found.key.startswith(f"{key}/"):
            raise ValidationException(
                f"Invalid S3Uri for channel {name}: FastFile mode needs a folder, and {uri} is also the beginning of "
                f"s3://{found.bucket}/{found.key}. End it with a slash."
            )
