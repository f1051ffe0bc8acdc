"""The feature store by boto3: groups, the online store's rules of event times, and Parquet files in the offline store."""

from __future__ import annotations

import io
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from arro3.io import read_parquet

from clary.images.environments import Environments
from tests import jobs
from tests.conftest import ROOT, Studio
from tests.refusals import refused
from tests.waiting import until

PREFIX = "arn:aws:sagemaker:us-east-1:000000000000"
FEATURES = [
    {"FeatureName": "patient", "FeatureType": "String"},
    {"FeatureName": "at", "FeatureType": "String"},
    {"FeatureName": "age", "FeatureType": "Integral"},
    {"FeatureName": "dose", "FeatureType": "Fractional"},
]
ONLINE = {"EnableOnlineStore": True}
OFFLINE = {"S3StorageConfig": {"S3Uri": "s3://features/store"}}


def create(client: Any, name: str, **members: Any) -> str:
    request = {
        "FeatureGroupName": name,
        "RecordIdentifierFeatureName": "patient",
        "EventTimeFeatureName": "at",
        "FeatureDefinitions": FEATURES,
        "RoleArn": jobs.ROLE,
        **members,
    }
    return str(client.create_feature_group(**request)["FeatureGroupArn"])


def record(patient: str, at: str, **features: object) -> list[dict[str, Any]]:
    named = {"patient": patient, "at": at, **features}
    return [
        {"FeatureName": name, "ValueAsStringList": value}
        if isinstance(value, list)
        else {"FeatureName": name, "ValueAsString": str(value)}
        for name, value in named.items()
    ]


def day(number: int) -> str:
    return f"2026-03-{number:02}T10:00:00Z"


@pytest.fixture(scope="module")
def sagemaker(studio: Studio) -> Iterator[Any]:
    s3, client = studio.client("s3"), studio.client("sagemaker")
    s3.create_bucket(Bucket="features")
    create(client, "online", OnlineStoreConfig={**ONLINE, "StorageType": "Standard_V2"})
    yield client
    s3.close()
    client.close()


@pytest.fixture(scope="module")
def runtime(studio: Studio, sagemaker: Any) -> Iterator[Any]:
    client = studio.client("sagemaker-featurestore-runtime")
    yield client
    client.close()


def got(runtime: Any, patient: str, group: str = "online", **request: Any) -> dict[str, str] | None:
    answer = runtime.get_record(FeatureGroupName=group, RecordIdentifierValueAsString=patient, **request)
    if "Record" not in answer:
        return None
    return {each["FeatureName"]: each["ValueAsString"] for each in answer["Record"]}


def put(runtime: Any, patient: str, at: str, group: str = "online", **features: object) -> None:
    runtime.put_record(FeatureGroupName=group, Record=record(patient, at, **features))


def test_a_group_is_described_listed_and_tagged(sagemaker: Any) -> None:
    arn = create(
        sagemaker, "Both_1", OnlineStoreConfig=ONLINE, OfflineStoreConfig=OFFLINE, Tags=[{"Key": "a", "Value": "b"}]
    )
    assert arn == f"{PREFIX}:feature-group/both_1"
    told = sagemaker.describe_feature_group(FeatureGroupName=arn)
    assert (told["FeatureGroupName"], told["FeatureGroupStatus"]) == ("Both_1", "Created")
    assert told["FeatureDefinitions"] == FEATURES
    assert (told["OnlineStoreConfig"]["StorageType"], told["OfflineStoreStatus"]) == ("Standard", {"Status": "Active"})
    created = int(told["CreationTime"].timestamp())
    assert told["OfflineStoreConfig"]["S3StorageConfig"]["ResolvedOutputS3Uri"] == (
        f"s3://features/store/000000000000/sagemaker/us-east-1/offline-store/Both_1-{created}/data"
    )
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "b"}]

    def listed(**request: Any) -> list[str]:
        return [each["FeatureGroupName"] for each in sagemaker.list_feature_groups(**request)["FeatureGroupSummaries"]]

    assert listed(NameContains="both_1", FeatureGroupStatusEquals="Created", OfflineStoreStatusEquals="Active") == [
        "Both_1"
    ]
    assert "Both_1" not in listed(OfflineStoreStatusEquals="Disabled")
    assert listed(FeatureGroupStatusEquals="Deleting") == []
    by_store = listed(SortBy="OfflineStoreStatus", SortOrder="Ascending", MaxResults=100)
    assert by_store.index("Both_1") < by_store.index("online")


