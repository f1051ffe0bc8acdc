"""The key index against a plain model of S3's versions: whatever is put and deleted, in whatever state of the bucket."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clary.store.buckets import ENABLED, NEVER, SUSPENDED, BucketIndex
from clary.store.database import Database
from clary.store.keys import NULL, Entry, KeyIndex


@dataclass
class Model:
    """Each key's versions, the newest first: (version, blob or "" for a delete marker)."""

    versioning: str = NEVER
    keys: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def add(self, key: str, version: str, blob: str) -> None:
        kept = [item for item in self.keys.get(key, []) if item[0] != NULL or version != NULL]
        self.keys[key] = [(version, blob), *kept]

    def remove(self, key: str, version: str) -> None:
        self.keys[key] = [item for item in self.keys.get(key, []) if item[0] != version]

    def live(self) -> dict[str, str]:
        return {key: found[0][1] for key, found in sorted(self.keys.items()) if found and found[0][1]}

    def blobs(self) -> set[str]:
        return {blob for found in self.keys.values() for _, blob in found if blob}


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    folder: Path = tmp_path_factory.mktemp("versions")
    database = Database(folder / "clary.db")
    database._writer.execute("PRAGMA synchronous = OFF")  # a thousand small writes, none of them to outlive the test
    yield database
    database.close()


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.sampled_from("ab"), st.just(0)),
        st.tuples(st.just("delete"), st.sampled_from("ab"), st.just(0)),
        st.tuples(st.just("remove"), st.sampled_from("ab"), st.integers(0, 4)),
        st.tuples(st.sampled_from([ENABLED, SUSPENDED]), st.just(""), st.just(0)),
    ),
    max_size=20,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_the_index_does_as_the_model(database: Database, steps: list[tuple[str, str, int]]) -> None:
    buckets, keys, model = BucketIndex(database), KeyIndex(database), Model()
    for table in ("keys", "buckets"):
        statement = f"DELETE FROM {table}"
        database.write(lambda db, statement=statement: db.execute(statement).rowcount)  # type: ignore[misc]
    buckets.create("ward", "us-east-1")
    for number, (step, key, which) in enumerate(steps):
        before = model.blobs()
        freed: list[str] = []
        if step == "put":
            done, freed = keys.put(Entry(bucket="ward", key=key, blob=f"blob{number}", size=1, etag=""))
            assert (done.version == NULL) == (model.versioning != ENABLED)
            model.add(key, done.version, done.blob)
        elif step == "delete":
            (deleted,), freed = keys.delete("ward", [(key, "")])
            if model.versioning == NEVER:
                model.remove(key, NULL)
            else:
                assert (deleted.marker == NULL) == (model.versioning == SUSPENDED)
                model.add(key, deleted.marker, "")
        elif step == "remove":
            there = model.keys.get(key, [])
            version, blob = there[which] if which < len(there) else ("absent", "absent")
            (deleted,), freed = keys.delete("ward", [(key, version)])
            assert deleted.marker == ("" if blob else version)
            model.remove(key, version)
        else:
            buckets.set_versioning("ward", step)
            model.versioning = step
        assert set(freed) == before - model.blobs()
        _check(keys, model)


def _check(keys: KeyIndex, model: Model) -> None:
    assert {entry.key: entry.blob for entry in keys.all("ward")} == model.live()
    assert keys.in_use() == model.blobs()
    found: dict[str, list[tuple[str, str]]] = {}
    for entry in keys.all_versions("ward"):
        found.setdefault(entry.key, []).append((entry.version, entry.blob))
    assert found == {key: versions for key, versions in model.keys.items() if versions}
