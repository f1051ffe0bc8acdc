"""Records of a feature group: put, update, get, delete, list, one by one or in batches.

Of each identifier the online store keeps the record of the latest event time; the offline store gets all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from clary.context import Context
from clary.errors import ResourceNotFound, ServiceError
from clary.services import operation, resources
from clary.services.sagemaker import feature_groups
from clary.services.sagemaker_featurestore_runtime import values
from clary.services.sagemaker_featurestore_runtime.values import ValidationError
from clary.store.base import Record
from clary.store.feature_records import Change, Features, Group, GroupGone, Online, Row

_FEATURES_OF_AN_UPDATE = 100


@operation
def put_record(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    group = _group(context, request["FeatureGroupName"], absent=ValidationError)
    _put(context, group, request["Record"], request.get("TargetStores"), request.get("TtlDuration"))
    return {}


@operation
def batch_write_record(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Each entry is written by itself; those that could not be are told with the reason."""
    errors = []
    for entry in request["Entries"]:
        duration = entry.get("TtlDuration", request.get("TtlDuration"))
        try:
            group = _group(context, entry["FeatureGroupName"], absent=ResourceNotFound)
            _put(context, group, entry["Record"], entry.get("TargetStores"), duration)
        except ServiceError as error:
            errors.append({"Entry": entry, "ErrorCode": error.code, "ErrorMessage": error.message})
    return {"Errors": errors, "UnprocessedEntries": []}


