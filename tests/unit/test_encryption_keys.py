"""Encryption keys: what is encrypted comes back under the same key and context alone, and the root key is never lost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from clary.encryption_keys import PENDING_DELETION, EncryptionKeys
from clary.errors import ServiceError
from clary.store.base import Record
from clary.store.database import Database
from clary.store.records import SqlStore

ACCOUNT, REGION = "000000000000", "us-east-1"
WARD = {"ward": "7", "bed": "3"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    database = Database(tmp_path / "clary.db")
    yield SqlStore(database)
    database.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "kms.key"


@pytest.fixture
def keys(store: SqlStore, file: Path) -> EncryptionKeys:
    return EncryptionKeys(store, file, ACCOUNT)


def refused(call: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(ServiceError) as caught:
        call()
    return caught.value.code, caught.value.message


def test_a_data_key_comes_back_from_its_wrapping_whatever_the_order_of_the_context(keys: EncryptionKeys) -> None:
    arn = keys.create(REGION).arn
    plain, wrapped = keys.data_key(arn, WARD)
    assert len(plain) == 32
    assert plain not in wrapped
    assert keys.open_data_key(wrapped, dict(reversed(WARD.items()))) == plain
    assert keys.data_key(arn, WARD)[0] != plain
    assert keys.key_of(wrapped) == arn


@pytest.mark.parametrize("context", [{}, {"ward": "7"}, {"ward": "3", "bed": "7"}, {**WARD, "x": ""}])
def test_another_context_opens_nothing(keys: EncryptionKeys, context: dict[str, str]) -> None:
    _, wrapped = keys.data_key(keys.create(REGION).arn, WARD)
    assert refused(lambda: keys.open_data_key(wrapped, context))[0] == "InvalidCiphertextException"


def test_no_byte_of_a_ciphertext_can_be_changed_or_left_away(keys: EncryptionKeys) -> None:
    _, wrapped = keys.data_key(keys.create(REGION).arn, {})
    for at in range(len(wrapped)):
        for changed in (wrapped[:at] + bytes([wrapped[at] ^ 1]) + wrapped[at + 1 :], wrapped[:at]):
            code, _ = refused(lambda changed=changed: keys.open_data_key(changed, {}))  # type: ignore[misc]
            assert code in {"InvalidCiphertextException", "NotFoundException"}  # it names another key then


def test_one_key_does_not_open_what_is_another_ones(keys: EncryptionKeys) -> None:
    one, other = keys.create(REGION), keys.create(REGION)
    wrapped = keys.encrypt(one, b"dose", {})
    swapped = wrapped.replace(one.arn.encode(), other.arn.encode())
    assert refused(lambda: keys.decrypt(swapped, {}))[0] == "InvalidCiphertextException"


def test_a_key_is_found_by_id_arn_alias_and_the_arn_of_its_alias(keys: EncryptionKeys, store: SqlStore) -> None:
    key = keys.create(REGION)
    store.create(Record(region=REGION, kind="KmsAlias", name="alias/ward", body={"TargetKeyId": key.name}))
    alias = f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/ward"
    assert {keys.resolve(REGION, wish) for wish in (key.name, key.arn, "alias/ward", alias)} == {key.arn}
    for wish in ("alias/no", "5", key.arn.replace(REGION, "eu-west-1"), "arn:aws:s3:::x", alias + "x"):
        assert refused(lambda wish=wish: keys.resolve(REGION, wish))[0] == "NotFoundException"  # type: ignore[misc]
    assert refused(lambda: keys.resolve("eu-west-1", key.name))[0] == "NotFoundException"


def test_the_default_key_is_made_once_per_region_however_many_ask_first(keys: EncryptionKeys) -> None:
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(keys.resolve(REGION, None))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert set(found) == {keys.resolve(REGION, "alias/aws/s3")}
    assert [key.body["KeyManager"] for key in keys.all(REGION)] == ["AWS"]
    assert keys.resolve("eu-west-1", None).startswith("arn:aws:kms:eu-west-1:")


def test_a_key_that_is_disabled_or_to_be_deleted_is_not_used(keys: EncryptionKeys, store: SqlStore) -> None:
    key = keys.create(REGION)
    _, wrapped = keys.data_key(key.arn, {})
    disabled = store.put(replace(key, status="Disabled"))
    for call in (
        lambda: keys.resolve(REGION, key.name),
        lambda: keys.data_key(key.arn, {}),
        lambda: keys.open_data_key(wrapped, {}),
    ):
        assert refused(call) == ("DisabledException", f"{key.arn} is disabled.")
    later = (datetime.now(UTC) + timedelta(days=7)).isoformat()
    store.put(replace(disabled, status=PENDING_DELETION, body={**key.body, "DeletionDate": later}))
    assert refused(lambda: keys.open_data_key(wrapped, {}))[0] == "KMSInvalidStateException"


def test_a_key_is_gone_when_its_time_is_over_and_its_aliases_with_it(store: SqlStore, file: Path) -> None:
    now = [datetime(2026, 1, 1, tzinfo=UTC)]
    keys = EncryptionKeys(store, file, ACCOUNT, lambda: now[0])
    key, other = keys.create(REGION), keys.create(REGION)
    for number, target in enumerate((key, other)):
        alias = Record(region=REGION, kind="KmsAlias", name=f"alias/{number}", body={"TargetKeyId": target.name})
        store.create(alias)
    end = (now[0] + timedelta(days=7)).isoformat()
    store.put(replace(key, status=PENDING_DELETION, body={**key.body, "DeletionDate": end}))
    keys.expire()
    assert keys.find(REGION, "alias/0").name == key.name
    now[0] += timedelta(days=7)
    assert refused(lambda: keys.find(REGION, "alias/0"))[0] == "NotFoundException"
    assert [found.name for found in keys.all(REGION)] == [other.name]
    keys.expire()
    assert store.get(*key.key) is None
    assert [alias.name for alias in store.scan(None, "KmsAlias")] == ["alias/1"]


def test_a_key_is_rotated_when_that_is_due_and_opens_what_is_older(store: SqlStore, file: Path) -> None:
    now = [datetime(2026, 1, 1, tzinfo=UTC)]
    keys = EncryptionKeys(store, file, ACCOUNT, lambda: now[0])
    key, resting, default = keys.create(REGION), keys.create(REGION), keys.find(REGION, "alias/aws/s3")
    for each, status in ((key, "Enabled"), (resting, "Disabled")):
        store.put(replace(each, status=status, body={**each.body, "_rotation": keys.rotation(90)}))
    plain, wrapped = keys.data_key(key.arn, WARD)
    keys.rotate_due()
    assert keys.find(REGION, key.name).body["_rotations"] == []
    now[0] += timedelta(days=90)
    keys.rotate_due()
    keys.rotate_due()
    found = keys.find(REGION, key.name)
    assert [each["RotationType"] for each in found.body["_rotations"]] == ["AUTOMATIC"]
    assert found.body["CurrentKeyMaterialId"] != key.body["CurrentKeyMaterialId"]
    assert datetime.fromisoformat(found.body["_rotation"]["NextRotationDate"]) == now[0] + timedelta(days=90)
    assert keys.open_data_key(wrapped, WARD) == plain
    assert keys.find(REGION, resting.name).body["_rotations"] == []
    assert keys.find(REGION, default.name).body["_rotations"] == []
    now[0] += timedelta(days=275)
    keys.rotate_due()
    assert len(keys.find(REGION, default.name).body["_rotations"]) == 1


def test_the_root_key_is_its_owners_alone_and_outlives_the_server(
    keys: EncryptionKeys, store: SqlStore, file: Path
) -> None:
    assert not file.exists()
    arn = keys.create(REGION).arn
    assert file.stat().st_mode & 0o777 == 0o600
    text, (plain, wrapped) = file.read_text(), keys.data_key(arn, {})
    again = EncryptionKeys(store, file, ACCOUNT)
    assert again.open_data_key(wrapped, {}) == plain
    assert file.read_text() == text
    assert [path.name for path in file.parent.iterdir() if "kms" in path.name] == ["kms.key"]


@pytest.mark.parametrize("text", [None, "", "ab" * 32, "no key"])
def test_without_the_right_root_key_nothing_is_made_used_or_written_over(
    keys: EncryptionKeys, store: SqlStore, file: Path, text: str | None
) -> None:
    arn = keys.create(REGION).arn
    plain, wrapped = keys.data_key(arn, {})
    right = file.read_text()
    file.unlink()
    if text is not None:
        file.write_text(text)
    again = EncryptionKeys(store, file, ACCOUNT)
    for call in (lambda: again.open_data_key(wrapped, {}), lambda: again.create(REGION)):
        code, message = refused(call)
        assert code == "KeyUnavailableException"
        assert str(file) in message
    assert file.exists() == (text is not None)
    assert len(list(again.all(REGION))) == 1
    file.write_text(right)
    assert again.open_data_key(wrapped, {}) == plain


def test_two_servers_that_share_a_root_key_file_make_it_once(tmp_path: Path, file: Path) -> None:
    stores = [Database(tmp_path / f"{number}.db") for number in range(8)]
    made = [EncryptionKeys(SqlStore(database), file, ACCOUNT) for database in stores]
    barrier = threading.Barrier(len(made))

    def first(keys: EncryptionKeys) -> None:
        barrier.wait()
        keys.create(REGION)

    threads = [threading.Thread(target=first, args=[keys]) for keys in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for database in stores:
        again = EncryptionKeys(SqlStore(database), file, ACCOUNT)
        (key,) = again.all(REGION)
        assert again.open_data_key(again.data_key(key.arn, {})[1], {})
        database.close()


def test_a_root_key_that_cannot_be_made_is_told(store: SqlStore, tmp_path: Path) -> None:
    keys = EncryptionKeys(store, tmp_path / "nowhere" / "kms.key", ACCOUNT)
    code, message = refused(lambda: keys.create(REGION))
    assert code == "KeyUnavailableException"
    assert "nowhere" in message
    assert not list(keys.all(REGION))
