"""What every store of records must hold to: subclass ``StoreContract`` and give it a ``store`` fixture."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from clary.store.base import Condition, Conflict, Query, Record, Store

DAY = datetime(2026, 1, 1, tzinfo=UTC)


def record(name: str = "a", **given: object) -> Record:
    return Record(**{"region": "r", "kind": "K", "name": name, "body": {"n": 1}, **given})  # type: ignore[arg-type]


def names(store: Store, *where: tuple[str, Any, Any], **query: Any) -> list[str]:
    """The names on all pages, joined."""
    query = {"limit": 2, **query}
    conditions = [Condition(*each) for each in where]
    after, found = None, []
    while True:
        records, after = store.page("r", "K", Query(where=conditions, after=after, **query))
        assert len(records) <= query["limit"]
        found += [each.name for each in records]
        if after is None:
            return found


def five(store: Store) -> None:
    """Made in an order that is neither that of their names nor that of their changes."""
    for number, name in enumerate(["b", "Da", "a", "c", "ä"]):
        body = {"n": number, "flag": number % 2 == 0, "deep": {"text": f"Text{number}"}, "list": [number, name]}
        if name == "c":
            del body["deep"]
        created = DAY + timedelta(days=number // 2)
        modified = DAY + timedelta(days=10 - number, milliseconds=number)
        status = "odd" if number % 2 else "even"
        store.create(record(name, body=body, created=created, modified=modified, status=status))
    store.create(record("z", region="elsewhere"))
    store.create(record("z", kind="L"))


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
        assert [r.name for r in store.scan("r", "K", without={"on", "gone"})] == ["c"]
        assert [r.name for r in store.scan("elsewhere", "K")] == []
        assert len(list(store.scan(None, "K"))) == 5

    def test_times_and_statuses_are_what_whoever_wrote_them_says(self, store: Store) -> None:
        first = store.create(record(created=DAY, modified=DAY, status="on"))
        store.put(replace(first, status="off", modified=DAY + timedelta(days=1)))
        found = store.get("r", "K", "a")
        assert found is not None
        assert (found.created, found.modified, found.status) == (DAY, DAY + timedelta(days=1), "off")

    def test_a_record_is_found_by_its_arn_in_any_case(self, store: Store) -> None:
        made = store.create(record("Name", arn="arn:x:name"))
        store.create(record("without"))
        assert store.find("arn:x:name") == made
        assert store.find("arn:x:NAME") == made
        assert store.find("arn:x:other") is None
        assert store.find("") is None
        store.delete(made)
        assert store.find("arn:x:name") is None

    def test_an_arn_is_taken_once(self, store: Store) -> None:
        store.create(record("Name", arn="arn:x:name"))
        with pytest.raises(Conflict):
            store.create(record("name", arn="arn:x:name"))
        assert store.get("r", "K", "name") is None

    @pytest.mark.parametrize(
        ("order", "wanted"),
        [
            ("name", ["Da", "a", "b", "c", "ä"]),
            ("created", ["Da", "b", "a", "c", "ä"]),
            ("modified", ["ä", "c", "a", "Da", "b"]),
            ("status", ["a", "b", "ä", "Da", "c"]),
            ("n", ["b", "Da", "a", "c", "ä"]),
            ("deep.text", ["c", "b", "Da", "a", "ä"]),
            ("nowhere", ["Da", "a", "b", "c", "ä"]),
        ],
    )
    def test_pages_joined_are_the_whole_in_order(self, store: Store, order: str, wanted: list[str]) -> None:
        five(store)
        assert names(store, order_by=order) == wanted
        assert names(store, order_by=order, limit=5) == wanted
        assert names(store, order_by=order, descending=True) == wanted[::-1]

    @pytest.mark.parametrize(
        ("condition", "wanted"),
        [
            (("name", "contains", "A"), "Da a"),
            (("name", "starts", "D"), "Da"),
            (("name", "=", "Da"), "Da"),
            (("status", "=", "odd"), "Da c"),
            (("status", "!=", "odd"), "a b ä"),
            (("created", ">=", DAY + timedelta(days=1)), "a c ä"),
            (("created", ">", DAY + timedelta(days=1)), "ä"),
            (("created", "<=", DAY), "Da b"),
            (("modified", "<", DAY + timedelta(days=8)), "c ä"),
            (("n", ">", 2), "c ä"),
            (("flag", "=", False), "Da c"),
            (("deep.text", "contains", "xT3"), ""),
            (("deep.text", "contains", "xT2"), "a"),
            (("deep.text", "!=", "Text2"), "Da b ä"),
            (("list", "has", "c"), "c"),
            (("name", "in", ["a", "c", "no"]), "a c"),
            (("name", "in", []), ""),
            (("list", "has", 0), "b"),
            (("nowhere", "=", 1), ""),
            (("name", "contains", "100%_"), ""),
        ],
        ids=str,
    )
    def test_conditions_choose(self, store: Store, condition: tuple[str, Any, Any], wanted: str) -> None:
        five(store)
        assert names(store, condition) == wanted.split()
        assert names(store, condition, ("kind", "=", "K")) == []  # no member of that name: both must hold

    def test_pages_hold_together_while_records_come_and_go(self, store: Store) -> None:
        five(store)
        first, after = store.page("r", "K", Query(order_by="created", limit=2))
        assert [r.name for r in first] == ["Da", "b"]
        store.delete(first[1])  # the one that the page ended at
        store.create(record("A", body={}, created=DAY))  # before it
        store.create(record("bb", body={}, created=DAY))  # after it
        rest, after = store.page("r", "K", Query(order_by="created", after=after))
        assert [r.name for r in rest] == ["bb", "a", "c", "ä"]
        assert after is None

    def test_a_position_goes_through_json(self, store: Store) -> None:
        five(store)
        for order in ("name", "created", "n", "deep.text"):
            _, after = store.page("r", "K", Query(order_by=order, limit=3))
            assert after is not None
            again = tuple(json.loads(json.dumps(after)))
            assert store.page("r", "K", Query(order_by=order, after=after)) == store.page(
                "r",
                "K",
                Query(order_by=order, after=again),  # type: ignore[arg-type]
            )

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
