"""Feature groups: create, describe, list, update, delete, and what is said of each feature.

Records are put by ``clary.services.sagemaker_featurestore_runtime``; ``clary.jobs.offline_store`` writes the files.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

from clary.context import Context
from clary.errors import NotServed, ResourceInUse, ResourceNotFound, ServiceError, ValidationException
from clary.services import operation, resources
from clary.services.iam import roles
from clary.services.sagemaker import named_buckets
from clary.services.sagemaker.encryption import check_output_key
from clary.store.base import Operator, Record

KIND = "FeatureGroup"

_RESERVED = ("is_deleted", "write_time", "api_invocation_time")
_MOST = 2500  # features of a group
_MOST_PARAMETERS = 25  # of a feature
_FILTERS: dict[str, tuple[str, Operator]] = {
    "FeatureGroupStatusEquals": ("status", "="),
    "OfflineStoreStatusEquals": ("OfflineStoreStatus.Status", "="),
}
_SORTS = {"FeatureGroupStatus": "status", "OfflineStoreStatus": "OfflineStoreStatus.Status"}


@operation
def create_feature_group(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    name = request["FeatureGroupName"]
    arn = context.arn("sagemaker", "feature-group", name)
    _check_features(request, request["FeatureDefinitions"])
    _check_stores(context, request)
    now = context.now()
    body = {
        **request,
        "CreationTime": now,
        "LastModifiedTime": now,
        "FeatureDefinitions": _dated(now, request["FeatureDefinitions"]),
        "FeatureGroupArn": arn,
        "FeatureGroupStatus": "Created",
        "OfflineStoreStatus": {"Status": "Active" if "OfflineStoreConfig" in request else "Disabled"},
        "_id": secrets.token_hex(16),
    }
    if "OnlineStoreConfig" in request:
        body["OnlineStoreConfig"] = {
            "EnableOnlineStore": False,
            "StorageType": "Standard",
            **request["OnlineStoreConfig"],
        }
    if "OfflineStoreConfig" in request:
        body["OfflineStoreConfig"] = _offline(context, request, now)
    taken = ResourceInUse(
        f"Resource Already Exists: FeatureGroup with name {name} already exists. Choose a different name."
    )
    resources.create(context, KIND, name, body, status="Created", taken=taken)
    return {"FeatureGroupArn": arn}


@operation
def describe_feature_group(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    group = find(context, request["FeatureGroupName"])
    in_memory = group.body.get("OnlineStoreConfig", {}).get("StorageType") == "InMemory"
    size = {"OnlineStoreTotalSizeBytes": context.features.size(group.body["_id"])} if in_memory else {}
    return {**group.body, **size, "NextToken": ""}  # the model requires it; all features fit one answer


@operation
def list_feature_groups(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    groups, more = resources.page(context, KIND, request, filters=_FILTERS, sorts=_SORTS)
    return {"FeatureGroupSummaries": [group.body for group in groups], **more}


@operation
def update_feature_group(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    given = [member for member in ("FeatureAdditions", "OnlineStoreConfig", "ThroughputConfig") if member in request]
    if len(given) != 1:
        raise ValidationException(
            "UpdateFeatureGroup takes one of FeatureAdditions, OnlineStoreConfig and ThroughputConfig at a time, "
            f"not {' and '.join(given) or 'none'}."
        )
    group = find(context, request["FeatureGroupName"])

    def edit(group: Record) -> Record:
        _require_created(group)
        members = {"LastUpdateStatus": {"Status": "Successful"}, **_update(context, group, request)}
        return resources.with_members(group, context, **members)

    return {"FeatureGroupArn": resources.change(context, KIND, group.name, edit, missing=missing(group.name)).arn}


@operation
def delete_feature_group(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """What waits for the offline store is written first, by the reconciler."""

    def mark(group: Record) -> Record:
        return resources.with_members(group, context, "Deleting", FeatureGroupStatus="Deleting", FailureReason=None)

    name = request["FeatureGroupName"]
    resources.change(context, KIND, name, mark, missing=missing(name))
    return {}


@operation
def describe_feature_metadata(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    group = find(context, request["FeatureGroupName"])
    feature = _feature(group, request["FeatureName"])
    return {"FeatureGroupArn": group.arn, "FeatureGroupName": group.name, **feature}


@operation
def update_feature_metadata(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    group = find(context, request["FeatureGroupName"])

    def edit(group: Record) -> Record:
        feature = _described(_feature(group, request["FeatureName"]), request)
        feature["LastModifiedTime"] = context.now()
        others = group.body["FeatureDefinitions"]
        changed = [feature if each["FeatureName"] == feature["FeatureName"] else each for each in others]
        return resources.with_members(group, context, FeatureDefinitions=changed)

    resources.change(context, KIND, group.name, edit, missing=missing(group.name))
    return {}


def find(context: Context, name: str) -> Record:
    """By name or ARN; ``ResourceNotFound``."""
    return resources.find_named(context, KIND, name, missing=missing(name))


def missing(name: str) -> ServiceError:
    name = name.rpartition("/")[2]
    return ResourceNotFound(f"Resource Not Found: Amazon SageMaker can't find a FeatureGroup with name [{name}].")


def _require_created(group: Record) -> None:
    if group.status != "Created":
        raise ValidationException(f"The feature group {group.name} is in status {group.status} and cannot be changed.")


def _check_features(request: dict[str, Any], definitions: list[dict[str, Any]]) -> None:
    names = [each["FeatureName"] for each in definitions]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValidationException(f"Duplicate feature names found: {', '.join(twice)}. Define each once.")
    if len(names) > _MOST:
        raise ValidationException(f"A feature group has {_MOST} features at most; this would make {len(names)}.")
    by_name = {each["FeatureName"]: each for each in definitions}
    for each in definitions:
        _check_feature(each)
    for member in ("RecordIdentifierFeatureName", "EventTimeFeatureName"):
        feature = by_name.get(request[member])
        if feature is None:
            raise ValidationException(f"{member} {request[member]} is not among the FeatureDefinitions.")
        if "CollectionType" in feature:
            raise ValidationException(f"{member} {request[member]} cannot be a collection.")
    if by_name[request["EventTimeFeatureName"]]["FeatureType"] == "Integral":
        raise ValidationException(
            f"The event time feature {request['EventTimeFeatureName']} is Integral: it takes String (ISO 8601) or "
            "Fractional (Unix seconds)."
        )


def _check_feature(feature: dict[str, Any]) -> None:
    name, collection = feature["FeatureName"], feature.get("CollectionType")
    if name.lower() in _RESERVED:
        raise ValidationException(
            f"The feature name {name} is reserved: {', '.join(_RESERVED)} are the offline store's."
        )
    if collection == "Vector":
        if feature["FeatureType"] != "Fractional":
            raise ValidationException(f"The vector {name} must have the FeatureType Fractional.")
        if "VectorConfig" not in feature.get("CollectionConfig", {}):
            raise ValidationException(f"The vector {name} needs its Dimension in CollectionConfig.VectorConfig.")
    elif "CollectionConfig" in feature:
        raise ValidationException(f"The feature {name} has a CollectionConfig, which only a Vector takes.")


def _check_stores(context: Context, request: dict[str, Any]) -> None:
    online, offline = request.get("OnlineStoreConfig", {}), request.get("OfflineStoreConfig")
    if not online.get("EnableOnlineStore") and offline is None:
        raise ValidationException(
            "A feature group needs at least one of OnlineStoreConfig and OfflineStoreConfig, enabled."
        )
    if online.get("SecurityConfig", {}).get("KmsKeyId"):
        raise NotServed("CreateFeatureGroup with a KmsKeyId for the online store is not served yet: leave it out.")
    if "TtlDuration" in online:
        _check_duration(online["TtlDuration"])
    if request.get("ThroughputConfig", {}).get("ThroughputMode") == "Provisioned":
        raise NotServed(
            "CreateFeatureGroup with Provisioned throughput is not served: nothing is throttled. Use OnDemand."
        )
    if "RoleArn" in request:
        roles.require(context, request["RoleArn"])
    if offline is not None:
        _check_offline(context, request, offline)


def _check_offline(context: Context, request: dict[str, Any], offline: dict[str, Any]) -> None:
    if "RoleArn" not in request:
        raise ValidationException("A feature group with an OfflineStoreConfig needs a RoleArn.")
    if offline.get("TableFormat") == "Iceberg":
        raise NotServed("The table format Iceberg is not served yet: use Glue, which is plain Parquet files.")
    if "DataCatalogConfig" in offline:
        raise NotServed("DataCatalogConfig is not served: there is no Glue catalog. Read the Parquet files instead.")
    uri = offline["S3StorageConfig"]["S3Uri"]
    named_buckets.require(context, uri, f"The S3Uri {uri}")
    check_output_key(context, request["RoleArn"], uri, offline["S3StorageConfig"].get("KmsKeyId", ""))


def _check_duration(duration: dict[str, Any]) -> None:
    if "Unit" not in duration or "Value" not in duration:
        raise ValidationException("A TtlDuration needs both Unit and Value.")


def _offline(context: Context, request: dict[str, Any], created: datetime) -> dict[str, Any]:
    """The configuration as it is in force: where the files go, and that no table was made in a catalog."""
    given = request["OfflineStoreConfig"]
    uri = given["S3StorageConfig"]["S3Uri"].rstrip("/")
    folder = f"{request['FeatureGroupName']}-{int(created.timestamp())}"
    resolved = f"{uri}/{context.account}/sagemaker/{context.region}/offline-store/{folder}/data"
    return {
        "TableFormat": "Glue",
        **given,
        "S3StorageConfig": {**given["S3StorageConfig"], "ResolvedOutputS3Uri": resolved},
        "DisableGlueTableCreation": True,
        "DataCatalogConfig": {},  # not left out: the SDK's athena_query() then says that there is none
    }


def _dated(now: datetime, definitions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**each, "CreationTime": now, "LastModifiedTime": now} for each in definitions]


def _update(context: Context, group: Record, request: dict[str, Any]) -> dict[str, Any]:
    """The members that change."""
    if "FeatureAdditions" in request:
        definitions = [*group.body["FeatureDefinitions"], *_dated(context.now(), request["FeatureAdditions"])]
        _check_features(group.body, definitions)
        return {"FeatureDefinitions": definitions}
    if "ThroughputConfig" in request:
        if request["ThroughputConfig"].get("ThroughputMode", "OnDemand") == "Provisioned":
            raise NotServed("Provisioned throughput is not served: nothing is throttled. Use OnDemand.")
        return {"ThroughputConfig": {"ThroughputMode": "OnDemand"}}
    online = group.body.get("OnlineStoreConfig", {})
    if not online.get("EnableOnlineStore"):
        raise ValidationException(f"The feature group {group.name} has no online store.")
    return {"OnlineStoreConfig": _online_update(online, request["OnlineStoreConfig"])}


def _online_update(online: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    storage = given.get("StorageType", online["StorageType"])
    if storage != online["StorageType"] and (online["StorageType"], storage) != ("Standard", "Standard_V2"):
        raise ValidationException(
            f"A group's StorageType changes from Standard to Standard_V2 only, not from {online['StorageType']} to {storage}."
        )
    changed = {**online, "StorageType": storage}
    duration = given.get("TtlDuration")
    if duration is None:
        return changed
    if not duration:  # both its members null: the default goes
        return {member: value for member, value in changed.items() if member != "TtlDuration"}
    _check_duration(duration)
    return {**changed, "TtlDuration": duration}


def _feature(group: Record, name: str) -> dict[str, Any]:
    for each in group.body["FeatureDefinitions"]:
        if each["FeatureName"] == name:
            feature: dict[str, Any] = each
            return feature
    raise ResourceNotFound(
        f"Resource Not Found: Amazon SageMaker can't find the feature [{name}] in the FeatureGroup [{group.name}]."
    )


def _described(feature: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
    gone = set(request.get("ParameterRemovals", []))
    parameters = {
        each["Key"]: each.get("Value", "") for each in feature.get("Parameters", []) if each["Key"] not in gone
    }
    parameters |= {each["Key"]: each.get("Value", "") for each in request.get("ParameterAdditions", [])}
    if len(parameters) > _MOST_PARAMETERS:
        raise ValidationException(
            f"A feature has {_MOST_PARAMETERS} parameters at most; this would make {len(parameters)}."
        )
    listed = [{"Key": key, "Value": value} for key, value in parameters.items()]
    described = {**feature, "Parameters": listed}
    return described | ({"Description": request["Description"]} if "Description" in request else {})
