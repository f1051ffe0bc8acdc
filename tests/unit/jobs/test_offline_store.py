"""The offline store's reconciler on a real store: crashes between its writes, large outboxes, buckets that are gone."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
from arro3.io import read_parquet

from clary.clock import machine_now
from clary.context import Context
from clary.encryption_keys import DISABLED
from clary.jobs import offline_store
from clary.jobs.offline_store import FeatureGroups
from clary.keys import FIRST_ROLE
from clary.services.iam import role_policies, roles
from clary.store import feature_records
from clary.store.base import Record
from clary.store.feature_records import Change, Group, GroupGone, Online, Row

DEFINITIONS = [
    {"FeatureName": "patient", "FeatureType": "String"},
    {"FeatureName": "at", "FeatureType": "Fractional"},
    {"FeatureName": "age", "FeatureType": "Integral"},
    {"FeatureName": "tags", "FeatureType": "String", "CollectionType": "Set"},
]
HOUR = 1_700_000_000 // 3600 * 3600


@pytest.fixture
def group(context: Context, monkeypatch: pytest.MonkeyPatch) -> Record:
    """A group whose rows do not wait for others."""
    monkeypatch.setattr(offline_store, "_WAIT", 0.0)
    context.buckets.create_bucket("features")
    body = {
        "_id": "1",
        "RoleArn": roles.ensure_first_role(context),
        "FeatureDefinitions": DEFINITIONS,
        "OfflineStoreConfig": {"S3StorageConfig": {"ResolvedOutputS3Uri": "s3://features/data"}},
        "OfflineStoreStatus": {"Status": "Active"},
    }
    return context.store.create(Record(region="us-east-1", kind="FeatureGroup", name="g", body=body, status="Created"))


def put(context: Context, number: int, *, hour: int = 0, text: str = "") -> None:
    columns = {"patient": f"p{number}{text}", "at": HOUR + hour * 3600.0, "age": number}
    row = Row(
        HOUR + hour * 3600.0,
        {**columns, "api_invocation_time": context.now().isoformat(), "is_deleted": False},
    )
    group = Group("1", ("us-east-1", "FeatureGroup", "g"))
    context.features.change(group, f"p{number}", 0.0, lambda there: Change("keep", row))


def objects(context: Context) -> dict[str, list[dict[str, Any]]]:
    found = {}
    for entry in context.buckets.list("s3://features/"):
        table = read_parquet(io.BytesIO(b"".join(context.buckets.read(entry)))).read_all()
        columns = [table.column(name).to_pylist() for name in table.schema.names]
        found[entry.key] = [dict(zip(table.schema.names, each, strict=True)) for each in zip(*columns, strict=True)]
    return found


def ages(found: dict[str, list[dict[str, Any]]]) -> list[int]:
    return sorted(row["age"] for rows in found.values() for row in rows)


def test_a_crash_between_the_object_and_the_end_of_its_rows_doubles_nothing(
    context: Context,
    group: Record,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for number in range(3):
        put(context, number)

    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as crash:
        crash.setattr(context.features, "written", die)
        with pytest.raises(KeyboardInterrupt):
            FeatureGroups(context).step(group)
    before = objects(context)
    assert ages(before) == [0, 1, 2]
    put(context, 3)  # after the restart another one comes
    assert FeatureGroups(context).step(group) is None
    after = objects(context)
    assert ages(after) == [0, 1, 2, 3]
    assert before.keys() < after.keys()
    assert context.features.files("1") == []


def test_a_crash_before_the_object_loses_nothing(
    context: Context,
    group: Record,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put(context, 0)

    def die(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as crash:
        crash.setattr(context.buckets, "put_bytes", die)
        with pytest.raises(KeyboardInterrupt):
            FeatureGroups(context).step(group)
    assert objects(context) == {}
    FeatureGroups(context).step(group)
    assert ages(objects(context)) == [0]


def test_a_file_holds_one_hour_and_no_more_bytes_than_it_may(
    context: Context,
    group: Record,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(feature_records, "_FILE_BYTES", 2000)
    for number in range(10):
        put(context, number, hour=number % 2, text="x" * 300)
    FeatureGroups(context).step(group)
    found = objects(context)
    assert ages(found) == list(range(10))
    assert len(found) >= 4
    assert all(len({row["at"] for row in rows}) == 1 for rows in found.values())


def test_rows_wait_for_others_and_those_of_a_group_that_goes_do_not(
    context: Context,
    group: Record,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(offline_store, "_WAIT", 60.0)
    put(context, 0)
    left = FeatureGroups(context).step(group)
    assert left is not None
    assert 59 < left <= 60
    assert objects(context) == {}
    going = context.store.put(Record(**{**vars(group), "status": "Deleting"}))
    with pytest.raises(GroupGone):
        put(context, 1)
    assert FeatureGroups(context).step(going) is None
    assert ages(objects(context)) == [0]
    assert context.store.get(*group.key) is None


def test_a_bucket_that_is_gone_blocks_the_store_until_it_is_back(context: Context, group: Record) -> None:
    context.buckets.delete_bucket("features")
    put(context, 0)
    assert FeatureGroups(context).step(group) == 30.0
    blocked = context.store.get(*group.key)
    assert blocked is not None
    assert blocked.body["OfflineStoreStatus"]["Status"] == "Blocked"
    assert "bucket features is gone" in blocked.body["OfflineStoreStatus"]["BlockedReason"]
    context.buckets.create_bucket("features")
    FeatureGroups(context).step(blocked)
    again = context.store.get(*group.key)
    assert again is not None
    assert again.body["OfflineStoreStatus"] == {"Status": "Active"}
    assert ages(objects(context)) == [0]


def test_a_role_that_may_not_write_blocks_the_store_until_it_may(context: Context, group: Record) -> None:
    denial = '{"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "s3:PutObject", "Resource": "*"}}'
    named = {"RoleName": FIRST_ROLE, "PolicyName": "no"}
    role_policies.put_role_policy(context, {**named, "PolicyDocument": denial})
    put(context, 0)
    assert FeatureGroups(context).step(group) == 30.0
    blocked = context.store.get(*group.key)
    assert blocked is not None
    told = blocked.body["OfflineStoreStatus"]["BlockedReason"]
    assert "is not authorized to perform: s3:PutObject" in told
    assert "let the role write there again" in told
    role_policies.delete_role_policy(context, named)
    FeatureGroups(context).step(blocked)
    assert ages(objects(context)) == [0]


def test_files_lie_under_the_groups_key_and_wait_while_it_is_disabled(context: Context, group: Record) -> None:
    grant = '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}}'
    role_policies.put_role_policy(context, {"RoleName": FIRST_ROLE, "PolicyName": "kms", "PolicyDocument": grant})
    key = context.encryption_keys.create("us-east-1")
    storage = {"ResolvedOutputS3Uri": "s3://features/data", "KmsKeyId": key.name}
    body = {**group.body, "OfflineStoreConfig": {"S3StorageConfig": storage}}
    group = context.store.put(replace(group, body=body))
    disabled = context.store.put(replace(key, status=DISABLED))
    put(context, 0)
    assert FeatureGroups(context).step(group) == 30.0
    blocked = context.store.get(*group.key)
    assert blocked is not None
    told = blocked.body["OfflineStoreStatus"]["BlockedReason"]
    assert f"{key.arn} is disabled: make its key usable again" in told
    context.store.put(replace(disabled, status="Enabled"))
    FeatureGroups(context).step(blocked)
    assert ages(objects(context)) == [0]
    assert {entry.encryption and entry.encryption.key for entry in context.buckets.list("s3://features/")} == {key.arn}


def test_what_a_change_raises_leaves_the_record_and_the_outbox(context: Context, group: Record) -> None:
    there = Online(1.0, None, {"patient": "p"})
    key = Group("1", group.key)
    context.features.change(key, "p", 0.0, lambda _: Change(there))

    def refuse(found: Online | None) -> Change:
        assert found == there
        raise ValueError

    with pytest.raises(ValueError):
        context.features.change(key, "p", 0.0, refuse)
    assert context.features.get("1", "p", 0.0) == there
    assert context.features.waits_since("1") is None


def test_the_first_row_that_waits_wakes_and_the_others_do_not(context: Context, group: Record) -> None:
    woken: list[tuple[str, str, str]] = []
    context.features.subscribe(woken.append)
    put(context, 0)
    put(context, 1)
    assert woken == [group.key]
    FeatureGroups(context).step(group)
    put(context, 2)
    assert woken == [group.key] * 2


def test_every_kind_of_value_comes_back_from_a_file() -> None:
    rows = [
        {"patient": 'ä"\n', "at": 0.1, "age": -(1 << 63), "tags": ["a", ""], "is_deleted": True},
        {"patient": "", "at": None, "api_invocation_time": "2026-01-02T03:04:05.678+00:00"},
    ]
    table = read_parquet(io.BytesIO(offline_store.parquet(DEFINITIONS, rows, machine_now()))).read_all()
    columns = {name: table.column(name).to_pylist() for name in table.schema.names}
    assert columns["patient"] == ['ä"\n', ""]
    assert columns["at"] == [0.1, None]
    assert columns["age"] == [-(1 << 63), None]
    assert columns["tags"] == [["a", ""], None]
    assert columns["is_deleted"] == [True, None]
    assert columns["api_invocation_time"][1].isoformat() == "2026-01-02T03:04:05.678000+00:00"