@pytest.mark.parametrize(
    ("members", "code", "said"),
    [
        ({}, "ValidationException", "at least one of OnlineStoreConfig and OfflineStoreConfig"),
        ({"RecordIdentifierFeatureName": "no"}, "ValidationException", "RecordIdentifierFeatureName no is not among"),
        ({"EventTimeFeatureName": "age"}, "ValidationException", "The event time feature age is Integral"),
        (
            {"FeatureDefinitions": [*FEATURES, FEATURES[0]]},
            "ValidationException",
            "Duplicate feature names found: patient",
        ),
        (
            {"FeatureDefinitions": [*FEATURES, {"FeatureName": "write_time", "FeatureType": "String"}]},
            "ValidationException",
            "The feature name write_time is reserved",
        ),
        (
            {
                "FeatureDefinitions": [
                    *FEATURES,
                    {"FeatureName": "v", "FeatureType": "String", "CollectionType": "Vector"},
                ]
            },
            "ValidationException",
            "The vector v must have the FeatureType Fractional",
        ),
        (
            {"OfflineStoreConfig": {"S3StorageConfig": {"S3Uri": "s3://nowhere/x"}}},
            "ValidationException",
            "names the bucket 'nowhere', which does not exist",
        ),
        ({"OfflineStoreConfig": {**OFFLINE, "TableFormat": "Iceberg"}}, "NotImplemented", "Iceberg is not served"),
        (
            {
                "OfflineStoreConfig": {
                    **OFFLINE,
                    "DataCatalogConfig": {"TableName": "t", "Catalog": "c", "Database": "d"},
                }
            },
            "NotImplemented",
            "there is no Glue catalog",
        ),
        ({"OnlineStoreConfig": {**ONLINE, "SecurityConfig": {"KmsKeyId": "k"}}}, "NotImplemented", "KmsKeyId"),
        (
            {"OnlineStoreConfig": {**ONLINE, "TtlDuration": {"Unit": "Days"}}},
            "ValidationException",
            "both Unit and Value",
        ),
        (
            {
                "OnlineStoreConfig": ONLINE,
                "ThroughputConfig": {
                    "ThroughputMode": "Provisioned",
                    "ProvisionedReadCapacityUnits": 1,
                    "ProvisionedWriteCapacityUnits": 1,
                },
            },
            "NotImplemented",
            "nothing is throttled",
        ),
    ],
)
def test_what_cannot_be_a_group_is_refused(sagemaker: Any, members: dict[str, Any], code: str, said: str) -> None:
    refusal, message = refused(lambda **request: create(sagemaker, "wrong", **request), **members)
    assert (refusal, said in message) == (code, True), message


def test_a_group_is_made_once_and_missed_by_aws_words(sagemaker: Any) -> None:
    code, message = refused(lambda **request: create(sagemaker, "online", **request), OnlineStoreConfig=ONLINE)
    assert (code, message) == (
        "ResourceInUse",
        "Resource Already Exists: FeatureGroup with name online already exists. Choose a different name.",
    )
    words = "Resource Not Found: Amazon SageMaker can't find a FeatureGroup with name [no]."
    for call in (sagemaker.describe_feature_group, sagemaker.delete_feature_group):
        assert refused(call, FeatureGroupName="no") == ("ResourceNotFound", words)


