"""What every store of records must hold to: subclass ``StoreContract`` and give it a ``store`` fixture."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from clary.store.base import Conflict, Record, Store


def record(name: str = "a", **given: object) -> Record:
    return Record(**{"region": "r", "kind": "K", "name": name, "body": {"n": 1}, **given})  # type: ignore[arg-type]


class StoreContract:
    def test_what_is_created_is_found(self, store: Store) -> None:
        made = store.create(record(body={"deep": {"list": [1, "ä", None, True]}}))
        assert store.get("r", "K", "a") == made
        assert made.body == {"deep": {"list": [1, "ä", None, True]}}

    def test_a_key_is_taken_once(self, store: Store) -> None:
        store.create(record())
        with pytest.raises(Conflict):
            store.create(record())
        store.create(record(region="other"))
        store.create(record(kind="L"))

    def test_a_record_does_not_change_after_it_was_read(self, store: Store) -> None:
        first = store.create(record())
        store.put(replace(first, body={"n": 2}))
        assert first.body == {"n": 1}

    def test_only_the_newest_version_is_written_over(self, store: Store) -> None:
        first = store.create(record())
        store.put(replace(first, body={"n": 2}))
        with pytest.raises(Conflict):
            store.put(replace(first, body={"n": 3}))
        with pytest.raises(Conflict):
            store.delete(first)

    def test_a_record_made_anew_is_not_taken_for_the_old_one(self, store: Store) -> None:
        first = store.create(record())
        store.delete(first)
        store.create(record())
        with pytest.raises(Conflict):
            store.put(first)

    def test_a_scan_is_in_the_order_of_names(self, store: Store) -> None:
        for name in ["b", "a", "ä", "B", "c"]:
            store.create(record(name, status="on" if name != "c" else "off"))
        assert [r.name for r in store.scan("r", "K")] == ["B", "a", "b", "c", "ä"]
        assert [r.name for r in store.scan("r", "K", status="off")] == ["c"]
        assert [r.name for r in store.scan("elsewhere", "K")] == []
        assert len(list(store.scan(None, "K"))) == 5

    def test_listeners_hear_of_every_change_once_it_can_be_read(self, store: Store) -> None:
        heard: list[tuple[str, str, bool]] = []

        def listen(changed: Record) -> None:
            heard.append((changed.name, changed.status, store.get(*changed.key) is not None))

        leave = store.subscribe(listen)
        first = store.create(record(status="on"))
        second = store.put(replace(first, status="off"))
        store.delete(second)
        leave()
        store.create(record("b"))
        assert heard == [("a", "on", True), ("a", "off", True), ("a", "Deleted", False)]

    def test_of_many_who_count_none_is_lost(self, store: Store) -> None:
        store.create(record())

        def count() -> None:
            for _ in range(20):
                while True:
                    current = store.get("r", "K", "a")
                    assert current is not None
                    try:
                        store.put(replace(current, body={"n": current.body["n"] + 1}))
                    except Conflict:
                        continue
                    break

        threads = [threading.Thread(target=count) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        final = store.get("r", "K", "a")
        assert final is not None
        assert final.body["n"] == 161