@operation
def update_record(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Set some features of a record that is there, and leave the others."""
    group = _group(context, request["FeatureGroupName"], absent=ResourceNotFound)
    identifier, given = request["RecordIdentifierValueAsString"], values.read(group.body, request["Features"])
    stores = _stores(group, request.get("TargetStores"))
    _check_update(group, identifier, given, request)
    time_feature = group.body["EventTimeFeatureName"]
    asked = values.event_time(group.body, str(given[time_feature])) if time_feature in given else None
    ttl = values.seconds(request.get("TtlDuration"))

    def decide(there: Online | None) -> Change:
        if there is None or there.deleted:
            raise ResourceNotFound(f"There is no record [{identifier}] in the FeatureGroup [{group.name}].", status=404)
        time = there.event_time if asked is None else asked
        if time < there.event_time:
            raise ServiceError(
                f"The EventTime of the update is older than that of the record [{identifier}].",
                code="ConflictException",
                status=409,
            )
        kept = None if there.expires is None else there.expires + time - there.event_time
        new = Online(time, kept if ttl is None else time + ttl, {**there.features, **given})
        return Change(new, _row(context, group, new.features, time) if stores.offline else None)

    _change(context, group, identifier, decide)
    return {}


@operation
def get_record(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    group = _group(context, request["FeatureGroupName"], absent=ResourceNotFound)
    shown = _shown(context, group, request["RecordIdentifierValueAsString"], request)
    return shown or {}


@operation
def batch_get_record(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    records, errors = [], []
    expiry = {"ExpirationTimeResponse": request.get("ExpirationTimeResponse")}
    for asked in request["Identifiers"]:
        for identifier in asked["RecordIdentifiersValueAsString"]:
            named = {"FeatureGroupName": asked["FeatureGroupName"], "RecordIdentifierValueAsString": identifier}
            try:
                group = _group(context, asked["FeatureGroupName"], absent=ValidationError)
                shown = _shown(context, group, identifier, {**asked, **expiry})
            except ServiceError as error:
                errors.append({**named, "ErrorCode": error.code, "ErrorMessage": error.message})
                continue
            if shown:
                records.append({**named, **shown})
    return {"Records": records, "Errors": errors, "UnprocessedIdentifiers": []}


@operation
def delete_record(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    group = _group(context, request["FeatureGroupName"], absent=ValidationError)
    stores = _stores(group, request.get("TargetStores"))
    identifier, text = request["RecordIdentifierValueAsString"], request["EventTime"]
    time, hard = values.event_time(group.body, text), request.get("DeletionMode") == "HardDelete"
    marker = values.read(
        group.body,
        [
            {"FeatureName": group.body["RecordIdentifierFeatureName"], "ValueAsString": identifier},
            {"FeatureName": group.body["EventTimeFeatureName"], "ValueAsString": text},
        ],
    )

    def decide(there: Online | None) -> Change:
        newer = there is None or time > there.event_time
        row = _row(context, group, marker, time, deleted=True) if stores.offline else None
        if not stores.online:
            return Change("keep", row)
        if hard:
            if not newer:
                raise ValidationError("EventTime: 400 ValidationException: it must be later than that of the record.")
            return Change("remove", row)
        return Change(Online(time, None, {}, deleted=True) if newer else "keep", row)

    _change(context, group, identifier, decide)
    return {}


@operation
def list_records(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    group = _group(context, request["FeatureGroupName"], absent=ResourceNotFound)
    _require_online(group)
    size = request.get("MaxResults", 100)
    after = _position(request["NextToken"]) if "NextToken" in request else None
    deleted = request.get("IncludeSoftDeletedRecords", False)
    found = context.features.identifiers(
        group.body["_id"], context.now().timestamp(), deleted=deleted, after=after, limit=size + 1
    )
    more = {"NextToken": resources.token([found[size - 1]])} if len(found) > size else {}
    return {"RecordIdentifiers": found[:size], **more}


@dataclass(frozen=True)
class _Stores:
    online: bool
    offline: bool


def _put(
    context: Context,
    group: Record,
    record: list[dict[str, Any]],
    targets: list[str] | None,
    duration: dict[str, Any] | None,
) -> None:
    stores, features = _stores(group, targets), values.read(group.body, record)
    values.require(group.body, features, "RecordIdentifierFeatureName", "EventTimeFeatureName")
    identifier = str(features[group.body["RecordIdentifierFeatureName"]])
    time = values.event_time(group.body, str(features[group.body["EventTimeFeatureName"]]))
    default = group.body.get("OnlineStoreConfig", {}).get("TtlDuration")
    ttl = values.seconds(duration or default)
    new = Online(time, None if ttl is None else time + ttl, features)
    row = _row(context, group, features, time) if stores.offline else None

    def decide(there: Online | None) -> Change:
        newest = stores.online and (there is None or time > there.event_time)
        return Change(new if newest else "keep", row)

    _change(context, group, identifier, decide)


def _change(context: Context, group: Record, identifier: str, decide: Callable[[Online | None], Change]) -> None:
    try:
        context.features.change(Group(group.body["_id"], group.key), identifier, context.now().timestamp(), decide)
    except GroupGone:
        raise ValidationError(feature_groups.missing(group.name).message) from None


def _group(context: Context, name: str, *, absent: type[ServiceError]) -> Record:
    """The group, ready to be used; the error of a missing one differs by operation."""
    try:
        group = feature_groups.find(context, name)
    except ResourceNotFound as error:
        status = 404 if absent is ResourceNotFound else 400
        raise absent(error.message, status=status) from None
    if group.status != "Created":
        raise ValidationError(f"Validation Error: the FeatureGroup [{group.name}] is in status {group.status}.")
    return group


def _stores(group: Record, targets: list[str] | None) -> _Stores:
    """Which stores are meant; ``ValidationError`` for one that the group has not."""
    has = {
        "OnlineStore": bool(group.body.get("OnlineStoreConfig", {}).get("EnableOnlineStore")),
        "OfflineStore": "OfflineStoreConfig" in group.body,
    }
    for target in targets or []:
        if not has[target]:
            raise ValidationError(f"Validation Error: the FeatureGroup [{group.name}] has no {target}.")
    return _Stores(*(store in (targets or has) and has[store] for store in ("OnlineStore", "OfflineStore")))


def _require_online(group: Record) -> None:
    if not _stores(group, None).online:
        raise ValidationError(f"Validation Error: the FeatureGroup [{group.name}] has no OnlineStore.")


def _check_update(group: Record, identifier: str, given: Features, request: dict[str, Any]) -> None:
    _require_online(group)
    storage = group.body["OnlineStoreConfig"]["StorageType"]
    if storage not in {"Standard_V2", "InMemory"}:
        raise ValidationError(
            f"Validation Error: UpdateRecord needs the StorageType Standard_V2 or InMemory; [{group.name}] has {storage}."
        )
    if len(given) > _FEATURES_OF_AN_UPDATE:
        raise ValidationError(f"Validation Error: an update has {_FEATURES_OF_AN_UPDATE} features at most.")
    if given.get(group.body["RecordIdentifierFeatureName"], identifier) != identifier:
        raise ValidationError("Validation Error: the record identifier cannot be changed.")
    if "TtlDuration" in request and group.body["EventTimeFeatureName"] not in given:
        raise ValidationError("Validation Error: a TtlDuration needs the EventTime among the features.")


def _row(context: Context, group: Record, features: Features, time: float, *, deleted: bool = False) -> Row:
    columns = {
        each["FeatureName"]: values.typed(each, features[each["FeatureName"]])
        for each in group.body["FeatureDefinitions"]
        if each["FeatureName"] in features
    }
    return Row(time, {**columns, "api_invocation_time": context.now().isoformat(), "is_deleted": deleted})


def _shown(context: Context, group: Record, identifier: str, request: dict[str, Any]) -> dict[str, Any] | None:
    """The record as answers show it, its features in the group's order; None if there is none."""
    _require_online(group)
    names = [each["FeatureName"] for each in group.body["FeatureDefinitions"]]
    wanted = request.get("FeatureNames", names)
    if unknown := [name for name in wanted if name not in names]:
        raise ValidationError(f"Validation Error: the FeatureGroup has no feature with name [{unknown[0]}].")
    there = context.features.get(group.body["_id"], identifier, context.now().timestamp())
    if there is None or there.deleted:
        return None
    record = [_value(name, there.features[name]) for name in names if name in wanted and name in there.features]
    if not record:
        return None
    if request.get("ExpirationTimeResponse") == "Enabled" and there.expires is not None:
        expires = datetime.fromtimestamp(there.expires, UTC)
        return {"Record": record, "ExpiresAt": expires.isoformat(timespec="milliseconds").replace("+00:00", "Z")}
    return {"Record": record}


def _value(name: str, value: str | list[str]) -> dict[str, Any]:
    return {"FeatureName": name, ("ValueAsString" if isinstance(value, str) else "ValueAsStringList"): value}


def _position(token: str) -> str:
    match resources.read_token(token):
        case [str() as identifier]:
            return identifier
    raise resources.bad_token(token)