def test_features_are_added_and_the_default_lifetime_changes(sagemaker: Any, runtime: Any) -> None:
    create(sagemaker, "growing", OnlineStoreConfig=ONLINE)
    update = sagemaker.update_feature_group
    update(FeatureGroupName="growing", FeatureAdditions=[{"FeatureName": "ward", "FeatureType": "String"}])
    told = sagemaker.describe_feature_group(FeatureGroupName="growing")
    assert told["FeatureDefinitions"][-1] == {"FeatureName": "ward", "FeatureType": "String"}
    assert told["LastUpdateStatus"] == {"Status": "Successful"}
    put(runtime, "p", day(1), "growing", ward="north")
    assert got(runtime, "p", "growing") == {"patient": "p", "at": day(1), "ward": "north"}
    duration = {"Unit": "Weeks", "Value": 1}
    update(FeatureGroupName="growing", OnlineStoreConfig={"TtlDuration": duration})
    assert sagemaker.describe_feature_group(FeatureGroupName="growing")["OnlineStoreConfig"]["TtlDuration"] == duration
    put(runtime, "q", day(1), "growing")  # the first of March and a week are over
    assert got(runtime, "q", "growing") is None
    update(FeatureGroupName="growing", OnlineStoreConfig={"TtlDuration": {}})
    assert "TtlDuration" not in sagemaker.describe_feature_group(FeatureGroupName="growing")["OnlineStoreConfig"]
    update(FeatureGroupName="growing", OnlineStoreConfig={"StorageType": "Standard_V2"})
    assert (
        "not from Standard_V2 to Standard"
        in refused(update, FeatureGroupName="growing", OnlineStoreConfig={"StorageType": "Standard"})[1]
    )
    assert "Duplicate" in refused(update, FeatureGroupName="growing", FeatureAdditions=[FEATURES[0]])[1]
    assert "one of FeatureAdditions" in refused(update, FeatureGroupName="growing")[1]


def test_a_feature_has_a_description_and_parameters(sagemaker: Any) -> None:
    create(sagemaker, "described", OnlineStoreConfig=ONLINE)
    named = {"FeatureGroupName": "described", "FeatureName": "dose"}
    sagemaker.update_feature_metadata(
        **named, Description="in mg", ParameterAdditions=[{"Key": "unit", "Value": "mg"}, {"Key": "old", "Value": "1"}]
    )
    sagemaker.update_feature_metadata(**named, ParameterRemovals=["old"])
    told = sagemaker.describe_feature_metadata(**named)
    assert (told["Description"], told["Parameters"]) == ("in mg", [{"Key": "unit", "Value": "mg"}])
    assert (told["FeatureType"], told["FeatureGroupArn"]) == ("Fractional", f"{PREFIX}:feature-group/described")
    assert told["LastModifiedTime"] > told["CreationTime"]
    code, message = refused(sagemaker.describe_feature_metadata, FeatureGroupName="described", FeatureName="no")
    assert (code, "can't find the feature [no]" in message) == ("ResourceNotFound", True)

    def search(**condition: str) -> list[str]:
        group = {"Name": "FeatureGroupName", "Value": "described"}
        answer = sagemaker.search(Resource="FeatureMetadata", SearchExpression={"Filters": [group, condition]})
        return [each["FeatureMetadata"]["FeatureName"] for each in answer["Results"]]

    assert search(Name="Description", Operator="Contains", Value="mg") == ["dose"]
    assert search(Name="FeatureType", Value="String") == ["patient", "at"] or search(
        Name="FeatureType", Value="String"
    ) == ["at", "patient"]
    filters = [
        {"Name": "FeatureDefinitions.FeatureName", "Value": "dose"},
        {"Name": "FeatureGroupName", "Value": "described"},
    ]
    found = sagemaker.search(Resource="FeatureGroup", SearchExpression={"Filters": filters})["Results"]
    assert [each["FeatureGroup"]["FeatureGroupArn"] for each in found] == [f"{PREFIX}:feature-group/described"]


