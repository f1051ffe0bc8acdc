"""Entities of the lineage graph as records: found again by what they stand for, else made."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clary.context import Context
from clary.store.associations import Association
from clary.store.base import Conflict, Record

TYPES = {"Artifact": "artifact", "Action": "action", "Context": "context"}
"""Kinds, and the word for each in ARNs."""


@dataclass(frozen=True)
class Thing:
    """What an artifact stands for: a data set, an image, a model; ``type`` is its ArtifactType."""

    uri: str
    type: str


def artifact_name(source: Mapping[str, Any]) -> str:
    """32 hexadecimal digits of the source's URI and types, whose order does not matter: one artifact for one source."""
    types = sorted((each["SourceIdType"], each["Value"]) for each in source.get("SourceTypes", []))
    return hashlib.md5(json.dumps([source["SourceUri"], types]).encode(), usedforsecurity=False).hexdigest()


def artifact(context: Context, thing: Thing, maker: Mapping[str, Any]) -> Record:
    """The artifact of a URI; ``maker``: who made it, as a UserContext."""
    source = {"SourceUri": thing.uri}
    return ensure(context, "Artifact", artifact_name(source), maker, {"Source": source, "ArtifactType": thing.type})


def ensure(context: Context, kind: str, name: str, maker: Mapping[str, Any], members: Mapping[str, Any]) -> Record:
    """The entity of this name, made with ``members`` if there is none."""
    arn = context.arn("sagemaker", TYPES[kind], name)
    while (found := context.store.find(arn)) is None:
        now = context.now()
        body = {
            "Properties": {},
            "CreationTime": now,
            "LastModifiedTime": now,
            **({} if kind == "Artifact" else {f"{kind}Name": name}),
            **members,
            f"{kind}Arn": arn,
            "CreatedBy": dict(maker),
            "LastModifiedBy": dict(maker),
        }
        record = Record(region=context.region, kind=kind, name=name, body=body, created=now, modified=now, arn=arn)
        try:
            return context.store.create(record)
        except Conflict:  # somebody made it just now
            continue
    return found


def type_of(record: Record) -> str:
    """What the entity stands for, as associations say it: DataSet, Model, SageMakerTrainingJob; '' where it does not say."""
    if record.kind == "TrialComponent":
        return str(record.body.get("Source", {}).get("SourceType", ""))
    return str(record.body.get(f"{record.kind}Type", ""))


def edges(pairs: Sequence[tuple[Record, Record]], type_: str, maker: Mapping[str, Any]) -> list[Association]:
    """Associations of one type from each first to each second."""
    return [
        Association(
            region=source.region,
            source=source.arn,
            destination=destination.arn,
            source_type=type_of(source),
            destination_type=type_of(destination),
            type=type_,
            creator=dict(maker),
        )
        for source, destination in pairs
    ]