def test_the_online_store_keeps_the_latest_event(runtime: Any) -> None:
    assert got(runtime, "late") is None
    put(runtime, "late", day(2), age=40, dose=1.5)
    put(runtime, "late", day(1), age=39)
    assert got(runtime, "late") == {"patient": "late", "at": day(2), "age": "40", "dose": "1.5"}
    put(runtime, "late", day(2), age=41)  # not greater, so historic
    assert got(runtime, "late", FeatureNames=["age"]) == {"age": "40"}
    put(runtime, "late", "2026-03-02T10:00:00.001Z", age=42)
    assert got(runtime, "late") == {"patient": "late", "at": "2026-03-02T10:00:00.001Z", "age": "42"}


def test_a_record_expires_after_its_event(runtime: Any) -> None:
    now = datetime.now(UTC)
    old = {"Unit": "Hours", "Value": 1}
    at = f"{now:%Y-%m-%dT%H:%M:%SZ}"
    runtime.put_record(FeatureGroupName="online", Record=record("mayfly", day(1)), TtlDuration=old)
    assert got(runtime, "mayfly") is None
    runtime.put_record(FeatureGroupName="online", Record=record("mayfly", at), TtlDuration={"Unit": "Days", "Value": 1})
    request = {"FeatureGroupName": "online", "RecordIdentifierValueAsString": "mayfly"}
    answer = runtime.get_record(**request, ExpirationTimeResponse="Enabled")
    expires = datetime.fromisoformat(answer["ExpiresAt"])
    assert round((expires - now).total_seconds() / 3600) == 24
    assert "ExpiresAt" not in runtime.get_record(**request)


def test_a_record_is_deleted_softly_or_altogether(runtime: Any) -> None:
    def delete(at: str, mode: str) -> None:
        runtime.delete_record(
            FeatureGroupName="online", RecordIdentifierValueAsString="gone", EventTime=at, DeletionMode=mode
        )

    def listed(**request: Any) -> bool:
        return "gone" in runtime.list_records(FeatureGroupName="online", **request)["RecordIdentifiers"]

    put(runtime, "gone", day(5))
    delete(day(4), "SoftDelete")  # older than the record: it stays
    assert got(runtime, "gone")
    with pytest.raises(runtime.exceptions.ValidationError, match="EventTime: 400 ValidationException"):
        delete(day(5), "HardDelete")
    delete(day(6), "SoftDelete")
    assert got(runtime, "gone") is None
    assert (listed(), listed(IncludeSoftDeletedRecords=True)) == (False, True)
    put(runtime, "gone", day(5))  # older than the deletion
    assert got(runtime, "gone") is None
    put(runtime, "gone", day(7))
    assert got(runtime, "gone")
    delete(day(8), "HardDelete")
    assert (listed(), listed(IncludeSoftDeletedRecords=True)) == (False, False)
    put(runtime, "gone", day(1))  # nothing is left that it would be older than
    assert got(runtime, "gone")


def test_an_update_sets_some_features_and_keeps_the_others(sagemaker: Any, runtime: Any) -> None:
    def update(patient: str, group: str = "online", **request: Any) -> Any:
        features = [{"FeatureName": name, "ValueAsString": str(value)} for name, value in request.pop("set").items()]
        return runtime.update_record(
            FeatureGroupName=group, RecordIdentifierValueAsString=patient, Features=features, **request
        )

    put(runtime, "changed", day(2), age=40, dose=1)
    update("changed", set={"dose": 2})
    assert got(runtime, "changed") == {"patient": "changed", "at": day(2), "age": "40", "dose": "2"}
    update("changed", set={"age": 41, "at": day(3)})
    assert got(runtime, "changed") == {"patient": "changed", "at": day(3), "age": "41", "dose": "2"}
    with pytest.raises(runtime.exceptions.ConflictException):
        update("changed", set={"age": 1, "at": day(1)})
    with pytest.raises(runtime.exceptions.ResourceNotFound):
        update("nobody", set={"age": 1})
    with pytest.raises(runtime.exceptions.ValidationError, match="needs the EventTime"):
        update("changed", set={"age": 1}, TtlDuration={"Unit": "Days", "Value": 1})
    create(sagemaker, "standard", OnlineStoreConfig=ONLINE)
    with pytest.raises(runtime.exceptions.ValidationError, match="Standard_V2 or InMemory"):
        update("changed", "standard", set={"age": 1})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([{"FeatureName": "patient", "ValueAsString": "p"}], "lacks its EventTimeFeatureName"),
        ([{"FeatureName": "at", "ValueAsString": day(1)}], "lacks its RecordIdentifierFeatureName"),
        (record("p", day(1), ward="x"), "has no feature with name [ward]"),
        ([*record("p", day(1)), *record("p", day(1))], "[patient] is given more than once"),
        (record("p", day(1), age="4.5"), "[age] is Integral; '4.5' is no whole number"),
        (record("p", day(1), age=1 << 63), "is no whole number of 64 bits"),
        (record("p", day(1), dose="much"), "[dose] is Fractional; 'much' is no finite number"),
        (record("p", day(1), dose="nan"), "is no finite number"),
        (record("p", day(1), age=["1"]), "[age] is no collection"),
        (record("p", "yesterday"), "is not in the format yyyy-MM-dd'T'HH:mm:ssZ"),
        (record("p", "2026-02-31T00:00:00Z"), "is not in the format"),
        (record("p", "2026-02-01T00:00:00+01:00"), "is not in the format"),
    ],
)
def test_a_record_that_breaks_a_rule_is_refused(runtime: Any, given: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(runtime.exceptions.ValidationError) as caught:
        runtime.put_record(FeatureGroupName="online", Record=given)
    assert said in caught.value.response["Error"]["Message"]
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_a_group_that_is_not_there_is_told_as_each_operation_tells_it(runtime: Any) -> None:
    words = "Resource Not Found: Amazon SageMaker can't find a FeatureGroup with name [no]."
    assert refused(runtime.put_record, FeatureGroupName="no", Record=record("p", day(1))) == ("ValidationError", words)
    read = {"FeatureGroupName": "no", "RecordIdentifierValueAsString": "p"}
    assert refused(runtime.get_record, **read) == ("ResourceNotFound", words)
    with pytest.raises(runtime.exceptions.ValidationError, match="has no OfflineStore"):
        runtime.put_record(FeatureGroupName="online", Record=record("p", day(1)), TargetStores=["OfflineStore"])


def test_batches_read_and_write_over_groups_and_tell_what_failed(sagemaker: Any, runtime: Any) -> None:
    arn = create(sagemaker, "batch", OnlineStoreConfig=ONLINE)
    entries = [
        {"FeatureGroupName": arn, "Record": record("b1", day(1), age=1)},
        {"FeatureGroupName": "batch", "Record": record("b2", day(1), age="x")},
        {"FeatureGroupName": "online", "Record": record("b3", day(1), age=3)},
        {"FeatureGroupName": "no", "Record": record("b4", day(1))},
    ]
    answer = runtime.batch_write_record(Entries=entries)
    assert [(each["Entry"], each["ErrorCode"]) for each in answer["Errors"]] == [
        (entries[1], "ValidationError"),
        (entries[3], "ResourceNotFound"),
    ]
    answer = runtime.batch_get_record(
        Identifiers=[
            {"FeatureGroupName": arn, "RecordIdentifiersValueAsString": ["b1", "b2"]},
            {"FeatureGroupName": "online", "RecordIdentifiersValueAsString": ["b3"], "FeatureNames": ["age"]},
            {"FeatureGroupName": "no", "RecordIdentifiersValueAsString": ["b4"]},
        ]
    )
    assert [(each["FeatureGroupName"], each["RecordIdentifierValueAsString"]) for each in answer["Records"]] == [
        (arn, "b1"),
        ("online", "b3"),
    ]
    assert answer["Records"][1]["Record"] == [{"FeatureName": "age", "ValueAsString": "3"}]
    assert [(each["FeatureGroupName"], each["ErrorCode"]) for each in answer["Errors"]] == [("no", "ValidationError")]
    assert answer["UnprocessedIdentifiers"] == []


def test_identifiers_are_listed_page_by_page(sagemaker: Any, runtime: Any) -> None:
    create(sagemaker, "listed", OnlineStoreConfig=ONLINE)
    for number in range(5):
        put(runtime, f"p{number}", day(1), "listed")
    found, token = [], {}
    while True:
        page = runtime.list_records(FeatureGroupName="listed", MaxResults=2, **token)
        found += page["RecordIdentifiers"]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert found == [f"p{number}" for number in range(5)]


def files(client: Any, group: str, wanted: Callable[[list[dict[str, Any]]], bool]) -> dict[str, list[dict[str, Any]]]:
    """The offline store's files by key, as soon as their rows are those that are wanted."""
    deadline = time.monotonic() + 90
    while True:
        listed = client.list_objects_v2(
            Bucket="features", Prefix=f"store/000000000000/sagemaker/us-east-1/offline-store/{group}-"
        )
        found = {each["Key"]: rows(client, each["Key"]) for each in listed.get("Contents", [])}
        if wanted([row for part in found.values() for row in part]):
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.1)


def rows(client: Any, key: str) -> list[dict[str, Any]]:
    body = client.get_object(Bucket="features", Key=key)["Body"].read()
    table = read_parquet(io.BytesIO(body)).read_all()
    columns = {name: table.column(name).to_pylist() for name in table.schema.names}
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def test_the_offline_store_holds_every_event_as_parquet_by_hours(sagemaker: Any, runtime: Any, studio: Studio) -> None:
    lists = {"FeatureName": "scores", "FeatureType": "Fractional", "CollectionType": "List"}
    create(
        sagemaker,
        "offline",
        OfflineStoreConfig=OFFLINE,
        OnlineStoreConfig=ONLINE,
        FeatureDefinitions=[*FEATURES, lists],
    )
    create(sagemaker, "leaving", OfflineStoreConfig=OFFLINE)
    began = datetime.now(UTC).replace(microsecond=0)
    put(runtime, "ä", day(2), "offline", age=1 << 62, dose=0.1, scores=["1.5", "2"])
    put(runtime, "ä", day(1), "offline", age=-1)  # historic
    put(runtime, "b", "2026-03-01T10:59:59.999Z", "offline")
    runtime.delete_record(FeatureGroupName="offline", RecordIdentifierValueAsString="ä", EventTime=day(3))
    put(runtime, "c", day(9), "leaving")
    sagemaker.delete_feature_group(FeatureGroupName="leaving")  # what waits is written first
    assert refused(put, runtime=runtime, patient="c", at=day(9), group="leaving")[0] == "ValidationError"
    s3 = studio.client("s3")
    found = files(s3, "offline", lambda rows: len(rows) == 4)
    folders = sorted(key.partition("/data/")[2].rpartition("/")[0] for key in found)
    assert folders == [f"year=2026/month=03/day=0{number}/hour=10" for number in (1, 2, 3)]
    [first] = [rows for key, rows in found.items() if "day=01" in key]
    assert [(row["patient"], row["age"], row["dose"], row["scores"]) for row in first] == [
        ("ä", -1, None, None),
        ("b", None, None, None),
    ]
    assert next(key for key in found if "day=01" in key).rpartition("/")[2].startswith("20260301T105959Z_")
    [[put_row]] = [rows for key, rows in found.items() if "day=02" in key]
    assert (put_row["age"], put_row["dose"], put_row["scores"], put_row["is_deleted"]) == (
        1 << 62,
        0.1,
        [1.5, 2.0],
        False,
    )
    assert began <= put_row["api_invocation_time"] <= put_row["write_time"]
    assert list(put_row)[-3:] == ["write_time", "api_invocation_time", "is_deleted"]
    [[marker]] = [rows for key, rows in found.items() if "day=03" in key]
    assert (marker["patient"], marker["at"], marker["age"], marker["is_deleted"]) == ("ä", day(3), None, True)
    left = files(s3, "leaving", lambda rows: len(rows) == 1)
    assert next(iter(left.values()))[0]["patient"] == "c"
    until(lambda: not sagemaker.list_feature_groups(NameContains="leaving")["FeatureGroupSummaries"])
    s3.close()


def test_what_was_acknowledged_is_written_once_after_the_server_was_killed(fresh_studio: Studio) -> None:
    studio = fresh_studio
    client, runtime = studio.client("sagemaker"), studio.client("sagemaker-featurestore-runtime")
    studio.client("s3").create_bucket(Bucket="features")
    create(client, "killed", OfflineStoreConfig=OFFLINE, OnlineStoreConfig=ONLINE)
    for number in range(20):
        put(runtime, f"p{number:02}", day(1), "killed", age=number)
    studio.kill()
    studio.start()
    s3, runtime = studio.client("s3"), studio.client("sagemaker-featurestore-runtime")
    found = files(s3, "killed", lambda rows: len(rows) >= 20)
    assert sorted(row["age"] for part in found.values() for row in part) == list(range(20))
    for number in range(20):
        wanted = {"patient": f"p{number:02}", "at": day(1), "age": str(number)}
        assert got(runtime, f"p{number:02}", "killed") == wanted


def test_a_store_whose_bucket_is_gone_waits_for_it(sagemaker: Any, runtime: Any, studio: Studio) -> None:
    s3 = studio.client("s3")
    s3.create_bucket(Bucket="fleeting")
    create(sagemaker, "blocked", OfflineStoreConfig={"S3StorageConfig": {"S3Uri": "s3://fleeting"}})
    s3.delete_bucket(Bucket="fleeting")
    put(runtime, "p", day(1), "blocked")
    sagemaker.delete_feature_group(FeatureGroupName="blocked")
    deadline = time.monotonic() + 90
    while (told := sagemaker.describe_feature_group(FeatureGroupName="blocked"))["FeatureGroupStatus"] == "Deleting":
        assert time.monotonic() < deadline
    assert told["FeatureGroupStatus"] == "DeleteFailed"
    assert "fleeting" in told["FailureReason"]
    s3.create_bucket(Bucket="fleeting")
    sagemaker.delete_feature_group(FeatureGroupName="blocked")
    while s3.list_objects_v2(Bucket="fleeting")["KeyCount"] == 0:
        assert time.monotonic() < deadline
    s3.close()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_pandas_reads_a_whole_store_with_its_partitions(
    sagemaker: Any, runtime: Any, studio: Studio, cache: Path, tmp_path: Path
) -> None:
    lists = {"FeatureName": "scores", "FeatureType": "Fractional", "CollectionType": "List"}
    create(sagemaker, "pandas", OfflineStoreConfig=OFFLINE, FeatureDefinitions=[*FEATURES, lists])
    for number in range(10):
        put(runtime, f"p{number}", day(1 + number % 2), "pandas", age=number, dose=number / 4, scores=["1.5", "2"])
    s3 = studio.client("s3")
    for key in files(s3, "pandas", lambda rows: len(rows) == 10):
        path = tmp_path / key.partition("/data/")[2]
        path.parent.mkdir(parents=True, exist_ok=True)
        s3.download_file("features", key, str(path))
    python = Environments(cache).build(ROOT / "src/clary/images/autopilot/requirements.lock")
    program = (
        "import pandas, sys\n"
        "table = pandas.read_parquet(sys.argv[1])\n"
        "print(*(str(kind) for kind in table.dtypes[:8]), len(table), table.age.sum(), table.day.nunique())\n"
        "print(*table.scores.iloc[0], table.is_deleted.any(), table.write_time.notna().all())\n"
    )
    told = subprocess.run(
        [str(python), "-c", program, str(tmp_path)], check=True, capture_output=True, text=True
    ).stdout
    kinds = "object object int64 float64 object datetime64[ms, UTC] datetime64[ms, UTC] bool"
    assert told.splitlines() == [f"{kinds} 10 45 2", "1.5 2.0 False True"]
    s3.close()
